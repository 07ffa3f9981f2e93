//! What the stack needs to know of `template.yaml`: functions, their routes, and the table.
//!
//! The template is the one place that says them; the local stack reads them and repeats nothing.

mod route;
mod table;

use std::collections::BTreeSet;

use serde_json::Value;
use serde_norway::Value as Yaml;

pub use route::Route;
pub use table::{Attribute, Index, Key, Projection, Table};

use crate::Error;

/// The part of a SAM template this stack runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub functions: Vec<Function>,
    pub table: Table,
}

/// An `AWS::Serverless::Function` built from a binary of this workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub logical_id: String,
    /// `Metadata.BuildProperties.Binary`.
    pub binary: String,
    pub routes: Vec<Route>,
    /// The names of its environment variables, the global ones included.
    pub environment: BTreeSet<String>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When it is no YAML, or a function or the table lacks what the stack needs of it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document = document(text)?;
        let global = names(&document["Globals"]["Function"]["Environment"]["Variables"]);
        let resources = document["Resources"].as_object().ok_or("the template has no Resources")?;
        let of_type = |wanted: &'static str| resources.iter().filter(move |(_, it)| it["Type"] == wanted);

        let routes = route::all(resources)?;
        let functions = of_type("AWS::Serverless::Function")
            .map(|(logical_id, resource)| Function::parse(logical_id, resource, &routes, &global))
            .collect::<Result<_, _>>()?;
        let (_, table) = of_type("AWS::DynamoDB::Table").next().ok_or("the template has no table")?;
        let table = Table::parse(&table["Properties"])?;
        Ok(Self { functions, table })
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
        global: &BTreeSet<String>,
    ) -> Result<Self, Error> {
        let binary = resource["Metadata"]["BuildProperties"]["Binary"]
            .as_str()
            .ok_or_else(|| format!("{logical_id} names no Metadata.BuildProperties.Binary"))?;
        let own = names(&resource["Properties"]["Environment"]["Variables"]);
        let mine = routes.iter().filter(|(function, _)| function == logical_id);
        Ok(Self {
            logical_id: logical_id.to_owned(),
            binary: binary.to_owned(),
            routes: mine.map(|(_, route)| route.clone()).collect(),
            environment: global.union(&own).cloned().collect(),
        })
    }
}

/// The whole template as JSON, with CloudFormation's functions in their long form.
///
/// # Errors
/// When it is no YAML.
pub fn document(text: &str) -> Result<Value, Error> {
    plain(serde_norway::from_str(text)?)
}

fn names(variables: &Value) -> BTreeSet<String> {
    variables.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// YAML with CloudFormation's short forms as the JSON it stands for: `!Ref X` is `{"Ref": "X"}` and any
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
