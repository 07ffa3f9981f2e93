//! Evidence of a test, opened as the operator's tool opens it.

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use ciba::aws::Aws;
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::request::evidence::{Evidence, SaltedText};
use ciba::domain::request::evidence_document::{Document, Personal};
use ciba::keys::{KeyRings, Kms};
use serde_json::Value;

use crate::{Provider, START};

impl Provider {
    /// What is sealed in a document of today.
    pub async fn opened(&self, document: &Document) -> Option<SaltedText> {
        let kms = Kms::connect(&Aws::read(&self.environment()).expect("AWS"));
        let ring = KeyRings::new(self.table.clone(), kms).get(START).await.expect("keys");
        let person = PersonKey::from_stored(&document.person);
        let wrapped = self.table.find_evidence_basis(&person).await.expect("the table").personal_key?;
        let key = ring.open_personal_key(&person, &wrapped).ok()?;
        key.open(&RequestKey::parse(&document.request)?, &document.filed_as(), &document.sealed)
    }

    /// The decision in an item, opened.
    pub async fn decision_in(&self, item: &Value) -> Evidence {
        let document = Document::decode(item["document"].as_str().expect("a document")).expect("evidence");
        let text = self.opened(&document).await.expect("sealed for it");
        document.with(Personal::decode(text.expose()).expect("personal")).expect("a decision")
    }

    /// The one decision that is kept, opened, as version 1 of the document had it.
    pub async fn decision(&self) -> Value {
        let items = self.items_under("evidence#").await;
        let item = items.iter().find(|item| item["sk"] != "request").expect("a decision");
        serde_json::to_value(self.decision_in(item).await).expect("JSON")
    }

    /// The secret that keys for version 1 of a signed request's evidence were derived from: as the functions had it.
    pub async fn first_secret(&self) -> aws_lc_rs::hkdf::Prk {
        let keys = self.bytes_of("keys", "key#data#00000001", "sealed").await;
        let kms = Kms::connect(&Aws::read(&self.environment()).expect("AWS"));
        let key = kms.decrypt(&keys[0]).await.expect("the data key");
        Salt::new(HKDF_SHA256, b"").extract(&key)
    }
}
