//! Client certificates, and requests that come with one, as API Gateway hands them over.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciba::http::{Body, Request};
use ciba_local::gateway::{self, Door, Route};
use ciba_local::template::Template;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    PublicKeyData,
};
use serde_json::{Value, json};

use crate::root;

/// The setting of a provider that has a host for mutual TLS.
pub const MTLS_URL: (&str, &str) = ("MTLS_URL", "https://localhost:9443");
/// What that host is called.
pub const MTLS_HOST: &str = "localhost:9443";

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let template = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    Route::all(&Template::parse(&template).expect("a template"))
});
static AUTHORITY: LazyLock<CertifiedIssuer<'static, KeyPair>> = LazyLock::new(|| {
    let mut params = named("An authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, key()).expect("an authority")
});

static AUTHORITY_KEY: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(AUTHORITY.key().subject_public_key_info()));

/// The setting with the key of the authority behind [`issued`].
pub fn mtls_authorities() -> (&'static str, &'static str) {
    ("MTLS_AUTHORITIES", &AUTHORITY_KEY)
}

/// A certificate in DER, with `CN=<name>,O=City Bank`, by an authority that the operator trusts.
pub fn issued(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = named(name);
    change(&mut params);
    params.signed_by(&key(), &*AUTHORITY).expect("a certificate").der().to_vec()
}

/// The same, and with it one named `other` that is signed by the same key, as if the first were an authority's.
pub fn self_signed_with_another(name: &str, other: &str) -> (Vec<u8>, Vec<u8>) {
    let own = CertifiedIssuer::self_signed(named(name), key()).expect("a certificate");
    let minted = named(other).signed_by(&key(), &own).expect("a certificate");
    (own.der().to_vec(), minted.der().to_vec())
}

/// The same, signed by its own key.
pub fn self_signed(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = named(name);
    change(&mut params);
    params.self_signed(&key()).expect("a certificate").der().to_vec()
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "City Bank");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

/// A key set whose keys have these certificates.
pub fn key_set(certificates: &[&[u8]]) -> Value {
    let keys = certificates.iter().map(|der| {
        // The coordinates are those of RFC 7517 App. A.1: what counts here is the certificate.
        json!({"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "x5c": [STANDARD.encode(der)]})
    });
    json!({ "keys": keys.collect::<Vec<_>>() })
}

/// `request`, as it comes in at the host for mutual TLS from a client that showed this certificate there.
pub fn over_mutual_tls(request: Request, certificate: Option<&[u8]>) -> Request {
    let certificate = certificate.map(<[u8]>::to_vec);
    by(request, &Door::MutualTls { authority: MTLS_HOST.to_owned(), certificate }, |_| {})
}

/// `request`, as it comes in by this door; `change` changes the event.
pub fn by(request: Request, door: &Door, change: impl FnOnce(&mut Value)) -> Request {
    let (mut parts, body) = request.into_parts();
    parts.headers.entry("host").or_insert_with(|| "localhost:9000".parse().expect("a host"));
    let body = match body {
        Body::Empty => Vec::new(),
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => panic!("a body that is read"),
    };
    let request = lambda_http::http::Request::from_parts(parts, body.into());
    let (_, mut event) = gateway::event_by(&ROUTES, request, door).expect("a route");
    change(&mut event);
    ciba::http::event::request(&event).expect("a request")
}
