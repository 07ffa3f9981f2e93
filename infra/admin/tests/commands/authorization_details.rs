//! `authorization-details …`

use serde_json::{Value, json};

use crate::deployment::Deployment;

fn definition() -> Value {
    json!({
        "type": "payment",
        "schema": {
            "type": "object", "additionalProperties": false, "required": ["amount"],
            "properties": {"amount": {"type": "string", "pattern": "^[0-9]+$"}},
        },
        "display": {"en": {"title": "A payment", "rows": [{"label": "Amount", "value": "{/amount} EUR"}]}},
    })
}

/// A temporary file.
struct File(std::path::PathBuf);

impl File {
    fn with(name: &str, content: &Value) -> Self {
        let path = std::env::temp_dir().join(format!("ciba-admin-{}-{name}.json", std::process::id()));
        std::fs::write(&path, content.to_string()).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn command<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["authorization-details"], words].concat()
}

/// TOK-7-06
#[tokio::test]
async fn a_type_is_put_listed_shown_and_removed() {
    let deployment = Deployment::start().await;
    assert_eq!(deployment.json(&command(&["list"])).await, json!({ "types": [] }));
    let file = File::with("put", &definition());
    assert_eq!(deployment.json(&command(&["put", file.path()])).await, definition());
    let mut other = definition();
    other["type"] = json!("account");
    let file = File::with("other", &other);
    deployment.json(&command(&["put", file.path()])).await;
    assert_eq!(deployment.json(&command(&["list"])).await, json!({ "types": ["account", "payment"] }));
    assert_eq!(deployment.json(&command(&["show", "payment"])).await, definition());

    // Replaced.
    let mut changed = definition();
    changed["display"]["en"]["title"] = json!("A transfer");
    let file = File::with("changed", &changed);
    deployment.json(&command(&["put", file.path()])).await;
    assert_eq!(deployment.json(&command(&["show", "payment"])).await, changed);

    let removed = deployment.json(&command(&["remove", "payment"])).await;
    assert_eq!(removed, json!({ "type": "payment", "removed": true }));
    for words in [["show", "payment"], ["remove", "payment"], ["show", "a payment"]] {
        assert_eq!(deployment.refused(&command(&words)).await.0, 1);
    }
    assert_eq!(deployment.json(&command(&["list"])).await, json!({ "types": ["account"] }));
}

/// ATK-7-05: what an approval goes by is part of the definition, and is not lost by the way.
#[tokio::test]
async fn a_policy_that_protects_less_is_confirmed_by_name() {
    let deployment = Deployment::start().await;
    let mut risky = definition();
    risky["risk"] = json!("high");
    risky["scope"] = json!("payments");
    let file = File::with("risky", &risky);
    assert_eq!(deployment.json(&command(&["put", file.path()])).await, risky);
    assert_eq!(deployment.json(&command(&["show", "payment"])).await, risky);

    // A file from before there were policies would remove both.
    let plain = File::with("plain", &definition());
    let (code, why) = deployment.refused(&command(&["put", plain.path()])).await;
    assert_eq!(code, 1);
    assert!(why.contains("risk and scope would protect less") && why.contains("--confirm"), "{why}");
    assert_eq!(deployment.json(&command(&["show", "payment"])).await, risky, "nothing is written");
    deployment.json(&command(&["put", "--confirm", plain.path()])).await;
    assert_eq!(deployment.json(&command(&["show", "payment"])).await, definition());
    deployment.json(&command(&["put", file.path()])).await;
    assert_eq!(deployment.json(&command(&["show", "payment"])).await, risky, "more needs no confirmation");

    for (member, value) in [("risk", "none"), ("scope", "openid")] {
        let mut bad = definition();
        bad[member] = json!(value);
        let file = File::with(member, &bad);
        let (code, why) = deployment.refused(&command(&["put", file.path()])).await;
        assert!(code == 1 && why.contains(member), "{why}");
    }
}

/// TOK-7-03: the operator hears at once what a person would not see.
#[tokio::test]
async fn a_type_that_would_hide_something_is_refused_and_not_written() {
    let deployment = Deployment::start().await;
    let mut hiding = definition();
    hiding["schema"]["properties"]["creditor"] = json!({ "type": "string" });
    let file = File::with("hiding", &hiding);
    let (code, why) = deployment.refused(&["authorization-details", "put", file.path()]).await;
    assert_eq!(code, 1);
    assert!(why.contains("no row shows /creditor"), "{why}");
    assert_eq!(deployment.json(&["authorization-details", "list"]).await, json!({ "types": [] }));
    let (code, _) = deployment.refused(&["authorization-details", "put", "/no/such/file"]).await;
    assert_eq!(code, 2);
}
