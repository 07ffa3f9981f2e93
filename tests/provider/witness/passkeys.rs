//! Passkeys that the forger writes into the table.

use aws_sdk_dynamodb::types::AttributeValue;
use ciba::domain::person::enrollment_record::EnrollmentRecord;
use ciba::domain::person::passkey::PasskeyId;
use ciba::domain::person::ticket::TicketKind;
use ciba::verify::webauthn::RelyingParty;
use ciba_tests::{Authenticator, Provider, Settings, at};
use serde_json::json;

use super::{Forger, Item, forged_key, text};
use crate::consent::person::approve;
use crate::consent::{refusal, refused};

/// What the forger does to an item, and in words.
type Change<'c> = (&'c str, &'c dyn Fn(&mut Item));

/// `alice` with a passkey of her own, and what the table has of it.
async fn stand(settings: Settings<'_>) -> (Provider, Authenticator, Item) {
    let provider = Provider::with(settings).await;
    let phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let item = Forger(&provider).item(&pk(&provider, "alice"), "passkey#").await;
    (provider, phone, item)
}

fn pk(provider: &Provider, sub: &str) -> String {
    format!("user#{}", provider.person(sub).as_str())
}

/// A passkey of the forger's own, written down beside those of `alice`, and the one who has it.
async fn inserted(provider: &Provider, genuine: &Item, change: impl Fn(&mut Item)) -> Authenticator {
    let rp = RelyingParty::new(Provider::RP_ID, &[Provider::ISSUER.to_owned()], "Example Bank")
        .expect("a relying party");
    let mut id = vec![0; 20];
    ciba::http::serve::random(&mut id);
    let (mut own, credential) = forged_key(&id, &rp);
    own.user_handle = Some(genuine["user_handle"].as_b().unwrap().as_ref().to_vec());
    let mut item = genuine.clone();
    item.insert("sk".to_owned(), text(&format!("passkey#{}", PasskeyId::of(&id).as_str())));
    item.insert("credential".to_owned(), text(&credential));
    change(&mut item);
    Forger(provider).put(item).await;
    own
}

/// ATK-7-05: whatever stands beside its key.
#[tokio::test]
async fn a_passkey_inserted_into_the_table_approves_nothing() {
    let (provider, mut phone, genuine) = stand(&[]).await;
    let record = EnrollmentRecord::decode(genuine["enrolment"].as_s().unwrap()).expect("a record");
    let without = |item: &mut Item| {
        item.remove("enrolment");
        item.remove("witness");
    };
    let rewritten = |item: &mut Item| {
        let credential = item["credential"].as_s().unwrap().clone();
        let id = item["sk"].as_s().unwrap().strip_prefix("passkey#").unwrap().to_owned();
        let thumbprint = ciba::verify::webauthn::thumbprint(&credential).expect("a key");
        let own = EnrollmentRecord { passkey: id, thumbprint, ..record.clone() };
        item.insert("enrolment".to_owned(), text(&own.encode()));
    };
    let changes: [Change<'_>; 3] = [
        ("without a record", &without),
        ("with the record of a genuine one", &|_| ()),
        ("with a record of its own under a genuine signature", &rewritten),
    ];
    let (_, key) = provider.asked(&[], at(0.0)).await;
    for (what, change) in changes {
        let mut own = inserted(&provider, &genuine, change).await;
        let approval = approve(&provider, &key, &mut own, "openid profile", at(1.0));
        assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_not_accepted"), "{what}");
    }
    assert_eq!(approve(&provider, &key, &mut phone, "openid profile", at(2.0)).await.status, 200);
}

