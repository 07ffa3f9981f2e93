//! The login issuers of the tests: the local one, and an unmodified oidc-provider. The same relying party, which is a
//! few plain HTTP requests, logs `alice` in at both, and makes the same mistakes at both. Where oidc-provider refuses
//! it, the local one does: a fault that the local one overlooked would only show at an operator's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_local::clock;
use ciba_local::login_issuer::{ClientAuthentication, ClientKeys, LoginIssuer, RelyingParty};
use ciba_local::server::{Server, listen};
use ciba_local::stack::{RELYING_PARTY, RELYING_PARTY_SECRET};
use ciba_tests::{Arrival, OidcProvider, Page, Visitor};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use reqwest::Client;
use serde_json::{Value, json};
use url::Url;

use crate::{Outside, answer};

pub(crate) const REDIRECT_URI: &str = "http://localhost:9000/login/callback";
const SECRET: &str = "a-secret-of-at-least-32-characters";
/// Authenticates with [`SECRET`].
const BY_SECRET: &str = "by-secret";
/// Authenticates with a key.
const BY_KEY: &str = "by-key";
const KID: &str = "one";
const VERIFIER: &str = "a-verifier-that-has-at-least-43-characters-";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Parameters to replace or add; an empty one is left out.
type Changes<'a> = &'a [(&'a str, &'a str)];

/// An issuer, with the relying party that it knows under two names.
struct Setup {
    issuer: String,
    metadata: Value,
    http: Client,
    key: EncodingKey,
    /// It ends with the test.
    _running: Box<dyn Send>,
}

impl Setup {
    async fn local() -> Self {
        let (public, key) = keys();
        let listener = listen(0).await.expect("a port");
        let url = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let issuer = LoginIssuer::new(&url).expect("an issuer");
        let keys = ClientKeys::Jwks(serde_json::from_value(json!({"keys": [public]})).expect("keys"));
        for (client_id, authentication) in [
            (BY_SECRET, ClientAuthentication::ClientSecretBasic(SECRET.to_owned())),
            (BY_KEY, ClientAuthentication::PrivateKeyJwt(keys)),
        ] {
            let redirect_uris = vec![REDIRECT_URI.to_owned()];
            issuer.register(RelyingParty { client_id: client_id.to_owned(), redirect_uris, authentication });
        }
        let server = Server::start(listener, issuer.router()).expect("a server");
        Self::of(url, key, Box::new(server)).await
    }

    async fn oidc_provider() -> Self {
        let (public, key) = keys();
        let clients = json!([
            {"client_id": BY_SECRET, "client_secret": SECRET, "redirect_uris": [REDIRECT_URI],
                "token_endpoint_auth_method": "client_secret_basic"},
            {"client_id": BY_KEY, "jwks": {"keys": [public]}, "redirect_uris": [REDIRECT_URI],
                "token_endpoint_auth_method": "private_key_jwt"},
        ]);
        let provider = OidcProvider::start(&clients).await;
        Self::of(provider.issuer.clone(), key, Box::new(provider)).await
    }

    async fn of(issuer: String, key: EncodingKey, running: Box<dyn Send>) -> Self {
        let http = Client::builder().no_proxy().build().expect("an HTTP client");
        let (status, metadata) = answer(http.get(format!("{issuer}/.well-known/openid-configuration"))).await;
        assert_eq!((status, &metadata["issuer"]), (200, &json!(issuer)), "{metadata}");
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        Self { issuer, metadata, http, key, _running: running }
    }

    fn endpoint(&self, name: &str) -> String {
        self.metadata[name].as_str().expect(name).to_owned()
    }

    /// Where the relying party sends a browser.
    fn link(&self, client_id: &str, changes: Changes<'_>) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let usual = [
            ("client_id", client_id),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "a state"),
            ("nonce", "a nonce"),
            ("max_age", "300"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let parameters = changed(&usual, changes);
        Url::parse_with_params(&self.endpoint("authorization_endpoint"), parameters).expect("a URL")
    }

