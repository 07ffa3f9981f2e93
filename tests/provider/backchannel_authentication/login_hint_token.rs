//! `login_hint_token`: somebody whom the operator trusts names the person, and signs it.

use std::sync::Arc;
use std::time::Duration;

use ciba::domain::base::replay::{GuardedToken, ReplayGuard};
use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba::store::WriteId;
use ciba_tests::{Answer, Provider, SECRET, Settings, at, basic, form, form_request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{posted, refused, send};
use crate::foreign_issuer::{Document, ForeignIssuer, Key, change};

const INVALID: (u16, &str) = (400, "invalid_request");
const EXPIRED: (u16, &str) = (400, "expired_login_hint_token");
const UNKNOWN: (u16, &str) = (400, "unknown_user_id");

/// A provider that knows one hint issuer.
pub(super) struct Stand {
    pub hints: ForeignIssuer,
    pub provider: Provider,
}

impl Stand {
    pub(super) async fn new() -> Self {
        Self::with(json!({}), &[]).await
    }

    /// `changes` replaces members of its element of `HINT_ISSUERS`.
    pub(super) async fn with(changes: Value, settings: Settings<'_>) -> Self {
        let hints = ForeignIssuer::start().await;
        let mut setting = json!({
            "issuer": hints.issuer,
            "jwks_uri": hints.jwks_uri(),
            "algorithms": ["ES256"],
        });
        change(&mut setting, changes);
        let setting = json!([setting]).to_string();
        let mut all = vec![("HINT_ISSUERS", setting.as_str())];
        all.extend(settings);
        let provider = Provider::with(&all).await;
        Self { hints, provider }
    }

    /// What it says about `alice`, at the beginning.
    fn claims(&self, changes: Value) -> Value {
        let mut claims = json!({
            "iss": self.hints.issuer,
            "aud": Provider::ISSUER,
            "iat": at(0.0).seconds(),
            "exp": at(120.0).seconds(),
            "jti": "hint-1",
            "sub_id": {"format": "opaque", "id": "alice"},
        });
        change(&mut claims, changes);
        claims
    }

    pub(super) fn token(&self, changes: Value) -> String {
        self.hints.signed_by(&self.hints.key, &self.claims(changes))
    }

    /// A token with these members of the header replaced.
    fn with_header(&self, changes: Value) -> String {
        let mut header = self.hints.key.header();
        change(&mut header, changes);
        self.hints.key.sign(&header.to_string(), &self.claims(json!({})).to_string())
    }

    async fn ask(&self, token: &str, now: Timestamp) -> Answer {
        send(&self.provider, &posted_token(token), now).await
    }

    /// Refused at once, without a trace: no token is used up by it.
    async fn assert_refused(&self, what: &str, token: &str, expected: (u16, &str)) {
        refused(&self.provider, &posted_token(token), expected).await;
        assert_eq!(self.provider.items_under("jti#").await.len(), 0, "{what}");
    }
}

fn posted_token(token: &str) -> Request {
    posted(&[("scope", "openid"), ("login_hint_token", token)])
}

/// CIBA-7.1-14, ATK-3-04
#[tokio::test]
async fn every_published_way_to_name_a_person_leads_there() {
    let stand = Stand::with(json!({}), &[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await;
    let provider = &stand.provider;
    let login = provider.login.issuer().to_owned();
    let carol = json!({
        "login": {"iss": login, "value": "c-77"},
        "hints": {"plain": ["4711 0815"], "email": ["carol@example.com"], "tel": ["+15555550102"]},
        "channels": [{"sms": "+15555550177"}],
    });
    provider.enroll("carol", carol).await.expect("carol");
    for (n, sub_id) in [
        json!({"format": "opaque", "id": "4711 0815"}),
        json!({"format": "email", "email": "Carol@EXAMPLE.com"}),
        json!({"format": "phone_number", "phone_number": "+15555550102"}),
        json!({"format": "iss_sub", "iss": Provider::ISSUER, "sub": "carol"}),
        json!({"format": "iss_sub", "iss": login, "sub": "c-77"}),
        json!({"format": "aliases", "identifiers": [
            {"format": "opaque", "id": "nobody"},
            {"format": "email", "email": "carol@example.com"},
        ]}),
    ]
    .into_iter()
    .enumerate()
    {
        provider.sns.clear();
        let token = stand.token(json!({"sub_id": sub_id, "jti": format!("hint-{n}")}));
        let answer = stand.ask(&token, at(1.0)).await;
        assert_eq!(answer.status, 200, "{sub_id}: {answer:?}");
        assert_eq!(provider.sns.messages()[0].phone_number(), Some("+15555550177"), "{sub_id}");
    }
}

/// ATK-3-05, CIBA-14-02
#[tokio::test]
async fn each_rule_about_the_claims_refuses_the_token_that_breaks_it() {
    let stand = Stand::new().await;
    for changes in [
        json!({"iss": "https://other.example"}),
        json!({"iss": null}),
        json!({"aud": "https://other.example"}),
        json!({"aud": null}),
        json!({"exp": null}),
        json!({"iat": null}),
        json!({"iat": at(60.0).seconds()}),
        json!({"nbf": at(60.0).seconds()}),
        json!({"jti": null}),
        json!({"jti": ["hint-1"]}),
        json!({"sub_id": null}),
        json!({"sub_id": "alice"}),
        json!({"sub_id": {"format": "email", "email": "alice"}}),
        json!({"sub_id": {"format": "account", "uri": "acct:alice@example.com"}}),
    ] {
        stand.assert_refused(&changes.to_string(), &stand.token(changes.clone()), INVALID).await;
    }
    assert_eq!(stand.ask(&stand.token(json!({})), at(1.0)).await.status, 200, "the token itself");
}

/// ATK-3-05, CIBA-14-02, HYG-3-01, HYG-3-04, HYG-3-05, HYG-3-08, HYG-3-10, HYG-3-11, HYG-3-13
#[tokio::test]
async fn a_token_that_the_hint_issuer_did_not_sign_as_such_is_refused() {
    let stand = Stand::new().await;
    let (token, key) = (stand.token(json!({})), &stand.hints.key);
    let (stranger, rsa) = (Key::es256("one"), Key::rs256("rsa"));
    stand.hints.publish(Document::of([key, &rsa]));
    let claims = stand.claims(json!({}));
    let twice = claims.to_string().replacen(r#""format":"#, r#""id":"bob","format":"#, 1);
    assert_ne!(twice, claims.to_string());
    for (what, token) in [
        ("unsigned", stand.hints.signed_by(&Key::none("one", "none"), &claims)),
        ("HS256 under the public key", stand.hints.signed_by(&Key::hs256("one", &key.public), &claims)),
        ("RS256, published but not accepted", stand.hints.signed_by(&rsa, &claims)),
        ("another key under the right name", stand.hints.signed_by(&stranger, &claims)),
        ("a name nobody published", stand.hints.signed_by(&Key::es256("two"), &claims)),
        (
            "a key that it brings along",
            stand
                .with_header(json!({"kid": null, "jwk": stranger.jwk}))
                .rsplit_once('.')
                .map(|(signed, _)| format!("{signed}.AAAA"))
                .expect("a JWS"),
        ),
        ("critical extensions", stand.with_header(json!({"crit": ["exp"], "exp": 1}))),
        ("an access token", stand.with_header(json!({"typ": "at+jwt"}))),
        ("a logout token", stand.with_header(json!({"typ": "logout+jwt"}))),
        ("a member twice", key.sign(&key.header().to_string(), &twice)),
        ("five parts", format!("{token}.x.y")),
        ("two parts", token.rsplit_once('.').expect("a JWS").0.to_owned()),
        ("no token", "alice".to_owned()),
    ] {
        stand.assert_refused(what, &token, INVALID).await;
    }
    for header in [json!({"typ": null}), json!({"typ": "jwt"})] {
        let token = stand.with_header(header.clone());
        let jti = Value::String(header.to_string());
        let mut claims = stand.claims(json!({}));
        claims["jti"] = jti;
        let header: Value = {
            let mut all = key.header();
            change(&mut all, header);
            all
        };
        let answer = stand.ask(&key.sign(&header.to_string(), &claims.to_string()), at(1.0)).await;
        assert_eq!(answer.status, 200, "{token}: {answer:?}");
    }
}

/// ATK-3-05, CIBA-13-01, CIBA-7.2-06
#[tokio::test]
async fn a_token_that_is_over_has_its_own_code_whomever_it_names() {
    let stand = Stand::new().await;
    let s = at(0.0).seconds();
    let nobody = json!({"format": "opaque", "id": "nobody"});
    for changes in [json!({"exp": s - 30}), json!({"iat": s - 600}), json!({"exp": s - 30, "sub_id": nobody})]
    {
        stand.assert_refused(&changes.to_string(), &stand.token(changes.clone()), EXPIRED).await;
    }
    let forged = stand.hints.signed_by(&Key::es256("one"), &stand.claims(json!({"exp": s - 30})));
    stand.assert_refused("forged and over", &forged, INVALID).await;
}

/// CIBA-7.2-06: a token that names nobody is not used up, and good once there is somebody.
#[tokio::test]
async fn a_token_that_names_nobody_is_unknown_user_id() {
    let stand = Stand::new().await;
    let token = stand.token(json!({"sub_id": {"format": "opaque", "id": "carol"}}));
    stand.assert_refused("nobody", &token, UNKNOWN).await;
    let carol = json!({"channels": [{"sms": "+15555550102"}], "active": false});
    stand.provider.enroll("carol", carol).await.expect("carol");
    stand.assert_refused("inactive", &token, UNKNOWN).await;
    stand.provider.enroll("carol", json!({"channels": [{"sms": "+15555550102"}]})).await.expect("carol");
    assert_eq!(stand.ask(&token, at(2.0)).await.status, 200);
}

/// ATK-3-05
#[tokio::test]
async fn a_token_is_good_for_one_request_of_one_client() {
    let stand = Stand::new().await;
    stand.provider.register(json!({"client_id": "teller"})).await.expect("teller");
    let token = stand.token(json!({}));
    assert_eq!(stand.ask(&token, at(1.0)).await.status, 200);
    refused(&stand.provider, &posted_token(&token), INVALID).await;
    let body = form(&[("scope", "openid"), ("login_hint_token", &token)]);
    let tellers = form_request("/bc-authorize", Some(&basic("teller", SECRET)), &body);
    refused(&stand.provider, &tellers, INVALID).await;
    // Until it is over, and then it says so.
    assert_eq!(stand.ask(&token, at(149.0)).await.refusal(), INVALID);
    assert_eq!(stand.ask(&token, at(150.0)).await.refusal(), EXPIRED);
    let items = stand.provider.items_under("jti#").await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["expires_at"], at(150.0).millis().to_string());
    assert!(!items[0].to_string().contains("hint-1") && !items[0].to_string().contains(&token));
}

#[tokio::test]
async fn a_token_is_good_for_many_requests_where_the_operator_says_so() {
    for (single_use, jti) in [("never", json!("hint-1")), ("with_jti", Value::Null)] {
        let stand = Stand::with(json!({ "single_use": single_use }), &[]).await;
        let token = stand.token(json!({ "jti": jti }));
        for now in [1.0, 2.0] {
            assert_eq!(stand.ask(&token, at(now)).await.status, 200, "{single_use}");
        }
        assert_eq!(stand.provider.items_under("jti#").await.len(), 0);
    }
    let stand = Stand::with(json!({"single_use": "with_jti"}), &[]).await;
    let token = stand.token(json!({}));
    assert_eq!(stand.ask(&token, at(1.0)).await.status, 200);
    assert_eq!(stand.ask(&token, at(2.0)).await.refusal(), INVALID);
}

/// ATK-3-05: of any number at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_requests_with_one_token_one_is_acknowledged() {
    let stand = Arc::new(Stand::new().await);
    let token = stand.token(json!({}));
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let (stand, token) = (Arc::clone(&stand), token.clone());
        tasks.spawn(async move { stand.ask(&token, at(1.0)).await });
    }
    let answers = tasks.join_all().await;
    let acknowledged = answers.iter().filter(|answer| answer.status == 200).count();
    let used = answers.iter().filter(|answer| answer.status == 400 && answer.refusal() == INVALID).count();
    assert_eq!((acknowledged, used), (1, 9), "{answers:?}");
    assert_eq!(stand.provider.sns.attempts().len(), 1);
}

/// What comes after the hint does not give the token back.
#[tokio::test]
async fn a_request_that_a_limit_refuses_has_used_its_token() {
    let stand = Stand::with(json!({}), &[("ASKS_PER_TEN_MINUTES", "1")]).await;
    assert_eq!(stand.provider.ask(&[], at(0.0)).await.status, 200);
    let token = stand.token(json!({}));
    assert_eq!(stand.ask(&token, at(1.0)).await.refusal(), (403, "access_denied"));
    assert_eq!(stand.ask(&token, at(2.0)).await.refusal(), INVALID);
    assert_eq!(stand.provider.sns.attempts().len(), 1);
}

/// ATK-5-03: a guard that is over guards nothing, though TTL has not swept it. Its own writer may repeat it.
#[tokio::test]
async fn a_guard_holds_until_it_expires() {
    let provider = Provider::start().await;
    let guard = |jti: &str, until: Timestamp| {
        ReplayGuard::new(GuardedToken::LoginHintToken, "https://hints.example", jti, until)
    };
    let insert = async |guard: &ReplayGuard, now: f64, write: u8| {
        provider.table.insert_replay_guard(guard, at(now), &WriteId::new([write; 16])).await.expect("a write")
    };
    let first = guard("1", at(60.0));
    assert!(insert(&first, 0.0, 1).await);
    assert!(insert(&first, 0.0, 1).await, "repeated after its response was lost");
    assert!(!insert(&first, 0.0, 2).await);
    assert!(!insert(&first, 60.0, 2).await);
    assert!(insert(&guard("2", at(60.0)), 0.0, 2).await, "another token");
    let again = guard("1", at(200.0));
    assert!(insert(&again, 60.001, 2).await, "over, and not swept");
    assert!(!insert(&again, 199.0, 3).await);
    let ttl: i64 =
        provider.items_under("jti#").await[0]["ttl"].as_str().and_then(|ttl| ttl.parse().ok()).unwrap();
    assert!(
        ttl > at(60.0).seconds() && ttl < at(60.0).plus(Duration::from_secs(48 * 3600)).seconds(),
        "seconds"
    );
}

/// Nobody is refused for what is not their fault, and no token is lost to it.
#[tokio::test]
async fn unfetchable_keys_are_503_and_the_token_stays_valid() {
    let stand = Stand::new().await;
    let token = stand.token(json!({}));
    let good = Document::of([&stand.hints.key]);
    stand.hints.publish(Document { status: 500, ..good.clone() });
    let answer = stand.ask(&token, at(1.0)).await;
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable"));
    assert!(answer.retry_after() >= 1);
    stand.hints.publish(good);
    assert_eq!(stand.ask(&token, at(6.5)).await.status, 200);
}

/// Nothing is fetched.
#[tokio::test]
async fn without_hint_issuers_no_token_is_accepted() {
    let stand = Stand::new().await;
    let provider = Provider::start().await;
    let answer = refused(&provider, &posted_token(&stand.token(json!({}))), INVALID).await;
    assert_eq!(answer.text("error_description"), "login_hint_token is not supported");
    assert_eq!(stand.hints.fetches(), 0);
}

/// ATK-3-05: two issuers, each with its own keys and its own names.
#[tokio::test]
async fn a_token_is_verified_with_the_keys_of_its_named_issuer() {
    let (one, two) = (ForeignIssuer::start().await, ForeignIssuer::start().await);
    let setting =
        |it: &ForeignIssuer| json!({"issuer": it.issuer, "jwks_uri": it.jwks_uri(), "algorithms": ["ES256"]});
    let issuers = json!([setting(&one), setting(&two)]).to_string();
    let provider = Provider::with(&[("HINT_ISSUERS", &issuers)]).await;
    let claims = |iss: &str, jti: &str| {
        json!({"iss": iss, "aud": Provider::ISSUER, "iat": at(0.0).seconds(), "exp": at(60.0).seconds(),
            "jti": jti, "sub_id": {"format": "opaque", "id": "alice"}})
    };
    let crossed = one.signed_by(&two.key, &claims(&one.issuer, "1"));
    refused(&provider, &posted_token(&crossed), INVALID).await;
    for it in [&one, &two] {
        // The same jti of another issuer is another token.
        let token = it.signed_by(&it.key, &claims(&it.issuer, "1"));
        assert_eq!(send(&provider, &posted_token(&token), at(1.0)).await.status, 200);
    }
}
