//! What invokes a function other than a request: a queue, or the table's stream.

use serde_json::{Map, Value};

use super::{filters, function_of_alias, whole, whose};
use crate::{Error, pattern::Pattern};

/// An `AWS::Lambda::EventSourceMapping` of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTrigger {
    /// The logical id of the queue.
    pub queue: String,
    /// The maximum number of messages per invocation. Default: 10.
    pub batch_size: usize,
    /// The function reports which messages failed; otherwise its response is ignored.
    pub reports_failures: bool,
    /// The maximum number of concurrent invocations. Default: 5, as Lambda starts with.
    pub concurrency: usize,
}

/// An `AWS::Lambda::EventSourceMapping` of the table's stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamTrigger {
    /// A record that matches one of these is passed on; without filters, all are.
    pub filters: Vec<Pattern>,
    /// The maximum number of records per invocation. Default: 100.
    pub batch_size: usize,
    /// How many batches of a shard are passed on at a time. Default: 1.
    pub parallel: usize,
    /// The function reports from which record on it failed; otherwise its response is ignored.
    pub reports_failures: bool,
    /// A batch that fails as a whole is retried in halves.
    pub bisects: bool,
    /// How often a batch is retried before it is given up; without it, for ever.
    pub retries: Option<u64>,
    /// The logical id of the queue that receives a batch that was given up.
    pub on_failure: Option<String>,
}

/// What invokes one function.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Triggers {
    pub queues: Vec<QueueTrigger>,
    pub streams: Vec<StreamTrigger>,
}

impl Triggers {
    /// The event source mappings of a function, among all resources.
    pub(super) fn of(
        function: &str,
        resources: &Map<String, Value>,
        parameters: &impl Fn(&Value) -> Value,
    ) -> Result<Self, Error> {
        let mut triggers = Self::default();
        let mappings = resources.iter().filter(|(_, it)| it["Type"] == "AWS::Lambda::EventSourceMapping");
        for (name, mapping) in mappings {
            let properties = &mapping["Properties"];
            let wrong = |what: &str| Error::from(format!("mapping {name} {what}"));
            let mapped = function_of_alias(&properties["FunctionName"]);
            if mapped.ok_or_else(|| wrong("names no function's alias"))? != function {
                continue;
            }
            let source = &properties["EventSourceArn"];
            if whose(source, "StreamArn").is_some() {
                if properties["StartingPosition"] != "TRIM_HORIZON" {
                    return Err(wrong("does not start at the beginning of the stream"));
                }
                let destination = &properties["DestinationConfig"]["OnFailure"]["Destination"];
                triggers.streams.push(StreamTrigger {
                    filters: filters(&properties["FilterCriteria"])?,
                    batch_size: size(&properties["BatchSize"], 100),
                    parallel: size(&properties["ParallelizationFactor"], 1),
                    reports_failures: reports_failures(properties),
                    bisects: properties["BisectBatchOnFunctionError"] == true,
                    // -1 is no number of retries here: it stands for no limit.
                    retries: whole(&properties["MaximumRetryAttempts"]),
                    on_failure: whose(destination, "Arn").map(str::to_owned),
                });
            } else {
                let queue = whose(source, "Arn").ok_or_else(|| wrong("names no queue and no stream"))?;
                if !properties["FilterCriteria"].is_null() {
                    return Err(wrong("filters a queue, which is not supported here"));
                }
                let concurrency = parameters(&properties["ScalingConfig"]["MaximumConcurrency"]);
                triggers.queues.push(QueueTrigger {
                    queue: queue.to_owned(),
                    batch_size: size(&properties["BatchSize"], 10),
                    reports_failures: reports_failures(properties),
                    concurrency: size(&concurrency, 5),
                });
            }
        }
        Ok(triggers)
    }
}

fn reports_failures(properties: &Value) -> bool {
    let types = properties["FunctionResponseTypes"].as_array();
    types.is_some_and(|types| types.iter().any(|it| it == "ReportBatchItemFailures"))
}

fn size(value: &Value, default: usize) -> usize {
    whole(value).and_then(|size| usize::try_from(size).ok()).unwrap_or(default)
}
