//! A provider of a test's own: fresh table, fresh keys, two clients, two people.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use backchannel_authentication::BackchannelAuthentication;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciba::aws::Aws;
use ciba::config::{Environment, Issuer, LoginIssuers, MtlsHost, SigningKeys, profile, sms_countries};
use ciba::domain::base::time::Timestamp;
use ciba::domain::details::authorization_details::DetailType;
use ciba::domain::person::sms::SmsCountries;
use ciba::flows::Invocation;
use ciba::flows::registering::define_details::define;
use ciba::flows::registering::enroll_person;
use ciba::flows::registering::register_client::RegisterClient;
use ciba::http::Request;
use ciba::http::serve::{self, Endpoint};
use ciba::notify::DeliveryQueue;
use ciba::store::{KeyUse, Table};
use ciba_local::clock::{Clock, SetClock};
use ciba_local::eventbridge::EventBridge;
use ciba_local::kms::{ENROLLMENT_KEY_ALIAS, EVIDENCE_KEY_ALIAS, Kms, KmsHandle, WrappingKey};
use ciba_local::lambda::Lambda;
use ciba_local::login_issuer::LoginIssuer;
use ciba_local::outbox::Outbox;
use ciba_local::proxy::Proxy;
use ciba_local::server::{Server, listen};
use ciba_local::sns::{Sns, SnsHandle};
use ciba_local::sqs::Sqs;
use ciba_local::template::Template;
use client_notification::ClientNotification;
use consent::Consent;
use discovery::Discovery;
use enrollment::Enrollment;
use events::Events;
use introspection::Introspection;
use jwks::Jwks;
use key_rotation::KeyRotation;
use login::Login;
use revocation::Revocation;
use serde_json::{Map, Value, json};
use token::Token;
use tokio::sync::Mutex;
use userinfo::Userinfo;

use crate::eavesdropper::LastLook;
use crate::{Answer, Eavesdropper, Engine, START, basic, form, form_request, json_request, root};

/// As long as every client's secret has to be.
pub const SECRET: &str = "a-secret-of-at-least-32-characters";

/// All providers of a process have one KMS key, so that keys made for one open for another.
static KMS_KEY: LazyLock<WrappingKey> = LazyLock::new(WrappingKey::generate);
/// What is deployed, read once: it takes longer than starting everything that it describes.
static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let template = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    Template::parse(&template).expect("a template")
});
/// The first keys of a provider, by how long they sign.
static FIRST_KEYS: Mutex<BTreeMap<String, (String, Vec<Item>)>> = Mutex::const_new(BTreeMap::new());

type Item = HashMap<String, AttributeValue>;

/// Settings beside those that every test needs.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// The functions, and what stands around them.
pub struct Provider {
    pub dynamodb: Engine,
    pub proxy: Proxy,
    pub sns: SnsHandle,
    pub kms: KmsHandle,
    pub sqs: Arc<Sqs>,
    pub eventbridge: Arc<EventBridge>,
    /// Where hooks run.
    pub lambda: Lambda,
    /// From the table's stream to queue and functions. It moves nothing until a test says so.
    pub outbox: Outbox,
    pub login: Arc<LoginIssuer>,
    pub table: Table,
    pub backchannel_authentication: BackchannelAuthentication,
    pub token: Token,
    pub consent: Consent,
    /// The function for logins; `login` is an issuer.
    pub logging_in: Login,
    pub enrollment: Enrollment,
    pub discovery: Discovery,
    pub jwks: Jwks,
    pub userinfo: Userinfo,
    pub introspection: Introspection,
    pub revocation: Revocation,
    pub key_rotation: KeyRotation,
    /// Reads along, and fails the test of a provider that logs or emits a secret.
    pub eavesdropper: Eavesdropper,
    pub client_notification: ClientNotification,
    pub events: Events,
    environment: Vec<(String, String)>,
    /// That of the queues and of the login issuer. The functions' is in each invocation.
    clock: SetClock,
    _login_server: Server,
    _last_look: LastLook,
}

