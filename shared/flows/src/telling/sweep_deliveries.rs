//! Finds deliveries that nothing asks for any more, and asks for them again.
//!
//! The table's stream keeps a decision for 24 hours. If the function was not invoked for that long, the decision is in
//! the table only. No index has such deliveries, so all of the table is read, page by page.

use super::dead_letters::NotDone;
use crate::Invocation;
use ciba_aws::notify::DeliveryQueue;
use ciba_aws::store::Table;
use ciba_core::domain::request::authentication_request::AuthenticationRequest;
use ciba_core::domain::request::delivery::{Due, due};

/// The dependencies of this flow.
pub struct SweepDeliveries<'a> {
    pub table: &'a Table,
    pub queue: &'a DeliveryQueue,
}

/// What a sweep found.
#[derive(Debug, Default)]
pub struct SweptDeliveries {
    /// The requests whose deliveries are due. Each is in the queue.
    pub queued: Vec<AuthenticationRequest>,
    /// How many items of the table were read, of every kind.
    pub evaluated: i32,
    /// `false` if the table has more items than were to be read.
    pub is_complete: bool,
}

impl SweepDeliveries<'_> {
    /// Reads at most `evaluate` items of the table, and reports to `progress` after each page.
    ///
    /// 1. Find the deliveries on a page that are waiting although their time has come.
    /// 2. Let the rules determine which of them is due: no decision means that there is nothing to tell.
    /// 3. Send those to the queue.
    ///
    /// It can be stopped at any time, and repeated: a message about a delivery that is already made, or that another
    /// message asks for, has no effect.
    pub async fn sweep(
        &self,
        evaluate: i32,
        invocation: &Invocation,
        mut progress: impl FnMut(&SweptDeliveries),
    ) -> Result<SweptDeliveries, NotDone> {
        let now = invocation.now;
        let (mut swept, mut from) = (SweptDeliveries::default(), None);
        while swept.evaluated < evaluate {
            let page = self.table.overdue_deliveries(now, evaluate - swept.evaluated, from).await?;
            swept.evaluated += page.evaluated;
            for request in &page.requests {
                let Some(basis) = self.table.find_delivery(request).await? else { continue };
                match due(&basis.request, &basis.delivery, now) {
                    Due::Tell(_) => {
                        self.queue.send(request).await?;
                        swept.queued.push(basis.request);
                    }
                    Due::Wait(_) | Due::Drop | Due::Over => {}
                }
            }
            progress(&swept);
            from = page.next;
            if from.is_none() {
                swept.is_complete = true;
                break;
            }
        }
        Ok(swept)
    }
}
