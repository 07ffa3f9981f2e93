//! One flow over HTTP, as each party sees it.

use std::path::{Path, PathBuf};

use ciba::aws::Aws;
use ciba::config::Environment;
use ciba::domain::details::authorization_details::DetailType;
use ciba::store::{Table, WriteId};
use ciba_local::proxy::Call;
use serde_json::{Value, json};

use crate::{CIBA, Outside, answer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_a_flow_over_http_verify_by_the_published_keys() {
    let outside = Outside::start(|_| {}).await;
    let (status, metadata) = answer(outside.http.get(outside.url("/.well-known/openid-configuration"))).await;
    assert_eq!((status, &metadata["issuer"]), (200, &json!(outside.stack.api_url())));
    let endpoint = |name: &str| metadata[name].as_str().expect(name).to_owned();

    // The client asks; the message carries a link and no authority.
    let form =
        [("scope", "openid profile"), ("login_hint", "tel:+1 555 555 0100"), ("binding_message", "K7-2931")];
    let request = outside.http.post(endpoint("backchannel_authentication_endpoint")).form(&form);
    let (status, acknowledgement) = answer(request.basic_auth("kiosk", Some(outside.secret()))).await;
    assert_eq!((status, &acknowledgement["interval"]), (200, &json!(5)), "{acknowledgement}");
    let auth_req_id = acknowledgement["auth_req_id"].as_str().unwrap();
    let message = outside.stack.sns.messages().pop().unwrap();
    assert_eq!(message.phone_number(), Some("+15555550100"));
    let link = message.text.split(' ').next_back().unwrap();

    // The person's app reads the request behind the link, and approves some of it.
    let (_, login) =
        answer(outside.http.post(format!("{}/users/alice/token", outside.stack.phone.url()))).await;
    let login_token = login["login_token"].as_str().unwrap();
    let (status, shown) = answer(outside.http.get(link).bearer_auth(login_token)).await;
    assert_eq!((status, &shown["binding_message"]), (200, &json!("K7-2931")), "{shown}");
    let decision =
        json!({"client_id": shown["client"]["client_id"], "decision": "approve", "scope": "openid"});
    let request = outside.http.post(format!("{link}/decision")).bearer_auth(login_token).json(&decision);
    let (status, decided) = answer(request).await;
    assert_eq!((status, &decided["decision"]), (200, &json!("approved")), "{decided}");

    // The client redeems, and verifies with the published keys.
    let form = [("grant_type", CIBA), ("auth_req_id", auth_req_id)];
    let request = outside.http.post(endpoint("token_endpoint")).form(&form);
    let (status, tokens) = answer(request.basic_auth("kiosk", Some(outside.secret()))).await;
    assert_eq!((status, &tokens["scope"]), (200, &json!("openid")), "{tokens}");
    let (_, jwks) = answer(outside.http.get(endpoint("jwks_uri"))).await;
    let claims = verified(tokens["id_token"].as_str().unwrap(), &jwks, "kiosk");
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("alice"), &json!("kiosk")));
    outside.stack.stop().await;
}

/// The claims of a token for `audience`, after its signature and its time.
pub(crate) fn verified(token: &str, jwks: &Value, audience: &str) -> Value {
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks.clone()).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&[audience]);
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

/// What only HTTP shows: headers, unknown paths and methods, bodies of every kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_over_http_are_answered_in_the_protocols_form() {
    let outside = Outside::start(|_| {}).await;
    let http = &outside.http;
    for (path, method, allow) in [
        ("/bc-authorize", "GET", "POST"),
        ("/oauth/token", "DELETE", "POST"),
        ("/consent", "POST", "GET, HEAD"),
        ("/.well-known/jwks.json", "POST", "GET, HEAD, OPTIONS"),
    ] {
        let request = http.request(method.parse().unwrap(), outside.url(path));
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["allow"].as_bytes()),
            (405, allow.as_bytes()),
            "{path}"
        );
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.json::<Value>().await.unwrap()["error"], "invalid_request", "{path}");
    }
    assert_eq!(answer(http.get(outside.url("/nothing"))).await, (404, json!({"message": "Not Found"})));

    let post = || http.post(outside.url("/bc-authorize")).basic_auth("kiosk", Some(outside.secret()));
    let form = "application/x-www-form-urlencoded";
    let with_query = http.post(outside.url("/bc-authorize?scope=openid"));
    let with_query = with_query.basic_auth("kiosk", Some(outside.secret()));
    for (what, request) in [
        ("no body", post()),
        ("JSON", post().json(&json!({"scope": "openid", "login_hint": "alice"}))),
        ("a broken percent sequence", post().header("content-type", form).body("scope=%zz")),
        ("no UTF-8", post().header("content-type", form).body(&b"scope=\xff\xfe"[..])),
        ("too much", post().header("content-type", form).body("a=".to_owned() + &"b".repeat(40_000))),
        ("a query", with_query.form(&[("login_hint", "alice")])),
        ("twice", post().header("content-type", form).body("scope=openid&scope=openid&login_hint=alice")),
    ] {
        let (status, body) = answer(request).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_request")), "{what}: {body}");
    }
    let response =
        http.post(outside.url("/oauth/token")).basic_auth("kiosk", Some("wrong")).form(&[("a", "b")]);
    let response = response.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    assert!(outside.stack.sns.attempts().is_empty(), "nobody was told");
    outside.stack.stop().await;
}

