//! Methods, media types and bodies (requirements E.1): refused before anything is read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciba::http::{Body, Request};
use ciba_tests::{Provider, SECRET, at, basic, form, request};
use lambda_http::RequestExt;
use serde_json::json;

use super::{VALID, posted, provider, refused, send};

const FORM: &str = "application/x-www-form-urlencoded";
const INVALID: (u16, &str) = (400, "invalid_request");

/// A valid request in this body, under this media type.
fn typed(media_type: Option<&str>, body: impl Into<Body>) -> Request {
    let authorization = basic("kiosk", SECRET);
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(media_type.map(|value| ("content-type", value)));
    request("POST", "/bc-authorize", &headers, body)
}

/// `kiosk` sends this body.
fn raw(body: impl AsRef<[u8]>) -> Request {
    typed(Some(FORM), body.as_ref().to_vec())
}

/// Refused so, and not at the price of a single call.
async fn refused_for_nothing(provider: &Provider, request: &Request, expected: (u16, &str)) {
    provider.proxy.clear();
    refused(provider, request, expected).await;
    assert_eq!(provider.proxy.calls(), [], "{request:?}");
}

/// CIBA-7.1-01, HYG-1-16
#[tokio::test]
async fn other_methods_are_refused_with_the_one_that_is_allowed() {
    let provider = provider().await;
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let mut request = posted(&VALID);
        *request.method_mut() = method.parse().expect("a method");
        provider.proxy.clear();
        let answer = match method {
            // An answer without content.
            "HEAD" => provider.call(&provider.backchannel_authentication, &request, at(0.0)).await,
            _ => refused(&provider, &request, (405, "invalid_request")).await,
        };
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        assert_eq!(provider.proxy.calls(), [], "{method}");
    }
}

/// CIBA-7.1-01, HYG-1-03
#[tokio::test]
async fn other_media_types_are_refused() {
    let provider = provider().await;
    let json = r#"{"scope":"openid","login_hint":"alice"}"#;
    for (media_type, body) in [
        (Some("application/json"), json.to_owned()),
        (Some("application/json"), form(&VALID)),
        (None, form(&VALID)),
        (Some(""), form(&VALID)),
        (Some("multipart/form-data; boundary=x"), form(&VALID)),
        (Some("text/plain"), form(&VALID)),
        (Some("application/x-www-form-urlencoded-not"), form(&VALID)),
        // How API Gateway joins two headers.
        (Some("application/x-www-form-urlencoded,application/json"), form(&VALID)),
    ] {
        refused_for_nothing(&provider, &typed(media_type, body.into_bytes()), INVALID).await;
    }
}

/// HYG-1-03
#[tokio::test]
async fn parameters_and_capitals_of_the_media_type_are_tolerated() {
    let provider = super::patient_provider().await;
    for media_type in [
        "application/x-www-form-urlencoded; charset=UTF-8",
        "application/x-www-form-urlencoded;charset=utf-8",
        "Application/X-WWW-Form-URLEncoded",
    ] {
        let request = typed(Some(media_type), form(&VALID).into_bytes());
        assert_eq!(send(&provider, &request, at(0.0)).await.status, 200, "{media_type}");
    }
}

/// HYG-1-05
#[tokio::test]
async fn a_body_that_the_gateway_sends_as_text_is_read_like_bytes() {
    let provider = Provider::start().await;
    let request = typed(Some(FORM), Body::Text(form(&VALID)));
    assert_eq!(send(&provider, &request, at(0.0)).await.status, 200);
}

/// HYG-1-05: the event of an HTTP API, as Lambda hands it to the function.
#[tokio::test]
async fn a_body_in_base64_is_decoded_and_a_query_is_seen() {
    let provider = provider().await;
    let event = |query: &str| {
        let event = json!({
            "version": "2.0",
            "routeKey": "ANY /bc-authorize",
            "rawPath": "/bc-authorize",
            "rawQueryString": query,
            "headers": {"content-type": FORM, "authorization": basic("kiosk", SECRET)},
            "requestContext": {"http": {"method": "POST", "path": "/bc-authorize"}},
            "body": STANDARD.encode(form(&VALID)),
            "isBase64Encoded": true,
        });
        ciba::http::event::request(&event).expect("a request")
    };
    for query in ["login_hint=bob", "login_hint", "%00"] {
        refused_for_nothing(&provider, &event(query), INVALID).await;
    }
    assert_eq!(send(&provider, &event(""), at(1.0)).await.status, 200);
}

/// HYG-1-04, CAUTH-2-06
#[tokio::test]
async fn parameters_in_the_query_are_refused_whatever_they_are() {
    let provider = provider().await;
    for query in ["scope=openid", "client_secret=x", "unknown=x", "login_hint="] {
        let query: lambda_http::aws_lambda_events::query_map::QueryMap = query.parse().expect("a query");
        let request = posted(&VALID).with_query_string_parameters(query);
        refused_for_nothing(&provider, &request, INVALID).await;
    }
}

