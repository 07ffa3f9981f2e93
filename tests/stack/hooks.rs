//! The stack with `infra/examples`: nobody is in the directory, a function in Python over SQLite knows everybody, and one in
//! TypeScript posts to the chat.

use ciba_local::stack::TABLE_NAME;
use ciba_tests::{Visitor, root, tool};
use serde_json::{Value, json};
use tokio::process::Command;
use url::Url;

use crate::{Outside, answer};

/// Changes the resolver's database while it is in use.
async fn change(outside: &Outside, sql: &str) {
    let database = outside.stack.hooks().expect("hooks").data().join("people.db");
    let program =
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit()";
    let mut python = Command::new(tool("python"));
    let status = python.args(["-c", program]).arg(database).arg(sql).status().await.expect("python");
    assert!(status.success(), "{sql}");
}

/// The partition keys of people and of hints that lead to them.
async fn directory(outside: &Outside) -> Vec<String> {
    let items = outside.stack.dynamodb.client().scan().table_name(TABLE_NAME).send().await.expect("a scan");
    let keys = items.items().iter().map(|item| item["pk"].as_s().expect("a key").clone());
    keys.filter(|pk| pk.starts_with("user#") || pk.starts_with("hint#")).collect()
}

async fn ask(outside: &Outside, hint: &str) -> (u16, Value) {
    outside.post("/bc-authorize", &[("scope", "openid profile email"), ("login_hint", hint)]).await
}

/// HOOK-1-01, HOOK-1-04, HOOK-1-06, HOOK-5-03: over HTTP, with hooks that share no code with the provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_whom_only_a_python_function_knows_sign_in() {
    let outside = Outside::start(|options| options.hooks = Some(root().join("infra/examples"))).await;
    assert_eq!(directory(&outside).await, Vec::<String>::new());
    // The phone finds her login in the entry, so it need not be her `sub`.
    let alice = "UPDATE person SET name = 'Alice of the Database', login = 'alice-7' WHERE sub = 'alice'";
    change(&outside, alice).await;

    let (status, acknowledgement) = ask(&outside, "email:Alice@Example.com").await;
    assert_eq!(status, 200, "{acknowledgement}");
    let auth_req_id = acknowledgement["auth_req_id"].as_str().expect("a handle");
    let message = outside.stack.phone.chat().messages().pop().expect("a message");
    assert_eq!((message.address.as_str(), outside.stack.sns.attempts().len()), ("T0EXAMPLE/B0ALICE", 0));

    // On the page behind the link she logs in, and is the person who is asked.
    let link = message.text.rsplit(' ').next().expect("a link").parse::<Url>().expect("a URL");
    let mut visitor = Visitor::new("https://");
    let page = visitor.open(link.clone()).await.page();
    let login = page.html.split('"').find(|it| it.starts_with("/login?")).expect("a login");
    let login = visitor.open(link.join(&login.replace("&amp;", "&")).expect("a URL")).await.page();
    let page = visitor.submit(&login, &[("person", "alice-7")]).await.page();
    assert!(page.html.contains("You are signed in"), "{}", page.html);

    let (status, decided) = outside.decide(auth_req_id, "allow").await;
    assert_eq!((status, &decided["decision"]), (200, &json!("approved")), "{decided}");
    let (status, tokens) = outside.poll(auth_req_id).await;
    assert_eq!(status, 200, "{tokens}");
    let access_token = tokens["access_token"].as_str().expect("a token");
    let (_, claims) = answer(outside.http.get(outside.url("/userinfo")).bearer_auth(access_token)).await;
    let expected = json!({"sub": "alice", "name": "Alice of the Database", "email": "alice@example.com",
        "email_verified": true});
    assert_eq!(claims, expected);

    // The phone has found her in the entry that the request wrote.
    let (_, inbox) = answer(outside.http.get(format!("{}/messages", outside.stack.phone.url()))).await;
    assert_eq!(inbox["people"][0]["name"], "Alice of the Database");
    let message = &inbox["messages"][0];
    let shown = ["sub", "state", "kind"].map(|member| message[member].as_str().expect("a text"));
    assert_eq!(shown, ["alice", "approved", "chat"]);

    // Nobody is in the chat at this address, so the next channel is tried.
    change(&outside, "UPDATE person SET chat = 'left the company' WHERE sub = 'alice'").await;
    assert_eq!(ask(&outside, "email:alice@example.com").await.0, 200);
    let message = outside.stack.sns.messages().pop().expect("a message");
    assert_eq!(message.phone_number(), Some("+15555550100"));

    change(&outside, "UPDATE person SET active = 0 WHERE sub = 'alice'").await;
    for hint in ["alice", "email:carol@example.com", "email:nobody@example.com"] {
        let (status, body) = ask(&outside, hint).await;
        assert_eq!((status, &body["error"]), (400, &json!("unknown_user_id")), "{hint}");
    }
    assert_eq!(outside.stack.sns.messages().len(), 1);
    assert_eq!(directory(&outside).await.iter().filter(|pk| pk.starts_with("hint#")).count(), 1, "hers");
    outside.stack.stop().await;
}
