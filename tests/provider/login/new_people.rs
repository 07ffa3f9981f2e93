//! People whom a login issuer introduces: their first login on their own place registers them.

use std::collections::BTreeMap;

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::hint::DirectoryHint;
use ciba::domain::person::channel::Channel;
use ciba_local::proxy::{Loss, Refusal};
use ciba_local::sns::Target;
use ciba_tests::{Answer, Provider, at};
use serde_json::{Value, json};

use super::browser::{Browser, approving_form};
use super::issuer::{Login, OpenIdProvider};
use super::{Stand, location};
use crate::operator::done;

const DOWN: (u16, &str) = (503, "does not work right now");
const EMAIL: (&str, &str) = ("login_hint", "email:carol@example.com");
const NUMBER: &str = "+15555550300";

fn new_people() -> Value {
    json!({"new_people": {"email_domains": ["example.com"], "phone_prefixes": ["+1555", "+4420"]}})
}

/// What the issuer says about `carol`.
fn carol() -> Value {
    json!({"name": "Carol Meyer", "locale": "de", "email": "Carol@Example.com", "email_verified": true,
        "phone_number": "+1 (555) 555-0300", "phone_number_verified": true, "roles": ["admin"]})
}

async fn stand() -> Stand {
    Stand::with(new_people(), &[]).await
}

/// The callback of somebody who logs in without a request at the issuer with this label.
async fn callback(
    provider: &Provider,
    browser: &mut Browser,
    (issuer, label): (&OpenIdProvider, &str),
    login: &Login<'_>,
    now: Timestamp,
) -> String {
    let start = browser.get(provider, &format!("/login?idp={label}"), now).await;
    issuer.authorize_as(location(&start), login, now)
}

/// Somebody logs in on their own place; the answer to the callback.
async fn come(stand: &Stand, sub: &str, claims: Value, now: Timestamp) -> Answer {
    let (mut browser, login) = (Browser::new(), Login { sub, claims });
    let callback = callback(&stand.provider, &mut browser, (&stand.issuer, "acme"), &login, now).await;
    browser.get(&stand.provider, &callback, now).await
}

async fn came(stand: &Stand, sub: &str, claims: Value, now: Timestamp) {
    let answer = come(stand, sub, claims, now).await;
    assert_eq!((answer.status, location(&answer)), (303, "/me"), "{answer:?}");
}

fn key(stand: &Stand, sub: &str) -> String {
    PersonKey::new(stand.issuer.issuer(), sub).as_str().to_owned()
}

/// What the directory has of a person.
async fn described(provider: &Provider, key: PersonKey) -> Option<Value> {
    let person = provider.table.find_people(&[key]).await.expect("an answer").pop()?;
    let hints = person.hints.iter().map(DirectoryHint::encode).filter(|hint| !hint.starts_with("sub#"));
    let channels = person.channels.iter().map(Channel::expose);
    Some(json!({"sub": person.sub.as_str(), "active": person.active, "claims": person.claims,
        "hints": hints.collect::<Vec<_>>(), "channels": channels.collect::<Vec<_>>()}))
}

/// The issuer's person, as the directory has them.
async fn entry(stand: &Stand, sub: &str) -> Option<Value> {
    described(&stand.provider, PersonKey::new(stand.issuer.issuer(), sub)).await
}

/// All people of the directory by their keys, and whom each hint leads to.
async fn directory(provider: &Provider) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for item in provider.items().await {
        let pk = item["pk"].as_str().expect("a key").to_owned();
        match (item["sk"].as_str(), pk.strip_prefix("user#")) {
            (Some("user"), Some(key)) => {
                let person = described(provider, PersonKey::from_stored(key)).await;
                all.insert(pk.clone(), person.expect("a person"));
            }
            (Some("hint"), _) => {
                all.insert(pk, item["user"].clone());
            }
            _ => {}
        }
    }
    all
}

