//! `authorization-details …`

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use ciba::config::Environment;
use ciba::domain::details::authorization_details::{DetailPolicy, DetailRisk, DetailType, DetailTypeName};
use ciba::flows::Invocation;
use ciba::flows::registering::define_details::define;
use ciba::flows::registering::replace_entry::NotReplaced;
use ciba::page::Language;
use serde_json::{Value, json};

use crate::Output;
use crate::arguments::AuthorizationDetailsCommand as Command;
use crate::failure::Failure;
use crate::screen;
use crate::settings::table;

pub(crate) async fn run(
    command: &Command,
    environment: &Environment,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    match command {
        Command::Put { file, confirm } => {
            let languages = Language::ALL.map(Language::tag);
            let known = DetailType::define(&read(file)?, &languages)
                .map_err(|ill| Failure::Refused(format!("{}: {}", file.display(), ill.0)))?;
            let judge = |before: Option<&DetailType>| {
                let weakened =
                    before.map(|before| before.policy().weakened_by(known.policy())).unwrap_or_default();
                if weakened.is_empty() || *confirm { Ok(()) } else { Err(weaker(known.name(), &weakened)) }
            };
            let written = define(&table(environment)?, &known, judge, &invocation.write_id).await;
            written.map_err(|error| match error {
                NotReplaced::Refused(why) => Failure::Refused(why),
                NotReplaced::Store(error) => Failure::Table(error),
            })?;
            let text = format!(
                "Clients that are registered for {} can request it within a minute.\n{}",
                known.name().as_str(),
                in_words(known.policy())
            );
            Ok(Output::new(text, known.definition()))
        }
        Command::List => {
            let names = table(environment)?.list_detail_types().await?;
            let names: Vec<_> = names.iter().map(DetailTypeName::as_str).collect();
            let text = if names.is_empty() {
                "There are no types.\n".to_owned()
            } else {
                names.iter().map(|name| format!("{name}\n")).collect()
            };
            Ok(Output::new(text, json!({ "types": names })))
        }
        Command::Show { name } => {
            let known = table(environment)?.find_detail_type(&parse(name)?).await?;
            let definition = known.ok_or_else(|| nothing(name))?.definition();
            Ok(Output::new(format!("{}\n", screen::json(&definition)), definition))
        }
        Command::Remove { name } => {
            if table(environment)?.remove_detail_type(&parse(name)?).await? {
                let text = format!(
                    "{name} is refused within a minute. Open requests and existing grants are not affected.\n"
                );
                Ok(Output::new(text, json!({ "type": name, "removed": true })))
            } else {
                Err(nothing(name))
            }
        }
    }
}

/// What an approval requires. Open requests keep the policy that they have.
fn in_words(policy: &DetailPolicy) -> String {
    let risk = match policy.risk {
        DetailRisk::Client => {
            "Approval requires a passkey that was not enrolled recently if the client has a high_risk_scope."
        }
        DetailRisk::High => "Approval requires a passkey that was not enrolled recently.",
        DetailRisk::Low => "Approval requires no more than the rest of the request.",
    };
    let scope = policy
        .scope
        .as_ref()
        .map(|value| format!("It can be requested and approved only with the scope value {value}.\n"));
    format!("{risk}\n{}", scope.unwrap_or_default())
}

fn weaker(name: &DetailTypeName, members: &[&str]) -> String {
    let (name, members) = (name.as_str(), members.join(" and "));
    format!("{name}: {members} would protect less than now; add --confirm if this is intended")
}

fn read(file: &Path) -> Result<Value, Failure> {
    let cannot = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| cannot(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| cannot(format!("not JSON: {error}")))
}

fn parse(name: &str) -> Result<DetailTypeName, Failure> {
    DetailTypeName::parse(name).ok_or_else(|| nothing(name))
}

fn nothing(name: &str) -> Failure {
    Failure::Refused(format!("there is no type {name}"))
}
