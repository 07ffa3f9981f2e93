//! An HTTP server that runs in the background and ends with its owner.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};

/// A running server. Dropping it closes the port.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `router` on `listener`.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start(listener: TcpListener, router: Router) -> io::Result<Self> {
        Self::run(listener, |listener| async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            // `axum::serve` retries after accept errors, and so never ends by itself.
            let _ = axum::serve(listener, service).await;
        })
    }

    /// Runs the server that `serve` creates for the listener.
    pub(crate) fn run<F>(listener: TcpListener, serve: impl FnOnce(TcpListener) -> F) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(serve(listener)) })
    }

    /// The address at which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address at which it listens, as a URL without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client for servers on this machine, without TLS: loading the system's certificates takes longer than any call
/// here.
///
/// # Errors
/// If the HTTP client cannot be created.
pub(crate) fn loopback_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build()
}

/// Listens on a port of the loopback interface; port 0 selects a free one.
///
/// # Errors
/// If the port is in use; the error names it.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("port {port} on 127.0.0.1: {error}")))
}