impl Provider {
    pub const ISSUER: &str = "http://localhost:9000";
    pub const RP_ID: &str = "localhost";
    /// Stands for the login issuer in a setting, because its port is not known before it runs.
    pub const LOGIN: &str = "{login}";
    /// The queues, as the template calls them.
    pub const DELIVERY_QUEUE: &str = "DeliveryQueue";
    pub const DEAD_LETTERS: &str = "DeliveryDeadLetters";
    /// The function that tells clients.
    pub const TELLS_CLIENTS: &str = "client-notification";

    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A provider with keys, the clients `kiosk` (Basic) and `call-centre` (post), and `alice` and `bob`.
    pub async fn with(settings: Settings<'_>) -> Self {
        let provider = Self::empty(settings).await;
        provider.put_first_keys().await;
        provider.register(json!({"client_id": "kiosk"})).await.expect("kiosk");
        let call_centre = json!({"client_id": "call-centre", "token_endpoint_auth_method": "client_secret_post",
            "audience": "https://api.example"});
        provider.register(call_centre).await.expect("call-centre");
        for (sub, number) in [("alice", "+15555550100"), ("bob", "+15555550101")] {
            provider.enroll(sub, json!({"channels": [{"sms": number}]})).await.expect(sub);
        }
        provider.proxy.clear();
        provider.kms.clear();
        provider
    }

    /// A provider with an empty table: no keys, no clients, no people.
    pub async fn empty(settings: Settings<'_>) -> Self {
        let template = &*TEMPLATE;
        let dynamodb = Engine::start(template).await;
        let proxy = Proxy::start(listen(0).await.expect("a port"), dynamodb.url()).expect("a proxy");
        let sns = Sns::start(listen(0).await.expect("a port")).expect("SNS");
        let kms = Kms::start_with(listen(0).await.expect("a port"), &KMS_KEY).expect("KMS");
        let clock = SetClock::new(time_of(START));
        let queues = Clock::Set(clock.clone());
        let sqs = Sqs::start(listen(0).await.expect("a port"), &template.queues, queues).expect("SQS");
        let eventbridge = EventBridge::start(listen(0).await.expect("a port")).expect("EventBridge");
        let lambda = Lambda::start(listen(0).await.expect("a port")).expect("Lambda");
        // Past the proxy: what it counts is what functions call.
        let outbox = Outbox::new(template, dynamodb.url(), &dynamodb.table, &sqs).expect("an outbox");
        let listener = listen(0).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let url = format!("http://localhost:{port}");
        let login = LoginIssuer::with_clock(&url, Clock::Set(clock.clone())).expect("a login issuer");
        let login = Arc::new(login);
        let login_server = Server::start(listener, login.router()).expect("a server");

        let mut environment = vec![
            ("ISSUER", Self::ISSUER.to_owned()),
            ("TABLE_NAME", dynamodb.table.clone()),
            ("OPERATOR_NAME", "Example Bank".to_owned()),
            // Shorter than by default, and a number that tests can count with.
            ("REQUEST_EXPIRY_SECONDS", "120".to_owned()),
            ("LOGIN_ISSUERS", json!([login.setting()]).to_string()),
            ("RP_ID", Self::RP_ID.to_owned()),
            ("KMS_KEY_ID", "alias/ciba".to_owned()),
            ("EVIDENCE_KEY_ID", EVIDENCE_KEY_ALIAS.to_owned()),
            ("ENROLLMENT_KEY_ID", ENROLLMENT_KEY_ALIAS.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url()),
            ("AWS_ENDPOINT_URL_SNS", sns.url()),
            ("AWS_ENDPOINT_URL_KMS", kms.url()),
            ("AWS_ENDPOINT_URL_SQS", sqs.url()),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", eventbridge.url()),
            ("AWS_ENDPOINT_URL_LAMBDA", lambda.url()),
            ("DELIVERY_QUEUE_URL", sqs.queue_url(Self::DELIVERY_QUEUE)),
            ("DEAD_LETTER_QUEUE_URL", sqs.queue_url(Self::DEAD_LETTERS)),
            ("EVENT_BUS", "ciba".to_owned()),
        ];
        // Passkeys are bound to the issuer's host: a test with another issuer has its own, or none.
        let elsewhere = settings.iter().any(|(name, _)| *name == Issuer::SETTING);
        environment.retain(|(name, _)| !(elsewhere && *name == "RP_ID"));
        environment.retain(|(name, _)| settings.iter().all(|(other, _)| other != name));
        environment.extend(settings.iter().map(|(name, value)| (*name, value.replace(Self::LOGIN, &url))));
        let environment: Vec<_> =
            environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (eavesdropper, sqs, eventbridge) = (Eavesdropper::new(), Arc::new(sqs), Arc::new(eventbridge));
        let last_look = LastLook {
            eavesdropper: eavesdropper.clone(),
            inbox: sns.inbox(),
            calls: lambda.record(),
            sqs: Arc::clone(&sqs),
            eventbridge: Arc::clone(&eventbridge),
        };
        // Each function signs with a key of its own, so that its calls can be told apart.
        let of = |function: &str| {
            Environment::of(signed_by(&environment, &Self::access_key(function))).waiting(proxy.patience())
        };
        Self {
            table: Table::connect(&Aws::read(&of("test")).expect("AWS")),
            backchannel_authentication: BackchannelAuthentication::new(&of("backchannel-authentication"))
                .expect("backchannel-authentication"),
            token: Token::new(&of("token")).expect("token"),
            consent: Consent::new(&of("consent")).expect("consent"),
            logging_in: Login::new(&of("login")).expect("login"),
            enrollment: Enrollment::new(&of("enrollment")).expect("enrollment"),
            discovery: Discovery::new(&of("discovery")).expect("discovery"),
            jwks: Jwks::new(&of("jwks")).expect("jwks"),
            userinfo: Userinfo::new(&of("userinfo")).expect("userinfo"),
            introspection: Introspection::new(&of("introspection")).expect("introspection"),
            revocation: Revocation::new(&of("revocation")).expect("revocation"),
            key_rotation: KeyRotation::new(&of("key-rotation")).expect("key-rotation"),
            client_notification: ClientNotification::new(&of("client-notification"))
                .expect("client-notification"),
            events: Events::new(&of("events")).expect("events"),
            dynamodb,
            proxy,
            sns,
            kms,
            sqs,
            eventbridge,
            lambda,
            outbox,
            login,
            environment,
            clock,
            _login_server: login_server,
            _last_look: last_look,
            eavesdropper,
        }
    }

