//! JWTs that clients and hint issuers send (requirements E.3): what holds for each kind alike, and that no kind stands for
//! another.
//!
//! The client is its own hint issuer and signs all it sends with one key, which is the worst that can be: name, audience
//! and key are the same everywhere, so that nothing but the rules of a kind can tell it from the others.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};

use crate::client_assertion::{asserted, register};
use crate::foreign_issuer::{ForeignIssuer, Key, change, encode};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Assertion,
    Request,
    LoginHintToken,
    IdTokenHint,
}

impl Kind {
    /// Those that are not made by the provider itself.
    const SENT: [Self; 3] = [Self::Assertion, Self::Request, Self::LoginHintToken];
    const ALL: [Self; 4] = [Self::Assertion, Self::Request, Self::LoginHintToken, Self::IdTokenHint];

    const fn refusal(self) -> (u16, &'static str) {
        match self {
            Self::Assertion => (401, "invalid_client"),
            Self::Request | Self::LoginHintToken | Self::IdTokenHint => (400, "invalid_request"),
        }
    }
}

struct Stand {
    issuer: ForeignIssuer,
    provider: Provider,
    names: AtomicUsize,
}

impl Stand {
    /// `issuer` is the client that signs; `kiosk` sends the hints.
    async fn new() -> Self {
        let issuer = ForeignIssuer::start().await;
        let hints =
            json!([{"issuer": issuer.issuer, "jwks_uri": issuer.jwks_uri(), "algorithms": ["ES256"]}]);
        let hints = hints.to_string();
        let settings =
            [("HINT_ISSUERS", hints.as_str()), ("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")];
        let provider = Provider::with(&settings).await;
        let signing = json!({"backchannel_authentication_request_signing_alg": "ES256"});
        register(&provider, &issuer.issuer, &[&issuer.key], signing).await;
        // The keys are known, so that what is fetched afterwards was asked for by a token.
        let stand = Self { issuer, provider, names: AtomicUsize::new(0) };
        let answer = stand.send(Kind::LoginHintToken, &stand.token(Kind::LoginHintToken)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        stand
    }

    fn jti(&self) -> String {
        format!("jti-{}", self.names.fetch_add(1, Ordering::SeqCst))
    }

    fn claims(&self, kind: Kind) -> Value {
        let (own, s) = (&self.issuer.issuer, at(0.0).seconds());
        let mut claims =
            json!({"iss": own, "aud": Provider::ISSUER, "iat": s, "exp": s + 300, "jti": self.jti()});
        let more = match kind {
            Kind::Assertion => json!({ "sub": own }),
            Kind::Request => json!({"nbf": s, "scope": "openid", "login_hint": "alice"}),
            Kind::LoginHintToken => json!({"sub_id": {"format": "opaque", "id": "alice"}}),
            Kind::IdTokenHint => panic!("the provider makes these itself"),
        };
        change(&mut claims, more);
        claims
    }

    fn token(&self, kind: Kind) -> String {
        self.issuer.signed_by(&self.issuer.key, &self.claims(kind))
    }

    async fn send(&self, kind: Kind, token: &str) -> Answer {
        let hint = |name| form(&[("scope", "openid"), (name, token)]);
        let request = match kind {
            Kind::Assertion => asserted("/bc-authorize", token, &[("request", &self.token(Kind::Request))]),
            Kind::Request => asserted("/bc-authorize", &self.token(Kind::Assertion), &[("request", token)]),
            Kind::LoginHintToken => {
                form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &hint("login_hint_token"))
            }
            Kind::IdTokenHint => {
                form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &hint("id_token_hint"))
            }
        };
        self.provider.call(&self.provider.backchannel_authentication, &request, at(1.0)).await
    }

    /// Refused as such a token, without a trace; nothing is used up but the assertion that a request comes with.
    async fn assert_refused(&self, kind: Kind, what: &str, token: &str) {
        let guards = async || self.provider.items_under("jti#").await.len();
        let (before, guarded) = (self.provider.traces().await, guards().await);
        let answer = self.send(kind, token).await;
        assert_eq!(answer.refusal(), kind.refusal(), "{kind:?}: {what}: {answer:?}");
        assert_eq!(self.provider.traces().await, before, "{kind:?}: {what}");
        let assertion = usize::from(kind == Kind::Request);
        assert_eq!(guards().await, guarded + assertion, "{kind:?}: {what}");
    }

    /// Refused as a token of each kind.
    async fn assert_each_refused(&self, what: &str, token: impl Fn(&Value) -> String) {
        for kind in Kind::SENT {
            self.assert_refused(kind, what, &token(&self.claims(kind))).await;
        }
    }

    /// Each kind is accepted as it should be, so what was refused was refused for what was changed.
    async fn assert_each_accepted(&self) {
        for kind in Kind::SENT {
            let answer = self.send(kind, &self.token(kind)).await;
            assert_eq!(answer.status, 200, "{kind:?}: {answer:?}");
        }
        assert_eq!(self.issuer.fetches(), 1, "nothing that a token names was fetched");
    }

    /// With these members of the header replaced, and rightly signed.
    fn with_header(&self, changes: Value) -> impl Fn(&Value) -> String + '_ {
        move |claims| {
            let mut header = self.issuer.key.header();
            change(&mut header, changes.clone());
            self.issuer.key.sign(&header.to_string(), &claims.to_string())
        }
    }
}

