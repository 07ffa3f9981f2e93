//! HTTPS fetches to addresses that somebody configured: filtered, capped, cached.

mod fetch;
mod jwks;

pub use fetch::{FetchError, Fetcher};
pub use jwks::{JwksCache, NotVerified, count_fitting};
