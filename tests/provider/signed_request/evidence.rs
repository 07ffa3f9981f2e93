//! What was signed is kept beside the request, and read a year later.

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::domain::base::secret::Secret;
use ciba::domain::request::evidence::{RequestEvidence, SaltedText, digest_of};
use ciba::domain::request::evidence_document::Document;
use ciba::verify::evidence::{verify_raw_request, verify_request};
use ciba_local::proxy::Loss;
use ciba_local::sns::Failure;
use ciba_tests::{Provider, Receiver, at};
use serde_json::{Value, json};

use super::Stand;
use crate::foreign_issuer::{Key, encode};

const DAY: i64 = 86_400;

async fn items(provider: &Provider) -> Vec<Value> {
    provider.items_under("evidence#").await
}

/// The person's side's name of what was asked last.
fn asked(provider: &Provider) -> String {
    let message = provider.sns.messages().pop().expect("a message");
    message.text.rsplit('/').next().expect("a link").to_owned()
}

/// What is sealed in a document.
async fn opened(provider: &Provider, document: &str) -> Option<SaltedText> {
    provider.opened(&Document::decode(document).expect("evidence")).await
}

/// What a document says, as version 1 had it.
fn old(document: &str) -> RequestEvidence {
    let it = Document::decode(document).expect("evidence");
    RequestEvidence {
        request: it.request,
        client_id: it.client_id,
        person: it.person,
        at: it.at,
        kept_until: it.kept_until,
        sealed: it.sealed,
        commitment: it.commitment,
        alg: it.alg.expect("an algorithm"),
        key: it.key.expect("a key"),
    }
}

/// CIBA-7.1.1-19
#[tokio::test]
async fn the_raw_request_is_kept_with_the_key_that_verified_it() {
    let stand = Stand::with(Key::es256("one"), json!({}), &[("EVIDENCE_RETENTION_DAYS", "30")]).await;
    let request = stand.request(json!({}));
    assert_eq!(stand.ask(&request, at(1.0)).await.status, 200);
    let name = asked(&stand.provider);
    let items = items(&stand.provider).await;
    assert_eq!(items.len(), 1);
    assert_eq!((&items[0]["pk"], &items[0]["sk"]), (&json!(format!("evidence#{name}")), &json!("request")));
    assert_eq!(items[0]["ttl"], (at(1.0).seconds() + 30 * DAY).to_string());
    let text = items[0]["document"].as_str().expect("a document");
    assert_eq!(items[0]["digest"], encode(digest(&SHA256, text.as_bytes()).as_ref()));
    let document: Value = serde_json::from_str(text).expect("JSON");
    let person = stand.provider.items_under("request#").await[0]["person"].clone();
    let raw = opened(&stand.provider, text).await.expect("sealed for it");
    assert_eq!(raw.expose(), request, "byte for byte");
    let salted = [&URL_SAFE_NO_PAD.decode(raw.salt()).expect("a salt")[..], request.as_bytes()].concat();
    let expected = json!({"version": 2, "kind": "request", "request": name, "client_id": "kiosk", "person": person,
        "chain": document["chain"], "sequence": 1, "previous": null, "at": at(1.0).millis(),
        "kept_until": at(1.0).seconds() + 30 * DAY, "sealed": document["sealed"],
        "commitment": encode(digest(&SHA256, &salted).as_ref()), "alg": "ES256", "key": stand.key.jwk});
    assert_eq!(document, expected);
    let lines = stand.provider.eavesdropper.lines("requested");
    assert_eq!(lines[0]["evidence"], items[0]["digest"], "the log is a second witness");
}

