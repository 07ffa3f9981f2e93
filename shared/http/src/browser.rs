//! The information in a request about the browser that sent it.

use lambda_http::Request;
use lambda_http::http::Method;
use lambda_http::http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, ORIGIN};

use crate::{form, query};
use ciba_core::page::{LANGUAGE_PARAMETER, Language, weight};

/// Whether the request is for a page. A request with credentials comes from a program.
pub fn wants_page(request: &Request) -> bool {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let takes_html = header(request, ACCEPT.as_str()).is_some_and(takes_html);
    is_read && takes_html && !request.headers().contains_key(AUTHORIZATION)
}

/// Whether an `Accept` lists HTML, case-insensitively and not with `q=0` (RFC 9110 §8.3.1, §12.4.2, §12.5.1). A
/// request that accepts anything (`*/*`) comes from a program.
fn takes_html(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("text/html"));
        is_html && parts.filter_map(weight).all(|weight| weight > 0)
    })
}

/// Whether the request was sent by a page's form.
pub fn sends_form(request: &Request) -> bool {
    form::is_form(request) && !request.headers().contains_key(AUTHORIZATION)
}

/// Whether the request was sent by a page of `origin`. The browser sets the headers that state this, and a page
/// cannot change them. A request of an old browser that sends neither header is accepted here, but still needs
/// the form's token.
pub fn is_same_origin(request: &Request, origin: &str) -> bool {
    match header(request, "sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => header(request, ORIGIN.as_str()).is_none_or(|from| from == origin),
    }
}

/// Like [`is_same_origin`], for requests that count because of a cookie: one of the two headers must be there.
pub fn states_same_origin(request: &Request, origin: &str) -> bool {
    let states = ["sec-fetch-site", ORIGIN.as_str()].iter().any(|name| header(request, name).is_some());
    states && is_same_origin(request, origin)
}

/// The language of the page: the one that the person chose, or else their browser's.
pub fn language(request: &Request) -> Language {
    let accepted = || Language::of_accept(header(request, ACCEPT_LANGUAGE.as_str()).unwrap_or_default());
    chosen_language(request).unwrap_or_else(accepted)
}

/// The language that a link of a page selects (`?lang=pl`), or that a page's form sends back. An unknown or repeated
/// value is ignored.
pub fn chosen_language(request: &Request) -> Option<Language> {
    let of_link = query::one(request, LANGUAGE_PARAMETER).and_then(Language::of_tag);
    let of_form = || {
        let form = form::read(request).ok()?;
        Language::of_tag(form.get("language")?)
    };
    of_link.or_else(of_form)
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9110 §8.3.1, §12.5.1
    #[test]
    fn html_is_taken_by_who_names_it_in_any_case_and_wants_it() {
        for accept in [
            "text/html",
            "TEXT/HTML",
            "application/xhtml+xml, Text/Html;level=1;q=0.3",
            "*/*;q=0.1,text/html ; Q=0.001",
            "text/html;charset=utf-8",
        ] {
            assert!(takes_html(accept), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/*",
            "text/html;q=0",
            "text/html; q=0.000, application/json",
            "text/htmlx",
            "x-text/html",
            "application/json;profile=text/html",
        ] {
            assert!(!takes_html(accept), "{accept}");
        }
    }
}
