//! The part of the stack that uses the crate `ciba`.
//!
//! Everything else in this crate treats the functions as a black box behind HTTP.

use std::collections::BTreeMap;

use ciba::{
    aws::Aws,
    config::{Environment, Issuer, LoginIssuers, MtlsHost, profile, sms_countries},
    domain::{
        base::{profile::Profile, request_key::RequestKey, time::Timestamp},
        hint::{DirectoryHint, HintKind},
        person::{Person as Record, resolved::Resolved, sms::SmsCountries, ticket::TicketKind},
        request::authentication_request::{CancelledBy, State},
    },
    flows::registering::{create_ticket, enroll_person, register_client::RegisterClient},
    http::serve,
    keys::{HandleUse, KeyRings, Kms},
    protocol::routes,
    store::Table,
};
use serde_json::{Value, json};

use crate::{
    Error, clock,
    phone::{AskedRequest, Directory, RequestState, Told},
    seed::Person,
};

/// The provider's own adapters, set up as in a function of this stack.
pub(crate) struct Provider {
    issuer: Issuer,
    login_issuers: LoginIssuers,
    profile: Profile,
    mtls: Option<MtlsHost>,
    countries: SmsCountries,
    table: Table,
    keys: KeyRings,
    /// The name of the local login issuer.
    login_issuer: String,
}

impl Provider {
    /// `environment` is that of the functions.
    pub(crate) fn new(environment: &BTreeMap<String, String>, login_issuer: &str) -> Result<Self, Error> {
        let env = Environment::of(environment.clone());
        let (issuer, aws) = (Issuer::read(&env)?, Aws::read(&env)?);
        let table = Table::connect(&aws);
        Ok(Self {
            login_issuers: LoginIssuers::read(&env, &issuer)?,
            profile: profile(&env)?,
            mtls: MtlsHost::read(&env)?,
            countries: sms_countries(&env)?,
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
            table,
            issuer,
            login_issuer: login_issuer.to_owned(),
        })
    }

    /// Writes a client of `clients.json` into the table.
    pub(crate) async fn register_client(&self, client: Value) -> Result<(), String> {
        let metadata = serde_json::from_value(client).map_err(|error| error.to_string())?;
        let registrar = RegisterClient {
            issuer: &self.issuer,
            login_issuers: &self.login_issuers,
            profile: self.profile,
            mtls: self.mtls.as_ref(),
        };
        registrar.register(&self.table, metadata).await.map(drop).map_err(|refused| refused.0)
    }

    /// Writes a person of `people.json` into the table, with hints and channels.
    pub(crate) async fn enroll_person(&self, person: Value) -> Result<(), String> {
        let entry = serde_json::from_value(person).map_err(|error| error.to_string())?;
        enroll_person::enroll(
            &self.table,
            entry,
            &self.issuer,
            &self.login_issuers,
            &self.countries,
            serve::random,
        )
        .await
        .map(drop)
        .map_err(|refused| refused.0)
    }

    async fn open(&self, auth_req_id: &str) -> Option<String> {
        let key = self
            .keys
            .open(|keys| keys.open_handle(HandleUse::AuthReqId, auth_req_id), now()?)
            .await
            .ok()?
            .ok()?;
        Some(key.encode())
    }

    async fn asked(&self, request: &str) -> Option<String> {
        let request = self.table.find_request(&RequestKey::parse(request)?).await.ok()??;
        let (person, _) = self.table.find_person_with_asks(&request.person).await.ok()??;
        Some(person.sub.as_str().to_owned())
    }

    async fn request(&self, request: &str) -> Option<AskedRequest> {
        let request = self.table.find_request(&RequestKey::parse(request)?).await.ok()??;
        let client = self.table.find_client(&request.client).await.ok()?;
        let client = client.map_or_else(|| request.client.as_str().to_owned(), |client| client.name);
        Some(AskedRequest { client, state: word(&request.state, request.is_open(now()?)) })
    }

