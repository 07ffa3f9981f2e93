//! The contracts of hooks, as docs/hooks and docs/hooks.md show them.

use std::collections::BTreeSet;
use std::fs::{create_dir_all, read_to_string, write};

use ciba_core::domain::details::authorization_details::AuthorizationDetails;
use ciba_core::protocol::hooks::request_policy::{RequestPolicyAnswer, RequestPolicyEvent};
use ciba_core::protocol::hooks::user_notifier::{UserNotifierAnswer, UserNotifierEvent};
use ciba_core::protocol::hooks::user_resolver::{
    ResolverHint, ResolverRequest, UserResolverAnswer, UserResolverEvent,
};
use ciba_core::protocol::hooks::{CallingClient, HookEvent, MAX_ANSWER, MAX_EVENT};
use ciba_tests::{root, schema_of};
use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::read;

/// The schema of what is sent, or of what is read.
fn schema<T: JsonSchema>(contract: Contract) -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.contract = contract);
    settings.into_generator().into_root_schema_for::<T>()
}

/// HOOK-1-02
#[test]
fn the_schemas_of_hooks_are_those_of_the_code() {
    let target = root().join("target/hooks");
    create_dir_all(&target).expect("a folder");
    let mut differ = Vec::new();
    for (name, schema) in [
        ("request-policy-event", schema::<RequestPolicyEvent<'_>>(Contract::Serialize)),
        ("request-policy-answer", schema::<RequestPolicyAnswer>(Contract::Deserialize)),
        ("user-notifier-event", schema::<UserNotifierEvent<'_>>(Contract::Serialize)),
        ("user-notifier-answer", schema::<UserNotifierAnswer>(Contract::Deserialize)),
        ("user-resolver-event", schema::<UserResolverEvent<'_>>(Contract::Serialize)),
        ("user-resolver-answer", schema::<UserResolverAnswer>(Contract::Deserialize)),
    ] {
        let file = format!("{name}.schema.json");
        let expected = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        write(target.join(&file), &expected).expect("a file");
        if read_to_string(root().join("docs/hooks").join(&file)).ok().as_ref() != Some(&expected) {
            differ.push(file);
        }
    }
    assert!(differ.is_empty(), "copy target/hooks to docs/hooks: {differ:?}");
}

/// What docs/hooks.md has in blocks of JSON for a hook: the events, and the answers.
fn examples(hook: &str) -> (Vec<Value>, Vec<Value>) {
    let document = read("docs/hooks.md");
    let blocks = document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let blocks = blocks.map(|it| serde_json::from_str(it).unwrap_or_else(|error| panic!("{error}: {it}")));
    // The policy's answers alone say whether something is allowed, and the notifier's what became of a message.
    let of = |block: &Value| match block["hook"].as_str() {
        Some(hook) => hook.to_owned(),
        None if !block["allowed"].is_null() => "request_policy".to_owned(),
        None if !block["outcome"].is_null() => "user_notifier".to_owned(),
        None => "user_resolver".to_owned(),
    };
    blocks.filter(|block| of(block) == hook).partition(|block: &Value| block.get("hook").is_some())
}

/// HOOK-1-02: member by member, so that none is shown that is never sent.
#[test]
fn the_events_in_the_document_are_those_that_are_sent() {
    let details =
        AuthorizationDetails::parse(r#"[{"type": "payment", "amount": "100.50"}]"#).expect("details");
    let request = ResolverRequest {
        scope: "openid profile email".to_owned(),
        acr_values: Some("urn:example:acr:mfa"),
        binding_message: Some("K7-2931"),
        authorization_details: Some(&details),
        has_user_code: false,
    };
    let client = CallingClient { client_id: "kiosk", client_name: "Example Bank Kiosk" };
    let ask = ResolverHint::Email { value: "alice@example.com" };
    let again = ResolverHint::Login { issuer: "https://login.example.com", subject: "8f14e45f" };
    let sent = [
        UserResolverEvent::new("Zk1vPp0aT2mYb8sQ4xWcLg", client, ask, Some(request)),
        UserResolverEvent::new("h3Kd9sQmS0uBq5cVt7RzXA", client, again, None),
    ];
    let sent = sent.map(|event| serde_json::to_value(event).expect("JSON"));
    assert_eq!(examples("user_resolver").0, sent);
    let schema = jsonschema::validator_for(&schema_of("user-resolver-event")).expect("a schema");
    assert!(sent.iter().all(|event| schema.is_valid(event)), "{sent:?}");
}

/// HOOK-1-02
#[test]
fn the_answers_in_the_document_are_ones() {
    let answers = examples("user_resolver").1;
    let schema = jsonschema::validator_for(&schema_of("user-resolver-answer")).expect("a schema");
    let outcomes: Vec<_> = answers.iter().map(|it| it.get("error").cloned().unwrap_or_default()).collect();
    assert_eq!(outcomes, [Value::Null, json!("unknown_user_id"), json!("access_denied")]);
    for answer in &answers {
        assert!(schema.is_valid(answer), "{answer}");
        assert!(UserResolverEvent::read(answer.to_string().as_bytes()).is_ok(), "{answer}");
    }
    // The one with a person shows every member, and every member of the answer is in one of them.
    let members = |of: &Value| of.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let definition = schema_of("user-resolver-answer");
    let mut expected = members(&definition["$defs"]["ResolvedUser"]["properties"]);
    let mut shown = members(&answers[0]["user"]);
    expected.sort();
    shown.sort();
    assert_eq!(shown, expected);
    let shown: Vec<_> = answers.iter().flat_map(members).collect();
    assert!(members(&definition["properties"]).iter().all(|member| shown.contains(member)), "{shown:?}");
}

/// HOOK-3-01, HOOK-3-02
#[test]
fn the_document_shows_an_event_of_a_policy_and_its_answers() {
    let (events, answers) = examples("request_policy");
    let valid = |contract: &str, values: &[Value]| {
        let schema = jsonschema::validator_for(&schema_of(contract)).expect("a schema");
        values.iter().all(|value| schema.is_valid(value))
    };
    assert!(valid("request-policy-event", &events) && valid("request-policy-answer", &answers));
    let [event] = &events[..] else { panic!("one event") };
    // Every member is shown.
    let definition = schema_of("request-policy-event");
    let members = |of: &Value| of.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(members(event), members(&definition["properties"]));
    assert_eq!(members(&event["request"]), members(&definition["$defs"]["PolicyRequest"]["properties"]));
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|it| RequestPolicyEvent::read(it.to_string().as_bytes()).is_ok()));
    // And each error that a policy may answer.
    let errors = schema_of("request-policy-answer")["$defs"]["PolicyError"]["oneOf"].clone();
    let names: Vec<_> = errors.as_array().expect("errors").iter().flat_map(names).collect();
    assert_eq!(names.len(), 6);
    let document = read("docs/hooks.md");
    let missing: Vec<_> = names.iter().filter(|name| !document.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// HOOK-5-02, HOOK-5-03
#[test]
fn the_document_shows_each_event_of_a_notifier_and_its_answers() {
    let (events, answers) = examples("user_notifier");
    let valid = |contract: &str, values: &[Value]| {
        let schema = jsonschema::validator_for(&schema_of(contract)).expect("a schema");
        values.iter().all(|value| schema.is_valid(value))
    };
    assert!(valid("user-notifier-event", &events) && valid("user-notifier-answer", &answers));
    let definition = schema_of("user-notifier-event");
    let members = |of: &Value| of.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
    let defined = |name: &str| members(&definition["$defs"][name]["properties"]);
    // Without and with the content of a request, and news, which has no request.
    let [request, full, news] = &events[..] else { panic!("three events") };
    let (mut all, mut of_request) = (members(&definition["properties"]), defined("NotifierRequest"));
    assert_eq!((members(full), members(&full["request"])), (all.clone(), of_request.clone()));
    let content = &full["request"]["content"];
    assert_eq!(members(content), defined("NotifierContent"));
    assert_eq!(members(&content["scopes"][0]), defined("NotifierScope"));
    assert_eq!(members(&content["details"][0]), defined("NotifierDetail"));
    of_request.remove("content");
    assert_eq!((members(request), members(&request["request"])), (all.clone(), of_request));
    all.remove("request");
    assert_eq!(members(news), all);
    let outcomes = answers.iter().map(|answer| answer["outcome"].as_str().expect("an outcome").to_owned());
    let known = definition_names("user-notifier-answer", "NotifierOutcome");
    assert_eq!(outcomes.collect::<BTreeSet<_>>(), known);
    let document = read("docs/hooks.md");
    for kind in definition_names("user-notifier-event", "NotifierKind") {
        assert!(document.contains(&format!("`{kind}`")), "{kind}");
    }
}

/// The words of an enumeration in a contract.
fn definition_names(contract: &str, name: &str) -> BTreeSet<String> {
    let parts = schema_of(contract)["$defs"][name]["oneOf"].clone();
    parts.as_array().expect("words").iter().flat_map(names).collect()
}

/// The words of a part of an enumeration: one with its description, or all that have none.
fn names(part: &Value) -> Vec<String> {
    let several = part["enum"].as_array().into_iter().flatten();
    several.chain([&part["const"]]).filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

#[test]
fn the_document_has_each_kind_of_hint_and_the_limits() {
    let document = read("docs/hooks.md");
    for kind in kinds() {
        assert!(document.contains(&format!("| `{kind}` |")), "{kind}");
    }
    for (what, limit) in [("event", MAX_EVENT), ("answer", MAX_ANSWER)] {
        assert!(document.contains(&format!("| {what} | at most {} KiB |", limit / 1024)), "{what}");
    }
}

/// The kinds of hints in the schema of the event.
pub(crate) fn kinds() -> Vec<String> {
    let schema = schema_of("user-resolver-event");
    let kinds = schema["$defs"]["ResolverHint"]["oneOf"].as_array().expect("kinds").clone();
    kinds.iter().map(|it| it["properties"]["kind"]["const"].as_str().expect("a name").to_owned()).collect()
}
