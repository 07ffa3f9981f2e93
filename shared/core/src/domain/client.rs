//! The client: how it authenticates, what it may ask for, and how it gets the result.

pub mod certificate_subject;
pub mod client_assertion;
pub mod client_authentication;
pub mod client_keys;
pub mod distinguished_name;
pub mod fapi_ciba;
pub mod hint_form;
pub mod notification_token;
pub mod request_object;
pub mod resource;
pub mod sector;
pub mod subject_type;
pub mod target;
pub mod weakening;

use std::collections::BTreeMap;

use url::Url;

use crate::domain::base::address::OwnHosts;
use crate::domain::base::confirmation::SenderConstraint;
use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::domain::base::profile::Profile;
use crate::domain::base::scope::Scope;
use crate::domain::client::client_authentication::{AuthenticationMethod, ClientAuthentication};
use crate::domain::client::client_keys::ClientKeys;
use crate::domain::client::hint_form::HintForms;
use crate::domain::client::resource::Resource;
use crate::domain::client::subject_type::SubjectType;

/// `client_id`: 1 to 128 visible ASCII characters (RFC 6749 App. A.1), without the space.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(String);

impl ClientId {
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| matches!(b, 0x21..=0x7e));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How the result reaches the client (CIBA §5). It is registered for the client, never chosen by a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryMode {
    Poll,
    Ping,
    Push,
}

impl DeliveryMode {
    pub const ALL: [Self; 3] = [Self::Poll, Self::Ping, Self::Push];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Ping => "ping",
            Self::Push => "push",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// How the result reaches the client, with the endpoint for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Poll,
    Ping(NotificationEndpoint),
    Push(NotificationEndpoint),
}

impl Delivery {
    pub const fn mode(&self) -> DeliveryMode {
        match self {
            Self::Poll => DeliveryMode::Poll,
            Self::Ping(_) => DeliveryMode::Ping,
            Self::Push(_) => DeliveryMode::Push,
        }
    }

    /// `backchannel_client_notification_endpoint`.
    pub const fn endpoint(&self) -> Option<&NotificationEndpoint> {
        match self {
            Self::Poll => None,
            Self::Ping(endpoint) | Self::Push(endpoint) => Some(endpoint),
        }
    }
}

/// The client notification endpoint (CIBA §9). It is registered beforehand, never taken from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationEndpoint(String);

impl NotificationEndpoint {
    /// An https URL of at most 512 bytes on a public host that is not one of this provider's `own`; otherwise a
    /// client could make the provider call itself or its own network. For a local provider, URLs on `localhost`
    /// are also allowed. The addresses that the name resolves to are checked before each call.
    pub fn parse(text: &str, own: OwnHosts<'_>) -> Option<Self> {
        let is_foreign = Url::parse(text).is_ok_and(|url| text.len() <= 512 && own.admit(&url));
        is_foreign.then(|| Self(text.to_owned()))
    }

    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Words for scope values: by value, then by language (BCP 47, such as `de`).
pub type ScopeDescriptions = BTreeMap<String, BTreeMap<String, String>>;

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: ClientId,
    /// The name that the person sees.
    pub name: String,
    pub authentication: ClientAuthentication,
    /// The keys with which it signs assertions and requests, or its certificates.
    pub keys: Option<ClientKeys>,
    /// The security profile that it has to follow.
    pub profile: Profile,
    /// `backchannel_authentication_request_signing_alg` (CIBA §4): if it is set, unsigned requests are refused.
    pub request_signing: Option<JwsAlgorithm>,
    /// The bindings that its access tokens must have.
    pub sender_constraint: SenderConstraint,
    /// The values of `type` that it may send in `authorization_details` (RFC 9396 §10).
    pub authorization_details_types: Vec<String>,
    pub subject_type: SubjectType,
    pub delivery: Delivery,
    /// Whether `urn:openid:params:grant-type:ciba` is among its `grant_types`.
    pub may_use_ciba: bool,
    /// Whether `refresh_token` is among them.
    pub may_refresh: bool,
    /// Whether a refresh token is replaced at each use. FAPI 2.0 does not allow that (§5.3.2.1).
    pub rotates_refresh_tokens: bool,
    /// The scope values it may ask for.
    pub scope: Scope,
    /// `aud` of its access tokens. Default: the issuer.
    pub audience: Option<String>,
    /// The resources that it may request with `resource`.
    pub resources: Vec<Resource>,
    /// The audiences for which it is the resource server: it may introspect their tokens in addition to its own.
    pub introspects: Vec<String>,
    /// `id_token_signed_response_alg`.
    pub id_token_algorithm: JwsAlgorithm,
    /// The forms of hints that it may send.
    pub hint_kinds: HintForms,
    /// Whether its requests can be approved only with a passkey.
    pub requires_passkey: bool,
    /// Whether each of its requests must have a `binding_message`.
    pub requires_binding_message: bool,
    /// The scope values that a recently added passkey cannot approve, because an attacker may have added it.
    pub high_risk_scope: Option<Scope>,
    /// The texts that the person sees for the client's own scope values: by value, then by language.
    pub scope_descriptions: ScopeDescriptions,
    /// `backchannel_user_code_parameter` (CIBA §4).
    pub takes_user_code: bool,
    /// Whether it may send its parameters as JSON to the token endpoint, as Auth0's Python SDK does.
    pub sends_json: bool,
    pub active: bool,
}

