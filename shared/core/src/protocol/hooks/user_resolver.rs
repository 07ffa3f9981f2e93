//! `UserResolverFunction`: tells whom a hint means, and whether a person is still active.
//!
//! None of these types has `Debug`: all of them are about a person.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::details::authorization_details::AuthorizationDetails;
use crate::domain::hint::{Hint, HintKind};
use crate::domain::person::channel::WrittenChannel;
use crate::domain::person::resolved::Resolved;
use crate::domain::person::resolver::Description;
use crate::protocol::backchannel_authentication::BackchannelAuthenticationRequest;
use crate::protocol::hooks::{self, Answered, CallingClient, HookEvent, NotAnAnswer, VERSION};
use crate::protocol::person_entry::ChannelEntry;

/// What the resolver gets.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserResolverEvent<'a> {
    /// 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = VERSION)))]
    pub version: u8,
    /// Always `user_resolver`, so that one function can serve several hooks.
    #[cfg_attr(feature = "schema", schemars(extend("const" = HOOK)))]
    pub hook: &'static str,
    /// The same for every attempt of one call.
    pub id: &'a str,
    pub client: CallingClient<'a>,
    pub hint: ResolverHint<'a>,
    /// The request that is being made. Absent if the person's refresh token is being used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<ResolverRequest<'a>>,
}

/// Whom the resolver has to find: a verified hint in canonical form.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ResolverHint<'a> {
    /// A text that has none of the other forms, such as a customer number.
    Plain { value: &'a str },
    /// A phone number in E.164 form.
    Tel { value: &'a str },
    /// An e-mail address in lower case.
    Email { value: &'a str },
    /// This provider's `sub`.
    Sub { value: &'a str },
    /// A login issuer's name for the person: the value of its person claim.
    Login { issuer: &'a str, subject: &'a str },
    /// The name by which the resolver described this person before, without an issuer.
    Subject { value: &'a str },
}

/// The parts of a request that a resolver may need to find the person.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResolverRequest<'a> {
    /// Values separated by spaces.
    pub scope: String,
    /// As the client sent them: values separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<&'a str>,
    /// RFC 9396. Absent if the request has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<Map<String, Value>>>"))]
    pub authorization_details: Option<&'a AuthorizationDetails>,
    /// Whether the client sent a `user_code`; never the code itself.
    pub has_user_code: bool,
}

/// What the resolver answers: either `user` or `error`.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserResolverAnswer {
    /// 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = VERSION)))]
    pub version: u8,
    #[serde(default, deserialize_with = "hooks::object")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<ResolvedUser>"))]
    pub user: Option<ResolvedUser>,
    pub error: Option<ResolverError>,
    /// For the log of this provider, at most 200 characters; it is never sent to the client.
    pub reason: Option<String>,
}

/// A person, as the resolver knows them now.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResolvedUser {
    /// A login issuer for whose people the resolver speaks. Absent if the person logs in nowhere.
    pub issuer: Option<String>,
    /// That issuer's name for the person (the value of its person claim), or without an issuer the resolver's own: 1 to
    /// 255 bytes. It always names the same person.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 255)))]
    pub subject: String,
    /// This provider's `sub` for the person: 1 to 255 visible ASCII characters, never reassigned and never changed.
    /// Default: `subject`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 255), regex(pattern = "^[!-~]+$")))]
    pub sub: Option<String>,
    /// Whether the person can be asked. Default: true.
    #[serde(default = "yes")]
    pub active: bool,
    /// At most 8, in the order in which they are tried.
    #[cfg_attr(feature = "schema", schemars(length(max = 8)))]
    pub channels: Vec<ChannelEntry>,
    /// Profile claims, by their OIDC names. `locale` is the language of messages.
    #[serde(default)]
    pub claims: Map<String, Value>,
}

/// Why nobody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResolverError {
    /// The hint means nobody.
    UnknownUserId,
    /// This client must not ask this person.
    AccessDenied,
}

/// The name of the hook.
pub const HOOK: &str = "user_resolver";

fn yes() -> bool {
    true
}

impl<'a> UserResolverEvent<'a> {
    pub fn new(
        id: &'a str,
        client: CallingClient<'a>,
        hint: ResolverHint<'a>,
        request: Option<ResolverRequest<'a>>,
    ) -> Self {
        Self { version: VERSION, hook: HOOK, id, client, hint, request }
    }
}

impl HookEvent for UserResolverEvent<'_> {
    type Accepted = ResolvedUser;
    type Error = ResolverError;

    fn id(&self) -> &str {
        self.id
    }

    fn read(answer: &[u8]) -> Result<Answered<ResolvedUser, ResolverError>, NotAnAnswer> {
        let answer: UserResolverAnswer = hooks::read(answer, |answer: &UserResolverAnswer| answer.version)?;
        match (answer.user, answer.error) {
            (Some(user), None) => Ok(Answered::Accepted(user)),
            (None, Some(error)) => Ok(Answered::refused(error, answer.reason)),
            (Some(_), Some(_)) => Err(NotAnAnswer("the answer has both user and error")),
            (None, None) => Err(NotAnAnswer("the answer has neither user nor error")),
        }
    }
}

