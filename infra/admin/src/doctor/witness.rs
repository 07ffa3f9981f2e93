//! Checks that evidence has a witness if a client relies on passkeys.

use ciba::config::{Environment, WitnessSettings};
use ciba::keys::{Kms, KmsError, WitnessReader};
use ciba::store::Table;

use super::parties::EVALUATE;
use super::report::{Check, fault, ok, warning};
use super::table::unreachable;

const NAME: &str = "witness";

/// A client requires passkeys so that approvals can be proven afterwards.
pub(super) async fn look_at_witness(environment: &Environment, kms: &Kms, table: &Table) -> Check {
    let keys = [
        ("EVIDENCE_KEY_ID", WitnessSettings::evidence_key(environment)),
        ("ENROLLMENT_KEY_ID", WitnessSettings::enrollment_key(environment)),
    ];
    for (setting, key) in keys {
        let Some(key) = key else { continue };
        if let Err(KmsError(why)) = WitnessReader::new(kms, key).key().await {
            return fault(
                NAME,
                format!("{setting}: {why}"),
                "deploy with EvidenceWitness=kms, and set it to the output EvidenceKeyArn or EnrollmentKeyArn; without the key \
                 decisions and enrollments fail",
            );
        }
    }
    if let [(_, Some(_)), (_, Some(_))] = keys {
        return ok(NAME, "evidence and enrollments are signed by keys in KMS");
    }
    let mut relies = None;
    let looked = table.for_each_active_client(EVALUATE, |client| {
        if client.requires_passkey || client.high_risk_scope.is_some() {
            relies.get_or_insert_with(|| client.id.as_str().to_owned());
        }
    });
    match (looked.await, relies) {
        (Err(error), _) => unreachable(NAME, &error),
        (Ok(_), None) => ok(NAME, "no witness is configured, and no client requires passkeys"),
        (Ok(_), Some(client)) => warning(
            NAME,
            format!(
                "client {client} requires passkeys, but evidence or enrollments have no witness: anyone with write access to \
                 the table can forge them"
            ),
            "deploy with EvidenceWitness=auto or kms, and set EVIDENCE_KEY_ID and ENROLLMENT_KEY_ID here",
        ),
    }
}