    async fn person(&self, sub: &str) -> Option<Person> {
        let key = self.table.find_hint(&DirectoryHint::new(HintKind::Sub, sub)?).await.ok()??;
        let (person, _) = self.table.find_person_with_asks(&key).await.ok()??;
        let mut entry = json!({ "sub": sub, "claims": person.claims });
        if let Some(login) = self.login(&person) {
            entry["login"] = json!({ "value": login });
        }
        Person::read(&entry)
    }

    async fn ticket(&self, sub: &str) -> Option<String> {
        let key = self.table.find_hint(&DirectoryHint::new(HintKind::Sub, sub)?).await.ok()??;
        let created =
            create_ticket::create(&self.table, &key, TicketKind::First, &serve::initialisation()).await;
        Some(format!("{}/{}", routes::ENROLLMENT, created.ok()?.0.expose()))
    }

    /// The person's name at the local login issuer, if it can be told: whom a resolver described has it in the entry.
    /// Of others the table has only a hash, which shows whether it is their `sub`.
    fn login<'p>(&self, person: &'p Record) -> Option<&'p str> {
        match &person.resolved {
            Some(Resolved { issuer, subject, .. }) => {
                issuer.as_ref().filter(|it| **it == self.login_issuer).map(|_| subject.as_str())
            }
            None => {
                let known = self.login_issuers.find(&self.login_issuer)?;
                let sub = person.sub.as_str();
                known.person_key(sub).filter(|key| *key == person.key).map(|_| sub)
            }
        }
    }
}

fn now() -> Option<Timestamp> {
    let millis = i64::try_from(clock::since_epoch(clock::now()).as_millis()).ok()?;
    Some(Timestamp::from_millis(millis))
}

/// What the person asked would call it: whether the client has fetched its tokens does not matter.
fn word(state: &State, is_open: bool) -> RequestState {
    match state {
        State::Pending if is_open => RequestState::Waiting,
        State::Pending => RequestState::Expired,
        State::Approved(_) | State::Redeemed(_) => RequestState::Approved,
        State::Denied { .. } => RequestState::Declined,
        State::Cancelled { by: CancelledBy::Superseded, .. } => RequestState::Replaced,
        State::Cancelled {
            by: CancelledBy::Operator | CancelledBy::Client | CancelledBy::Person, ..
        } => RequestState::Cancelled,
    }
}

impl Directory for Provider {
    fn open<'a>(&'a self, auth_req_id: &'a str) -> Told<'a, String> {
        Box::pin(self.open(auth_req_id))
    }

    fn asked<'a>(&'a self, request: &'a str) -> Told<'a, String> {
        Box::pin(self.asked(request))
    }

    fn request<'a>(&'a self, request: &'a str) -> Told<'a, AskedRequest> {
        Box::pin(self.request(request))
    }

    fn person<'a>(&'a self, sub: &'a str) -> Told<'a, Person> {
        Box::pin(self.person(sub))
    }

    fn ticket<'a>(&'a self, sub: &'a str) -> Told<'a, String> {
        Box::pin(self.ticket(sub))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_called_what_the_person_would_call_it() {
        let at = Timestamp::from_seconds(1);
        let cancelled = |by| State::Cancelled { at, by };
        for (state, is_open, expected) in [
            (State::Pending, true, RequestState::Waiting),
            (State::Pending, false, RequestState::Expired),
            (State::Denied { at }, false, RequestState::Declined),
            (cancelled(CancelledBy::Superseded), false, RequestState::Replaced),
            (cancelled(CancelledBy::Client), false, RequestState::Cancelled),
            (cancelled(CancelledBy::Operator), false, RequestState::Cancelled),
            (cancelled(CancelledBy::Person), false, RequestState::Cancelled),
        ] {
            assert_eq!(word(&state, is_open), expected, "{state:?}");
        }
    }
}
