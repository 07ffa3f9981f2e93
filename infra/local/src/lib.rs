//! The whole stack on one machine: an embedded DynamoDB, doubles of SNS, KMS, SQS and EventBridge that speak the real
//! wire protocols and record every call, a local API Gateway, the way from the table's stream to the functions that are
//! told by it, and the phone a person approves on.
//!
//! Nothing here is linked into a function. What a function meets here (events, endpoints, errors) is what it
//! meets on AWS, so the functions have no local path.

pub mod clock;
pub mod disorder;
pub mod dynamodb;
pub mod eventbridge;
pub mod gateway;
pub mod kms;
pub mod login_issuer;
pub mod outbox;
pub mod patience;
pub mod pattern;
pub mod phone;
pub mod pipe;
pub mod proxy;
pub mod seed;
pub mod server;
pub mod sns;
pub mod sqs;
pub mod stack;
pub mod stream;
pub mod template;
pub mod tls;

mod caller;
mod id;
mod order;
mod provider;

/// What can go wrong while the stack starts is told to a developer and never matched on.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The region every double says it is in.
pub const REGION: &str = "us-east-1";

/// The account every double says it belongs to.
pub const ACCOUNT: &str = "123456789012";
