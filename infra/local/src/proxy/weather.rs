//! Random faults, as in a bad hour of a network: drawn from a seed, call by call.
//!
//! The seed determines what is drawn. Which call is affected depends on the order in which calls arrive.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::fault::{Fault, Loss, Refusal};
use crate::disorder::Random;

/// The number of calls that `Odds` refer to.
const OF: usize = 10_000;
/// How many consecutive calls an outage refuses: more than an SDK's attempts, so that its caller gets an error.
const OUTAGE: usize = 8;
/// The longest delay of a call, and the longest time after which a call is repeated. Unit: ms.
const LONGEST_DELAY: usize = 40;
const LONGEST_ECHO: usize = 400;

/// How many of 10,000 calls each fault affects. All 0 by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Odds {
    /// Refused because the table or the account is throttled; in a transaction also because of one of its parts.
    pub busy: usize,
    /// 500 before the call is carried out.
    pub internal_error: usize,
    /// The connection ends before the call is carried out.
    pub reset: usize,
    /// No response, and nothing is carried out.
    pub silence: usize,
    /// Another transaction holds an item.
    pub conflict: usize,
    /// A batch leaves keys unprocessed.
    pub left_over: usize,
    /// Carried out, but the response is lost with the connection or turned into a 500.
    pub lost: usize,
    /// Carried out, but there is no response.
    pub lost_in_silence: usize,
    /// Carried out twice.
    pub twice: usize,
    /// Carried out late.
    pub delayed: usize,
    /// This call and the next ones of its operation are refused.
    pub outage: usize,
}

/// The weather from now on.
#[derive(Debug, Clone)]
pub struct Weather {
    odds: Odds,
    random: Random,
    /// How many more calls of each operation its outage refuses.
    outages: HashMap<String, usize>,
    pub(super) report: WeatherReport,
}

/// How often each fault occurred.
pub type WeatherReport = BTreeMap<&'static str, u64>;

impl Weather {
    pub fn new(seed: u64, odds: Odds) -> Self {
        Self { odds, random: Random::new(seed), outages: HashMap::new(), report: WeatherReport::new() }
    }

    /// The fault of a call of `operation` on this number of items.
    pub(super) fn next(&mut self, operation: &str, items: usize) -> Option<Fault> {
        if let Some(left) = self.outages.get_mut(operation).filter(|left| **left > 0) {
            *left -= 1;
            return Some(self.count("outage", Fault::Refuse(Refusal::InternalServerError)));
        }
        let drawn = self.draw()?;
        let fault = self.fault(drawn, operation, items)?;
        Some(self.count(drawn, fault))
    }

    /// The name of a fault, usually `None`.
    fn draw(&mut self) -> Option<&'static str> {
        let odds = self.odds;
        let faults = [
            (odds.busy, Some("busy")),
            (odds.internal_error, Some("500")),
            (odds.reset, Some("reset")),
            (odds.silence, Some("silence")),
            (odds.conflict, Some("conflict")),
            (odds.left_over, Some("left over")),
            (odds.lost, Some("lost answer")),
            (odds.lost_in_silence, Some("lost in silence")),
            (odds.twice, Some("twice")),
            (odds.delayed, Some("delayed")),
            (odds.outage, Some("outage")),
        ];
        let all: usize = faults.iter().map(|(odds, _)| odds).sum();
        let fair = [(OF.saturating_sub(all), None)];
        self.random.choose(&[&faults[..], &fair].concat())
    }

    /// The fault with this name, if it can happen to this call.
    fn fault(&mut self, name: &str, operation: &str, items: usize) -> Option<Fault> {
        let is_transaction = operation == "TransactWriteItems";
        let is_write = is_transaction || matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem");
        let at = self.random.below(items);
        Some(match name {
            "busy" if is_transaction && self.random.below(2) == 0 => {
                Fault::Refuse(Refusal::Cancelled { at, reason: "ThrottlingError".to_owned() })
            }
            "busy" => Fault::Refuse(self.busy()),
            "500" => Fault::Refuse(Refusal::InternalServerError),
            "reset" => Fault::Refuse(Refusal::Reset),
            "silence" => Fault::Refuse(Refusal::Silence),
            "conflict" if is_write => Fault::Refuse(Refusal::TransactionConflict { at }),
            "left over" if operation == "BatchGetItem" => Fault::LeaveOver { read: at.max(1) },
            "lost answer" if self.random.below(2) == 0 => Fault::Lose(Loss::Connection),
            "lost answer" => Fault::Lose(Loss::InternalServerError),
            "lost in silence" => Fault::Lose(Loss::Silence),
            "twice" if is_write => Fault::Twice { after: self.up_to(LONGEST_ECHO) },
            "delayed" => Fault::Delay(self.up_to(LONGEST_DELAY)),
            "outage" => {
                self.outages.insert(operation.to_owned(), OUTAGE - 1);
                Fault::Refuse(Refusal::InternalServerError)
            }
            _ => return None,
        })
    }

    fn busy(&mut self) -> Refusal {
        let ways =
            [Refusal::ProvisionedThroughputExceeded, Refusal::Throttling, Refusal::RequestLimitExceeded];
        let way = self.random.below(ways.len());
        ways[way].clone()
    }

    fn up_to(&mut self, most: usize) -> Duration {
        Duration::from_millis(u64::try_from(self.random.below(most)).unwrap_or_default())
    }

    fn count(&mut self, name: &'static str, fault: Fault) -> Fault {
        *self.report.entry(name).or_default() += 1;
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Odds = Odds {
        busy: 500,
        internal_error: 500,
        reset: 500,
        silence: 500,
        conflict: 500,
        left_over: 500,
        lost: 500,
        lost_in_silence: 500,
        twice: 500,
        delayed: 500,
        outage: 100,
    };

    fn faults(seed: u64, odds: Odds) -> Vec<Option<Fault>> {
        let mut weather = Weather::new(seed, odds);
        (0..2_000).map(|_| weather.next("TransactWriteItems", 3)).collect()
    }

    #[test]
    fn a_seed_repeats_its_weather() {
        assert_eq!(faults(1, BAD), faults(1, BAD));
        assert_ne!(faults(1, BAD), faults(2, BAD));
        assert!(faults(1, Odds::default()).iter().all(Option::is_none), "fair weather by default");
    }

    #[test]
    fn every_fault_comes_and_is_counted() {
        let mut weather = Weather::new(5, BAD);
        let mut met: u64 = 0;
        for operation in ["TransactWriteItems", "BatchGetItem", "UpdateItem"].into_iter().cycle().take(6_000)
        {
            met += u64::from(weather.next(operation, 3).is_some());
        }
        assert_eq!(weather.report.len(), 11, "{:?}", weather.report);
        assert_eq!(weather.report.values().sum::<u64>(), met);
    }

    #[test]
    fn an_outage_refuses_the_next_calls_of_its_operation() {
        let mut weather = Weather::new(1, Odds { outage: OF, ..Odds::default() });
        for _ in 0..OUTAGE {
            let fault = weather.next("GetItem", 1);
            assert_eq!(fault, Some(Fault::Refuse(Refusal::InternalServerError)));
            weather.odds = Odds::default();
        }
        assert_eq!(weather.next("GetItem", 1), None);
    }
}
