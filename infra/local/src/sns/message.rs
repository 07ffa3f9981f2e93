//! The content of a `Publish`.

use std::{collections::BTreeMap, time::SystemTime};

use serde_json::Value;
use url::form_urlencoded;

use crate::{clock, id, order};

/// One `Publish`, as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message id that the caller receives.
    pub id: String,
    pub target: Option<Target>,
    pub text: String,
    pub attributes: BTreeMap<String, Attribute>,
    /// Every parameter by its wire name, including `Action` and attributes.
    pub parameters: BTreeMap<String, String>,
    /// The access key id that signed the call.
    pub caller: Option<String>,
    pub at: SystemTime,
    pub outcome: Outcome,
    /// Its position in the order of all events of the doubles of this process: when it arrived.
    pub order: u64,
}

/// The destination of a message.
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

/// The outcome of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was no response: it hangs, or the caller disconnected.
    Unanswered,
    Accepted,
    /// With this error code.
    Refused(String),
}

impl Message {
    /// Reads the form. If a parameter is repeated, the last one counts.
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

    /// The number that it is sent to, if it is an SMS.
    pub fn phone_number(&self) -> Option<&str> {
        match self.target.as_ref()? {
            Target::PhoneNumber(number) => Some(number),
            Target::TargetArn(_) | Target::TopicArn(_) => None,
        }
    }

    /// The number or the ARN that it is sent to.
    pub fn address(&self) -> Option<&str> {
        Some(match self.target.as_ref()? {
            Target::PhoneNumber(address) | Target::TargetArn(address) | Target::TopicArn(address) => address,
        })
    }

    /// The payload for the push service of its endpoint: the one for its platform in the message.
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
