//! The policy of a type: the risk of its entries, and the scope value that they belong to.

use serde::{Deserialize, Serialize};

use super::malformed::Malformed;
use crate::domain::base::scope::Scope;

/// The risk of a type's entries, as the operator rates it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetailRisk {
    /// Like [`Self::High`] for a client that has a `high_risk_scope`, otherwise like [`Self::Low`].
    #[default]
    Client,
    /// Only a seasoned passkey can approve an entry, regardless of the client.
    High,
    /// An entry needs no stronger proof than the rest of the request.
    Low,
}

impl DetailRisk {
    /// Parses the member of a definition. Without the member, the client determines the risk.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "high" => Some(Self::High),
            "low" => Some(Self::Low),
            _ => None,
        }
    }

    /// `None` if a definition leaves the member out.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Client => None,
            Self::High => Some("high"),
            Self::Low => Some("low"),
        }
    }
}

/// The conditions for approving an entry. They are stored with each request, so that changing a type does not
/// affect open requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailPolicy {
    #[serde(default)]
    pub risk: DetailRisk,
    /// The scope value without which an entry can be neither requested nor approved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
}

impl DetailPolicy {
    /// The policy of a definition without these members.
    pub const DEFAULT: Self = Self { risk: DetailRisk::Client, scope: None };

    /// The members `risk` and `scope` of a definition.
    pub(super) fn define(risk: Option<&str>, scope: Option<&str>) -> Result<Self, Malformed> {
        let risk = match risk {
            None => DetailRisk::Client,
            Some(text) => {
                DetailRisk::parse(text).ok_or_else(|| Malformed::of("risk is neither high nor low"))?
            }
        };
        if scope.is_some_and(|value| !is_one_value(value)) {
            return Err(Malformed::of(
                "scope must be one scope value other than openid, which all requests have",
            ));
        }
        Ok(Self { risk, scope: scope.map(str::to_owned) })
    }

    /// The members of the definition in which `next` is weaker than this policy.
    pub fn weakened_by(&self, next: &Self) -> Vec<&'static str> {
        let is_lower = match (self.risk, next.risk) {
            (DetailRisk::High, DetailRisk::Client | DetailRisk::Low)
            | (DetailRisk::Client, DetailRisk::Low) => true,
            (DetailRisk::High, DetailRisk::High)
            | (DetailRisk::Client, DetailRisk::Client | DetailRisk::High)
            | (DetailRisk::Low, _) => false,
        };
        let is_freer = self.scope.is_some() && self.scope != next.scope;
        [("risk", is_lower), ("scope", is_freer)]
            .into_iter()
            .filter_map(|(member, is_weaker)| is_weaker.then_some(member))
            .collect()
    }
}

fn is_one_value(text: &str) -> bool {
    Scope::parse(text).is_some_and(|scope| scope.encode() == text && scope.values().count() == 1)
        && text != Scope::OPENID
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_a_known_risk_and_one_scope_value() {
        let define = DetailPolicy::define;
        assert_eq!(define(None, None), Ok(DetailPolicy::DEFAULT));
        let policy = define(Some("high"), Some("payments")).unwrap();
        assert_eq!((policy.risk, policy.scope.as_deref()), (DetailRisk::High, Some("payments")));
        assert_eq!(define(Some("low"), None).unwrap().risk, DetailRisk::Low);
        for risk in ["", "client", "High", "medium"] {
            assert!(define(Some(risk), None).is_err(), "{risk}");
        }
        for scope in ["", " ", "openid", "pay read", "pay pay", " pay", "p\"y", "páy"] {
            assert!(define(None, Some(scope)).is_err(), "{scope}");
        }
    }

    #[test]
    fn a_lower_risk_and_another_scope_weaken_a_policy() {
        let policy = |risk, scope: Option<&str>| DetailPolicy { risk, scope: scope.map(str::to_owned) };
        use DetailRisk::{Client, High, Low};
        for (before, after, weakened) in [
            (policy(High, None), policy(Client, None), vec!["risk"]),
            (policy(High, Some("pay")), policy(Low, None), vec!["risk", "scope"]),
            (policy(Client, None), policy(Low, None), vec!["risk"]),
            (policy(Low, Some("pay")), policy(Low, Some("read")), vec!["scope"]),
            (policy(Low, None), policy(Client, Some("pay")), vec![]),
            (policy(Client, Some("pay")), policy(High, Some("pay")), vec![]),
        ] {
            assert_eq!(before.weakened_by(&after), weakened, "{before:?} {after:?}");
        }
    }
}
