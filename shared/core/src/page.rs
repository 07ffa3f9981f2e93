//! What a person's browser shows: pages as one answer each, with style and script inside, that change nothing when read.
//!
//! 1. A view says what is to be shown, in values; a page is made of a view and a nonce, and of nothing else.
//! 2. All words come from the [`catalogue`], in the person's [`Language`]; what a client wrote is marked and escaped.
//! 3. Without script a page can be read, and a request be declined. Approving is a passkey's signature, so it needs one.
//!
//! [`TEMPLATE_VERSION`] names the words and their arrangement: what a person approves is signed with it.

mod catalogue;
mod consent;
mod enrollment;
mod language;
mod layout;
mod message;
mod words;

pub use consent::{
    AuthorizationLine, ConsentView, PasskeyView, ScopeLine, consent, resource_words, scope_words,
};
pub use enrollment::{EnrollmentView, enrollment, ticket_not_open};
pub use language::Language;
pub use language::weight;
pub use message::{declined, not_open, trouble};

/// Names all words and all markup of the pages: the start of a digest over them, so that no change goes without a new
/// name.
pub const TEMPLATE_VERSION: &str = "uk_LaZijh5LH";

/// A page, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub html: String,
    /// What style and script carry, and the policy in the response's header allows.
    pub nonce: String,
    pub status: u16,
    pub language: Language,
}

#[cfg(test)]
mod tests;
