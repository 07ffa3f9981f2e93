//! The client: who may ask, how it authenticates, and what it may ask for.

use std::collections::BTreeMap;

use url::Url;

use crate::domain::address::is_allowed;
use crate::domain::hint_form::HintForms;
use crate::domain::jws_algorithm::JwsAlgorithm;
use crate::domain::resource::Resource;
use crate::domain::scope::Scope;
use crate::domain::secret::{Secret, SecretHash};

/// `client_id`: 1 to 128 visible ASCII characters (RFC 6749 App. A.1 allows no others).
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

/// `token_endpoint_auth_method`, for the token and the backchannel authentication endpoint alike (CIBA §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationMethod {
    ClientSecretBasic,
    ClientSecretPost,
}

impl AuthenticationMethod {
    /// In the order of preference in which the metadata lists them.
    pub const ALL: [Self; 2] = [Self::ClientSecretBasic, Self::ClientSecretPost];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// How a client proves that it is itself: the registered method with what it needs.
/// A further method is a further variant with its own data.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    ClientSecretBasic(SecretHash),
    ClientSecretPost(SecretHash),
}

/// What a request presents as proof.
#[derive(Clone, Debug)]
pub enum PresentedCredential {
    ClientSecretBasic(Secret),
    ClientSecretPost(Secret),
}

impl ClientAuthentication {
    pub const fn method(&self) -> AuthenticationMethod {
        match self {
            Self::ClientSecretBasic(_) => AuthenticationMethod::ClientSecretBasic,
            Self::ClientSecretPost(_) => AuthenticationMethod::ClientSecretPost,
        }
    }

    /// The method used must be the one registered (`CAUTH-1-02`), and the credential must be right.
    pub fn accepts(&self, presented: &PresentedCredential) -> bool {
        match (self, presented) {
            (Self::ClientSecretBasic(hash), PresentedCredential::ClientSecretBasic(secret))
            | (Self::ClientSecretPost(hash), PresentedCredential::ClientSecretPost(secret)) => {
                hash.matches(secret)
            }
            (Self::ClientSecretBasic(_), PresentedCredential::ClientSecretPost(secret))
            | (Self::ClientSecretPost(_), PresentedCredential::ClientSecretBasic(secret)) => {
                // A wrong method takes the time of a wrong secret.
                let _ = SecretHash::OF_NOTHING.matches(secret);
                false
            }
        }
    }
}

/// How the result reaches the client (CIBA §5). Registered per client, never chosen by a request.
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

/// How the result reaches the client, with what that needs.
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

/// The client notification endpoint (CIBA §9): registered beforehand, never taken from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationEndpoint(String);

impl NotificationEndpoint {
    /// An https URL of at most 512 bytes on a public host (`HYG-4-03`), which is not this provider's `own_host`. With
    /// `local`, anything on `localhost` too. What its name resolves to is looked at before each call.
    pub fn parse(text: &str, own_host: &str, local: bool) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| text.len() <= 512 && is_allowed(url, local))?;
        let is_own = !local && url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(own_host));
        (!is_own).then(|| Self(text.to_owned()))
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
    /// What the person reads as the name of who asks.
    pub name: String,
    pub authentication: ClientAuthentication,
    pub delivery: Delivery,
    /// Whether `urn:openid:params:grant-type:ciba` is among its `grant_types`.
    pub may_use_ciba: bool,
    /// Whether `refresh_token` is among them.
    pub may_refresh: bool,
    /// Whether a refresh token is replaced at each use. Never so under FAPI 2.0 (§5.3.2.1).
    pub rotates_refresh_tokens: bool,
    /// The scope values it may ask for.
    pub scope: Scope,
    /// `aud` of its access tokens. Default: the issuer.
    pub audience: Option<String>,
    /// What it may name as `resource`.
    pub resources: Vec<Resource>,
    /// The audiences whose tokens it may introspect, beside its own tokens: it is their resource server.
    pub introspects: Vec<String>,
    /// `id_token_signed_response_alg`.
    pub id_token_algorithm: JwsAlgorithm,
    /// The forms in which it may name a person.
    pub hint_kinds: HintForms,
    /// Whether only a passkey approves what it asks for.
    pub requires_passkey: bool,
    /// The scope values that only a passkey approves which was not added just now (`ATK-7-05`).
    pub high_risk_scope: Option<Scope>,
    /// What the person reads for a scope value of the client's own: by value, then by language.
    pub scope_descriptions: ScopeDescriptions,
    /// `backchannel_user_code_parameter` (CIBA §4).
    pub takes_user_code: bool,
    pub active: bool,
}

impl Client {
    /// Whether it may ask for people at all. A push client collects nothing, so it needs no grant type for it
    /// (`CIBA-4-09`).
    pub fn may_ask(&self) -> bool {
        self.may_use_ciba || self.delivery.mode() == DeliveryMode::Push
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CAUTH-1-02
    #[test]
    fn the_right_secret_by_the_wrong_method_is_refused() {
        let secret = || Secret::new("s".repeat(43));
        let registered = ClientAuthentication::ClientSecretBasic(secret().hash());
        assert!(registered.accepts(&PresentedCredential::ClientSecretBasic(secret())));
        assert!(!registered.accepts(&PresentedCredential::ClientSecretPost(secret())));
    }

    /// CIBA-4-08, HYG-4-03, ATK-6-01
    #[test]
    fn a_notification_endpoint_is_https_on_a_public_host_that_is_not_ours() {
        let parse = |text: &str, local| NotificationEndpoint::parse(text, "op.example", local);
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
