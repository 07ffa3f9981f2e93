//! A proxy between the functions and DynamoDB: records every call and its consumed capacity, and makes chosen
//! calls fail in ways that the engine cannot.

mod call;
mod fault;
mod forward;
mod weather;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

pub use call::{Call, Capacity, Touch};
pub use fault::{Loss, Refusal};
pub use weather::{Odds, Weather, WeatherReport};

use crate::patience::Patience;
use crate::server::{self, Server};
use fault::Faults;

/// A running proxy; dropping it closes the port.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    http: reqwest::Client,
    calls: Mutex<Vec<Call>>,
    faults: Mutex<Faults>,
    patience: Patience,
}

impl Proxy {
    /// Starts a proxy on `listener` in front of the engine at `upstream`.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start(listener: TcpListener, upstream: &str) -> io::Result<Self> {
        let http = server::loopback_client().map_err(io::Error::other)?;
        let (calls, faults, patience) = (Mutex::default(), Mutex::default(), Patience::default());
        let shared = Arc::new(Shared { upstream: upstream.to_owned(), http, calls, faults, patience });
        let served = Arc::clone(&shared);
        Ok(Self { server: Server::run(listener, |listener| accept(listener, served))?, shared })
    }

    /// The value for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// With which callers have to wait, so that their time-outs fire when this proxy is silent.
    pub fn patience(&self) -> Patience {
        self.shared.patience.clone()
    }

    /// Every call that has been responded to (or deliberately not), oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls().clone()
    }

    /// Forgets the calls and the planned faults.
    pub fn clear(&self) {
        self.shared.calls().clear();
        *self.shared.faults() = Faults::default();
    }

    /// Executes the `nth` call of `operation` from now on (1 is the next one) and loses its response.
    pub fn lose_response(&self, operation: &str, nth: usize, loss: Loss) {
        self.shared.faults().lose(operation, nth, loss);
    }

    /// Reads the first `read` keys (at least one) of the `nth` `BatchGetItem` from now on, and leaves the others
    /// unprocessed.
    pub fn leave_over(&self, nth: usize, read: usize) {
        self.shared.faults().leave_over(nth, read);
    }

    /// Starts or ends random faults. Returns the report of the previous weather.
    pub fn set_weather(&self, weather: Option<Weather>) -> WeatherReport {
        self.shared.faults().set_weather(weather)
    }

    /// Refuses the `nth` call of `operation` from now on (1 is the next one) without executing it.
    pub fn fail_before(&self, operation: &str, nth: usize, refusal: Refusal) {
        self.shared.faults().refuse(operation, nth, refusal);
    }
}

impl Shared {
    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Uses hyper directly, not axum: only a service that may fail can drop a connection without a response.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // For example out of file descriptors; give others time to close theirs.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| forward::forward(&shared, request));
            // It fails if a client disconnects, or if a response is to be lost.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[cfg(test)]
mod tests;
