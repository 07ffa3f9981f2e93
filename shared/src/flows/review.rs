//! What a person sees: the requests that wait for them, or one of theirs.

use crate::domain::authentication_request::{AuthenticationRequest, State};
use crate::domain::client::ClientId;
use crate::domain::person_key::PersonKey;
use crate::domain::request_key::RequestKey;
use crate::domain::resource::ResourceId;
use crate::domain::time::{Timestamp, seconds_rounded_up};
use crate::protocol::consent::{ClientView, RequestView};
use crate::store::{ClientDirectory, StoreError, Table};

/// Everything that waits for `person`, what ends first first.
pub async fn list(
    table: &Table,
    clients: &ClientDirectory,
    person: &PersonKey,
    now: Timestamp,
) -> Result<Vec<RequestView>, StoreError> {
    let mut views = Vec::new();
    for pending in table.list_pending(person, now).await? {
        if now >= pending.lifetime.decide_until {
            continue;
        }
        views.push(RequestView {
            request: pending.key.encode(),
            state: "pending",
            client: client_view(clients, &pending.client, now).await?,
            binding_message: pending.binding_message.map(|message| message.as_str().to_owned()),
            scope: pending.scope.encode(),
            resources: names(&pending.resources),
            acr_values: pending.acr_values,
            created_at: pending.lifetime.created_at.seconds(),
            decide_in: seconds_rounded_up(pending.lifetime.decide_until.since(now)),
        });
    }
    Ok(views)
}

/// One request of this person. Somebody else's looks like one that does not exist.
pub async fn read(
    table: &Table,
    clients: &ClientDirectory,
    request: &RequestKey,
    person: &PersonKey,
    now: Timestamp,
) -> Result<Option<RequestView>, StoreError> {
    let found = table.find_request(request).await?.filter(|request| request.person == *person);
    let Some(request) = found else { return Ok(None) };
    let decide_in = match request.is_open(now) {
        true => seconds_rounded_up(request.lifetime.decide_until.since(now)),
        false => 0,
    };
    Ok(Some(RequestView {
        request: request.key.encode(),
        state: state_word(&request, now),
        client: client_view(clients, &request.client, now).await?,
        binding_message: request.binding_message.map(|message| message.as_str().to_owned()),
        scope: request.scope.encode(),
        resources: names(&request.resources),
        acr_values: request.acr_values,
        created_at: request.lifetime.created_at.seconds(),
        decide_in,
    }))
}

fn names(resources: &[ResourceId]) -> Vec<String> {
    resources.iter().map(|resource| resource.as_str().to_owned()).collect()
}

fn state_word(request: &AuthenticationRequest, now: Timestamp) -> &'static str {
    match request.state {
        State::Pending | State::Approved(_) if request.is_expired(now) => "expired",
        State::Pending
        | State::Approved(_)
        | State::Denied { .. }
        | State::Cancelled { .. }
        | State::Redeemed(_) => request.state.name().as_str(),
    }
}

/// A client that was deleted meanwhile is shown by its id.
async fn client_view(
    clients: &ClientDirectory,
    id: &ClientId,
    now: Timestamp,
) -> Result<ClientView, StoreError> {
    let client_name = match clients.find(id, now).await? {
        Some(client) => client.name,
        None => id.as_str().to_owned(),
    };
    Ok(ClientView { client_id: id.as_str().to_owned(), client_name })
}
