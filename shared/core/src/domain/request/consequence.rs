//! The consequence of a decision for its request.

use crate::domain::base::time::Timestamp;
use crate::domain::person::asks::Asks;
use crate::domain::request::authentication_request::{AuthenticationRequest, State, Transition};
use crate::domain::request::decision::{DecisionRefused, DecisionWord};
use crate::domain::request::evidence::Outcome;

/// The consequence of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The decision is recorded. `next` is the request's new state; `None` if the request is unchanged.
    Recorded { next: Option<State>, outcome: Outcome },
    /// The decision was already recorded, so there is nothing to do.
    Already,
}

/// The consequence of the decision `word`, for which the state machine returned `transition`.
///
/// A report counts even if the request is no longer open: it ends all access that the client has. `is_blocked` is
/// whether the person has already blocked the client.
///
/// # Errors
/// The reason why the request cannot be decided.
pub fn consequence(
    transition: Result<Transition, DecisionRefused>,
    word: DecisionWord,
    is_blocked: bool,
) -> Result<Consequence, DecisionRefused> {
    let recorded = |next, outcome| Ok(Consequence::Recorded { next, outcome });
    match (transition, word) {
        (Ok(Transition::Now(next)), DecisionWord::Approve) => recorded(Some(next), Outcome::Approved),
        (Ok(Transition::Now(next)), DecisionWord::Deny) => recorded(Some(next), Outcome::Denied),
        (Ok(Transition::Now(next)), DecisionWord::Report) => recorded(Some(next), Outcome::Reported),
        (Ok(Transition::Already) | Err(_), DecisionWord::Report) if is_blocked => Ok(Consequence::Already),
        (Ok(Transition::Already) | Err(_), DecisionWord::Report) => recorded(None, Outcome::Reported),
        (Ok(Transition::Now(next)), DecisionWord::TakeBack) => recorded(Some(next), Outcome::TakenBack),
        (Ok(Transition::Already), DecisionWord::Approve | DecisionWord::Deny | DecisionWord::TakeBack) => {
            Ok(Consequence::Already)
        }
        (Err(refused), DecisionWord::Approve | DecisionWord::Deny | DecisionWord::TakeBack) => Err(refused),
    }
}

/// The consequence if the person of `request` takes their answer back.
///
/// Taking back a denial lets the client ask again at once, unless a later denial made it wait. It never lifts a block:
/// otherwise an attacker could talk the person into it and ask again.
///
/// # Errors
/// The reason why nothing can be taken back.
pub fn taking_back(
    request: &AuthenticationRequest,
    asks: &Asks,
    now: Timestamp,
) -> Result<Consequence, DecisionRefused> {
    let transition = request.take_back(&request.person, now)?;
    let State::Denied { at } = request.state else {
        return consequence(Ok(transition), DecisionWord::TakeBack, false);
    };
    if asks.blocked_at(&request.client).is_some() {
        return Err(DecisionRefused::DecidedOtherwise);
    }
    if asks.wait_since(&request.client, at, now) {
        return Ok(Consequence::Recorded { next: None, outcome: Outcome::TakenBack });
    }
    // A later denial makes the client wait, and has to be taken back itself.
    match asks.cool_until(&request.client) {
        Some(until) if now < until => Err(DecisionRefused::DecidedOtherwise),
        Some(_) | None => Ok(Consequence::Already),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::time::Timestamp;

    /// CIBA-8-01, ATK-1-04
    #[test]
    fn a_decision_is_recorded_once_and_a_report_always_counts() {
        use DecisionWord::{Approve, Deny, Report, TakeBack};
        let next = State::Denied { at: Timestamp::from_seconds(1) };
        let now = || Ok(Transition::Now(next.clone()));
        let recorded = |next, outcome| Ok(Consequence::Recorded { next, outcome });
        let by_now = |outcome| recorded(Some(next.clone()), outcome);
        let late = DecisionRefused::TooLate;
        for (transition, word, is_blocked, expected) in [
            (now(), Approve, false, by_now(Outcome::Approved)),
            (now(), Deny, false, by_now(Outcome::Denied)),
            (now(), Deny, true, by_now(Outcome::Denied)),
            (now(), Report, false, by_now(Outcome::Reported)),
            (now(), Report, true, by_now(Outcome::Reported)),
            (Ok(Transition::Already), Approve, false, Ok(Consequence::Already)),
            (Ok(Transition::Already), Deny, true, Ok(Consequence::Already)),
            (Ok(Transition::Already), Report, false, recorded(None, Outcome::Reported)),
            (Ok(Transition::Already), Report, true, Ok(Consequence::Already)),
            (Err(late), Approve, false, Err(late)),
            (Err(late), Deny, false, Err(late)),
            (Err(late), Report, false, recorded(None, Outcome::Reported)),
            (Err(late), Report, true, Ok(Consequence::Already)),
            (now(), TakeBack, false, by_now(Outcome::TakenBack)),
            (now(), TakeBack, true, by_now(Outcome::TakenBack)),
            (Ok(Transition::Already), TakeBack, false, Ok(Consequence::Already)),
            (Err(late), TakeBack, false, Err(late)),
        ] {
            let described = format!("{transition:?} {word:?} {is_blocked}");
            assert_eq!(consequence(transition, word, is_blocked), expected, "{described}");
        }
    }
}
