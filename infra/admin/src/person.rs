//! `person …`

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::hint::{self, DirectoryHint, Hint, HintKind, KnownIssuers};
use ciba::domain::person::asks::Asks;
use ciba::domain::person::channel::Channel;
use ciba::domain::person::weakening;
use ciba::domain::person::{Person, Subject};
use ciba::flows::Invocation;
use ciba::flows::registering::block_client::{self, BlockOutcome};
use ciba::flows::registering::enroll_person;
use serde_json::{Value, json};

use crate::Output;
use crate::arguments::{PersonAndClient, PersonCommand, PersonCreate};
use crate::client::{self, confirmed};
use crate::failure::Failure;
use crate::screen::{columns, fields, utc, yes_or_no};
use crate::settings::Settings;

/// The kinds that an entry lists; a `sub` is always a hint.
const KINDS: [HintKind; 3] = [HintKind::Plain, HintKind::Email, HintKind::Tel];

pub(crate) async fn run(
    command: &PersonCommand,
    settings: &Settings,
    invocation: &Invocation,
    fill: fn(&mut [u8]),
) -> Result<Output, Failure> {
    match command {
        PersonCommand::Create(create) => self::create(create, settings, invocation.now, fill).await,
        PersonCommand::Import { file, confirm } => import(&read(file)?, confirm, settings, fill).await,
        PersonCommand::Show { sub } => {
            let (person, asks) = find(sub, settings).await?.ok_or_else(|| nobody(sub))?;
            Ok(shown(&person, &asks, settings, invocation.now))
        }
        PersonCommand::Disable { sub } => switch(sub, false, settings).await,
        PersonCommand::Enable { sub } => switch(sub, true, settings).await,
        PersonCommand::Block(which) => block(which, settings, invocation).await,
        PersonCommand::Unblock(which) => unblock(which, settings, invocation).await,
        PersonCommand::ForgetAsks { sub } => forget_asks(sub, settings, invocation).await,
    }
}

async fn create(
    create: &PersonCreate,
    settings: &Settings,
    now: Timestamp,
    fill: fn(&mut [u8]),
) -> Result<Output, Failure> {
    let exists = || format!("person {} exists already; --replace replaces the entry", create.sub);
    // Also a person with another login, who has another entry.
    if !create.replace && find_key(&create.sub, settings).await?.is_some() {
        return Err(Failure::Refused(exists()));
    }
    let judge = |old: &Person, new: &Person| {
        if create.replace { unweakened(old, new, &create.confirm) } else { Err(exists()) }
    };
    let person = enroll(entry(create), judge, settings, fill).await.map_err(Failure::Refused)?;
    let found = settings.table.find_person_with_asks(&person.key).await?;
    Ok(shown(&person, &found.map(|(_, asks)| asks).unwrap_or_default(), settings, now))
}

/// The options as an entry of an import file.
fn entry(create: &PersonCreate) -> Value {
    let pushes = create.push.iter().map(|arn| json!({ "push": arn }));
    let sms = create.sms.iter().map(|number| json!({ "sms": number }));
    let topics = create.topic.iter().map(|arn| json!({ "topic": arn }));
    let custom =
        |(name, address): &(String, String)| json!({ "custom": { "name": name, "address": address } });
    let custom = create.custom.iter().map(custom);
    let mut entry = json!({
        "sub": create.sub,
        "hints": { "plain": create.plain, "email": create.email, "tel": create.tel },
        "channels": pushes.chain(custom).chain(sms).chain(topics).collect::<Vec<_>>(),
        "active": !create.inactive,
        "claims": create.claims,
    });
    if let Some(value) = &create.login_value {
        entry["login"] = json!({ "value": value });
        if let Some(iss) = &create.login_iss {
            entry["login"]["iss"] = iss.as_str().into();
        }
    }
    entry
}

fn read(file: &Path) -> Result<Vec<Value>, Failure> {
    let wrong = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = fs::read(file).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| wrong(format!("not a JSON array: {error}")))
}