impl<'a> ResolverHint<'a> {
    /// `None` for a person who is known by their key alone: the resolver knows no keys.
    pub fn of(hint: &'a Hint) -> Option<Self> {
        match hint {
            Hint::Directory(hint) => {
                let value = hint.value();
                Some(match hint.kind() {
                    HintKind::Plain => Self::Plain { value },
                    HintKind::Tel => Self::Tel { value },
                    HintKind::Email => Self::Email { value },
                    HintKind::Sub => Self::Sub { value },
                })
            }
            Hint::Login { issuer, subject, .. } => Some(Self::Login { issuer, subject }),
            Hint::Person(_) => None,
        }
    }

    /// The name by which the resolver described a person before.
    pub fn again(resolved: &'a Resolved) -> Self {
        match &resolved.issuer {
            Some(issuer) => Self::Login { issuer, subject: &resolved.subject },
            None => Self::Subject { value: &resolved.subject },
        }
    }
}

impl<'a> ResolverRequest<'a> {
    pub fn of(asked: &'a BackchannelAuthenticationRequest) -> Self {
        let details = &asked.authorization_details;
        Self {
            scope: asked.scope.encode(),
            acr_values: asked.acr_values.as_deref(),
            binding_message: asked.binding_message.as_ref().map(|message| message.as_str()),
            authorization_details: (!details.is_empty()).then_some(details),
            has_user_code: asked.user_code.is_some(),
        }
    }
}

impl ResolvedUser {
    /// The channels, for [`ResolvedUser::description`].
    pub fn channels(&self) -> Vec<WrittenChannel<'_>> {
        self.channels.iter().map(ChannelEntry::written).collect()
    }

    pub fn description<'a>(&'a self, channels: &'a [WrittenChannel<'a>]) -> Description<'a> {
        Description {
            issuer: self.issuer.as_deref(),
            subject: &self.subject,
            sub: self.sub.as_deref(),
            channels,
            claims: &self.claims,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(answer: &Value) -> Result<Answered<ResolvedUser, ResolverError>, NotAnAnswer> {
        UserResolverEvent::read(answer.to_string().as_bytes())
    }

    #[test]
    fn an_answer_has_a_user_or_an_error() {
        let user = json!({"subject": "7", "channels": [{"sms": "+15555550100"}]});
        let read_user = read(&json!({"version": 1, "user": user})).unwrap();
        assert!(matches!(read_user, Answered::Accepted(user) if user.active && user.claims.is_empty()));
        for (error, expected) in [
            ("unknown_user_id", ResolverError::UnknownUserId),
            ("access_denied", ResolverError::AccessDenied),
        ] {
            let answer = json!({"version": 1, "error": error, "reason": "r".repeat(300)});
            let Answered::Refused { error, reason } = read(&answer).unwrap() else { panic!() };
            assert_eq!((error, reason.unwrap().len()), (expected, 200));
        }
        for answer in [
            json!({"version": 1}),
            json!({"version": 1, "user": null}),
            json!({"version": 1, "user": user, "error": "access_denied"}),
        ] {
            assert!(read(&answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn an_answer_of_another_form_is_none() {
        let user = json!({"subject": "7", "channels": []});
        for answer in [
            json!({"user": user}),
            json!({"version": 2, "user": user}),
            json!({"version": "1", "user": user}),
            json!({"version": 1, "user": user, "extra": 1}),
            json!({"version": 1, "user": {"subject": "7", "channels": [], "password": "x"}}),
            json!({"version": 1, "user": {"subject": 7, "channels": []}}),
            json!({"version": 1, "user": {"subject": "7"}}),
            json!({"version": 1, "user": {"subject": "7", "channels": [{"fax": "1"}]}}),
            json!({"version": 1, "user": {"subject": "7", "channels": [], "active": "yes"}}),
            json!({"version": 1, "error": "invalid_scope"}),
            json!([]),
            json!([1, null, "access_denied", null]),
            json!({"version": 1, "user": [null, "7", null, true, [], {}]}),
            json!("unknown_user_id"),
            json!(null),
        ] {
            assert!(read(&answer).is_err(), "{answer}");
        }
        for garbage in [
            &b""[..],
            b"{",
            b"\xff",
            b"<html>",
            b"{\"version\":1,\"error\":\"access_denied\"}x",
            br#"{"version":1,"error":"access_denied","error":"unknown_user_id"}"#,
            br#"{"version":1,"user":{"subject":"7","channels":[],"claims":{"name":"a","name":"b"}}}"#,
        ] {
            assert!(UserResolverEvent::read(garbage).is_err(), "{garbage:?}");
        }
        let long = json!({"version": 1, "error": "access_denied", "reason": "r".repeat(hooks::MAX_ANSWER)});
        assert_eq!(read(&long).err(), Some(NotAnAnswer("the answer is longer than 16 KiB")));
    }

    #[test]
    fn claims_keep_their_numbers_as_they_were_written() {
        let answer =
            br#"{"version":1,"user":{"subject":"7","channels":[],"claims":{"updated_at":100.00,"x":1.10}}}"#;
        let Answered::Accepted(user) = UserResolverEvent::read(answer).unwrap() else { panic!() };
        assert_eq!(Value::Object(user.claims).to_string(), r#"{"updated_at":100.00,"x":1.10}"#);
    }
}
