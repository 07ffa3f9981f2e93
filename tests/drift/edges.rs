//! What holds wherever something comes in or goes out: answers, paths, the access log, randomness, calls to clients.

use ciba::protocol::error::CHALLENGE_HEADER;
use serde_json::{Value, json};

use crate::crates::{code, names};
use crate::{DOCUMENT, TEMPLATE, product, read, resources};

fn files_that_name(name: &str) -> Vec<String> {
    let found = product().filter(|(_, code)| names(code, name));
    found.map(|(path, _)| path.to_string_lossy().into_owned()).collect()
}

/// HYG-1-12, HYG-1-13: a redirect needs this header, or one of these statuses. Only the
/// functions of pages that follow a login do, by way of the one place where a response is built.
#[test]
fn only_pages_redirect_and_only_from_one_place() {
    assert_eq!(files_that_name("LOCATION"), ["shared/http/src/respond.rs"]);
    for name in ["SEE_OTHER", "TEMPORARY_REDIRECT", "FOUND", "Redirect"] {
        assert!(files_that_name(name).is_empty(), "{name}: {:?}", files_that_name(name));
    }
    let redirects = product().filter(|(_, code)| code.contains("respond::redirect("));
    let redirects: Vec<_> = redirects.map(|(path, _)| path.to_string_lossy().into_owned()).collect();
    assert_eq!(
        redirects,
        ["functions/consent/src/page.rs", "functions/enrollment/src/lib.rs", "functions/login/src/lib.rs"]
    );
    for (path, code) in product() {
        assert!(!code.to_lowercase().contains("\"location\""), "{}", path.display());
    }
    assert_eq!(
        files_that_name("WWW_AUTHENTICATE"),
        ["shared/http/src/respond.rs"],
        "headers are named like this"
    );
}

/// CAUTH-1-08: API Gateway renames a function's challenge; under its own name a client gets it by this copy.
#[test]
fn each_integration_gives_a_challenge_its_name_back() {
    let copy = json!({ "ResponseParameters": [{
        "Destination": "overwrite:header.www-authenticate",
        "Source": format!("$response.header.{CHALLENGE_HEADER}"),
    }] });
    let mut integrations = 0;
    for (id, integration) in resources("AWS::ApiGatewayV2::Integration") {
        let copies = &integration["Properties"]["ResponseParameters"];
        // What becomes of a copy of what is not there is not documented, so 403 has it where there is a challenge.
        let has_403 = ["ConsentIntegration", "UserinfoIntegration"].contains(&id.as_str());
        let expected = if has_403 { json!({ "401": copy, "403": copy }) } else { json!({ "401": copy }) };
        assert_eq!(*copies, expected, "{id}");
        integrations += 1;
    }
    assert_eq!(integrations, TEMPLATE.functions.iter().filter(|it| !it.routes.is_empty()).count());
}

/// HYG-1-15: API Gateway answers these itself.
#[test]
fn no_path_is_one_that_a_gateway_keeps_for_itself() {
    let paths: Vec<_> = TEMPLATE.functions.iter().flat_map(|it| &it.routes).map(|it| &*it.path).collect();
    assert!(paths.contains(&"/bc-authorize"), "{paths:?}");
    for kept in ["/ping", "/sping"] {
        assert!(!paths.contains(&kept), "{kept}");
    }
}

/// SECURITY.md says that aws-lc does all cryptography: nothing goes by the verification that other crates bring with them.
#[test]
fn nothing_but_aws_lc_verifies_or_signs() {
    for name in ["authenticate_credential", "verify_signature"] {
        assert!(files_that_name(name).is_empty(), "{name}: {:?}", files_that_name(name));
    }
    let manifests =
        ["core", "aws", "flows", "http"].map(|it| read(format!("shared/{it}/Cargo.toml"))).join("\n");
    let depends_on = |name: &str| manifests.lines().any(|line| line.starts_with(&format!("{name}.")));
    assert!(depends_on("aws-lc-rs"), "a rule over nothing would hold");
    for name in ["ecdsa", "ed25519-dalek", "p256", "ring", "rsa"] {
        assert!(!depends_on(name), "{name}");
    }
    let by_aws_lc = files_that_name("aws_lc_rs");
    assert!(by_aws_lc.contains(&"shared/core/src/verify/passkey_key.rs".to_owned()), "{by_aws_lc:?}");
}

