use proptest::prelude::*;
use serde_json::json;

use super::*;

/// An event of an HTTP API, as in its documentation.
fn event() -> Value {
    json!({
        "version": "2.0",
        "routeKey": "ANY /oauth/token",
        "rawPath": "/oauth/token",
        "rawQueryString": "a=1&a=2&b=%C3%BC",
        "cookies": ["theme=dark"],
        "headers": {"content-type": "text/plain", "host": "id.example", "x-forwarded-proto": "https"},
        "requestContext": {
            "domainName": "id.example",
            "http": {"method": "POST", "path": "/oauth/token", "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "body": "eyJhIjoxfQ==",
        "isBase64Encoded": true,
    })
}

fn changed(pointer: &str, value: impl Into<Value>) -> Value {
    let mut event = event();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[member] = value.into();
    event
}

fn why(event: &Value) -> &'static str {
    request(event).expect_err("an event that is no request").0
}

/// HYG-1-17
#[test]
fn an_event_is_read_as_the_request_that_it_was() {
    let request = request(&event()).unwrap();
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/oauth/token"));
    let query = request.query_string_parameters_ref().unwrap();
    assert_eq!((query.all("a"), query.first("b")), (Some(vec!["1", "2"]), Some("ü")));
    assert_eq!(request.headers()["content-type"], "text/plain");
    assert_eq!(request.body(), &Body::Binary(b"{\"a\":1}".to_vec()));
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { panic!() };
    assert_eq!((context.domain_name.as_deref(), &context.authentication), (Some("id.example"), &None));
    assert!(!request.headers().contains_key(COOKIE), "others' cookies are not read");
}

/// HYG-1-17: each of these panics in `lambda_http` 1.3.
#[test]
fn no_host_scheme_or_query_keeps_a_request_out() {
    for host in ["[", "a b", "x:99999999", "a,b", "", ":", "//", "\u{fc}", "a\tb", "%"] {
        let request = request(&changed("/headers/host", host)).unwrap();
        assert_eq!(request.uri().path(), "/oauth/token", "{host}");
        assert!(super::request(&changed("/requestContext/domainName", host)).is_ok(), "{host}");
    }
    for scheme in ["", "https,http", "https, http", ":", "1"] {
        assert!(request(&changed("/headers/x-forwarded-proto", scheme)).is_ok(), "{scheme}");
    }
    for query in ["\"", "<", ">", " ", "\t", "\u{7f}", "\0", "#", "a=%", "a=%ff", "\u{fc}"] {
        let request = request(&changed("/rawQueryString", query)).unwrap();
        assert!(request.query_string_parameters_ref().is_some(), "{query:?} is a query");
    }
}

/// HYG-1-17: HTTP APIs decode the path before they hand it over.
#[test]
fn a_path_stays_the_path_whatever_is_in_it() {
    for (path, read) in [
        ("/consent/a?b=c", "/consent/a%3Fb=c"),
        ("/consent/a#b", "/consent/a%23b"),
        ("/consent/../oauth/token", "/consent/../oauth/token"),
        ("/consent/%2e%2e/x", "/consent/%252e%252e/x"),
        ("//elsewhere.example/x", "//elsewhere.example/x"),
        ("/a b\t\0\\\"<>{}\u{7f}\u{fc}", "/a%20b%09%00%5C%22%3C%3E%7B%7D%7F%C3%BC"),
    ] {
        let request = request(&changed("/rawPath", path)).unwrap();
        assert_eq!(request.uri().path(), read);
        assert_eq!(request.query_string_parameters_ref().unwrap().first("b"), Some("ü"), "{path}");
    }
    assert_eq!(why(&changed("/rawPath", "consent")), "the path does not begin with a slash");
    assert_eq!(why(&changed("/rawPath", ":80@elsewhere/")), "the path does not begin with a slash");
    assert_eq!(why(&changed("/rawPath", format!("/{}", "\u{fc}".repeat(20_000)))), "the path is malformed");
}

/// HYG-1-17, HYG-1-05
#[test]
fn a_body_that_is_no_base64_is_refused() {
    for body in ["!", "YQ", "YQ=", "YQ==\n", "\u{fc}", "YR=="] {
        assert_eq!(why(&changed("/body", body)), "the body is not base64", "{body}");
    }
    for body in [json!(1), json!([]), json!({}), json!(true)] {
        assert_eq!(why(&changed("/body", body)), "the body is malformed");
    }
    assert_eq!(why(&changed("/isBase64Encoded", "true")), "the body is malformed");
    assert_eq!(request(&changed("/body", Value::Null)).unwrap().body(), &Body::Empty);
    let text = request(&changed("/isBase64Encoded", false)).unwrap();
    assert_eq!(text.body(), &Body::Text("eyJhIjoxfQ==".to_owned()));
}

/// HYG-1-17: left out, it would make another request of this one.
#[test]
fn a_malformed_header_is_refused_and_not_passed_over() {
    for name in ["", "a b", "a:", "\u{fc}", "dpop\r\n", "x\0"] {
        assert_eq!(why(&changed(&format!("/headers/{name}"), "x")), "a header is malformed", "{name:?}");
    }
    for value in ["a\r\nb", "\0", "\u{1}", "\u{7f}"] {
        assert_eq!(why(&changed("/headers/dpop", value)), "a header is malformed", "{value:?}");
    }
    for value in [json!(1), json!(["a"]), json!({}), Value::Null] {
        assert_eq!(why(&changed("/headers/dpop", value)), "a header is malformed");
    }
    assert_eq!(why(&changed("/headers", "dpop: a")), "a header is malformed");
    assert_eq!(why(&changed("/headers/Host", "b")), "a header is repeated");
    assert!(request(&changed("/headers", Value::Null)).unwrap().headers().is_empty());
    let spelled = request(&changed("/headers/user-agent", "K\u{e4}fer/1 (\"\t)")).unwrap();
    assert_eq!(spelled.headers()["user-agent"].as_bytes(), "K\u{e4}fer/1 (\"\t)".as_bytes());
    let many: serde_json::Map<_, _> = (0..40_000).map(|n| (format!("x-{n}"), json!(""))).collect();
    assert_eq!(why(&changed("/headers", many)), "there are too many headers");
}

/// Ours arrive in a list and leave in one: a header can be in a response once only.
#[test]
fn cookies_of_ours_arrive_and_leave_in_a_list() {
    let cookies = json!(["theme=dark", "__Host-ciba-session=a", "__Host-ciba-login-1=b"]);
    let request = request(&changed("/cookies", cookies)).unwrap();
    assert_eq!(request.headers()[COOKIE], "__Host-ciba-session=a; __Host-ciba-login-1=b");
    let mut response = Response::new(Body::Empty);
    for cookie in ["a=1", "b=2"] {
        response.headers_mut().append(SET_COOKIE, HeaderValue::from_static(cookie));
    }
    let answer = answer(response);
    assert_eq!((answer.cookies, answer.headers.len()), (vec!["a=1".to_owned(), "b=2".to_owned()], 0));
}

/// HYG-1-17: no cookie of another site can be in the way of a request.
#[test]
fn no_cookie_keeps_a_request_out() {
    for cookies in [json!(["a\r\nb"]), json!(["\0"]), json!("a"), json!([1]), Value::Null] {
        assert!(request(&changed("/cookies", cookies)).is_ok());
    }
    assert!(request(&changed("/headers/cookie", "\0")).is_ok());
}

/// HYG-1-17, CAUTH-4-12
#[test]
fn a_certificate_that_cannot_be_read_is_not_passed_over() {
    for (pointer, value) in [
        ("/requestContext/authentication", json!("x")),
        ("/requestContext/authentication", json!([{"clientCert": {}}])),
        ("/requestContext/authentication", json!({"clientCert": "pem"})),
        ("/requestContext/authentication", json!({"clientCert": {"clientCertPem": 1}})),
        ("/requestContext/domainName", json!(["id.example"])),
    ] {
        assert_eq!(why(&changed(pointer, value)), "the request context is malformed");
    }
    let shown = json!({"clientCert": {"clientCertPem": "pem", "serialNumber": 7}});
    let request = request(&changed("/requestContext/authentication", shown)).unwrap();
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { panic!() };
    let shown = context.authentication.as_ref().and_then(|it| it.client_cert.as_ref()).unwrap();
    assert_eq!(shown.client_cert_pem.as_deref(), Some("pem"));
}

/// HYG-1-17
#[test]
fn what_is_not_an_http_event_is_no_request() {
    let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    let queue = json!({"Records": [{"messageId": "1", "body": "{}"}]});
    let rest = json!({"httpMethod": "GET", "path": "/userinfo", "requestContext": {"httpMethod": "GET"}});
    let socket = json!({"requestContext": {"eventType": "CONNECT", "connectionId": "1"}});
    for event in [Value::Null, json!([]), json!(7), json!("GET /"), json!({}), schedule, queue, rest, socket]
    {
        assert_eq!(why(&event), "the event is not an HTTP request", "{event}");
    }
    assert_eq!(why(&changed("/rawPath", Value::Null)), "the event has no path");
    for method in ["", "GE T", "GET\r\n", "\u{fc}"] {
        assert_eq!(why(&changed("/requestContext/http/method", method)), "the method is malformed");
    }
}

#[test]
fn an_answer_is_as_api_gateway_takes_it() {
    let mut response = Response::new(Body::Text("{}".to_owned()));
    *response.status_mut() = lambda_http::http::StatusCode::CREATED;
    response.headers_mut().insert("x-a", HeaderValue::from_static("b"));
    let text = serde_json::to_value(answer(response)).unwrap();
    assert_eq!(
        (&text["statusCode"], &text["body"], &text["headers"]),
        (&json!(201), &json!("{}"), &json!({"x-a": "b"}))
    );
    assert_eq!(text["isBase64Encoded"], false);
    assert_eq!(serde_json::to_value(answer(Response::new(Body::Empty))).unwrap().get("body"), None);
    let bytes = serde_json::to_value(answer(Response::new(Body::Binary(vec![0xff])))).unwrap();
    assert_eq!((&bytes["body"], &bytes["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
}

/// Any JSON.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every member that is read, at every depth.
const READ: [&str; 13] = [
    "/requestContext",
    "/requestContext/http",
    "/requestContext/http/method",
    "/requestContext/domainName",
    "/requestContext/authentication",
    "/rawPath",
    "/rawQueryString",
    "/headers",
    "/headers/host",
    "/headers/x-forwarded-proto",
    "/cookies",
    "/body",
    "/isBase64Encoded",
];

proptest! {
    /// HYG-1-17
    #[test]
    fn no_json_makes_the_reader_panic(event in any_json()) {
        let _ = request(&event);
    }

    /// HYG-1-17
    #[test]
    fn no_changed_member_makes_the_reader_panic(
        member in proptest::sample::select(&READ[..]),
        value in prop_oneof![any_json(), "[\\x00-\\x7f\u{fc}]{0,12}".prop_map(Value::from)],
    ) {
        let event = changed(member, value);
        if let Ok(request) = request(&event) {
            prop_assert!(request.uri().path().is_ascii());
            prop_assert!(request.uri().query().is_none());
        }
    }

    /// HYG-1-17: what the library reads without a panic, this reads alike.
    #[test]
    fn ordinary_events_are_read_as_lambda_http_does(
        path in "(/[A-Za-z0-9][A-Za-z0-9._~-]{0,8}){1,3}",
        query in "([a-z]{1,3}=[a-z0-9+]{0,5}(%C3%BC)?&?){0,3}",
        header in "[ -~\u{e4}]{0,20}",
        body in "\\PC{0,30}",
        is_base64: bool,
    ) {
        let mut event = changed("/headers/x-any", header.trim());
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.into();
        event["body"] = if is_base64 { STANDARD.encode(&body).into() } else { body.into() };
        event["isBase64Encoded"] = is_base64.into();
        let mut theirs = lambda_http::request::from_str(&event.to_string()).unwrap();
        let ours = request(&event).unwrap();
        theirs.headers_mut().remove(COOKIE);
        prop_assert_eq!(theirs.method(), ours.method());
        prop_assert_eq!(theirs.headers(), ours.headers());
        prop_assert_eq!(theirs.body(), ours.body());
        prop_assert_eq!(theirs.uri().path(), ours.uri().path());
        prop_assert_eq!(theirs.query_string_parameters(), ours.query_string_parameters());
    }
}