/// CAUTH-3-16, HYG-3-09, HYG-3-08, ATK-3-05: with all that any kind has to say in it, too.
#[tokio::test]
async fn no_kind_of_token_stands_for_another() {
    let stand = Stand::new().await;
    let (auth_req_id, request) = stand.provider.asked(&[], at(0.0)).await;
    stand.provider.approve(&request, at(2.0)).await;
    let id_token = stand.provider.poll(&auth_req_id, at(6.0)).await.text("id_token").to_owned();
    for expected in Kind::ALL {
        for sent in Kind::ALL.into_iter().filter(|sent| *sent != expected) {
            let token = match sent {
                Kind::IdTokenHint => id_token.clone(),
                Kind::Assertion | Kind::Request | Kind::LoginHintToken => stand.token(sent),
            };
            stand.assert_refused(expected, &format!("{sent:?}"), &token).await;
        }
    }
    let mut all = stand.claims(Kind::Assertion);
    for kind in [Kind::Request, Kind::LoginHintToken] {
        change(&mut all, stand.claims(kind));
    }
    let everything = stand.issuer.signed_by(&stand.issuer.key, &all);
    stand.assert_refused(Kind::Request, "an assertion that asks for something", &everything).await;
    for (typ, kinds) in [
        ("client-authentication+jwt", &[Kind::Request, Kind::LoginHintToken][..]),
        ("oauth-authz-req+jwt", &[Kind::Assertion, Kind::LoginHintToken]),
        ("dpop+jwt", &Kind::SENT),
        ("at+jwt", &Kind::SENT),
        ("token-introspection+jwt", &Kind::SENT),
    ] {
        for kind in kinds {
            let token = stand.with_header(json!({ "typ": typ }))(&stand.claims(*kind));
            stand.assert_refused(*kind, typ, &token).await;
        }
    }
    stand.assert_each_accepted().await;
}

