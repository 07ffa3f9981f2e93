use super::*;
use ciba_core::domain::issuer::hint_issuer::SingleUse;
use ciba_core::domain::person::sms::SmsCountries;
use ciba_core::domain::request::notification::Messages;

fn env(settings: &[(&str, &str)]) -> Environment {
    Environment::of(settings.iter().copied())
}

fn issuer(text: &str) -> Result<Issuer, ConfigError> {
    Issuer::read(&env(&[("ISSUER", text)]))
}

/// TOK-12-04: an ID token is verified with its key for as long as it is accepted as a hint.
#[test]
fn a_retired_key_outlives_the_hints_that_it_signed() {
    use ciba_core::domain::issuer::key_schedule::KEEP_RETIRED;
    let longest = env(&[("ID_TOKEN_HINT_MAX_AGE_DAYS", "400")]);
    assert!(HintSettings::read(&longest).unwrap().id_token_hint_max_age < KEEP_RETIRED);
    assert!(HintSettings::read(&env(&[("ID_TOKEN_HINT_MAX_AGE_DAYS", "401")])).is_err());
}

/// TOK-1-01, CIBA-7-01
#[test]
fn an_issuer_is_https_and_plain_but_may_be_http_on_localhost() {
    assert!(!issuer("https://op.example").unwrap().is_local());
    assert!(!issuer("https://op.example:8443").unwrap().is_local());
    assert!(issuer("http://localhost:9000").unwrap().is_local());
    for text in [
        "",
        "op.example",
        "http://op.example",
        "http://127.0.0.1:9000",
        "http://localhost.evil.example",
        "https://op.example/",
        "https://op.example/tenant",
        "https://OP.example",
        "https://op.example:443",
        "https://op.example?x",
        "https://op.example#x",
        "https://user@op.example",
        "ftp://localhost",
    ] {
        assert!(issuer(text).is_err(), "{text}");
    }
}

fn login_issuers(
    issuer_text: &str,
    change: impl FnOnce(&mut serde_json::Value),
) -> Result<LoginIssuers, ConfigError> {
    let mut login = serde_json::json!({
        "issuer": "https://login.example",
        "jwks_uri": "https://login.example/jwks.json",
        "audience": { "claim": "aud", "value": "approval-app" },
        "algorithms": ["ES256"],
    });
    change(&mut login);
    let json = serde_json::Value::Array(vec![login]).to_string();
    LoginIssuers::read(&env(&[("LOGIN_ISSUERS", &json)]), &issuer(issuer_text).unwrap())
}

#[test]
fn this_provider_is_not_its_own_login_issuer() {
    assert!(login_issuers("https://op.example", |_| {}).is_ok());
    for own in ["https://op.example", "https://op.example/"] {
        let error = login_issuers("https://op.example", |login| login["issuer"] = own.into()).unwrap_err();
        assert!(error.to_string().contains("this provider itself"), "{error}");
    }
}

/// HYG-4-01, HYG-4-03
#[test]
fn keys_on_ones_own_machine_are_for_an_issuer_on_localhost_only() {
    for uri in ["http://localhost:9100/jwks", "https://localhost:9100/jwks"] {
        assert!(login_issuers("http://localhost:9000", |login| login["jwks_uri"] = uri.into()).is_ok());
        assert!(login_issuers("https://op.example", |login| login["jwks_uri"] = uri.into()).is_err());
    }
    for uri in [
        "http://login.example/jwks",
        "https://login.example:8443/jwks",
        "https://10.0.0.1/jwks",
        "https://[::1]/jwks",
        "https://u:p@login.example/jwks",
    ] {
        for issuer in ["http://localhost:9000", "https://op.example"] {
            assert!(login_issuers(issuer, |login| login["jwks_uri"] = uri.into()).is_err(), "{uri}");
        }
    }
}

#[test]
fn an_issuer_named_twice_or_without_algorithm_is_refused() {
    assert!(
        login_issuers("https://op.example", |login| login["algorithms"] = serde_json::json!([])).is_err()
    );
    let one = r#"{"issuer":"https://l","jwks_uri":"https://l/j","audience":{"claim":"aud","value":"v"},"algorithms":["ES256"]}"#;
    let both = format!("[{one},{one}]");
    assert!(
        LoginIssuers::read(&env(&[("LOGIN_ISSUERS", &both)]), &issuer("https://op.example").unwrap())
            .is_err()
    );
}