/// CIBA §7.1, §8: nobody enrolled them, and they are asked and approve like everybody else.
#[tokio::test]
async fn a_new_person_is_registered_asked_and_approves() {
    let stand = stand().await;
    let provider = &stand.provider;
    assert_eq!(provider.ask(&[EMAIL], at(0.0)).await.refusal(), (400, "unknown_user_id"));
    came(&stand, "carol", carol(), at(1.0)).await;

    let (auth_req_id, request) = provider.asked(&[EMAIL], at(10.0)).await;
    let target = provider.sns.messages().pop().expect("a message").target;
    assert!(matches!(target, Some(Target::PhoneNumber(number)) if number == NUMBER));
    let mut browser = stand.logged_in("carol", &request, at(11.0)).await;
    let page = browser.get(provider, &format!("/consent/{request}"), at(12.0)).await;
    let fields = approving_form(&page);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let approved = browser.post(provider, &format!("/consent/{request}/decision"), &fields, at(13.0)).await;
    assert_eq!(approved.status, 303, "{approved:?}");
    assert_eq!(provider.poll(&auth_req_id, at(16.0)).await.status, 200);
    // The number leads to the same person.
    let (_, again) = provider.asked(&[("login_hint", "tel:+15555550300")], at(30.0)).await;
    stand.logged_in("carol", &again, at(31.0)).await;

    let entry = entry(&stand, "carol").await.expect("carol");
    let kept = json!({"name": "Carol Meyer", "locale": "de", "email": "carol@example.com", "email_verified": true,
        "phone_number": NUMBER, "phone_number_verified": true});
    assert_eq!(entry["claims"], kept);
    let lines = provider.eavesdropper.lines("person_introduced");
    let line = json!({"timestamp": at(1.0).date_time(), "level": "info", "event": "person_introduced",
        "person_key": key(&stand, "carol")});
    assert_eq!(lines, [line]);
    provider.eavesdropper.secret("a name", "Carol Meyer");
}

/// RP-3-01: a login says who somebody is, and changes nothing about them.
#[tokio::test]
async fn a_known_person_is_not_changed_by_a_login() {
    let stand = stand().await;
    let provider = &stand.provider;
    came(&stand, "carol", json!({}), at(1.0)).await;
    let before = directory(provider).await;
    for sub in ["alice", "carol"] {
        came(&stand, sub, carol(), at(2.0)).await;
    }
    assert_eq!(directory(provider).await, before);
    assert_eq!(provider.eavesdropper.lines("person_introduced").len(), 1);
}

/// ATK-8-04: coming back makes nobody new.
#[tokio::test]
async fn a_disabled_person_stays_disabled_after_a_login() {
    let stand = stand().await;
    let provider = &stand.provider;
    came(&stand, "carol", carol(), at(1.0)).await;
    let sub = entry(&stand, "carol").await.expect("carol")["sub"].clone();
    done(provider, &["person", "disable", "--", sub.as_str().expect("a sub")], at(2.0)).await;
    let before = directory(provider).await;
    came(&stand, "carol", carol(), at(3.0)).await;
    assert_eq!(directory(provider).await, before);
    assert_eq!(provider.ask(&[EMAIL], at(4.0)).await.refusal(), (400, "unknown_user_id"));
}

/// RP-3-01: a link that somebody was sent makes them nobody here, and such a login costs what it did.
#[tokio::test]
async fn a_login_for_a_request_registers_nobody() {
    let stand = stand().await;
    let provider = &stand.provider;
    let (_, request) = provider.asked(&[("login_hint", "alice-of-acme")], at(0.0)).await;
    stand.logged_in("alice", &request, at(1.0)).await;
    let before = directory(provider).await;
    let mut browser = Browser::new();
    let start = browser.get(provider, &format!("/login?request={request}"), at(2.0)).await;
    let callback =
        stand.issuer.authorize_as(location(&start), &Login { sub: "carol", claims: carol() }, at(2.0));
    provider.proxy.clear();
    assert_eq!(browser.get(provider, &callback, at(2.0)).await.status, 303);
    let calls: Vec<_> = provider.proxy.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["PutItem"]);
    assert_eq!(browser.get(provider, "/me", at(3.0)).await.status, 200);
    assert_eq!(directory(provider).await, before);
}

/// An operator can complete the entry, under the `sub` that it has.
#[tokio::test]
async fn an_operator_keeps_the_sub_of_a_new_person() {
    let stand = Stand::with(json!({"new_people": {}}), &[]).await;
    let provider = &stand.provider;
    came(&stand, "carol", carol(), at(1.0)).await;
    let sub = entry(&stand, "carol").await.expect("carol")["sub"].clone();
    let login =
        json!({"login": {"iss": stand.issuer.issuer(), "value": "carol"}, "channels": [{"sms": NUMBER}]});
    let refused = provider.enroll("carol", login.clone()).await.expect_err("another sub");
    assert!(refused.contains("another sub"), "{refused}");
    provider.enroll(sub.as_str().expect("a sub"), login).await.expect("the same");
    assert_eq!(entry(&stand, "carol").await.expect("carol")["channels"], json!([NUMBER]));
}

