//! The requests that a person sees: all that await their decision, or one of them.

use crate::deciding::statement::{receipt, statement};
use ciba_aws::store::{ClientDirectory, StoreError, Table};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::{Timestamp, seconds_rounded_up};
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::client::{Client, ClientId};
use ciba_core::domain::details::authorization_details::RequestDetail;
use ciba_core::domain::request::answer::Answer;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, State};
use ciba_core::domain::request::proof::{Demand, WouldGrant};
use ciba_core::domain::request::statement::Shown;
use ciba_core::page::Language;
use ciba_core::protocol::consent::{ClientView, DetailView, RequestView, StatementView};

/// Every request that awaits the decision of `person`, sorted by expiration.
pub async fn list(
    table: &Table,
    clients: &ClientDirectory,
    person: &PersonKey,
    now: Timestamp,
) -> Result<Vec<RequestView>, StoreError> {
    let mut views = Vec::new();
    for pending in table.list_pending(person, now).await? {
        if !pending.lifetime.is_decidable(now) {
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
            authorization_details: vec![],
            details: vec![],
            request_context: None,
            created_at: pending.lifetime.created_at.seconds(),
            decide_in: seconds_rounded_up(pending.lifetime.decide_until.since(now)),
            proof: None,
            statement: None,
        });
    }
    Ok(views)
}

/// One request of this person. Another person's request looks like one that does not exist.
///
/// `rp_id` is the domain of passkeys, if there are any; `language` is the language of the statement to be signed.
pub async fn read(
    table: &Table,
    clients: &ClientDirectory,
    request: &RequestKey,
    person: &PersonKey,
    (rp_id, language): (Option<&str>, Language),
    now: Timestamp,
) -> Result<Option<RequestView>, StoreError> {
    let found = table.find_request(request).await?.filter(|request| request.person == *person);
    let Some(request) = found else { return Ok(None) };
    let decide_in =
        if request.is_open(now) { seconds_rounded_up(request.lifetime.decide_until.since(now)) } else { 0 };
    let detail = table.find_detail(&request).await?;
    let client = clients.find(&request.client, now).await?;
    Ok(Some(RequestView {
        request: request.key.encode(),
        state: state_word(&request, now),
        proof: client.as_ref().map(|client| demand_of_all(client, &request, &detail).as_str()),
        statement: client.as_ref().zip(rp_id).map(|(client, rp_id)| {
            let statement = statement(&request, &detail, client, language);
            StatementView {
                rp_id: rp_id.to_owned(),
                language: language.tag(),
                shown: Shown::of(&statement.encode()).encode(),
                receipt: Shown::of(&receipt(&request, client, language).encode()).encode(),
                scopes: statement.scope,
            }
        }),
        client: view_of(&request.client, client),
        scope: request.scope.encode(),
        resources: names(&request.resources),
        created_at: request.lifetime.created_at.seconds(),
        binding_message: request.binding_message.map(|message| message.as_str().to_owned()),
        acr_values: request.acr_values,
        details: detail_views(&detail, language),
        authorization_details: detail.details.entries().to_vec(),
        request_context: detail.context,
        decide_in,
    }))
}

/// The proof required to approve all of a request.
pub fn demand_of_all(client: &Client, request: &AuthenticationRequest, detail: &RequestDetail) -> Demand {
    Demand::of(client, &WouldGrant::of(request, detail, &request.scope))
}

/// The details and the client of a request that can still be decided. Its page shows them to anyone who has the link.
pub async fn open(
    table: &Table,
    clients: &ClientDirectory,
    request: &AuthenticationRequest,
    now: Timestamp,
) -> Result<Option<(RequestDetail, Client)>, StoreError> {
    if !request.is_open(now) {
        return Ok(None);
    }
    let client = clients.find(&request.client, now).await?.filter(|client| client.active);
    let Some(client) = client else { return Ok(None) };
    Ok(Some((table.find_detail(request).await?, client)))
}

/// A person's answer to a request.
pub struct Answered {
    pub answer: Answer,
    pub client: Client,
    /// What the request was about, if its type of details has a headline.
    pub headline: Option<String>,
}

/// What the person of a request answered, while something is left of it.
pub async fn answered(
    table: &Table,
    clients: &ClientDirectory,
    request: &AuthenticationRequest,
    language: Language,
    now: Timestamp,
) -> Result<Option<Answered>, StoreError> {
    let found = table.find_person_with_asks(&request.person).await?;
    let asks = found.map(|(_, asks)| asks).unwrap_or_default();
    let Some(answer) = Answer::of(request, &asks, now) else { return Ok(None) };
    let Some(client) = clients.find(&request.client, now).await? else { return Ok(None) };
    let detail = table.find_detail(request).await?;
    let headline = match detail.words(language.tag()) {
        [only] => only.headline.clone(),
        [] | [_, ..] => None,
    };
    Ok(Some(Answered { answer, client, headline }))
}

fn detail_views(detail: &RequestDetail, language: Language) -> Vec<DetailView> {
    let words = detail.words(language.tag()).iter().zip(detail.policy_of_each());
    words.map(|(words, policy)| DetailView { words: words.clone(), scope: policy.scope.clone() }).collect()
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

async fn client_view(
    clients: &ClientDirectory,
    id: &ClientId,
    now: Timestamp,
) -> Result<ClientView, StoreError> {
    Ok(view_of(id, clients.find(id, now).await?))
}

/// A client that was deleted in the meantime is shown by its id.
fn view_of(id: &ClientId, client: Option<Client>) -> ClientView {
    let client_name = client.map_or_else(|| id.as_str().to_owned(), |client| client.name);
    ClientView { client_id: id.as_str().to_owned(), client_name }
}
