//! The running stack: every part, in the order of their dependencies.
//!
//! 1. Open the ports, so that every part can be given the addresses of the others.
//! 2. Start DynamoDB with its table, and the doubles of SNS, KMS, SQS and EventBridge.
//! 3. Start the operator's functions, if there are any, and the provider's (`cargo lambda watch`).
//! 4. Create the keys, by invoking `key-rotation`.
//! 5. Write the clients and people of the seed; with a resolver the clients only.
//! 6. Open the gateway, over TLS with a second host if requested, and the phone, and wait until the JWKS is
//!    available.
//! 7. Start to pass writes, and messages of the queue, to the functions that they trigger.

mod build;
mod environment;
mod functions;
mod hooks;
mod options;
mod ready;
mod relay;
mod watch;

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub use build::build;
pub use functions::{Functions, environment as environment_of};
pub use hooks::Hooks;
pub use options::{Options, Ports};

use crate::{
    Error,
    clock::Clock,
    dynamodb::{DynamoDb, Sweep},
    eventbridge::EventBridge,
    gateway::{self, Route},
    kms::{Kms, KmsHandle},
    login_issuer::{ClientAuthentication, LoginIssuer, RelyingParty},
    outbox::Outbox,
    phone::{Phone, PhoneOptions},
    provider::Provider,
    proxy::Proxy,
    seed::{self, Seed},
    server::{Server, listen},
    sns::{Sns, SnsHandle},
    sqs::Sqs,
    template::Template,
    tls::Certificates,
};
use environment::Endpoints;
use relay::Relay;
use watch::Watch;

/// The name of the table.
pub const TABLE_NAME: &str = "ciba";

/// The provider's `client_id` at the local login issuer.
pub const RELYING_PARTY: &str = "ciba-page";

/// Its secret there, which protects nothing: the issuer believes whatever it is told.
pub const RELYING_PARTY_SECRET: &str = "local-only-login-secret-0123456789abcdef";

const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Everything that runs. Dropping it stops everything; [`Stack::stop`] also waits until it has stopped.
pub struct Stack {
    /// The provider's `ISSUER`.
    pub issuer: String,
    /// The environment of the functions, for a test that runs a flow in its own process.
    pub environment: BTreeMap<String, String>,
    pub seed: Seed,
    pub dynamodb: DynamoDb,
    /// Between the functions and DynamoDB, if requested.
    pub proxy: Option<Proxy>,
    pub sns: SnsHandle,
    pub kms: KmsHandle,
    pub sqs: Sqs,
    pub eventbridge: EventBridge,
    /// The port on which ping and push clients are expected to listen.
    pub client_port: u16,
    pub login_issuer: Arc<LoginIssuer>,
    pub phone: Phone,
    gateway: Server,
    tls: Option<Tls>,
    watch: Watch,
    hooks: Option<Hooks>,
    relay: Relay,
    _sweep: Option<Sweep>,
}

impl Stack {
    /// Starts everything and returns when it responds.
    ///
    /// # Errors
    /// If a part does not start. Everything that had started by then is stopped.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let template = Template::parse(&fs::read_to_string(options.root.join("template.yaml"))?)?;
        let listeners = Listeners::take(&options).await?;
        let certificates = options.tls.as_deref().map(Certificates::make).transpose()?;

        let dynamodb = DynamoDb::start(listeners.dynamodb)?;
        dynamodb.create_table(TABLE_NAME, &template.table).await?;
        let sweep = options.sweep.then(|| dynamodb.sweep(SWEEP_EVERY));
        let proxy = if options.proxy { Some(Proxy::start(listen(0).await?, &dynamodb.url())?) } else { None };
        let sns = Sns::start(listeners.sns)?;
        let kms = Kms::start(listeners.kms)?;
        let sqs = Sqs::start(listeners.sqs, &template.queues, Clock::System)?;
        let eventbridge = EventBridge::start(listeners.eventbridge)?;
        let outbox = Outbox::new(&template, &dynamodb.url(), TABLE_NAME, &sqs)?;

