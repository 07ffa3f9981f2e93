//! `key …`, and the states of keys.

use std::time::Duration;

use ciba::aws::Aws;
use ciba::config::{Environment, KeySettings};
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::domain::base::time::Timestamp;
use ciba::domain::issuer::key_schedule::{JWKS_MAX_AGE, RELOAD_EVERY, Scheduled, current, is_published};
use ciba::flows::Invocation;
use ciba::flows::registering::bind_data_keys::{self, NotBound};
use ciba::flows::registering::rotate_keys::{self, Rotated, rotate_now};
use ciba::keys::Kms;
use ciba::store::{KeyRecord, KeyUse, Table};
use serde_json::json;

use crate::Output;
use crate::arguments::{KeyCommand, RotatedUse};
use crate::failure::Failure;
use crate::screen::{columns, utc};
use crate::settings::table;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// How far a current key may be past its end: rotation runs hourly, and a successor waits before it signs.
const MAY_BE_LATE: Duration = HOUR.saturating_add(RELOAD_EVERY).saturating_add(JWKS_MAX_AGE);

/// The current state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// Already known, not used yet.
    Waiting,
    /// Signs or seals everything new.
    Current,
    /// Not used for anything new; what it signed or sealed may still be valid.
    Retired,
    /// Everything that it signed or sealed has expired.
    Ended,
    /// It leaked: nothing that it signed or sealed is accepted any more.
    Withdrawn,
}

