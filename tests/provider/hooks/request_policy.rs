//! The operator's own rules about requests.

use ciba_local::lambda::{Lambda, Outcome};
use ciba_tests::{Provider, SECRET, Settings, at, basic, form, form_request};
use serde_json::{Value, json};

use super::{DOWN, Stand, refused, schema_errors};
use crate::client_assertion::{asserted, claims, register};
use crate::consent::person::open;
use crate::foreign_issuer::Key;
use crate::signed_request;
use crate::token::tokens::verified;

const VALID: [(&str, &str); 3] =
    [("binding_message", "ABC-12"), ("acr_values", "urn:a"), ("requested_expiry", "60")];

/// A provider with a policy that allows everything.
async fn stand() -> Stand {
    stand_with(&[]).await
}

async fn stand_with(settings: Settings<'_>) -> Stand {
    let stand = Stand::of("REQUEST_POLICY_FUNCTION", "request-policy-event", settings).await;
    stand.answers(json!({"version": 1, "allowed": true}));
    stand
}

/// HOOK-3-01
#[tokio::test]
async fn the_policy_gets_the_valid_request_and_what_is_unknown() {
    let stand = stand().await;
    let client = json!({"client_id": "kiosk", "backchannel_user_code_parameter": true});
    stand.provider.register(client).await.expect("kiosk");
    // And what a confused client may send here.
    let further = [
        ("x_branch", "Main Street 7"),
        ("user_code", "4711"),
        ("x_empty", ""),
        ("Password", "not-yours-0"),
        ("access_token", "not-yours-1"),
        ("auth_req_id", "not-yours-2"),
        ("Client_Secret", "not-yours-3"),
    ];
    let answer = stand.provider.ask(&[&VALID[..], &further].concat(), at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut events = stand.events();
    let id = events[0]["id"].take();
    assert!(id.as_str().is_some_and(|id| id.len() == 22), "{id}");
    let request = json!({"scope": "openid profile", "resources": [], "acr_values": "urn:a",
        "binding_message": "ABC-12", "requested_expiry": 60, "has_user_code": true, "is_signed": false,
        "parameters": {"x_branch": "Main Street 7"}});
    let client = json!({"client_id": "kiosk", "client_name": "City Kiosk"});
    let event = json!({"version": 1, "hook": "request_policy", "id": null, "client": client, "sub": "alice",
        "request": request});
    assert_eq!(events, [event], "neither the secret nor the hint nor the code");
    let invocation = stand.provider.lambda.invocations().pop().expect("an invocation");
    assert_eq!(invocation.caller.as_deref(), Some("backchannelauthentication"));
}

/// HOOK-3-01: it judges what would otherwise be acknowledged.
#[tokio::test]
async fn the_policy_is_not_asked_about_what_is_refused_anyway() {
    let stand = stand_with(&[("ASKS_PER_TEN_MINUTES", "1")]).await;
    refused(&stand, &[("login_hint", "nobody")], (400, "unknown_user_id")).await;
    refused(&stand, &[("scope", "openid admin")], (400, "invalid_scope")).await;
    assert!(stand.events().is_empty());
    assert_eq!(stand.provider.ask(&[], at(0.0)).await.status, 200);
    refused(&stand, &[], (403, "access_denied")).await;
    assert_eq!(stand.events().len(), 1, "asked too often, which is not the policy's to say");
}

/// HOOK-3-02
#[tokio::test]
async fn a_policy_refuses_with_the_endpoints_errors() {
    let stand = stand().await;
    for (error, status) in [
        ("access_denied", 403),
        ("invalid_request", 400),
        ("invalid_scope", 400),
        ("invalid_binding_message", 400),
        ("invalid_target", 400),
        ("invalid_authorization_details", 400),
    ] {
        let answer = json!({"version": 1, "allowed": false, "error": error, "reason": "closed on Sundays"});
        assert_eq!(schema_errors("request-policy-answer", &answer), [""; 0]);
        stand.answers(answer);
        refused(&stand, &VALID, (status, error)).await;
        let line = stand.provider.eavesdropper.lines("hook").pop().expect("a line");
        assert_eq!((&line["hook"], &line["outcome"]), (&json!("request_policy"), &json!("refused")));
        assert_eq!(line["detail"], "closed on Sundays");
    }
    let answer = stand.provider.ask(&VALID, at(2.0)).await;
    assert!(!answer.html.contains("Sundays"), "the reason is the operator's own: {answer:?}");
}

/// HOOK-2-01
#[tokio::test]
async fn a_policy_that_fails_is_503_and_leaves_nothing() {
    let stand = stand().await;
    for outcome in [
        Outcome::Fails,
        Outcome::IsDown,
        Outcome::IsThrottled,
        Outcome::Returns(Vec::new()),
        Outcome::Returns(b"true".to_vec()),
        Outcome::json(&json!({"version": 1})),
        Outcome::json(&json!({"version": 1, "allowed": false})),
        Outcome::json(&json!({"version": 1, "allowed": true, "error": "access_denied"})),
        Outcome::json(&json!({"version": 1, "allowed": true, "properties": ["a"]})),
        Outcome::json(&json!({"version": 1, "allowed": true, "properties": {"note": "x".repeat(2048)}})),
        Outcome::Returns(br#"{"version": 1, "allowed": true, "properties": {"a": 1, "a": 2}}"#.to_vec()),
        Outcome::json(&json!({"version": 1, "allowed": true, "note": "x".repeat(17 * 1024)})),
    ] {
        stand.does(outcome);
        refused(&stand, &VALID, DOWN).await;
    }
}

/// HOOK-3-01
#[tokio::test]
async fn unknown_parameters_that_the_policy_cannot_get_are_refused() {
    let stand = stand().await;
    // With the name, the quotes and the braces.
    let fits = "x".repeat(4 * 1024 - r#"{"x_note":""}"#.len());
    assert_eq!(stand.provider.ask(&[("x_note", &fits)], at(0.0)).await.status, 200);
    let stand = stand_with(&[]).await;
    refused(&stand, &[("x_note", &format!("{fits}x"))], (400, "invalid_request")).await;
    // What JSON escapes counts as it is sent.
    refused(&stand, &[("x_note", &"\u{1}".repeat(700))], (400, "invalid_request")).await;
    assert!(stand.events().is_empty());
    let without = Provider::start().await;
    assert_eq!(without.ask(&[("x_note", &format!("{fits}x"))], at(0.0)).await.status, 200);
}

/// HOOK-3-02: as docs/hooks.md warns.
#[tokio::test]
async fn a_signed_request_is_used_up_before_the_policy_answers() {
    let stand = stand().await;
    let key = Key::es256("one");
    let signer = json!({"backchannel_authentication_request_signing_alg": "ES256"});
    register(&stand.provider, "signer", &[&key], signer).await;
    let sign = |claims: Value| key.sign(&key.header().to_string(), &claims.to_string());
    let signed = sign(signed_request::claims(json!({"iss": "signer"})));
    let send = async |jti: &str| {
        let assertion = sign(claims(json!({"iss": "signer", "sub": "signer", "jti": jti})));
        let request = asserted("/bc-authorize", &assertion, &[("request", &signed)]);
        stand.provider.call(&stand.provider.backchannel_authentication, &request, at(7.0)).await
    };
    stand.does(Outcome::Fails);
    assert_eq!(send("1").await.refusal(), DOWN);
    assert_eq!(stand.events()[0]["request"]["is_signed"], true);
    stand.answers(json!({"version": 1, "allowed": true}));
    assert_eq!(send("2").await.refusal(), (400, "invalid_request"), "it was used");
}

/// HOOK-3-01: a request with everything that fits into a token fits into an event.
#[tokio::test]
async fn the_policy_also_gets_the_largest_request() {
    let stand = stand().await;
    let context = format!(r#"{{"channel":{{"type":"{}"}}}}"#, "\\u0001".repeat(300));
    let further = "x".repeat(4 * 1024 - r#"{"x_note":""}"#.len());
    let acr_values = "\"".repeat(512);
    let parameters =
        [("request_context", context.as_str()), ("x_note", &further), ("acr_values", &acr_values)];
    let answer = stand.provider.ask(&parameters, at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stand.events().len(), 1);
}

/// HOOK-3-01: the resolver says who it is, and then the policy judges.
#[tokio::test]
async fn the_policy_judges_whom_the_resolver_described() {
    let people = Lambda::arn("people");
    let stand = stand_with(&[("USER_RESOLVER_FUNCTION", &people)]).await;
    let user = json!({"subject": "carol-7", "sub": "carol", "channels": [{"sms": "+15555550300"}]});
    stand.provider.lambda.set_function(&people, move |_| Outcome::json(&json!({"version": 1, "user": user})));
    stand.answers(json!({"version": 1, "allowed": false, "error": "access_denied"}));
    let hint = [("login_hint", "email:carol@example.com")];
    refused(&stand, &hint, (403, "access_denied")).await;
    let invocations = stand.provider.lambda.invocations();
    let called: Vec<_> = invocations.iter().map(|it| it.function.as_str()).collect();
    assert_eq!(called, [people.as_str(), stand.arn.as_str()]);
    assert_eq!(invocations[1].event["sub"], "carol");
    let entries = stand.provider.items_under("user#").await;
    assert!(entries.iter().all(|item| item["resolved_at"].is_null()), "and nothing of her is stored");
}

/// Properties that no client, person, log or event may get: the provider looks for this word in all of them.
const WORD: &str = "quince-marmalade-under-glass";

/// A provider whose policy says this about every request, and a client that may refresh.
async fn with_properties(properties: &Value) -> Stand {
    let stand = stand().await;
    let client = json!({"client_id": "kiosk", "scope": "openid profile offline_access",
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
    stand.provider.register(client).await.expect("kiosk");
    let answer = json!({"version": 1, "allowed": true, "properties": properties});
    assert_eq!(schema_errors("request-policy-answer", &answer), [""; 0]);
    stand.answers(answer);
    stand.provider.eavesdropper.secret("a property", WORD);
    stand
}

/// The items that have the properties, by sort key and attribute.
async fn kept(stand: &Stand) -> Vec<(String, &'static str, Value)> {
    let mut kept = Vec::new();
    for item in stand.provider.items().await {
        for name in ["properties", "granted_properties"] {
            let sk = item["sk"].as_str().expect("a key").to_owned();
            let text = item[name].as_str();
            kept.extend(text.map(|it| (sk, name, serde_json::from_str(it).expect("JSON"))));
        }
    }
    kept.sort_by_key(|(sk, ..)| sk.clone());
    kept
}

/// HOOK-3-03
#[tokio::test]
async fn properties_are_kept_with_the_request_and_the_grant() {
    let properties = json!({"tenant": WORD, "limit": 7, "tags": [{"a": null}]});
    let stand = with_properties(&properties).await;
    let (auth_req_id, request) = stand.provider.asked(&[("scope", "openid offline_access")], at(0.0)).await;
    let asked = ("detail".to_owned(), "properties", properties.clone());
    assert_eq!(kept(&stand).await, std::slice::from_ref(&asked));
    stand.provider.approve(&request, at(1.0)).await;
    let tokens = stand.provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let granted = ("request".to_owned(), "granted_properties", properties);
    assert_eq!(kept(&stand).await, [asked, granted.clone()]);
    // The grant outlives the request, and is refreshed with them.
    stand.provider.sweep(at(900_000.0)).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    let refresh = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&refresh));
    let refreshed = stand.provider.call(&stand.provider.token, &refresh, at(900_000.0)).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert_eq!(kept(&stand).await, [granted]);
}

/// HOOK-3-03: neither the client nor the person, nor, which each provider looks for, a log or an event.
#[tokio::test]
async fn properties_reach_neither_the_client_nor_the_person() {
    let stand = with_properties(&json!({"tenant": WORD})).await;
    let provider = &stand.provider;
    let acknowledged = provider.ask(&[("scope", "openid profile offline_access")], at(0.0)).await;
    assert_eq!(acknowledged.status, 200, "{acknowledged:?}");
    let message = provider.sns.messages().pop().expect("a message").text;
    let request = message.rsplit('/').next().expect("a link").to_owned();
    let page = open(provider, &request, at(1.0)).await;
    let shown = provider.consent("alice", "GET", &format!("/consent/{request}"), "", at(1.0)).await;
    provider.approve(&request, at(2.0)).await;
    let tokens = provider.poll(acknowledged.text("auth_req_id"), at(5.0)).await;
    let token = tokens.text("access_token");
    let told = form_request("/oauth/introspect", Some(&basic("kiosk", SECRET)), &form(&[("token", token)]));
    let told = provider.call(&provider.introspection, &told, at(6.0)).await;
    let claims = provider.call(&provider.userinfo, &super::bearer("/userinfo", token), at(6.0)).await;
    provider.emit(at(7.0)).await;
    for answer in [&acknowledged, &page, &shown, &tokens, &told, &claims] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.html.contains(WORD) && !answer.body.to_string().contains(WORD), "{answer:?}");
    }
    for token in [token, tokens.text("id_token")] {
        let (_, claims) = verified(provider, token).await;
        assert!(!claims.to_string().contains(WORD), "{claims}");
    }
    assert!(!message.contains(WORD), "{message}");
    for item in provider.items_under("evidence#").await {
        assert!(!item.to_string().contains(WORD), "{item}");
    }
}

/// HOOK-3-03: what a policy does not say is kept nowhere, and costs nothing.
#[tokio::test]
async fn without_properties_no_item_is_written_for_them() {
    for answer in [
        json!({"version": 1, "allowed": true}),
        json!({"version": 1, "allowed": true, "properties": {}}),
        json!({"version": 1, "allowed": true, "properties": null}),
    ] {
        let stand = stand().await;
        stand.answers(answer);
        stand.provider.asked(&[], at(0.0)).await;
        let items = stand.provider.items_under("request#").await;
        assert_eq!(items.len(), 1, "{items:?}");
    }
}
