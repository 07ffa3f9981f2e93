//! Who deploys for the first time: an empty table, keys, and then the commands of the README, as they stand there.

use std::path::{Path, PathBuf};
use std::process::Output;

use ciba_local::stack::Stack;
use ciba_tests::root;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::flow::verified;
use crate::{CIBA, Outside, answer, program};

/// The heading under which the README has the commands.
const SECTION: &str = "## Your own client and person";
const PROGRAM: &str = "target/debug/ciba-admin";

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The commands of the README's section: the block without its first line, which fetches the settings.
fn commands() -> String {
    let readme = read("README.md");
    let (_, section) = readme.split_once(SECTION).expect("the section");
    let block = section.split("```").nth(1).expect("a block").strip_prefix("sh\n").expect("of sh");
    let (first, rest) = block.split_once('\n').expect("lines");
    assert!(first.starts_with(". infra/admin/local.sh"), "{first}");
    rest.to_owned()
}

/// What a shell makes of `commands` after the settings for the local stack; this one has other ports.
async fn shell(stack: &Stack, commands: &str) -> Output {
    let mut settings = read("infra/admin/local.sh");
    let issuer = stack.api_url();
    for (documented, actual) in [
        ("http://localhost:9000", &*issuer),
        ("http://localhost:9100", &stack.phone.url()),
        ("http://localhost:8000", &stack.environment["AWS_ENDPOINT_URL_DYNAMODB"]),
        ("http://localhost:9003", &stack.kms.url()),
        ("http://localhost:9004", &stack.sqs.url()),
    ] {
        assert!(settings.contains(documented), "{documented}");
        settings = settings.replace(documented, actual);
    }
    let commands = commands.replace(PROGRAM, program("ciba-admin").to_str().expect("a path in UTF-8"));
    let script = format!("set -eu\n{settings}\n{commands}");
    Command::new("sh").args(["-c", &script]).env_clear().output().await.expect("sh")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with nobody in it.
fn empty_seed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty-seed");
    std::fs::create_dir_all(&folder).expect("a folder");
    for file in ["clients.json", "people.json"] {
        std::fs::write(folder.join(file), "[]").expect("a file");
    }
    folder
}

/// The tokens verify, and the doctor finds nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readmes_commands_lead_from_an_empty_table_to_tokens() {
    let outside = Outside::start(|options| options.seed = empty_seed()).await;
    let stack = &outside.stack;
    let items =
        stack.dynamodb.client().scan().table_name(ciba_local::stack::TABLE_NAME).send().await.unwrap();
    // Eight keys, and the copies of what is withdrawn.
    let is_key = |pk: &str| pk == "keys" || pk == "key-set" || pk.starts_with("withdrawn#");
    assert!(items.items().iter().all(|item| is_key(item["pk"].as_s().unwrap())) && items.count() == 8 + 18);

    // The deployment has made keys. What else is missing, the doctor says.
    let before = shell(stack, &format!("{PROGRAM} doctor")).await;
    let report = text(&before.stdout);
    assert_eq!(before.status.code(), Some(1), "{report}{}", text(&before.stderr));
    let faults: Vec<_> = report.lines().filter_map(|line| line.strip_prefix("FAULT")).collect();
    let names: Vec<_> = faults.iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["clients", "people"], "{report}");

    let output = shell(stack, &commands()).await;
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.ends_with("no problems found\n"), "{said}");
    let secret = said.lines().find_map(|line| line.strip_prefix("client_secret")).expect("a secret").trim();

    flow(&outside, secret).await;

    let rotated = shell(stack, &format!("{PROGRAM} key rotate")).await;
    assert!(rotated.status.success(), "{}", text(&rotated.stderr));
    let after = shell(stack, &format!("{PROGRAM} request list\n{PROGRAM} doctor")).await;
    let report = text(&after.stdout);
    assert_eq!(after.status.code(), Some(0), "{report}{}", text(&after.stderr));
    assert!(
        report.starts_with("Nothing is pending.\n") && report.ends_with("no problems found\n"),
        "{report}"
    );
    outside.stack.stop().await;
}

/// `desk` asks `dora`, who approves on the phone; both tokens are verified with the published keys.
async fn flow(outside: &Outside, secret: &str) {
    let post = |path: &str| outside.http.post(outside.url(path)).basic_auth("desk", Some(secret));
    let form = [("scope", "openid profile"), ("login_hint", "dora"), ("binding_message", "K7-2931")];
    let (status, acknowledgement) = answer(post("/bc-authorize").form(&form)).await;
    assert_eq!(status, 200, "{acknowledgement}");
    let auth_req_id = acknowledgement["auth_req_id"].as_str().expect("a handle");

    let phone = outside.stack.phone.url();
    let (_, inbox) = answer(outside.http.get(format!("{phone}/messages"))).await;
    let message = &inbox["messages"][0];
    assert_eq!((&message["sub"], &message["address"]), (&json!("dora"), &json!("+15555550199")), "{inbox}");
    let request = message["request"].as_str().expect("a request");

    let (_, login) = answer(outside.http.post(format!("{phone}/users/dora/token"))).await;
    let login_token = login["login_token"].as_str().expect("a login token");
    let link = outside.url(&format!("/consent/{request}"));
    let (status, shown) = answer(outside.http.get(&link).bearer_auth(login_token)).await;
    assert_eq!((status, &shown["client"]["client_name"]), (200, &json!("Front Desk")), "{shown}");
    let decision = json!({"client_id": "desk", "decision": "approve"});
    let decide = outside.http.post(format!("{link}/decision")).bearer_auth(login_token).json(&decision);
    let (status, decided) = answer(decide).await;
    assert_eq!((status, &decided["decision"]), (200, &json!("approved")), "{decided}");

    let form = [("grant_type", CIBA), ("auth_req_id", auth_req_id)];
    let (status, tokens) = answer(post("/oauth/token").form(&form)).await;
    assert_eq!(status, 200, "{tokens}");
    let (_, jwks) = answer(outside.http.get(outside.url("/.well-known/jwks.json"))).await;
    let claims = |name: &str, audience: &str| -> Value {
        verified(tokens[name].as_str().unwrap_or_else(|| panic!("no {name}")), &jwks, audience)
    };
    let issuer = outside.stack.api_url();
    for claims in [claims("id_token", "desk"), claims("access_token", &issuer)] {
        assert_eq!((&claims["sub"], &claims["iss"]), (&json!("dora"), &json!(issuer)), "{claims}");
    }
}
