//! Limits fit each other: what may be asked for fits into one access token, and the token into each request that it has to be sent in.

use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::{Answer, Provider, Receiver, SECRET, Settings, at, basic, form, form_request, request};
use serde_json::{Value, json};

use crate::foreign_issuer::Key;
use crate::prover::{Prover, hash, with_proof};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
/// What API Gateway takes of request line and headers together. Unit: bytes.
const HEADERS: usize = 10_240;
/// What is left of them for all but the token and its proof.
const OTHER_HEADERS: usize = 1024;
const LONGEST_PROOF: usize = 3 * 1024;
const LONGEST_TOKEN: usize = 6 * 1024;

/// A request that can be made longer, one step at a time.
struct Shape {
    what: &'static str,
    settings: Settings<'static>,
    /// Of `kiosk`, beside the usual.
    metadata: Value,
    parameters: fn(usize) -> Vec<(&'static str, String)>,
    /// What is said where it is too long.
    error: &'static str,
}

fn details(length: usize) -> String {
    json!([{"type": "note", "name": "n", "text": "x".repeat(length)}]).to_string()
}

fn resource(number: usize) -> String {
    let start = format!("https://api-{number:02}.example/");
    format!("{start}{}", "r".repeat(512 - start.len()))
}

fn long_scope() -> String {
    let values: Vec<_> = (0..50).map(|number| format!("openid:of:the:bank-{number:02}")).collect();
    format!("openid offline_access {}", values.join(" "))[..1024]
        .rsplit_once(' ')
        .expect("values")
        .0
        .to_owned()
}

fn shapes() -> [Shape; 5] {
    let one =
        |signing_alg: &str| json!([{"resource": resource(0), "scope": "openid", "signing_alg": signing_alg}]);
    let of_one = |length| {
        vec![
            ("scope", "openid offline_access".to_owned()),
            ("resource", resource(0)),
            ("authorization_details", details(length)),
        ]
    };
    [
        Shape {
            what: "details",
            settings: &[],
            metadata: json!({}),
            parameters: |length| {
                vec![
                    ("scope", "openid offline_access".to_owned()),
                    ("authorization_details", details(length)),
                ]
            },
            error: "invalid_authorization_details",
        },
        Shape {
            what: "details beside a long scope",
            settings: &[],
            metadata: json!({"scope": long_scope()}),
            parameters: |length| vec![("scope", long_scope()), ("authorization_details", details(length))],
            error: "invalid_authorization_details",
        },
        Shape {
            what: "details for an API whose tokens RSA signs",
            settings: &[],
            metadata: json!({ "resources": one("PS256") }),
            parameters: of_one,
            error: "invalid_authorization_details",
        },
        Shape {
            what: "details for an API whose tokens Ed25519 signs, in KMS",
            settings: &[("SIGNING", "kms"), ("SIGNING_KEY_TAG", "stack")],
            metadata: json!({ "resources": one("EdDSA") }),
            parameters: of_one,
            error: "invalid_authorization_details",
        },
        Shape {
            what: "resources",
            settings: &[],
            metadata: json!({
                "resources": (0..20).map(|number| json!({"resource": resource(number), "scope": "openid"})).collect::<Vec<_>>(),
            }),
            parameters: |number| {
                let resources: Vec<_> = (0..number.clamp(1, 20)).map(resource).collect();
                vec![("scope", "openid offline_access".to_owned()), ("resource", resources.join(" "))]
            },
            error: "invalid_target",
        },
    ]
}

/// A type of details with a member as long as a test wants it, which nobody has to read.
fn note() -> Value {
    json!({
        "type": "note",
        "schema": {
            "type": "object", "additionalProperties": false,
            "properties": {
                "name": {"type": "string", "enum": ["n"]},
                "text": {"type": "string", "pattern": "^x*$", "x-hidden": true},
            },
        },
        "display": {"en": {"title": "A note", "rows": [{"label": "Name", "value": "{/name}"}]}},
    })
}

impl Shape {
    async fn provider(&self, more: Value) -> Provider {
        let limits = [("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")];
        let provider = Provider::with(&[&limits, self.settings].concat()).await;
        provider.put_detail_type(&note()).await;
        let mut metadata = json!({
            "client_id": "kiosk", "scope": "openid offline_access", "grant_types": [CIBA, "refresh_token"],
            "authorization_details_types": ["note"],
        });
        for changes in [&self.metadata, &more] {
            for (name, value) in changes.as_object().expect("an object") {
                metadata[name] = value.clone();
            }
        }
        provider.register(metadata).await.expect("kiosk");
        provider
    }

