//! The origins at which a passkey may be created and used, in addition to this provider's pages (WebAuthn §5.8.1,
//! `origin`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

/// Android's prefix for the hash of an app's signing certificate.
const ANDROID: &str = "android:apk-key-hash:";
/// The length of the hash (SHA-256). Unit: bytes.
const KEY_HASH: usize = 32;

/// An origin as in `clientDataJSON`, compared byte for byte.
///
/// An Android app has `android:apk-key-hash:<base64url of the SHA-256 of its signing certificate>`. An app for
/// Apple's platforms has `https://<RP ID>`, like a web page on that domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyOrigin(String);

impl PasskeyOrigin {
    /// Parses an origin for the domain `rp_id`.
    ///
    /// # Errors
    /// The reason, in words for the operator: it is neither kind of origin, or its host is not at or below
    /// `rp_id`. No browser uses a passkey at such a host, so it can only be a mistake.
    pub fn parse(text: &str, rp_id: &str) -> Result<Self, &'static str> {
        if let Some(hash) = text.strip_prefix(ANDROID) {
            let is_hash = URL_SAFE_NO_PAD.decode(hash).is_ok_and(|bytes| bytes.len() == KEY_HASH);
            return if is_hash {
                Ok(Self(text.to_owned()))
            } else {
                Err("has an Android origin that is not android:apk-key-hash: and 43 characters of base64url")
            };
        }
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "https");
        let url = url.filter(|url| text == url.origin().ascii_serialization());
        let Some(host) = url.as_ref().and_then(Url::host_str) else {
            return Err("has an origin that is neither https and a host name nor android:apk-key-hash:");
        };
        let is_at_or_below = host.strip_suffix(rp_id).is_some_and(|it| it.is_empty() || it.ends_with('.'));
        if !is_at_or_below {
            return Err("has an origin whose host is neither RP_ID nor below it");
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_an_android_app_or_a_host_of_the_domain() {
        for text in [
            "android:apk-key-hash:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "android:apk-key-hash:7aKV8vnWbLuuPDvsJBqXHDkk3cM4G_8mW8jyVjm-Sc0",
            "https://example.com",
            "https://example.com:8443",
            "https://id.example.com",
            "https://a.b.example.com",
        ] {
            assert_eq!(PasskeyOrigin::parse(text, "example.com").map(|it| it.0), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_no_client_writes_is_no_origin() {
        for text in [
            "",
            "example.com",
            "http://example.com",
            "https://example.com/",
            "https://example.com:443",
            "https://EXAMPLE.com",
            "https://example.com/app",
            "https://user@example.com",
            "https://badexample.com",
            "https://example.org",
            "https://com",
            "https://example.com.",
            "https://192.0.2.1",
            "ios:bundle-id:com.example.bank",
            "android:apk-key-hash:",
            "android:apk-key-hash-sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            // SHA-1, base64 with padding, base64 of the other alphabet, hexadecimal.
            "android:apk-key-hash:AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "android:apk-key-hash:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "android:apk-key-hash:7aKV8vnWbLuuPDvsJBqXHDkk3cM4G/8mW8jyVjm+Sc0",
            "android:apk-key-hash:ED:A2:95:F2:F9:D6:6C:BB",
        ] {
            assert!(PasskeyOrigin::parse(text, "example.com").is_err(), "{text}");
        }
    }
}
