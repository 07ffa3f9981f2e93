//! The page on which a person reads a client's request and decides (CIBA §8).
//!
//! # Security
//! Anybody with the link can read it, so it contains nothing about the person: no name, no number, no passkey.

use std::time::Duration;

use maud::{Markup, html};

use super::catalogue::Catalogue;
use super::layout::{Layout, check, clock, cross, end};
use super::login::{self, APPROVING_FORM, LoginView, scope_field};
use super::words::{Names, asked, left};
use super::{Language, Page};
use crate::domain::base::scope::Scope;
use crate::domain::details::authorization_details::DetailWords;
use crate::domain::details::row::Row;

pub(super) const SCRIPT: &str = include_str!("consent.js");

/// The contents of the page.
pub struct ConsentView<'a> {
    pub language: Language,
    pub operator_name: &'a str,
    pub client_name: &'a str,
    pub client_id: &'a str,
    pub binding_message: Option<&'a str>,
    pub scopes: Vec<ScopeLine<'a>>,
    /// The requested `authorization_details`.
    pub authorizations: Vec<AuthorizationLine<'a>>,
    /// The client's information about the origin of the request (`request_context`).
    pub context: &'a [Row],
    /// Further details of the access: the APIs it is for, each in words.
    pub details: Vec<String>,
    pub asked_ago: Duration,
    pub decide_in: Duration,
    /// `/consent/<request>`
    pub path: &'a str,
    pub form_token: &'a str,
    /// `None`: passkeys are not used here, and requests are approved in the operator's app.
    pub passkey: Option<PasskeyView<'a>>,
    /// How the person can approve with a login on the page.
    pub login: LoginView<'a>,
}

/// A scope value and its meaning in words.
pub struct ScopeLine<'a> {
    pub value: &'a str,
    pub words: String,
    /// Whether the person cannot deselect it.
    pub required: bool,
}

/// An entry of `authorization_details`, in the operator's words.
pub struct AuthorizationLine<'a> {
    pub words: &'a DetailWords,
    /// The scope value together with which the entry is selected.
    pub scope: Option<&'a str>,
}

/// The data that the script needs to get a passkey's signature.
pub struct PasskeyView<'a> {
    pub rp_id: &'a str,
    /// The digest of the statement, in base64url.
    pub shown: &'a str,
    /// Whether the whole request cannot be approved with a recently added passkey.
    pub seasoned: bool,
}

/// The words for a scope value. A value of OpenID Connect has the words of the catalogue; any other value has the
/// registered words, or else its name.
pub fn scope_words(language: Language, value: &str, registered: Option<&str>) -> String {
    let words = Catalogue::of(language);
    let standard = match value {
        Scope::OPENID => Some(words.scope_openid),
        "profile" => Some(words.scope_profile),
        "email" => Some(words.scope_email),
        "address" => Some(words.scope_address),
        "phone" => Some(words.scope_phone),
        Scope::OFFLINE_ACCESS => Some(words.scope_offline_access),
        _ => None,
    };
    let said = standard.or(registered).map(str::to_owned);
    said.unwrap_or_else(|| words.scope_other.replace("{value}", value))
}

/// The words for an API that the tokens are issued for.
pub fn resource_words(language: Language, resource: &str) -> String {
    Catalogue::of(language).resource.replace("{resource}", resource)
}

pub fn consent(view: &ConsentView, nonce: &str) -> Page {
    let words = Catalogue::of(view.language);
    let layout = Layout {
        language: view.language,
        operator_name: view.operator_name,
        title: words.consent_title,
        status: 200,
        nonce,
        script: Some(SCRIPT),
    };
    let names = Names { client: view.client_name, operator: view.operator_name };
    let seconds = view.decide_in.as_secs();
    let passkey = view.passkey.as_ref();
    layout.page(html! {
        main data-path=(view.path) data-client=(view.client_id) data-seconds=(seconds)
            data-shown=[passkey.map(|it| it.shown)] data-rp=[passkey.map(|it| it.rp_id)] {
            h1 { (names.fill(words.consent_heading)) }
            (facts(view, words))
            @if let Some(message) = view.binding_message { (quotation(message, &names, words)) }
            @for asked in view.authorizations.iter().filter(|it| it.scope.is_none()) { (authorization(asked.words)) }
            @if !view.context.is_empty() { (context(view.context, &names, words)) }
            (scopes(view, &names, words))
            @if !view.details.is_empty() {
                section aria-labelledby="details" {
                    h2 id="details" { (words.details_heading) }
                    ul { @for detail in &view.details { li dir="auto" { (detail) } } }
                }
            }
            (actions(view, &names, words))
            (login::approving(view.login, view.path, view.client_id, words))
            p id="notice" role="status" {}
            (report(view, &names, words))
            (answers(&names, words))
        }
    })
}

/// The client, the time since its request, and the time left to decide.
fn facts(view: &ConsentView, words: &Catalogue) -> Markup {
    html! {
        dl.facts {
            dt { (words.client) } dd { bdi { (view.client_name) } " (" code dir="auto" { (view.client_id) } ")" }
            dt { (words.asked) } dd { (asked(view.language, view.asked_ago)) }
            // A screen reader reads it on demand, not every second.
            dt { (words.time_left) }
            dd { span id="left" role="timer" aria-live="off" { (left(view.language, view.decide_in)) } }
        }
    }
}

