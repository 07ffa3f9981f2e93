//! An entry that is replaced while others change it: what is written is what was judged.

use std::sync::atomic::{AtomicUsize, Ordering};

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::client::{Client, ClientId, weakening};
use ciba::domain::details::authorization_details::{DetailType, DetailTypeName};
use ciba::domain::person::{self, Person};
use ciba::flows::registering::define_details::define;
use ciba::flows::registering::enroll_person;
use ciba::flows::registering::register_client::RegisterClient;
use ciba::store::attribute::ITEMS;
use ciba_local::proxy::{Loss, Refusal};
use ciba_tests::{Provider, at};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::admin;

/// Carries out `change` in the middle of a judgement, which cannot wait by itself.
fn meanwhile<F: Future>(change: F) -> F::Output {
    block_in_place(|| Handle::current().block_on(change))
}

fn unless_lost(lost: &[&str]) -> Result<(), String> {
    if lost.is_empty() { Ok(()) } else { Err(lost.join(",")) }
}

fn kiosk() -> ClientId {
    ClientId::parse("kiosk").expect("an id")
}

async fn find_kiosk(provider: &Provider) -> Client {
    provider.table.find_client(&kiosk()).await.expect("the table").expect("a client")
}

fn alice(provider: &Provider) -> PersonKey {
    PersonKey::new(provider.login.issuer(), "alice")
}

async fn find_alice(provider: &Provider) -> Person {
    let found = provider.table.find_person_with_asks(&alice(provider)).await.expect("the table");
    found.expect("a person").0
}

/// ATK-8-03: two operators at once; the second one read the client before the first one protected it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protection_that_a_client_got_meanwhile_is_judged() {
    let provider = Provider::start().await;
    let new = find_kiosk(&provider).await;
    let protected = Client { requires_passkey: true, ..new.clone() };
    let judged = AtomicUsize::default();
    let judge = |old: Option<&Client>| {
        if judged.fetch_add(1, Ordering::Relaxed) == 0 {
            meanwhile(provider.table.put_client(&protected)).expect("the table");
        }
        unless_lost(&weakening::lost(old.expect("a client"), &new))
    };
    let write = provider.invocation(at(0.0)).write_id;
    let refused = RegisterClient::replace(&provider.table, &new, judge, &write).await.unwrap_err();
    assert_eq!(refused.to_string(), "require_passkey");
    assert_eq!(judged.load(Ordering::Relaxed), 2);
    assert!(find_kiosk(&provider).await.requires_passkey);
}

/// ATK-8-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_disabled_meanwhile_is_not_enabled_unjudged() {
    let provider = Provider::start().await;
    let new = find_alice(&provider).await;
    let judged = AtomicUsize::default();
    let judge = |old: Option<&Person>| {
        if judged.fetch_add(1, Ordering::Relaxed) == 0 {
            assert!(meanwhile(provider.table.set_person_active(&new.key, false)).expect("the table"));
        }
        unless_lost(&person::weakening::lost(old.expect("a person"), &new))
    };
    let refused = enroll_person::write(&provider.table, new.clone(), judge).await.unwrap_err();
    assert_eq!(refused.0, "active");
    assert!(!find_alice(&provider).await.active);
}

/// ATK-7-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_became_risky_meanwhile_is_judged_again() {
    let provider = Provider::start().await;
    let payment = |risk: Option<&str>| {
        let mut definition = crate::authorization_details::payment();
        if let Some(risk) = risk {
            definition["risk"] = json!(risk);
        }
        DetailType::define(&definition, &["en", "de", "fr", "es"]).expect("a type")
    };
    let (plain, risky) = (payment(None), payment(Some("high")));
    let write = provider.invocation(at(0.0)).write_id;
    define(&provider.table, &plain, |_| Ok(()), &write).await.expect("the table");
    let judged = AtomicUsize::default();
    let judge = |old: Option<&DetailType>| {
        if judged.fetch_add(1, Ordering::Relaxed) == 0 {
            let other = provider.invocation(at(0.0)).write_id;
            meanwhile(define(&provider.table, &risky, |_| Ok(()), &other)).expect("the table");
        }
        unless_lost(&old.expect("a type").policy().weakened_by(plain.policy()))
    };
    let write = provider.invocation(at(0.0)).write_id;
    let refused = define(&provider.table, &plain, judge, &write).await.unwrap_err();
    assert_eq!(refused.to_string(), "risk");
    let name = DetailTypeName::parse("payment").expect("a name");
    let kept = provider.table.find_detail_type(&name).await.expect("the table").expect("a type");
    assert_eq!(kept.policy(), risky.policy());
}