/// HYG-3-01, HYG-3-02, HYG-3-03, CAUTH-3-14, CIBA-7.1.1-05, CIBA-4-12, CIBA-7.1.1-15
#[tokio::test]
async fn no_token_chooses_how_it_is_verified() {
    let stand = Stand::new().await;
    let key = &stand.issuer.key;
    for alg in ["none", "None", "NONE", "nOnE"] {
        let unsigned = Key::none("one", alg);
        stand.assert_each_refused(alg, |claims| stand.issuer.signed_by(&unsigned, claims)).await;
        let signed = stand.with_header(json!({ "alg": alg }));
        stand.assert_each_refused(alg, signed).await;
    }
    let jwk = key.jwk.to_string().into_bytes();
    for secret in [&key.public, &jwk] {
        let hs256 = Key::hs256("one", secret);
        stand.assert_each_refused("HS256", |claims| stand.issuer.signed_by(&hs256, claims)).await;
        for alg in ["HS384", "HS512"] {
            let header = json!({"alg": alg, "kid": "one"}).to_string();
            stand.assert_each_refused(alg, |claims| hs256.sign(&header, &claims.to_string())).await;
        }
    }
    for alg in [
        json!("es256"),
        json!("ES256 "),
        json!("ES384"),
        json!("PS256"),
        json!("RS256"),
        json!("EdDSA"),
        json!(["ES256"]),
        json!(""),
        Value::Null,
    ] {
        stand.assert_each_refused(&alg.to_string(), stand.with_header(json!({ "alg": alg }))).await;
    }
    stand.assert_each_accepted().await;
}

/// HYG-3-05, HYG-3-06, HYG-3-07
#[tokio::test]
async fn no_token_brings_its_key_along() {
    let stand = Stand::new().await;
    let (stranger, elsewhere) = (Key::es256("one"), ForeignIssuer::start().await);
    let certificate = STANDARD.encode(&stranger.public);
    for kid in [json!("one"), json!("two"), Value::Null, json!("../one"), json!(7), json!("k".repeat(4096))] {
        for source in [
            json!({}),
            json!({"jwk": stranger.jwk}),
            json!({"jku": elsewhere.jwks_uri()}),
            json!({"x5u": elsewhere.jwks_uri()}),
            json!({"x5c": [certificate]}),
            json!({"x5t#S256": stranger.thumbprint()}),
        ] {
            let mut header = stranger.header();
            change(&mut header, source.clone());
            change(&mut header, json!({ "kid": kid }));
            let what = format!("{source} {kid:.20}");
            stand
                .assert_each_refused(&what, |claims| stranger.sign(&header.to_string(), &claims.to_string()))
                .await;
        }
    }
    assert_eq!(elsewhere.fetches(), 0);
}

