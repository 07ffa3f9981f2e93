//! All texts of all pages. Each language is a value of one struct, so a missing text does not compile.
//!
//! `{client}` and `{operator}` are replaced by their names, `{contact}` by a link to the operator, `{n}` and `{total}` by a number, `{time}` by a duration, and
//! `{value}` by a scope value
//! or an amount.

mod ar;
mod de;
mod en;
mod es;
mod fr;
mod it;
mod ja;
mod nl;
mod pl;
mod pt;
mod sv;

use super::Language;

/// A text in the forms that a language has for numbers, under the names that Unicode's plural rules give them.
/// `words.rs` selects one by the number.
#[derive(Debug)]
pub(super) struct Plural {
    pub(super) zero: &'static str,
    pub(super) one: &'static str,
    pub(super) two: &'static str,
    pub(super) few: &'static str,
    pub(super) many: &'static str,
    /// Every number without a form of its own.
    pub(super) other: &'static str,
}

/// The forms that a language does not have. Most have two: `one` and `other`.
const TWO_FORMS: Plural = Plural { zero: "", one: "", two: "", few: "", many: "", other: "" };

#[derive(Debug)]
pub(super) struct Catalogue {
    // On every page.
    pub(super) never_asked: &'static str,

    // Time.
    pub(super) hours: Plural,
    pub(super) minutes: Plural,
    pub(super) seconds: Plural,
    pub(super) asked_now: &'static str,
    pub(super) asked_seconds: Plural,
    pub(super) asked_minutes: Plural,
    pub(super) asked_hours: Plural,

    // The request.
    pub(super) consent_title: &'static str,
    pub(super) consent_heading: &'static str,
    /// Under a headline, which does not name the client.
    pub(super) requested_by: &'static str,
    /// With `{time}`.
    pub(super) time_left: &'static str,
    pub(super) message_from: &'static str,
    pub(super) message_advice: &'static str,
    /// Instead of a message.
    pub(super) nothing_to_compare: &'static str,
    /// The place of one of several entries, with `{n}` and `{total}`.
    pub(super) entry_of: &'static str,
    /// The sum of all entries, with `{value}`.
    pub(super) sum: &'static str,
    pub(super) context_heading: &'static str,
    pub(super) context_advice: &'static str,
    pub(super) scopes_heading: &'static str,
    pub(super) scopes_advice: &'static str,
    pub(super) required: &'static str,
    pub(super) details_heading: &'static str,
    /// An API that the tokens are issued for.
    pub(super) resource: &'static str,

    // What a scope value grants.
    pub(super) scope_openid: &'static str,
    pub(super) scope_profile: &'static str,
    pub(super) scope_email: &'static str,
    pub(super) scope_address: &'static str,
    pub(super) scope_phone: &'static str,
    pub(super) scope_offline_access: &'static str,
    pub(super) scope_other: &'static str,

    // Deciding.
    pub(super) advice: &'static str,
    pub(super) approve: &'static str,
    pub(super) decline: &'static str,
    pub(super) approve_how: &'static str,
    pub(super) approve_seasoned: &'static str,
    pub(super) approve_unable: &'static str,
    pub(super) approve_in_app: &'static str,
    pub(super) report_heading: &'static str,
    pub(super) report_text: &'static str,
    pub(super) report: &'static str,
    pub(super) report_otherwise: &'static str,

