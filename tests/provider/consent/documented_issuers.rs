//! The login issuers of docs/login-issuers.md: what is documented is read by the code, and accepts a token of the
//! shape that the service documents. The keys are the test's own; no real service is asked.

use std::collections::BTreeMap;

use ciba::config::{Environment, Issuer, LoginIssuers};
use ciba_tests::{Provider, at, root};
use serde_json::{Value, json};

use super::login_issuer::{decide, list};
use crate::foreign_issuer::{Document, ForeignIssuer, Key, change};

const COGNITO: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE01";
const COGNITO_BY_ID_TOKEN: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE02";
const ENTRA: &str = "https://login.microsoftonline.com/aaaaaaaa-0000-4000-8000-00000000000a/v2.0";
const AUTH0: &str = "https://example.eu.auth0.com/";
const KEYCLOAK: &str = "https://keycloak.example.com/realms/acme";
const ALL: [&str; 5] = [COGNITO, COGNITO_BY_ID_TOKEN, ENTRA, AUTH0, KEYCLOAK];

/// The elements in the page, by their issuer.
fn documented() -> BTreeMap<String, Value> {
    let page = std::fs::read_to_string(root().join("docs/login-issuers.md")).expect("the page");
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().expect("a block"));
    let elements = blocks.map(|block| serde_json::from_str::<Value>(block).expect("JSON"));
    elements.map(|element| (element["issuer"].as_str().expect("an issuer").to_owned(), element)).collect()
}

/// A service as the test plays it: the documented issuer, under keys of the test's own.
struct Service {
    issuer: &'static str,
    keys: ForeignIssuer,
    key: Key,
}

impl Service {
    async fn start(issuer: &'static str) -> Self {
        let keys = ForeignIssuer::start().await;
        let mut key = Key::rs256("sig-1");
        if issuer == ENTRA {
            // Its keys name no algorithm.
            change(&mut key.jwk, json!({"alg": null, "x5t": "sig-1", "issuer": ENTRA}));
        }
        // Keycloak publishes a key for encryption beside the one that signs.
        let mut encryption = key.jwk.clone();
        change(&mut encryption, json!({"alg": "RSA-OAEP", "use": "enc", "kid": "enc-1"}));
        let body = json!({"keys": [encryption, key.jwk]}).to_string();
        keys.publish(Document { body, ..Document::of([]) });
        Self { issuer, keys, key }
    }

    /// The documented element; its keys alone are elsewhere.
    fn setting(&self) -> Value {
        let mut element = documented().remove(self.issuer).expect("a documented issuer");
        element["jwks_uri"] = self.keys.jwks_uri().into();
        element
    }

    /// A token as the service makes it; `changes` replaces claims, null removes one.
    fn token(&self, mut claims: Value, changes: Value) -> String {
        change(&mut claims, changes);
        let mut header = json!({"alg": "RS256", "kid": "sig-1"});
        // Cognito's header has nothing else.
        if ![COGNITO, COGNITO_BY_ID_TOKEN].contains(&self.issuer) {
            header["typ"] = "JWT".into();
        }
        self.key.sign(&header.to_string(), &claims.to_string())
    }
}

/// The token that the page says to send, by a login at 0 s.
fn right(issuer: &str) -> Value {
    let s = at(0.0).seconds();
    match issuer {
        COGNITO => cognito_access(),
        COGNITO_BY_ID_TOKEN => cognito_id(COGNITO_BY_ID_TOKEN, "2example34567890approval"),
        ENTRA => json!({
            "aud": "bbbbbbbb-0000-4000-8000-00000000000b", "iss": ENTRA, "iat": s, "nbf": s, "exp": s + 4500,
            "aio": "AXQAi/8TAAAA", "auth_time": s, "azp": "cccccccc-0000-4000-8000-00000000000c", "azpacr": "0",
            "name": "Carol", "oid": "dddddddd-0000-4000-8000-00000000000d", "preferred_username": "carol@example.com",
            "rh": "0.AAAA", "scp": "ciba.decide", "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "tid": "aaaaaaaa-0000-4000-8000-00000000000a", "uti": "AAAAAAAA", "ver": "2.0",
        }),
        AUTH0 => json!({
            "nickname": "carol", "name": "carol@example.com", "updated_at": "2027-01-15T08:00:00.000Z",
            "email": "carol@example.com", "email_verified": true, "iss": AUTH0, "aud": "exampleApprovalAppClientId",
            "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "iat": s, "exp": s + 36_000, "sid": "3xample",
            "nonce": "n-0S6", "auth_time": s, "amr": ["mfa"],
        }),
        KEYCLOAK => keycloak_access(),
        other => panic!("{other}"),
    }
}

