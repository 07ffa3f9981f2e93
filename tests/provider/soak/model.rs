//! What a request may be in, as far as its client and its person can know, and which answers fit that.
//!
//! An answer of 503 leaves open whether the call was carried out, so what is known is a set of states. Calls that were made
//! at once happened in some order; each order that fits the answers counts. If none fits, the provider broke a promise.

use std::collections::BTreeSet;

/// What is asked of the provider about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Poll,
    Approve,
    Deny,
    /// The page's form.
    Decline,
    Report,
    TakeBack,
    CancelAsClient,
    CancelAsOperator,
    /// The same client asks the same person again.
    Supersede,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Done,
    Pending,
    SlowDown,
    Expired,
    Denied,
    /// `invalid_grant`: nothing is there to collect, or to cancel.
    Invalid,
    /// Somebody else was first, or it is too late.
    NotOpen,
    Unavailable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Is {
    Pending,
    Approved,
    Denied,
    CancelledByClient,
    Cancelled,
    /// Approved, and taken back before it was collected.
    TakenBack,
    Redeemed,
}

/// One state that fits all that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    pub is: Is,
    /// The person has reported the client.
    pub reported: bool,
    /// The person has taken their approval back.
    pub taken_back: bool,
}

/// What of the time matters for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub decidable: bool,
    pub expired: bool,
    /// The interval has surely passed.
    pub due: bool,
    /// The interval has surely not passed.
    pub early: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model(BTreeSet<State>);

impl Model {
    pub(super) fn pending() -> Self {
        Self(BTreeSet::from([State::new(Is::Pending)]))
    }

    pub(super) fn allows(&self, is: Is) -> bool {
        self.0.iter().any(|state| state.is == is)
    }

    pub(super) fn is_surely(&self, is: Is) -> bool {
        self.0.iter().all(|state| state.is == is)
    }

    pub(super) fn may_be_reported(&self) -> bool {
        self.0.iter().any(|state| state.reported)
    }

    /// Whether its tokens may be good for nothing.
    pub(super) fn may_be_ended(&self) -> bool {
        self.0.iter().any(|state| state.reported || state.taken_back)
    }

    pub(super) fn may_be_taken_back(&self) -> bool {
        self.0.iter().any(|state| state.taken_back)
    }

    pub(super) fn is_surely_taken_back(&self) -> bool {
        self.0.iter().all(|state| state.taken_back)
    }

    pub(super) fn is_surely_reported(&self) -> bool {
        self.0.iter().all(|state| state.reported)
    }

    /// What is known after these calls, made at once, and their answers. `None` if nothing explains them.
    pub(super) fn after(&self, calls: &[(Action, Said)], moment: Moment) -> Option<Self> {
        let polls = calls.iter().filter(|(action, _)| *action == Action::Poll);
        if polls.clone().filter(|(_, said)| *said == Said::Pending).count() > 1 {
            return None;
        }
        // Of polls at once all but one are too early, and that one may be told so too: if its answer was lost, another
        // has written over what it would be recognised by.
        let moment = Moment { due: moment.due && polls.count() == 1, ..moment };
        let mut after = BTreeSet::new();
        let explained = orders(calls).into_iter();
        for order in explained.chain(unrecognised(calls).iter().flat_map(|calls| orders(calls))) {
            let mut states = self.0.clone();
            for (action, said) in &order {
                states = states.iter().flat_map(|state| state.after(*action, *said, moment)).collect();
            }
            after.extend(states);
        }
        (!after.is_empty()).then_some(Self(after))
    }

    /// A push redeems by itself.
    pub(super) fn pushed(&mut self) {
        let approved = self.0.iter().filter(|state| state.is == Is::Approved);
        let redeemed: Vec<_> = approved.map(|state| State { is: Is::Redeemed, ..*state }).collect();
        self.0.extend(redeemed);
    }
}

impl State {
    const fn new(is: Is) -> Self {
        Self { is, reported: false, taken_back: false }
    }

    /// The states after `action` was answered so; none if it is not answered so in this state.
    fn after(self, action: Action, said: Said, moment: Moment) -> Vec<Self> {
        if said == Said::Unavailable {
            // It was carried out, or it was not.
            let done = self.effect(action, moment).map(|(_, after)| after);
            return [self].into_iter().chain(done).collect();
        }
        match self.effect(action, moment) {
            Some((answer, after)) if answer == said => vec![after],
            None if self.refusals(action, moment).contains(&said) => vec![self],
            Some(_) | None => vec![],
        }
    }

