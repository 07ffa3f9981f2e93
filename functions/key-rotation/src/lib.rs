//! Creates the keys. Invoked at deployment and on a schedule, never over HTTP.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer, KeySettings};
use ciba::flows::Invocation;
use ciba::flows::registering::rotate_keys::{Made, RotationError, rotate};
use ciba::keys::Kms;
use ciba::store::Table;
use serde_json::{Value, json};

pub struct KeyRotation {
    settings: KeySettings,
    table: Table,
    kms: Kms,
}

impl KeyRotation {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Issuer::read(environment)?;
        let aws = Aws::read(environment)?;
        Ok(Self {
            settings: KeySettings::read(environment)?,
            table: Table::connect(&aws),
            kms: Kms::connect(&aws),
        })
    }

    /// Creates the keys that are due, and returns their names: `{"made": ["handle#1", …]}`. The member `not_made` says
    /// why KMS did not make others, by name, and `unused_in_kms` lists keys in KMS that a concurrent rotation made
    /// redundant, if there are any.
    pub async fn run(&self, invocation: &Invocation) -> Result<Value, RotationError> {
        let rotated = rotate(&self.table, &self.kms, &self.settings, invocation).await?;
        let name = |(key_use, generation): &Made| format!("{}#{generation}", key_use.as_str());
        let mut answer = json!({ "made": rotated.made.iter().map(name).collect::<Vec<_>>() });
        for (key, why) in &rotated.not_made {
            answer["not_made"][name(key)] = why.as_str().into();
        }
        if !rotated.unused_in_kms.is_empty() {
            answer["unused_in_kms"] = rotated.unused_in_kms.into();
        }
        Ok(answer)
    }
}
