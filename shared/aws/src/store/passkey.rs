//! Passkeys (`user#<key>` / `passkey#<id>`), and the shared item of a person's passkeys (`user#<key>` /
//! `passkeys`).

use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};

use crate::store::attribute::{
    ATTESTED, BACKUP_ELIGIBLE, COUNT, COUNTER, CREATED_AT, CREDENTIAL, ENROLLED_BY, ENROLMENT, LAST_USED_AT,
    PARTITION_KEY, RP_ID, SORT_KEY, USER_HANDLE, VERSION, WITNESS, WRITE_ID,
};
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, bytes, key, number, text, time};
use crate::store::{StoreError, Table, WriteId, person, ticket};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::passkey::{MAX_PASSKEYS, Passkey, PasskeyId, Passkeys, UserHandle};
use ciba_core::domain::person::ticket::Ticket;
use ciba_core::domain::person::witnessed::Witnessed;
use ciba_core::verify::webauthn::Asserted;

pub(super) const SK_PREFIX: &str = "passkey#";
/// The sort key of the shared item. It does not have the passkeys' prefix, so that listing them does not return it.
const SK: &str = "passkeys";

/// The value of `enrolled_by`. Without it, an operator handed out the ticket.
const THE_PERSON: &str = "person";

pub(super) fn sk(id: &PasskeyId) -> String {
    format!("{SK_PREFIX}{}", id.as_str())
}

pub(super) fn passkey_key(person: &PersonKey, id: &PasskeyId) -> Item {
    key(person::pk(person), sk(id))
}

pub(super) fn decode(item: &Item) -> Result<Passkey, StoreError> {
    let reader = Reader(item);
    Ok(Passkey {
        id: reader.parsed(SORT_KEY, |sk| PasskeyId::parse(sk.strip_prefix(SK_PREFIX)?))?,
        person: reader.parsed(PARTITION_KEY, person::from_pk)?,
        user_handle: UserHandle::from_stored(reader.bytes(USER_HANDLE)?)
            .ok_or_else(|| Reader::corrupt(USER_HANDLE))?,
        credential: reader.text(CREDENTIAL)?.to_owned(),
        counter: reader.unsigned(COUNTER)?,
        rp_id: reader.text(RP_ID)?.to_owned(),
        backup_eligible: reader.flag(BACKUP_ELIGIBLE)?,
        attested: reader.flag(ATTESTED)?,
        created_at: reader.time(CREATED_AT)?,
        is_self_enrolled: match reader.optional_text(ENROLLED_BY) {
            None => false,
            Some(THE_PERSON) => true,
            Some(_) => return Err(Reader::corrupt(ENROLLED_BY)),
        },
        last_used_at: reader.optional_time(LAST_USED_AT)?,
        enrollment: match (reader.optional_text(ENROLMENT), reader.optional_text(WITNESS)) {
            (Some(document), Some(witness)) => {
                Some(Witnessed { document: document.to_owned(), witness: witness.to_owned() })
            }
            (None | Some(_), _) => None,
        },
    })
}

fn decode_common(item: &Item) -> Result<Passkeys, StoreError> {
    let reader = Reader(item);
    Ok(Passkeys {
        user_handle: UserHandle::from_stored(reader.bytes(USER_HANDLE)?)
            .ok_or_else(|| Reader::corrupt(USER_HANDLE))?,
        version: reader.unsigned(VERSION)?,
        count: reader.unsigned(COUNT)?,
    })
}

fn common_key(person: &PersonKey) -> Item {
    key(person::pk(person), SK)
}

/// The result of an enrollment. Unless it is `Done`, nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyEnrolled {
    Done,
    /// The person already has this passkey.
    AlreadyThere,
    /// The ticket was used, another passkey was added or removed, or the vouching passkey was used. The caller
    /// has to read them again.
    Changed,
}

/// The result of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyRemoved {
    Done,
    Unknown,
    /// Another passkey was added or removed. The caller has to read them again.
    Changed,
}