    /// What the action does, with its answer; nothing if it is refused.
    fn effect(self, action: Action, moment: Moment) -> Option<(Said, Self)> {
        let to = |is| Some((Said::Done, Self { is, ..self }));
        let open = self.is == Is::Pending && moment.decidable && !self.reported;
        match (action, self.is) {
            (Action::Poll, Is::Approved) if !moment.expired && !self.reported => to(Is::Redeemed),
            (Action::Poll, Is::Pending) if !moment.expired && moment.due => Some((Said::Pending, self)),
            (Action::Approve, Is::Pending) if open => to(Is::Approved),
            (Action::Approve, Is::Approved | Is::Redeemed) if !self.reported => to(self.is),
            (Action::Deny | Action::Decline, Is::Pending) if open => to(Is::Denied),
            (Action::Deny | Action::Decline, Is::Denied) => to(self.is),
            (Action::Report, Is::Pending) if open => {
                Some((Said::Done, Self { is: Is::Denied, reported: true, ..self }))
            }
            (Action::Report, _) => Some((Said::Done, Self { reported: true, ..self })),
            (Action::TakeBack, Is::Approved) if !moment.expired => {
                Some((Said::Done, Self { is: Is::TakenBack, taken_back: true, ..self }))
            }
            (Action::TakeBack, Is::Redeemed) => Some((Said::Done, Self { taken_back: true, ..self })),
            // Taking a denial back lets the client ask again, and leaves the request denied.
            (Action::TakeBack, Is::Denied) if !moment.expired => to(self.is),
            (Action::TakeBack, Is::TakenBack) => to(self.is),
            (Action::CancelAsClient, Is::Pending) if !moment.expired => to(Is::CancelledByClient),
            (Action::CancelAsClient, Is::CancelledByClient) => to(self.is),
            (Action::CancelAsOperator, Is::Pending) if !moment.expired => to(Is::Cancelled),
            (Action::Supersede, Is::Pending) => to(Is::Cancelled),
            (Action::Supersede, _) => to(self.is),
            (Action::Poll | Action::Approve | Action::Deny | Action::Decline, _)
            | (Action::TakeBack | Action::CancelAsClient | Action::CancelAsOperator, _) => None,
        }
    }

    /// How the action is refused where it has no effect.
    fn refusals(self, action: Action, moment: Moment) -> &'static [Said] {
        match action {
            Action::Poll => match self.is {
                Is::Redeemed => &[Said::Invalid],
                _ if moment.expired => &[Said::Expired],
                Is::Denied | Is::Cancelled | Is::CancelledByClient | Is::TakenBack | Is::Approved => {
                    &[Said::Denied]
                }
                Is::Pending if moment.early => &[Said::SlowDown],
                // The interval may have passed or not.
                Is::Pending => &[Said::Pending, Said::SlowDown],
            },
            Action::Approve | Action::Deny | Action::Decline | Action::TakeBack => &[Said::NotOpen],
            Action::CancelAsClient => &[Said::Invalid],
            Action::CancelAsOperator => &[Said::NotOpen],
            Action::Report | Action::Supersede => &[],
        }
    }
}

/// The same calls with one poll that collected, and was told that nothing is there: its answer was lost, and before it was
/// repeated the person took the approval back, which wrote over what it would be recognised by.
fn unrecognised(calls: &[(Action, Said)]) -> Option<Vec<(Action, Said)>> {
    let may_be_back = |(action, said): &(Action, Said)| {
        *action == Action::TakeBack && matches!(said, Said::Done | Said::Unavailable)
    };
    let told_so = calls.iter().position(|call| *call == (Action::Poll, Said::Invalid))?;
    let mut calls = calls.to_vec();
    calls[told_so].1 = Said::Done;
    calls.iter().any(may_be_back).then_some(calls)
}

