use super::*;
use crate::domain::base::authentication::Authentication;
use crate::domain::base::person_key::PersonKey;
use crate::domain::request::decision::Approval;
use crate::domain::request::grant::{Grant, Refreshing};
use crate::domain::request::lifetime::Lifetime;
use crate::domain::request::statement::Nonce;

const CREATED: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn after(seconds: f64) -> Timestamp {
    CREATED.plus(Duration::from_secs_f64(seconds))
}

fn client() -> ClientId {
    ClientId::parse("kiosk").unwrap()
}

fn person() -> PersonKey {
    PersonKey::new("https://login.example", "alice")
}

fn in_state(state: State) -> Box<AuthenticationRequest> {
    Box::new(AuthenticationRequest {
        key: RequestKey::from_bytes([1; 16]),
        client: client(),
        person: person(),
        mode: DeliveryMode::Ping,
        scope: Scope::parse("openid profile").unwrap(),
        resources: vec![],
        acr_values: None,
        binding_message: None,
        lifetime: Lifetime { created_at: CREATED, expires_at: after(120.0), decide_until: after(113.0) },
        polling: crate::domain::request::authentication_request::Polling {
            interval: Duration::from_secs(5),
            next_poll_at: after(5.0),
        },
        handle_generation: 1,
        nonce: Nonce::from_bytes([9; 16]),
        has_detail: false,
        state,
    })
}

fn approval() -> Approval {
    let authentication = Authentication {
        auth_time: after(1.0),
        acr: Some("urn:acr".to_owned()),
        amr: vec!["hwk".to_owned()],
    };
    Approval { at: after(7.5), scope: Scope::parse("openid").unwrap(), authentication }
}

fn grant(counter: u32, idle_until: f64, revoked_at: Option<f64>) -> State {
    State::Redeemed(Grant {
        approval: approval(),
        redeemed_at: after(9.0),
        ends_at: after(9000.0),
        refresh: Some(Refreshing {
            counter,
            rotated_at: after(10.0 * f64::from(counter + 1)),
            idle_until: after(idle_until),
            ends_at: after(8000.0),
        }),
        details: Default::default(),
        properties: Default::default(),
        revoked_at: revoked_at.map(after),
    })
}

fn cancelled(by: CancelledBy) -> State {
    State::Cancelled { at: after(4.0), by }
}

/// When the table recorded it, for events without a time of their own.
const RECORDED: f64 = 77.0;

/// The time and content of each event of a move.
fn moved(old: State, new: State) -> Vec<(Timestamp, What)> {
    let change = Change::Moved(in_state(old), in_state(new));
    let events = events(&change, after(RECORDED));
    let about = About::of(&in_state(State::Pending));
    assert!(events.iter().all(|event| event.about == about), "{events:?}");
    events.into_iter().map(|event| (event.at, event.what)).collect()
}

fn states() -> Vec<State> {
    vec![
        State::Pending,
        State::Approved(approval()),
        State::Denied { at: after(3.0) },
        cancelled(CancelledBy::Superseded),
        cancelled(CancelledBy::Operator),
        cancelled(CancelledBy::Client),
        grant(0, 1000.0, None),
        grant(0, 2000.0, None),
        grant(1, 2000.0, None),
        grant(0, 1000.0, Some(30.0)),
        grant(1, 2000.0, Some(30.0)),
        cancelled(CancelledBy::Person),
    ]
}

/// HYG-5-03: what each write of the state machine says, and that no other move says anything.
#[test]
fn every_transition_has_its_events_and_no_other_move_has_one() {
    let secs = Duration::from_secs_f64;
    let scope = || Scope::parse("openid").unwrap();
    let approved = What::Approved { scope: scope(), acr: Some("urn:acr".to_owned()), after: secs(7.5) };
    let redeemed = (after(9.0), What::Redeemed { scope: scope(), ends_at: after(9000.0) });
    let revoked = (after(30.0), What::Revoked);
    let used = (after(RECORDED), What::Refreshed { rotated: false });
    let rotated = (after(20.0), What::Refreshed { rotated: true });
    let cancel = |by| (after(4.0), What::Cancelled { by, after: secs(4.0) });
    let expected = [
        (0, 1, vec![(after(7.5), approved)]),
        (0, 2, vec![(after(3.0), What::Denied { after: secs(3.0) })]),
        (0, 3, vec![(after(4.0), What::Superseded { after: secs(4.0) })]),
        (0, 4, vec![cancel(CancelledBy::Operator)]),
        (0, 5, vec![cancel(CancelledBy::Client)]),
        (1, 6, vec![redeemed.clone()]),
        (1, 7, vec![redeemed.clone()]),
        (1, 8, vec![redeemed.clone()]),
        // A push that could not be delivered.
        (1, 9, vec![redeemed.clone(), revoked.clone()]),
        (1, 10, vec![redeemed, revoked.clone()]),
        // Taken back before the client collected it.
        (1, 11, vec![cancel(CancelledBy::Person)]),
        (6, 7, vec![used.clone()]),
        (6, 8, vec![rotated.clone()]),
        (7, 8, vec![rotated.clone()]),
        (6, 9, vec![revoked.clone()]),
        (7, 9, vec![used.clone(), revoked.clone()]),
        (6, 10, vec![rotated.clone(), revoked.clone()]),
        (7, 10, vec![rotated.clone(), revoked.clone()]),
        (8, 10, vec![revoked.clone()]),
    ];
    let states = states();
    // These transitions do not occur, so any result is acceptable.
    let unreachable = [
        (0, 11),
        (7, 6),
        (8, 6),
        (8, 7),
        (8, 9),
        (9, 6),
        (9, 7),
        (9, 8),
        (9, 10),
        (10, 6),
        (10, 7),
        (10, 8),
        (10, 9),
    ];
    for (from, old) in states.iter().enumerate() {
        for (to, new) in states.iter().enumerate().filter(|(to, _)| !unreachable.contains(&(from, *to))) {
            let wanted = expected.iter().find(|(a, b, _)| (*a, *b) == (from, to));
            let wanted = wanted.map(|(.., events)| events.clone()).unwrap_or_default();
            assert_eq!(moved(old.clone(), new.clone()), wanted, "{from} → {to}");
        }
    }
}

