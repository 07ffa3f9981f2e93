//! `ticket …`

use ciba::config::{Environment, PasskeySettings};
use ciba::domain::person::ticket::{LIFETIME, TicketKind};
use ciba::flows::Invocation;
use ciba::flows::registering::create_ticket::{self, NoTicket};
use ciba::protocol::routes;
use serde_json::json;

use crate::Output;
use crate::arguments::TicketCommand;
use crate::failure::Failure;
use crate::person::{find, nobody};
use crate::settings::Settings;

pub(crate) async fn run(
    command: &TicketCommand,
    environment: &Environment,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let TicketCommand::Create { sub, further } = command;
    let settings = Settings::read(environment)?;
    if PasskeySettings::rp_id(environment, &settings.issuer)?.is_none() {
        let why = "RP_ID is not set: this deployment has no passkeys, so a ticket's link would lead nowhere";
        return Err(Failure::Refused(why.to_owned()));
    }
    let kind = if *further { TicketKind::Further } else { TicketKind::First };
    create(sub, kind, &settings, invocation).await
}

/// # Security
/// The link is only printed, and stored nowhere.
async fn create(
    sub: &str,
    kind: TicketKind,
    settings: &Settings,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let (person, _) = find(sub, settings).await?.ok_or_else(|| nobody(sub))?;
    let refused = |why: &str| Failure::Refused(format!("person {sub}: {why}"));
    let created = create_ticket::create(&settings.table, &person.key, kind, invocation).await;
    let (secret, ticket) = created.map_err(|error| match error {
        NoTicket::Inactive => refused("is disabled"),
        NoTicket::Full => {
            refused("has the maximum number of passkeys; remove one with ciba-admin passkey remove")
        }
        // Of a person's own tickets.
        NoTicket::ByOperator | NoTicket::Unreachable => refused(&error.to_string()),
        NoTicket::Store(error) => Failure::Table(error),
    })?;
    let link = format!("{}{}/{}", settings.issuer.as_str(), routes::ENROLLMENT, secret.expose());
    let minutes = LIFETIME.as_secs() / 60;
    let text = format!(
        "{link}\n\nValid once, for {minutes} minutes, and not shown again. Anyone who opens it can create a passkey of {sub}: \
         give it to nobody else.\n"
    );
    let json = json!({
        "sub": sub,
        "kind": kind.as_str(),
        "link": link,
        "expires_at": ticket.expires_at.seconds(),
    });
    Ok(Output::new(text, json))
}
