//! The certificates of a stack with TLS, and the TLS settings of its gateway.
//!
//! They are created at each start and written to a folder, for use by clients: `ca.pem` is the CA of all of them,
//! `client.pem` and `client.key` are for `tls_client_auth`, `self-signed.pem` and `self-signed.key` for
//! `self_signed_tls_client_auth`. The CA's key is also there, in `ca.key`, and is reused at the next start: so
//! certificates for further clients can be issued with it, and remain valid. `mtls-authorities` has the setting
//! `MTLS_AUTHORITIES`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::aws_lc_rs::{self, cipher_suite};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, version};

use crate::Error;

/// The client of `tls_client_auth`.
pub const CLIENT: &str = "kiosk-mtls";
/// The client of `self_signed_tls_client_auth`.
pub const SELF_SIGNED_CLIENT: &str = "kiosk-self-signed";
const ORGANISATION: &str = "Example Bank";

/// The options of the host for mutual TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MutualTls {
    /// Accept TLS 1.2 in addition to TLS 1.3. Default: no, because FAPI's tests do not object to TLS 1.3 alone.
    pub tls12: bool,
    /// `MTLS_AUTHORITIES`, in addition to the stack's own.
    pub authorities: Option<String>,
    /// A PEM file of certificates that are trusted in addition to the stack's own CA, like API Gateway's trust
    /// store.
    pub truststore: Option<PathBuf>,
}

/// The certificates of a stack.
pub struct Certificates {
    folder: PathBuf,
    authority: CertificateDer<'static>,
    authorities: String,
    server: (CertificateDer<'static>, Vec<u8>),
    self_signed: CertificateDer<'static>,
}

impl Certificates {
    /// Creates the certificates, and writes those for clients to `folder`.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn make(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder)?;
        let authority = CertifiedIssuer::self_signed(authority(), authority_key(&folder.join("ca.key"))?)?;
        // RSA, the default of ACM certificates: it determines the cipher suites of TLS 1.2.
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let server = server()?.signed_by(&key, &authority)?;
        let client_key = KeyPair::generate()?;
        let client_certificate = client(CLIENT).signed_by(&client_key, &authority)?;
        let own_key = KeyPair::generate()?;
        let self_signed = client(SELF_SIGNED_CLIENT).self_signed(&own_key)?;

        let authorities = public_key(authority.der())?;
        fs::write(folder.join("ca.pem"), authority.pem())?;
        fs::write(folder.join("mtls-authorities"), &authorities)?;
        fs::write(folder.join("client.pem"), client_certificate.pem())?;
        write_secret(&folder.join("client.key"), &client_key.serialize_pem())?;
        fs::write(folder.join("self-signed.pem"), self_signed.pem())?;
        write_secret(&folder.join("self-signed.key"), &own_key.serialize_pem())?;
        Ok(Self {
            folder: folder.to_owned(),
            authority: authority.der().clone(),
            authorities,
            server: (server.into(), key.serialize_der()),
            self_signed: self_signed.into(),
        })
    }

    /// The folder with the files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of the files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The setting `MTLS_AUTHORITIES`: the public key of this CA, followed by those that are `given`.
    pub fn authorities(&self, given: Option<&str>) -> String {
        [self.authorities.as_str(), given.unwrap_or_default()].join(" ").trim().to_owned()
    }

    /// The two clients that these certificates belong to, in the form of `clients.json`.
    pub fn clients(&self) -> [Value; 2] {
        let client = |id: &str, method: &str| {
            json!({
                "client_id": id,
                "client_name": "Example Bank Kiosk",
                "token_endpoint_auth_method": method,
                "tls_client_certificate_bound_access_tokens": true,
                "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
                "backchannel_token_delivery_mode": "poll",
                "scope": "openid profile email offline_access",
            })
        };
        let mut by_name = client(CLIENT, "tls_client_auth");
        by_name["tls_client_auth_subject_dn"] = format!("CN={CLIENT},O={ORGANISATION}").into();
        let mut by_certificate = client(SELF_SIGNED_CLIENT, "self_signed_tls_client_auth");
        by_certificate["jwks"] = json!({"keys": [jwk(&self.self_signed)]});
        [by_name, by_certificate]
    }

    /// Terminates TLS without asking for client certificates.
    ///
    /// # Errors
    /// If the server's certificate is refused.
    pub fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth();
        self.finish(config)
    }

    /// Terminates TLS for clients with a certificate of this CA or of one in `host`'s trust store, or with a
    /// self-signed certificate of one of `clients`. For all others the handshake fails, as at API Gateway.
    ///
    /// # Errors
    /// If a certificate cannot be trusted, or the trust store cannot be read.
    pub fn mutual_acceptor(&self, host: &MutualTls, clients: &[Value]) -> Result<TlsAcceptor, Error> {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.authority.clone())?;
        for certificate in registered(clients) {
            trusted.add(certificate.into())?;
        }
        if let Some(file) = &host.truststore {
            for certificate in CertificateDer::pem_file_iter(file)? {
                trusted.add(certificate?)?;
            }
        }
        let versions: &[_] =
            if host.tls12 { &[&version::TLS13, &version::TLS12] } else { &[&version::TLS13] };
        let provider = Arc::new(provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
            // The names of CAs in a handshake would reveal who the clients are; and some libraries do not send a
            // certificate whose issuer is not among them.
            .clear_root_hint_subjects()
            .build()?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(verifier);
        self.finish(config)
    }

    fn finish(
        &self,
        config: tokio_rustls::rustls::ConfigBuilder<
            ServerConfig,
            tokio_rustls::rustls::server::WantsServerCert,
        >,
    ) -> Result<TlsAcceptor, Error> {
        let (certificate, key) = &self.server;
        let key = PrivateKeyDer::Pkcs8(key.clone().into());
        let mut config = config.with_single_cert(vec![certificate.clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// The cipher suites that FAPI allows in TLS 1.2 (RFC 9325 §4.2) with an RSA certificate, and all of TLS 1.3,
/// which comes first.
fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        ..aws_lc_rs::default_provider()
    }
}

/// The key in `file`, which is created at the first start.
fn authority_key(file: &Path) -> Result<KeyPair, Error> {
    if file.exists() {
        return Ok(KeyPair::from_pem(&fs::read_to_string(file)?)?);
    }
    let key = KeyPair::generate()?;
    write_secret(file, &key.serialize_pem())?;
    Ok(key)
}

/// `SubjectPublicKeyInfo` in base64.
fn public_key(certificate: &[u8]) -> Result<String, Error> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate)?;
    Ok(BASE64_STANDARD.encode(certificate.public_key().raw))
}

fn authority() -> CertificateParams {
    let mut params = named("The authority of a local stack");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn server() -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.distinguished_name = named("localhost").distinguished_name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Clients with strict checks, such as Python, require it.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn client(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, ORGANISATION);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// A key with its certificate (RFC 7517 §4.7). Only the certificate is used, so the key is an arbitrary P-256 key.
fn jwk(certificate: &[u8]) -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "x5c": [BASE64_STANDARD.encode(certificate)],
    })
}

/// The self-signed certificates that clients have registered.
fn registered(clients: &[Value]) -> Vec<Vec<u8>> {
    let own = clients.iter().filter(|it| it["token_endpoint_auth_method"] == "self_signed_tls_client_auth");
    let keys = own.flat_map(|client| client["jwks"]["keys"].as_array().into_iter().flatten());
    keys.filter_map(|key| BASE64_STANDARD.decode(key["x5c"][0].as_str()?).ok()).collect()
}

fn write_secret(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    Ok(options.open(path)?.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests;
