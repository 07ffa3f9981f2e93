use std::collections::BTreeMap;

use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const REQUEST: RequestKey = RequestKey::from_bytes([7; 16]);

fn issuer(label: &str) -> LoginIssuer {
    serde_json::from_value(json!({
        "issuer": "https://login.example",
        "jwks_uri": "https://login.example/jwks",
        "audience": { "claim": "aud", "value": "approval-app" },
        "algorithms": ["ES256"],
        "acr": { "login:mfa": "urn:example:mfa", "login:pin": "urn:example:mfa", "login:pwd": "urn:example:pwd" },
        "browser": { "client_id": "ciba-page", "label": label, "name": "Acme", "scope": "openid email" },
    }))
    .unwrap()
}

fn document() -> Value {
    json!({
        "issuer": "https://login.example",
        "authorization_endpoint": "https://login.example/authorize?tenant=7",
        "token_endpoint": "https://login.example/token",
    })
}

fn metadata(announces: bool) -> IssuerMetadata {
    let mut document = document();
    document["authorization_response_iss_parameter_supported"] = announces.into();
    IssuerMetadata::parse(document.to_string().as_bytes(), "https://login.example", false).unwrap()
}

fn attempt() -> LoginAttempt {
    LoginAttempt::new(&issuer("acme"), (Some(&REQUEST), None), [[1; 32], [2; 32], [3; 32]], NOW)
}

fn asked(issuer: &LoginIssuer, acr_values: Option<&str>) -> BTreeMap<String, String> {
    let asked = Asked {
        redirect_uri: "https://op.example/login/callback",
        max_age: Duration::from_secs(300),
        acr_values,
        language: "de",
    };
    match attempt().destination(issuer, &metadata(false), &asked) {
        Some(url) => {
            assert!(url.as_str().starts_with("https://login.example/authorize?"), "{url}");
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            let all: BTreeMap<_, _> = pairs.iter().cloned().collect();
            assert_eq!(all.len(), pairs.len(), "each once");
            all
        }
        None => panic!("the issuer has a login"),
    }
}

/// RP-1-02: what the document does not say is tried.
#[test]
fn metadata_say_whether_an_assertion_will_be_accepted() {
    let without_secret = issuer("acme").browser.unwrap();
    let mut with_secret = without_secret.clone();
    with_secret.client_secret = Some("c2VhbGVk".to_owned());
    let (methods, algorithms) =
        ("token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported");
    for (member, value, is_accepted) in [
        (methods, Value::Null, true),
        (methods, json!(["client_secret_basic", "private_key_jwt"]), true),
        (methods, json!(["client_secret_basic"]), false),
        (methods, json!([]), false),
        (algorithms, json!(["RS256", "ES256"]), true),
        (algorithms, json!(["RS256"]), false),
    ] {
        let mut document = document();
        document[member] = value.clone();
        let read = IssuerMetadata::parse(document.to_string().as_bytes(), "https://login.example", false);
        let read = read.unwrap();
        assert_eq!(read.accepts(&without_secret).is_ok(), is_accepted, "{member} {value}");
        assert_eq!(read.accepts(&with_secret), Ok(()), "{member} {value}");
    }
}

/// RP-1-01: OIDC Core §3.1.2.1, RFC 7636 §4.3, RFC 9700 §2.1.1.
#[test]
fn the_authorization_request_is_bound_to_this_attempt() {
    let all = asked(&issuer("acme"), None);
    let expected = [
        ("client_id", "ciba-page"),
        ("code_challenge_method", "S256"),
        ("max_age", "300"),
        ("redirect_uri", "https://op.example/login/callback"),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("tenant", "7"),
        ("ui_locales", "de"),
    ];
    for (name, value) in expected {
        assert_eq!(all.get(name).map(String::as_str), Some(value), "{name}");
    }
    let attempt = attempt();
    assert_eq!((&all["state"], &all["nonce"]), (&attempt.state, &attempt.nonce));
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, attempt.verifier().as_bytes()));
    assert_eq!(all["code_challenge"], challenge);
    assert!(!all.values().any(|value| value == attempt.verifier()), "the verifier stays here");
    assert_eq!(attempt.verifier().len(), 43);
    for absent in ["login_hint", "id_token_hint", "prompt", "acr_values", "response_mode"] {
        assert!(!all.contains_key(absent), "{absent}");
    }
}

