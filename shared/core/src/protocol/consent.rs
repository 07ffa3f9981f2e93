//! The consent API for first-party apps (CIBA §8 leaves this to the provider).

use derive_more::From;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::base::strict_json;
use crate::domain::details::authorization_details::DetailWords;
use crate::domain::details::request_context::RequestContext;
use crate::domain::request::decision::DecisionWord;
use crate::domain::request::statement::ScopeShown;
use crate::protocol::error::{Answer, Challenge, Common, ProtocolError, answer};
use crate::protocol::webauthn::Assertion;

/// A request, as shown to the person. It does not change while the request is pending.
#[derive(Serialize)]
pub struct RequestView {
    /// The request's name on the person's side; it is also the last part of the link in the message.
    pub request: String,
    /// `pending`, `approved`, `denied`, `cancelled`, `redeemed` or `expired`.
    pub state: &'static str,
    pub client: ClientView,
    /// The client's words. Show them unmodified, marked as the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<String>,
    pub scope: String,
    /// The APIs that the tokens will be for. Absent: the client's default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// The `authorization_details` (RFC 9396) as the client sent them. An approval with a login token has to
    /// repeat them. Absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Value>,
    /// The same entries in words, in the same order. Show all of them. Absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<DetailView>,
    /// The client's information about the origin of the request (FAPI-CIBA §5.3). It is unverified. Absent in
    /// lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_context: Option<RequestContext>,
    /// Unit: seconds since the epoch.
    pub created_at: i64,
    /// The time left to decide. Unit: seconds; 0 if it can no longer be decided.
    pub decide_in: u64,
    /// The proof needed to approve all of it: `login_token`, `passkey`, or `seasoned_passkey` (one that was not
    /// added recently). A partial approval may need less. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<&'static str>,
    /// The content to show and to sign, for an app that approves with a passkey. Absent in lists, and if passkeys
    /// are not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementView>,
}

/// An entry of `authorization_details` in words.
#[derive(Serialize)]
pub struct DetailView {
    #[serde(flatten)]
    pub words: DetailWords,
    /// The scope value that it belongs to. Let the person select both together, because neither is approved
    /// without the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// The statement that a passkey signs. The challenge is SHA-256(`ciba decision 1` and a zero byte ‖ decoded
/// `shown` ‖ length of the selected scope ‖ that scope ‖ length of the decision ‖ that decision), with lengths as
/// 4 bytes in big-endian order.
#[derive(Serialize)]
pub struct StatementView {
    pub rp_id: String,
    /// The language of the words: the tag of one of the pages' languages, by `Accept-Language`. It is sent back with the
    /// decision.
    pub language: &'static str,
    /// The scope in words. The selected scope has its values in this order.
    pub scopes: Vec<ScopeShown>,
    /// The digest of the statement: 32 bytes in base64url.
    pub shown: String,
    /// The same for `take_back`, whose scope is empty. It stays valid after the client has collected its tokens.
    pub receipt: String,
}

#[derive(Serialize)]
pub struct ClientView {
    pub client_id: String,
    pub client_name: String,
}

/// `GET /consent`: all of this person's pending requests, sorted by their expiration. No request is preselected,
/// so that an attacker's request is not approved in place of the person's own.
#[derive(Serialize)]
pub struct PendingRequests {
    pub requests: Vec<RequestView>,
}

/// `POST /consent/{request}/decision`.
pub struct DecisionBody {
    /// The client that was on the screen. A decision about a different one is refused.
    pub client_id: String,
    /// `approve`, `deny`, `report` or `take_back`.
    pub decision: DecisionWord,
    /// The approved part of the requested scope. Default: all of it. It must contain `openid` and the values that
    /// `authorization_details` belong to.
    pub scope: Option<String>,
    /// A passkey's assertion for the statement, instead of or in addition to a login token.
    pub passkey: Option<Assertion>,
    /// All `authorization_details` that were on the screen. If the request has some, an approval with a login
    /// token needs them; it is refused if they differ from those requested.
    pub authorization_details: Option<Vec<Value>>,
    /// The language of the signed statement. Default: `en`.
    pub language: Option<String>,
}

impl DecisionBody {
    /// Parses a body, which has the members above and no others; null counts as an absent member. The error is
    /// for the client and names the member that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let Some(Value::Object(mut members)) = strict_json::parse(body) else {
            return Err("the body is not a JSON object, or has a duplicate member");
        };
        let mut take = |name: &str| members.remove(name).filter(|value| !value.is_null());
        let read = Self {
            client_id: text(take("client_id"), CLIENT_ID)?.ok_or(CLIENT_ID)?,
            decision: take("decision")
                .and_then(|word| DecisionWord::deserialize(word).ok())
                .ok_or(DECISION)?,
            scope: text(take("scope"), "scope is not a string")?,
            passkey: take("passkey")
                .map(|assertion| Assertion::deserialize(assertion).map_err(|_| PASSKEY))
                .transpose()?,
            authorization_details: match take("authorization_details") {
                None => None,
                Some(Value::Array(details)) => Some(details),
                Some(_) => return Err("authorization_details is not an array"),
            },
            language: text(take("language"), "language is not a string")?,
        };
        if members.is_empty() { Ok(read) } else { Err("the body has a member that is not documented") }
    }
}

