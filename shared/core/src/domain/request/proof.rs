//! The proof policy: the proof that an approval needs depends on everything that it grants.
//!
//! Everything that tokens can contain and that a resource server can rely on is considered: the scope, the
//! `authorization_details`, the APIs that tokens are for, and the authentication class. Each has its own demand,
//! and the strongest one applies. So in any combination, nothing is granted with less proof than it demands.

use std::time::Duration;

use crate::domain::base::scope::Scope;
use crate::domain::base::time::Timestamp;
use crate::domain::client::Client;
use crate::domain::client::resource::{Resource, ResourceId};
use crate::domain::details::authorization_details::{DetailPolicy, DetailRisk, RequestDetail};
use crate::domain::person::passkey::{PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE, Passkey};
use crate::domain::request::authentication_request::AuthenticationRequest;

/// Everything that an approval would grant to the client.
#[derive(Clone, Copy)]
pub struct WouldGrant<'a> {
    /// The selected scope.
    pub scope: &'a Scope,
    /// `authorization_details` are granted as a whole, regardless of the selected scope.
    pub detail: &'a RequestDetail,
    /// The values of `resource`: the audience of the tokens.
    pub resources: &'a [ResourceId],
    /// The requested authentication classes. Tokens claim one of them if it was reached.
    pub acr_values: Option<&'a str>,
}

impl<'a> WouldGrant<'a> {
    /// Everything that `request` would grant with the selected `scope`.
    pub fn of(request: &'a AuthenticationRequest, detail: &'a RequestDetail, scope: &'a Scope) -> Self {
        Self { scope, detail, resources: &request.resources, acr_values: request.acr_values.as_deref() }
    }
}

/// The minimum proof for an approval, from the weakest to the strongest. Declining needs no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// A login token of a configured login issuer, or a passkey.
    LoginToken,
    /// A passkey that signs the approved content.
    Passkey,
    /// A passkey that has existed for a while: a recently added one may be an attacker's.
    SeasonedPasskey,
}

/// The verified proof that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    LoginToken,
    /// One that can approve high-risk requests only from `usable_at` on.
    NewPasskey {
        usable_at: Timestamp,
    },
    SeasonedPasskey,
    /// One that the person set up by themselves, and that approves nothing before `usable_at`: until then it proves no
    /// more than the login after which it was made.
    NewOwnPasskey {
        usable_at: Timestamp,
    },
}

impl Strength {
    /// The strength of a passkey's signature at `now`.
    pub fn of(passkey: &Passkey, seasoning: Duration, now: Timestamp) -> Self {
        let usable_at = passkey.seasoned_at(seasoning);
        if now >= usable_at {
            Self::SeasonedPasskey
        } else if passkey.is_self_enrolled {
            Self::NewOwnPasskey { usable_at }
        } else {
            Self::NewPasskey { usable_at }
        }
    }
}

/// Why the proof is not sufficient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEnough {
    PasskeyRequired,
    PasskeyTooNew { usable_at: Timestamp },
}

impl Demand {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoginToken => "login_token",
            Self::Passkey => "passkey",
            Self::SeasonedPasskey => "seasoned_passkey",
        }
    }

    /// The proof that is needed before `client` is granted all of this.
    pub fn of(client: &Client, would_grant: &WouldGrant<'_>) -> Self {
        let policy = Policy { client };
        let scope = would_grant.scope.values().map(|value| policy.of_scope_value(value));
        let details = would_grant.detail.policy_of_each().map(|it| policy.of_detail(it));
        let resources = client.registered(would_grant.resources).map(|it| policy.of_resource(it));
        let others = [policy.of_client(), policy.of_classes(would_grant.acr_values)];
        scope.chain(details).chain(resources).chain(others).max().unwrap_or(Self::LoginToken)
    }

    /// Whether `shown` is sufficient.
    ///
    /// # Errors
    /// The reason why it is not.
    pub const fn judge(self, shown: Strength) -> Result<(), NotEnough> {
        match (self, shown) {
            (_, Strength::NewOwnPasskey { usable_at }) => Err(NotEnough::PasskeyTooNew { usable_at }),
            (Self::LoginToken, _)
            | (Self::Passkey, Strength::NewPasskey { .. })
            | (Self::Passkey | Self::SeasonedPasskey, Strength::SeasonedPasskey) => Ok(()),
            (Self::SeasonedPasskey, Strength::NewPasskey { usable_at }) => {
                Err(NotEnough::PasskeyTooNew { usable_at })
            }
            (Self::Passkey | Self::SeasonedPasskey, Strength::LoginToken) => Err(NotEnough::PasskeyRequired),
        }
    }
}

/// The demand of each part of a grant for this client.
struct Policy<'a> {
    client: &'a Client,
}

impl Policy<'_> {
    fn of_client(&self) -> Demand {
        if self.client.requires_passkey { Demand::Passkey } else { Demand::LoginToken }
    }

    fn of_scope_value(&self, value: &str) -> Demand {
        if self.is_high_risk(value) { Demand::SeasonedPasskey } else { Demand::LoginToken }
    }

    /// The operator's rating of the type takes precedence. Without one, an entry has the highest risk of anything
    /// that this client can request.
    fn of_detail(&self, policy: &DetailPolicy) -> Demand {
        match policy.risk {
            DetailRisk::High => Demand::SeasonedPasskey,
            DetailRisk::Client if self.client.high_risk_scope.is_some() => Demand::SeasonedPasskey,
            DetailRisk::Client | DetailRisk::Low => Demand::LoginToken,
        }
    }

    /// An API whose scope values are all high-risk is high-risk itself: an API that checks only the audience
    /// would accept a token with nothing but `openid`.
    fn of_resource(&self, resource: &Resource) -> Demand {
        let mut own = resource.scope.values().filter(|value| !Scope::OWN.contains(value)).peekable();
        if own.peek().is_some() && own.all(|value| self.is_high_risk(value)) {
            Demand::SeasonedPasskey
        } else {
            Demand::LoginToken
        }
    }

    fn of_classes(&self, acr_values: Option<&str>) -> Demand {
        if asks_for_passkey(acr_values) { Demand::Passkey } else { Demand::LoginToken }
    }

    fn is_high_risk(&self, value: &str) -> bool {
        self.client.high_risk_scope.as_ref().is_some_and(|risky| risky.contains(value))
    }
}

/// Whether all requested classes need a passkey. If the client would also accept another class, the person may
/// use any method, and the token claims only the class that was reached.
fn asks_for_passkey(acr_values: Option<&str>) -> bool {
    let is_one = |class: &str| [PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE].contains(&class);
    let mut classes = acr_values.unwrap_or_default().split(' ').filter(|class| !class.is_empty()).peekable();
    classes.peek().is_some() && classes.all(is_one)
}

#[cfg(test)]
mod tests;