fn cognito_access() -> Value {
    let s = at(0.0).seconds();
    json!({
        "sub": "11111111-2222-4333-8444-555555555555", "device_key": "eu-central-1_66666666",
        "cognito:groups": ["customers"], "iss": COGNITO, "version": 2, "client_id": "1example23456789approval",
        "origin_jti": "77777777-2222-4333-8444-555555555555", "event_id": "88888888-2222-4333-8444-555555555555",
        "token_use": "access", "scope": "openid profile ciba/decide", "auth_time": s, "exp": s + 3600, "iat": s,
        "jti": "99999999-2222-4333-8444-555555555555", "username": "carol",
    })
}

fn cognito_id(issuer: &str, app: &str) -> Value {
    let s = at(0.0).seconds();
    json!({
        "sub": "11111111-2222-4333-8444-555555555555", "cognito:groups": ["customers"], "email_verified": true,
        "iss": issuer, "cognito:username": "carol", "origin_jti": "77777777-2222-4333-8444-555555555555",
        "aud": app, "event_id": "88888888-2222-4333-8444-555555555555", "token_use": "id", "auth_time": s,
        "exp": s + 3600, "iat": s, "jti": "aaaaaaaa-2222-4333-8444-555555555555", "email": "Carol@example.com",
    })
}

fn keycloak_access() -> Value {
    let s = at(0.0).seconds();
    json!({
        "exp": s + 300, "iat": s, "auth_time": s, "jti": "onrtac:bbbbbbbb-2222-4333-8444-555555555555",
        "iss": KEYCLOAK, "aud": ["ciba-consent", "account"], "sub": "f1c4f64e-2c0c-4cda-8c9f-9f3f8f3a2b0e",
        "typ": "Bearer", "azp": "approval-app", "sid": "4c0a3a8a-3a47-4f2f-8e89-9e5f9b0a0a0a", "acr": "2",
        "amr": ["pwd", "otp"], "realm_access": {"roles": ["default-roles-acme"]}, "scope": "openid ciba:decide email",
        "email_verified": false, "preferred_username": "carol",
    })
}

/// A provider that knows these services, and by each of them one person, called `of-<n>` here.
async fn provider(services: &[Service]) -> Provider {
    let issuers = Value::Array(services.iter().map(Service::setting).collect()).to_string();
    let provider = Provider::with(&[("LOGIN_ISSUERS", &issuers), ("LOGIN_MAX_AGE_SECONDS", "300")]).await;
    for (n, service) in services.iter().enumerate() {
        let claim = service.setting()["person_claim"].as_str().unwrap_or("sub").to_owned();
        let login = json!({"iss": service.issuer, "value": right(service.issuer)[claim]});
        let entry = json!({"login": login, "channels": [{"sms": format!("+1555555011{n}")}]});
        provider.enroll(&format!("of-{n}"), entry).await.expect("a person");
    }
    provider
}

#[test]
fn every_documented_element_is_read_alone_and_together() {
    let issuer = Environment::of([("ISSUER", "https://op.example")]);
    let issuer = Issuer::read(&issuer).expect("an issuer");
    let documented = documented();
    assert_eq!(documented.keys().map(String::as_str).collect::<Vec<_>>(), {
        let mut all = ALL;
        all.sort_unstable();
        all
    });
    let read = |elements: Vec<&Value>| {
        let setting = json!(elements).to_string();
        assert!(setting.len() <= 3000, "longer than the template takes");
        LoginIssuers::read(&Environment::of([("LOGIN_ISSUERS", setting)]), &issuer)
            .map(|all| all.iter().count())
    };
    for (name, element) in &documented {
        assert_eq!(read(vec![element]), Ok(1), "{name}");
    }
    assert_eq!(read(documented.values().collect()), Ok(5));
}

/// TOK-2-03, HYG-3-07: several at once, each with its own keys, audience and name for the person.
#[tokio::test]
async fn a_token_as_the_page_says_to_send_it_lets_its_person_decide() {
    let mut services = Vec::new();
    for issuer in ALL {
        services.push(Service::start(issuer).await);
    }
    let provider = provider(&services).await;
    for (n, service) in services.iter().enumerate() {
        let (auth_req_id, request) = provider.asked(&[("login_hint", &format!("of-{n}"))], at(1.0)).await;
        let token = service.token(right(service.issuer), json!({}));
        let seen = list(&provider, &token, at(2.0)).await;
        assert_eq!(seen.status, 200, "{}: {seen:?}", service.issuer);
        assert_eq!(seen.body["requests"][0]["request"], request, "{}", service.issuer);
        let approval = json!({"client_id": "kiosk", "decision": "approve"});
        assert_eq!(decide(&provider, &token, &request, approval, at(3.0)).await.status, 200);
        assert_eq!(provider.poll(&auth_req_id, at(6.0)).await.status, 200, "{}", service.issuer);
        // Signed by the keys of another service, under its name.
        let other = &services[(n + 1) % services.len()];
        let forged = other.token(right(service.issuer), json!({}));
        assert_eq!(list(&provider, &forged, at(2.0)).await.refusal(), (401, "invalid_token"));
    }
}

