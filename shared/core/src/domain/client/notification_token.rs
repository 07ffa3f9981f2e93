//! `client_notification_token` (CIBA §7.1, §9): by it the client knows that who calls is this provider.

use crate::domain::base::secret::Secret;

/// Unit: characters. 128 bits of base64url; shorter ones cannot have that entropy (`CIBA-7.1-09`).
const SHORTEST: usize = 22;
/// Unit: characters (`CIBA-7.1-07`).
const LONGEST: usize = 1024;

/// The bearer token of the calls about one request.
///
/// # Security
/// Stored sealed, and only until the client has been told.
#[derive(Clone, Debug)]
pub struct ClientNotificationToken(Secret);

impl ClientNotificationToken {
    /// 22 to 1024 characters of RFC 6750's `b64token` (`CIBA-7.1-08`).
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.trim_end_matches('=');
        let fits = (SHORTEST..=LONGEST).contains(&text.len())
            && !body.is_empty()
            && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
        fits.then(|| Self(Secret::new(text)))
    }

    /// What was unsealed; it was parsed before it was sealed.
    pub fn from_stored(secret: Secret) -> Self {
        Self(secret)
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIBA-7.1-07, CIBA-7.1-08, CIBA-7.1-09
    #[test]
    fn a_notification_token_is_22_to_1024_characters_of_b64token() {
        for text in ["a".repeat(22), "a".repeat(1024), format!("{}-._~+/09AZ==", "a".repeat(22))] {
            assert_eq!(ClientNotificationToken::parse(&text).unwrap().expose(), text);
        }
        let long = |tail: &str| format!("{}{tail}", "a".repeat(22));
        for text in [
            "a".repeat(21),
            "a".repeat(1025),
            "=".repeat(30),
            long(" "),
            long("\""),
            long("=a"),
            long("ä"),
            long("\r\nX: y"),
        ] {
            assert!(ClientNotificationToken::parse(&text).is_none(), "{text:?}");
        }
    }
}
