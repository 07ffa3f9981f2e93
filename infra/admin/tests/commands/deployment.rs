//! A deployment for one test, on which the commands work.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ciba::aws::Aws;
use ciba::config::{Environment, KeySettings, MtlsHost, profile};
use ciba::domain::base::time::Timestamp;
use ciba::flows::Invocation;
use ciba::flows::registering::rotate_keys::rotate;
use ciba::keys::Kms;
use ciba::protocol::discovery::{Metadata, MtlsOffer, Offer};
use ciba::protocol::jwks::JwkSet;
use ciba::store::{KeyUse, Table};
use ciba_admin::arguments::Arguments;
use ciba_admin::failure::Failure;
use ciba_admin::{Output, run};
use ciba_local::dynamodb::DynamoDb;
use ciba_local::kms::{self, KmsHandle};
use ciba_local::login_issuer::LoginIssuer;
use ciba_local::server::{Server, listen};
use ciba_local::sns::{Sns, SnsHandle};
use ciba_local::template::Template;
use clap::Parser;
use serde_json::{Value, json};

pub(crate) const TABLE: &str = "ciba";
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const MTLS_URL: (&str, &str) = ("MTLS_URL", "https://mtls.example");
/// A public key that no authority has.
pub(crate) const MTLS_AUTHORITIES: (&str, &str) = (
    "MTLS_AUTHORITIES",
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6Z7pPGNOfN2QwehRtDNvoz4mpwiQZ1gxrZhOJ7fI6IIjzC/EG/tyBrR78CQQFrbeNJQJTnN/ANC2ujPhXPlObg==",
);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the issuer publishes.
#[derive(Clone, Default)]
pub(crate) struct Published {
    pub(crate) discovery: Arc<Mutex<Value>>,
    pub(crate) jwks: Arc<Mutex<Value>>,
}

/// A deployment: a table, keys, a login issuer, and an issuer that publishes them.
pub(crate) struct Deployment {
    environment: Vec<(String, String)>,
    pub(crate) dynamodb: DynamoDb,
    pub(crate) table: Table,
    pub(crate) published: Published,
    pub(crate) login: LoginIssuer,
    pub(crate) kms: KmsHandle,
    pub(crate) sns: SnsHandle,
    _servers: [Server; 2],
}

