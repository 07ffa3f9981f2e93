//! Making keys, once each, and taking over from one generation to the next.

use std::collections::BTreeMap;
use std::time::Duration;

use ciba::aws::Aws;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::keys::{DataKey, Kms, sealing_label};
use ciba::store::{KeyRecord, KeyUse};
use ciba_local::kms::Failure;
use ciba_local::proxy::Refusal;
use ciba_tests::{Provider, at};
use key_rotation::KeyRotation;
use token::Token;

use super::{
    DAILY, DAY, FIRST, NOTICE, SECOND, kid, populate, published, remove_first, rotate, tokens, version,
};

/// The second makes none.
#[tokio::test]
async fn the_first_rotation_makes_one_key_of_each_kind() {
    let provider = Provider::empty(&[]).await;
    assert_eq!(rotate(&provider, 0.0).await, FIRST);
    let before = provider.key_items().await;
    assert!(rotate(&provider, 0.0).await.is_empty());
    assert!(rotate(&provider, 3600.0).await.is_empty());
    assert_eq!(provider.key_items().await, before);
}

/// All of them end well.
#[tokio::test]
async fn simultaneous_rotations_make_one_key_of_each_kind() {
    for _ in 0..2 {
        let provider = Provider::empty(&[]).await;
        let others = [(); 3].map(|()| KeyRotation::new(&provider.environment()).unwrap());
        let now = || provider.invocation(at(0.0));
        let invocations = [now(), now(), now(), now()];
        let (a, b, c, d) = tokio::join!(
            provider.key_rotation.run(&invocations[0]),
            others[0].run(&invocations[1]),
            others[1].run(&invocations[2]),
            others[2].run(&invocations[3]),
        );
        let mut made = BTreeMap::new();
        for answer in [a, b, c, d] {
            for name in answer.expect("each ends well")["made"].as_array().unwrap() {
                *made.entry(name.as_str().unwrap().to_owned()).or_insert(0) += 1;
            }
        }
        assert_eq!(made, BTreeMap::from(FIRST.map(|name| (name.to_owned(), 1))));
        assert_eq!(provider.key_items().await.len(), FIRST.len());
        populate(&provider).await;
        tokens(&provider, 1.0).await;
    }
}

/// The one that comes second with its data key goes on with the first one's.
#[tokio::test]
async fn a_rotation_that_lost_the_data_key_race_makes_usable_keys() {
    let provider = Provider::empty(&[]).await;
    let other = KeyRotation::new(&provider.environment()).unwrap();
    let (one, two) = (provider.invocation(at(0.0)), provider.invocation(at(0.0)));
    provider.table.complete_withdrawals(&one.write_id).await.expect("the copies");
    provider.proxy.clear();
    // One waits for KMS while the other puts the data key, and then cannot put the handle key.
    provider.kms.fail_next(Failure::Hang(Duration::from_millis(500)));
    for nth in 2..=4 {
        provider.proxy.fail_before("TransactWriteItems", nth, Refusal::InternalServerError);
    }
    let (one, two) = tokio::join!(provider.key_rotation.run(&one), other.run(&two));
    let (Ok(made), Err(_)) = (if one.is_ok() { (one, two) } else { (two, one) }) else { panic!("one fails") };
    assert_eq!(made["made"][0], "handle#1");
    assert_eq!(provider.key_items().await.len(), FIRST.len());
    populate(&provider).await;
    tokens(&provider, 1.0).await;
}

#[tokio::test]
async fn a_successor_is_made_when_it_is_due_and_not_a_second_earlier() {
    let provider = Provider::with(&[DAILY]).await;
    assert!(rotate(&provider, DAY - NOTICE - 1.0).await.is_empty());
    assert_eq!(rotate(&provider, DAY - NOTICE).await, SECOND);
    assert!(rotate(&provider, DAY).await.is_empty());
}

