//! The target of an access token: one or more resources (RFC 8707), or this provider.

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::scope::Scope;
use crate::domain::client::Client;
use crate::domain::client::resource::{Resource, ResourceId};

/// The target of one access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'c> {
    /// `aud` of the token, never empty.
    audience: Vec<&'c str>,
    /// The elements of `aud` that are resources registered for the client, with their scope.
    resources: Vec<&'c Resource>,
    /// Whether `aud` also contains this provider or the client's registered audience. Scope values that belong to
    /// no resource apply there.
    is_general: bool,
}

impl Client {
    /// The target for the requested resources `named`. Without any, it is the client's registered audience, which
    /// may itself be a resource, or else `issuer`. Every client may request the issuer: userinfo (OIDC Core §5.3)
    /// accepts only tokens that are also for the issuer. `None` if the client is not registered for one of the
    /// resources.
    pub fn target<'c>(&'c self, named: &[ResourceId], issuer: &'c str) -> Option<Target<'c>> {
        let default = self.audience.as_deref().unwrap_or(issuer);
        let named =
            if named.is_empty() { vec![default] } else { named.iter().map(ResourceId::as_str).collect() };
        let mut target = Target { audience: Vec::new(), resources: Vec::new(), is_general: false };
        for id in named {
            let resource = self.resources.iter().find(|resource| resource.id.as_str() == id);
            let audience = match resource {
                Some(resource) => resource.id.as_str(),
                None => [issuer, default].into_iter().find(|own| *own == id)?,
            };
            target.audience.push(audience);
            target.resources.extend(resource);
            target.is_general |= resource.is_none();
        }
        Some(target)
    }

    /// The client's registered resources that `named` identifies: if it is empty, the resource that is the
    /// registered audience, if there is one. Resources that are no longer registered are left out.
    pub fn registered<'c>(&'c self, named: &'c [ResourceId]) -> impl Iterator<Item = &'c Resource> {
        let is_meant = move |resource: &&Resource| match named {
            [] => self.audience.as_deref() == Some(resource.id.as_str()),
            named => named.contains(&resource.id),
        };
        self.resources.iter().filter(is_meant)
    }

    /// The target of a token if `granted` were requested in the authentication request and `named` in the token
    /// request (RFC 8707 §2.2). `named` has to be a subset of `granted`; if it is empty, the target is all of
    /// `granted`. This provider is part of every grant.
    pub fn narrowed_target<'c>(
        &'c self,
        granted: &[ResourceId],
        named: &[ResourceId],
        issuer: &'c str,
    ) -> Option<Target<'c>> {
        let whole = self.target(granted, issuer)?;
        if named.is_empty() {
            return Some(whole);
        }
        let part = self.target(named, issuer)?;
        let is_granted = |id: &ResourceId| granted.contains(id) || id.as_str() == issuer;
        (part == whole || named.iter().all(is_granted)).then_some(part)
    }

    /// Whether a scope value belongs to one of the client's resources, and not to this provider.
    fn is_of_a_resource(&self, value: &str) -> bool {
        !Scope::OWN.contains(&value) && self.resources.iter().any(|resource| resource.scope.contains(value))
    }
}

