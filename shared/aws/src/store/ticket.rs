//! Enrollment tickets (`ticket#<hash>` / `ticket`).

use aws_sdk_dynamodb::types::Update;

use crate::store::attribute::{
    CHALLENGE, CREATED_AT, EXPIRES_AT, KIND, PARTITION_KEY, TTL, USED_AT, USED_FOR, USER, WRITE_ID,
};
use crate::store::item::{Item, Reader, bytes, key, text, time, ttl};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::person::passkey::PasskeyId;
use ciba_core::domain::person::ticket::{Ticket, TicketHash, TicketKind};

const SK: &str = "ticket";

fn ticket_key(hash: &TicketHash) -> Item {
    key(format!("ticket#{}", hash.as_str()), SK)
}

fn decode(hash: &TicketHash, item: &Item) -> Result<Ticket, StoreError> {
    let reader = Reader(item);
    let used_for = reader
        .optional_text(USED_FOR)
        .map(|text| PasskeyId::parse(text).ok_or_else(|| Reader::corrupt(USED_FOR)));
    Ok(Ticket {
        hash: hash.clone(),
        person: PersonKey::from_stored(reader.text(USER)?),
        kind: reader.parsed(KIND, TicketKind::parse)?,
        challenge: reader.bytes(CHALLENGE)?.try_into().map_err(|_| Reader::corrupt(CHALLENGE))?,
        created_at: reader.time(CREATED_AT)?,
        expires_at: reader.time(EXPIRES_AT)?,
        used_for: used_for.transpose()?,
    })
}

/// The update that uses up a ticket, once and before it expires.
pub(super) fn use_up(
    table: &Table,
    ticket: &Ticket,
    passkey: &PasskeyId,
    now: Timestamp,
    write: &WriteId,
) -> Result<Update, StoreError> {
    Update::builder()
        .table_name(&table.name)
        .set_key(Some(ticket_key(&ticket.hash)))
        .condition_expression(format!(
            "attribute_exists({PARTITION_KEY}) AND attribute_not_exists({USED_AT}) AND {EXPIRES_AT} > :now"
        ))
        .update_expression(format!("SET {USED_AT} = :now, {USED_FOR} = :passkey, {WRITE_ID} = :write"))
        .expression_attribute_values(":now", time(now))
        .expression_attribute_values(":passkey", text(passkey.as_str()))
        .expression_attribute_values(":write", text(write.as_str()))
        .build()
        .map_err(StoreError::incomplete)
}

impl Table {
    /// The ticket with this hash, even if it is expired or used.
    pub async fn find_ticket(&self, hash: &TicketHash) -> Result<Option<Ticket>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(ticket_key(hash)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::unavailable("GetItem ticket", &error))?;
        answer.item.map(|item| decode(hash, &item)).transpose()
    }

    /// Writes a new ticket. `false` if one with this hash exists, which does not happen by chance.
    pub async fn insert_ticket(&self, ticket: &Ticket, write: &WriteId) -> Result<bool, StoreError> {
        let mut item = ticket_key(&ticket.hash);
        item.extend([
            (USER.to_owned(), text(ticket.person.as_str())),
            (KIND.to_owned(), text(ticket.kind.as_str())),
            (CHALLENGE.to_owned(), bytes(&ticket.challenge)),
            (CREATED_AT.to_owned(), time(ticket.created_at)),
            (EXPIRES_AT.to_owned(), time(ticket.expires_at)),
            (TTL.to_owned(), ttl(ticket.expires_at)),
            (WRITE_ID.to_owned(), text(write.as_str())),
        ]);
        self.put_if_absent(item, WRITE_ID, "PutItem ticket").await
    }
}
