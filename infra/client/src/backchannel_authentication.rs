//! Step 2: request the End-User's authentication.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::discovery::Metadata;
use crate::failure::{Failure, Refusal};
use crate::http::{Http, Reply};
use crate::options::Options;
use crate::schedule::Schedule;
use crate::secret::Secret;

/// Spec: CIBA §7.3: without `interval` it is 5. Unit: seconds.
const DEFAULT_INTERVAL: u64 = 5;
/// Longer values are treated as errors. Unit: seconds.
const LONGEST_LIFETIME: u64 = 366 * 24 * 60 * 60;

/// How long after expiry a push may arrive.
const LAST_PUSH: Duration = Duration::from_secs(15);

/// The OP has accepted the request and is asking the End-User. Spec: CIBA §7.3.
#[derive(Debug)]
pub struct Acknowledgement {
    pub auth_req_id: Secret,
    pub expires_in: Duration,
    pub interval: Duration,
    /// When the request was sent: `expires_in` counts from its receipt, which cannot be earlier.
    pub sent: Instant,
    pub received: Instant,
}

impl Acknowledgement {
    /// When a client in ping mode stops waiting and polls: a third of the lifetime is left for that.
    pub fn patience(&self) -> Instant {
        self.sent + self.expires_in * 2 / 3
    }

    /// When a client in push mode gives up. The OP sends `expired_token` at expiry, not before.
    pub fn end(&self) -> Instant {
        self.sent + self.expires_in + LAST_PUSH
    }

    pub fn schedule(&self) -> Schedule {
        Schedule::new(self.received.duration_since(self.sent), self.interval, self.expires_in)
    }
}

/// Posts the authentication request, once: every request may alert a phone, so only a person should repeat it.
///
/// Spec: CIBA §7.1, §7.3, §13.
///
/// # Errors
/// The refusal by its code; `Failure::Unavailable` without a response, or with one that asks to retry later.
pub async fn request_authentication(
    http: &Http,
    metadata: &Metadata,
    options: &Options,
    notification_token: Option<&Secret>,
) -> Result<Acknowledgement, Failure> {
    let sent = Instant::now();
    let reply = http
        .post_form(
            &metadata.backchannel_authentication_endpoint,
            options,
            parameters(options, notification_token),
        )
        .await
        .map_err(Failure::Unavailable)?;
    let received = Instant::now();
    let body = acknowledged(&reply)?;
    Ok(Acknowledgement {
        auth_req_id: body.auth_req_id,
        expires_in: Duration::from_secs(body.expires_in),
        interval: Duration::from_secs(body.interval),
        sent,
        received,
    })
}

fn parameters(options: &Options, notification_token: Option<&Secret>) -> Vec<(&'static str, String)> {
    let mut form = vec![("scope", options.scope.clone()), ("login_hint", options.login_hint.clone())];
    let optional = [
        ("binding_message", options.binding_message.clone()),
        ("requested_expiry", options.requested_expiry.map(|seconds| seconds.to_string())),
        ("acr_values", options.acr_values.clone()),
        ("client_notification_token", notification_token.map(|token| token.expose().to_owned())),
    ];
    form.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    form
}

#[derive(Debug, Deserialize)]
struct Body {
    auth_req_id: Secret,
    expires_in: u64,
    #[serde(default = "default_interval")]
    interval: u64,
}

fn default_interval() -> u64 {
    DEFAULT_INTERVAL
}

fn acknowledged(reply: &Reply) -> Result<Body, Failure> {
    const ENDPOINT: &str = "backchannel authentication endpoint";
    match reply.status {
        200 => {
            let body: Body = reply.ok_json(ENDPOINT)?;
            body.check().map_err(|what| Failure::Protocol(format!("the {ENDPOINT} returned {what}")))?;
            Ok(body)
        }
        status if reply.is_unavailable() => {
            let when = match reply.retry_after {
                Some(wait) => format!("in {} s", wait.as_secs()),
                None => "later".to_owned(),
            };
            Err(Failure::Unavailable(format!("the {ENDPOINT} responded with {status}: try again {when}")))
        }
        _ => {
            let refusal = Refusal::read(ENDPOINT, reply)?;
            Err(match refusal.error.as_str() {
                "access_denied" => Failure::NotAsked(refusal),
                "invalid_client" => Failure::InvalidClient(refusal),
                _ => Failure::AuthenticationRequest(refusal),
            })
        }
    }
}

impl Body {
    fn check(&self) -> Result<(), &'static str> {
        let id = self.auth_req_id.expose();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err("an auth_req_id with characters other than A-Z a-z 0-9 . - _");
        }
        if !(1..=LONGEST_LIFETIME).contains(&self.expires_in) {
            return Err("an expires_in that is not positive, or longer than a year");
        }
        if !(1..=LONGEST_LIFETIME).contains(&self.interval) {
            return Err("an interval that is not positive, or longer than a year");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, is_json: true, retry_after: None, body: body.as_bytes().to_vec() }
    }

    fn exit_code(status: u16, body: &str) -> u8 {
        acknowledged(&reply(status, body)).map(|_| 0).unwrap_or_else(|failure| failure.exit_code())
    }

    /// CIBA-7.3-07
    #[test]
    fn without_interval_it_is_five_seconds() {
        let body = acknowledged(&reply(200, r#"{"auth_req_id":"a-_.9","expires_in":120,"more":1}"#)).unwrap();
        assert_eq!((body.expires_in, body.interval), (120, 5));
    }

    /// CIBA-7.3-10
    #[test]
    fn an_acknowledgement_that_is_not_well_formed_is_refused() {
        for body in [
            r#"{"expires_in":120}"#,
            r#"{"auth_req_id":"","expires_in":120}"#,
            r#"{"auth_req_id":"a b","expires_in":120}"#,
            r#"{"auth_req_id":"a"}"#,
            r#"{"auth_req_id":"a","expires_in":"120"}"#,
            r#"{"auth_req_id":"a","expires_in":0}"#,
            r#"{"auth_req_id":"a","expires_in":120,"interval":0}"#,
            "not json",
        ] {
            assert_eq!(exit_code(200, body), 1, "{body}");
        }
    }

    /// CIBA-13-03, CIBA-13-04
    #[test]
    fn a_refusal_ends_by_its_code_not_by_its_status() {
        assert_eq!(exit_code(403, r#"{"error":"access_denied"}"#), 3);
        assert_eq!(exit_code(400, r#"{"error":"unknown_user_id"}"#), 6);
        assert_eq!(exit_code(401, r#"{"error":"invalid_client"}"#), 8);
        assert_eq!(exit_code(400, r#"{"error":"invalid_client"}"#), 8);
        assert_eq!(exit_code(503, ""), 10);
        assert_eq!(exit_code(500, r#"{"message":"Internal Server Error"}"#), 1);
    }
}
