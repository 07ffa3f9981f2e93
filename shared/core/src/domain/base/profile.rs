//! The security profile of a client.

/// A security profile, for one client or for a whole deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// Plain OpenID Connect CIBA.
    Plain,
    /// FAPI-CIBA (Implementer's Draft 1, which the certification tests): for banks and others with the same needs.
    FapiCiba,
}

impl Profile {
    pub const ALL: [Self; 2] = [Self::Plain, Self::FapiCiba];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::FapiCiba => "fapi-ciba",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text)
    }
}
