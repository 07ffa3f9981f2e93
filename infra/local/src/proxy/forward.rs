//! The path of one call to the engine and back.
//!
//! 1. Read the operation and what it touches.
//! 2. Refuse it before it is executed, if there is such a fault.
//! 3. Forward it with a request for the consumed capacity; a fault may reduce a batch, delay the call, or repeat it.
//! 4. Record it.
//! 5. Respond, unless a fault loses the response.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Request, Response, StatusCode, header},
};
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    Call, Capacity, Refusal, Shared,
    call::{self, Touch},
    fault::{self, Fault, Loss},
};
use crate::{caller, order};

/// More than the largest DynamoDB request.
const BODY_LIMIT: usize = 17 * 1024 * 1024;
/// A checksum of the body that the engine sent.
const CHECKSUM: &str = "x-amz-crc32";

/// Why a connection ends without a response.
#[derive(Debug)]
pub(super) struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is dropped")
    }
}

impl std::error::Error for Dropped {}

pub(super) async fn forward(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), BODY_LIMIT).await.map_err(|_| Dropped)?;
    let operation = call::operation(&parts.headers);
    let mut input = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let mut call = Call {
        caller: caller::access_key_id(&parts.headers),
        touches: Touch::all(&operation, &input),
        operation,
        status: None,
        capacity: None,
        order: order::next(),
    };

    let fault = shared.faults().next(&call.operation, call.touches.len());
    if let Some(Fault::Refuse(refusal)) = &fault {
        let refused = refusal.answer(&call.operation, &input);
        call.status = refused.as_ref().map(|(status, _)| *status);
        shared.calls().push(call);
        let Some((status, body)) = refused else {
            if *refusal == Refusal::Reset {
                return Err(Dropped);
            }
            match shared.patience.silence().await {}
        };
        return answer(status, &HeaderMap::new(), body.to_string());
    }
    let left_over = match fault {
        Some(Fault::LeaveOver { read }) => Some(fault::leave_over(&mut input, read)),
        Some(Fault::Refuse(_) | Fault::Lose(_) | Fault::Delay(_) | Fault::Twice { .. }) | None => None,
    };
    if let Some(Fault::Delay(delay)) = fault {
        tokio::time::sleep(delay).await;
    }

    if call::reports_capacity(&call.operation) && input.is_object() {
        input["ReturnConsumedCapacity"] = "INDEXES".into();
    }
    // Anything but JSON is forwarded unchanged: refusing it is up to the engine.
    let body = if input.is_object() { input.to_string().into_bytes() } else { body.to_vec() };
    if let Some(Fault::Twice { after }) = fault {
        repeat(Arc::clone(shared), parts.headers.clone(), body.clone(), after);
    }
    let (status, mut headers, mut body) = execute(shared, &parts.headers, body).await.map_err(|_| Dropped)?;
    if let (Some(left_over), Ok(mut answer)) = (left_over, serde_json::from_slice::<Value>(&body)) {
        answer["UnprocessedKeys"] = left_over;
        body = answer.to_string().into_bytes();
        headers.remove(CHECKSUM);
    }

    call.status = Some(status);
    call.order = order::next();
    call.capacity = Capacity::read(&body);
    shared.calls().push(call);
    match fault {
        Some(Fault::Lose(Loss::Connection)) => Err(Dropped),
        Some(Fault::Lose(Loss::Silence)) => match shared.patience.silence().await {},
        Some(Fault::Lose(Loss::InternalServerError)) => {
            let (status, body) = fault::internal_server_error();
            answer(status, &HeaderMap::new(), body.to_string())
        }
        Some(Fault::Refuse(_) | Fault::LeaveOver { .. } | Fault::Delay(_) | Fault::Twice { .. }) | None => {
            answer(status, &headers, body)
        }
    }
}

/// Carries out a call once more, later. Its result is discarded.
fn repeat(shared: Arc<Shared>, headers: HeaderMap, body: Vec<u8>, after: Duration) {
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        drop(execute(&shared, &headers, body).await);
    });
}

async fn execute(
    shared: &Shared,
    headers: &HeaderMap,
    body: Vec<u8>,
) -> reqwest::Result<(StatusCode, HeaderMap, Vec<u8>)> {
    let mut headers = headers.clone();
    // These belong to this hop and this body, so they are created again.
    for name in [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let response = shared.http.post(&shared.upstream).headers(headers).body(body).send().await?;
    let (status, mut headers) = (response.status(), response.headers().clone());
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    Ok((status, headers, response.bytes().await?.to_vec()))
}

fn answer(status: StatusCode, headers: &HeaderMap, body: impl Into<Body>) -> Result<Response<Body>, Dropped> {
    let mut response = Response::builder().status(status).body(body.into()).map_err(|_| Dropped)?;
    *response.headers_mut() = headers.clone();
    response
        .headers_mut()
        .entry(header::CONTENT_TYPE)
        .or_insert(header::HeaderValue::from_static("application/x-amz-json-1.0"));
    Ok(response)
}
