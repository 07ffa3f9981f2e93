//! Enrollment tickets: a link with which one passkey is created for one person.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::base::person_key::PersonKey;
use crate::domain::base::time::Timestamp;
use crate::domain::person::passkey::{MAX_PASSKEYS, PasskeyId, Passkeys};

/// How long a ticket can be used. It is short, because the person is already waiting for the ticket.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The last part of an enrollment link: 128 random bits, written as 22 characters of base64url.
///
/// # Security
/// Anybody who has it can create the first passkey of its person. An operator hands it over after verifying the
/// person's identity, and only its [`TicketHash`] is stored.
#[derive(Clone)]
pub struct TicketSecret(String);

impl TicketSecret {
    pub const BYTES: usize = 16;

    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// `None` for anything but 22 characters of canonical base64url, so that one ticket has one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self::from_bytes)
    }

    /// The only access to the text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> TicketHash {
        TicketHash(URL_SAFE_NO_PAD.encode(digest(&SHA256, self.0.as_bytes())))
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(…)")
    }
}

/// A ticket's name in the table: SHA-256 in base64url. It cannot be used as a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketHash(String);

impl TicketHash {
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kind of a ticket, which determines its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketKind {
    /// The first passkey, or a further one together with a signature by an existing one.
    First,
    /// A further passkey without such a signature: the person may have lost the others, and an operator has
    /// verified their identity again.
    Further,
    /// Made by the person after a login. It creates their very first passkey, or a further one together with a signature
    /// by an existing one.
    Own,
}

impl TicketKind {
    pub const ALL: [Self; 3] = [Self::First, Self::Further, Self::Own];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Further => "further",
            Self::Own => "own",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A ticket as it is stored.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub hash: TicketHash,
    pub person: PersonKey,
    pub kind: TicketKind,
    /// The random challenge for the new passkey's registration. It is the same each time the page is loaded.
    pub challenge: [u8; 32],
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The passkey that was created with it.
    pub used_for: Option<PasskeyId>,
}

/// The condition for creating a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Alone,
    /// An existing passkey has to sign.
    WithAssertion,
    /// The person already has the most passkeys allowed.
    Full,
    /// The person had passkeys and has none any more. A login alone does not replace them; an operator does.
    ByOperator,
}

impl Ticket {
    pub fn new(
        secret: &TicketSecret,
        person: PersonKey,
        kind: TicketKind,
        challenge: [u8; 32],
        now: Timestamp,
    ) -> Self {
        Self {
            hash: secret.hash(),
            person,
            kind,
            challenge,
            created_at: now,
            expires_at: now.plus(LIFETIME),
            used_for: None,
        }
    }

    pub fn is_in_time(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// The condition for using the ticket. A stolen link alone cannot add a passkey if the person already has one, and a
    /// login alone cannot if they ever had one.
    pub fn admission(&self, passkeys: &Passkeys) -> Admission {
        match (passkeys.count, self.kind) {
            (MAX_PASSKEYS.., _) => Admission::Full,
            (1.., TicketKind::First | TicketKind::Own) => Admission::WithAssertion,
            (0, TicketKind::Own) if passkeys.version > 0 => Admission::ByOperator,
            (_, TicketKind::First | TicketKind::Further | TicketKind::Own) => Admission::Alone,
        }
    }

    /// The challenge for the existing passkey that authorizes the new one. It differs from the new passkey's
    /// challenge, so that neither response can be used in place of the other.
    pub fn assertion_challenge(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(b"ciba enrolment 1\0");
        context.update(&self.challenge);
        let mut challenge = [0; 32];
        challenge.copy_from_slice(context.finish().as_ref());
        challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::person::passkey::UserHandle;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn ticket(kind: TicketKind) -> Ticket {
        let secret = TicketSecret::from_bytes([0xfe; 16]);
        Ticket::new(&secret, PersonKey::new("i", "v"), kind, [5; 32], NOW)
    }

    #[test]
    fn a_ticket_has_one_spelling_of_22_characters_and_is_not_shown() {
        let secret = TicketSecret::from_bytes([0xfe; 16]);
        let text = secret.expose();
        assert_eq!(text.len(), 22);
        assert_eq!(TicketSecret::parse(text).unwrap().expose(), text);
        for other in [format!("{}h", &text[..21]), format!("{text}="), text[..20].to_owned(), String::new()] {
            assert!(TicketSecret::parse(&other).is_none(), "{other}");
        }
        assert!(!format!("{secret:?} {:?}", secret.hash()).contains(text));
        assert_eq!(secret.hash().as_str().len(), 43);
    }

    #[test]
    fn a_ticket_ends_after_15_minutes() {
        let ticket = ticket(TicketKind::First);
        assert!(ticket.is_in_time(Timestamp::from_millis(NOW.millis() + 899_999)));
        assert!(!ticket.is_in_time(Timestamp::from_millis(NOW.millis() + 900_000)));
    }

    /// ATK-7-05: the first passkey needs only a ticket.
    #[test]
    fn a_further_passkey_needs_an_assertion_or_an_operators_ticket() {
        use Admission::{Alone, Full, WithAssertion};
        for (count, first, further) in
            [(0, Alone, Alone), (1, WithAssertion, Alone), (9, WithAssertion, Alone), (10, Full, Full)]
        {
            let user_handle = UserHandle::from_bytes([1; 32]);
            let passkeys = Passkeys { user_handle, version: 1, count };
            assert_eq!(ticket(TicketKind::First).admission(&passkeys), first, "{count}");
            assert_eq!(ticket(TicketKind::Further).admission(&passkeys), further, "{count}");
        }
    }

    /// ATK-7-05: nobody is first twice.
    #[test]
    fn a_login_alone_makes_the_very_first_passkey_only() {
        let user_handle = UserHandle::from_bytes([1; 32]);
        for (count, version, expected) in [
            (0, 0, Admission::Alone),
            (0, 2, Admission::ByOperator),
            (1, 1, Admission::WithAssertion),
            (10, 10, Admission::Full),
        ] {
            let passkeys = Passkeys { user_handle, version, count };
            assert_eq!(ticket(TicketKind::Own).admission(&passkeys), expected, "{count} {version}");
        }
    }

    #[test]
    fn an_enrollments_two_signatures_have_different_challenges() {
        let ticket = ticket(TicketKind::First);
        assert_ne!(ticket.assertion_challenge(), ticket.challenge);
    }

    #[test]
    fn a_kind_is_read_back_by_its_name() {
        for kind in TicketKind::ALL {
            assert_eq!(TicketKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(TicketKind::parse("any"), None);
    }
}
