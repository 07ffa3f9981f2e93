//! HTTPS to configured or registered URLs. Addresses are filtered, time and size are limited, and fetched key
//! sets are cached.

mod caller;
mod client_keys;
mod document;
mod fetch;
mod issuer_metadata;
mod jwks;
mod lanes;
mod token_endpoint;

pub use caller::Caller;
pub use client_keys::ClientKeySets;
pub use fetch::{FetchError, Fetcher};
pub use issuer_metadata::IssuerMetadataCache;
pub use jwks::{JwksCache, NotVerified, count_fitting};
pub use lanes::{Lane, Lanes};
pub use token_endpoint::{ClientProof, Code, Credentials, NotRedeemed, Redeemed, TokenEndpoint};
