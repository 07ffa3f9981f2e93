//! The commands against a table and a published issuer of a test's own.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveSpecification};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ciba::aws::Aws;
use ciba::config::{Environment, KeySettings};
use ciba::domain::time::Timestamp;
use ciba::flows::Invocation;
use ciba::flows::rotate_keys::rotate;
use ciba::keys::Kms;
use ciba::protocol::discovery::Metadata;
use ciba::protocol::jwks::JwkSet;
use ciba::store::Table;
use ciba_admin::arguments::Arguments;
use ciba_admin::failure::Failure;
use ciba_admin::{Output, run};
use ciba_local::dynamodb::DynamoDb;
use ciba_local::kms::{self, KmsHandle};
use ciba_local::login_issuer::LoginIssuer;
use ciba_local::proxy::{Loss, Proxy};
use ciba_local::server::{Server, listen};
use ciba_local::template::Template;
use clap::Parser;
use serde_json::{Value, json};

const TABLE: &str = "ciba";
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the issuer publishes.
#[derive(Clone, Default)]
struct Published {
    discovery: Arc<Mutex<Value>>,
    jwks: Arc<Mutex<Value>>,
}

/// A deployment: a table, keys, a login issuer, and an issuer that publishes them.
struct Deployment {
    environment: Vec<(String, String)>,
    dynamodb: DynamoDb,
    table: Table,
    published: Published,
    login: LoginIssuer,
    _kms: KmsHandle,
    _servers: [Server; 2],
}

impl Deployment {
    async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let template = std::fs::read_to_string(root.join("template.yaml")).unwrap();
        let dynamodb = DynamoDb::start(listen(0).await.unwrap()).unwrap();
        dynamodb.create_table(TABLE, &Template::parse(&template).unwrap().table).await.unwrap();
        let kms = kms::Kms::start(listen(0).await.unwrap()).unwrap();

        let listener = listen(0).await.unwrap();
        let login = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let login = LoginIssuer::new(&login).unwrap();
        let login_server = Server::start(listener, login.router()).unwrap();

