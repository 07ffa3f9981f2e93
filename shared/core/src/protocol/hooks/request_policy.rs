//! `RequestPolicyFunction`: lets a validated request go on, or refuses it by the operator's own rules.
//!
//! None of these types has `Debug`: all of them are about a person.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::domain::details::properties::Properties;
use crate::protocol::backchannel_authentication::{BackchannelAuthenticationRequest, FurtherParameters};
use crate::protocol::hooks::{self, Answered, CallingClient, HookEvent, NotAnAnswer, VERSION};

/// The name of the hook.
pub const HOOK: &str = "request_policy";

/// What the policy gets.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestPolicyEvent<'a> {
    /// 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = VERSION)))]
    pub version: u8,
    /// Always `request_policy`, so that one function can serve several hooks.
    #[cfg_attr(feature = "schema", schemars(extend("const" = HOOK)))]
    pub hook: &'static str,
    /// The same for every attempt of one call.
    pub id: &'a str,
    pub client: CallingClient<'a>,
    /// This provider's `sub` for the person who would be asked. A client with pairwise subjects knows another one.
    pub sub: &'a str,
    pub request: PolicyRequest<'a>,
}

/// The request, as far as it has been validated: the client may make it, and the person may be asked.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PolicyRequest<'a> {
    /// Values separated by spaces.
    pub scope: String,
    /// RFC 8707.
    pub resources: Vec<&'a str>,
    /// As the client sent them: values separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<&'a str>,
    /// The lifetime that the client asked for. Unit: seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_expiry: Option<u64>,
    /// RFC 9396. Absent if the request has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<Map<String, Value>>>"))]
    pub authorization_details: Option<&'a AuthorizationDetails>,
    /// FAPI-CIBA §5.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_context: Option<&'a Map<String, Value>>,
    /// Whether the client sent a `user_code`, which was correct if the person has one.
    pub has_user_code: bool,
    /// Whether the request was signed (CIBA §7.1.1).
    pub is_signed: bool,
    /// The parameters that this provider does not know, at most 4 KiB.
    #[cfg_attr(feature = "schema", schemars(with = "std::collections::BTreeMap<String, String>"))]
    pub parameters: &'a FurtherParameters,
}

/// What the policy answers. Only `allowed` lets the request go on.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestPolicyAnswer {
    /// 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = VERSION)))]
    pub version: u8,
    /// True, or false together with an `error`.
    pub allowed: bool,
    pub error: Option<PolicyError>,
    /// Only with `allowed: true`: what the later hooks get about this request, at most 2 KiB as JSON without spaces.
    pub properties: Option<Map<String, Value>>,
    /// For the log of this provider, at most 200 characters; it is never sent to the client.
    pub reason: Option<String>,
}

/// How the request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PolicyError {
    /// This client must not ask this person for this.
    AccessDenied,
    InvalidRequest,
    InvalidScope,
    InvalidBindingMessage,
    /// RFC 8707 §2.
    InvalidTarget,
    /// RFC 9396 §5.
    InvalidAuthorizationDetails,
}

impl<'a> RequestPolicyEvent<'a> {
    pub fn new(id: &'a str, client: CallingClient<'a>, sub: &'a str, request: PolicyRequest<'a>) -> Self {
        Self { version: VERSION, hook: HOOK, id, client, sub, request }
    }
}

impl HookEvent for RequestPolicyEvent<'_> {
    /// What the later hooks get.
    type Accepted = Properties;
    type Error = PolicyError;

    fn id(&self) -> &str {
        self.id
    }

    fn read(answer: &[u8]) -> Result<Answered<Properties, PolicyError>, NotAnAnswer> {
        let answer: RequestPolicyAnswer = hooks::read(answer, |answer: &RequestPolicyAnswer| answer.version)?;
        match (answer.allowed, answer.error, answer.properties) {
            (true, None, properties) => Properties::of(properties.unwrap_or_default())
                .map(Answered::Accepted)
                .ok_or(NotAnAnswer("the properties are longer than 2 KiB")),
            (false, Some(error), None) => Ok(Answered::refused(error, answer.reason)),
            (false, Some(_), Some(_)) => Err(NotAnAnswer("the answer is a refusal and has properties")),
            (false, None, _) => Err(NotAnAnswer("the answer is a refusal without error")),
            (true, Some(_), _) => Err(NotAnAnswer("the answer allows the request and has an error")),
        }
    }
}

impl<'a> PolicyRequest<'a> {
    pub fn of(asked: &'a BackchannelAuthenticationRequest) -> Self {
        let details = &asked.authorization_details;
        Self {
            scope: asked.scope.encode(),
            resources: asked.resources.iter().map(|resource| resource.as_str()).collect(),
            acr_values: asked.acr_values.as_deref(),
            binding_message: asked.binding_message.as_ref().map(|message| message.as_str()),
            requested_expiry: asked.requested_expiry.map(|expiry| expiry.as_secs()),
            authorization_details: (!details.is_empty()).then_some(details),
            request_context: asked.request_context.as_ref(),
            has_user_code: asked.user_code.is_some(),
            is_signed: asked.signed.is_some(),
            parameters: &asked.further,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(answer: &Value) -> Option<&'static str> {
        Some(match RequestPolicyEvent::read(answer.to_string().as_bytes()).ok()? {
            Answered::Accepted(properties) if properties.is_empty() => "allowed",
            Answered::Accepted(_) => "allowed, with properties",
            Answered::Refused { error: PolicyError::AccessDenied, .. } => "denied",
            Answered::Refused { .. } => "refused",
        })
    }

    /// HOOK-3-02
    #[test]
    fn only_an_explicit_answer_lets_a_request_pass() {
        assert_eq!(read(&json!({"version": 1, "allowed": true})), Some("allowed"));
        assert_eq!(read(&json!({"version": 1, "allowed": true, "reason": "a customer"})), Some("allowed"));
        let with = json!({"version": 1, "allowed": true, "properties": {"tenant": 7}});
        assert_eq!(read(&with), Some("allowed, with properties"));
        for none in [json!({}), json!(null)] {
            let none = json!({"version": 1, "allowed": true, "properties": none});
            assert_eq!(read(&none), Some("allowed"));
        }
        assert_eq!(read(&json!({"version": 1, "allowed": false, "error": "access_denied"})), Some("denied"));
        assert_eq!(read(&json!({"version": 1, "allowed": false, "error": "invalid_scope"})), Some("refused"));
        for answer in [
            json!({}),
            json!({"version": 1}),
            json!({"version": 1, "allowed": false}),
            json!({"version": 1, "allowed": null}),
            json!({"version": 1, "allowed": "true"}),
            json!({"version": 1, "allowed": 1}),
            json!({"version": 1, "allowed": true, "error": "access_denied"}),
            json!({"version": 2, "allowed": true}),
            json!({"version": 1, "allowed": true, "scope": "openid"}),
            json!({"version": 1, "allowed": false, "error": "unknown_user_id"}),
            json!({"version": 1, "allowed": false, "error": "access_denied", "properties": {}}),
            json!({"version": 1, "allowed": false, "properties": {"tenant": 7}}),
            json!({"version": 1, "allowed": true, "properties": []}),
            json!({"version": 1, "allowed": true, "properties": "tenant"}),
            json!({"version": 1, "allowed": true, "properties": {"note": "x".repeat(2048)}}),
            json!([1, true, null, null]),
            json!(true),
            json!(null),
        ] {
            assert_eq!(read(&answer), None, "{answer}");
        }
    }
}