/// Whichever attribute was set or changed with whichever tool.
#[tokio::test]
async fn a_change_of_any_attribute_of_a_client_is_noticed() {
    let provider = Provider::start().await;
    let client = find_kiosk(&provider).await;
    let write = provider.invocation(at(0.0)).write_id;
    let attributes = ITEMS.iter().find(|item| item.name == "client").expect("a client").attributes;
    for name in attributes {
        provider.table.put_client(&client).await.expect("the table");
        let read = provider.table.read_client(&kiosk()).await.expect("the table");
        provider.set_attribute("client#kiosk", "client", name, "changed").await;
        let written = provider.table.replace_client(&client, read.as_ref(), &write).await;
        assert!(!written.expect("the table"), "{name}");
    }
    provider.table.put_client(&client).await.expect("the table");
    let read = provider.table.read_client(&kiosk()).await.expect("the table");
    assert!(!provider.table.replace_client(&client, None, &write).await.expect("the table"), "it is there");
    assert!(provider.table.replace_client(&client, read.as_ref(), &write).await.expect("the table"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_never_stands_still_is_given_up() {
    let provider = Provider::start().await;
    let new = find_kiosk(&provider).await;
    let judged = AtomicUsize::default();
    let judge = |_: Option<&Client>| {
        let is_active = judged.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        meanwhile(provider.table.set_client_active(&new.id, !is_active)).map(drop).map_err(|it| it.detail())
    };
    let write = provider.invocation(at(0.0)).write_id;
    let refused = RegisterClient::replace(&provider.table, &new, judge, &write).await.unwrap_err();
    assert_eq!(refused.to_string(), "not written: the entry changed during every attempt");
    assert_eq!(judged.load(Ordering::Relaxed), 5);
    assert!(!find_kiosk(&provider).await.active, "as the last change left it");
}

/// HYG-5-03: the write is not taken for somebody else's when it is repeated.
#[tokio::test]
async fn a_replacement_whose_response_is_lost_is_judged_once() {
    let provider = Provider::start().await;
    let new = Client { name: "Other Kiosk".to_owned(), ..find_kiosk(&provider).await };
    let judged = AtomicUsize::default();
    let judge = |_: Option<&Client>| {
        judged.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    provider.proxy.lose_response("PutItem", 1, Loss::Connection);
    let write = provider.invocation(at(0.0)).write_id;
    RegisterClient::replace(&provider.table, &new, judge, &write).await.expect("it is written");
    assert_eq!(judged.load(Ordering::Relaxed), 1);
    assert_eq!(find_kiosk(&provider).await.name, "Other Kiosk");
}

#[tokio::test]
async fn a_person_whose_items_are_being_written_is_written_after() {
    let provider = Provider::start().await;
    provider.proxy.fail_before("TransactWriteItems", 1, Refusal::TransactionConflict { at: 0 });
    provider.enroll("alice", json!({"active": false})).await.expect("at the second attempt");
    assert!(!find_alice(&provider).await.active);
}

/// Neither operator says that anybody is replaced.
#[tokio::test]
async fn of_two_creations_at_once_one_writes_the_person() {
    let provider = Provider::start().await;
    for nth in 0..5 {
        let sub = format!("carol-{nth}");
        let create = async |plain: &str| {
            let create = ["person", "create", "--sub", &sub, "--login-value", &sub, "--plain", plain]
                .map(str::to_owned);
            let create: Vec<_> = create.iter().map(String::as_str).collect();
            admin(&provider, &create, at(0.0)).await
        };
        let (one, other) = (format!("one-{nth}"), format!("other-{nth}"));
        let (one, other) = tokio::join!(create(&one), create(&other));
        let refused: Vec<_> = [&one, &other].into_iter().filter_map(|it| it.as_ref().err()).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].to_string().contains("exists already"), "{}", refused[0]);
    }
}
