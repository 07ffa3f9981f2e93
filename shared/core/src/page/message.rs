//! Pages on which nothing is left to do.

use maud::html;

use super::catalogue::Catalogue;
use super::layout::{Layout, clock, cross, end, notice};
use super::words::Names;
use super::{Language, Page};

/// The page if there is nothing to decide. It is the same for unknown, expired and decided requests, so that a
/// link reveals nothing.
pub fn not_open(language: Language, operator_name: &str, nonce: &str) -> Page {
    let words = Catalogue::of(language);
    let layout =
        Layout { language, operator_name, title: words.closed_heading, status: 404, nonce, script: None };
    layout.page(html! {
        main { (end(clock(), words.closed_heading, &[html! { (words.closed_text) }])) }
    })
}

/// The page after the denial that the form sent has been recorded.
pub fn declined(language: Language, operator_name: &str, nonce: &str) -> Page {
    let words = Catalogue::of(language);
    let names = Names { client: "", operator: operator_name };
    let heading = words.declined_heading;
    let layout = Layout { language, operator_name, title: heading, status: 200, nonce, script: None };
    let text = [html! { (words.declined_text) }, names.fill(words.declined_call)];
    layout.page(html! { main { (end(cross(), heading, &text)) } })
}

/// The page if the request cannot be answered at the moment.
pub fn trouble(language: Language, operator_name: &str, nonce: &str) -> Page {
    let words = Catalogue::of(language);
    let heading = words.trouble_heading;
    let layout = Layout { language, operator_name, title: heading, status: 503, nonce, script: None };
    layout.page(html! { main { (end(notice(), heading, &[html! { (words.trouble_text) }])) } })
}
