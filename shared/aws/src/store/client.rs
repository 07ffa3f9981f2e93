//! Clients (`client#<client_id>` / `client`).

mod authentication;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::as_read::{AsRead, Unchanged};
use crate::store::attribute::{
    self, ACTIVE, ALGORITHM, AUDIENCE, AUTHORIZATION_DETAILS_TYPES, BINDS_CERTIFICATE, BINDS_DPOP, CLIENT_ID,
    CLIENT_NAME, DELIVERY_MODE, HIGH_RISK_SCOPE, HINT_KINDS, ID, ID_TOKEN_ALGORITHM, INTROSPECTS,
    MAY_REFRESH, MAY_USE_CIBA, NOTIFICATION_ENDPOINT, PROFILE, REQUEST_SIGNING, REQUIRES_BINDING_MESSAGE,
    REQUIRES_PASSKEY, RESOURCES, ROTATES_REFRESH_TOKENS, SCOPE, SCOPE_DESCRIPTIONS, SECRET_HASH, SECTOR,
    SENDS_JSON, TAKES_USER_CODE, WRITE_ID,
};
use crate::store::item::{Item, Reader, bytes, key, text};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::confirmation::SenderConstraint;
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::profile::Profile;
use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::base::secret::SecretHash;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::hint_form::HintForms;
use ciba_core::domain::client::resource::{Resource, ResourceId};
use ciba_core::domain::client::subject_type::SubjectType;
use ciba_core::domain::client::{
    Client, ClientId, Delivery, DeliveryMode, NotificationEndpoint, ScopeDescriptions,
};

pub(super) const SK: &str = "client";

pub(super) fn client_key(id: &ClientId) -> Item {
    key(format!("client#{}", id.as_str()), SK)
}

pub(super) fn decode(item: &Item) -> Result<Client, StoreError> {
    let reader = Reader(item);
    Ok(Client {
        id: reader.parsed(CLIENT_ID, ClientId::parse)?,
        name: reader.text(CLIENT_NAME)?.to_owned(),
        authentication: authentication::decode(reader)?,
        keys: authentication::decode_keys(reader),
        profile: reader.optional_text(PROFILE).map_or(Ok(Profile::Plain), |name| {
            Profile::parse(name).ok_or_else(|| Reader::corrupt(PROFILE))
        })?,
        request_signing: optional_algorithm(reader, REQUEST_SIGNING)?,
        sender_constraint: SenderConstraint {
            certificate: item.contains_key(BINDS_CERTIFICATE),
            dpop: item.contains_key(BINDS_DPOP),
        },
        authorization_details_types: reader.texts(AUTHORIZATION_DETAILS_TYPES)?,
        subject_type: match reader.optional_text(SECTOR) {
            None => SubjectType::Public,
            Some(sector) => SubjectType::Pairwise { sector: sector.to_owned() },
        },
        delivery: {
            let endpoint = || reader.text(NOTIFICATION_ENDPOINT).map(NotificationEndpoint::from_stored);
            match reader.parsed(DELIVERY_MODE, DeliveryMode::parse)? {
                DeliveryMode::Poll => Delivery::Poll,
                DeliveryMode::Ping => Delivery::Ping(endpoint()?),
                DeliveryMode::Push => Delivery::Push(endpoint()?),
            }
        },
        may_use_ciba: reader.flag(MAY_USE_CIBA)?,
        may_refresh: reader.flag(MAY_REFRESH)?,
        rotates_refresh_tokens: reader.flag(ROTATES_REFRESH_TOKENS)?,
        scope: reader.parsed(SCOPE, Scope::parse)?,
        audience: reader.optional_text(AUDIENCE).map(str::to_owned),
        resources: reader.list(RESOURCES)?.iter().map(decode_resource).collect::<Result<_, _>>()?,
        introspects: reader.texts(INTROSPECTS)?,
        id_token_algorithm: reader.parsed(ID_TOKEN_ALGORITHM, JwsAlgorithm::parse)?,
        hint_kinds: match reader.optional_text(HINT_KINDS) {
            None => HintForms::all(),
            Some(names) => HintForms::parse(names.split(' ')).ok_or_else(|| Reader::corrupt(HINT_KINDS))?,
        },
        // Clients registered before passkeys, required binding messages and user codes were introduced lack these
        // attributes.
        requires_passkey: item.contains_key(REQUIRES_PASSKEY) && reader.flag(REQUIRES_PASSKEY)?,
        requires_binding_message: item.contains_key(REQUIRES_BINDING_MESSAGE)
            && reader.flag(REQUIRES_BINDING_MESSAGE)?,
        high_risk_scope: match reader.optional_text(HIGH_RISK_SCOPE) {
            None => None,
            Some(text) => Some(Scope::parse(text).ok_or_else(|| Reader::corrupt(HIGH_RISK_SCOPE))?),
        },
        scope_descriptions: match reader.optional_text(SCOPE_DESCRIPTIONS) {
            None => ScopeDescriptions::new(),
            Some(json) => serde_json::from_str(json).map_err(|_| Reader::corrupt(SCOPE_DESCRIPTIONS))?,
        },
        takes_user_code: item.contains_key(TAKES_USER_CODE) && reader.flag(TAKES_USER_CODE)?,
        sends_json: item.contains_key(SENDS_JSON),
        active: reader.flag(ACTIVE)?,
    })
}