    /// `alice` logs in; the code.
    async fn code(&self, client_id: &str) -> String {
        let mut visitor = Visitor::new(REDIRECT_URI);
        let answer = log_in(&mut visitor, self.link(client_id, &[])).await;
        assert_eq!(parameter(&answer, "state").as_deref(), Some("a state"), "{answer}");
        assert_eq!(parameter(&answer, "iss"), Some(self.issuer.clone()), "{answer}");
        parameter(&answer, "code").unwrap_or_else(|| panic!("no code: {answer}"))
    }

    async fn redeem(&self, client_id: &str, code: &str, changes: Changes<'_>) -> (u16, Value) {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let assertion = self.assertion(client_id, &self.issuer);
        let by_key = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
        let request = self.http.post(self.endpoint("token_endpoint"));
        if client_id == BY_KEY {
            let usual = [&usual[..], &by_key].concat();
            answer(request.form(&changed(&usual, changes))).await
        } else {
            answer(request.basic_auth(client_id, Some(SECRET)).form(&changed(&usual, changes))).await
        }
    }

    fn assertion(&self, client_id: &str, audience: &str) -> String {
        let now = seconds(clock::now());
        let jti = format!("{:?}", clock::now());
        let claims = json!({"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60, "jti": jti});
        let header = Header { kid: Some(KID.to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.key).expect("an assertion")
    }

    async fn verified(&self, id_token: &Value, client_id: &str) -> Value {
        let (_, keys) = answer(self.http.get(self.endpoint("jwks_uri"))).await;
        let keys: JwkSet = serde_json::from_value(keys).expect("keys");
        let id_token = id_token.as_str().expect("an ID token");
        let kid = jsonwebtoken::decode_header(id_token).expect("a header").kid.expect("a kid");
        let key = DecodingKey::from_jwk(keys.find(&kid).expect("its key")).expect("a key");
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[client_id]);
        validation.set_issuer(&[&self.issuer]);
        jsonwebtoken::decode::<Value>(id_token, &key, &validation).expect("a valid token").claims
    }
}

async fn both() -> [Setup; 2] {
    [Setup::local().await, Setup::oidc_provider().await]
}

/// A new key of the relying party: its public JWK, and what signs.
fn keys() -> (Value, EncodingKey) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let public = json!({"kty": "EC", "crv": "P-256", "kid": KID, "x": x, "y": y});
    (public, EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("its encoding").as_ref()))
}

fn changed<'a>(usual: &[(&'a str, &'a str)], changes: Changes<'a>) -> Vec<(&'a str, &'a str)> {
    let is_kept = |(name, _): &&(&str, &str)| changes.iter().all(|(other, _)| other != name);
    usual
        .iter()
        .filter(is_kept)
        .chain(changes.iter().filter(|(_, value)| !value.is_empty()))
        .copied()
        .collect()
}

/// Fills in whatever the issuer shows, until it sends the browser back.
pub(crate) async fn log_in(visitor: &mut Visitor, link: Url) -> Url {
    let mut arrival = visitor.open(link).await;
    for _ in 0..3 {
        let page = match arrival {
            Arrival::Stopped(url) => return url,
            Arrival::Page(page) => page,
        };
        assert_eq!(page.status, 200, "{page:?}");
        arrival = visitor.submit(&page, fields(&page)).await;
    }
    panic!("still not back: {arrival:?}");
}

