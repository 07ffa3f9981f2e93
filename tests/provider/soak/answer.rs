//! What an answer says, if it is one that the protocol knows.

use ciba_tests::Answer;

use super::model::{Action, Said};

/// What `answer` says to `action`; in words, what the protocol does not know.
pub(super) fn said(action: Action, answer: &Answer) -> Result<Said, String> {
    if action == Action::Decline {
        return page(answer);
    }
    let said = match (action, answer.status, code(answer)?) {
        (_, 503, "temporarily_unavailable") => Said::Unavailable,
        (_, 200, "") => Said::Done,
        (Action::Poll, 400, "authorization_pending") => Said::Pending,
        (Action::Poll, 400, "slow_down") => Said::SlowDown,
        (Action::Poll, 400, "expired_token") => Said::Expired,
        (Action::Poll, 400, "access_denied") => Said::Denied,
        (Action::Poll | Action::CancelAsClient, 400, "invalid_grant") => Said::Invalid,
        (Action::Approve | Action::Deny | Action::Report | Action::TakeBack, 409, "not_open") => {
            Said::NotOpen
        }
        _ => return Err(format!("{action:?} was answered {answer:?}")),
    };
    Ok(said)
}

/// The code of a refusal, or nothing for a success, after the rules that hold for every answer in JSON.
pub(super) fn code(answer: &Answer) -> Result<&str, String> {
    let is = |name: &str, value: &str| answer.header(name) == Some(value);
    let headers = is("content-type", "application/json") && is("cache-control", "no-store");
    if !headers || !answer.body.is_object() {
        return Err(format!("not as an answer has to be: {answer:?}"));
    }
    if answer.status == 200 {
        return if answer.body.get("error").is_none() { Ok("") } else { Err(format!("{answer:?}")) };
    }
    if answer.status == 503 && retry_after(answer).is_none() {
        return Err(format!("503 without a time to come again: {answer:?}"));
    }
    let texts = (answer.body["error"].as_str(), answer.body["error_description"].as_str());
    let (Some(code), Some(_)) = texts else { return Err(format!("a refusal without a code: {answer:?}")) };
    Ok(code)
}

/// Unit: s.
pub(super) fn retry_after(answer: &Answer) -> Option<f64> {
    answer.header("retry-after").and_then(|text| text.parse().ok()).filter(|seconds| *seconds >= 1.0)
}

fn page(answer: &Answer) -> Result<Said, String> {
    if !answer.header("content-type").is_some_and(|it| it.starts_with("text/html")) {
        return Err(format!("not a page: {answer:?}"));
    }
    match answer.status {
        200 => Ok(Said::Done),
        404 => Ok(Said::NotOpen),
        503 => Ok(Said::Unavailable),
        _ => Err(format!("a page of an unknown kind: {answer:?}")),
    }
}
