//! Passkeys, with which a person approves requests (WebAuthn, "public key credential source").

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::base::authentication::Authentication;
use crate::domain::base::person_key::PersonKey;
use crate::domain::base::time::Timestamp;
use crate::domain::person::witnessed::Witnessed;

/// The most passkeys of a person: enough for all their devices, but not an ever-growing list.
pub const MAX_PASSKEYS: u32 = 10;

/// The classes of phishing-resistant authentication, and of phishing-resistant authentication with a key that
/// never leaves its hardware (OpenID Connect EAP ACR Values).
pub const PHISHING_RESISTANT: &str = "phr";
pub const PHISHING_RESISTANT_HARDWARE: &str = "phrh";

/// A passkey's name in the table and in logs: 22 characters of base64url.
///
/// It is a hash of the credential ID, because that may be 1023 bytes long and is chosen by the authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PasskeyId(String);

impl PasskeyId {
    /// The name of the passkey with this credential ID.
    pub fn of(credential_id: &[u8]) -> Self {
        let mut text = URL_SAFE_NO_PAD.encode(digest(&SHA256, credential_id));
        text.truncate(22);
        Self(text)
    }

    /// `None` if the text cannot be such a name.
    pub fn parse(text: &str) -> Option<Self> {
        let fits =
            text.len() == 22 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The authenticators' identifier for a person (WebAuthn §5.4.3, `user.id`): 32 random bytes, the same for all
/// passkeys of one person. It contains no personal data and does not change with the person's names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserHandle([u8; Self::BYTES]);

impl UserHandle {
    pub const BYTES: usize = 32;

    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for UserHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserHandle(…)")
    }
}

/// A person's passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    pub id: PasskeyId,
    pub person: PersonKey,
    pub user_handle: UserHandle,
    /// The public key and the library's other data about the credential, as JSON.
    pub credential: String,
    /// The authenticator's signature counter. Synced passkeys do not use it: theirs stays 0.
    pub counter: u32,
    /// The domain to which it is bound. It cannot be used for another one.
    pub rp_id: String,
    /// Whether the private key may leave its device, as with synced passkeys.
    pub backup_eligible: bool,
    /// Whether the manufacturer of the authenticator attests where the key is kept. No attestation is requested,
    /// so this is always `false` at present.
    pub attested: bool,
    pub created_at: Timestamp,
    /// Whether the person set it up after a login, and no operator verified their identity for it.
    pub is_self_enrolled: bool,
    pub last_used_at: Option<Timestamp>,
    /// The [`EnrollmentRecord`](crate::domain::person::enrollment_record::EnrollmentRecord), signed by the
    /// function that enrolled the passkey. `None` if there was no key for that at the time.
    pub enrollment: Option<Witnessed>,
}

impl Passkey {
    /// From when on it has existed for so long that the person would have noticed if an attacker had enrolled it.
    pub fn seasoned_at(&self, seasoning: Duration) -> Timestamp {
        self.created_at.plus(seasoning)
    }

    /// Whether the key may leave its device, after a use in which its authenticator reported the flag as `says`.
    /// `None` if the use is not accepted.
    ///
    /// WebAuthn §6.1.3 defines the flag as fixed. In practice, platforms and password managers start to sync
    /// existing keys, and the flag counts from then on. It is never reset, because copies cannot be recalled.
    pub const fn backup_eligible_after(&self, says: bool) -> Option<bool> {
        match (self.backup_eligible, says) {
            (true, false) => None,
            (_, says) => Some(says),
        }
    }

    /// The authentication that its use at `at` proves. User verification is required for every use.
    ///
    /// A key that may be copied, or that has no attestation of where it is kept, does not count as a hardware
    /// key.
    pub fn authentication(&self, at: Timestamp) -> Authentication {
        Self::authentication_of(self.attested && !self.backup_eligible, at)
    }

