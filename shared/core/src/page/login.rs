//! Pages and parts of pages about logging in. All of it works without script.
//!
//! # Security
//! None of these pages says whose request it is, not even to somebody who is logged in as another person.

use maud::{Markup, html};

use super::catalogue::Catalogue;
use super::layout::{Layout, check, clock, cross, end, notice, query};
use super::words::{Names, Operator};
use super::{Language, Page};
use crate::domain::base::request_key::RequestKey;
use crate::protocol::routes;

/// The name of the approving form: the checkboxes of the page belong to it.
pub(super) const APPROVING_FORM: &str = "approving-form";
/// What the name of a scope value's field begins with.
const SCOPE_FIELD: &str = "scope:";

/// The name of the field of the scope value that is shown at this place.
pub(super) fn scope_field(place: usize, value: &str) -> String {
    format!("{SCOPE_FIELD}{place:03}:{value}")
}

/// The selected scope, in the order in which it was shown. `names` are those of the form's fields.
pub fn selected<'f>(names: impl Iterator<Item = &'f str>) -> String {
    let mut fields: Vec<_> =
        names.filter_map(|name| name.strip_prefix(SCOPE_FIELD)?.split_once(':')).collect();
    fields.sort_unstable();
    fields.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ")
}

/// How a person can approve with a login on the page.
#[derive(Clone, Copy, Debug)]
pub enum LoginView<'a> {
    /// Not at all: people do not log in here, or this request needs a passkey.
    None,
    /// After logging in at this path.
    SignIn { path: &'a str },
    /// With the session of the person asked.
    SignedIn(ApprovingForm<'a>),
}

/// What the approving form sends back.
#[derive(Clone, Copy, Debug)]
pub struct ApprovingForm<'a> {
    /// The token of this session and this request.
    pub form_token: &'a str,
    /// The digest of the statement that the page shows, and the language of both.
    pub shown: &'a str,
    pub language: Language,
}

/// The operator, the language, and the nonce of a page.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    pub language: Language,
    /// The same, if the person chose it. Then the links of the page keep it.
    pub chosen: Option<Language>,
    pub operator: Operator<'a>,
    pub nonce: &'a str,
}

impl Frame<'_> {
    pub(super) fn page(&self, title: &str, status: u16, main: Markup) -> Page {
        let Self { language, chosen: _, operator, nonce } = *self;
        Layout { language, operator, title, status, nonce, can_be_read_again: false, scripts: &[] }.page(main)
    }

    pub(super) fn names(&self) -> Names<'_> {
        Names { client: "", operator: self.operator }
    }

    fn login_path(&self, request: &RequestKey) -> String {
        login_path(request, self.chosen)
    }

    fn back_to_request(&self, request: &RequestKey) -> String {
        page_path(request, self.chosen)
    }
}

/// The path at which a login for this request starts, in the language that the person chose.
pub fn login_path(request: &RequestKey, chosen: Option<Language>) -> String {
    format!("{}?request={}{}", routes::LOGIN, request.encode(), query("&", chosen))
}

/// The path of the page of a request, in the language that the person chose.
pub fn page_path(request: &RequestKey, chosen: Option<Language>) -> String {
    format!("{}{}", routes::page_of(request), query("?", chosen))
}

/// The path of a person's own place, in the language that they chose.
pub fn me_path(chosen: Option<Language>) -> String {
    format!("{}{}", routes::ME, query("?", chosen))
}

/// The link or the form with which a person approves by a login.
pub(super) fn approving(view: LoginView<'_>, path: &str, client_id: &str, words: &Catalogue) -> Markup {
    match view {
        LoginView::None => html! {},
        LoginView::SignIn { path } => html! {
            div id="login" {
                a.button href=(path) { (words.sign_in) }
                p.how { (words.sign_in_how) }
            }
        },
        LoginView::SignedIn(form) => html! {
            div id="login" {
                form id=(APPROVING_FORM) method="post" action=(format!("{path}/decision")) autocomplete="off" {
                    input type="hidden" name="decision" value="approve";
                    input type="hidden" name="client_id" value=(client_id);
                    input type="hidden" name="language" value=(form.language.tag());
                    input type="hidden" name="shown" value=(form.shown);
                    input type="hidden" name="session_token" value=(form.form_token);
                    button.approve type="submit" { (check()) (words.approve) }
                }
                p.how { (words.approve_signed_in) }
            }
        },
    }
}

/// The page on which a person chooses between login issuers: label and name of each.
pub fn choose_issuer(frame: &Frame<'_>, request: Option<&RequestKey>, issuers: &[(&str, &str)]) -> Page {
    let words = Catalogue::of(frame.language);
    let choice = |label: &str| match request {
        Some(request) => format!("{}&idp={label}", frame.login_path(request)),
        None => format!("{}?idp={label}{}", routes::LOGIN, query("&", frame.chosen)),
    };
    frame.page(
        words.choose_heading,
        200,
        html! {
            main {
                h1 { (words.choose_heading) }
                p { (frame.names().fill(words.choose_text)) }
                // A label needs no encoding in a query.
                @for (label, name) in issuers {
                    a.button href=(choice(label)) { bdi { (name) } }
                }
                @if let Some(request) = request {
                    p.how { a href=(frame.back_to_request(request)) { (words.back_to_request) } }
                }
            }
        },
    )
}

