//! Clients that may send some kinds of hints and not others (ATK-3-03).

use ciba_tests::{Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};

use super::login_hint_token::Stand;
use super::send;

const KINDS: [&str; 7] = ["plain", "tel", "email", "sub", "iss_sub", "id_token_hint", "login_hint_token"];
const PATIENT: [(&str, &str); 2] = [("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")];

/// A hint of this kind that leads to `alice`, as `client` would send it.
async fn hint(stand: &Stand, client: &str, kind: &str) -> (&'static str, String) {
    let login = stand.provider.login.issuer();
    match kind {
        "plain" => ("login_hint", "alice".to_owned()),
        "tel" => ("login_hint", "tel:+15555550100".to_owned()),
        "email" => ("login_hint", "email:alice@example.com".to_owned()),
        "sub" => ("login_hint", "sub:alice".to_owned()),
        "iss_sub" => ("login_hint", json!({"format": "iss_sub", "iss": login, "sub": "alice"}).to_string()),
        "id_token_hint" => ("id_token_hint", id_token(stand, client).await),
        "login_hint_token" => ("login_hint_token", stand.token(json!({"jti": client}))),
        other => panic!("{other}"),
    }
}

/// An ID token of `alice` for `client`, signed with the provider's own key.
async fn id_token(stand: &Stand, client: &str) -> String {
    let provider = &stand.provider;
    let keys = ciba::keys::KeyRings::new(
        provider.table.clone(),
        ciba::keys::Kms::connect(&ciba::aws::Aws::read(&provider.environment()).expect("AWS")),
    );
    let ring = keys.get(at(0.0)).await.expect("keys");
    let claims = json!({"iss": Provider::ISSUER, "sub": "alice", "aud": client,
        "iat": at(0.0).seconds(), "exp": at(300.0).seconds()});
    ring.signing_key(ciba::domain::base::jws_algorithm::JwsAlgorithm::DEFAULT, at(0.0))
        .expect("a key")
        .sign("JWT", &claims)
        .await
        .expect("a token")
}

/// ATK-3-03, CIBA-14-04, ATK-1-11
#[tokio::test]
async fn a_client_limited_to_one_kind_of_hint_may_send_no_other() {
    let stand = Stand::with(json!({}), &PATIENT).await;
    let provider = &stand.provider;
    let alice = json!({"hints": {"plain": ["alice"], "email": ["alice@example.com"], "tel": ["+15555550100"]},
        "channels": [{"sms": "+15555550100"}]});
    provider.enroll("alice", alice).await.expect("alice");
    for allowed in KINDS {
        let client = format!("only-{allowed}");
        provider.register(json!({"client_id": client, "hint_kinds": [allowed]})).await.expect("a client");
        for kind in KINDS {
            let (parameter, value) = hint(&stand, &client, kind).await;
            let body = form(&[("scope", "openid"), (parameter, &value)]);
            let request = form_request("/bc-authorize", Some(&basic(&client, SECRET)), &body);
            provider.proxy.clear();
            let answer = send(provider, &request, at(1.0)).await;
            if kind == allowed {
                assert_eq!(answer.status, 200, "{client}: {answer:?}");
                continue;
            }
            assert_eq!(answer.refusal(), (400, "invalid_request"), "{client} sends {kind}");
            let told = "the client is not registered for hints of this kind";
            assert_eq!(answer.text("error_description"), told);
            let reads = provider.proxy.calls();
            let looked_up = reads
                .iter()
                .flat_map(|call| &call.touches)
                .any(|touch| touch.leading_key.as_deref().is_some_and(|key| !key.starts_with("client#")));
            assert!(!looked_up, "nobody is looked up for it: {reads:?}");
        }
    }
}

/// ATK-3-03
#[tokio::test]
async fn a_client_without_a_limit_may_send_every_kind() {
    let stand = Stand::with(json!({}), &PATIENT).await;
    let alice = json!({"hints": {"plain": ["alice"], "email": ["alice@example.com"], "tel": ["+15555550100"]},
        "channels": [{"sms": "+15555550100"}]});
    stand.provider.enroll("alice", alice).await.expect("alice");
    for kind in KINDS {
        let (parameter, value) = hint(&stand, "kiosk", kind).await;
        let body = form(&[("scope", "openid"), (parameter, &value)]);
        let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
        let answer = send(&stand.provider, &request, at(1.0)).await;
        assert_eq!(answer.status, 200, "{kind}: {answer:?}");
    }
}

/// ATK-3-03
#[tokio::test]
async fn a_limit_to_nothing_or_to_an_unknown_kind_is_refused() {
    let provider = Provider::start().await;
    for kinds in [json!([]), json!(["plain", "magic"]), json!(["Plain"]), json!("plain"), json!([7])] {
        let refused = provider.register(json!({"client_id": "new", "hint_kinds": kinds})).await;
        assert!(refused.is_err(), "{kinds}");
    }
    provider.register(json!({"client_id": "new", "hint_kinds": Value::Null})).await.expect("no limit");
    let items = provider.items_under("client#new").await;
    assert_eq!(items[0].get("hint_kinds"), None, "what is to come is not shut out");
}
