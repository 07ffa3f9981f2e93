//! Requests cancelled, by an operator or their client; and listed over all people, for an operator.

use super::polling::{Written, written};
use super::{CANCEL, PENDING_INDEX, PendingRequest, encoding, handed_back};
use crate::store::attribute::{CLIENT_ID, EXPIRES_AT, STATE};
use crate::store::item::{text, time};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, Canceller, StateName};

#[derive(Debug)]
pub enum Cancelled {
    Done,
    /// It was not pending any more, or there is none: the item as it is.
    Otherwise(Option<Box<AuthenticationRequest>>),
}

/// What waits for anybody, in no order.
#[derive(Debug)]
pub struct PendingList {
    pub requests: Vec<PendingRequest>,
    /// `false`: there may be more.
    pub is_complete: bool,
}

impl Table {
    /// Cancels a request, if the canceller may, nobody has decided it and it has not expired.
    pub async fn cancel_request(
        &self,
        request: &RequestKey,
        canceller: Canceller<'_>,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<Cancelled, StoreError> {
        let update = self
            .update_request(request, write)
            .update_expression(CANCEL)
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":cancelled", text(StateName::Cancelled.as_str()))
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":by", text(canceller.cancelled_by().as_str()));
        let open = "#state = :pending AND expires_at > :now";
        let update = match canceller {
            Canceller::Operator => update.condition_expression(open),
            Canceller::Client(client) => update
                .condition_expression(format!("{open} AND {CLIENT_ID} = :client"))
                .expression_attribute_values(":client", text(client.as_str())),
        };
        Ok(match written(update, "UpdateItem cancel", write).await? {
            Written::Done(_) => Cancelled::Done,
            Written::Refused(item) => Cancelled::Otherwise(handed_back(item.as_ref())?),
        })
    }

    /// What waits for anybody at `now`: at most `most`, found among at most `evaluate` entries of the index.
    ///
    /// It reads the sparse index alone, which has what is pending, and what expired since DynamoDB last swept. No
    /// function may Scan; an operator may.
    pub async fn list_all_pending(
        &self,
        now: Timestamp,
        most: usize,
        evaluate: i32,
    ) -> Result<PendingList, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .index_name(PENDING_INDEX)
            .filter_expression(format!("{EXPIRES_AT} > :now"))
            .expression_attribute_values(":now", time(now));
        let mut requests = Vec::new();
        let is_complete = self
            .scan(scan, "Scan pending", evaluate, |items| {
                for item in items {
                    requests.push(encoding::decode_pending(item)?);
                }
                Ok(requests.len() > most)
            })
            .await?;
        let is_complete = is_complete && requests.len() <= most;
        requests.truncate(most);
        Ok(PendingList { requests, is_complete })
    }
}
