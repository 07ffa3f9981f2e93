//! Rounds: each starts every function once, including the bare one, so that other load on the machine affects all of
//! them alike.

use std::time::Duration;

use axum::body::Bytes;
use ciba_local::Error;

use crate::instance::{Binaries, Cost, Instance};
use crate::statistics::Samples;
use crate::step::{Step, functions};
use crate::supply::Supply;
use crate::surroundings::Way;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// How often each function is started.
    pub rounds: usize,
    /// How often each step is repeated in a warm function, in each round.
    pub warm: usize,
}

/// The measurements of one function.
#[derive(Clone, Debug)]
pub struct Measured {
    pub function: &'static str,
    pub init: Costs,
    /// The first invocation: the first of [`Self::steps`].
    pub first: Costs,
    /// The resident memory after all steps. Unit: bytes.
    pub memory: Samples,
    pub steps: Vec<Warm>,
}

/// A step in a warm function.
#[derive(Clone, Debug)]
pub struct Warm {
    pub step: Step,
    pub costs: Costs,
    /// The size of the log of one invocation. Unit: bytes.
    pub logged: Samples,
}

/// Unit: milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    pub wall: Samples,
    pub cpu: Samples,
}

impl Costs {
    fn add(&mut self, cost: Cost) {
        self.wall.add(millis(cost.wall));
        self.cpu.add(millis(cost.cpu));
    }
}

pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Measures every function, with this way to reach AWS.
pub async fn all(
    supply: &mut Supply,
    binaries: &Binaries,
    way: Way,
    amount: Amount,
) -> Result<Vec<Measured>, Error> {
    let mut measured: Vec<Measured> = functions().into_iter().map(Measured::new).collect();
    for _ in 0..amount.rounds {
        for function in &mut measured {
            function.round(supply, binaries, way, amount.warm).await?;
        }
    }
    Ok(measured)
}

impl Measured {
    fn new((function, steps): (&'static str, Vec<Step>)) -> Self {
        let warm = |step| Warm { step, costs: Costs::default(), logged: Samples::default() };
        let steps = steps.into_iter().map(warm).collect();
        Self { function, init: Costs::default(), first: Costs::default(), memory: Samples::default(), steps }
    }

    /// One cold start with its first invocation, then every step in the warm function.
    async fn round(
        &mut self,
        supply: &mut Supply,
        binaries: &Binaries,
        way: Way,
        warm: usize,
    ) -> Result<(), Error> {
        let first = self.steps.first().ok_or("a function without a step")?.step;
        let event = supply.events(first.event, 1).await?.remove(0);
        let environment = supply.surroundings.environment(way);
        let mut instance = Instance::start(binaries, self.function, &environment).await?;
        self.init.add(instance.init);
        self.first.add(invoke(&mut instance, &first, event).await?);
        for Warm { step, costs, logged } in &mut self.steps {
            let events = supply.events(step.event, warm).await?;
            let before = instance.logged()?;
            for event in events {
                costs.add(invoke(&mut instance, step, event).await?);
            }
            logged.add((instance.logged()? - before) as f64 / warm.max(1) as f64);
        }
        self.memory.add(instance.memory()? as f64);
        instance.stop().await
    }
}

/// One invocation, whose response has to be the one that the step expects.
pub async fn invoke(instance: &mut Instance, step: &Step, event: Bytes) -> Result<Cost, Error> {
    let (answer, cost) = instance.invoke(event, step.status).await?;
    if !answer.body.contains(step.says) {
        return Err(format!("{}, {}: {answer:?} lacks {}", step.function, step.name, step.says).into());
    }
    Ok(cost)
}
