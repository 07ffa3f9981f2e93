//! An unmodified oidc-provider as a login issuer (`tests/login-issuer`). An issuer of our own could share a misreading of
//! the specification with our relying party; this one does not.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::OnceCell;

use crate::{root, tool};

/// A running provider, which ends with this value. Its only person is `alice`.
pub struct OidcProvider {
    /// Its `iss`.
    pub issuer: String,
    _process: Child,
    /// It also ends when this is closed, as it is when the test's process is killed.
    _input: ChildStdin,
}

impl OidcProvider {
    /// Starts it and waits until it is ready. `clients` are its clients, with the names of RFC 7591.
    pub async fn start(clients: &Value) -> Self {
        let folder = root().join("tests/login-issuer");
        install().await;
        let mut process = Command::new(tool("node"))
            .arg("server.mjs")
            .current_dir(folder)
            .env("CLIENTS", clients.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It warns that it is not meant for production.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let input = process.stdin.take().expect("its input");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let ready = lines.next_line().await.expect("its output").expect("oidc-provider did not start");
        // It prints remarks, and would fail if nobody read on.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let ready: Value = serde_json::from_str(&ready).expect("one JSON line");
        let issuer = ready["issuer"].as_str().expect("an issuer").to_owned();
        Self { issuer, _process: process, _input: input }
    }
}

/// Once per process.
async fn install() {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    INSTALLED
        .get_or_init(async || {
            let mut npm = Command::new(tool("npm"));
            npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(root().join("tests/login-issuer"));
            let output = npm.kill_on_drop(true).output().await.expect("npm");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        })
        .await;
}
