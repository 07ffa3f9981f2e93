//! A CIBA client in poll mode, written to be read: what a client has to do, in the specification's order.
//!
//! 1. [`discovery::discover`]: read the OP's metadata (OpenID Connect Discovery §4).
//! 2. [`backchannel_authentication::request_authentication`]: ask for the End-User, keep the
//!    `auth_req_id` (CIBA §7.1, §7.3).
//! 3. [`token::poll`]: wait and ask for the tokens at the pace of [`schedule::Schedule`] (CIBA §10.1, §11).
//! 4. [`verification::verify`]: believe nothing before its signature and claims are checked against the
//!    OP's JWKS (OpenID Connect Core §3.1.3.7, RFC 9068 §4).
//!
//! Time is a parameter: tests never sleep, and only `main.rs` reads the wall clock.

pub mod backchannel_authentication;
pub mod discovery;
pub mod failure;
pub mod http;
pub mod options;
pub mod report;
pub mod schedule;
pub mod screen;
pub mod secret;
pub mod token;
pub mod verification;

use failure::Failure;
use http::Http;
use options::Options;
use report::Report;
use screen::Screen;
use verification::{Expected, verify};

/// One sign-in from discovery to verified tokens. `clock` gives the seconds since 1970-01-01 UTC.
///
/// # Errors
/// Every way it can end without verified tokens: see [`Failure`].
pub async fn run(options: &Options, clock: fn() -> u64, screen: &mut Screen) -> Result<Report, Failure> {
    let http = Http::new()?;

    let metadata = discovery::discover(&http, options).await?;
    screen.say(&format!("discovered {}", metadata.issuer));

    let requested_at = clock();
    let acknowledgement =
        backchannel_authentication::request_authentication(&http, &metadata, options).await?;
    screen.acknowledged(options, &acknowledgement);

    let tokens = token::poll(
        acknowledgement.schedule(),
        acknowledgement.sent,
        async || token::request_tokens(&http, &metadata, options, &acknowledgement.auth_req_id).await,
        |step| screen.polled(step),
    )
    .await;
    screen.decided();
    let tokens = tokens?;

    let keys = verification::fetch_keys(&http, &metadata).await?;
    let expected = Expected {
        issuer: &metadata.issuer,
        client_id: &options.client_id,
        auth_req_id: &acknowledgement.auth_req_id,
        algorithms: &metadata.id_token_algorithms(),
        requested_at,
        now: clock(),
    };
    let verified = verify(&tokens, &keys, &expected).map_err(Failure::NotVerified)?;
    Ok(Report { jwks_uri: metadata.jwks_uri, tokens, verified })
}
