//! What an endpoint answered.

use ciba::http::{Body, Response};
use ciba::protocol::error::CHALLENGE_HEADER;
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    /// The body as it was sent: of a page, the HTML.
    pub html: String,
    pub headers: Vec<(String, String)>,
}

impl Answer {
    pub fn of(response: &Response<Body>) -> Self {
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()));
        Self {
            status: response.status().as_u16(),
            body: serde_json::from_slice(response.body()).unwrap_or_default(),
            html: String::from_utf8_lossy(response.body()).into_owned(),
            headers: headers.collect(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("no {member} in {self:?}"))
    }

    pub fn retry_after(&self) -> u64 {
        self.header("retry-after").and_then(|text| text.parse().ok()).expect("Retry-After")
    }

    /// The refusal's status and code, after the rules that hold for every refusal (CIBA-13-02, HYG-1-08).
    #[track_caller]
    pub fn refusal(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{self:?}");
        let allowed = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(self.text("error_description").bytes().all(allowed), "{self:?}");
        self.assert_challenge_is_repeated();
        (self.status, self.text("error"))
    }

    /// CAUTH-1-08: under a name that no gateway changes, and its parameters in the body.
    #[track_caller]
    fn assert_challenge_is_repeated(&self) {
        let challenge = self.header("www-authenticate");
        assert_eq!(self.header(CHALLENGE_HEADER), challenge, "{self:?}");
        assert!(
            challenge.is_none() || matches!(self.status, 401 | 403),
            "no integration copies it: {self:?}"
        );
        // name="value", name="value": every second part is a value.
        let parts: Vec<_> = challenge.into_iter().flat_map(|it| it.split('"')).collect();
        for pair in parts.chunks_exact(2) {
            let name = pair[0].trim_end_matches('=').rsplit([' ', ',']).next().expect("a name");
            let told = self.body[name].as_str().map(str::to_owned);
            let told = told.unwrap_or_else(|| self.body[name].to_string());
            assert!(matches!(name, "realm" | "charset") || told == pair[1], "{name}: {self:?}");
        }
    }
}
