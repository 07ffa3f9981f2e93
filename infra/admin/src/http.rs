//! Fetches what this deployment publishes, as a client would: no redirects, bounded time, bounded bodies.

use std::iter::successors;
use std::time::Duration;

use reqwest::redirect::Policy;
use serde_json::Value;

/// Unit: seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Leaves time for a cold start. Unit: seconds.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Unit: bytes.
const LONGEST_BODY: usize = 256 * 1024;

pub(crate) struct Http(Result<reqwest::Client, String>);

impl Http {
    /// If TLS does not work on this machine, every fetch fails with that error.
    pub(crate) fn new() -> Self {
        let client = reqwest::Client::builder()
            .user_agent(concat!("ciba-admin/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build();
        Self(client.map_err(|error| explain(&error)))
    }

    /// A JSON document; the error is for the operator.
    pub(crate) async fn json(&self, url: &str) -> Result<Value, String> {
        let client = self.0.as_ref().map_err(Clone::clone)?;
        let mut answer = client.get(url).send().await.map_err(|error| explain(&error))?;
        if answer.status() != 200 {
            return Err(format!("{url} responded with status {}", answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| explain(&error))? {
            if body.len() + chunk.len() > LONGEST_BODY {
                return Err(format!("the response of {url} is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|_| format!("the response of {url} is not JSON"))
    }
}

/// The error with its causes: the outermost one only says "error sending request".
fn explain(error: &dyn std::error::Error) -> String {
    let causes = successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
