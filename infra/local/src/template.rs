//! The parts of `template.yaml` that the stack needs: functions with their routes and triggers, the table, and the
//! queues.
//!
//! Only the template defines them; the local stack reads them and repeats nothing.

mod queue;
mod route;
mod table;
mod trigger;

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use serde_norway::Value as Yaml;

pub use queue::{Queue, Redrive};
pub use route::{CopiedHeader, Route};
pub use table::{Attribute, Index, Key, Projection, Table};
pub use trigger::{QueueTrigger, StreamTrigger, Triggers};

use crate::{Error, pattern::Pattern};

/// The part of a SAM template that this stack runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub functions: Vec<Function>,
    pub table: Table,
    pub queues: Vec<Queue>,
}

/// An `AWS::Serverless::Function` built from a binary of this workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    pub logical_id: String,
    /// `Metadata.BuildProperties.Binary`.
    pub binary: String,
    pub routes: Vec<Route>,
    /// The names of its environment variables, including the global ones.
    pub environment: BTreeSet<String>,
    pub triggers: Triggers,
    /// How long an invocation may take.
    pub timeout: Duration,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// If it is not YAML, or a function or the table lacks something that the stack needs.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document = document(text)?;
        let parameters = |value: &Value| match value["Ref"].as_str() {
            Some(name) => document["Parameters"][name]["Default"].clone(),
            None => value.clone(),
        };
        let resources = document["Resources"].as_object().ok_or("the template has no Resources")?;
        let of_type = |wanted: &'static str| resources.iter().filter(move |(_, it)| it["Type"] == wanted);

        let routes = route::all(resources)?;
        let functions = of_type("AWS::Serverless::Function")
            .map(|(logical_id, resource)| {
                let triggers = Triggers::of(logical_id, resources, &parameters)?;
                Function::parse(logical_id, resource, &routes, &document["Globals"]["Function"], triggers)
            })
            .collect::<Result<_, _>>()?;
        let (_, table) = of_type("AWS::DynamoDB::Table").next().ok_or("the template has no table")?;
        let table = Table::parse(&table["Properties"])?;
        let queues = of_type("AWS::SQS::Queue")
            .map(|(logical_id, resource)| Queue::parse(logical_id, &resource["Properties"]))
            .collect::<Result<_, _>>()?;
        Ok(Self { functions, table, queues })
    }

    /// The function built from `binary`.
    pub fn function(&self, binary: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.binary == binary)
    }
}

impl Function {
    fn parse(
        logical_id: &str,
        resource: &Value,
        routes: &[(String, Route)],
        global: &Value,
        triggers: Triggers,
    ) -> Result<Self, Error> {
        let binary = resource["Metadata"]["BuildProperties"]["Binary"]
            .as_str()
            .ok_or_else(|| format!("{logical_id} names no Metadata.BuildProperties.Binary"))?;
        let properties = &resource["Properties"];
        let variables = |of: &Value| names(&of["Environment"]["Variables"]);
        let timeout = whole(&properties["Timeout"]).or_else(|| whole(&global["Timeout"]));
        let mine = routes.iter().filter(|(function, _)| function == logical_id);
        Ok(Self {
            logical_id: logical_id.to_owned(),
            binary: binary.to_owned(),
            routes: mine.map(|(_, route)| route.clone()).collect(),
            environment: variables(global).union(&variables(properties)).cloned().collect(),
            triggers,
            // Lambda's default.
            timeout: Duration::from_secs(timeout.unwrap_or(3)),
        })
    }
}

/// The whole template as JSON, with CloudFormation's functions in their long form.
///
/// # Errors
/// If it is not YAML.
pub fn document(text: &str) -> Result<Value, Error> {
    plain(serde_norway::from_str(text)?)
}

fn names(variables: &Value) -> BTreeSet<String> {
    variables.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The logical id of the resource whose `attribute` is `value`, by `!GetAtt`.
fn whose<'a>(value: &'a Value, attribute: &str) -> Option<&'a str> {
    let value = &value["Fn::GetAtt"];
    match value.as_str() {
        Some(text) => text.strip_suffix(attribute)?.strip_suffix('.'),
        None => value[0].as_str().filter(|_| value[1] == attribute),
    }
}

/// The logical id of the function whose alias is `value`: `!Ref TokenFunction.Alias`, as SAM has it.
fn function_of_alias(value: &Value) -> Option<&str> {
    value["Ref"].as_str()?.strip_suffix(".Alias")
}

/// A whole number; CloudFormation also accepts it as text.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The patterns of a `FilterCriteria`.
fn filters(criteria: &Value) -> Result<Vec<Pattern>, Error> {
    let filters = criteria["Filters"].as_array().into_iter().flatten();
    let pattern = |filter: &Value| match filter["Pattern"].as_str() {
        Some(pattern) => Pattern::parse(pattern),
        None => Err("a filter has no pattern as text".into()),
    };
    filters.map(pattern).collect()
}

/// YAML with CloudFormation's short forms as the equivalent JSON: `!Ref X` is `{"Ref": "X"}` and any
/// other `!F x` is `{"Fn::F": x}`.
fn plain(value: Yaml) -> Result<Value, Error> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(it) => it.into(),
        Yaml::Number(it) => serde_json::to_value(it)?,
        Yaml::String(it) => it.into(),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect::<Result<Vec<_>, _>>()?.into(),
        Yaml::Mapping(entries) => entries
            .into_iter()
            .map(|(key, value)| Ok((key_text(key)?, plain(value)?)))
            .collect::<Result<serde_json::Map<_, _>, Error>>()?
            .into(),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let key =
                if matches!(name, "Ref" | "Condition") { name.to_owned() } else { format!("Fn::{name}") };
            Value::Object([(key, plain(tagged.value)?)].into_iter().collect())
        }
    })
}

/// CloudFormation's keys are text, but YAML reads some (`200:`, `true:`) as something else.
fn key_text(key: Yaml) -> Result<String, Error> {
    let key = plain(key)?;
    Ok(key.as_str().map_or_else(|| key.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests;
