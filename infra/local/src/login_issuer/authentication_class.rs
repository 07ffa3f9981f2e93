//! How somebody logged in, as far as this issuer tells them apart.

/// An authentication context class (OIDC Core §2, `acr`) with the methods that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationClass {
    /// A password.
    Password,
    /// A password and a one-time code.
    MultiFactor,
}

impl AuthenticationClass {
    pub(super) const ALL: [Self; 2] = [Self::Password, Self::MultiFactor];

    /// The class of a login for which the relying party requested none that exists here.
    pub(super) const DEFAULT: Self = Self::MultiFactor;

    /// Its `acr`.
    pub const fn acr(self) -> &'static str {
        match self {
            Self::Password => "urn:local:pwd",
            Self::MultiFactor => "urn:local:mfa",
        }
    }

    /// Its `amr` (RFC 8176).
    pub const fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::MultiFactor => &["pwd", "otp"],
        }
    }

    pub(super) fn parse(acr: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.acr() == acr)
    }
}
