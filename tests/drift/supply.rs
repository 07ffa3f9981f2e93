//! What is said about the dependencies, as far as the repository shows it; the rest is up to `make supply`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::{read, root};

/// The packages in `Cargo.lock`, one block of lines each.
fn packages() -> Vec<String> {
    let lock = read("Cargo.lock");
    lock.split("[[package]]\n").skip(1).map(str::to_owned).collect()
}

fn member<'p>(package: &'p str, name: &str) -> Option<&'p str> {
    package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
}

/// A package without a source is one of the workspace.
#[test]
fn every_dependency_is_pinned_by_the_registrys_checksum() {
    let packages = packages();
    let foreign: Vec<_> = packages.iter().filter(|package| member(package, "source").is_some()).collect();
    assert!(foreign.len() > 100, "a rule over nothing would hold");
    for package in foreign {
        let source = member(package, "source");
        assert_eq!(source, Some("registry+https://github.com/rust-lang/crates.io-index"), "{package}");
        assert!(member(package, "checksum").is_some_and(|sum| sum.len() == 64), "{package}");
    }
    for package in packages.iter().filter(|package| member(package, "source").is_none()) {
        let name = member(package, "name").expect("a name");
        let is_ours = ["shared", "functions", "infra", "tests"].iter().any(|folder| is_below(folder, name));
        assert!(is_ours, "{name} comes from nowhere");
    }
}

/// Whether a manifest below `folder` has this package name.
fn is_below(folder: &str, name: &str) -> bool {
    let mut left = vec![root().join(folder)];
    while let Some(folder) = left.pop() {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        if manifest.lines().any(|line| line == format!("name = \"{name}\"")) {
            return true;
        }
        let inside = fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = inside.map(|entry| entry.path()).filter(|path| path.is_dir());
        left.extend(folders.filter(|path| !path.ends_with("src") && !path.ends_with("node_modules")));
    }
    false
}

#[test]
fn there_is_one_tls_stack() {
    let packages = packages();
    let names: Vec<_> = packages.iter().filter_map(|package| member(package, "name")).collect();
    assert!(names.contains(&"rustls"), "a rule over nothing would hold");
    for other in ["native-tls", "hyper-tls", "openssl", "openssl-sys", "boring", "boring-sys", "s2n-tls"] {
        assert!(!names.contains(&other), "{other}");
    }
}

/// Their defaults bring a second HTTP stack.
#[test]
fn the_features_of_the_aws_clients_are_named_one_by_one() {
    let manifest = read("Cargo.toml");
    let clients = manifest.lines().filter(|line| {
        line.starts_with("aws-sdk-")
            || line.starts_with("aws-smithy-http-client ")
            || line.starts_with("aws-lc-rs ")
    });
    let clients: Vec<_> = clients.collect();
    assert!(clients.len() > 6, "{clients:?}");
    for client in clients {
        assert!(client.contains("default-features = false") && client.contains("features = ["), "{client}");
    }
}

/// SECURITY.md: nowhere in the workspace.
#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    assert!(read("Cargo.toml").contains("\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"));
    let metadata = ["metadata", "--no-deps", "--offline", "--format-version=1"];
    let members = Command::new(env!("CARGO")).args(metadata).current_dir(root()).output();
    let members = members.expect("cargo runs");
    let members: serde_json::Value = serde_json::from_slice(&members.stdout).expect("JSON");
    let manifests = members["packages"].as_array().expect("packages").iter();
    let manifests: Vec<_> = manifests.filter_map(|package| package["manifest_path"].as_str()).collect();
    assert!(manifests.len() > 20, "{manifests:?}");
    for manifest in manifests {
        let text = fs::read_to_string(manifest).expect("a manifest");
        assert!(text.contains("\n[lints]\nworkspace = true\n"), "{manifest}");
    }
}

/// A folder that is deleted in the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// `infra/supply.sh` with a tool that succeeds in everything but what is in `fails`.
fn supply(name: &str, fails: &str, advisories: Option<&str>) -> Output {
    let folder = Folder(std::env::temp_dir().join(format!("ciba-supply-{name}-{}", std::process::id())));
    let (infra, bin) = (folder.0.join("infra"), folder.0.join(".tools/bin"));
    for path in [&infra, &bin] {
        fs::create_dir_all(path).expect("a folder");
    }
    fs::copy(root().join("infra/supply.sh"), infra.join("supply.sh")).expect("a copy");
    let tool = bin.join("cargo-deny");
    fs::write(&tool, format!("#!/bin/sh\ncase \"$*\" in *{fails}*) exit 1 ;; esac\n")).expect("a tool");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("a tool");
    let mut run = Command::new(infra.join("supply.sh"));
    run.env_remove("ADVISORIES").envs(advisories.map(|value| ("ADVISORIES", value)));
    run.output().expect("it runs")
}

/// SECURITY.md: and the command says that nothing was checked.
#[test]
fn a_list_of_vulnerabilities_that_is_not_there_is_a_failure() {
    let missing = supply("missing", "fetch", None);
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("NOT CHECKED"));
    let optional = supply("optional", "fetch", Some("optional"));
    assert!(optional.status.success() && String::from_utf8_lossy(&optional.stderr).contains("NOT CHECKED"));
    for check in ["licenses", "advisories"] {
        assert!(!supply(check, check, Some("optional")).status.success(), "{check}");
    }
    assert!(supply("fine", "nothing", None).status.success());
}
