//! Checks that a passkey was enrolled by this provider, and not merely written into the table.

use ciba_aws::keys::{KmsError, WitnessReader};
use ciba_core::domain::person::enrollment_record::EnrollmentRecord;
use ciba_core::domain::person::passkey::Passkey;
use ciba_core::verify::webauthn::thumbprint;
use ciba_core::verify::witness::Purpose;

/// The key and the setting with which enrollments are verified.
pub struct Enrollments {
    /// The key of the function that enrolls. `None` if there is no such key, and every passkey is accepted.
    pub key: Option<WitnessReader>,
    /// Whether a passkey that was enrolled before there was such a key is accepted.
    pub accepts_unsigned: bool,
}

/// Why a passkey is not accepted. The texts are for the log.
#[derive(Clone, Debug)]
pub enum NotAuthentic {
    Forged(&'static str),
    /// This cannot be determined now.
    Unavailable(KmsError),
}

impl Enrollments {
    /// 1. The enrollment record stored with the passkey is signed by the function that enrolls.
    /// 2. The record describes this passkey as it is, including its public key.
    pub async fn check(&self, passkey: &Passkey) -> Result<(), NotAuthentic> {
        let Some(reader) = &self.key else { return Ok(()) };
        let Some(enrollment) = &passkey.enrollment else {
            return if self.accepts_unsigned {
                Ok(())
            } else {
                Err(NotAuthentic::Forged("the passkey has no signed enrollment"))
            };
        };
        let key = reader.key().await.map_err(NotAuthentic::Unavailable)?;
        if !key.verifies(Purpose::Enrollment, &enrollment.document, &enrollment.witness) {
            return Err(NotAuthentic::Forged("the enrollment of the passkey is not signed by this provider"));
        }
        let record = EnrollmentRecord::decode(&enrollment.document);
        let thumbprint = thumbprint(&passkey.credential);
        if record.zip(thumbprint).is_some_and(|(record, thumbprint)| record.is_of(passkey, &thumbprint)) {
            Ok(())
        } else {
            Err(NotAuthentic::Forged("the passkey is not the one that was enrolled"))
        }
    }
}
