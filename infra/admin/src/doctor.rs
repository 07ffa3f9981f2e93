//! `doctor`: what keeps a deployment from working, each with a remedy. It changes nothing.
//!
//! 1. The settings can be read.
//! 2. The table is there, with its index and its TTL.
//! 3. The keys are there, those of each algorithm included, and none is overdue.
//! 4. The discovery document is at the issuer and names it, byte for byte.
//! 5. The JWKS holds the keys that sign.
//! 6. There are login issuers, and their keys can be fetched.
//! 7. No client has the name that login tokens are made for.
//! 8. There is a client that may ask, and a person who can be told.
//! 9. There is a domain for passkeys, and all passkeys are of it.
//!
//! A check whose ground is missing is skipped, and the ground is what is found.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer, LoginIssuers, PasskeySettings};
use ciba::domain::client::ClientId;
use ciba::domain::jws_algorithm::JwsAlgorithm;
use ciba::domain::key_schedule::{Scheduled, current};
use ciba::domain::login_issuer::LoginIssuer;
use ciba::domain::time::Timestamp;
use ciba::keys::Kms;
use ciba::outbound::{Fetcher, count_fitting};
use ciba::protocol::routes;
use ciba::store::{KeyRecord, KeyUse, Known, StoreError, Table};
use serde_json::{Value, json};

use crate::Output;
use crate::http::Http;
use crate::key::{self, is_overdue};
use crate::screen::utc;

const SETTINGS: &str = "set it as the functions have it: the stack's outputs name Issuer and TableName, README.md \
                        (Settings) the rest";
const DEPLOY: &str = "deploy template.yaml again: it defines the table";
const ROTATE: &str = "invoke key-rotation: sam remote invoke KeyRotationFunction --stack-name <stack>, or ciba-admin \
                      key rotate; if the function fails, its log says why";
const IN_KMS: &str = "enable it in KMS, or cancel its deletion there; if it is gone for good, ciba-admin key rotate --emergency \
                      replaces it; the credentials need kms:GetPublicKey";

/// How many items of the table are looked at for a client and a person. They are among the first of a new
/// deployment, and it is new ones that lack them.
const EVALUATE: i32 = 50_000;

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    /// It works, and lacks something that may be wanted.
    Warning {
        remedy: String,
    },
    Fault {
        remedy: String,
    },
    /// What it rests on is missing.
    Skipped,
}

#[derive(Debug)]
struct Check {
    name: &'static str,
    outcome: Outcome,
    detail: String,
}

fn ok(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Ok, detail: detail.into() }
}

fn fault(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Fault { remedy: remedy.into() }, detail: detail.into() }
}

fn skipped(name: &'static str, without: &str) -> Check {
    Check { name, outcome: Outcome::Skipped, detail: format!("not looked at, without {without}") }
}

pub(crate) async fn run(environment: &Environment, now: Timestamp) -> Output {
    report(&examine(environment, now).await)
}

async fn examine(environment: &Environment, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut setting = |read: Result<&str, &ConfigError>| {
        checks.push(match read {
            Ok(name) => ok("settings", format!("{name} can be read")),
            Err(error) => fault("settings", error.to_string(), SETTINGS),
        });
    };
    let issuer = Issuer::read(environment);
    setting(issuer.as_ref().map(|_| Issuer::SETTING));
    let issuer = issuer.ok();
    let login_issuers = issuer.as_ref().map(|issuer| LoginIssuers::read(environment, issuer));
    if let Some(read) = &login_issuers {
        setting(read.as_ref().map(|_| LoginIssuers::SETTING));
    }
    let login_issuers = login_issuers.and_then(Result::ok);
    let aws = Aws::read(environment);
    setting(aws.as_ref().map(|_| "TABLE_NAME and AWS_*"));
    let aws = aws.ok();
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
        None => checks.extend(["discovery", "jwks"].map(|name| skipped(name, "ISSUER"))),
        Some(issuer) => {
            let http = Http::new();
            checks.push(look_at_discovery(&http, issuer).await);
            checks.push(match signing.as_slice() {
                [] => skipped("jwks", "a signing key in the table"),
                signing => look_at_jwks(&http, issuer, signing).await,
            });
        }
    }

    match (&issuer, &login_issuers) {
        (Some(issuer), Some(login_issuers)) => {
            look_at_login_issuers(issuer, login_issuers, &mut checks).await;
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
            Ok(known) => checks.extend(look_at_sides(known)),
        },
    }
    match (&issuer, &table) {
        (Some(issuer), Some(table)) => {
            checks.push(match PasskeySettings::rp_id(environment, issuer) {
                Ok(rp_id) => look_at_passkeys(table, rp_id.as_deref()).await,
                Err(error) => fault("passkeys", error.to_string(), SETTINGS),
            });
        }
        _ => checks.push(skipped("passkeys", "ISSUER and the table")),
    }
    checks
}

