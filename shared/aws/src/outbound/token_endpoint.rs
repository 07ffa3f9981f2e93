//! The token endpoints of login issuers: one POST that redeems a code (OIDC Core §3.1.3).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use url::{Url, form_urlencoded};

use crate::outbound::FetchError;
use crate::outbound::fetch::{CONNECT, TOTAL, body, chain, client};
use ciba_core::domain::base::address::is_allowed;
use ciba_core::domain::base::secret::Secret;
use ciba_core::domain::base::strict_json;
use ciba_core::domain::client::client_assertion;

/// The largest response that is accepted. Unit: bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Calls token endpoints.
pub struct TokenEndpoint {
    client: reqwest::Client,
    local: bool,
}

/// A code to be redeemed, and what shows that it was issued for this login.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    pub code: &'a str,
    pub redirect_uri: &'a str,
    /// The PKCE code verifier (RFC 7636 §4.5).
    pub verifier: &'a str,
}

/// This provider's credentials at the issuer.
pub struct Credentials<'a> {
    pub client_id: &'a str,
    pub proof: ClientProof,
}

/// What shows that it is this client.
pub enum ClientProof {
    /// `client_secret_basic`.
    Secret(Arc<Secret>),
    /// `private_key_jwt`: an assertion for this call alone.
    Assertion(Secret),
}

/// What the issuer returned for the code.
pub struct Redeemed {
    pub id_token: Secret,
    pub access_token: Option<Secret>,
}

/// Why there are no tokens. The texts are for the log.
#[derive(Clone, Debug)]
pub enum NotRedeemed {
    /// The issuer does not accept the code: it expired, or was used before.
    Code,
    /// The issuer does not answer, or does not accept this provider as its client.
    Unavailable(String),
}

impl TokenEndpoint {
    /// If `local`, `localhost` may be called as well.
    pub fn new(local: bool) -> Result<Self, FetchError> {
        Ok(Self { client: client(local, CONNECT, TOTAL)?, local })
    }

    /// Redeems a code.
    ///
    /// # Security
    /// No redirect is followed, so code, verifier and credentials reach the issuer's endpoint only. Of an error, only
    /// the code is read, and nothing of the response is logged.
    pub async fn redeem(
        &self,
        url: &Url,
        code: &Code<'_>,
        credentials: &Credentials<'_>,
    ) -> Result<Redeemed, NotRedeemed> {
        let unavailable = |why: &str| NotRedeemed::Unavailable(format!("{url}: {why}"));
        if !is_allowed(url, self.local) {
            return Err(unavailable("may not be called"));
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "authorization_code"),
                ("code", code.code),
                ("redirect_uri", code.redirect_uri),
                ("code_verifier", code.verifier),
            ])
            .extend_pairs(credentials.parameters())
            .finish();
        let request = self.client.post(url.clone()).header(ACCEPT, "application/json");
        let mut request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        if let ClientProof::Secret(secret) = &credentials.proof {
            let basic = basic(credentials.client_id, secret);
            let basic = basic.ok_or(unavailable("the client secret does not fit into a header"))?;
            request = request.header(AUTHORIZATION, basic);
        }
        let answer = request.send().await;
        let mut answer = answer.map_err(|error| NotRedeemed::Unavailable(chain(&error)))?;
        let status = answer.status().as_u16();
        let body = body(&mut answer, MAX_BYTES).await.map_err(NotRedeemed::Unavailable)?;
        let body = strict_json::parse(&body).ok_or(unavailable("did not answer with one JSON document"))?;
        match (status, body["error"].as_str()) {
            (200, _) => {
                let text = |name: &str| body[name].as_str().map(Secret::new);
                let id_token = text("id_token").ok_or(unavailable("did not return an ID token"))?;
                Ok(Redeemed { id_token, access_token: text("access_token") })
            }
            (400, Some("invalid_grant")) => Err(NotRedeemed::Code),
            (400 | 401, Some(error)) => Err(unavailable(&format!("refused with {}", named(error)))),
            _ => Err(unavailable(&format!("answered {status}"))),
        }
    }
}

impl Credentials<'_> {
    /// RFC 7521 §4.2: what an assertion adds to the form.
    fn parameters(&self) -> Vec<(&'static str, &str)> {
        match &self.proof {
            ClientProof::Secret(_) => Vec::new(),
            ClientProof::Assertion(assertion) => vec![
                ("client_id", self.client_id),
                ("client_assertion_type", client_assertion::TYPE),
                ("client_assertion", assertion.expose()),
            ],
        }
    }
}

/// RFC 6749 §2.3.1: both parts are encoded as in a form first.
fn basic(client_id: &str, secret: &Secret) -> Option<HeaderValue> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The error code if it is one of RFC 6749 §5.2, which an operator can look up. Anything else could be any text.
fn named(error: &str) -> &'static str {
    const CODES: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    CODES.into_iter().find(|code| *code == error).unwrap_or("another error")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 §2.3.1
    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        let secret = Secret::new("a b+c:ü");
        let basic = basic("https://op:1", &secret).unwrap();
        assert!(basic.is_sensitive());
        let text = STANDARD.decode(basic.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "https%3A%2F%2Fop%3A1:a+b%2Bc%3A%C3%BC");
    }

    #[test]
    fn an_error_is_named_only_if_it_is_a_known_one() {
        assert_eq!(
            (named("invalid_client"), named("alice@example.com")),
            ("invalid_client", "another error")
        );
    }
}
