//! How a client authenticates, as its record has it.

use crate::store::StoreError;
use crate::store::client::optional_algorithm;
use crate::store::item::{Item, Reader, bytes, text};
use ciba_core::domain::base::secret::SecretHash;
use ciba_core::domain::client::Client;
use ciba_core::domain::client::certificate_subject::CertificateSubject;
use ciba_core::domain::client::client_authentication::{
    AssertionAudience, AuthenticationMethod, ClientAuthentication,
};
use ciba_core::domain::client::client_keys::ClientKeys;

pub(super) fn decode(reader: Reader<'_>) -> Result<ClientAuthentication, StoreError> {
    let secret =
        || SecretHash::from_bytes(reader.bytes("secret_hash")?).ok_or_else(|| Reader::corrupt("secret_hash"));
    Ok(match reader.parsed("authentication_method", AuthenticationMethod::parse)? {
        AuthenticationMethod::ClientSecretBasic => ClientAuthentication::ClientSecretBasic(secret()?),
        AuthenticationMethod::ClientSecretPost => ClientAuthentication::ClientSecretPost(secret()?),
        AuthenticationMethod::PrivateKeyJwt => ClientAuthentication::PrivateKeyJwt {
            algorithm: optional_algorithm(reader, "assertion_algorithm")?,
            audience: reader.parsed("assertion_audience", AssertionAudience::parse)?,
        },
        AuthenticationMethod::TlsClientAuth => {
            let (member, name) =
                (reader.text("certificate_subject_member")?, reader.text("certificate_subject")?);
            let subject = CertificateSubject::parse(member, name);
            ClientAuthentication::TlsClientAuth(subject.map_err(|_| Reader::corrupt("certificate_subject"))?)
        }
        AuthenticationMethod::SelfSignedTlsClientAuth => ClientAuthentication::SelfSignedTlsClientAuth,
    })
}

pub(super) fn decode_keys(reader: Reader<'_>) -> Option<ClientKeys> {
    let inline = reader.optional_text("jwks").map(|text| ClientKeys::Inline(text.to_owned()));
    inline.or_else(|| reader.optional_text("jwks_uri").map(|text| ClientKeys::Uri(text.to_owned())))
}

pub(super) fn encode(client: &Client, item: &mut Item) {
    let mut put = |name: &str, value| drop(item.insert(name.to_owned(), value));
    put("authentication_method", text(client.authentication.method().as_str()));
    match &client.authentication {
        ClientAuthentication::ClientSecretBasic(hash) | ClientAuthentication::ClientSecretPost(hash) => {
            put("secret_hash", bytes(hash.as_bytes()));
        }
        ClientAuthentication::PrivateKeyJwt { algorithm, audience } => {
            put("assertion_audience", text(audience.as_str()));
            if let Some(algorithm) = algorithm {
                put("assertion_algorithm", text(algorithm.as_str()));
            }
        }
        ClientAuthentication::TlsClientAuth(subject) => {
            let (member, name) = subject.parts();
            put("certificate_subject_member", text(member));
            put("certificate_subject", text(name));
        }
        ClientAuthentication::SelfSignedTlsClientAuth => {}
    }
    match &client.keys {
        None => {}
        Some(ClientKeys::Inline(set)) => put("jwks", text(set)),
        Some(ClientKeys::Uri(uri)) => put("jwks_uri", text(uri)),
    }
}
