//! `doctor`: reports what keeps a deployment from working, with a remedy for each problem. It changes nothing.
//!
//! 1. The settings can be read.
//! 2. The table exists, with its index and its TTL.
//! 3. The keys exist, for each algorithm, and none is overdue.
//! 4. The issuer serves the discovery document, which names it byte for byte and agrees with `PROFILE` and
//!    `MTLS_URL`.
//! 5. The JWKS contains the keys that sign.
//! 6. People can approve: there are login issuers whose keys can be fetched, or a domain for passkeys.
//! 7. No client has the name that is the audience of login tokens.
//! 8. At least one client may start an authentication, and at least one person can be notified.
//! 9. Nobody has a custom channel, or there is a notifier that delivers to it.
//! 10. No client is locked out by `PROFILE`, or because there is no host for mutual TLS.
//! 11. All passkeys are bound to the configured domain.
//! 12. Evidence has a witness if a client requires passkeys.
//!
//! A check whose precondition is not met is skipped; the precondition itself is reported.

mod login_issuers;
mod parties;
mod published;
mod report;
mod settings;
mod table;
mod witness;

use ciba::config::{Environment, PasskeySettings};
use ciba::domain::base::time::Timestamp;
use ciba::keys::Kms;
use ciba::store::Table;

use self::login_issuers::{look_at_audiences, look_at_login_issuers};
use self::parties::{EVALUATE, look_at_channels, look_at_clients, look_at_passkeys, look_at_sides};
use self::published::{look_at_jwks, look_at_metadata};
use self::report::{Check, report, skipped};
use self::settings::{Settings, look_at_settings};
use self::table::{look_at_keys, look_at_keys_in_kms, look_at_table, unreachable};
use self::witness::look_at_witness;
use crate::Output;
use crate::http::Http;

pub(crate) async fn run(environment: &Environment, now: Timestamp) -> Output {
    report(&examine(environment, now).await)
}

async fn examine(environment: &Environment, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    let Settings { issuer, login_issuers, clients, has_resolver, has_notifier, aws } =
        look_at_settings(environment, &mut checks);
    let table = aws.as_ref().map(Table::connect);
    let kms = aws.as_ref().map(Kms::connect);

    let is_reachable = match &table {
        None => {
            checks.push(skipped("table", "its settings"));
            false
        }
        Some(table) => look_at_table(table, &mut checks).await,
    };
    let table = table.filter(|_| is_reachable);

    let mut signing = Vec::new();
    match &table {
        None => checks.push(skipped("keys", "the table")),
        Some(table) => match table.list_keys().await {
            Err(error) => checks.push(unreachable("keys", &error)),
            Ok(records) => {
                signing = look_at_keys(&records, now, &mut checks);
                if let Some(kms) = &kms {
                    look_at_keys_in_kms(kms, &records, now, &mut checks).await;
                }
            }
        },
    }

    match &issuer {
        None => checks.extend(["discovery", "metadata", "jwks"].map(|name| skipped(name, "ISSUER"))),
        Some(issuer) => {
            let http = Http::new();
            checks.extend(look_at_metadata(&http, issuer, clients.as_ref()).await);
            checks.push(match signing.as_slice() {
                [] => skipped("jwks", "a signing key in the table"),
                signing => look_at_jwks(&http, issuer, signing).await,
            });
        }
    }

    let rp_id = issuer.as_ref().map(|issuer| PasskeySettings::rp_id(environment, issuer));
    match (&issuer, &login_issuers) {
        (Some(issuer), Some(login_issuers)) => {
            let has_passkeys = matches!(rp_id, Some(Ok(Some(_))));
            look_at_login_issuers(issuer, login_issuers, has_passkeys, &mut checks).await;
            match &table {
                None => checks.push(skipped("login_audience", "the table")),
                Some(table) => look_at_audiences(table, login_issuers, &mut checks).await,
            }
        }
        _ => checks.extend(["login_issuer", "login_audience"].map(|name| skipped(name, "LOGIN_ISSUERS"))),
    }

    match &table {
        None => checks.extend(["clients", "people"].map(|name| skipped(name, "the table"))),
        Some(table) => match table.find_any(EVALUATE).await {
            Err(error) => checks.extend(["clients", "people"].map(|name| unreachable(name, &error))),
            Ok(known) => checks.extend(look_at_sides(known, has_resolver)),
        },
    }
    checks.push(match (&table, has_notifier) {
        (Some(table), Some(has_notifier)) => look_at_channels(table, has_notifier).await,
        _ => skipped("channels", "the table and USER_NOTIFIER_*"),
    });
    checks.push(match (&table, &clients) {
        (Some(table), Some(settings)) => look_at_clients(table, settings).await,
        _ => skipped("authentication", "the table, PROFILE and MTLS_URL"),
    });
    checks.push(match (&rp_id, &table) {
        (Some(Ok(rp_id)), Some(table)) => look_at_passkeys(table, rp_id.as_deref()).await,
        (Some(Err(_)), Some(_)) => skipped("passkeys", "RP_ID"),
        (None, _) | (_, None) => skipped("passkeys", "ISSUER and the table"),
    });
    checks.push(match (&kms, &table) {
        (Some(kms), Some(table)) => look_at_witness(environment, kms, table).await,
        (None, _) | (_, None) => skipped("witness", "the table"),
    });
    checks
}

#[cfg(test)]
mod tests {
    use super::report::Outcome;
    use super::*;

    /// The checks that rest on it are skipped.
    #[tokio::test]
    async fn each_missing_setting_is_a_fault() {
        let none: [(&str, &str); 0] = [];
        let checks = examine(&Environment::of(none), Timestamp::from_seconds(0)).await;
        let faults = checks.iter().filter(|check| matches!(check.outcome, Outcome::Fault { .. }));
        let faults: Vec<_> = faults.map(|check| check.detail.as_str()).collect();
        assert_eq!(faults, ["setting ISSUER is missing", "setting TABLE_NAME is missing"]);
        let skipped = checks.iter().filter(|check| check.outcome == Outcome::Skipped);
        let skipped: Vec<_> = skipped.map(|check| check.name).collect();
        assert_eq!(
            skipped,
            [
                "table",
                "keys",
                "discovery",
                "metadata",
                "jwks",
                "login_issuer",
                "login_audience",
                "clients",
                "people",
                "channels",
                "authentication",
                "passkeys",
                "witness"
            ]
        );
    }
}
