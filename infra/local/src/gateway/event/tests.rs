use std::time::{Duration, UNIX_EPOCH};

use axum::http::Request;

use super::*;
use crate::gateway::Route;

fn event_of(request: Request<&[u8]>) -> Value {
    event_by(request, &Door::Plain)
}

fn event_by(request: Request<&[u8]>, door: &Door) -> Value {
    let (parts, body) = request.into_parts();
    let route = Route {
        method: "ANY".into(),
        path: "/consent/{request}".into(),
        function: "consent".into(),
        copied_headers: Vec::new(),
    };
    let path = path(&parts);
    let parameters = path.strip_prefix("/consent/").map(|name| ("request", name));
    let matched = Matched { route: &route, parameters: parameters.into_iter().collect() };
    let at = UNIX_EPOCH + Duration::from_millis(1_584_039_838_390);
    let origin = Origin { source: [127, 0, 0, 1].into(), door, request_id: "id", at };
    build(&parts, &path, body, &matched, &origin)
}

fn post(content_type: &str, body: &'static [u8]) -> Value {
    event_of(Request::post("/consent/a%20b").header("content-type", content_type).body(body).unwrap())
}

#[test]
fn the_envelope_is_payload_2_0() {
    let request = Request::get("/consent/a%20b?x=%20")
        .header("host", "localhost:9000")
        .header("user-agent", "test")
        .body(&b""[..])
        .unwrap();
    let event = event_of(request);
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "ANY /consent/{request}");
    assert_eq!(event["rawPath"], "/consent/a b");
    assert_eq!(event["rawQueryString"], "x=%20");
    assert_eq!(event["pathParameters"], json!({"request": "a b"}));
    assert_eq!(
        event["requestContext"],
        json!({
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": "GET",
                "path": "/consent/a b",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "requestId": "id",
            "routeKey": "ANY /consent/{request}",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_584_039_838_390_u64,
        })
    );
    assert_eq!(event.get("body"), None);
    assert_eq!(event["isBase64Encoded"], false);
}

#[test]
fn a_repeated_header_is_joined_by_a_comma() {
    let request = Request::get("/").header("X-Multi", "1").header("x-multi", "2").body(&b""[..]).unwrap();
    assert_eq!(event_of(request)["headers"]["x-multi"], "1,2");
}

#[test]
fn cookies_are_a_list_and_no_header() {
    let request =
        Request::get("/").header("cookie", "a=1; b=2").header("cookie", "c=3").body(&b""[..]).unwrap();
    let event = event_of(request);
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!(event["headers"].get("cookie"), None);
}

#[test]
fn a_repeated_query_parameter_is_decoded_and_joined() {
    let event = event_of(Request::get("/?a=1&b=%C3%BC&a=2").body(&b""[..]).unwrap());
    assert_eq!(event["queryStringParameters"], json!({"a": "1,2", "b": "ü"}));
}

#[test]
fn a_source_address_is_added_to_what_the_client_claims() {
    let event = event_of(Request::get("/").header("x-forwarded-for", "10.0.0.1").body(&b""[..]).unwrap());
    assert_eq!(event["headers"]["x-forwarded-for"], "10.0.0.1, 127.0.0.1");
}

#[test]
fn json_stays_text() {
    let event = post("application/json; charset=utf-8", br#"{"a":1}"#);
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!(r#"{"a":1}"#), &json!(false)));
}

#[test]
fn a_form_is_base64() {
    let event = post("application/x-www-form-urlencoded", b"a=b");
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YT1i"), &json!(true)));
}

#[test]
fn text_that_is_no_utf8_is_base64() {
    assert_eq!(post("text/plain", b"\xff")["isBase64Encoded"], true);
}

#[test]
fn a_body_without_a_type_is_base64() {
    assert_eq!(event_of(Request::post("/").body(&b"a"[..]).unwrap())["isBase64Encoded"], true);
}

/// CAUTH-4-08: what the service's documentation shows.
#[test]
fn the_request_context_has_the_certificate_under_mutual_tls() {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "Example");
    params.distinguished_name.push(rcgen::DnType::CommonName, "example.com");
    params.serial_number = Some(vec![0x0a, 0xa1].into());
    params.not_before = rcgen::date_time_ymd(2019, 5, 8);
    params.not_after = rcgen::date_time_ymd(2021, 8, 15);
    let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let at = |certificate| Door::MutualTls { authority: "localhost:9443".to_owned(), certificate };
    let request = || Request::get("/").header("host", "localhost:9000").body(&b""[..]).unwrap();

    let event = event_by(request(), &at(Some(certificate.der().to_vec())));
    let context = &event["requestContext"];
    assert_eq!(context["domainName"], "localhost:9443");
    assert_eq!(event["headers"]["x-forwarded-proto"], "https");
    let shown = &context["authentication"]["clientCert"];
    let pem = shown["clientCertPem"].as_str().unwrap();
    assert_eq!(pem, certificate.pem().replace('\r', ""));
    assert_eq!(
        (&shown["subjectDN"], &shown["issuerDN"]),
        (&shown["issuerDN"], &json!("O=Example, CN=example.com"))
    );
    assert_eq!(shown["serialNumber"], "0a:a1");
    let validity = json!({"notBefore": "May  8 00:00:00 2019 GMT", "notAfter": "Aug 15 00:00:00 2021 GMT"});
    assert_eq!(shown["validity"], validity);

    assert_eq!(event_by(request(), &at(None))["requestContext"].get("authentication"), None);
    assert_eq!(event_of(request())["requestContext"].get("authentication"), None);
}

/// HYG-1-17: seen at the service: the path is decoded, the query is not, and a question mark in the path cuts it off.
#[test]
fn a_path_is_decoded_and_a_query_is_as_it_was_sent() {
    for (target, path, query) in [
        ("/consent/%7B%22%3C%C3%BC?a=%22b", "/consent/{\"<ü", "a=%22b"),
        ("/consent/a%3Fb=c?d", "/consent/a", "d"),
        ("/consent/%252F", "/consent/%2F", ""),
        ("/consent/a%2Fb", "/consent/a/b", ""),
        ("/consent/%00%0A%23", "/consent/\0\n#", ""),
        ("/consent/%ff", "/consent/\u{fffd}", ""),
    ] {
        let event = event_of(Request::get(target).body(&b""[..]).unwrap());
        assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!(path), &json!(query)), "{target}");
        assert_eq!(event["requestContext"]["http"]["path"], event["rawPath"], "{target}");
    }
}
