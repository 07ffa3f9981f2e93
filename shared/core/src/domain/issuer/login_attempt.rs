//! Login in the browser: this provider as a client of a login issuer (OIDC Core §3.1, code flow with PKCE).
//!
//! 1. [`BrowserLogin`] is what the operator configures, and [`IssuerMetadata`] what the issuer publishes.
//! 2. [`LoginAttempt`] is what the browser keeps, sealed, while the person is at the issuer.
//! 3. [`LoginAttempt::destination`] is the authorization request; it never names the person.
//! 4. [`LoginAttempt::code`] checks what the issuer sends back.
//!
//! The claims of the ID token are checked in [`crate::domain::issuer::id_token`].

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::domain::base::address::is_allowed;
use crate::domain::base::request_key::RequestKey;
use crate::domain::base::strict_json;
use crate::domain::base::time::Timestamp;
use crate::domain::issuer::browser_login::BrowserLogin;
use crate::domain::issuer::login_assertion::ALGORITHM;
use crate::domain::issuer::login_issuer::LoginIssuer;

/// How long the person may stay at the issuer. Unit: seconds.
pub const ATTEMPT_LIFETIME: Duration = Duration::from_secs(600);

/// The value of `acr_values` that selects a login issuer: this, and its label.
const IDP: &str = "idp:";

/// The issuers at which a person may log in for a request: the one that `acr_values` selects, otherwise all with
/// login in the browser. An unknown label selects nothing.
pub fn offered<'i>(
    issuers: impl IntoIterator<Item = &'i LoginIssuer>,
    acr_values: Option<&str>,
) -> Vec<(&'i LoginIssuer, &'i BrowserLogin)> {
    let all = issuers.into_iter().filter_map(|it| Some((it, it.browser.as_ref()?)));
    let all: Vec<_> = all.collect();
    let labels = acr_values.unwrap_or_default().split(' ').filter_map(|value| value.strip_prefix(IDP));
    let selected = labels.filter_map(|label| all.iter().find(|(_, browser)| browser.label == label));
    match selected.copied().next() {
        Some(one) => vec![one],
        None => all,
    }
}

/// The parts of an issuer's metadata (OIDC Discovery §3) that a login needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerMetadata {
    authorization_endpoint: Url,
    pub token_endpoint: Url,
    /// Whether it states its name in every authorization response (RFC 9207 §3).
    pub names_itself: bool,
    /// Why this provider cannot authenticate there with a key, as far as the document says.
    no_assertions: Option<&'static str>,
}

impl IssuerMetadata {
    /// The URL of the document (OIDC Discovery §4).
    pub fn url(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer))
    }

    /// Reads the document of `issuer`. If `local`, its endpoints may be on `localhost`.
    ///
    /// # Errors
    /// What is wrong with the document, for the log.
    pub fn parse(body: &[u8], issuer: &str, local: bool) -> Result<Self, &'static str> {
        let document = strict_json::parse(body).ok_or("is not one JSON document")?;
        // Exactly, so that one issuer cannot publish another's endpoints (OIDC Discovery §4.3).
        if document["issuer"].as_str() != Some(issuer) {
            return Err("is the metadata of another issuer");
        }
        let endpoint = |name: &str| {
            let url = document[name].as_str().and_then(|text| Url::parse(text).ok());
            url.filter(|url| is_allowed(url, local))
        };
        let lacks = |name: &str, value: &str| {
            document[name].as_array().is_some_and(|listed| !listed.iter().any(|it| it == value))
        };
        let no_assertions = if lacks("token_endpoint_auth_methods_supported", "private_key_jwt") {
            Some("does not support private_key_jwt, so browser.client_secret is needed")
        } else if lacks("token_endpoint_auth_signing_alg_values_supported", ALGORITHM.as_str()) {
            Some("does not support assertions by ES256, so browser.client_secret is needed")
        } else {
            None
        };
        Ok(Self {
            no_assertions,
            authorization_endpoint: endpoint("authorization_endpoint")
                .ok_or("has no authorization_endpoint with https and a host name")?,
            token_endpoint: endpoint("token_endpoint")
                .ok_or("has no token_endpoint with https and a host name")?,
            names_itself: document["authorization_response_iss_parameter_supported"] == Value::Bool(true),
        })
    }

    /// Whether this provider can authenticate there as configured.
    ///
    /// # Errors
    /// Why not, for the log.
    pub fn accepts(&self, browser: &BrowserLogin) -> Result<(), &'static str> {
        match (&browser.client_secret, self.no_assertions) {
            (None, Some(why)) => Err(why),
            (Some(_), _) | (None, None) => Ok(()),
        }
    }
}

/// What the browser keeps while the person is at the issuer. It exists only sealed, in a cookie of its own.
///
/// # Security
/// It contains the PKCE verifier, and the values that bind the issuer's answers to this browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginAttempt {
    pub issuer: String,
    request: String,
    /// The language that the person chose for the page of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    state: String,
    nonce: String,
    verifier: String,
    expires_at: Timestamp,
}

impl fmt::Debug for LoginAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginAttempt({}, …)", self.issuer)
    }
}

/// What an authorization request contains beyond the attempt itself.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub redirect_uri: &'a str,
    /// How long ago the person may have logged in.
    pub max_age: Duration,
    /// The classes that the client of the request asked for, by their names here.
    pub acr_values: Option<&'a str>,
    /// The language of the person's page.
    pub language: &'a str,
}