/// Imports one entry after the other, even if earlier ones are refused.
async fn import(
    entries: &[Value],
    confirm: &[String],
    settings: &Settings,
    fill: fn(&mut [u8]),
) -> Result<Output, Failure> {
    let mut seen = HashSet::new();
    let (mut rows, mut results) = (Vec::new(), Vec::new());
    let judge = |old: &Person, new: &Person| unweakened(old, new, confirm);
    let mut refused = 0;
    for (index, entry) in entries.iter().enumerate() {
        let sub = entry["sub"].as_str();
        let result = match sub {
            Some(sub) if !seen.insert(sub) => {
                Err("sub is in the file twice; the first one counts".to_owned())
            }
            _ => enroll(entry.clone(), judge, settings, fill).await.map(drop),
        };
        let why = result.err();
        refused += usize::from(why.is_some());
        let outcome = if why.is_some() { "refused" } else { "written" };
        rows.push([
            index.to_string(),
            outcome.to_owned(),
            sub.map_or_else(|| "-".to_owned(), |sub| format!("{sub:?}").trim_matches('"').to_owned()),
            why.clone().unwrap_or_default(),
        ]);
        results.push(json!({ "index": index, "sub": sub, "written": why.is_none(), "why": why }));
    }
    let written = entries.len() - refused;
    let text = format!("{}{written} written, {refused} refused\n", columns(&rows));
    let json = json!({ "written": written, "refused": refused, "people": results });
    Ok(Output { text, json, is_clean: refused == 0 })
}

/// Refuses to replace a person's entry unless each protection that it would lose is confirmed by name.
fn unweakened(old: &Person, new: &Person, confirm: &[String]) -> Result<(), String> {
    confirmed(&format!("person {}", new.sub.as_str()), &weakening::lost(old, new), confirm)
}

/// Writes one entry if `judge` permits it to replace the current one. A login without `iss` belongs to the only
/// configured login issuer.
async fn enroll(
    mut entry: Value,
    judge: impl Fn(&Person, &Person) -> Result<(), String>,
    settings: &Settings,
    fill: fn(&mut [u8]),
) -> Result<Person, String> {
    if let Some(login) = entry.get_mut("login").and_then(Value::as_object_mut)
        && !login.contains_key("iss")
    {
        let mut configured = settings.login_issuers.iter();
        let (Some(only), None) = (configured.next(), configured.next()) else {
            return Err("login has no iss, and LOGIN_ISSUERS does not name exactly one issuer".to_owned());
        };
        login.insert("iss".to_owned(), only.issuer.as_str().into());
    }
    let entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let Settings { issuer, login_issuers, countries, table, .. } = settings;
    let person = enroll_person::check(entry, issuer, login_issuers, countries, fill).map_err(|it| it.0)?;
    let new = person.clone();
    let judge = |old: Option<&Person>| old.map_or(Ok(()), |old| judge(old, &new));
    enroll_person::write(table, person, judge).await.map_err(|refused| refused.0)
}

async fn switch(sub: &str, active: bool, settings: &Settings) -> Result<Output, Failure> {
    let key = find_key(sub, settings).await?.ok_or_else(|| nobody(sub))?;
    if !settings.table.set_person_active(&key, active).await? {
        return Err(nobody(sub));
    }
    let text = if active {
        format!("person {sub} is enabled.\n")
    } else {
        format!("person {sub} is disabled: clients cannot ask them, and no tokens are issued for them.\n")
    };
    Ok(Output::new(text, json!({ "sub": sub, "active": active })))
}

async fn block(
    which: &PersonAndClient,
    settings: &Settings,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let PersonAndClient { sub, client } = which;
    let key = find_key(sub, settings).await?.ok_or_else(|| nobody(sub))?;
    let id = client::id(client)?;
    // A misspelt name would leave the client unblocked.
    settings.table.find_client(&id).await?.ok_or_else(|| client::nobody(client))?;
    let outcome = block_client::block(&settings.table, &key, &id, invocation).await?;
    let (blocked_at, changed) = match outcome {
        BlockOutcome::Done => (invocation.now, true),
        BlockOutcome::Already(at) => (at.unwrap_or(invocation.now), false),
        BlockOutcome::NoSuchPerson => return Err(nobody(sub)),
    };
    let text = if changed {
        format!(
            "client {client} is blocked for person {sub}: it cannot ask, and what it was granted is revoked.\n"
        )
    } else {
        format!("client {client} has been blocked for person {sub} since {}.\n", utc(blocked_at))
    };
    let json =
        json!({ "sub": sub, "client_id": client, "blocked_at": blocked_at.seconds(), "changed": changed });
    Ok(Output::new(text, json))
}

