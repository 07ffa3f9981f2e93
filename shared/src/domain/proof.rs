//! The policy of proof: what an approval needs, by client, scope and what the client asked for.

use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::client::Client;
use crate::domain::passkey::{PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE};
use crate::domain::scope::Scope;

/// The least that proves an approval, from the weakest. Declining needs no proof at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// A login token of a configured login issuer, or a passkey.
    LoginToken,
    /// A passkey that signs what is approved.
    Passkey,
    /// A passkey that has been there for a while: whoever just added one may not be its person (`ATK-7-05`).
    SeasonedPasskey,
}

impl Demand {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoginToken => "login_token",
            Self::Passkey => "passkey",
            Self::SeasonedPasskey => "seasoned_passkey",
        }
    }

    /// What approving `scope` of `request` needs.
    pub fn of(client: &Client, request: &AuthenticationRequest, scope: &Scope) -> Self {
        let is_high_risk = |scope: &Scope| {
            client.high_risk_scope.as_ref().is_some_and(|risky| risky.values().any(|it| scope.contains(it)))
        };
        if is_high_risk(scope) {
            Self::SeasonedPasskey
        } else if client.requires_passkey || asks_for_passkey(request.acr_values.as_deref()) {
            Self::Passkey
        } else {
            Self::LoginToken
        }
    }
}

/// Whether all classes asked for are such that a passkey is needed. A client that would also take another class gets
/// what the person has at hand (`TOK-13-04`).
fn asks_for_passkey(acr_values: Option<&str>) -> bool {
    let is_one = |class: &str| [PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE].contains(&class);
    let mut classes = acr_values.unwrap_or_default().split(' ').filter(|class| !class.is_empty()).peekable();
    classes.peek().is_some() && classes.all(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_only_a_passkey_reaches_ask_for_one() {
        for (values, expected) in [
            (None, false),
            (Some(""), false),
            (Some("phr"), true),
            (Some("phrh phr"), true),
            (Some("phr urn:example:mfa"), false),
            (Some("urn:example:mfa"), false),
        ] {
            assert_eq!(asks_for_passkey(values), expected, "{values:?}");
        }
    }
}
