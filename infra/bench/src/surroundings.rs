//! The surroundings of the functions while they are measured: DynamoDB, SNS, KMS, EventBridge and a login issuer on
//! loopback, the clients, and as many people as are needed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::http::{Request, StatusCode};
use ciba::aws::Aws;
use ciba::config::{Environment, Issuer, LoginIssuers, sms_countries};
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::profile::Profile;
use ciba::domain::base::time::Timestamp;
use ciba::domain::person::sms::SmsCountries;
use ciba::domain::person::ticket::TicketKind;
use ciba::flows::Invocation;
use ciba::flows::registering::register_client::RegisterClient;
use ciba::flows::registering::{create_ticket, enroll_person};
use ciba::http::serve;
use ciba::protocol::routes;
use ciba::store::Table;
use ciba_local::dynamodb::DynamoDb;
use ciba_local::eventbridge::EventBridge;
use ciba_local::gateway::{self, Route};
use ciba_local::kms::{Kms, KmsHandle};
use ciba_local::login_issuer::LoginIssuer;
use ciba_local::proxy::Proxy;
use ciba_local::server::{Server, listen};
use ciba_local::sns::{Sns, SnsHandle};
use ciba_local::stream::Stream;
use ciba_local::template::{self, Template};
use ciba_local::{Error, REGION, clock};
use serde_json::{Map, Value, json};

use crate::bank::Bank;
use crate::tls::{self, Authority, Terminator};

const TABLE: &str = "ciba";
pub const ISSUER: &str = "http://localhost:9000";
const HOST: &str = "localhost:9000";

/// The client that polls.
pub const CLIENT: &str = "kiosk";
/// Clients that are notified.
pub const PINGED: &str = "kiosk-ping";
pub const PUSHED: &str = "kiosk-push";
/// The client that signs.
pub const BANK: &str = "bank";
pub const SECRET: &str = "a-secret-of-at-least-32-characters";

/// The shortest possible interval, so that a poll is due soon.
const INTERVAL: (&str, &str) = ("POLL_INTERVAL_SECONDS", "1");
/// Long enough for all preparations before a measurement.
const EXPIRY: (&str, &str) = ("REQUEST_EXPIRY_SECONDS", "600");

/// How a function reaches AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Directly over HTTP.
    Plain,
    /// Over TLS, as on AWS.
    Tls,
    /// Through the recording proxy, which itself takes time.
    Recorded,
}

/// The values for `SSL_CERT_FILE`.
struct Certificates {
    plain: String,
    tls: String,
}

pub struct Surroundings {
    pub proxy: Proxy,
    pub sns: SnsHandle,
    pub login: LoginIssuer,
    pub template: Template,
    pub bank: Bank,
    dynamodb: DynamoDb,
    kms: KmsHandle,
    bus: EventBridge,
    /// With a stream, for the function that receives its records.
    streaming: DynamoDb,
    stream: Stream,
    terminators: [Terminator; 4],
    certificates: Certificates,
    routes: Vec<Route>,
    table: Table,
    issuer: Issuer,
    login_issuers: LoginIssuers,
    countries: SmsCountries,
    people: usize,
    /// The endpoint at which clients are notified.
    receiver: Server,
    _login_server: Server,
}