/// Why a login ended without a session, as far as it changes what the person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// It was not started in this browser, took too long, or was used before.
    Outdated,
    /// The issuer did not log the person in.
    Cancelled,
    /// What the issuer says does not prove who it is.
    Refused,
    /// The issuer does not answer.
    Down,
}

impl LoginProblem {
    pub const ALL: [Self; 4] = [Self::Outdated, Self::Cancelled, Self::Refused, Self::Down];
}

/// The page after a login that failed. Nothing was decided, and it says what to do. `request` is known only if the
/// login was started in this browser.
pub fn login_failed(frame: &Frame<'_>, problem: LoginProblem, request: Option<&RequestKey>) -> Page {
    let words = Catalogue::of(frame.language);
    let (sign, heading, text, status) = match problem {
        LoginProblem::Outdated => (clock(), words.login_outdated_heading, words.login_outdated_text, 400),
        LoginProblem::Cancelled => (cross(), words.login_cancelled_heading, words.login_cancelled_text, 400),
        LoginProblem::Refused => (notice(), words.login_refused_heading, words.login_refused_text, 400),
        LoginProblem::Down => (notice(), words.login_down_heading, words.login_down_text, 503),
    };
    frame.page(
        heading,
        status,
        html! {
            main {
                (end(sign, heading, &[frame.names().fill(text)]))
                @if let Some(request) = request {
                    a.button href=(frame.login_path(request)) { (words.sign_in_again) }
                    p.how { a href=(frame.back_to_request(request)) { (words.back_to_request) } }
                }
            }
        },
    )
}

/// The page of a request for a person other than the one who is logged in.
pub fn someone_else(frame: &Frame<'_>, sign_out_token: &str) -> Page {
    let words = Catalogue::of(frame.language);
    let heading = words.someone_else_heading;
    frame.page(
        heading,
        403,
        html! {
            main {
                (end(cross(), heading, &[html! { (words.someone_else_text) }]))
                (sign_out(sign_out_token, frame.language, words))
            }
        },
    )
}

/// The tokens of the forms on a person's own place.
#[derive(Clone, Copy, Debug)]
pub struct MeForms<'a> {
    pub sign_out: &'a str,
    /// `None`: the person cannot set up a passkey by themselves.
    pub enroll: Option<&'a str>,
}

/// The page that says who is logged in: the person's name at the issuer, and the issuer's name.
pub fn me(frame: &Frame<'_>, (subject, issuer): (&str, &str), forms: MeForms<'_>) -> Page {
    let words = Catalogue::of(frame.language);
    let (before, after) = words.me_text.split_once("{value}").unwrap_or_default();
    let names = Names { client: issuer, operator: frame.operator };
    frame.page(
        words.me_heading,
        200,
        html! {
            main {
                (end(check(), words.me_heading, &[html! { (before) bdi { (subject) } (names.fill(after)) }]))
                @if let Some(token) = forms.enroll {
                    form method="post" action=(routes::ENROLLMENT) {
                        p.how { (words.me_passkey_text) }
                        input type="hidden" name="language" value=(frame.language.tag());
                        input type="hidden" name="session_token" value=(token);
                        button type="submit" { (words.enrollment_heading) }
                    }
                }
                (sign_out(forms.sign_out, frame.language, words))
            }
        },
    )
}

/// The same if nobody is.
pub fn nobody(frame: &Frame<'_>) -> Page {
    let words = Catalogue::of(frame.language);
    let text = frame.names().fill(words.me_nobody_text);
    frame.page(
        words.me_nobody_heading,
        200,
        html! {
            main {
                (end(notice(), words.me_nobody_heading, &[text]))
                a.button href=(format!("{}{}", routes::LOGIN, query("?", frame.chosen))) { (words.me_sign_in) }
            }
        },
    )
}

/// The page if a person cannot set up a passkey by themselves.
pub fn no_passkey(frame: &Frame<'_>) -> Page {
    let words = Catalogue::of(frame.language);
    let text = frame.names().fill(words.no_passkey_text);
    frame.page(
        words.no_passkey_heading,
        403,
        html! {
            main {
                (end(notice(), words.no_passkey_heading, &[text]))
                p.how { a href=(me_path(frame.chosen)) { (words.me_back) } }
            }
        },
    )
}

/// The page after signing out.
pub fn signed_out(frame: &Frame<'_>) -> Page {
    let words = Catalogue::of(frame.language);
    let text = html! { (words.signed_out_text) };
    frame.page(
        words.signed_out_heading,
        200,
        html! { main { (end(check(), words.signed_out_heading, &[text])) } },
    )
}

/// The page if the form's content is no longer that of the request.
pub fn outdated(frame: &Frame<'_>, request: &RequestKey) -> Page {
    let words = Catalogue::of(frame.language);
    frame.page(
        words.trouble_heading,
        409,
        html! {
            main {
                (end(clock(), words.trouble_heading, &[html! { (words.outdated) }]))
                a.button href=(frame.back_to_request(request)) { (words.back_to_request) }
            }
        },
    )
}

fn sign_out(token: &str, language: Language, words: &Catalogue) -> Markup {
    html! {
        form method="post" action=(routes::LOGOUT) {
            input type="hidden" name="language" value=(language.tag());
            input type="hidden" name="session_token" value=(token);
            button.quiet type="submit" { (words.sign_out) }
        }
    }
}
