//! What a `Publish` carried.

use std::{collections::BTreeMap, time::SystemTime};

use serde_json::Value;
use url::form_urlencoded;

use crate::{clock, id, order};

/// One `Publish`, as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message id the caller is given.
    pub id: String,
    pub target: Option<Target>,
    pub text: String,
    pub attributes: BTreeMap<String, Attribute>,
    /// Every parameter by its wire name, `Action` and attributes included.
    pub parameters: BTreeMap<String, String>,
    /// The access key id that signed the call.
    pub caller: Option<String>,
    pub at: SystemTime,
    pub outcome: Outcome,
    /// Its place among all that happened to the doubles of this process: when it arrived.
    pub order: u64,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    PhoneNumber(String),
    /// A platform endpoint.
    TargetArn(String),
    TopicArn(String),
}

/// A message attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attribute {
    /// `String`, `Number` or `Binary`.
    pub data_type: String,
    /// As text; base64 if binary.
    pub value: String,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// No answer was given: it hangs, or the caller left.
    Unanswered,
    Accepted,
    /// With this error code.
    Refused(String),
}

impl Message {
    /// Reads the form. Of a repeated parameter the last one counts.
    pub(super) fn read(form: &[u8], caller: Option<String>) -> Self {
        let parameters: BTreeMap<_, _> = form_urlencoded::parse(form).into_owned().collect();
        let value = |name: &str| parameters.get(name).cloned();
        Self {
            id: id::uuid(),
            target: value("PhoneNumber")
                .map(Target::PhoneNumber)
                .or_else(|| value("TargetArn").map(Target::TargetArn))
                .or_else(|| value("TopicArn").map(Target::TopicArn)),
            text: value("Message").unwrap_or_default(),
            attributes: attributes(&parameters),
            caller,
            at: clock::now(),
            outcome: Outcome::Unanswered,
            order: order::next(),
            parameters,
        }
    }

    /// The number it goes to, if it is an SMS.
    pub fn phone_number(&self) -> Option<&str> {
        match self.target.as_ref()? {
            Target::PhoneNumber(number) => Some(number),
            Target::TargetArn(_) | Target::TopicArn(_) => None,
        }
    }

    /// Where it goes: the number or the ARN.
    pub fn address(&self) -> Option<&str> {
        Some(match self.target.as_ref()? {
            Target::PhoneNumber(address) | Target::TargetArn(address) | Target::TopicArn(address) => address,
        })
    }

    /// What the push service of its endpoint gets: the payload that the message has for the platform.
    pub fn push_payload(&self) -> Option<Value> {
        let Target::TargetArn(arn) = self.target.as_ref()? else { return None };
        let members: Value = serde_json::from_str(&self.text).ok()?;
        serde_json::from_str(members[platform(arn)?].as_str()?).ok()
    }
}

/// `arn:aws:sns:<region>:<account>:endpoint/<platform>/<application>/<id>`
pub(super) fn platform(arn: &str) -> Option<&str> {
    arn.rsplit(':').next()?.strip_prefix("endpoint/")?.split('/').next()
}

/// `MessageAttributes.entry.<n>.{Name, Value.DataType, Value.StringValue | Value.BinaryValue}`
fn attributes(parameters: &BTreeMap<String, String>) -> BTreeMap<String, Attribute> {
    let entry =
        |n: u32, field: &str| parameters.get(&format!("MessageAttributes.entry.{n}.{field}")).cloned();
    (1..)
        .map_while(|n| {
            let value = entry(n, "Value.StringValue").or_else(|| entry(n, "Value.BinaryValue"));
            let data_type = entry(n, "Value.DataType").unwrap_or_default();
            Some((entry(n, "Name")?, Attribute { data_type, value: value.unwrap_or_default() }))
        })
        .collect()
}
