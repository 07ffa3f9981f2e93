//! The four crates below `ciba`: Cargo forbids what a crate must not know. This holds what Cargo cannot say: no import leads in
//! a circle, no room of `domain` knows one below it, and a few things are done in one place only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{PRODUCT, product, read, sources};

/// The rooms of `domain`: each knows only those before it.
const ROOMS: [&str; 8] = ["base", "client", "issuer", "hint", "person", "token", "details", "request"];
/// The parts of `ciba-core`: each knows only those before it.
const PARTS: [&str; 4] = ["domain", "protocol", "verify", "page"];

/// What is named in one file of the product and nowhere else in it.
const IN_ONE_PLACE: [(&str, &str); 4] = [
    ("Response::new", "shared/http/src/respond.rs"),
    ("env::vars", "shared/aws/src/config.rs"),
    ("SystemTime::now", "shared/http/src/serve.rs"),
    ("WebauthnCore::new_unsafe_experts_only", "shared/core/src/verify/webauthn.rs"),
];

#[test]
fn some_things_are_done_in_one_place() {
    for (name, place) in IN_ONE_PLACE {
        let found: Vec<_> = product().filter(|(_, code)| code.contains(name)).map(|(path, _)| path).collect();
        assert_eq!(found, [Path::new(place)], "{name}");
    }
}

/// By module path of a crate, such as `domain::client`, the modules that it names.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn imports(of: &str) -> Imports {
    let files: BTreeMap<_, _> =
        sources(of).into_iter().map(|(path, text)| (module(&path, of), code(&text))).collect();
    let is_test = |module: &str| module.ends_with("tests");
    let known: BTreeSet<_> = files.keys().filter(|it| !is_test(it)).cloned().collect();
    let named = |module: &String, code: &str| {
        let found = named(module, code).into_iter().filter_map(|path| longest(&path, &known));
        found.filter(|it| it != module).collect()
    };
    files.iter().filter(|(it, _)| !is_test(it)).map(|(it, code)| (it.clone(), named(it, code))).collect()
}

/// `shared/core/src/domain/client.rs` → `domain::client`; that of the crate itself is empty.
fn module(path: &Path, of: &str) -> String {
    let inside = path.strip_prefix(of).expect("a file below it").with_extension("");
    let parts: Vec<_> = inside.iter().map(|it| it.to_string_lossy()).collect();
    if parts == ["lib"] { String::new() } else { parts.join("::") }
}

/// The paths that start at the crate or above the module, in full.
fn named(module: &str, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, start) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let before = &code[..at];
        if before.ends_with(|it: char| is_word(it) || it == ':') {
            continue;
        }
        let mut rest = &code[at + start.len()..];
        let mut base: Vec<_> = if start == "super::" { module.split("::").collect() } else { Vec::new() };
        base.pop();
        while let Some(further) = rest.strip_prefix("super::") {
            base.pop();
            rest = further;
        }
        let end = rest.find(|it: char| !is_word(it) && it != ':').unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches(':');
        let base: Vec<_> = base.into_iter().chain(path.split("::")).filter(|it| !it.is_empty()).collect();
        match rest[end..].strip_prefix('{') {
            Some(group) => {
                let (group, _) = group.split_once('}').expect("a group that ends");
                assert!(!group.contains('{'), "{module}: one level of a group is enough");
                let items = group.split(',').map(|it| it.trim().split(' ').next().unwrap_or_default());
                found.extend(items.map(|item| [&base[..], &[item]].concat().join("::")));
            }
            None => found.push(base.join("::")),
        }
    }
    found
}

/// The module that a path is of.
fn longest(path: &str, known: &BTreeSet<String>) -> Option<String> {
    let ends = path.match_indices("::").map(|(at, _)| at).chain([path.len()]);
    ends.map(|end| &path[..end]).filter(|it| known.contains(*it)).last().map(str::to_owned)
}

/// The modules that lead back to themselves.
fn circles(imports: &Imports) -> Vec<&str> {
    let leads_back = |start: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(module) = next.pop() {
            let further = imports.get(module).into_iter().flatten();
            next.extend(further.filter(|it| seen.insert(*it)));
        }
        seen.contains(start)
    };
    imports.keys().filter(|it| leads_back(it)).map(String::as_str).collect()
}