/// HYG-3-09: what the same service makes beside it.
#[tokio::test]
async fn another_token_of_the_same_service_is_refused() {
    let mut services = Vec::new();
    for issuer in ALL {
        services.push(Service::start(issuer).await);
    }
    let provider = provider(&services).await;
    let of = |issuer: &str| services.iter().find(|it| it.issuer == issuer).expect("a service");
    let api = |audience: &str| json!({"aud": [audience, "https://example.eu.auth0.com/userinfo"]});
    for (what, issuer, claims, changes, expected) in [
        ("Cognito's ID token", COGNITO, cognito_id(COGNITO, "1example23456789approval"), json!({}), 401),
        ("another app client's", COGNITO, cognito_access(), json!({"client_id": "other"}), 401),
        (
            "a sign-in through the SDK",
            COGNITO,
            cognito_access(),
            json!({"scope": "aws.cognito.signin.user.admin"}),
            403,
        ),
        (
            "Cognito's access token where ID tokens are sent",
            COGNITO_BY_ID_TOKEN,
            cognito_access(),
            json!({"iss": COGNITO_BY_ID_TOKEN, "client_id": "2example34567890approval"}),
            401,
        ),
        (
            "an address that is not verified",
            COGNITO_BY_ID_TOKEN,
            right(COGNITO_BY_ID_TOKEN),
            json!({"email_verified": false}),
            401,
        ),
        ("an app without a person", ENTRA, right(ENTRA), json!({"scp": null, "roles": ["Decide"]}), 403),
        ("another app of the tenant", ENTRA, right(ENTRA), json!({"azp": "other"}), 401),
        ("a v1.0 token", ENTRA, right(ENTRA), json!({"ver": "1.0", "azp": null}), 401),
        (
            "another tenant's",
            ENTRA,
            right(ENTRA),
            json!({"iss": "https://login.microsoftonline.com/x/v2.0"}),
            401,
        ),
        ("Auth0's access token", AUTH0, right(AUTH0), api("https://consent.example"), 401),
        (
            "the issuer without its slash",
            AUTH0,
            right(AUTH0),
            json!({"iss": "https://example.eu.auth0.com"}),
            401,
        ),
        (
            "Keycloak's ID token",
            KEYCLOAK,
            keycloak_access(),
            json!({"typ": "ID", "aud": "approval-app"}),
            401,
        ),
        ("a token for account alone", KEYCLOAK, keycloak_access(), json!({"aud": "account"}), 401),
        ("without the client scope", KEYCLOAK, keycloak_access(), json!({"scope": "openid email"}), 403),
        ("without basic", KEYCLOAK, keycloak_access(), json!({"sub": null}), 401),
    ] {
        let answer = list(&provider, &of(issuer).token(claims, changes), at(2.0)).await;
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
        let code = if expected == 403 { "insufficient_scope" } else { "invalid_token" };
        assert_eq!(answer.text("error"), code, "{what}");
    }
}

/// What the services differ in most.
#[tokio::test]
async fn without_auth_time_the_person_has_to_log_in_again() {
    for issuer in ALL {
        let services = [Service::start(issuer).await];
        let provider = provider(&services).await;
        for changes in [json!({"auth_time": null}), json!({"auth_time": at(-301.0).seconds()})] {
            let token = services[0].token(right(issuer), changes.clone());
            let answer = list(&provider, &token, at(0.0)).await;
            assert_eq!(answer.refusal(), (401, "insufficient_user_authentication"), "{issuer} {changes}");
        }
    }
}

/// What a login says about itself reaches our tokens through the documented maps, or not at all.
#[tokio::test]
async fn acr_and_amr_are_in_our_tokens_where_the_page_maps_them() {
    for (issuer, acr, amr) in [
        (COGNITO, Value::Null, Value::Null),
        (ENTRA, Value::Null, Value::Null),
        (AUTH0, Value::Null, json!(["mfa"])),
        (KEYCLOAK, json!("urn:example:acr:mfa"), json!(["pwd", "otp"])),
    ] {
        let services = [Service::start(issuer).await];
        let provider = provider(&services).await;
        let (auth_req_id, request) = provider.asked(&[("login_hint", "of-0")], at(1.0)).await;
        let token = services[0].token(right(issuer), json!({}));
        let approval = json!({"client_id": "kiosk", "decision": "approve"});
        assert_eq!(decide(&provider, &token, &request, approval, at(3.0)).await.status, 200);
        let tokens = provider.poll(&auth_req_id, at(6.0)).await;
        let id_token = tokens.text("id_token").split('.').nth(1).expect("claims").to_owned();
        let claims: Value = serde_json::from_slice(&crate::foreign_issuer::decode(&id_token)).expect("JSON");
        assert_eq!((&claims["acr"], &claims["amr"]), (&acr, &amr), "{issuer}");
        assert_eq!(claims["auth_time"], at(0.0).seconds(), "{issuer}");
    }
}
