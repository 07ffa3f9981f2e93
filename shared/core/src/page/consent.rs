//! The page on which a person reads a client's request and decides (CIBA §8).
//!
//! # Security
//! Anybody with the link can read it, so it contains nothing about the person: no name, no number, no passkey.

use std::time::Duration;

use maud::{Markup, html};

use super::catalogue::Catalogue;
use super::layout::{COMMON, Layout, PASSKEY, TAKING_BACK, check, clock, cross, end, receipt, taking_back};
use super::login::{self, APPROVING_FORM, LoginView, scope_field};
use super::words::{Names, Operator, asked, left};
use super::{Language, Page};
use crate::domain::base::scope::Scope;
use crate::domain::details::authorization_details::DetailWords;
use crate::domain::details::money::Money;
use crate::domain::details::row::Row;

pub(super) const SCRIPT: &str = include_str!("consent.js");

/// The contents of the page.
pub struct ConsentView<'a> {
    pub language: Language,
    pub operator: Operator<'a>,
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
    /// The language of the words, if it is not the page's.
    pub other_language: Option<Language>,
    /// Whether the person cannot deselect it.
    pub required: bool,
}

/// An entry of `authorization_details`, in the operator's words.
pub struct AuthorizationLine<'a> {
    pub words: &'a DetailWords,
    /// The language of the words, if it is not the page's.
    pub other_language: Option<Language>,
    /// The scope value together with which the entry is selected.
    pub scope: Option<&'a str>,
}

/// The data that the script needs to get a passkey's signature.
pub struct PasskeyView<'a> {
    pub rp_id: &'a str,
    /// The digest of the statement, in base64url, and that of the receipt.
    pub shown: &'a str,
    pub receipt: &'a str,
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
        operator: view.operator,
        title: words.consent_title,
        status: 200,
        nonce,
        can_be_read_again: true,
        scripts: &[COMMON, PASSKEY, TAKING_BACK, SCRIPT],
    };
    let names = Names { client: view.client_name, operator: view.operator };
    let seconds = view.decide_in.as_secs();
    let passkey = view.passkey.as_ref();
    layout.page(html! {
        main data-path=(view.path) data-client=(view.client_id) data-seconds=(seconds)
            data-shown=[passkey.map(|it| it.shown)] data-rp=[passkey.map(|it| it.rp_id)]
            data-receipt=[passkey.map(|it| it.receipt)] {
            (heading(view, &names, words))
            @if let Some(sum) = sum(view) { p.sum { (words.sum.replace("{value}", &sum)) } }
            (times(view, words))
            @match view.binding_message {
                Some(message) => (quotation(message, &names, words)),
                None => p.compare { (words.nothing_to_compare) },
            }
            @for (index, asked) in view.authorizations.iter().enumerate() {
                @if asked.scope.is_none() { (authorization(view, index, asked)) }
            }
            @if !view.context.is_empty() { (context(view.context, &names, words)) }
            (scopes(view, words))
            @if !view.details.is_empty() {
                section aria-labelledby="details" {
                    h2 id="details" { (words.details_heading) }
                    ul { @for detail in &view.details { li dir="auto" { (detail) } } }
                }
            }
            // The script enables approving when this was on the screen, if there are details to read.
            span id="read" data-has-details=[(!view.authorizations.is_empty()).then_some("")] {}
            (approving(view, &names, words))
            (login::approving(view.login, view.path, view.client_id, words))
            p id="notice" role="status" {}
            p id="announcement" role="status" class="unseen" {}
            (report(view, &names, words))
            (declining(view, words))
        }
        // Outside of what they replace.
        (answers(view, &names, words))
    })
}

/// What the request is about, in one line, and the language of it if it is not the page's. `None` without a single entry
/// whose type has a headline.
fn headline<'a>(view: &ConsentView<'a>) -> Option<(&'a str, Option<&'static str>)> {
    match view.authorizations.as_slice() {
        [only] => only.words.headline.as_deref().map(|it| (it, only.other_language.map(Language::tag))),
        [] | [_, ..] => None,
    }
}

/// What the single entry of `authorization_details` is about, if its type has a headline; otherwise that the client
/// asks. Either way the client is named.
fn heading(view: &ConsentView, names: &Names, words: &Catalogue) -> Markup {
    html! {
        @match headline(view) {
            Some((headline, lang)) => {
                h1 dir="auto" lang=[lang] { (headline) }
                p.asker { (names.fill(words.requested_by)) }
            }
            None => h1 { (names.fill(words.consent_heading)) },
        }
    }
}

/// The sum of several entries, if each has an amount, all in one currency, and none can be deselected.
fn sum(view: &ConsentView) -> Option<String> {
    let is_sure = |it: &AuthorizationLine| {
        let can_be_deselected = |line: &ScopeLine| Some(line.value) == it.scope && !line.required;
        !view.scopes.iter().any(can_be_deselected)
    };
    let entries = &view.authorizations;
    let amounts: Vec<_> = entries.iter().filter_map(|it| it.words.amount.as_ref()).collect();
    let is_whole = entries.len() > 1 && amounts.len() == entries.len() && entries.iter().all(is_sure);
    let total = is_whole.then(|| Money::sum(amounts)).flatten()?;
    Some(total.words(view.language.tag()))
}

