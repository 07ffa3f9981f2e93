//! The authentication method and credentials in a client's record.

use crate::store::StoreError;
use crate::store::attribute::{
    ASSERTION_ALGORITHM, ASSERTION_AUDIENCE, AUTHENTICATION_METHOD, CERTIFICATE_SUBJECT,
    CERTIFICATE_SUBJECT_MEMBER, JWKS, JWKS_URI, SECRET_HASH,
};
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
        || SecretHash::from_bytes(reader.bytes(SECRET_HASH)?).ok_or_else(|| Reader::corrupt(SECRET_HASH));
    Ok(match reader.parsed(AUTHENTICATION_METHOD, AuthenticationMethod::parse)? {
        AuthenticationMethod::ClientSecretBasic => ClientAuthentication::ClientSecretBasic(secret()?),
        AuthenticationMethod::ClientSecretPost => ClientAuthentication::ClientSecretPost(secret()?),
        AuthenticationMethod::PrivateKeyJwt => ClientAuthentication::PrivateKeyJwt {
            algorithm: optional_algorithm(reader, ASSERTION_ALGORITHM)?,
            audience: reader.parsed(ASSERTION_AUDIENCE, AssertionAudience::parse)?,
        },
        AuthenticationMethod::TlsClientAuth => {
            let (member, name) =
                (reader.text(CERTIFICATE_SUBJECT_MEMBER)?, reader.text(CERTIFICATE_SUBJECT)?);
            let subject = CertificateSubject::parse(member, name);
            ClientAuthentication::TlsClientAuth(subject.map_err(|_| Reader::corrupt(CERTIFICATE_SUBJECT))?)
        }
        AuthenticationMethod::SelfSignedTlsClientAuth => ClientAuthentication::SelfSignedTlsClientAuth,
    })
}

pub(super) fn decode_keys(reader: Reader<'_>) -> Option<ClientKeys> {
    let inline = reader.optional_text(JWKS).map(|text| ClientKeys::Inline(text.to_owned()));
    inline.or_else(|| reader.optional_text(JWKS_URI).map(|text| ClientKeys::Uri(text.to_owned())))
}

pub(super) fn encode(client: &Client, item: &mut Item) {
    let mut put = |name: &str, value| drop(item.insert(name.to_owned(), value));
    put(AUTHENTICATION_METHOD, text(client.authentication.method().as_str()));
    match &client.authentication {
        ClientAuthentication::ClientSecretBasic(hash) | ClientAuthentication::ClientSecretPost(hash) => {
            put(SECRET_HASH, bytes(hash.as_bytes()));
        }
        ClientAuthentication::PrivateKeyJwt { algorithm, audience } => {
            put(ASSERTION_AUDIENCE, text(audience.as_str()));
            if let Some(algorithm) = algorithm {
                put(ASSERTION_ALGORITHM, text(algorithm.as_str()));
            }
        }
        ClientAuthentication::TlsClientAuth(subject) => {
            let (member, name) = subject.parts();
            put(CERTIFICATE_SUBJECT_MEMBER, text(member));
            put(CERTIFICATE_SUBJECT, text(name));
        }
        ClientAuthentication::SelfSignedTlsClientAuth => {}
    }
    match &client.keys {
        None => {}
        Some(ClientKeys::Inline(set)) => put(JWKS, text(set)),
        Some(ClientKeys::Uri(uri)) => put(JWKS_URI, text(uri)),
    }
}
