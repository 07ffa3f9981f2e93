//! Takes an approval back: the parts of a decision's transaction that change the request. Each is conditional on the
//! state that the person saw, so that an approval is either collected or taken back, and a grant is revoked once.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Update};

use super::request_key;
use crate::store::attribute::{CANCELLED_BY, DECIDED_AT, EXPIRES_AT, PERSON, REVOKED_AT, STATE, WRITE_ID};
use crate::store::item::{text, time};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, CancelledBy, StateName};

impl Table {
    /// Before the client has collected it: approved → cancelled.
    pub(super) fn cancel_approved(
        &self,
        request: &AuthenticationRequest,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<Update, StoreError> {
        self.update_answered(request, StateName::Approved, now, write)
            .update_expression(format!(
                "SET #state = :cancelled, {DECIDED_AT} = :now, {CANCELLED_BY} = :by, {WRITE_ID} = :write"
            ))
            .condition_expression(format!("#state = :state AND {PERSON} = :person AND {EXPIRES_AT} > :now"))
            .expression_attribute_values(":cancelled", text(StateName::Cancelled.as_str()))
            .expression_attribute_values(":by", text(CancelledBy::Person.as_str()))
            .build()
            .map_err(StoreError::incomplete)
    }

    /// Afterwards: the grant is revoked, and with it every token issued under it.
    pub(super) fn revoke_redeemed(
        &self,
        request: &AuthenticationRequest,
        now: Timestamp,
        write: &WriteId,
    ) -> Result<Update, StoreError> {
        self.update_answered(request, StateName::Redeemed, now, write)
            .update_expression(format!("SET {REVOKED_AT} = :now, {WRITE_ID} = :write"))
            .condition_expression(format!(
                "#state = :state AND {PERSON} = :person AND attribute_not_exists({REVOKED_AT})"
            ))
            .build()
            .map_err(StoreError::incomplete)
    }

    fn update_answered(
        &self,
        request: &AuthenticationRequest,
        state: StateName,
        now: Timestamp,
        write: &WriteId,
    ) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.name)
            .set_key(Some(request_key(&request.key)))
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":person", text(request.person.as_str()))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":write", text(write.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}
