//! Converts the event of an HTTP API (payload format 2.0) to the request that the functions read.
//!
//! `lambda_http` can do the same, but unwraps values that the caller controls: an invalid host name, forwarded
//! scheme, query or body ends in a panic and a 500. Here nothing unwraps. Parts that no function reads are left
//! out (`Host`, `X-Forwarded-Proto`, others' cookies, path parameters), and an event that is not a valid request is
//! [`Unreadable`], which becomes a 400.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayV2httpRequestContext, ApiGatewayV2httpRequestContextAuthentication,
    ApiGatewayV2httpRequestContextAuthenticationClientCert, ApiGatewayV2httpResponse,
};
use lambda_http::http::Method;
use lambda_http::http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use lambda_http::http::uri::{PathAndQuery, Uri};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::form_urlencoded;

use crate::cookie;

/// Why an event is not a valid request. The text is for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

/// All characters except those that a path may contain unencoded (RFC 3986 §3.3, `pchar` and the slash).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// The request in an event: its method, path, query, headers and body, and API Gateway's data about the connection.
///
/// # Errors
/// If the event is not one of an HTTP API, or a part of it is not valid in HTTP.
pub fn request(event: &Value) -> Result<Request, Unreadable> {
    let context = &event["requestContext"];
    let method = context["http"]["method"].as_str().ok_or(Unreadable("the event is not an HTTP request"))?;
    let path = event["rawPath"].as_str().ok_or(Unreadable("the event has no path"))?;
    let mut request = Request::new(body(event)?);
    *request.method_mut() =
        Method::from_bytes(method.as_bytes()).map_err(|_| Unreadable("the method is malformed"))?;
    *request.uri_mut() = uri(path)?;
    *request.headers_mut() = headers(&event["headers"])?;
    request.headers_mut().extend(cookie::ours(&event["cookies"]).map(|cookies| (COOKIE, cookies)));
    Ok(request
        .with_query_string_parameters(query(event)?)
        .with_request_context(RequestContext::ApiGatewayV2(connection(context)?)))
}

/// The path alone. HTTP APIs percent-decode it, so it is encoded again.
fn uri(path: &str) -> Result<Uri, Unreadable> {
    if !path.starts_with('/') {
        return Err(Unreadable("the path does not begin with a slash"));
    }
    let encoded = utf8_percent_encode(path, PATH).to_string();
    PathAndQuery::try_from(encoded).map(Uri::from).map_err(|_| Unreadable("the path is malformed"))
}

/// The query parameters. The query arrives as the client sent it, so it may contain any character.
fn query(event: &Value) -> Result<HashMap<String, Vec<String>>, Unreadable> {
    let mut query: HashMap<String, Vec<String>> = HashMap::new();
    let raw = optional(&event["rawQueryString"]).map_err(|()| Unreadable("the query is malformed"))?;
    for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
        query.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    Ok(query)
}

/// Each header occurs once, because API Gateway joins repeated ones. A malformed header is refused and not ignored,
/// because the request could have another meaning without it.
fn headers(headers: &Value) -> Result<HeaderMap, Unreadable> {
    const MALFORMED: Unreadable = Unreadable("a header is malformed");
    let mut read = HeaderMap::new();
    let given = match headers {
        Value::Null => return Ok(read),
        Value::Object(given) => given,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return Err(MALFORMED),
    };
    for (name, value) in given {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| MALFORMED)?;
        if name == COOKIE {
            continue;
        }
        let value = HeaderValue::from_str(value.as_str().ok_or(MALFORMED)?).map_err(|_| MALFORMED)?;
        match read.try_insert(name, value) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(Unreadable("a header is repeated")),
            Err(_) => return Err(Unreadable("there are too many headers")),
        }
    }
    Ok(read)
}

fn body(event: &Value) -> Result<Body, Unreadable> {
    const MALFORMED: Unreadable = Unreadable("the body is malformed");
    let is_base64 = match &event["isBase64Encoded"] {
        Value::Null => false,
        Value::Bool(is_base64) => *is_base64,
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => return Err(MALFORMED),
    };
    match optional(&event["body"]).map_err(|()| MALFORMED)? {
        None => Ok(Body::Empty),
        Some(text) if is_base64 => {
            STANDARD.decode(text).map(Body::Binary).map_err(|_| Unreadable("the body is not base64"))
        }
        Some(text) => Ok(Body::Text(text.to_owned())),
    }
}

/// The host that received the request, and the certificate that the client presented there. If the certificate
/// cannot be read, the request is refused, because it would otherwise look like one without a certificate.
fn connection(context: &Value) -> Result<ApiGatewayV2httpRequestContext, Unreadable> {
    const MALFORMED: Unreadable = Unreadable("the request context is malformed");
    let mut connection = ApiGatewayV2httpRequestContext::default();
    connection.domain_name = optional(&context["domainName"]).map_err(|()| MALFORMED)?.map(str::to_owned);
    let shown = &context["authentication"];
    let certificate = &shown["clientCert"];
    if !(shown.is_null() || shown.is_object()) || !(certificate.is_null() || certificate.is_object()) {
        return Err(MALFORMED);
    }
    if let Some(pem) = optional(&certificate["clientCertPem"]).map_err(|()| MALFORMED)? {
        let mut certificate = ApiGatewayV2httpRequestContextAuthenticationClientCert::default();
        certificate.client_cert_pem = Some(pem.to_owned());
        let mut authentication = ApiGatewayV2httpRequestContextAuthentication::default();
        authentication.client_cert = Some(certificate);
        connection.authentication = Some(authentication);
    }
    Ok(connection)
}

/// A string, if there is one; any other type is an error.
fn optional(value: &Value) -> Result<Option<&str>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(()),
    }
}

/// A response in the form that API Gateway expects, with cookies in a list of their own.
pub fn answer(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (mut parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    let cookies = parts.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    answer.cookies = cookies.map(str::to_owned).collect();
    parts.headers.remove(SET_COOKIE);
    answer.status_code = parts.status.as_u16().into();
    answer.headers = parts.headers;
    answer.is_base64_encoded = matches!(body, Body::Binary(_));
    answer.body = (!body.is_empty()).then_some(body);
    answer
}

#[cfg(test)]
mod tests;
