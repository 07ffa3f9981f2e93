//! The provider under test: the real functions, called in process, over a real DynamoDB engine and doubles
//! that speak the wire protocols of SNS and KMS. Time is a parameter: no test waits for anything to expire.

mod answer;
pub mod authenticator;
mod eavesdropper;
mod engine;
mod evidence;
pub mod mutual_tls;
mod oidc_provider;
mod passkey;
mod provider;
mod receiver;
mod requests;
mod visitor;

pub use answer::Answer;
pub use authenticator::Authenticator;
pub use eavesdropper::{Eavesdropper, Leak};
pub use engine::Engine;
pub use oidc_provider::OidcProvider;
pub use passkey::challenge;
pub use provider::{Provider, SECRET, Settings};
pub use receiver::{Reaction, ReceivedCall, Receiver};
pub use requests::{basic, form, form_request, json_request, request};
pub use visitor::{Arrival, Page, Visitor};

use ciba::domain::base::time::Timestamp;

/// The folder of the workspace.
pub fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root")
}

/// The JSON Schema of a hook's event or answer.
pub fn schema_of(contract: &str) -> serde_json::Value {
    let file = root().join("docs/hooks").join(format!("{contract}.schema.json"));
    let text = std::fs::read_to_string(file).expect("a schema");
    serde_json::from_str(&text).expect("JSON")
}

/// A tool that `make tools` installed.
pub fn tool(name: &str) -> std::path::PathBuf {
    let path = root().join(".tools/bin").join(name);
    assert!(path.exists(), "{} is missing: run make tools", path.display());
    path
}

/// When every test begins.
pub const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// `seconds` after the beginning.
pub fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(START.millis() + (seconds * 1000.0) as i64)
}

/// The time of day, for a test beside a program that reads no other clock.
pub fn real_time() -> Timestamp {
    let since = ciba_local::clock::since_epoch(ciba_local::clock::now());
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("a time"))
}
