//! The protections of a client and its users that would be lost if its entry is overwritten.
//!
//! Overwriting an entry resets every member that is not repeated, and nobody notices a lost protection until it is
//! needed. So the operator has to name each protection that the new entry drops.

use crate::domain::base::confirmation::SenderConstraint;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::profile::Profile;
use crate::domain::client::Client;
use crate::domain::client::client_authentication::{AssertionAudience, ClientAuthentication};
use crate::domain::client::subject_type::SubjectType;

/// The protections of `old` that `new` does not have, by the names of their members.
pub fn lost(old: &Client, new: &Client) -> Vec<&'static str> {
    // Each member is listed, so that adding one forces a decision on whether it is a protection.
    let Client {
        id: _,
        name: _,
        authentication,
        keys: _,
        profile,
        request_signing,
        sender_constraint,
        authorization_details_types: _,
        subject_type,
        delivery: _,
        may_use_ciba: _,
        may_refresh: _,
        rotates_refresh_tokens,
        scope: _,
        audience: _,
        resources,
        introspects: _,
        id_token_algorithm,
        hint_kinds,
        requires_passkey,
        requires_binding_message,
        high_risk_scope,
        scope_descriptions,
        takes_user_code,
        sends_json: _,
        active,
    } = old;
    let loses_risk = high_risk_scope.iter().flat_map(|risky| risky.values()).any(|value| {
        new.scope.contains(value) && !new.high_risk_scope.as_ref().is_some_and(|risky| risky.contains(value))
    });
    let loses_words = scope_descriptions
        .keys()
        .any(|value| new.scope.contains(value) && !new.scope_descriptions.contains_key(value));
    let signs_resources_weaker = resources.iter().any(|resource| {
        let same = new.resources.iter().find(|other| other.id == resource.id);
        same.is_some_and(|same| is_weaker(resource.algorithm, same.algorithm))
    });
    // Sender-constrained refresh tokens need no rotation (RFC 9700 §4.14.2).
    let keeps_refresh_tokens = *rotates_refresh_tokens
        && !new.rotates_refresh_tokens
        && new.may_refresh
        && new.sender_constraint == SenderConstraint::default();
    let assertions = |authentication: &ClientAuthentication| match authentication {
        ClientAuthentication::PrivateKeyJwt { algorithm, audience } => Some((*algorithm, *audience)),
        ClientAuthentication::ClientSecretBasic(_)
        | ClientAuthentication::ClientSecretPost(_)
        | ClientAuthentication::TlsClientAuth(_)
        | ClientAuthentication::SelfSignedTlsClientAuth => None,
    };
    let (was, is) = (assertions(authentication), assertions(&new.authentication));
    let both = was.zip(is);
    let widens_audience = both.is_some_and(|((_, was), (_, is))| {
        was == AssertionAudience::Issuer && is != AssertionAudience::Issuer
    });
    let is_secret = |authentication: &ClientAuthentication| authentication.method().is_shared_secret();
    named([
        ("active", !active && new.active),
        ("profile", new.profile < *profile),
        ("require_passkey", *requires_passkey && !new.requires_passkey),
        ("require_binding_message", *requires_binding_message && !new.requires_binding_message),
        ("high_risk_scope", loses_risk),
        ("token_endpoint_auth_method", !is_secret(authentication) && is_secret(&new.authentication)),
        ("token_endpoint_auth_signing_alg", both.is_some_and(|((was, _), (is, _))| allows_more(was, is))),
        ("assertion_audience", widens_audience),
        (
            "backchannel_authentication_request_signing_alg",
            allows_more(*request_signing, new.request_signing),
        ),
        (
            "tls_client_certificate_bound_access_tokens",
            sender_constraint.certificate && !new.sender_constraint.certificate,
        ),
        ("dpop_bound_access_tokens", sender_constraint.dpop && !new.sender_constraint.dpop),
        ("subject_type", *subject_type != SubjectType::Public && new.subject_type == SubjectType::Public),
        ("hint_kinds", new.hint_kinds.names().any(|kind| !hint_kinds.names().any(|known| known == kind))),
        ("backchannel_user_code_parameter", *takes_user_code && !new.takes_user_code),
        ("refresh_token_rotation", keeps_refresh_tokens),
        ("id_token_signed_response_alg", is_weaker(*id_token_algorithm, new.id_token_algorithm)),
        ("resources", signs_resources_weaker),
        ("scope_descriptions", loses_words),
    ])
}

/// The names of the lost protections.
pub(in crate::domain) fn named<const N: usize>(all: [(&'static str, bool); N]) -> Vec<&'static str> {
    all.into_iter().filter_map(|(name, is_lost)| is_lost.then_some(name)).collect()
}

/// Whether a signature by `old` is no longer required, or may now use a weaker algorithm.
fn allows_more(old: Option<JwsAlgorithm>, new: Option<JwsAlgorithm>) -> bool {
    match (old, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => is_weaker(old, new),
    }
}

/// Whether FAPI allows `old` but not `new`.
fn is_weaker(old: JwsAlgorithm, new: JwsAlgorithm) -> bool {
    let strong = JwsAlgorithm::of_clients(Profile::FapiCiba);
    strong.contains(&old) && !strong.contains(&new)
}
