//! The backchannel authentication endpoint (CIBA §7, §13).

use derive_more::From;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::base::scope::Scope;
use crate::domain::client::notification_token::ClientNotificationToken;
use crate::domain::client::resource::ResourceId;
use crate::domain::client::{Client, DeliveryMode};
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::domain::details::request_context::RequestContext;
use crate::domain::person::user_code::UserCode;
use crate::domain::request::auth_req_id::AuthReqId;
use crate::domain::request::binding_message::BindingMessage;
use crate::domain::request::lifetime::parse_requested_expiry;
use crate::protocol::error::{Answer, Common, ProtocolError, answer};
use crate::protocol::parameters::Parameters;
use crate::protocol::request_object::SignedRequest;
use crate::protocol::resource;

/// The longest `acr_values`. Unit: bytes.
const MAX_ACR_VALUES: usize = 512;
/// The longest `id_token_hint` or `login_hint_token`. Unit: bytes.
const MAX_HINT_TOKEN: usize = 8 * 1024;

/// The errors of CIBA §13, in its order, and those of HTTP itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum BackchannelAuthenticationError {
    #[from]
    Common(Common),
    InvalidScope(&'static str),
    ExpiredLoginHintToken,
    UnknownUserId,
    UnauthorizedClient,
    MissingUserCode,
    InvalidUserCode,
    InvalidBindingMessage(&'static str),
    /// RFC 8707 §2.
    InvalidTarget(&'static str),
    /// RFC 9396 §5.
    InvalidAuthorizationDetails(&'static str),
    AccessDenied,
}

impl ProtocolError for BackchannelAuthenticationError {
    fn answer(self) -> Answer {
        match self {
            Self::Common(it) => it.answer(),
            Self::InvalidScope(why) => answer(400, "invalid_scope", why),
            Self::ExpiredLoginHintToken => {
                answer(400, "expired_login_hint_token", "login_hint_token has expired")
            }
            Self::UnknownUserId => {
                answer(400, "unknown_user_id", "the hint does not identify a person who can be asked")
            }
            Self::UnauthorizedClient => {
                answer(400, "unauthorized_client", "the client is not registered for CIBA")
            }
            Self::MissingUserCode => {
                answer(400, "missing_user_code", "user_code is required for this person")
            }
            Self::InvalidUserCode => answer(400, "invalid_user_code", "user_code is not accepted"),
            Self::InvalidBindingMessage(why) => answer(400, "invalid_binding_message", why),
            Self::InvalidTarget(why) => answer(400, "invalid_target", why),
            Self::InvalidAuthorizationDetails(why) => answer(400, "invalid_authorization_details", why),
            Self::AccessDenied => {
                answer(403, "access_denied", "the request was refused without asking the person")
            }
        }
    }
}

/// The hint of a request as it was sent, not parsed yet.
pub enum PresentedHint {
    LoginHint(String),
    IdTokenHint(String),
    LoginHintToken(String),
}

impl PresentedHint {
    /// Exactly one of the three hints is required (CIBA §7.2, step 3).
    fn parse(form: &Parameters) -> Result<Self, Common> {
        use Common::InvalidRequest;
        let token = |token: &str, why| {
            if token.len() > MAX_HINT_TOKEN { Err(InvalidRequest(why)) } else { Ok(token.to_owned()) }
        };
        let get = |name| form.get(name);
        match (get("login_hint_token"), get("id_token_hint"), get("login_hint")) {
            (Some(hint), None, None) => {
                token(hint, "login_hint_token is longer than 8 KiB").map(Self::LoginHintToken)
            }
            (None, Some(hint), None) => {
                token(hint, "id_token_hint is longer than 8 KiB").map(Self::IdTokenHint)
            }
            (None, None, Some(hint)) => Ok(Self::LoginHint(hint.to_owned())),
            (None, None, None) => {
                Err(InvalidRequest("login_hint, id_token_hint or login_hint_token is missing"))
            }
            (_, _, _) => Err(InvalidRequest("more than one hint")),
        }
    }
}

/// A validated authentication request (CIBA §7.1), before its hint is resolved. It is the same for signed and
/// unsigned requests.
pub struct BackchannelAuthenticationRequest {
    pub scope: Scope,
    pub resources: Vec<ResourceId>,
    pub hint: PresentedHint,
    pub binding_message: Option<BindingMessage>,
    pub acr_values: Option<String>,
    pub requested_expiry: Option<Duration>,
    /// RFC 9396; empty if absent.
    pub authorization_details: AuthorizationDetails,
    /// The client's information about the context (FAPI-CIBA §5.3).
    pub request_context: Option<Map<String, Value>>,
    /// Only for clients that are registered to send it; otherwise it is ignored (CIBA §7.1.2).
    pub user_code: Option<UserCode>,
    /// Only for ping and push clients; a poll client's token is ignored.
    pub notification_token: Option<ClientNotificationToken>,
    /// What the client sent besides, for the operator's policy.
    pub further: FurtherParameters,
    /// The JWT with all of this, if the request was signed. `parse` leaves it empty.
    pub signed: Option<SignedRequest>,
}

impl BackchannelAuthenticationRequest {
    /// Validates the parameters sent by `client` (CIBA §7.2, steps 3 and 6). Unknown ones are ignored.
    pub fn parse(form: &Parameters, client: &Client) -> Result<Self, BackchannelAuthenticationError> {
        use BackchannelAuthenticationError::{InvalidBindingMessage, InvalidScope};
        use Common::InvalidRequest;

        // Step 3: exactly one hint.
        let hint = PresentedHint::parse(form)?;
        // Step 6: all other parameters.
        let scope = form.get("scope").ok_or(InvalidRequest("scope is missing"))?;
        if scope.len() > Scope::MAX_SENT {
            return Err(InvalidRequest("scope is longer than 1024 bytes").into());
        }
        let scope = Scope::parse(scope).ok_or(InvalidScope("scope has characters that are not allowed"))?;
        if !scope.contains(Scope::OPENID) {
            return Err(InvalidScope("scope must contain openid"));
        }
        let binding_message = form
            .get("binding_message")
            .map(|text| BindingMessage::parse(text, &client.name))
            .transpose()
            .map_err(InvalidBindingMessage)?;
        // Older versions of Auth0's SDKs send `request_expiry`.
        let requested_expiry = form
            .get("requested_expiry")
            .or_else(|| form.get("request_expiry"))
            .map(|text| {
                parse_requested_expiry(text)
                    .ok_or(InvalidRequest("requested_expiry is not a positive number of seconds"))
            })
            .transpose()?;
        let acr_values = form.get("acr_values").map(str::to_owned);
        if acr_values.as_ref().is_some_and(|values| {
            values.len() > MAX_ACR_VALUES || !values.bytes().all(|b| matches!(b, 0x20..=0x7e))
        }) {
            return Err(InvalidRequest("acr_values is longer than 512 bytes or not ASCII").into());
        }
        let resources = resource::parse(form).map_err(BackchannelAuthenticationError::InvalidTarget)?;
        let details = form.get("authorization_details").map(AuthorizationDetails::parse).transpose();
        let details = details.map_err(BackchannelAuthenticationError::InvalidAuthorizationDetails)?;
        let context = form.get("request_context").map(RequestContext::parse).transpose();
        let context = context.map_err(InvalidRequest)?;
        let user_code = if client.takes_user_code { user_code(form)? } else { None };
        let notification_token = match client.delivery.mode() {
            DeliveryMode::Poll => None,
            DeliveryMode::Ping | DeliveryMode::Push => Some(notification_token(form)?),
        };
        Ok(Self {
            scope,
            resources,
            hint,
            binding_message,
            acr_values,
            requested_expiry,
            authorization_details: details.unwrap_or_default(),
            request_context: context.map(RequestContext::into_members),
            user_code,
            notification_token,
            further: FurtherParameters::of(form),
            signed: None,
        })
    }
}

/// Parameters that this provider does not know, and ignores (RFC 6749 §3.2).
///
/// # Security
/// An operator's function gets them, so no credential, hint or code may be among them, known or unknown to the request.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct FurtherParameters(BTreeMap<String, String>);

/// The parameters that are known, or for client authentication, or not supported; and those of other endpoints that are
/// credentials, which a confused client may send here.
pub(super) const KNOWN: [&str; 31] = [
    "access_token",
    "acr_values",
    "actor_token",
    "assertion",
    "audience",
    "auth_req_id",
    "authorization_details",
    "binding_message",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_notification_token",
    "client_secret",
    "code",
    "code_verifier",
    "id_token",
    "id_token_hint",
    "login_hint",
    "login_hint_token",
    "password",
    "refresh_token",
    "request",
    "request_context",
    "request_expiry",
    "request_uri",
    "requested_expiry",
    "resource",
    "scope",
    "subject_token",
    "token",
    "user_code",
];

impl FurtherParameters {
    /// The longest in JSON. Unit: bytes.
    pub const MAX: usize = 4 * 1024;

    fn of(form: &Parameters) -> Self {
        let further = form.names().filter(|name| !KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known)));
        Self(further.filter_map(|name| Some((name.to_owned(), form.get(name)?.to_owned()))).collect())
    }

    pub fn fit(&self) -> bool {
        serde_json::to_string(self).is_ok_and(|json| json.len() <= Self::MAX)
    }
}

/// The `user_code`, if there is one (CIBA §7.1.2).
fn user_code(form: &Parameters) -> Result<Option<UserCode>, Common> {
    let code = form.get("user_code").map(|text| {
        UserCode::parse(text).ok_or(Common::InvalidRequest(
            "user_code is longer than 64 characters, or has control characters",
        ))
    });
    code.transpose()
}

/// The `client_notification_token` that ping and push clients have to send (CIBA §7.1).
fn notification_token(form: &Parameters) -> Result<ClientNotificationToken, Common> {
    use Common::InvalidRequest;
    let text = form.get("client_notification_token").ok_or(InvalidRequest(
        "client_notification_token is missing; it is required for ping and push clients",
    ))?;
    ClientNotificationToken::parse(text).ok_or(InvalidRequest(
        "client_notification_token is not a bearer token (RFC 6750) of 22-1024 characters",
    ))
}

/// The acknowledgement (CIBA §7.3).
#[derive(Serialize)]
pub struct BackchannelAuthenticationResponse {
    pub auth_req_id: AuthReqId,
    /// Unit: seconds, from the receipt of the request.
    pub expires_in: u64,
    /// Unit: seconds. It is always sent to poll and ping clients, because several SDKs require it. Push clients do
    /// not poll, so they do not get it (CIBA §7.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
}

#[cfg(test)]
mod tests;