fn optional_algorithm(reader: Reader<'_>, name: &str) -> Result<Option<JwsAlgorithm>, StoreError> {
    let algorithm =
        reader.optional_text(name).map(|text| JwsAlgorithm::parse(text).ok_or_else(|| Reader::corrupt(name)));
    algorithm.transpose()
}

fn decode_resource(value: &AttributeValue) -> Result<Resource, StoreError> {
    let reader = Reader(value.as_m().map_err(|_| Reader::corrupt(RESOURCES))?);
    Ok(Resource {
        id: reader.parsed(ID, ResourceId::parse)?,
        scope: reader.parsed(SCOPE, Scope::parse)?,
        algorithm: reader.parsed(ALGORITHM, JwsAlgorithm::parse)?,
    })
}

fn encode_resource(resource: &Resource) -> AttributeValue {
    AttributeValue::M(HashMap::from([
        (ID.to_owned(), text(resource.id.as_str())),
        (SCOPE.to_owned(), text(resource.scope.encode())),
        (ALGORITHM.to_owned(), text(resource.algorithm.as_str())),
    ]))
}

fn encode(client: &Client) -> Item {
    let mut item = client_key(&client.id);
    item.extend([
        (CLIENT_ID.to_owned(), text(client.id.as_str())),
        (CLIENT_NAME.to_owned(), text(&client.name)),
        (DELIVERY_MODE.to_owned(), text(client.delivery.mode().as_str())),
        (MAY_USE_CIBA.to_owned(), AttributeValue::Bool(client.may_use_ciba)),
        (MAY_REFRESH.to_owned(), AttributeValue::Bool(client.may_refresh)),
        (ROTATES_REFRESH_TOKENS.to_owned(), AttributeValue::Bool(client.rotates_refresh_tokens)),
        (SCOPE.to_owned(), text(client.scope.encode())),
        (ID_TOKEN_ALGORITHM.to_owned(), text(client.id_token_algorithm.as_str())),
        (ACTIVE.to_owned(), AttributeValue::Bool(client.active)),
    ]);
    authentication::encode(client, &mut item);
    if client.profile != Profile::Plain {
        item.insert(PROFILE.to_owned(), text(client.profile.as_str()));
    }
    item.extend(client.request_signing.map(|it| (REQUEST_SIGNING.to_owned(), text(it.as_str()))));
    for (binds, name) in [
        (client.sender_constraint.certificate, BINDS_CERTIFICATE),
        (client.sender_constraint.dpop, BINDS_DPOP),
    ] {
        if binds {
            item.insert(name.to_owned(), AttributeValue::Bool(true));
        }
    }
    if !client.authorization_details_types.is_empty() {
        let types = client.authorization_details_types.iter().map(text).collect();
        item.insert(AUTHORIZATION_DETAILS_TYPES.to_owned(), AttributeValue::L(types));
    }
    if let SubjectType::Pairwise { sector } = &client.subject_type {
        item.insert(SECTOR.to_owned(), text(sector));
    }
    let endpoint = client.delivery.endpoint();
    item.extend(endpoint.map(|url| (NOTIFICATION_ENDPOINT.to_owned(), text(url.as_str()))));
    if !client.resources.is_empty() {
        let resources = client.resources.iter().map(encode_resource).collect();
        item.insert(RESOURCES.to_owned(), AttributeValue::L(resources));
    }
    if !client.introspects.is_empty() {
        let audiences = client.introspects.iter().map(text).collect();
        item.insert(INTROSPECTS.to_owned(), AttributeValue::L(audiences));
    }
    // Not stored if all kinds are allowed, so that such a client may also use kinds that are introduced later.
    let kinds =
        (!client.hint_kinds.is_all()).then(|| client.hint_kinds.names().collect::<Vec<_>>().join(" "));
    item.extend(kinds.map(|names| (HINT_KINDS.to_owned(), text(names))));
    if client.requires_passkey {
        item.insert(REQUIRES_PASSKEY.to_owned(), AttributeValue::Bool(true));
    }
    if client.requires_binding_message {
        item.insert(REQUIRES_BINDING_MESSAGE.to_owned(), AttributeValue::Bool(true));
    }
    item.extend(client.high_risk_scope.as_ref().map(|it| (HIGH_RISK_SCOPE.to_owned(), text(it.encode()))));
    if !client.scope_descriptions.is_empty() {
        let json = serde_json::json!(client.scope_descriptions).to_string();
        item.insert(SCOPE_DESCRIPTIONS.to_owned(), text(json));
    }
    if client.sends_json {
        item.insert(SENDS_JSON.to_owned(), AttributeValue::Bool(true));
    }
    if client.takes_user_code {
        item.insert(TAKES_USER_CODE.to_owned(), AttributeValue::Bool(true));
    }
    item.extend(client.audience.as_ref().map(|audience| (AUDIENCE.to_owned(), text(audience))));
    item
}

