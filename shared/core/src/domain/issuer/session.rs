//! The session of a person who logged in on the page. It exists only sealed, in the browser's cookie, and counts on
//! pages only.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::domain::base::authentication::Authentication;
use crate::domain::base::request_key::RequestKey;
use crate::domain::base::time::{LEEWAY, Timestamp};

const FORM: &[u8] = b"ciba session form 1\0";

/// Who logged in, where, when and how.
///
/// # Security
/// `id` is secret: the tokens of the session's forms are derived from it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    id: String,
    /// The login issuer.
    pub issuer: String,
    /// The value of the issuer's person claim.
    pub subject: String,
    pub authentication: Authentication,
    /// SHA-256 of the ID token, in base64url.
    pub id_token: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, …)", self.issuer)
    }
}

/// The form that a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionForm<'a> {
    /// The decision about this request.
    Decision(&'a RequestKey),
    SignOut,
    /// Setting up a passkey.
    Enrollment,
}

impl Session {
    pub(super) fn new(
        id: [u8; 16],
        (issuer, subject): (&str, &str),
        authentication: Authentication,
        id_token: &str,
    ) -> Self {
        Self {
            id: URL_SAFE_NO_PAD.encode(id),
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            authentication,
            id_token: URL_SAFE_NO_PAD.encode(digest(&SHA256, id_token.as_bytes())),
        }
    }

    /// The text to be sealed.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub fn decode(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// When it ends: a session lasts as long as its login is recent.
    pub fn ends_at(&self, max_age: Duration) -> Timestamp {
        self.authentication.auth_time.plus(max_age)
    }

    pub fn is_current(&self, now: Timestamp, max_age: Duration) -> bool {
        self.authentication.auth_time <= now.plus(LEEWAY) && now <= self.ends_at(max_age)
    }

    /// The token that a form of a page of this session sends back. Another site, another session and the page of
    /// another request do not know it.
    pub fn form_token(&self, form: SessionForm<'_>) -> String {
        let mut context = Context::new(&SHA256);
        for part in [FORM, self.id.as_bytes(), b"\0"] {
            context.update(part);
        }
        match form {
            SessionForm::Decision(request) => context.update(request.as_bytes()),
            SessionForm::SignOut => {}
            // No request's key has this length.
            SessionForm::Enrollment => context.update(b"enrollment"),
        }
        URL_SAFE_NO_PAD.encode(&context.finish().as_ref()[..16])
    }

    pub fn accepts(&self, form_token: &str, form: SessionForm<'_>) -> bool {
        verify_slices_are_equal(self.form_token(form).as_bytes(), form_token.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const MAX_AGE: Duration = Duration::from_secs(300);

    fn session(id: u8) -> Session {
        let authentication = Authentication { auth_time: NOW, acr: None, amr: vec!["pwd".to_owned()] };
        Session::new([id; 16], ("https://login.example", "alice"), authentication, "a.b.c")
    }

    /// RP-2-02
    #[test]
    fn a_session_lasts_as_long_as_its_login_is_recent() {
        let at = |millis: i64| Timestamp::from_millis(NOW.millis() + millis);
        for (now, expected) in [
            (0, true),
            (300_000, true),
            (300_001, false),
            (-30_000, true),
            (-30_001, false),
            (9_999_999, false),
        ] {
            assert_eq!(session(1).is_current(at(now), MAX_AGE), expected, "{now}");
        }
        assert_eq!(session(1).ends_at(MAX_AGE), at(300_000));
    }

    /// RP-2-05
    #[test]
    fn a_form_token_is_of_one_session_and_one_form() {
        let [one, other] = [1, 2].map(|byte| RequestKey::from_bytes([byte; 16]));
        let token = session(1).form_token(SessionForm::Decision(&one));
        assert!(session(1).accepts(&token, SessionForm::Decision(&one)));
        assert!(!session(1).accepts(&token, SessionForm::Decision(&other)), "another request");
        assert!(!session(1).accepts(&token, SessionForm::SignOut), "another form");
        assert!(!session(1).accepts(&token, SessionForm::Enrollment), "another form");
        let enrollment = session(1).form_token(SessionForm::Enrollment);
        assert!(session(1).accepts(&enrollment, SessionForm::Enrollment));
        assert!(!session(1).accepts(&enrollment, SessionForm::SignOut), "another form");
        assert!(!session(2).accepts(&token, SessionForm::Decision(&one)), "another session");
        assert!(!session(1).accepts("", SessionForm::Decision(&one)));
    }

    #[test]
    fn a_session_reads_back_from_its_text_and_has_no_token() {
        let text = session(1).encode();
        assert_eq!(Session::decode(text.as_bytes()), Some(session(1)));
        assert!(!text.contains("a.b.c"), "{text}");
        assert_eq!(Session::decode(b"{}"), None);
    }

    /// HYG-5-01
    #[test]
    fn debug_output_names_nobody() {
        let text = format!("{:?}", session(77));
        assert!(!text.contains("alice") && !text.contains(&session(77).id), "{text}");
    }
}