#[test]
fn a_poll_is_no_event() {
    let mut later = in_state(State::Pending);
    later.polling.next_poll_at = after(10.0);
    assert_eq!(events(&Change::Moved(in_state(State::Pending), later), after(5.0)), []);
    assert_eq!(events(&Change::Other, after(5.0)), []);
}

/// A decided request is not withdrawn.
#[test]
fn new_and_withdrawn_requests_are_events() {
    let requested = events(&Change::Requested(in_state(State::Pending)), after(1.0));
    let what = What::Requested { scope: Scope::parse("openid profile").unwrap(), expires_at: after(120.0) };
    assert_eq!(requested.iter().map(|it| (it.at, &it.what)).collect::<Vec<_>>(), [(CREATED, &what)]);
    for state in states() {
        let is_pending = state == State::Pending;
        let withdrawn = events(&Change::Withdrawn(in_state(state)), after(2.0));
        let withdrawn: Vec<_> = withdrawn.iter().map(|it| (it.at, &it.what)).collect();
        assert_eq!(withdrawn, [(after(2.0), &What::Withdrawn)][..usize::from(is_pending)]);
    }
}

#[test]
fn a_report_is_an_event_also_without_its_request() {
    let key = RequestKey::from_bytes([1; 16]);
    let report =
        Change::Reported { request: key, client: client(), person: person().correlation(), at: after(5.0) };
    let about = About {
        request: key.correlation(),
        client: client(),
        mode: None,
        person: Some(person().correlation()),
    };
    assert_eq!(events(&report, after(6.0)), [Event { about, at: after(5.0), what: What::Reported }]);
}

#[test]
fn a_delivery_is_an_event_when_it_arrives_or_is_given_up() {
    use DeliveryState::{Delivered, Failed, Unneeded, Waiting};
    let record = |state, attempts, decided_at| DeliveryRecord {
        request: RequestKey::from_bytes([1; 16]),
        client: client(),
        mode: DeliveryMode::Push,
        attempts,
        state,
        failure: (state == Failed).then(|| "http_401".to_owned()),
        decided_at,
        settled_at: (state != Waiting).then(|| after(20.0)),
    };
    let said = |old, new, decided_at| {
        let (old, new) = (record(old, 2, decided_at), record(new, 3, decided_at));
        let events = events(&Change::Delivery(Box::new(old), Box::new(new)), after(RECORDED));
        assert!(
            events.iter().all(|it| it.about.person.is_none() && it.about.mode == Some(DeliveryMode::Push))
        );
        events.into_iter().map(|it| (it.at, it.what)).collect::<Vec<_>>()
    };
    for (decided_at, since) in [(Some(after(8.0)), Some(Duration::from_secs(12))), (None, None)] {
        let what = What::Delivered { attempts: 3, after: since };
        assert_eq!(said(Waiting, Delivered, decided_at), [(after(20.0), what.clone())]);
        assert_eq!(said(Failed, Delivered, decided_at), [(after(20.0), what)], "two attempts crossed");
    }
    let what = What::DeliveryFailed { attempts: 3, failure: "http_401".to_owned() };
    assert_eq!(said(Waiting, Failed, None), [(after(20.0), what)]);
    let silent =
        [(Waiting, Waiting), (Waiting, Unneeded), (Failed, Waiting), (Failed, Failed), (Failed, Unneeded)];
    let over = DeliveryState::ALL.into_iter().flat_map(|it| [(Delivered, it), (Unneeded, it)]);
    for (old, new) in silent.into_iter().chain(over) {
        assert_eq!(said(old, new, None), [], "{old:?} → {new:?}");
    }
}

#[test]
fn each_event_has_a_name_of_its_own() {
    let mut names: Vec<_> = EventName::ALL.iter().map(|it| it.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EventName::ALL.len());
}

/// HYG-5-01: neither the table's names nor anything that opens something.
#[test]
fn an_event_names_request_and_person_by_hashes() {
    let request = in_state(State::Pending);
    let text = format!("{:?}", events(&Change::Requested(request.clone()), CREATED));
    assert!(!text.contains(&request.key.encode()) && !text.contains(request.person.as_str()), "{text}");
    assert!(text.contains(&request.key.correlation()) && text.contains(&request.person.correlation()));
}
