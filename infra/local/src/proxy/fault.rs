//! Faults on demand.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::weather::{Weather, WeatherReport};

/// How a response is lost after the call was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The connection ends without a response.
    Connection,
    /// The response is a 500, which an SDK retries.
    InternalServerError,
    /// The connection stays open, without a response.
    Silence,
}

/// A response instead of an execution, or no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The table's throughput is exhausted; an SDK retries.
    ProvisionedThroughputExceeded,
    /// The table is throttled for the moment; an SDK retries.
    Throttling,
    /// The account's request rate is exhausted; an SDK retries.
    RequestLimitExceeded,
    /// Another transaction holds an item: in a transaction the one at this index (and the SDK does not
    /// retry); in a single write its only item.
    TransactionConflict { at: usize },
    /// A transaction is cancelled for another reason, for the item at this index. The SDK does not retry it.
    Cancelled { at: usize, reason: String },
    /// A batch of reads succeeds, but all its keys are unprocessed.
    AllLeftOver,
    /// No response at all. An SDK retries after its time-out.
    Silence,
    /// The connection ends before the call is executed. An SDK retries.
    Reset,
    /// 500, which an SDK retries.
    InternalServerError,
    /// Any error code, with status 400.
    Error { code: String },
}

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    Refuse(Refusal),
    Lose(Loss),
    /// A batch is carried out for this many keys, and the others are left unprocessed.
    LeaveOver {
        read: usize,
    },
    /// It is carried out later than calls that came after it.
    Delay(Duration),
    /// It is carried out a second time after this delay, as if a network had delivered it twice.
    Twice {
        after: Duration,
    },
}

/// The faults to come. Each of the planned ones happens once; the weather continues.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: Vec<Planned>,
    weather: Option<Weather>,
}

#[derive(Debug)]
struct Planned {
    operation: String,
    /// How many matching calls, including this one, until it happens.
    countdown: usize,
    fault: Fault,
}

impl Faults {
    pub(super) fn lose(&mut self, operation: &str, nth: usize, loss: Loss) {
        self.plan(operation, nth, Fault::Lose(loss));
    }

    pub(super) fn refuse(&mut self, operation: &str, nth: usize, refusal: Refusal) {
        self.plan(operation, nth, Fault::Refuse(refusal));
    }

    pub(super) fn leave_over(&mut self, nth: usize, read: usize) {
        self.plan("BatchGetItem", nth, Fault::LeaveOver { read: read.max(1) });
    }

    fn plan(&mut self, operation: &str, nth: usize, fault: Fault) {
        self.planned.push(Planned { operation: operation.to_owned(), countdown: nth.max(1), fault });
    }

    pub(super) fn set_weather(&mut self, weather: Option<Weather>) -> WeatherReport {
        std::mem::replace(&mut self.weather, weather).map(|it| it.report).unwrap_or_default()
    }

    /// Counts a call of `operation` on this number of items and returns its fault. If two faults are due, the one
    /// planned earlier happens, and the other one with the next call.
    pub(super) fn next(&mut self, operation: &str, items: usize) -> Option<Fault> {
        let mut due = None;
        for (index, planned) in
            self.planned.iter_mut().enumerate().filter(|(_, it)| it.operation == operation)
        {
            planned.countdown = planned.countdown.saturating_sub(1);
            if planned.countdown == 0 {
                due = due.or(Some(index));
            }
        }
        let planned = due.map(|index| self.planned.remove(index).fault);
        planned.or_else(|| self.weather.as_mut()?.next(operation, items))
    }
}

