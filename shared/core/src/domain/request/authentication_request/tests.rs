use proptest::prelude::*;

use super::*;
use crate::domain::base::authentication::Authentication;

const CREATED: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn client(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

fn alice() -> PersonKey {
    PersonKey::new("https://login.example", "alice")
}

fn after(seconds: f64) -> Timestamp {
    CREATED.plus(Duration::from_secs_f64(seconds))
}

fn pending() -> AuthenticationRequest {
    AuthenticationRequest {
        key: RequestKey::from_bytes([1; 16]),
        client: client("kiosk"),
        person: alice(),
        mode: DeliveryMode::Poll,
        scope: Scope::parse("openid profile").unwrap(),
        resources: vec![],
        acr_values: None,
        binding_message: None,
        lifetime: Lifetime { created_at: CREATED, expires_at: after(120.0), decide_until: after(113.0) },
        polling: Polling { interval: Duration::from_secs(5), next_poll_at: after(5.0) },
        handle_generation: 1,
        nonce: crate::domain::request::statement::Nonce::from_bytes([9; 16]),
        has_detail: false,
        state: State::Pending,
    }
}

fn approval(scope: &str, at: Timestamp) -> Approval {
    Approval {
        at,
        scope: Scope::parse(scope).unwrap(),
        authentication: Authentication { auth_time: at, acr: None, amr: vec![] },
    }
}

fn in_state(state: State) -> AuthenticationRequest {
    AuthenticationRequest { state, ..pending() }
}

fn approved() -> AuthenticationRequest {
    in_state(State::Approved(approval("openid", after(20.0))))
}

fn redeemed() -> AuthenticationRequest {
    in_state(State::Redeemed(Grant {
        approval: approval("openid", after(20.0)),
        redeemed_at: after(25.0),
        ends_at: after(600.0),
        refresh: None,
        details: Default::default(),
        properties: Default::default(),
        revoked_at: None,
    }))
}

fn denied() -> AuthenticationRequest {
    in_state(State::Denied { at: after(20.0) })
}

fn superseded() -> AuthenticationRequest {
    in_state(State::Cancelled { at: after(20.0), by: CancelledBy::Superseded })
}

fn cancelled() -> AuthenticationRequest {
    in_state(State::Cancelled { at: after(20.0), by: CancelledBy::Operator })
}

/// CIBA-10.1-03, CIBA-11-05, CIBA-11-06, CIBA-10.1.1-02, CIBA-10.1-10, CIBA-10.1-11, CIBA-11-07,
/// ATK-5-02: one table, in the order of precedence.
#[test]
fn a_poll_finds_what_takes_precedence() {
    let kiosk = client("kiosk");
    let approved_at_20 = approval("openid", after(20.0));
    for (request, at, finding) in [
        (pending(), 5.0, PollFinding::Pending),
        (pending(), 4.5, PollFinding::Pending),
        (pending(), 4.499, PollFinding::TooSoon),
        (pending(), 119.999, PollFinding::Pending),
        (pending(), 120.0, PollFinding::Expired),
        (approved(), 0.0, PollFinding::Approved(&approved_at_20)),
        (approved(), 119.999, PollFinding::Approved(&approved_at_20)),
        (approved(), 120.0, PollFinding::Expired),
        (denied(), 0.0, PollFinding::Refused),
        (denied(), 120.0, PollFinding::Expired),
        (superseded(), 21.0, PollFinding::Refused),
        (cancelled(), 21.0, PollFinding::Refused),
        (redeemed(), 26.0, PollFinding::AlreadyRedeemed),
        (redeemed(), 120.0, PollFinding::AlreadyRedeemed),
    ] {
        assert_eq!(poll(Some(&request), &kiosk, after(at)), finding, "{:?} at {at}", request.state);
        assert_eq!(poll(Some(&request), &client("other"), after(at)), PollFinding::NotYours);
    }
    assert_eq!(poll(None, &kiosk, CREATED), PollFinding::NotYours);
}

/// CIBA-10.1-12: it adds them to the interval and to the next poll.
#[test]
fn slow_down_adds_five_seconds_up_to_a_minute() {
    let mut polling = pending().polling;
    polling = polling.slowed_down();
    assert_eq!(polling, Polling { interval: Duration::from_secs(10), next_poll_at: after(10.0) });
    for _ in 0..20 {
        polling = polling.slowed_down();
    }
    assert_eq!(polling, Polling { interval: Duration::from_secs(60), next_poll_at: after(60.0) });
}

/// A client that is one second early each time is slowed down, and then served.
#[test]
fn a_client_that_is_always_a_little_early_gets_through() {
    let mut polling = pending().polling;
    let (mut wait, mut at, mut served) = (5.0, 0.0, false);
    for _ in 0..20 {
        at += wait - 1.0;
        if polling.is_due(after(at)) {
            served = true;
            break;
        }
        polling = polling.slowed_down();
        wait = 5.0;
    }
    assert!(served, "never served, the last poll at {at}");
}

/// ATK-4-07, CIBA-8-03, CIBA-8-05
#[test]
fn a_decision_counts_once_in_time_and_by_the_person_asked() {
    let approve = |scope| Decision::Approve(approval(scope, after(30.0)));
    let decide = |request: &AuthenticationRequest, decision: &Decision, at| {
        request.decide(&alice(), decision, after(at))
    };
    assert_eq!(
        decide(&pending(), &approve("openid"), 112.999),
        Ok(Transition::Now(State::Approved(approval("openid", after(30.0)))))
    );
    assert_eq!(
        decide(&pending(), &Decision::Deny, 1.0),
        Ok(Transition::Now(State::Denied { at: after(1.0) }))
    );
    assert_eq!(decide(&pending(), &Decision::Deny, 113.0), Err(DecisionRefused::TooLate));
    assert_eq!(decide(&pending(), &approve("openid email"), 1.0), Err(DecisionRefused::ScopeNotAsked));
    assert_eq!(decide(&pending(), &approve("profile"), 1.0), Err(DecisionRefused::OpenidMissing));

    assert_eq!(decide(&approved(), &approve("openid"), 200.0), Ok(Transition::Already));
    assert_eq!(decide(&redeemed(), &approve("openid"), 30.0), Ok(Transition::Already));
    assert_eq!(decide(&denied(), &Decision::Deny, 30.0), Ok(Transition::Already));
    assert_eq!(decide(&approved(), &approve("openid profile"), 30.0), Err(DecisionRefused::DecidedOtherwise));
    assert_eq!(decide(&approved(), &Decision::Deny, 30.0), Err(DecisionRefused::DecidedOtherwise));
    assert_eq!(decide(&denied(), &approve("openid"), 30.0), Err(DecisionRefused::DecidedOtherwise));
    assert_eq!(decide(&superseded(), &Decision::Deny, 30.0), Err(DecisionRefused::Cancelled));

    let mallory = PersonKey::new("https://login.example", "mallory");
    for request in [pending(), approved(), denied(), superseded(), redeemed()] {
        assert_eq!(
            request.decide(&mallory, &Decision::Deny, after(1.0)),
            Err(DecisionRefused::NotYours),
            "{:?}",
            request.state
        );
    }
}

#[derive(Clone, Debug)]
enum Step {
    Approve(bool),
    Deny,
    Supersede,
    Redeem(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Approve),
        Just(Step::Deny),
        Just(Step::Supersede),
        any::<bool>().prop_map(Step::Redeem),
    ]
}

