//! One fetch: the address is filtered after resolution, time and size are limited, redirects are not followed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use url::Url;

use ciba_core::domain::base::address::{is_allowed, is_global};

/// Timeout for connecting: address resolution, TCP and TLS.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// Timeout from the start to the last byte of the body.
pub(super) const TOTAL: Duration = Duration::from_secs(5);
/// The same for unauthenticated callers, who must not be able to keep the function busy for longer than this.
const TOTAL_FOR_STRANGERS: Duration = Duration::from_secs(1);

/// A fetch failed. The text is for the log.
#[derive(Clone, Debug)]
pub struct FetchError(pub String);

/// Fetches JSON documents.
#[derive(Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    local: bool,
    total: Duration,
}

impl Fetcher {
    /// For authenticated callers. If `local`, documents may be fetched from `localhost` as well.
    pub fn new(local: bool) -> Result<Self, FetchError> {
        Self::with_time_outs(local, CONNECT, TOTAL)
    }

    /// For unauthenticated callers: one second in total. If `local`, documents may be fetched from `localhost` as
    /// well.
    pub fn for_strangers(local: bool) -> Result<Self, FetchError> {
        Self::with_time_outs(local, TOTAL_FOR_STRANGERS, TOTAL_FOR_STRANGERS)
    }

    fn with_time_outs(local: bool, connect: Duration, total: Duration) -> Result<Self, FetchError> {
        Ok(Self { client: client(local, connect, total)?, local, total })
    }

    /// The longest duration of a fetch.
    pub(super) const fn total(&self) -> Duration {
        self.total
    }

    /// Fetches a JSON document of at most `cap` bytes.
    pub async fn json(&self, url: &str, cap: usize) -> Result<Vec<u8>, FetchError> {
        let refused = |why: &str| FetchError(format!("{url}: {why}"));
        let url_ = Url::parse(url).map_err(|_| refused("is not a URL"))?;
        if !is_allowed(&url_, self.local) {
            return Err(refused("may not be fetched"));
        }
        let mut answer = self.client.get(url_).send().await.map_err(|error| FetchError(chain(&error)))?;
        if answer.status() != 200 {
            return Err(refused(&format!("answered {}", answer.status().as_u16())));
        }
        let media_type =
            answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !is_json(media_type) {
            return Err(refused("is not JSON"));
        }
        body(&mut answer, cap).await.map_err(|why| refused(&why))
    }
}

/// The body of a response, of at most `cap` bytes. The error is for the log.
pub(super) async fn body(answer: &mut reqwest::Response, cap: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| chain(&error))? {
        if body.len() + chunk.len() > cap {
            return Err("is too large".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether it is `application/json` or a `+json` type such as `application/jwk-set+json` (RFC 6839 §3.1), compared
/// case-insensitively and without parameters (RFC 9110 §8.3.1).
fn is_json(media_type: &str) -> bool {
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || media_type.ends_with("+json")
}

/// An HTTP client that follows no redirects, connects to public addresses only, and times out. It does not reuse
/// connections: each call resolves its host name again, so the address is filtered at every attempt.
pub(super) fn client(local: bool, connect: Duration, total: Duration) -> Result<reqwest::Client, FetchError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .connect_timeout(connect)
        .timeout(total)
        .dns_resolver(Arc::new(PublicOnly { local }))
        .build()
        .map_err(|error| FetchError(error.to_string()))
}

/// An error with its causes, which reqwest's own text omits.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The error of a host name that has no public IP address.
#[derive(Debug)]
pub(super) struct NotPublic;

impl std::fmt::Display for NotPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name has no public address")
    }
}

impl std::error::Error for NotPublic {}

/// Resolves host names and keeps public addresses only. The connection is made to the address that was checked, so
/// DNS rebinding has no effect.
struct PublicOnly {
    local: bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback = self.local && name.as_str() == "localhost";
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept: Vec<SocketAddr> =
                found.filter(|a| is_global(a.ip()) || (loopback && a.ip().is_loopback())).collect();
            if kept.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    /// Longer than any test, so a test that waits for it hangs.
    const LONG: Duration = Duration::from_secs(600);

    /// A server that accepts one connection, sends `answer`, and then stays silent.
    async fn hanging(scheme: &str, answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let url = format!("{scheme}://localhost:{}/jwks", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 4096]).await;
            let _ = connection.write_all(answer).await;
            std::future::pending::<()>().await;
        });
        url
    }

    /// RFC 9110 §8.3.1, RFC 6839 §3.1
    #[test]
    fn a_media_type_is_json_in_any_case_and_with_any_parameters() {
        for text in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/JWK-SET+JSON",
            " application/json ;",
        ] {
            assert!(is_json(text), "{text}");
        }
        for text in ["", "text/json", "application/jsonp", "application/json+xml", "text/html;a=+json"] {
            assert!(!is_json(text), "{text}");
        }
    }

    async fn resolve(name: &str, local: bool) -> bool {
        PublicOnly { local }.resolve(name.parse().unwrap()).await.is_ok()
    }

    /// HYG-4-02: a local deployment accepts it.
    #[tokio::test]
    async fn a_name_resolving_to_this_machine_is_refused() {
        assert!(!resolve("localhost", false).await);
        assert!(resolve("localhost", true).await);
    }

    #[tokio::test]
    async fn what_may_not_be_fetched_is_not_tried() {
        let fetcher = Fetcher::new(false).unwrap();
        let error = fetcher.json("http://localhost:1/", 1024).await.unwrap_err();
        assert!(error.0.contains("may not be fetched"), "{}", error.0);
    }

    /// HYG-4-04
    #[tokio::test]
    async fn a_server_that_accepts_and_stays_silent_is_given_up() {
        let url = hanging("https", b"").await;
        let fetcher = Fetcher::with_time_outs(true, SHORT, LONG).unwrap();
        let error = fetcher.json(&url, 1024).await.unwrap_err();
        assert!(error.0.contains("timed out"), "{}", error.0);
    }

    /// HYG-4-04: the time runs until the last byte of the body, not from byte to byte.
    #[tokio::test]
    async fn a_server_that_stops_within_its_answer_is_given_up() {
        for answer in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"keys\"",
        ] {
            let url = hanging("http", answer).await;
            let fetcher = Fetcher::with_time_outs(true, LONG, SHORT).unwrap();
            let error = fetcher.json(&url, 1024).await.unwrap_err();
            assert!(error.0.contains("timed out"), "{}", error.0);
        }
    }
}