#[tokio::test]
async fn successors_made_at_the_same_moment_are_one() {
    let provider = Provider::with(&[DAILY]).await;
    let other = KeyRotation::new(&provider.environment()).unwrap();
    let (one, two) = (provider.invocation(at(DAY)), provider.invocation(at(DAY)));
    let (one, two) = tokio::join!(provider.key_rotation.run(&one), other.run(&two));
    let count = |answer: &serde_json::Value| answer["made"].as_array().unwrap().len();
    assert_eq!(count(&one.unwrap()) + count(&two.unwrap()), SECOND.len());
    assert_eq!(provider.key_items().await.len(), FIRST.len() + SECOND.len());
}

/// TOK-12-02, TOK-12-03
#[tokio::test]
async fn each_algorithm_has_a_schedule_of_its_own() {
    let provider = Provider::with(&[DAILY]).await;
    remove_first(&provider, JwsAlgorithm::EdDSA).await;
    assert_eq!(rotate(&provider, 3600.0).await, ["signing-EdDSA#1"]);
    assert_eq!(published(&provider, JwsAlgorithm::EdDSA, 3600.0).await.len(), 1);
    let others: Vec<_> = SECOND.into_iter().filter(|name| *name != "signing-EdDSA#2").collect();
    assert_eq!(rotate(&provider, DAY - NOTICE).await, others);
    assert!(rotate(&provider, DAY - NOTICE + 3599.0).await.is_empty());
    // Nobody's successor but its own retires a key.
    assert_eq!(published(&provider, JwsAlgorithm::EdDSA, 4.0 * DAY).await.len(), 1);
    assert_eq!(rotate(&provider, DAY - NOTICE + 3600.0).await, ["signing-EdDSA#2"]);
}

/// TOK-12-03
#[tokio::test]
async fn a_successor_is_published_at_once_and_signs_ten_minutes_later() {
    let provider = Provider::with(&[DAILY, ("ASKS_PER_TEN_MINUTES", "16")]).await;
    let made = DAY - NOTICE;
    let [first] = &published(&provider, JwsAlgorithm::DEFAULT, made - 1.0).await[..] else {
        panic!("one key")
    };
    assert_eq!(kid(&tokens(&provider, made - 10.0).await), *first);
    rotate(&provider, made).await;
    let both = published(&provider, JwsAlgorithm::DEFAULT, made).await;
    let [second] = &both.iter().filter(|kid| *kid != first).collect::<Vec<_>>()[..] else {
        panic!("two keys")
    };

    assert_eq!(kid(&tokens(&provider, made + 1.0).await), *first);
    assert_eq!(
        kid(&tokens(&provider, made + 400.0).await),
        *first,
        "reloaded, and others may not know it yet"
    );
    assert_eq!(kid(&tokens(&provider, DAY - 5.1).await), *first);
    assert_eq!(
        kid(&tokens(&provider, DAY - 5.0).await),
        **second,
        "signed when the successor's time has come"
    );
}

#[tokio::test]
async fn a_handle_of_the_first_generation_is_redeemed_in_the_second() {
    let provider = Provider::with(&[DAILY]).await;
    rotate(&provider, DAY - NOTICE).await;
    let (older, request) = provider.asked(&[], at(DAY - 1.0)).await;
    provider.approve(&request, at(DAY + 1.0)).await;
    let (newer, _) = provider.asked(&[("login_hint", "bob")], at(DAY + 2.0)).await;
    assert_eq!((version(&older), version(&newer)), (1, 2));
    assert_eq!(provider.poll(&older, at(DAY + 10.0)).await.status, 200);
    assert_eq!(provider.poll(&newer, at(DAY + 10.0)).await.refusal(), (400, "authorization_pending"));
}

/// A key is never without a successor in time, and never gone while something it signed may be valid.
#[tokio::test]
async fn hourly_rotations_over_days_keep_everything_working() {
    let provider = Provider::with(&[DAILY, ("ASKS_PER_DAY", "16")]).await;
    let mut signers = Vec::new();
    for hour in 1..=(5 * 24) {
        let now = f64::from(hour) * 3600.0;
        rotate(&provider, now).await;
        if hour % 12 == 0 {
            let signer = kid(&tokens(&provider, now).await);
            assert!(published(&provider, JwsAlgorithm::DEFAULT, now).await.contains(&signer));
            signers.push(signer);
        }
    }
    signers.dedup();
    assert!(signers.len() >= 4, "{signers:?}");
    let published = published(&provider, JwsAlgorithm::DEFAULT, 5.0 * DAY).await;
    assert!(signers[signers.len() - 2..].iter().all(|signer| published.contains(signer)), "of two days");
}

