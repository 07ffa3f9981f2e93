//! The binaries that are deployed refuse what is fit for one's own machine only.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use crate::{program, root};

/// All of them: each reads the issuer.
fn functions() -> Vec<String> {
    let folders = fs::read_dir(root().join("functions")).expect("the functions");
    let names: Vec<_> = folders
        .map(|folder| folder.expect("a folder").file_name().into_string().expect("its name"))
        .collect();
    assert!(names.len() >= 12, "{names:?}");
    names
}

/// A login issuer whose keys are on this machine.
const LOCAL_LOGIN: &str = r#"[{"issuer":"http://localhost:9100","jwks_uri":"http://localhost:9100/jwks",
    "audience":{"claim":"aud","value":"app"},"algorithms":["ES256"]}]"#;

/// In the folder that `TEST_FUNCTIONS` names, as `make test-release` does; else what was built for the tests.
#[expect(clippy::disallowed_methods, reason = "which binaries are tested is no setting of a function")]
fn binary(function: &str) -> PathBuf {
    match std::env::var("TEST_FUNCTIONS") {
        Ok(folder) => root().join(folder).join(function),
        Err(_) => program(function),
    }
}

/// A function with settings that are fit for AWS, and these instead.
fn function(name: &str, settings: &[(&str, &str)], runtime_api: &str) -> Command {
    let mut command = Command::new(binary(name));
    command
        .env_clear()
        .envs([
            ("ISSUER", "https://op.example"),
            ("TABLE_NAME", "ciba"),
            ("OPERATOR_NAME", "Example Bank"),
            ("KMS_KEY_ID", "alias/ciba"),
            ("EVENT_BUS", "ciba"),
            ("DELIVERY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/ciba"),
            ("DEAD_LETTER_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/ciba-dead"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            // Nothing answers there: a function starts without its table.
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ])
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn refuses_to_start(name: &str, settings: &[(&str, &str)], because: &str) {
    let started = function(name, settings, "127.0.0.1:1").output();
    let output = timeout(Duration::from_secs(10), started).await.expect("it went on").expect(name);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains(because), "{name} with {settings:?}: {text}");
}

#[tokio::test]
async fn each_function_refuses_an_http_issuer_unless_on_localhost() {
    for name in &functions() {
        for issuer in ["http://op.example", "http://127.0.0.1:9000"] {
            refuses_to_start(name, &[("ISSUER", issuer)], "ISSUER").await;
        }
    }
}

/// Each function that reads them refuses them.
#[tokio::test]
async fn login_issuers_on_localhost_are_refused_elsewhere() {
    for name in ["backchannel-authentication", "consent", "discovery"] {
        refuses_to_start(name, &[("LOGIN_ISSUERS", LOCAL_LOGIN)], "LOGIN_ISSUERS").await;
    }
    let plain = [("CONSENT_URL", "http://op.example/consent")];
    refuses_to_start("backchannel-authentication", &plain, "CONSENT_URL").await;
}

/// The other side of these refusals: the same settings without the local one bring the function to ask for work.
#[tokio::test]
async fn each_function_starts_with_settings_fit_for_aws() {
    for name in &functions() {
        let runtime = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = runtime.local_addr().expect("an address").to_string();
        let _running = function(name, &[], &address).spawn().expect(name);
        let asked = timeout(Duration::from_secs(20), runtime.accept()).await;
        assert!(asked.is_ok(), "{name} did not ask for work");
    }
}
