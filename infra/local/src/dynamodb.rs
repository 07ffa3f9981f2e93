//! An embedded DynamoDB engine behind the real wire protocol, with the table that `template.yaml` defines.

mod create;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Region, retry::RetryConfig},
};
use dynoxide::Database;
use tokio::{net::TcpListener, task::JoinHandle, time::MissedTickBehavior};

pub use create::create_table;

use crate::{Error, REGION, server::Server, template::Table};

/// A running engine with its own, empty memory. Dropping it loses the data.
pub struct DynamoDb {
    server: Server,
    database: Database,
}

impl DynamoDb {
    /// Starts an engine on `listener`.
    ///
    /// # Errors
    /// If the engine cannot open its memory, or the listener has no local address.
    pub fn start(listener: TcpListener) -> Result<Self, Error> {
        let database = Database::memory()?;
        let served = database.clone();
        let server = Server::run(listener, |listener| dynoxide::server::serve_on(listener, served))?;
        Ok(Self { server, database })
    }

    /// The value for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// An SDK client that connects directly to the engine.
    pub fn client(&self) -> Client {
        client(&self.url(), "LOCAL")
    }

    /// Creates the table under `name`, and protects it from deletion, as a deployment does.
    ///
    /// # Errors
    /// If the engine refuses the definition.
    pub async fn create_table(&self, name: &str, table: &Table) -> Result<(), Error> {
        let client = self.client();
        create_table(&client, name, table).await?;
        client.update_table().table_name(name).deletion_protection_enabled(true).send().await?;
        Ok(())
    }

    /// Deletes expired items periodically, until the sweep is dropped.
    ///
    /// For a stack that a person uses. Tests do without: AWS may be days late, so no result may depend on it.
    pub fn sweep(&self, every: Duration) -> Sweep {
        let database = self.database.clone();
        Sweep(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = database.sweep_ttl() {
                    eprintln!("dynamodb: sweeping expired items: {error}");
                }
            }
        }))
    }
}

/// A running sweep.
#[derive(Debug)]
pub struct Sweep(JoinHandle<()>);

impl Drop for Sweep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An SDK client of `endpoint` that signs as `access_key_id` and never retries, so that a test sees every response.
pub fn client(endpoint: &str, access_key_id: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::from_keys(access_key_id, "local", None))
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

#[cfg(test)]
pub(crate) mod tests;