proptest! {
    /// ATK-4-04, ATK-4-08, CIBA-10.1.1-02: whatever happens in whatever order, at most one redemption, none after
    /// expiry,
    /// none without an approval in time, and nothing leads out of a terminal state.
    #[test]
    fn at_most_one_redemption_and_terminal_states_absorb(
        steps in prop::collection::vec((step(), 0.0..200.0f64), 0..24)
    ) {
        let mut steps = steps;
        steps.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut request = pending();
        let mut redemptions = 0;
        for (step, at) in steps {
            let (before, now) = (request.state.clone(), after(at));
            match step {
                Step::Approve(all) => {
                    let scope = if all { "openid profile" } else { "openid" };
                    let decision = Decision::Approve(approval(scope, now));
                    if let Ok(Transition::Now(next)) = request.decide(&alice(), &decision, now) {
                        prop_assert!(now < request.lifetime.decide_until);
                        request.state = next;
                    }
                }
                Step::Deny => {
                    if let Ok(Transition::Now(next)) = request.decide(&alice(), &Decision::Deny, now) {
                        request.state = next;
                    }
                }
                Step::Supersede => {
                    if request.state == State::Pending {
                        request.state = State::Cancelled { at: now, by: CancelledBy::Superseded };
                    }
                }
                Step::Redeem(own) => {
                    let who = client(if own { "kiosk" } else { "other" });
                    if let Some(grant) = request.redeem(&who, now, now, None) {
                        prop_assert!(own && now < request.lifetime.expires_at);
                        prop_assert!(grant.approval.at < request.lifetime.decide_until);
                        redemptions += 1;
                        request.state = State::Redeemed(grant);
                    }
                }
            }
            match before {
                State::Denied { .. } | State::Cancelled { .. } | State::Redeemed(_) => {
                    prop_assert_eq!(&request.state, &before);
                }
                State::Approved(_) => {
                    prop_assert!(matches!(request.state, State::Approved(_) | State::Redeemed(_)));
                }
                State::Pending => {}
            }
        }
        prop_assert!(redemptions <= 1);
    }
}

