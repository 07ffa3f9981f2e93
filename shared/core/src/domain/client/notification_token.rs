//! `client_notification_token` (CIBA §7.1, §9): it authenticates this provider to the client.

use crate::domain::base::secret::Secret;

/// CIBA §7.1 requires 128 bits of entropy, which need at least 22 characters of base64url. Unit: characters.
const SHORTEST: usize = 22;
/// CIBA §7.1: at most 1024 characters. Unit: characters.
const LONGEST: usize = 1024;

/// The bearer token for the notifications about one request.
///
/// # Security
/// It is stored sealed, and only until the client has been notified.
#[derive(Clone, Debug)]
pub struct ClientNotificationToken(Secret);

impl ClientNotificationToken {
    /// 22 to 1024 characters of `b64token` (CIBA §7.1, RFC 6750 §2.1).
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.trim_end_matches('=');
        let fits = (SHORTEST..=LONGEST).contains(&text.len())
            && !body.is_empty()
            && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
        fits.then(|| Self(Secret::new(text)))
    }

    /// From the unsealed value, which was parsed before it was sealed.
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