/// RP-3-01
#[tokio::test]
async fn without_the_setting_nobody_is_registered() {
    let stand = Stand::new().await;
    let before = directory(&stand.provider).await;
    came(&stand, "carol", carol(), at(1.0)).await;
    assert_eq!(directory(&stand.provider).await, before);
}

/// An empty setting: they are known by issuer and subject, and have neither hints nor channels.
#[tokio::test]
async fn an_issuer_without_authority_introduces_people_alone() {
    let stand = Stand::with(json!({"new_people": {}}), &[]).await;
    let provider = &stand.provider;
    came(&stand, "carol", carol(), at(1.0)).await;
    let entry = entry(&stand, "carol").await.expect("carol");
    assert_eq!((&entry["hints"], &entry["channels"]), (&json!([]), &json!([])));
    assert_eq!(entry["claims"], json!({"locale": "de", "name": "Carol Meyer"}));
    let hint = json!({"format": "iss_sub", "iss": stand.issuer.issuer(), "sub": "carol"}).to_string();
    let unreachable = provider.ask(&[("login_hint", &hint)], at(2.0)).await;
    assert_eq!(unreachable.refusal(), (403, "access_denied"), "known, and cannot be told");
}

/// RP-3-03, ATK-3-04: an address or a number that leads to somebody stays theirs, and the log does not say which it is.
#[tokio::test]
async fn a_hint_never_moves_to_a_new_person() {
    for (taken, left, channels) in [
        (json!({"email": ["carol@example.com"]}), json!(["tel#+15555550300"]), json!([NUMBER])),
        (json!({"tel": [NUMBER]}), json!(["email#carol@example.com"]), json!([])),
        (json!({"email": ["carol@example.com"], "tel": [NUMBER]}), json!([]), json!([])),
    ] {
        let stand = stand().await;
        let provider = &stand.provider;
        provider.enroll("dora", json!({"channels": [], "hints": taken})).await.expect("dora");
        let before = directory(provider).await;
        came(&stand, "carol", carol(), at(1.0)).await;
        let entry = entry(&stand, "carol").await.expect("carol");
        assert_eq!((&entry["hints"], &entry["channels"]), (&left, &channels), "{taken}");
        let claims = entry["claims"].as_object().expect("claims");
        for (kind, claim) in [("email", "email"), ("tel", "phone_number")] {
            let is_verified = claims.contains_key(&format!("{claim}_verified"));
            assert_eq!(
                (claims.contains_key(claim), is_verified),
                (taken[kind].is_null(), taken[kind].is_null())
            );
        }
        let now = directory(provider).await;
        assert!(before.iter().all(|(key, value)| now.get(key) == Some(value)), "nothing of hers has changed");
        let lines = provider.eavesdropper.lines("hint_taken");
        let kinds: Vec<_> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
        assert!(
            kinds.iter().all(|kind| !taken[kind].is_null())
                && kinds.len() == 2 - left.as_array().map_or(0, Vec::len)
        );
        for line in lines.iter().map(|line| line.to_string().to_lowercase()) {
            assert!(!line.contains("carol@") && !line.contains("5555550300"), "{line}");
        }
    }
}

/// RP-3-02, ATK-3-04: one `sub`, one verified address and two issuers are two people.
#[tokio::test]
async fn people_of_two_issuers_are_never_joined() {
    let (acme, other) = (OpenIdProvider::start("acme").await, OpenIdProvider::start("other").await);
    let setting = json!([acme.setting(new_people()), other.setting(new_people())]).to_string();
    let provider = Provider::with(&[("LOGIN_ISSUERS", &setting)]).await;
    for (issuer, label) in [(&acme, "acme"), (&other, "other")] {
        let (mut browser, login) = (Browser::new(), Login { sub: "carol", claims: carol() });
        let callback = callback(&provider, &mut browser, (issuer, label), &login, at(1.0)).await;
        assert_eq!(browser.get(&provider, &callback, at(1.0)).await.status, 303);
    }
    let [first, second] = [&acme, &other].map(|issuer| PersonKey::new(issuer.issuer(), "carol"));
    let first = described(&provider, first).await.expect("one");
    let second = described(&provider, second).await.expect("another");
    assert_ne!(first["sub"], second["sub"]);
    assert_eq!(first["hints"], json!(["email#carol@example.com", "tel#+15555550300"]), "they came first");
    assert_eq!((&second["hints"], &second["channels"]), (&json!([]), &json!([])));
}

