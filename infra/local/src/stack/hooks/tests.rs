//! With a function of a few lines in place of the operator's.

use reqwest::{RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

use super::*;
use crate::server::loopback_client;

const ISSUER: &str = "http://localhost:9000";
const LOGIN: &str = "http://localhost:9100";

/// Answers with its event, and fails if that asks for it.
const FUNCTION: &str = "def handler(event, context):
    if 'fail' in event:
        raise ValueError(event['fail'])
    return {'got': event}
";

/// A folder with a function of this text, which is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(std::env::temp_dir().join(format!("ciba-local-{}", crate::id::token())));
        fs::create_dir_all(folder.0.join(USER_RESOLVER)).unwrap();
        fs::write(folder.0.join(USER_RESOLVER).join("function.py"), text).unwrap();
        folder
    }

    async fn serve(&self) -> Result<Hooks, Error> {
        Hooks::start(&Options::for_tests(), &self.0, ISSUER, LOGIN).await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn invoke(hooks: &Hooks, function: &str, event: &Value) -> RequestBuilder {
    let url = format!("{}/2015-03-31/functions/{function}/invocations", hooks.url());
    loopback_client().unwrap().post(url).json(event)
}

#[tokio::test]
async fn functions_are_served_as_lambda_serves_them() {
    let folder = Folder::with(FUNCTION);
    let hooks = folder.serve().await.unwrap();
    let settings = hooks.settings();
    let function = ("USER_RESOLVER_FUNCTION", format!("{}/user-resolver", hooks.url()));
    assert_eq!(settings, [function, ("USER_RESOLVER_ISSUERS", LOGIN.to_owned())]);

    let answer = invoke(&hooks, USER_RESOLVER, &json!({"a": 1})).send().await.unwrap();
    assert!(!answer.headers().contains_key("x-amz-function-error"));
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"got": {"a": 1}}));

    let failed = invoke(&hooks, USER_RESOLVER, &json!({"fail": "alice"})).send().await.unwrap();
    assert_eq!(failed.status(), StatusCode::OK);
    assert_eq!(failed.headers()["x-amz-function-error"], "Unhandled");
    assert_eq!(failed.json::<Value>().await.unwrap()["errorType"], "ValueError");
    let log = fs::read_to_string(hooks.data().with_extension("log")).unwrap();
    assert!(log.contains("ValueError in function.py, line 3") && !log.contains("alice"), "{log}");

    let missing = invoke(&hooks, "other", &json!({})).send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    hooks.stop().await;
}

/// In TypeScript, behind a file of JavaScript as on Lambda. It gets the webhooks of the phone.
#[tokio::test]
async fn a_notifier_in_typescript_is_served_beside_the_resolver() {
    let folder = Folder::with(FUNCTION);
    fs::create_dir_all(folder.0.join(NOTIFIER)).unwrap();
    let index = "export { handler } from './function.mts';\n";
    fs::write(folder.0.join(NOTIFIER).join("index.mjs"), index).unwrap();
    let function = "export async function handler(event: { fail?: string }) {
        if (event.fail) throw new RangeError(event.fail);
        console.log('said');
        return { got: event, webhooks: process.env.WEBHOOKS };
    }\n";
    fs::write(folder.0.join(NOTIFIER).join("function.mts"), function).unwrap();
    let hooks = folder.serve().await.unwrap();
    let setting = ("USER_NOTIFIER_FUNCTION", format!("{}/notifier", hooks.url()));
    assert_eq!(hooks.settings()[2..], [setting]);

    let answer = invoke(&hooks, NOTIFIER, &json!({"a": "ü\n"})).send().await.unwrap();
    assert!(!answer.headers().contains_key("x-amz-function-error"));
    let expected = json!({"got": {"a": "ü\n"}, "webhooks": format!("{LOGIN}/webhooks/")});
    assert_eq!(answer.json::<Value>().await.unwrap(), expected);
    let failed = invoke(&hooks, NOTIFIER, &json!({"fail": "alice"})).send().await.unwrap();
    assert_eq!(failed.headers()["x-amz-function-error"], "Unhandled");
    assert_eq!(failed.json::<Value>().await.unwrap()["errorType"], "RangeError");
    let resolver = invoke(&hooks, USER_RESOLVER, &json!({"b": 2})).send().await.unwrap();
    assert_eq!(resolver.json::<Value>().await.unwrap(), json!({"got": {"b": 2}}));
    let log = fs::read_to_string(hooks.data().with_extension("log")).unwrap();
    assert!(log.contains("RangeError") && log.contains("said") && !log.contains("alice"), "{log}");
    hooks.stop().await;
}

#[tokio::test]
async fn a_notifier_that_does_not_start_is_told_with_its_error() {
    let folder = Folder::with(FUNCTION);
    fs::create_dir_all(folder.0.join(NOTIFIER)).unwrap();
    fs::write(folder.0.join(NOTIFIER).join("index.mjs"), "throw new Error('last words');\n").unwrap();
    let error = folder.serve().await.unwrap_err().to_string();
    assert!(error.contains("last words"), "{error}");
}

/// It answers for every person, so a page that a browser shows must not reach it.
#[tokio::test]
async fn a_page_of_another_site_invokes_nothing() {
    let folder = Folder::with(FUNCTION);
    let hooks = folder.serve().await.unwrap();
    for (name, value) in [(header::ORIGIN, "http://localhost:1"), (header::HOST, "evil.example:80")] {
        let answer = invoke(&hooks, USER_RESOLVER, &json!({})).header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{value}");
    }
    hooks.stop().await;
}

#[tokio::test]
async fn functions_end_when_their_owner_is_gone_without_a_word() {
    let folder = Folder::with(FUNCTION);
    let mut hooks = folder.serve().await.unwrap();
    // What the kernel does for a process that is killed.
    drop(hooks.child.stdin.take());
    let status = tokio::time::timeout(START_TIMEOUT, hooks.child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_with_the_reason() {
    let broken = Folder::with("raise RuntimeError('last words')\n");
    let error = broken.serve().await.unwrap_err().to_string();
    assert!(error.contains("last words"), "{error}");

    fs::remove_dir_all(broken.0.join(USER_RESOLVER)).unwrap();
    let error = broken.serve().await.unwrap_err().to_string();
    assert!(error.ends_with("has no folder user-resolver"), "{error}");

    let folder = Folder::with(FUNCTION);
    let elsewhere = Hooks::start(&Options::for_tests(), &folder.0, "https://op.example", LOGIN).await;
    assert!(elsewhere.unwrap_err().to_string().contains("localhost"));
}
