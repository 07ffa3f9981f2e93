//! TLS in front of the stack, for clients that speak https and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, version};

use crate::root;

/// A port that speaks TLS, under a certificate for `localhost` by an authority made for it.
pub(crate) struct Https {
    url: String,
    authority: PathBuf,
    ready: Option<(TcpListener, TlsAcceptor)>,
    forwarding: Option<JoinHandle<()>>,
}

impl Https {
    /// Takes a port. The stack has to know it before it starts: it is in the issuer's name.
    pub(crate) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (acceptor, authority) = acceptor();
        let folder = root().join("target/local");
        fs::create_dir_all(&folder).expect("target/local");
        let file = folder.join(format!("authority-{port}.pem"));
        fs::write(&file, authority).expect("the authority's certificate");
        Self {
            url: format!("https://localhost:{port}"),
            authority: file,
            ready: Some((listener, acceptor)),
            forwarding: None,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The file with the authority's certificate, for a client to trust.
    pub(crate) fn authority(&self) -> &Path {
        &self.authority
    }

    /// Hands what comes in to `http://localhost:<port>`, byte for byte, until it is dropped.
    pub(crate) fn forward_to(&mut self, url: &str) {
        let to = url.strip_prefix("http://").expect("an http URL").to_owned();
        let (listener, acceptor) = self.ready.take().expect("a port that forwards to nothing yet");
        self.forwarding = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, to) = (acceptor.clone(), to.clone());
                connections.spawn(async move {
                    // A client that trusts somebody else hangs up in the handshake, and says so itself.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut server = TcpStream::connect(to).await.expect("the stack");
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        }));
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        self.forwarding.iter().for_each(JoinHandle::abort);
        let _ = fs::remove_file(&self.authority);
    }
}

/// What answers a handshake, and its authority's certificate in PEM.
fn acceptor() -> (TlsAcceptor, String) {
    let key = || KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Under the same name as the server's certificate, that one would count as signed by itself.
    authority.distinguished_name.push(DnType::CommonName, "The authority of a test");
    let authority = CertifiedIssuer::self_signed(authority, key()).expect("an authority");

    let mut server = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    // Clients that check strictly, as Python does, look for it.
    server.use_authority_key_identifier_extension = true;
    let key = key();
    let certificate = server.signed_by(&key, &authority).expect("a certificate");

    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a certificate and its key");
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}
