//! The examples of hooks in infra/examples: their answers, and what their templates deploy.

use std::collections::BTreeSet;
use std::fs::{create_dir_all, remove_file};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::extract::{Json, Path as PathPart};
use axum::http::StatusCode;
use axum::{Router, routing::post};
use ciba_core::protocol::hooks::HookEvent;
use ciba_core::protocol::hooks::user_notifier::UserNotifierEvent;
use ciba_core::protocol::hooks::user_resolver::UserResolverEvent;
use ciba_local::server::{Server, listen};
use ciba_tests::schema_of;
use serde_json::{Value, json};

use crate::hooks::kinds;
use crate::{DOCUMENT, read, root, transformed};

const LOGIN: &str = "https://login.example.com";

/// Calls the handler with each event of a list, and writes the list of answers.
const PROGRAM: &str = "import json, sys; sys.path.insert(0, sys.argv[1]); import resolver
json.dump([resolver.handler(event, None) for event in json.load(sys.stdin)], sys.stdout)";

/// The answers of the resolver in Python to these hints, each of which is a valid one, over a new database.
fn answers(test: &str, hints: &[Value]) -> Vec<Value> {
    answers_with(&[], test, hints)
}

/// With these settings.
fn answers_with(settings: &[(&str, &str)], test: &str, hints: &[Value]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples");
    create_dir_all(&folder).expect("a folder");
    let database = folder.join(test).with_extension("db");
    let _ = remove_file(&database);
    let events: Vec<_> = hints.iter().map(event).collect();
    let mut python = Command::new(root().join(".tools/bin/python"))
        .args(["-B", "-c", PROGRAM])
        .arg(root().join("infra/examples/user-resolver"))
        .env("PEOPLE_DATABASE", database)
        .env("LOGIN_ISSUER", LOGIN)
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python, which `make tools` installs");
    let mut stdin = python.stdin.take().expect("its input");
    stdin.write_all(json!(events).to_string().as_bytes()).expect("its input");
    drop(stdin);
    let output = python.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "it prints nothing about people: {said}");
    // Anything else that it prints would not be JSON.
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("answers alone");
    let schema = jsonschema::validator_for(&schema_of("user-resolver-answer")).expect("a schema");
    for answer in &answers {
        assert!(schema.is_valid(answer), "{answer}");
        assert!(UserResolverEvent::read(answer.to_string().as_bytes()).is_ok(), "{answer}");
    }
    answers
}

fn event(hint: &Value) -> Value {
    let event = json!({"version": 1, "hook": "user_resolver", "id": "Zk1vPp0aT2mYb8sQ4xWcLg", "hint": hint,
        "client": {"client_id": "kiosk", "client_name": "Example Bank Kiosk"}});
    let schema = jsonschema::validator_for(&schema_of("user-resolver-event")).expect("a schema");
    assert!(schema.is_valid(&event), "{event}");
    event
}

#[test]
fn the_example_resolver_knows_the_people_of_the_demo() {
    let people: Value = serde_json::from_str(&read("infra/local/seed/people.json")).expect("JSON");
    let people = people.as_array().expect("people");
    assert_eq!(people.len(), 4);
    for person in people {
        let mut hints = vec![
            json!({"kind": "sub", "value": person["sub"]}),
            json!({"kind": "login", "issuer": LOGIN, "subject": person["login"]["value"]}),
        ];
        for (kind, values) in person["hints"].as_object().expect("hints") {
            hints.extend(
                values.as_array().expect("a list").iter().map(|it| json!({"kind": kind, "value": it})),
            );
        }
        let answers = answers(person["sub"].as_str().expect("a sub"), &hints);
        assert!(answers.len() >= 4);
        for answer in answers {
            let user = &answer["user"];
            let name = (&user["issuer"], &user["subject"]);
            assert_eq!(name, (&json!(LOGIN), &person["login"]["value"]), "{answer}");
            for member in ["sub", "active", "channels"] {
                assert_eq!(user[member], person[member], "{answer}");
            }
            for (claim, value) in person["claims"].as_object().expect("claims") {
                assert_eq!(&user["claims"][claim], value, "{answer}");
            }
        }
    }
}

