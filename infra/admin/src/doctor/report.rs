//! A check, and the report of all checks.

use serde_json::{Value, json};

use crate::Output;
use crate::screen::visible;

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    /// It works, but lacks something that may be wanted.
    Warning {
        remedy: String,
    },
    Fault {
        remedy: String,
    },
    /// A precondition of the check is not met.
    Skipped,
}

#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
}

pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Ok, detail: detail.into() }
}

pub(super) fn fault(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Fault { remedy: remedy.into() }, detail: detail.into() }
}

pub(super) fn warning(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Warning { remedy: remedy.into() }, detail: detail.into() }
}

pub(super) fn skipped(name: &'static str, without: &str) -> Check {
    Check { name, outcome: Outcome::Skipped, detail: format!("not checked without {without}") }
}

pub(super) fn report(checks: &[Check]) -> Output {
    let mut text = String::new();
    let mut faults = 0;
    for Check { name, outcome, detail } in checks {
        let (mark, remedy) = match outcome {
            Outcome::Ok => ("ok", None),
            Outcome::Warning { remedy } => ("warning", Some(remedy)),
            Outcome::Fault { remedy } => ("FAULT", Some(remedy)),
            Outcome::Skipped => ("skipped", None),
        };
        text += &format!("{mark:<8} {name:<15} {}\n", visible(detail));
        if let Some(remedy) = remedy {
            faults += usize::from(matches!(outcome, Outcome::Fault { .. }));
            text += &format!("{:<24} remedy: {}\n", "", visible(remedy));
        }
    }
    let is_clean = checks.iter().all(|check| matches!(check.outcome, Outcome::Ok | Outcome::Warning { .. }));
    text += &match faults {
        0 if is_clean => "no problems found\n".to_owned(),
        faults => format!("problems found: {faults}\n"),
    };
    let checks = checks.iter().map(|Check { name, outcome, detail }| match outcome {
        Outcome::Ok => json!({ "check": name, "outcome": "ok", "detail": detail, "remedy": null }),
        Outcome::Warning { remedy } => {
            json!({ "check": name, "outcome": "warning", "detail": detail, "remedy": remedy })
        }
        Outcome::Fault { remedy } => {
            json!({ "check": name, "outcome": "fault", "detail": detail, "remedy": remedy })
        }
        Outcome::Skipped => json!({ "check": name, "outcome": "skipped", "detail": detail, "remedy": null }),
    });
    let json = json!({ "clean": is_clean, "checks": checks.collect::<Vec<Value>>() });
    Output { text, json, is_clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_printed_with_its_remedy() {
        let output =
            report(&[ok("table", "ciba can be reached"), fault("keys", "there are none", "create one")]);
        assert_eq!(
            output.text,
            "ok       table           ciba can be reached\n\
             FAULT    keys            there are none\n                         remedy: create one\nproblems found: 1\n"
        );
        assert!(!output.is_clean);
        assert_eq!(output.json["checks"][1]["remedy"], "create one");
    }

    #[test]
    fn what_was_not_looked_at_is_not_clean() {
        assert!(!report(&[skipped("keys", "the table")]).is_clean);
        assert!(report(&[ok("keys", "")]).is_clean);
    }
}
