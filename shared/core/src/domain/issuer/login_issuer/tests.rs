use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const MAX_AGE: Duration = Duration::from_secs(300);

fn issuer() -> LoginIssuer {
    serde_json::from_value(json!({
        "issuer": "https://login.example",
        "jwks_uri": "https://login.example/jwks",
        "audience": { "claim": "aud", "value": "approval-app" },
        "required_claims": { "token_use": "access" },
        "scope": "ciba:decide",
        "algorithms": ["ES256"],
        "acr": { "login:mfa": "urn:example:mfa" },
        "amr": { "otp": "otp" },
    }))
    .unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://login.example",
        "aud": ["other", "approval-app"],
        "client_id": "app-client",
        "token_use": "access",
        "scope": "profile ciba:decide",
        "sub": "alice",
        "jti": "token-1",
        "iat": NOW.seconds() - 10,
        "exp": NOW.seconds() + 60,
        "auth_time": NOW.seconds() - 20,
        "acr": "login:mfa",
        "amr": ["pwd", "otp"],
    })
}

fn judge(claims: Value) -> Result<LoginProof, LoginRefused> {
    issuer().judge(claims.as_object().unwrap(), NOW, MAX_AGE)
}

fn with(claim: &str, value: Value) -> Value {
    let mut all = claims();
    all[claim] = value;
    all
}

fn without(claim: &str) -> Value {
    let mut all = claims();
    all.as_object_mut().unwrap().remove(claim);
    all
}

/// HYG-1-06: however much a login issuer says, our tokens have room for what is configured.
#[test]
fn a_login_says_no_more_than_the_fullest_one() {
    let mut issuer = issuer();
    issuer.acr.insert("login:pwd".to_owned(), "pwd".to_owned());
    issuer.amr.insert("sms".to_owned(), "otp".to_owned());
    issuer.amr.insert("pwd".to_owned(), "pwd".to_owned());
    let repeated = json!(["otp", "sms", "pwd", "otp", "otp", "unknown", "pwd"]);
    let proof = issuer.judge(with("amr", repeated).as_object().unwrap(), NOW, MAX_AGE).unwrap();
    assert_eq!(proof.authentication.amr, ["otp", "pwd"], "each once");
    let fullest = issuer.fullest(NOW);
    assert_eq!(
        (fullest.acr.as_deref(), &*fullest.amr),
        (Some("urn:example:mfa"), &["otp", "pwd"].map(str::to_owned)[..])
    );
    issuer.acr.clear();
    issuer.amr.clear();
    assert_eq!((issuer.fullest(NOW).acr, issuer.fullest(NOW).amr), (None, vec![]));
}

/// TOK-1-05, TOK-1-06: only mapped classes are passed on.
#[test]
fn a_valid_token_proves_the_person() {
    let proof = judge(claims()).unwrap();
    assert_eq!(proof.person, PersonKey::new("https://login.example", "alice"));
    assert_eq!(proof.jti.as_deref(), Some("token-1"));
    assert_eq!(
        proof.authentication,
        Authentication {
            auth_time: Timestamp::from_seconds(NOW.seconds() - 20),
            acr: Some("urn:example:mfa".to_owned()),
            amr: vec!["otp".to_owned()],
        }
    );
    let unmapped = judge(with("acr", json!("urn:example:mfa"))).unwrap();
    assert_eq!(unmapped.authentication.acr, None, "a login issuer cannot use this provider's class names");
}

