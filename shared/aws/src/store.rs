//! The DynamoDB table: one file per noun.
//!
//! The contract, which one test suite proves against a real engine:
//!
//! - A state change is one conditional write, or one transaction of them: it happens completely and once, or not
//!   at all.
//! - Every such write stores a `write_id`, random per invocation. The SDK retries a call whose response was
//!   lost; a failed condition on an item with our own `write_id` therefore means that our write succeeded.
//! - A write of one item that conflicts with a transaction is retried by the SDK; a transaction that conflicts with
//!   another one is reported to the caller, which reads again.
//! - A read that decides something is strongly consistent, and checks expiry itself: TTL only removes expired
//!   items later.
//! - Times are milliseconds, `ttl` is seconds.

mod as_read;
mod asks;
pub mod attribute;
mod authentication_request;
mod authorization_details;
mod basis;
mod batch;
mod client;
mod conflict;
mod delivery;
mod description;
mod enrollment_record;
mod evidence;
mod evidence_chain;
mod fetch_failures;
mod item;
mod key;
mod key_use;
mod passkey;
mod pause;
mod person;
mod replay;
mod request_detail;
mod scan;
mod stream;
mod table;
mod ticket;
mod transaction;
mod withdrawal;
mod withdrawn_keys;

pub use as_read::AsRead;
pub use authentication_request::{
    Beside, Cancelled, Decided, DecisionWrite, Inserted, PendingList, PendingRequest, Polled, Redeemed,
    RefreshUse, Refreshed, Revoked, SlowedDown,
};
pub use authorization_details::DetailTypes;
pub use basis::DecisionBasis;
pub use client::ClientDirectory;
pub use delivery::{Claimed, DeliveryBasis, DeliveryReport, FailedAttempt, Mint, OverdueDeliveries};
pub use description::{Known, TableState};
pub use evidence::{EvidenceWrite, REQUEST_EVIDENCE, StoredEvidence};
pub use evidence_chain::EvidenceBasis;
pub use key::KeyRecord;
pub use key_use::KeyUse;
pub use passkey::{PasskeyEnrolled, PasskeyEnrollment, PasskeyRemoved};
pub use person::{DescribedPerson, Enrolled};
pub use scan::Position;
pub use stream::{ChangedRequest, StreamRecord};
pub use table::{StoreError, Table, WriteId};
pub use withdrawal::Withdrawn;
pub use withdrawn_keys::{Withdrawal, WithdrawnKeys};
