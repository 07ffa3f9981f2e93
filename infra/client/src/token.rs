//! Step 3: poll the token endpoint until there are tokens or a final error.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::discovery::Metadata;
use crate::failure::{Failure, Refusal};
use crate::http::{Http, Reply};
use crate::options::Options;
use crate::schedule::{Schedule, Wait};
use crate::secret::Secret;

/// Spec: CIBA §10.1.
pub const GRANT_TYPE: &str = "urn:openid:params:grant-type:ciba";

/// A successful token response, not yet verified. Spec: CIBA §10.1.1, OpenID Connect Core §3.1.3.3.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    pub access_token: Secret,
    pub token_type: String,
    pub id_token: Secret,
    pub refresh_token: Option<Secret>,
    #[serde(skip)]
    response: Response,
}

impl Tokens {
    /// Reads them as the token endpoint returns them, or as the OP pushes them.
    ///
    /// # Errors
    /// What is wrong, without the tokens.
    pub fn read(response: Value) -> Result<Self, String> {
        let mut tokens =
            Self::deserialize(&response).map_err(|error| format!("malformed tokens: {error}"))?;
        if !tokens.token_type.eq_ignore_ascii_case("Bearer") {
            return Err("a token_type that is not Bearer".to_owned());
        }
        tokens.response = Response(response);
        Ok(tokens)
    }

    /// The unchanged response, for programs that use the tokens.
    ///
    /// # Security
    /// Contains the tokens.
    pub fn expose_response(&self) -> &Value {
        &self.response.0
    }
}

/// Has its own `Debug` because `Tokens` derives one.
#[derive(Default)]
struct Response(Value);

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Response(…)")
    }
}

/// The result of one poll.
#[derive(Debug)]
pub enum Answer {
    Tokens(Tokens),
    NotYet(Wait),
    Refused(Refusal),
}

/// The progress of the loop, for the screen.
#[derive(Debug)]
pub struct Step<'a> {
    /// Polls so far.
    pub polls: u32,
    pub wait: &'a Wait,
    /// Until the next poll; `None` if there is no time for another before expiry.
    pub next_in: Option<Duration>,
}

