//! Refreshes and revokes a grant. Each is one conditional update.

use super::encoding::refreshing_attributes;
use super::handed_back;
use super::polling::{Written, written};
use crate::store::attribute::{CLIENT_ID, REFRESH_COUNTER, REFRESH_IDLE_UNTIL, REVOKED_AT, STATE, WRITE_ID};
use crate::store::item::{number, text, time};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::ClientId;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, StateName};
use ciba_core::domain::request::grant::Refreshing;

/// The result of using a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    Done,
    /// The grant changed after it was read, by another use of the same token or by a revocation.
    Changed(Option<Box<AuthenticationRequest>>),
}

/// The result of a revocation.
#[derive(Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The grant is revoked, by this call or an earlier one.
    Done,
    /// The client has no such grant.
    NoGrant,
}

/// A use of the refresh token with the number `seen` of this client's grant.
#[derive(Clone, Copy, Debug)]
pub struct RefreshUse<'a> {
    pub client: &'a ClientId,
    pub seen: u32,
    /// The new state of the grant's refresh tokens.
    pub next: &'a Refreshing,
    pub at: Timestamp,
}

impl Table {
    /// Records a use of a refresh token. The write is conditional, so that only one of several parallel uses
    /// succeeds (RFC 9700 §4.14.2).
    pub async fn refresh_grant(
        &self,
        request: &RequestKey,
        RefreshUse { client, seen, next, at }: RefreshUse<'_>,
        write: &WriteId,
    ) -> Result<Refreshed, StoreError> {
        let mut update = self
            .update_request(request, write)
            .condition_expression(format!(
                "#state = :redeemed AND {CLIENT_ID} = :client AND attribute_not_exists({REVOKED_AT}) \
                 AND {REFRESH_COUNTER} = :seen AND {REFRESH_IDLE_UNTIL} > :now"
            ))
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":redeemed", text(StateName::Redeemed.as_str()))
            .expression_attribute_values(":client", text(client.as_str()))
            .expression_attribute_values(":seen", number(seen))
            .expression_attribute_values(":now", time(at));
        let mut set = format!("SET {WRITE_ID} = :write");
        for (name, value) in refreshing_attributes(next) {
            set.push_str(&format!(", {name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        Ok(match written(update.update_expression(set), "UpdateItem refresh", write).await? {
            Written::Done(_) => Refreshed::Done,
            Written::Refused(item) => Refreshed::Changed(handed_back(item.as_ref())?),
        })
    }

    /// Revokes a grant of this client, and with it every token issued under it. Idempotent.
    pub async fn revoke_grant(
        &self,
        request: &RequestKey,
        client: &ClientId,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<Revoked, StoreError> {
        let update = self
            .update_request(request, write)
            .update_expression(format!(
                "SET {REVOKED_AT} = if_not_exists({REVOKED_AT}, :now), {WRITE_ID} = :write"
            ))
            .condition_expression(format!("#state = :redeemed AND {CLIENT_ID} = :client"))
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":redeemed", text(StateName::Redeemed.as_str()))
            .expression_attribute_values(":client", text(client.as_str()))
            .expression_attribute_values(":now", time(now));
        Ok(match written(update, "UpdateItem revoke", write).await? {
            Written::Done(_) => Revoked::Done,
            Written::Refused(_) => Revoked::NoGrant,
        })
    }
}
