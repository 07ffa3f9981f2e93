//! The schema of a type: the closed subset of JSON Schema (draft 2020-12).
//!
//! Closed means that `properties` names every member that an object can have, with its type and at every depth.
//! Otherwise it could not be checked that a template shows everything. An object therefore must have
//! `"additionalProperties": false`, an array must define its `items`, and references are not allowed. Keywords
//! that only restrict values (`enum`, `pattern`, `oneOf`, …) may be used freely.
//!
//! Templates may leave out a member with `"x-hidden": true`. A string without `const`, `enum`, `pattern` and
//! `format` is free text and subject to the rule for texts from others, which excludes addresses, phone numbers
//! and markup ([`plain_text`](crate::domain::base::plain_text)). It is treated as a name, which may contain a
//! dot, if it has `"x-name": true` or if the member is called like a payee ([`NAMES`]).

use std::fmt;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::malformed::Malformed;
use super::number_keyword::NumberRule;
use crate::domain::base::plain_text::{self, Kind, Unacceptable, is_shown_as_it_is};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Keywords that would allow members that `properties` does not name.
const OPENING: [&str; 4] = ["patternProperties", "prefixItems", "unevaluatedProperties", "unevaluatedItems"];
const HIDDEN: &str = "x-hidden";
/// `"x-name": true` marks a string as a name, `false` as free text.
const NAME: &str = "x-name";
/// Without [`NAME`], members called like this are taken for the name of a payee or payer. Case, `_`, `-` and a
/// trailing `name` are ignored; an object with such a name may also have it in its member `name`.
const NAMES: [&str; 7] = ["creditor", "debtor", "payee", "payer", "merchant", "beneficiary", "recipient"];
/// The limit on each compiled pattern of a schema. Unit: bytes.
const MAX_PATTERN: usize = 1024 * 1024;

/// Why an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason, in words for the client.
    pub told: &'static str,
    /// For the log: the place in the object and the keyword, never a value.
    pub detail: Option<String>,
}

impl Refused {
    pub(super) const fn of(told: &'static str) -> Self {
        Self { told, detail: None }
    }
}

/// A step of a path into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    /// Every element of an array.
    Each,
}

/// A member that is a string, a number or a boolean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) path: Vec<Step>,
    /// Whether templates may leave it out.
    pub(super) hidden: bool,
    reading: Reading,
}

/// How a string is checked before it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The schema defines its form, or it is not a string.
    Formed,
    /// The name of a person or company.
    Name,
    Free,
}

pub(super) struct Schema {
    validator: Validator,
    leaves: Vec<Leaf>,
}

impl Schema {
    /// Compiles the schema of the type `name`. `type` need not be in `properties`: it is always allowed.
    pub(super) fn compile(name: &str, mut schema: Value) -> Result<Self, Malformed> {
        let root = schema.as_object_mut().ok_or_else(|| Malformed::of("schema is not an object"))?;
        if let Some(draft) = root.remove("$schema").filter(|draft| draft != DRAFT) {
            return Err(Malformed(format!("the schema is for {draft}, but only {DRAFT} is supported")));
        }
        no_references(&schema)?;
        let mut leaves = Vec::new();
        walk(&schema, &mut Vec::new(), false, &mut leaves)?;
        if schema["type"] != "object" {
            return Err(Malformed::of("the schema does not describe an object"));
        }
        // The title already identifies the type, so a template does not have to show it.
        let is_type = |leaf: &Leaf| leaf.path == [Step::Member("type".to_owned())];
        leaves.retain(|leaf| !is_type(leaf));
        schema["properties"]["type"] = json!({ "const": name });
        let mut options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            // This engine takes linear time for every pattern.
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN))
            .offline();
        for (name, rule) in NumberRule::ALL {
            options = options.with_keyword(name, move |_, bound, _| rule.compile(bound));
        }
        let validator = options.build(&schema);
        let validator = validator.map_err(|error| Malformed(format!("the schema is malformed: {error}")))?;
        Ok(Self { validator, leaves })
    }

    /// The members that a template can show.
    pub(super) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Checks that an entry conforms to the schema (RFC 9396 §5), and that its shown members can be shown as they
    /// are.
    pub(super) fn validate(&self, entry: &Value) -> Result<(), Refused> {
        if let Err(error) = self.validator.validate(entry) {
            return Err(Refused {
                told: "authorization_details has an entry that the schema of its type does not allow",
                detail: Some(format!("{} at {:?}", error.kind().keyword(), error.instance_path().as_str())),
            });
        }
        for leaf in self.leaves.iter().filter(|leaf| !leaf.hidden) {
            for value in reached(entry, &leaf.path) {
                let Some(text) = value.as_str() else { continue };
                if let Err(told) = leaf.reading.check(text) {
                    return Err(Refused { told, detail: Some(format!("at {}", Pointer(&leaf.path))) });
                }
            }
        }
        Ok(())
    }
}

