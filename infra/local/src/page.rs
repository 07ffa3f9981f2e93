//! The frame of the pages that a developer sees: the phone, and the login issuer's sign-in page. They work without
//! script.

use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");

/// Text from messages and clients is escaped; if some were not, its scripts would still not run, because only those
/// from a file of this server do.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
    img-src data:; base-uri 'none'; frame-ancestors 'none'";

/// A page with this title.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    /// The path of its script.
    pub(crate) script: Option<&'static str>,
    /// Seconds after which a browser without script loads it again.
    pub(crate) reload: Option<u32>,
}

impl Page<'_> {
    pub(crate) fn of(&self, main: &Markup) -> Response {
        let document = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    // An empty icon, so that the browser does not request one.
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                    @if let Some(script) = self.script { script src=(script) defer {} }
                    @if let Some(seconds) = self.reload {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                }
                body { (main) }
            }
        };
        let headers = [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-store")];
        (headers, Html(document.into_string())).into_response()
    }
}