    // While the decision is being made.
    pub(super) confirm: &'static str,
    pub(super) sending: &'static str,
    pub(super) cancelled: &'static str,
    pub(super) offline: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) not_accepted: &'static str,
    pub(super) too_new: &'static str,
    pub(super) refused: &'static str,
    pub(super) outdated: &'static str,
    pub(super) late: &'static str,
    /// After a second attempt that failed.
    pub(super) another_way: &'static str,

    // Final messages.
    pub(super) approved_heading: &'static str,
    pub(super) approved_text: &'static str,
    pub(super) declined_heading: &'static str,
    pub(super) declined_text: &'static str,
    pub(super) declined_call: &'static str,
    pub(super) reported_heading: &'static str,
    pub(super) reported_text: &'static str,
    pub(super) closed_heading: &'static str,
    pub(super) closed_text: &'static str,
    /// Instead of `closed_text` if the answer was given on this device.
    pub(super) answered_here: &'static str,
    pub(super) mistake: &'static str,
    pub(super) mistake_text: &'static str,
    pub(super) taken_back_heading: &'static str,
    pub(super) taken_back_text: &'static str,
    pub(super) decline_taken_back_text: &'static str,
    pub(super) not_taken_back: &'static str,
    pub(super) see_answer: &'static str,
    pub(super) trouble_heading: &'static str,
    pub(super) trouble_text: &'static str,

    // Setting up a passkey.
    pub(super) enrollment_heading: &'static str,
    pub(super) enrollment_text: &'static str,
    pub(super) steps_heading: &'static str,
    pub(super) step_existing: &'static str,
    pub(super) step_create: &'static str,
    pub(super) step_told: &'static str,
    pub(super) step_waits: &'static str,
    pub(super) ticket_advice: &'static str,
    pub(super) use_existing: &'static str,
    pub(super) create: &'static str,
    pub(super) create_unable: &'static str,
    pub(super) confirmed: &'static str,
    pub(super) not_created: &'static str,
    pub(super) already: &'static str,
    pub(super) enrollment_not_accepted: &'static str,
    pub(super) enrolled_heading: &'static str,
    pub(super) enrolled_text: &'static str,
    pub(super) ticket_closed_heading: &'static str,
    pub(super) ticket_closed_text: &'static str,

    // Logging in.
    /// The link beside Decline, for a person who has not logged in.
    pub(super) sign_in: &'static str,
    pub(super) sign_in_how: &'static str,
    pub(super) approve_signed_in: &'static str,
    pub(super) sign_in_again: &'static str,
    pub(super) choose_heading: &'static str,
    pub(super) choose_text: &'static str,
    pub(super) login_outdated_heading: &'static str,
    pub(super) login_outdated_text: &'static str,
    pub(super) login_cancelled_heading: &'static str,
    pub(super) login_cancelled_text: &'static str,
    pub(super) login_refused_heading: &'static str,
    pub(super) login_refused_text: &'static str,
    pub(super) login_down_heading: &'static str,
    pub(super) login_down_text: &'static str,
    pub(super) someone_else_heading: &'static str,
    pub(super) someone_else_text: &'static str,
    pub(super) sign_out: &'static str,
    pub(super) signed_out_heading: &'static str,
    pub(super) signed_out_text: &'static str,
    pub(super) me_heading: &'static str,
    /// With `{client}`: the name of the login issuer.
    pub(super) me_text: &'static str,
    pub(super) me_passkey_text: &'static str,
    pub(super) no_passkey_heading: &'static str,
    pub(super) no_passkey_text: &'static str,
    pub(super) me_sign_in: &'static str,
    pub(super) me_back: &'static str,
    pub(super) step_waits_own: &'static str,
    pub(super) me_nobody_heading: &'static str,
    pub(super) me_nobody_text: &'static str,
    pub(super) back_to_request: &'static str,
}

impl Catalogue {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &en::ENGLISH,
            Language::German => &de::GERMAN,
            Language::French => &fr::FRENCH,
            Language::Spanish => &es::SPANISH,
            Language::Italian => &it::ITALIAN,
            Language::Dutch => &nl::DUTCH,
            Language::Polish => &pl::POLISH,
            Language::Portuguese => &pt::PORTUGUESE,
            Language::Swedish => &sv::SWEDISH,
            Language::Japanese => &ja::JAPANESE,
            Language::Arabic => &ar::ARABIC,
        }
    }
}
