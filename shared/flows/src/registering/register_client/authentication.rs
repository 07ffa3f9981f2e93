//! How the client authenticates, and where its keys are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::AlgorithmParameters;
use serde_json::Value;
use url::Url;

use ciba_core::domain::base::address::OwnHosts;
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::secret::SecretHash;
use ciba_core::domain::client::Client;
use ciba_core::domain::client::certificate_subject::CertificateSubject;
use ciba_core::domain::client::client_authentication::{
    AssertionAudience, AuthenticationMethod, ClientAuthentication,
};
use ciba_core::domain::client::client_keys::ClientKeys;
use ciba_core::protocol::registration::ClientMetadata;
use ciba_core::verify::certificate::Certificate;
use ciba_core::verify::verification_key::{self, PRIVATE_MEMBERS};

/// The shortest secret. Random base64url of this length has 192 bits. Unit: characters.
const MIN_SECRET: usize = 32;
/// The longest `jwks`. Unit: bytes.
const MAX_KEYS_TEXT: usize = 16 * 1024;
const MAX_KEYS: usize = 20;
/// The longest `jwks_uri`. Unit: bytes.
const MAX_URI: usize = 512;

/// Reads the method and its metadata. Metadata of another method is refused.
pub(super) fn read(
    metadata: &ClientMetadata,
    keys: Option<&ClientKeys>,
) -> Result<ClientAuthentication, String> {
    let method = AuthenticationMethod::parse(&metadata.token_endpoint_auth_method)
        .ok_or("token_endpoint_auth_method is not supported")?;
    let for_assertions =
        metadata.token_endpoint_auth_signing_alg.is_some() || metadata.assertion_audience.is_some();
    if for_assertions && method != AuthenticationMethod::PrivateKeyJwt {
        let why =
            "token_endpoint_auth_signing_alg and assertion_audience belong to the method private_key_jwt";
        return Err(why.into());
    }
    let subjects = metadata.certificate_subjects();
    if !subjects.is_empty() && method != AuthenticationMethod::TlsClientAuth {
        return Err("the subject of a certificate belongs to the method tls_client_auth".into());
    }
    if metadata.client_secret.is_some() && !method.is_shared_secret() {
        return Err("client_secret belongs to the methods client_secret_basic and client_secret_post".into());
    }
    match method {
        AuthenticationMethod::ClientSecretBasic => {
            Ok(ClientAuthentication::ClientSecretBasic(secret(metadata)?))
        }
        AuthenticationMethod::ClientSecretPost => {
            Ok(ClientAuthentication::ClientSecretPost(secret(metadata)?))
        }
        AuthenticationMethod::PrivateKeyJwt => {
            keys.ok_or("private_key_jwt needs jwks or jwks_uri")?;
            let algorithm = metadata.token_endpoint_auth_signing_alg.as_deref();
            let audience = metadata.assertion_audience.as_deref();
            Ok(ClientAuthentication::PrivateKeyJwt {
                algorithm: algorithm
                    .map(|name| {
                        JwsAlgorithm::parse(name).ok_or("token_endpoint_auth_signing_alg is not supported")
                    })
                    .transpose()?,
                audience: audience
                    .map_or(Some(AssertionAudience::Issuer), AssertionAudience::parse)
                    .ok_or("assertion_audience is not issuer, issuer_slash or endpoints")?,
            })
        }
        AuthenticationMethod::TlsClientAuth => {
            let [(member, text)] = subjects.into_iter().collect::<Vec<_>>()[..] else {
                let why = "tls_client_auth needs exactly one member that names the certificate's subject";
                return Err(why.into());
            };
            Ok(ClientAuthentication::TlsClientAuth(CertificateSubject::parse(member, text)?))
        }
        AuthenticationMethod::SelfSignedTlsClientAuth => {
            keys.ok_or("self_signed_tls_client_auth needs jwks or jwks_uri")?;
            metadata.jwks.as_ref().map_or(Ok(()), certificates)?;
            Ok(ClientAuthentication::SelfSignedTlsClientAuth)
        }
    }
}

/// `backchannel_authentication_request_signing_alg` (CIBA §4), which cannot be symmetric or `none`.
pub(super) fn request_signing(
    metadata: &ClientMetadata,
    keys: Option<&ClientKeys>,
) -> Result<Option<JwsAlgorithm>, &'static str> {
    let Some(name) = metadata.backchannel_authentication_request_signing_alg.as_deref() else {
        return Ok(None);
    };
    keys.ok_or("backchannel_authentication_request_signing_alg needs jwks or jwks_uri")?;
    let algorithm = JwsAlgorithm::parse(name);
    algorithm.map(Some).ok_or("backchannel_authentication_request_signing_alg is not supported")
}

/// `jwks` or `jwks_uri`.
pub(super) fn keys(metadata: &ClientMetadata, own: OwnHosts<'_>) -> Result<Option<ClientKeys>, &'static str> {
    match (&metadata.jwks, &metadata.jwks_uri) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err("jwks and jwks_uri exclude each other"),
        (Some(set), None) => inline(set).map(Some),
        (None, Some(uri)) => {
            let url = Url::parse(uri).ok().filter(|url| uri.len() <= MAX_URI && own.admit(url));
            let why = "jwks_uri is not https on port 443 of a public host of the client's own, or longer than 512 bytes";
            url.map(|_| Some(ClientKeys::Uri(uri.clone()))).ok_or(why)
        }
    }
}