impl Surroundings {
    /// `root` is the folder with `template.yaml`; `folder` is for data that has to be in files.
    pub async fn start(root: &Path, folder: &Path) -> Result<Self, Error> {
        let template = Template::parse(&std::fs::read_to_string(root.join("template.yaml"))?)?;
        let dynamodb = DynamoDb::start(listen(0).await?)?;
        // The engine searches the whole stream at each write, which would slow down a flow, unlike on AWS. If a
        // record is needed, a separate engine creates it.
        dynamodb.create_table(TABLE, &template::Table { stream: None, ..template.table.clone() }).await?;
        let streaming = DynamoDb::start(listen(0).await?)?;
        streaming.create_table(TABLE, &template.table).await?;
        let proxy = Proxy::start(listen(0).await?, &dynamodb.url())?;
        let sns = Sns::start(listen(0).await?)?;
        let kms = Kms::start(listen(0).await?)?;
        let bus = EventBridge::start(listen(0).await?)?;
        let stream = Stream::open(&streaming.url(), TABLE).await?;
        let listener = listen(0).await?;
        let login = LoginIssuer::new(&format!("http://localhost:{}", listener.local_addr()?.port()))?;
        let login_server = Server::start(listener, login.router())?;
        let receiver = Router::new().fallback(async || StatusCode::NO_CONTENT);
        let receiver = Server::start(listen(0).await?, receiver)?;
        let authority = Authority::new()?;
        let terminators = [
            authority.terminate(&dynamodb.url()).await?,
            authority.terminate(&sns.url()).await?,
            authority.terminate(&kms.url()).await?,
            authority.terminate(&bus.url()).await?,
        ];
        let certificates = Certificates { plain: tls::bundle_of_the_system()?, tls: authority.file(folder)? };

        let settings = settings(&login, &[dynamodb.url(), sns.url(), kms.url(), bus.url()]);
        let env = Environment::of(settings);
        let issuer = Issuer::read(&env)?;
        let surroundings = Self {
            table: Table::connect(&Aws::read(&env)?),
            login_issuers: LoginIssuers::read(&env, &issuer)?,
            countries: sms_countries(&env)?,
            routes: Route::all(&template),
            issuer,
            proxy,
            sns,
            login,
            template,
            bank: Bank::new()?,
            dynamodb,
            kms,
            bus,
            streaming,
            stream,
            terminators,
            certificates,
            people: 0,
            receiver,
            _login_server: login_server,
        };
        surroundings.register().await?;
        Ok(surroundings)
    }

    /// The environment of a function that reaches AWS in this way.
    pub fn environment(&self, way: Way) -> BTreeMap<String, String> {
        let (sns, kms, bus) = (self.sns.url(), self.kms.url(), self.bus.url());
        let endpoints = match way {
            Way::Plain => [self.dynamodb.url(), sns, kms, bus],
            Way::Recorded => [self.proxy.url(), sns, kms, bus],
            Way::Tls => self.terminators.each_ref().map(Terminator::url),
        };
        let mut environment = settings(&self.login, &endpoints);
        let file = if way == Way::Tls { &self.certificates.tls } else { &self.certificates.plain };
        environment.insert("SSL_CERT_FILE".to_owned(), file.clone());
        environment
    }

    /// The event that API Gateway would create for a request.
    pub fn event(&self, request: axum::http::request::Builder, body: String) -> Result<Bytes, Error> {
        let request: Request<Bytes> = request.header("host", HOST).body(body.into())?;
        let (_, event) = gateway::event(&self.routes, request).ok_or("no route matches the request")?;
        Ok(event.to_string().into())
    }

    /// The record of the table's stream for the insertion of this request.
    pub async fn insertion(&mut self, request: &str) -> Result<Value, Error> {
        let pk = format!("request#{request}");
        let key = json!({"pk": {"S": pk}, "sk": {"S": "request"}});
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let read = self.dynamodb.client().get_item().table_name(TABLE).key("pk", text(&pk));
        let stored = read.key("sk", text("request")).send().await?;
        self.streaming.client().put_item().table_name(TABLE).set_item(stored.item).send().await?;
        let mut records = self.stream.records().await?.into_iter();
        let found = records.find(|it| it["eventName"] == "INSERT" && it["dynamodb"]["Keys"] == key);
        found.ok_or_else(|| "the stream has no such record".into())
    }

