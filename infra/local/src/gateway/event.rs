//! The payload 2.0 event that an HTTP API passes to a function.
//!
//! Spec: "Working with AWS Lambda proxy integrations for HTTP APIs", payload format version 2.0.

use std::{net::IpAddr, time::SystemTime};

use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use url::form_urlencoded;

use super::{client_certificate, request_line::restore, route::Matched};
use crate::{ACCOUNT, clock};

/// Where and when a request arrived, as its event describes it.
pub(super) struct Origin<'a> {
    pub(super) source: IpAddr,
    pub(super) door: &'a Door,
    pub(super) request_id: &'a str,
    pub(super) at: SystemTime,
}

/// The host of the gateway at which a request arrived, and the certificate that it presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    Plain,
    Tls,
    /// The host for mutual TLS: its name, with the port if that is not 443, and the client's certificate in DER.
    MutualTls {
        authority: String,
        certificate: Option<Vec<u8>>,
    },
}

impl Door {
    const fn scheme(&self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls | Self::MutualTls { .. } => "https",
        }
    }
}

/// The path as the service reads it: decoded, and cut off at an encoded question mark. Routes are matched against
/// it, and functions get it. So it may contain anything that HTTP can encode.
pub(super) fn path(parts: &Parts) -> String {
    let sent = restore(parts.uri.path());
    let decoded = percent_decode_str(&sent).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or_default().to_owned()
}

/// The event of one request with this [`path`].
pub(super) fn build(
    parts: &Parts,
    path: &str,
    body: &[u8],
    matched: &Matched<'_>,
    origin: &Origin<'_>,
) -> Value {
    let query = restore(parts.uri.query().unwrap_or_default());
    let host = text(&parts.headers, header::HOST).unwrap_or_default();
    // The service distinguishes its domains by name. Here two of them share one, so the second includes its port.
    let domain = match origin.door {
        Door::Plain | Door::Tls => host.split(':').next().unwrap_or_default(),
        Door::MutualTls { authority, .. } => authority,
    };
    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.route.key(),
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(parts, origin),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next().unwrap_or_default(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": origin.source,
                "userAgent": text(&parts.headers, header::USER_AGENT).unwrap_or_default(),
            },
            "requestId": origin.request_id,
            "routeKey": matched.route.key(),
            "stage": "$default",
            "time": common_log_time(origin.at),
            "timeEpoch": u64::try_from(clock::since_epoch(origin.at).as_millis()).unwrap_or(u64::MAX),
        },
        "isBase64Encoded": false,
    });
    if let Door::MutualTls { certificate: Some(der), .. } = origin.door
        && let Some(context) = client_certificate::context(der)
    {
        event["requestContext"]["authentication"] = context;
    }
    // Absent members are left out, not sent as null.
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = query_parameters(&query).into();
    }
    if !matched.parameters.is_empty() {
        let parameters = matched.parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        event["pathParameters"] = Value::Object(parameters.collect());
    }
    match as_text(&parts.headers, body) {
        _ if body.is_empty() => {}
        Some(text) => event["body"] = text.into(),
        None => {
            event["body"] = BASE64_STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
    }
    event
}

/// Header names in lower case, repeated ones joined by a comma, and the headers that the service adds.
fn headers(parts: &Parts, origin: &Origin<'_>) -> Map<String, Value> {
    let mut joined = Map::new();
    // Cookies are in a separate list.
    for name in parts.headers.keys().filter(|name| **name != header::COOKIE) {
        let values: Vec<_> = parts.headers.get_all(name).iter().map(lossy).collect();
        joined.insert(name.as_str().to_owned(), values.join(",").into());
    }
    let source = origin.source.to_string();
    let forwarded = match joined.get("x-forwarded-for").and_then(Value::as_str) {
        Some(earlier) => format!("{earlier}, {source}"),
        None => source,
    };
    joined.insert("x-forwarded-for".to_owned(), forwarded.into());
    joined.insert("x-forwarded-proto".to_owned(), origin.door.scheme().into());
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter().map(lossy);
    let each = lines.flat_map(|line| line.split(';').map(|it| it.trim().to_owned()).collect::<Vec<_>>());
    each.filter(|cookie| !cookie.is_empty()).collect()
}

/// Decoded, repeated ones joined by a comma. Only `rawQueryString` is exact.
fn query_parameters(query: &str) -> Map<String, Value> {
    let mut parameters = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let joined = match parameters.get(&*name).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier},{value}"),
            None => value.into_owned(),
        };
        parameters.insert(name.into_owned(), joined.into());
    }
    parameters
}

/// The body as text, for the media types that the service does not encode. Bytes that are not UTF-8 are encoded
/// whatever their type, so that nothing is lost.
fn as_text<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<&'a str> {
    let content_type = text(headers, header::CONTENT_TYPE)?.to_ascii_lowercase();
    let media_type = content_type.split(';').next()?.trim();
    let plain = media_type.starts_with("text/")
        || matches!(media_type, "application/json" | "application/javascript" | "application/xml");
    if plain { std::str::from_utf8(body).ok() } else { None }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).map(lossy)
}

/// HTTP allows bytes beyond ASCII in a value; JSON does not.
fn lossy(value: &header::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// `12/Mar/2020:19:03:58 +0000`
fn common_log_time(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let month = at.month().to_string();
    let (day, month, year) = (at.day(), month.get(..3).unwrap_or_default(), at.year());
    let (hour, minute, second) = at.to_hms();
    format!("{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} +0000")
}

#[cfg(test)]
mod tests;