/// Elsewhere than on localhost nothing local is configured: the functions start, and accept no local login.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_from_outside_switches_the_local_settings_off() {
    let outside = Outside::start(|options| options.issuer = Some("https://op.example".to_owned())).await;
    let (_, metadata) = answer(outside.http.get(outside.url("/.well-known/openid-configuration"))).await;
    assert_eq!(metadata["token_endpoint"], "https://op.example/oauth/token");
    let (_, acknowledgement) = outside.ask("alice").await;
    let auth_req_id = acknowledgement["auth_req_id"].as_str().expect("an acknowledgement");
    let message = outside.stack.sns.messages().pop().unwrap();
    assert!(message.text.contains("https://op.example/consent/"), "{}", message.text);
    assert_eq!(outside.decide(auth_req_id, "allow").await.0, 401);
    outside.stack.stop().await;
}

/// TOK-7-03: the phone answers for somebody who has read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phone_decides_about_authorization_details() {
    let outside = Outside::start(|options| options.seed = seed_with_payments()).await;
    let table = Table::connect(&Aws::read(&Environment::of(outside.stack.environment.clone())).unwrap());
    let definition = json!({
        "type": "payment",
        "schema": {"type": "object", "additionalProperties": false, "required": ["amount"],
            "properties": {"amount": {"type": "string", "pattern": "^[0-9.]+$"}}},
        "display": {"en": {"title": "A payment", "rows": [{"label": "Amount", "value": "{/amount} EUR"}]}},
    });
    let known = DetailType::define(&definition, &["en"]).unwrap();
    assert!(table.replace_detail_type(&known, None, &WriteId::new([7; 16])).await.unwrap());
    let details = json!([{"type": "payment", "amount": "100.50"}]);
    let form =
        [("scope", "openid"), ("login_hint", "alice"), ("authorization_details", &*details.to_string())];
    let (status, acknowledgement) = outside.post("/bc-authorize", &form).await;
    assert_eq!(status, 200, "{acknowledgement}");
    let auth_req_id = acknowledgement["auth_req_id"].as_str().expect("an acknowledgement");
    let (status, decided) = outside.decide(auth_req_id, "allow").await;
    assert_eq!((status, &decided["decision"]), (200, &json!("approved")), "{decided}");
    let (status, tokens) = outside.poll(auth_req_id).await;
    assert_eq!((status, &tokens["authorization_details"]), (200, &details), "{tokens}");
    outside.stack.stop().await;
}

/// The shipped seed, but that `kiosk` may ask for payments.
fn seed_with_payments() -> PathBuf {
    let shipped = ciba_tests::root().join("infra/local/seed");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seed-with-payments");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(shipped.join("people.json"), folder.join("people.json")).unwrap();
    let mut clients: Value =
        serde_json::from_slice(&std::fs::read(shipped.join("clients.json")).unwrap()).unwrap();
    assert_eq!(clients[0]["client_id"], "kiosk");
    clients[0]["authorization_details_types"] = json!(["payment"]);
    std::fs::write(folder.join("clients.json"), clients.to_string()).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phone_says_what_became_of_each_request() {
    let outside = Outside::start(|_| {}).await;
    let ask = async |person: &str| {
        let (status, acknowledgement) = outside.ask(person).await;
        assert_eq!(status, 200, "{acknowledgement}");
        acknowledgement["auth_req_id"].as_str().expect("a handle").to_owned()
    };
    let states = async || {
        let (_, inbox) = answer(outside.http.get(format!("{}/messages", outside.stack.phone.url()))).await;
        let messages = inbox["messages"].as_array().expect("messages").clone();
        let told = messages.iter().map(|it| (it["client"].clone(), it["state"].clone()));
        let (clients, states): (Vec<_>, Vec<_>) = told.unzip();
        assert!(clients.iter().all(|it| it == "Example Bank Kiosk"), "{clients:?}");
        json!(states)
    };
    ask("alice").await;
    assert_eq!(states().await, json!(["waiting"]));
    let approved = ask("alice").await;
    let declined = ask("bob").await;
    assert_eq!(states().await, json!(["replaced", "waiting", "waiting"]));
    assert_eq!(outside.decide(&approved, "allow").await.0, 200);
    assert_eq!(outside.decide(&declined, "deny").await.0, 200);
    assert_eq!(states().await, json!(["replaced", "approved", "declined"]));
    assert_eq!(outside.poll(&approved).await.0, 200);
    assert_eq!(states().await, json!(["replaced", "approved", "declined"]), "redeemed");
    outside.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_flow_ends_in_access_denied_without_a_table_scan() {
    // Long enough for a machine on which the first poll takes its time.
    let interval = ("POLL_INTERVAL_SECONDS".to_owned(), "60".to_owned());
    let outside = Outside::start(|options| options.environment.push(interval)).await;
    let (_, acknowledgement) = outside.ask("bob").await;
    let auth_req_id = acknowledgement["auth_req_id"].as_str().expect("an acknowledgement");
    assert_eq!(outside.poll(auth_req_id).await.1["error"], "slow_down", "before the first interval");
    assert_eq!(outside.decide(auth_req_id, "deny").await.0, 200);
    let (status, body) = outside.poll(auth_req_id).await;
    assert_eq!((status, &body["error"]), (400, &json!("access_denied")));
    let calls = outside.stack.proxy.as_ref().expect("the proxy").calls();
    assert!(!calls.is_empty() && calls.iter().all(|Call { operation, .. }| operation != "Scan"));
    outside.stack.stop().await;
}
