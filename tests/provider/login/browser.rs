//! A browser: it keeps cookies, follows links and sends forms. It runs no script.

use std::collections::BTreeMap;

use ciba::domain::base::time::Timestamp;
use ciba::http::serve::Endpoint;
use ciba::http::{Request, event};
use ciba_tests::{Answer, Provider, form};
use serde_json::json;

use super::set_cookies;

#[derive(Clone, Default)]
pub(super) struct Browser {
    cookies: BTreeMap<String, String>,
}

/// What a form is sent with by a page of this provider.
pub(super) const SAME_ORIGIN: &[(&str, &str)] =
    &[("sec-fetch-site", "same-origin"), ("origin", Provider::ISSUER)];

impl Browser {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) async fn get(&mut self, provider: &Provider, target: &str, now: Timestamp) -> Answer {
        self.call(provider, ("GET", target), &[], "", now).await
    }

    /// Sends a form from one of this provider's own pages.
    pub(super) async fn post(
        &mut self,
        provider: &Provider,
        path: &str,
        fields: &[(&str, &str)],
        now: Timestamp,
    ) -> Answer {
        self.call(provider, ("POST", path), SAME_ORIGIN, &form(fields), now).await
    }

    pub(super) async fn call(
        &mut self,
        provider: &Provider,
        (method, target): (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
        now: Timestamp,
    ) -> Answer {
        let request = self.request((method, target), headers, body);
        let answer = if request.uri().path().starts_with("/consent") {
            provider.call(&provider.consent, &request, now).await
        } else if request.uri().path().starts_with("/enroll") {
            provider.call(&provider.enrollment, &request, now).await
        } else {
            provider.call(&provider.logging_in, &request, now).await
        };
        self.keep(&answer);
        answer
    }

    /// Follows a link to another instance of the function for logins.
    pub(super) async fn get_at(
        &mut self,
        provider: &Provider,
        function: &impl Endpoint,
        target: &str,
        now: Timestamp,
    ) -> Answer {
        let request = self.request(("GET", target), &[], "");
        let answer = provider.call(function, &request, now).await;
        self.keep(&answer);
        answer
    }

    /// Sends a form of this provider's own pages to another instance of a function.
    pub(super) async fn post_at(
        &mut self,
        provider: &Provider,
        function: &impl Endpoint,
        (path, fields): (&str, &[(&str, &str)]),
        now: Timestamp,
    ) -> Answer {
        let request = self.request(("POST", path), SAME_ORIGIN, &form(fields));
        let answer = provider.call(function, &request, now).await;
        self.keep(&answer);
        answer
    }

    fn request(&self, (method, target): (&str, &str), headers: &[(&str, &str)], body: &str) -> Request {
        let target = target.strip_prefix(Provider::ISSUER).unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut all = json!({"accept": "text/html,*/*;q=0.8", "accept-language": "en"});
        if method == "POST" {
            all["content-type"] = "application/x-www-form-urlencoded".into();
        }
        for (name, value) in headers {
            all[*name] = (*value).into();
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let event = json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "cookies": cookies,
            "headers": all,
            "requestContext": {"domainName": "localhost", "http": {"method": method, "path": path}},
            "body": body,
            "isBase64Encoded": false,
        });
        event::request(&event).expect("a request")
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in set_cookies(answer) {
            let (pair, attributes) = cookie.split_once("; ").expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The names of its cookies.
    pub(super) fn names(&self) -> Vec<&str> {
        self.cookies.keys().map(String::as_str).collect()
    }

    pub(super) fn cookie(&self, name: &str) -> &str {
        &self.cookies[name]
    }

    /// As somebody could who is in the browser.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }
}

/// The fields that a browser sends for the approving form of a page, with the boxes ticked as they are at first.
pub(super) fn approving_form(page: &Answer) -> Vec<(String, String)> {
    let (before, own) =
        page.html.split_once("id=\"approving-form\"").unwrap_or_else(|| panic!("no form: {page:?}"));
    let (own, after) = own.split_once("</form>").unwrap_or_else(|| panic!("no end: {page:?}"));
    let inputs = |html: &'_ str| -> Vec<String> {
        html.split("<input ").skip(1).filter_map(|rest| rest.split('>').next().map(str::to_owned)).collect()
    };
    let named = |input: &String| input.contains("form=\"approving-form\"");
    let elsewhere = inputs(before).into_iter().chain(inputs(after)).filter(named);
    let attribute = |input: &str, name: &str| {
        let padded = format!(" {input}");
        let (_, rest) = padded.split_once(&format!(" {name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    inputs(own)
        .into_iter()
        .chain(elsewhere)
        .filter(|input| !input.contains(" disabled"))
        .filter_map(|input| Some((attribute(&input, "name")?, attribute(&input, "value")?)))
        .collect()
}
