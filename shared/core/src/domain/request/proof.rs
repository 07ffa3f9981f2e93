//! The policy of proof: what an approval grants says what has to be proven for it.
//!
//! Whatever tokens can be made of, and whatever a reader of tokens can go by, is looked at: the scope, the
//! `authorization_details`, the APIs that tokens are for, and the class of authentication. Each demands something of its
//! own, and the most of it counts. So nothing is granted on less than it demands, however it is put together.

use crate::domain::base::scope::Scope;
use crate::domain::client::Client;
use crate::domain::client::resource::{Resource, ResourceId};
use crate::domain::details::authorization_details::{DetailPolicy, DetailRisk, RequestDetail};
use crate::domain::person::passkey::{PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE};
use crate::domain::request::authentication_request::AuthenticationRequest;

/// Everything that an approval would give the client.
#[derive(Clone, Copy)]
pub struct WouldGrant<'a> {
    /// What is selected of the scope.
    pub scope: &'a Scope,
    /// `authorization_details` are granted whole, whatever is selected of the scope.
    pub detail: &'a RequestDetail,
    /// What `resource` named: the audience of the tokens.
    pub resources: &'a [ResourceId],
    /// The classes of which the tokens will claim one.
    pub acr_values: Option<&'a str>,
}

impl<'a> WouldGrant<'a> {
    /// Of a request of which `scope` is selected.
    pub fn of(request: &'a AuthenticationRequest, detail: &'a RequestDetail, scope: &'a Scope) -> Self {
        Self { scope, detail, resources: &request.resources, acr_values: request.acr_values.as_deref() }
    }
}

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

/// What somebody has proven themselves with, once it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    LoginToken,
    NewPasskey,
    SeasonedPasskey,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEnough {
    PasskeyRequired,
    PasskeyTooNew,
}

impl Demand {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoginToken => "login_token",
            Self::Passkey => "passkey",
            Self::SeasonedPasskey => "seasoned_passkey",
        }
    }

    /// What has to be proven before `client` gets all of this.
    pub fn of(client: &Client, would_grant: &WouldGrant<'_>) -> Self {
        let policy = Policy { client };
        let scope = would_grant.scope.values().map(|value| policy.of_scope_value(value));
        let details = would_grant.detail.policy_of_each().map(|it| policy.of_detail(it));
        let resources = client.registered(would_grant.resources).map(|it| policy.of_resource(it));
        let others = [policy.of_client(), policy.of_classes(would_grant.acr_values)];
        scope.chain(details).chain(resources).chain(others).max().unwrap_or(Self::LoginToken)
    }

    /// Whether `shown` is enough.
    ///
    /// # Errors
    /// What would be enough.
    pub const fn judge(self, shown: Strength) -> Result<(), NotEnough> {
        match (self, shown) {
            (Self::LoginToken, _)
            | (Self::Passkey, Strength::NewPasskey)
            | (Self::Passkey | Self::SeasonedPasskey, Strength::SeasonedPasskey) => Ok(()),
            (Self::SeasonedPasskey, Strength::NewPasskey) => Err(NotEnough::PasskeyTooNew),
            (Self::Passkey | Self::SeasonedPasskey, Strength::LoginToken) => Err(NotEnough::PasskeyRequired),
        }
    }
}

/// What each part of a grant demands of this client.
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

    /// The operator's word on the type counts first. Without one, an entry is as much at stake as the most that this client
    /// can ask for.
    fn of_detail(&self, policy: &DetailPolicy) -> Demand {
        match policy.risk {
            DetailRisk::High => Demand::SeasonedPasskey,
            DetailRisk::Client if self.client.high_risk_scope.is_some() => Demand::SeasonedPasskey,
            DetailRisk::Client | DetailRisk::Low => Demand::LoginToken,
        }
    }

    /// An API for which all that can be asked is high-risk: what goes by the audience alone would take a token that says
    /// `openid` and no more.
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

/// Whether all classes asked for are such that a passkey is needed. A client that would also take another class gets
/// what the person has at hand (`TOK-13-04`).
fn asks_for_passkey(acr_values: Option<&str>) -> bool {
    let is_one = |class: &str| [PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE].contains(&class);
    let mut classes = acr_values.unwrap_or_default().split(' ').filter(|class| !class.is_empty()).peekable();
    classes.peek().is_some() && classes.all(is_one)
}

#[cfg(test)]
mod tests;
