//! `request …`

use std::collections::{BTreeSet, HashMap};

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::time::{Timestamp, seconds_rounded_up};
use ciba::domain::request::authentication_request::{CancelledBy, Canceller};
use ciba::flows::Invocation;
use ciba::flows::asking::cancel_request::{self, CancelOutcome};
use ciba::store::{PendingList, PendingRequest, StoreError, Table};
use serde_json::{Value, json};

use crate::Output;
use crate::arguments::RequestCommand;
use crate::failure::Failure;
use crate::person::find_meant;
use crate::screen::{columns, utc};
use crate::settings::Settings;

/// The maximum number of index entries that a list reads: expired ones stay there until DynamoDB has deleted them.
const EVALUATE: i32 = 10_000;

/// The `sub` of each person in a list; people who no longer exist have none.
type Subs = HashMap<PersonKey, String>;

pub(crate) async fn run(
    command: &RequestCommand,
    settings: &Settings,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    match command {
        RequestCommand::List { person, limit } => {
            list(person.as_deref(), usize::from(*limit), settings, invocation.now).await
        }
        RequestCommand::Cancel { request } => cancel(request, &settings.table, invocation).await,
    }
}

/// For one person by a Query of the index, for all by a Scan of the index, never of the table.
async fn list(
    who: Option<&str>,
    limit: usize,
    settings: &Settings,
    now: Timestamp,
) -> Result<Output, Failure> {
    let table = &settings.table;
    let (PendingList { mut requests, is_complete }, subs) = match who {
        Some(who) => {
            let person = find_meant(who, settings).await?;
            let mut requests = table.list_pending(&person.key, now).await?;
            let is_complete = requests.len() <= limit;
            requests.truncate(limit);
            let subs = Subs::from([(person.key, person.sub.as_str().to_owned())]);
            (PendingList { requests, is_complete }, subs)
        }
        None => {
            let pending = table.list_all_pending(now, limit, EVALUATE).await?;
            let subs = find_subs(&pending.requests, table).await?;
            (pending, subs)
        }
    };
    requests.sort_by_key(|request| request.lifetime.expires_at);
    Ok(listed(&requests, &subs, is_complete, now))
}

async fn find_subs(requests: &[PendingRequest], table: &Table) -> Result<Subs, StoreError> {
    let mut seen = BTreeSet::new();
    let people = requests.iter().map(|request| &request.person);
    let people: Vec<_> = people.filter(|person| seen.insert(person.as_str())).cloned().collect();
    let people = table.find_people(&people).await?.into_iter();
    Ok(people.map(|person| (person.key, person.sub.as_str().to_owned())).collect())
}

/// # Security
/// Does not show the client's message to the person: that is between the two.
fn listed(requests: &[PendingRequest], subs: &Subs, is_complete: bool, now: Timestamp) -> Output {
    let header = ["request", "in logs", "client", "person", "asked at", "decide in", "expires in", "state"];
    let mut rows = vec![header.map(str::to_owned)];
    let mut entries = Vec::new();
    for request in requests {
        let lifetime = &request.lifetime;
        let decide_in = seconds_rounded_up(lifetime.decide_until.since(now));
        let expires_in = seconds_rounded_up(lifetime.expires_at.since(now));
        let sub = subs.get(&request.person);
        rows.push([
            request.key.encode(),
            request.key.correlation(),
            request.client.as_str().to_owned(),
            sub.map_or("-", String::as_str).to_owned(),
            utc(lifetime.created_at),
            format!("{decide_in} s"),
            format!("{expires_in} s"),
            if decide_in == 0 { "pending, too late to decide" } else { "pending" }.to_owned(),
        ]);
        entries.push(json!({
            "request": request.key.encode(),
            "correlation": request.key.correlation(),
            "client_id": request.client.as_str(),
            "sub": sub,
            "created_at": lifetime.created_at.seconds(),
            "decide_in": decide_in,
            "expires_in": expires_in,
            "state": "pending",
        }));
    }
    let mut text = if requests.is_empty() { "Nothing is pending.\n".to_owned() } else { columns(&rows) };
    if !is_complete {
        text += "There may be more: use --person for one person's requests, or a higher --limit.\n";
    }
    Output::new(text, json!({ "requests": entries, "complete": is_complete }))
}

async fn cancel(name: &str, table: &Table, invocation: &Invocation) -> Result<Output, Failure> {
    let Some(key) = parse(name) else {
        let why = "a request is identified by 22 base64url characters, or by the link that ends in them; an auth_req_id \
                   is only known to the client";
        return Err(Failure::Refused(why.to_owned()));
    };
    let outcome = cancel_request::cancel(table, &key, Canceller::Operator, invocation).await;
    let outcome = outcome.map_err(unknown)?;
    let refuse = |why: String| Err(Failure::Refused(format!("request {}: {why}", key.encode())));
    let (by, at, is_new) = match outcome {
        CancelOutcome::Done => (CancelledBy::Operator, invocation.now, true),
        CancelOutcome::Already { by, at } => (by, at, false),
        CancelOutcome::Decided(state) => {
            return refuse(format!(
                "the person was faster, it is {}; a decision cannot be undone",
                state.as_str()
            ));
        }
        CancelOutcome::Expired => return refuse("it has expired, so nobody can decide it".to_owned()),
        CancelOutcome::Unknown => return refuse("it does not exist, or no longer".to_owned()),
    };
    Ok(cancelled(&key, by, at, is_new))
}

fn cancelled(key: &RequestKey, by: CancelledBy, at: Timestamp, is_new: bool) -> Output {
    let name = key.encode();
    let text = match (is_new, by) {
        (true, _) => format!(
            "request {name} is cancelled: its client gets access_denied at the next poll, and nobody can decide it.\n"
        ),
        (false, CancelledBy::Operator) => {
            format!("request {name} was cancelled by an operator at {}; nothing is changed.\n", utc(at))
        }
        (false, CancelledBy::Client) => {
            format!("request {name} was cancelled by its client at {}; nothing is changed.\n", utc(at))
        }
        (false, CancelledBy::Person) => {
            format!(
                "request {name} was approved, and taken back by the person at {}; nothing is changed.\n",
                utc(at)
            )
        }
        (false, CancelledBy::Superseded) => {
            format!(
                "request {name} was superseded by the client's next request at {}; nothing is changed.\n",
                utc(at)
            )
        }
    };
    let json: Value = json!({
        "request": name,
        "correlation": key.correlation(),
        "state": "cancelled",
        "cancelled_by": by.as_str(),
        "cancelled_at": at.seconds(),
        "changed": is_new,
    });
    Output::new(text, json)
}

/// A request's key, or the link that the person received.
pub(crate) fn parse(name: &str) -> Option<RequestKey> {
    RequestKey::parse(name.rsplit('/').next().unwrap_or(name))
}

/// Cancelling is idempotent.
fn unknown(error: StoreError) -> Failure {
    Failure::Unknown(error, "It may have been cancelled; repeat the command to find out".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_by_its_key_or_by_its_link() {
        let key = RequestKey::from_bytes([7; 16]);
        let name = key.encode();
        for named in [name.clone(), format!("https://id.example.com/consent/{name}"), format!("/{name}")] {
            assert_eq!(parse(&named), Some(key), "{named}");
        }
        for other in ["", "https://id.example.com/consent/", &name[1..], &format!("{name}/")] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
