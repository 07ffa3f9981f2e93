//! Reads several kinds of items in one batch of consistent reads: everything that a step depends on. Client and
//! person are read again, because either may have been disabled in the meantime.

use crate::store::authentication_request::{self as requests, request_key};
use crate::store::batch::with_sk;
use crate::store::item::{Item, key};
use crate::store::{
    EvidenceBasis, StoreError, Table, WithdrawnKeys, asks, client, evidence_chain, passkey, person,
    request_detail, withdrawn_keys,
};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::client::{Client, ClientId};
use ciba_core::domain::details::authorization_details::RequestDetail;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::asks::Asks;
use ciba_core::domain::person::passkey::{Passkey, PasskeyId};
use ciba_core::domain::request::authentication_request::AuthenticationRequest;

/// Everything that a decision depends on. Missing items are `None`.
#[derive(Debug)]
pub struct DecisionBasis {
    pub request: Option<AuthenticationRequest>,
    /// Empty if the request has none.
    pub detail: RequestDetail,
    pub person: Option<Person>,
    pub client: Option<Client>,
    pub asks: Asks,
    pub passkey: Option<Passkey>,
    /// The chain that the decision's evidence extends, and the key that seals its personal data.
    pub evidence: EvidenceBasis,
}

fn person_among(items: &[Item]) -> Result<Option<(Person, Asks)>, StoreError> {
    let person = with_sk(items, person::SK).map(person::decode).transpose()?;
    let asks = asks::among(items)?;
    Ok(person.map(|person| (person, asks)))
}

impl Table {
    /// A person, and how often they were asked recently.
    pub async fn find_person_with_asks(
        &self,
        person_key: &PersonKey,
    ) -> Result<Option<(Person, Asks)>, StoreError> {
        let keys = vec![key(person::pk(person_key), person::SK), asks::key(person_key)];
        person_among(&self.batch_get(keys).await?)
    }

    /// Like [`Table::find_person_with_asks`], with the withdrawn keys, which must not seal anything for a client.
    pub async fn find_person_asks_and_withdrawn_keys(
        &self,
        person_key: &PersonKey,
    ) -> Result<(Option<(Person, Asks)>, WithdrawnKeys), StoreError> {
        let person = key(person::pk(person_key), person::SK);
        let items =
            self.batch_get(vec![person, asks::key(person_key), withdrawn_keys::item_key(person_key)]).await?;
        Ok((person_among(&items)?, withdrawn_keys::among(&items)?))
    }

    /// The current person and client, read before tokens about the person are issued to the client, with the
    /// person's denials and blocks, and the withdrawn keys, which must not be used.
    pub async fn find_person_client_and_asks(
        &self,
        person: &PersonKey,
        id: &ClientId,
    ) -> Result<(Option<Person>, Option<Client>, Asks, WithdrawnKeys), StoreError> {
        let keys = vec![
            key(person::pk(person), person::SK),
            client::client_key(id),
            asks::key(person),
            withdrawn_keys::item_key(person),
        ];
        let items = self.batch_get(keys).await?;
        Ok((
            with_sk(&items, person::SK).map(person::decode).transpose()?,
            with_sk(&items, client::SK).map(client::decode).transpose()?,
            asks::among(&items)?,
            withdrawn_keys::among(&items)?,
        ))
    }

    /// Like [`Table::find_person_client_and_asks`], for redeeming `request`, with its detail item.
    pub async fn find_for_redemption(
        &self,
        request: &AuthenticationRequest,
    ) -> Result<(Option<Person>, Option<Client>, Asks, WithdrawnKeys, RequestDetail), StoreError> {
        let (person, id) = (&request.person, &request.client);
        let mut keys = vec![
            key(person::pk(person), person::SK),
            client::client_key(id),
            asks::key(person),
            withdrawn_keys::item_key(person),
        ];
        keys.extend(request.has_detail.then(|| request_detail::detail_key(&request.key)));
        let items = self.batch_get(keys).await?;
        Ok((
            with_sk(&items, person::SK).map(person::decode).transpose()?,
            with_sk(&items, client::SK).map(client::decode).transpose()?,
            asks::among(&items)?,
            withdrawn_keys::among(&items)?,
            request_detail::among(&items, Some(request))?,
        ))
    }

    /// Everything that a decision depends on, in one batch.
    pub async fn find_for_decision(
        &self,
        request: &RequestKey,
        person: &PersonKey,
        client: &ClientId,
        passkey: Option<&PasskeyId>,
    ) -> Result<DecisionBasis, StoreError> {
        let mut keys = vec![
            request_key(request),
            request_detail::detail_key(request),
            key(person::pk(person), person::SK),
            asks::key(person),
            client::client_key(client),
        ];
        keys.extend(passkey.map(|id| passkey::passkey_key(person, id)));
        keys.extend(evidence_chain::keys(person));
        let items = self.batch_get(keys).await?;
        let passkey = passkey.and_then(|id| with_sk(&items, &passkey::sk(id)));
        let request = with_sk(&items, requests::SK).map(requests::decode).transpose()?;
        Ok(DecisionBasis {
            detail: request_detail::among(&items, request.as_ref())?,
            request,
            person: with_sk(&items, person::SK).map(person::decode).transpose()?,
            client: with_sk(&items, client::SK).map(client::decode).transpose()?,
            asks: asks::among(&items)?,
            passkey: passkey.map(passkey::decode).transpose()?,
            evidence: evidence_chain::among(&items)?,
        })
    }
}