/// Every order of the calls.
fn orders(calls: &[(Action, Said)]) -> Vec<Vec<(Action, Said)>> {
    if calls.len() <= 1 {
        return vec![calls.to_vec()];
    }
    let mut all: Vec<Vec<_>> = Vec::new();
    for first in 0..calls.len() {
        let mut rest = calls.to_vec();
        let head = rest.remove(first);
        for mut order in orders(&rest) {
            order.insert(0, head);
            if !all.contains(&order) {
                all.push(order);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment { decidable: true, expired: false, due: true, early: false };

    fn known(states: &[Is]) -> Model {
        Model(states.iter().map(|is| State::new(*is)).collect())
    }

    #[test]
    fn what_was_approved_is_not_pending_afterwards() {
        let approved = Model::pending().after(&[(Action::Approve, Said::Done)], NOW).expect("it fits");
        assert_eq!(approved, known(&[Is::Approved]));
        assert_eq!(approved.after(&[(Action::Poll, Said::Pending)], NOW), None, "the approval is lost");
        assert_eq!(approved.after(&[(Action::Poll, Said::Done)], NOW), Some(known(&[Is::Redeemed])));
    }

    #[test]
    fn what_was_not_answered_may_have_happened() {
        let unsure = Model::pending().after(&[(Action::Approve, Said::Unavailable)], NOW).expect("it fits");
        assert_eq!(unsure, known(&[Is::Pending, Is::Approved]));
        assert!(unsure.after(&[(Action::Poll, Said::Pending)], NOW).is_some());
        assert!(unsure.after(&[(Action::Poll, Said::Done)], NOW).is_some());
        assert_eq!(unsure.after(&[(Action::Poll, Said::Denied)], NOW), None);
    }

    #[test]
    fn of_polls_at_once_one_brings_tokens() {
        let approved = known(&[Is::Approved]);
        let (one, two) = ((Action::Poll, Said::Done), (Action::Poll, Said::Invalid));
        assert_eq!(approved.after(&[two, one, two], NOW), Some(known(&[Is::Redeemed])));
        assert_eq!(approved.after(&[one, one], NOW), None, "redeemed twice");
        let unanswered = (Action::Poll, Said::Unavailable);
        assert!(
            approved.after(&[two, unanswered], NOW).is_some(),
            "whoever was not answered may have had them"
        );
        assert_eq!(approved.after(&[two, two], NOW), None, "nobody has had them");
    }

    #[test]
    fn of_a_decision_and_its_rival_one_stands() {
        let both = [(Action::Approve, Said::Done), (Action::Deny, Said::Done)];
        assert_eq!(Model::pending().after(&both, NOW), None);
        let one = [(Action::Approve, Said::NotOpen), (Action::Deny, Said::Done)];
        assert_eq!(Model::pending().after(&one, NOW), Some(known(&[Is::Denied])));
        let neither = [(Action::Approve, Said::NotOpen), (Action::CancelAsClient, Said::Invalid)];
        assert_eq!(Model::pending().after(&neither, NOW), None);
    }

    #[test]
    fn a_poll_in_time_is_not_told_to_slow_down() {
        let pending = Model::pending();
        assert_eq!(pending.after(&[(Action::Poll, Said::SlowDown)], NOW), None);
        assert!(pending.after(&[(Action::Poll, Said::SlowDown)], Moment { due: false, ..NOW }).is_some());
        let early = Moment { due: false, early: true, ..NOW };
        assert!(pending.after(&[(Action::Poll, Said::SlowDown)], early).is_some());
        assert_eq!(
            pending.after(&[(Action::Poll, Said::Pending)], early),
            None,
            "not told that it is too early"
        );
        let at_once = [(Action::Poll, Said::SlowDown), (Action::Poll, Said::Pending)];
        assert!(pending.after(&at_once, NOW).is_some());
        assert_eq!(pending.after(&[at_once[1], at_once[1]], NOW), None, "both in time");
    }

    #[test]
    fn what_was_taken_back_brings_no_tokens() {
        let both = [(Action::TakeBack, Said::Done), (Action::Poll, Said::Done)];
        let after = known(&[Is::Approved]).after(&both, NOW).expect("the poll came first");
        assert!(after.is_surely(Is::Redeemed) && after.is_surely_taken_back());
        let back = known(&[Is::Approved]).after(&both[..1], NOW).expect("it fits");
        assert_eq!(back.after(&both[1..], NOW), None);
        assert!(back.after(&[(Action::Poll, Said::Denied)], NOW).is_some());
        assert_eq!(Model::pending().after(&both[..1], NOW), None, "there is nothing to take back");
    }

    #[test]
    fn a_poll_whose_answer_was_lost_is_not_known_after_taking_back() {
        let (back, poll) = ((Action::TakeBack, Said::Done), (Action::Poll, Said::Invalid));
        let approved = known(&[Is::Approved]);
        let after = approved.after(&[back, poll], NOW).expect("it was collected, and then taken back");
        assert!(after.is_surely(Is::Redeemed) && after.is_surely_taken_back());
        let unsure = approved.after(&[(Action::TakeBack, Said::Unavailable), poll], NOW).expect("it fits");
        assert!(unsure.is_surely(Is::Redeemed) && unsure.may_be_ended());
        assert_eq!(approved.after(&[poll], NOW), None, "nobody took it back");
        assert_eq!(
            approved.after(&[back, poll, (Action::Poll, Said::Done)], NOW).map(|it| it.0.len()),
            Some(1)
        );
        assert_eq!(known(&[Is::Denied]).after(&[back, poll], NOW), None, "there was nothing to collect");
    }

    #[test]
    fn a_report_ends_what_was_approved() {
        let reported = known(&[Is::Approved]).after(&[(Action::Report, Said::Done)], NOW).expect("it fits");
        assert_eq!(reported.after(&[(Action::Poll, Said::Done)], NOW), None);
        assert!(reported.after(&[(Action::Poll, Said::Denied)], NOW).is_some());
    }
}
