//! Real clients, unmodified.

use std::process::Output;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::{Outside, program, root, tool};

/// The folder of the script, with its packages installed.
async fn openid_client() -> std::path::PathBuf {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let folder = root().join("tests/clients/openid-client");
    INSTALLED
        .get_or_init(async || {
            let npm = Command::new(tool("npm"))
                .args(["ci", "--no-audit", "--no-fund"])
                .current_dir(&folder)
                .output();
            succeeded(&npm.await.expect("npm"));
        })
        .await;
    folder
}

fn succeeded(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

async fn runs_with_openid_client(method: &str, client: &str, person: &str) {
    let folder = openid_client().await;
    let outside = Outside::start(|_| {}).await;
    let script = Command::new(tool("node"))
        .arg("flow.mjs")
        .current_dir(folder)
        .env("ISSUER", outside.stack.api_url())
        .env("CLIENT_ID", client)
        .env("CLIENT_SECRET", outside.stack.seed.client_secret(client).expect("a secret"))
        .env("AUTH_METHOD", method)
        .env("LOGIN_HINT", person)
        .env("DECIDE_URL", outside.stack.phone.url())
        .output();
    let line = succeeded(&script.await.expect("node"));
    let result: serde_json::Value = serde_json::from_str(line.trim()).expect("one JSON line");
    assert_eq!((&result["sub"], &result["acr"]), (&person.into(), &"urn:example:acr:mfa".into()));
    outside.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_completes_the_flow_with_client_secret_basic() {
    runs_with_openid_client("basic", "kiosk", "alice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_completes_the_flow_with_client_secret_post() {
    runs_with_openid_client("post", "call-centre", "bob").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_client_verifies_its_tokens_with_client_secret_post() {
    let outside = Outside::start(|options| options.approve_all = true).await;
    let client = Command::new(program("ciba-client"))
        .args(["--issuer", &outside.stack.api_url(), "--client-id", "call-centre", "--auth-method", "post"])
        .args(["--login-hint", "email:Alice@Example.com", "--scope", "openid", "--json"])
        .env("CIBA_CLIENT_SECRET", outside.stack.seed.client_secret("call-centre").expect("a secret"))
        .output();
    let report: serde_json::Value =
        serde_json::from_str(&succeeded(&client.await.expect("ciba-client"))).unwrap();
    assert_eq!(report["access_token"]["claims"]["aud"], "https://api.example.com");
    assert_eq!(report["id_token"]["claims"]["sub"], "alice");
    outside.stack.stop().await;
}
