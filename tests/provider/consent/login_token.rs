//! The proof: a login token of a configured login issuer. One rule broken, one refusal.

mod signature;

use ciba::domain::base::time::Timestamp;
use ciba_tests::{Answer, Provider, at, json_request};
use serde_json::{Value, json};

use super::login_issuer::{LoginIssuer, decide, list};
use super::records;
use crate::foreign_issuer::Key;

/// A provider that knows one login issuer, and a request that waits for its `carol`.
struct Stand {
    login: LoginIssuer,
    provider: Provider,
    request: String,
}

impl Stand {
    async fn new() -> Self {
        Self::with(json!({}), &[]).await
    }

    async fn with(changes: Value, settings: ciba_tests::Settings<'_>) -> Self {
        let login = LoginIssuer::start().await;
        let provider = login.provider_with(changes, settings).await;
        let (_, request) = provider.asked(&[("login_hint", "carol")], at(0.0)).await;
        Self { login, provider, request }
    }

    /// What every call answers to this token: the same refusal, and no effect.
    async fn refusal(&self, token: &str, now: Timestamp) -> Answer {
        let body = json!({"client_id": "kiosk", "decision": "approve"}).to_string();
        let before = records(&self.provider).await;
        let mut answers = Vec::new();
        for (method, path, body) in [
            ("GET", "/consent".to_owned(), ""),
            ("GET", format!("/consent/{}", self.request), ""),
            ("POST", format!("/consent/{}/decision", self.request), body.as_str()),
        ] {
            let request = json_request(method, &path, Some(token), body);
            answers.push(self.provider.call(&self.provider.consent, &request, now).await);
        }
        assert_eq!(records(&self.provider).await, before, "{answers:?}");
        let all_alike =
            answers.iter().all(|it| it.body == answers[0].body && it.headers == answers[0].headers);
        assert!(all_alike, "{answers:?}");
        answers.swap_remove(0)
    }

