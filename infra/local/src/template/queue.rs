//! A queue.

use serde_json::Value;

use super::{whole, whose};
use crate::Error;

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