/// The local page offers people; oidc-provider's asks for a name, then for consent.
fn fields(page: &Page) -> Changes<'static> {
    if page.html.contains(r#"name="password""#) {
        &[("login", "alice"), ("password", "any")]
    } else if page.html.contains(r#"name="person""#) {
        &[("person", "alice")]
    } else {
        &[]
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(it, _)| it == name).map(|(_, value)| value.into_owned())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alice_logs_in_and_the_code_becomes_a_valid_id_token() {
    for setup in both().await {
        for client_id in [BY_SECRET, BY_KEY] {
            let started = seconds(clock::now());
            let (status, tokens) = setup.redeem(client_id, &setup.code(client_id).await, &[]).await;
            assert_eq!(status, 200, "{tokens}");
            let claims = setup.verified(&tokens["id_token"], client_id).await;
            assert_eq!((&claims["sub"], &claims["nonce"]), (&json!("alice"), &json!("a nonce")), "{claims}");
            let auth_time = claims["auth_time"].as_u64().expect("auth_time");
            assert!((started - 1..=seconds(clock::now())).contains(&auth_time), "{claims}");
            let access_token = tokens["access_token"].as_str().expect("an access token");
            let at_hash = URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16]);
            // OIDC Core §3.1.3.6: optional in this flow, but never another value.
            assert!(claims.get("at_hash").is_none_or(|it| *it == at_hash), "{claims}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_repeated_for_prompt_and_max_age_only() {
    for setup in both().await {
        let mut visitor = Visitor::new(REDIRECT_URI);
        log_in(&mut visitor, setup.link(BY_SECRET, &[])).await;
        let silent = visitor.open(setup.link(BY_SECRET, &[("prompt", "none")])).await;
        let Arrival::Stopped(silent) = silent else { panic!("{}: {silent:?}", setup.issuer) };
        assert!(parameter(&silent, "code").is_some(), "{silent}");
        for changes in [("prompt", "login"), ("max_age", "0")] {
            let page = visitor.open(setup.link(BY_SECRET, &[changes])).await.page();
            assert_eq!(page.status, 200, "{changes:?}");
        }
        let mut stranger = Visitor::new(REDIRECT_URI);
        let refused = stranger.open(setup.link(BY_SECRET, &[("prompt", "none")])).await;
        let Arrival::Stopped(refused) = refused else { panic!("{}: {refused:?}", setup.issuer) };
        assert_eq!(parameter(&refused, "error").as_deref(), Some("login_required"));
    }
}

/// RFC 6749 §4.1.2.1: not even an error goes to a place that nobody has registered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_authorization_request_is_refused() {
    for setup in both().await {
        let mut visitor = Visitor::new(REDIRECT_URI);
        for changes in [
            ("client_id", "unknown"),
            ("client_id", ""),
            ("redirect_uri", "http://localhost:9000/login/callback/"),
            ("redirect_uri", "http://localhost:9001/login/callback"),
            ("redirect_uri", "http://localhost:9000/login/Callback"),
        ] {
            let arrival = visitor.open(setup.link(BY_SECRET, &[changes])).await;
            let Arrival::Page(page) = arrival else { panic!("{}: {changes:?}: {arrival:?}", setup.issuer) };
            assert_eq!(page.status, 400, "{}: {changes:?}", setup.issuer);
        }
        for (changes, error) in [
            (("code_challenge", ""), "invalid_request"),
            (("code_challenge_method", "plain"), "invalid_request"),
            (("code_challenge", "short"), "invalid_request"),
            (("response_type", "other"), "unsupported_response_type"),
            (("max_age", "soon"), "invalid_request"),
            (("prompt", "none login"), "invalid_request"),
            (("prompt", "unknown"), "invalid_request"),
            (("request_uri", "urn:example:x"), "request_uri_not_supported"),
            (("request", "x.y.z"), "request_not_supported"),
        ] {
            let arrival = visitor.open(setup.link(BY_SECRET, &[changes])).await;
            let Arrival::Stopped(url) = arrival else { panic!("{}: {changes:?}: {arrival:?}", setup.issuer) };
            assert_eq!(parameter(&url, "error").as_deref(), Some(error), "{}: {changes:?}", setup.issuer);
            assert_eq!(parameter(&url, "iss"), Some(setup.issuer.clone()));
            assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_redemption_is_refused() {
    for setup in both().await {
        let (issuer, wrong_verifier) = (&setup.issuer, VERIFIER.replace("a-", "b-"));
        for (changes, error) in [
            (("code_verifier", wrong_verifier.as_str()), "invalid_grant"),
            (("redirect_uri", "http://localhost:9000/"), "invalid_grant"),
            (("code", "unknown"), "invalid_grant"),
            (("code", ""), "invalid_request"),
            (("grant_type", "password"), "unsupported_grant_type"),
        ] {
            let code = setup.code(BY_SECRET).await;
            let (status, body) = setup.redeem(BY_SECRET, &code, &[changes]).await;
            assert_eq!((status, &body["error"]), (400, &json!(error)), "{issuer}: {changes:?}: {body}");
        }
        let code = setup.code(BY_SECRET).await;
        assert_eq!(setup.redeem(BY_SECRET, &code, &[]).await.0, 200);
        let (status, body) = setup.redeem(BY_SECRET, &code, &[]).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{issuer}: used twice");
        let code = setup.code(BY_KEY).await;
        let (status, body) = setup.redeem(BY_SECRET, &code, &[]).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{issuer}: another client's");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_not_authenticated_is_refused() {
    for setup in both().await {
        let refused = |what: &str, (status, body): (u16, Value)| {
            assert_eq!(
                (status, &body["error"]),
                (401, &json!("invalid_client")),
                "{}: {what}: {body}",
                setup.issuer
            );
        };
        let code = setup.code(BY_KEY).await;
        for audience in ["http://localhost:1", &format!("{}/", setup.issuer), REDIRECT_URI] {
            let assertion = setup.assertion(BY_KEY, audience);
            refused(audience, setup.redeem(BY_KEY, &code, &[("client_assertion", &assertion)]).await);
        }
        let others = setup.assertion(BY_SECRET, &setup.issuer);
        refused("another client's", setup.redeem(BY_KEY, &code, &[("client_assertion", &others)]).await);
        let assertion = setup.assertion(BY_KEY, &setup.issuer);
        let once = [("client_assertion", assertion.as_str())];
        assert_eq!(setup.redeem(BY_KEY, &code, &once).await.0, 200);
        let code = setup.code(BY_KEY).await;
        refused("used twice", setup.redeem(BY_KEY, &code, &once).await);

        refused("unknown", setup.redeem("unknown", &code, &[]).await);
        let (endpoint, form) =
            (setup.endpoint("token_endpoint"), [("grant_type", "authorization_code"), ("code", "x")]);
        let wrong = setup.http.post(endpoint).basic_auth(BY_SECRET, Some("wrong")).form(&form);
        refused("a wrong secret", answer(wrong).await);
    }
}

/// The phone serves the issuer, whose page offers the people of the seed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stacks_own_issuer_knows_provider_and_people() {
    let outside = Outside::start(|_| {}).await;
    let issuer = outside.stack.login_issuer.issuer().to_owned();
    let setup = Setup::of(issuer, keys().1, Box::new(())).await;
    let redirect_uri = outside.url("/login/callback");
    let ours = [("redirect_uri", redirect_uri.as_str())];
    let mut visitor = Visitor::new(&redirect_uri);
    let page = visitor.open(setup.link(RELYING_PARTY, &ours)).await.page();
    assert!(page.html.contains("Alice Example") && page.html.contains("Dave Example"), "{}", page.html);
    let arrival = visitor.submit(&page, &[("person", "dave")]).await;
    let Arrival::Stopped(answered) = arrival else { panic!("{arrival:?}") };
    let code = parameter(&answered, "code").expect("a code");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    let request = setup.http.post(setup.endpoint("token_endpoint")).form(&form);
    let (status, tokens) = answer(request.basic_auth(RELYING_PARTY, Some(RELYING_PARTY_SECRET))).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(setup.verified(&tokens["id_token"], RELYING_PARTY).await["sub"], "dave");
    outside.stack.stop().await;
}
