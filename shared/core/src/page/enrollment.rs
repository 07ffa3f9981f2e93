//! The page on which a person sets up a passkey.
//!
//! # Security
//! Anybody with the ticket's link can read it, so it contains nothing about the person but the options for the
//! browser; the server leaves names out of these.

use maud::{Markup, html};
use serde_json::Value;

use super::catalogue::Catalogue;
use super::layout::{COMMON, Layout, PASSKEY, check, clock, end, query};
use super::login::Frame;
use super::words::{Names, Operator};
use super::{Language, Page};
use crate::domain::person::ticket::TicketSecret;
use crate::protocol::routes;

pub(super) const SCRIPT: &str = include_str!("enrollment.js");

pub struct EnrollmentView<'a> {
    pub language: Language,
    pub operator: Operator<'a>,
    /// `/enroll/<ticket>`
    pub path: &'a str,
    /// The options for `navigator.credentials.create`, with binary members as base64url.
    pub options: Value,
    /// The options for `navigator.credentials.get`, if an existing passkey must authorize the new one.
    pub needs_assertion: Option<Value>,
    /// Whether the person sets it up by themselves, so that it approves nothing at first.
    pub is_own: bool,
}

pub fn enrollment(view: &EnrollmentView, nonce: &str) -> Page {
    let words = Catalogue::of(view.language);
    let names = Names { client: "", operator: view.operator };
    let layout = Layout {
        language: view.language,
        operator: view.operator,
        title: words.enrollment_heading,
        status: 200,
        nonce,
        can_be_read_again: true,
        scripts: &[COMMON, PASSKEY, SCRIPT],
    };
    layout.page(html! {
        main data-path=(view.path) data-options=(view.options)
            data-assertion=[view.needs_assertion.as_ref()] {
            h1 { (words.enrollment_heading) }
            p { (names.fill(words.enrollment_text)) }
            section aria-labelledby="steps" {
                h2 id="steps" { (words.steps_heading) }
                ol.steps {
                    @if view.needs_assertion.is_some() { li { (words.step_existing) } }
                    li { (words.step_create) }
                    li { (names.fill(words.step_told)) }
                    li { @if view.is_own { (words.step_waits_own) } @else { (words.step_waits) } }
                }
            }
            p.advice { (names.fill(words.ticket_advice)) }
            div id="actions" hidden {
                div.buttons {
                    @if view.needs_assertion.is_some() {
                        button type="button" id="existing" class="approve" { (words.use_existing) }
                    }
                    button type="button" id="create" class="approve" hidden[view.needs_assertion.is_some()] {
                        (words.create)
                    }
                }
            }
            p.how id="unable" { (words.create_unable) }
            p id="notice" role="status" {}
            (answers(&names, words))
        }
    })
}

/// The path of a ticket's page, in the language that the person chose.
pub fn ticket_path(ticket: &TicketSecret, chosen: Option<Language>) -> String {
    format!("{}/{}{}", routes::ENROLLMENT, ticket.expose(), query("?", chosen))
}

/// The page for a ticket that cannot be used. It is the same for unknown, used and expired tickets.
pub fn ticket_not_open(frame: &Frame<'_>) -> Page {
    let words = Catalogue::of(frame.language);
    let text = [frame.names().fill(words.ticket_closed_text)];
    let heading = words.ticket_closed_heading;
    frame.page(heading, 404, html! { main { (end(clock(), heading, &text)) } })
}

fn answers(names: &Names, words: &Catalogue) -> Markup {
    let short = [
        ("confirm", words.confirm),
        ("confirmed", words.confirmed),
        ("sending", words.sending),
        ("cancelled", words.not_created),
        ("already", words.already),
        ("offline", words.offline),
        ("unavailable", words.unavailable),
        ("not-accepted", words.enrollment_not_accepted),
    ];
    html! {
        @for (name, sentence) in short { template id=(name) { (names.fill(sentence)) } }
        template id="enrolled" { (end(check(), words.enrolled_heading, &[names.fill(words.enrolled_text)])) }
        template id="closed" {
            (end(clock(), words.ticket_closed_heading, &[names.fill(words.ticket_closed_text)]))
        }
    }
}
