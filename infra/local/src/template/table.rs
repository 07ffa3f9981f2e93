//! The definition of the table in `AWS::DynamoDB::Table`.

use serde_json::Value;

use crate::Error;

/// An `AWS::DynamoDB::Table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub attributes: Vec<Attribute>,
    pub keys: Vec<Key>,
    pub indexes: Vec<Index>,
    /// The attribute with the time at which an item expires.
    pub ttl: Option<String>,
    /// The view type of its stream (`NEW_AND_OLD_IMAGES` and others), if it has one.
    pub stream: Option<String>,
}

/// An entry of `AttributeDefinitions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    /// `S`, `N` or `B`.
    pub kind: String,
}

/// An entry of a `KeySchema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub attribute: String,
    /// `HASH` or `RANGE`.
    pub role: String,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub name: String,
    pub keys: Vec<Key>,
    pub projection: Projection,
}

/// The attributes that an index keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub kind: String,
    /// The attributes besides the keys, with `INCLUDE`.
    pub attributes: Vec<String>,
}

impl Table {
    pub(super) fn parse(properties: &Value) -> Result<Self, Error> {
        let ttl = &properties["TimeToLiveSpecification"];
        Ok(Self {
            attributes: each(&properties["AttributeDefinitions"], Attribute::parse)?,
            keys: each(&properties["KeySchema"], Key::parse)?,
            indexes: each(&properties["GlobalSecondaryIndexes"], Index::parse)?,
            stream: properties["StreamSpecification"]["StreamViewType"].as_str().map(str::to_owned),
            ttl: if is_true(&ttl["Enabled"]) { Some(text(ttl, "AttributeName")?) } else { None },
        })
    }
}

impl Attribute {
    fn parse(value: &Value) -> Result<Self, Error> {
        Ok(Self { name: text(value, "AttributeName")?, kind: text(value, "AttributeType")? })
    }
}

impl Key {
    fn parse(value: &Value) -> Result<Self, Error> {
        Ok(Self { attribute: text(value, "AttributeName")?, role: text(value, "KeyType")? })
    }
}

impl Index {
    fn parse(value: &Value) -> Result<Self, Error> {
        let projection = &value["Projection"];
        Ok(Self {
            name: text(value, "IndexName")?,
            keys: each(&value["KeySchema"], Key::parse)?,
            projection: Projection {
                kind: text(projection, "ProjectionType")?,
                attributes: each(&projection["NonKeyAttributes"], |it| {
                    it.as_str().map(str::to_owned).ok_or_else(|| "a projected attribute is not text".into())
                })?,
            },
        })
    }
}

/// Parses every entry of a list; an absent list is empty.
fn each<T>(list: &Value, parse: impl Fn(&Value) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    list.as_array().into_iter().flatten().map(parse).collect()
}

fn text(value: &Value, name: &str) -> Result<String, Error> {
    let text = value[name].as_str().ok_or_else(|| format!("the table definition lacks a literal {name}"))?;
    Ok(text.to_owned())
}

/// CloudFormation also accepts a boolean as text.
fn is_true(value: &Value) -> bool {
    value == true || value == "true"
}
