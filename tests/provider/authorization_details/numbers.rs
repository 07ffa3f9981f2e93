//! Numbers keep the digits that they were sent with, from the request to the tokens, and are compared by value.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_tests::{Answer, Provider, Receiver, SECRET, START, at, basic, form, form_request};
use serde_json::{Value, json};

use super::{evidence, provider, shown, token};
use crate::consent::person::{Signed, open};
use crate::foreign_issuer::Key;

const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A type whose amounts are numbers.
fn transfer() -> Value {
    let rows = |amount: &str, fee: &str, parts: &str| {
        json!([
            {"label": amount, "value": "{/amount} EUR"},
            {"label": fee, "value": "{/fee} EUR"},
            {"label": parts, "value": "{/parts}"},
        ])
    };
    let mut transfer = json!({
        "type": "transfer",
        "schema": {
            "type": "object", "additionalProperties": false, "required": ["amount"],
            "properties": {
                "amount": {"type": "number", "multipleOf": 0.01, "exclusiveMinimum": -1e3, "maximum": null},
                "fee": {"type": "number", "enum": [0, 100, 0.10]},
                "parts": {"type": "integer"},
            },
        },
        "display": {"en": {"title": "A transfer", "rows": rows("Amount", "Fee", "Parts")}},
    });
    // A literal of Rust would be a binary fraction.
    transfer["schema"]["properties"]["amount"]["maximum"] = parsed("12345678901234567.89");
    transfer
}

/// As a client writes it, byte for byte.
const SENT: &str = r#"[{"amount":12345678901234567.89,"fee":100.00,"parts":3.0,"type":"transfer"}]"#;
/// As an app repeats it that reads all numbers but the first as JavaScript does.
const REPEATED: &str = r#"[{"amount":12345678901234567.890,"fee":100,"parts":3,"type":"transfer"}]"#;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn provider_of_transfers(members: Value) -> Provider {
    let mut all = json!({"authorization_details_types": ["transfer"]});
    for (name, value) in members.as_object().expect("an object") {
        all[name] = value.clone();
    }
    let provider = provider(all).await;
    provider.put_detail_type(&transfer()).await;
    provider
}

async fn approve(provider: &Provider, request: &str, repeated: &str) -> Answer {
    let body = json!({"decision": "approve", "authorization_details": parsed(repeated)});
    provider.decide("alice", request, body, at(1.0)).await
}

/// The text of a token's claims.
fn payload(token: &str) -> String {
    let payload = token.split('.').nth(1).expect("a JWT");
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("text")
}