    fn asking(&self, length: usize) -> Request {
        let mut parameters = (self.parameters)(length);
        parameters.push(("login_hint", "alice".to_owned()));
        parameters.push(("client_notification_token", "8d67dc78-7faa-4d41-aabd-67707b374255".to_owned()));
        // Several resources are several parameters (RFC 8707 §2).
        let pairs: Vec<_> = parameters
            .iter()
            .flat_map(|(name, value)| {
                let is_several = *name == "resource";
                let each = if is_several { value.split(' ').collect() } else { vec![value.as_str()] };
                each.into_iter().map(|value| (*name, value))
            })
            .collect();
        form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &form(&pairs))
    }

    async fn ask(&self, provider: &Provider, length: usize, now: Timestamp) -> Answer {
        provider.call(&provider.backchannel_authentication, &self.asking(length), now).await
    }

    /// The longest that is accepted; one more is refused in so many words.
    async fn longest(&self, provider: &Provider) -> usize {
        let (mut accepted, mut refused) = (0_usize, 7000_usize);
        while refused - accepted > 1 {
            let middle = accepted.midpoint(refused);
            let now = at(accepted as f64);
            let answer = self.ask(provider, middle, now).await;
            match answer.status {
                200 => {
                    accepted = middle;
                    // So that it counts for nobody's limits.
                    let cancelled = provider.cancel_as("kiosk", answer.text("auth_req_id"), now).await;
                    assert_eq!(cancelled.status, 200, "{cancelled:?}");
                }
                _ => refused = middle,
            }
        }
        let answer = self.ask(provider, refused, at(0.0)).await;
        assert_eq!(answer.refusal(), (400, self.error), "{}: {answer:?}", self.what);
        assert!(
            answer.text("error_description").contains("access token would exceed 6144 bytes"),
            "{answer:?}"
        );
        accepted
    }
}

/// A proof as long as one may be.
fn longest_proof(prover: &Prover, method: &str, path: &str, now: Timestamp, token: Option<&str>) -> String {
    let proof = |padding: usize| {
        prover.proof(method, path, now, json!({"ath": token.map(hash), "padding": "p".repeat(padding)}))
    };
    let longest =
        (0..LONGEST_PROOF).rev().map(proof).find(|proof| proof.len() <= LONGEST_PROOF).expect("a proof");
    assert!(longest.len() > LONGEST_PROOF - 4, "{}", longest.len());
    longest
}

/// As HTTP/1.1 writes it.
fn header_size(request: &Request) -> usize {
    let line = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri().path()).len();
    let fields =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    line + fields.sum::<usize>()
}

async fn post(provider: &Provider, path: &str, parameters: &[(&str, &str)], now: Timestamp) -> Answer {
    let request = form_request(path, Some(&basic("kiosk", SECRET)), &form(parameters));
    match path {
        "/oauth/introspect" => provider.call(&provider.introspection, &request, now).await,
        "/oauth/revoke" => provider.call(&provider.revocation, &request, now).await,
        "/bc-authorize" => provider.call(&provider.backchannel_authentication, &request, now).await,
        _ => panic!("{path}"),
    }
}

