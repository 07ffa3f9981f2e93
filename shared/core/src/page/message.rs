//! Pages on which nothing is left to do.

use maud::html;

use super::catalogue::Catalogue;
use super::layout::{
    COMMON, Layout, PASSKEY, TAKING_BACK, check, clock, cross, end, notice, receipt, taking_back,
};
use super::login::Frame;
use super::words::{Names, Operator};
use super::{Language, Page};

pub(super) const SCRIPT: &str = include_str!("closed.js");

/// The page if there is nothing to decide. It is the same for unknown, expired and decided requests, so that a
/// link reveals nothing. If it was answered on this device, the script says so. `login_path` is where the person can
/// log in to see what they answered, if people log in here.
pub fn not_open(language: Language, operator: Operator<'_>, nonce: &str, login_path: Option<&str>) -> Page {
    let words = Catalogue::of(language);
    let heading = words.closed_heading;
    let names = Names { client: "", operator };
    let layout = Layout {
        language,
        operator,
        title: heading,
        status: 404,
        nonce,
        can_be_read_again: false,
        scripts: &[COMMON, PASSKEY, TAKING_BACK, SCRIPT],
    };
    let answered = [
        ("approved", check(), words.approved_heading),
        ("declined", cross(), words.declined_heading),
        ("reported", check(), words.reported_heading),
    ];
    layout.page(html! {
        main {
            (end(clock(), heading, &[html! { (words.closed_text) }]))
            @if let Some(path) = login_path { p.how { a href=(path) { (words.see_answer) } } }
        }
        @for (id, sign, heading) in answered {
            template id=(id) { (receipt(sign, heading, &[html! { (words.answered_here) }])) }
        }
        (taking_back(&names, words))
        @for (id, text) in [
            ("confirm", words.confirm),
            ("sending", words.sending),
            ("cancelled", words.cancelled),
            ("offline", words.offline),
        ] {
            template id=(id) { (text) }
        }
    })
}

/// The page after the denial that the form sent has been recorded.
pub fn declined(frame: &Frame<'_>) -> Page {
    let words = Catalogue::of(frame.language);
    let text = [html! { (words.declined_text) }, frame.names().fill(words.declined_call)];
    let heading = words.declined_heading;
    frame.page(heading, 200, html! { main { (end(cross(), heading, &text)) } })
}

/// The page if the request cannot be answered at the moment.
pub fn trouble(frame: &Frame<'_>) -> Page {
    let words = Catalogue::of(frame.language);
    let heading = words.trouble_heading;
    let text = [html! { (words.trouble_text) }];
    frame.page(heading, 503, html! { main { (end(notice(), heading, &text)) } })
}
