//! The whole stack on one machine: an embedded DynamoDB, doubles of SNS, KMS, SQS, EventBridge and Lambda that speak
//! the real wire protocols and record every call, a local API Gateway, the path from the table's stream to the
//! functions that it triggers, and the phone on which a person approves.
//!
//! Nothing here is linked into a function. Events, endpoints and errors are the same here as on AWS, so the
//! functions have no code paths for local use.

pub mod clock;
pub mod disorder;
pub mod dynamodb;
pub mod eventbridge;
pub mod gateway;
pub mod kms;
pub mod lambda;
pub mod login_issuer;
pub mod outbox;
pub mod patience;
pub mod pattern;
pub mod phone;
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
mod page;
mod provider;

/// Errors while the stack starts are shown to a developer and never matched on.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The region that every double claims.
pub const REGION: &str = "us-east-1";

/// The account that every double claims.
pub const ACCOUNT: &str = "123456789012";
