//! Cancels a request, for an operator or for the client that made it, and lists the pending requests of all
//! people, for an operator.

use super::polling::{Written, written};
use super::{PENDING_INDEX, PendingRequest, cancel, encoding, handed_back};
use crate::store::attribute::{CLIENT_ID, EXPIRES_AT, STATE};
use crate::store::item::{text, time};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, Canceller, StateName};

#[derive(Debug)]
pub enum Cancelled {
    Done,
    /// The request is not open, is another client's or does not exist. Contains the current item, if there is
    /// one.
    Otherwise(Option<Box<AuthenticationRequest>>),
}

/// Pending requests of all people, unordered.
#[derive(Debug)]
pub struct PendingList {
    pub requests: Vec<PendingRequest>,
    /// `false` if there may be more.
    pub is_complete: bool,
}

impl Table {
    /// Cancels a request if the canceller is allowed to and the request is undecided and unexpired.
    pub async fn cancel_request(
        &self,
        request: &RequestKey,
        canceller: Canceller<'_>,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<Cancelled, StoreError> {
        let update = self
            .update_request(request, write)
            .update_expression(cancel())
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":cancelled", text(StateName::Cancelled.as_str()))
            .expression_attribute_values(":pending", text(StateName::Pending.as_str()))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":by", text(canceller.cancelled_by().as_str()));
        let open = format!("#state = :pending AND {EXPIRES_AT} > :now");
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

    /// The pending requests of all people at `now`: at most `most`, from at most `evaluate` entries of the index.
    ///
    /// Reads only the sparse index, which contains pending requests and expired ones that TTL has not deleted
    /// yet. Functions have no permission to Scan; operators do.
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
