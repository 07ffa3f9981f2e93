//! What is counted, and what was found.

use std::collections::BTreeMap;
use std::fmt;

/// How many findings are printed.
const SHOWN: usize = 20;

/// The result of a soak, or of a part of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
    /// Promises that were broken, in words.
    findings: Vec<String>,
}

impl Tally {
    pub(super) fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    pub(super) fn faults(&mut self, what: &str, count: u64) {
        *self.faults.entry(what.to_owned()).or_default() += count;
    }

    pub(super) fn found(&mut self, what: String) {
        self.findings.push(what);
    }

    pub(super) fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    /// How many faults of a kind were made.
    pub(super) fn made(&self, what: &str) -> u64 {
        self.faults.get(what).copied().unwrap_or_default()
    }

    pub(super) fn findings(&self) -> &[String] {
        &self.findings
    }

    pub(super) fn add(&mut self, other: Self) {
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        for (what, count) in other.faults {
            *self.faults.entry(what).or_default() += count;
        }
        self.findings.extend(other.findings);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, counts) in [("counted", &self.counts), ("faults made", &self.faults)] {
            writeln!(f, "{title}:")?;
            for (what, count) in counts {
                writeln!(f, "  {count:>8}  {what}")?;
            }
        }
        writeln!(f, "broken promises: {}", self.findings.len())?;
        for finding in self.findings.iter().take(SHOWN) {
            writeln!(f, "  {finding}")?;
        }
        Ok(())
    }
}
