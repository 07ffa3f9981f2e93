//! An amount of money, as the client sent it.

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

use super::format;

/// A decimal number and the code of its currency (ISO 4217).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    pub value: String,
    pub currency: String,
}

impl Money {
    /// `None` if the value is not a decimal number or the currency not a code of three capital letters.
    pub fn new(value: &str, currency: &str) -> Option<Self> {
        let is_fit = format::is_decimal(value) && format::is_currency(currency);
        is_fit.then(|| Self { value: value.to_owned(), currency: currency.to_owned() })
    }

    pub fn words(&self, tag: &str) -> String {
        format::money(tag, &self.value, &self.currency)
    }

    /// The sum, exact to the last digit. `None` if there are no amounts, if there are several currencies, or if an
    /// amount is negative, because a sum would hide what it consists of.
    pub fn sum<'a>(amounts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let amounts: Vec<_> = amounts.into_iter().collect();
        let currency = &amounts.first()?.currency;
        let parts = |amount: &&'a Self| amount.value.split_once('.').unwrap_or((&amount.value, ""));
        let digits = amounts.iter().map(|amount| parts(amount).1.len()).max()?;
        let mut total = BigUint::ZERO;
        for amount in &amounts {
            let (whole, fraction) = parts(amount);
            let units: BigUint = format!("{whole}{fraction:0<digits$}").parse().ok()?;
            total += (amount.currency == *currency).then_some(units)?;
        }
        let units = format!("{total:0>width$}", width = digits + 1);
        let (whole, fraction) = units.split_at_checked(units.len() - digits)?;
        let point = if fraction.is_empty() { "" } else { "." };
        Self::new(&format!("{whole}{point}{fraction}"), currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(amounts: &[(&str, &str)]) -> Option<String> {
        let amounts: Vec<_> = amounts.iter().map(|it| Money::new(it.0, it.1).unwrap()).collect();
        Money::sum(&amounts).map(|total| format!("{} {}", total.value, total.currency))
    }

    #[test]
    fn amounts_of_one_currency_are_added_exactly() {
        for (amounts, total) in [
            (&[("0.10", "EUR"), ("0.20", "EUR")][..], "0.30 EUR"),
            (&[("0.005", "EUR"), ("0.5", "EUR"), ("10", "EUR")], "10.505 EUR"),
            (&[("9007199254740993", "JPY"), ("1", "JPY")], "9007199254740994 JPY"),
            (&[("0.00", "EUR"), ("0", "EUR")], "0.00 EUR"),
            (&[("99.99", "EUR"), ("0.01", "EUR")], "100.00 EUR"),
            (&[("7", "EUR")], "7 EUR"),
        ] {
            assert_eq!(sum(amounts).as_deref(), Some(total));
        }
    }

    #[test]
    fn amounts_that_do_not_add_up_have_no_sum() {
        for amounts in
            [&[][..], &[("1", "EUR"), ("1", "USD")], &[("10", "EUR"), ("-3", "EUR")], &[("-1", "EUR")]]
        {
            assert_eq!(sum(amounts), None, "{amounts:?}");
        }
        assert!(Money::new("1,50", "EUR").is_none() && Money::new("1.50", "€").is_none());
    }
}