/// ATK-5-05, HYG-3-16
#[test]
fn each_rule_refuses_the_token_that_breaks_it() {
    let s = NOW.seconds();
    for (what, claims) in [
        ("another issuer", with("iss", json!("https://login.example/"))),
        ("no issuer", without("iss")),
        ("expired", with("exp", json!(s - 30))),
        ("no expiry", without("exp")),
        ("expiry that is no date", with("exp", json!("tomorrow"))),
        ("expiry beyond all dates", with("exp", json!(1e300))),
        ("issued in the future", with("iat", json!(s + 31))),
        ("not valid yet", with("nbf", json!(s + 31))),
        ("nbf that is no date", with("nbf", json!("now"))),
        ("another audience", with("aud", json!("other"))),
        ("no audience", without("aud")),
        ("another kind", with("token_use", json!("id"))),
        ("kind not named", without("token_use")),
        ("nobody named", without("sub")),
        ("an empty name", with("sub", json!(""))),
        ("a name that is no string", with("sub", json!(7))),
    ] {
        assert!(matches!(judge(claims), Err(LoginRefused::Invalid(_))), "{what}");
    }
    for claims in [without("scope"), with("scope", json!("ciba:decided profile"))] {
        assert_eq!(judge(claims).unwrap_err(), LoginRefused::ScopeMissing);
    }
    assert!(judge(with("exp", json!(s - 29))).is_ok(), "within the leeway");
}

#[test]
fn a_login_without_time_or_too_long_ago_is_not_fresh() {
    let s = NOW.seconds();
    for claims in [
        without("auth_time"),
        with("auth_time", json!("recently")),
        with("auth_time", json!(s - 301)),
        with("auth_time", json!(s + 31)),
    ] {
        assert_eq!(judge(claims).unwrap_err(), LoginRefused::NotFresh);
    }
    assert!(judge(with("auth_time", json!(s - 300))).is_ok());
}

#[test]
fn an_email_address_counts_only_when_it_is_verified() {
    let by_email = LoginIssuer { person_claim: "email".to_owned(), ..issuer() };
    let judge = |verified: Value| {
        let mut claims = with("email", json!("Alice@Example.com"));
        claims["email_verified"] = verified;
        by_email.judge(claims.as_object().unwrap(), NOW, MAX_AGE)
    };
    for verified in [json!(false), json!("true"), json!(null)] {
        assert!(matches!(judge(verified), Err(LoginRefused::Invalid(_))));
    }
    let proof = judge(json!(true)).unwrap();
    assert_eq!(proof.person, PersonKey::new("https://login.example", "alice@example.com"));
}

/// ATK-3-04: a verified address with the sign of the kelvin proved whoever has one with a k.
#[test]
fn an_address_beyond_ascii_proves_nobody() {
    let by_email = LoginIssuer { person_claim: "email".to_owned(), ..issuer() };
    for address in
        ["\u{212a}ate@example.com", "kate@example.co\u{217f}", "jörg@example.com", "kate@ｅxample.com"]
    {
        let mut claims = with("email", json!(address));
        claims["email_verified"] = json!(true);
        let judged = by_email.judge(claims.as_object().unwrap(), NOW, MAX_AGE);
        let expected = LoginRefused::Invalid("the login token does not identify a person");
        assert_eq!(judged.unwrap_err(), expected, "{address}");
        assert_eq!(by_email.person_key(address), None, "nor is it enrolled or hinted at");
    }
}

#[test]
fn a_proof_knows_every_client_that_its_token_names() {
    let mut claims = claims();
    claims["azp"] = json!("azp-client");
    let proof = judge(claims).unwrap();
    for name in ["other", "approval-app", "app-client", "azp-client"] {
        assert!(proof.names(&ClientId::parse(name).unwrap()), "{name}");
    }
    assert!(!proof.names(&ClientId::parse("kiosk").unwrap()));
}

#[test]
fn an_issuer_with_an_unknown_setting_or_algorithm_is_refused() {
    let mut element = json!({
        "issuer": "i", "jwks_uri": "j", "audience": {"claim": "aud", "value": "v"}, "algorithms": ["ES256"],
    });
    assert!(serde_json::from_value::<LoginIssuer>(element.clone()).is_ok());
    element["algorithms"] = json!(["HS256"]);
    assert!(serde_json::from_value::<LoginIssuer>(element.clone()).is_err());
    element["algorithms"] = json!(["ES256"]);
    element["audiences"] = json!([]);
    assert!(serde_json::from_value::<LoginIssuer>(element).is_err());
}