/// HYG-1-06
#[tokio::test]
async fn a_body_of_32_kib_is_read_and_one_byte_more_is_refused() {
    let provider = provider().await;
    let padded = |length: usize| {
        let body = form(&VALID) + "&unknown=";
        let padding = "x".repeat(length - body.len());
        raw(body + padding.as_str())
    };
    refused_for_nothing(&provider, &padded(32 * 1024 + 1), INVALID).await;
    assert_eq!(send(&provider, &padded(32 * 1024), at(1.0)).await.status, 200);
}

/// CIBA-7.2-08
#[tokio::test]
async fn no_body_is_a_request_without_parameters() {
    let provider = provider().await;
    for body in [Body::Empty, Body::Text(String::new()), Body::Binary(vec![])] {
        refused(&provider, &typed(Some(FORM), body.clone()), INVALID).await;
        let nobody = request("POST", "/bc-authorize", &[("content-type", FORM)], body);
        refused(&provider, &nobody, (401, "invalid_client")).await;
    }
}

/// HYG-1-01
#[tokio::test]
async fn a_repeated_parameter_is_refused_even_if_both_are_equal() {
    let provider = provider().await;
    let valid = form(&VALID);
    for repeated in [
        "scope=openid&scope=openid",
        "login_hint=alice&login_hint=bob",
        "binding_message=1234&binding_message=1234",
        "requested_expiry=60&requested_expiry=60",
        "client_id=kiosk&client_id=kiosk",
        "unknown=1&unknown=2",
        "unknown=1&unkn%6Fwn=1",
    ] {
        refused_for_nothing(&provider, &raw(format!("{repeated}&{valid}")), INVALID).await;
    }
}

/// HYG-1-01, RFC 8707 §2
#[tokio::test]
async fn acr_values_and_resource_may_be_repeated() {
    let provider = Provider::start().await;
    let resources =
        ["https://a.example", "https://b.example"].map(|it| json!({"resource": it, "scope": "openid"}));
    provider.register(json!({"client_id": "kiosk", "resources": resources})).await.expect("kiosk");
    let repeated = "&acr_values=urn:a&acr_values=urn:b&resource=https://a.example&resource=https://b.example";
    let answer = send(&provider, &raw(form(&VALID) + repeated), at(0.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let pending = super::pending(&provider).await;
    assert_eq!(pending["acr_values"], "urn:a urn:b");
    assert_eq!(pending["resources"], "https://a.example https://b.example");
}

/// CIBA-7.1-27, HYG-1-02
#[tokio::test]
async fn an_empty_parameter_counts_as_absent() {
    let provider = provider().await;
    for body in ["scope=&login_hint=alice", "scope=openid&login_hint=", "scope=openid&login_hint"] {
        refused(&provider, &raw(body), INVALID).await;
    }
    let empty =
        ["id_token_hint", "login_hint_token", "user_code", "request", "request_uri", "binding_message"];
    let credentials = ["client_id", "client_secret", "client_assertion"];
    let others = ["requested_expiry", "request_expiry", "acr_values", "audience"];
    let all = empty.iter().chain(&credentials).chain(&others).map(|name| format!("&{name}="));
    let body = form(&VALID) + all.collect::<String>().as_str() + "&scope=&=&&";
    assert_eq!(send(&provider, &raw(body), at(1.0)).await.status, 200);
}

/// HYG-1-05
#[tokio::test]
async fn what_is_not_text_is_refused() {
    let provider = provider().await;
    for bad in ["%", "%4", "%zz", "%ff", "%c3%28", "%00", "a%00b", "%ed%a0%80"] {
        let body = format!("{}&unknown={bad}", form(&VALID));
        refused_for_nothing(&provider, &raw(body), INVALID).await;
        let named = format!("{}&{bad}=x", form(&VALID));
        refused_for_nothing(&provider, &raw(named), INVALID).await;
    }
    for bytes in [b"\xff".as_slice(), b"\xc3(", b"\0"] {
        let body = [form(&VALID).as_bytes(), b"&unknown=", bytes].concat();
        refused_for_nothing(&provider, &raw(body), INVALID).await;
    }
}

/// CIBA-13-01, CIBA-13-02: there is no byte whose change makes the endpoint answer otherwise than by its protocol, and
/// as many are told as are acknowledged.
#[tokio::test]
async fn no_changed_byte_gets_anything_but_a_protocol_answer() {
    let provider = super::patient_provider().await;
    let valid = form(&[&VALID[..], &[("binding_message", "K7-2931"), ("requested_expiry", "60")]].concat());
    let known = ["invalid_request", "invalid_scope", "invalid_binding_message", "unknown_user_id"];
    let mut acknowledged = 0;
    for position in 0..valid.len() {
        for byte in *b"\xff%&=+\0{7" {
            let mut body = valid.clone().into_bytes();
            body[position] = byte;
            let shown = String::from_utf8_lossy(&body).into_owned();
            let answer = send(&provider, &raw(&body), at(0.0)).await;
            match answer.status {
                200 => acknowledged += 1,
                403 => assert_eq!(answer.refusal().1, "access_denied", "{shown}"),
                _ => {
                    let (status, code) = answer.refusal();
                    assert!(status == 400 && known.contains(&code), "{shown}: {answer:?}");
                }
            }
        }
    }
    assert_eq!(acknowledged, 16, "the limits hold");
    assert_eq!(provider.sns.attempts().len(), acknowledged);
    assert_eq!(provider.items_under("request#").await.len(), acknowledged);
}
