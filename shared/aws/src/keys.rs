//! Signing keys, handle keys, and how they are kept: sealed under a data key that only KMS can decrypt.

mod apart;
mod client_secret;
mod data_key;
mod der;
mod evidence;
mod handle;
mod key_ring;
mod kms;
mod login;
mod page;
mod personal;
mod published;
mod signing;
mod subject;
mod verification;
mod witness;

pub use client_secret::ClientSecrets;
pub use data_key::{DataKey, SealError};
pub use handle::{HandleKey, HandleUse, Kept, OpenError};
pub use key_ring::{JTI_LENGTH, KeyError, KeyRing, KeyRings, sealing_label};
pub use kms::{Kms, KmsError};
pub use login::LoginKeys;
pub use page::{CookieUse, PageKey, PageKeys};
pub use personal::PersonalKey;
pub use published::PublishedKeys;
pub use signing::{PrivateKey, SigningKey, SigningKeyPair, signed_length};
pub use verification::NotOurs;
pub use witness::{Witness, WitnessReader};