impl Refusal {
    /// Status and body as DynamoDB sends them; `None` if there is no response.
    pub(super) fn answer(&self, operation: &str, input: &Value) -> Option<(StatusCode, Value)> {
        Some(match self {
            Self::Silence | Self::Reset => return None,
            Self::ProvisionedThroughputExceeded => error(
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded.",
            ),
            Self::Throttling => error(
                "com.amazon.coral.availability#ThrottlingException",
                "Throughput exceeds the current capacity of your table or index.",
            ),
            Self::RequestLimitExceeded => error(
                "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded",
                "Throughput exceeds the current throughput limit for your account.",
            ),
            Self::TransactionConflict { at } if operation == "TransactWriteItems" => {
                cancelled(*at, "TransactionConflict", "Transaction is ongoing for the item", input)
            }
            Self::Cancelled { at, reason } => cancelled(*at, reason, "A scripted reason", input),
            Self::TransactionConflict { .. } => error(
                "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
                "Transaction is ongoing for the item",
            ),
            Self::AllLeftOver => {
                (StatusCode::OK, json!({"Responses": {}, "UnprocessedKeys": input["RequestItems"]}))
            }
            Self::InternalServerError => internal_server_error(),
            Self::Error { code } => error(code, "A scripted failure"),
        })
    }
}

/// A 500 as DynamoDB sends it.
pub(super) fn internal_server_error() -> (StatusCode, Value) {
    let (_, body) = error(
        "com.amazonaws.dynamodb.v20120810#InternalServerError",
        "The request processing has failed because of an unknown error, exception or failure.",
    );
    (StatusCode::INTERNAL_SERVER_ERROR, body)
}

/// Removes from a batch the keys to be left unprocessed: `UnprocessedKeys`, by table.
pub(super) fn leave_over(input: &mut Value, read: usize) -> Value {
    let mut left = serde_json::Map::new();
    let mut room = read;
    for (table, request) in input["RequestItems"].as_object_mut().into_iter().flatten() {
        let Some(keys) = request["Keys"].as_array_mut() else { continue };
        let rest = keys.split_off(room.min(keys.len()));
        room -= keys.len();
        if !rest.is_empty() {
            let mut request = request.clone();
            request["Keys"] = Value::Array(rest);
            left.insert(table.clone(), request);
        }
    }
    Value::Object(left)
}

fn error(code: &str, message: &str) -> (StatusCode, Value) {
    (StatusCode::BAD_REQUEST, json!({"__type": code, "message": message}))
}

/// One reason per item, in the order of the request.
fn cancelled(at: usize, reason: &str, message: &str, input: &Value) -> (StatusCode, Value) {
    let items = input["TransactItems"].as_array().map_or(0, Vec::len);
    let codes: Vec<&str> = (0..items).map(|it| if it == at { reason } else { "None" }).collect();
    let reasons: Vec<Value> = codes
        .iter()
        .map(|code| match *code {
            "None" => json!({"Code": code}),
            _ => json!({"Code": code, "Message": message}),
        })
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": message,
        "CancellationReasons": reasons,
    });
    (StatusCode::BAD_REQUEST, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_once_at_its_turn() {
        let mut faults = Faults::default();
        faults.lose("UpdateItem", 2, Loss::Connection);
        assert_eq!(faults.next("UpdateItem", 1), None);
        assert_eq!(faults.next("PutItem", 1), None);
        assert_eq!(faults.next("UpdateItem", 1), Some(Fault::Lose(Loss::Connection)));
        assert_eq!(faults.next("UpdateItem", 1), None);
    }

    #[test]
    fn a_batch_is_divided_into_what_is_read_and_what_is_left_over() {
        let request = |keys: &[&str]| json!({"ciba": {"Keys": keys, "ConsistentRead": true}});
        for (read, first, rest) in
            [(1, request(&["a"]), request(&["b", "c"])), (3, request(&["a", "b", "c"]), json!({}))]
        {
            let mut input = json!({"RequestItems": request(&["a", "b", "c"])});
            assert_eq!(leave_over(&mut input, read), rest);
            assert_eq!(input["RequestItems"], first);
        }
    }

    #[test]
    fn of_two_faults_due_at_once_the_second_waits() {
        let mut faults = Faults::default();
        faults.lose("PutItem", 1, Loss::Connection);
        faults.refuse("PutItem", 1, Refusal::Throttling);
        assert_eq!(faults.next("PutItem", 1), Some(Fault::Lose(Loss::Connection)));
        assert_eq!(faults.next("PutItem", 1), Some(Fault::Refuse(Refusal::Throttling)));
    }
}