/// HYG-4-08: none is reserved unless an operator says so, because 100 instances of an account have to stay unreserved.
#[test]
fn every_function_behind_the_api_can_have_reserved_concurrency() {
    let parameter = &DOCUMENT["Parameters"]["ReservedConcurrency"];
    assert_eq!((&parameter["Default"], &parameter["MinValue"]), (&0.into(), &0.into()));
    let is_wanted = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, 0]}]});
    assert_eq!(DOCUMENT["Conditions"]["ReservesConcurrency"], is_wanted);
    let reserved = json!({"Fn::If":
        ["ReservesConcurrency", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]});
    let behind_the_api = TEMPLATE.functions.iter().filter(|it| !it.routes.is_empty());
    let of_each: Vec<_> = behind_the_api
        .map(|it| &DOCUMENT["Resources"][&it.logical_id]["Properties"]["ReservedConcurrentExecutions"])
        .collect();
    assert_eq!(of_each, [&reserved; 10], "the description of the parameter says how many there are");
}

/// HYG-5-02: a path may hold the name of a request, a query or a header a token. Calls are not traced.
#[test]
fn the_access_log_has_no_path_query_header_or_body() {
    let harmless = [
        "requestTime",
        "requestId",
        "identity.sourceIp",
        "routeKey",
        "httpMethod",
        "status",
        "responseLength",
        "responseLatency",
        "integrationErrorMessage",
    ];
    let format = DOCUMENT["Resources"]["ApiStage"]["Properties"]["AccessLogSettings"]["Format"].as_str();
    let named: Vec<_> = format.expect("a format").split("$context.").skip(1).collect();
    assert!(!named.is_empty(), "a rule over nothing would hold");
    for name in named {
        let name = name.split('"').next().unwrap_or_default();
        assert!(harmless.contains(&name), "the access log has {name}");
    }
    for (id, resource) in DOCUMENT["Resources"].as_object().expect("resources") {
        for member in ["Tracing", "TracingConfig", "TracingEnabled"] {
            assert_eq!(resource["Properties"][member], Value::Null, "{id}: {member}");
        }
    }
    assert_eq!(DOCUMENT["Globals"]["Function"]["Tracing"], Value::Null);
}

/// HYG-2-02, HYG-2-04: a function that keeps nothing asks the system; a library that signs asks it by itself.
#[test]
fn what_is_random_is_asked_of_the_system_at_each_call() {
    assert_eq!(files_that_name("rand"), ["shared/aws/src/keys/signing.rs", "shared/http/src/serve.rs"]);
    for name in ["OsRng", "thread_rng", "getrandom", "new_v4", "RandomState"] {
        assert!(files_that_name(name).is_empty(), "{name}: {:?}", files_that_name(name));
    }
    let asks = code(&read("shared/http/src/serve.rs"));
    for kept in ["static", "OnceLock", "LazyLock", "OnceCell", "thread_local"] {
        assert!(!names(&asks.replace("&'static", ""), kept), "{kept}");
    }
}

/// CIBA-10.2-12: a client is called by a function that stream and queue start and no request, so nothing is left to do
/// when an answer has gone.
#[test]
fn only_a_function_that_no_request_starts_calls_clients() {
    let callers: Vec<_> =
        files_that_name("Caller").into_iter().filter(|it| it.starts_with("functions/")).collect();
    assert_eq!(callers, ["functions/client-notification/src/lib.rs"]);
    let function =
        TEMPLATE.functions.iter().find(|it| it.binary == "client-notification").expect("the function");
    assert!(function.routes.is_empty());
    assert_eq!((function.triggers.queues.len(), function.triggers.streams.len()), (1, 1));
    assert_eq!(DOCUMENT["Resources"][&function.logical_id]["Properties"]["Events"], Value::Null);
    assert!(
        files_that_name("spawn").iter().all(|it| !it.starts_with("functions/")),
        "nothing goes on by itself"
    );
}

/// ATK-4-09: what decisions and tokens rest on is read as it is. An index cannot be read so, and nothing rests on one
/// alone; nor on the list of types, which is for the metadata.
#[test]
fn every_read_of_the_table_itself_is_consistent() {
    let mut reads = 0;
    for (path, code) in product().filter(|(path, _)| path.starts_with("shared/aws/src/store")) {
        for start in [".get_item()", ".query()", "KeysAndAttributes::builder()"] {
            for (at, _) in code.match_indices(start) {
                let call = code[at..].split(".await").next().unwrap_or_default();
                let is_right = call.contains(".consistent_read(true)") || call.contains(".index_name(");
                let is_list = start == ".query()" && path.ends_with("store/authorization_details.rs");
                assert!(is_right || is_list, "{}: {call}", path.display());
                reads += 1;
            }
        }
    }
    assert!(reads > 8, "a rule over nothing would hold: {reads}");
}
