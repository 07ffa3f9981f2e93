//! Records of enrollments (`enrolment#<person key>` / `passkey#<id>#<time>`): each is written once, never
//! changed, and kept when the passkey is removed.

use aws_sdk_dynamodb::types::Put;

use crate::store::attribute::{DOCUMENT, PARTITION_KEY, SORT_KEY, WITNESS};
use crate::store::item::{Item, Reader, key, text};
use crate::store::{StoreError, Table, passkey};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::person::passkey::{Passkey, PasskeyId};
use ciba_core::domain::person::witnessed::Witnessed;

fn pk(person: &PersonKey) -> String {
    format!("enrolment#{}", person.as_str())
}

impl Table {
    pub(super) fn put_enrollment(
        &self,
        passkey: &Passkey,
        enrollment: &Witnessed,
    ) -> Result<Put, StoreError> {
        let sk = format!("{}#{}", passkey::sk(&passkey.id), passkey.created_at.millis());
        let mut item: Item = key(pk(&passkey.person), sk);
        item.extend([
            (DOCUMENT.to_owned(), text(&enrollment.document)),
            (WITNESS.to_owned(), text(&enrollment.witness)),
        ]);
        self.put_new(item)
    }

    /// All enrollment records of this person's passkey, oldest first. The caller has to verify them.
    pub async fn find_enrollments(
        &self,
        person: &PersonKey,
        passkey: &PasskeyId,
    ) -> Result<Vec<Witnessed>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression(format!("{PARTITION_KEY} = :pk AND begins_with({SORT_KEY}, :passkey)"))
            .expression_attribute_values(":pk", text(pk(person)))
            .expression_attribute_values(":passkey", text(format!("{}#", passkey::sk(passkey))))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("Query enrollments", &error))?;
        let decode = |item: &Item| {
            let reader = Reader(item);
            Ok(Witnessed {
                document: reader.text(DOCUMENT)?.to_owned(),
                witness: reader.text(WITNESS)?.to_owned(),
            })
        };
        answer.items().iter().map(decode).collect()
    }
}