/// A person without a login is known by a name of the resolver's own.
#[test]
fn the_example_resolver_answers_each_kind_of_hint() {
    let found = [
        json!({"kind": "plain", "value": "4711 0815"}),
        json!({"kind": "tel", "value": "+15555550104"}),
        json!({"kind": "email", "value": "erin@example.com"}),
        json!({"kind": "sub", "value": "erin"}),
        json!({"kind": "login", "issuer": LOGIN, "subject": "alice"}),
        json!({"kind": "subject", "value": "5"}),
    ];
    let tried: BTreeSet<_> =
        found.iter().map(|hint| hint["kind"].as_str().expect("a kind").to_owned()).collect();
    assert_eq!(tried, kinds().into_iter().collect());
    for answer in answers("each-kind", &found) {
        let erin = json!({"subject": "5", "sub": "erin", "active": true, "channels": [{"sms": "+15555550104"}],
            "claims": {"name": "Erin Example", "email": "erin@example.com", "email_verified": false, "locale": "de"}});
        assert!(answer["user"] == erin || answer["user"]["sub"] == "alice", "{answer}");
    }
    let nobody = [
        json!({"kind": "plain", "value": "nobody"}),
        json!({"kind": "tel", "value": "+15555550199"}),
        json!({"kind": "email", "value": "nobody@example.com"}),
        json!({"kind": "sub", "value": "Alice"}),
        json!({"kind": "login", "issuer": LOGIN, "subject": "erin"}),
        json!({"kind": "login", "issuer": "https://other.example.com", "subject": "alice"}),
        // Alice has a login, so her number is not her name.
        json!({"kind": "subject", "value": "1"}),
        json!({"kind": "subject", "value": "alice"}),
        json!({"kind": "subject", "value": "05"}),
        json!({"kind": "plain", "value": "' OR 1 = 1 --"}),
    ];
    for answer in answers("nobody", &nobody) {
        assert_eq!(answer, json!({"version": 1, "error": "unknown_user_id"}));
    }
}

/// HOOK-5-01
#[test]
fn the_example_resolver_knows_who_is_asked_in_the_chat() {
    let hints = ["alice", "bob"].map(|sub| json!({"kind": "sub", "value": sub}));
    let answers = answers_with(&[("CHAT", "1")], "chat", &hints);
    let chat = json!({"custom": {"name": "chat", "address": "T0EXAMPLE/B0ALICE"}});
    assert_eq!(answers[0]["user"]["channels"], json!([chat, {"sms": "+15555550100"}]));
    assert!(!answers[1].to_string().contains("custom"), "{}", answers[1]);
}

/// Calls the notifier with each event of a list, and writes the list of answers.
const NODE: &str = "const { handler } = await import(process.argv[1]); const answers = [];
for (const event of JSON.parse(process.argv[2])) answers.push(await handler(event));
process.stdout.write(JSON.stringify(answers));";

/// The notifier's answers, and what the webhooks got, each with the end of its address.
async fn told(events: &Value) -> (Vec<Value>, Vec<(String, Value)>) {
    let got = Arc::new(Mutex::new(Vec::new()));
    let record = {
        let got = Arc::clone(&got);
        async move |PathPart(address): PathPart<String>, Json(body): Json<Value>| {
            got.lock().expect("calls").push((address.clone(), body));
            match address.as_str() {
                "T0/GONE" => StatusCode::NOT_FOUND,
                "T0/MOVED" => StatusCode::TEMPORARY_REDIRECT,
                "T0/DOWN" => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::OK,
            }
        }
    };
    let router = Router::new().route("/services/{*address}", post(record));
    let server = Server::start(listen(0).await.expect("a port"), router).expect("a server");
    let schema = jsonschema::validator_for(&schema_of("user-notifier-event")).expect("a schema");
    assert!(events.as_array().expect("events").iter().all(|event| schema.is_valid(event)), "{events}");
    let output = tokio::process::Command::new(root().join(".tools/bin/node"))
        .args(["--input-type=module", "-e", NODE])
        .arg(root().join("infra/examples/notifier/index.mjs"))
        .arg(events.to_string())
        .env("WEBHOOKS", format!("{}/services/", server.url()))
        .output()
        .await
        .expect("node, which `make tools` installs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "it prints nothing: {said}");
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("answers alone");
    for answer in &answers {
        assert!(UserNotifierEvent::read(answer.to_string().as_bytes()).is_ok(), "{answer}");
    }
    let got = got.lock().expect("calls").clone();
    (answers, got)
}

/// HOOK-5-03: each outcome, and no host but the one of the setting.
#[tokio::test]
async fn the_example_notifier_posts_to_the_webhook_and_nowhere_else() {
    let link = "http://localhost:9000/consent/AAAAAAAAAAAAAAAAAAAAAA";
    let event = |number: usize, (name, address): (&str, &str), deadline: i64| {
        json!({"version": 1, "hook": "user_notifier", "id": format!("id-{number}"), "kind": "request",
            "channel": {"name": name, "address": address}, "locale": "en", "subject": "Bank: a request",
            "text": format!("Bank: A & <B>: {link}"), "deadline": deadline,
            "request": {"link": link, "expires_at": 1}})
    };
    let chat = |address| ("chat", address);
    let channels = [
        (chat("T0/ALICE"), "accepted"),
        (chat("T0/GONE"), "unreachable"),
        (chat("T0/DOWN"), "outage"),
        (chat("T0/MOVED"), "outage"),
        (chat("../T0"), "unreachable"),
        (chat("T0/../../x"), "unreachable"),
        (chat("http://localhost:1/x"), "unreachable"),
        (chat("//localhost:1/x"), "unreachable"),
        (("email", "T0/ALICE"), "unreachable"),
    ];
    let later = i64::MAX >> 12;
    let mut events: Vec<_> =
        channels.iter().enumerate().map(|(n, (channel, _))| event(n, *channel, later)).collect();
    // The same message again, and one that is too late.
    events.extend([event(0, chat("T0/ALICE"), later), event(100, chat("T0/LATE"), 1)]);
    let (answers, got) = told(&json!(events)).await;
    let outcomes: Vec<_> =
        answers.iter().map(|answer| answer["outcome"].as_str().expect("an outcome")).collect();
    let expected: Vec<_> =
        channels.iter().map(|(_, outcome)| *outcome).chain(["accepted", "outage"]).collect();
    assert_eq!(outcomes, expected);
    let addresses: Vec<_> = got.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(addresses, ["T0/ALICE", "T0/GONE", "T0/DOWN", "T0/MOVED"], "each once");
    let posted = json!({"text": format!("Bank: A &amp; &lt;B&gt;: {link}"), "mrkdwn": false,
        "unfurl_links": false, "unfurl_media": false});
    assert_eq!(got[0].1, posted, "and the chat is told to open no link");
}

/// The templates of the examples, as paths from the root.
fn templates() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root().join("infra/examples")).expect("examples");
    let names = folders.map(|folder| folder.expect("a folder").file_name());
    let templates = names.map(|name| Path::new("infra/examples").join(name).join("template.yaml"));
    let templates: Vec<_> = templates.filter(|path| root().join(path).is_file()).collect();
    assert!(!templates.is_empty(), "a rule over nothing would hold");
    templates
}

