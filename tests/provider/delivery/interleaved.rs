//! A thousand polls, refreshes, revocations and deliveries in no order, and the table afterwards: no two live tokens where
//! one is allowed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use ciba_local::disorder::{Disorder, Random};
use ciba_tests::{Provider, Receiver, SECRET, at, basic, form, form_request};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{TOKEN, register};

const CLIENTS: [&str; 3] = ["poll", "ping", "push"];
const PEOPLE: usize = 16;
const OPERATIONS: usize = 1000;
/// How many are under way at once.
const AT_ONCE: usize = 10;

/// What came of one request.
#[derive(Debug, Default)]
struct Seen {
    client: &'static str,
    key: String,
    sub: String,
    approved: bool,
    /// Sets of tokens that were made of the request itself: by a poll, or pushed.
    first_access_tokens: BTreeSet<String>,
    access_tokens: BTreeSet<String>,
    refresh_tokens: Vec<String>,
    /// Rotations that were answered with a token that was new.
    rotations: usize,
    revoked: bool,
}

struct World {
    provider: Provider,
    receivers: BTreeMap<&'static str, Receiver>,
    /// By `auth_req_id`.
    seen: RefCell<BTreeMap<String, Seen>>,
}

impl World {
    async fn start() -> Self {
        let settings =
            [("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16"), ("REFRESH_TOKEN_GRACE_SECONDS", "0")];
        let provider = Provider::with(&settings).await;
        provider.outbox.disturb(Disorder::full(4711)).await;
        let mut receivers = BTreeMap::new();
        let more = || {
            json!({"grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
                "scope": "openid profile offline_access"})
        };
        for client in CLIENTS {
            let receiver = Receiver::start().await;
            match client {
                "poll" => {
                    let mut metadata = more();
                    metadata["client_id"] = json!(client);
                    provider.register(metadata).await.expect(client);
                }
                mode => register(&provider, client, mode, &receiver.url(), more()).await,
            }
            receivers.insert(client, receiver);
        }
        for person in 0..PEOPLE {
            let channel = json!({"channels": [{"sms": format!("+1555557{person:04}")}]});
            provider.enroll(&format!("p{person}"), channel).await.expect("a person");
        }
        let world = Self { provider, receivers, seen: RefCell::default() };
        for person in 0..PEOPLE {
            for client in CLIENTS {
                world.ask(client, person).await;
            }
        }
        world
    }

