//! Calls to client notification endpoints (CIBA §9, §10.2): one POST, of whose response only the status and
//! `Retry-After` are read.

use std::time::Duration;

use httpdate::parse_http_date;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use url::Url;

use crate::outbound::FetchError;
use crate::outbound::fetch::{CONNECT, NotPublic, TOTAL, client};
use ciba_core::domain::base::address::is_allowed;
use ciba_core::domain::client::NotificationEndpoint;
use ciba_core::domain::client::notification_token::ClientNotificationToken;
use ciba_core::domain::request::delivery::Answer;

/// Calls client notification endpoints.
pub struct Caller {
    client: reqwest::Client,
    local: bool,
}

impl Caller {
    /// The longest duration of a call.
    pub const LONGEST: Duration = TOTAL;

    /// If `local`, `localhost` may be called as well.
    pub fn new(local: bool) -> Result<Self, FetchError> {
        Ok(Self { client: client(local, CONNECT, TOTAL)?, local })
    }

    /// Posts a JSON body with the bearer token that the client sent in this authentication request (CIBA §9), and
    /// waits for the answer for `within`.
    ///
    /// # Security
    /// Only the status and `Retry-After` of the response are used, so nothing of its body can be reflected. No
    /// redirect is followed (CIBA §10.2): the token is sent to the registered endpoint only.
    pub async fn post(
        &self,
        endpoint: &NotificationEndpoint,
        token: &ClientNotificationToken,
        body: Vec<u8>,
        within: Duration,
    ) -> Answer {
        let Some(url) = Url::parse(endpoint.as_str()).ok().filter(|url| is_allowed(url, self.local)) else {
            return Answer::NotPublic;
        };
        let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {}", token.expose())) else {
            return Answer::None;
        };
        bearer.set_sensitive(true);
        let request = self.client.post(url).header(AUTHORIZATION, bearer).timeout(within);
        match request.header(CONTENT_TYPE, "application/json").body(body).send().await {
            Ok(answer) => {
                let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
                let retry_after = header(RETRY_AFTER).and_then(|text| retry_after(text, header(DATE)));
                Answer::Status { status: answer.status().as_u16(), retry_after }
            }
            Err(error) if is_not_public(&error) => Answer::NotPublic,
            Err(_) => Answer::None,
        }
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3), which is relative to the server's own clock, the
/// response's `Date`.
fn retry_after(text: &str, date: Option<&str>) -> Option<Duration> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        // A number of seconds that overflows still means a long time.
        return (!text.is_empty()).then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let (until, now) = (parse_http_date(text).ok()?, parse_http_date(date?).ok()?);
    Some(until.duration_since(now).unwrap_or_default())
}

fn is_not_public(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|cause| cause.is::<NotPublic>())
}

#[cfg(test)]
mod tests {
    /// RFC 9110 §10.2.3: seconds, or a date in any of its forms (§5.6.7).
    #[test]
    fn a_pause_is_asked_for_in_seconds_or_until_a_date() {
        let date = Some("Fri, 15 Jan 2027 08:00:00 GMT");
        for (text, date, seconds) in [
            ("0", None, Some(0)),
            ("120", date, Some(120)),
            ("99999999999999999999999", None, Some(u64::MAX)),
            ("Fri, 15 Jan 2027 08:02:00 GMT", date, Some(120)),
            ("Friday, 15-Jan-27 08:02:00 GMT", date, Some(120)),
            ("Fri Jan 15 08:02:00 2027", date, Some(120)),
            ("Fri, 15 Jan 2027 07:00:00 GMT", date, Some(0)),
            ("Fri, 15 Jan 2027 08:02:00 GMT", None, None),
            ("Fri, 15 Jan 2027 08:02:00 GMT", Some("now"), None),
            ("", date, None),
            ("+5", date, None),
            ("1.5", date, None),
            ("soon", date, None),
        ] {
            assert_eq!(retry_after(text, date), seconds.map(Duration::from_secs), "{text} {date:?}");
        }
    }

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::*;

    const SHORT: Duration = Duration::from_millis(80);

    fn token() -> ClientNotificationToken {
        ClientNotificationToken::parse("8d67dc78-7faa-4d41-aabd-67707b374255").unwrap()
    }