impl Deployment {
    pub(crate) async fn start() -> Self {
        let dynamodb = DynamoDb::start(listen(0).await.unwrap()).unwrap();
        dynamodb.create_table(TABLE, &template().table).await.unwrap();
        let kms = kms::Kms::start(listen(0).await.unwrap()).unwrap();

        let sns = Sns::start(listen(0).await.unwrap()).unwrap();

        let listener = listen(0).await.unwrap();
        let login = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let login = LoginIssuer::new(&login).unwrap();
        let login_server = Server::start(listener, login.router()).unwrap();

        let listener = listen(0).await.unwrap();
        let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let published = Published::default();
        let served = |of: fn(&Published) -> &Arc<Mutex<Value>>| {
            get(move |State(published): State<Published>| async move {
                Json(of(&published).lock().unwrap().clone())
            })
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", served(|it| &it.discovery))
            .route("/.well-known/jwks.json", served(|it| &it.jwks))
            .with_state(published.clone());
        let server = Server::start(listener, router).unwrap();

        let environment: Vec<_> = [
            ("ISSUER", issuer.clone()),
            ("TABLE_NAME", TABLE.to_owned()),
            ("LOGIN_ISSUERS", json!([login.setting()]).to_string()),
            ("RP_ID", "localhost".to_owned()),
            ("OPERATOR_NAME", "Example Bank".to_owned()),
            ("AWS_ENDPOINT_URL_SNS", sns.url()),
            ("KMS_KEY_ID", kms::KEY_ALIAS.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url()),
            ("AWS_ENDPOINT_URL_KMS", kms.url()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let env = Environment::of(environment.clone());
        let aws = Aws::read(&env).unwrap();
        let table = Table::connect(&aws);
        let invocation = Invocation::new(START, Duration::from_secs(15), |buffer| buffer.fill(7));
        rotate(&table, &Kms::connect(&aws), &KeySettings::read(&env).unwrap(), &invocation).await.unwrap();

        let deployment = Self {
            environment,
            dynamodb,
            table,
            published,
            login,
            kms,
            sns,
            _servers: [login_server, server],
        };
        deployment.publish(&issuer).await;
        deployment
    }

    /// Another, empty table.
    pub(crate) async fn create_table(&self, name: &str) {
        self.dynamodb.create_table(name, &template().table).await.unwrap();
    }

    /// Publishes the correct documents of `issuer`.
    pub(crate) async fn publish(&self, issuer: &str) {
        self.publish_with(issuer, &[]).await;
    }

    /// The same, as functions with these settings would.
    pub(crate) async fn publish_with(&self, issuer: &str, settings: &[(&str, &str)]) {
        let env = self.environment(settings);
        let keys = self.table.list_public_keys(KeyUse::signs_tokens).await.unwrap();
        let keys = JwkSet { keys: keys.into_iter().filter_map(|key| key.public).collect() };
        let mtls = MtlsHost::read(&env).unwrap();
        let mtls = mtls
            .as_ref()
            .map(|host| MtlsOffer { url: host.as_str(), has_authorities: !host.authorities().is_empty() });
        let offer = Offer { issuer, mtls, profile: profile(&env).unwrap(), acr_values: vec![] };
        *self.published.discovery.lock().unwrap() = serde_json::to_value(Metadata::new(offer)).unwrap();
        *self.published.jwks.lock().unwrap() = serde_json::to_value(keys).unwrap();
    }

    pub(crate) fn environment(&self, settings: &[(&str, &str)]) -> Environment {
        let mut all = self.environment.clone();
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Environment::of(all)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Output, Failure> {
        self.run_with(arguments, &[], START).await
    }

    pub(crate) async fn run_with(
        &self,
        arguments: &[&str],
        settings: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Output, Failure> {
        let arguments = Arguments::parse_from(["ciba-admin"].iter().chain(arguments));
        run(&arguments, &self.environment(settings), now, random).await
    }

    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).await.unwrap_or_else(|failure| panic!("{arguments:?}: {failure}")).json
    }

    /// Exit code and text of a command that is not carried out.
    pub(crate) async fn refused(&self, arguments: &[&str]) -> (u8, String) {
        match self.run(arguments).await {
            Ok(output) => panic!("{arguments:?}: {}", output.text),
            Err(failure) => (failure.exit_code(), failure.to_string()),
        }
    }

    /// Names and details of the faults that the doctor reports; each has a remedy.
    pub(crate) async fn findings(&self, settings: &[(&str, &str)], now: Timestamp) -> Vec<(String, String)> {
        let output = self.run_with(&["doctor"], settings, now).await.unwrap();
        let checks = output.json["checks"].as_array().unwrap();
        let faults: Vec<_> = checks.iter().filter(|check| check["outcome"] == "fault").collect();
        assert!(faults.iter().all(|fault| !fault["remedy"].as_str().unwrap().is_empty()), "{}", output.text);
        let is_clean = checks.iter().all(|check| check["outcome"] == "ok");
        assert_eq!((output.is_clean, &output.json["clean"]), (is_clean, &json!(is_clean)), "{}", output.text);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        faults.iter().map(|fault| (text(&fault["check"]), text(&fault["detail"]))).collect()
    }

    /// The finding, of which there has to be exactly one.
    pub(crate) async fn finding(&self, settings: &[(&str, &str)], now: Timestamp) -> (String, String) {
        let mut findings = self.findings(settings, now).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.remove(0)
    }

    /// Whether the functions would accept this secret of this client.
    pub(crate) async fn takes(&self, client_id: &str, secret: &str) -> bool {
        use ciba::domain::base::secret::Secret;
        use ciba::domain::client::ClientId;
        use ciba::domain::client::client_authentication::AuthenticationMethod;
        let client = self.table.find_client(&ClientId::parse(client_id).unwrap()).await.unwrap().unwrap();
        client.authentication.accepts(AuthenticationMethod::ClientSecretBasic, &Secret::new(secret))
    }
}

pub(crate) fn template() -> Template {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    Template::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A different value at each call.
fn random(buffer: &mut [u8]) {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    buffer.iter_mut().zip(call.iter().rev().cycle()).for_each(|(byte, value)| *byte = *value);
}
