use BackchannelAuthenticationError::{Common as Told, InvalidBindingMessage, InvalidScope, InvalidTarget};
use Common::InvalidRequest;

use super::*;

/// A valid request with changes; `None` removes a parameter.
fn parse(
    changes: &[(&str, Option<&str>)],
) -> Result<BackchannelAuthenticationRequest, BackchannelAuthenticationError> {
    let mut form = Parameters::default();
    for (name, value) in [("scope", Some("openid")), ("login_hint", Some("alice"))].iter().chain(changes) {
        form.remove(name);
        if let Some(value) = value {
            form.insert((*name).to_owned(), (*value).to_owned());
        }
    }
    BackchannelAuthenticationRequest::parse(
        &form,
        &Client { name: "City Kiosk".to_owned(), ..Client::example() },
    )
}

fn refused(changes: &[(&str, Option<&str>)]) -> BackchannelAuthenticationError {
    parse(changes).err().unwrap_or_else(|| panic!("accepted: {changes:?}"))
}

/// CIBA-7.1-03, CIBA-7.1-04, CIBA-7.2-07
#[test]
fn scope_must_be_there_and_contain_openid() {
    assert!(matches!(refused(&[("scope", None)]), Told(InvalidRequest(_))));
    assert!(matches!(refused(&[("scope", Some("profile"))]), InvalidScope(_)));
    assert!(matches!(refused(&[("scope", Some("openid \"x\""))]), InvalidScope(_)));
    assert!(matches!(refused(&[("scope", Some(&"openid ".repeat(147)))]), Told(InvalidRequest(_))));
}

/// CIBA-7.1-13, CIBA-7.2-04
#[test]
fn exactly_one_hint_is_taken() {
    assert!(matches!(refused(&[("login_hint", None)]), Told(InvalidRequest(why)) if why.contains("missing")));
    assert_eq!(refused(&[("id_token_hint", Some("x"))]), Told(InvalidRequest("more than one hint")));
    assert_eq!(refused(&[("login_hint_token", Some("x"))]), Told(InvalidRequest("more than one hint")));
    let none_but = |name| [("login_hint", None), (name, Some("x"))];
    assert!(
        matches!(parse(&[]), Ok(asked) if matches!(&asked.hint, PresentedHint::LoginHint(it) if it == "alice"))
    );
    let asked = parse(&none_but("id_token_hint"));
    assert!(matches!(asked, Ok(asked) if matches!(&asked.hint, PresentedHint::IdTokenHint(it) if it == "x")));
    let asked = parse(&none_but("login_hint_token"));
    assert!(
        matches!(asked, Ok(asked) if matches!(&asked.hint, PresentedHint::LoginHintToken(it) if it == "x"))
    );
}

/// HYG-1-06
#[test]
fn a_hint_token_may_be_8_kib_long_and_no_longer() {
    for name in ["id_token_hint", "login_hint_token"] {
        let of_length = |length| parse(&[("login_hint", None), (name, Some(&"x".repeat(length)))]);
        assert!(of_length(8192).is_ok());
        assert!(matches!(of_length(8193), Err(Told(InvalidRequest(why))) if why.contains(name)), "{name}");
    }
}

/// CIBA-7.1.1-04
#[test]
fn request_context_is_an_object_of_at_most_2_kib() {
    let context = |text: &str| parse(&[("request_context", Some(text))]);
    let read = context(r#"{"channel":{"type":"pos"}}"#).ok().and_then(|asked| asked.request_context);
    assert_eq!(read.unwrap()["channel"], serde_json::json!({"type": "pos"}));
    let of_length = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
    assert!(context(&of_length(2048)).is_ok());
    for text in ["x", "[]", "7", r#"{"a":1,"a":2}"#, &of_length(2049)] {
        assert!(
            matches!(context(text), Err(Told(InvalidRequest(why))) if why.contains("request_context")),
            "{text}"
        );
    }
}

/// CIBA-7.1-20
#[test]
fn an_unacceptable_message_has_its_own_code() {
    assert!(matches!(refused(&[("binding_message", Some("\u{1f600}"))]), InvalidBindingMessage(_)));
}

/// CIBA-7.1-24
#[test]
fn requested_expiry_is_read_under_both_its_names() {
    let seconds =
        |name| parse(&[(name, Some("60"))]).ok().and_then(|r| r.requested_expiry).map(|d| d.as_secs());
    assert_eq!(seconds("requested_expiry"), Some(60));
    assert_eq!(seconds("request_expiry"), Some(60));
    for name in ["requested_expiry", "request_expiry"] {
        assert!(matches!(refused(&[(name, Some("0"))]), Told(InvalidRequest(_))));
    }
}

/// CIBA-7.1-25, CIBA-7.1-26
#[test]
fn unknown_parameters_and_those_of_other_flows_are_ignored() {
    let ignored = ["nonce", "redirect_uri", "response_type", "state", "prompt", "max_age", "display"];
    let others = ["client_notification_token", "anything"];
    for name in ignored.into_iter().chain(others) {
        assert!(parse(&[(name, Some("x"))]).is_ok(), "{name}");
    }
}

/// TOK-6-01, TOK-6-02
#[test]
fn resource_and_audience_name_absolute_uris_each_once() {
    let ids = |changes: &[(&str, Option<&str>)]| {
        let request = parse(changes).unwrap();
        request.resources.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(&[("audience", Some("urn:example:api"))]), "urn:example:api");
    let (two, again) = ("https://a.example https://b.example", "https://a.example");
    assert_eq!(ids(&[("resource", Some(two)), ("audience", Some(again))]), two);
    for text in ["api", "https://a.example#part", "/api"] {
        for name in ["resource", "audience"] {
            assert!(matches!(refused(&[(name, Some(text))]), InvalidTarget(_)), "{name}={text}");
        }
    }
    let eleven: Vec<_> = (0..11).map(|n| format!("urn:example:{n}")).collect();
    assert!(matches!(refused(&[("resource", Some(&eleven.join(" ")))]), InvalidTarget(_)));
    assert_eq!(ids(&[("resource", Some(&eleven[1..].join(" ")))]).split(' ').count(), 10);
}

#[test]
fn acr_values_beyond_their_bounds_are_refused() {
    assert!(parse(&[("acr_values", Some("urn:a urn:b"))]).is_ok());
    assert!(matches!(refused(&[("acr_values", Some(&"a".repeat(513)))]), Told(InvalidRequest(_))));
    assert!(matches!(refused(&[("acr_values", Some("ä"))]), Told(InvalidRequest(_))));
}
