//! Statistics over many measurements of one thing.

/// Measurements of one thing, in one unit.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The 99th percentile; with fewer than a hundred measurements it is the maximum.
    pub fn p99(&self) -> f64 {
        self.quantile(0.99)
    }

    pub fn mean(&self) -> f64 {
        if self.0.is_empty() { f64::NAN } else { self.0.iter().sum::<f64>() / self.0.len() as f64 }
    }

    /// By nearest rank: always a measured value. NaN without measurements.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
        sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: impl IntoIterator<Item = u32>) -> Samples {
        Samples(values.into_iter().map(f64::from).collect())
    }

    #[test]
    fn a_quantile_is_a_value_that_was_measured_whatever_the_order() {
        let hundred = samples((1..=100).rev());
        assert_eq!((hundred.median(), hundred.p99(), hundred.quantile(1.0)), (50.0, 99.0, 100.0));
        assert_eq!(samples([3, 1, 2]).median(), 2.0);
    }

    #[test]
    fn of_few_measurements_the_99th_percentile_is_the_greatest() {
        assert_eq!(samples([7, 9, 8]).p99(), 9.0);
    }

    #[test]
    fn nothing_measured_is_no_number() {
        assert!(samples([]).median().is_nan() && samples([]).mean().is_nan());
        assert_eq!(samples([1, 2, 6]).mean(), 3.0);
    }
}
