//! An HTTP server that runs beside its owner and ends with it.

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
    /// When the listener has no local address.
    pub fn start(listener: TcpListener, router: Router) -> io::Result<Self> {
        Self::run(listener, |listener| async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            // `axum::serve` answers accept errors by trying again, and so never ends by itself.
            let _ = axum::serve(listener, service).await;
        })
    }

    /// Runs whatever `serve` makes of the listener.
    pub(crate) fn run<F>(listener: TcpListener, serve: impl FnOnce(TcpListener) -> F) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(serve(listener)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a URL without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client of what is on this machine, without TLS: reading the system's certificates takes longer than any call here.
///
/// # Errors
/// When the HTTP client cannot be made.
pub(crate) fn loopback_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build()
}

/// Listens on a port of the loopback interface; port 0 takes a free one.
///
/// # Errors
/// When the port is taken; the error names it.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("port {port} of 127.0.0.1: {error}")))
}
