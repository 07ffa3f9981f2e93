//! `passkey …`

use ciba::aws::Aws;
use ciba::config::{Environment, NotifierSettings, SmsSettings, operator_name};
use ciba::domain::person::passkey::{Passkey, PasskeyId};
use ciba::flows::Invocation;
use ciba::flows::registering::remove_passkey::{Removal, remove};
use ciba::flows::telling::announce::Untold;
use ciba::flows::telling::tell_person::TellPerson;
use ciba::store::StoreError;
use serde_json::json;

use crate::Output;
use crate::arguments::PasskeyCommand;
use crate::failure::Failure;
use crate::person::{find, nobody};
use crate::screen::{columns, utc, visible, yes_or_no};
use crate::settings::Settings;

pub(crate) async fn run(
    command: &PasskeyCommand,
    environment: &Environment,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let settings = Settings::read(environment)?;
    match command {
        PasskeyCommand::List { sub } => {
            let (person, _) = find(sub, &settings).await?.ok_or_else(|| nobody(sub))?;
            Ok(listed(sub, &settings.table.list_passkeys(&person.key).await?))
        }
        PasskeyCommand::Remove { sub, id } => {
            self::remove_one(sub, id.as_deref(), environment, &settings, invocation).await
        }
    }
}

fn listed(sub: &str, passkeys: &[Passkey]) -> Output {
    let header = ["passkey", "domain", "made at", "last used at", "synchronised", "set up by"];
    let mut rows = vec![header.map(str::to_owned)];
    let mut entries = Vec::new();
    for passkey in passkeys {
        rows.push([
            passkey.id.as_str().to_owned(),
            passkey.rp_id.clone(),
            utc(passkey.created_at),
            passkey.last_used_at.map_or_else(|| "never".to_owned(), utc),
            yes_or_no(passkey.backup_eligible),
            if passkey.is_self_enrolled { "the person" } else { "an operator" }.to_owned(),
        ]);
        entries.push(json!({
            "id": passkey.id.as_str(),
            "rp_id": passkey.rp_id,
            "created_at": passkey.created_at.seconds(),
            "last_used_at": passkey.last_used_at.map(|at| at.seconds()),
            "backup_eligible": passkey.backup_eligible,
            "self_enrolled": passkey.is_self_enrolled,
        }));
    }
    let text = match passkeys {
        [] => format!("person {sub} has no passkey; to create one: ciba-admin ticket create --sub {sub}\n"),
        _ => columns(&rows),
    };
    Output::new(text, json!({ "sub": sub, "passkeys": entries }))
}

async fn remove_one(
    sub: &str,
    id: Option<&str>,
    environment: &Environment,
    settings: &Settings,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let operator_name = operator_name(environment)?;
    let notifier = NotifierSettings::of_news(environment, &settings.issuer)?;
    let tell = TellPerson::connect(&Aws::read(environment)?, SmsSettings::read(environment)?, notifier);
    // Standard output has the result alone.
    let tell = tell.without_log();
    let (person, _) = find(sub, settings).await?.ok_or_else(|| nobody(sub))?;
    let refused = |why: &str| Failure::Refused(format!("person {sub}: {why}"));
    let id = match id {
        Some(id) => PasskeyId::parse(id)
            .ok_or_else(|| refused("this is not a passkey's id as printed by passkey list"))?,
        None => match &settings.table.list_passkeys(&person.key).await?[..] {
            [only] => only.id.clone(),
            [] => return Err(refused("has no passkey")),
            _ => return Err(refused("has more than one passkey: choose one with --id")),
        },
    };
    let removal = remove(&settings.table, &tell, &operator_name, &person.key, &id, invocation).await;
    match removal.map_err(unknown)? {
        Removal::Done(untold) => Ok(removed(sub, &id, person.channels.len(), &untold)),
        Removal::Unknown => Err(refused("has no such passkey")),
    }
}

fn removed(sub: &str, id: &PasskeyId, channels: usize, untold: &[Untold]) -> Output {
    let id = id.as_str();
    let mut text = format!("passkey {id} of {sub} is removed.\n");
    text += &match (channels, channels - untold.len()) {
        (0, _) => "The person has no channel and was not notified.\n".to_owned(),
        (all, told) => format!("The person was notified on {told} of {all} channels.\n"),
    };
    for Untold { channel, why } in untold {
        text += &format!("  not on {channel}: {}\n", visible(why));
    }
    let untold: Vec<_> = untold.iter().map(|it| json!({ "channel": it.channel, "why": it.why })).collect();
    Output::new(text, json!({ "sub": sub, "id": id, "removed": true, "untold": untold }))
}

/// A list shows whether it was removed.
fn unknown(error: StoreError) -> Failure {
    Failure::Unknown(
        error,
        "It may have been removed without notifying the person; passkey list shows whether it was".to_owned(),
    )
}
