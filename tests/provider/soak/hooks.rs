//! The operator's functions: a resolver, a policy and a notifier, in bad weather too. Each fails in every way that
//! docs/hooks.md lists, and the notifier also sends messages whose acceptance is never heard of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ciba_local::disorder::Random;
use ciba_local::lambda::{Lambda, Outcome};
use ciba_tests::Provider;
use serde_json::{Value, json};

use super::script::{Admission, Home, Script};

/// Of 10,000 calls of a hook.
const ODDS: [(usize, Fault); 9] = [
    (200, Fault::Throttled),
    (200, Fault::Down),
    (160, Fault::Fails),
    (120, Fault::Garbage),
    (60, Fault::OtherVersion),
    (60, Fault::Oversized),
    (80, Fault::Wrong),
    (20, Fault::Outage),
    (3, Fault::Hangs),
];
const OF: usize = 10_000;
/// How many consecutive calls an outage refuses: more than an SDK's attempts.
const OUTAGE: usize = 8;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Throttled,
    /// Lambda is; of a notifier's call perhaps after it has sent the message.
    Down,
    Fails,
    Garbage,
    OtherVersion,
    Oversized,
    /// A well-formed answer that must not count: another person, a refusal that is none, an outage.
    Wrong,
    /// This call and the next ones.
    Outage,
    Hangs,
}

/// A message that the notifier has sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    id: String,
    pub address: String,
    pub key: String,
    /// It said so.
    pub accepted: bool,
}

/// What the hooks know and what they did. Shared with the functions.
#[derive(Clone, Default)]
pub(super) struct Hooks(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    scripts: BTreeMap<String, Script>,
    /// By the address of a custom channel.
    subs: BTreeMap<String, String>,
    /// None in fair weather.
    weather: Option<Random>,
    outage: usize,
    made: u64,
    sent: Vec<Sent>,
    tried: BTreeSet<String>,
    /// By the id of the message, so that each is sent once.
    answered: BTreeMap<String, Value>,
    findings: Vec<String>,
}

pub(super) const RESOLVER: &str = "soak-people:live";
pub(super) const POLICY: &str = "soak-rules:live";
pub(super) const NOTIFIER: &str = "soak-messages:live";

impl Hooks {
    pub(super) fn new(scripts: &[Script]) -> Self {
        let by_sub = scripts.iter().map(|script| (script.sub(), script.clone())).collect();
        let addresses = |script: &Script| script.addresses().map(|address| (address, script.sub()));
        let subs = scripts.iter().flat_map(addresses).collect();
        Self(Arc::new(Mutex::new(Inner { scripts: by_sub, subs, ..Inner::default() })))
    }

    /// Puts the functions in place.
    pub(super) fn deploy(&self, provider: &Provider) {
        let login = provider.login.issuer().to_owned();
        let deploy = |name, run: fn(&mut Inner, &Value, &str) -> Value| {
            let (hooks, login) = (self.clone(), login.clone());
            let function = move |event: &Value| hooks.inner().call(name, event, &login, run);
            provider.lambda.set_function(&Lambda::arn(name), function);
        };
        deploy(RESOLVER, Inner::resolve);
        deploy(POLICY, Inner::judge);
        deploy(NOTIFIER, Inner::notify);
    }

    pub(super) fn turn_bad(&self, random: Random) {
        self.inner().weather = Some(random);
    }

    /// Fair weather again. How many faults were made.
    pub(super) fn clear_up(&self) -> u64 {
        let mut inner = self.inner();
        inner.weather = None;
        inner.made
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.inner().sent.clone()
    }

    /// The addresses for which the notifier was called about a request.
    pub(super) fn tried(&self) -> BTreeSet<String> {
        self.inner().tried.clone()
    }