    /// A client that accepts one connection and sends `answer`; returns what it received.
    async fn answering(answer: String) -> (NotificationEndpoint, JoinHandle<String>) {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let url = format!("http://localhost:{}/ciba", listener.local_addr().unwrap().port());
        let served = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let (mut sent, mut buffer) = (Vec::new(), [0; 4096]);
            while !sent.ends_with(b"}") {
                let read = connection.read(&mut buffer).await.unwrap();
                sent.extend_from_slice(&buffer[..read]);
            }
            connection.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(sent).unwrap()
        });
        (NotificationEndpoint::from_stored(&url), served)
    }

    /// CIBA-9-02, CIBA-10.2-02, ATK-6-03
    #[tokio::test]
    async fn a_call_is_json_with_the_requests_own_bearer_token() {
        let (endpoint, served) = answering("HTTP/1.1 204 No Content\r\n\r\n".to_owned()).await;
        let answer = Caller::new(true)
            .unwrap()
            .post(&endpoint, &token(), b"{\"a\":1}".to_vec(), Caller::LONGEST)
            .await;
        assert_eq!(answer, Answer::Status { status: 204, retry_after: None });
        let sent = served.await.unwrap();
        assert!(sent.starts_with("POST /ciba HTTP/1.1\r\n"), "{sent}");
        assert!(sent.contains("authorization: Bearer 8d67dc78-7faa-4d41-aabd-67707b374255\r\n"), "{sent}");
        assert!(sent.contains("content-type: application/json\r\n"), "{sent}");
        assert!(sent.ends_with("\r\n\r\n{\"a\":1}"), "{sent}");
    }

    /// CIBA-10.2-06, HYG-4-01, CIBA-10.3-07, ATK-6-03: the server that answers the second request would get the
    /// token.
    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let (elsewhere, never) = answering("HTTP/1.1 204 No Content\r\n\r\n".to_owned()).await;
        for status in [301, 302, 303, 307, 308] {
            let answer = format!(
                "HTTP/1.1 {status} X\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
                elsewhere.as_str()
            );
            let (endpoint, _) = answering(answer).await;
            let answer =
                Caller::new(true).unwrap().post(&endpoint, &token(), b"{}".to_vec(), Caller::LONGEST).await;
            assert_eq!(answer, Answer::Status { status, retry_after: None });
        }
        assert!(!never.is_finished());
    }

    /// ATK-6-05: only `Retry-After` is read, and nothing else in the response.
    #[tokio::test]
    async fn what_the_client_asks_to_wait_is_read() {
        let (endpoint, _) = answering(
            "HTTP/1.1 429 X\r\nRetry-After: 7\r\nX-Word: a\r\nContent-Length: 4\r\n\r\nword".to_owned(),
        )
        .await;
        let answer =
            Caller::new(true).unwrap().post(&endpoint, &token(), b"{}".to_vec(), Caller::LONGEST).await;
        assert_eq!(answer, Answer::Status { status: 429, retry_after: Some(Duration::from_secs(7)) });
    }

    /// CIBA-9-01, HYG-4-01: the token is not sent before a trusted CA has confirmed the identity of its receiver.
    #[tokio::test]
    async fn a_certificate_that_nobody_vouches_for_gets_no_token() {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let der = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = config.with_single_cert(vec![certificate.der().clone()], der).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let served = tokio::spawn(async move {
            let (connection, _) = listener.accept().await.unwrap();
            match acceptor.accept(connection).await {
                Ok(mut stream) => stream.read(&mut [0; 4096]).await.unwrap_or(0),
                Err(_) => 0,
            }
        });
        let caller = Caller::new(true).unwrap();
        let answer = caller
            .post(&NotificationEndpoint::from_stored(&url), &token(), b"{}".to_vec(), Caller::LONGEST)
            .await;
        assert_eq!(answer, Answer::None);
        assert_eq!(served.await.unwrap(), 0, "bytes of a request");
    }

    /// HYG-4-04
    #[tokio::test]
    async fn a_silent_or_absent_client_is_given_up() {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let silent = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let caller = Caller::new(true).unwrap();
        let silent = NotificationEndpoint::from_stored(&silent);
        assert_eq!(caller.post(&silent, &token(), b"{}".to_vec(), SHORT).await, Answer::None);
        drop(listener);
        assert_eq!(caller.post(&silent, &token(), b"{}".to_vec(), SHORT).await, Answer::None);
    }

    /// HYG-4-02, ATK-6-01: addresses are filtered in the URL and when a name is resolved.
    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_not_called() {
        let caller = Caller::new(false).unwrap();
        // `localhost.` with a trailing dot is not exempt as a local URL, and is treated like any other name.
        for url in ["https://localhost/", "http://client.example/", "https://10.0.0.1/"] {
            let answer = caller
                .post(&NotificationEndpoint::from_stored(url), &token(), b"{}".to_vec(), Caller::LONGEST)
                .await;
            assert_eq!(answer, Answer::NotPublic, "{url}");
        }
        // The resolver's error is deep inside the error of the HTTP client.
        let local = Caller { client: client(false, SHORT, SHORT).unwrap(), local: true };
        let (endpoint, never) = answering("HTTP/1.1 204 No Content\r\n\r\n".to_owned()).await;
        assert_eq!(local.post(&endpoint, &token(), b"{}".to_vec(), Caller::LONGEST).await, Answer::NotPublic);
        assert!(!never.is_finished());
    }
}
