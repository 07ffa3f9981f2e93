//! Login issuers: the issuers of the tokens that identify the deciding person at the consent API.
//!
//! This module defines an element of the setting `LOGIN_ISSUERS`, and the checks on the claims of a token whose
//! signature has been verified. `acr` and `amr` of the login reach this provider's tokens only through the maps
//! here.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::base::authentication::Authentication;
use crate::domain::base::claims::Claims;
use crate::domain::base::contact::proving_email;
use crate::domain::base::json_value::same;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::person_key::PersonKey;
use crate::domain::base::time::{LEEWAY, Timestamp};
use crate::domain::client::ClientId;
use crate::domain::issuer::browser_login::BrowserLogin;

/// One login issuer, as configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginIssuer {
    /// `iss` of its tokens, byte for byte.
    pub issuer: String,
    /// The URL of its keys: https, a host name, port 443.
    pub jwks_uri: String,
    /// The kind of token that is accepted.
    pub audience: AudienceRule,
    /// Other claims that the token must have, with exactly these values; numbers are compared by value.
    #[serde(default)]
    pub required_claims: BTreeMap<String, Value>,
    /// A value that the token's `scope` (or `scp`) must contain. Default: no value is required.
    pub scope: Option<String>,
    /// The accepted algorithms. There is no default, so that the list is a conscious decision.
    pub algorithms: Vec<JwsAlgorithm>,
    /// The claim that identifies the person. `email` is accepted only in ASCII and with `email_verified`. Default:
    /// `sub`.
    #[serde(default = "sub")]
    pub person_claim: String,
    /// Maps its `acr` values to this provider's. A value that is not listed is not passed on.
    #[serde(default)]
    pub acr: BTreeMap<String, String>,
    /// Maps its `amr` values to this provider's (RFC 8176). A value that is not listed is not passed on.
    #[serde(default)]
    pub amr: BTreeMap<String, String>,
    /// How people log in there on the page. Default: they do not, and its tokens come from apps only.
    pub browser: Option<BrowserLogin>,
}

/// The claim with the audience, and the value that it must be or contain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudienceRule {
    pub claim: String,
    pub value: String,
}

fn sub() -> String {
    "sub".to_owned()
}

/// The content of an accepted login token: the deciding person, and the claims that may be kept. It never
/// contains the token itself.
#[derive(Clone, Debug)]
pub struct LoginProof {
    pub issuer: String,
    pub person: PersonKey,
    pub jti: Option<String>,
    pub authentication: Authentication,
    /// Every audience and client in the token.
    named: Vec<String>,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefused {
    /// It is not a valid token of this issuer and kind.
    Invalid(&'static str),
    ScopeMissing,
    /// It has no `auth_time`, or the login was too long ago: the person has to log in again.
    NotFresh,
}

impl LoginProof {
    /// Whether the token was issued for or to `client`. Such a token cannot approve that client's own requests.
    pub fn names(&self, client: &ClientId) -> bool {
        self.named.iter().any(|name| name == client.as_str())
    }
}

impl LoginIssuer {
    /// The key of the person whose person claim is `value`. All spellings of an e-mail address, which must be
    /// ASCII, have one key. `None` if it identifies nobody.
    pub fn person_key(&self, value: &str) -> Option<PersonKey> {
        let value = match self.person_claim.as_str() {
            "email" => proving_email(value)?,
            _ => value.to_owned(),
        };
        (!value.is_empty()).then(|| PersonKey::new(&self.issuer, &value))
    }

    /// The longest authentication that tokens can contain for a login at this issuer: the longest class and every
    /// method.
    pub fn fullest(&self, auth_time: Timestamp) -> Authentication {
        let mut amr: Vec<String> = self.amr.values().cloned().collect();
        amr.sort_unstable();
        amr.dedup();
        let acr = self.acr.values().max_by_key(|acr| acr.len()).cloned();
        Authentication { auth_time, acr, amr }
    }

    /// The value of the person claim. An e-mail address has to be verified.
    pub(super) fn subject<'c>(&self, claims: Claims<'c>) -> Option<&'c str> {
        let is_verified = claims.get("email_verified") == Some(&Value::Bool(true));
        claims.text(&self.person_claim).filter(|_| self.person_claim != "email" || is_verified)
    }

    /// How the person was authenticated, in this provider's names. Duplicates are dropped, because the space in
    /// this provider's tokens is calculated for the configured methods.
    pub(super) fn authentication(&self, claims: Claims<'_>, auth_time: Timestamp) -> Authentication {
        let mut amr = Vec::new();
        for ours in claims.texts("amr").into_iter().filter_map(|method| self.amr.get(method)) {
            if !amr.contains(ours) {
                amr.push(ours.clone());
            }
        }
        let acr = claims.text("acr").and_then(|acr| self.acr.get(acr).cloned());
        Authentication { auth_time, acr, amr }
    }

    /// Checks the claims of a token whose signature was verified with a key of this issuer.
    pub fn judge(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
        max_age: Duration,
    ) -> Result<LoginProof, LoginRefused> {
        use LoginRefused::{Invalid, NotFresh, ScopeMissing};
        let claims = Claims(claims);

        if claims.text("iss") != Some(&self.issuer) {
            return Err(Invalid("iss is not the login issuer"));
        }
        if claims.date("exp").is_none_or(|exp| now >= exp.plus(LEEWAY)) {
            return Err(Invalid("the login token has expired"));
        }
        if ["nbf", "iat"].iter().any(|&claim| {
            claims.get(claim).is_some() && claims.date(claim).is_none_or(|at| at > now.plus(LEEWAY))
        }) {
            return Err(Invalid("the login token is not valid yet"));
        }
        if !claims.texts(&self.audience.claim).contains(&self.audience.value.as_str()) {
            return Err(Invalid("the login token is for another audience"));
        }
        if self
            .required_claims
            .iter()
            .any(|(claim, value)| !claims.get(claim).is_some_and(|it| same(it, value)))
        {
            return Err(Invalid("the login token does not have the required claims"));
        }
        let subject = self.subject(claims);
        let subject =
            subject.ok_or(Invalid("the login token names nobody, or an address that is not verified"))?;
        let person = self.person_key(subject);
        let person = person.ok_or(Invalid("the login token does not identify a person"))?;
        if let Some(scope) = &self.scope {
            let granted = claims.texts(if claims.get("scope").is_some() { "scope" } else { "scp" });
            if !granted.iter().flat_map(|text| text.split(' ')).any(|value| value == scope) {
                return Err(ScopeMissing);
            }
        }
        let auth_time = claims.date("auth_time").ok_or(NotFresh)?;
        if now.since(auth_time) > max_age || auth_time > now.plus(LEEWAY) {
            return Err(NotFresh);
        }

        let named = ["aud", "azp", "client_id"].iter().flat_map(|&claim| claims.texts(claim));
        Ok(LoginProof {
            issuer: self.issuer.clone(),
            person,
            jti: claims.text("jti").map(str::to_owned),
            authentication: self.authentication(claims, auth_time),
            named: named.map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests;