/// A client that is pinged and sends user codes, what it asked with both, and the secrets in that.
async fn asked_with_secrets() -> (Stand, String, [&'static str; 2]) {
    let receiver = Receiver::start().await;
    let changes = json!({"backchannel_token_delivery_mode": "ping", "backchannel_user_code_parameter": true,
        "backchannel_client_notification_endpoint": receiver.url()});
    let stand = Stand::with(Key::es256("one"), changes, &[]).await;
    let [code, token] = ["alices-code-2931", "8d67dc78-7faa-4d41-aabd-67707b374255"];
    let alice = json!({"channels": [{"sms": "+15555550100"}], "user_code": code});
    stand.provider.enroll("alice", alice).await.expect("alice");
    let request = stand.request(json!({"client_notification_token": token, "user_code": code}));
    assert_eq!(stand.ask(&request, at(1.0)).await.status, 200);
    (stand, request, [code, token])
}

/// CIBA-7.1.1-19, HYG-5-01: neither the code, nor the token, nor the request that has them.
#[tokio::test]
async fn no_secret_of_a_signed_request_is_stored_in_the_clear() {
    let (stand, request, [code, token]) = asked_with_secrets().await;
    let parts: Vec<_> = request.split('.').collect();
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).expect("a signature");
    let secrets = [code, token, &request, parts[1], parts[2]].map(str::as_bytes);
    let provider = &stand.provider;
    let scan = provider.dynamodb.client().scan().table_name(&provider.dynamodb.table).send().await.unwrap();
    let mut texts: Vec<_> = scan.items().iter().flat_map(|item| item.values()).map(bytes_of).collect();
    // What is sealed stands in a text of its own; were it not sealed, it would be seen.
    let document = items(provider).await[0]["document"].clone();
    let document: Value = serde_json::from_str(document.as_str().expect("a text")).expect("JSON");
    texts.push(URL_SAFE_NO_PAD.decode(document["sealed"].as_str().expect("a text")).expect("base64url"));
    for secret in secrets.into_iter().chain([&signature[..]]) {
        for needle in spellings(secret) {
            let shown = String::from_utf8_lossy(&needle);
            assert!(!texts.iter().any(|text| contains(text, &needle)), "{shown}");
        }
    }

    // The search finds what is there.
    let clear = [request.as_bytes().to_vec(), encode(format!("--{request}").as_bytes()).into_bytes()];
    for (secret, text) in
        [(code, &clear[0]), (token, &clear[0]), (&*request, &clear[1]), (parts[2], &clear[1])]
    {
        assert!(spellings(secret.as_bytes()).iter().any(|needle| contains(text, needle)), "{secret}");
    }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// Texts and bytes at any depth.
fn bytes_of(value: &AttributeValue) -> Vec<u8> {
    let text = value.as_s().map(String::as_bytes).unwrap_or_default();
    let bytes = value.as_b().map(AsRef::as_ref).unwrap_or_default();
    let list = value.as_l().into_iter().flatten();
    let map = value.as_m().into_iter().flat_map(|map| map.values());
    [text, bytes].concat().into_iter().chain(list.chain(map).flat_map(bytes_of)).collect()
}

/// As it is, in hexadecimal, and as it looks within base64 of something longer.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for before in 0..3 {
        let bytes = [&[0; 2][..before], secret].concat();
        // Neither what shares a character with the bytes before, nor with those behind.
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for text in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            all.push(text.as_bytes()[from..to].to_vec());
        }
    }
    all
}

/// HYG-5-01: the scan that every test ends with knows what a signed request has inside.
#[tokio::test]
async fn a_logged_or_emitted_secret_of_a_signed_request_is_found() {
    let (stand, request, secrets) = asked_with_secrets().await;
    let heard = &stand.provider.eavesdropper;
    assert_eq!(heard.leaks(), []);
    for secret in secrets.into_iter().chain(request.split('.').skip(1)) {
        for place in ["an event", "a queue"] {
            heard.emitted(place, json!({"detail": secret}).to_string());
            assert!(!heard.leaks().is_empty(), "{secret} in {place}");
            heard.forget(place);
        }
    }
}

/// What was asked last, as version 1 kept it: document, digest, end, and what is sealed.
async fn kept(provider: &Provider) -> (String, String, i64, SaltedText) {
    let item = items(provider).await.pop().expect("evidence");
    let text = item["document"].as_str().expect("a document");
    let raw = opened(provider, text).await.expect("sealed for it");
    let old = old(text).encode();
    (old.clone(), digest_of(&old), item["ttl"].as_str().expect("a ttl").parse().expect("a number"), raw)
}

/// CIBA-7.1.1-19: so is one of its evidence.
#[tokio::test]
async fn one_changed_byte_of_a_signed_request_is_found() {
    let (stand, request, _) = asked_with_secrets().await;
    let (document, digest, end, raw) = kept(&stand.provider).await;
    let evidence = verify_request(&document, &digest, end).expect("whole");
    verify_raw_request(&evidence, &raw).expect("signed");
    let changed = |text: &str, at: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        String::from_utf8(bytes).expect("ASCII")
    };
    for at in 0..document.len() {
        assert!(verify_request(&changed(&document, at), &digest, end).is_err(), "byte {at} of the document");
    }
    for at in 0..digest.len() {
        assert!(verify_request(&document, &changed(&digest, at), end).is_err(), "byte {at} of the digest");
    }
    assert!(verify_request(&document, &digest, end + 1).is_err(), "the end of its keeping");
    for at in 0..request.len() {
        let other = SaltedText::from_texts(&raw.salt(), Secret::new(changed(&request, at))).expect("a salt");
        assert!(verify_raw_request(&evidence, &other).is_err(), "byte {at} of the request");
    }
    let salt = URL_SAFE_NO_PAD.decode(raw.salt()).expect("a salt");
    for at in 0..salt.len() {
        let mut salt: [u8; SaltedText::SALT] = salt[..].try_into().expect("a salt");
        salt[at] ^= 1;
        let other = SaltedText::new(salt, Secret::new(request.clone()));
        assert!(verify_raw_request(&evidence, &other).is_err(), "byte {at} of the salt");
    }
}

