//! Resources: the APIs that access tokens are issued for (RFC 8707).

use url::Url;

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::scope::Scope;

/// The identifier of a resource: an absolute URI without fragment (RFC 8707 §2), compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceId(String);

impl ResourceId {
    /// The longest identifier. Unit: bytes.
    const MAX: usize = 512;

    pub fn parse(text: &str) -> Option<Self> {
        let is_visible = text.bytes().all(|b| matches!(b, 0x21..=0x7e));
        let is_absolute = Url::parse(text).is_ok_and(|url| url.fragment().is_none());
        (text.len() <= Self::MAX && is_visible && is_absolute).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A resource, as registered for a client that may get tokens for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    pub id: ResourceId,
    /// The scope values that the resource understands. A token for it has only these and `openid`.
    pub scope: Scope,
    /// The signature algorithm of the tokens for it.
    pub algorithm: JwsAlgorithm,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TOK-6-01
    #[test]
    fn a_resource_is_an_absolute_uri_without_fragment() {
        for text in ["https://api.example", "https://api.example/v1?x=y", "urn:example:api"] {
            assert!(ResourceId::parse(text).is_some(), "{text}");
        }
        let long = format!("https://api.example/{}", "a".repeat(512));
        for text in [
            "",
            "api",
            "/v1",
            "//api.example",
            "https://api.example#",
            "https://a b.example",
            "https://ä.example",
            &long,
        ] {
            assert!(ResourceId::parse(text).is_none(), "{text}");
        }
    }
}
