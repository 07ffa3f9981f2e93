//! A CIBA client for the modes poll, ping and push, written to be read: what a client has to do, in the
//! specification's order.
//!
//! 1. [`discovery::discover`]: read the OP's metadata (OpenID Connect Discovery §4).
//! 2. [`backchannel_authentication::request_authentication`]: request the End-User's authentication, keep the
//!    `auth_req_id` (CIBA §7.1, §7.3).
//! 3. [`token::poll`]: wait, and request the tokens at the pace of [`schedule::Schedule`] (CIBA §10.1, §11), in ping
//!    mode only after [`receiver::Receiver`] has been notified of the decision (§10.2). In push mode it receives the
//!    tokens themselves (§10.3).
//! 4. [`verification::verify`]: trust the tokens only after their signatures and claims have been checked against
//!    the OP's JWKS (OpenID Connect Core §3.1.3.7, RFC 9068 §4).
//!
//! Time is a parameter: tests never sleep, and only `main.rs` reads the wall clock.

pub mod backchannel_authentication;
pub mod discovery;
pub mod failure;
pub mod http;
pub mod options;
pub mod receiver;
pub mod report;
pub mod schedule;
pub mod screen;
pub mod secret;
pub mod token;
pub mod verification;

use backchannel_authentication::Acknowledgement;
use discovery::Metadata;
use failure::Failure;
use http::Http;
use options::{Mode, Options};
use receiver::{Notification, Receiver};
use report::Report;
use screen::Screen;
use token::Tokens;
use verification::{Expected, verify};

/// One sign-in from discovery to verified tokens. `clock` gives the seconds since 1970-01-01 UTC.
///
/// # Errors
/// Every way in which it can end without verified tokens: see [`Failure`].
pub async fn run(options: &Options, clock: fn() -> u64, screen: &mut Screen) -> Result<Report, Failure> {
    let http = Http::new()?;

    let metadata = discovery::discover(&http, options).await?;
    screen.say(&format!("discovered {}", metadata.issuer));

    // Listens before it sends the request: the OP may be quick.
    let mut receiver = match (options.mode, options.listen) {
        (Mode::Ping | Mode::Push, Some(port)) => Some(Receiver::listen(options.mode, port).await?),
        (Mode::Ping | Mode::Push, None) | (Mode::Poll, _) => None,
    };
    let requested_at = clock();
    let notification_token = receiver.as_ref().map(Receiver::token);
    let acknowledgement =
        backchannel_authentication::request_authentication(&http, &metadata, options, notification_token)
            .await?;
    if let Some(receiver) = &receiver {
        receiver.expect(&acknowledgement.auth_req_id);
    }
    screen.acknowledged(options, &acknowledgement);

    let tokens = wait(&http, &metadata, options, &acknowledgement, receiver.as_mut(), screen).await;
    screen.decided();
    let tokens = tokens?;

    let keys = verification::fetch_keys(&http, &metadata).await?;
    let expected = Expected {
        issuer: &metadata.issuer,
        client_id: &options.client_id,
        auth_req_id: &acknowledgement.auth_req_id,
        pushed: options.mode == Mode::Push,
        algorithms: &metadata.id_token_algorithms(),
        requested_at,
        now: clock(),
    };
    let verified = verify(&tokens, &keys, &expected).map_err(Failure::NotVerified)?;
    Ok(Report { jwks_uri: metadata.jwks_uri, tokens, verified })
}

/// Waits for tokens or an error, in the mode for which this client is registered.
async fn wait(
    http: &Http,
    metadata: &Metadata,
    options: &Options,
    acknowledgement: &Acknowledgement,
    receiver: Option<&mut Receiver>,
    screen: &Screen,
) -> Result<Tokens, Failure> {
    let mut schedule = acknowledgement.schedule();
    match (options.mode, receiver) {
        (Mode::Push, Some(receiver)) => {
            return match receiver.receive(acknowledgement.end()).await {
                Some(Notification::Tokens(tokens)) => {
                    screen.pushed();
                    Ok(tokens)
                }
                Some(Notification::Refused(refusal)) => Err(token::ended(refusal, false)),
                Some(Notification::Ping) | None => Err(Failure::Expired(None)),
            };
        }
        (Mode::Ping, Some(receiver)) => {
            let pinged = receiver.receive(acknowledgement.patience()).await;
            screen.pinged(pinged.is_some());
            schedule = schedule.beginning(acknowledgement.sent.elapsed());
        }
        (Mode::Ping | Mode::Push, None) | (Mode::Poll, _) => {}
    }
    token::poll(
        schedule,
        acknowledgement.sent,
        async || token::request_tokens(http, metadata, options, &acknowledgement.auth_req_id).await,
        |step| screen.polled(step),
    )
    .await
}