impl KeyState {
    /// Whether it signs or seals anything new, now or soon.
    pub(crate) const fn is_used(self) -> bool {
        match self {
            Self::Waiting | Self::Current => true,
            Self::Retired | Self::Ended | Self::Withdrawn => false,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Current => "current",
            Self::Retired => "retired",
            Self::Ended => "ended",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The state of `key` at `now`; `keys` are all keys of the same use.
pub(crate) fn state<K: Scheduled>(key: &K, keys: &[K], now: Timestamp) -> KeyState {
    if key.is_withdrawn() {
        return KeyState::Withdrawn;
    }
    if key.times().sign_from > now {
        return KeyState::Waiting;
    }
    if current(keys, now).is_some_and(|current| current.generation() == key.generation()) {
        return KeyState::Current;
    }
    if is_published(key, keys, now) { KeyState::Retired } else { KeyState::Ended }
}

/// Whether a current key should have had a successor by `now`. The data key never has one.
pub(crate) fn is_overdue(record: &KeyRecord, now: Timestamp) -> bool {
    record.key_use != KeyUse::Data && now > record.times.sign_until.plus(MAY_BE_LATE)
}

pub(crate) async fn run(
    command: &KeyCommand,
    environment: &Environment,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    match command {
        KeyCommand::List => Ok(list(&table(environment)?.list_keys().await?, invocation.now)),
        KeyCommand::Bind => bind(environment, invocation).await,
        KeyCommand::Rotate { key_use, alg, emergency, confirm } => {
            let wanted = |one: &KeyUse| match (key_use, one.algorithm()) {
                (None | Some(RotatedUse::Signing), Some(algorithm)) => {
                    alg.is_none_or(|wanted| wanted == algorithm)
                }
                (None, None) => matches!(one, KeyUse::Handle | KeyUse::Page | KeyUse::Login) && alg.is_none(),
                (Some(RotatedUse::Signing), None) => false,
                (Some(RotatedUse::Handle), _) => *one == KeyUse::Handle,
                (Some(RotatedUse::Page), _) => *one == KeyUse::Page,
                (Some(RotatedUse::Login), _) => *one == KeyUse::Login,
            };
            if !matches!(key_use, None | Some(RotatedUse::Signing)) && alg.is_some() {
                return Err(Failure::Usage(
                    "only signing keys have an algorithm: leave out --alg".to_owned(),
                ));
            }
            let uses: Vec<_> = KeyUse::ALL.into_iter().filter(wanted).collect();
            match (emergency, confirm) {
                (false, _) => rotate(&uses, environment, invocation).await,
                (true, false) => announce(&uses, &table(environment)?.list_keys().await?, invocation.now),
                (true, true) => replace_leaked(&uses, environment, invocation).await,
            }
        }
    }
}

async fn bind(environment: &Environment, invocation: &Invocation) -> Result<Output, Failure> {
    let aws = Aws::read(environment)?;
    let settings = KeySettings::read(environment)?;
    let (table, kms) = (Table::connect(&aws), Kms::connect(&aws));
    let bound = bind_data_keys::bind(&table, &kms, &settings.kms_key, invocation).await;
    let bound = bound.map_err(|error| match error {
        NotBound::Foreign(_) | NotBound::Changed(_) => Failure::Refused(error.to_string()),
        NotBound::Kms(error) => Failure::Kms(error),
        NotBound::Store(error) => Failure::Table(error),
    })?;
    let mut text: String =
        bound.iter().map(|generation| format!("data key {generation} is bound to this table.\n")).collect();
    if bound.is_empty() {
        text += "No data key had to be bound.\n";
    }
    Ok(Output::new(text, json!({ "bound": bound })))
}

/// Rotates as the function key-rotation does, but `uses` even if they are not due.
async fn rotate(
    uses: &[KeyUse],
    environment: &Environment,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let aws = Aws::read(environment)?;
    let settings = KeySettings::read(environment)?;
    let table = Table::connect(&aws);
    let done = rotate_now(&table, &Kms::connect(&aws), &settings, uses, invocation).await?;
    Ok(rotated(&done, uses, &table.list_keys().await?, invocation.now))
}

/// Reports what an emergency would withdraw and invalidate, which cannot be undone.
fn announce(uses: &[KeyUse], records: &[KeyRecord], now: Timestamp) -> Result<Output, Failure> {
    let mut text =
        "Nothing has been changed yet. With --confirm, these keys are withdrawn for good:\n".to_owned();
    for key_use in uses {
        let keys = of(*key_use, records);
        for record in keys.iter().filter(|record| !record.is_withdrawn()) {
            let kid = record.public.as_ref().map(|jwk| format!(", kid {}", jwk.kid)).unwrap_or_default();
            let state = state(record, &keys, now).as_str();
            text += &format!("  {} key {}, {state}{kid}\n", key_use.as_str(), record.generation);
        }
    }
    text += match uses {
        [KeyUse::Handle] => HANDLES_END,
        [KeyUse::Page] => SESSIONS_END,
        [KeyUse::Login] => ASSERTIONS_END,
        _ => TOKENS_END,
    };
    Err(Failure::Refused(text))
}

const TOKENS_END: &str = "Every token that they signed becomes invalid: here at once, and at a client or an API when its copy of the \
    key set expires, after 300 s at most. Grants remain valid: a client with a refresh token gets new tokens.";
const HANDLES_END: &str = "Every pending request and every grant that they sealed becomes invalid: clients have to ask again, and \
    people have to decide again. Access tokens are refused here, but APIs that only check them against the key set accept them until \
    they expire.";
const SESSIONS_END: &str = "Everybody who has logged in on the page has to log in again. Warm functions accept the old sessions until \
    they read the keys again, after 300 s at most.";

const ASSERTIONS_END: &str = "The key set /login/jwks.json no longer contains them. A login issuer that has fetched it before accepts \
    the leaked keys until it fetches it again, and may refuse logins on the page until then; where a key is registered by \
    hand, remove it there.";

/// Withdraws and replaces all keys of `uses`, which have leaked.
async fn replace_leaked(
    uses: &[KeyUse],
    environment: &Environment,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let aws = Aws::read(environment)?;
    let settings = KeySettings::read(environment)?;
    let table = Table::connect(&aws);
    let done = rotate_keys::replace_leaked(&table, &Kms::connect(&aws), &settings, uses, invocation).await?;
    let records = table.list_keys().await?;
    let mut output = rotated(&done, uses, &records, invocation.now);
    let mut withdrawn = Vec::new();
    for key_use in uses {
        let through = of(*key_use, &records).into_iter().rfind(Scheduled::is_withdrawn);
        let Some(record) = through else { continue };
        let (name, generation) = (key_use.as_str(), record.generation);
        output.text += &format!("{name} keys up to generation {generation} are withdrawn.\n");
        withdrawn.push(json!({
            "use": use_of(*key_use),
            "alg": key_use.algorithm().map(JwsAlgorithm::as_str),
            "through": generation,
            "at": record.withdrawn_at.map(Timestamp::seconds),
        }));
    }
    output.json["withdrawn"] = withdrawn.into();
    Ok(output)
}

/// The keys that were created, and of the requested uses those that were already waiting.
fn rotated(done: &Rotated, uses: &[KeyUse], records: &[KeyRecord], now: Timestamp) -> Output {
    let mut text = String::new();
    let mut keys = Vec::new();
    for key_use in KeyUse::ALL {
        let newest = of(key_use, records).into_iter().max_by_key(|record| record.generation);
        let Some(KeyRecord { generation, times, .. }) = newest else { continue };
        let is_made = done.made.contains(&(key_use, generation));
        if !is_made && !uses.contains(&key_use) {
            continue;
        }
        let name = key_use.as_str();
        let at = utc(times.sign_from);
        text += &match (is_made, times.sign_from > now) {
            (true, true) => {
                format!("{name} key {generation} was created and is known at once; it is used from {at}.\n")
            }
            (true, false) if generation == 1 => {
                format!("{name} key {generation} was created; it is the first, and used at once.\n")
            }
            (true, false) => format!("{name} key {generation} was created and is used at once.\n"),
            (false, false) => {
                format!(
                    "{name} key {generation} was created just now and is used at once: no other is created.\n"
                )
            }
            (false, true) => {
                format!(
                    "{name} key {generation} exists already and is used from {at}: no other is created.\n"
                )
            }
        };
        keys.push(json!({
            "use": use_of(key_use),
            "alg": key_use.algorithm().map(JwsAlgorithm::as_str),
            "generation": generation,
            "made": is_made,
            "sign_from": times.sign_from.seconds(),
        }));
    }
    for key_id in &done.unused_in_kms {
        text += &format!("A concurrent rotation was faster. Delete {key_id} in KMS: nothing uses it.\n");
    }
    let mut not_made = Vec::new();
    for ((key_use, generation), why) in &done.not_made {
        text += &format!("{} key {generation} was not created: {why}\n", key_use.as_str());
        not_made.push(json!({
            "use": use_of(*key_use),
            "alg": key_use.algorithm().map(JwsAlgorithm::as_str),
            "generation": generation,
            "why": why,
        }));
    }
    let json = json!({ "keys": keys, "not_made": not_made, "unused_in_kms": done.unused_in_kms });
    Output { text, json, is_clean: done.not_made.is_empty() }
}

/// Of `records`, those of one use.
pub(crate) fn of(key_use: KeyUse, records: &[KeyRecord]) -> Vec<KeyRecord> {
    records.iter().filter(|record| record.key_use == key_use).cloned().collect()
}

/// The use in one word; the algorithm of a signing key is a member of its own.
const fn use_of(key_use: KeyUse) -> &'static str {
    match key_use {
        KeyUse::Data | KeyUse::Handle | KeyUse::Page | KeyUse::Login => key_use.as_str(),
        KeyUse::Signing(_) => "signing",
    }
}

fn list(records: &[KeyRecord], now: Timestamp) -> Output {
    let header = [
        "use",
        "alg",
        "generation",
        "state",
        "published from",
        "used from",
        "used until",
        "valid until",
        "kept in",
        "kid",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    let mut keys = Vec::new();
    for key_use in KeyUse::ALL {
        let alg = key_use.algorithm().map(JwsAlgorithm::as_str);
        let of_this_use = of(key_use, records);
        for record in &of_this_use {
            let state = state(record, &of_this_use, now);
            let overdue = state == KeyState::Current && is_overdue(record, now);
            let kid = record.public.as_ref().map(|jwk| jwk.kid.as_str());
            let times = &record.times;
            // The one data key is never replaced.
            let until = |at| (key_use != KeyUse::Data).then_some(at);
            let end = |at| until(at).map_or_else(|| "-".to_owned(), utc);
            rows.push([
                use_of(key_use).to_owned(),
                alg.unwrap_or("-").to_owned(),
                record.generation.to_string(),
                if overdue { format!("{}, overdue", state.as_str()) } else { state.as_str().to_owned() },
                utc(times.publish_from),
                utc(times.sign_from),
                end(times.sign_until),
                end(times.verify_until),
                record.kms_key_id.clone().map_or_else(|| "table".to_owned(), |id| format!("KMS {id}")),
                kid.unwrap_or("-").to_owned(),
            ]);
            keys.push(json!({
                "use": use_of(key_use),
                "alg": alg,
                "generation": record.generation,
                "state": state.as_str(),
                "overdue": overdue,
                "publish_from": times.publish_from.seconds(),
                "sign_from": times.sign_from.seconds(),
                "sign_until": until(times.sign_until).map(Timestamp::seconds),
                "verify_until": until(times.verify_until).map(Timestamp::seconds),
                "kid": kid,
                "kms_key_id": record.kms_key_id,
                "withdrawn_at": record.withdrawn_at.map(Timestamp::seconds),
            }));
        }
    }
    let text = if keys.is_empty() {
        "There are no keys: the function key-rotation creates them, and so does ciba-admin key rotate.\n"
            .to_owned()
    } else {
        columns(&rows)
    };
    Output::new(text, json!({ "keys": keys }))
}

#[cfg(test)]
mod tests {
    use ciba::domain::issuer::key_schedule::{KEEP_PUBLISHED, KeyTimes};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn record(key_use: KeyUse, generation: u32, times: KeyTimes) -> KeyRecord {
        KeyRecord {
            key_use,
            generation,
            times,
            sealed: b"sealed".to_vec(),
            sealed_under: 1,
            kms_key_id: None,
            public: None,
            withdrawn_at: None,
            will_be_deleted: false,
        }
    }

    /// Two generations of one use; the second signs ten minutes after `made`.
    fn two(made: Timestamp) -> [KeyRecord; 2] {
        [
            record(KeyUse::Handle, 1, KeyTimes::first(START, DAY)),
            record(KeyUse::Handle, 2, KeyTimes::successor(made, DAY)),
        ]
    }

    #[test]
    fn the_state_of_a_key_follows_the_clock() {
        let made = START.plus(DAY).minus(RELOAD_EVERY + JWKS_MAX_AGE);
        let keys = two(made);
        let states = |now| keys.each_ref().map(|key| state(key, &keys, now));
        assert_eq!(states(made), [KeyState::Current, KeyState::Waiting]);
        assert_eq!(states(START.plus(DAY)), [KeyState::Retired, KeyState::Current]);
        assert_eq!(states(START.plus(DAY + KEEP_PUBLISHED)), [KeyState::Ended, KeyState::Current]);
    }

    #[test]
    fn a_key_is_overdue_when_an_hourly_rotation_has_missed_it() {
        let key = record(KeyUse::Signing(JwsAlgorithm::RS256), 1, KeyTimes::first(START, DAY));
        assert!(!is_overdue(&key, START.plus(DAY + MAY_BE_LATE)));
        assert!(is_overdue(&key, START.plus(DAY + MAY_BE_LATE + Duration::from_secs(1))));
        let data = record(KeyUse::Data, 1, KeyTimes::first(START, DAY));
        assert!(!is_overdue(&data, START.plus(400 * DAY)));
    }

    #[test]
    fn the_list_says_states_and_times_and_shows_no_key() {
        let keys = two(START.plus(10 * DAY));
        let output = list(&keys, START.plus(3 * DAY));
        assert_eq!(output.json["keys"][0]["state"], "current");
        assert_eq!(output.json["keys"][0]["overdue"], true);
        assert_eq!(output.json["keys"][0]["sign_from"], 1_800_000_000);
        assert!(
            output.text.contains("current, overdue") && output.text.contains("waiting"),
            "{}",
            output.text
        );
        assert!(output.text.contains("2027-01-15 08:00:00Z"), "{}", output.text);
        assert!(!output.json.to_string().contains("sealed"));
    }

    /// TOK-12-02
    #[test]
    fn a_signing_key_is_listed_and_judged_by_its_algorithm() {
        let of = |algorithm, generation, from: Timestamp| {
            record(KeyUse::Signing(algorithm), generation, KeyTimes::first(from, DAY))
        };
        let keys = [
            of(JwsAlgorithm::ES256, 1, START),
            of(JwsAlgorithm::ES256, 2, START.plus(DAY)),
            of(JwsAlgorithm::EdDSA, 1, START),
        ];
        let output = list(&keys, START.plus(DAY));
        let rows = output.json["keys"].as_array().unwrap().iter();
        let rows: Vec<_> =
            rows.map(|key| format!("{} {} {}", key["use"], key["alg"], key["state"])).collect();
        let expected = ["ES256 retired", "ES256 current", "EdDSA current"];
        assert_eq!(rows.join("\n").replace('"', ""), expected.map(|it| format!("signing {it}")).join("\n"));
        assert!(output.text.contains("signing  EdDSA"), "{}", output.text);
    }

    #[test]
    fn without_keys_the_list_says_who_makes_them() {
        let output = list(&[], START);
        assert!(output.text.contains("key-rotation"), "{}", output.text);
        assert_eq!(output.json, json!({ "keys": [] }));
    }
}
