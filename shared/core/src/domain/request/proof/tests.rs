use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::person_key::PersonKey;
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::domain::person::passkey::{NewPasskey, PasskeyId, UserHandle};

const NEW_PASSKEY: Strength = Strength::NewPasskey { usable_at: Timestamp::from_seconds(1_800_000_000) };
const SCOPE: [&str; 5] = ["openid", "profile", "offline_access", "read", "pay"];
/// APIs, and the scope values of each.
const APIS: [(&str, &str); 4] = [
    ("https://pay.example", "pay"),
    ("https://bank.example", "read pay"),
    ("https://read.example", "read"),
    ("https://people.example", "profile"),
];
/// Types, and the risk of each.
const TYPES: [(&str, DetailRisk); 3] =
    [("high", DetailRisk::High), ("client", DetailRisk::Client), ("low", DetailRisk::Low)];

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

fn ids(names: &[&str]) -> Vec<ResourceId> {
    names.iter().map(|name| ResourceId::parse(name).unwrap()).collect()
}

fn client(requires_passkey: bool, high_risk_scope: &[&str], audience: Option<&str>) -> Client {
    let resources = APIS.map(|(id, values)| Resource {
        id: ResourceId::parse(id).unwrap(),
        scope: scope(values),
        algorithm: JwsAlgorithm::ES256,
    });
    Client {
        requires_passkey,
        high_risk_scope: Scope::parse(&high_risk_scope.join(" ")),
        audience: audience.map(str::to_owned),
        resources: resources.into(),
        scope: scope(&SCOPE.join(" ")),
        ..Client::example()
    }
}

/// A request's details, with one entry of each of these types.
fn detail(types: &[&str]) -> RequestDetail {
    let entries: Vec<_> = types.iter().map(|name| serde_json::json!({ "type": name })).collect();
    let policies = TYPES.map(|(name, risk)| (name.to_owned(), DetailPolicy { risk, scope: None }));
    RequestDetail {
        details: AuthorizationDetails::from_stored(&serde_json::json!(entries).to_string()).unwrap(),
        policies: BTreeMap::from(policies),
        ..RequestDetail::default()
    }
}

/// One grant, with its parts by name.
#[derive(Clone, Debug)]
struct Case {
    requires_passkey: bool,
    high_risk_scope: Vec<&'static str>,
    audience: Option<&'static str>,
    scope: Vec<&'static str>,
    types: Vec<&'static str>,
    apis: Vec<&'static str>,
    acr_values: Option<&'static str>,
}

impl Case {
    fn demand(&self) -> Demand {
        let client = client(self.requires_passkey, &self.high_risk_scope, self.audience);
        let would_grant = WouldGrant {
            scope: &scope(&["openid", &self.scope.join(" ")].join(" ")),
            detail: &detail(&self.types),
            resources: &ids(&self.apis),
            acr_values: self.acr_values,
        };
        Demand::of(&client, &would_grant)
    }

    /// The proof that each part needs. This is a second, independent implementation, so that both are unlikely to
    /// have the same mistake: it starts from what a token allows, and from which of that is high-risk.
    fn needs(&self) -> Vec<Strength> {
        let mut needs = Vec::new();
        let dangerous = |value: &str| self.high_risk_scope.contains(&value);
        needs.extend(self.scope.iter().filter(|it| dangerous(it)).map(|_| Strength::SeasonedPasskey));
        for name in &self.types {
            let is_dangerous = *name == "high" || *name == "client" && !self.high_risk_scope.is_empty();
            needs.extend(is_dangerous.then_some(Strength::SeasonedPasskey));
        }
        let audience =
            if self.apis.is_empty() { self.audience.into_iter().collect() } else { self.apis.clone() };
        let is_dangerous = |api: &str| match api {
            "https://pay.example" => dangerous("pay"),
            "https://bank.example" => dangerous("pay") && dangerous("read"),
            "https://read.example" => dangerous("read"),
            _ => false,
        };
        needs.extend(audience.into_iter().filter(|it| is_dangerous(it)).map(|_| Strength::SeasonedPasskey));
        needs.extend(self.requires_passkey.then_some(NEW_PASSKEY));
        needs.extend(matches!(self.acr_values, Some("phr" | "phrh phr")).then_some(NEW_PASSKEY));
        needs
    }
}

