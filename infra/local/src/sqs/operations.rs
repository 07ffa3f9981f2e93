//! The input and output of each operation.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use serde_json::{Map, Value, json};

use super::{
    Message,
    queue::{LONGEST_INVISIBLE, NotChanged},
    queues::Queues,
    wire::Refusal,
};
use crate::clock;

/// Unit: bytes.
const LONGEST_BODY: usize = 1024 * 1024;
const LONGEST_DELAY: Duration = Duration::from_secs(900);
const LONGEST_WAIT: Duration = Duration::from_secs(20);
const MOST_MESSAGES: u64 = 10;
/// How often a waiting receiver checks again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Performs an operation. `caller` is the access key id that signed the call.
pub(super) async fn perform(
    queues: &Queues,
    operation: &str,
    input: &Value,
    caller: &str,
) -> Result<Value, Refusal> {
    if operation == "GetQueueUrl" {
        let name = input["QueueName"].as_str().ok_or_else(|| Refusal::missing("QueueName"))?;
        return if queues.knows(name) {
            Ok(json!({"QueueUrl": queues.queue_url(name)}))
        } else {
            Err(no_queue())
        };
    }
    let url = input["QueueUrl"].as_str().ok_or_else(|| Refusal::missing("QueueUrl"))?;
    let name = queues.named_by(url).ok_or_else(no_queue)?;
    let each = |perform: &dyn Fn(&Value) -> Result<Value, Refusal>| batch(input, perform);
    match operation {
        "SendMessage" => send(queues, &name, input, caller),
        "SendMessageBatch" => each(&|entry| send(queues, &name, entry, caller)),
        "ReceiveMessage" => receive(queues, &name, input).await,
        "DeleteMessage" => delete(queues, &name, input),
        "DeleteMessageBatch" => each(&|entry| delete(queues, &name, entry)),
        "ChangeMessageVisibility" => change_visibility(queues, &name, input),
        "ChangeMessageVisibilityBatch" => each(&|entry| change_visibility(queues, &name, entry)),
        "GetQueueAttributes" => Ok(attributes(queues, &name, input)),
        _ => Err(unsupported("The double does not support the operation.")),
    }
}

fn send(queues: &Queues, name: &str, input: &Value, caller: &str) -> Result<Value, Refusal> {
    let body = input["MessageBody"].as_str().unwrap_or_default();
    if body.is_empty() {
        return Err(Refusal::missing("MessageBody"));
    }
    if body.len() > LONGEST_BODY {
        return Err(Refusal::invalid("One or more parameters are invalid. Reason: Message must be shorter."));
    }
    if input["MessageAttributes"].as_object().is_some_and(|attributes| !attributes.is_empty()) {
        return Err(unsupported("The double does not support message attributes."));
    }
    let delay = duration(input, "DelaySeconds", LONGEST_DELAY)?.unwrap_or_default();
    let id = queues.send(name, body, caller, delay).ok_or_else(no_queue)?;
    Ok(json!({"MessageId": id, "MD5OfMessageBody": md5(body)}))
}

async fn receive(queues: &Queues, name: &str, input: &Value) -> Result<Value, Refusal> {
    let most = input["MaxNumberOfMessages"].as_u64().unwrap_or(1);
    if !(1..=MOST_MESSAGES).contains(&most) {
        return Err(out_of_range("MaxNumberOfMessages"));
    }
    let timeout = duration(input, "VisibilityTimeout", LONGEST_INVISIBLE)?;
    let wait = duration(input, "WaitTimeSeconds", LONGEST_WAIT)?.unwrap_or_default();
    let deadline = queues.clock.now() + wait;
    let most = usize::try_from(most).unwrap_or(1);
    let mut messages = queues.receive(name, most, timeout);
    // With a clock that does not move, waiting is pointless.
    while messages.is_empty() && matches!(queues.clock, clock::Clock::System) && queues.clock.now() < deadline
    {
        tokio::time::sleep(LOOK_EVERY).await;
        messages = queues.receive(name, most, timeout);
    }
    let wanted = wanted(input, &["AttributeNames", "MessageSystemAttributeNames"]);
    let shown: Vec<Value> = messages.iter().map(|message| shown(message, &wanted)).collect();
    // An empty list is left out.
    Ok(if shown.is_empty() { json!({}) } else { json!({ "Messages": shown }) })
}

