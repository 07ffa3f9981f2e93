//! What a client is held to beyond the plain rules.

/// A security profile, for one client or for all of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// OpenID Connect CIBA as it is.
    Plain,
    /// FAPI-CIBA (Implementer's Draft 1, which the certification tests): for banks, and whoever wants to be as safe.
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