#[test]
fn the_templates_of_examples_are_linted() {
    let makefile = read("Makefile");
    let lint = makefile.lines().find(|line| line.contains("/cfn-lint ")).expect("cfn-lint");
    assert!(lint.split(' ').any(|it| it == "infra/examples/*/template.yaml"), "{lint}");
    templates();
}

/// As CloudFormation deploys it.
#[test]
fn an_example_may_write_its_own_log_and_nothing_else() {
    for template in templates() {
        let deployed = transformed(template.to_str().expect("a path"), &[]);
        let resources = deployed["Resources"].as_object().expect("resources");
        let of_type = |wanted: &str| {
            let found = resources.iter().filter(|(_, it)| it["Type"] == wanted);
            found.map(|(id, it)| (id.as_str(), &it["Properties"])).collect::<Vec<_>>()
        };
        let (roles, logs) = (of_type("AWS::IAM::Role"), of_type("AWS::Logs::LogGroup"));
        let (functions, aliases) = (of_type("AWS::Lambda::Function"), of_type("AWS::Lambda::Alias"));
        let ([(role, properties)], [(log, _)], [(_, function)], [(alias, live)]) =
            (&roles[..], &logs[..], &functions[..], &aliases[..])
        else {
            panic!("{}: {:?}", template.display(), resources.keys());
        };
        assert!(properties.get("ManagedPolicyArns").is_none(), "{properties}");
        let statement = json!([{"Sid": "WriteLog", "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": format!("{log}.Arn")}}]);
        let policies = properties["Policies"].as_array().expect("policies");
        assert_eq!(
            policies.iter().map(|it| &it["PolicyDocument"]["Statement"]).collect::<Vec<_>>(),
            [&statement]
        );
        assert_eq!(function["Role"], json!({"Fn::GetAtt": format!("{role}.Arn")}));
        assert_eq!(function["LoggingConfig"]["LogGroup"], json!({"Ref": log}));
        // What the provider is given is the alias, whose ARN has its name.
        assert_eq!(live["Name"], "live");
        let outputs: Vec<_> = deployed["Outputs"].as_object().expect("outputs").iter().collect();
        let [(name, output)] = &outputs[..] else { panic!("{outputs:?}") };
        // The name of the provider's parameter.
        assert_eq!(
            (&DOCUMENT["Parameters"][name]["Default"], &output["Value"]),
            (&json!(""), &json!({"Ref": alias}))
        );
    }
}