impl Client {
    /// Whether its access token is bound to the certificate that it presents in the token request. This is always
    /// the case if it is registered for that (RFC 8705 §3.4). A client that authenticates with its certificate
    /// has to present it anyway, so its token is bound to it as well, unless the client `shows_key` (sends a DPoP
    /// proof) and has thereby chosen DPoP.
    pub fn binds_to_certificate(&self, shows_key: bool) -> bool {
        binds_to_certificate(self.sender_constraint, self.authentication.method(), shows_key)
    }

    /// Whether it may send authentication requests at all. Poll and ping clients need the CIBA grant type; a push
    /// client does not, because it does not use the token endpoint (CIBA §4).
    pub fn may_ask(&self) -> bool {
        self.may_use_ciba || self.delivery.mode() == DeliveryMode::Push
    }
}

const fn binds_to_certificate(
    constraint: SenderConstraint,
    method: AuthenticationMethod,
    shows_key: bool,
) -> bool {
    constraint.certificate || (method.is_mutual_tls() && !shows_key)
}

#[cfg(test)]
impl Client {
    /// A client that may ask for `openid`, for tests of something else.
    pub(crate) fn example() -> Self {
        Self {
            id: ClientId::parse("kiosk").unwrap(),
            name: "Kiosk".to_owned(),
            authentication: ClientAuthentication::ClientSecretBasic(
                crate::domain::base::secret::SecretHash::OF_NOTHING,
            ),
            keys: None,
            profile: Profile::Plain,
            request_signing: None,
            sender_constraint: SenderConstraint::default(),
            authorization_details_types: vec![],
            subject_type: SubjectType::Public,
            delivery: Delivery::Poll,
            may_use_ciba: true,
            may_refresh: false,
            rotates_refresh_tokens: true,
            scope: Scope::parse(Scope::OPENID).unwrap(),
            audience: None,
            resources: vec![],
            introspects: vec![],
            id_token_algorithm: JwsAlgorithm::ES256,
            hint_kinds: HintForms::all(),
            requires_passkey: false,
            requires_binding_message: false,
            high_risk_scope: None,
            scope_descriptions: ScopeDescriptions::new(),
            takes_user_code: false,
            sends_json: false,
            active: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TOK-5-04, TOK-5-06: "shown alone" means that the client authenticates by mutual TLS and proves no other
    /// key.
    #[test]
    fn a_certificate_binds_if_registered_or_shown_alone() {
        let registered = SenderConstraint { certificate: true, dpop: false };
        let free = SenderConstraint::default();
        for method in AuthenticationMethod::ALL {
            for shows_key in [false, true] {
                assert!(binds_to_certificate(registered, method, shows_key), "{method:?}");
            }
            assert_eq!(binds_to_certificate(free, method, false), method.is_mutual_tls(), "{method:?}");
            assert!(!binds_to_certificate(free, method, true), "{method:?}");
        }
    }

    /// CIBA-4-08, HYG-4-03, ATK-6-01, CIBA-9-01
    #[test]
    fn a_notification_endpoint_is_a_public_https_host_not_ours() {
        let names = &["op.example", "mtls.op.example"];
        let parse = |text: &str, is_local| NotificationEndpoint::parse(text, OwnHosts { names, is_local });
        let endpoint = parse("https://client.example/ciba?tenant=7", false).unwrap();
        assert_eq!(endpoint.as_str(), "https://client.example/ciba?tenant=7");
        for text in [
            "http://client.example/",
            "https://10.0.0.1/",
            "https://localhost/",
            "https://client.example:8443/",
            "https://u:p@client.example/",
            "https://client.example/#f",
            "https://op.example/oauth/token",
            "https://OP.example/",
            "https://op.example./oauth/token",
            "https://mtls.op.example/oauth/token",
            "https://MTLS.op.example./",
            "/ciba",
            "",
            &format!("https://client.example/{}", "a".repeat(512)),
        ] {
            assert_eq!(parse(text, false), None, "{text}");
        }
        assert!(parse("http://localhost:9200/ciba", true).is_some());
    }

    #[test]
    fn a_client_id_is_visible_ascii() {
        assert!(ClientId::parse("kiosk-7").is_some());
        for text in ["", "a b", "kiösk", "a\u{7f}", &"a".repeat(129)] {
            assert!(ClientId::parse(text).is_none(), "{text:?}");
        }
    }
}
