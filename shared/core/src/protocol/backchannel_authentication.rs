//! The backchannel authentication endpoint (CIBA §7, §13).

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::base::scope::Scope;
use crate::domain::client::notification_token::ClientNotificationToken;
use crate::domain::client::resource::ResourceId;
use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::domain::details::request_context::RequestContext;
use crate::domain::person::user_code::UserCode;
use crate::domain::request::binding_message::BindingMessage;
use crate::domain::request::lifetime::parse_requested_expiry;
use crate::protocol::error::{CLIENT_CHALLENGE, ClientFacingError, ProtocolError};
use crate::protocol::parameters::Parameters;
use crate::protocol::request_object::SignedRequest;
use crate::protocol::resource;

/// Unit: bytes.
const MAX_ACR_VALUES: usize = 512;
/// Unit: bytes.
const MAX_HINT_TOKEN: usize = 8 * 1024;

/// CIBA §13, in its order, and what HTTP itself needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackchannelAuthenticationError {
    InvalidRequest(&'static str),
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
    InvalidClient,
    AccessDenied,
    MethodNotAllowed,
    TemporarilyUnavailable,
    ServerError,
}

impl ProtocolError for BackchannelAuthenticationError {
    const TEMPORARILY_UNAVAILABLE: Self = Self::TemporarilyUnavailable;
    const SERVER_ERROR: Self = Self::ServerError;

    fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::MethodNotAllowed => "invalid_request",
            Self::InvalidScope(_) => "invalid_scope",
            Self::ExpiredLoginHintToken => "expired_login_hint_token",
            Self::UnknownUserId => "unknown_user_id",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::MissingUserCode => "missing_user_code",
            Self::InvalidUserCode => "invalid_user_code",
            Self::InvalidBindingMessage(_) => "invalid_binding_message",
            Self::InvalidTarget(_) => "invalid_target",
            Self::InvalidAuthorizationDetails(_) => "invalid_authorization_details",
            Self::InvalidClient => "invalid_client",
            Self::AccessDenied => "access_denied",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InvalidRequest(_)
            | Self::InvalidScope(_)
            | Self::ExpiredLoginHintToken
            | Self::UnknownUserId
            | Self::UnauthorizedClient
            | Self::MissingUserCode
            | Self::InvalidUserCode
            | Self::InvalidBindingMessage(_)
            | Self::InvalidTarget(_)
            | Self::InvalidAuthorizationDetails(_) => 400,
            Self::InvalidClient => 401,
            Self::AccessDenied => 403,
            Self::MethodNotAllowed => 405,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why)
            | Self::InvalidScope(why)
            | Self::InvalidBindingMessage(why)
            | Self::InvalidTarget(why)
            | Self::InvalidAuthorizationDetails(why) => why,
            Self::ExpiredLoginHintToken => "login_hint_token has expired",
            Self::UnknownUserId => "the hint names nobody who can be asked",
            Self::UnauthorizedClient => "the client is not registered for CIBA",
            Self::MissingUserCode => "this person is asked with user_code only",
            Self::InvalidUserCode => "user_code is not accepted",
            Self::InvalidClient => "client authentication failed",
            Self::AccessDenied => "the request is refused before anybody is asked",
            Self::MethodNotAllowed => "the endpoint takes POST only",
            Self::TemporarilyUnavailable => "try again after the time in Retry-After",
            Self::ServerError => "an unexpected fault; nothing was done",
        }
    }

    fn allow(self) -> Option<&'static str> {
        (self == Self::MethodNotAllowed).then_some("POST")
    }

    fn challenge(self) -> Option<String> {
        (self == Self::InvalidClient).then(|| CLIENT_CHALLENGE.to_owned())
    }
}

impl ClientFacingError for BackchannelAuthenticationError {
    const INVALID_CLIENT: Self = Self::InvalidClient;
    const METHOD_NOT_ALLOWED: Self = Self::MethodNotAllowed;

    fn invalid_request(why: &'static str) -> Self {
        Self::InvalidRequest(why)
    }
}

/// The one hint of a request, as it was sent. What it says is not looked at yet.
pub enum PresentedHint {
    LoginHint(String),
    IdTokenHint(String),
    LoginHintToken(String),
}