/// Keys of an unknown type or curve are ignored, as at a `jwks_uri` (RFC 7517 §5). A malformed key is refused, so
/// that an operator's mistake shows at registration and not at the client's first request.
fn inline(set: &Value) -> Result<ClientKeys, &'static str> {
    let keys = set.get("keys").and_then(Value::as_array).ok_or("jwks is not a JWK Set")?;
    if !(1..=MAX_KEYS).contains(&keys.len()) {
        return Err("jwks has no key, or more than 20");
    }
    if keys.iter().any(|key| PRIVATE_MEMBERS.iter().any(|member| key.get(member).is_some())) {
        return Err("jwks has a private key: anyone who has seen it can act for the client");
    }
    if keys.iter().any(is_malformed) {
        return Err("jwks has a malformed key");
    }
    if !keys.iter().any(is_understood) {
        return Err("jwks has no key of a supported type and curve");
    }
    let text = serde_json::json!({ "keys": keys }).to_string();
    if text.len() <= MAX_KEYS_TEXT { Ok(ClientKeys::Inline(text)) } else { Err("jwks is longer than 16 KiB") }
}

/// At least one key must have a certificate, and each certificate must be usable (RFC 8705 §2.2.2); the client's
/// signing keys are in the same set, and need no certificate. A CA certificate, once trusted at the host for
/// mutual TLS, would let its owner issue certificates for `tls_client_auth`, where only vetted authorities count.
fn certificates(set: &Value) -> Result<(), &'static str> {
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    let chains: Vec<_> = keys.filter_map(|key| key.get("x5c")).collect();
    if chains.is_empty() {
        return Err("no key of jwks has a certificate in x5c");
    }
    for chain in chains {
        let first = chain.get(0).and_then(Value::as_str);
        let certificate = first.and_then(|text| Certificate::from_der(&STANDARD.decode(text).ok()?));
        let certificate = certificate.ok_or("the first certificate in an x5c of jwks cannot be read")?;
        if certificate.is_authority() {
            return Err("a certificate in jwks is a CA certificate (basicConstraints CA:TRUE)");
        }
    }
    Ok(())
}

/// Whether a key has a supported type and can be parsed as one. The library treats a key that lacks a member of
/// its type as a key of another type.
fn is_understood(key: &Value) -> bool {
    use AlgorithmParameters::{EllipticCurve, OctetKeyPair, RSA};
    verification_key::parse(key.clone())
        .is_some_and(|key| matches!(key.algorithm, EllipticCurve(_) | RSA(_) | OctetKeyPair(_)))
}

/// Whether a key of a known type and curve cannot be read, or a key has no type or curve.
fn is_malformed(key: &Value) -> bool {
    let text = |member: &str| key.get(member).and_then(Value::as_str);
    let is_known = match (text("kty"), text("crv")) {
        (None, _) | (Some("EC" | "OKP"), None) | (Some("RSA"), _) => true,
        (Some("EC"), Some(curve)) => ["P-256", "P-384", "P-521"].contains(&curve),
        (Some("OKP"), Some(curve)) => curve == "Ed25519",
        (Some(_), _) => false,
    };
    is_known && !is_understood(key)
}

/// The reason why the keys in the client's record cannot verify the client's signatures, in words for the
/// operator. The set at a `jwks_uri` may change, so it is not checked.
pub(super) fn lacks_key(client: &Client) -> Option<&'static str> {
    let Some(ClientKeys::Inline(set)) = &client.keys else { return None };
    let keys: Vec<_> = serde_json::from_str::<Value>(set).ok()?["keys"].as_array()?.clone();
    let keys: Vec<_> = keys.into_iter().filter_map(verification_key::parse).collect();
    let has = |accepted: &[JwsAlgorithm]| {
        keys.iter().any(|key| accepted.iter().any(|algorithm| verification_key::fits(key, *algorithm)))
    };
    let offered = JwsAlgorithm::of_clients(client.profile);
    let assertions = match &client.authentication {
        ClientAuthentication::PrivateKeyJwt { algorithm: Some(only), .. } => has(&[*only]),
        ClientAuthentication::PrivateKeyJwt { algorithm: None, .. } => has(offered),
        ClientAuthentication::ClientSecretBasic(_)
        | ClientAuthentication::ClientSecretPost(_)
        | ClientAuthentication::TlsClientAuth(_)
        | ClientAuthentication::SelfSignedTlsClientAuth => true,
    };
    if !assertions {
        Some("jwks has no key that verifies the client's assertions, by its type, curve, size, use and alg")
    } else if !client.request_signing.is_none_or(|algorithm| has(&[algorithm])) {
        Some("jwks has no key for backchannel_authentication_request_signing_alg")
    } else {
        None
    }
}

fn secret(metadata: &ClientMetadata) -> Result<SecretHash, &'static str> {
    let secret = metadata.client_secret.as_ref().ok_or("client_secret is missing")?;
    if secret.expose().chars().count() < MIN_SECRET {
        return Err("client_secret has fewer than 32 characters");
    }
    if secret.expose().bytes().all(|b| matches!(b, 0x20..=0x7e)) {
        Ok(secret.hash())
    } else {
        Err("client_secret has characters that RFC 6749 does not allow")
    }
}
