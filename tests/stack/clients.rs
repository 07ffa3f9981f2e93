//! Real clients, unmodified; `docs/clients.md` says what each needs.
//!
//! A client is a folder of `tests/clients` with a program that signs a person in twice, once approved and once denied,
//! and prints one line of JSON about the first.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::Output;

use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin, EcPrivateKeyBin};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_local::stack::Options;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::https::Https;
use crate::{CIBA, Outside, program, root, tool};

/// The folder of a client.
fn folder(client: &str) -> PathBuf {
    root().join("tests/clients").join(client)
}

/// Runs an installation once per client. One at a time, so that no two write into one cache.
async fn install(client: &'static str, how: impl AsyncFnOnce()) {
    static INSTALLED: Mutex<BTreeSet<&str>> = Mutex::const_new(BTreeSet::new());
    let mut installed = INSTALLED.lock().await;
    if !installed.contains(client) {
        how().await;
        installed.insert(client);
    }
}

/// A program for Node, with its packages installed.
async fn node(client: &'static str) -> Command {
    install(client, async || {
        let mut npm = Command::new(tool("npm"));
        succeed(npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder(client))).await;
    })
    .await;
    let mut command = Command::new(tool("node"));
    command.arg("flow.mjs").current_dir(folder(client));
    command
}

/// A program for Python, with its packages installed into an environment of its own.
async fn python(client: &'static str) -> Command {
    let environment = folder(client).join(".venv");
    let interpreter = environment.join("bin/python");
    install(client, async || {
        let mut venv = Command::new(tool("python"));
        succeed(venv.args(["-m", "venv", "--without-pip"]).arg(environment)).await;
        let mut pip = Command::new(tool("pip"));
        pip.arg("--python").arg(&interpreter).args(["install", "--quiet", "--disable-pip-version-check"]);
        succeed(pip.args(["--requirement", "requirements.txt"]).current_dir(folder(client))).await;
    })
    .await;
    let mut command = Command::new(interpreter);
    command.arg("flow.py").current_dir(folder(client));
    command
}

/// A program for Java, with its libraries fetched. `None` where there is no Java or no Maven: neither can be had from
/// where the other tools come from.
async fn java(client: &'static str) -> Option<Command> {
    for (tool, version) in [("java", "-version"), ("mvn", "-version")] {
        let found = Command::new(tool).arg(version).output().await;
        if !found.is_ok_and(|output| output.status.success()) {
            // Not `eprintln!`, which is shown for failed tests only.
            let _ = writeln!(std::io::stderr(), "skipped: no Java ({tool} is missing): {client}");
            return None;
        }
    }
    let libraries = root().join("target/local").join(format!("{client}.classpath"));
    install(client, async || {
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "--strict-checksums", "dependency:build-classpath"]);
        maven.arg(format!("-Dmdep.outputFile={}", libraries.display())).current_dir(folder(client));
        succeed(&mut maven).await;
    })
    .await;
    let mut command = Command::new("java");
    let libraries = std::fs::read_to_string(libraries).expect("the libraries");
    command.args(["-cp", libraries.trim(), "Flow.java"]).current_dir(folder(client));
    Some(command)
}

/// A program for Go, compiled with its modules. `None` where there is no Go that is new enough for them.
async fn go(client: &'static str) -> Option<Command> {
    let version = Command::new("go").arg("version").env("GOTOOLCHAIN", "local").output().await;
    let version =
        version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let minor = version.split("go1.").nth(1).and_then(|it| it.split(['.', ' ']).next()?.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor < GO_MINOR) {
        let _ = writeln!(std::io::stderr(), "skipped: no Go (1.{GO_MINOR} or later is missing): {client}");
        return None;
    }
    let binary = root().join("target/local").join(client);
    install(client, async || {
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(&binary).arg(".").env("GOTOOLCHAIN", "local");
        succeed(build.current_dir(folder(client))).await;
    })
    .await;
    Some(Command::new(binary))
}

/// What `go.mod` asks for.
const GO_MINOR: u32 = 26;

