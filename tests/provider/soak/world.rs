//! A provider with its clients and people, in bad weather, and what was found there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ciba::aws::Aws;
use ciba::http::Request;
use ciba::keys::{HandleUse, KeyRings, Kms};
use ciba_local::disorder::{Disorder, Random};
use ciba_local::lambda::Lambda;
use ciba_local::proxy::{self, Odds, Refusal};
use ciba_local::sns::{self, Failure};
use ciba_tests::{Authenticator, Provider, Reaction, Receiver, SECRET, at, basic, form, form_request};
use serde_json::json;
use tokio::sync::Mutex as Guard;

use super::clock::Clock;
use super::hooks::{Hooks, NOTIFIER, POLICY, RESOLVER};
use super::script::{Ending, Home, Proof, Script, Who};
use super::tally::Tally;
use crate::client_assertion::{asserted, register};
use crate::foreign_issuer::Key;
use crate::prover::{Prover, with_proof};

/// As long as a client's token for its own endpoint has to be.
pub(super) const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";
/// What every flow asks for.
pub(super) const SCOPE: &str = "openid profile email offline_access";
/// What some approve of it.
pub(super) const PART: &str = "openid profile offline_access";

/// In this weather more than one call of ten meets a fault, and some do so until their caller gives up.
const ODDS: Odds = Odds {
    busy: 200,
    internal_error: 100,
    reset: 100,
    silence: 5,
    conflict: 150,
    left_over: 150,
    lost: 300,
    lost_in_silence: 5,
    twice: 200,
    delayed: 300,
    outage: 25,
};
/// How often the SDK sends a call.
const SDK_TRIES: usize = 3;
/// Of 10,000 messages.
const SNS_ODDS: usize = 250;
/// How many calls of a client's endpoint are drawn.
const REACTIONS: usize = 2_000;

pub(super) struct World {
    pub provider: Provider,
    pub hooks: Hooks,
    pub clock: Clock,
    receivers: BTreeMap<Who, Receiver>,
    /// Opens `auth_req_id`, to see whose it is.
    keys: KeyRings,
    signing: Key,
    /// For whoever binds tokens.
    pub prover: Prover,
    /// By the number of their flow.
    pub passkeys: BTreeMap<usize, Guard<Authenticator>>,
    assertions: AtomicUsize,
    tally: Mutex<Tally>,
}

impl World {
    /// Fair weather first: clients and people are written down.
    pub(super) async fn new(scripts: &[Script], random: &mut Random) -> Self {
        let functions = [RESOLVER, POLICY, NOTIFIER].map(Lambda::arn);
        let settings = [
            ("ASKS_PER_TEN_MINUTES", "16"),
            ("ASKS_PER_DAY", "16"),
            ("USER_RESOLVER_FUNCTION", &*functions[0]),
            ("USER_RESOLVER_ISSUERS", Provider::LOGIN),
            ("REQUEST_POLICY_FUNCTION", &*functions[1]),
            ("USER_NOTIFIER_FUNCTION", &*functions[2]),
            ("USER_NOTIFIER_CONTENT", "full"),
        ];
        let provider = Provider::with(&settings).await;
        let hooks = Hooks::new(scripts);
        hooks.deploy(&provider);
        let signing = Key::es256("soak");
        let mut receivers = BTreeMap::new();
        for who in Who::ALL {
            let receiver = Receiver::start().await;
            let mut metadata = json!({
                "client_id": who.id(),
                "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
                "scope": SCOPE,
            });
            if who.is_called() {
                metadata["backchannel_token_delivery_mode"] = json!(who.id());
                metadata["backchannel_client_notification_endpoint"] = json!(receiver.url());
            }
            match who {
                Who::Signing => register(&provider, who.id(), &[&signing], metadata).await,
                Who::Poll | Who::Ping | Who::Push => provider.register(metadata).await.expect("a client"),
            }
            receivers.insert(who, receiver);
        }
        let mut passkeys = BTreeMap::new();
        for script in scripts.iter().filter(|script| script.home == Home::Directory) {
            let entry = json!({ "channels": script.channels() });
            provider.enroll(&script.sub(), entry).await.expect("a person");
            let decides = !matches!(script.ending, Ending::Declined | Ending::Ignored);
            if script.proof == Proof::Passkey && decides {
                let passkey = provider.enroll_passkey(&script.sub(), at(-90_000.0)).await;
                passkeys.insert(script.number, Guard::new(passkey));
            }
        }
        let keys = KeyRings::new(
            provider.table.clone(),
            Kms::connect(&Aws::read(&provider.environment()).expect("AWS")),
        );
        provider.proxy.clear();
        provider.sns.clear();
        provider.lambda.clear();
        let world = Self {
            clock: Clock::new(scripts.len(), 1),
            provider,
            hooks,
            receivers,
            keys,
            signing,
            prover: Prover::new(),
            passkeys,
            assertions: AtomicUsize::default(),
            tally: Mutex::default(),
        };
        world.turn_bad(scripts, random).await;
        world
    }