/// ATK-4-07, ATK-4-08: whoever is first stands, and what is over is over.
#[test]
fn only_an_undecided_unexpired_request_can_be_cancelled() {
    let already = |by| CancelFinding::Already { by, at: after(20.0) };
    for (request, at, finding) in [
        (pending(), 0.0, CancelFinding::Pending),
        (pending(), 115.0, CancelFinding::Pending),
        (pending(), 119.999, CancelFinding::Pending),
        (pending(), 120.0, CancelFinding::Expired),
        (approved(), 21.0, CancelFinding::Decided(StateName::Approved)),
        (approved(), 120.0, CancelFinding::Decided(StateName::Approved)),
        (denied(), 21.0, CancelFinding::Decided(StateName::Denied)),
        (redeemed(), 26.0, CancelFinding::Decided(StateName::Redeemed)),
        (superseded(), 21.0, already(CancelledBy::Superseded)),
        (cancelled(), 21.0, already(CancelledBy::Operator)),
        (cancelled(), 120.0, already(CancelledBy::Operator)),
    ] {
        let (kiosk, other) = (client("kiosk"), client("other"));
        let found = |canceller| cancel(Some(&request), canceller, after(at));
        assert_eq!(found(Canceller::Operator), finding, "{:?} at {at}", request.state);
        assert_eq!(found(Canceller::Client(&kiosk)), finding, "{:?} at {at}", request.state);
        assert_eq!(found(Canceller::Client(&other)), CancelFinding::NotYours);
    }
    assert_eq!(cancel(None, Canceller::Operator, CREATED), CancelFinding::NotYours);
}

#[test]
fn who_cancelled_is_read_as_it_was_written() {
    for by in CancelledBy::ALL {
        assert_eq!(CancelledBy::parse(by.as_str()), Some(by));
    }
    assert_eq!(CancelledBy::parse("somebody"), None);
}

/// ATK-4-07: what is left of an answer can be taken back by the person, once.
#[test]
fn an_answer_is_taken_back_while_something_is_left_of_it() {
    let person = alice();
    let revoked = |at: f64| {
        let State::Redeemed(grant) = redeemed().state else { panic!("a grant") };
        State::Redeemed(Grant { revoked_at: Some(after(at)), ..grant })
    };
    let by_person = State::Cancelled { at: after(30.0), by: CancelledBy::Person };
    for (request, seconds, expected) in [
        (approved(), 30.0, Ok(Transition::Now(by_person.clone()))),
        (approved(), 120.0, Err(DecisionRefused::TooLate)),
        (redeemed(), 30.0, Ok(Transition::Now(revoked(30.0)))),
        (in_state(revoked(20.0)), 30.0, Ok(Transition::Already)),
        (in_state(by_person), 30.0, Ok(Transition::Already)),
        (denied(), 30.0, Ok(Transition::Already)),
        (denied(), 120.0, Err(DecisionRefused::TooLate)),
        (pending(), 30.0, Err(DecisionRefused::NotAnswered)),
        (superseded(), 30.0, Err(DecisionRefused::Cancelled)),
        (cancelled(), 30.0, Err(DecisionRefused::Cancelled)),
    ] {
        let taken = request.take_back(&person, after(seconds));
        assert_eq!(taken, expected, "{:?} at {seconds}", request.state);
        let other = PersonKey::from_stored("bob");
        assert_eq!(request.take_back(&other, after(seconds)), Err(DecisionRefused::NotYours));
    }
    let State::Redeemed(grant) = redeemed().state else { panic!("a grant") };
    assert_eq!(redeemed().take_back(&person, grant.ends_at), Err(DecisionRefused::TooLate));
}