#[test]
fn an_issuer_that_ignores_max_age_is_asked_for_a_new_login() {
    let mut issuer = issuer("acme");
    issuer.browser.as_mut().unwrap().prompt_login = true;
    let all = asked(&issuer, None);
    assert_eq!((&*all["prompt"], &*all["max_age"]), ("login", "300"));
}

/// TOK-1-05: the client names classes as this provider does, and the issuer gets its own names.
#[test]
fn classes_are_asked_for_by_the_issuers_own_names() {
    let of = |acr_values| asked(&issuer("acme"), Some(acr_values)).get("acr_values").cloned();
    assert_eq!(of("urn:example:mfa").as_deref(), Some("login:mfa login:pin"));
    assert_eq!(of("idp:acme urn:example:pwd phr").as_deref(), Some("login:pwd"));
    assert_eq!(of("idp:acme phr login:mfa"), None);
}

/// RP-1-03, RP-1-04: RFC 6819 §5.3.5, RFC 9207 §2.4, OIDC Core §3.1.2.6.
#[test]
fn a_callback_is_of_this_attempt_and_its_issuer() {
    use CallbackRefused as No;
    let attempt = attempt();
    let state = attempt.state().to_owned();
    let issuer = "https://login.example";
    let judge = |parameters: &[(&str, &str)], announces: bool, now: Timestamp| {
        let callback = Callback::read(|name| {
            parameters.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value).collect()
        });
        let callback = callback.expect("each parameter once");
        attempt.matches(&callback, now)?;
        attempt.code(&callback, &metadata(announces)).map(str::to_owned)
    };
    let late = NOW.plus(ATTEMPT_LIFETIME);
    for (parameters, announces, now, expected) in [
        (vec![("state", &*state), ("code", "c")], false, NOW, Ok("c".to_owned())),
        (vec![("state", &*state), ("code", "c"), ("iss", issuer)], true, NOW, Ok("c".to_owned())),
        (vec![("state", &*state), ("code", "c"), ("iss", issuer)], false, NOW, Ok("c".to_owned())),
        (vec![("code", "c")], false, NOW, Err(No::NotStartedHere)),
        (vec![("state", "other"), ("code", "c")], false, NOW, Err(No::NotStartedHere)),
        (vec![("state", "other"), ("error", "access_denied")], false, NOW, Err(No::NotStartedHere)),
        (vec![("state", &*state), ("code", "c")], false, late, Err(No::Expired)),
        (vec![("state", &*state), ("code", "c")], true, NOW, Err(No::OtherIssuer)),
        (vec![("state", &*state), ("error", "access_denied")], true, NOW, Err(No::OtherIssuer)),
        (
            vec![("state", &*state), ("code", "c"), ("iss", "https://evil.example")],
            false,
            NOW,
            Err(No::OtherIssuer),
        ),
        (
            vec![("state", &*state), ("code", "c"), ("iss", "https://login.example/")],
            true,
            NOW,
            Err(No::OtherIssuer),
        ),
        (vec![("state", &*state), ("error", "access_denied")], false, NOW, Err(No::NotLoggedIn)),
        (vec![("state", &*state), ("error", "x"), ("code", "c")], false, NOW, Err(No::NotLoggedIn)),
        (vec![("state", &*state), ("error", "server_error")], false, NOW, Err(No::IssuerFailed)),
        (vec![("state", &*state)], false, NOW, Err(No::NoCode)),
        (vec![("state", &*state), ("code", "")], false, NOW, Err(No::NoCode)),
    ] {
        assert_eq!(judge(&parameters, announces, now), expected, "{parameters:?} {announces}");
    }
    for refused in
        [No::NotStartedHere, No::Expired, No::OtherIssuer, No::NotLoggedIn, No::IssuerFailed, No::NoCode]
    {
        assert!(!refused.why().is_empty());
    }
}