        let listener = listen(0).await.unwrap();
        let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let published = Published::default();
        let served = |of: fn(&Published) -> &Arc<Mutex<Value>>| {
            get(move |State(published): State<Published>| async move {
                Json(of(&published).lock().unwrap().clone())
            })
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", served(|it| &it.discovery))
            .route("/.well-known/jwks.json", served(|it| &it.jwks))
            .with_state(published.clone());
        let server = Server::start(listener, router).unwrap();

        let environment: Vec<_> = [
            ("ISSUER", issuer.clone()),
            ("TABLE_NAME", TABLE.to_owned()),
            ("LOGIN_ISSUERS", json!([login.setting()]).to_string()),
            ("KMS_KEY_ID", kms::KEY_ALIAS.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url()),
            ("AWS_ENDPOINT_URL_KMS", kms.url()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let env = Environment::of(environment.clone());
        let aws = Aws::read(&env).unwrap();
        let table = Table::connect(&aws);
        let invocation = Invocation::new(START, Duration::from_secs(15), |buffer| buffer.fill(7));
        rotate(&table, &Kms::connect(&aws), &KeySettings::read(&env).unwrap(), &invocation).await.unwrap();

        let deployment = Self {
            environment,
            dynamodb,
            table,
            published,
            login,
            _kms: kms,
            _servers: [login_server, server],
        };
        deployment.publish(&issuer).await;
        deployment
    }

    /// Publishes what is right at `issuer`.
    async fn publish(&self, issuer: &str) {
        let keys = self.table.list_public_keys().await.unwrap();
        let keys = JwkSet { keys: keys.into_iter().filter_map(|key| key.public).collect() };
        *self.published.discovery.lock().unwrap() =
            serde_json::to_value(Metadata::new(issuer, vec![])).unwrap();
        *self.published.jwks.lock().unwrap() = serde_json::to_value(keys).unwrap();
    }

    fn environment(&self, settings: &[(&str, &str)]) -> Environment {
        let mut all = self.environment.clone();
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Environment::of(all)
    }

    async fn run(&self, arguments: &[&str]) -> Result<Output, Failure> {
        self.run_with(arguments, &[], START).await
    }

    async fn run_with(
        &self,
        arguments: &[&str],
        settings: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Output, Failure> {
        let arguments = Arguments::parse_from(["ciba-admin"].iter().chain(arguments));
        run(&arguments, &self.environment(settings), now, random).await
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).await.unwrap_or_else(|failure| panic!("{arguments:?}: {failure}")).json
    }

    /// Exit code and text of a command that is not carried out.
    async fn refused(&self, arguments: &[&str]) -> (u8, String) {
        match self.run(arguments).await {
            Ok(output) => panic!("{arguments:?}: {}", output.text),
            Err(failure) => (failure.exit_code(), failure.to_string()),
        }
    }

    /// Names and details of what the doctor finds; each has a remedy.
    async fn findings(&self, settings: &[(&str, &str)], now: Timestamp) -> Vec<(String, String)> {
        let output = self.run_with(&["doctor"], settings, now).await.unwrap();
        let checks = output.json["checks"].as_array().unwrap();
        let faults: Vec<_> = checks.iter().filter(|check| check["outcome"] == "fault").collect();
        assert!(faults.iter().all(|fault| !fault["remedy"].as_str().unwrap().is_empty()), "{}", output.text);
        let is_clean = checks.iter().all(|check| check["outcome"] == "ok");
        assert_eq!((output.is_clean, &output.json["clean"]), (is_clean, &json!(is_clean)), "{}", output.text);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        faults.iter().map(|fault| (text(&fault["check"]), text(&fault["detail"]))).collect()
    }

    /// The one finding there has to be.
    async fn finding(&self, settings: &[(&str, &str)], now: Timestamp) -> (String, String) {
        let mut findings = self.findings(settings, now).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.remove(0)
    }

    /// Whether the functions would take this secret of this client.
    async fn takes(&self, client_id: &str, secret: &str) -> bool {
        use ciba::domain::client::{ClientId, PresentedCredential};
        use ciba::domain::secret::Secret;
        let client = self.table.find_client(&ClientId::parse(client_id).unwrap()).await.unwrap().unwrap();
        client.authentication.accepts(&PresentedCredential::ClientSecretBasic(Secret::new(secret)))
    }
}

/// Another value at each call.
fn random(buffer: &mut [u8]) {
    static CALLS: Mutex<u8> = Mutex::new(0);
    let mut calls = CALLS.lock().unwrap();
    *calls = calls.wrapping_add(1);
    buffer.fill(*calls);
}

const CREATE: [&str; 8] =
    ["client", "create", "--client-id", "kiosk", "--client-name", "City Kiosk", "--scope", "openid profile"];

#[tokio::test]
async fn a_client_is_created_shown_given_a_new_secret_disabled_and_enabled() {
    let deployment = Deployment::start().await;
    let created = deployment.json(&CREATE).await;
    let first = created["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(first.len(), 43);
    assert!(deployment.takes("kiosk", &first).await);

    let shown = deployment.run(&["client", "show", "kiosk"]).await.unwrap();
    let mut expected = created.clone();
    expected.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(shown.json, expected);
    assert_eq!(
        expected,
        json!({
            "client_id": "kiosk", "client_name": "City Kiosk", "active": true,
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["urn:openid:params:grant-type:ciba"],
            "backchannel_token_delivery_mode": "poll", "scope": "openid profile", "audience": null,
        })
    );
    assert!(!shown.text.contains(&first) && shown.text.contains("City Kiosk"), "{}", shown.text);

    let rotated = deployment.json(&["client", "rotate-secret", "kiosk"]).await;
    let second = rotated["client_secret"].as_str().unwrap();
    assert!(!deployment.takes("kiosk", &first).await && deployment.takes("kiosk", second).await);

    for (command, active) in [("disable", false), ("enable", true)] {
        let answer = deployment.json(&["client", command, "kiosk"]).await;
        assert_eq!(answer, json!({ "client_id": "kiosk", "active": active }));
        assert_eq!(deployment.json(&["client", "show", "kiosk"]).await["active"], active);
        assert!(deployment.takes("kiosk", second).await);
    }
}

#[tokio::test]
async fn a_client_that_is_there_is_written_over_only_if_that_is_said() {
    let deployment = Deployment::start().await;
    let first = deployment.json(&CREATE).await["client_secret"].as_str().unwrap().to_owned();
    let (code, why) = deployment.refused(&CREATE).await;
    assert_eq!(code, 1);
    assert!(why.contains("--replace"), "{why}");
    assert!(deployment.takes("kiosk", &first).await);

    let replaced = deployment.json(&[&CREATE[..], &["--replace"]].concat()).await;
    assert!(deployment.takes("kiosk", replaced["client_secret"].as_str().unwrap()).await);
    assert!(!deployment.takes("kiosk", &first).await);
}

/// Else its secret would be refused as somebody else's, and never shown.
#[tokio::test]
async fn a_client_whose_writing_was_carried_out_and_not_answered_is_created() {
    let deployment = Deployment::start().await;
    for (loss, client_id) in [(Loss::Connection, "one"), (Loss::InternalServerError, "two")] {
        let proxy = Proxy::start(listen(0).await.unwrap(), &deployment.dynamodb.url()).unwrap();
        proxy.lose_response("PutItem", 1, loss);
        let settings = [("AWS_ENDPOINT_URL_DYNAMODB", &*proxy.url())];
        let create = ["client", "create", "--client-name", "Kiosk", "--client-id", client_id];
        let created =
            deployment.run_with(&create, &settings, START).await.map_err(|it| it.to_string()).unwrap();
        assert_eq!(proxy.calls().len(), 2);
        assert!(deployment.takes(client_id, created.json["client_secret"].as_str().unwrap()).await);
    }
}

#[tokio::test]
async fn a_client_that_breaks_a_rule_or_is_not_there_is_refused() {
    let deployment = Deployment::start().await;
    let create = ["client", "create", "--client-name", "Kiosk", "--client-id"];
    for (more, why) in [
        (&["a b"][..], "client_id"),
        (&[ciba_local::login_issuer::AUDIENCE], "audience of a login issuer"),
        (&["kiosk", "--scope", "profile"], "openid"),
        (&["kiosk", "--backchannel-token-delivery-mode", "push"], "delivery_mode"),
        (&["kiosk", "--token-endpoint-auth-method", "none"], "auth_method"),
        (&["kiosk", "--grant-types", "authorization_code"], "grant type"),
    ] {
        let (code, said) = deployment.refused(&[&create[..], more].concat()).await;
        assert!(code == 1 && said.contains(why), "{more:?}: {said}");
    }
    for command in ["show", "rotate-secret", "disable", "enable"] {
        assert_eq!(
            deployment.refused(&["client", command, "kiosk"]).await,
            (1, "there is no client kiosk".to_owned())
        );
    }
}

#[tokio::test]
async fn a_person_is_created_shown_disabled_and_enabled() {
    let deployment = Deployment::start().await;
    let create = [
        &["person", "create", "--sub", "alice", "--login-value", "alice", "--sms", "+1 555 555 0100"][..],
        &["--plain", "alice", "--email", "Alice@example.com", "--claims", r#"{"name":"Alice"}"#],
    ]
    .concat();
    let created = deployment.json(&create).await;
    let expected = json!({
        "sub": "alice", "active": true, "has_login": true,
        "hints": { "plain": ["alice"], "email": ["alice@example.com"], "tel": [] },
        "channels": [{ "sms": "+15555550100" }],
        "claims": { "name": "Alice" },
    });
    assert_eq!(created, expected);
    assert_eq!(deployment.json(&["person", "show", "alice"]).await, expected);

    let (code, why) = deployment.refused(&create).await;
    assert!(code == 1 && why.contains("--replace"), "{why}");
    let replaced = [&create[..6], &["--replace"]].concat();
    assert_eq!(deployment.json(&replaced).await["channels"], json!([]));

    for (command, active) in [("disable", false), ("enable", true)] {
        let answer = deployment.json(&["person", command, "alice"]).await;
        assert_eq!(answer, json!({ "sub": "alice", "active": active }));
        assert_eq!(deployment.json(&["person", "show", "alice"]).await["active"], active);
    }
    for command in ["show", "disable", "enable"] {
        assert_eq!(
            deployment.refused(&["person", command, "bob"]).await,
            (1, "there is no person bob".to_owned())
        );
    }
}

#[tokio::test]
async fn a_person_without_a_login_is_shown_as_one_for_whom_nobody_can_decide() {
    let deployment = Deployment::start().await;
    let output = deployment.run(&["person", "create", "--sub", "alice"]).await.unwrap();
    assert_eq!(output.json["has_login"], false);
    assert!(output.text.contains("nobody can decide"), "{}", output.text);
}

#[tokio::test]
async fn an_import_writes_what_is_right_and_reports_each_entry() {
    let deployment = Deployment::start().await;
    let people = json!([
        { "sub": "alice", "login": { "value": "alice" }, "hints": { "plain": ["a"] }, "channels": [] },
        { "sub": "bob", "hints": { "plain": ["b"] }, "channels": [{ "sms": "0815" }] },
        { "sub": "carol", "hints": { "plain": ["a", "c"] }, "channels": [] },
        { "sub": "dave", "channels": [], "phone": "+15555550100" },
        { "sub": "alice", "channels": [] },
        "erin",
        { "sub": "frank", "channels": [{ "sms": "+15555550105" }], "active": false },
    ]);
    let file = std::env::temp_dir().join(format!("ciba-admin-import-{}.json", std::process::id()));
    std::fs::write(&file, people.to_string()).unwrap();
    let output = deployment.run(&["person", "import", file.to_str().unwrap()]).await;
    std::fs::remove_file(&file).unwrap();

    let output = output.unwrap();
    assert!(!output.is_clean);
    assert_eq!((&output.json["written"], &output.json["refused"]), (&json!(2), &json!(5)));
    let results = output.json["people"].as_array().unwrap();
    let written: Vec<_> = results.iter().map(|it| it["written"].as_bool().unwrap()).collect();
    assert_eq!(written, [true, false, false, false, false, false, true], "{}", output.text);
    for (index, why) in [(1, "E.164"), (2, "somebody else"), (3, "phone"), (4, "twice"), (5, "struct")] {
        assert!(results[index]["why"].as_str().unwrap().contains(why), "{}", results[index]);
    }

    assert_eq!(deployment.json(&["person", "show", "alice"]).await["has_login"], true);
    assert_eq!(deployment.json(&["person", "show", "frank"]).await["active"], false);
    // Nothing of an entry that was refused, not even the hint that was free.
    assert_eq!(deployment.refused(&["person", "show", "carol"]).await.0, 1);
    let entry = ["person", "create", "--sub", "erin", "--plain", "c"];
    assert_eq!(deployment.json(&entry).await["hints"]["plain"], json!(["c"]));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_wrong_usage() {
    let deployment = Deployment::start().await;
    assert_eq!(deployment.refused(&["person", "import", "/nonexistent/people.json"]).await.0, 2);
}

#[tokio::test]
async fn a_table_that_cannot_be_reached_and_a_setting_that_is_missing_have_codes_of_their_own() {
    let deployment = Deployment::start().await;
    let code = async |settings: &[(&str, &str)]| {
        deployment
            .run_with(&["client", "show", "kiosk"], settings, START)
            .await
            .map(drop)
            .unwrap_err()
            .exit_code()
    };
    assert_eq!(code(&[("TABLE_NAME", "other")]).await, 3);
    assert_eq!(code(&[("TABLE_NAME", "")]).await, 2);
}

#[tokio::test]
async fn the_keys_are_listed_by_use() {
    let deployment = Deployment::start().await;
    let keys = deployment.json(&["key", "list"]).await;
    let shape = |key: &Value| {
        let members = ["use", "alg", "generation", "state"].map(|name| key[name].to_string());
        members.join(" ").replace('"', "")
    };
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(
        keys.iter().map(shape).collect::<Vec<_>>(),
        [
            "data null 1 current",
            "handle null 1 current",
            "signing ES256 1 current",
            "signing RS256 1 current",
            "signing PS256 1 current",
            "signing EdDSA 1 current",
        ]
    );
    assert_eq!((keys[0]["sign_until"].is_null(), keys[2]["kid"].is_string()), (true, true));
}

#[tokio::test]
async fn the_doctor_has_nothing_to_say_of_a_sound_deployment() {
    let deployment = Deployment::start().await;
    assert_eq!(deployment.findings(&[], START).await, []);
}

#[tokio::test]
async fn the_doctor_finds_a_table_that_is_not_there_and_skips_what_rests_on_it() {
    let deployment = Deployment::start().await;
    let (check, detail) = deployment.finding(&[("TABLE_NAME", "other")], START).await;
    assert!(check == "table" && detail.contains("ResourceNotFoundException"), "{detail}");
}

#[tokio::test]
async fn the_doctor_finds_a_table_without_time_to_live() {
    let deployment = Deployment::start().await;
    let off = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(false).build().unwrap();
    let update = deployment.dynamodb.client().update_time_to_live().table_name(TABLE);
    update.time_to_live_specification(off).send().await.unwrap();
    assert_eq!(deployment.finding(&[], START).await.0, "table_ttl");
}

#[tokio::test]
async fn the_doctor_finds_a_table_without_index_and_keys() {
    let deployment = Deployment::start().await;
    let template =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml")).unwrap();
    let mut bare = Template::parse(&template).unwrap().table;
    bare.indexes.clear();
    bare.attributes.retain(|it| ["pk", "sk"].contains(&it.name.as_str()));
    deployment.dynamodb.create_table("bare", &bare).await.unwrap();
    let findings = deployment.findings(&[("TABLE_NAME", "bare")], START).await;
    let names: Vec<_> = findings.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(names, ["table_index", "keys", "keys", "keys", "keys", "keys", "keys"], "{findings:?}");
}

#[tokio::test]
async fn the_doctor_finds_keys_that_are_overdue_but_never_the_data_key() {
    let deployment = Deployment::start().await;
    let findings = deployment.findings(&[], START.plus(91 * DAY)).await;
    let overdue = |name: &str| findings.iter().any(|(check, it)| check == "keys" && it.contains(name));
    assert_eq!(findings.len(), 5, "{findings:?}");
    for name in ["handle", "signing-ES256", "signing-RS256", "signing-PS256", "signing-EdDSA"] {
        assert!(overdue(&format!("{name} key 1 ")), "{name}: {findings:?}");
    }
}

#[tokio::test]
async fn the_doctor_finds_another_issuer_in_the_discovery_document() {
    let deployment = Deployment::start().await;
    let issuer = deployment.published.discovery.lock().unwrap()["issuer"].as_str().unwrap().to_owned();
    deployment.publish(&format!("{issuer}/")).await;
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "discovery" && detail.contains(&format!("{:?}", format!("{issuer}/"))), "{detail}");
}

#[tokio::test]
async fn the_doctor_finds_an_issuer_where_nothing_answers() {
    let deployment = Deployment::start().await;
    let port = listen(0).await.unwrap().local_addr().unwrap().port();
    let findings = deployment.findings(&[("ISSUER", &format!("http://localhost:{port}"))], START).await;
    let names: Vec<_> = findings.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(names, ["discovery", "jwks"], "{findings:?}");
}

#[tokio::test]
async fn the_doctor_finds_a_key_set_without_the_key_that_signs() {
    let deployment = Deployment::start().await;
    *deployment.published.jwks.lock().unwrap() = json!({ "keys": [{ "kid": "another" }] });
    assert_eq!(deployment.finding(&[], START).await.0, "jwks");
}

/// TOK-12-01: a verifier of one algorithm is not helped by the keys of the others.
#[tokio::test]
async fn the_doctor_finds_a_key_set_without_the_key_of_one_algorithm() {
    let deployment = Deployment::start().await;
    let without_rs256 =
        |set: &mut Value| set["keys"].as_array_mut().unwrap().retain(|it| it["alg"] != "RS256");
    without_rs256(&mut deployment.published.jwks.lock().unwrap());
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "jwks" && detail.contains("(RS256)") && !detail.contains("(ES256)"), "{detail}");
}

#[tokio::test]
async fn the_doctor_finds_that_the_key_of_one_algorithm_is_missing() {
    let deployment = Deployment::start().await;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let delete = deployment.dynamodb.client().delete_item().table_name(TABLE).key("pk", text("keys"));
    delete.key("sk", text("key#signing-PS256#00000001")).send().await.unwrap();
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "keys" && detail.contains("no signing-PS256 key"), "{detail}");
}

#[tokio::test]
async fn the_doctor_finds_that_there_is_no_login_issuer_or_that_it_publishes_no_key() {
    let deployment = Deployment::start().await;
    let (check, detail) = deployment.finding(&[("LOGIN_ISSUERS", "[]")], START).await;
    assert!(check == "login_issuer" && detail.contains("nobody can decide"), "{detail}");

    let mut login = deployment.login.setting();
    login["algorithms"] = json!(["RS256"]);
    let (check, detail) = deployment.finding(&[("LOGIN_ISSUERS", &json!([login]).to_string())], START).await;
    assert!(check == "login_issuer" && detail.contains("RS256"), "{detail}");

    login["jwks_uri"] = format!("{}/nowhere", deployment.login.issuer()).into();
    let (check, detail) = deployment.finding(&[("LOGIN_ISSUERS", &json!([login]).to_string())], START).await;
    assert!(check == "login_issuer" && detail.contains("404"), "{detail}");
}

/// A client may have been there before the login issuer was configured.
#[tokio::test]
async fn the_doctor_finds_a_client_that_has_the_name_of_a_login_issuers_audience() {
    let deployment = Deployment::start().await;
    let create =
        ["client", "create", "--client-name", "Kiosk", "--client-id", ciba_local::login_issuer::AUDIENCE];
    deployment.run_with(&create, &[("LOGIN_ISSUERS", "[]")], START).await.map(drop).unwrap();
    let (check, detail) = deployment.finding(&[], START).await;
    assert!(check == "login_audience" && detail.contains(ciba_local::login_issuer::AUDIENCE), "{detail}");
}
