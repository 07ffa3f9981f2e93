//! Hooks: the operator's own functions, in place of a double of Lambda that runs closures.

mod faults;
mod request_policy;
mod user_notifier;
mod user_resolver;

use ciba::domain::base::time::Timestamp;
use ciba_local::lambda::{Lambda, Outcome};
use ciba_tests::{Answer, Provider, Settings, at, schema_of};
use serde_json::{Value, json};

const DOWN: (u16, &str) = (503, "temporarily_unavailable");
const NOBODY: (u16, &str) = (400, "unknown_user_id");

/// What is wrong with an event or an answer by its JSON Schema.
fn schema_errors(contract: &str, value: &Value) -> Vec<String> {
    let schema = jsonschema::validator_for(&schema_of(contract)).expect("a schema");
    schema.iter_errors(value).map(|error| error.to_string()).collect()
}

/// Carol, whom only the resolver knows.
const HINT: (&str, &str) = ("login_hint", "email:carol@example.com");
const NUMBER: &str = "+15555550300";

/// A provider with a hook, and what the hook is asked.
struct Stand {
    provider: Provider,
    arn: String,
    /// The schema of its events.
    contract: &'static str,
}

impl Stand {
    /// With a resolver that knows nobody yet.
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: Settings<'_>) -> Self {
        let login = [("USER_RESOLVER_ISSUERS", Provider::LOGIN)];
        let settings = [&login, settings].concat();
        let stand = Self::of("USER_RESOLVER_FUNCTION", "user-resolver-event", &settings).await;
        stand.answers(json!({"version": 1, "error": "unknown_user_id"}));
        stand
    }

    /// With the hook of this setting.
    async fn of(setting: &str, contract: &'static str, settings: Settings<'_>) -> Self {
        let arn = Lambda::arn("hook:live");
        let hook = [(setting, arn.as_str())];
        // A later value replaces an earlier one.
        let provider = Provider::with(&[&hook, settings].concat()).await;
        Self { provider, arn, contract }
    }

    /// From now on the hook gives this answer to every event.
    fn answers(&self, answer: Value) {
        self.does(Outcome::json(&answer));
    }

    /// From now on the resolver describes every person so.
    fn describes(&self, user: Value) {
        self.answers(json!({"version": 1, "user": user}));
    }

    fn does(&self, outcome: Outcome) {
        self.provider.lambda.set_function(&self.arn, move |_| outcome.clone());
    }

    /// The events that the hook got. Each has the documented form.
    fn events(&self) -> Vec<Value> {
        let invocations = self.provider.lambda.invocations().into_iter();
        let events: Vec<_> = invocations.filter(|it| it.function == self.arn).map(|it| it.event).collect();
        for event in &events {
            assert_eq!(schema_errors(self.contract, event), [""; 0]);
        }
        events
    }

    async fn ask(&self, parameters: &[(&str, &str)], now: Timestamp) -> Answer {
        let is_named = parameters.iter().any(|(name, _)| *name == HINT.0);
        let hint: &[_] = if is_named { &[] } else { &[HINT] };
        self.provider.ask(&[hint, parameters].concat(), now).await
    }

    /// A request for Carol is acknowledged: the client's handle and the person's.
    async fn asked(&self, now: Timestamp) -> (String, String) {
        self.provider.asked(&[HINT], now).await
    }

    /// The entries of people whom the resolver described.
    async fn described(&self) -> Vec<Value> {
        let mut items = self.provider.items_under("user#").await;
        items.retain(|item| item["sk"] == "user" && !item["resolved_at"].is_null());
        items
    }
}

/// The resolver's description of Carol.
fn carol() -> Value {
    json!({"subject": "carol-7", "sub": "carol", "channels": [{"sms": NUMBER}],
        "claims": {"name": "Carol Meyer", "locale": "de"}})
}

fn with(changes: Value) -> Value {
    let mut user = carol();
    for (name, value) in changes.as_object().expect("an object") {
        user[name] = value.clone();
    }
    user.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    user
}

/// Refused so, without a trace.
async fn refused(stand: &Stand, parameters: &[(&str, &str)], expected: (u16, &str)) {
    let before = stand.provider.traces().await;
    let answer = stand.provider.ask(parameters, at(1.0)).await;
    assert_eq!(answer.refusal(), expected, "{answer:?}");
    assert_eq!(stand.provider.traces().await, before);
    assert_eq!(stand.described().await.len(), 0);
}

/// A call with an access token.
fn bearer(path: &str, token: &str) -> ciba::http::Request {
    ciba_tests::request("GET", path, &[("authorization", &format!("Bearer {token}"))], "")
}
