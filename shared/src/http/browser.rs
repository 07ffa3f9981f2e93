//! What a request tells of the browser that sends it.

use lambda_http::Request;
use lambda_http::http::Method;
use lambda_http::http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, ORIGIN};

use crate::http::form;
use crate::page::Language;

/// Whether it is for a person's eyes. Whoever sends a credential is a program.
pub fn wants_page(request: &Request) -> bool {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let takes_html = header(request, ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html"));
    is_read && takes_html && !request.headers().contains_key(AUTHORIZATION)
}

/// Whether it comes from a page's form.
pub fn sends_form(request: &Request) -> bool {
    form::is_form(request) && !request.headers().contains_key(AUTHORIZATION)
}

/// Whether the page that sends it is one of `origin`. Browsers say so, and no page can make them say anything else. An old
/// one that says nothing has at least to know the form's token.
pub fn is_same_origin(request: &Request, origin: &str) -> bool {
    match header(request, "sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => header(request, ORIGIN.as_str()).is_none_or(|from| from == origin),
    }
}

/// The language in which the person reads.
pub fn language(request: &Request) -> Language {
    Language::of_accept(header(request, ACCEPT_LANGUAGE.as_str()).unwrap_or_default())
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}
