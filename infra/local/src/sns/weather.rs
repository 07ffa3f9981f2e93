//! Random temporary failures: drawn from a seed, message by message.

use std::time::Duration;

use super::Failure;
use crate::disorder::Random;

const OF: usize = 10_000;
/// How many consecutive messages an outage refuses: more than an SDK's attempts.
const OUTAGE: u32 = 8;

/// The weather from now on.
#[derive(Debug, Clone)]
pub struct Weather {
    /// How many of 10,000 messages each kind of failure affects.
    odds: usize,
    random: Random,
    outage: u32,
    pub(super) made: u64,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Fair,
    Throttled,
    InternalError,
    AnswerLost,
    Slow,
    Outage,
}

impl Weather {
    /// Of 10,000 messages, `odds` are throttled, as many get a 500, and so on for each kind of temporary failure.
    pub fn new(seed: u64, odds: usize) -> Self {
        Self { odds, random: Random::new(seed), outage: 0, made: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Failure> {
        let failure = self.draw();
        self.made += u64::from(failure.is_some());
        failure
    }

    fn draw(&mut self) -> Option<Failure> {
        if let Some(left) = self.outage.checked_sub(1) {
            self.outage = left;
            return Some(Failure::InternalError);
        }
        let odds = self.odds;
        let kinds = [Kind::Throttled, Kind::InternalError, Kind::AnswerLost, Kind::Slow, Kind::Outage];
        let fair = (OF.saturating_sub(odds * kinds.len()), Kind::Fair);
        let weighted: Vec<_> = kinds.into_iter().map(|kind| (odds, kind)).chain([fair]).collect();
        Some(match self.random.choose(&weighted) {
            Kind::Fair => return None,
            Kind::Throttled => Failure::Throttled,
            Kind::InternalError => Failure::InternalError,
            Kind::AnswerLost => Failure::AnswerLost,
            Kind::Slow => Failure::Hang(Duration::from_millis(50)),
            Kind::Outage => {
                self.outage = OUTAGE - 1;
                Failure::InternalError
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(seed: u64) -> Vec<Option<Failure>> {
        let mut weather = Weather::new(seed, 500);
        (0..500).map(|_| weather.next()).collect()
    }

    #[test]
    fn a_seed_repeats_its_weather() {
        assert_eq!(failures(1), failures(1));
        assert_ne!(failures(1), failures(2));
        for failure in [Failure::Throttled, Failure::InternalError, Failure::AnswerLost] {
            assert!(failures(1).contains(&Some(failure.clone())), "{failure:?}");
        }
    }

    #[test]
    fn an_outage_outlasts_the_tries_of_an_sdk() {
        let mut weather = Weather::new(1, OF / 5);
        while weather.outage == 0 {
            weather.next();
        }
        for _ in 1..OUTAGE {
            assert_eq!(weather.next(), Some(Failure::InternalError));
        }
    }
}