impl PresentedHint {
    /// Exactly one of the three (CIBA §7.2, step 3).
    fn parse(form: &Parameters) -> Result<Self, BackchannelAuthenticationError> {
        use BackchannelAuthenticationError::InvalidRequest;
        let token = |token: &str, why| match token.len() > MAX_HINT_TOKEN {
            true => Err(InvalidRequest(why)),
            false => Ok(token.to_owned()),
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

/// A validated authentication request (CIBA §7.1), before its hint is resolved. How it came, signed or not, makes no
/// difference here.
pub struct BackchannelAuthenticationRequest {
    pub scope: Scope,
    pub resources: Vec<ResourceId>,
    pub hint: PresentedHint,
    pub binding_message: Option<BindingMessage>,
    pub acr_values: Option<String>,
    pub requested_expiry: Option<Duration>,
    /// RFC 9396. Empty: there is none.
    pub authorization_details: AuthorizationDetails,
    /// What the client says about the circumstances (FAPI-CIBA §5.3).
    pub request_context: Option<Map<String, Value>>,
    /// The JWT that all of this was in, if it was signed. Parsing leaves it empty.
    pub signed: Option<SignedRequest>,
}

impl BackchannelAuthenticationRequest {
    /// Validates the parameters (CIBA §7.2, steps 3 and 6). Unknown ones are ignored, and so is a
    /// `client_notification_token`, which poll clients do not need; `user_code` is read by [`user_code`].
    /// `client_name` is that of the client that sends them.
    pub fn parse(form: &Parameters, client_name: &str) -> Result<Self, BackchannelAuthenticationError> {
        use BackchannelAuthenticationError::{InvalidBindingMessage, InvalidRequest, InvalidScope};

        // Step 3: exactly one hint.
        let hint = PresentedHint::parse(form)?;
        // Step 6: all other parameters.
        let scope = form.get("scope").ok_or(InvalidRequest("scope is missing"))?;
        if scope.len() > Scope::MAX_SENT {
            return Err(InvalidRequest("scope is longer than 1024 bytes"));
        }
        let scope = Scope::parse(scope).ok_or(InvalidScope("scope has characters that no scope has"))?;
        if !scope.contains(Scope::OPENID) {
            return Err(InvalidScope("scope must contain openid"));
        }
        let binding_message = form
            .get("binding_message")
            .map(|text| BindingMessage::parse(text, client_name))
            .transpose()
            .map_err(InvalidBindingMessage)?;
        // `request_expiry` is what older versions of Auth0's SDKs send.
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
            return Err(InvalidRequest("acr_values is longer than 512 bytes or not ASCII"));
        }
        let resources = resource::parse(form).map_err(BackchannelAuthenticationError::InvalidTarget)?;
        let details = form.get("authorization_details").map(AuthorizationDetails::parse).transpose();
        let details = details.map_err(BackchannelAuthenticationError::InvalidAuthorizationDetails)?;
        let context = form.get("request_context").map(RequestContext::parse).transpose();
        let context = context.map_err(InvalidRequest)?;
        Ok(Self {
            scope,
            resources,
            hint,
            binding_message,
            acr_values,
            requested_expiry,
            authorization_details: details.unwrap_or_default(),
            request_context: context.map(RequestContext::into_members),
            signed: None,
        })
    }
}

/// The `user_code` of a client that is registered to send one. Nobody else's is looked at (`CIBA-7.1.2-05`).
pub fn user_code(form: &Parameters) -> Result<Option<UserCode>, BackchannelAuthenticationError> {
    let code = form.get("user_code").map(|text| {
        UserCode::parse(text).ok_or(BackchannelAuthenticationError::InvalidRequest(
            "user_code is longer than 64 characters, or has control characters",
        ))
    });
    code.transpose()
}

/// The `client_notification_token` of a ping or push client (`CIBA-7.1-06`). A poll client's is not looked at.
pub fn notification_token(
    form: &Parameters,
) -> Result<ClientNotificationToken, BackchannelAuthenticationError> {
    use BackchannelAuthenticationError::InvalidRequest;
    let text = form.get("client_notification_token").ok_or(InvalidRequest(
        "client_notification_token is missing; ping and push clients are called with it",
    ))?;
    ClientNotificationToken::parse(text).ok_or(InvalidRequest(
        "client_notification_token is not 22-1024 characters of a bearer token (RFC 6750)",
    ))
}

/// The acknowledgement (CIBA §7.3).
#[derive(Serialize)]
pub struct BackchannelAuthenticationResponse {
    pub auth_req_id: String,
    /// Unit: seconds, from the receipt of the request.
    pub expires_in: u64,
    /// Unit: seconds. Always answered to poll and ping clients, because several SDKs require it; a push client polls
    /// nothing (`CIBA-7.3-08`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
}

#[cfg(test)]
mod tests;
