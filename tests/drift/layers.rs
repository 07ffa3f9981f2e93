//! The layers of `shared/src`: arrows point only downwards, and what a layer must not know it does not name.

use std::path::{Path, PathBuf};

use crate::{read, sources};

/// What each layer may name beside itself, from the top.
const MAY_NAME: &[(&str, &[&str])] = &[
    (
        "http",
        &["flows", "page", "store", "notify", "keys", "outbound", "aws", "config", "protocol", "domain"],
    ),
    ("flows", &["page", "store", "notify", "keys", "outbound", "aws", "config", "protocol", "domain"]),
    // Keys are items of the table.
    ("keys", &["store", "aws", "config", "protocol", "domain"]),
    ("store", &["aws", "config", "protocol", "domain"]),
    ("notify", &["aws", "config", "protocol", "domain"]),
    // What could not be fetched is remembered there, for all sandboxes.
    ("outbound", &["store", "protocol", "domain"]),
    ("aws", &["config"]),
    ("page", &["protocol", "domain"]),
    ("config", &["protocol", "domain"]),
    ("protocol", &["domain"]),
    ("domain", &[]),
];

/// What stands outside, and the layers that may know it. A star stands for any ending.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("lambda_http", &["http"]),
    ("maud", &["page"]),
    ("aws_sdk_dynamodb", &["store"]),
    ("aws_sdk_sns", &["notify"]),
    ("aws_sdk_eventbridge", &["notify"]),
    ("flate2", &["protocol"]),
    ("aws_sdk_sqs", &["notify"]),
    ("aws_sdk_kms", &["keys"]),
    ("aws_credential_types", &["aws"]),
    ("aws_config", &[]),
    ("aws_smithy_*", &["aws"]),
    ("aws_types", &["aws"]),
    ("reqwest", &["outbound"]),
    ("futures_util", &["flows"]),
    ("argon2", &["domain"]),
    ("rustls", &["aws"]),
    ("webauthn_rs_core", &["protocol"]),
    ("serde_cbor_2", &["protocol"]),
    ("x509_parser", &["domain"]),
    ("tokio", &["http", "flows", "store", "notify", "keys", "outbound"]),
    ("env", &["config"]),
    ("SystemTime", &["http"]),
    ("Instant", &["http", "flows", "store", "notify", "keys", "outbound"]),
];

/// What a function leaves to `ciba`. `lambda_http` is its frame and `tokio` its runtime.
const NOT_IN_A_FUNCTION: &[&str] = &["aws_*", "reqwest", "env", "SystemTime", "Instant"];

