//! Setting up a passkey after a login, without an operator.

use ciba::domain::base::time::Timestamp;
use ciba::domain::person::passkey::PasskeyId;
use ciba_tests::{Answer, Authenticator, at};
use serde_json::{Value, json};

use super::browser::{Browser, SAME_ORIGIN};
use super::{Stand, location};
use crate::consent::person::{Signed, approve, field};
use crate::operator::done;

const ALICE: (&str, &str) = ("login_hint", "alice-of-acme");
/// When a passkey that was set up at 5 s is seasoned.
const SEASONED: f64 = 5.0 + 86_400.0;

async fn stand() -> Stand {
    Stand::with(json!({"self_enrollment": {"acr": ["urn:example:acr:mfa"], "amr": ["otp"]}}), &[]).await
}

/// Somebody logs in without a request, and sees their own place.
async fn at_home(stand: &Stand, sub: &str, now: Timestamp) -> (Browser, Answer) {
    let mut browser = Browser::new();
    let start = browser.get(&stand.provider, "/login", now).await;
    let callback = stand.issuer.authorize(location(&start), sub, now);
    let answer = browser.get(&stand.provider, &callback, now).await;
    assert_eq!((answer.status, location(&answer)), (303, "/me"), "{answer:?}");
    let page = browser.get(&stand.provider, "/me", now).await;
    assert_eq!(page.status, 200, "{page:?}");
    (browser, page)
}

/// The token of the form that sets up a passkey; it is the first one of the page.
fn token(page: &Answer) -> String {
    assert!(page.html.contains("action=\"/enroll\""), "{}", page.html);
    field(page, "session_token")
}

async fn begin(
    stand: &Stand,
    browser: &mut Browser,
    (token, headers): (&str, &[(&str, &str)]),
    now: Timestamp,
) -> Answer {
    let body = ciba_tests::form(&[("session_token", token)]);
    browser.call(&stand.provider, ("POST", "/enroll"), headers, &body, now).await
}