async fn unblock(
    which: &PersonAndClient,
    settings: &Settings,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let PersonAndClient { sub, client } = which;
    let key = find_key(sub, settings).await?.ok_or_else(|| nobody(sub))?;
    let changed = match block_client::unblock(&settings.table, &key, &client::id(client)?, invocation).await?
    {
        BlockOutcome::Done => true,
        BlockOutcome::Already(_) => false,
        BlockOutcome::NoSuchPerson => return Err(nobody(sub)),
    };
    let text = if changed {
        format!("client {client} may ask person {sub} again; what was revoked stays revoked.\n")
    } else {
        format!("client {client} is not blocked for person {sub}.\n")
    };
    Ok(Output::new(text, json!({ "sub": sub, "client_id": client, "blocked_at": null, "changed": changed })))
}

async fn forget_asks(sub: &str, settings: &Settings, invocation: &Invocation) -> Result<Output, Failure> {
    let key = find_key(sub, settings).await?.ok_or_else(|| nobody(sub))?;
    let changed = match block_client::forget_asks(&settings.table, &key, invocation).await? {
        BlockOutcome::Done => true,
        BlockOutcome::Already(_) => false,
        BlockOutcome::NoSuchPerson => return Err(nobody(sub)),
    };
    let text = if changed {
        format!(
            "requests to person {sub} no longer count towards the limits, except open ones, and no client has to wait.\n"
        )
    } else {
        format!("there are no requests to person {sub} to forget, and no client has to wait.\n")
    };
    Ok(Output::new(text, json!({ "sub": sub, "changed": changed })))
}

/// A `sub` is a hint too, so nothing has to be scanned.
async fn find_key(sub: &str, settings: &Settings) -> Result<Option<PersonKey>, Failure> {
    let hint = Subject::parse(sub).and_then(|sub| DirectoryHint::new(HintKind::Sub, sub.as_str()));
    let hint = hint.ok_or_else(|| Failure::Refused("a sub is 1-255 visible ASCII characters".to_owned()))?;
    Ok(settings.table.find_hint(&hint).await?)
}

pub(crate) async fn find(sub: &str, settings: &Settings) -> Result<Option<(Person, Asks)>, Failure> {
    let Some(key) = find_key(sub, settings).await? else { return Ok(None) };
    Ok(settings.table.find_person_with_asks(&key).await?)
}

/// The person identified by a `sub`, a `login_hint`, or the person's key in the table, tried in this order.
pub(crate) async fn find_meant(who: &str, settings: &Settings) -> Result<Person, Failure> {
    let mut keys = Vec::new();
    if let Some(hint) = DirectoryHint::new(HintKind::Sub, who) {
        keys.extend(settings.table.find_hint(&hint).await?);
    }
    if keys.is_empty() {
        let issuers =
            KnownIssuers { own: settings.issuer.as_str(), login: settings.login_issuers.as_slice() };
        match hint::parse(who, issuers) {
            Ok(Hint::Directory(hint)) => keys.extend(settings.table.find_hint(&hint).await?),
            Ok(Hint::Login { key, .. } | Hint::Person(key)) => keys.push(key),
            Err(_) => {}
        }
    }
    let key = keys.pop().unwrap_or_else(|| PersonKey::from_stored(who));
    let found = settings.table.find_person_with_asks(&key).await?;
    found.map(|(person, _)| person).ok_or_else(|| nobody(who))
}

pub(crate) fn nobody(sub: &str) -> Failure {
    Failure::Refused(format!("there is no person {sub}"))
}

fn in_words(channel: &Channel) -> String {
    match channel {
        Channel::Sms(_) | Channel::Push(_) | Channel::Topic(_) => {
            format!("{} {}", channel.kind(), channel.expose())
        }
        Channel::Custom(custom) => format!("{} {} {}", channel.kind(), custom.name(), custom.expose()),
    }
}

