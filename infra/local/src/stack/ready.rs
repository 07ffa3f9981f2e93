//! The steps before a stack is ready.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::Watch;
use crate::Error;

/// At a function's first start `cargo run` checks the whole workspace, and other builds may hold its lock.
const PATIENCE: Duration = Duration::from_secs(180);

const TRY_EVERY: Duration = Duration::from_millis(200);

/// Creates the keys, as a deployment does.
pub(super) async fn rotate_keys(watch: &mut Watch) -> Result<(), Error> {
    let url = format!("{}/2015-03-31/functions/key-rotation/invocations", watch.url());
    attempt(watch, "no keys were created", |http| http.post(&url).json(&json!({}))).await
}

/// Waits until the gateway serves the public keys.
pub(super) async fn wait_for_jwks(api: &str, watch: &mut Watch) -> Result<(), Error> {
    let url = format!("{api}/.well-known/jwks.json");
    attempt(watch, "the gateway does not serve the JWKS", |http| http.get(&url)).await
}

/// Repeats a request until it succeeds.
async fn attempt(
    watch: &mut Watch,
    otherwise: &str,
    request: impl Fn(&reqwest::Client) -> reqwest::RequestBuilder,
) -> Result<(), Error> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let why = tokio::select! {
            outcome = try_once(request(&http)) => match outcome {
                Ok(()) => return Ok(()),
                Err(why) => why,
            },
            // A request to a function that has exited would wait for ever.
            failed = fails(watch) => return Err(failed),
            () = sleep_until(deadline) => "no answer".into(),
        };
        watch.check()?;
        if Instant::now() >= deadline {
            return Err(watch.failure(&format!("{otherwise}: {why}")));
        }
        sleep(TRY_EVERY).await;
    }
}

/// Returns when a function, or the program that runs them, has exited.
async fn fails(watch: &mut Watch) -> Error {
    loop {
        sleep(TRY_EVERY).await;
        if let Err(error) = watch.check() {
            return error;
        }
    }
}

async fn try_once(request: reqwest::RequestBuilder) -> Result<(), Error> {
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    // A function that fails reports it in the payload of a successful invocation.
    let failed = serde_json::from_str::<Value>(&text).is_ok_and(|payload| payload.get("errorType").is_some());
    if status == StatusCode::OK && !failed { Ok(()) } else { Err(format!("{status} {text}").into()) }
}