/// Whether the table can be read.
async fn look_at_table(table: &Table, checks: &mut Vec<Check>) -> bool {
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
    check("table", state.is_active, "can be reached", "is not active", "wait until DynamoDB has made it");
    let other = "TABLE_NAME names a table of something else: take TableName of the stack's outputs";
    check("table_keys", state.has_keys, "has the keys pk and sk", "has other keys than pk and sk", other);
    let without = "has no index pending-by-user that can be read: nobody sees what waits for them";
    check("table_index", state.has_pending_index, "has the index pending-by-user", without, DEPLOY);
    let kept = "has no TTL on the attribute ttl: what has ended is kept for ever";
    check("table_ttl", state.sweeps_ttl, "has its TTL on the attribute ttl", kept, DEPLOY);
    state.has_keys
}

fn unreachable(name: &'static str, error: &StoreError) -> Check {
    let detail = error.detail();
    let remedy = if detail.contains("ResourceNotFoundException") {
        "no table of this name is in this account and region: set TABLE_NAME, AWS_REGION and credentials for the \
         stack's"
    } else if detail.contains("no connection") || detail.contains("no answer") {
        "check the network, AWS_REGION and AWS_ENDPOINT_URL_DYNAMODB"
    } else {
        "check that the credentials are in time and allow what infra/admin/README.md lists"
    };
    fault(name, detail, remedy)
}

/// A key that signs, by its algorithm and its `kid`.
type Signing = (JwsAlgorithm, String);

/// The keys that sign at `now`.
fn look_at_keys(records: &[KeyRecord], now: Timestamp, checks: &mut Vec<Check>) -> Vec<Signing> {
    let mut signing = Vec::new();
    for key_use in KeyUse::ALL {
        let mut keys = key::of(key_use, records);
        keys.retain(|record| !record.is_withdrawn());
        let name = key_use.as_str();
        let Some(current) = current(&keys, now) else {
            let what = if keys.is_empty() {
                format!("there is no {name} key")
            } else {
                format!("no {name} key may be used yet: the clock here or where they were made is wrong")
            };
            checks.push(fault("keys", what, ROTATE));
            continue;
        };
        let generation = current.generation;
        checks.push(if is_overdue(current, now) {
            let until = utc(current.times.sign_until);
            let what =
                format!("{name} key {generation} is overdue: a successor should have taken over at {until}");
            fault("keys", what, format!("{ROTATE}; its hourly schedule has to be enabled"))
        } else {
            let kept = if current.kms_key_id.is_some() { ", in KMS" } else { "" };
            ok("keys", format!("{name} key {generation} is current{kept}"))
        });
        let kid = current.public.as_ref().map(|jwk| jwk.kid.clone());
        signing.extend(key_use.algorithm().zip(kid));
    }
    signing
}

/// Whether KMS has the keys that sign there. Whether the functions may use them, only they know.
async fn look_at_keys_in_kms(kms: &Kms, records: &[KeyRecord], now: Timestamp, checks: &mut Vec<Check>) {
    for key_use in KeyUse::ALL {
        let keys = key::of(key_use, records);
        let used = keys.iter().filter(|record| key::state(*record, &keys, now).is_used());
        for record in used {
            let (Some(key_id), Some(algorithm)) = (&record.kms_key_id, key_use.algorithm()) else { continue };
            let what = format!("{} key {}, {key_id} in KMS", key_use.as_str(), record.generation);
            let kid = record.public.as_ref().map(|jwk| &jwk.kid);
            checks.push(match kms.public_key(key_id, algorithm).await {
                Ok(public) if Some(&public.kid) == kid => ok("kms", format!("{what}, is there")),
                Ok(_) => fault("kms", format!("{what}, is another key than the published one"), IN_KMS),
                Err(error) => fault("kms", format!("{what}: {}", error.0), IN_KMS),
            });
        }
    }
}

