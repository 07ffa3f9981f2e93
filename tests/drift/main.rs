//! What must not drift apart: the template, the watch router, the Makefile, the README and the crates. Each is read from its file and held against what it has to agree with.

mod alarms;
mod commands;
mod comparisons;
mod contributing;
mod crates;
mod edges;
mod events;
mod examples;
mod hooks;
mod messages;
mod mutual_tls;
mod performance;
mod permissions;
mod profiles;
mod proofs;
mod references;
mod release;
mod roles;
mod routes;
mod settings;
mod spec_map;
mod supply;
mod table;
mod threats;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use ciba_local::template::Template;
use serde_json::{Value, json};

/// `template.yaml` as the local stack reads it.
static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    Template::parse(&read("template.yaml")).expect("template.yaml is what the stack can run")
});

/// `template.yaml` with every short form written out.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| ciba_local::template::document(&read("template.yaml")).expect("template.yaml is YAML"));

/// `template.yaml` after SAM's transform, which is what CloudFormation deploys, in the same forms as [`DOCUMENT`].
static TRANSFORMED: LazyLock<Value> = LazyLock::new(|| transformed("template.yaml", &[]));

/// A template after SAM's transform, with values of parameters, each as `Name=value`.
fn transformed(template: &str, parameters: &[&str]) -> Value {
    let output = python(&["infra/transform.py", template], parameters);
    in_one_form(serde_json::from_slice(&output).expect("JSON"))
}

/// What a script prints, run with the tools of `make tools`.
fn python(script: &[&str], arguments: &[&str]) -> Vec<u8> {
    let python = root().join(".tools/bin/python");
    let run = Command::new(&python).args(script).args(arguments).current_dir(root()).output();
    let run = run.unwrap_or_else(|error| panic!("{}: {error}; `make tools` installs it", python.display()));
    assert!(run.status.success(), "{script:?}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

/// SAM writes `!GetAtt A.B` as a list.
fn in_one_form(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            match members.get("Fn::GetAtt").and_then(Value::as_array).map(Vec::as_slice) {
                Some([Value::String(resource), Value::String(attribute)]) if members.len() == 1 => {
                    json!({ "Fn::GetAtt": format!("{resource}.{attribute}") })
                }
                Some(_) | None => members.into_iter().map(|(key, value)| (key, in_one_form(value))).collect(),
            }
        }
        Value::Array(items) => items.into_iter().map(in_one_form).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The resources of a type, by logical id.
fn resources(of_type: &str) -> impl Iterator<Item = (&'static String, &'static Value)> {
    resources_of(&DOCUMENT, of_type)
}

/// The resources of a type that are deployed, by logical id.
fn deployed(of_type: &str) -> impl Iterator<Item = (&'static String, &'static Value)> {
    resources_of(&TRANSFORMED, of_type)
}

fn resources_of(
    document: &'static Value,
    of_type: &str,
) -> impl Iterator<Item = (&'static String, &'static Value)> {
    let all = document["Resources"].as_object().expect("the template has resources");
    all.iter().filter(move |(_, resource)| resource["Type"] == of_type)
}

/// Where what is compiled into the functions stands.
const PRODUCT: [&str; 6] =
    ["shared/src", "shared/core/src", "shared/aws/src", "shared/flows/src", "shared/http/src", "functions"];

/// What is compiled into the functions, without its comments and tests.
fn product() -> impl Iterator<Item = (PathBuf, String)> {
    let all = PRODUCT.into_iter().flat_map(sources);
    let all = all.filter(|(path, _)| !path.ends_with("tests.rs"));
    all.map(|(path, text)| (path, crates::code(&text)))
}

/// The file that a document means by `flows/deciding/decide.rs`, `http/respond.rs`, `store/client.rs` or `domain/client.rs`: below the folder of
/// a crate; the two crates of one room have its name before it.
fn file_of_shared(path: &str) -> Option<String> {
    let (room, rest) = path.split_once('/').unwrap_or_default();
    let candidates = [
        format!("shared/core/src/{path}"),
        format!("shared/aws/src/{path}"),
        format!("shared/{room}/src/{rest}"),
    ];
    let is_known = |it: &&String| root().join(it).is_file();
    candidates.iter().find(is_known).cloned()
}

/// The Rust sources under a folder, as paths from the root, with their text.
fn sources(under: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(under)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder of the workspace") {
            let entry = entry.expect("an entry of a folder");
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = read(&path);
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{under} has no sources: a rule over nothing would hold");
    found.sort();
    found
}