/// HYG-1-06, HYG-1-07, TOK-7-04: asked, approved, redeemed, refreshed, presented, introspected, hinted and revoked.
#[tokio::test]
async fn the_largest_request_passes_every_endpoint() {
    for shape in shapes() {
        let provider = shape.provider(json!({})).await;
        let longest = shape.longest(&provider).await;
        let asked = shape.ask(&provider, longest, at(1.0)).await;
        assert_eq!(asked.status, 200, "{}: {asked:?}", shape.what);
        let parameters = (shape.parameters)(longest);
        let parameter =
            |name: &str| parameters.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str());
        let details =
            parameter("authorization_details").map(|text| serde_json::from_str::<Value>(text).expect("JSON"));

        let message = provider.sns.messages().pop().expect("a message").text;
        let key = message.rsplit('/').next().expect("a link");
        let mut decision = json!({"client_id": "kiosk", "decision": "approve"});
        if let Some(details) = &details {
            decision["authorization_details"] = details.clone();
        }
        let decided = provider.decide("alice", key, decision, at(2.0)).await;
        assert_eq!(decided.status, 200, "{}: {decided:?}", shape.what);

        let prover = Prover::of(Key::ps256("one"));
        let mut tokens = {
            let poll = [("grant_type", CIBA), ("auth_req_id", asked.text("auth_req_id"))];
            let poll = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&poll));
            let poll = with_proof(poll, &longest_proof(&prover, "POST", "/oauth/token", at(6.0), None));
            provider.call(&provider.token, &poll, at(6.0)).await
        };
        for seconds in [7.0, 8.0] {
            assert_eq!(tokens.status, 200, "{}: {tokens:?}", shape.what);
            let access_token = tokens.text("access_token");
            assert!(access_token.len() <= LONGEST_TOKEN, "{}: {}", shape.what, access_token.len());
            let authorization = format!("DPoP {access_token}");
            let now = at(seconds);
            let mut call = request("GET", "/userinfo", &[("authorization", &authorization)], "");
            call = with_proof(call, &longest_proof(&prover, "GET", "/userinfo", now, Some(access_token)));
            let others = header_size(&call) - access_token.len() - LONGEST_PROOF;
            let agent = "a".repeat(OTHER_HEADERS.saturating_sub(others + "user-agent: \r\n".len()));
            call.headers_mut().insert("user-agent", agent.parse().expect("a value"));
            assert!(header_size(&call) <= HEADERS, "{}: {}", shape.what, header_size(&call));
            if parameter("resource").is_none() {
                let told = provider.call(&provider.userinfo, &call, now).await;
                assert_eq!(told.status, 200, "{}: {told:?}", shape.what);
            }
            let told = post(&provider, "/oauth/introspect", &[("token", access_token)], now).await;
            assert_eq!(told.body["active"], true, "{}: {told:?}", shape.what);
            assert_eq!(told.body.get("authorization_details"), details.as_ref(), "{}", shape.what);
            let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
            let refresh = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&refresh));
            let refresh = with_proof(refresh, &longest_proof(&prover, "POST", "/oauth/token", now, None));
            let hint = [("scope", "openid"), ("id_token_hint", tokens.text("id_token"))];
            let hinted = post(&provider, "/bc-authorize", &hint, now).await;
            assert_eq!(hinted.status, 200, "{}: {hinted:?}", shape.what);
            tokens = provider.call(&provider.token, &refresh, now).await;
        }
        let access_token = tokens.text("access_token");
        assert_eq!(post(&provider, "/oauth/revoke", &[("token", access_token)], at(9.0)).await.status, 200);
        let told = post(&provider, "/oauth/introspect", &[("token", access_token)], at(9.0)).await;
        assert_eq!(told.body, json!({"active": false}), "{}", shape.what);
    }
}

/// HYG-1-06, TOK-7-04
#[tokio::test]
async fn the_largest_request_is_pushed() {
    for shape in shapes() {
        let receiver = Receiver::start().await;
        let push = json!({
            "backchannel_token_delivery_mode": "push", "backchannel_client_notification_endpoint": receiver.url(),
        });
        let provider = shape.provider(push).await;
        let asked = shape.ask(&provider, shape.longest(&provider).await, at(1.0)).await;
        assert_eq!(asked.status, 200, "{}: {asked:?}", shape.what);
        let message = provider.sns.messages().pop().expect("a message").text;
        let key = message.rsplit('/').next().expect("a link");
        // As the page does it: what was shown is signed, not repeated.
        let mut phone = provider.enroll_passkey("alice", at(0.0)).await;
        let scope = asked_scope(&shape);
        let signed =
            crate::consent::person::Signed::on_page(&provider, key, &mut phone, ("approve", &scope), at(2.0))
                .await;
        let decided = signed.send(&provider, key, at(3.0)).await;
        assert_eq!(decided.status, 200, "{}: {decided:?}", shape.what);
        provider.deliver(at(4.0)).await;
        assert!(receiver.calls()[0].body["access_token"].is_string(), "{}", shape.what);
    }
}

fn asked_scope(shape: &Shape) -> String {
    (shape.parameters)(0).into_iter().find(|(name, _)| *name == "scope").expect("a scope").1
}

/// HYG-1-06: whoever approves, and however. What a login may say of itself counts, though nobody knows yet who will log in.
#[tokio::test]
async fn what_a_login_may_say_is_counted_in() {
    let shape = &shapes()[0];
    let usual = shape.provider(json!({})).await;
    let login = json!([{
        "issuer": "https://long.example", "jwks_uri": "https://long.example/jwks",
        "audience": {"claim": "aud", "value": "approval-app"}, "algorithms": ["ES256"],
        "acr": {"a": "short", "b": "urn:example:acr:".repeat(20)}, "amr": {"a": "method".repeat(20), "b": "other".repeat(20)},
    }]);
    let login = login.to_string();
    let settings =
        [("LOGIN_ISSUERS", login.as_str()), ("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")];
    let talkative = Provider::with(&settings).await;
    talkative.put_detail_type(&note()).await;
    let metadata = json!({"client_id": "kiosk", "scope": "openid offline_access", "grant_types": [CIBA, "refresh_token"],
        "authorization_details_types": ["note"]});
    talkative.register(metadata).await.expect("kiosk");
    let (usual, talkative) = (shape.longest(&usual).await, shape.longest(&talkative).await);
    assert!(usual - talkative >= 540 - 64, "{usual} {talkative}");
}