    /// What a function signs its calls as. An access key has letters and digits only.
    pub fn access_key(function: &str) -> String {
        function.replace('-', "")
    }

    /// What a rotation at [`START`] makes. A process makes it once and copies it: RSA keys take long.
    async fn put_first_keys(&self) {
        let days = self.environment.iter().find(|(name, _)| name == "SIGNING_KEY_ROTATION_DAYS");
        let days = days.map(|(_, value)| value.clone()).unwrap_or_default();
        if self.environment.iter().any(|(name, value)| name == SigningKeys::SETTING && value == "kms") {
            // Another provider's KMS does not have them.
            self.key_rotation.run(&self.invocation(START)).await.expect("keys");
            return;
        }
        let client = self.dynamodb.client();
        let mut made = FIRST_KEYS.lock().await;
        let Some((table, items)) = made.get(&days) else {
            self.key_rotation.run(&self.invocation(START)).await.expect("keys");
            // The keys, and the copies of what is withdrawn. Nothing else is there yet.
            let all = client.scan().table_name(&self.dynamodb.table).send().await.expect("a scan");
            let items = all.items.expect("items");
            made.insert(days, (self.dynamodb.table.clone(), items));
            return;
        };
        let (table, items) = (table.clone(), items.clone());
        drop(made);
        let puts = items.into_iter().map(|mut item| {
            let purpose = match item.get("key_use").and_then(|it| it.as_s().ok()).map(String::as_str) {
                Some("data") => Some("ciba-keys"),
                Some("page") => Some("ciba-pages"),
                Some("login") => Some("ciba-login-keys"),
                Some(_) | None => None,
            };
            if let Some(purpose) = purpose {
                let sealed = item["sealed"].as_b().expect("bytes").as_ref();
                let context = |table| [("purpose", purpose), ("table", table)];
                let here = reencrypted(sealed, &context(&table), &context(&self.dynamodb.table));
                item.insert("sealed".to_owned(), AttributeValue::B(Blob::new(here)));
            }
            let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
            WriteRequest::builder().put_request(put).build()
        });
        for batch in puts.collect::<Vec<_>>().chunks(25) {
            let batch = client.batch_write_item().request_items(&self.dynamodb.table, batch.to_vec());
            let left = batch.send().await.expect("the keys").unprocessed_items.unwrap_or_default();
            assert!(left.is_empty(), "{left:?}");
        }
    }

