//! HTTPS to configured or registered URLs. Addresses are filtered, time and size are limited, and fetched key
//! sets are cached.

mod caller;
mod client_keys;
mod fetch;
mod jwks;
mod lanes;

pub use caller::Caller;
pub use client_keys::ClientKeySets;
pub use fetch::{FetchError, Fetcher};
pub use jwks::{JwksCache, NotVerified, count_fitting};
pub use lanes::{Lane, Lanes};
