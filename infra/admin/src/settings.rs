//! The settings that most commands need, read as the functions read them.

use ciba::aws::Aws;
use ciba::config::{ConfigError, Environment, Issuer, LoginIssuers, MtlsHost, profile, sms_countries};
use ciba::domain::base::profile::Profile;
use ciba::domain::person::sms::SmsCountries;
use ciba::store::Table;

pub(crate) struct Settings {
    pub(crate) issuer: Issuer,
    pub(crate) login_issuers: LoginIssuers,
    pub(crate) profile: Profile,
    pub(crate) mtls: Option<MtlsHost>,
    pub(crate) countries: SmsCountries,
    pub(crate) table: Table,
}

impl Settings {
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        Ok(Self {
            login_issuers: LoginIssuers::read(environment, &issuer)?,
            profile: profile(environment)?,
            mtls: MtlsHost::read(environment)?,
            countries: sms_countries(environment)?,
            issuer,
            table: table(environment)?,
        })
    }
}

pub(crate) fn table(environment: &Environment) -> Result<Table, ConfigError> {
    Ok(Table::connect(&Aws::read(environment)?))
}