/// Arrows from a part to a later one of the list.
fn backward(imports: &Imports, parts: &[&str], below: &str) -> Vec<String> {
    let part = |module: &str| {
        let inside = module.strip_prefix(below)?;
        let name = inside.split("::").next()?;
        parts.iter().position(|it| *it == name)
    };
    let arrows = imports.iter().flat_map(|(from, named)| named.iter().map(move |to| (from, to)));
    let is_back =
        |(from, to): &(&String, &String)| part(from).zip(part(to)).is_some_and(|(from, to)| from < to);
    arrows.filter(is_back).map(|(from, to)| format!("{from} names {to}")).collect()
}

#[test]
fn no_import_leads_in_a_circle() {
    for of in PRODUCT.iter().filter(|it| it.starts_with("shared")) {
        let imports = imports(of);
        assert!(
            of.ends_with("shared/src") || imports.values().any(|it| !it.is_empty()),
            "{of}: a rule over nothing"
        );
        assert!(circles(&imports).is_empty(), "{of}: {:?}", circles(&imports));
    }
}

#[test]
fn no_room_and_no_part_knows_a_later_one() {
    let core = imports("shared/core/src");
    let known: BTreeSet<_> =
        core.keys().filter_map(|it| it.strip_prefix("domain::")?.split("::").next()).collect();
    assert_eq!(known, BTreeSet::from(ROOMS), "each room has its place in the list");
    let back = [backward(&core, &ROOMS, "domain::"), backward(&core, &PARTS, "")].concat();
    assert!(back.is_empty(), "{back:#?}");
}

#[test]
fn a_circle_and_an_arrow_back_are_seen() {
    let of = |arrows: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in arrows {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        imports
    };
    let imports = of(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]);
    assert_eq!(circles(&imports), ["b", "c"]);
    assert_eq!(backward(&imports, &["b", "a"], ""), Vec::<String>::new());
    assert_eq!(backward(&imports, &["a", "b"], ""), ["a names b"]);
    let code = "use crate::a::b::{C, d};\nuse super::e::f;\nfn g() { crate::h() }\nfn i() { xcrate::j() }";
    assert_eq!(named("m::n", &self::code(code)), ["a::b::C", "a::b::d", "h", "m::e::f"]);
}

/// The engine, the doubles and the phone cannot end up in what is deployed.
#[test]
fn no_function_depends_on_a_crate_for_local_use_only() {
    let manifest = |path: &str| read(format!("{path}/Cargo.toml"));
    for (folder, known) in [
        ("shared", &["ciba-aws", "ciba-core", "ciba-flows", "ciba-http"][..]),
        ("shared/core", &[]),
        ("shared/aws", &["ciba-core"]),
        ("shared/flows", &["ciba-aws", "ciba-core"]),
        ("shared/http", &["ciba-aws", "ciba-core", "ciba-flows"]),
    ] {
        let all = dependencies(&manifest(folder));
        let ours: Vec<_> = all.iter().filter(|it| it.starts_with("ciba")).collect();
        assert_eq!(ours, known, "{folder}");
        for local in ["dynoxide-rs", "axum"] {
            assert!(!all.iter().any(|it| it == local), "{folder} depends on {local}");
        }
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
            assert!(!["common", "helpers", "mod", "types", "utils"].contains(&&*name), "{}", path.display());
        }
    }
}

#[test]
fn a_name_is_seen_as_a_whole_word_of_the_code() {
    assert!(names("use std::env;", "env") && names("let x = std::env::var(\"A\");", "env"));
    assert!(!names("let environment = 1; envelope()", "env"));
    assert_eq!(code("let a = 1; // crate::b\n#[cfg(test)]\nmod tests;"), "let a = 1; ");
}

/// What is compiled into the product: no comments, and not the tests, which stand at the end of a file.
pub(crate) fn code(text: &str) -> String {
    let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    let without_comment = |it: &str| match it.find("//") {
        // Not the one in "https://".
        Some(at) if !it[..at].ends_with(':') => it[..at].to_owned(),
        _ => it.to_owned(),
    };
    text[..end].lines().map(without_comment).collect::<Vec<_>>().join("\n")
}

pub(crate) fn names(code: &str, name: &str) -> bool {
    code.match_indices(name)
        .any(|(at, _)| !code[..at].ends_with(is_word) && !code[at + name.len()..].starts_with(is_word))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