/// RP-3-02, RP-3-03
#[test]
fn a_setting_for_new_people_that_cannot_be_kept_says_why() {
    let with = |new_people: serde_json::Value, person_claim: &str| {
        login_issuers("https://op.example", |login| {
            login["browser"] = serde_json::json!({"client_id": "page", "label": "acme", "name": "Acme"});
            login["browser"]["new_people"] = new_people;
            login["person_claim"] = person_claim.into();
        })
    };
    let full = serde_json::json!({"email_domains": ["example.com"], "phone_prefixes": ["+4420"]});
    assert!(with(full.clone(), "sub").is_ok());
    for (new_people, person_claim, why) in [
        (full, "email", "person_claim other than sub"),
        (serde_json::json!({"email_domains": ["example.com."]}), "sub", "host name in ASCII"),
        (serde_json::json!({"phone_prefixes": ["4420"]}), "sub", "+ and the country code"),
        (serde_json::json!({"domains": []}), "sub", "unknown field"),
    ] {
        let error = with(new_people, person_claim).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// The setting `HINT_ISSUERS` with one element, next to a login issuer.
fn hint_issuers(change: impl FnOnce(&mut serde_json::Value)) -> Result<HintIssuers, ConfigError> {
    let mut hints = serde_json::json!({
        "issuer": "https://hints.example",
        "jwks_uri": "https://hints.example/jwks.json",
        "algorithms": ["ES256"],
    });
    change(&mut hints);
    let json = serde_json::Value::Array(vec![hints]).to_string();
    let login = login_issuers("https://op.example", |_| {}).unwrap();
    let issuer = issuer("https://op.example").unwrap();
    HintIssuers::read(&env(&[("HINT_ISSUERS", &json)]), &issuer, &login)
}

/// CIBA-7.1-14
#[test]
fn a_hint_issuer_has_defaults_and_documented_members_only() {
    let read = hint_issuers(|_| {}).unwrap();
    let hints = read.find("https://hints.example").unwrap();
    assert_eq!((hints.max_age_seconds, hints.single_use), (300, SingleUse::Always));
    assert!(read.find("https://hints.example/").is_none());
    for (member, value) in [
        ("issuer", serde_json::json!("https://op.example")),
        ("issuer", serde_json::json!("https://op.example/")),
        ("jwks_uri", serde_json::json!("http://hints.example/jwks.json")),
        ("jwks_uri", serde_json::json!("https://127.0.0.1/jwks.json")),
        ("algorithms", serde_json::json!([])),
        ("algorithms", serde_json::json!(["none"])),
        ("algorithms", serde_json::json!(["HS256"])),
        ("max_age_seconds", serde_json::json!(0)),
        ("max_age_seconds", serde_json::json!(86_401)),
        ("single_use", serde_json::json!("sometimes")),
        ("max_age", serde_json::json!(60)),
    ] {
        assert!(hint_issuers(|hints| hints[member] = value.clone()).is_err(), "{member}: {value}");
    }
    for seconds in [1, 86_400] {
        assert!(hint_issuers(|hints| hints["max_age_seconds"] = seconds.into()).is_ok(), "{seconds}");
    }
}

/// HYG-3-09: a client holds the hint tokens it sends; none of them may approve its request.
#[test]
fn a_hint_token_cannot_pass_for_a_login_token() {
    let same = |audience: &str| {
        hint_issuers(|hints| {
            hints["issuer"] = "https://login.example".into();
            hints["audience"] = audience.into();
        })
    };
    assert!(same("approval-app").is_err(), "issuer and audience of the login tokens");
    assert!(same("hints").is_ok());
    assert!(hint_issuers(|hints| hints["audience"] = "approval-app".into()).is_ok(), "another issuer");
}

/// CIBA-7.3-08, CIBA-7.3-11
#[test]
fn numbers_out_of_their_range_name_their_setting() {
    for (name, value) in [
        ("REQUEST_EXPIRY_SECONDS", "9"),
        ("REQUEST_EXPIRY_SECONDS", "601"),
        ("MAX_REQUEST_EXPIRY_SECONDS", "299"),
        ("POLL_INTERVAL_SECONDS", "0"),
        ("ASKS_PER_TEN_MINUTES", "17"),
        ("ASKS_PER_DAY", "ten"),
    ] {
        let error = RequestSettings::read(&env(&[(name, value)])).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    for value in ["0", "401", "-1", "one"] {
        let error = HintSettings::read(&env(&[("ID_TOKEN_HINT_MAX_AGE_DAYS", value)])).unwrap_err();
        assert!(error.to_string().contains("ID_TOKEN_HINT_MAX_AGE_DAYS"), "{error}");
    }
    let defaults = RequestSettings::read(&env(&[("ASKS_PER_DAY", "")])).unwrap();
    assert_eq!((defaults.limits.per_ten_minutes, defaults.limits.per_day), (3, 10));
}

fn notifications(settings: &[(&str, &str)]) -> Result<Messages, ConfigError> {
    let issuer = issuer("https://op.example").unwrap();
    NotificationSettings::read(&env(settings), &issuer)
}

#[test]
fn a_message_that_needs_two_sms_is_refused_at_the_start() {
    let read = |name: &str| notifications(&[("OPERATOR_NAME", name)]);
    assert!(read("Example Bank").is_ok());
    assert!(read(&"x".repeat(64)).is_ok());
    assert!(read("Банк").is_err());
    let long = format!("https://{}.example", "x".repeat(100));
    assert!(notifications(&[("OPERATOR_NAME", "Example Bank"), ("CONSENT_URL", &long)]).is_err());
    // The request's own text is not known yet: it falls back to this one.
    let settings = [("OPERATOR_NAME", "Example Bank"), ("CONSENT_URL", &long), ("SMS_SHOWS_REQUEST", "true")];
    assert!(notifications(&settings).is_err());
}

/// It is also part of an e-mail's subject.
#[test]
fn an_operators_name_is_one_line_of_up_to_64_characters() {
    for name in ["Example\nBank", "Example\rBank", &"x".repeat(65)] {
        let error = notifications(&[("OPERATOR_NAME", name)]).unwrap_err().to_string();
        assert!(error.contains("64 characters"), "{error}");
    }
}

#[test]
fn an_sms_setting_that_sns_would_refuse_is_named_at_start() {
    for (name, value) in [
        ("SMS_COUNTRIES", "US"),
        ("SMS_COUNTRIES", "+1,+881"),
        ("SMS_SENDER_ID", "Example Bank"),
        ("SMS_MAX_PRICE", "cheap"),
        ("SMS_PARTS", "4"),
    ] {
        let error = SmsSettings::read(&env(&[(name, value)])).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    let error = notifications(&[("OPERATOR_NAME", "Bank"), ("SMS_SHOWS_REQUEST", "yes")]).unwrap_err();
    assert!(error.to_string().contains("SMS_SHOWS_REQUEST"), "{error}");
}

/// ATK-7-01
#[test]
fn by_default_an_sms_goes_to_one_calling_code_and_names_nobody() {
    let defaults = SmsSettings::read(&env(&[])).unwrap();
    assert_eq!(Some(defaults.countries), SmsCountries::parse("+1"));
    assert_eq!((defaults.sender_id, defaults.max_price, defaults.most_parts), (None, None, 1));
    assert!(!notifications(&[("OPERATOR_NAME", "Bank")]).unwrap().sms_shows_request);
}

/// CAUTH-4-06
#[test]
fn the_authorities_of_mutual_tls_are_public_keys() {
    use rcgen::PublicKeyData;
    let key = || {
        let key = rcgen::KeyPair::generate().unwrap().subject_public_key_info();
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, key)
    };
    let read = |authorities: &str| {
        let settings = [
            ("ISSUER", "https://op.example"),
            ("MTLS_URL", "https://m.op.example"),
            ("MTLS_AUTHORITIES", authorities),
        ];
        MtlsHost::read(&env(&settings)).map(|host| host.unwrap().authorities().len())
    };
    assert_eq!(read(""), Ok(0));
    assert_eq!(read(&format!("{} {}", key(), key())), Ok(2));
    for text in ["x".to_owned(), format!("{},{}", key(), key()), format!("{} x", key())] {
        assert!(read(&text).is_err(), "{text}");
    }
}

fn mtls(issuer: &str, url: &str) -> Result<Option<MtlsHost>, ConfigError> {
    MtlsHost::read(&env(&[("ISSUER", issuer), ("MTLS_URL", url)]))
}

/// CAUTH-4-07, HYG-1-14
#[test]
fn the_host_for_mutual_tls_is_https_and_not_the_issuers() {
    let host = mtls("https://op.example", "https://mtls.op.example").unwrap().unwrap();
    assert_eq!(host.authority(), "mtls.op.example");
    assert_eq!(host.at("/oauth/token"), "https://mtls.op.example/oauth/token");
    let host = mtls("http://localhost:9000", "https://localhost:9443").unwrap().unwrap();
    assert_eq!(host.authority(), "localhost:9443");
    assert_eq!(mtls("https://op.example", ""), Ok(None));
    for url in [
        "http://mtls.op.example",
        "mtls.op.example",
        "https://mtls.op.example/",
        "https://mtls.op.example:443",
        "https://mtls.op.example/x",
        "https://user@mtls.op.example",
        "https://op.example",
        "https://localhost:9443",
    ] {
        assert!(mtls("https://op.example", url).is_err(), "{url}");
    }
}