fn encode(passkey: &Passkey) -> Item {
    let mut item = passkey_key(&passkey.person, &passkey.id);
    item.extend([
        (USER_HANDLE.to_owned(), bytes(passkey.user_handle.as_bytes())),
        (CREDENTIAL.to_owned(), text(&passkey.credential)),
        (COUNTER.to_owned(), number(passkey.counter)),
        (RP_ID.to_owned(), text(&passkey.rp_id)),
        (BACKUP_ELIGIBLE.to_owned(), AttributeValue::Bool(passkey.backup_eligible)),
        (ATTESTED.to_owned(), AttributeValue::Bool(passkey.attested)),
        (CREATED_AT.to_owned(), time(passkey.created_at)),
    ]);
    item.extend(passkey.is_self_enrolled.then(|| (ENROLLED_BY.to_owned(), text(THE_PERSON))));
    item.extend(passkey.last_used_at.map(|at| (LAST_USED_AT.to_owned(), time(at))));
    item.extend(passkey.enrollment.iter().flat_map(|enrollment| {
        [(ENROLMENT.to_owned(), text(&enrollment.document)), (WITNESS.to_owned(), text(&enrollment.witness))]
    }));
    item
}

/// A passkey that is enrolled with a ticket.
#[derive(Clone, Copy)]
pub struct PasskeyEnrollment<'a> {
    pub ticket: &'a Ticket,
    pub passkey: &'a Passkey,
    /// The person's passkeys as they were read.
    pub passkeys: &'a Passkeys,
    /// The existing passkey that vouches for the new one, if the person has one, and its assertion.
    pub vouching: Option<(&'a Passkey, &'a Asserted)>,
    pub at: Timestamp,
}

