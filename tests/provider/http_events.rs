//! Events, as Lambda hands them to the functions: whatever one is, its answer is one that API Gateway understands, and no
//! failure of the function.

use ciba::domain::base::time::Timestamp;
use ciba::http::serve;
use ciba_local::gateway::{self, Route};
use ciba_local::template::Template;
use ciba_tests::{Provider, SECRET, at, basic, form, root};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// How many events each property is tried with.
const EVENTS: usize = 400;

/// What a function answers to an event, as Lambda gets it.
async fn answer(provider: &Provider, function: &str, event: &Value, now: Timestamp) -> Value {
    let invocation = &provider.invocation(now);
    let answered = provider.eavesdropper.during(async {
        match function {
            "backchannel-authentication" => {
                serve::answer(&provider.backchannel_authentication, event, invocation).await
            }
            "token" => serve::answer(&provider.token, event, invocation).await,
            "userinfo" => serve::answer(&provider.userinfo, event, invocation).await,
            "introspection" => serve::answer(&provider.introspection, event, invocation).await,
            "revocation" => serve::answer(&provider.revocation, event, invocation).await,
            "consent" => serve::answer(&provider.consent, event, invocation).await,
            "login" => serve::answer(&provider.logging_in, event, invocation).await,
            "enrollment" => serve::answer(&provider.enrollment, event, invocation).await,
            "discovery" => serve::answer(&provider.discovery, event, invocation).await,
            "jwks" => serve::answer(&provider.jwks, event, invocation).await,
            _ => panic!("{function} has no endpoint"),
        }
    });
    serde_json::to_value(Box::pin(answered).await).expect("an answer is JSON")
}

/// Every route of the template, and the function behind it.
fn routes() -> Vec<Route> {
    let template = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    Route::all(&Template::parse(&template).expect("a template"))
}

/// A request that is good at the endpoints where clients authenticate themselves.
fn event(path: &str) -> Value {
    let body = form(&[("scope", "openid"), ("login_hint", "alice"), ("token", "x")]);
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "authorization": basic("kiosk", SECRET),
            "content-type": "application/x-www-form-urlencoded",
            "host": "localhost:9000",
            "x-forwarded-proto": "https",
        },
        "requestContext": {"domainName": "localhost", "http": {"method": "POST", "path": path}, "stage": "$default"},
        "body": body,
        "isBase64Encoded": false,
    })
}

/// Texts that trip readers of HTTP.
const ODD: &[&str] = &[
    "",
    "[",
    "]",
    "a b",
    "x:99999999",
    "a,b",
    "https,http",
    "\"",
    "<",
    ">",
    "\t",
    "\u{7f}",
    "\0",
    "%",
    "%ff",
    "#",
    "?",
    "//",
    "\\",
    "\u{fc}",
    "\u{202e}",
    "\r\nx: y",
    "Basic Og==",
    "Bearer .",
    "DPoP \u{fc}",
    "multipart/form-data",
    "=",
    "&=&",
    "grant_type=&",
    "{\"a\":",
    "[[[[",
    "POST",
    "OPTIONS",
    "HEAD",
    "TRACE",
];

/// One of them, or any other text.
fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![proptest::sample::select(ODD).prop_map(str::to_owned), any::<String>(), "[ -~]{0,60}"]
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => odd_text().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => proptest::collection::vec(odd_text(), 0..3).prop_map(Value::from),
        1 => proptest::collection::hash_map(odd_text(), odd_text(), 0..3)
            .prop_map(|members| members.into_iter().map(|(name, text)| (name, Value::from(text))).collect()),
    ]
}

/// A member, and what it is set to.
fn change() -> impl Strategy<Value = (&'static str, String, Value)> {
    let header = prop_oneof![
        proptest::sample::select(
            &[
                "authorization",
                "content-type",
                "host",
                "x-forwarded-proto",
                "dpop",
                "accept",
                "accept-language",
                "origin",
                "sec-fetch-site",
                "x-fapi-interaction-id",
                "cookie"
            ][..]
        )
        .prop_map(str::to_owned),
        odd_text(),
    ];
    let member = |at: &'static str, names: &'static [&'static str]| {
        proptest::sample::select(names).prop_map(move |name| (at, name.to_owned()))
    };
    let place = prop_oneof![
        member(
            "",
            &["rawPath", "rawQueryString", "cookies", "headers", "requestContext", "body", "isBase64Encoded"]
        ),
        member("/requestContext", &["http", "domainName", "authentication", "stage"]),
        member("/requestContext/http", &["method", "path"]),
        header.prop_map(|name| ("/headers", name)),
    ];
    (place, odd_value()).prop_map(|((at, name), value)| (at, name, value))
}