    /// Enrolls a person who has not been asked yet, and returns their name, both a hint and the one at the login
    /// issuer.
    pub async fn person(&mut self) -> Result<String, Error> {
        self.people += 1;
        let sub = format!("person-{}", self.people);
        let entry = json!({
            "sub": sub,
            "login": {"iss": self.login.issuer(), "value": sub},
            "hints": {"plain": [sub]},
            "channels": [{"sms": number(&sub)}],
        });
        let enrolled = enroll_person::enroll(
            &self.table,
            serde_json::from_value(entry)?,
            &self.issuer,
            &self.login_issuers,
            &self.countries,
            serve::random,
        );
        enrolled.await.map_err(|refused| refused.0)?;
        Ok(sub)
    }

    /// The path of a new ticket's link, for a new person.
    pub async fn ticket(&mut self) -> Result<String, Error> {
        let sub = self.person().await?;
        let person = PersonKey::new(self.login.issuer(), &sub);
        let now = Timestamp::from_millis(clock::since_epoch(clock::now()).as_millis().try_into()?);
        let invocation = Invocation::new(now, Duration::from_secs(15), serve::random);
        let created = create_ticket::create(&self.table, &person, TicketKind::First, &invocation).await;
        let (secret, _) = created.map_err(|error| format!("{error:?}"))?;
        Ok(format!("{}/{}", routes::ENROLLMENT, secret.expose()))
    }

    pub fn login_token(&self, sub: &str) -> Result<String, Error> {
        self.login.login_token(sub, clock::now(), Map::new())
    }

    async fn register(&self) -> Result<(), Error> {
        let endpoint = format!("http://localhost:{}/ciba", self.receiver.address().port());
        for (client, mode) in [(CLIENT, "poll"), (PINGED, "ping"), (PUSHED, "push")] {
            let metadata = json!({
                "client_id": client,
                "client_name": "City Kiosk",
                "client_secret": SECRET,
                "token_endpoint_auth_method": "client_secret_basic",
                "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
                "backchannel_token_delivery_mode": mode,
                "backchannel_client_notification_endpoint": (mode != "poll").then_some(&endpoint),
                "scope": "openid profile email offline_access",
            });
            self.register_one(metadata).await?;
        }
        self.register_one(self.bank.metadata()).await
    }

    async fn register_one(&self, metadata: Value) -> Result<(), Error> {
        let registrar = RegisterClient {
            issuer: &self.issuer,
            login_issuers: &self.login_issuers,
            profile: Profile::Plain,
            mtls: None,
        };
        let registered = registrar.register(&self.table, serde_json::from_value(metadata)?).await;
        registered.map(drop).map_err(|refused| refused.0.into())
    }
}

/// A person's number.
pub fn number(sub: &str) -> Option<String> {
    sub.strip_prefix("person-").map(|nth| format!("+1555{nth:0>7}"))
}

/// The endpoints are those of DynamoDB, SNS, KMS and EventBridge.
fn settings(login: &LoginIssuer, endpoints: &[String; 4]) -> BTreeMap<String, String> {
    let [dynamodb, sns, kms, bus] = endpoints;
    let login_issuers = json!([login.setting()]).to_string();
    let settings = [
        ("ISSUER", ISSUER),
        ("TABLE_NAME", TABLE),
        ("OPERATOR_NAME", "Example Bank"),
        ("LOGIN_ISSUERS", &login_issuers),
        ("RP_ID", "localhost"),
        ("KMS_KEY_ID", ciba_local::kms::KEY_ALIAS),
        ("EVIDENCE_KEY_ID", ciba_local::kms::EVIDENCE_KEY_ALIAS),
        ("ENROLLMENT_KEY_ID", ciba_local::kms::ENROLLMENT_KEY_ALIAS),
        // A successful delivery calls neither.
        ("DELIVERY_QUEUE_URL", "http://localhost:9/deliveries"),
        ("DEAD_LETTER_QUEUE_URL", "http://localhost:9/dead-letters"),
        ("EVENT_BUS", "ciba"),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "LOCAL"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_ENDPOINT_URL_SNS", sns),
        ("AWS_ENDPOINT_URL_KMS", kms),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", bus),
        INTERVAL,
        EXPIRY,
    ];
    settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
