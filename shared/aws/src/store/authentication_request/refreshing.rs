//! A grant's later life: refreshed, revoked. One conditional update each.

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

/// What became of a use of a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    Done,
    /// It changed since it was read: another use of the same token, or a revocation.
    Changed(Option<Box<AuthenticationRequest>>),
}

/// What became of a revocation.
#[derive(Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Now or before.
    Done,
    /// There is no such grant of this client.
    NoGrant,
}

/// A use of the refresh token number `seen` of this client's grant.
#[derive(Clone, Copy, Debug)]
pub struct RefreshUse<'a> {
    pub client: &'a ClientId,
    pub seen: u32,
    /// What becomes of the grant.
    pub next: &'a Refreshing,
    pub at: Timestamp,
}

impl Table {
    /// Records a use of a refresh token: of any number of parallel uses, one goes through (`TOK-3-09`).
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
        let mut set = "SET write_id = :write".to_owned();
        for (name, value) in refreshing_attributes(next) {
            set.push_str(&format!(", {name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        Ok(match written(update.update_expression(set), "UpdateItem refresh", write).await? {
            Written::Done(_) => Refreshed::Done,
            Written::Refused(item) => Refreshed::Changed(handed_back(item.as_ref())?),
        })
    }

    /// Revokes a grant of this client, and with it every token issued under it. Doing it twice does it once.
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
