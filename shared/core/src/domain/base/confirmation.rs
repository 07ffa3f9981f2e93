//! The key or certificate that an access token is bound to (RFC 7800). To present the token, a client has to
//! prove possession of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The bindings that a client's access tokens must have. If neither is required, a token is bound to whatever the
/// client presents voluntarily.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderConstraint {
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705 §3.4).
    pub certificate: bool,
    /// `dpop_bound_access_tokens` (RFC 9449 §5.2).
    pub dpop: bool,
}

/// SHA-256 of a public key (RFC 7638) or of a certificate in DER (RFC 8705 §3.1). As text: 43 characters of
/// base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

/// `cnf` (RFC 7800 §3): the certificate or key that an access token is bound to. If it is bound to both, a
/// request with the token needs both (RFC 8705 §3, RFC 9449 §7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Thumbprint>,
    #[serde(rename = "jkt", skip_serializing_if = "Option::is_none")]
    pub key: Option<Thumbprint>,
}

impl Confirmation {
    /// The confirmation of a bearer token, which is bound to nothing.
    pub const NOTHING: Self = Self { certificate: None, key: None };

    pub fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }

    /// `token_type` (RFC 6749 §5.1): a token that is bound only to a certificate is presented as a bearer token.
    pub const fn token_type(&self) -> &'static str {
        match self.key {
            Some(_) => "DPoP",
            None => "Bearer",
        }
    }

    /// Whether a client that shows `shown` may present a token that is bound to this. Anything shown beyond that is
    /// ignored.
    pub fn is_shown_by(&self, shown: &Self) -> bool {
        let has = |bound: Option<Thumbprint>, shown| bound.is_none() || bound == shown;
        has(self.certificate, shown.certificate) && has(self.key, shown.key)
    }

    /// Whether a client with this constraint may be issued a token that is bound to this.
    pub const fn satisfies(&self, constraint: SenderConstraint) -> bool {
        (self.certificate.is_some() || !constraint.certificate) && (self.key.is_some() || !constraint.dpop)
    }

    /// The claim `cnf` of a verified token. `None` if it has an unknown member: such a token is bound to
    /// something, and must not be treated as a bearer token.
    pub fn read(cnf: Option<&Value>) -> Option<Self> {
        let Some(cnf) = cnf else { return Some(Self::NOTHING) };
        let mut confirmation = Self::NOTHING;
        for (member, value) in cnf.as_object()? {
            let thumbprint = Some(value.as_str().and_then(Thumbprint::parse)?);
            match member.as_str() {
                "x5t#S256" => confirmation.certificate = thumbprint,
                "jkt" => confirmation.key = thumbprint,
                _ => return None,
            }
        }
        (!confirmation.is_nothing()).then_some(confirmation)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;

    const CERTIFICATE: Option<Thumbprint> = Some(Thumbprint::new([1; 32]));
    const KEY: Option<Thumbprint> = Some(Thumbprint::new([2; 32]));

    /// RFC 7800 §3.1, TOK-2-01, TOK-5-06
    #[test]
    fn a_confirmation_is_read_as_it_is_written() {
        for (certificate, key, token_type) in
            [(CERTIFICATE, None, "Bearer"), (None, KEY, "DPoP"), (CERTIFICATE, KEY, "DPoP")]
        {
            let bound = Confirmation { certificate, key };
            let cnf = to_value(bound).unwrap();
            assert_eq!(cnf.get("x5t#S256").is_some(), certificate.is_some(), "{cnf}");
            assert_eq!(cnf.get("jkt").is_some(), key.is_some(), "{cnf}");
            assert_eq!((Confirmation::read(Some(&cnf)), bound.token_type()), (Some(bound), token_type));
        }
        assert_eq!(Confirmation::read(None), Some(Confirmation::NOTHING));
        assert_eq!(Confirmation::NOTHING.token_type(), "Bearer");
    }

    #[test]
    fn a_confirmation_that_is_not_understood_is_not_nothing() {
        let key = "A".repeat(43);
        for cnf in [
            json!(null),
            json!({}),
            json!([key]),
            json!({"jkt": ""}),
            json!({"jkt": "A".repeat(42)}),
            json!({"jkt": null}),
            json!({"jkt": key, "jwk": {}}),
            json!({"kid": key}),
        ] {
            assert_eq!(Confirmation::read(Some(&cnf)), None, "{cnf}");
        }
        assert!(Confirmation::read(Some(&json!({ "jkt": key }))).is_some());
    }

    /// TOK-4-12, TOK-5-06
    #[test]
    fn who_presents_a_token_shows_all_that_it_is_bound_to() {
        let of = |certificate, key| Confirmation { certificate, key };
        let all = [of(None, None), of(CERTIFICATE, None), of(None, KEY), of(CERTIFICATE, KEY)];
        let shown: Vec<_> = all.iter().map(|bound| all.map(|shown| bound.is_shown_by(&shown))).collect();
        let expected = [
            [true, true, true, true],
            [false, true, false, true],
            [false, false, true, true],
            [false, false, false, true],
        ];
        assert_eq!(shown, expected);
        assert!(!of(None, KEY).is_shown_by(&of(None, Some(Thumbprint::new([3; 32])))));
    }

    /// TOK-4-15
    #[test]
    fn what_a_client_always_binds_has_to_be_bound() {
        let both = SenderConstraint { certificate: true, dpop: true };
        let dpop = SenderConstraint { certificate: false, dpop: true };
        let (one, two) = (
            Confirmation { certificate: None, key: KEY },
            Confirmation { certificate: CERTIFICATE, key: KEY },
        );
        assert!(one.satisfies(dpop) && two.satisfies(dpop) && two.satisfies(both));
        assert!(!one.satisfies(both) && !Confirmation::NOTHING.satisfies(dpop));
        assert!(two.satisfies(SenderConstraint::default()));
    }
}