fn changed(mut event: Value, changes: Vec<(&'static str, String, Value)>) -> Value {
    for (at, name, value) in changes {
        if let Some(parent) = event.pointer_mut(at).and_then(Value::as_object_mut) {
            parent.insert(name, value);
        }
    }
    event
}

/// HYG-1-17: an answer by the function itself, so neither a panic nor a fault.
#[tokio::test]
async fn no_event_makes_a_function_fail() {
    let provider = Provider::start().await;
    let routes = routes();
    let strategy = (0..routes.len(), proptest::collection::vec(change(), 1..4), any::<bool>());
    let mut runner = TestRunner::default();
    for _ in 0..EVENTS {
        let (route, changes, is_base64) = strategy.new_tree(&mut runner).expect("an event").current();
        let Route { path, function, .. } = &routes[route];
        let mut event = changed(event(&path.replace("{request}", "AAAAAAAAAAAAAAAAAAAAAA")), changes);
        if is_base64 && event["isBase64Encoded"] == false {
            event["isBase64Encoded"] = true.into();
        }
        let answer = answer(&provider, function, &event, at(1.0)).await;
        let status = answer["statusCode"].as_u64().expect("a status");
        assert!((200..500).contains(&status), "{function}: {event} → {answer}");
        assert!(answer["headers"]["content-type"].is_string() || status == 204, "{event} → {answer}");
    }
}

/// HYG-1-17: what is known to have failed the functions, at each endpoint.
#[tokio::test]
async fn what_a_library_would_unwrap_is_answered_by_the_endpoint() {
    let provider = Provider::start().await;
    for Route { path, function, .. } in routes() {
        let mut event = event(&path);
        // Nobody is asked, so the same answer comes each time.
        event["body"] = form(&[("scope", "openid")]).into();
        let usual = answer(&provider, &function, &event, at(0.0)).await["statusCode"].clone();
        for (at_, name, text) in [
            ("/headers", "host", "["),
            ("/headers", "host", "a b"),
            ("/headers", "host", "x:99999999"),
            ("/headers", "host", "a,b"),
            ("/headers", "x-forwarded-proto", ""),
            ("/headers", "x-forwarded-proto", "https,http"),
        ] {
            let event = changed(event.clone(), vec![(at_, name.to_owned(), text.into())]);
            let answer = answer(&provider, &function, &event, at(0.0)).await;
            assert_eq!(answer["statusCode"], usual, "{function}: {name} {text}");
        }
        for query in ["\"", "<", ">", " ", "\t", "\u{7f}"] {
            let event = changed(event.clone(), vec![("", "rawQueryString".to_owned(), query.into())]);
            let status = answer(&provider, &function, &event, at(0.0)).await["statusCode"].as_u64();
            assert!(status.is_some_and(|status| status < 500), "{function}: {query:?}");
        }
        let body = changed(
            event,
            vec![("", "isBase64Encoded".to_owned(), true.into()), ("", "body".to_owned(), "!".into())],
        );
        let refused = answer(&provider, &function, &body, at(0.0)).await;
        let error: Value = serde_json::from_str(refused["body"].as_str().expect("a body")).expect("JSON");
        assert_eq!(
            (&refused["statusCode"], &error["error"]),
            (&json!(400), &json!("invalid_request")),
            "{function}"
        );
        assert_eq!(error["error_description"], "the body is not base64");
        assert_eq!(refused["headers"]["cache-control"], "no-store");
    }
}

/// HYG-1-17
#[tokio::test]
async fn an_event_that_is_no_http_request_is_answered_with_400() {
    let provider = Provider::start().await;
    let schedule = json!({"source": "aws.events", "detail": {}});
    let rest = json!({"httpMethod": "GET", "path": "/userinfo", "requestContext": {"httpMethod": "GET"}});
    for function in routes().into_iter().map(|route| route.function) {
        for event in [&Value::Null, &json!([1]), &json!("GET"), &schedule, &rest] {
            let answer = answer(&provider, &function, event, at(0.0)).await;
            assert_eq!(answer["statusCode"], 400, "{function}: {event}");
        }
    }
}

/// Members that the functions without a route look for.
const NAMES: &[&str] =
    &["Records", "awslogs", "data", "dynamodb", "Keys", "NewImage", "messageId", "body", "pk", "S"];

/// HYG-1-17: the functions that have no route.
#[tokio::test]
async fn no_json_makes_a_function_without_a_route_panic() {
    let provider = Provider::start().await;
    let leaf = prop_oneof![odd_value(), any::<f64>().prop_map(Value::from)];
    let any_json = leaf.prop_recursive(5, 32, 4, |inner| {
        let name = prop_oneof![proptest::sample::select(NAMES).prop_map(str::to_owned), odd_text()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(name, inner, 0..4)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    });
    let mut runner = TestRunner::default();
    for _ in 0..EVENTS {
        let event = any_json.new_tree(&mut runner).expect("an event").current();
        let told = provider.client_notification.run(&event, &provider.invocation(at(0.0))).await;
        assert!(told["batchItemFailures"].is_array(), "{event}");
        // Of what is neither a stream's nor a log's it says so.
        let _ = provider.run_events(event, at(0.0)).await;
    }
}

/// HYG-1-17: through the local gateway, as through the service.
#[tokio::test]
async fn an_odd_host_or_path_through_the_gateway_is_answered() {
    let provider = Provider::start().await;
    let routes = routes();
    for (host, target) in
        [("[", "/.well-known/jwks.json"), ("a b", "/%2Ewell-known/jwks%2Ejson"), ("x:99999999", "/userinfo")]
    {
        let request = lambda_http::http::Request::get(target).header("host", host);
        let request = request.body(Vec::new().into()).expect("a request");
        let (function, event) = gateway::event(&routes, request).expect("a route");
        let answer = answer(&provider, &function, &event, at(0.0)).await;
        assert!(answer["statusCode"].as_u64().is_some_and(|status| status < 500), "{answer}");
    }
    for (path, status) in [("/consent/a b\"<>", 404), ("/consent/ü", 404), ("/consent/\0", 404)] {
        let mut event = event(path);
        event["requestContext"]["http"]["method"] = "GET".into();
        assert_eq!(answer(&provider, "consent", &event, at(0.0)).await["statusCode"], status, "{path:?}");
    }
}