/// When it was requested, and how much time is left.
fn times(view: &ConsentView, words: &Catalogue) -> Markup {
    let (before, after) = words.time_left.split_once("{time}").unwrap_or_default();
    html! {
        p.times {
            (asked(view.language, view.asked_ago)) " · "
            // A screen reader reads it on demand, not every second.
            span id="time-left" {
                (before)
                span id="left" role="timer" aria-live="off" { (left(view.language, view.decide_in)) }
                (after)
            }
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

/// The labels are the operator's, the values are what the client sent: the person sees the validated object itself
/// (RFC 9396 §3.1: the requirements are presented when gathering consent). One of several says which it is.
fn authorization(view: &ConsentView, index: usize, asked: &AuthorizationLine) -> Markup {
    let (number, total) = (index + 1, view.authorizations.len());
    let place = Catalogue::of(view.language).entry_of;
    html! {
        section.authorization {
            @if total > 1 {
                p.place { (place.replace("{n}", &number.to_string()).replace("{total}", &total.to_string())) }
            }
            @let lang = asked.other_language.map(Language::tag);
            h2 dir="auto" lang=[lang] { (asked.words.title) }
            (rows(&asked.words.rows, lang))
        }
    }
}

/// The client's information about the context. It is unverified, and marked as such.
fn context(shown: &[Row], names: &Names, words: &Catalogue) -> Markup {
    html! {
        section.context aria-labelledby="context" {
            h2 id="context" { (names.fill(words.context_heading)) }
            (rows(shown, None))
            p { (names.fill(words.context_advice)) }
        }
    }
}

fn rows(shown: &[Row], lang: Option<&str>) -> Markup {
    html! {
        dl.facts lang=[lang] {
            @for row in shown { div { dt dir="auto" { (row.label) } dd dir="auto" { (row.value) } } }
        }
    }
}

/// `openid` only says that the person is identified, which is a sentence and not a choice. The script collects the
/// values in the order in which they were requested, so it has a place in the list.
fn scopes(view: &ConsentView, words: &Catalogue) -> Markup {
    let is_identity = |it: &&ScopeLine| it.value == Scope::OPENID;
    let has_others = view.scopes.iter().any(|it| !is_identity(&it));
    // Without a session no form sends the selection: the script collects it for the passkey.
    let form = matches!(view.login, LoginView::SignedIn(_)).then_some(APPROVING_FORM);
    let name = |place: usize, scope: &ScopeLine| form.map(|_| scope_field(place, scope.value));
    html! {
        @for identity in view.scopes.iter().filter(is_identity) { p.identity { (identity.words) } }
        fieldset id="scopes" {
            @if has_others {
                legend { (words.scopes_heading) }
                @if view.scopes.iter().any(|it| !it.required) { p { (words.scopes_advice) } }
            }
            @for (place, scope) in view.scopes.iter().enumerate() {
                @if is_identity(&scope) {
                    input type="hidden" value=(scope.value);
                } @else {
                    // A browser must not restore the selection made on an earlier page.
                    label {
                        input type="checkbox" value=(scope.value) checked disabled[scope.required] autocomplete="off"
                            name=[name(place, scope)] form=[form];
                        span dir="auto" lang=[scope.other_language.map(Language::tag)] { (scope.words) }
                        @if scope.required { " " em { (words.required) } }
                    }
                }
                // A browser does not send a field that is disabled.
                @if scope.required && form.is_some() {
                    input type="hidden" name=[name(place, scope)] value=(scope.value) form=[form];
                }
                // The entries that belong to this scope value follow it: neither can be approved without the other.
                @for (index, asked) in view.authorizations.iter().enumerate() {
                    @if asked.scope == Some(scope.value) { (authorization(view, index, asked)) }
                }
            }
        }
    }
}

/// Approving takes a passkey, and therefore the script. The button is where the request has been read.
fn approving(view: &ConsentView, names: &Names, words: &Catalogue) -> Markup {
    html! {
        div id="approving" {
            p.advice { (words.advice) }
            @if view.passkey.is_some() {
                button type="button" id="approve" class="approve" hidden { (check()) (words.approve) }
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

/// Declining is a plain form so that it works without JavaScript. It stays in sight however long the page is.
fn declining(view: &ConsentView, words: &Catalogue) -> Markup {
    html! {
        form id="actions" method="post" action=(format!("{}/decision", view.path)) autocomplete="off" {
            input type="hidden" name="decision" value="deny";
            input type="hidden" name="language" value=(view.language.tag());
            input type="hidden" name="form_token" value=(view.form_token);
            button type="submit" { (cross()) (words.decline) }
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

/// The messages that the script shows, as templates. Those after an answer repeat what was answered, and the script
/// adds when.
fn answers(view: &ConsentView, names: &Names, words: &Catalogue) -> Markup {
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
        ("another-way", words.another_way),
    ];
    let fill = |sentence: &'static str| names.fill(sentence);
    let about = || match headline(view) {
        Some((headline, lang)) => html! { strong dir="auto" lang=[lang] { (headline) } },
        None => html! { strong { (fill(words.requested_by)) } },
    };
    html! {
        @for (name, sentence) in short { template id=(name) { (fill(sentence)) } }
        template id="approved" { (receipt(check(), words.approved_heading, &[about(), fill(words.approved_text)])) }
        template id="declined" {
            @let text = [about(), fill(words.declined_text), fill(words.declined_call)];
            (receipt(cross(), words.declined_heading, &text))
        }
        template id="reported" { (receipt(check(), words.reported_heading, &[fill(words.reported_text)])) }
        (taking_back(names, words))
        template id="closed" { (end(clock(), words.closed_heading, &[fill(words.closed_text)])) }
    }
}
