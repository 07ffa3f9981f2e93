//! Somebody who writes the whole table, and nothing else: no key of KMS, no setting of a function, no log.

mod forgeries;
mod outages;
mod passkeys;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use ciba::domain::request::decision::DecisionWord;
use ciba::domain::request::evidence::{Evidence, KeptProof, Signed};
use ciba::domain::request::statement::{Shown, Statement};
use ciba::http::serve;
use ciba::protocol::webauthn::Registration;
use ciba::verify::webauthn::RelyingParty;
use ciba_admin::Output;
use ciba_admin::arguments::Arguments;
use ciba_tests::{Authenticator, Provider, at};
use clap::Parser;
use serde_json::{Value, json};

use crate::consent::person::approve;

type Item = HashMap<String, AttributeValue>;

/// A year after the decision.
const LATER: f64 = 365.0 * 86_400.0;

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// The forger's hands.
struct Forger<'a>(&'a Provider);

impl Forger<'_> {
    async fn items(&self) -> Vec<Item> {
        let scan = self.0.dynamodb.client().scan().table_name(&self.0.dynamodb.table);
        scan.send().await.expect("the table").items.unwrap_or_default()
    }

    /// The one item with this beginning of its `pk`, and this `sk` or, if that ends in `#`, this beginning of it.
    async fn item(&self, pk: &str, sk: &str) -> Item {
        let of = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
        let mut items = self.items().await;
        items.retain(|item| {
            let found = of(item, "sk");
            let is_it = found == sk || (sk.ends_with('#') && found.starts_with(sk));
            is_it && of(item, "pk").starts_with(pk)
        });
        assert_eq!(items.len(), 1, "{pk} {sk}");
        items.remove(0)
    }

    async fn put(&self, item: Item) {
        let put = self.0.dynamodb.client().put_item().table_name(&self.0.dynamodb.table);
        put.set_item(Some(item)).send().await.expect("the table");
    }

    async fn delete(&self, item: &Item) {
        let delete = self.0.dynamodb.client().delete_item().table_name(&self.0.dynamodb.table);
        let delete = delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
        delete.send().await.expect("the table");
    }
}

/// A passkey of the forger's own with this credential id, as the table keeps it.
fn forged_key(credential_id: &[u8], rp: &RelyingParty) -> (Authenticator, String) {
    let mut own = Authenticator::new();
    own.credential_id = credential_id.to_vec();
    let registration = own.create(&rp.creation_options(&[7; 32], &[7; 32], "alice"), Provider::ISSUER);
    let registration: Registration = serde_json::from_value(registration).expect("a registration");
    let credential = rp.register(&registration, &[7; 32]).expect("a passkey").credential;
    (own, credential)
}

/// What `evidence` says, about another message, signed by a key of the forger's own that goes by the person's credential id.
fn forged(evidence: &Evidence) -> Evidence {
    let KeptProof::Passkey(signed) = &evidence.proof else { panic!("{evidence:?}") };
    let rp = RelyingParty::new(&signed.rp_id, std::slice::from_ref(&signed.origin), "Example Bank")
        .expect("a relying party");
    let id = ciba::verify::evidence::decode(&signed.passkey.credential_id).expect("base64url");
    let (mut own, credential) = forged_key(&id, &rp);
    let mut statement = Statement::decode(&signed.statement).expect("a statement");
    statement.binding_message = Some("Loan 250000 EUR".to_owned());
    let statement = statement.encode();
    let challenge = Shown::of(&statement).challenge(&signed.scope, DecisionWord::Approve);
    let assertion = own.get(&challenge, &signed.rp_id, &signed.origin);
    let part = |name: &str| assertion["response"][name].as_str().expect(name).to_owned();
    let mut forged = Signed {
        statement,
        authenticator_data: part("authenticatorData"),
        client_data: part("clientDataJSON"),
        signature: part("signature"),
        user_handle: Some(signed.passkey.user_handle.clone()),
        ..(**signed).clone()
    };
    forged.passkey.credential = credential;
    Evidence { proof: KeptProof::Passkey(Box::new(forged)), ..evidence.clone() }
}

/// A payment that `alice` approved with her passkey, by its request.
async fn approved(provider: &Provider) -> String {
    let mut phone = provider.enroll_passkey("alice", at(-90_000.0)).await;
    let (_, request) = provider.asked(&[("binding_message", "Loan 250 EUR")], at(0.0)).await;
    let answer = approve(provider, &request, &mut phone, "openid profile", at(3.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    request
}

/// `ciba-admin` with these settings of the provider alone.
async fn admin_with(provider: &Provider, names: &[&str], arguments: &[&str]) -> Output {
    let mut settings = provider.environment_list();
    settings.retain(|(name, _)| {
        name.starts_with("AWS_") || name == "TABLE_NAME" || names.contains(&name.as_str())
    });
    let arguments = Arguments::parse_from(["ciba-admin"].iter().chain(arguments));
    let environment = ciba::config::Environment::of(settings);
    let output = ciba_admin::run(&arguments, &environment, at(LATER), serve::random).await;
    output.unwrap_or_else(|failure| panic!("{failure}"))
}

/// All that a verification can know.
const ALL: [&str; 4] = ["EVIDENCE_KEY_ID", "ENROLLMENT_KEY_ID", "RP_ID", "ISSUER"];

async fn verify(provider: &Provider, request: &str) -> Output {
    admin_with(provider, &ALL, &["evidence", "verify", request]).await
}

/// A file with this in it, for as long as the value lives.
struct File(std::path::PathBuf);

impl File {
    fn of(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ciba-{}.json", serve::initialisation().nonce()));
        std::fs::write(&path, text).expect("a file");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// `evidence verify --file`, on a machine without any setting.
async fn verify_file(exported: &Value, more: &[&str]) -> Output {
    let file = File::of(&exported.to_string());
    let arguments = [&["ciba-admin", "evidence", "verify", "--file", file.path()], more].concat();
    let nowhere = ciba::config::Environment::of(Vec::<(String, String)>::new());
    let output = ciba_admin::run(&Arguments::parse_from(arguments), &nowhere, at(LATER), serve::random).await;
    output.unwrap_or_else(|failure| panic!("{failure}"))
}

/// The log of what was kept, as it lies outside the table.
fn heads(provider: &Provider) -> String {
    let lines = provider.eavesdropper.lines("evidence");
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What the one piece of evidence amounts to.
fn verdict(output: &Output) -> (&str, Value) {
    let entry = &output.json["evidence"][0];
    (entry["verdict"].as_str().expect("a verdict"), json!([output.json["verified"], output.is_clean]))
}
