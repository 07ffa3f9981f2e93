//! The contracts of hooks: functions of the operator that ours invoke. docs/hooks.md describes each, and docs/hooks/
//! has the JSON Schema of each event and answer, which a test makes from these types.
//!
//! A hook never gets a secret, a token or an `auth_req_id`.

pub mod request_policy;
pub mod user_notifier;
pub mod user_resolver;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::domain::base::strict_json;
use crate::domain::client::Client;

/// The version of all contracts. An answer with another version is refused.
pub const VERSION: u8 = 1;
/// The longest event and answer. Unit: bytes.
pub const MAX_EVENT: usize = 32 * 1024;
pub const MAX_ANSWER: usize = 16 * 1024;

/// The client on whose behalf the hook is called.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallingClient<'a> {
    pub client_id: &'a str,
    /// The client's name as the person sees it.
    pub client_name: &'a str,
}

impl<'a> CallingClient<'a> {
    pub fn of(client: &'a Client) -> Self {
        Self { client_id: client.id.as_str(), client_name: &client.name }
    }
}

/// An event, and how its answer is read.
pub trait HookEvent: Serialize {
    /// What the answer has if it is no refusal.
    type Accepted;
    /// The errors that the hook may answer.
    type Error;

    /// The id of the call, which is the same for all of the SDK's attempts.
    fn id(&self) -> &str;

    fn read(answer: &[u8]) -> Result<Answered<Self::Accepted, Self::Error>, NotAnAnswer>;

    /// Whether a refusal says that the hook could not do its work. The log counts it like a call that failed.
    fn is_fault(_error: &Self::Error) -> bool {
        false
    }
}

/// An answer that has the documented form.
pub enum Answered<A, E> {
    Accepted(A),
    /// With the operator's reason, which is for the log.
    Refused {
        error: E,
        reason: Option<String>,
    },
}

impl<A, E> Answered<A, E> {
    fn refused(error: E, reason: Option<String>) -> Self {
        Self::Refused { error, reason: reason.map(|text| text.chars().take(MAX_REASON).collect()) }
    }
}

/// Why an answer is not one. The text is for the log, and quotes nothing of the answer, which may be about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAnswer(pub &'static str);

/// An optional object. Derived types would also read an array, as their members in order.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let members = Option::<Map<String, Value>>::deserialize(deserializer)?;
    members.map(|it| T::deserialize(Value::Object(it))).transpose().map_err(serde::de::Error::custom)
}

/// The longest reason. Unit: characters.
const MAX_REASON: usize = 200;

/// Reads an answer: JSON of the documented form and version.
fn read<A: DeserializeOwned>(answer: &[u8], version: fn(&A) -> u8) -> Result<A, NotAnAnswer> {
    if answer.len() > MAX_ANSWER {
        return Err(NotAnAnswer("the answer is longer than 16 KiB"));
    }
    let read: Option<A> =
        strict_json::parse(answer).filter(Value::is_object).and_then(|it| A::deserialize(it).ok());
    let read = read.ok_or(NotAnAnswer("the answer does not have the documented form"))?;
    if version(&read) == VERSION { Ok(read) } else { Err(NotAnAnswer("the answer has another version")) }
}