async fn look_at_discovery(http: &Http, issuer: &Issuer) -> Check {
    let name = "discovery";
    let url = format!("{}{}", issuer.as_str(), routes::OPENID_CONFIGURATION);
    let document = match http.json(&url).await {
        Ok(document) => document,
        Err(why) => return fault(name, why, "check that ISSUER leads to the API, and the API to discovery"),
    };
    match document["issuer"].as_str() {
        Some(named) if named == issuer.as_str() => ok(name, format!("{url} names this issuer")),
        named => fault(
            name,
            format!(
                "{url} names the issuer {:?}, ISSUER is {:?}",
                named.unwrap_or_default(),
                issuer.as_str()
            ),
            "clients refuse this: set ISSUER here to what the functions have, or deploy with the parameter Issuer",
        ),
    }
}

async fn look_at_jwks(http: &Http, issuer: &Issuer, signing: &[Signing]) -> Check {
    let name = "jwks";
    let url = format!("{}{}", issuer.as_str(), routes::JWKS);
    let set = match http.json(&url).await {
        Ok(set) => set,
        Err(why) => {
            return fault(name, why, "check that ISSUER leads to the API; the log of jwks says why it fails");
        }
    };
    let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let holds = |(algorithm, kid): &&Signing| {
        keys.iter().any(|key| key["kid"] == **kid && key["alg"] == algorithm.as_str())
    };
    let missing = signing.iter().filter(|key| !holds(key));
    let missing: Vec<_> = missing.map(|(algorithm, kid)| format!("{kid} ({})", algorithm.as_str())).collect();
    if missing.is_empty() {
        return ok(name, format!("{url} holds the keys that sign"));
    }
    fault(
        name,
        format!("{url} does not hold what signs: {}", missing.join(", ")),
        "if there is a cache in front of it, end it; otherwise TABLE_NAME here is not the functions' table",
    )
}

async fn look_at_login_issuers(issuer: &Issuer, login_issuers: &LoginIssuers, checks: &mut Vec<Check>) {
    let name = "login_issuer";
    if login_issuers.iter().next().is_none() {
        let remedy =
            "deploy with the parameter LoginIssuers, and set LOGIN_ISSUERS here: README.md, A login issuer";
        checks.push(fault(name, "there is none, so nobody can decide", remedy));
    }
    // As the function consent fetches them, so that what it may not fetch is found too.
    let fetcher = match Fetcher::new(issuer.is_local()) {
        Ok(fetcher) => fetcher,
        Err(error) => return checks.push(fault(name, error.0, "make TLS work on this machine")),
    };
    for login in login_issuers.iter() {
        let LoginIssuer { issuer, jwks_uri, algorithms, .. } = login;
        checks.push(match count_fitting(&fetcher, jwks_uri, algorithms).await {
            Ok(0) => fault(
                name,
                format!("{issuer}: no key at {jwks_uri} is for {algorithms:?}"),
                "correct algorithms or jwks_uri in LOGIN_ISSUERS; the login issuer's own metadata names both",
            ),
            Ok(keys) => ok(name, format!("{issuer}: keys that fit: {keys}")),
            Err(error) => fault(
                name,
                format!("{issuer}: {}", error.0),
                "correct jwks_uri in LOGIN_ISSUERS; it is JSON at a public address, answered without a redirect",
            ),
        });
    }
}

/// A client of that name would get login tokens made for it, and approve its own requests.
async fn look_at_audiences(table: &Table, login_issuers: &LoginIssuers, checks: &mut Vec<Check>) {
    let name = "login_audience";
    for login in login_issuers.iter() {
        let audience = &login.audience.value;
        let client = match ClientId::parse(audience) {
            None => None,
            Some(id) => match table.find_client(&id).await {
                Ok(client) => client,
                Err(error) => {
                    checks.push(unreachable(name, &error));
                    continue;
                }
            },
        };
        checks.push(match client {
            None => ok(name, format!("{}: its audience is no client", login.issuer)),
            Some(_) => fault(
                name,
                format!("{}: its audience {audience} is a client, which could approve its own requests", login.issuer),
                format!(
                    "ciba-admin client disable {audience}, and create it under another name; or give the login \
                     issuer's app another audience"
                ),
            ),
        });
    }
}

/// A flow needs somebody who asks and somebody who is asked.
fn look_at_sides(known: Known) -> [Check; 2] {
    let check = |name, is_there, good: &str, bad: &str, remedy: &str| match (is_there, known.is_complete) {
        (true, _) => ok(name, good),
        (false, true) => fault(name, bad, remedy),
        // A table this full has been used.
        (false, false) => ok(name, format!("not looked for beyond the first {EVALUATE} items of the table")),
    };
    [
        check(
            "clients",
            known.active_client,
            "there is one that may ask",
            "there is none that may ask",
            "ciba-admin client create, or client enable",
        ),
        check(
            "people",
            known.reachable_person,
            "there is somebody who can be told",
            "there is nobody who is active and has a channel, so nobody can be asked",
            "ciba-admin person create with --sms, or person enable",
        ),
    ]
}