impl Table {
    /// One passkey of a person.
    pub async fn find_passkey(
        &self,
        person: &PersonKey,
        id: &PasskeyId,
    ) -> Result<Option<Passkey>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(passkey_key(person, id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem passkey", &error))?;
        answer.item.as_ref().map(decode).transpose()
    }

    /// A person's passkeys, oldest first.
    pub async fn list_passkeys(&self, person: &PersonKey) -> Result<Vec<Passkey>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression(format!("{PARTITION_KEY} = :pk AND begins_with({SORT_KEY}, :prefix)"))
            .expression_attribute_values(":pk", text(person::pk(person)))
            .expression_attribute_values(":prefix", text(SK_PREFIX))
            // All of them fit into one response: an item is one or two kilobytes.
            .limit(MAX_PASSKEYS as i32)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("Query passkeys", &error))?;
        let mut passkeys: Vec<_> = answer.items().iter().map(decode).collect::<Result<_, _>>()?;
        passkeys.sort_by_key(|passkey: &Passkey| (passkey.created_at, passkey.id.as_str().to_owned()));
        Ok(passkeys)
    }

    /// A person, and the shared item of their passkeys.
    pub async fn find_person_with_passkeys(
        &self,
        of: &PersonKey,
    ) -> Result<Option<(Person, Option<Passkeys>)>, StoreError> {
        let items = self.batch_get(vec![key(person::pk(of), person::SK), common_key(of)]).await?;
        let found = with_sk(&items, person::SK).map(person::decode).transpose()?;
        let passkeys = with_sk(&items, SK).map(decode_common).transpose()?;
        Ok(found.map(|person| (person, passkeys)))
    }

    /// Gives a person a permanent user handle. `false` if they have one already.
    pub async fn insert_user_handle(
        &self,
        person: &PersonKey,
        handle: &UserHandle,
        write: &WriteId,
    ) -> Result<bool, StoreError> {
        let mut item = common_key(person);
        item.extend([
            (USER_HANDLE.to_owned(), bytes(handle.as_bytes())),
            (VERSION.to_owned(), number(0)),
            (COUNT.to_owned(), number(0)),
            (WRITE_ID.to_owned(), text(write.as_str())),
        ]);
        self.put_if_absent(item, WRITE_ID, "PutItem passkeys").await
    }

    /// Adds a passkey if neither the ticket nor the person's passkeys have changed since they were read: uses up
    /// the ticket, records the enrollment and the use of the vouching passkey, in one transaction.
    pub async fn enrol_passkey(
        &self,
        PasskeyEnrollment { ticket, passkey, passkeys, vouching, at }: PasskeyEnrollment<'_>,
        write: &WriteId,
    ) -> Result<PasskeyEnrolled, StoreError> {
        let put = self.put_new(encode(passkey))?;
        let used = ticket::use_up(self, ticket, &passkey.id, at, write)?;
        let counted = self.count_passkeys(&passkey.person, passkeys, 1, write)?;
        let mut writes = vec![
            // The ticket comes first, so that a retry after a lost response is not mistaken for `AlreadyThere`:
            // its passkey exists as well.
            TransactWriteItem::builder().update(used).build(),
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(counted).build(),
        ];
        if let Some((vouching, asserted)) = vouching {
            let update = self.use_passkey(vouching, asserted, at)?;
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        if let Some(enrollment) = &passkey.enrollment {
            let put = self.put_enrollment(passkey, enrollment)?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        let Some(reasons) = self.transact("EnrolPasskey", writes).await? else {
            return Ok(PasskeyEnrolled::Done);
        };
        Ok(match reasons.iter().position(is_failed_condition) {
            Some(1) => PasskeyEnrolled::AlreadyThere,
            Some(_) | None => PasskeyEnrolled::Changed,
        })
    }

    /// Removes a passkey if the person's passkeys have not changed since they were read, in one transaction.
    pub async fn remove_passkey(
        &self,
        person: &PersonKey,
        id: &PasskeyId,
        passkeys: &Passkeys,
        write: &WriteId,
    ) -> Result<PasskeyRemoved, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(passkey_key(person, id)))
            .condition_expression(format!("attribute_exists({PARTITION_KEY})"))
            .build()
            .map_err(StoreError::incomplete)?;
        let writes = vec![
            TransactWriteItem::builder().delete(delete).build(),
            TransactWriteItem::builder().update(self.count_passkeys(person, passkeys, -1, write)?).build(),
        ];
        let Some(reasons) = self.transact("RemovePasskey", writes).await? else {
            return Ok(PasskeyRemoved::Done);
        };
        Ok(match reasons.iter().position(is_failed_condition) {
            Some(0) => PasskeyRemoved::Unknown,
            Some(_) | None => PasskeyRemoved::Changed,
        })
    }

    fn count_passkeys(
        &self,
        person: &PersonKey,
        seen: &Passkeys,
        change: i64,
        write: &WriteId,
    ) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.name)
            .set_key(Some(common_key(person)))
            .condition_expression("#version = :seen")
            .update_expression(format!(
                "SET #version = :next, #count = #count + :change, {WRITE_ID} = :write"
            ))
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#count", COUNT)
            .expression_attribute_values(":seen", number(seen.version as i64))
            .expression_attribute_values(":next", number(seen.version as i64 + 1))
            .expression_attribute_values(":change", number(change))
            .expression_attribute_values(":write", text(write.as_str()))
            .build()
            .map_err(StoreError::incomplete)
    }

    /// The update for a use of a passkey at `now`: writes its counter and backup eligibility, on condition that
    /// the passkey was not removed or used elsewhere since it was read.
    ///
    /// A passkey without a counter can be used twice at the same moment, but the request that it is used for is
    /// decided only once.
    pub(super) fn use_passkey(
        &self,
        passkey: &Passkey,
        asserted: &Asserted,
        now: Timestamp,
    ) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.name)
            .set_key(Some(passkey_key(&passkey.person, &passkey.id)))
            .condition_expression(
                format!("attribute_exists({PARTITION_KEY}) AND #counter = :seen AND {BACKUP_ELIGIBLE} = :was_eligible"),
            )
            .update_expression(
                format!("SET #counter = :counter, {CREDENTIAL} = :credential, {BACKUP_ELIGIBLE} = :eligible, {LAST_USED_AT} = :now"),
            )
            // `counter` is a reserved word in DynamoDB.
            .expression_attribute_names("#counter", COUNTER)
            .expression_attribute_values(":seen", number(passkey.counter))
            .expression_attribute_values(":counter", number(asserted.counter))
            .expression_attribute_values(":credential", text(&asserted.credential))
            .expression_attribute_values(":was_eligible", AttributeValue::Bool(passkey.backup_eligible))
            .expression_attribute_values(":eligible", AttributeValue::Bool(asserted.backup_eligible))
            .expression_attribute_values(":now", time(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::incomplete)
    }
}

fn is_failed_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}
