//! The table, the messages and the clients' endpoints afterwards, held against what clients and people were answered.

use std::collections::{BTreeMap, BTreeSet};

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::client::ClientId;
use serde_json::Value;

use super::flow::Asked;
use super::model::{Is, Model};
use super::script::{Admission, Reach, Script, Who};
use super::world::World;

/// How long after the last flow what is still to be told is told. Unit: s.
const TO_TELL: u32 = 1_500;

/// What one flow left.
pub(super) type Played<'s> = (&'s Script, Vec<Asked>);

struct Remains<'w> {
    world: &'w World,
    /// By request: `request`, `delivery` and the evidence.
    items: BTreeMap<String, Vec<Value>>,
}

/// Looks at everything, and writes down what does not fit.
pub(super) async fn judge(world: &World, flows: &[Played<'_>]) {
    let end = world.clock.seconds();
    for later in (0..TO_TELL).step_by(15) {
        let now = ciba_tests::at(end + f64::from(later));
        world.provider.deliver(now).await;
        world.provider.emit(now).await;
    }
    let mut items = BTreeMap::<String, Vec<Value>>::new();
    for item in world.provider.items().await {
        let pk = item["pk"].as_str().unwrap_or_default();
        let key = pk.strip_prefix("request#").or_else(|| pk.strip_prefix("evidence#"));
        if let Some(key) = key.map(str::to_owned) {
            items.entry(key).or_default().push(item);
        }
    }
    let remains = Remains { world, items };
    remains.messages();
    let mut known = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    for (script, asked) in flows {
        for asked in asked {
            if !known.insert(asked.key.as_str()) {
                world.found(script, "two requests with one name");
            }
            for set in &asked.tokens {
                if !tokens.insert(set["access_token"].to_string()) {
                    world.found(script, "one access token for two requests");
                }
            }
            for what in remains.of(script, asked) {
                world.found(script, &format!("{}: {what}", asked.key));
            }
        }
        if let Some(what) = remains.block(script, asked).await {
            world.found(script, &what);
        }
    }
    remains.nobodys(&known);
    for script in flows.iter().map(|(script, _)| script) {
        if let Some(what) = remains.refused(script) {
            world.found(script, &what);
        }
    }
    for finding in world.hooks.findings() {
        world.tally().found(finding);
    }
}

impl Remains<'_> {
    fn item(&self, key: &str, sk: &str) -> Option<&Value> {
        self.items.get(key)?.iter().find(|item| item["sk"] == sk)
    }

    fn state(&self, key: &str) -> Option<Is> {
        let request = self.item(key, "request")?;
        Some(match (request["state"].as_str()?, request["cancelled_by"].as_str()) {
            ("pending", _) => Is::Pending,
            ("approved", _) => Is::Approved,
            ("denied", _) => Is::Denied,
            ("cancelled", Some("client")) => Is::CancelledByClient,
            ("cancelled", Some("person")) => Is::TakenBack,
            ("cancelled", _) => Is::Cancelled,
            ("redeemed", _) => Is::Redeemed,
            _ => return None,
        })
    }

    /// No message without a record: the request was stored before SNS was called.
    fn messages(&self) {
        let mut stored = BTreeMap::<&str, u64>::new();
        let calls = self.world.provider.proxy.calls();
        let inserted = calls.iter().filter(|call| call.operation == "TransactWriteItems");
        for call in inserted.filter(|call| call.status.is_some_and(|status| status.is_success())) {
            for key in call.leading_keys() {
                stored.entry(key).or_insert(call.order);
            }
        }
        for message in self.world.provider.sns.attempts() {
            let key = message.text.rsplit('/').next().unwrap_or_default();
            let before = stored.get(&*format!("request#{key}")).is_some_and(|order| *order < message.order);
            if !before {
                self.world.tally().found(format!("a message about a request that was not stored: {key}"));
            }
            self.world.count("messages sent");
        }
        let told = self.world.provider.lambda.invocations().into_iter();
        for call in told.filter(|call| call.event["kind"] == "request") {
            let link = call.event["request"]["link"].as_str().unwrap_or_default();
            let key = link.rsplit('/').next().unwrap_or_default();
            let before = stored.get(&*format!("request#{key}")).is_some_and(|order| *order < call.order);
            if !before {
                self.world.tally().found(format!("the notifier got a request that was not stored: {key}"));
            }
            self.world.count("messages through the notifier");
        }
    }

    /// Whom nobody may ask by the operator's own rules, nobody is asked. Nor is anybody told on a second channel while the
    /// first one works, or may have worked.
    fn refused(&self, script: &Script) -> Option<String> {
        let person = self.world.provider.person(&script.sub());
        let requests = self.items.values().flatten().filter(|item| item["sk"] == "request");
        let is_asked = requests.clone().any(|item| item["person"] == person.as_str());
        let [_, second] = script.addresses();
        let mut tried =
            self.world.provider.sns.attempts().into_iter().map(|it| it.address() == Some(&second));
        let sent = self.world.hooks.tried();
        let is_tried = tried.any(|is_so| is_so) || sent.contains(&second);
        match (script.admission, script.reach) {
            (Admission::RefusedByPolicy | Admission::Unknown, _) if is_asked => {
                Some("asked, against the operator's own rules".to_owned())
            }
            (_, Reach::First) if is_tried => Some("told on the second channel as well".to_owned()),
            _ => None,
        }
    }

    /// What is wrong with one request.
    fn of(&self, script: &Script, asked: &Asked) -> Vec<String> {
        let Some(state) = self.state(&asked.key) else {
            return vec!["acknowledged, and there is no record".to_owned()];
        };
        let mut model = asked.model.clone();
        if script.who == Who::Push {
            model.pushed();
        }
        let mut wrong = Vec::new();
        if !model.allows(state) {
            wrong.push(format!("the table says {state:?}, and the answers {model:?}"));
        }
        if asked.tokens.len() > 1 {
            wrong.push("redeemed twice".to_owned());
        }
        if state != Is::Redeemed && !asked.tokens.is_empty() {
            wrong.push(format!("tokens of a request that is {state:?}"));
        }
        let collected = script.who == Who::Push || !asked.tokens.is_empty();
        let needless = asked.unconfirmed || model.may_be_taken_back();
        if state == Is::Redeemed && !collected && !needless {
            wrong.push("an approval is lost: nobody has its tokens".to_owned());
        }
        wrong.extend(self.evidence(&asked.key, state, &model));
        if script.who.is_called() {
            wrong.extend(self.told(script.who, asked, state));
        }
        wrong
    }

    /// A report blocks the client for this person, and nothing else does.
    async fn block(&self, script: &Script, asked: &[Asked]) -> Option<String> {
        let person = self.item(&asked.first()?.key, "request")?["person"].as_str()?;
        let found = self.world.provider.table.find_person_with_asks(&PersonKey::from_stored(person)).await;
        let (_, asks) = found.expect("fair weather").expect("the person of the flow");
        let client = ClientId::parse(script.who.id()).expect("a name");
        if asks.blocked_at(&client).is_none() {
            let surely = asked.iter().any(|asked| asked.model.is_surely_reported());
            return surely.then(|| "reported, and not blocked".to_owned());
        }
        self.world.count("clients blocked");
        let perhaps = asked.iter().any(|asked| asked.model.may_be_reported());
        (!perhaps).then(|| "blocked, and nobody reported it".to_owned())
    }

    /// Evidence for every decision, and for nothing else.
    fn evidence(&self, key: &str, state: Is, model: &Model) -> Option<String> {
        let says = |sk: &str| self.item(key, sk).and_then(|item| item["decision"].as_str());
        let has = |sk: &str| self.item(key, sk).is_some();
        let expected: &[&str] = match state {
            Is::Approved | Is::Redeemed | Is::TakenBack => &["approved"],
            Is::Denied => &["denied", "reported"],
            Is::Pending | Is::Cancelled | Is::CancelledByClient => &[],
        };
        match says("decision") {
            Some(said) if expected.contains(&said) => self.world.count("decisions with evidence"),
            None if expected.is_empty() && !has("decision") => {}
            said => return Some(format!("evidence of {said:?} for a request that is {state:?}")),
        }
        let documents = self.items.get(key)?.iter().filter(|item| item.get("digest").is_some());
        for item in documents {
            let text = item["document"].as_str().unwrap_or_default();
            let document: Value = serde_json::from_str(text).unwrap_or_default();
            let names = [&document["request"], &document["kind"], &document["decision"]];
            if names != [&Value::from(key), &item["sk"], &item["decision"]] {
                return Some(format!("evidence about something else: {item}"));
            }
        }
        let is_reported = says("decision") == Some("reported") || says("report") == Some("reported");
        let is_back = has("taken_back");
        // A denial that is taken back stays a denial.
        let may_be_back = model.may_be_taken_back() || state == Is::Denied;
        let wrong = [
            (!is_reported && model.is_surely_reported(), "a report without evidence"),
            (is_reported && !model.may_be_reported(), "evidence of a report that nobody made"),
            (!is_back && model.is_surely_taken_back(), "an approval was taken back without evidence"),
            (is_back && !may_be_back, "evidence of an answer that nobody took back"),
        ];
        wrong.into_iter().find_map(|(is_so, what)| is_so.then(|| what.to_owned()))
    }

    /// What the client's endpoint was called with.
    fn told(&self, who: Who, asked: &Asked, state: Is) -> Option<String> {
        let id = asked.auth_req_id.as_str();
        let calls = self.world.receiver(who).calls();
        let calls: Vec<_> = calls.into_iter().filter(|call| call.body["auth_req_id"] == id).collect();
        let delivered = self.world.receiver(who).delivered();
        let delivered: Vec<_> = delivered.into_iter().filter(|call| call.body["auth_req_id"] == id).collect();
        let Some(delivery) = self.item(&asked.key, "delivery") else {
            return Some("a request of a client that is called, and no delivery".to_owned());
        };
        let word = delivery["delivery_state"].as_str().unwrap_or_default();
        let dead = self.world.provider.dead_letters().iter().any(|body| body.contains(&asked.key));
        let tokens: BTreeSet<_> =
            calls.iter().filter_map(|call| call.body["access_token"].as_str()).collect();
        if tokens.len() > 1 {
            return Some("two sets of tokens were pushed".to_owned());
        }
        let fits = match (who, state, word) {
            (_, _, "failed") => dead && delivered.is_empty(),
            (_, Is::CancelledByClient, _) => word == "unneeded" && calls.is_empty(),
            (Who::Ping, Is::Pending, _) => calls.is_empty(),
            (Who::Ping, Is::Redeemed, "unneeded") => true,
            (Who::Push, Is::Approved | Is::Redeemed, "delivered") => delivered
                .iter()
                .any(|call| call.body["access_token"].is_string() || call.body["error"].is_string()),
            (Who::Push, _, "delivered") => {
                let error = match state {
                    Is::Denied | Is::TakenBack => "access_denied",
                    Is::Pending => "expired_token",
                    Is::Approved | Is::Redeemed | Is::Cancelled | Is::CancelledByClient => {
                        "transaction_failed"
                    }
                };
                delivered.iter().any(|call| call.body["error"] == error)
            }
            (Who::Ping, _, "delivered") => {
                delivered.iter().all(|call| call.body.as_object().is_some_and(|body| body.len() == 1))
                    && !delivered.is_empty()
            }
            _ => false,
        };
        self.world.count(match word {
            "delivered" => "clients told",
            "failed" => "deliveries given up",
            _ => "deliveries without need",
        });
        (!fits).then(|| {
            format!("{word} of a request that is {state:?}, after {} calls: {delivery}", calls.len())
        })
    }

    /// What was stored and never acknowledged leads to nothing.
    fn nobodys(&self, known: &BTreeSet<&str>) {
        for key in self.items.keys().filter(|key| !known.contains(key.as_str())) {
            let state = self.state(key);
            if !matches!(state, Some(Is::Pending | Is::Cancelled)) || self.item(key, "decision").is_some() {
                let left: Vec<_> = self.items[key].iter().map(|item| item["sk"].to_string()).collect();
                self.world.tally().found(format!("nobody was told of {key}, and it is {state:?}: {left:?}"));
            }
            self.world.count("requests that nobody was told of (503)");
        }
    }
}