#[test]
fn a_layer_names_only_the_layers_below_it() {
    let mut upward = Vec::new();
    for (path, text) in sources("shared/src") {
        let Some(layer) = layer_of(&path) else { continue };
        let allowed = MAY_NAME.iter().find(|(name, _)| *name == layer);
        let (_, allowed) =
            allowed.unwrap_or_else(|| panic!("{}: no row of MAY_NAME is {layer}", path.display()));
        let mut named = layers_named(&code(&text), depth(&path));
        named.retain(|it| *it != layer && !allowed.contains(&it.as_str()));
        upward.extend(named.into_iter().map(|it| format!("{} names {it}", path.display())));
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn what_stands_outside_is_known_only_where_it_belongs() {
    let mut out_of_place = Vec::new();
    for (path, text) in sources("shared/src") {
        let Some(layer) = layer_of(&path) else { continue };
        let others = ONLY_IN.iter().filter(|(_, layers)| !layers.contains(&layer.as_str()));
        let named = others.filter(|(name, _)| names(&code(&text), name));
        out_of_place.extend(named.map(|(name, _)| format!("{} names {name}", path.display())));
    }
    assert!(out_of_place.is_empty(), "{out_of_place:#?}");
}

#[test]
fn a_function_leaves_services_clock_and_environment_to_the_shared_crate() {
    let mut out_of_place = Vec::new();
    for (path, text) in sources("functions") {
        let named = NOT_IN_A_FUNCTION.iter().filter(|name| names(&code(&text), name));
        out_of_place.extend(named.map(|name| format!("{} names {name}", path.display())));
    }
    assert!(out_of_place.is_empty(), "{out_of_place:#?}");
}

/// The engine, the doubles and the phone cannot end up in what is deployed.
#[test]
fn a_function_depends_on_nothing_that_is_for_ones_own_machine_only() {
    let manifest = |path: &str| read(format!("{path}/Cargo.toml"));
    let shared = dependencies(&manifest("shared"));
    assert!(shared.iter().any(|it| it == "aws-sdk-dynamodb"), "a rule over nothing would hold: {shared:?}");
    for local in
        ["ciba-local", "ciba-admin", "ciba-bench", "ciba-client", "ciba-tests", "dynoxide-rs", "axum"]
    {
        assert!(!shared.iter().any(|it| it == local), "shared depends on {local}");
    }
    for function in &crate::TEMPLATE.functions {
        let path = format!("functions/{}", function.binary);
        for it in dependencies(&manifest(&path)) {
            let known = ["ciba", "lambda_http", "serde_json", "tokio"].contains(&it.as_str());
            assert!(known, "{path} depends on {it}");
        }
    }
}

/// What stands under `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|it| *it != "[dependencies]").skip(1);
    let entries = lines.take_while(|it| !it.starts_with('[')).filter(|it| !it.is_empty());
    entries.map(|it| it.split(['.', ' ', '=']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_main_of_a_function_is_wiring_and_no_longer_than_40_lines() {
    for (path, text) in sources("functions") {
        if path.ends_with("src/main.rs") {
            assert!(text.lines().count() <= 40, "{}", path.display());
        }
    }
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    for folder in ["shared", "functions", "infra", "tests"] {
        for (path, _) in sources(folder) {
            let name = path.file_stem().expect("a file").to_string_lossy();
            assert!(!["common", "helpers", "types", "utils"].contains(&&*name), "{}", path.display());
        }
    }
}

#[test]
fn a_layer_is_seen_in_every_way_a_path_can_be_written() {
    let named =
        |text: &str| layers_named(&code(text), depth(Path::new("shared/src/domain/scope.rs"))).join(" ");
    assert_eq!(named("use crate::store::client;"), "store");
    assert_eq!(named("fn f() { crate::flows::poll() }"), "flows");
    assert_eq!(named("use crate::{domain::{scope, hint}, store::client, keys};"), "domain store keys");
    assert_eq!(named("use crate::{\n    http,\n};"), "http");
    assert_eq!(named("use super::super::notify;"), "notify");
    assert_eq!(named("pub(crate) use super::hint;"), "");
    assert_eq!(named("/// See [`crate::store`].\n// crate::store\nlet a = 1; // crate::store"), "");
    assert_eq!(named("fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::store;\n}"), "");
}

#[test]
fn a_name_is_seen_as_a_whole_word_of_the_code() {
    assert!(names("use std::env;", "env") && names("let x = std::env::var(\"A\");", "env"));
    assert!(!names("let environment = 1; envelope()", "env"));
    assert!(names("use aws_smithy_types::Blob;", "aws_smithy_*"));
    assert!(!names("use aws_lc_rs::hmac;", "aws_smithy_*"));
}

/// The folder or file directly under `shared/src`; none for lib.rs, which only lists them, and for a file of tests.
fn layer_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix("shared/src").ok()?;
    let is_tests = path.file_stem()?.to_str()?.ends_with("tests");
    let layer = PathBuf::from(inside.iter().next()?).with_extension("");
    (!is_tests && layer.as_os_str() != "lib").then(|| layer.to_string_lossy().into_owned())
}

/// How many `super` lead from a file's module to the crate.
fn depth(path: &Path) -> usize {
    let inside = path.strip_prefix("shared/src").unwrap_or(path);
    inside.iter().count() - usize::from(path.ends_with("mod.rs"))
}

/// What is compiled into the product: no comments, and not the tests, which stand at the end of a file.
pub(crate) fn code(text: &str) -> String {
    let tests =
        ["\n#[cfg(test)]\nmod ", "\n#[cfg(test)]\n#[path"].iter().filter_map(|it| text.find(it)).min();
    let without_comment = |it: &str| match it.find("//") {
        // Not the one in "https://".
        Some(at) if !it[..at].ends_with(':') => it[..at].to_owned(),
        _ => it.to_owned(),
    };
    text[..tests.unwrap_or(text.len())].lines().map(without_comment).collect::<Vec<_>>().join("\n")
}

/// The first part of every path that starts at the crate.
fn layers_named(code: &str, depth: usize) -> Vec<String> {
    let from_crate = "crate::".to_owned();
    let from_super = "super::".repeat(depth);
    let mut named = Vec::new();
    for start in [from_crate, from_super] {
        for (at, _) in code.match_indices(&start) {
            let follows_a_word = code[..at].ends_with(is_word);
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                _ if follows_a_word => {}
                Some(group) => named.extend(firsts_of_group(group)),
                None => named.push(word(rest)),
            }
        }
    }
    named
}

/// `domain::{scope, hint}, keys}` → `domain`, `keys`.
fn firsts_of_group(group: &str) -> Vec<String> {
    let mut level = 0;
    let mut firsts = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => level += 1,
            '}' if level == 0 => break,
            '}' => level -= 1,
            ',' if level == 0 => firsts.push(String::new()),
            _ if level == 0 => firsts.last_mut().expect("it starts with one").push(character),
            _ => {}
        }
    }
    firsts.iter().map(|it| word(it.trim())).filter(|it| !it.is_empty()).collect()
}

fn word(text: &str) -> String {
    text.chars().take_while(|it| is_word(*it)).collect()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

pub(crate) fn names(code: &str, name: &str) -> bool {
    let (start, any_ending) = name.strip_suffix('*').map_or((name, false), |it| (it, true));
    code.match_indices(start).any(|(at, _)| {
        let rest = &code[at + start.len()..];
        !code[..at].ends_with(is_word) && (any_ending || !rest.starts_with(is_word))
    })
}