    /// The longest authentication that tokens can contain for the use of a passkey.
    pub fn fullest(at: Timestamp) -> Authentication {
        Self::authentication_of(true, at)
    }

    fn authentication_of(in_hardware: bool, at: Timestamp) -> Authentication {
        let (acr, key) =
            if in_hardware { (PHISHING_RESISTANT_HARDWARE, "hwk") } else { (PHISHING_RESISTANT, "swk") };
        Authentication {
            auth_time: at,
            acr: Some(acr.to_owned()),
            amr: [key, "user"].map(str::to_owned).into(),
        }
    }
}

/// The common data of a person's passkeys. The version changes whenever a passkey is added or removed, so that a
/// single conditional write can require that the person has no passkey yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkeys {
    pub user_handle: UserHandle,
    pub version: u64,
    pub count: u32,
}

/// A passkey whose registration was accepted, before it is assigned to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    pub id: PasskeyId,
    pub credential: String,
    pub counter: u32,
    pub rp_id: String,
    pub backup_eligible: bool,
    pub attested: bool,
}

impl NewPasskey {
    pub fn of(self, person: PersonKey, user_handle: UserHandle, at: Timestamp) -> Passkey {
        Passkey {
            id: self.id,
            person,
            user_handle,
            credential: self.credential,
            counter: self.counter,
            rp_id: self.rp_id,
            backup_eligible: self.backup_eligible,
            attested: self.attested,
            created_at: at,
            is_self_enrolled: false,
            last_used_at: None,
            enrollment: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passkey(attested: bool, backup_eligible: bool) -> Passkey {
        let new = NewPasskey {
            id: PasskeyId::of(b"credential"),
            credential: "{}".to_owned(),
            counter: 0,
            rp_id: "op.example".to_owned(),
            backup_eligible,
            attested,
        };
        let handle = UserHandle::from_bytes([7; UserHandle::BYTES]);
        new.of(PersonKey::new("i", "v"), handle, Timestamp::from_seconds(1000))
    }

    #[test]
    fn a_passkey_is_named_by_a_hash_of_its_credential_id() {
        let id = PasskeyId::of(&[1; 1023]);
        assert_eq!(id.as_str().len(), 22);
        assert_eq!(PasskeyId::parse(id.as_str()), Some(id.clone()));
        assert_ne!(PasskeyId::of(&[1; 1022]), id);
        for text in ["", "short", "AAAAAAAAAAAAAAAAAAAAA#", "AAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(PasskeyId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_an_attested_key_that_cannot_be_copied_is_hardware() {
        let at = Timestamp::from_seconds(2000);
        for (attested, backup_eligible, acr, key) in [
            (true, false, "phrh", "hwk"),
            (true, true, "phr", "swk"),
            (false, false, "phr", "swk"),
            (false, true, "phr", "swk"),
        ] {
            let authentication = passkey(attested, backup_eligible).authentication(at);
            assert_eq!(authentication.acr.as_deref(), Some(acr));
            assert_eq!(authentication.amr, [key, "user"]);
            assert_eq!(authentication.auth_time, at, "of the ceremony, not of the enrollment");
        }
    }

    #[test]
    fn a_key_begins_to_be_synced_at_most_once() {
        for (before, says, after) in [
            (false, false, Some(false)),
            (false, true, Some(true)),
            (true, true, Some(true)),
            (true, false, None),
        ] {
            assert_eq!(passkey(false, before).backup_eligible_after(says), after, "{before} {says}");
        }
    }

    /// ATK-7-05
    #[test]
    fn a_passkey_is_seasoned_exactly_when_its_time_has_passed() {
        let (passkey, day) = (passkey(false, true), Duration::from_secs(86400));
        assert_eq!(passkey.seasoned_at(day), Timestamp::from_millis(1_000_000 + 86_400_000));
        assert_eq!(passkey.seasoned_at(Duration::ZERO), passkey.created_at);
        assert!(!format!("{passkey:?}").contains("7, 7"), "the handle is not for logs");
    }
}
