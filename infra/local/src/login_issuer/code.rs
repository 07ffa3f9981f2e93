//! Authorization codes (RFC 6749 §4.1.2), bound to everything they were issued for.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::session::Session;
use crate::id;

/// Seconds from the redirect to the token request.
pub(super) const LIFETIME: u64 = 60;

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    /// `code_challenge`
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) scope: Vec<String>,
    pub(super) session: Session,
    /// Epoch seconds.
    pub(super) issued_at: u64,
}

impl Grant {
    /// Whether the client that redeems it has what was bound to it.
    fn check(&self, redirect_uri: &str, verifier: &str, now: u64) -> Result<(), &'static str> {
        if now.saturating_sub(self.issued_at) > LIFETIME {
            return Err("the code has expired");
        }
        if self.redirect_uri != redirect_uri {
            return Err("redirect_uri is not that of the authorization request");
        }
        if BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) != self.challenge {
            return Err("code_verifier does not match code_challenge");
        }
        Ok(())
    }
}

/// The codes that have been issued and not redeemed.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<HashMap<String, Grant>>);

impl Codes {
    pub(super) fn issue(&self, grant: Grant) -> String {
        let code = id::token();
        self.codes().insert(code.clone(), grant);
        code
    }

    /// Redeems a code. The first attempt of its client uses it up, whatever the result.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub(super) fn redeem(
        &self,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
        now: u64,
    ) -> Result<Grant, &'static str> {
        let mut codes = self.codes();
        if codes.get(code).is_some_and(|grant| grant.client_id != client_id) {
            return Err("the code was issued to another client");
        }
        let grant = codes.remove(code).ok_or("the code is unknown or was already used")?;
        grant.check(redirect_uri, verifier, now)?;
        Ok(grant)
    }

    fn codes(&self) -> MutexGuard<'_, HashMap<String, Grant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login_issuer::AuthenticationClass;

    const URI: &str = "http://localhost:9000/cb";
    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn issued() -> (Codes, String) {
        let session =
            Session { person: "alice".to_owned(), auth_time: 900, class: AuthenticationClass::Password };
        let grant = Grant {
            client_id: "bank".to_owned(),
            redirect_uri: URI.to_owned(),
            challenge: CHALLENGE.to_owned(),
            nonce: None,
            scope: vec![],
            session,
            issued_at: 1000,
        };
        let codes = Codes::default();
        let code = codes.issue(grant);
        (codes, code)
    }

    #[test]
    fn a_code_is_good_once_and_for_a_minute() {
        let (codes, code) = issued();
        let grant = codes.redeem(&code, "bank", URI, VERIFIER, 1060).unwrap();
        assert_eq!(grant.session.person, "alice");
        assert!(codes.redeem(&code, "bank", URI, VERIFIER, 1060).is_err());
        let (codes, code) = issued();
        assert!(codes.redeem(&code, "bank", URI, VERIFIER, 1061).is_err());
    }

    #[test]
    fn a_code_needs_its_uri_and_verifier_and_one_try_uses_it_up() {
        for (uri, verifier) in [("http://localhost:9000/cb/", VERIFIER), (URI, CHALLENGE), (URI, "")] {
            let (codes, code) = issued();
            assert!(codes.redeem(&code, "bank", uri, verifier, 1000).is_err(), "{uri} {verifier}");
            assert!(codes.redeem(&code, "bank", URI, VERIFIER, 1000).is_err(), "{uri} {verifier}");
        }
    }

    #[test]
    fn another_client_cannot_redeem_a_code_and_does_not_use_it_up() {
        let (codes, code) = issued();
        assert!(codes.redeem(&code, "shop", URI, VERIFIER, 1000).is_err());
        assert!(codes.redeem(&code, "bank", URI, VERIFIER, 1000).is_ok());
    }
}