/// A program for Rust, compiled with a lockfile and a target folder of its own.
async fn rust(client: &'static str) -> Command {
    let target = root().join("target/clients").join(client);
    install(client, async || {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--quiet"]).env("CARGO_TARGET_DIR", &target);
        succeed(build.current_dir(folder(client))).await;
    })
    .await;
    Command::new(target.join("debug").join(format!("ciba-{client}")))
}

async fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.kill_on_drop(true).output().await.expect("a program");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(status.success(), "{command:?}\n{}\n{}", text(&stdout), text(&stderr));
    text(&stdout)
}

/// Runs a client's program as `client_id`, which signs `person` in.
async fn flow(mut program: Command, outside: &Outside, client_id: &str, person: &str) -> Value {
    // Here a function's first call waits for cargo, longer than an SDK does (auth0-python: 5 s).
    for path in ["/bc-authorize", "/oauth/token"] {
        assert_eq!(outside.http.get(outside.url(path)).send().await.expect("an answer").status(), 405);
    }
    program
        .env("ISSUER", &outside.stack.issuer)
        .env("CLIENT_ID", client_id)
        .envs(outside.stack.seed.client_secret(client_id).map(|secret| ("CLIENT_SECRET", secret)))
        .env("LOGIN_HINT", person)
        .env("DECIDE_URL", outside.stack.phone.url())
        .env("NO_PROXY", "localhost,127.0.0.1");
    serde_json::from_str(succeed(&mut program).await.trim()).expect("one JSON line")
}

/// The same against a stack behind https, whose issuer is the https URL. The client trusts its certificate by the
/// setting that its platform has for this.
async fn flow_over_https(mut program: Command, client_id: &str, person: &str) -> Value {
    let mut https = Https::listen().await;
    let outside = Outside::start(|options| {
        options.issuer = Some(https.url().to_owned());
        options.environment.push(("POLL_INTERVAL_SECONDS".to_owned(), "2".to_owned()));
    })
    .await;
    https.forward_to(&outside.stack.api_url());
    for setting in ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
        program.env(setting, https.authority());
    }
    let result = flow(program, &outside, client_id, person).await;
    outside.stack.stop().await;
    result
}

async fn openid_client_completes_the_flow(method: &str, client_id: &str, person: &str) {
    let mut program = node("openid-client").await;
    program.env("AUTH_METHOD", method);
    let outside = Outside::start(|_| {}).await;
    let result = flow(program, &outside, client_id, person).await;
    assert_eq!((&result["sub"], &result["acr"]), (&json!(person), &json!("urn:example:acr:mfa")));
    outside.stack.stop().await;
}

/// It completes the flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_uses_client_secret_basic() {
    openid_client_completes_the_flow("basic", "kiosk", "alice").await;
}

/// It completes the flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_uses_client_secret_post() {
    openid_client_completes_the_flow("post", "call-centre", "bob").await;
}

/// CAUTH-4-07, TOK-5-03: it finds the host for mutual TLS in the metadata, and its bound token counts there.
async fn openid_client_completes_the_flow_over_mutual_tls(client_id: &str, certificate: &str) {
    let mut program = node("openid-client").await;
    let folder = root().join("target/local").join(format!("tls-{client_id}"));
    let outside = Outside::start(|options| options.tls = Some(folder)).await;
    let (_, certificates) = outside.stack.mutual_tls().expect("a host for mutual TLS");
    program
        .env("AUTH_METHOD", "mtls")
        .env("CLIENT_CERTIFICATE", certificates.file(&format!("{certificate}.pem")))
        .env("CLIENT_KEY", certificates.file(&format!("{certificate}.key")))
        .env("AUTHORITY", certificates.file("ca.pem"))
        .env("NODE_EXTRA_CA_CERTS", certificates.file("ca.pem"));
    let result = flow(program, &outside, client_id, "alice").await;
    assert_eq!((&result["sub"], &result["userinfo_sub"]), (&json!("alice"), &json!("alice")));
    outside.stack.stop().await;
}

/// It completes the flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_uses_tls_client_auth() {
    openid_client_completes_the_flow_over_mutual_tls("kiosk-mtls", "client").await;
}

/// It completes the flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_uses_self_signed_tls_client_auth() {
    openid_client_completes_the_flow_over_mutual_tls("kiosk-self-signed", "self-signed").await;
}

