//! TLS in front of a plain server, as for the services of AWS.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ciba_local::{Error, server::listen};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The systems' own bundles: Amazon Linux, Debian.
const BUNDLES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// The system's bundle of certificates. A system may also have a folder of single files, which takes much longer
/// to read; the image that Lambda runs has a bundle.
pub fn bundle_of_the_system() -> Result<String, Error> {
    let found = BUNDLES.into_iter().find(|path| Path::new(path).exists());
    Ok(found.ok_or_else(|| format!("no bundle of certificates: {BUNDLES:?}"))?.to_owned())
}

/// A CA with one self-signed certificate, for `localhost`. RSA, as for the services of AWS.
pub struct Authority {
    acceptor: TlsAcceptor,
    pem: String,
}

/// A running terminator; dropping it closes the port.
pub struct Terminator {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Authority {
    pub fn new() -> Result<Self, Error> {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), pem: certificate.pem() })
    }

    /// Writes this CA's certificate to a file, and returns its path.
    pub fn file(&self, folder: &Path) -> Result<String, Error> {
        let path = folder.join("certificate.pem");
        fs::write(&path, &self.pem)?;
        Ok(path.display().to_string())
    }

    /// Starts a terminator in front of the server at `upstream`.
    pub async fn terminate(&self, upstream: &str) -> Result<Terminator, Error> {
        let upstream: SocketAddr = upstream.trim_start_matches("http://").parse()?;
        let listener = listen(0).await?;
        let address = listener.local_addr()?;
        Ok(Terminator { address, task: tokio::spawn(accept(listener, self.acceptor.clone(), upstream)) })
    }
}

impl Terminator {
    /// With the name in the certificate.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

impl Drop for Terminator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, upstream: SocketAddr) {
    // It ends with its owner; accept only fails with too many open files, and then there is no measurement.
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let (Ok(mut client), Ok(mut server)) =
                (acceptor.accept(stream).await, TcpStream::connect(upstream).await)
            else {
                return;
            };
            let _ = server.set_nodelay(true);
            // It fails when either side disconnects.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}