        let login_issuer = Arc::new(LoginIssuer::new(&localhost(&listeners.phone)?)?);
        let api = match &listeners.tls {
            Some(tls) => tls.api_url()?,
            None => localhost(&listeners.api)?,
        };
        let issuer = options.issuer.clone().unwrap_or_else(|| api.clone());
        login_issuer.register(relying_party(&issuer));
        let endpoints = Endpoints {
            dynamodb: proxy.as_ref().map_or_else(|| dynamodb.url(), Proxy::url),
            sns: sns.url(),
            kms: kms.url(),
            sqs: sqs.url(),
            eventbridge: eventbridge.url(),
            delivery_queue: sqs.queue_url("DeliveryQueue"),
            dead_letters: sqs.queue_url("DeliveryDeadLetters"),
        };
        let hooks = match &options.hooks {
            Some(folder) => Some(Hooks::start(&options, folder, &issuer, login_issuer.issuer()).await?),
            None => None,
        };
        let mut environment =
            environment::of_functions(&options, &issuer, &endpoints, &login_setting(&login_issuer, &kms));
        let mut set = |name: &str, value| _ = environment.entry(name.to_owned()).or_insert(value);
        hooks.iter().flat_map(Hooks::settings).for_each(|(name, value)| set(name, value));
        if let (Some(listeners), Some(certificates)) = (&listeners.tls, &certificates) {
            set("MTLS_URL", listeners.mtls_url()?);
            set("MTLS_AUTHORITIES", certificates.authorities(options.mutual_tls.authorities.as_deref()));
        }

        build(&options.root, template.functions.iter().map(|function| function.binary.as_str())).await?;
        let mut watch = Watch::start(&options, &environment).await?;
        ready::rotate_keys(&mut watch).await?;

        let provider = Arc::new(Provider::new(&environment, login_issuer.issuer())?);
        let client_port = free_port(options.ports.client).await?;
        let mut seed = Seed::read(&options.seed)?.with_login_issuer(login_issuer.issuer());
        seed.clients.extend(certificates.iter().flat_map(Certificates::clients));
        // With an issuer elsewhere, the provider refuses clients that listen on this machine.
        let seed = if environment::is_localhost(&issuer) {
            seed.with_client_port(client_port)
        } else {
            seed.without_local_clients()
        };
        // People log in at the login issuer, no matter where the provider gets them from.
        login_issuer.offer(&seed.people());
        let seed = if hooks.is_some() { seed.without_people() } else { seed };
        seed::plant(
            &seed,
            async |client| provider.register_client(client).await,
            async |person| provider.enroll_person(person).await,
        )
        .await?;

        let gateway = gateway::serve(listeners.api, Route::all(&template), watch.url())?;
        let tls = match (listeners.tls, certificates) {
            (Some(listeners), Some(certificates)) => {
                let acceptor = certificates.mutual_acceptor(&options.mutual_tls, &seed.clients)?;
                Some(Tls::start(listeners, certificates, acceptor, &template, watch.url())?)
            }
            (None | Some(_), None | Some(_)) => None,
        };
        let phone_options = PhoneOptions {
            api: gateway.url(),
            issuer: issuer.clone(),
            inbox: sns.inbox(),
            people: seed.people(),
            directory: provider,
            login_issuer: Arc::clone(&login_issuer),
            approve_all: options.approve_all,
        };
        let phone = Phone::start(listeners.phone, phone_options)?;
        ready::wait_for_jwks(&gateway.url(), &mut watch).await?;
        let relay = Relay::start(outbox, &template, watch.url())?;
        Ok(Self {
            issuer,
            environment,
            seed,
            dynamodb,
            proxy,
            sns,
            kms,
            sqs,
            eventbridge,
            client_port,
            login_issuer,
            phone,
            gateway,
            tls,
            watch,
            hooks,
            relay,
            _sweep: sweep,
        })
    }

    /// The URL of the API, with the host name of a local issuer.
    pub fn api_url(&self) -> String {
        match &self.tls {
            Some(tls) => format!("https://localhost:{}", tls.api.address().port()),
            None => format!("http://localhost:{}", self.gateway.address().port()),
        }
    }

    /// The host at which clients present certificates, and the certificates that were created for them.
    pub fn mutual_tls(&self) -> Option<(String, &Certificates)> {
        let tls = self.tls.as_ref()?;
        Some((format!("https://localhost:{}", tls.mutual.address().port()), &tls.certificates))
    }

    /// Lambda's invoke API.
    pub fn invoke_url(&self) -> &str {
        self.watch.url()
    }

    /// The operator's functions.
    pub fn hooks(&self) -> Option<&Hooks> {
        self.hooks.as_ref()
    }

    /// The file with the functions' output.
    pub fn log(&self) -> PathBuf {
        self.watch.log().to_owned()
    }

    /// Stops the functions, waits until none of their processes is left, then stops the rest.
    pub async fn stop(mut self) {
        self.relay.stop();
        self.watch.stop().await;
        if let Some(hooks) = self.hooks {
            hooks.stop().await;
        }
    }
}

