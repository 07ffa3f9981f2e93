//! Routes are said three times: in template.yaml for AWS, in the code for the metadata document, and in Cargo.toml
//! for `cargo lambda watch`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use crate::{DOCUMENT, TEMPLATE, resources, root};

/// Path and function.
type Routes = BTreeMap<String, String>;

fn of_the_code() -> Routes {
    ciba::protocol::routes::ALL.iter().map(|it| (it.path.to_owned(), it.function.to_owned())).collect()
}

fn of_the_template() -> Routes {
    let functions = TEMPLATE.functions.iter();
    functions.flat_map(|it| it.routes.iter().map(|route| (route.path.clone(), it.binary.clone()))).collect()
}

fn of_the_watch_router() -> Routes {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo metadata answers JSON");
    let router = metadata["metadata"]["lambda"]["watch"]["router"].as_object().expect("a watch router");
    // The short form: a path for every method, as in the template.
    let function = |it: &Value| it.as_str().expect("a function's name").to_owned();
    router.iter().map(|(path, it)| (path.clone(), function(it))).collect()
}

#[test]
fn the_template_routes_exactly_the_paths_of_the_code() {
    assert_eq!(of_the_template(), of_the_code());
}

#[test]
fn the_watch_router_has_exactly_the_routes_of_the_template() {
    assert_eq!(of_the_watch_router(), of_the_template());
}

/// The function itself answers 405.
#[test]
fn every_route_is_for_any_method() {
    for function in &TEMPLATE.functions {
        for route in &function.routes {
            assert_eq!(route.method, "ANY", "{} of {}", route.path, function.binary);
        }
    }
}

#[test]
fn the_template_deploys_exactly_the_functions_of_the_workspace() {
    let folders = std::fs::read_dir(root().join("functions")).expect("functions/");
    let folders: BTreeSet<_> =
        folders.map(|it| it.expect("an entry").file_name().into_string().expect("a name in UTF-8")).collect();
    let deployed: BTreeSet<_> = TEMPLATE.functions.iter().map(|it| it.binary.clone()).collect();
    assert_eq!(deployed, folders);
}

#[test]
fn the_api_may_invoke_the_functions_with_a_route_and_no_other() {
    let by_the_api = |it: &Value| it["Properties"]["Principal"] == "apigateway.amazonaws.com";
    let invocable: BTreeSet<_> = resources("AWS::Lambda::Permission")
        .filter(|(_, it)| by_the_api(it))
        .map(|(_, it)| it["Properties"]["FunctionName"]["Ref"].as_str().expect("a Ref to an alias"))
        .map(|alias| alias.strip_suffix(".Alias").expect("not to the version that is being built"))
        .collect();
    let routed = TEMPLATE.functions.iter().filter(|it| !it.routes.is_empty());
    assert_eq!(invocable, routed.map(|it| it.logical_id.as_str()).collect());
}

/// A flood at what anybody may read, or at the pages, makes no client see 429, which clients treat as final.
#[test]
fn each_route_has_a_limit_of_its_own_by_who_calls_it() {
    let limited = |path: &str, function: &str| match function {
        "discovery" | "jwks" => "Document",
        "login" if path.ends_with("/jwks.json") => "Document",
        "consent" | "login" | "enrollment" => "Page",
        "backchannel-authentication" | "token" | "userinfo" | "introspection" | "revocation" => "Api",
        _ => panic!("{function}: who calls it?"),
    };
    let expected: serde_json::Map<_, _> = of_the_template()
        .into_iter()
        .map(|(path, function)| {
            let callers = limited(&path, &function);
            let limits = json!({
                "ThrottlingRateLimit": {"Ref": format!("{callers}RequestsPerSecond")},
                "ThrottlingBurstLimit": {"Ref": format!("{callers}Burst")},
            });
            (format!("ANY {path}"), limits)
        })
        .collect();
    let stage = &DOCUMENT["Resources"]["ApiStage"];
    assert_eq!(stage["Properties"]["RouteSettings"], Value::Object(expected));
    let routes: Vec<_> = resources("AWS::ApiGatewayV2::Route").map(|(id, _)| json!(id)).collect();
    let waits_for = stage["DependsOn"].as_array().expect("routes");
    assert!(
        routes.iter().all(|route| waits_for.contains(route)),
        "settings of a route that is not there yet"
    );
}
