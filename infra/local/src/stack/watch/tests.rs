//! With a shell script in place of `cargo-lambda`.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::stack::Ports;

/// Like the real program, it has a child, and reaps it when it is asked to end.
const PROGRAM: &str = "trap 'wait; exit' TERM; sleep 600 & wait";

/// A temporary folder.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ciba-local-{}", crate::id::token()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Options whose `cargo-lambda` is this script.
    fn options(&self, script: &str, port: u16) -> Options {
        let program = self.0.join("cargo-lambda");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let ports = Ports { watch: port, ..Ports::FREE };
        Options { root: self.0.clone(), cargo_lambda: program, ports, ..Options::for_tests() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts a script and a listener, which takes the place of the port that the real program would open a little
/// later.
async fn start(folder: &Folder, script: &str) -> Watch {
    let port = listen(0).await.unwrap().local_addr().unwrap().port();
    let program = tokio::spawn(async move {
        sleep(LOOK_EVERY * 2).await;
        listen(port).await.unwrap()
    });
    let watch = Watch::start(&folder.options(script, port), &BTreeMap::new()).await.unwrap();
    program.abort();
    watch
}

#[tokio::test]
async fn stopping_leaves_no_process_of_the_group() {
    let folder = Folder::new();
    let mut watch = start(&folder, PROGRAM).await;
    let group = watch.group.unwrap();
    watch.stop().await;
    test_kill_process_group(group).unwrap_err();
}

#[tokio::test]
async fn dropping_ends_the_group() {
    let folder = Folder::new();
    let watch = start(&folder, PROGRAM).await;
    let group = watch.group.unwrap();
    drop(watch);
    let gone = async {
        while test_kill_process_group(group).is_ok() {
            sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn the_group_ends_when_its_owner_is_gone_without_a_word() {
    let folder = Folder::new();
    let mut watch = start(&folder, PROGRAM).await;
    let group = watch.group.unwrap();
    // What the kernel does for a process that is killed.
    drop(watch._lifeline.take());
    assert!(watch.ended(group).await);
}

#[tokio::test]
async fn a_function_that_ends_is_a_failure() {
    let folder = Folder::new();
    let mut watch = start(&folder, "sleep 1; echo 'ERROR command exited code=1'; sleep 600").await;
    let failure = async {
        loop {
            if let Err(error) = watch.check() {
                return error.to_string();
            }
            sleep(LOOK_EVERY).await;
        }
    };
    let error = tokio::time::timeout(PATIENCE, failure).await.unwrap();
    assert!(error.contains("a function has ended"), "{error}");
}

#[tokio::test]
async fn a_program_that_ends_is_a_failure_that_shows_its_last_words() {
    let folder = Folder::new();
    let free = listen(0).await.unwrap().local_addr().unwrap().port();
    let options = folder.options("echo last words; exit 3", free);
    let Err(error) = Watch::start(&options, &BTreeMap::new()).await else { panic!("it started") };
    assert!(error.to_string().contains("last words"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_missing_is_named() {
    let folder = Folder::new();
    let options = Options { cargo_lambda: "/nonexistent/cargo-lambda".into(), ..folder.options("", 1) };
    let Err(error) = Watch::start(&options, &BTreeMap::new()).await else { panic!("it started") };
    assert!(error.to_string().contains("/nonexistent/cargo-lambda"), "{error}");
}
