//! A client's key of a test's own, and the proofs of possession that are made with it (DPoP, RFC 9449).

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::domain::base::time::Timestamp;
use ciba::http::Request;
use ciba_tests::Provider;
use serde_json::{Value, json};

use crate::foreign_issuer::Key;

pub(crate) struct Prover {
    pub key: Key,
    made: AtomicUsize,
}

impl Prover {
    pub(crate) fn new() -> Self {
        Self::of(Key::es256("proofs"))
    }

    pub(crate) fn of(key: Key) -> Self {
        Self { key, made: AtomicUsize::default() }
    }

    /// The header and the claims of a new proof for this call.
    pub(crate) fn parts(&self, method: &str, path: &str, now: Timestamp) -> (Value, Value) {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let header = json!({"typ": "dpop+jwt", "alg": self.key.alg, "jwk": self.key.jwk});
        let claims = json!({"jti": format!("proof-{number}"), "htm": method, "iat": now.seconds(),
            "htu": format!("{}{path}", Provider::ISSUER)});
        (header, claims)
    }

    /// A new proof for this call, with these claims instead of or beside the usual ones; null removes one.
    pub(crate) fn proof(&self, method: &str, path: &str, now: Timestamp, changes: Value) -> String {
        let (header, mut claims) = self.parts(method, path, now);
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        self.key.sign(&header.to_string(), &claims.to_string())
    }

    /// RFC 7638, for a key on a curve of two coordinates.
    pub(crate) fn thumbprint(&self) -> String {
        let member = |name: &str| self.key.jwk[name].as_str().expect("a member");
        let (x, y) = (member("x"), member("y"));
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        hash(&text)
    }
}

/// base64url of SHA-256.
pub(crate) fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

/// The request with this proof.
pub(crate) fn with_proof(mut request: Request, proof: &str) -> Request {
    request.headers_mut().insert("dpop", proof.parse().expect("a header value"));
    request
}
