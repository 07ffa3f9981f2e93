//! Enrolls a passkey for a person who has a ticket.

use std::time::Duration;

use serde_json::Value;

use crate::Invocation;
use crate::deciding::authentic_passkey::{Enrollments, NotAuthentic};
use crate::telling::announce::{Untold, announce};
use crate::telling::tell_person::TellPerson;
use ciba_aws::keys::{KmsError, Witness};
use ciba_aws::store::{PasskeyEnrolled, PasskeyEnrollment, StoreError, Table};
use ciba_core::domain::person::Person;
use ciba_core::domain::person::enrollment_record::EnrollmentRecord;
use ciba_core::domain::person::passkey::{Passkey, PasskeyId, Passkeys};
use ciba_core::domain::person::ticket::{Admission, Ticket, TicketKind, TicketSecret};
use ciba_core::domain::person::witnessed::Witnessed;
use ciba_core::domain::request::notification::PasskeyEvent;
use ciba_core::protocol::webauthn::{Assertion, Registration};
use ciba_core::verify::webauthn::{Asserted, NotAccepted, RelyingParty, thumbprint};

/// How many times an enrollment is attempted when the person's passkeys change in the meantime.
const TRIES: usize = 3;
/// The time reserved for the response, in case the announcement is not accepted.
const FOR_THE_ANSWER: Duration = Duration::from_secs(2);

/// Why no passkey is enrolled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotEnrolled {
    /// The ticket is unknown, used or expired, or its person is disabled or has the maximum number of passkeys.
    /// The text is for the log.
    #[error("{0}")]
    NotOpen(&'static str),
    /// An existing passkey has to sign, but no signature was sent.
    #[error("the signature of an existing passkey is required")]
    PasskeyRequired,
    #[error("{0}")]
    NotAccepted(String),
    #[error("the person's passkeys changed during every attempt")]
    Contended,
    /// The enrollment cannot be signed now, or it cannot be determined whether a passkey is genuine. The text is
    /// for the log.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KmsError> for NotEnrolled {
    fn from(error: KmsError) -> Self {
        Self::Unavailable(error.0)
    }
}

impl From<NotAccepted> for NotEnrolled {
    fn from(error: NotAccepted) -> Self {
        Self::NotAccepted(error.0)
    }
}

/// The options for the browser.
pub struct Offer {
    /// For creating the new passkey.
    pub creation: Value,
    /// For the signature of an existing passkey, if one has to confirm the new one.
    pub assertion: Option<Value>,
    /// Whether the person made the ticket by themselves.
    pub is_own: bool,
}

/// A passkey that was enrolled, and the channels that did not accept the announcement.
#[derive(Debug)]
pub struct PasskeyAdded {
    pub passkey: PasskeyId,
    pub untold: Vec<Untold>,
}

/// The dependencies of this flow.
pub struct EnrollPasskey<'a> {
    pub table: &'a Table,
    pub relying_party: &'a RelyingParty,
    pub tell: &'a TellPerson,
    pub operator_name: &'a str,
    /// Signs enrollments. `None` if enrollments are not signed.
    pub witness: Option<&'a Witness>,
    pub enrollments: &'a Enrollments,
}

/// A ticket that can be used, and its person.
struct Open {
    ticket: Ticket,
    person: Person,
    passkeys: Passkeys,
}

fn not_admitted(admission: Admission) -> NotEnrolled {
    NotEnrolled::NotOpen(match admission {
        Admission::ByOperator => "the person had passkeys before, and has none",
        Admission::Full | Admission::Alone | Admission::WithAssertion => {
            "the person has the maximum number of passkeys"
        }
    })
}

