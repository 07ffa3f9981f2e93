//! One ticket and one counter value, each used by two at once. What the flows look at first is read before others write, so
//! the last word is the write's: here with what was read before.

use std::sync::Arc;

use ciba::domain::base::time::Timestamp;
use ciba::domain::person::Person;
use ciba::domain::person::passkey::{NewPasskey, PasskeyId, Passkeys};
use ciba::domain::person::ticket::{TicketKind, TicketSecret};
use ciba::store::{PasskeyEnrolled, PasskeyEnrollment, WriteId};
use ciba::verify::webauthn::Asserted;
use ciba_tests::{Authenticator, Provider, at};
use serde_json::json;
use tokio::task::JoinSet;

use crate::consent::person::Signed;

/// A person, and what their passkeys have in common, as they are now.
async fn read(provider: &Provider, sub: &str) -> (Person, Passkeys) {
    let found = provider.table.find_person_with_passkeys(&provider.person(sub)).await.expect("an answer");
    let (person, passkeys) = found.expect("a person");
    (person, passkeys.expect("a user handle"))
}

fn new(name: &[u8]) -> NewPasskey {
    NewPasskey {
        id: PasskeyId::of(name),
        credential: "{}".to_owned(),
        counter: 0,
        rp_id: Provider::RP_ID.to_owned(),
        backup_eligible: true,
        attested: false,
    }
}

fn secret(path: &str) -> TicketSecret {
    TicketSecret::parse(path.rsplit('/').next().expect("a name")).expect("a ticket")
}

/// ATK-7-05: the ticket was read unused, and everything else after it was used.
#[tokio::test]
async fn a_ticket_that_was_used_since_it_was_read_makes_nothing() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::Further, at(0.0)).await;
    let ticket =
        provider.table.find_ticket(&secret(&path).hash()).await.expect("an answer").expect("a ticket");
    assert_eq!(ticket.used_for, None);
    let first = provider.follow_ticket(&path, &mut Authenticator::new(), None, at(1.0)).await;
    assert_eq!(first.status, 200, "{first:?}");

    let (person, passkeys) = read(&provider, "alice").await;
    let second = new(b"the second").of(person.key.clone(), passkeys.user_handle, at(2.0));
    let write = WriteId::new([7; 16]);
    let enrolled = provider
        .table
        .enrol_passkey(
            PasskeyEnrollment {
                ticket: &ticket,
                passkey: &second,
                passkeys: &passkeys,
                vouching: None,
                at: at(2.0),
            },
            &write,
        )
        .await;
    assert_eq!(enrolled.expect("an answer"), PasskeyEnrolled::Changed);
    assert_eq!(provider.table.list_passkeys(&person.key).await.expect("an answer").len(), 1);
    assert_eq!(read(&provider, "alice").await.1, passkeys, "nothing is counted either");
}

/// ATK-7-05: whoever has the link posts twenty passkeys of their own at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_uses_of_one_ticket_at_once_one_makes_a_passkey() {
    let provider = Arc::new(Provider::start().await);
    let path = provider.ticket("alice", TicketKind::Further, at(0.0)).await;
    let options = provider.enrollment_page(&path, at(0.0)).await.options("data-options").expect("options");
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let body = json!({ "registration": Authenticator::new().create(&options, Provider::ISSUER) });
        let (provider, path) = (Arc::clone(&provider), path.clone());
        tasks.spawn(async move { provider.post_enrollment(&path, &body, at(1.0)).await.status });
    }
    let mut statuses = tasks.join_all().await;
    statuses.sort_unstable();
    // Whoever met others at each try is told to come again.
    assert_eq!(statuses[0], 200, "{statuses:?}");
    assert!(statuses[1..].iter().all(|status| matches!(status, 404 | 503)), "{statuses:?}");
    assert_eq!(provider.table.list_passkeys(&provider.person("alice")).await.expect("an answer").len(), 1);
}

/// ATK-1-08: a passkey that was used since it was read speaks for nothing with what it signed before: one of two that have
/// its key is a copy.
#[tokio::test]
async fn a_counter_that_was_used_since_it_was_read_is_not_used_again() {
    let provider = Provider::start().await;
    let mut key = Authenticator::new().bound_to_hardware();
    let path = provider.ticket("alice", TicketKind::First, at(-90_000.0)).await;
    assert_eq!(provider.follow_ticket(&path, &mut key, None, at(-90_000.0)).await.status, 200);
    let id = PasskeyId::of(&key.credential_id);
    let alice = provider.person("alice");
    let seen = provider.table.find_passkey(&alice, &id).await.expect("an answer").expect("a passkey");

    let (_, request) = provider.asked(&[], at(0.0)).await;
    let signed = Signed::on_page(&provider, &request, &mut key, ("approve", "openid profile"), at(1.0)).await;
    assert_eq!(signed.send(&provider, &request, at(1.0)).await.status, 200);

    let path = provider.ticket("alice", TicketKind::First, at(2.0)).await;
    let ticket =
        provider.table.find_ticket(&secret(&path).hash()).await.expect("an answer").expect("a ticket");
    let (person, passkeys) = read(&provider, "alice").await;
    let second = new(b"the second").of(person.key, passkeys.user_handle, at(2.0));
    let asserted = Asserted {
        counter: key.counter,
        credential: seen.credential.clone(),
        backup_eligible: seen.backup_eligible,
        origin: Provider::ISSUER.to_owned(),
    };
    let write = WriteId::new([7; 16]);
    let vouching = Some((&seen, &asserted));
    let enrolled = provider
        .table
        .enrol_passkey(
            PasskeyEnrollment {
                ticket: &ticket,
                passkey: &second,
                passkeys: &passkeys,
                vouching,
                at: at(2.0),
            },
            &write,
        )
        .await;
    assert_eq!(enrolled.expect("an answer"), PasskeyEnrolled::Changed);
    assert_eq!(provider.table.list_passkeys(&alice).await.expect("an answer").len(), 1);
}

/// ATK-1-08: a security key and its copy approve at once, each another client's request, with the same counter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_uses_of_one_counter_value_at_once_one_counts() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
    let mut key = Authenticator::new().bound_to_hardware();
    let path = provider.ticket("alice", TicketKind::First, at(-90_000.0)).await;
    assert_eq!(provider.follow_ticket(&path, &mut key, None, at(-90_000.0)).await.status, 200);
    let mut signed = Vec::new();
    for n in 0..8 {
        let client = format!("client-{n}");
        provider.register(json!({ "client_id": client })).await.expect("a client");
        assert_eq!(provider.ask_as(&client, &[], at(0.0)).await.status, 200);
        let message = provider.sns.messages().pop().expect("a message").text;
        let request = message.rsplit('/').next().expect("a link").to_owned();
        let before = key.counter;
        let decision = ("approve", "openid profile");
        signed.push((Signed::on_page(&provider, &request, &mut key, decision, at(1.0)).await, request));
        key.counter = before;
    }
    let provider = Arc::new(provider);
    let mut tasks = JoinSet::new();
    for (signed, request) in signed {
        let provider = Arc::clone(&provider);
        let now: Timestamp = at(2.0);
        tasks.spawn(async move { signed.send(&provider, &request, now).await.status });
    }
    let mut statuses = tasks.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200, "{statuses:?}");
    assert!(statuses[1..].iter().all(|status| matches!(status, 403 | 503)), "{statuses:?}");
}