    /// The data key of this provider under another encryption context: what lies in the table is replaced.
    pub async fn reencrypt_data_key(&self, context: &[(&str, &str)]) {
        let record = self.table.list_keys().await.expect("the keys");
        let record = record.into_iter().find(|record| record.key_use == KeyUse::Data).expect("a data key");
        let sealed = reencrypted(&record.sealed, &data_key_context(&self.dynamodb.table), context);
        self.set_data_key(sealed).await;
    }

    /// An attacker who can write to the table can do the same.
    pub async fn set_data_key(&self, sealed: Vec<u8>) {
        let update = self.dynamodb.client().update_item().table_name(&self.dynamodb.table);
        let update = update.key("pk", AttributeValue::S("keys".to_owned()));
        let update = update.key("sk", AttributeValue::S("key#data#00000001".to_owned()));
        let update = update.update_expression("SET sealed = :sealed");
        let update = update.expression_attribute_values(":sealed", AttributeValue::B(Blob::new(sealed)));
        update.send().await.expect("an update");
    }

    /// The environment of this provider's functions, for a second, cold instance of one of them.
    pub fn environment(&self) -> Environment {
        self.patient(self.environment.clone())
    }

    /// The settings in it.
    pub fn environment_list(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// These settings for a function whose time-outs run out only where a double says so.
    pub fn patient(&self, settings: Vec<(String, String)>) -> Environment {
        Environment::of(settings).waiting(self.proxy.patience())
    }

    /// With more time than a function has: what a test says of the deadline, it says in an invocation of its own.
    pub fn invocation(&self, now: Timestamp) -> Invocation {
        Invocation::new(now, Duration::from_secs(600), serve::random)
    }

    /// Registers a client; what `metadata` does not say is as for a kiosk.
    pub async fn register(&self, metadata: Value) -> Result<(), String> {
        self.register_where(&[], metadata).await
    }

    /// As an operator did when the deployment had these settings too.
    pub async fn register_where(&self, settings: Settings<'_>, metadata: Value) -> Result<(), String> {
        let mut all = json!({
            "client_name": "City Kiosk",
            "client_secret": SECRET,
            "grant_types": ["urn:openid:params:grant-type:ciba"],
            "backchannel_token_delivery_mode": "poll",
            "scope": "openid profile email",
        });
        merge(&mut all, metadata);
        let issuers = self.login_issuers();
        let metadata = serde_json::from_value(all).map_err(|error| error.to_string())?;
        let mut env = self.environment_list();
        env.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let env = self.patient(env);
        let mtls = MtlsHost::read(&env).expect("a host or none");
        let registrar = RegisterClient {
            issuer: &self.issuer(),
            login_issuers: &issuers,
            profile: profile(&env).expect("a profile"),
            mtls: mtls.as_ref(),
        };
        registrar.register(&self.table, metadata).await.map(drop).map_err(|error| error.0)
    }

    /// Writes down a type of `authorization_details`.
    pub async fn put_detail_type(&self, definition: &Value) {
        let known = DetailType::define(definition, &["en", "de", "fr", "es"]).expect("a type");
        let write = self.invocation(START).write_id;
        define(&self.table, &known, |_| Ok(()), &write).await.expect("the table");
    }

    fn issuer(&self) -> Issuer {
        Issuer::read(&self.environment()).expect("an issuer")
    }

    fn login_issuers(&self) -> LoginIssuers {
        let env = self.environment();
        LoginIssuers::read(&env, &Issuer::read(&env).expect("an issuer")).expect("login issuers")
    }

    /// Enrols a person whom the login issuer knows by the same name.
    pub async fn enroll(&self, sub: &str, entry: Value) -> Result<(), String> {
        let countries = sms_countries(&self.environment()).expect("countries");
        self.enroll_where(&countries, sub, entry).await
    }

    /// As an operator did who allowed other countries than this provider does.
    pub async fn enroll_within(&self, countries: &str, sub: &str, entry: Value) -> Result<(), String> {
        let countries = SmsCountries::parse(countries).expect("countries");
        self.enroll_where(&countries, sub, entry).await
    }

    async fn enroll_where(&self, countries: &SmsCountries, sub: &str, entry: Value) -> Result<(), String> {
        let mut all = json!({
            "sub": sub,
            "login": { "iss": self.login.issuer(), "value": sub },
            "hints": { "plain": [sub] },
            "channels": [],
        });
        merge(&mut all, entry);
        let entry = serde_json::from_value(all).map_err(|error| error.to_string())?;
        enroll_person::enroll(
            &self.table,
            entry,
            &self.issuer(),
            &self.login_issuers(),
            countries,
            serve::random,
        )
        .await
        .map(drop)
        .map_err(|error| error.0)
    }

    pub async fn call(&self, endpoint: &impl Endpoint, request: &Request, now: Timestamp) -> Answer {
        self.call_within(endpoint, request, &self.invocation(now)).await
    }

    /// The same in an invocation of the test's own making.
    pub async fn call_within(
        &self,
        endpoint: &impl Endpoint,
        request: &Request,
        invocation: &Invocation,
    ) -> Answer {
        self.eavesdropper.request(request);
        // On the heap: a test that calls many endpoints has a future of its own for each call.
        let response = Box::pin(self.eavesdropper.during(endpoint.respond(request, invocation))).await;
        let answer = Answer::of(&response);
        self.eavesdropper.answer(&answer);
        answer
    }

    /// `kiosk` asks for `alice`, with these parameters beside or instead of the usual ones.
    pub async fn ask(&self, parameters: &[(&str, &str)], now: Timestamp) -> Answer {
        self.ask_as("kiosk", parameters, now).await
    }

    pub async fn ask_as(&self, client: &str, parameters: &[(&str, &str)], now: Timestamp) -> Answer {
        let mut all = vec![("scope", "openid profile"), ("login_hint", "alice")];
        all.retain(|(name, _)| parameters.iter().all(|(other, _)| other != name));
        all.extend(parameters);
        let request = form_request("/bc-authorize", Some(&basic(client, SECRET)), &form(&all));
        self.call(&self.backchannel_authentication, &request, now).await
    }

    /// Asks, and expects to be acknowledged: the client's handle and the person's.
    pub async fn asked(&self, parameters: &[(&str, &str)], now: Timestamp) -> (String, String) {
        let answer = self.ask(parameters, now).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let message = self.sns.messages().pop().expect("a message");
        let request = message.text.rsplit('/').next().expect("a link").to_owned();
        (answer.text("auth_req_id").to_owned(), request)
    }

    /// `kiosk` polls.
    pub async fn poll(&self, auth_req_id: &str, now: Timestamp) -> Answer {
        self.poll_as("kiosk", auth_req_id, now).await
    }

    pub async fn poll_as(&self, client: &str, auth_req_id: &str, now: Timestamp) -> Answer {
        let parameters = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
        let request = form_request("/oauth/token", Some(&basic(client, SECRET)), &form(&parameters));
        self.call(&self.token, &request, now).await
    }

    /// `client` cancels what it asked.
    pub async fn cancel_as(&self, client: &str, auth_req_id: &str, now: Timestamp) -> Answer {
        let body = form(&[("auth_req_id", auth_req_id)]);
        let request = form_request("/bc-authorize/cancel", Some(&basic(client, SECRET)), &body);
        self.call(&self.backchannel_authentication, &request, now).await
    }

    /// A login token of `sub`, who logged in at `now`; `changes` replaces claims, null removes one.
    pub fn login_token(&self, sub: &str, now: Timestamp, changes: Value) -> String {
        let Value::Object(changes) = changes else { panic!("claims are an object") };
        self.login.login_token(sub, time_of(now), changes).expect("a login token")
    }

    /// A call of the consent API with `sub`'s own login token.
    pub async fn consent(&self, sub: &str, method: &str, path: &str, body: &str, now: Timestamp) -> Answer {
        let token = self.login_token(sub, now, Value::Object(Map::new()));
        self.call(&self.consent, &json_request(method, path, Some(&token), body), now).await
    }

    /// `sub` decides about what `kiosk` asked.
    pub async fn decide(&self, sub: &str, request: &str, body: Value, now: Timestamp) -> Answer {
        let mut all = json!({"client_id": "kiosk"});
        merge(&mut all, body);
        self.consent(sub, "POST", &format!("/consent/{request}/decision"), &all.to_string(), now).await
    }

    /// `alice` approves all of it.
    pub async fn approve(&self, request: &str, now: Timestamp) {
        let answer = self.decide("alice", request, json!({"decision": "approve"}), now).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Hands what was decided, and what is due in the queue at `now`, to the function that tells clients. How many records
    /// and messages that were.
    pub async fn deliver(&self, now: Timestamp) -> usize {
        self.deliver_to(&self.client_notification, now).await
    }

    /// The same to another instance of the function.
    pub async fn deliver_to(&self, to: &ClientNotification, now: Timestamp) -> usize {
        self.set_clock(now);
        let invoke =
            async |event: Value| Ok(self.eavesdropper.during(to.run(&event, &self.invocation(now))).await);
        let changes = self.outbox.changes(Self::TELLS_CLIENTS, &invoke).await.expect("a stream");
        changes + self.outbox.deliver(invoke).await
    }

    /// Hands over what is due in the queue alone, and not what was decided.
    pub async fn deliver_from_the_queue(&self, now: Timestamp) -> usize {
        self.set_clock(now);
        let invoke = async |event: Value| {
            let invocation = self.invocation(now);
            Ok(self.eavesdropper.during(self.client_notification.run(&event, &invocation)).await)
        };
        self.outbox.deliver(invoke).await
    }

    /// Emits what happened since the last time, and says how many records the function is done with.
    pub async fn emit(&self, now: Timestamp) -> usize {
        let invoke = async |event: Value| self.run_events(event, now).await;
        self.outbox.changes("events", invoke).await.expect("a stream")
    }

    /// One invocation of the function of events.
    pub async fn run_events(&self, event: Value, now: Timestamp) -> Result<Value, ciba_local::Error> {
        let invocation = self.invocation(now);
        let answer = self.eavesdropper.during(self.events.run(event, &invocation)).await;
        answer.map_err(|error| error.0.into())
    }

    /// Sets the clock of the queues and of the login issuer.
    pub fn set_clock(&self, now: Timestamp) {
        self.clock.set(time_of(now));
    }

    /// The function that tells clients, with other settings.
    pub fn client_notification_with(&self, settings: Settings<'_>) -> ClientNotification {
        let environment = self.environment_with("client-notification", settings);
        ClientNotification::new(&environment).expect("client-notification")
    }

    /// The function that people decide with, with other settings.
    pub fn consent_with(&self, settings: Settings<'_>) -> Consent {
        Consent::new(&self.environment_with("consent", settings)).expect("consent")
    }

    /// The backchannel authentication endpoint, with other settings.
    pub fn backchannel_authentication_with(&self, settings: Settings<'_>) -> BackchannelAuthentication {
        let environment = self.environment_with("backchannel-authentication", settings);
        BackchannelAuthentication::new(&environment).expect("backchannel-authentication")
    }

    /// The function for logins, with other settings.
    pub fn logging_in_with(&self, settings: Settings<'_>) -> Login {
        Login::new(&self.environment_with("login", settings)).expect("login")
    }

    /// The function that enrolls passkeys, with other settings.
    pub fn enrollment_with(&self, settings: Settings<'_>) -> Enrollment {
        Enrollment::new(&self.environment_with("enrollment", settings)).expect("enrollment")
    }

    /// What an operator's secret at a login issuer is in `LOGIN_ISSUERS`.
    pub fn encrypted_secret(issuer: &str, secret: &str) -> String {
        STANDARD.encode(KMS_KEY.encrypt(secret.as_bytes(), &[("purpose", "ciba-login"), ("issuer", issuer)]))
    }

    fn environment_with(&self, function: &str, settings: Settings<'_>) -> Environment {
        let mut environment = signed_by(&self.environment, &Self::access_key(function));
        environment.retain(|(name, _)| settings.iter().all(|(other, _)| other != name));
        environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.patient(environment)
    }

    /// The queue of deliveries and that of dead letters, as the operator's tool reaches them.
    pub fn queues(&self) -> (DeliveryQueue, DeliveryQueue) {
        let aws = Aws::read(&self.environment()).expect("AWS");
        let connect = |name| DeliveryQueue::connect(&aws, &self.sqs.queue_url(name));
        (connect(Self::DELIVERY_QUEUE), connect(Self::DEAD_LETTERS))
    }

    /// The bodies of the dead letters.
    pub fn dead_letters(&self) -> Vec<String> {
        self.sqs.bodies(Self::DEAD_LETTERS)
    }

    /// Puts a message into the queue of deliveries.
    pub fn send_to_deliveries(&self, body: &str) {
        self.sqs.queues().send(Self::DELIVERY_QUEUE, body, "test", Duration::ZERO).expect("the queue");
    }

    /// The values of a binary attribute of the items with this sort key whose `pk` begins so.
    pub async fn bytes_of(&self, prefix: &str, sk: &str, name: &str) -> Vec<Vec<u8>> {
        let client = self.dynamodb.client();
        let answer = client.scan().table_name(&self.dynamodb.table).send().await.expect("a scan");
        let items = answer.items().iter().filter(|item| {
            let is = |name: &str, is: &dyn Fn(&str) -> bool| {
                item.get(name).and_then(|value| value.as_s().ok()).is_some_and(|text| is(text))
            };
            is("pk", &|pk| pk.starts_with(prefix)) && is("sk", &|it| it == sk)
        });
        let bytes = items.filter_map(|item| item.get(name).and_then(|value| value.as_b().ok()));
        bytes.map(|blob| blob.as_ref().to_vec()).collect()
    }

    /// The items of the whole table.
    pub async fn items(&self) -> Vec<Value> {
        let client = self.dynamodb.client();
        let answer = client.scan().table_name(&self.dynamodb.table).send().await.expect("a scan");
        answer
            .items()
            .iter()
            .map(|item| {
                let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
                let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()).cloned();
                let names: BTreeSet<_> = item.keys().collect();
                // In the order of their names: equal items have equal texts, by which they are sorted.
                let names = names.into_iter().map(|name| {
                    (
                        name.clone(),
                        text(name).or_else(|| number(name)).map_or(Value::Bool(true), Value::String),
                    )
                });
                Value::Object(names.collect())
            })
            .collect()
    }

    /// The items of keys.
    pub async fn key_items(&self) -> Vec<Value> {
        let mut items = self.items_under("keys").await;
        items.retain(|item| item["sk"].as_str().is_some_and(|sk| sk.starts_with("key#")));
        items
    }

    /// The items whose `pk` begins so.
    pub async fn items_under(&self, prefix: &str) -> Vec<Value> {
        let mut items = self.items().await;
        items.retain(|item| item["pk"].as_str().is_some_and(|pk| pk.starts_with(prefix)));
        items
    }

    /// Sets a text attribute of an item, past all rules, as a hand in the table could.
    pub async fn set_attribute(&self, pk: &str, sk: &str, name: &str, value: &str) {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let update = self.dynamodb.client().update_item().table_name(&self.dynamodb.table);
        let update = update.key("pk", text(pk)).key("sk", text(sk));
        let update = update.update_expression("SET #name = :value").expression_attribute_names("#name", name);
        update.expression_attribute_values(":value", text(value)).send().await.expect("an update");
    }

    /// Deletes what has passed its `ttl` at `now`, as DynamoDB does in its own time.
    pub async fn sweep(&self, now: Timestamp) {
        let text = |value: &Value| AttributeValue::S(value.as_str().unwrap_or_default().to_owned());
        for item in self.items().await {
            let ttl = item["ttl"].as_str().and_then(|ttl| ttl.parse().ok());
            if ttl.is_some_and(|ttl: i64| ttl < now.seconds()) {
                let delete = self.dynamodb.client().delete_item().table_name(&self.dynamodb.table);
                let delete = delete.key("pk", text(&item["pk"])).key("sk", text(&item["sk"]));
                delete.send().await.expect("a deletion");
            }
        }
    }

    /// What must not change when a request is refused: requests, asks and messages.
    pub async fn traces(&self) -> (Vec<Value>, usize) {
        let mut items = self.items().await;
        items.retain(|item| {
            item["pk"].as_str().is_some_and(|pk| pk.starts_with("request#")) || item["sk"] == "asks"
        });
        items.sort_by_key(ToString::to_string);
        (items, self.sns.attempts().len())
    }
}

fn time_of(now: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(now.millis().unsigned_abs())
}

fn signed_by(environment: &[(String, String)], caller: &str) -> Vec<(String, String)> {
    let signed = environment.iter().map(|(name, value)| match name.as_str() {
        "AWS_ACCESS_KEY_ID" => (name.clone(), caller.to_owned()),
        _ => (name.clone(), value.clone()),
    });
    signed.collect()
}

fn merge(into: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        into[name] = value;
    }
}

/// What binds a data key to its use and to its table.
fn data_key_context(table: &str) -> [(&'static str, &str); 2] {
    [("purpose", "ciba-keys"), ("table", table)]
}

fn reencrypted(sealed: &[u8], from: &[(&str, &str)], to: &[(&str, &str)]) -> Vec<u8> {
    KMS_KEY.reencrypt(sealed, from, to).expect("sealed under this context")
}