fn rank(strength: Strength) -> u8 {
    match strength {
        Strength::LoginToken => 0,
        Strength::NewOwnPasskey { .. } => panic!("it approves nothing"),
        Strength::NewPasskey { .. } => 1,
        Strength::SeasonedPasskey => 2,
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let acr_values = [None, Some("phr"), Some("phrh phr"), Some("phr urn:example:mfa"), Some("")];
    (
        any::<bool>(),
        subsequence(SCOPE[1..].to_vec(), 0..=SCOPE.len() - 1),
        prop::option::of(prop::sample::select(APIS.map(|(id, _)| id).to_vec())),
        subsequence(SCOPE[1..].to_vec(), 0..=SCOPE.len() - 1),
        subsequence(TYPES.map(|(name, _)| name).to_vec(), 0..=TYPES.len()),
        subsequence(APIS.map(|(id, _)| id).to_vec(), 0..=APIS.len()),
        prop::sample::select(acr_values.to_vec()),
    )
        .prop_map(|(requires_passkey, high_risk_scope, audience, scope, types, apis, acr_values)| Case {
            requires_passkey,
            high_risk_scope,
            audience,
            scope,
            types,
            apis,
            acr_values,
        })
}

proptest! {
    /// ATK-8-05, ATK-7-05: over pairs of a grant and a proof: what passes was proven for each part, and nothing more is asked for.
    #[test]
    fn what_is_granted_was_proven_as_each_part_demands(
        case in cases(),
        shown in prop::sample::select(vec![Strength::LoginToken, NEW_PASSKEY, Strength::SeasonedPasskey]),
    ) {
        let is_proven = case.needs().iter().all(|needed| rank(*needed) <= rank(shown));
        let judged = case.demand().judge(shown);
        prop_assert_eq!(judged.is_ok(), is_proven, "{:?}", judged);
        match judged {
            Err(NotEnough::PasskeyRequired) => prop_assert_eq!(shown, Strength::LoginToken),
            Err(NotEnough::PasskeyTooNew { .. }) => prop_assert_eq!(shown, NEW_PASSKEY),
            Ok(()) => {}
        }
    }

    /// ATK-8-05: leaving something out never makes the rest need more, and adding something never makes it need less.
    #[test]
    fn a_larger_grant_never_demands_less(case in cases(), more in cases()) {
        let union = |a: &[&'static str], b: &[&'static str]| {
            let mut all = [a, b].concat();
            all.sort_unstable();
            all.dedup();
            all
        };
        let larger = Case {
            scope: union(&case.scope, &more.scope),
            types: union(&case.types, &more.types),
            // A request without `resource` is for the client's audience; otherwise it is for the listed APIs.
            apis: if case.apis.is_empty() { vec![] } else { union(&case.apis, &more.apis) },
            ..case.clone()
        };
        prop_assert!(larger.demand() >= case.demand());
    }
}

/// A past defect: the high-risk part was in the details, and deselecting the scope value made a login token
/// sufficient.
#[test]
fn leaving_out_the_scope_does_not_leave_out_the_details() {
    let case = Case {
        requires_passkey: false,
        high_risk_scope: vec!["pay"],
        audience: None,
        scope: vec![],
        types: vec!["client"],
        apis: vec![],
        acr_values: None,
    };
    assert_eq!(case.demand(), Demand::SeasonedPasskey);
    assert_eq!(Case { types: vec!["low"], ..case.clone() }.demand(), Demand::LoginToken);
    assert_eq!(Case { high_risk_scope: vec![], ..case.clone() }.demand(), Demand::LoginToken);
    let always = Case { high_risk_scope: vec![], types: vec!["low", "high"], ..case };
    assert_eq!(always.demand(), Demand::SeasonedPasskey);
}

/// An API may accept a token because of its audience alone.
#[test]
fn an_api_for_which_all_is_high_risk_is_high_risk_itself() {
    let case = Case {
        requires_passkey: false,
        high_risk_scope: vec!["pay"],
        audience: Some("https://pay.example"),
        scope: vec![],
        types: vec![],
        apis: vec!["https://pay.example"],
        acr_values: None,
    };
    assert_eq!(case.demand(), Demand::SeasonedPasskey);
    assert_eq!(Case { apis: vec![], ..case.clone() }.demand(), Demand::SeasonedPasskey, "the audience");
    for api in ["https://bank.example", "https://read.example", "https://people.example"] {
        assert_eq!(Case { apis: vec![api], ..case.clone() }.demand(), Demand::LoginToken, "{api}");
    }
}

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

/// ATK-7-05, TOK-13-04: not even what a login is enough for, so that no token says that it was phishing-resistant.
#[test]
fn a_passkey_of_ones_own_approves_nothing_until_seasoned() {
    let (created_at, day) = (Timestamp::from_seconds(1_800_000_000), Duration::from_secs(86_400));
    let new = NewPasskey {
        id: PasskeyId::of(b"credential"),
        credential: "{}".to_owned(),
        counter: 0,
        rp_id: "op.example".to_owned(),
        backup_eligible: true,
        attested: false,
    };
    let handle = UserHandle::from_bytes([7; UserHandle::BYTES]);
    let handed_out = new.of(PersonKey::from_stored("alice"), handle, created_at);
    let own = Passkey { is_self_enrolled: true, ..handed_out.clone() };
    let usable_at = created_at.plus(day);
    for (passkey, now, expected) in [
        (&own, created_at, Strength::NewOwnPasskey { usable_at }),
        (&own, Timestamp::from_millis(usable_at.millis() - 1), Strength::NewOwnPasskey { usable_at }),
        (&own, usable_at, Strength::SeasonedPasskey),
        (&handed_out, created_at, Strength::NewPasskey { usable_at }),
        (&handed_out, usable_at, Strength::SeasonedPasskey),
    ] {
        assert_eq!(Strength::of(passkey, day, now), expected);
    }
    for demand in [Demand::LoginToken, Demand::Passkey, Demand::SeasonedPasskey] {
        let judged = demand.judge(Strength::NewOwnPasskey { usable_at });
        assert_eq!(judged, Err(NotEnough::PasskeyTooNew { usable_at }), "{demand:?}");
    }
}