/// The gateway's two hosts with TLS. The stack itself uses the plain one.
struct Tls {
    api: Server,
    mutual: Server,
    certificates: Certificates,
}

impl Tls {
    fn start(
        listeners: TlsListeners,
        certificates: Certificates,
        acceptor: TlsAcceptor,
        template: &Template,
        invoke_base: &str,
    ) -> Result<Self, Error> {
        let authority = format!("localhost:{}", listeners.mutual.local_addr()?.port());
        let routes = Route::all(template);
        let mutual =
            gateway::serve_tls(listeners.mutual, routes.clone(), invoke_base, acceptor, Some(authority))?;
        let api = gateway::serve_tls(listeners.api, routes, invoke_base, certificates.acceptor()?, None)?;
        Ok(Self { api, mutual, certificates })
    }
}

/// The ports of these hosts.
struct TlsListeners {
    api: TcpListener,
    mutual: TcpListener,
}

impl TlsListeners {
    fn api_url(&self) -> Result<String, Error> {
        Ok(localhost(&self.api)?.replacen("http", "https", 1))
    }

    fn mtls_url(&self) -> Result<String, Error> {
        Ok(localhost(&self.mutual)?.replacen("http", "https", 1))
    }
}

/// The ports, opened before anything starts, so that a port in use is noticed at once.
struct Listeners {
    dynamodb: TcpListener,
    sns: TcpListener,
    kms: TcpListener,
    /// With TLS any free port: the given one is then used with TLS.
    api: TcpListener,
    tls: Option<TlsListeners>,
    phone: TcpListener,
    sqs: TcpListener,
    eventbridge: TcpListener,
}

impl Listeners {
    async fn take(options: &Options) -> Result<Self, Error> {
        let ports = &options.ports;
        let tls = match &options.tls {
            Some(_) => {
                Some(TlsListeners { api: listen(ports.api).await?, mutual: listen(ports.mtls).await? })
            }
            None => None,
        };
        Ok(Self {
            dynamodb: listen(ports.dynamodb).await?,
            sns: listen(ports.sns).await?,
            kms: listen(ports.kms).await?,
            api: listen(if tls.is_some() { 0 } else { ports.api }).await?,
            tls,
            phone: listen(ports.phone).await?,
            sqs: listen(ports.sqs).await?,
            eventbridge: listen(ports.eventbridge).await?,
        })
    }
}

/// For a client that is started later. A given port may be in use: not every stack has such a client.
async fn free_port(port: u16) -> Result<u16, Error> {
    if port == 0 { Ok(listen(0).await?.local_addr()?.port()) } else { Ok(port) }
}

/// The provider, as a relying party of the local login issuer.
fn relying_party(issuer: &str) -> RelyingParty {
    RelyingParty {
        client_id: RELYING_PARTY.to_owned(),
        redirect_uris: vec![format!("{issuer}/login/callback")],
        authentication: ClientAuthentication::ClientSecretBasic(RELYING_PARTY_SECRET.to_owned()),
    }
}

/// The local login issuer as a setting of the provider: for apps, and for a login on the page.
fn login_setting(login_issuer: &LoginIssuer, kms: &KmsHandle) -> Value {
    let context = [("purpose", "ciba-login"), ("issuer", login_issuer.issuer())];
    let secret = kms.encrypt(RELYING_PARTY_SECRET.as_bytes(), &context);
    login_issuer.setting_on_the_page(RELYING_PARTY, &BASE64_STANDARD.encode(secret))
}

/// With the name, because a local issuer is `http://localhost`, never an address.
fn localhost(listener: &TcpListener) -> Result<String, Error> {
    Ok(format!("http://localhost:{}", listener.local_addr()?.port()))
}