/// HYG-3-04, HYG-3-13: what two readers could read as two things.
#[tokio::test]
async fn no_token_has_critical_extensions_or_a_member_twice() {
    let stand = Stand::new().await;
    let key = &stand.issuer.key;
    for changes in [
        json!({"crit": ["exp"], "exp": 1}),
        json!({"crit": ["b64"], "b64": true}),
        json!({"crit": []}),
        json!({"crit": "b64"}),
        json!({"b64": false}),
        json!({"b64": true}),
    ] {
        stand.assert_each_refused(&changes.to_string(), stand.with_header(changes.clone())).await;
    }
    // The payload as it stands, and the signature over that (RFC 7797).
    let unencoded = |claims: &Value| {
        let mut header = key.header();
        change(&mut header, json!({"crit": ["b64"], "b64": false}));
        let whole = key.sign(&header.to_string(), &claims.to_string());
        let (header, signature) = (whole.split('.').next().unwrap(), whole.rsplit('.').next().unwrap());
        format!("{header}.{}.{signature}", claims.to_string().replace('.', "%2e"))
    };
    stand.assert_each_refused("unencoded", unencoded).await;
    let header = key.header().to_string();
    for twice in [r#"{"alg":"ES256","#, r#"{"kid":"one","#, r#"{"typ":"JWT","#, r#"{"\u0061lg":"none","#] {
        let header = header.replacen('{', twice, 1);
        stand.assert_each_refused(twice, |claims| key.sign(&header, &claims.to_string())).await;
    }
    for twice in
        [r#"{"iss":"x","#, r#"{"exp":1,"#, r#"{"jti":"x","#, r#"{"a":{"b":1,"b":1},"#, r#"{"\u0061ud":"x","#]
    {
        stand
            .assert_each_refused(twice, |claims| {
                key.sign(&header, &claims.to_string().replacen('{', twice, 1))
            })
            .await;
    }
    stand.assert_each_accepted().await;
}

/// HYG-3-10, HYG-3-11, HYG-3-14, CIBA-7.1.1-13
#[tokio::test]
async fn a_token_is_three_base64url_parts_with_one_signature_form() {
    let stand = Stand::new().await;
    let key = &stand.issuer.key;
    let der = Key::es256_der("one");
    stand.assert_each_refused("DER", |claims| stand.issuer.signed_by(&der, claims)).await;
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 14] = [
        ("two parts", |token| token.rsplit_once('.').unwrap().0.to_owned()),
        ("no signature", |token| format!("{}.", token.rsplit_once('.').unwrap().0)),
        ("four parts", |token| format!("{token}.x")),
        ("five parts", |token| format!("{token}.x.y")),
        ("padded", |token| format!("{token}==")),
        ("spaced", |token| format!(" {token}")),
        ("a line more", |token| format!("{token}\n")),
        ("the other alphabet", |token| token.replace(['-', '_'], "+") + "+"),
        ("zeros", |token| format!("{}.{}", token.rsplit_once('.').unwrap().0, encode(&[0; 64]))),
        ("too short", |token| token[..token.len() - 4].to_owned()),
        ("a byte changed", |token| {
            let flipped = if token.as_bytes()[token.len() - 10] == b'A' { 'B' } else { 'A' };
            format!("{}{flipped}{}", &token[..token.len() - 10], &token[token.len() - 9..])
        }),
        // 64 bytes leave four bits of the last letter unused.
        ("unused bits", |token| {
            const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let last = LETTERS.find(token.chars().last().unwrap()).unwrap();
            let other = LETTERS.chars().nth(last ^ 1).unwrap();
            format!("{}{other}", &token[..token.len() - 1])
        }),
        ("JSON", |token| {
            let parts: Vec<_> = token.split('.').collect();
            json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string()
        }),
        ("nothing in it", |_| "..".to_owned()),
    ];
    for (what, change) in changes {
        stand.assert_each_refused(what, |claims| change(&stand.issuer.signed_by(key, claims))).await;
    }
    for payload in ["[]", "7", "null", "{", "", "\u{feff}{}"] {
        stand.assert_each_refused(payload, |_| key.sign(&key.header().to_string(), payload)).await;
    }
    stand.assert_each_accepted().await;
}

/// HYG-1-06, HYG-3-13: as large or as deep as a body can be.
#[tokio::test]
async fn huge_and_odd_tokens_are_refused_like_any_other() {
    let stand = Stand::new().await;
    let key = &stand.issuer.key;
    let fill = |length: usize| "x".repeat(length);
    // Beyond the limit of its kind, though rightly signed.
    for (kind, length) in [(Kind::Assertion, 6200), (Kind::Request, 12_400), (Kind::LoginHintToken, 6200)] {
        let token = |length| {
            let mut claims = stand.claims(kind);
            claims["fill"] = json!(fill(length));
            stand.issuer.signed_by(key, &claims)
        };
        stand.assert_refused(kind, "too long", &token(length)).await;
        let answer = stand.send(kind, &token(length - 700)).await;
        assert_eq!(answer.status, 200, "{kind:?}: {answer:?}");
    }
    let deep = |claims: &Value| {
        let nested = format!("{}1{}", "[".repeat(2000), "]".repeat(2000));
        let claims = claims.to_string().replacen('{', &format!("{{\"deep\":{nested},"), 1);
        key.sign(&key.header().to_string(), &claims)
    };
    stand.assert_each_refused("bottomless", deep).await;
    for date in ["1e999", "-1e308", "\"1800000100\"", "1e300", "true", "{}", "NaN"] {
        let dated = |claims: &Value| {
            let exp = claims["exp"].to_string();
            key.sign(
                &key.header().to_string(),
                &claims.to_string().replacen(&format!("\"exp\":{exp}"), &format!("\"exp\":{date}"), 1),
            )
        };
        stand.assert_each_refused(date, dated).await;
    }
    stand.assert_each_accepted().await;
}