/// RFC 6749 §3.1
#[test]
fn a_repeated_parameter_is_no_callback() {
    for repeated in ["state", "code", "error", "iss"] {
        let values = |name: &str| if name == repeated { vec!["a", "b"] } else { vec!["a"] };
        assert!(Callback::read(values).is_none(), "{repeated}");
    }
}

/// RP-1-02, HYG-4-02: OIDC Discovery §3, §4.3.
#[test]
fn metadata_is_of_this_issuer_with_endpoints_that_may_be_called() {
    let parse = |document: &Value, local| {
        IssuerMetadata::parse(document.to_string().as_bytes(), "https://login.example", local)
    };
    assert!(parse(&document(), false).is_ok_and(|it| !it.names_itself));
    for (member, value) in [
        ("issuer", json!("https://login.example/")),
        ("issuer", json!("https://evil.example")),
        ("issuer", Value::Null),
        ("authorization_endpoint", Value::Null),
        ("authorization_endpoint", json!("http://login.example/authorize")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("authorization_endpoint", json!("/authorize")),
        ("token_endpoint", Value::Null),
        ("token_endpoint", json!("https://10.0.0.1/token")),
        ("token_endpoint", json!("https://login.example:8443/token")),
        ("token_endpoint", json!("http://localhost:1/token")),
    ] {
        let mut document = document();
        document[member] = value.clone();
        assert!(parse(&document, false).is_err(), "{member} {value}");
    }
    let mut local = document();
    local["token_endpoint"] = "http://localhost:1/token".into();
    assert!(parse(&local, true).is_ok());
    assert!(IssuerMetadata::parse(b"{\"issuer\":1,\"issuer\":2}", "https://login.example", false).is_err());
    for (issuer, url) in [
        ("https://login.example", "https://login.example/.well-known/openid-configuration"),
        ("https://login.example/", "https://login.example/.well-known/openid-configuration"),
        ("https://login.example/t/v2.0", "https://login.example/t/v2.0/.well-known/openid-configuration"),
    ] {
        assert_eq!(IssuerMetadata::url(issuer), url);
    }
}

#[test]
fn a_label_selects_one_issuer_and_an_unknown_one_none() {
    let api_only = LoginIssuer { browser: None, ..issuer("x") };
    let all = [issuer("acme"), api_only, issuer("other")];
    let labels = |acr_values: Option<&str>| {
        let offered = offered(&all, acr_values);
        offered.iter().map(|(_, browser)| browser.label.clone()).collect::<Vec<_>>()
    };
    for (acr_values, expected) in [
        (None, &["acme", "other"][..]),
        (Some("urn:example:mfa"), &["acme", "other"]),
        (Some("urn:example:mfa idp:other"), &["other"]),
        (Some("idp:nobody idp:acme"), &["acme"]),
        (Some("idp:nobody"), &["acme", "other"]),
        (Some("idp:"), &["acme", "other"]),
    ] {
        assert_eq!(labels(acr_values), expected, "{acr_values:?}");
    }
}

#[test]
fn an_attempt_reads_back_from_its_text() {
    let attempt = attempt();
    let read = LoginAttempt::decode(attempt.encode().as_bytes()).unwrap();
    assert_eq!((&read, read.request()), (&attempt, Some(REQUEST)));
    assert_eq!(read.expires_at(), NOW.plus(ATTEMPT_LIFETIME));
    assert_eq!(LoginAttempt::decode(b"{}"), None);
}

/// HYG-5-01
#[test]
fn debug_output_shows_nothing_that_binds_the_browser() {
    let (attempt, text) = (attempt(), format!("{:?}", attempt()));
    for secret in [&attempt.state, &attempt.nonce, &attempt.verifier, &attempt.request] {
        assert!(!text.contains(secret), "{text}");
    }
}