/// As in an import file.
fn as_entry(channel: &Channel) -> Value {
    match channel {
        Channel::Sms(_) | Channel::Push(_) | Channel::Topic(_) => {
            json!({ channel.kind(): channel.expose() })
        }
        Channel::Custom(custom) => {
            json!({ channel.kind(): { "name": custom.name(), "address": custom.expose() } })
        }
    }
}

/// # Security
/// Personal data, for operators who can read the table anyway.
fn shown(person: &Person, asks: &Asks, settings: &Settings, now: Timestamp) -> Output {
    // The table has only a hash of the login. For a person without one, the issuer in it is this provider.
    let has_login = match &person.resolved {
        Some(resolved) => resolved.issuer.is_some(),
        None => person.key != PersonKey::new(settings.issuer.as_str(), person.sub.as_str()),
    };
    let values = |kind| {
        person.hints.iter().filter(move |hint| hint.kind() == kind).map(|hint| hint.value().to_owned())
    };
    let hints =
        KINDS.iter().flat_map(|&kind| values(kind).map(move |value| format!("{} {value}", kind.as_str())));
    let channels = person.channels.iter();
    let claims = person.claims.iter().map(|(name, value)| format!("{name} {value}"));
    let blocks = asks.blocks.iter().map(|block| match block.lifted_at {
        None => format!("{} since {}", block.client.as_str(), utc(block.at)),
        Some(lifted_at) => format!("{}, lifted {}", block.client.as_str(), utc(lifted_at)),
    });
    let cooling = || asks.denials.iter().filter(move |run| now < run.cool_until());
    let cool_downs = cooling().map(|run| {
        format!("{} until {}, denied {} times", run.client.as_str(), utc(run.cool_until()), run.count)
    });
    let wrong_codes =
        asks.wrong_codes.iter().map(|wrong| format!("{} from {}", wrong.count, wrong.client.as_str()));
    let locked_until = asks.codes_locked_until(now).filter(|until| now < *until);
    let lock = locked_until.map(|until| format!("none is accepted until {}", utc(until)));
    let login =
        if has_login { "at a login issuer" } else { "none: this person can approve only with a passkey" };
    let resolved_at = person.resolved.as_ref().map(|resolved| resolved.at);
    let text = fields(&[
        ("sub", vec![person.sub.as_str().to_owned()]),
        ("person", vec![person.key.as_str().to_owned()]),
        ("active", vec![yes_or_no(person.active)]),
        ("login", vec![login.to_owned()]),
        ("described by the resolver", resolved_at.map(utc).into_iter().collect()),
        ("hints", hints.collect()),
        ("channels", channels.clone().map(in_words).collect()),
        ("claims", claims.collect()),
        ("user code", vec![yes_or_no(person.user_code.is_some())]),
        ("wrong user codes", wrong_codes.chain(lock).collect()),
        ("cool-downs", cool_downs.collect()),
        ("blocked clients", blocks.collect()),
    ]);
    let hints = KINDS.iter().map(|&kind| (kind.as_str().to_owned(), values(kind).collect::<Vec<_>>().into()));
    let json = json!({
        "sub": person.sub.as_str(),
        "person": person.key.as_str(),
        "active": person.active,
        "has_login": has_login,
        "resolved_at": resolved_at.map(Timestamp::seconds),
        "hints": Value::Object(hints.collect()),
        "channels": channels.map(as_entry).collect::<Vec<_>>(),
        "claims": person.claims,
        "has_user_code": person.user_code.is_some(),
        "user_codes_locked_until": locked_until.map(Timestamp::seconds),
        "wrong_user_codes": asks.wrong_codes.iter().map(|wrong| json!({
            "client_id": wrong.client.as_str(), "count": wrong.count, "last": wrong.last.seconds(),
        })).collect::<Vec<_>>(),
        "cool_downs": cooling().map(|run| json!({
            "client_id": run.client.as_str(), "denials": run.count, "until": run.cool_until().seconds(),
        })).collect::<Vec<_>>(),
        "blocks": asks.blocks.iter().map(|block| json!({
            "client_id": block.client.as_str(), "at": block.at.seconds(),
            "lifted_at": block.lifted_at.map(Timestamp::seconds),
        })).collect::<Vec<_>>(),
    });
    Output::new(text, json)
}