/// A version byte has 256 values, and a provider that rotates daily needs more within a year. A warm function
/// would go on with what it has; a cold one has to open them all.
#[tokio::test]
async fn the_256th_handle_key_works_like_the_first() {
    let mut provider = Provider::with(&[DAILY]).await;
    let records = provider.table.list_keys().await.unwrap();
    let of = |key_use| records.iter().find(|record| record.key_use == key_use).unwrap();
    let kms = Kms::connect(&Aws::read(&provider.environment()).unwrap());
    let data_key = DataKey::new(&kms.decrypt(&of(KeyUse::Data).sealed).await.unwrap()).unwrap();
    let record = KeyRecord {
        generation: 255,
        sealed: data_key.seal(&sealing_label(KeyUse::Handle, 255), &[9; 32]).unwrap(),
        ..of(KeyUse::Handle).clone()
    };
    provider.table.insert_key(&record, &provider.invocation(at(0.0)).write_id).await.unwrap();
    tokens(&provider, 1.0).await;

    assert_eq!(rotate(&provider, DAY - NOTICE).await, [&["handle#256"], &SECOND[1..]].concat());
    tokens(&provider, DAY).await;
    provider.token = Token::new(&provider.environment()).unwrap();
    tokens(&provider, DAY + 60.0).await;
}

/// What was made is used, what was not is made later.
#[tokio::test]
async fn a_rotation_that_failed_half_way_is_completed_by_the_next() {
    let provider = Provider::empty(&[]).await;
    // The copies of what is withdrawn, the data key, and then one that cannot be put.
    for nth in 3..=5 {
        provider.proxy.fail_before("TransactWriteItems", nth, Refusal::InternalServerError);
    }
    provider.key_rotation.run(&provider.invocation(at(0.0))).await.expect_err("the second key cannot be put");
    assert_eq!(provider.key_items().await.len(), FIRST.len() - 1);
    assert_eq!(rotate(&provider, 60.0).await, [FIRST[1]]);
}

#[tokio::test]
async fn a_rotation_without_kms_makes_nothing_and_the_next_makes_all() {
    let provider = Provider::empty(&[]).await;
    provider.kms.fail_next(Failure::Disabled);
    provider.key_rotation.run(&provider.invocation(at(0.0))).await.expect_err("KMS is down");
    assert!(provider.key_items().await.is_empty());
    assert_eq!(rotate(&provider, 60.0).await, FIRST);
}

/// TOK-12-04: each rotation reads all keys, so they do not pile up. Handles, evidence and pairwise subjects need theirs.
#[tokio::test]
async fn a_retired_key_is_deleted_when_nothing_needs_it_any_more() {
    let provider = Provider::with(&[DAILY]).await;
    rotate(&provider, DAY - NOTICE).await;
    rotate(&provider, DAY - 1.0).await;
    let deleted = async || {
        let items = provider.key_items().await.into_iter();
        let ends: Vec<_> =
            items.filter_map(|item| Some((item["sk"].clone(), item.get("ttl")?.clone()))).collect();
        ends
    };
    assert_eq!(deleted().await, [], "the first keys sign");
    for _ in 0..2 {
        rotate(&provider, DAY).await;
        let mut keys = deleted().await;
        keys.sort_by_key(|(sk, _)| sk.to_string());
        let names: Vec<_> = keys.iter().map(|(sk, _)| sk.as_str().expect("a text")).collect();
        let first = ["login", "page", "signing-ES256", "signing-EdDSA", "signing-PS256", "signing-RS256"];
        assert_eq!(names, first.map(|name| format!("key#{name}#00000001")));
        // TTL counts in seconds, and keeps everything for a day more.
        let end = at((1.0 + 430.0 + 1.0) * DAY).seconds().to_string();
        assert!(keys.iter().all(|(_, ttl)| *ttl == end.as_str()), "{keys:?}");
    }
}