/// A passkey is bound to its domain for ever: where that changed, its person cannot approve any more, and finds out at the
/// worst moment.
async fn look_at_passkeys(table: &Table, rp_id: Option<&str>) -> Check {
    let name = "passkeys";
    let lost = match table.find_passkey_of_another_domain(rp_id, EVALUATE).await {
        Ok(lost) => lost,
        Err(error) => return unreachable(name, &error),
    };
    match (lost, rp_id) {
        (Some(lost), _) => fault(
            name,
            format!(
                "there are passkeys of the domain {lost}, and RP_ID is {}: they are of no use",
                rp_id.unwrap_or("not set")
            ),
            format!(
                "deploy with RpId={lost} again; or let people make new ones (docs/api.md, Passkeys) and remove the old: \
                 ciba-admin passkey remove"
            ),
        ),
        (None, None) => Check {
            name,
            outcome: Outcome::Warning {
                remedy: "deploy with the parameter RpId, and set RP_ID here".to_owned(),
            },
            detail: "RP_ID is not set: nobody can approve with a passkey".to_owned(),
        },
        (None, Some(rp_id)) => ok(name, format!("none is of another domain than {rp_id}")),
    }
}

fn report(checks: &[Check]) -> Output {
    let mut text = String::new();
    let mut faults = 0;
    for Check { name, outcome, detail } in checks {
        let (mark, remedy) = match outcome {
            Outcome::Ok => ("ok", None),
            Outcome::Warning { remedy } => ("warning", Some(remedy)),
            Outcome::Fault { remedy } => ("FAULT", Some(remedy)),
            Outcome::Skipped => ("skipped", None),
        };
        text += &format!("{mark:<8} {name:<15} {detail}\n");
        if let Some(remedy) = remedy {
            faults += usize::from(matches!(outcome, Outcome::Fault { .. }));
            text += &format!("{:<24} remedy: {remedy}\n", "");
        }
    }
    let is_clean = checks.iter().all(|check| matches!(check.outcome, Outcome::Ok | Outcome::Warning { .. }));
    text += &match faults {
        0 if is_clean => "nothing found\n".to_owned(),
        faults => format!("found: {faults}\n"),
    };
    let checks = checks.iter().map(|Check { name, outcome, detail }| match outcome {
        Outcome::Ok => json!({ "check": name, "outcome": "ok", "detail": detail, "remedy": null }),
        Outcome::Warning { remedy } => {
            json!({ "check": name, "outcome": "warning", "detail": detail, "remedy": remedy })
        }
        Outcome::Fault { remedy } => {
            json!({ "check": name, "outcome": "fault", "detail": detail, "remedy": remedy })
        }
        Outcome::Skipped => json!({ "check": name, "outcome": "skipped", "detail": detail, "remedy": null }),
    });
    let json = json!({ "clean": is_clean, "checks": checks.collect::<Vec<Value>>() });
    Output { text, json, is_clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_printed_with_its_remedy() {
        let output =
            report(&[ok("table", "ciba can be reached"), fault("keys", "there is none", "make one")]);
        assert_eq!(
            output.text,
            "ok       table           ciba can be reached\n\
             FAULT    keys            there is none\n                         remedy: make one\nfound: 1\n"
        );
        assert!(!output.is_clean);
        assert_eq!(output.json["checks"][1]["remedy"], "make one");
    }

    #[test]
    fn what_was_not_looked_at_is_not_clean() {
        assert!(!report(&[skipped("keys", "the table")]).is_clean);
        assert!(report(&[ok("keys", "")]).is_clean);
    }

    #[tokio::test]
    async fn each_setting_that_is_missing_is_a_finding_and_what_rests_on_it_is_skipped() {
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
                "jwks",
                "login_issuer",
                "login_audience",
                "clients",
                "people",
                "passkeys"
            ]
        );
    }

    #[test]
    fn a_table_too_full_to_look_through_is_not_said_to_have_nobody() {
        let outcomes =
            |known| look_at_sides(known).map(|check| matches!(check.outcome, Outcome::Fault { .. }));
        let none = Known::default();
        assert_eq!(outcomes(Known { is_complete: true, ..none }), [true, true]);
        assert_eq!(outcomes(Known { is_complete: true, active_client: true, ..none }), [false, true]);
        assert_eq!(outcomes(Known { is_complete: true, reachable_person: true, ..none }), [true, false]);
        assert_eq!(outcomes(none), [false, false]);
    }
}
