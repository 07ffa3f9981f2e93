//! Runs a handler on Lambda. This is the only reader of the time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::http::Method;
use lambda_http::lambda_runtime::{LambdaEvent, run};
use lambda_http::{Body, Error, Request, Response, service_fn};
use serde_json::Value;

use crate::{event, interaction, respond};
use ciba_core::domain::base::time::Timestamp;
use ciba_flows::Invocation;

/// A function's endpoint. An error of the client is a response, never a failure of the function.
pub trait Endpoint: Sync {
    fn handle(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// The response with the headers that all responses have. The response to HEAD is that to GET without its
    /// content (RFC 9110 §9.3.2).
    fn respond(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> impl Future<Output = Response<Body>> + Send {
        async move {
            let response = interaction::echoed(request, self.handle(request, invocation).await);
            if request.method() == Method::HEAD { response.map(|_| Body::Empty) } else { response }
        }
    }
}

/// Serves HTTP requests until Lambda ends the sandbox.
pub async fn serve(endpoint: impl Endpoint) -> Result<(), Error> {
    let endpoint = &endpoint;
    run(service_fn(async move |event: LambdaEvent<Value>| {
        let invocation = invocation(event.context.deadline);
        // Boxed, because the compiler cannot handle futures that are nested this deeply.
        Ok::<_, Error>(Box::pin(answer(endpoint, &event.payload, &invocation)).await)
    }))
    .await
}

/// Converts the event to a request and returns the endpoint's response. Every event gets a response: 400 if it is
/// not a valid request.
pub async fn answer(
    endpoint: &impl Endpoint,
    event: &Value,
    invocation: &Invocation,
) -> ApiGatewayV2httpResponse {
    let response = match event::request(event) {
        Ok(request) => endpoint.respond(&request, invocation).await,
        Err(why) => respond::unreadable(why, invocation),
    };
    event::answer(response)
}

/// The functions' `Timeout`; a test compares it with `template.yaml`.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// An invocation that begins now. `deadline` is Lambda's. Unit: milliseconds since the epoch.
///
/// `cargo lambda watch` sends a constant in 1970. If the deadline is already in the past, the invocation gets the
/// timeout that the template sets.
pub fn invocation(deadline: u64) -> Invocation {
    let now = now();
    let time_left = Timestamp::from_millis(i64::try_from(deadline).unwrap_or(i64::MAX)).since(now);
    Invocation::new(now, if time_left.is_zero() { TIMEOUT } else { time_left }, random)
}

/// The invocation for a function's initialization, before there is a request.
pub fn initialisation() -> Invocation {
    Invocation::new(now(), Duration::from_secs(10), random)
}

#[expect(clippy::disallowed_methods, reason = "the only reader of the clock")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Random bytes, read from the operating system at each call, so that no random state is shared through a snapshot.
pub fn random(buffer: &mut [u8]) {
    aws_lc_rs::rand::fill(buffer).expect("the operating system provides randomness");
}