/// TOK-7-03: neither rounded nor in the notation of a computer.
#[tokio::test]
async fn a_person_reads_the_digits_that_the_client_sent() {
    let provider = provider_of_transfers(json!({})).await;
    for (sent, amount, parts) in [
        (SENT, "12345678901234567.89 EUR", "3.0"),
        (r#"[{"amount":100.00,"parts":1e1,"type":"transfer"}]"#, "100.00 EUR", "10"),
        (r#"[{"amount":1.5e2,"parts":2E+0,"type":"transfer"}]"#, "150 EUR", "2"),
    ] {
        let (_, request) =
            provider.asked(&[("authorization_details", sent), ("login_hint", "bob")], START).await;
        let page = open(&provider, &request, at(1.0)).await;
        for shown in [amount, parts] {
            assert!(page.html.contains(&format!("<dd dir=\"auto\">{shown}</dd>")), "{shown}: {}", page.html);
        }
    }
    let (_, request) = provider.asked(&[("authorization_details", SENT)], START).await;
    let view = shown(&provider, &request, "en", at(1.0)).await;
    assert_eq!(view["authorization_details"].to_string(), SENT);
    assert_eq!(view["details"][0]["rows"][1]["value"], "100.00 EUR");
}

/// TOK-7-03, TOK-7-04, HYG-5-03
#[tokio::test]
async fn what_is_granted_has_the_digits_that_were_approved() {
    let members = json!({"scope": "openid offline_access", "grant_types": [CIBA, "refresh_token"]});
    let provider = provider_of_transfers(members).await;
    let asking = [("authorization_details", SENT), ("scope", "openid offline_access")];
    let (auth_req_id, request) = provider.asked(&asking, START).await;
    assert_eq!(approve(&provider, &request, REPEATED).await.status, 200);
    assert_eq!(evidence(&provider).await["authorization_details"].to_string(), SENT);
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    let refreshing = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    let refreshed = token(&provider, &refreshing, at(6.0)).await;
    for answer in [tokens, refreshed] {
        assert_eq!(answer.body["authorization_details"].to_string(), SENT, "{answer:?}");
        let access_token = answer.text("access_token");
        let expected = format!(r#""authorization_details":{SENT}"#);
        assert!(payload(access_token).contains(&expected), "{}", payload(access_token));
        let introspect = form(&[("token", access_token)]);
        let introspect = form_request("/oauth/introspect", Some(&basic("kiosk", SECRET)), &introspect);
        let told = provider.call(&provider.introspection, &introspect, at(7.0)).await;
        assert_eq!(told.body["authorization_details"].to_string(), SENT);
    }
}

/// TOK-7-03: as JSON says what a number is, and not how somebody writes it.
#[tokio::test]
async fn an_app_may_repeat_a_number_in_another_way() {
    let provider = provider_of_transfers(json!({})).await;
    let sent = r#"[{"amount":100.00,"type":"transfer"}]"#;
    let repeat = |number: &str| format!(r#"[{{"type":"transfer","amount":{number}}}]"#);
    let (auth_req_id, request) = provider.asked(&[("authorization_details", sent)], START).await;
    for other in [
        "100.01",
        "99.99",
        "1e3",
        "-100",
        "\"100.00\"",
        "100.000000000000000000001",
        "1e400",
        "[100]",
        "null",
    ] {
        let answer = approve(&provider, &request, &repeat(other)).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{other}");
    }
    for same in ["100", "100.0", "1e2", "1E+2", "10000e-2", "0.1e3"] {
        assert_eq!(approve(&provider, &request, &repeat(same)).await.status, 200, "{same}");
    }
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    assert_eq!(
        tokens.body["authorization_details"].to_string(),
        sent,
        "as it was sent, not as it was repeated"
    );
}

/// TOK-7-02
#[tokio::test]
async fn a_schema_sees_the_value_of_each_digit() {
    let provider = provider_of_transfers(json!({})).await;
    let status = async |members: &str| {
        let details = format!(r#"[{{"type":"transfer",{members}}}]"#);
        let asking = [("authorization_details", &*details), ("login_hint", "bob")];
        let answer = provider.ask(&asking, START).await;
        (answer.status, answer.body["error"].clone())
    };
    let refused = (400, json!("invalid_authorization_details"));
    let mut accepted = Vec::new();
    for members in [
        r#""amount":12345678901234567.90"#,
        r#""amount":12345678901234567.891"#,
        r#""amount":0.001"#,
        r#""amount":100.00000000000000000000001"#,
        r#""amount":-1000.00"#,
        r#""amount":1e17"#,
        r#""amount":1,"fee":100.00000000000000000001"#,
        r#""amount":1,"fee":0.1000000000000000055511151231257827021181583404541015625"#,
        r#""amount":1,"parts":3.5"#,
        r#""amount":1,"parts":30000000000000000.5"#,
        r#""amount":"1""#,
        // However long it would take to write them in full.
        r#""amount":1e400"#,
        r#""amount":1e999999999"#,
        r#""amount":1e-999999999"#,
        r#""amount":0e999999999"#,
        r#""amount":1e99999999999999999999999"#,
        r#""amount":1,"parts":1e100"#,
    ] {
        if status(members).await != refused {
            accepted.push(members);
        }
    }
    assert_eq!(accepted, [] as [&str; 0]);
    let digits = format!(r#""amount":1.{}"#, "0".repeat(4000));
    assert_eq!(status(&digits).await, refused, "4000 digits");
    for members in [
        r#""amount":12345678901234567.89,"fee":100.00,"parts":3.0"#,
        r#""amount":0.07,"fee":1e-1,"parts":1e1"#,
        r#""amount":-999.99,"fee":0.0,"parts":30000000000000001"#,
    ] {
        let details = format!(r#"[{{"type":"transfer",{members}}}]"#);
        let answer = provider.ask(&[("authorization_details", &details)], START).await;
        assert_eq!(answer.status, 200, "{members}: {answer:?}");
    }
}

/// ATK-1-08, TOK-7-03
#[tokio::test]
async fn what_a_passkey_signs_has_the_digits_that_were_sent() {
    let provider = provider_of_transfers(json!({})).await;
    let mut phone = provider.enroll_passkey("alice", at(0.0)).await;
    let (auth_req_id, request) = provider.asked(&[("authorization_details", SENT)], at(1.0)).await;
    let signed =
        Signed::on_page(&provider, &request, &mut phone, ("approve", "openid profile"), at(2.0)).await;
    assert_eq!(signed.send(&provider, &request, at(3.0)).await.status, 200);
    let kept = evidence(&provider).await;
    let statement = parsed(kept["proof"]["statement"].as_str().expect("a statement"));
    assert_eq!(format!("[{}]", statement["authorization_details"][0]["value"]), SENT);
    assert_eq!(
        statement["authorization_details"][0]["words"]["rows"][0]["value"],
        "12345678901234567.89 EUR"
    );
    let tokens = provider.poll(&auth_req_id, at(6.0)).await;
    assert_eq!(tokens.body["authorization_details"].to_string(), SENT);
}

/// CIBA-7.1.1-02, TOK-7-04: in a JWT numbers are JSON of their own, and a push is another body.
#[tokio::test]
async fn a_signed_request_and_a_push_keep_the_digits() {
    let receiver = Receiver::start().await;
    let key = Key::es256("one");
    let provider = provider_of_transfers(json!({
        "backchannel_token_delivery_mode": "push", "backchannel_client_notification_endpoint": receiver.url(),
        "jwks": {"keys": [key.jwk]}, "backchannel_authentication_request_signing_alg": "ES256",
    }))
    .await;
    let s = at(0.0).seconds();
    let own = json!({"iss": "kiosk", "aud": Provider::ISSUER, "iat": s, "nbf": s, "exp": s + 60, "jti": "1",
        "scope": "openid", "login_hint": "alice", "requested_expiry": 90,
        "client_notification_token": "8d67dc78-7faa-4d41-aabd-67707b374255"});
    let own = own.to_string().replace(r#""requested_expiry":90"#, r#""requested_expiry":9.0e1"#);
    let claims = own.replacen('{', &format!(r#"{{"authorization_details":{SENT},"#), 1);
    let jwt = key.sign(&key.header().to_string(), &claims);
    let request = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &form(&[("request", &jwt)]));
    let answer = provider.call(&provider.backchannel_authentication, &request, START).await;
    assert_eq!((answer.status, &answer.body["expires_in"]), (200, &json!(90)), "{answer:?}");
    let message = provider.sns.messages().pop().expect("a message").text;
    let request = message.rsplit('/').next().expect("a link");
    assert_eq!(approve(&provider, request, REPEATED).await.status, 200);
    provider.deliver(at(2.0)).await;
    assert_eq!(receiver.calls()[0].body["authorization_details"].to_string(), SENT);
}