impl Reading {
    fn check(self, text: &str) -> Result<(), &'static str> {
        let kind = match self {
            Self::Formed if is_shown_as_it_is(text) => return Ok(()),
            Self::Formed => return Err(NOT_SHOWN_AS_IT_IS),
            Self::Name => Kind::Name,
            Self::Free => Kind::Text,
        };
        plain_text::check(text, kind).map_err(|why| match why {
            Unacceptable::Characters
            | Unacceptable::NormalForm
            | Unacceptable::Scripts
            | Unacceptable::Spaces => NOT_SHOWN_AS_IT_IS,
            Unacceptable::Markup => "authorization_details has a text that reads as markup",
            Unacceptable::Address | Unacceptable::PhoneNumber => {
                "authorization_details has a text that reads as an address or a phone number"
            }
        })
    }

    fn of(members: &Map<String, Value>, path: &[Step], scalars: &[&str]) -> Self {
        let is_formed = ["const", "enum", "pattern", "format"].iter().any(|it| members.contains_key(*it));
        if is_formed || !scalars.contains(&"string") {
            return Self::Formed;
        }
        let is_name =
            members.get(NAME).and_then(Value::as_bool).unwrap_or_else(|| is_called_as_names_are(path));
        if is_name { Self::Name } else { Self::Free }
    }
}

const NOT_SHOWN_AS_IT_IS: &str =
    "authorization_details has a text with characters that cannot be shown as they are";

/// Matches `creditor`, `creditorName`, `creditor_name` and `creditor/name`.
fn is_called_as_names_are(path: &[Step]) -> bool {
    let called: String = path
        .iter()
        .rev()
        .take(2)
        .rev()
        .map(|step| match step {
            Step::Member(name) => name.to_lowercase().replace(['_', '-'], ""),
            Step::Each => String::new(),
        })
        .collect();
    NAMES.iter().any(|name| {
        let last = called.strip_suffix("name").unwrap_or(&called);
        last.ends_with(name)
    })
}

/// The values at `path`, one for each element of the arrays in it.
pub(super) fn reached<'v>(value: &'v Value, path: &[Step]) -> Vec<&'v Value> {
    let Some((step, rest)) = path.split_first() else { return vec![value] };
    match step {
        Step::Member(name) => value.get(name).map(|inner| reached(inner, rest)).unwrap_or_default(),
        Step::Each => {
            let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
            elements.iter().flat_map(|element| reached(element, rest)).collect()
        }
    }
}

/// A path in the notation of templates.
pub(super) struct Pointer<'a>(pub(super) &'a [Step]);

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Member(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Each => f.write_str("/*"),
        })
    }
}

/// References are refused, because the schema must be complete in itself: nothing is fetched.
fn no_references(schema: &Value) -> Result<(), Malformed> {
    match schema {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name.starts_with('$') && name != "$comment" {
                Err(Malformed(format!("the schema has {name}; references and identifiers are not allowed")))
            } else {
                no_references(value)
            }
        }),
        Value::Array(elements) => elements.iter().try_for_each(no_references),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn walk(schema: &Value, path: &mut Vec<Step>, hidden: bool, leaves: &mut Vec<Leaf>) -> Result<(), Malformed> {
    let at =
        |path: &[Step]| if path.is_empty() { "the schema".to_owned() } else { Pointer(path).to_string() };
    let members =
        schema.as_object().ok_or_else(|| Malformed(format!("{}: a schema must be an object", at(path))))?;
    if let Some(opening) = OPENING.iter().find(|keyword| members.contains_key(**keyword)) {
        return Err(Malformed(format!("{}: {opening} is not allowed", at(path))));
    }
    let hidden = hidden || members.get(HIDDEN) == Some(&Value::Bool(true));
    match kinds(members).as_deref() {
        Some(["object"]) => {
            if members.get("additionalProperties") != Some(&Value::Bool(false)) {
                return Err(Malformed(format!(
                    "{}: an object must have \"additionalProperties\": false",
                    at(path)
                )));
            }
            let properties = members.get("properties").and_then(Value::as_object);
            let properties =
                properties.ok_or_else(|| Malformed(format!("{}: properties is missing", at(path))))?;
            for (name, inner) in properties {
                path.push(Step::Member(name.clone()));
                walk(inner, path, hidden, leaves)?;
                path.pop();
            }
            Ok(())
        }
        Some(["array"]) => {
            let items = members.get("items");
            let items =
                items.ok_or_else(|| Malformed(format!("{}: an array must define its items", at(path))))?;
            path.push(Step::Each);
            walk(items, path, hidden, leaves)?;
            path.pop();
            Ok(())
        }
        Some(scalars) if scalars.iter().all(|kind| SCALARS.contains(kind)) => {
            let reading = Reading::of(members, path, scalars);
            leaves.push(Leaf { path: path.clone(), hidden, reading });
            Ok(())
        }
        Some(_) | None => Err(Malformed(format!(
            "{}: type must be object, array, or some of string, number, integer and boolean",
            at(path)
        ))),
    }
}

const SCALARS: [&str; 4] = ["string", "number", "integer", "boolean"];

/// The values of `type`, which is a string or an array.
fn kinds(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) if !several.is_empty() => several.iter().map(Value::as_str).collect(),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
