//! The pages that a person's browser shows. Each is a single response with inline style and script, and reading one
//! changes nothing.
//!
//! 1. A view holds the values to be shown; a page is rendered from a view and a nonce, and from nothing else.
//! 2. All texts come from the [`catalogue`], in the person's [`Language`]; a client's own text is marked and
//!    escaped.
//! 3. Without JavaScript a page can be read, a request declined, and approved after logging in. A passkey's signature
//!    needs JavaScript.
//!
//! [`TEMPLATE_VERSION`] identifies the texts and their layout; it is part of what a person signs on approval.

mod answered;
mod catalogue;
mod consent;
mod enrollment;
mod layout;
mod login;
mod message;
mod words;

pub use answered::{AnsweredView, answered};
pub use consent::{
    AuthorizationLine, ConsentView, PasskeyView, ScopeLine, consent, resource_words, scope_words,
};
pub use enrollment::{EnrollmentView, enrollment, ticket_not_open, ticket_path};
pub use layout::LANGUAGE_PARAMETER;
pub use login::{
    ApprovingForm, Frame, LoginProblem, LoginView, MeForms, choose_issuer, login_failed, login_path, me,
    me_path, no_passkey, nobody, outdated, page_path, selected, signed_out, someone_else,
};
pub use message::{declined, not_open, trouble};
pub use words::Operator;

pub use crate::domain::base::language::{Language, weight};

/// Identifies all texts and markup of the pages. It is the start of a digest over them, so every change needs a new
/// version.
pub const TEMPLATE_VERSION: &str = "PmBCL87ss9Io";

/// A page, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub html: String,
    /// Carried by the style and script elements and allowed by the response's Content Security Policy.
    pub nonce: String,
    pub status: u16,
    pub language: Language,
}

#[cfg(test)]
mod tests;
