//! `delivery …`

use ciba::aws::Aws;
use ciba::config::{DeliverySettings, Environment};
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::request::delivery::DeliveryState;
use ciba::flows::Invocation;
use ciba::flows::telling::dead_letters::{DeadLetters, Found, NotDone, Replayed};
use ciba::flows::telling::sweep_deliveries::{SweepDeliveries, SweptDeliveries};
use ciba::notify::DeliveryQueue;
use ciba::store::{DeliveryReport, Table};
use serde_json::{Value, json};

use crate::Output;
use crate::arguments::DeliveryCommand;
use crate::failure::Failure;
use crate::request;
use crate::screen::{columns, utc};

pub(crate) async fn run(
    command: &DeliveryCommand,
    environment: &Environment,
    invocation: &Invocation,
) -> Result<Output, Failure> {
    let aws = Aws::read(environment)?;
    let queues = DeliverySettings::read(environment)?;
    let table = Table::connect(&aws);
    let queue = DeliveryQueue::connect(&aws, &queues.queue);
    let dead_letters = DeliveryQueue::connect(&aws, &queues.dead_letters);
    let flow = DeadLetters { table: &table, queue: &queue, dead_letters: &dead_letters };
    match command {
        DeliveryCommand::List => Ok(listed(&flow.list().await?)),
        DeliveryCommand::Replay { request, .. } => {
            let only = request.as_deref().map(|name| {
                request::parse(name)
                    .ok_or_else(|| Failure::Refused(format!("{name} does not identify a request")))
            });
            let only = only.transpose()?;
            let replayed = flow.replay(only.as_ref(), invocation).await?;
            if let (Some(only), true) = (only, replayed.is_empty()) {
                let why = format!("request {} is not among the dead letters", only.encode());
                return Err(Failure::Refused(why));
            }
            Ok(done(&replayed))
        }
        DeliveryCommand::Sweep { items } => {
            let flow = SweepDeliveries { table: &table, queue: &queue };
            Ok(swept(&flow.sweep(*items, invocation, report).await?))
        }
    }
}

/// On the error stream, so that the result on the output stays one text or one JSON object.
fn report(swept: &SweptDeliveries) {
    eprintln!("{} items read, {} deliveries put into the queue", swept.evaluated, swept.queued.len());
}

impl From<NotDone> for Failure {
    fn from(error: NotDone) -> Self {
        match error {
            NotDone::Store(error) => Self::Table(error),
            NotDone::Queue(error) => Self::Queue(error.0),
        }
    }
}

fn state(report: &DeliveryReport) -> &'static str {
    match report.delivery.state {
        DeliveryState::Failed => "failed",
        // The function failed repeatedly; the log of client-notification says why.
        DeliveryState::Waiting => "not finished",
        DeliveryState::Delivered | DeliveryState::Unneeded => "settled",
    }
}

fn listed(found: &Found) -> Output {
    let header = [
        "request",
        "in logs",
        "client",
        "mode",
        "decision",
        "attempts",
        "last response",
        "expires at",
        "state",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    let mut entries: Vec<Value> = Vec::new();
    for report in &found.deliveries {
        let DeliveryReport { request, delivery, failure } = report;
        let ended_at = request.lifetime.expires_at;
        rows.push([
            request.key.encode(),
            request.key.correlation(),
            request.client.as_str().to_owned(),
            request.mode.as_str().to_owned(),
            request.state.name().as_str().to_owned(),
            delivery.attempts.to_string(),
            failure.clone().unwrap_or_else(|| "-".to_owned()),
            utc(ended_at),
            state(report).to_owned(),
        ]);
        entries.push(json!({
            "request": request.key.encode(),
            "correlation": request.key.correlation(),
            "client_id": request.client.as_str(),
            "mode": request.mode.as_str(),
            "decision": request.state.name().as_str(),
            "attempts": delivery.attempts,
            "failure": failure,
            "expires_at": ended_at.seconds(),
            "state": delivery.state.as_str(),
        }));
    }
    let mut text =
        if entries.is_empty() { "Every client was notified.\n".to_owned() } else { columns(&rows) };
    if !found.is_complete {
        text += "There may be more.\n";
    }
    Output::new(text, json!({ "deliveries": entries, "complete": found.is_complete }))
}

fn done(replayed: &[(RequestKey, Replayed)]) -> Output {
    let mut text = String::new();
    let mut entries: Vec<Value> = Vec::new();
    for (request, replayed) in replayed {
        let name = request.encode();
        let (code, words) = match replayed {
            Replayed::Again => ("replayed", "is retried for ten minutes"),
            Replayed::Settled => ("settled", "needs no notification any more; its dead letter is removed"),
            Replayed::Swept => ("swept", "expired more than a day ago; its dead letter is removed"),
        };
        text += &format!("request {name} {words}.\n");
        entries.push(json!({ "request": name, "correlation": request.correlation(), "outcome": code }));
    }
    if entries.is_empty() {
        text += "There is nothing to replay.\n";
    }
    Output::new(text, json!({ "deliveries": entries }))
}

fn swept(swept: &SweptDeliveries) -> Output {
    let mut rows =
        vec![["request", "in logs", "client", "mode", "decision", "expires at"].map(str::to_owned)];
    let mut entries: Vec<Value> = Vec::new();
    for request in &swept.queued {
        let (state, ended_at) = (request.state.name().as_str(), request.lifetime.expires_at);
        let (client, mode) = (request.client.as_str(), request.mode.as_str());
        let (name, correlation) = (request.key.encode(), request.key.correlation());
        rows.push([&name, &correlation, client, mode, state, &utc(ended_at)].map(str::to_owned));
        entries.push(json!({
            "request": name,
            "correlation": correlation,
            "client_id": client,
            "mode": mode,
            "decision": state,
            "expires_at": ended_at.seconds(),
        }));
    }
    let mut text = if entries.is_empty() { "No delivery is overdue.\n".to_owned() } else { columns(&rows) };
    if !swept.is_complete {
        text += "The table has more items than were read: repeat with --items.\n";
    }
    Output::new(
        text,
        json!({ "deliveries": entries, "items": swept.evaluated, "complete": swept.is_complete }),
    )
}