/// `alice` sets up her first passkey at 5 s.
async fn enrolled(stand: &Stand) -> Authenticator {
    let (mut browser, page) = at_home(stand, "alice", at(1.0)).await;
    let started = begin(stand, &mut browser, (&token(&page), SAME_ORIGIN), at(2.0)).await;
    assert_eq!(started.status, 303, "{started:?}");
    let path = location(&started).to_owned();
    let page = stand.provider.enrollment_page(&path, at(3.0)).await;
    assert!(page.html.contains("It can approve requests after a waiting time."), "{}", page.html);
    let mut phone = Authenticator::new();
    let answer = stand.provider.follow_ticket(&path, &mut phone, None, at(5.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    phone
}

/// RP-2-02, ATK-7-05: news on all channels, and nothing is approved with it for a day, whatever is asked.
#[tokio::test]
async fn a_passkey_of_ones_own_approves_when_it_is_seasoned() {
    let stand = stand().await;
    let provider = &stand.provider;
    let mut phone = enrolled(&stand).await;
    assert_eq!(provider.sns.messages().len(), 1, "the person is told");
    let (_, key) = provider.asked(&[ALICE], at(10.0)).await;
    let early = approve(provider, &key, &mut phone, "openid profile", at(11.0)).await;
    assert_eq!(early.refusal(), (403, "passkey_too_new"));
    assert_eq!(early.body["usable_at"], at(SEASONED).seconds());
    // It says who it is, which is enough to stop somebody.
    let signed = Signed::on_page(provider, &key, &mut phone, ("report", ""), at(12.0)).await;
    assert_eq!(signed.send(provider, &key, at(12.0)).await.status, 200);
    done(provider, &["person", "unblock", "--sub", "alice-of-acme", "--client", "kiosk"], at(13.0)).await;
    let (auth_req_id, key) = provider.asked(&[ALICE], at(SEASONED - 2.0)).await;
    let early = approve(provider, &key, &mut phone, "openid profile", at(SEASONED - 1.0)).await;
    assert_eq!(early.refusal(), (403, "passkey_too_new"));
    let approved = approve(provider, &key, &mut phone, "openid profile", at(SEASONED)).await;
    assert_eq!(approved.status, 200, "{approved:?}");
    assert_eq!(provider.poll(&auth_req_id, at(SEASONED + 5.0)).await.status, 200);
}

/// ATK-7-05: nobody is first twice, and a further passkey needs one that is there.
#[tokio::test]
async fn a_login_alone_adds_no_further_passkey() {
    let stand = stand().await;
    let provider = &stand.provider;
    let mut phone = enrolled(&stand).await;
    let (mut browser, page) = at_home(&stand, "alice", at(20.0)).await;
    let started = begin(&stand, &mut browser, (&token(&page), SAME_ORIGIN), at(21.0)).await;
    let path = location(&started).to_owned();
    let alone = provider.follow_ticket(&path, &mut Authenticator::new(), None, at(22.0)).await;
    assert_eq!(alone.refusal(), (403, "passkey_required"));
    let mut laptop = Authenticator::new();
    let vouched = provider.follow_ticket(&path, &mut laptop, Some(&mut phone), at(22.0)).await;
    assert_eq!(vouched.status, 200, "{vouched:?}");
    // The first one vouches for the second, and both wait.
    let (_, key) = provider.asked(&[ALICE], at(23.0)).await;
    let early = approve(provider, &key, &mut laptop, "openid profile", at(24.0)).await;
    assert_eq!(early.refusal(), (403, "passkey_too_new"));

    for passkey in [&phone, &laptop] {
        let id = PasskeyId::of(&passkey.credential_id);
        let remove = ["passkey", "remove", "--sub", "alice-of-acme", "--id", id.as_str()];
        done(provider, &remove, at(25.0)).await;
    }
    let (mut browser, page) = at_home(&stand, "alice", at(26.0)).await;
    let refused = begin(&stand, &mut browser, (&token(&page), SAME_ORIGIN), at(27.0)).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.html.contains("You cannot set up a passkey here"), "{}", refused.html);
}

/// RP-2-02: only what the settings name, and only for people who are known.
#[tokio::test]
async fn a_login_that_the_settings_do_not_name_makes_no_passkey() {
    for (setting, sub) in [
        (json!(null), "alice"),
        (json!({"acr": ["urn:example:acr:high"]}), "alice"),
        (json!({"amr": ["otp", "hwk"]}), "alice"),
        (json!({"amr": ["otp"]}), "mallory"),
    ] {
        let browser = if setting.is_null() { json!({}) } else { json!({"self_enrollment": setting}) };
        let stand = Stand::with(browser, &[]).await;
        let (mut browser, page) = at_home(&stand, sub, at(1.0)).await;
        let is_offered = page.html.contains("action=\"/enroll\"");
        assert_eq!(is_offered, sub == "mallory", "{setting}: of people, the page knows nothing");
        // What another function would have offered.
        let other = Stand::with(json!({"self_enrollment": {"amr": ["otp"]}}), &[]).await;
        let (_, offered) = at_home(&other, sub, at(1.0)).await;
        let token = if is_offered { token(&page) } else { token(&offered) };
        let answer = begin(&stand, &mut browser, (&token, SAME_ORIGIN), at(2.0)).await;
        assert_ne!(answer.status, 303, "{setting} {sub}: {answer:?}");
        assert!(stand.provider.items_under("ticket#").await.is_empty());
    }
}

/// ATK-7-05: the notice is what a stolen login has to fear.
#[tokio::test]
async fn whoever_cannot_be_told_sets_up_no_passkey_alone() {
    let stand = stand().await;
    let dave = json!({"login": {"iss": stand.issuer.issuer(), "value": "dave"}, "channels": []});
    stand.provider.enroll("dave", dave).await.expect("dave");
    let (mut browser, page) = at_home(&stand, "dave", at(1.0)).await;
    let refused = begin(&stand, &mut browser, (&token(&page), SAME_ORIGIN), at(2.0)).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(stand.provider.items_under("ticket#").await.is_empty());
}

/// HYG-1-13: by a page of this provider, of this session, and by this form.
#[tokio::test]
async fn another_site_starts_no_enrollment() {
    let stand = stand().await;
    let (mut browser, page) = at_home(&stand, "alice", at(1.0)).await;
    let own = token(&page);
    let (_, others) = at_home(&stand, "alice", at(1.0)).await;
    let sign_out = page.html.rsplit_once("name=\"session_token\" value=\"").expect("a form").1;
    let sign_out = sign_out.split('"').next().expect("a token").to_owned();
    assert_ne!(own, sign_out);
    let cross: &[(&str, &str)] = &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    for (token, headers) in [
        (&own, cross),
        (&own, &[]),
        (&token(&others), SAME_ORIGIN),
        (&sign_out, SAME_ORIGIN),
        (&String::new(), SAME_ORIGIN),
    ] {
        let answer = begin(&stand, &mut browser, (token, headers), at(2.0)).await;
        assert_eq!((answer.status, answer.header("location")), (200, None), "{token} {headers:?}");
    }
    let nobody = begin(&stand, &mut Browser::new(), (&own, SAME_ORIGIN), at(2.0)).await;
    assert!(nobody.html.contains("You are not signed in"), "{}", nobody.html);
    let late = begin(&stand, &mut browser, (&own, SAME_ORIGIN), at(302.0)).await;
    assert!(late.html.contains("You are not signed in"), "{}", late.html);
    let read = browser.get(&stand.provider, "/enroll", at(2.0)).await;
    assert_eq!((read.status, read.header("allow")), (405, Some("POST")));
    assert!(stand.provider.items_under("ticket#").await.is_empty());
    assert_eq!(begin(&stand, &mut browser, (&own, SAME_ORIGIN), at(2.0)).await.status, 303);
}

/// ATK-7-05: who set it up is signed at its enrollment, so the table cannot say otherwise.
#[tokio::test]
async fn a_forger_makes_no_operators_passkey_of_ones_own() {
    let stand = stand().await;
    let provider = &stand.provider;
    let mut phone = enrolled(&stand).await;
    let passkeys = provider.items_under("user#").await;
    let of_phone = |item: &&Value| item["sk"].as_str().is_some_and(|sk| sk.starts_with("passkey#"));
    let item = passkeys.iter().find(of_phone).expect("a passkey");
    assert_eq!(item["enrolled_by"], "person");
    let key = |name: &str| {
        aws_sdk_dynamodb::types::AttributeValue::S(item[name].as_str().expect("a key").to_owned())
    };
    let update = provider.dynamodb.client().update_item().table_name(&provider.dynamodb.table);
    let update = update.key("pk", key("pk")).key("sk", key("sk")).update_expression("REMOVE enrolled_by");
    update.send().await.expect("the forger writes");
    let (_, key) = provider.asked(&[ALICE], at(10.0)).await;
    let forged = approve(provider, &key, &mut phone, "openid profile", at(11.0)).await;
    assert_eq!(forged.refusal(), (403, "passkey_not_accepted"));
}
