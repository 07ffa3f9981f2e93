//! The table, and the keys in it.

use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::domain::base::time::Timestamp;
use ciba::domain::issuer::key_schedule::{Scheduled, current};
use ciba::keys::Kms;
use ciba::store::{KeyRecord, KeyUse, StoreError, Table};

use super::report::{Check, fault, ok};
use crate::key::{self, is_overdue};
use crate::screen::utc;

const DEPLOY: &str = "deploy template.yaml again: it defines the table";
const PROTECT: &str = "deploy with DeletionProtection=true, as make deploy does";
const ROTATE: &str = "invoke key-rotation: sam remote invoke KeyRotationFunction --stack-name <stack>, or ciba-admin \
                      key rotate; if the function fails, its log says why";
const IN_KMS: &str = "enable it in KMS, or cancel its deletion there; if it is lost for good, ciba-admin key rotate --emergency \
                      replaces it; the credentials need kms:GetPublicKey";

/// Checks the table; `true` if it can be read.
pub(super) async fn look_at_table(table: &Table, checks: &mut Vec<Check>) -> bool {
    let state = match table.describe().await {
        Ok(state) => state,
        Err(error) => {
            checks.push(unreachable("table", &error));
            return false;
        }
    };
    let name = table.name();
    let mut check = |check, holds, good: &str, bad: &str, remedy: &str| {
        let describe = |what: &str| format!("{name} {what}");
        checks.push(if holds { ok(check, describe(good)) } else { fault(check, describe(bad), remedy) });
    };
    check("table", state.is_active, "can be reached", "is not active", "wait until DynamoDB has created it");
    let other = "TABLE_NAME is not this provider's table: set it to the output TableName of the stack";
    check("table_keys", state.has_keys, "has the keys pk and sk", "has keys other than pk and sk", other);
    let without = "has no readable index pending-by-user: people cannot see their pending requests";
    check("table_index", state.has_pending_index, "has the index pending-by-user", without, DEPLOY);
    let kept = "has no TTL on the attribute ttl: expired items are kept for ever";
    check("table_ttl", state.sweeps_ttl, "has a TTL on the attribute ttl", kept, DEPLOY);
    let open = "can be deleted with a single call, and clients, people, evidence and keys with it";
    check("table_protection", state.is_protected_from_deletion, "is protected from deletion", open, PROTECT);
    state.has_keys
}

pub(super) fn unreachable(name: &'static str, error: &StoreError) -> Check {
    let detail = error.detail();
    let remedy = if detail.contains("ResourceNotFoundException") {
        "there is no table of this name in this account and region: set TABLE_NAME, AWS_REGION and the credentials \
         to those of the stack"
    } else if detail.contains("no connection") || detail.contains("no answer") {
        "check the network, AWS_REGION and AWS_ENDPOINT_URL_DYNAMODB"
    } else {
        "check that the credentials have not expired and have the permissions in infra/admin/README.md"
    };
    fault(name, detail, remedy)
}

/// A signing key, by its algorithm and its `kid`.
pub(super) type Signing = (JwsAlgorithm, String);

/// The keys that sign at `now`.
pub(super) fn look_at_keys(records: &[KeyRecord], now: Timestamp, checks: &mut Vec<Check>) -> Vec<Signing> {
    let mut signing = Vec::new();
    for key_use in KeyUse::ALL {
        let mut keys = key::of(key_use, records);
        keys.retain(|record| !record.is_withdrawn());
        let name = key_use.as_str();
        let Some(current) = current(&keys, now) else {
            let what = if keys.is_empty() {
                format!("there is no {name} key")
            } else {
                format!("no {name} key may be used yet: the clock here, or where they were created, is wrong")
            };
            checks.push(fault("keys", what, ROTATE));
            continue;
        };
        let generation = current.generation;
        checks.push(if is_overdue(current, now) {
            let until = utc(current.times.sign_until);
            let what =
                format!("{name} key {generation} is overdue: a successor should have taken over at {until}");
            fault("keys", what, format!("{ROTATE}; check that its hourly schedule is enabled"))
        } else {
            let kept = if current.kms_key_id.is_some() { ", in KMS" } else { "" };
            ok("keys", format!("{name} key {generation} is current{kept}"))
        });
        let kid = current.public.as_ref().map(|jwk| jwk.kid.clone());
        signing.extend(key_use.algorithm().zip(kid));
    }
    signing
}

/// Checks that KMS has the keys that sign there. Whether the functions may use them cannot be checked from here.
pub(super) async fn look_at_keys_in_kms(
    kms: &Kms,
    records: &[KeyRecord],
    now: Timestamp,
    checks: &mut Vec<Check>,
) {
    for key_use in KeyUse::ALL {
        let keys = key::of(key_use, records);
        let used = keys.iter().filter(|record| key::state(*record, &keys, now).is_used());
        for record in used {
            let (Some(key_id), Some(algorithm)) = (&record.kms_key_id, key_use.algorithm()) else { continue };
            let what = format!("{} key {}, {key_id} in KMS", key_use.as_str(), record.generation);
            let kid = record.public.as_ref().map(|jwk| &jwk.kid);
            checks.push(match kms.public_key(key_id, algorithm).await {
                Ok(public) if Some(&public.kid) == kid => ok("kms", format!("{what}, is available")),
                Ok(_) => fault("kms", format!("{what}, is not the published key"), IN_KMS),
                Err(error) => fault("kms", format!("{what}: {}", error.0), IN_KMS),
            });
        }
    }
}
