//! A type of `authorization_details`: what its objects may say (a JSON Schema), and how a person reads them (a template).

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::DetailWords;
use super::display::Template;
use super::malformed::Malformed;
use super::policy::DetailPolicy;
use super::schema::{Refused, Schema};

pub(super) const ENGLISH: &str = "en";
/// Of schema and display each, as JSON. Unit: bytes.
const MAX_TEXT: usize = 16 * 1024;
/// Unit: bytes.
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

/// A type, its schema compiled.
pub struct DetailType {
    name: DetailTypeName,
    policy: DetailPolicy,
    /// As it was given.
    schema_text: String,
    display_text: String,
    schema: Schema,
    /// By the language's tag, English always there.
    templates: BTreeMap<String, Template>,
}

impl DetailType {
    /// A definition: `{"type": …, "schema": {…}, "display": {"en": {"title": …, "rows": [{"label": …, "value": …}]}}}`, and
    /// if the operator wants so `"risk": "high"` or `"low"` and `"scope": …` ([`DetailPolicy`]).
    ///
    /// `languages` are those that pages have.
    ///
    /// # Errors
    /// The schema is not closed or not one, or a template leaves out what the person has to see (`TOK-7-03`).
    pub fn define(definition: &Value, languages: &[&str]) -> Result<Self, Malformed> {
        let members = definition.as_object().ok_or_else(|| Malformed::of("a definition is a JSON object"))?;
        if let Some(unknown) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(Malformed(format!(
                "{unknown} is not a member of a definition: {} are",
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
            Some(_) => Err(Malformed(format!("{member} is not a text"))),
        };
        let policy = DetailPolicy::define(optional("risk")?, optional("scope")?)?;
        let this = Self::compile(name, schema, display, policy)?;
        if let Some(tag) = this.languages().find(|tag| !languages.contains(tag)) {
            return Err(Malformed(format!(
                "display has {tag}, and the pages have {} only",
                languages.join(", ")
            )));
        }
        Ok(this)
    }

    /// As it lies in the table.
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
            return Err(Malformed::of("display is not an object with a member per language"));
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
                "display has no en: everybody without a language of theirs reads English",
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

    /// The schema as it was given: JSON.
    pub fn schema_text(&self) -> &str {
        &self.schema_text
    }

    /// The templates as they were given: JSON.
    pub fn display_text(&self) -> &str {
        &self.display_text
    }

    /// The definition that makes this type.
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

    /// Whether `entry` is one of this type, and can be shown as it is (`TOK-7-02`).
    pub(super) fn validate(&self, entry: &Value) -> Result<(), Refused> {
        self.schema.validate(entry)
    }

    /// A validated entry in words, in this language or in English.
    pub(super) fn words(&self, entry: &Value, tag: &str) -> Result<DetailWords, Refused> {
        let template = self.templates.get(tag).or_else(|| self.templates.get(ENGLISH));
        template
            .map(|template| template.words(entry))
            .unwrap_or(Err(Refused { told: "authorization_details cannot be shown", detail: None }))
    }
}

impl fmt::Debug for DetailType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DetailType({})", self.name.as_str())
    }
}
