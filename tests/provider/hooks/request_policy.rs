//! The operator's own rules about requests.

use ciba_local::lambda::{Lambda, Outcome};
use ciba_tests::{Provider, Settings, at};
use serde_json::{Value, json};

use super::{DOWN, Stand, refused, schema_errors};
use crate::client_assertion::{asserted, claims, register};
use crate::foreign_issuer::Key;
use crate::signed_request;

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
