//! Whether a passkey is one that was enrolled here, and not one that was written into the table.

use ciba_aws::keys::{KmsError, WitnessReader};
use ciba_core::domain::person::enrollment_record::EnrollmentRecord;
use ciba_core::domain::person::passkey::Passkey;
use ciba_core::verify::webauthn::thumbprint;
use ciba_core::verify::witness::Purpose;

/// By what enrollments are told from forgeries.
pub struct Enrollments {
    /// The key of the function that enrols. `None` where there is none, and every passkey is taken as it is.
    pub key: Option<WitnessReader>,
    /// Whether a passkey from before there was such a key is taken as it is.
    pub accepts_unsigned: bool,
}

/// Why a passkey is not looked at any further. The texts are for the log.
#[derive(Clone, Debug)]
pub enum NotAuthentic {
    Forged(&'static str),
    /// It cannot be told now.
    Unavailable(KmsError),
}

impl Enrollments {
    /// 1. Whoever enrols signed the record that lies with the passkey.
    /// 2. The record is of this passkey as it is, public key included.
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
