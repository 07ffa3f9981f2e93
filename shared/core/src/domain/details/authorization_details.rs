//! `authorization_details` (RFC 9396): what a client requests beyond scope values, as objects of registered types.
//!
//! 1. The value is an array of objects, each with a `type` ([`AuthorizationDetails::parse`]).
//! 2. Each object is validated against its type's JSON Schema, which is closed: it cannot have members that the
//!    schema does not name ([`schema`]).
//! 3. The words for the person are generated from the validated object by the type's template, which shows every
//!    member ([`display`]).
//! 4. Words and objects are stored together with the request. The details that were shown are granted as a whole
//!    or not at all.
//! 5. The type's policy determines the proof that an approval needs, and the scope value that an entry belongs to
//!    ([`policy`]).

mod detail_type;
mod display;
mod malformed;
mod number_keyword;
mod policy;
mod schema;
mod text;

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
use crate::domain::details::money::Money;
use crate::domain::details::properties::Properties;
use crate::domain::details::request_context::RequestContext;
use crate::domain::details::row::Row;

/// The longest parameter value. Unit: bytes.
pub const MAX_DETAILS: usize = 8 * 1024;
/// The most entries. Unit: objects.
const MAX_ENTRIES: usize = 10;
/// The limit on the words in all languages together. Unit: bytes.
const MAX_WORDS: usize = 64 * 1024;

/// Objects with a `type`, in the order in which they were sent.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<Value>);

/// Numbers are compared by value: an app may repeat `100.00` as `100`.
impl PartialEq for AuthorizationDetails {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for AuthorizationDetails {}

impl AuthorizationDetails {
    /// Parses the parameter: an array of objects with a `type` (RFC 9396 §2). It does not validate them against
    /// their types.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_DETAILS {
            return Err("authorization_details is longer than 8 KiB");
        }
        let Some(Value::Array(entries)) = strict_json::parse(text.as_bytes()) else {
            return Err("authorization_details is not a JSON array, or has a duplicate member");
        };
        if !(1..=MAX_ENTRIES).contains(&entries.len()) {
            return Err("authorization_details has no entries, or more than 10");
        }
        if !entries.iter().all(json_value::is_bounded) {
            return Err("authorization_details has a number with more than 100 digits");
        }
        if entries.iter().all(|entry| type_of(entry).is_some()) {
            Ok(Self(entries))
        } else {
            Err("authorization_details has an entry that is not an object with a type")
        }
    }

    /// From the stored text, which was checked before it was stored.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    pub fn encode(&self) -> String {
        Value::Array(self.0.clone()).to_string()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `entries` are equal to these, with numbers compared by value.
    pub fn is(&self, entries: &[Value]) -> bool {
        json_value::same_elements(&self.0, entries)
    }

    pub fn entries(&self) -> &[Value] {
        &self.0
    }

    /// The type of each entry, in order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(type_of)
    }

    /// The entries for `audience`: those without `locations`, and those with a location that belongs to it. An
    /// access token has only the entries for its audience (RFC 9396 §9).
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

/// Whether a location is the API `audience` or below it.
fn lies_within(location: &str, audience: &str) -> bool {
    let rest = location.strip_prefix(audience);
    rest.is_some_and(|rest| rest.is_empty() || audience.ends_with('/') || rest.starts_with(['/', '?']))
}

/// Redacted, so that no log contains the details, which are personal data.
impl fmt::Debug for AuthorizationDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationDetails({} …)", self.0.len())
    }
}

/// An entry in words, as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailWords {
    /// The operator's title for the type.
    pub title: String,
    /// What the entry is about, in one line: "Pay EUR 123.50 to M. Meyer".
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub headline: Option<String>,
    /// The amount in the headline, from which a page with several entries calculates the sum.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Money>,
    pub rows: Vec<Row>,
}

/// What a request is about, as far as a message may tell: it appears on locked screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter<'a> {
    /// No more than signing in.
    SignIn,
    Request,
    /// The operator's title for all of its entries: "A payment".
    Titled(&'a str),
}

impl Matter<'_> {
    /// The same without the title.
    pub const fn untitled(self) -> Self {
        match self {
            Self::SignIn => Self::SignIn,
            Self::Request | Self::Titled(_) => Self::Request,
        }
    }
}

/// The data of a request that is stored outside its record, so that polls do not have to read it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequestDetail {
    pub details: AuthorizationDetails,
    /// The words for each entry of `details`, by language tag; English is always present. They are generated when
    /// the client sends the request, so that what is shown, signed and granted cannot differ.
    pub words: BTreeMap<String, Vec<DetailWords>>,
    /// The policies by name of the type. A type that is not listed has the default.
    pub policies: BTreeMap<String, DetailPolicy>,
    pub context: Option<RequestContext>,
    /// What the operator's policy said for the later hooks.
    pub properties: Properties,
}

impl RequestDetail {
    pub fn is_empty(&self) -> bool {
        self.details.is_empty() && self.context.is_none() && self.properties.is_empty()
    }

    pub fn with_properties(self, properties: Properties) -> Self {
        Self { properties, ..self }
    }

    /// Validates `details` and puts them into words; `types` has the type of each entry.
    ///
    /// # Errors
    /// An entry is not allowed by its type, or cannot be shown as it is.
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
            return Err(Refused::of("authorization_details has more than can be shown"));
        }
        let policies = types.iter().map(|known| (known.name().as_str().to_owned(), known.policy().clone()));
        let policies = policies.filter(|(_, policy)| *policy != DetailPolicy::DEFAULT).collect();
        Ok(Self { details, words, policies, context, properties: Properties::default() })
    }

    /// The policy of each entry, in order.
    pub fn policy_of_each(&self) -> impl Iterator<Item = &DetailPolicy> {
        self.details.types().map(|name| self.policies.get(name).unwrap_or(&DetailPolicy::DEFAULT))
    }

    /// Whether an approval of `scope` can cover the entries: each is approved together with the scope value that
    /// it belongs to.
    pub fn admits(&self, scope: &Scope) -> bool {
        self.policy_of_each().filter_map(|policy| policy.scope.as_ref()).all(|value| scope.contains(value))
    }

    /// Whether an entry belongs to this scope value, so that the two are selected together.
    pub fn claims(&self, value: &str) -> bool {
        self.policy_of_each().any(|policy| policy.scope.as_deref() == Some(value))
    }

    /// What to call the request in this language. There is no title in it if entries of several types are
    /// requested, or if a type has no words in this language.
    pub fn matter(&self, tag: &str) -> Matter<'_> {
        if self.details.is_empty() {
            return Matter::SignIn;
        }
        match self.words.get(tag).map(Vec::as_slice) {
            Some([first, rest @ ..]) if rest.iter().all(|entry| entry.title == first.title) => {
                Matter::Titled(&first.title)
            }
            Some(_) | None => Matter::Request,
        }
    }

    /// The words in this language, or else in English.
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