    async fn assert_invalid(&self, what: &str, token: &str) {
        let answer = self.refusal(token, at(1.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token"), "{what}");
        let challenge = Some(r#"Bearer realm="consent", error="invalid_token""#);
        assert_eq!(answer.header("www-authenticate"), challenge, "{what}");
    }

    /// A token of `key`, with these members of the header replaced.
    fn with_header(&self, key: &Key, changes: Value) -> String {
        let mut header = key.header();
        for (name, value) in changes.as_object().expect("an object") {
            header[name] = value.clone();
        }
        key.sign(&header.to_string(), &self.login.claims(at(1.0), json!({})).to_string())
    }

    /// Its rules refuse nothing that is right: a table of refusals alone would pass with everything refused.
    async fn assert_accepted(&self, what: &str, token: &str) {
        let answer = list(&self.provider, token, at(1.0)).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        assert_eq!(answer.body["requests"][0]["request"], self.request, "{what}");
    }
}

/// ATK-3-04: a login issuer verifies an address as it stands, and Unicode's ways to fold it are not ours to choose.
#[tokio::test]
async fn a_verified_address_beyond_ascii_proves_nobody() {
    let login = LoginIssuer::start().await;
    let issuers = json!([login.setting(json!({"person_claim": "email"}))]).to_string();
    let provider = Provider::with(&[("LOGIN_ISSUERS", &issuers)]).await;
    let kate = json!({"login": {"iss": login.issuer, "value": "Kate@Example.com"},
        "channels": [{"sms": "+15555550102"}]});
    provider.enroll("kate", kate).await.expect("kate");
    let (auth_req_id, request) = provider.asked(&[("login_hint", "kate")], at(0.0)).await;
    let token = |email: &str| {
        let claims = json!({"sub": "u-7", "email": email, "email_verified": true});
        login.token(at(1.0), claims)
    };
    for email in ["\u{212a}ate@example.com", "kate@example.co\u{217f}", "ｋate@example.com"] {
        let answer = list(&provider, &token(email), at(1.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token"), "{email}");
        let before = records(&provider).await;
        let body = json!({"client_id": "kiosk", "decision": "approve"});
        let answer = decide(&provider, &token(email), &request, body, at(1.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token"), "{email}");
        assert_eq!(records(&provider).await, before);
    }
    let body = json!({"client_id": "kiosk", "decision": "approve"});
    let answer = decide(&provider, &token("KATE@example.COM"), &request, body, at(2.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
    // Nor is anybody enrolled with one.
    let other = json!({"login": {"iss": login.issuer, "value": "\u{212a}ate@example.com"}});
    let refused = provider.enroll("another", other).await.expect_err("not ASCII");
    assert!(refused.contains("person claim"), "{refused}");
}

/// HYG-3-07: as JSON says what a number is (RFC 8259 §6), and not how an issuer writes it.
#[tokio::test]
async fn a_required_claim_that_is_a_number_is_compared_by_value() {
    let stand = Stand::with(json!({"required_claims": {"level": 2}}), &[]).await;
    let token = |level: &str| {
        let mut claims = stand.login.claims(at(1.0), json!({}));
        claims["level"] = serde_json::from_str(level).expect("JSON");
        stand.login.signed_by(&stand.login.key, claims)
    };
    for level in ["2", "2.0", "2e0", "0.2e1"] {
        stand.assert_accepted(level, &token(level)).await;
    }
    for level in ["2.1", "20", "-2", "\"2\"", "[2]", "true", "2e99"] {
        stand.assert_invalid(level, &token(level)).await;
    }
}

/// HYG-3-07, HYG-3-13
#[tokio::test]
async fn each_rule_about_the_claims_refuses_the_token_that_breaks_it() {
    let stand = Stand::new().await;
    let (now, issuer) = (at(1.0).seconds(), &stand.login.issuer);
    for (what, changes) in [
        ("an unknown issuer", json!({"iss": "https://elsewhere.example"})),
        ("the issuer with a slash", json!({"iss": format!("{issuer}/")})),
        ("this provider as issuer", json!({"iss": Provider::ISSUER})),
        ("no issuer", json!({"iss": null})),
        ("another audience", json!({"aud": "another-app"})),
        ("the audience in other letters", json!({"aud": "Approval-App"})),
        ("no audience", json!({"aud": null})),
        ("another kind of token", json!({"token_use": "id"})),
        ("no kind", json!({"token_use": null})),
        ("expired", json!({"exp": now - 31})),
        ("no expiry", json!({"exp": null})),
        ("an expiry that is text", json!({"exp": (now + 300).to_string()})),
        ("not valid yet", json!({"nbf": now + 31})),
        ("issued later", json!({"iat": now + 31})),
        ("nobody", json!({"sub": null})),
        ("an empty name", json!({"sub": ""})),
        ("a number for a name", json!({"sub": 7})),
    ] {
        stand.assert_invalid(what, &stand.login.token(at(1.0), changes)).await;
    }
    for (what, changes) in [
        ("several audiences", json!({"aud": ["another-app", "approval-app"]})),
        ("within the leeway", json!({"exp": now - 29, "nbf": now + 29, "iat": now + 29})),
        ("a claim nobody asked for", json!({"nonce": "n"})),
    ] {
        stand.assert_accepted(what, &stand.login.token(at(1.0), changes)).await;
    }
}

/// A token that this provider issued says what a client may do, not who holds the phone.
#[tokio::test]
async fn tokens_that_this_provider_issued_are_no_login_tokens() {
    let stand = Stand::new().await;
    let (auth_req_id, request) = stand.provider.asked(&[("login_hint", "carol")], at(0.0)).await;
    let body = json!({"client_id": "kiosk", "decision": "approve"});
    let token = stand.login.token(at(1.0), json!({}));
    assert_eq!(decide(&stand.provider, &token, &request, body.clone(), at(1.0)).await.status, 200);
    let tokens = stand.provider.poll(&auth_req_id, at(5.0)).await;
    for kind in ["id_token", "access_token"] {
        stand.assert_invalid(kind, tokens.text(kind)).await;
    }
    assert_eq!(stand.login.fetches(), 1, "nobody's keys were asked for");
}

#[tokio::test]
async fn a_login_without_the_scope_for_decisions_is_403() {
    let stand = Stand::new().await;
    for changes in [
        json!({"scope": null}),
        json!({"scope": ""}),
        json!({"scope": "openid profile"}),
        json!({"scope": "ciba:decided"}),
        json!({"scope": "CIBA:decide"}),
        json!({"scope": "openid", "scp": ["ciba:decide"]}),
    ] {
        let answer = stand.refusal(&stand.login.token(at(1.0), changes.clone()), at(1.0)).await;
        assert_eq!(answer.refusal(), (403, "insufficient_scope"), "{changes}");
        let challenge = Some(r#"Bearer realm="consent", error="insufficient_scope""#);
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    for changes in [json!({"scope": "openid ciba:decide"}), json!({"scope": null, "scp": ["ciba:decide"]})] {
        stand.assert_accepted(&changes.to_string(), &stand.login.token(at(1.0), changes.clone())).await;
    }
}

/// RFC 9470 §3
#[tokio::test]
async fn a_login_too_old_or_without_a_time_must_be_repeated() {
    for (setting, max_age) in [(None, 300), (Some("60"), 60)] {
        let settings: Vec<_> = setting.map(|value| ("LOGIN_MAX_AGE_SECONDS", value)).into_iter().collect();
        let stand = Stand::with(json!({}), &settings).await;
        let now = at(1.0).seconds();
        for auth_time in [json!(now - max_age - 1), json!(now + 31), json!("now"), json!(null), json!(1e300)]
        {
            let token = stand.login.token(at(1.0), json!({ "auth_time": auth_time }));
            let answer = stand.refusal(&token, at(1.0)).await;
            assert_eq!(answer.refusal(), (401, "insufficient_user_authentication"), "{auth_time}");
            let challenge = format!(
                r#"Bearer realm="consent", error="insufficient_user_authentication", max_age="{max_age}""#
            );
            assert_eq!(answer.header("www-authenticate"), Some(&*challenge));
            assert_eq!(answer.body["max_age"], max_age);
        }
        let token = stand.login.token(at(1.0), json!({"auth_time": now - max_age}));
        stand.assert_accepted("a login just recent enough", &token).await;
    }
}

/// A provider to which `login` names people by their addresses.
async fn by_email(login: &LoginIssuer) -> Provider {
    let issuers = json!([login.setting(json!({"person_claim": "email"}))]).to_string();
    Provider::with(&[("LOGIN_ISSUERS", &issuers)]).await
}

#[tokio::test]
async fn an_email_address_names_a_person_only_when_it_is_verified() {
    let login = LoginIssuer::start().await;
    let provider = by_email(&login).await;
    let entry = json!({
        "login": {"iss": login.issuer, "value": "dora@example.com"}, "channels": [{"sms": "+15555550103"}],
    });
    provider.enroll("dora", entry).await.unwrap();
    let (_, request) = provider.asked(&[("login_hint", "dora")], at(0.0)).await;
    for verified in [json!(null), json!(false), json!("true"), json!(1)] {
        let token = login.token(at(1.0), json!({"email": "dora@example.com", "email_verified": verified}));
        let answer = list(&provider, &token, at(1.0)).await;
        assert_eq!(answer.refusal(), (401, "invalid_token"), "{verified}");
    }
    let token = login.token(at(1.0), json!({"email": "no address", "email_verified": true}));
    assert_eq!(list(&provider, &token, at(1.0)).await.refusal(), (401, "invalid_token"));
    let token = login.token(at(1.0), json!({"email": "Dora@Example.com", "email_verified": true}));
    assert_eq!(list(&provider, &token, at(1.0)).await.body["requests"][0]["request"], request);
}

/// An operator writes addresses down as they were given; the issuer may spell them otherwise.
#[tokio::test]
async fn an_address_enrolled_in_capitals_is_found_by_its_login() {
    let login = LoginIssuer::start().await;
    let provider = by_email(&login).await;
    let entry = json!({
        "login": {"iss": login.issuer, "value": "Dora@Example.com"}, "channels": [{"sms": "+15555550103"}],
    });
    provider.enroll("dora", entry).await.unwrap();
    let (_, request) = provider.asked(&[("login_hint", "dora")], at(0.0)).await;
    let token = login.token(at(1.0), json!({"email": "Dora@Example.com", "email_verified": true}));
    assert_eq!(list(&provider, &token, at(1.0)).await.body["requests"][0]["request"], request);
}

/// Such a person could never decide, and nobody would know why. An address is required where the login issuer names
/// people by it.
#[tokio::test]
async fn a_person_enrolled_without_an_address_is_refused() {
    let login = LoginIssuer::start().await;
    let provider = by_email(&login).await;
    for value in ["dora", "", "dora@", "dora@example"] {
        let login = json!({"iss": login.issuer, "value": value});
        let entry = json!({"login": login, "channels": [{"sms": "+15555550103"}]});
        provider.enroll("dora", entry).await.expect_err(value);
    }
    assert_eq!(provider.ask(&[("login_hint", "dora")], at(0.0)).await.refusal(), (400, "unknown_user_id"));
}

/// CIBA-8-03, HYG-3-07
#[tokio::test]
async fn the_same_name_at_two_login_issuers_is_two_people() {
    let (one, other) = (LoginIssuer::start().await, LoginIssuer::start().await);
    let issuers = json!([one.setting(json!({})), other.setting(json!({}))]).to_string();
    let provider = Provider::with(&[("LOGIN_ISSUERS", &issuers)]).await;
    one.enroll_carol(&provider).await;
    let (_, request) = provider.asked(&[("login_hint", "carol")], at(0.0)).await;
    let (right, wrong) = (one.token(at(1.0), json!({})), other.token(at(1.0), json!({})));
    assert_eq!(list(&provider, &wrong, at(1.0)).await.body, json!({"requests": []}));
    let body = json!({"client_id": "kiosk", "decision": "approve"});
    let deciding = decide(&provider, &wrong, &request, body.clone(), at(1.0));
    assert_eq!(super::refused(&provider, deciding).await, super::refusal(404, "not_found"));
    let forged = one.signed_by(&other.key, one.claims(at(1.0), json!({})));
    let deciding = decide(&provider, &forged, &request, body.clone(), at(1.0));
    assert_eq!(super::refused(&provider, deciding).await, super::refusal(401, "invalid_token"));
    assert_eq!(decide(&provider, &right, &request, body.clone(), at(1.0)).await.status, 200);
}

/// CIBA-8-01
#[tokio::test]
async fn a_provider_without_login_issuers_lets_nobody_decide() {
    let provider = Provider::with(&[("LOGIN_ISSUERS", "")]).await;
    let (_, request) = provider.asked(&[], at(0.0)).await;
    let deciding = provider.decide("alice", &request, json!({"decision": "approve"}), at(1.0));
    assert_eq!(super::refused(&provider, deciding).await, super::refusal(401, "invalid_token"));
}