/// CAUTH-3-01, CIBA-7.1.1-01: with its key, and with requests that it signs. It completes the flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_uses_private_key_jwt() {
    openid_client_completes_the_flow_with_a_key("ES256", key_pair()).await;
}

/// HYG-3-01, CAUTH-3-12: as Web Cryptography names key and algorithm (RFC 9864).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_signs_with_an_ed25519_key() {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let public = json!({"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "kid": "one", "x": encode(pair.public_key().as_ref())});
    let mut private = public.clone();
    let seed: Curve25519SeedBin<'_> = pair.seed().expect("its seed").as_be_bytes().expect("bytes");
    private["d"] = encode(seed.as_ref()).into();
    openid_client_completes_the_flow_with_a_key("Ed25519", (public, private)).await;
}

async fn openid_client_completes_the_flow_with_a_key(algorithm: &str, (public, private): (Value, Value)) {
    let mut program = node("openid-client").await;
    program.env("AUTH_METHOD", "private_key_jwt").env("CLIENT_JWK", private.to_string());
    program.env("SIGNED_REQUESTS", "true");
    let teller = json!({
        "client_id": "teller",
        "client_name": "Example Bank Teller",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [public]},
        "backchannel_authentication_request_signing_alg": algorithm,
        "grant_types": [CIBA],
        "backchannel_token_delivery_mode": "poll",
        "scope": "openid profile",
    });
    let seed = seed_with(algorithm, teller);
    let outside = Outside::start(|options| options.seed = seed).await;
    let result = flow(program, &outside, "teller", "alice").await;
    assert_eq!((&result["sub"], &result["acr"]), (&json!("alice"), &json!("urn:example:acr:mfa")));
    outside.stack.stop().await;
}

/// A key for ES256 as two JWKs: the public half and all of it.
fn key_pair() -> (Value, Value) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let public = json!({"kty": "EC", "crv": "P-256", "kid": "one", "x": encode(x), "y": encode(y)});
    let mut private = public.clone();
    let number: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().expect("its number");
    private["d"] = encode(number.as_ref()).into();
    (public, private)
}

/// The seed of this repository with one more client, in a folder of its own.
fn seed_with(name: &str, client: Value) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("seed-with-{name}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let usual = Options::for_tests().seed;
    let clients = std::fs::read_to_string(usual.join("clients.json")).expect("the clients");
    let mut clients: Vec<Value> = serde_json::from_str(&clients).expect("clients");
    clients.push(client);
    std::fs::write(folder.join("clients.json"), json!(clients).to_string()).expect("the clients");
    std::fs::copy(usual.join("people.json"), folder.join("people.json")).expect("the people");
    folder
}

/// TOK-4-09, TOK-4-19, CAUTH-1-08: it fetches a nonce once, polls on with those that each answer brings, and is never too
/// early for it. That userinfo wants one too it knows from the challenge alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_gets_tokens_bound_to_its_key() {
    openid_client_completes_the_flow_with_bound_tokens("ES256").await;
}

/// TOK-4-02: the name of RFC 9864 is the one that openid-client knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openid_client_binds_tokens_to_an_ed25519_key() {
    openid_client_completes_the_flow_with_bound_tokens("Ed25519").await;
}

async fn openid_client_completes_the_flow_with_bound_tokens(algorithm: &str) {
    let node = node("openid-client").await;
    let mut program = Command::new(node.as_std().get_program());
    program.arg("dpop.mjs").current_dir(folder("openid-client")).env("DPOP_ALG", algorithm);
    let required = ("DPOP_NONCE_REQUIRED".to_owned(), "true".to_owned());
    let outside = Outside::start(|options| options.environment.push(required)).await;
    let userinfo = outside.http.get(outside.url("/userinfo")).send().await.expect("an answer");
    assert_eq!(userinfo.status(), 401);
    let result = flow(program, &outside, "kiosk", "alice").await;
    let expected = json!({
        "sub": "alice",
        "token_endpoint": ["use_dpop_nonce", "authorization_pending", 200],
        "userinfo_endpoint": [200, "use_dpop_nonce", 200, "invalid_token"],
    });
    assert_eq!(result, expected);
    outside.stack.stop().await;
}