    /// What the functions were asked and should not have been.
    pub(super) fn findings(&self) -> Vec<String> {
        self.inner().findings.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn call(
        &mut self,
        name: &str,
        event: &Value,
        login: &str,
        run: fn(&mut Self, &Value, &str) -> Value,
    ) -> Outcome {
        if event["kind"] == "request" {
            self.tried.extend(event["channel"]["address"].as_str().map(str::to_owned));
        }
        let Some(fault) = self.draw() else { return Outcome::json(&run(self, event, login)) };
        self.made += 1;
        // Half of what a notifier fails to answer it has done.
        let is_done = name == NOTIFIER && self.below(2) == 0;
        if is_done && matches!(fault, Fault::Down | Fault::Fails | Fault::Garbage | Fault::Hangs) {
            let before = self.sent.len();
            run(self, event, login);
            self.sent[before..].iter_mut().for_each(|sent| sent.accepted = false);
        }
        let good = || json!({"version": 1, "outcome": "accepted", "allowed": true});
        match fault {
            Fault::Throttled => Outcome::IsThrottled,
            Fault::Down | Fault::Outage => Outcome::IsDown,
            Fault::Fails => Outcome::Fails,
            Fault::Garbage => Outcome::Returns(b"{\"version\":1".to_vec()),
            Fault::OtherVersion => {
                Outcome::json(&json!({"version": 2, "outcome": "accepted", "allowed": true}))
            }
            Fault::Oversized => {
                let mut long = good();
                long["reason"] = "x".repeat(17 * 1024).into();
                Outcome::json(&long)
            }
            Fault::Wrong => Outcome::json(&match name {
                RESOLVER => {
                    json!({"version": 1, "user": {"issuer": "https://other.example", "subject": "x", "channels": []}})
                }
                POLICY => json!({"version": 1, "allowed": false}),
                _ => json!({"version": 1, "outcome": "outage"}),
            }),
            Fault::Hangs => Outcome::Hangs,
        }
    }

    fn draw(&mut self) -> Option<Fault> {
        if let Some(left) = self.outage.checked_sub(1) {
            self.outage = left;
            return Some(Fault::Outage);
        }
        let all: usize = ODDS.iter().map(|(odds, _)| odds).sum();
        let weighted: Vec<_> =
            ODDS.iter().map(|(odds, fault)| (*odds, Some(*fault))).chain([(OF - all, None)]).collect();
        let fault = self.weather.as_mut()?.choose(&weighted);
        if fault == Some(Fault::Outage) {
            self.outage = OUTAGE - 1;
        }
        fault
    }

    fn below(&mut self, most: usize) -> usize {
        self.weather.as_mut().map(|random| random.below(most)).unwrap_or_default()
    }

    /// The resolver: whom the directory knows, it does not.
    fn resolve(&mut self, event: &Value, login: &str) -> Value {
        let sub = event["hint"]["value"].as_str().or_else(|| event["hint"]["subject"].as_str());
        let script = sub.and_then(|sub| self.scripts.get(sub)).filter(|script| script.home == Home::Resolver);
        match script {
            Some(script) if script.admission != Admission::Unknown => {
                json!({"version": 1, "user": {"issuer": login, "subject": script.sub(), "channels": script.channels()}})
            }
            Some(_) => json!({"version": 1, "error": "unknown_user_id"}),
            None => {
                self.findings.push("the resolver was asked about somebody of the directory".to_owned());
                json!({"version": 1, "error": "unknown_user_id"})
            }
        }
    }

    /// The policy: it tells the notifier whose request it is.
    fn judge(&mut self, event: &Value, _: &str) -> Value {
        let sub = event["sub"].as_str().unwrap_or_default();
        match self.scripts.get(sub).map(|script| script.admission) {
            Some(Admission::RefusedByPolicy) => {
                json!({"version": 1, "allowed": false, "error": "access_denied"})
            }
            Some(Admission::Admitted) => json!({"version": 1, "allowed": true, "properties": {"sub": sub}}),
            Some(Admission::Unknown) | None => {
                self.findings.push("the policy was asked about nobody".to_owned());
                json!({"version": 1, "allowed": true})
            }
        }
    }

    /// The notifier: news of passkeys count for nothing here.
    fn notify(&mut self, event: &Value, _: &str) -> Value {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, address) = (text(&event["id"]), text(&event["channel"]["address"]));
        if let Some(answer) = self.answered.get(&id) {
            let answer = answer.clone();
            self.sent.iter_mut().filter(|sent| sent.id == id).for_each(|sent| sent.accepted = true);
            return answer;
        }
        let script = self.subs.get(&address).and_then(|sub| self.scripts.get(sub));
        let is_known = script.is_some_and(|script| !script.unreachable().contains(&address));
        let answer = json!({"version": 1, "outcome": if is_known { "accepted" } else { "unreachable" }});
        if event["kind"] == "request" {
            let key = text(&event["request"]["link"]).rsplit('/').next().unwrap_or_default().to_owned();
            let sub = &event["request"]["content"]["properties"]["sub"];
            if self.subs.get(&address).map(String::as_str) != sub.as_str() {
                self.findings.push(format!("a message about {key} with the properties of another request"));
            }
            if is_known {
                self.sent.push(Sent { id: id.clone(), address, key, accepted: true });
            }
        }
        self.answered.insert(id, answer.clone());
        answer
    }
}
