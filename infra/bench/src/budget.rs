//! The DynamoDB calls of each step, as the recording proxy saw them.

use std::collections::BTreeMap;

use ciba_local::Error;
use ciba_local::proxy::Call;

use crate::instance::{Binaries, Instance};
use crate::measure::invoke;
use crate::step::{Step, functions};
use crate::supply::Supply;
use crate::surroundings::Way;

/// What one step costs in DynamoDB.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    pub calls: Vec<String>,
    /// Read request units.
    pub reads: f64,
    /// Write request units, in the table and the index. A failed condition is billed like a write of one
    /// unit, which its response does not include.
    pub writes: f64,
}

impl Budget {
    fn of(calls: &[Call]) -> Self {
        let mut budget = Self::default();
        for call in calls {
            let failed = call.status.is_none_or(|status| !status.is_success());
            let units = call.capacity.as_ref().map_or(0.0, |capacity| capacity.total);
            let name = if failed {
                format!("{} (failed condition)", call.operation)
            } else {
                call.operation.clone()
            };
            budget.calls.push(name);
            match call.operation.as_str() {
                "GetItem" | "BatchGetItem" | "Query" => budget.reads += units,
                _ if failed => budget.writes += 1.0,
                _ => budget.writes += units,
            }
        }
        budget
    }
}

/// The budget of every step of a warm function, by function and step.
pub async fn all(
    supply: &mut Supply,
    binaries: &Binaries,
) -> Result<BTreeMap<(&'static str, &'static str), Budget>, Error> {
    let environment = supply.surroundings.environment(Way::Recorded);
    let mut budgets = BTreeMap::new();
    for (function, steps) in functions() {
        let mut instance = Instance::start(binaries, function, &environment).await?;
        for step in steps {
            budgets.insert((function, step.name), one(supply, &mut instance, &step).await?);
        }
        instance.stop().await?;
    }
    Ok(budgets)
}

/// Measures the second of two: by then the function has cached the client and its keys.
async fn one(supply: &mut Supply, instance: &mut Instance, step: &Step) -> Result<Budget, Error> {
    for _ in 0..2 {
        let event = supply.events(step.event, 1).await?.remove(0);
        supply.surroundings.proxy.clear();
        invoke(instance, step, event).await?;
    }
    Ok(Budget::of(&supply.surroundings.proxy.calls()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use ciba_local::proxy::Capacity;

    use super::*;

    fn call(operation: &str, status: StatusCode, units: Option<f64>) -> Call {
        let capacity = units.map(|total| Capacity { total, ..Capacity::default() });
        Call {
            operation: operation.to_owned(),
            caller: None,
            touches: vec![],
            status: Some(status),
            capacity,
            order: 0,
        }
    }

    /// A failed condition counts as a write of one unit.
    #[test]
    fn reads_and_writes_are_counted_apart() {
        let calls = [
            call("UpdateItem", StatusCode::BAD_REQUEST, None),
            call("BatchGetItem", StatusCode::OK, Some(2.0)),
            call("UpdateItem", StatusCode::OK, Some(1.0)),
        ];
        let budget = Budget::of(&calls);
        assert_eq!((budget.reads, budget.writes), (2.0, 2.0));
        assert_eq!(budget.calls, ["UpdateItem (failed condition)", "BatchGetItem", "UpdateItem"]);
    }
}
