//! `authorization_details` (RFC 9396): what a client asks for beyond scope values, in objects of registered types.
//!
//! 1. A request's value is an array of objects, each with a `type` ([`AuthorizationDetails::parse`]).
//! 2. Each is held to its type's JSON Schema, which is closed: what it does not name cannot be there ([`schema`]).
//! 3. What a person reads is made of the validated object by the type's template, which shows every member ([`display`]).
//! 4. Words and objects are kept together with the request. What is granted is what was shown, all of it or nothing.
//! 5. What proof an approval needs, and which scope value goes with an entry, is its type's policy ([`policy`]).

mod detail_type;
mod display;
mod malformed;
mod number_keyword;
mod policy;
mod schema;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use detail_type::{DetailType, DetailTypeName};
pub use malformed::Malformed;
pub use policy::{DetailPolicy, DetailRisk};
pub use schema::Refused;

use crate::domain::base::scope::Scope;
use crate::domain::base::{json_value, strict_json};
use crate::domain::details::request_context::RequestContext;
use crate::domain::details::row::Row;

/// Of the value as it is sent. Unit: bytes.
pub const MAX_DETAILS: usize = 8 * 1024;
/// Unit: objects.
const MAX_ENTRIES: usize = 10;
/// Of all the words, in all languages. Unit: bytes.
const MAX_WORDS: usize = 64 * 1024;

/// Objects with a `type`, in the order in which they were sent.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<Value>);

/// By value: an app repeats `100.00` as `100`.
impl PartialEq for AuthorizationDetails {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for AuthorizationDetails {}

impl AuthorizationDetails {
    /// The value of the parameter (`TOK-7-01`). Whether the types know what is in it is another question.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_DETAILS {
            return Err("authorization_details is longer than 8 KiB");
        }
        let Some(Value::Array(entries)) = strict_json::parse(text.as_bytes()) else {
            return Err("authorization_details is not a JSON array, or doubles a member");
        };
        if !(1..=MAX_ENTRIES).contains(&entries.len()) {
            return Err("authorization_details has no entry, or more than 10");
        }
        if !entries.iter().all(json_value::is_bounded) {
            return Err("authorization_details has a number of more than 100 digits");
        }
        if entries.iter().all(|entry| type_of(entry).is_some()) {
            Ok(Self(entries))
        } else {
            Err("authorization_details has an entry that is not an object with a type")
        }
    }

    /// What was kept; the rules held when it was put there.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    pub fn encode(&self) -> String {
        Value::Array(self.0.clone()).to_string()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `entries` say the same, with numbers compared by value.
    pub fn is(&self, entries: &[Value]) -> bool {
        json_value::same_elements(&self.0, entries)
    }

    pub fn entries(&self) -> &[Value] {
        &self.0
    }

    /// The type of each entry, in their order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(type_of)
    }

    /// Those that mean something to `audience`: without `locations`, or with one of it (`TOK-7-05`).
    pub fn for_audience(&self, audience: &[impl AsRef<str>]) -> Self {
        let is_for = |entry: &&Value| match entry.get("locations").and_then(Value::as_array) {
            None => true,
            Some(locations) => locations
                .iter()
                .filter_map(Value::as_str)
                .any(|location| audience.iter().any(|audience| lies_within(location, audience.as_ref()))),
        };
        Self(self.0.iter().filter(is_for).cloned().collect())
    }
}

fn type_of(entry: &Value) -> Option<&str> {
    entry.as_object()?.get("type")?.as_str().filter(|name| !name.is_empty())
}

/// A location is an API, or something below it.
fn lies_within(location: &str, audience: &str) -> bool {
    let rest = location.strip_prefix(audience);
    rest.is_some_and(|rest| rest.is_empty() || audience.ends_with('/') || rest.starts_with(['/', '?']))
}

/// HYG-5-01: they are the client's and the person's business.
impl fmt::Debug for AuthorizationDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationDetails({} …)", self.0.len())
    }
}

/// An entry in words: what the person reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailWords {
    /// The operator's words for the type.
    pub title: String,
    pub rows: Vec<Row>,
}

/// What a request has beside its record: a poll pays for none of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequestDetail {
    pub details: AuthorizationDetails,
    /// By the language's tag, English always there: an entry of `details` each, in their order. They are made when the
    /// client asks, so that what is shown, signed and granted cannot come apart (`ATK-8-05`).
    pub words: BTreeMap<String, Vec<DetailWords>>,
    /// By the name of the type. A type that is not there has the default.
    pub policies: BTreeMap<String, DetailPolicy>,
    pub context: Option<RequestContext>,
}

impl RequestDetail {
    pub fn is_empty(&self) -> bool {
        self.details.is_empty() && self.context.is_none()
    }

    /// `details` in words, each of its own type.
    ///
    /// # Errors
    /// An entry that its type does not allow, or that cannot be shown as it is.
    pub fn new(
        details: AuthorizationDetails,
        types: &[&DetailType],
        context: Option<RequestContext>,
    ) -> Result<Self, Refused> {
        let typed = || details.entries().iter().zip(types);
        for (entry, known) in typed() {
            known.validate(entry)?;
        }
        let mut tags: Vec<&str> = types.iter().flat_map(|known| known.languages()).collect();
        tags.sort_unstable();
        tags.dedup();
        let mut words = BTreeMap::new();
        for tag in tags {
            let each = typed().map(|(entry, known)| known.words(entry, tag)).collect::<Result<_, _>>()?;
            words.insert(tag.to_owned(), each);
        }
        let length =
            |each: &Vec<DetailWords>| serde_json::to_string(each).map_or(usize::MAX, |text| text.len());
        if words.values().map(length).sum::<usize>() > MAX_WORDS {
            return Err(Refused { told: "authorization_details say more than can be shown", detail: None });
        }
        let policies = types.iter().map(|known| (known.name().as_str().to_owned(), known.policy().clone()));
        let policies = policies.filter(|(_, policy)| *policy != DetailPolicy::DEFAULT).collect();
        Ok(Self { details, words, policies, context })
    }

    /// The policy of each entry, in their order.
    pub fn policy_of_each(&self) -> impl Iterator<Item = &DetailPolicy> {
        self.details.types().map(|name| self.policies.get(name).unwrap_or(&DetailPolicy::DEFAULT))
    }

    /// Whether an approval of `scope` may be one of the entries as well: each is approved together with the scope value
    /// that it belongs to.
    pub fn admits(&self, scope: &Scope) -> bool {
        self.policy_of_each().filter_map(|policy| policy.scope.as_ref()).all(|value| scope.contains(value))
    }

    /// Whether an entry belongs to this scope value, so that the two are one choice.
    pub fn claims(&self, value: &str) -> bool {
        self.policy_of_each().any(|policy| policy.scope.as_deref() == Some(value))
    }

    /// In this language, or in English.
    pub fn words(&self, tag: &str) -> &[DetailWords] {
        let words = self.words.get(tag).or_else(|| self.words.get(detail_type::ENGLISH));
        words.map(Vec::as_slice).unwrap_or_default()
    }
}

impl fmt::Debug for RequestDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestDetail(…)")
    }
}

#[cfg(test)]
mod tests;
