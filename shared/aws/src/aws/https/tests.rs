use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// An endpoint with a self-signed certificate. It answers every request with 204.
struct Endpoint {
    url: String,
    certificate: String,
    /// The number of connections, and how many of them trusted the certificate.
    came: Arc<AtomicUsize>,
    trusted: Arc<AtomicUsize>,
}

impl Endpoint {
    async fn start(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let (came, trusted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, counted_trusted) = (Arc::clone(&came), Arc::clone(&trusted));
        tokio::spawn(async move {
            // As many as any test here needs.
            for _ in 0..10 {
                let Ok((stream, _)) = listener.accept().await else { return };
                counted.fetch_add(1, Ordering::SeqCst);
                let mut buffer = [0; 4096];
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                // With TLS 1.3 a client rejects the certificate only after the server has finished the handshake.
                if !matches!(stream.read(&mut buffer).await, Ok(1..)) {
                    continue;
                }
                counted_trusted.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, certificate: certificate.pem(), came, trusted }
    }

    fn store(&self) -> TrustStore {
        TrustStore::empty().with_pem_certificate(self.certificate.as_str())
    }

    async fn call(&self, https: &Https) -> Result<u16, ConnectorError> {
        https.call(HttpRequest::get(&self.url).unwrap()).await.map(|answer| answer.status().as_u16())
    }

    fn seen(&self) -> (usize, usize) {
        (self.came.load(Ordering::SeqCst), self.trusted.load(Ordering::SeqCst))
    }
}

/// From then on the first attempt reaches it.
#[tokio::test]
async fn an_endpoint_that_only_the_second_store_knows_is_reached() {
    let endpoint = Endpoint::start("localhost").await;
    let https = Https::new(amazon(), endpoint.store());
    assert_eq!(endpoint.call(&https).await.unwrap(), 204);
    assert_eq!(endpoint.seen(), (2, 1), "one try with each store");
    assert_eq!(endpoint.call(&https).await.unwrap(), 204);
    assert_eq!(endpoint.seen(), (3, 2), "the first store is not tried again");
}

#[tokio::test]
async fn an_endpoint_that_the_first_store_knows_needs_no_second() {
    let endpoint = Endpoint::start("localhost").await;
    let https = Https::new(endpoint.store(), TrustStore::empty());
    assert_eq!(endpoint.call(&https).await.unwrap(), 204);
    assert!(https.second.connector.get().is_none(), "the system's certificates were read");
}

#[tokio::test]
async fn an_endpoint_that_neither_store_knows_is_not_reached() {
    let endpoint = Endpoint::start("localhost").await;
    let https = Https::new(amazon(), amazon());
    assert!(is_of_unknown_issuer(&endpoint.call(&https).await.unwrap_err()));
    assert_eq!(endpoint.seen().1, 0);
}

/// Only an unknown issuer is a reason to try the other store, not another certificate error.
#[tokio::test]
async fn a_certificate_for_another_name_is_refused_at_once() {
    let endpoint = Endpoint::start("other.example").await;
    let https = Https::new(endpoint.store(), endpoint.store());
    assert!(!is_of_unknown_issuer(&endpoint.call(&https).await.unwrap_err()));
    assert_eq!(endpoint.seen(), (1, 0));
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_second_try() {
    let https = Https::new(amazon(), amazon());
    let error = https.call(HttpRequest::get("https://127.0.0.1:1/").unwrap()).await.unwrap_err();
    assert!(error.is_io() && https.second.connector.get().is_none(), "{error:?}");
}

#[test]
fn an_operators_own_endpoint_uses_the_system_roots_at_once() {
    let of = |url: &str| Roots::of(&[None, Some(url.to_owned())]);
    assert_eq!(of("https://dynamodb.internal.example"), Roots::System);
    assert_eq!(of("http://127.0.0.1:8000"), Roots::Amazon, "it needs none");
    assert_eq!(Roots::of(&[None, None]), Roots::Amazon);
}

/// Detects a root that Mozilla adds or drops when the list is updated.
#[test]
fn the_roots_are_those_of_amazon_in_mozillas_list() {
    let ours: BTreeSet<Vec<u8>> =
        CertificateDer::pem_slice_iter(AMAZON.as_bytes()).map(|it| it.unwrap().to_vec()).collect();
    // The only Starfield root that Amazon owns.
    let names: [&[u8]; 2] = [b"Amazon", b"Starfield Services Root"];
    let of_amazon = |root: &&CertificateDer<'_>| {
        names.iter().any(|name| root.windows(name.len()).any(|part| part == *name))
    };
    let list = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    let listed: BTreeSet<Vec<u8>> = list.iter().filter(of_amazon).map(|root| root.to_vec()).collect();
    assert_eq!((ours.len(), ours == listed), (5, true), "{} are listed", listed.len());
}
