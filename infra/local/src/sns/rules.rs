//! What SNS itself refuses, according to its documentation and to reports of its users. Where it tolerates a
//! mistake, such as a member for a platform that is not a string, the double does not: such a mistake would only
//! show on a phone.

use serde_json::{Map, Value};

use super::{Attribute, Message, Target, message::platform, wire::Refusal};

/// The longest SMS, in characters.
const SMS_LIMIT: usize = 1_600;
/// The longest message of another kind with its attributes, in bytes.
const LIMIT: usize = 262_144;
/// Members for push services.
const PLATFORMS: [&str; 8] =
    ["ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "GCM", "WNS"];

pub(super) fn check(message: &Message) -> Result<(), Refusal> {
    if message.parameters.get("Action").is_none_or(|action| action != "Publish") {
        return Err(Refusal::new(400, "InvalidAction", "This double only supports Publish"));
    }
    let target = target(message)?;
    if message.text.is_empty() {
        return Err(invalid("Empty message"));
    }
    for (name, attribute) in &message.attributes {
        check_attribute(name, attribute)?;
    }
    if let Some(subject) = message.parameters.get("Subject")
        && (subject.is_empty() || subject.chars().count() >= 100 || subject.contains(char::is_control))
    {
        return Err(invalid("Subject"));
    }
    let attributes = message.attributes.iter();
    let attributes = attributes.map(|(name, it)| name.len() + it.data_type.len() + it.value.len());
    if message.text.len() + attributes.sum::<usize>() > LIMIT {
        return Err(invalid("Message too long"));
    }
    let members = members(message)?;
    match target {
        Target::PhoneNumber(number) if !is_e164(number) => {
            Err(invalid(&format!("PhoneNumber Reason: {number} is not valid to publish to")))
        }
        Target::PhoneNumber(_) if message.text.chars().count() > SMS_LIMIT => {
            Err(invalid("Message too long"))
        }
        Target::PhoneNumber(_) => Ok(()),
        Target::TargetArn(arn) => {
            let platform = platform(arn).filter(|it| is_arn(arn) && PLATFORMS.contains(it));
            let platform = platform.ok_or_else(|| invalid("TargetArn Reason: no such endpoint ARN"))?;
            check_payload(platform, &members)
        }
        Target::TopicArn(arn) if !is_arn(arn) || arn.contains('/') => {
            Err(invalid("TopicArn Reason: An ARN must have at least 6 elements"))
        }
        Target::TopicArn(_) => Ok(()),
    }
}

/// Exactly one of the three parameters for the destination.
fn target(message: &Message) -> Result<&Target, Refusal> {
    let names = ["PhoneNumber", "TargetArn", "TopicArn"];
    let given = names.iter().filter(|name| message.parameters.contains_key(**name)).count();
    match &message.target {
        Some(target) if given == 1 => Ok(target),
        Some(_) => Err(invalid("Only one of TopicArn, TargetArn and PhoneNumber can be given")),
        None => Err(invalid("TopicArn or TargetArn Reason: no value for required parameter")),
    }
}

/// The members of a message with the structure `json`; a plain one has none.
fn members(message: &Message) -> Result<Map<String, Value>, Refusal> {
    match message.parameters.get("MessageStructure").map(String::as_str) {
        None => return Ok(Map::new()),
        Some("json") => {}
        Some(_) => return Err(invalid("MessageStructure Reason: it can only be json")),
    }
    let members = serde_json::from_str::<Map<String, Value>>(&message.text);
    let members = members.map_err(|_| invalid("Message Structure - JSON message body failed to parse"))?;
    if !members.get("default").is_some_and(Value::is_string) {
        return Err(invalid("Message Structure - No default entry in JSON message body"));
    }
    let not_text =
        members.iter().find(|(name, value)| PLATFORMS.contains(&name.as_str()) && !value.is_string());
    match not_text {
        Some((name, _)) => Err(invalid(&format!("Message Structure - {name} is not a string"))),
        None => Ok(members),
    }
}

/// The payload for a push service is JSON within JSON.
fn check_payload(platform: &str, members: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(payload) = members.get(platform).and_then(Value::as_str) else { return Ok(()) };
    match serde_json::from_str::<Map<String, Value>>(payload) {
        Ok(_) => Ok(()),
        Err(_) => Err(invalid(&format!("Message Reason: Invalid notification for protocol {platform}"))),
    }
}

fn check_attribute(name: &str, attribute: &Attribute) -> Result<(), Refusal> {
    let refuse = |why: &str| {
        let message = format!("The message attribute '{name}' {why}");
        Err(Refusal::new(400, "ParameterValueInvalid", &message))
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let has_dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if !(1..=256).contains(&name.len()) || !name.bytes().all(allowed) || has_dots {
        return refuse("has a name with characters other than A-Z, a-z, 0-9, _, - and single dots");
    }
    let reserved = ["AWS.SNS.SMS.", "AWS.SNS.MOBILE."];
    if name.to_lowercase().starts_with("aws.") && !reserved.iter().any(|it| name.starts_with(it)) {
        return refuse("begins with a prefix that is reserved");
    }
    let of_type = |prefix: &str| attribute.data_type.split('.').next() == Some(prefix);
    if !["String", "Number", "Binary"].into_iter().any(of_type) {
        return refuse("has an invalid message attribute type");
    }
    if attribute.value.is_empty() {
        return refuse("must contain non-empty message attribute value");
    }
    let in_range = |number: f64| (-1e9..=1e9).contains(&number);
    if of_type("Number") && !attribute.value.parse().is_ok_and(in_range) {
        return refuse("is not a number from -1,000,000,000 to 1,000,000,000");
    }
    let is_sender_id = |it: &str| {
        let fits = it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (1..=11).contains(&it.len()) && fits && it.bytes().any(|b| b.is_ascii_alphabetic())
    };
    match name {
        "AWS.SNS.SMS.SenderID" if !is_sender_id(&attribute.value) => refuse("is not a sender ID"),
        "AWS.SNS.SMS.SMSType" if !["Promotional", "Transactional"].contains(&&*attribute.value) => {
            refuse("is neither Promotional nor Transactional")
        }
        _ => Ok(()),
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(400, "InvalidParameter", &format!("Invalid parameter: {why}"))
}

/// `arn:<partition>:sns:<region>:<account>:<resource>`
fn is_arn(arn: &str) -> bool {
    let parts: Vec<_> = arn.split(':').collect();
    let [scheme, partition, service, region, account, resource] = parts[..] else { return false };
    let empty = [partition, region, resource].iter().any(|it| it.is_empty());
    (scheme, service) == ("arn", "sns") && !empty && account.len() == 12
}

/// `+`, then at most 15 digits, the first of which is not 0.
fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (2..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