/// CIBA-11-03: it is told how long to wait, and comes through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_oauth4webapi_waits_after_polling_too_early() {
    let result = flow_over_https(node("oauth4webapi").await, "kiosk", "alice").await;
    assert_eq!(result, json!({"sub": "alice", "acr": "urn:example:acr:mfa", "expires_in": 600}));
}

/// Its hint is `iss_sub` with a slash behind the issuer; it sends `audience`, `request_expiry` and `requested_expiry`.
async fn auth0_completes_the_flow(entry: &str) {
    let mut program = node("auth0").await;
    program.env("AUTH0", entry);
    assert_eq!(flow_over_https(program, "call-centre", "bob").await, auth0_result("bob"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_auth0_6_completes_the_flow() {
    auth0_completes_the_flow("auth0-6").await;
}

/// Its `AuthenticationClient` is that of version 4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_auth0_7_completes_the_flow() {
    auth0_completes_the_flow("auth0/legacy").await;
}

/// CIBA-11-03: it polls at once, and waits as it is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_auth0_ai_guards_a_tool() {
    let result = flow_over_https(node("auth0-ai").await, "call-centre", "alice").await;
    assert_eq!(result, auth0_result("alice"));
}

/// It asks for `offline_access` by default. That call discovers and polls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_auth0_auth_js_completes_the_flow_in_one_call() {
    let result = flow_over_https(node("auth0-auth-js").await, "call-centre", "alice").await;
    assert_eq!(result, auth0_result("alice"));
}

/// HYG-1-03: it writes JSON to the token endpoint. It completes the flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_auth0_python_uses_its_own_paths_and_hint() {
    let result = flow_over_https(python("auth0-python").await, "call-centre", "bob").await;
    assert_eq!(result, auth0_result("bob"));
}

/// The API that an Auth0 client names is whom its access token is for.
fn auth0_result(person: &str) -> Value {
    let audience = "https://api.example.com";
    json!({"sub": person, "acr": "urn:example:acr:mfa", "audience": audience})
}

/// Runs a program as `kiosk` against the stack over http, and looks at what it says of alice.
async fn completes_the_flow_as_kiosk(program: Command) {
    let faster = ("POLL_INTERVAL_SECONDS".to_owned(), "2".to_owned());
    let outside = Outside::start(|options| options.environment.push(faster)).await;
    let result = flow(program, &outside, "kiosk", "alice").await;
    assert_eq!(result, json!({"sub": "alice", "acr": "urn:example:acr:mfa", "userinfo_sub": "alice"}));
    outside.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_authlib_completes_the_flow_and_refreshes() {
    completes_the_flow_as_kiosk(python("authlib").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_openidconnect_completes_the_flow_and_refreshes() {
    completes_the_flow_as_kiosk(rust("openidconnect").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_go_oidc_completes_the_flow() {
    if let Some(program) = go("go-oidc").await {
        completes_the_flow_as_kiosk(program).await;
    }
}

/// HYG-1-01: it repeats `acr_values`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_nimbus_sdk_completes_the_flow() {
    let Some(program) = java("nimbus").await else { return };
    let faster = ("POLL_INTERVAL_SECONDS".to_owned(), "2".to_owned());
    let outside = Outside::start(|options| options.environment.push(faster)).await;
    let result = flow(program, &outside, "kiosk", "alice").await;
    assert_eq!(result, json!({"sub": "alice", "acr": "urn:example:acr:mfa", "expires_in": 600}));
    outside.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_client_verifies_its_tokens_with_client_secret_post() {
    let outside = Outside::start(|options| options.approve_all = true).await;
    let mut client = Command::new(program("ciba-client"));
    client
        .args(["--issuer", &outside.stack.api_url(), "--client-id", "call-centre", "--auth-method", "post"])
        .args(["--login-hint", "email:Alice@Example.com", "--scope", "openid", "--json"])
        .env("CIBA_CLIENT_SECRET", outside.stack.seed.client_secret("call-centre").expect("a secret"));
    let report: Value = serde_json::from_str(&succeed(&mut client).await).unwrap();
    assert_eq!(report["access_token"]["claims"]["aud"], "https://api.example.com");
    assert_eq!(report["id_token"]["claims"]["sub"], "alice");
    outside.stack.stop().await;
}
