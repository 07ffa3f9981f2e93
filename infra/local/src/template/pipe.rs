//! The pipe from the table's stream to a queue.

use serde_json::Value;

use super::{filters, whole, whose};
use crate::{Error, pattern::Pattern, pipe::InputTemplate};

/// An `AWS::Pipes::Pipe` from the table's stream to a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipe {
    /// A record that matches one of these is passed on; without filters, all are.
    pub filters: Vec<Pattern>,
    pub input: InputTemplate,
    /// The logical id of the queue.
    pub queue: String,
}

impl Pipe {
    pub(super) fn parse(logical_id: &str, properties: &Value) -> Result<Self, Error> {
        let lacks = |what: &str| Error::from(format!("pipe {logical_id} {what}"));
        whose(&properties["Source"], "StreamArn").ok_or_else(|| lacks("has no stream as its source"))?;
        let queue = whose(&properties["Target"], "Arn").ok_or_else(|| lacks("has no queue as its target"))?;
        let input = properties["TargetParameters"]["InputTemplate"].as_str();
        let input = input.ok_or_else(|| lacks("has no InputTemplate: it would pass on whole records"))?;
        let parameters = &properties["SourceParameters"];
        let position = &parameters["DynamoDBStreamParameters"]["StartingPosition"];
        if position != "TRIM_HORIZON" {
            return Err(lacks("does not start at the beginning of the stream"));
        }
        Ok(Self {
            filters: filters(&parameters["FilterCriteria"])?,
            input: InputTemplate::parse(input)?,
            queue: queue.to_owned(),
        })
    }
}

/// An `AWS::SQS::Queue`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub logical_id: String,
    /// Unit: seconds. Default: 30.
    pub visibility_timeout: u64,
    /// Unit: seconds. Default: 345,600 (4 days).
    pub retention: u64,
    pub redrive: Option<Redrive>,
}

/// A `RedrivePolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The logical id of the dead-letter queue.
    pub queue: String,
    /// How often a message is received before it goes there.
    pub max_receive_count: u64,
}

impl Queue {
    pub(super) fn parse(logical_id: &str, properties: &Value) -> Result<Self, Error> {
        let lacks = |what: &str| Error::from(format!("queue {logical_id} {what}"));
        if !properties["FifoQueue"].is_null() {
            return Err(lacks("is a FIFO queue, which is not supported here"));
        }
        let policy = &properties["RedrivePolicy"];
        let redrive = if policy.is_null() {
            None
        } else {
            let queue = whose(&policy["deadLetterTargetArn"], "Arn");
            let count = whole(&policy["maxReceiveCount"]);
            Some(Redrive {
                queue: queue.ok_or_else(|| lacks("names no queue for dead letters"))?.to_owned(),
                max_receive_count: count.ok_or_else(|| lacks("has no maxReceiveCount"))?,
            })
        };
        Ok(Self {
            logical_id: logical_id.to_owned(),
            visibility_timeout: whole(&properties["VisibilityTimeout"]).unwrap_or(30),
            retention: whole(&properties["MessageRetentionPeriod"]).unwrap_or(345_600),
            redrive,
        })
    }
}