/// RP-3-03, ATK-3-04: what somebody at the issuer could try, to have a hint that is another person's.
#[tokio::test]
async fn a_contact_that_is_not_verified_there_is_no_hint() {
    let stand = stand().await;
    for (n, claims) in [
        json!({"email_verified": "true", "phone_number_verified": "true"}),
        json!({"email_verified": 1, "phone_number_verified": [true]}),
        json!({"email_verified": false, "phone_number_verified": null}),
        json!({"email": "carol@other.example", "phone_number": "+4915155550100"}),
        json!({"email": "carol@mail.example.com", "phone_number": "+442179460958"}),
        json!({"email": "carol@example.com.", "phone_number": "15555550300"}),
        json!({"email": "\u{212a}arol@example.com", "phone_number": "+1\u{660}5555550300"}),
        json!({"email": "carol@example.com@other.example", "phone_number": "+1555"}),
        json!({"email": ["carol@example.com"], "phone_number": 15_555_550_300_u64}),
    ]
    .into_iter()
    .enumerate()
    {
        let (sub, mut all) = (format!("carol-{n}"), carol());
        all.as_object_mut().expect("claims").extend(claims.as_object().expect("claims").clone());
        came(&stand, &sub, all, at(1.0)).await;
        let entry = entry(&stand, &sub).await.expect("a person");
        assert_eq!((&entry["hints"], &entry["channels"]), (&json!([]), &json!([])), "{claims}");
        assert_eq!(entry["claims"], json!({"locale": "de", "name": "Carol Meyer"}), "{claims}");
    }
}

/// ATK-7-01
#[tokio::test]
async fn a_number_in_another_country_gets_no_sms() {
    let stand = Stand::with(new_people(), &[("SMS_COUNTRIES", "+1")]).await;
    let provider = &stand.provider;
    let mut claims = carol();
    claims["phone_number"] = "+44 (0)20 7946 0958".into();
    came(&stand, "carol", claims, at(1.0)).await;
    let entry = entry(&stand, "carol").await.expect("carol");
    assert_eq!(entry["hints"], json!(["email#carol@example.com", "tel#+442079460958"]));
    assert_eq!(entry["channels"], json!([]));
    assert_eq!(provider.ask(&[EMAIL], at(2.0)).await.refusal(), (403, "access_denied"));
    assert!(provider.sns.attempts().is_empty());
}

/// RP-3-02, ATK-3-04: an issuer may call somebody as somebody else is called here.
#[tokio::test]
async fn the_sub_of_a_new_person_is_never_the_issuers() {
    let stand = stand().await;
    let provider = &stand.provider;
    let mut subs = Vec::new();
    for called in ["alice-of-acme", "7"] {
        came(&stand, called, json!({}), at(1.0)).await;
        let entry = entry(&stand, called).await.expect("a person");
        let sub = entry["sub"].as_str().expect("a sub").to_owned();
        assert!(sub.len() >= 22 && sub.bytes().all(|b| b.is_ascii_graphic()), "{sub}");
        assert_ne!(sub, called);
        subs.push(sub);
    }
    assert_ne!(subs[0], subs[1]);
    let (_, request) = provider.asked(&[("login_hint", "sub:alice-of-acme")], at(2.0)).await;
    stand.logged_in("alice", &request, at(3.0)).await;
}

/// ATK-2-05
#[tokio::test]
async fn a_name_that_attacks_a_terminal_is_not_registered() {
    let stand = stand().await;
    let claims = json!({"name": "\u{1b}[2JCarol", "given_name": "Ca\u{202e}rol", "family_name": "<script>",
        "locale": "de\nroot"});
    came(&stand, "carol", claims, at(1.0)).await;
    let entry = entry(&stand, "carol").await.expect("carol");
    assert_eq!(entry["claims"], json!({}));
}

/// Two tabs: one person, and both logins succeed with it.
#[tokio::test]
async fn of_two_first_logins_at_once_one_makes_the_person() {
    let stand = stand().await;
    let provider = &stand.provider;
    let known = directory(provider).await.len();
    let (one, other) =
        tokio::join!(come(&stand, "carol", carol(), at(1.0)), come(&stand, "carol", carol(), at(1.0)));
    assert_eq!((one.status, other.status), (303, 303));
    assert_eq!(directory(provider).await.len(), known + 4, "the person and three hints");
    assert_eq!(provider.eavesdropper.lines("person_introduced").len(), 1);
}