/// The binding message unmodified (CIBA §7.1), and marked as the client's own text.
fn quotation(message: &str, names: &Names, words: &Catalogue) -> Markup {
    html! {
        figure.quotation {
            figcaption { (names.fill(words.message_from)) }
            blockquote dir="auto" { (message) }
            p { (names.fill(words.message_advice)) }
        }
    }
}

/// The labels are the operator's and the values are the client's, so the person sees the validated object itself
/// (RFC 9396 §3.1: the requirements are presented when gathering consent).
fn authorization(asked: &DetailWords) -> Markup {
    html! {
        section.authorization {
            h2 { (asked.title) }
            (rows(&asked.rows))
        }
    }
}

/// The client's information about the context. It is unverified, and marked as such.
fn context(shown: &[Row], names: &Names, words: &Catalogue) -> Markup {
    html! {
        section.context aria-labelledby="context" {
            h2 id="context" { (names.fill(words.context_heading)) }
            (rows(shown))
            p { (names.fill(words.context_advice)) }
        }
    }
}

fn rows(shown: &[Row]) -> Markup {
    html! {
        dl.facts {
            @for row in shown { dt dir="auto" { (row.label) } dd dir="auto" { (row.value) } }
        }
    }
}

fn scopes(view: &ConsentView, names: &Names, words: &Catalogue) -> Markup {
    // Without a session no form sends the selection: the script collects it for the passkey.
    let form = matches!(view.login, LoginView::SignedIn(_)).then_some(APPROVING_FORM);
    let name = |place: usize, scope: &ScopeLine| form.map(|_| scope_field(place, scope.value));
    html! {
        fieldset id="scopes" {
            legend { (names.fill(words.scopes_heading)) }
            @if view.scopes.iter().any(|it| !it.required) { p { (words.scopes_advice) } }
            @for (place, scope) in view.scopes.iter().enumerate() {
                // A browser must not restore the selection made on an earlier page.
                label {
                    input type="checkbox" value=(scope.value) checked disabled[scope.required] autocomplete="off"
                        name=[name(place, scope)] form=[form];
                    span dir="auto" { (scope.words) }
                    @if scope.required { " " em { (words.required) } }
                }
                // A browser does not send a field that is disabled.
                @if scope.required && form.is_some() {
                    input type="hidden" name=[name(place, scope)] value=(scope.value) form=[form];
                }
                // The entries that belong to this scope value follow it: neither can be approved without the other.
                @for asked in view.authorizations.iter().filter(|it| it.scope == Some(scope.value)) {
                    (authorization(asked.words))
                }
            }
        }
    }
}

/// Declining is a plain form, so that it works without JavaScript. Approving requires a passkey.
fn actions(view: &ConsentView, names: &Names, words: &Catalogue) -> Markup {
    html! {
        form id="actions" method="post" action=(format!("{}/decision", view.path)) autocomplete="off" {
            p.advice { (words.advice) }
            input type="hidden" name="decision" value="deny";
            input type="hidden" name="form_token" value=(view.form_token);
            div.buttons {
                button type="submit" { (cross()) (words.decline) }
                @if view.passkey.is_some() {
                    button type="button" id="approve" class="approve" hidden { (check()) (words.approve) }
                }
            }
            @if let Some(passkey) = &view.passkey {
                @if passkey.seasoned { p.how { (words.approve_seasoned) } }
                p.how id="how" hidden { (words.approve_how) }
                p.how id="unable" { (words.approve_unable) }
            } @else if matches!(view.login, LoginView::None) {
                p.how { (names.fill(words.approve_in_app)) }
            }
        }
    }
}

/// A report does more than a denial (it blocks the client), so the person has to prove their identity for it.
fn report(view: &ConsentView, names: &Names, words: &Catalogue) -> Markup {
    html! {
        section.report id="report-section" aria-labelledby="report-heading" {
            h2 id="report-heading" { (words.report_heading) }
            @if view.passkey.is_some() {
                div id="report" hidden {
                    p { (names.fill(words.report_text)) }
                    button type="button" id="not-me" class="quiet" { (words.report) }
                }
            }
            p { (names.fill(words.report_otherwise)) }
        }
    }
}

/// The messages that the script shows, as templates.
fn answers(names: &Names, words: &Catalogue) -> Markup {
    let short = [
        ("confirm", words.confirm),
        ("sending", words.sending),
        ("cancelled", words.cancelled),
        ("offline", words.offline),
        ("unavailable", words.unavailable),
        ("not-accepted", words.not_accepted),
        ("too-new", words.too_new),
        ("refused", words.refused),
        ("outdated", words.outdated),
        ("late", words.late),
    ];
    let fill = |sentence: &'static str| names.fill(sentence);
    html! {
        @for (name, sentence) in short { template id=(name) { (fill(sentence)) } }
        template id="approved" { (end(check(), words.approved_heading, &[fill(words.approved_text)])) }
        template id="reported" { (end(check(), words.reported_heading, &[fill(words.reported_text)])) }
        template id="closed" { (end(clock(), words.closed_heading, &[fill(words.closed_text)])) }
    }
}
