//! A type of `authorization_details`: a JSON Schema for its objects, and a template for showing them to a person.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::DetailWords;
use super::display::Template;
use super::malformed::Malformed;
use super::policy::DetailPolicy;
use super::schema::{Refused, Schema};

pub(super) const ENGLISH: &str = "en";
/// The limit for the schema and for the display, each as JSON text. Unit: bytes.
const MAX_TEXT: usize = 16 * 1024;
/// The longest name. Unit: bytes.
const MAX_NAME: usize = 128;

/// The value of `type`: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DetailTypeName(String);

impl DetailTypeName {
    pub fn parse(text: &str) -> Option<Self> {
        let is_fit = (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        is_fit.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The members of a definition.
const MEMBERS: [&str; 5] = ["type", "schema", "display", "risk", "scope"];

/// A type with its compiled schema.
pub struct DetailType {
    name: DetailTypeName,
    policy: DetailPolicy,
    /// The original text.
    schema_text: String,
    display_text: String,
    schema: Schema,
    /// By language tag; English is always present.
    templates: BTreeMap<String, Template>,
}

impl DetailType {
    /// Parses a definition. It has the members `type`, `schema` and `display`, which has for each language a
    /// `title` and `rows` of `label` and `value`. The members `risk` (`high` or `low`) and `scope` are optional
    /// ([`DetailPolicy`]).
    ///
    /// `languages` are the languages of the pages.
    ///
    /// # Errors
    /// The schema is malformed or not closed, or a template leaves out a member: all requirements are presented
    /// when gathering consent (RFC 9396 §3.1).
    pub fn define(definition: &Value, languages: &[&str]) -> Result<Self, Malformed> {
        let members = definition.as_object().ok_or_else(|| Malformed::of("a definition is a JSON object"))?;
        if let Some(unknown) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(Malformed(format!(
                "{unknown} is not a member of a definition; the members are {}",
                MEMBERS.join(", ")
            )));
        }
        let name = members.get("type").and_then(Value::as_str).and_then(DetailTypeName::parse);
        let name = name.ok_or_else(|| Malformed::of("type is not 1-128 visible ASCII characters"))?;
        let text = |member: &str| match members.get(member).map(Value::to_string) {
            None => Err(Malformed(format!("{member} is missing"))),
            Some(text) if text.len() > MAX_TEXT => Err(Malformed(format!("{member} is longer than 16 KiB"))),
            Some(text) => Ok(text),
        };
        let (schema, display) = (text("schema")?, text("display")?);
        let optional = |member: &str| match members.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(Malformed(format!("{member} is not a string"))),
        };
        let policy = DetailPolicy::define(optional("risk")?, optional("scope")?)?;
        let this = Self::compile(name, schema, display, policy)?;
        if let Some(tag) = this.languages().find(|tag| !languages.contains(tag)) {
            return Err(Malformed(format!(
                "display has {tag}, but the languages of the pages are {}",
                languages.join(", ")
            )));
        }
        Ok(this)
    }

    /// A type as stored in the table.
    pub fn from_stored(name: &str, schema: &str, display: &str, policy: DetailPolicy) -> Option<Self> {
        Self::compile(DetailTypeName::parse(name)?, schema.to_owned(), display.to_owned(), policy).ok()
    }

    fn compile(
        name: DetailTypeName,
        schema_text: String,
        display_text: String,
        policy: DetailPolicy,
    ) -> Result<Self, Malformed> {
        let parsed = |text: &str| serde_json::from_str(text).map_err(|error| Malformed(error.to_string()));
        let schema = Schema::compile(name.as_str(), parsed(&schema_text)?)?;
        let Value::Object(display) = parsed(&display_text)? else {
            return Err(Malformed::of("display is not an object with a member for each language"));
        };
        let templates = Self::templates(&display, &schema)?;
        Ok(Self { name, policy, schema_text, display_text, schema, templates })
    }

    fn templates(
        display: &Map<String, Value>,
        schema: &Schema,
    ) -> Result<BTreeMap<String, Template>, Malformed> {
        if !display.contains_key(ENGLISH) {
            return Err(Malformed::of(
                "display has no en: English is the fallback for languages without a template",
            ));
        }
        let template = |(tag, value): (&String, &Value)| {
            let template =
                Template::parse(tag, value, schema).map_err(|why| Malformed(format!("{tag}: {}", why.0)));
            Ok((tag.clone(), template?))
        };
        display.iter().map(template).collect()
    }

    pub fn name(&self) -> &DetailTypeName {
        &self.name
    }

    pub fn policy(&self) -> &DetailPolicy {
        &self.policy
    }

    /// The original JSON text of the schema.
    pub fn schema_text(&self) -> &str {
        &self.schema_text
    }

    /// The original JSON text of the templates.
    pub fn display_text(&self) -> &str {
        &self.display_text
    }

    /// The definition of this type.
    pub fn definition(&self) -> Value {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let mut definition = json!({
            "type": self.name.as_str(),
            "schema": parsed(&self.schema_text),
            "display": parsed(&self.display_text),
        });
        for (member, text) in [("risk", self.policy.risk.as_str()), ("scope", self.policy.scope.as_deref())] {
            if let Some(text) = text {
                definition[member] = json!(text);
            }
        }
        definition
    }

    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.templates.keys().map(String::as_str)
    }

    /// Checks that `entry` conforms to this type (RFC 9396 §5), and can be shown as it is.
    pub(super) fn validate(&self, entry: &Value) -> Result<(), Refused> {
        self.schema.validate(entry)
    }

    /// A validated entry in words, in this language or else in English.
    pub(super) fn words(&self, entry: &Value, tag: &str) -> Result<DetailWords, Refused> {
        let template = self.templates.get(tag).or_else(|| self.templates.get(ENGLISH));
        template
            .map(|template| template.words(entry))
            .unwrap_or(Err(Refused::of("authorization_details cannot be shown")))
    }
}

impl fmt::Debug for DetailType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DetailType({})", self.name.as_str())
    }
}
