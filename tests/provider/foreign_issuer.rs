//! An issuer of a test's own: it signs any header and any payload, with keys of every kind, publishes what the test
//! says, and counts how often it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RsaEncoding,
};
use aws_lc_rs::{digest, hmac};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_local::server::{Server, listen};
use serde_json::{Map, Value, json};

/// Signs a text.
type Sign = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

/// A key pair with the name that its signatures and its public half go by.
pub(crate) struct Key {
    pub kid: String,
    /// `alg` of what it signs.
    pub alg: &'static str,
    pub jwk: Value,
    /// The public half as it stands in a certificate or in the JWK.
    pub public: Vec<u8>,
    sign: Box<Sign>,
}

impl Key {
    pub(crate) fn es256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let public = pair.public_key().as_ref().to_vec();
        let (x, y) = public[1..].split_at(32);
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
        let sign =
            move |text: &[u8]| pair.sign(&SystemRandom::new(), text).expect("signed").as_ref().to_vec();
        Self::new(kid, "ES256", jwk, public, sign)
    }

    /// ES256, but its signatures are in DER, which JOSE does not allow.
    pub(crate) fn es256_der(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let public = pair.public_key().as_ref().to_vec();
        let (x, y) = public[1..].split_at(32);
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
        let sign =
            move |text: &[u8]| pair.sign(&SystemRandom::new(), text).expect("signed").as_ref().to_vec();
        Self::new(kid, "ES256", jwk, public, sign)
    }

    pub(crate) fn rs256(kid: &str) -> Self {
        Self::rsa(kid, "RS256", &signature::RSA_PKCS1_SHA256)
    }

    pub(crate) fn ps256(kid: &str) -> Self {
        Self::rsa(kid, "PS256", &signature::RSA_PSS_SHA256)
    }

    fn rsa(kid: &str, alg: &'static str, encoding: &'static dyn RsaEncoding) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let public = pair.public_key().as_ref().to_vec();
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let exponent = pair.public_key().exponent().big_endian_without_leading_zero().to_vec();
        let jwk = json!({"kty": "RSA", "n": encode(&modulus), "e": encode(&exponent)});
        let sign = move |text: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), text, &mut signature).expect("signed");
            signature
        };
        Self::new(kid, alg, jwk, public, sign)
    }

    pub(crate) fn ed_dsa(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let public = pair.public_key().as_ref().to_vec();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&public)});
        Self::new(kid, "EdDSA", jwk, public, move |text: &[u8]| pair.sign(text).as_ref().to_vec())
    }

    /// As [`Self::ed_dsa`], called by these names: `alg` of its JWK, and `alg` of what it signs. The JWK is as Node and browsers export
    /// one.
    pub(crate) fn ed25519(kid: &str, key: &str, header: &'static str) -> Self {
        let mut this = Self { alg: header, ..Self::ed_dsa(kid) };
        change(&mut this.jwk, json!({"alg": key, "use": null, "key_ops": ["verify"], "ext": true}));
        this
    }

    /// HS256 under a secret that everybody knows.
    pub(crate) fn hs256(kid: &str, secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self::new(kid, "HS256", json!({}), secret.to_vec(), move |text: &[u8]| {
            hmac::sign(&key, text).as_ref().to_vec()
        })
    }

    /// No signature at all.
    pub(crate) fn none(kid: &str, alg: &'static str) -> Self {
        Self::new(kid, alg, json!({}), vec![], |_: &[u8]| vec![])
    }

    fn new(
        kid: &str,
        alg: &'static str,
        mut jwk: Value,
        public: Vec<u8>,
        sign: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        for (name, value) in [("kid", kid), ("alg", alg), ("use", "sig")] {
            jwk[name] = value.into();
        }
        Self { kid: kid.to_owned(), alg, jwk, public, sign: Box::new(sign) }
    }

    /// A compact JWS of exactly these texts.
    pub(crate) fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
        format!("{signed}.{}", encode(&(self.sign)(signed.as_bytes())))
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": self.alg, "kid": self.kid, "typ": "JWT"})
    }

    /// SHA-256 of its public half, for headers that want a certificate's.
    pub(crate) fn thumbprint(&self) -> String {
        encode(digest::digest(&digest::SHA256, &self.public).as_ref())
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).expect("base64url")
}

/// What the issuer's JWKS endpoint answers.
#[derive(Clone)]
pub(crate) struct Document {
    pub status: u16,
    pub media_type: &'static str,
    pub body: String,
}

impl Document {
    pub(crate) fn of<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Self {
        let keys: Vec<_> = keys.into_iter().map(|key| key.jwk.clone()).collect();
        let body = json!({ "keys": keys }).to_string();
        Self { status: 200, media_type: "application/json", body }
    }
}

/// The issuer, with one ES256 key to begin with.
pub(crate) struct ForeignIssuer {
    pub key: Key,
    pub issuer: String,
    document: Arc<Mutex<Document>>,
    fetches: Arc<AtomicUsize>,
    _server: Server,
}

impl ForeignIssuer {
    pub(crate) async fn start() -> Self {
        let key = Key::es256("one");
        let (document, fetches) = (Arc::new(Mutex::new(Document::of([&key]))), Arc::new(AtomicUsize::new(0)));
        let (served, counter) = (Arc::clone(&document), Arc::clone(&fetches));
        let answer = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let document = served.lock().expect("the document").clone();
            async move { response(document) }
        };
        let listener = listen(0).await.expect("a port");
        let issuer = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let elsewhere = Document::of([&key]);
        let elsewhere = move || async move { response(elsewhere) };
        let router = Router::new().route("/jwks", get(answer)).route("/elsewhere", get(elsewhere));
        let server = Server::start(listener, router).expect("a server");
        Self { key, issuer, document, fetches, _server: server }
    }

    pub(crate) fn publish(&self, document: Document) {
        *self.document.lock().expect("the document") = document;
    }

    /// How often its keys were fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    pub(crate) fn jwks_uri(&self) -> String {
        format!("{}/jwks", self.issuer)
    }

    pub(crate) fn signed_by(&self, key: &Key, claims: &Value) -> String {
        key.sign(&key.header().to_string(), &claims.to_string())
    }
}

fn response(document: Document) -> Response {
    let status = StatusCode::from_u16(document.status).expect("a status");
    // Where a redirect leads: to the right keys, so that following it would be noticed.
    let headers = [(header::CONTENT_TYPE, document.media_type), (header::LOCATION, "/elsewhere")];
    (status, headers, document.body).into_response()
}

/// Replaces members; null removes one.
pub(crate) fn change(value: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    let all: &mut Map<String, Value> = value.as_object_mut().expect("an object");
    for (name, value) in changes {
        if value.is_null() {
            all.remove(&name);
        } else {
            all.insert(name, value);
        }
    }
}