const CLIENT_ID: &str = "client_id is missing, or is not a string";
const DECISION: &str = "decision is missing, or is not one of its four values";
const PASSKEY: &str = "passkey is not an AuthenticationResponseJSON of at most 8 KiB (WebAuthn)";

fn text(value: Option<Value>, why: &'static str) -> Result<Option<String>, &'static str> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(why),
    }
}

/// The recorded decision.
#[derive(Serialize)]
pub struct DecisionView {
    pub request: String,
    /// `approved`, `denied`, `reported` or `taken_back`.
    pub decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Errors of the consent API: RFC 6750 §3 for the login token, RFC 9470 §3 for its freshness, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, From)]
pub enum ConsentError {
    #[from]
    Common(Common),
    InvalidScope(&'static str),
    /// There is no login token, so the challenge has no error code (RFC 6750 §3.1).
    TokenMissing,
    InvalidToken,
    /// `max_age` is the greatest accepted age of the login. Unit: seconds.
    InsufficientUserAuthentication {
        max_age: u64,
    },
    InsufficientScope,
    /// The token was issued for or to the requesting client: a client must not approve its own requests.
    AccessDenied,
    /// A login token is not sufficient.
    PasskeyRequired,
    /// The passkey was added too recently for a high-risk request. `usable_at` is when it can approve one. Unit:
    /// seconds since the epoch.
    PasskeyTooNew {
        usable_at: i64,
    },
    /// This decision is not signed by one of this person's passkeys.
    PasskeyNotAccepted,
    /// The request is unknown, deleted, or another person's. The answer is the same in all cases.
    NotFound,
    /// The request has another decision already, was cancelled, or has expired.
    NotOpen(&'static str),
}

impl ProtocolError for ConsentError {
    fn answer(self) -> Answer {
        let bearer = Challenge::new(r#"Bearer realm="consent""#);
        match self {
            Self::Common(it) => it.answer(),
            Self::InvalidScope(why) => answer(400, "invalid_scope", why),
            Self::TokenMissing => {
                answer(401, "invalid_token", "send a login token: Authorization: Bearer").challenging(bearer)
            }
            Self::InvalidToken => answer(401, "invalid_token", "the login token is not accepted")
                .challenging(bearer.with("error", "invalid_token")),
            Self::InsufficientUserAuthentication { max_age } => {
                let code = "insufficient_user_authentication";
                answer(401, code, "the login is too old; log in again")
                    .challenging(bearer.with("error", code).with("max_age", max_age))
            }
            Self::InsufficientScope => {
                answer(403, "insufficient_scope", "the login token lacks the scope for decisions")
                    .challenging(bearer.with("error", "insufficient_scope"))
            }
            Self::AccessDenied => {
                answer(403, "access_denied", "the login token belongs to the requesting client")
            }
            Self::PasskeyRequired => answer(
                403,
                "passkey_required",
                "this can only be approved with a passkey; see proof and statement of the request",
            ),
            Self::PasskeyTooNew { usable_at } => {
                answer(403, "passkey_too_new", "the passkey was added too recently to approve this")
                    .telling("usable_at", usable_at)
            }
            Self::PasskeyNotAccepted => answer(
                403,
                "passkey_not_accepted",
                "this decision about this request is not signed by a passkey of this person",
            ),
            Self::NotFound => answer(404, "not_found", "there is no such request for this person"),
            Self::NotOpen(why) => answer(409, "not_open", why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_decision_is_told_which_member_is_wrong() {
        let read = |text: &str| DecisionBody::parse(text.as_bytes());
        let all = r#"{"client_id":"kiosk","decision":"deny","scope":null,"passkey":null,"language":"de"}"#;
        let body = read(all).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((body.client_id.as_str(), body.decision, body.scope), ("kiosk", DecisionWord::Deny, None));
        for (text, told) in [
            ("", "JSON object"),
            ("[]", "JSON object"),
            (r#"{"client_id":"a","client_id":"a","decision":"deny"}"#, "duplicate"),
            (r#"{"decision":"deny"}"#, "client_id"),
            (r#"{"client_id":7,"decision":"deny"}"#, "client_id"),
            (r#"{"client_id":"a"}"#, "decision"),
            (r#"{"client_id":"a","decision":"Deny"}"#, "decision"),
            (r#"{"client_id":"a","decision":["deny"]}"#, "decision"),
            (r#"{"client_id":"a","decision":"deny","scope":["openid"]}"#, "scope"),
            (r#"{"client_id":"a","decision":"deny","passkey":{}}"#, "passkey"),
            (r#"{"client_id":"a","decision":"deny","passkey":"x"}"#, "passkey"),
            (r#"{"client_id":"a","decision":"deny","authorization_details":{}}"#, "authorization_details"),
            (r#"{"client_id":"a","decision":"deny","language":1}"#, "language"),
            (r#"{"client_id":"a","decision":"deny","sub":"alice"}"#, "not documented"),
        ] {
            let why = read(text).err().expect(text);
            assert!(why.contains(told), "{text}: {why}");
        }
    }
}