    async fn ask(&self, client: &'static str, person: usize) {
        let sub = format!("p{person}");
        let parameters = [
            ("login_hint", sub.as_str()),
            ("scope", "openid profile offline_access"),
            ("client_notification_token", TOKEN),
        ];
        let answer = self.provider.ask_as(client, &parameters, at(0.0)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let message = self.provider.sns.messages().pop().expect("a message");
        let key = message.text.rsplit('/').next().expect("a link").to_owned();
        let seen = Seen { client, key, sub, ..Seen::default() };
        self.seen.borrow_mut().insert(answer.text("auth_req_id").to_owned(), seen);
    }

    async fn decide(&self, id: &str, approve: bool, now: f64) {
        let (client, key) = self.of(id);
        let sub = self.seen.borrow()[id].sub.clone();
        let body = json!({"client_id": client, "decision": if approve { "approve" } else { "deny" }});
        let answer = self.provider.decide(&sub, &key, body, at(now)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.seen.borrow_mut().get_mut(id).expect("a request").approved = approve;
    }

    fn of(&self, id: &str) -> (&'static str, String) {
        let seen = self.seen.borrow();
        (seen[id].client, seen[id].key.clone())
    }

    async fn poll(&self, id: &str, now: f64) {
        let (client, _) = self.of(id);
        let answer = self.provider.poll_as(client, id, at(now)).await;
        if answer.status == 200 {
            self.first(id, &answer.body);
        }
    }

    fn first(&self, id: &str, body: &Value) {
        let mut seen = self.seen.borrow_mut();
        let seen = seen.get_mut(id).expect("a request");
        let text = |name: &str| body[name].as_str().expect("a token").to_owned();
        if seen.first_access_tokens.insert(text("access_token")) {
            seen.access_tokens.insert(text("access_token"));
            seen.refresh_tokens.push(text("refresh_token"));
        }
    }

    async fn refresh(&self, id: &str, nth: usize, now: f64) {
        let (client, _) = self.of(id);
        let token = {
            let seen = self.seen.borrow();
            let tokens = &seen[id].refresh_tokens;
            // The newest mostly, and now and then an older one: two hold it then, and the grant ends.
            let Some(token) = tokens
                .len()
                .checked_sub(1 + usize::from(nth.is_multiple_of(40)))
                .and_then(|at| tokens.get(at))
            else {
                return;
            };
            token.clone()
        };
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let request = form_request("/oauth/token", Some(&basic(client, SECRET)), &form(&parameters));
        let answer = self.provider.call(&self.provider.token, &request, at(now)).await;
        if answer.status == 200 {
            let mut seen = self.seen.borrow_mut();
            let seen = seen.get_mut(id).expect("a request");
            seen.rotations += 1;
            seen.access_tokens.insert(answer.text("access_token").to_owned());
            seen.refresh_tokens.push(answer.text("refresh_token").to_owned());
        }
    }

    async fn revoke(&self, id: &str, now: f64) {
        let (client, _) = self.of(id);
        let token = self.seen.borrow()[id].refresh_tokens.last().cloned();
        let Some(token) = token else { return };
        let request =
            form_request("/oauth/revoke", Some(&basic(client, SECRET)), &form(&[("token", &token)]));
        assert_eq!(self.provider.call(&self.provider.revocation, &request, at(now)).await.status, 200);
        self.seen.borrow_mut().get_mut(id).expect("a request").revoked = true;
    }

    /// Takes over what was pushed.
    fn collect(&self) {
        for call in self.receivers["push"].delivered() {
            if call.body["access_token"].is_string() {
                let id = call.body["auth_req_id"].as_str().expect("an id").to_owned();
                self.first(&id, &call.body);
            }
        }
    }

    async fn is_active(&self, client: &str, token: &str, now: f64) -> bool {
        let request =
            form_request("/oauth/introspect", Some(&basic(client, SECRET)), &form(&[("token", token)]));
        let answer = self.provider.call(&self.provider.introspection, &request, at(now)).await;
        answer.body["active"] == true
    }
}

/// TOK-3-07, TOK-3-09, ATK-4-04, CIBA-10.3-08: where one is allowed, there are never two.
#[tokio::test]
async fn a_thousand_interleaved_calls_leave_no_extra_live_token() {
    let world = World::start().await;
    let ids: Vec<_> = world.seen.borrow().keys().cloned().collect();
    let mut random = Random::new(20_261_122);
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut now = 1.0;
    for (nth, id) in ids.iter().enumerate() {
        // Every eighth denies.
        world.decide(id, nth % 8 != 7, now).await;
    }
    for _ in 0..OPERATIONS / AT_ONCE {
        now += 0.1;
        let chosen: Vec<_> =
            (0..AT_ONCE).map(|_| (random.below(100), random.below(ids.len()), random.below(1000))).collect();
        for (kind, ..) in &chosen {
            let name = match kind {
                0..40 => "polls",
                40..75 => "refreshes",
                75..80 => "revocations",
                _ => "deliveries",
            };
            *counts.entry(name).or_default() += 1;
        }
        let calls = chosen.iter().map(async |(kind, of, nth)| match kind {
            0..40 => world.poll(&ids[*of], now).await,
            40..75 => world.refresh(&ids[*of], *nth, now).await,
            75..80 => world.revoke(&ids[*of], now).await,
            _ => drop(world.provider.deliver(at(now)).await),
        });
        join_all(calls).await;
        world.collect();
    }
    for second in [20.0, 40.0, 115.0] {
        world.provider.deliver(at(second)).await;
    }
    world.collect();

    let (mut live, mut grants) = (0, 0);
    let items = world.provider.items_under("request#").await;
    for (id, seen) in &world.seen.take() {
        let item = |sk: &str| {
            let pk = format!("request#{}", seen.key);
            items.iter().find(|item| item["pk"] == pk.as_str() && item["sk"] == sk)
        };
        let request = item("request").expect("a request");
        assert!(
            seen.first_access_tokens.len() <= 1,
            "{}: {} sets of tokens",
            seen.client,
            seen.first_access_tokens.len()
        );
        assert!(seen.approved || seen.access_tokens.is_empty(), "{}: tokens of what was denied", seen.client);
        let redeemed = request["state"] == "redeemed";
        assert_eq!(redeemed, !seen.first_access_tokens.is_empty(), "{id}: {request}");
        grants += usize::from(redeemed);

        // Of all refresh tokens of a grant, at most one is good, and none of a revoked one.
        let revoked = request.get("revoked_at").is_some();
        assert!(revoked || !seen.revoked, "{request}");
        let mut active = 0;
        for token in seen.refresh_tokens.iter().collect::<BTreeSet<_>>() {
            active += usize::from(world.is_active(seen.client, token, 116.0).await);
        }
        assert_eq!(
            active,
            usize::from(redeemed && !revoked),
            "{}: {active} live refresh tokens",
            seen.client
        );
        live += active;
        let counter = request["refresh_counter"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        assert_eq!(seen.rotations, counter, "each rotation was answered once: {request}");
        for token in &seen.access_tokens {
            assert_eq!(world.is_active(seen.client, token, 116.0).await, !revoked, "{}", seen.client);
        }

        // What was to be told was told, once.
        if let Some(delivery) = item("delivery") {
            let state = delivery["delivery_state"].as_str().unwrap_or_default();
            assert!(matches!(state, "delivered" | "unneeded"), "{delivery}");
            assert!(
                delivery.get("notification_token").is_none() && delivery.get("payload").is_none(),
                "{delivery}"
            );
            let calls = world.receivers[seen.client].calls();
            let told = calls.iter().filter(|call| call.body["auth_req_id"] == id.as_str()).count();
            assert_eq!(told, usize::from(state == "delivered"), "{}: {delivery}", seen.client);
        }
    }
    let what = format!("{counts:?}; {grants} grants, {live} live, {} revoked", grants - live);
    let _ = writeln!(std::io::stderr(), "interleaved: {what}");
    assert!(grants > 20 && live > 3 && live < grants, "a rule over nothing would hold: {what}");
}
