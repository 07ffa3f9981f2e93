//! HTTPS to AWS: one client for all services, which tries Amazon's root certificates before the system's.
//!
//! The SDK's own client reads the system's certificates, more than a hundred, at every cold start, and builds a
//! separate trust store for each service. AWS endpoints need only five root certificates.
//!
//! 1. Connect with Amazon's roots.
//! 2. If none of them issued the endpoint's certificate, connect with the system's roots, and keep using those.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use rustls::CertificateError::UnknownIssuer;

/// The roots that Amazon Trust Services asks relying parties to trust; a test compares them with Mozilla's list.
const AMAZON: &str = include_str!("amazon-roots.pem");

/// The root certificates that are tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    Amazon,
    /// The system's, or those in the file that `SSL_CERT_FILE` names.
    System,
}

impl Roots {
    /// The roots to try first. A custom endpoint may have a certificate from any CA, so it needs the system's.
    pub(super) fn of(endpoints: &[Option<String>]) -> Self {
        let own = endpoints.iter().flatten().any(|url| url.starts_with("https://"));
        if own { Self::System } else { Self::Amazon }
    }
}

/// The HTTP client that all services share.
pub(super) fn client(first: Roots) -> SharedHttpClient {
    let system = TrustStore::default();
    let connector = match first {
        Roots::Amazon => SharedHttpConnector::new(Https::new(amazon(), system)),
        Roots::System => SharedHttpConnector::new(connector(system)),
    };
    http_client_fn(move |_, _| connector.clone())
}

fn amazon() -> TrustStore {
    TrustStore::empty().with_pem_certificate(AMAZON)
}

/// Connects with the first trust store, and falls back to the second.
#[derive(Debug)]
struct Https {
    first: Connector,
    second: Arc<Second>,
}

#[derive(Debug)]
struct Second {
    store: TrustStore,
    /// Built on first use.
    connector: OnceLock<Connector>,
}

impl Https {
    fn new(first: TrustStore, second: TrustStore) -> Self {
        let second = Second { store: second, connector: OnceLock::new() };
        Self { first: connector(first), second: Arc::new(second) }
    }
}

impl Second {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.connector.get_or_init(|| connector(self.store.clone())).call(request)
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.second.connector.get().is_some() {
            return self.second.call(request);
        }
        let again = request.try_clone();
        let (first, second) = (self.first.call(request), Arc::clone(&self.second));
        HttpConnectorFuture::new(async move {
            match (first.await, again) {
                // The handshake failed, so no part of the request has been sent.
                (Err(error), Some(request)) if is_of_unknown_issuer(&error) => second.call(request).await,
                (outcome, _) => outcome,
            }
        })
    }
}

/// The connector has no timeouts of its own: the timeouts of the operations are shorter than a connection timeout
/// would be.
fn connector(roots: TrustStore) -> Connector {
    let context = TlsContext::builder().with_trust_store(roots).build().expect("a context of a store");
    Connector::builder()
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build()
}

/// Whether the endpoint's certificate has an unknown issuer. Any other certificate error is final.
fn is_of_unknown_issuer(error: &ConnectorError) -> bool {
    let error: &(dyn Error + 'static) = error;
    // `io::Error::source` skips the error that it wraps, so the wrapped error is read with `get_ref`.
    let mut chain = std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|held| held as &(dyn Error + 'static)),
        None => error.source(),
    });
    chain.any(|error| matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(UnknownIssuer))))
}

#[cfg(test)]
mod tests;