impl LoginAttempt {
    /// `request` is the one that the login is for, or `None` if the person comes from their own place; `language` the one
    /// that they chose.
    pub fn new(
        issuer: &LoginIssuer,
        (request, language): (Option<&RequestKey>, Option<&str>),
        random: [[u8; 32]; 3],
        now: Timestamp,
    ) -> Self {
        let [state, nonce, verifier] = random.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Self {
            issuer: issuer.issuer.clone(),
            request: request.map(RequestKey::encode).unwrap_or_default(),
            language: language.map(str::to_owned),
            state,
            nonce,
            verifier,
            expires_at: now.plus(ATTEMPT_LIFETIME),
        }
    }

    /// The text to be sealed.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub fn decode(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The request that the login is for. `None` if it is for none.
    pub fn request(&self) -> Option<RequestKey> {
        RequestKey::parse(&self.request)
    }

    /// The language that the person chose before.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    pub fn state(&self) -> &str {
        &self.state
    }

    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The PKCE code verifier (RFC 7636 §4.1).
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The authorization request: code flow, PKCE with S256, `state` and `nonce`, a recent login, and never a
    /// `login_hint`, which would reveal to anyone with the link whose request it is. `None` if the issuer has no login
    /// in the browser.
    pub fn destination(
        &self,
        issuer: &LoginIssuer,
        metadata: &IssuerMetadata,
        asked: &Asked<'_>,
    ) -> Option<Url> {
        let browser = issuer.browser.as_ref()?;
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()));
        let acr_values = theirs(issuer, asked.acr_values);
        let max_age = asked.max_age.as_secs().to_string();
        let mut url = metadata.authorization_endpoint.clone();
        let mut query = url.query_pairs_mut();
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &browser.client_id),
            ("redirect_uri", asked.redirect_uri),
            ("scope", &browser.scope),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            // It also makes `auth_time` required in the ID token (OIDC Core §3.1.2.1).
            ("max_age", &max_age),
            ("ui_locales", asked.language),
        ]);
        if browser.prompt_login {
            query.append_pair("prompt", "login");
        }
        if !acr_values.is_empty() {
            query.append_pair("acr_values", &acr_values);
        }
        drop(query);
        Some(url)
    }

    /// Step 1 of the callback: it belongs to this attempt, which has not expired.
    ///
    /// # Errors
    /// If it does not.
    pub fn matches(&self, callback: &Callback, now: Timestamp) -> Result<(), CallbackRefused> {
        let state = callback.state.as_deref().unwrap_or_default();
        if verify_slices_are_equal(self.state.as_bytes(), state.as_bytes()).is_err() {
            return Err(CallbackRefused::NotStartedHere);
        }
        if now >= self.expires_at { Err(CallbackRefused::Expired) } else { Ok(()) }
    }

    /// Step 2: it comes from the issuer of this attempt, and contains a code.
    ///
    /// # Errors
    /// If the answer names another issuer, or none although the issuer announces that it does (RFC 9207 §2.4); or
    /// if the issuer did not log the person in.
    pub fn code<'c>(
        &self,
        callback: &'c Callback,
        metadata: &IssuerMetadata,
    ) -> Result<&'c str, CallbackRefused> {
        match &callback.iss {
            Some(iss) if *iss != self.issuer => return Err(CallbackRefused::OtherIssuer),
            None if metadata.names_itself => return Err(CallbackRefused::OtherIssuer),
            Some(_) | None => {}
        }
        match (callback.error.as_deref(), callback.code.as_deref()) {
            (Some("server_error" | "temporarily_unavailable"), _) => Err(CallbackRefused::IssuerFailed),
            (Some(_), _) => Err(CallbackRefused::NotLoggedIn),
            (None, Some(code)) => Ok(code),
            (None, None) => Err(CallbackRefused::NoCode),
        }
    }
}

/// The issuer's own names of the classes that are asked for. A class that none of its logins reaches is left out.
fn theirs(issuer: &LoginIssuer, acr_values: Option<&str>) -> String {
    let asked = acr_values.unwrap_or_default().split(' ');
    let known = asked.flat_map(|ours| issuer.acr.iter().filter(move |(_, mapped)| *mapped == ours));
    known.map(|(theirs, _)| theirs.as_str()).collect::<Vec<_>>().join(" ")
}

/// The parameters of an authorization response (OIDC Core §3.1.2.5, §3.1.2.6, RFC 9207 §2).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Callback {
    pub state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

impl Callback {
    /// `value` returns all values of a parameter. `None` if one of ours is repeated: parsers disagree about which
    /// one counts (RFC 6749 §3.1).
    pub fn read<'q>(mut values: impl FnMut(&str) -> Vec<&'q str>) -> Option<Self> {
        let mut one = |name: &str| match values(name)[..] {
            [] => Some(None),
            [value] => Some(Some(value.to_owned()).filter(|value| !value.is_empty())),
            _ => None,
        };
        Some(Self { state: one("state")?, code: one("code")?, error: one("error")?, iss: one("iss")? })
    }
}

/// Why a callback is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackRefused {
    /// This browser did not start the login, or another one has taken its place.
    NotStartedHere,
    Expired,
    /// The answer is not from the issuer where the login was started (mix-up, RFC 9207).
    OtherIssuer,
    /// The issuer did not log the person in; they may have cancelled.
    NotLoggedIn,
    IssuerFailed,
    NoCode,
}

impl CallbackRefused {
    /// The reason, for the log.
    pub const fn why(self) -> &'static str {
        match self {
            Self::NotStartedHere => "the login was not started in this browser",
            Self::Expired => "the login took too long",
            Self::OtherIssuer => "the answer is not from the issuer at which the login was started",
            Self::NotLoggedIn => "the issuer did not log the person in",
            Self::IssuerFailed => "the issuer reports a failure of its own",
            Self::NoCode => "the answer contains no code",
        }
    }
}

#[cfg(test)]
mod tests;