impl Target<'_> {
    pub fn audience(&self) -> Vec<&str> {
        self.audience.clone()
    }

    /// The signature algorithm of a token for it. `None` if its resources need different algorithms, because one
    /// token cannot have them.
    pub fn algorithm(&self) -> Option<JwsAlgorithm> {
        let mut algorithms = self.resources.iter().map(|resource| resource.algorithm);
        let first = algorithms.next().unwrap_or(JwsAlgorithm::DEFAULT);
        algorithms.all(|other| other == first).then_some(first)
    }

    /// Splits the target into targets for which one token each is possible. Each has the resources with the same
    /// algorithm, together with all audiences that are not resources.
    pub fn by_algorithm(&self) -> Vec<Self> {
        let part = |algorithm| {
            let (alike, others): (Vec<&Resource>, Vec<&Resource>) =
                self.resources.iter().partition(|resource| resource.algorithm == algorithm);
            let is_others = |id: &&str| others.iter().any(|other| other.id.as_str() == *id);
            let audience = self.audience.iter().copied().filter(|id| !is_others(id)).collect();
            (!alike.is_empty()).then_some(Self { audience, resources: alike, is_general: self.is_general })
        };
        let parts: Vec<_> = JwsAlgorithm::ALL.into_iter().filter_map(part).collect();
        if parts.is_empty() { vec![self.clone()] } else { parts }
    }

    /// Whether `scope` may be requested for this target: no value belongs to a resource that was not requested
    /// (RFC 9068 §3).
    pub fn admits(&self, scope: &Scope, client: &Client) -> bool {
        self.first_foreign(scope, client).is_none()
    }

    /// The first value of `scope` that belongs to other resources only.
    pub fn first_foreign<'s>(&self, scope: &'s Scope, client: &Client) -> Option<&'s str> {
        scope.values().find(|value| client.is_of_a_resource(value) && !self.has(value))
    }

    /// The part of the granted scope that applies to this target, and `openid`.
    pub fn narrow(&self, granted: &Scope, client: &Client) -> Option<Scope> {
        let is_for_it = |value: &str| {
            value == Scope::OPENID || self.has(value) || (self.is_general && !client.is_of_a_resource(value))
        };
        granted.only(is_for_it)
    }

    fn has(&self, value: &str) -> bool {
        self.resources.iter().any(|resource| resource.scope.contains(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://ciba.example";

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn id(text: &str) -> ResourceId {
        ResourceId::parse(text).unwrap()
    }

    fn resource(name: &str, values: &str, algorithm: JwsAlgorithm) -> Resource {
        Resource { id: id(name), scope: scope(values), algorithm }
    }

    fn client(audience: Option<&str>) -> Client {
        Client {
            scope: scope("openid profile read pay"),
            audience: audience.map(str::to_owned),
            resources: vec![
                resource("https://read.example", "read", JwsAlgorithm::RS256),
                resource("https://pay.example", "pay read profile", JwsAlgorithm::ES256),
            ],
            ..Client::example()
        }
    }

    /// TOK-2-07, TOK-6-04, TOK-6-05: the default is the client's audience, and without one the issuer.
    #[test]
    fn a_token_is_for_the_named_resource_or_its_default() {
        let audience = |client: &Client, named: &[ResourceId]| {
            let target = client.target(named, ISSUER)?;
            Some(target.audience().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        let plain = client(None);
        assert_eq!(audience(&plain, &[]).as_deref(), Some(ISSUER));
        assert_eq!(audience(&plain, &[id("https://pay.example")]).as_deref(), Some("https://pay.example"));
        assert_eq!(audience(&plain, &[id("https://pay.example"), id("https://other.example")]), None);
        assert_eq!(audience(&plain, &[id("https://pay.example/")]), None, "no normalisation");
        assert_eq!(audience(&plain, &[id(ISSUER)]).as_deref(), Some(ISSUER));
        assert_eq!(audience(&plain, &[id("https://ciba.example/")]), None);
        let both = [id("https://pay.example"), id(ISSUER)];
        assert_eq!(audience(&plain, &both).as_deref(), Some("https://pay.example https://ciba.example"));

        let unlisted = client(Some("urn:example:all"));
        assert_eq!(audience(&unlisted, &[]).as_deref(), Some("urn:example:all"));
        assert_eq!(audience(&unlisted, &[id("urn:example:all")]).as_deref(), Some("urn:example:all"));
        let listed = client(Some("https://read.example"));
        assert_eq!(listed.target(&[], ISSUER), listed.target(&[id("https://read.example")], ISSUER));
    }

    /// TOK-6-03
    #[test]
    fn a_token_request_names_only_a_part_of_what_was_granted() {
        let client = client(None);
        let narrowed = |granted: &[ResourceId], named: &[ResourceId]| {
            let target = client.narrowed_target(granted, named, ISSUER)?;
            Some(target.audience().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        let both = [id("https://read.example"), id("https://pay.example")];
        assert_eq!(narrowed(&both, &[]).as_deref(), Some("https://read.example https://pay.example"));
        assert_eq!(narrowed(&both, &both[1..]).as_deref(), Some("https://pay.example"));
        assert_eq!(narrowed(&both[..1], &both[1..]), None);
        assert_eq!(narrowed(&both[..1], &both), None);
        assert_eq!(narrowed(&[], &both[1..]), None, "what was granted is the default");
        // With any grant, a client may request a token for userinfo.
        let own = [id(ISSUER)];
        assert_eq!(narrowed(&both, &own).as_deref(), Some(ISSUER));
        assert_eq!(narrowed(&[], &own).as_deref(), Some(ISSUER));
        assert_eq!(narrowed(&own, &both[1..]), None);
        assert_eq!(narrowed(&[], &[]).as_deref(), Some(ISSUER));
    }

    /// TOK-2-07
    #[test]
    fn a_token_says_the_scope_that_means_something_where_it_is_for() {
        let client = client(None);
        let granted = scope("openid profile read pay");
        let narrowed = |named: &[ResourceId]| {
            client.target(named, ISSUER).unwrap().narrow(&granted, &client).unwrap().encode()
        };
        assert_eq!(narrowed(&[]), "openid profile");
        assert_eq!(narrowed(&[id("https://read.example")]), "openid read");
        assert_eq!(narrowed(&[id("https://pay.example")]), "openid profile read pay");
        assert_eq!(narrowed(&[id(ISSUER)]), "openid profile");
        assert_eq!(narrowed(&[id("https://read.example"), id(ISSUER)]), "openid profile read");
    }

    /// TOK-2-07
    #[test]
    fn a_resources_scope_value_is_asked_for_with_that_resource() {
        let client = client(None);
        let admits = |named: &[ResourceId], asked: &str| {
            client.target(named, ISSUER).unwrap().admits(&scope(asked), &client)
        };
        assert!(admits(&[], "openid profile"));
        assert!(!admits(&[], "openid read"));
        assert!(
            admits(&[id("https://read.example")], "openid profile read"),
            "profile is this provider's own"
        );
        assert!(!admits(&[id("https://read.example")], "openid pay"));
        assert!(admits(&[id("https://read.example"), id("https://pay.example")], "openid pay"));
    }

    #[test]
    fn resources_with_different_algorithms_share_no_token() {
        let client = client(None);
        let algorithm = |named: &[ResourceId]| client.target(named, ISSUER).unwrap().algorithm();
        assert_eq!(algorithm(&[]), Some(JwsAlgorithm::ES256));
        assert_eq!(algorithm(&[id("https://read.example")]), Some(JwsAlgorithm::RS256));
        let both = [id("https://read.example"), id("https://pay.example")];
        assert_eq!(algorithm(&both), None);
        let parts = client.target(&both, ISSUER).unwrap().by_algorithm();
        let parts: Vec<_> = parts.iter().map(|part| (part.algorithm().unwrap(), part.audience())).collect();
        let (read, pay) = (vec!["https://read.example"], vec!["https://pay.example"]);
        assert_eq!(parts, [(JwsAlgorithm::ES256, pay), (JwsAlgorithm::RS256, read)]);
        let general = client.target(&[], ISSUER).unwrap();
        assert_eq!(general.by_algorithm(), [general]);
        // An audience that is not a resource is part of each.
        let all = [id(ISSUER), id("https://read.example"), id("https://pay.example")];
        let parts = client.target(&all, ISSUER).unwrap().by_algorithm();
        let parts: Vec<_> = parts.iter().map(Target::audience).collect();
        assert_eq!(parts, [[ISSUER, "https://pay.example"], [ISSUER, "https://read.example"]]);
    }
}