/// Polls according to [`Schedule`], one poll at a time, until tokens, a refusal or expiry.
///
/// Spec: CIBA §10.1, §11.
///
/// # Errors
/// The refusal by its code; `Failure::Expired` if there is no time for another poll; the error of `send`.
pub async fn poll(
    mut schedule: Schedule,
    requested: Instant,
    mut send: impl AsyncFnMut() -> Result<Answer, Failure>,
    mut tell: impl FnMut(&Step<'_>),
) -> Result<Tokens, Failure> {
    let mut next = schedule.first();
    let mut answer_lost = false;
    for polls in 1.. {
        let Some(at) = next else { break };
        sleep_until(requested + at).await;
        let sent = requested.elapsed();
        let wait = match send().await? {
            Answer::Tokens(tokens) => return Ok(tokens),
            Answer::Refused(refusal) => return Err(ended(refusal, answer_lost)),
            Answer::NotYet(wait) => wait,
        };
        answer_lost |= matches!(wait, Wait::NoAnswer { .. } | Wait::Unavailable { .. });
        let received = requested.elapsed();
        next = schedule.next(sent, received, &wait);
        tell(&Step { polls, wait: &wait, next_in: next.map(|at| at.saturating_sub(received)) });
    }
    Err(Failure::Expired(None))
}

/// One token request.
///
/// # Errors
/// `Failure::Protocol` for a response that is neither tokens nor an OAuth error.
pub async fn request_tokens(
    http: &Http,
    metadata: &Metadata,
    options: &Options,
    auth_req_id: &Secret,
) -> Result<Answer, Failure> {
    let form = vec![("grant_type", GRANT_TYPE.to_owned()), ("auth_req_id", auth_req_id.expose().to_owned())];
    match http.post_form(&metadata.token_endpoint, options, form).await {
        Ok(reply) => understand(&reply),
        Err(reason) => Ok(Answer::NotYet(Wait::NoAnswer { reason })),
    }
}

fn understand(reply: &Reply) -> Result<Answer, Failure> {
    const ENDPOINT: &str = "token endpoint";
    let retry_after = reply.retry_after;
    if reply.status == 200 {
        let tokens = Tokens::read(reply.ok_json(ENDPOINT)?);
        let wrong = |what| Failure::Protocol(format!("the {ENDPOINT} returned {what}"));
        return tokens.map(Answer::Tokens).map_err(wrong);
    }
    if reply.is_unavailable() {
        return Ok(Answer::NotYet(Wait::Unavailable { status: reply.status, retry_after }));
    }
    let refusal = Refusal::read(ENDPOINT, reply)?;
    Ok(match refusal.error.as_str() {
        "authorization_pending" => Answer::NotYet(Wait::Pending { retry_after }),
        "slow_down" => Answer::NotYet(Wait::SlowDown { retry_after }),
        _ => Answer::Refused(refusal),
    })
}

/// The failure for a refusal's code. Spec: CIBA §11, §12.
pub fn ended(refusal: Refusal, answer_lost: bool) -> Failure {
    match refusal.error.as_str() {
        "access_denied" => Failure::Denied(refusal),
        "expired_token" => Failure::Expired(Some(refusal)),
        "invalid_grant" => Failure::InvalidGrant { refusal, answer_lost },
        "invalid_client" => Failure::InvalidClient(refusal),
        _ => Failure::TokenRequest(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: &str = r#"{"access_token":"a","token_type":"bearer","id_token":"i","expires_in":300}"#;

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, is_json: true, retry_after: None, body: body.as_bytes().to_vec() }
    }

    fn error(code: &str) -> Reply {
        reply(400, &format!(r#"{{"error":"{code}"}}"#))
    }

    /// Runs the loop against these responses, with a clock that advances only while the loop sleeps. Returns when it
    /// polled (in seconds since the request), and how it ended.
    async fn polled(answers: Vec<Result<Reply, &str>>) -> (Vec<u64>, Result<(), Failure>) {
        let requested = Instant::now();
        let schedule = Schedule::new(Duration::ZERO, Duration::from_secs(5), Duration::from_secs(60));
        let mut answers = answers.into_iter();
        let mut polls = Vec::new();
        let send = async || {
            polls.push(requested.elapsed().as_secs());
            match answers.next().unwrap_or_else(|| Ok(error("authorization_pending"))) {
                Ok(reply) => understand(&reply),
                Err(reason) => Ok(Answer::NotYet(Wait::NoAnswer { reason: reason.to_owned() })),
            }
        };
        let end = poll(schedule, requested, send, |_| ()).await.map(|_| ());
        (polls, end)
    }

    #[tokio::test(start_paused = true)]
    async fn pending_polls_go_on_at_the_interval_until_there_are_tokens() {
        let pending = || Ok(error("authorization_pending"));
        let (polls, end) = polled(vec![pending(), pending(), Ok(reply(200, TOKENS))]).await;
        assert_eq!((polls, end), (vec![5, 10, 15], Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_down_slows_all_later_polls_down() {
        let answers =
            vec![Ok(error("slow_down")), Ok(error("authorization_pending")), Ok(reply(200, TOKENS))];
        assert_eq!(polled(answers).await, (vec![5, 15, 25], Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn polling_stops_at_expires_in() {
        let (polls, end) = polled(vec![]).await;
        assert_eq!(polls, (5..60).step_by(5).collect::<Vec<_>>());
        assert_eq!(end, Err(Failure::Expired(None)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_connection_and_an_overloaded_gateway_are_not_an_end() {
        let mut overload = reply(503, "");
        overload.retry_after = Some(Duration::from_secs(7));
        let (polls, end) = polled(vec![Err("time-out"), Ok(overload), Ok(reply(200, TOKENS))]).await;
        assert_eq!((polls, end), (vec![5, 15, 22], Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn invalid_grant_after_a_lost_answer_says_so() {
        let (_, end) = polled(vec![Err("time-out"), Ok(error("invalid_grant"))]).await;
        assert!(matches!(end, Err(Failure::InvalidGrant { answer_lost: true, .. })), "{end:?}");
    }

    /// CIBA-11-04
    #[tokio::test(start_paused = true)]
    async fn every_final_error_ends_with_its_own_exit_code() {
        for (code, exit_code) in [
            ("access_denied", 3),
            ("expired_token", 4),
            ("invalid_grant", 5),
            ("invalid_request", 7),
            ("unauthorized_client", 7),
            ("unsupported_grant_type", 7),
            ("invalid_client", 8),
        ] {
            let (polls, end) = polled(vec![Ok(error(code))]).await;
            assert_eq!((polls.len(), end.unwrap_err().exit_code()), (1, exit_code), "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_neither_tokens_nor_an_error_is_an_end() {
        let without_id_token = reply(200, r#"{"access_token":"a","token_type":"Bearer"}"#);
        let dpop = reply(200, &TOKENS.replace("bearer", "DPoP"));
        let html = Reply { is_json: false, ..reply(200, TOKENS) };
        for answer in [without_id_token, dpop, html, reply(500, "oops")] {
            let (polls, end) = polled(vec![Ok(answer)]).await;
            assert_eq!((polls.len(), end.unwrap_err().exit_code()), (1, 1));
        }
    }

    #[test]
    fn tokens_are_not_in_the_debug_output() {
        let body = TOKENS.replace(r#""a""#, r#""hidden1""#).replace(r#""i""#, r#""hidden2""#);
        assert!(!format!("{:?}", understand(&reply(200, &body))).contains("hidden"));
    }
}
