//! What a `Publish` carried.

use std::{collections::BTreeMap, time::SystemTime};

use url::form_urlencoded;

use super::wire::Refusal;
use crate::{clock, id};

/// The longest SMS SNS takes, in characters.
const SMS_LIMIT: usize = 1_600;

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

    /// Refuses what SNS itself refuses.
    pub(super) fn validate(&self) -> Result<(), Refusal> {
        if self.parameters.get("Action").is_none_or(|action| action != "Publish") {
            return Err(Refusal::new(400, "InvalidAction", "This double knows Publish only"));
        }
        let Some(target) = &self.target else {
            return Err(Refusal::invalid(
                "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter",
            ));
        };
        if self.text.is_empty() {
            return Err(Refusal::invalid("Invalid parameter: Empty message"));
        }
        match target {
            Target::PhoneNumber(number) if !is_e164(number) => Err(Refusal::invalid(&format!(
                "Invalid parameter: PhoneNumber Reason: {number} is not valid to publish to"
            ))),
            Target::PhoneNumber(_) if self.text.chars().count() > SMS_LIMIT => {
                Err(Refusal::invalid("Invalid parameter: Message too long"))
            }
            Target::PhoneNumber(_) => Ok(()),
            Target::TargetArn(arn) | Target::TopicArn(arn) if !arn.starts_with("arn:") => {
                Err(Refusal::invalid("Invalid parameter: TargetArn Reason: no such ARN"))
            }
            Target::TargetArn(_) | Target::TopicArn(_) => Ok(()),
        }
    }
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

/// `+`, then at most 15 digits, the first of which is not 0.
fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (2..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