/// ATK-4-10: a transaction of somebody else on the same items, and one that happened although its response was lost.
#[tokio::test]
async fn a_disturbed_registration_makes_one_person() {
    for loss in [None, Some(Loss::Connection), Some(Loss::InternalServerError)] {
        let stand = stand().await;
        let provider = &stand.provider;
        let known = directory(provider).await.len();
        match loss {
            Some(loss) => provider.proxy.lose_response("TransactWriteItems", 1, loss),
            None => {
                let refusal = Refusal::TransactionConflict { at: 1 };
                provider.proxy.fail_before("TransactWriteItems", 1, refusal);
            }
        }
        came(&stand, "carol", carol(), at(1.0)).await;
        assert_eq!(directory(provider).await.len(), known + 4);
    }
}

/// RP-1-09: nobody is logged in whom the directory could not be asked about.
#[tokio::test]
async fn a_table_that_fails_registers_nobody_and_logs_nobody_in() {
    for (operation, refusal, times) in [
        ("GetItem", Refusal::Throttling, 3),
        ("TransactWriteItems", Refusal::Throttling, 3),
        ("TransactWriteItems", Refusal::TransactionConflict { at: 0 }, 4),
    ] {
        let stand = stand().await;
        let provider = &stand.provider;
        came(&stand, "alice", json!({}), at(1.0)).await;
        let before = directory(provider).await;
        for nth in 1..=times {
            provider.proxy.fail_before(operation, nth, refusal.clone());
        }
        stand.refused(come(&stand, "carol", carol(), at(2.0)), DOWN).await;
        assert_eq!(directory(provider).await, before);
        came(&stand, "carol", carol(), at(3.0)).await;
    }
}

/// A first login costs a read and a transaction, and every other one a read.
#[tokio::test]
async fn a_login_at_home_costs_one_read_more() {
    let stand = stand().await;
    let provider = &stand.provider;
    came(&stand, "alice", json!({}), at(1.0)).await;
    for (sub, expected) in [
        ("carol", &["PutItem", "GetItem", "TransactWriteItems"][..]),
        ("carol", &["PutItem", "GetItem"]),
        ("alice", &["PutItem", "GetItem"]),
    ] {
        provider.proxy.clear();
        came(&stand, sub, carol(), at(2.0)).await;
        let calls: Vec<_> = provider.proxy.calls().into_iter().map(|call| call.operation).collect();
        assert_eq!(calls, expected, "{sub}");
    }
}

/// RP-2-04: a request belongs to the person's key. Whoever can write entries and hints, as the role of the function for
/// logins can, does not take it over, not even by giving a new person another one's `sub` and hints.
#[tokio::test]
async fn who_writes_people_takes_over_no_open_request() {
    let stand = stand().await;
    let provider = &stand.provider;
    let (auth_req_id, request) = provider.asked(&[("login_hint", "alice-of-acme")], at(0.0)).await;
    came(&stand, "mallory", json!({}), at(1.0)).await;
    let mallory = key(&stand, "mallory");
    provider.set_attribute(&format!("user#{mallory}"), "user", "sub", "alice-of-acme").await;
    for hint in ["hint#sub#alice-of-acme", "hint#plain#alice-of-acme"] {
        provider.set_attribute(hint, "hint", "user", &mallory).await;
    }
    let mut browser = stand.logged_in("mallory", &request, at(2.0)).await;
    let page = browser.get(provider, &format!("/consent/{request}"), at(3.0)).await;
    assert!(!page.html.contains("approving-form"), "{}", page.html);
    let mut alices = stand.logged_in("alice", &request, at(3.0)).await;
    let page = alices.get(provider, &format!("/consent/{request}"), at(3.0)).await;
    let fields = approving_form(&page);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let path = format!("/consent/{request}/decision");
    // The form of the one in the session of the other.
    let taken = browser.post(provider, &path, &fields, at(4.0)).await;
    assert_ne!(taken.status, 303, "{taken:?}");
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "authorization_pending"));
    assert_eq!(alices.post(provider, &path, &fields, at(6.0)).await.status, 303);
    assert_eq!(provider.poll(&auth_req_id, at(11.0)).await.status, 200);
}
