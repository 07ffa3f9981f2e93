//! HTTP for this client: no redirects, bounded time, bounded bodies, an authenticated form post.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Url};
use serde::de::DeserializeOwned;
use url::form_urlencoded::byte_serialize;

use crate::failure::Failure;
use crate::options::{AuthMethod, Options};

/// Spec: CIBA §10.1: a client is prepared to wait at least 30 s for a response. Unit: seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);
/// Unit: seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Far larger than any response of an OP. Unit: bytes.
const LONGEST_BODY: usize = 256 * 1024;

pub struct Http(reqwest::Client);

/// A response, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// The media type is `application/json`.
    pub is_json: bool,
    /// Spec: RFC 9110 §10.2.3, as a number of seconds; the form with a date is treated as absent.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

impl Http {
    /// # Errors
    /// `Failure::Protocol` if TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, Failure> {
        reqwest::Client::builder()
            .user_agent(concat!("ciba-client/", env!("CARGO_PKG_VERSION")))
            // A redirect would send credentials to a place that the metadata does not name.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .build()
            .map(Self)
            .map_err(|error| Failure::Protocol(explain(&error)))
    }

    /// A document of the OP that needs no authentication.
    ///
    /// # Errors
    /// `Failure::Unavailable` without a response, `Failure::Protocol` for anything but 200 and JSON.
    pub async fn get_json<T: DeserializeOwned>(&self, url: &str) -> Result<T, Failure> {
        let reply = read(self.0.get(url)).await.map_err(Failure::Unavailable)?;
        reply.ok_json(url)
    }

    /// Posts a form as the client.
    ///
    /// Spec: RFC 6749 §2.3.1. With Basic, identifier and secret are form-urlencoded separately before they are
    /// joined; with post they are parameters of the body. Never both.
    ///
    /// # Errors
    /// Why there is no response, as text.
    pub async fn post_form(
        &self,
        url: &str,
        options: &Options,
        mut form: Vec<(&str, String)>,
    ) -> Result<Reply, String> {
        let request = self.0.post(url);
        let (id, secret) = (&options.client_id, options.client_secret.expose());
        let request = match options.auth_method {
            AuthMethod::Basic => request.basic_auth(urlencoded(id), Some(urlencoded(secret))),
            AuthMethod::Post => {
                form.extend([("client_id", id.clone()), ("client_secret", secret.to_owned())]);
                request
            }
        };
        read(request.form(&form)).await
    }
}

impl Reply {
    /// # Errors
    /// `Failure::Protocol` for anything but 200, `application/json` and the members of `T`.
    pub fn ok_json<T: DeserializeOwned>(&self, from: &str) -> Result<T, Failure> {
        if self.status != 200 || !self.is_json {
            let (status, json) = (self.status, if self.is_json { "" } else { " without application/json" });
            return Err(Failure::Protocol(format!(
                "{from} responded with {status}{json}, not 200 with JSON"
            )));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::Protocol(format!("the response of {from} is malformed: {error}")))
    }

    /// The server, or a gateway in front of it, asks to retry later and has decided nothing.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
    }
}

/// `https`, or `http` on localhost if `local` is true; without credentials.
///
/// # Errors
/// What is wrong with the URL.
pub fn check_url(value: &str, local: bool) -> Result<Url, String> {
    let url = Url::parse(value).map_err(|error| format!("{value} is not a URL: {error}"))?;
    let secure = url.scheme() == "https";
    let on_this_machine = url.scheme() == "http" && url.host_str() == Some("localhost");
    if !(secure || local && on_this_machine) {
        return Err(format!("{value} is not https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{value} contains credentials"));
    }
    Ok(url)
}

fn urlencoded(part: &str) -> String {
    byte_serialize(part.as_bytes()).collect()
}

async fn read(request: RequestBuilder) -> Result<Reply, String> {
    let mut response = request.send().await.map_err(|error| explain(&error))?;
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let is_json = header(CONTENT_TYPE).is_some_and(is_json);
    let retry_after = header(RETRY_AFTER).and_then(|value| value.parse().ok()).map(Duration::from_secs);
    let mut reply = Reply { status: response.status().as_u16(), is_json, retry_after, body: Vec::new() };
    while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
        if reply.body.len() + chunk.len() > LONGEST_BODY {
            return Err(format!("the response of {} is too long", response.url()));
        }
        reply.body.extend_from_slice(&chunk);
    }
    Ok(reply)
}

pub(crate) fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

/// The error with its causes: the outermost one only says "error sending request".
fn explain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 §2.3.1
    #[test]
    fn both_parts_of_basic_are_form_urlencoded() {
        assert_eq!(urlencoded("a b:c%d+e"), "a+b%3Ac%25d%2Be");
    }

    #[test]
    fn json_is_recognised_with_parameters_and_in_any_case() {
        assert!(is_json("application/json"));
        assert!(is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("application/json-seq"));
        assert!(!is_json("text/html"));
    }

    #[test]
    fn http_is_accepted_on_localhost_only_and_only_where_allowed() {
        assert!(check_url("http://localhost:9000/token", true).is_ok());
        assert!(check_url("http://localhost:9000/token", false).is_err());
        assert!(check_url("http://op.example/token", true).is_err());
        assert!(check_url("https://op.example/token", false).is_ok());
    }
}
