//! Whole flows through warm functions: ask → look at the request → approve → poll, pending and redeeming.
//!
//! Each phase is measured for all flows before the next, because a poll is due only after an interval, and that wait
//! should not be measured. The time between the phases is not measured.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use ciba_local::Error;

use crate::instance::{Answer, Binaries, Instance};
use crate::supply::{Asked, Supply, UNTIL_DUE};
use crate::surroundings::Way;

/// What many flows cost.
#[derive(Clone, Copy, Debug)]
pub struct Flows {
    /// How many flows, and how many at once: as many processes of each function.
    pub count: usize,
    pub at_once: usize,
    /// All phases together.
    pub wall: Duration,
    /// For the functions' processes, all phases together.
    pub cpu: Duration,
    /// Only the pending polls.
    pub polls: Phase,
}

/// One phase, for all flows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phase {
    pub wall: Duration,
    pub cpu: Duration,
}

pub async fn flows(
    supply: &mut Supply,
    binaries: &Binaries,
    count: usize,
    at_once: usize,
) -> Result<Flows, Error> {
    let mut people = Vec::with_capacity(count);
    for _ in 0..count {
        people.push(supply.surroundings.person().await?);
    }
    let mut ask = Pool::start(supply, binaries, "backchannel-authentication", at_once).await?;
    let mut poll = Pool::start(supply, binaries, "token", at_once).await?;
    let mut consent = Pool::start(supply, binaries, "consent", at_once).await?;

    supply.surroundings.sns.clear();
    let events = people.iter().map(|person| supply.ask(person)).collect::<Result<_, _>>()?;
    let (asking, answers) = ask.run(events, 200).await?;
    let asked = asked(supply, people, &answers)?;

    tokio::time::sleep(UNTIL_DUE).await;
    let events =
        |of: &dyn Fn(&Asked) -> Result<Bytes, Error>| asked.iter().map(of).collect::<Result<Vec<_>, _>>();
    let (pending, _) = poll.run(events(&|it| supply.poll(it))?, 400).await?;
    let (reviewing, _) = consent.run(events(&|it| supply.review(it))?, 200).await?;
    let (approving, _) = consent.run(events(&|it| supply.approve(it))?, 200).await?;
    let (redeeming, _) = poll.run(events(&|it| supply.poll(it))?, 200).await?;

    for pool in [ask, poll, consent] {
        pool.stop().await?;
    }
    let phases = [asking, pending, reviewing, approving, redeeming];
    Ok(Flows {
        count,
        at_once,
        wall: phases.iter().map(|phase| phase.wall).sum(),
        cpu: phases.iter().map(|phase| phase.cpu).sum(),
        polls: pending,
    })
}

/// Combines what the client received and what each person received.
fn asked(supply: &Supply, people: Vec<String>, answers: &[Answer]) -> Result<Vec<Asked>, Error> {
    let messages = supply.surroundings.sns.messages();
    let request = |person: &str| {
        let number = crate::surroundings::number(person)?;
        let message = messages.iter().find(|message| message.phone_number() == Some(&number))?;
        message.text.rsplit('/').next().map(str::to_owned)
    };
    people
        .into_iter()
        .zip(answers)
        .map(|(person, answer)| {
            let request = request(&person).ok_or("no message")?;
            Ok(Asked { auth_req_id: answer.text("auth_req_id")?, request, person })
        })
        .collect()
}

/// Several processes of one function.
struct Pool(Vec<Instance>);

impl Pool {
    async fn start(
        supply: &mut Supply,
        binaries: &Binaries,
        function: &str,
        size: usize,
    ) -> Result<Self, Error> {
        let environment = supply.surroundings.environment(Way::Plain);
        let mut instances = Vec::with_capacity(size);
        for _ in 0..size {
            instances.push(Instance::start(binaries, function, &environment).await?);
        }
        Ok(Self(instances))
    }

    /// Distributes the events and runs the processes in parallel. The responses are in the order of the events.
    async fn run(&mut self, events: Vec<Bytes>, status: u16) -> Result<(Phase, Vec<Answer>), Error> {
        let at_once = self.0.len();
        let before = self.cpu()?;
        let begun = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        for (nth, mut instance) in self.0.drain(..).enumerate() {
            let mine: Vec<_> = events
                .iter()
                .enumerate()
                .skip(nth)
                .step_by(at_once)
                .map(|(at, it)| (at, it.clone()))
                .collect();
            running.spawn(async move {
                let mut answers = Vec::with_capacity(mine.len());
                for (at, event) in mine {
                    answers.push((at, instance.invoke(event, status).await?.0));
                }
                Ok::<_, Error>((instance, answers))
            });
        }
        let mut answers = Vec::with_capacity(events.len());
        while let Some(done) = running.join_next().await {
            let (instance, some) = done??;
            self.0.push(instance);
            answers.extend(some);
        }
        let wall = begun.elapsed();
        answers.sort_by_key(|(at, _)| *at);
        let phase = Phase { wall, cpu: self.cpu()?.saturating_sub(before) };
        Ok((phase, answers.into_iter().map(|(_, answer)| answer).collect()))
    }

    fn cpu(&self) -> Result<Duration, Error> {
        self.0.iter().map(Instance::cpu).sum()
    }

    async fn stop(self) -> Result<(), Error> {
        for instance in self.0 {
            instance.stop().await?;
        }
        Ok(())
    }
}
