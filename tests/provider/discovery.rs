//! The metadata document, and `/authorize`.

use std::sync::LazyLock;

use ciba::http::Request;
use ciba::protocol::routes;
use ciba_local::proxy::Refusal;
use ciba_tests::{Answer, Provider, Receiver, SECRET, START, at, basic, form, form_request, request};
use serde_json::{Value, json};

use crate::authorization_details::payment;
use crate::client_assertion;
use crate::foreign_issuer::Key;

const WELL_KNOWN: [&str; 2] =
    ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
const CIBA: &str = "urn:openid:params:grant-type:ciba";

async fn call(provider: &Provider, method: &str, path: &str) -> Answer {
    provider.call(&provider.discovery, &request(method, path, &[], ""), START).await
}

async fn document(provider: &Provider) -> Value {
    let answer = call(provider, "GET", WELL_KNOWN[0]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// The texts of a list in the document.
fn listed(document: &Value, member: &str) -> Vec<String> {
    let list = document[member].as_array().unwrap_or_else(|| panic!("{member}")).iter();
    list.map(|value| value.as_str().expect("text").to_owned()).collect()
}

/// TOK-11-01, TOK-11-03, TOK-11-04, TOK-11-06, TOK-11-07, CIBA-4-01, CIBA-4-02, CIBA-4-03, CIBA-4-04, CIBA-4-05,
/// CIBA-16-01, TOK-11-05
#[tokio::test]
async fn both_documents_say_what_is_enforced_and_nothing_else() {
    let provider = Provider::start().await;
    let expected = json!({
        "issuer": "http://localhost:9000",
        "authorization_endpoint": "http://localhost:9000/authorize",
        "token_endpoint": "http://localhost:9000/oauth/token",
        "backchannel_authentication_endpoint": "http://localhost:9000/bc-authorize",
        "jwks_uri": "http://localhost:9000/.well-known/jwks.json",
        "userinfo_endpoint": "http://localhost:9000/userinfo",
        "introspection_endpoint": "http://localhost:9000/oauth/introspect",
        "revocation_endpoint": "http://localhost:9000/oauth/revoke",
        "backchannel_token_delivery_modes_supported": ["poll", "ping", "push"],
        "backchannel_user_code_parameter_supported": true,
        "grant_types_supported": [CIBA, "refresh_token"],
        "response_types_supported": [],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA"],
        "dpop_signing_alg_values_supported": ["ES256", "PS256", "EdDSA", "Ed25519"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA", "Ed25519"],
        "introspection_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA", "Ed25519"],
        "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA", "Ed25519"],
        "backchannel_authentication_request_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA", "Ed25519"],
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "at_hash",
            "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
            "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified", "address",
            "phone_number", "phone_number_verified"],
        "acr_values_supported": ["phr", "urn:example:acr:mfa"],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    for path in WELL_KNOWN {
        let answer = call(&provider, "GET", path).await;
        assert_eq!((answer.status, &answer.body), (200, &expected), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    }
}

/// TOK-11-02, HYG-1-14: they are the same byte for byte.
#[tokio::test]
async fn the_issuer_is_the_setting_and_the_iss_of_tokens() {
    for issuer in ["https://op.example", "https://op.example:8443", "https://eu-1.op.example"] {
        let provider = Provider::empty(&[("ISSUER", issuer), ("LOGIN_ISSUERS", "")]).await;
        let document = document(&provider).await;
        assert_eq!(document["issuer"], issuer);
        for member in
            ["token_endpoint", "backchannel_authentication_endpoint", "jwks_uri", "authorization_endpoint"]
        {
            assert!(document[member].as_str().unwrap().starts_with(&format!("{issuer}/")), "{member}");
        }
    }
    let provider = Provider::start().await;
    let expected = document(&provider).await;
    assert_eq!(expected["issuer"], Provider::ISSUER);
    // Whatever a caller, or something on the way, says of the host.
    let said = [
        ("host", "elsewhere.example"),
        ("forwarded", "host=elsewhere.example;proto=http"),
        ("x-forwarded-host", "elsewhere.example"),
    ];
    let sent = request("GET", WELL_KNOWN[0], &said, "");
    assert_eq!(provider.call(&provider.discovery, &sent, START).await.body, expected);
}

/// TOK-13-05
#[tokio::test]
async fn the_classes_to_ask_for_are_those_that_some_login_can_reach() {
    let login = |name: &str, acr: Value| {
        json!({
            "issuer": format!("https://{name}.example"),
            "jwks_uri": format!("https://{name}.example/jwks"),
            "audience": {"claim": "aud", "value": "approval-app"},
            "algorithms": ["ES256"],
            "acr": acr,
        })
    };
    for (issuers, expected) in [
        (json!([]), None),
        (json!([login("a", json!({}))]), None),
        (
            json!([
                login("a", json!({"1": "urn:x:low", "2": "urn:x:high"})),
                login("b", json!({"mfa": "urn:x:high"}))
            ]),
            Some(json!(["urn:x:high", "urn:x:low"])),
        ),
    ] {
        let settings = [("LOGIN_ISSUERS", &*issuers.to_string()), ("RP_ID", "")];
        let provider = Provider::empty(&settings).await;
        assert_eq!(document(&provider).await.get("acr_values_supported"), expected.as_ref());
    }
}

/// No passkey is attested, so `phrh` cannot be reached.
#[tokio::test]
async fn the_class_of_passkeys_is_published_where_there_are_passkeys() {
    for (rp_id, expected) in [("", None), ("localhost", Some(json!(["phr"])))] {
        let provider = Provider::empty(&[("LOGIN_ISSUERS", "[]"), ("RP_ID", rp_id)]).await;
        assert_eq!(document(&provider).await.get("acr_values_supported"), expected.as_ref());
    }
}

/// TOK-11-08, HYG-1-11
#[tokio::test]
async fn the_document_is_cacheable_for_five_minutes_with_open_cors() {
    let provider = Provider::start().await;
    for path in WELL_KNOWN {
        let answer = call(&provider, "GET", path).await;
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

/// HYG-1-11
#[tokio::test]
async fn no_page_may_read_what_the_other_endpoints_answer() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    let refused = provider.ask(&[("scope", "profile")], at(1.0)).await;
    let asked = provider.ask(&[("login_hint", "bob")], at(2.0)).await;
    let decided = provider.decide("alice", &request, json!({"decision": "approve"}), at(3.0)).await;
    let redeemed = provider.poll(&auth_req_id, at(5.0)).await;
    let replayed = provider.poll(&auth_req_id, at(10.0)).await;
    for answer in [refused, asked, decided, redeemed, replayed, call(&provider, "GET", "/authorize").await] {
        assert_eq!(answer.header("access-control-allow-origin"), None, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    }
}

/// HYG-1-16
#[tokio::test]
async fn the_document_is_only_ever_got() {
    let provider = Provider::start().await;
    for path in WELL_KNOWN {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = call(&provider, method, path).await;
            assert_eq!(answer.refusal(), (405, "invalid_request"), "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{method} {path}");
        }
    }
}

/// HYG-1-11, HYG-1-16: RFC 9110 §9.3.2, §9.3.7, and what browsers ask first (Fetch §4.8).
#[tokio::test]
async fn head_and_options_are_answered_where_documents_are() {
    let provider = Provider::start().await;
    for path in [WELL_KNOWN[0], WELL_KNOWN[1], "/.well-known/jwks.json"] {
        let answer = async |method: &str| {
            let asked = request(method, path, &[], "");
            if path.ends_with("jwks.json") {
                provider.call(&provider.jwks, &asked, START).await
            } else {
                provider.call(&provider.discovery, &asked, START).await
            }
        };
        let (get, head) = (answer("GET").await, answer("HEAD").await);
        assert_eq!((head.status, &head.headers), (200, &get.headers), "{path}");
        assert!(get.body.is_object() && head.body.is_null(), "{path}");
        let options = answer("OPTIONS").await;
        assert_eq!((options.status, options.body.is_null()), (204, true), "{path}");
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET, HEAD, OPTIONS"),
            ("access-control-allow-headers", "*"),
        ] {
            assert_eq!(options.header(name), Some(value), "{path}");
        }
    }
}

/// HYG-1-16
#[tokio::test]
async fn nothing_else_is_found() {
    let provider = Provider::start().await;
    for path in
        ["/", "/.well-known", "/.well-known/openid-configuration/", "/.well-known/webfinger", "/authorize/"]
    {
        assert_eq!(call(&provider, "GET", path).await.refusal(), (404, "not_found"), "{path}");
    }
}

/// TOK-11-05
#[tokio::test]
async fn a_browser_at_authorize_is_told_to_use_the_backchannel() {
    let provider = Provider::start().await;
    for (method, path) in [
        ("GET", "/authorize"),
        ("GET", "/authorize?response_type=code&client_id=kiosk&redirect_uri=https://evil.example"),
        ("POST", "/authorize"),
    ] {
        let answer = call(&provider, method, path).await;
        assert_eq!(answer.refusal(), (400, "unsupported_response_type"), "{method} {path}");
        assert!(answer.text("error_description").contains("backchannel_authentication_endpoint"));
        assert_eq!(answer.header("location"), None);
    }
}

/// The key of every client that signs here.
static KEY: LazyLock<Key> = LazyLock::new(|| Key::es256("one"));

/// A form of `client_id`, which authenticates by `method`.
fn authenticated(
    path: &str,
    client_id: &str,
    method: &str,
    parameters: &[(&str, &str)],
    now: f64,
) -> Request {
    let (header, credentials) = match method {
        "client_secret_basic" => (Some(basic(client_id, SECRET)), vec![]),
        "client_secret_post" => (None, vec![("client_id", client_id), ("client_secret", SECRET)]),
        "private_key_jwt" => {
            let claims = json!({"iss": client_id, "sub": client_id, "jti": format!("{path} {now}"),
                "exp": at(now + 60.0).seconds()});
            let assertion = client_assertion::claims(claims).to_string();
            let assertion = KEY.sign(&KEY.header().to_string(), &assertion);
            return client_assertion::asserted(path, &assertion, parameters);
        }
        other => panic!("{other}"),
    };
    form_request(path, header.as_deref(), &form(&[parameters, &credentials].concat()))
}

/// The whole flow as `client_id`, which authenticates by `method`: `auth_req_id` asked for, approved, redeemed.
/// The tokens that a flow ends with, polled for or pushed.
async fn flow(
    provider: &Provider,
    receiver: &Receiver,
    client_id: &str,
    method: &str,
    scope: &str,
    now: f64,
) -> Value {
    let token = "t".repeat(22);
    let asking = [("scope", scope), ("login_hint", "alice"), ("client_notification_token", &token)];
    let asking = authenticated("/bc-authorize", client_id, method, &asking, now);
    let asked = provider.call(&provider.backchannel_authentication, &asking, at(now)).await;
    assert_eq!(asked.status, 200, "{method}: {asked:?}");
    let request = provider.sns.messages().pop().unwrap().text.rsplit('/').next().unwrap().to_owned();
    let body = json!({"client_id": client_id, "decision": "approve"});
    assert_eq!(provider.decide("alice", &request, body, at(now + 1.0)).await.status, 200);
    let polling = [("grant_type", CIBA), ("auth_req_id", asked.text("auth_req_id"))];
    let polling = authenticated("/oauth/token", client_id, method, &polling, now + 5.0);
    let told = receiver.calls().len();
    provider.deliver(at(now + 1.0)).await;
    match receiver.calls().get(told) {
        Some(call) if call.body["access_token"].is_string() => call.body.clone(),
        _ => {
            let answer = provider.call(&provider.token, &polling, at(now + 5.0)).await;
            assert_eq!(answer.status, 200, "{method}: {answer:?}");
            answer.body
        }
    }
}

/// What `client_id`, which authenticates by `method`, is answered to its refresh token.
async fn refreshed(provider: &Provider, client_id: &str, method: &str, token: &str, now: f64) -> Answer {
    let refreshing = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let refreshing = authenticated("/oauth/token", client_id, method, &refreshing, now);
    provider.call(&provider.token, &refreshing, at(now)).await
}

/// TOK-11-07, CIBA-4-05, CIBA-4-06, CIBA-4-14
#[tokio::test]
async fn whatever_the_document_offers_works() {
    let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await;
    let receiver = Receiver::start().await;
    let document = document(&provider).await;
    let mut now = 0.0;
    for method in listed(&document, "token_endpoint_auth_methods_supported") {
        for mode in listed(&document, "backchannel_token_delivery_modes_supported") {
            let client_id = format!("{method}-{mode}");
            let scope = listed(&document, "scopes_supported").join(" ");
            let metadata = json!({
                "client_id": client_id,
                "token_endpoint_auth_method": method,
                "client_secret": method.starts_with("client_secret").then_some(SECRET),
                "jwks": (method == "private_key_jwt").then(|| json!({"keys": [KEY.jwk]})),
                "backchannel_token_delivery_mode": mode,
                "backchannel_client_notification_endpoint": (mode != "poll").then(|| receiver.url()),
                "grant_types": listed(&document, "grant_types_supported"),
                "scope": scope,
            });
            provider.register(metadata).await.expect("what is offered can be registered");
            let told = receiver.calls().len();
            let tokens = flow(&provider, &receiver, &client_id, &method, &scope, now).await;
            assert_eq!(receiver.calls().len() - told, usize::from(mode != "poll"), "{mode}");
            let token = tokens["refresh_token"].as_str().expect("a refresh token");
            let refreshed = refreshed(&provider, &client_id, &method, token, now + 6.0);
            assert_eq!(refreshed.await.status, 200, "{method} {mode}");
            now += 10.0;
        }
    }
}

/// TOK-11-07
#[tokio::test]
async fn what_the_document_does_not_offer_is_refused() {
    let provider = Provider::start().await;
    for (member, value) in
        [("token_endpoint_auth_method", "none"), ("token_endpoint_auth_method", "client_secret_jwt")]
    {
        let metadata = json!({"client_id": "x", member: value});
        assert!(provider.register(metadata).await.is_err(), "{member} {value}");
    }
    for grant in ["authorization_code", "client_credentials", "password"] {
        let asking = form(&[("grant_type", grant), ("auth_req_id", "x")]);
        let asking = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &asking);
        let answer = provider.call(&provider.token, &asking, START).await;
        assert_eq!(answer.refusal(), (400, "unsupported_grant_type"), "{grant}");
    }
}

/// TOK-11-07
#[tokio::test]
async fn tokens_are_as_the_document_says() {
    use base64::Engine;
    let provider = Provider::start().await;
    let document = document(&provider).await;
    let (auth_req_id, request) = provider.asked(&[], at(0.0)).await;
    provider.approve(&request, at(1.0)).await;
    let tokens = provider.poll(&auth_req_id, at(5.0)).await;
    let part = |n: usize| -> Value {
        let part = tokens.text("id_token").split('.').nth(n).unwrap();
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        serde_json::from_slice(&engine.decode(part).unwrap()).unwrap()
    };
    let algorithms = listed(&document, "id_token_signing_alg_values_supported");
    assert!(algorithms.contains(&part(0)["alg"].as_str().unwrap().to_owned()));
    let mut claims: Vec<_> = part(1).as_object().unwrap().keys().cloned().collect();
    claims.retain(|claim| !claim.starts_with("urn:openid:params:jwt:claim:"));
    // The profile claims are those of userinfo.
    let mut offered = listed(&document, "claims_supported");
    offered
        .retain(|claim| !ciba::domain::person::person_claims::all().any(|of_userinfo| of_userinfo == claim));
    claims.sort();
    offered.sort();
    assert_eq!(claims, offered, "a login with acr and amr fills every claim");
    assert!(listed(&document, "acr_values_supported").contains(&part(1)["acr"].as_str().unwrap().to_owned()));
}

/// TOK-11-01
#[tokio::test]
async fn each_endpoint_in_the_document_is_a_route_of_its_function() {
    let provider = Provider::start().await;
    let document = document(&provider).await;
    for (member, function) in [
        ("backchannel_authentication_endpoint", "backchannel-authentication"),
        ("token_endpoint", "token"),
        ("jwks_uri", "jwks"),
        ("userinfo_endpoint", "userinfo"),
        ("introspection_endpoint", "introspection"),
        ("revocation_endpoint", "revocation"),
        ("authorization_endpoint", "discovery"),
    ] {
        let path = document[member].as_str().unwrap().strip_prefix(Provider::ISSUER).expect(member);
        let route = routes::ALL.iter().find(|route| route.path == path).expect(member);
        assert_eq!(route.function, function);
    }
}

/// Whatever the table is asked next, it does not answer.
fn fail_queries(provider: &Provider) {
    for nth in 1..=5 {
        let refusal = Refusal::Error { code: "InternalServerError".to_owned() };
        provider.proxy.fail_before("Query", nth, refusal);
    }
}

/// TOK-7-06
#[tokio::test]
async fn the_metadata_list_the_existing_authorization_details_types() {
    const MEMBER: &str = "authorization_details_types_supported";
    let provider = Provider::empty(&[]).await;
    let at_time = async |time: f64| {
        let request = request("GET", WELL_KNOWN[0], &[], "");
        provider.call(&provider.discovery, &request, at(time)).await.body[MEMBER].clone()
    };
    assert_eq!(at_time(0.0).await, Value::Null, "there is none");
    provider.put_detail_type(&payment()).await;
    let mut account = payment();
    account["type"] = json!("account");
    provider.put_detail_type(&account).await;
    provider.proxy.clear();
    assert_eq!(at_time(59.0).await, Value::Null, "a warm function looks once a minute");
    assert_eq!(at_time(60.0).await, json!(["account", "payment"]));
    assert_eq!(at_time(61.0).await, json!(["account", "payment"]));
    let calls = provider.proxy.calls();
    assert_eq!(calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(), ["Query"]);
    // What is known stays known, where the table does not answer.
    fail_queries(&provider);
    assert_eq!(at_time(121.0).await, json!(["account", "payment"]));
}

/// The document is made of settings, and of the types that are written down: it is there when nothing else is.
#[tokio::test]
async fn the_document_needs_no_keys_and_is_there_without_a_table() {
    let provider = Provider::empty(&[]).await;
    fail_queries(&provider);
    let without = document(&provider).await;
    assert_eq!(without["issuer"], Provider::ISSUER);
    assert_eq!(provider.kms.calls().len(), 0);
}

const ASSET_LINKS: &str = "/.well-known/assetlinks.json";
const APPLE_APP_SITE_ASSOCIATION: &str = "/.well-known/apple-app-site-association";

/// Phones ask for both before they let an app use the passkeys of a domain, and take no other type and no redirect.
#[tokio::test]
async fn the_documents_about_apps_are_made_of_the_settings() {
    let (first, second) = ("AB".repeat(32), "0c".repeat(32));
    let android = format!("com.example.bank={first} com.example.till={first} com.example.bank={second}");
    let settings = [
        ("ANDROID_APPS", &*android),
        ("APPLE_APPS", "A1B2C3D4E5.com.example.bank A1B2C3D4E5.com.example.till"),
    ];
    let provider = Provider::empty(&settings).await;
    let (first, second) = (["AB"; 32].join(":"), ["0C"; 32].join(":"));
    let statement = |package: &str, fingerprints: &[&String]| {
        json!({
            "relation": ["delegate_permission/common.get_login_creds", "delegate_permission/common.handle_all_urls"],
            "target": {"namespace": "android_app", "package_name": package, "sha256_cert_fingerprints": fingerprints},
        })
    };
    let apps = ["A1B2C3D4E5.com.example.bank", "A1B2C3D4E5.com.example.till"];
    let expected = [
        (
            ASSET_LINKS,
            json!([
                statement("com.example.bank", &[&first, &second]),
                statement("com.example.till", &[&first])
            ]),
        ),
        (
            APPLE_APP_SITE_ASSOCIATION,
            json!({
                "webcredentials": {"apps": apps},
                "applinks": {"details": [{"appIDs": apps, "components": [{"/": "/consent/*"}]}]},
            }),
        ),
    ];
    for (path, document) in expected {
        let answer = call(&provider, "GET", path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.body, document, "{path}");
        assert_eq!(call(&provider, "POST", path).await.refusal(), (405, "invalid_request"));
    }
    assert_eq!(provider.proxy.calls().len(), 0, "no table is asked");
}

#[tokio::test]
async fn where_there_is_no_app_there_is_no_document_about_any() {
    let provider = Provider::empty(&[("APPLE_APPS", "A1B2C3D4E5.com.example.bank")]).await;
    assert_eq!(call(&provider, "GET", ASSET_LINKS).await.refusal(), (404, "not_found"));
    assert_eq!(call(&provider, "GET", APPLE_APP_SITE_ASSOCIATION).await.status, 200);
    let provider = Provider::empty(&[]).await;
    assert_eq!(call(&provider, "GET", APPLE_APP_SITE_ASSOCIATION).await.refusal(), (404, "not_found"));
}