impl EnrollPasskey<'_> {
    /// The options that the page passes to the browser. Nothing is changed, and nothing is revealed about the
    /// person: the passkey is named after the operator.
    pub async fn offer(&self, secret: &TicketSecret, invocation: &Invocation) -> Result<Offer, NotEnrolled> {
        let ticket = self.find(secret, invocation).await?;
        if ticket.used_for.is_some() {
            return Err(NotEnrolled::NotOpen("the ticket was already used"));
        }
        let Open { ticket, passkeys, .. } = self.open(ticket).await?;
        let handle = passkeys.user_handle.as_bytes();
        let creation = self.relying_party.creation_options(&ticket.challenge, handle, self.operator_name);
        let assertion = match ticket.admission(&passkeys) {
            Admission::Alone => None,
            Admission::WithAssertion => {
                Some(self.relying_party.request_options(&ticket.assertion_challenge()))
            }
            refused @ (Admission::Full | Admission::ByOperator) => return Err(not_admitted(refused)),
        };
        Ok(Offer { creation, assertion, is_own: ticket.kind == TicketKind::Own })
    }

    /// 1. Read the ticket, its person and the data shared by the person's passkeys.
    /// 2. Verify the registration against the ticket's challenge.
    /// 3. If the ticket alone is not sufficient, verify the signature of an existing passkey.
    /// 4. Sign the enrollment record.
    /// 5. Use up the ticket, store the passkey with its record and count it, in one transaction. If something
    ///    changed in the meantime, start again.
    /// 6. Announce the enrollment to the person on all channels. A failure of SNS or the notifier undoes nothing.
    ///
    /// A repetition of the same registration with the same ticket gets the same response, because the first
    /// response may have been lost.
    pub async fn enroll(
        &self,
        secret: &TicketSecret,
        registration: &Registration,
        assertion: Option<&Assertion>,
        invocation: &Invocation,
    ) -> Result<PasskeyAdded, NotEnrolled> {
        for _ in 0..TRIES {
            let ticket = self.find(secret, invocation).await?;
            let new = self.relying_party.register(registration, &ticket.challenge);
            if let Some(used_for) = &ticket.used_for {
                return match new {
                    Ok(new) if new.id == *used_for => {
                        Ok(PasskeyAdded { passkey: new.id, untold: Vec::new() })
                    }
                    Ok(_) | Err(_) => Err(NotEnrolled::NotOpen("the ticket was already used")),
                };
            }
            let Open { ticket, person, passkeys } = self.open(ticket).await?;
            let mut new = new?.of(person.key.clone(), passkeys.user_handle, invocation.now);
            let vouching = match ticket.admission(&passkeys) {
                Admission::Alone => None,
                Admission::WithAssertion => Some(self.vouched(&ticket, &person, assertion).await?),
                refused @ (Admission::Full | Admission::ByOperator) => return Err(not_admitted(refused)),
            };
            new.is_self_enrolled = ticket.kind == TicketKind::Own;
            new.enrollment = self.signed(&new).await?;
            let vouching = vouching.as_ref().map(|(passkey, asserted)| (passkey, asserted));
            let write = &invocation.write_id;
            let enrollment = PasskeyEnrollment {
                ticket: &ticket,
                passkey: &new,
                passkeys: &passkeys,
                vouching,
                at: invocation.now,
            };
            match self.table.enrol_passkey(enrollment, write).await? {
                PasskeyEnrolled::Done => {
                    let untold = self.announce(&person, invocation).await;
                    return Ok(PasskeyAdded { passkey: new.id, untold });
                }
                PasskeyEnrolled::AlreadyThere => {
                    return Err(NotEnrolled::NotAccepted("the person has this passkey already".to_owned()));
                }
                PasskeyEnrolled::Changed => {}
            }
        }
        Err(NotEnrolled::Contended)
    }

    /// The ticket, used or not.
    async fn find(&self, secret: &TicketSecret, invocation: &Invocation) -> Result<Ticket, NotEnrolled> {
        let ticket = self.table.find_ticket(&secret.hash()).await?;
        let ticket = ticket.ok_or(NotEnrolled::NotOpen("there is no such ticket"))?;
        if ticket.is_in_time(invocation.now) {
            Ok(ticket)
        } else {
            Err(NotEnrolled::NotOpen("the ticket has expired"))
        }
    }

    async fn open(&self, ticket: Ticket) -> Result<Open, NotEnrolled> {
        let found = self.table.find_person_with_passkeys(&ticket.person).await?;
        let (person, passkeys) = found
            .filter(|(person, _)| person.active)
            .ok_or(NotEnrolled::NotOpen("the person is unknown or disabled"))?;
        if ticket.kind == TicketKind::Own && person.channels.is_empty() {
            return Err(NotEnrolled::NotOpen("the person has no channel"));
        }
        let passkeys = passkeys.ok_or(NotEnrolled::NotOpen("the person has no user handle"))?;
        Ok(Open { ticket, person, passkeys })
    }

    /// Step 3.
    async fn vouched(
        &self,
        ticket: &Ticket,
        person: &Person,
        assertion: Option<&Assertion>,
    ) -> Result<(Passkey, Asserted), NotEnrolled> {
        let assertion = assertion.ok_or(NotEnrolled::PasskeyRequired)?;
        let passkey = self.table.find_passkey(&person.key, &assertion.passkey_id()).await?;
        let passkey =
            passkey.ok_or_else(|| NotEnrolled::NotAccepted("the person has no such passkey".to_owned()))?;
        self.enrollments.check(&passkey).await.map_err(|error| match error {
            NotAuthentic::Forged(why) => NotEnrolled::NotAccepted(why.to_owned()),
            NotAuthentic::Unavailable(error) => error.into(),
        })?;
        let asserted = self.relying_party.verify(assertion, &passkey, &ticket.assertion_challenge())?;
        Ok((passkey, asserted))
    }

    /// Step 4.
    async fn signed(&self, passkey: &Passkey) -> Result<Option<Witnessed>, NotEnrolled> {
        let Some(witness) = self.witness else { return Ok(None) };
        let thumbprint = thumbprint(&passkey.credential);
        let thumbprint =
            thumbprint.ok_or_else(|| NotEnrolled::NotAccepted("the public key is malformed".to_owned()))?;
        let document = EnrollmentRecord::of(passkey, &thumbprint).encode();
        let witness = witness.of(&document).await?;
        Ok(Some(Witnessed { document, witness }))
    }

    async fn announce(&self, person: &Person, invocation: &Invocation) -> Vec<Untold> {
        let deadline = invocation.deadline.checked_sub(FOR_THE_ANSWER).unwrap_or(invocation.deadline);
        let (operator_name, event) = (self.operator_name, PasskeyEvent::Added);
        announce(self.tell, operator_name, person, event, deadline, invocation).await
    }
}