impl Table {
    pub async fn find_client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.read_client(id).await?.map(|read| read.value))
    }

    /// A client, for [`Table::replace_client`].
    pub async fn read_client(&self, id: &ClientId) -> Result<Option<AsRead<Client>>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(client_key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem client", &error))?;
        answer.item.map(|item| AsRead::decoded(item, decode)).transpose()
    }

    /// Writes a new or changed client, whatever is there, for the first entries of a table.
    pub async fn put_client(&self, client: &Client) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(encode(client)))
            .send()
            .await
            .map(drop)
            .map_err(|error| StoreError::unavailable("PutItem client", &error))
    }

    /// Writes a client if its record is still `old`; if that is `None`, if there is still no record. `false` if the
    /// record has changed, which then remains as it is.
    ///
    /// `write` identifies this write. If the existing item has it, this call is a retry after its own response was
    /// lost.
    pub async fn replace_client(
        &self,
        client: &Client,
        old: Option<&AsRead<Client>>,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let mut item = encode(client);
        item.insert(WRITE_ID.to_owned(), text(write.as_str()));
        let put = self.put_unchanged(Unchanged::since(old, attribute::CLIENT));
        self.put_conditionally(put, item, WRITE_ID, "PutItem client").await
    }

    /// Replaces a client's secret. Functions that have cached the client accept the old one for up to a minute.
    /// `false` if there is no such client, or it has no secret.
    pub async fn set_client_secret(&self, id: &ClientId, hash: &SecretHash) -> Result<bool, StoreError> {
        self.replace_attribute(client_key(id), SECRET_HASH, bytes(hash.as_bytes())).await
    }

    /// Enables or disables a client. `false` if there is no such client.
    pub async fn set_client_active(&self, id: &ClientId, active: bool) -> Result<bool, StoreError> {
        self.set_if_present(client_key(id), ACTIVE, AttributeValue::Bool(active)).await
    }
}

/// The clients cached by a warm function. Before tokens are issued, the client is read from the table instead.
pub struct ClientDirectory {
    table: Table,
    cache: Mutex<HashMap<ClientId, (Client, Timestamp)>>,
}

impl ClientDirectory {
    /// How long a cached client is used, and so how long a disabled client may still make requests.
    const KEEP: Duration = Duration::from_secs(60);
    /// The number of cached clients at which all are discarded, which limits the memory of a function that many
    /// clients use.
    const MOST: usize = 1000;

    pub fn new(table: Table) -> Self {
        Self { table, cache: Mutex::new(HashMap::new()) }
    }

    /// A client, at most a minute old. An unknown client is not cached, so a new client works immediately.
    pub async fn find(&self, id: &ClientId, now: Timestamp) -> Result<Option<Client>, StoreError> {
        if let Some(client) = self.cached(id, now) {
            return Ok(Some(client));
        }
        self.find_fresh(id, now).await
    }

    /// Whether [`ClientDirectory::find`] would answer from the cache, without a read.
    pub fn knows(&self, id: &ClientId, now: Timestamp) -> bool {
        self.cached(id, now).is_some()
    }

    /// A client, read from the table now.
    pub async fn find_fresh(&self, id: &ClientId, now: Timestamp) -> Result<Option<Client>, StoreError> {
        let found = self.table.find_client(id).await?;
        let mut cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if cache.len() >= Self::MOST {
            cache.clear();
        }
        match &found {
            Some(client) => drop(cache.insert(id.clone(), (client.clone(), now))),
            None => drop(cache.remove(id)),
        }
        Ok(found)
    }

    fn cached(&self, id: &ClientId, now: Timestamp) -> Option<Client> {
        let cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cache
            .get(id)
            .filter(|(_, read_at)| now.since(*read_at) < Self::KEEP)
            .map(|(client, _)| client.clone())
    }
}
