//! What the stack asks of the provider itself: the three places where it needs the crate `ciba`.
//!
//! Everything else in this crate treats the functions as a black box behind HTTP.

use std::collections::BTreeMap;

use ciba::{
    aws::Aws,
    config::{Environment, Issuer, LoginIssuers, sms_countries},
    domain::{sms::SmsCountries, time::Timestamp},
    flows::{enroll_person, register_client},
    keys::{HandleUse, KeyRings, Kms},
    store::Table,
};
use serde_json::Value;

use crate::{Error, clock, phone::Asked};

/// The provider's own adapters, set up as a function in this stack would set them up.
pub(crate) struct Provider {
    issuer: Issuer,
    login_issuers: LoginIssuers,
    countries: SmsCountries,
    table: Table,
    keys: KeyRings,
}

impl Provider {
    /// `environment` is what the functions run with.
    pub(crate) fn new(environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        let env = Environment::of(environment.clone());
        let (issuer, aws) = (Issuer::read(&env)?, Aws::read(&env)?);
        let table = Table::connect(&aws);
        Ok(Self {
            login_issuers: LoginIssuers::read(&env, &issuer)?,
            countries: sms_countries(&env)?,
            keys: KeyRings::new(table.clone(), Kms::connect(&aws)),
            table,
            issuer,
        })
    }

    /// Writes a client of `clients.json` into the table.
    pub(crate) async fn register_client(&self, client: Value) -> Result<(), String> {
        let metadata = serde_json::from_value(client).map_err(|error| error.to_string())?;
        register_client::register(&self.table, metadata, &self.login_issuers)
            .await
            .map(drop)
            .map_err(|refused| refused.0)
    }

    /// Writes a person of `people.json` into the table, with hints and channels.
    pub(crate) async fn enroll_person(&self, person: Value) -> Result<(), String> {
        let entry = serde_json::from_value(person).map_err(|error| error.to_string())?;
        enroll_person::enroll(&self.table, entry, &self.issuer, &self.login_issuers, &self.countries)
            .await
            .map(drop)
            .map_err(|refused| refused.0)
    }

    /// Opens an `auth_req_id` and finds whom it asks.
    pub(crate) async fn asked(&self, auth_req_id: String) -> Option<Asked> {
        let millis = i64::try_from(clock::since_epoch(clock::now()).as_millis()).ok()?;
        let now = Timestamp::from_millis(millis);
        let key = self.keys.open_handle(HandleUse::AuthReqId, &auth_req_id, now).await.ok()?.ok()?;
        let request = self.table.find_request(&key).await.ok()??;
        let (person, _) = self.table.find_person_with_asks(&request.person).await.ok()??;
        Some(Asked { request: key.encode(), sub: person.sub.as_str().to_owned() })
    }
}