/// ATK-7-05: a genuine passkey that is made older, somebody else's, or another key's.
#[tokio::test]
async fn a_passkey_that_was_changed_in_the_table_approves_nothing() {
    let (provider, mut phone, genuine) = stand(&[]).await;
    let mut bobs = provider.enroll_passkey("bob", at(-90_000.0)).await;
    let bobs_item = Forger(&provider).item(&pk(&provider, "bob"), "passkey#").await;
    let rp = RelyingParty::new(Provider::RP_ID, &[Provider::ISSUER.to_owned()], "Example Bank")
        .expect("a relying party");
    let (mut own, credential) = forged_key(&phone.credential_id, &rp);
    own.user_handle = phone.user_handle.clone();
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let changed = |name: &str, value: AttributeValue| {
        let mut item = genuine.clone();
        item.insert(name.to_owned(), value);
        item
    };
    for (what, item) in [
        ("older", changed("created_at", AttributeValue::N("1".to_owned()))),
        ("bound to hardware", changed("backup_eligible", AttributeValue::Bool(false))),
        ("attested", changed("attested", AttributeValue::Bool(true))),
        ("without its signature", changed("witness", text(""))),
        ("with another's signature", changed("witness", bobs_item["witness"].clone())),
        ("with another's record", changed("enrolment", bobs_item["enrolment"].clone())),
    ] {
        Forger(&provider).put(item).await;
        let approval = approve(&provider, &key, &mut phone, "openid profile", at(1.0));
        assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_not_accepted"), "{what}");
    }
    Forger(&provider).put(changed("credential", text(&credential))).await;
    let approval = approve(&provider, &key, &mut own, "openid profile", at(1.0));
    assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_not_accepted"), "another key");
    // Bob's, moved to alice with all that belongs to it.
    let mut moved = bobs_item.clone();
    moved.insert("pk".to_owned(), genuine["pk"].clone());
    Forger(&provider).put(moved).await;
    let approval = approve(&provider, &key, &mut bobs, "openid profile", at(1.0));
    assert_eq!(refused(&provider, approval).await, refusal(403, "passkey_not_accepted"), "bob's");
    // What its use changes is no part of the record.
    Forger(&provider).put(changed("last_used_at", AttributeValue::N("1".to_owned()))).await;
    assert_eq!(approve(&provider, &key, &mut phone, "openid profile", at(2.0)).await.status, 200);
}

/// ATK-7-05: else the function that enrols would sign the forger's next one.
#[tokio::test]
async fn an_inserted_passkey_speaks_for_no_further_one() {
    let (provider, mut phone, genuine) = stand(&[]).await;
    let mut own = inserted(&provider, &genuine, |_| ()).await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let mut further = Authenticator::new();
    let answer = provider.follow_ticket(&path, &mut further, Some(&mut own), at(1.0)).await;
    assert_eq!(answer.refusal(), (403, "passkey_not_accepted"));
    let answer = provider.follow_ticket(&path, &mut further, Some(&mut phone), at(1.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// ATK-7-05: who was enrolled before there was such a key enrols anew, or is accepted for as long as the operator says so.
#[tokio::test]
async fn passkeys_from_before_enrollments_were_signed_are_a_setting() {
    let (provider, mut phone, _) = stand(&[("ENROLLMENT_KEY_ID", "")]).await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    assert_eq!(approve(&provider, &key, &mut phone, "openid profile", at(1.0)).await.status, 200);

    let items = Forger(&provider).items().await;
    for (accepted, expected) in [("refused", 403), ("accepted", 200)] {
        // The same passkeys, under functions that know the key.
        let later = Provider::with(&[("UNSIGNED_PASSKEYS", accepted)]).await;
        for item in items.iter().filter(|item| item["sk"].as_s().unwrap().starts_with("passkey")) {
            Forger(&later).put(renamed(item, &provider, &later)).await;
        }
        let (_, key) = later.asked(&[], at(200.0)).await;
        let answer = approve(&later, &key, &mut phone, "openid profile", at(201.0)).await;
        assert_eq!(answer.status, expected, "{accepted}: {answer:?}");
    }
}

/// An item of one provider's table, for another one's: a person is called after the login issuer.
fn renamed(item: &Item, from: &Provider, to: &Provider) -> Item {
    let (from, to) = (from.person("alice"), to.person("alice"));
    let mut item = item.clone();
    for value in item.values_mut() {
        if let Ok(found) = value.as_s() {
            *value = text(&found.replace(from.as_str(), to.as_str()));
        }
    }
    item
}

/// ATK-7-05, HYG-5-03: and the record stays when the passkey goes.
#[tokio::test]
async fn an_enrollment_leaves_a_signed_record_that_is_only_put() {
    let (provider, _, genuine) = stand(&[]).await;
    let records = provider.items_under("enrolment#").await;
    assert_eq!(records.len(), 1);
    let record = EnrollmentRecord::decode(records[0]["document"].as_str().unwrap()).expect("a record");
    assert_eq!(json!(genuine["enrolment"].as_s().unwrap()), records[0]["document"]);
    assert_eq!(json!(genuine["witness"].as_s().unwrap()), records[0]["witness"]);
    let thumbprint = ciba::verify::webauthn::thumbprint(genuine["credential"].as_s().unwrap());
    assert_eq!((Some(record.thumbprint), record.at), (thumbprint, at(-90_000.0).millis()));
    let signed = provider.kms.calls().into_iter().filter(|call| call.operation == "Sign");
    let signed: Vec<_> = signed.map(|call| (call.caller.unwrap(), call.key_id.unwrap())).collect();
    assert_eq!(signed, [("enrollment".to_owned(), "alias/ciba-enrollment".to_owned())]);
    let remove = ["passkey", "remove", "--sub", "alice"];
    crate::operator::done(&provider, &remove, at(0.0)).await;
    assert_eq!(provider.items_under("enrolment#").await, records);
}
