//! The record of a passkey's enrollment: the registered key, the person and the time.
//!
//! The function that enrolls passkeys signs it with a key in KMS that no other function and no person may use. It
//! is stored twice: with the passkey, where it is checked before a signature is accepted, and in a separate item
//! that is never updated, for disputes about evidence.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::domain::person::passkey::Passkey;

/// The properties of a passkey that never change. The JSON text is kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollmentRecord {
    pub version: u8,
    /// The key of the person's entry in the table.
    pub person: String,
    /// The passkey's name: a hash of its credential ID.
    pub passkey: String,
    /// The thumbprint (RFC 7638) of its public key.
    pub thumbprint: String,
    /// In base64url.
    pub user_handle: String,
    pub rp_id: String,
    pub backup_eligible: bool,
    pub attested: bool,
    /// Unit: milliseconds since the epoch.
    pub at: i64,
    /// Whether the person set it up after a login.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub self_enrolled: bool,
}

impl EnrollmentRecord {
    pub const VERSION: u8 = 1;

    /// The record of `passkey`, whose public key has this thumbprint.
    pub fn of(passkey: &Passkey, thumbprint: &str) -> Self {
        Self {
            version: Self::VERSION,
            person: passkey.person.as_str().to_owned(),
            passkey: passkey.id.as_str().to_owned(),
            thumbprint: thumbprint.to_owned(),
            user_handle: URL_SAFE_NO_PAD.encode(passkey.user_handle.as_bytes()),
            rp_id: passkey.rp_id.clone(),
            backup_eligible: passkey.backup_eligible,
            attested: passkey.attested,
            at: passkey.created_at.millis(),
            self_enrolled: passkey.is_self_enrolled,
        }
    }

    /// Whether this is the record of `passkey` as it is now, with this thumbprint. A device-bound key may have
    /// become synced since then, but not the other way around.
    pub fn is_of(&self, passkey: &Passkey, thumbprint: &str) -> bool {
        let now = Self::of(passkey, thumbprint);
        let is_free_to = now.backup_eligible || !self.backup_eligible;
        is_free_to && *self == Self { backup_eligible: self.backup_eligible, ..now }
    }

    /// The JSON text of the record.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    /// `None` if the text is not a record of this version.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|record: &Self| record.version == Self::VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::person_key::PersonKey;
    use crate::domain::base::time::Timestamp;
    use crate::domain::person::passkey::{NewPasskey, PasskeyId, UserHandle};

    /// ATK-7-05: everything about a passkey that a forger could change is in its record.
    #[test]
    fn a_record_has_all_of_a_passkey_that_never_changes() {
        let passkey = || {
            let new = NewPasskey {
                id: PasskeyId::of(b"credential"),
                credential: "{}".to_owned(),
                counter: 7,
                rp_id: "op.example".to_owned(),
                backup_eligible: true,
                attested: false,
            };
            let handle = UserHandle::from_bytes([7; UserHandle::BYTES]);
            new.of(PersonKey::new("i", "v"), handle, Timestamp::from_seconds(1000))
        };
        let record = EnrollmentRecord::of(&passkey(), "thumb");
        assert_eq!(EnrollmentRecord::decode(&record.encode()), Some(record.clone()));
        let other = |change: &dyn Fn(&mut Passkey)| {
            let mut passkey = passkey();
            change(&mut passkey);
            !record.is_of(&passkey, "thumb")
        };
        assert!(other(&|it| it.person = PersonKey::new("i", "w")), "person");
        assert!(other(&|it| it.id = PasskeyId::of(b"other")), "credential id");
        assert!(other(&|it| it.user_handle = UserHandle::from_bytes([8; 32])), "user handle");
        assert!(other(&|it| it.rp_id = "other.example".to_owned()), "domain");
        assert!(other(&|it| it.backup_eligible = false), "whether it may be copied");
        assert!(other(&|it| it.attested = true), "attestation");
        assert!(other(&|it| it.created_at = Timestamp::from_seconds(999)), "age");
        assert!(other(&|it| it.is_self_enrolled = true), "who set it up");
        assert!(!record.is_of(&passkey(), "other"), "key");
        let bound = EnrollmentRecord { backup_eligible: false, ..record.clone() };
        assert!(bound.is_of(&passkey(), "thumb"), "it began to be synced");
        assert!(!other(&|it| (it.counter, it.credential) = (8, "{ }".to_owned())), "what its use changes");
        assert_eq!(EnrollmentRecord::decode(&record.encode().replace(":1,", ":2,")), None);
    }
}