/// CIBA-7.1.1-19: who can write the table, and seal, can make digest and commitment anew, but not the client's signature.
#[tokio::test]
async fn rewritten_request_evidence_is_exposed_by_its_signature() {
    let stand = Stand::new().await;
    let request = stand.request(json!({}));
    assert_eq!(stand.ask(&request, at(1.0)).await.status, 200);
    let (document, _, end, raw) = kept(&stand.provider).await;
    let original = RequestEvidence::decode(&document).expect("evidence");
    let verified = |evidence: &RequestEvidence, raw: &SaltedText| {
        let text = evidence.encode();
        let evidence = verify_request(&text, &digest_of(&text), end)?;
        verify_raw_request(&evidence, raw)
    };
    assert_eq!(verified(&original, &raw), Ok(()), "nothing changed, nothing found");
    let forged = [
        ("another key's", stand.signed_by(&Key::es256("one"), json!({"login_hint": "bob"}))),
        ("another claim", {
            let other = stand.request(json!({"login_hint": "bob"}));
            let (payload, signature) =
                (other.split('.').nth(1).unwrap(), request.rsplit('.').next().unwrap());
            format!("{}.{payload}.{signature}", request.split('.').next().unwrap())
        }),
        ("another client", stand.request(json!({"iss": "till"}))),
        ("no JWT", "a.b.c".to_owned()),
    ];
    for (what, request) in forged {
        let raw = SaltedText::new([1; SaltedText::SALT], Secret::new(request));
        let evidence = RequestEvidence { commitment: raw.commitment(), ..original.clone() };
        assert!(verified(&evidence, &raw).is_err(), "{what}");
    }
    let other = |change: &dyn Fn(&mut RequestEvidence)| {
        let mut evidence = original.clone();
        change(&mut evidence);
        verified(&evidence, &raw)
    };
    assert!(other(&|it| it.client_id = "till".to_owned()).is_err(), "client");
    assert!(other(&|it| it.alg = JwsAlgorithm::PS256).is_err(), "algorithm");
    assert!(other(&|it| it.key = Key::es256("one").jwk).is_err(), "key");
    assert!(other(&|it| it.commitment = "A".repeat(43)).is_err(), "commitment");
    assert!(other(&|it| it.kept_until += 1).is_err(), "the end of its keeping");
}

/// CIBA-7.1.1-19: certificates are not in it, and an unsigned request leaves none.
#[tokio::test]
async fn nothing_but_the_key_is_kept_of_the_key_set() {
    let stand = Stand::new().await;
    let mut key = stand.key.jwk.clone();
    key["x5c"] = json!(["AAAA"]);
    super::register(&stand.provider, &[&stand.key], json!({"jwks": {"keys": [key]}})).await;
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
    let document = items(&stand.provider).await[0]["document"].clone();
    let document: Value = serde_json::from_str(document.as_str().expect("a text")).expect("JSON");
    assert_eq!(document["key"], stand.key.jwk);
    let provider = Provider::start().await;
    provider.asked(&[], at(1.0)).await;
    assert_eq!(items(&provider).await.len(), 0);
}

/// CIBA-7.1.1-19: what was signed was asked, also where nobody could be told of it.
#[tokio::test]
async fn evidence_outlives_a_request_that_is_withdrawn_or_swept() {
    let stand = Stand::new().await;
    stand.provider.sns.fail_next(Failure::OptedOut);
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 403);
    assert_eq!(stand.provider.items_under("request#").await.len(), 0);
    assert_eq!(items(&stand.provider).await.len(), 1);
    stand.provider.sweep(at(399.0 * 86_400.0)).await;
    assert_eq!(items(&stand.provider).await.len(), 1);
    stand.provider.sweep(at(402.0 * 86_400.0)).await;
    assert_eq!(items(&stand.provider).await.len(), 0);
}

/// A request that is written again after a lost response is one, with one evidence.
#[tokio::test]
async fn a_lost_response_leaves_one_request_and_one_evidence() {
    let stand = Stand::new().await;
    stand.provider.proxy.lose_response("TransactWriteItems", 1, Loss::Connection);
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
    assert_eq!(items(&stand.provider).await.len(), 1);
    assert_eq!(stand.provider.items_under("request#").await.len(), 1);
}

/// A decision is kept beside it.
#[tokio::test]
async fn request_and_decision_are_two_items_of_one_request() {
    let stand = Stand::new().await;
    assert_eq!(stand.ask(&stand.request(json!({})), at(1.0)).await.status, 200);
    let name = asked(&stand.provider);
    stand.provider.approve(&name, at(3.0)).await;
    let mut kinds: Vec<_> = items(&stand.provider).await.iter().map(|item| item["sk"].clone()).collect();
    kinds.sort_by_key(ToString::to_string);
    assert_eq!(kinds, ["decision", "request"]);
}