fn shown(message: &Message, wanted: &BTreeSet<String>) -> Value {
    let mut shown = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "Body": message.body,
        "MD5OfBody": md5(&message.body),
    });
    let attributes = only(message.attributes(), wanted);
    if !attributes.is_empty() {
        shown["Attributes"] = attributes.into();
    }
    shown
}

impl Message {
    /// Its system attributes, by their names in the API and in Lambda's event.
    pub fn attributes(&self) -> Map<String, Value> {
        let millis = |time: SystemTime| clock::since_epoch(time).as_millis().to_string();
        let all = [
            ("ApproximateReceiveCount", self.receive_count.to_string()),
            ("SentTimestamp", millis(self.sent_at)),
            ("SenderId", self.sender.clone()),
            ("ApproximateFirstReceiveTimestamp", millis(self.first_received_at)),
        ];
        all.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }
}

fn delete(queues: &Queues, name: &str, input: &Value) -> Result<Value, Refusal> {
    queues.try_delete(name, handle(input)?).map_err(refused)?;
    Ok(json!({}))
}

fn change_visibility(queues: &Queues, name: &str, input: &Value) -> Result<Value, Refusal> {
    let timeout = duration(input, "VisibilityTimeout", LONGEST_INVISIBLE)?;
    let timeout = timeout.ok_or_else(|| Refusal::missing("VisibilityTimeout"))?;
    queues.change_visibility(name, handle(input)?, timeout).map_err(refused)?;
    Ok(json!({}))
}

fn attributes(queues: &Queues, name: &str, input: &Value) -> Value {
    let all = queues.attributes(name).into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    json!({"Attributes": only(all.collect(), &wanted(input, &["AttributeNames"]))})
}

/// Performs an operation for each entry. A refused one does not affect the others.
fn batch(input: &Value, perform: &dyn Fn(&Value) -> Result<Value, Refusal>) -> Result<Value, Refusal> {
    let entries = input["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids: BTreeSet<_> = entries.iter().filter_map(|entry| entry["Id"].as_str()).collect();
    let whole = |code: &str, message: &str| Err(Refusal::named(code, code, message));
    match entries.len() {
        0 => return whole("EmptyBatchRequest", "There should be at least one entry in the request."),
        1..=10 => {}
        _ => return whole("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10."),
    }
    if ids.len() != entries.len() {
        return whole(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        );
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = entry["Id"].as_str().unwrap_or_default();
        match perform(entry) {
            Ok(mut output) => {
                output["Id"] = id.into();
                successful.push(output);
            }
            Err(refusal) => failed.push(refusal.entry(id)),
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

fn handle(input: &Value) -> Result<&str, Refusal> {
    input["ReceiptHandle"].as_str().ok_or_else(|| Refusal::missing("ReceiptHandle"))
}

/// A number of seconds, at most `longest`.
fn duration(input: &Value, name: &str, longest: Duration) -> Result<Option<Duration>, Refusal> {
    if input[name].is_null() {
        return Ok(None);
    }
    let given = input[name].as_u64().map(Duration::from_secs).filter(|given| *given <= longest);
    given.map(Some).ok_or_else(|| out_of_range(name))
}

fn wanted(input: &Value, lists: &[&str]) -> BTreeSet<String> {
    let names = lists.iter().flat_map(|list| input[*list].as_array().into_iter().flatten());
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn only(mut all: Map<String, Value>, wanted: &BTreeSet<String>) -> Map<String, Value> {
    if !wanted.contains("All") {
        all.retain(|name, _| wanted.contains(name));
    }
    all
}

fn md5(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}

fn refused(why: NotChanged) -> Refusal {
    match why {
        NotChanged::NoHandle => {
            Refusal::new("ReceiptHandleIsInvalid", "The input receipt handle is not a valid receipt handle.")
        }
        NotChanged::Gone => Refusal::invalid(
            "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for \
             visibility timeout change.",
        ),
        NotChanged::NotInFlight => Refusal::named(
            "MessageNotInflight",
            "MessageNotInflight",
            "The specified message isn't in flight.",
        ),
        NotChanged::TooLong => Refusal::invalid(
            "Value for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is \
             beyond the limit [43200 seconds].",
        ),
    }
}

fn out_of_range(parameter: &str) -> Refusal {
    Refusal::invalid(&format!("Value for parameter {parameter} is invalid. Reason: Out of range."))
}

fn unsupported(message: &str) -> Refusal {
    Refusal::named("UnsupportedOperation", "UnsupportedOperation", message)
}

fn no_queue() -> Refusal {
    Refusal::named("QueueDoesNotExist", "NonExistentQueue", "The specified queue does not exist.")
}
