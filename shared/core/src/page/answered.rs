//! The page of a request that the person answered earlier, if they are logged in. For everybody else, all requests that are
//! not open have the same page.

use std::time::Duration;

use maud::{Markup, html};

use super::Page;
use super::catalogue::Catalogue;
use super::layout::{check, clock, cross, end};
use super::login::{ApprovingForm, Frame};
use super::words::{Names, asked};
use crate::domain::request::answer::Answer;

/// The contents of the page.
pub struct AnsweredView<'a> {
    pub answer: Answer,
    pub client_name: &'a str,
    pub client_id: &'a str,
    /// What the request was about, if that is known.
    pub headline: Option<&'a str>,
    pub answered_ago: Duration,
    /// `/consent/<request>`
    pub path: &'a str,
    /// `shown` is the digest of the receipt.
    pub form: ApprovingForm<'a>,
}

pub fn answered(frame: &Frame<'_>, view: &AnsweredView<'_>) -> Page {
    let words = Catalogue::of(frame.language);
    let names = Names { client: view.client_name, operator: frame.operator };
    let (sign, heading, text) = match view.answer {
        Answer::Approved => (check(), words.approved_heading, words.approved_text),
        Answer::Ended => (clock(), words.taken_back_heading, words.taken_back_text),
        Answer::Declined { makes_it_wait: true } => (cross(), words.declined_heading, words.declined_text),
        Answer::Declined { makes_it_wait: false } => {
            (cross(), words.declined_heading, words.decline_taken_back_text)
        }
        Answer::Reported => (check(), words.reported_heading, words.reported_text),
    };
    let about = match view.headline {
        Some(headline) => html! { strong dir="auto" { (headline) } },
        None => html! { strong { (names.fill(words.requested_by)) } },
    };
    let when = html! { (asked(frame.language, view.answered_ago)) };
    let form = view.answer.can_be_taken_back().then(|| taking_back(view, words));
    frame.page(
        heading,
        200,
        html! { main { (end(sign, heading, &[about, names.fill(text), when])) (form.unwrap_or_default()) } },
    )
}

/// A plain form, so that it works without script. Its button is quiet: it is not what people come for.
fn taking_back(view: &AnsweredView<'_>, words: &Catalogue) -> Markup {
    let ApprovingForm { form_token, shown, language } = view.form;
    html! {
        form.mistake method="post" action=(format!("{}/decision", view.path)) autocomplete="off" {
            p { (words.mistake_text) }
            input type="hidden" name="decision" value="take_back";
            input type="hidden" name="client_id" value=(view.client_id);
            input type="hidden" name="language" value=(language.tag());
            input type="hidden" name="shown" value=(shown);
            input type="hidden" name="session_token" value=(form_token);
            button.quiet type="submit" { (words.mistake) }
        }
    }
}