    async fn turn_bad(&self, scripts: &[Script], random: &mut Random) {
        for script in scripts {
            for number in script.unreachable() {
                self.provider.sns.fail_for(&number, Failure::OptedOut);
            }
        }
        for receiver in self.receivers.values() {
            receiver.react((0..REACTIONS).map(|_| reaction(random)));
        }
        self.provider.outbox.disturb(Disorder::full(random.next_seed())).await;
        self.provider.sns.set_weather(Some(sns::Weather::new(random.next_seed(), SNS_ODDS)));
        self.provider.proxy.set_weather(Some(proxy::Weather::new(random.next_seed(), ODDS)));
        self.hooks.turn_bad(Random::new(random.next_seed()));
    }

    /// Fair weather again. What had been sent a second time has arrived.
    pub(super) async fn clear_up(&self) {
        let faults = self.provider.proxy.set_weather(None);
        let unsent = self.provider.sns.set_weather(None);
        let hooks = self.hooks.clear_up();
        for (name, count) in faults.into_iter().chain([("SNS", unsent), ("hooks", hooks)]) {
            self.tally().faults(name, count);
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }

    /// The next transaction fails for good. The weather rarely does this to a new request.
    pub(super) fn outage(&self) {
        for nth in 1..=SDK_TRIES {
            self.provider.proxy.fail_before("TransactWriteItems", nth, Refusal::InternalServerError);
        }
    }

    pub(super) fn receiver(&self, who: Who) -> &Receiver {
        &self.receivers[&who]
    }

    /// A call of the flow's client, with its credentials.
    pub(super) fn call_of(&self, script: &Script, path: &str, parameters: &[(&str, &str)]) -> Request {
        let now = self.clock.now();
        let request = match script.who {
            Who::Signing => {
                let number = self.assertions.fetch_add(1, Ordering::Relaxed);
                let claims = json!({"iss": script.who.id(), "sub": script.who.id(), "aud": Provider::ISSUER,
                    "jti": format!("soak-{number}"), "iat": now.seconds(), "exp": now.seconds() + 60});
                let assertion = self.signing.sign(&self.signing.header().to_string(), &claims.to_string());
                asserted(path, &assertion, parameters)
            }
            Who::Poll | Who::Ping | Who::Push => {
                form_request(path, Some(&basic(script.who.id(), SECRET)), &form(parameters))
            }
        };
        if script.bound && path == "/oauth/token" {
            let proof = self.prover.proof("POST", path, now, json!({}));
            return with_proof(request, &proof);
        }
        request
    }

    /// The request that a handle names.
    pub(super) async fn key_of(&self, auth_req_id: &str) -> Option<String> {
        let open = |keys: &ciba::keys::KeyRing| keys.open_handle(HandleUse::AuthReqId, auth_req_id);
        for _ in 0..5 {
            if let Ok(opened) = self.keys.open(open, self.clock.now()).await {
                return opened.ok().map(|key| key.encode());
            }
        }
        None
    }

    /// Moves what was decided to the clients, and what happened to the bus, for as long as there are flows.
    pub(super) async fn move_on(&self) {
        let mut moment: u32 = 0;
        while self.clock.is_running() {
            self.provider.deliver(self.clock.now()).await;
            if moment.is_multiple_of(8) {
                self.provider.emit(self.clock.now()).await;
            }
            moment += 1;
            self.clock.wait(2.0).await;
        }
        self.clock.stop();
    }

    pub(super) fn count(&self, what: &'static str) {
        self.tally().count(what);
    }

    /// A promise that was broken.
    pub(super) fn found(&self, script: &Script, what: &str) {
        self.tally().found(format!("{what}: {script:?}"));
    }

    /// All that was counted and found, at the end.
    pub(super) fn into_tally(self) -> Tally {
        self.tally.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a client's endpoint meets a call.
fn reaction(random: &mut Random) -> Reaction {
    match random.below(200) {
        0..140 => Reaction::Status(204),
        140..160 => Reaction::Late(200),
        160..170 => Reaction::Status(500),
        170..180 => Reaction::HangUp,
        180..190 => Reaction::RetryAfter(2),
        _ => Reaction::Status(429),
    }
}
