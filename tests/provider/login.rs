//! Logging in on the page and approving there: a browser, this provider, and login issuers.

mod approving;
mod assertions;
mod browser;
mod calls;
mod flow;
pub(crate) mod issuer;
mod new_people;
mod refusals;
mod self_enrollment;
mod session;
mod taking_back;

use ciba::domain::base::time::Timestamp;
use ciba_tests::{Answer, Provider, Settings};
use serde_json::{Value, json};

use browser::Browser;
use issuer::OpenIdProvider;

/// A provider with one login issuer, at which `alice` and `bob` log in.
struct Stand {
    provider: Provider,
    issuer: OpenIdProvider,
}

impl Stand {
    async fn new() -> Self {
        Self::with(json!({}), &[]).await
    }

    /// `browser` changes members of the issuer's member `browser`.
    async fn with(browser: Value, settings: Settings<'_>) -> Self {
        let issuer = OpenIdProvider::start("acme").await;
        let setting = json!([issuer.setting(browser)]).to_string();
        let mut all =
            vec![("LOGIN_ISSUERS", setting.as_str()), ("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")];
        all.extend(settings);
        let provider = Provider::with(&all).await;
        issuer.enroll(&provider, &["alice", "bob"]).await;
        Self { provider, issuer }
    }

    /// The person logs in for this request; the answer to the issuer's callback.
    async fn log_in(&self, browser: &mut Browser, sub: &str, request: &str, now: Timestamp) -> Answer {
        let start = browser.get(&self.provider, &format!("/login?request={request}"), now).await;
        let callback = self.issuer.authorize(location(&start), sub, now);
        browser.get(&self.provider, &callback, now).await
    }

    /// A browser in which the person is logged in.
    async fn logged_in(&self, sub: &str, request: &str, now: Timestamp) -> Browser {
        let mut browser = Browser::new();
        let answer = self.log_in(&mut browser, sub, request, now).await;
        assert_eq!((answer.status, location(&answer)), (303, &*format!("/consent/{request}")), "{answer:?}");
        browser
    }

    /// That a login ended without a session and changed nothing, and what it says.
    async fn refused(&self, call: impl Future<Output = Answer>, (status, told): (u16, &str)) {
        let before = self.provider.traces().await;
        let answer = call.await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.html.contains(told), "{told}: {}", answer.html);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("location"), None);
        assert!(!set_cookies(&answer).iter().any(|it| it.starts_with("ciba-session=")), "{answer:?}");
        assert_eq!(self.provider.traces().await, before);
        assert!(self.provider.items_under("evidence#").await.is_empty());
    }
}

fn location(answer: &Answer) -> &str {
    answer.header("location").unwrap_or_else(|| panic!("no redirect: {answer:?}"))
}

fn set_cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect()
}

/// Somebody logs in for this request, at another instance of the function.
pub(crate) async fn log_in_at(
    provider: &Provider,
    function: &login::Login,
    issuer: &OpenIdProvider,
    request: &str,
    now: Timestamp,
) {
    let mut browser = Browser::new();
    let start = browser.get_at(provider, function, &format!("/login?request={request}"), now).await;
    let callback = issuer.authorize(location(&start), "alice", now);
    assert_eq!(browser.get_at(provider, function, &callback, now).await.status, 303);
}

/// Somebody whom the issuer introduces logs in on their own place, at another instance of the function.
pub(crate) async fn introduce_at(
    provider: &Provider,
    function: &login::Login,
    issuer: &OpenIdProvider,
    now: Timestamp,
) {
    let mut browser = Browser::new();
    let start = browser.get_at(provider, function, "/login", now).await;
    let callback = issuer.authorize(location(&start), "carol", now);
    assert_eq!(browser.get_at(provider, function, &callback, now).await.status, 303);
}

/// Somebody logs in, and begins to set up a passkey, at other instances of the functions.
pub(crate) async fn enroll_at(
    provider: &Provider,
    (login, enrollment): (&login::Login, &enrollment::Enrollment),
    issuer: &OpenIdProvider,
    now: Timestamp,
) {
    let mut browser = Browser::new();
    let start = browser.get_at(provider, login, "/login", now).await;
    let callback = issuer.authorize(location(&start), "alice", now);
    browser.get_at(provider, login, &callback, now).await;
    let me = browser.get_at(provider, login, "/me", now).await;
    let token = crate::consent::person::field(&me, "session_token");
    let begun = browser.post_at(provider, enrollment, ("/enroll", &[("session_token", &token)]), now).await;
    assert_eq!(begun.status, 303, "{begun:?}");
}
