//! The issuer over HTTP, as a relying party and a browser use it.

use std::time::{Duration, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use reqwest::{Client, Response, StatusCode, header};
use url::Url;

use super::*;
use crate::{
    clock::SetClock,
    server::{Server, listen},
};

const REDIRECT_URI: &str = "http://localhost:9000/login/callback";
const SECRET: &str = "a secret: with + and %";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// When every test begins. Unit: epoch seconds.
const START: u64 = 1_800_000_000;

/// Parameters to add, to replace, or to leave out where the value is empty.
type Changes<'a> = &'a [(&'a str, &'a str)];

/// The issuer with the clients `bank` (a secret) and `shop` (a key), and a browser without cookies.
struct Setup {
    issuer: LoginIssuer,
    clock: SetClock,
    shop: SigningKey,
    http: Client,
    _server: Server,
}

impl Setup {
    async fn start() -> Self {
        let listener = listen(0).await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let clock = SetClock::new(UNIX_EPOCH + Duration::from_secs(START));
        let issuer = LoginIssuer::with_clock(&url, Clock::Set(clock.clone())).unwrap();
        let shop = SigningKey::create().unwrap();
        let keys = ClientKeys::Jwks(serde_json::from_value(shop.jwks().clone()).unwrap());
        for (client_id, authentication) in [
            ("bank", ClientAuthentication::ClientSecretBasic(SECRET.to_owned())),
            ("shop", ClientAuthentication::PrivateKeyJwt(keys)),
        ] {
            let redirect_uris = vec![REDIRECT_URI.to_owned()];
            issuer.register(RelyingParty { client_id: client_id.to_owned(), redirect_uris, authentication });
        }
        issuer.offer(&[alice()]);
        let server = Server::start(listener, issuer.router()).unwrap();
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { issuer, clock, shop, http, _server: server }
    }

    fn pass(&self, seconds: u64) {
        self.clock.set(self.clock.now() + Duration::from_secs(seconds));
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.issuer())
    }

    /// `bank` sends a browser with this cookie.
    async fn authorize(&self, changes: Changes<'_>, cookie: &str) -> Response {
        let usual = [
            ("client_id", "bank"),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "s1"),
            ("nonce", "n1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let url = Url::parse_with_params(&self.url("/authorize"), changed(&usual, changes)).unwrap();
        self.http.get(url).header(header::COOKIE, cookie).send().await.unwrap()
    }

    /// A code for `alice`.
    async fn code(&self, changes: Changes<'_>) -> String {
        let changes = [&[("person", "alice")], changes].concat();
        answer(&self.authorize(&changes, "").await, "code").expect("a code")
    }

    /// `bank` redeems a code.
    async fn redeem(&self, code: &str, changes: Changes<'_>) -> (StatusCode, Value) {
        self.post(&form(code, changes), Some(("bank", SECRET))).await
    }

    async fn post(&self, form: &[(&str, &str)], basic: Option<(&str, &str)>) -> (StatusCode, Value) {
        let mut request = self.http.post(self.url("/token")).form(form);
        if let Some((id, secret)) = basic {
            let encode = |it: &str| url::form_urlencoded::byte_serialize(it.as_bytes()).collect::<String>();
            request = request.basic_auth(encode(id), Some(encode(secret)));
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        (response.status(), response.json().await.unwrap())
    }

    /// `shop` redeems a code with an assertion that has these claims beside or instead of the usual ones.
    async fn redeem_as_shop(&self, code: &str, claims: Value) -> (StatusCode, Value) {
        let assertion = self.assertion(claims);
        self.post(
            &form(code, &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]),
            None,
        )
        .await
    }

    fn assertion(&self, changes: Value) -> String {
        let now = self.issuer.shared.now();
        let claims =
            json!({"iss": "shop", "sub": "shop", "aud": self.issuer.issuer(), "exp": now + 60, "jti": "1"});
        self.shop.sign(&super::changed(claims, changes.as_object().unwrap().clone())).unwrap()
    }

    fn verified(&self, id_token: &Value) -> Value {
        verified(&self.issuer, id_token.as_str().expect("an ID token"), "bank")
    }
}

use client_assertion::ASSERTION_TYPE;

fn alice() -> Person {
    Person {
        sub: "alice".to_owned(),
        login: Some("alice".to_owned()),
        name: Some("Alice <b>".to_owned()),
        email: Some("alice@example.com".to_owned()),
        addresses: vec![],
    }
}

fn form<'a>(code: &'a str, changes: Changes<'a>) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    changed(&usual, changes)
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

/// A parameter of the answer at the redirect URI; `None` if the answer is not sent there, or has none.
fn answer(response: &Response, name: &str) -> Option<String> {
    let location = response.headers().get(header::LOCATION)?.to_str().unwrap();
    assert!(location.starts_with(REDIRECT_URI), "{location}");
    let url = Url::parse(location).unwrap();
    url.query_pairs().find(|(it, _)| it == name).map(|(_, value)| value.into_owned())
}

fn cookie(response: &Response) -> String {
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn verified(issuer: &LoginIssuer, token: &str, audience: &str) -> Value {
    let jwks: JwkSet = serde_json::from_value(issuer.shared.key.jwks().clone()).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(jwks.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer.issuer()]);
    // The clock of these tests is not this machine's.
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

#[test]
fn a_login_token_verifies_against_the_jwks() {
    let issuer = LoginIssuer::new("http://localhost:9100").unwrap();
    let token = issuer.login_token("alice", clock::now(), Map::new()).unwrap();
    let claims = verified(&issuer, &token, AUDIENCE);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["auth_time"], claims["iat"]);
    assert_eq!(jsonwebtoken::decode_header(&token).unwrap().typ.as_deref(), Some("JWT"));
}

#[test]
fn an_override_replaces_adds_and_removes() {
    let issuer = LoginIssuer::new("http://localhost:9100").unwrap();
    let Value::Object(overrides) = json!({"sub": "bob", "email": "bob@example.com", "auth_time": null})
    else {
        unreachable!("an object literal")
    };
    let token = issuer.login_token("alice", clock::now(), overrides).unwrap();
    let claims = verified(&issuer, &token, AUDIENCE);
    assert_eq!((&claims["sub"], &claims["email"]), (&json!("bob"), &json!("bob@example.com")));
    assert_eq!(claims.get("auth_time"), None);
}

#[tokio::test]
async fn the_metadata_names_endpoints_that_answer() {
    let setup = Setup::start().await;
    let get = async |url: String| setup.http.get(url).send().await.unwrap();
    let metadata: Value = get(setup.url("/.well-known/openid-configuration")).await.json().await.unwrap();
    assert_eq!(metadata["issuer"], setup.issuer.issuer());
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    let endpoint = |name: &str| metadata[name].as_str().unwrap().to_owned();
    let keys: Value = get(endpoint("jwks_uri")).await.json().await.unwrap();
    assert_eq!(&keys, setup.issuer.shared.key.jwks());
    assert_eq!(get(endpoint("authorization_endpoint")).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(get(endpoint("token_endpoint")).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_person_is_chosen_on_the_page_and_the_code_becomes_tokens() {
    let setup = Setup::start().await;
    let page = setup.authorize(&[("scope", "openid email profile")], "").await;
    assert_eq!(page.status(), StatusCode::OK);
    let page = page.text().await.unwrap();
    // The form repeats the request, and its text is escaped.
    for part in [
        r#"<form method="post" action="/authorize""#,
        r#"<input type="hidden" name="nonce" value="n1">"#,
        r#"<button name="person" value="alice">"#,
        "Alice &lt;b&gt;",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let (form, _) = page.split_once("</form>").unwrap();
    let hidden: Vec<(&str, &str)> = form
        .split(r#"type="hidden" name=""#)
        .skip(1)
        .filter_map(|it| it.split_once('>')?.0.split_once(r#"" value=""#))
        .map(|(name, value)| (name, value.trim_end_matches('"')))
        .collect();
    let form = [&hidden[..], &[("person", "alice")]].concat();
    let chosen = setup.http.post(setup.url("/authorize")).form(&form).send().await.unwrap();
    assert_eq!(chosen.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer(&chosen, "state").as_deref(), Some("s1"));
    assert_eq!(answer(&chosen, "iss").as_deref(), Some(setup.issuer.issuer()));

    setup.pass(2);
    let (status, tokens) = setup.redeem(&answer(&chosen, "code").unwrap(), &[]).await;
    assert_eq!((status, &tokens["token_type"]), (StatusCode::OK, &json!("Bearer")), "{tokens}");
    let mut claims = setup.verified(&tokens["id_token"]);
    let at_hash = claims["at_hash"].take();
    assert_eq!(at_hash.as_str().map(str::len), Some(22));
    let expected = json!({
        "iss": setup.issuer.issuer(), "sub": "alice", "aud": "bank", "nonce": "n1", "at_hash": null,
        "iat": START + 2, "exp": START + 302, "auth_time": START, "acr": "urn:local:mfa", "amr": ["pwd", "otp"],
        "name": "Alice <b>", "email": "alice@example.com", "email_verified": true,
    });
    assert_eq!(claims, expected);
}

/// Without the scopes for them there are no claims about the person.
#[tokio::test]
async fn a_name_that_is_typed_in_is_a_person_too() {
    let setup = Setup::start().await;
    let response = setup.authorize(&[("person", "zoe"), ("nonce", "")], "").await;
    let (_, tokens) = setup.redeem(&answer(&response, "code").unwrap(), &[]).await;
    let claims = setup.verified(&tokens["id_token"]);
    assert_eq!(claims["sub"], "zoe");
    for name in ["nonce", "name", "email"] {
        assert_eq!(claims.get(name), None, "{name}");
    }
    for name in ["with space", "ä", &"a".repeat(256)] {
        assert_eq!(setup.authorize(&[("person", name)], "").await.status(), StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn without_a_registered_destination_there_is_no_redirect() {
    let setup = Setup::start().await;
    for changes in [
        ("client_id", ""),
        ("client_id", "other"),
        ("redirect_uri", ""),
        ("redirect_uri", "http://localhost:9000/login/callback/"),
        ("redirect_uri", "https://evil.example/"),
    ] {
        let response = setup.authorize(&[changes, ("person", "alice")], "").await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{changes:?}");
        assert_eq!(response.headers().get(header::LOCATION), None, "{changes:?}");
        assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    }
}

#[tokio::test]
async fn a_refusal_goes_to_the_redirect_uri_with_state_and_iss() {
    let setup = Setup::start().await;
    for (changes, expected) in [
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "profile"), "invalid_scope"),
        (("request_uri", "urn:x"), "request_uri_not_supported"),
        (("prompt", "none"), "login_required"),
        (("cancel", "1"), "access_denied"),
    ] {
        let response = setup.authorize(&[changes, ("person", "alice")], "").await;
        assert_eq!(answer(&response, "error").as_deref(), Some(expected), "{changes:?}");
        assert_eq!(answer(&response, "state").as_deref(), Some("s1"));
        assert_eq!(answer(&response, "iss").as_deref(), Some(setup.issuer.issuer()));
        assert_eq!(answer(&response, "code"), None);
    }
}

#[tokio::test]
async fn a_session_answers_without_a_page_until_a_login_is_needed() {
    let setup = Setup::start().await;
    let login = setup.authorize(&[("person", "alice"), ("acr_values", "urn:local:pwd")], "").await;
    let cookie = cookie(&login);
    setup.pass(10);
    for (changes, has_code) in [
        (("prompt", ""), true),
        (("prompt", "none"), true),
        (("max_age", "10"), true),
        (("acr_values", "urn:other"), true),
        (("acr_values", "urn:local:mfa urn:local:pwd"), true),
        (("prompt", "login"), false),
        (("prompt", "select_account"), false),
        (("max_age", "9"), false),
        (("max_age", "0"), false),
        (("acr_values", "urn:local:mfa"), false),
    ] {
        let response = setup.authorize(&[changes], &cookie).await;
        assert_eq!(answer(&response, "code").is_some(), has_code, "{changes:?}");
        assert_eq!(response.status() == StatusCode::OK, !has_code, "{changes:?}");
    }
    let silent = setup.authorize(&[("prompt", "none"), ("max_age", "9")], &cookie).await;
    assert_eq!(answer(&silent, "error").as_deref(), Some("login_required"));

    // The first login is still the one that counts, until there is another.
    let code = answer(&setup.authorize(&[], &cookie).await, "code").unwrap();
    let claims = setup.verified(&setup.redeem(&code, &[]).await.1["id_token"]);
    assert_eq!((&claims["auth_time"], &claims["acr"]), (&json!(START), &json!("urn:local:pwd")));
    assert_eq!(claims["amr"], json!(["pwd"]));
    let again = setup.authorize(&[("prompt", "login"), ("person", "bob")], &cookie).await;
    let claims = setup.verified(&setup.redeem(&answer(&again, "code").unwrap(), &[]).await.1["id_token"]);
    assert_eq!((&claims["sub"], &claims["auth_time"]), (&json!("bob"), &json!(START + 10)));
    assert_eq!(claims["acr"], "urn:local:mfa");
}

#[tokio::test]
async fn a_code_is_redeemed_once_and_for_what_it_was_issued() {
    let setup = Setup::start().await;
    let code = setup.code(&[]).await;
    assert_eq!(setup.redeem(&code, &[]).await.0, StatusCode::OK);
    let refused = |(status, body): (StatusCode, Value)| {
        (status == StatusCode::BAD_REQUEST).then(|| body["error"].as_str().unwrap().to_owned())
    };
    assert_eq!(refused(setup.redeem(&code, &[]).await).as_deref(), Some("invalid_grant"));
    for (changes, expected) in [
        (("code_verifier", "another-verifier-of-at-least-43-characters-"), "invalid_grant"),
        (("redirect_uri", "http://localhost:9000/"), "invalid_grant"),
        (("code", "unknown"), "invalid_grant"),
        (("code", ""), "invalid_request"),
        (("code_verifier", ""), "invalid_request"),
        (("redirect_uri", ""), "invalid_request"),
        (("grant_type", ""), "invalid_request"),
        (("grant_type", "refresh_token"), "unsupported_grant_type"),
    ] {
        let code = setup.code(&[]).await;
        assert_eq!(refused(setup.redeem(&code, &[changes]).await).as_deref(), Some(expected), "{changes:?}");
    }
    let code = setup.code(&[]).await;
    setup.pass(61);
    assert_eq!(refused(setup.redeem(&code, &[]).await).as_deref(), Some("invalid_grant"));
    let code = setup.code(&[("client_id", "shop")]).await;
    assert_eq!(refused(setup.redeem(&code, &[]).await).as_deref(), Some("invalid_grant"));
}

#[tokio::test]
async fn a_client_authenticates_by_the_method_it_is_registered_with() {
    let setup = Setup::start().await;
    let shops = [("client_id", "shop")];
    assert_eq!(setup.redeem_as_shop(&setup.code(&shops).await, json!({})).await.0, StatusCode::OK);
    let code = setup.code(&[]).await;
    for basic in [("bank", "wrong"), ("other", SECRET), ("shop", SECRET)] {
        let (status, body) = setup.post(&form(&code, &[]), Some(basic)).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "{basic:?}"
        );
    }
    for changes in [&[][..], &[("client_id", "bank")], &[("client_id", "bank"), ("client_secret", SECRET)]] {
        let (status, body) = setup.post(&form(&code, changes), None).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "{changes:?}"
        );
    }
    let (status, _) = setup.post(&form(&code, &[("client_id", "shop")]), Some(("bank", SECRET))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    // None of them has used up the code.
    assert_eq!(setup.redeem(&code, &[]).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_assertion_is_for_this_issuer_and_used_once() {
    let setup = Setup::start().await;
    let code = setup.code(&[("client_id", "shop")]).await;
    for changes in [json!({"aud": "http://localhost:9000"}), json!({"exp": START}), json!({"sub": "bank"})] {
        let (status, body) = setup.redeem_as_shop(&code, changes.clone()).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "{changes}"
        );
    }
    assert_eq!(setup.redeem_as_shop(&code, json!({})).await.0, StatusCode::OK);
    let code = setup.code(&[("client_id", "shop")]).await;
    let (status, body) = setup.redeem_as_shop(&code, json!({})).await;
    assert_eq!(
        (status, &body["error_description"]),
        (StatusCode::UNAUTHORIZED, &json!("the assertion was already used"))
    );
    assert_eq!(setup.redeem_as_shop(&code, json!({"jti": "2"})).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_keys_of_a_client_are_fetched_from_its_jwks_uri() {
    let setup = Setup::start().await;
    let keys = setup.shop.jwks().clone();
    let router = Router::new().route("/jwks", get(|| async { Json(keys) }));
    let server = Server::start(listen(0).await.unwrap(), router).unwrap();
    let register = |path: &str| {
        let keys = ClientKeys::JwksUri(format!("{}{path}", server.url()));
        setup.issuer.register(RelyingParty {
            client_id: "shop".to_owned(),
            redirect_uris: vec![REDIRECT_URI.to_owned()],
            authentication: ClientAuthentication::PrivateKeyJwt(keys),
        });
    };
    register("/nothing");
    let code = setup.code(&[("client_id", "shop")]).await;
    let (status, body) = setup.redeem_as_shop(&code, json!({})).await;
    assert_eq!((status, &body["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    register("/jwks");
    assert_eq!(setup.redeem_as_shop(&code, json!({})).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_repeated_parameter_and_a_body_that_is_no_form_are_refused() {
    let setup = Setup::start().await;
    let code = setup.code(&[]).await;
    let twice = [&form(&code, &[])[..], &[("code", "x")]].concat();
    let (status, body) = setup.post(&twice, Some(("bank", SECRET))).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    let request = setup.http.post(setup.url("/token")).basic_auth("bank", Some(SECRET)).json(&json!({}));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let response = setup.http.post(setup.url("/token")).form(&form(&code, &[])).send().await.unwrap();
    assert!(response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn a_test_changes_what_id_tokens_say() {
    let setup = Setup::start().await;
    let Value::Object(changes) = json!({"nonce": "other", "auth_time": null}) else {
        unreachable!("an object literal")
    };
    setup.issuer.change_id_tokens(changes);
    let claims = setup.verified(&setup.redeem(&setup.code(&[]).await, &[]).await.1["id_token"]);
    assert_eq!((&claims["nonce"], claims.get("auth_time")), (&json!("other"), None));
    setup.issuer.change_id_tokens(Map::new());
    let claims = setup.verified(&setup.redeem(&setup.code(&[]).await, &[]).await.1["id_token"]);
    assert_eq!((&claims["nonce"], &claims["auth_time"]), (&json!("n1"), &json!(START)));
}
