//! The schema of a type: JSON Schema (draft 2020-12), of the part of it that is closed.
//!
//! Closed means that every member an object can have is named in `properties`, at every depth, with its type. Otherwise
//! nobody could say that a template shows all there is. So an object says `"additionalProperties": false`, an array says
//! what its `items` are, and there are no references. Keywords that only narrow (`enum`, `pattern`, `oneOf`, …) are free.
//!
//! A member with `"x-hidden": true` may be left out by templates. A text member without `const`, `enum`, `pattern` and
//! `format` is free text, and under the rule for other people's words (`ATK-2-05`, [`plain_text`](crate::domain::base::plain_text)).
//! It is a name, which may have a dot, if it says `"x-name": true` or is called as names of payees are ([`NAMES`]).

use std::fmt;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::malformed::Malformed;
use super::number_keyword::NumberRule;
use crate::domain::base::plain_text::{self, Kind, Unacceptable, is_shown_as_it_is};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// What would let in members that `properties` does not name.
const OPENING: [&str; 4] = ["patternProperties", "prefixItems", "unevaluatedProperties", "unevaluatedItems"];
const HIDDEN: &str = "x-hidden";
/// `"x-name": true` says that a text is a name, `false` that it is none.
const NAME: &str = "x-name";
/// What a member with the name of a payee or payer is called, where [`NAME`] says nothing; without case, `_`, `-` and the
/// word `name` at its end, or as the object that has a `name`.
const NAMES: [&str; 7] = ["creditor", "debtor", "payee", "payer", "merchant", "beneficiary", "recipient"];
/// Of all patterns of a schema, compiled, each. Unit: bytes.
const MAX_PATTERN: usize = 1024 * 1024;

/// Why an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// For the client.
    pub told: &'static str,
    /// For the log: where in the object, and by which keyword. Never a value.
    pub detail: Option<String>,
}

/// A step from an object to what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    /// Every element of an array.
    Each,
}

/// A member that has no members: a text, a number or a truth value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) path: Vec<Step>,
    /// Templates may leave it out.
    pub(super) hidden: bool,
    reading: Reading,
}

/// How a text is judged before it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The schema says what it looks like, or it is no text.
    Formed,
    /// Somebody's name.
    Name,
    Free,
}

pub(super) struct Schema {
    validator: Validator,
    leaves: Vec<Leaf>,
}

impl Schema {
    /// `type` need not be in `properties`: it is always there.
    pub(super) fn compile(name: &str, mut schema: Value) -> Result<Self, Malformed> {
        let root = schema.as_object_mut().ok_or_else(|| Malformed::of("schema is not an object"))?;
        if let Some(draft) = root.remove("$schema").filter(|draft| draft != DRAFT) {
            return Err(Malformed(format!("the schema is of {draft}, and {DRAFT} is understood only")));
        }
        no_references(&schema)?;
        let mut leaves = Vec::new();
        walk(&schema, &mut Vec::new(), false, &mut leaves)?;
        if schema["type"] != "object" {
            return Err(Malformed::of("the schema is not of an object"));
        }
        // Whoever looked the type up by its name knows it; a template need not say it.
        let is_type = |leaf: &Leaf| leaf.path == [Step::Member("type".to_owned())];
        leaves.retain(|leaf| !is_type(leaf));
        schema["properties"]["type"] = json!({ "const": name });
        let mut options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            // Linear in the text, whatever the pattern.
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN))
            .offline();
        for (name, rule) in NumberRule::ALL {
            options = options.with_keyword(name, move |_, bound, _| rule.compile(bound));
        }
        let validator = options.build(&schema);
        let validator = validator.map_err(|error| Malformed(format!("the schema is none: {error}")))?;
        Ok(Self { validator, leaves })
    }

    /// What a template has to show, and what it may.
    pub(super) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// `TOK-7-02`, and that what is to be shown can be shown as it is.
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
    "authorization_details has a text with characters that are not shown as they are";

/// `creditor`, `creditorName`, `creditor_name`, `creditor/name`
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

/// What lies at `path`, once for each element on the way.
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

/// A path as templates write it.
pub(super) struct Pointer<'a>(pub(super) &'a [Step]);

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Member(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Each => f.write_str("/*"),
        })
    }
}

/// Nothing is fetched, and nothing is said elsewhere: what stands here is all there is.
fn no_references(schema: &Value) -> Result<(), Malformed> {
    match schema {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name.starts_with('$') && name != "$comment" {
                Err(Malformed(format!("the schema has {name}; references and identifiers are not taken")))
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
        schema.as_object().ok_or_else(|| Malformed(format!("{}: a schema is an object", at(path))))?;
    if let Some(opening) = OPENING.iter().find(|keyword| members.contains_key(**keyword)) {
        return Err(Malformed(format!("{}: {opening} is not taken", at(path))));
    }
    let hidden = hidden || members.get(HIDDEN) == Some(&Value::Bool(true));
    match kinds(members).as_deref() {
        Some(["object"]) => {
            if members.get("additionalProperties") != Some(&Value::Bool(false)) {
                return Err(Malformed(format!(
                    "{}: an object says \"additionalProperties\": false",
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
                items.ok_or_else(|| Malformed(format!("{}: an array says what its items are", at(path))))?;
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
            "{}: type is neither object, nor array, nor of string, number, integer and boolean",
            at(path)
        ))),
    }
}

const SCALARS: [&str; 4] = ["string", "number", "integer", "boolean"];

/// `type`, as one or several.
fn kinds(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) if !several.is_empty() => several.iter().map(Value::as_str).collect(),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
