//! One flow, from the client's request to the end of its tokens, as client and person live through it.
//!
//! 1. The client asks, and asks again while it is told to come again ([`asking`](super::asking)).
//! 2. It polls while the person has not decided.
//! 3. The person decides, perhaps at the same moment as somebody else.
//! 4. The client collects, or is sent what there is.
//! 5. It uses what it got ([`tokens`](super::tokens)).
//!
//! Each answer is held against the [`Model`]; what does not fit ends the flow as a finding.

use ciba_tests::Answer;
use futures_util::future::join_all;
use serde_json::Value;

use super::acts::Prepared;
use super::answer::{retry_after, said};
use super::model::{Action, Is, Model, Moment, Said};
use super::script::{Ending, Latecomer, Rival, Script, Who};
use super::world::World;

/// How often a caller that is told to come again does so.
pub(super) const TRIES: usize = 10;
/// The longest interval there is: after that a poll is not too early, whatever happened to those before it. Unit: s.
const SURELY_DUE: f64 = 61.0;

/// How much too early a poll has to be so that it is surely told so: the tolerance, and a second that a told time is rounded
/// up by. Unit: s.
pub(super) const EARLY: f64 = 1.6;

/// A promise was broken, and has been written down.
pub(super) struct Broken;

/// A request that was acknowledged, and what is known of it.
pub(super) struct Asked {
    pub auth_req_id: String,
    pub key: String,
    pub model: Model,
    /// Each set of tokens that it brought.
    pub tokens: Vec<Value>,
    /// A poll that may have brought them was not answered.
    pub unconfirmed: bool,
    /// Unit: s after the beginning.
    pub expires_at: f64,
    pub decide_until: f64,
    pub due_at: f64,
    /// Before this, a poll is surely too early; 0 where an answer that was lost leaves that open.
    pub early_until: f64,
}

pub(super) struct Flow<'w> {
    pub world: &'w World,
    pub script: &'w Script,
    pub asked: Vec<Asked>,
}

impl<'w> Flow<'w> {
    pub(super) fn new(world: &'w World, script: &'w Script) -> Self {
        Self { world, script, asked: Vec::new() }
    }

    /// Plays the flow to its end, and says what is known of its requests.
    pub(super) async fn play(mut self) -> Vec<Asked> {
        self.world.clock.wait(self.script.start).await;
        self.world.count("flows");
        // What was found is written down already.
        let _ = self.steps().await;
        self.world.clock.leave();
        self.asked
    }

    async fn steps(&mut self) -> Result<(), Broken> {
        if !self.ask().await? {
            return Ok(());
        }
        if self.script.ending == Ending::ApprovedBefore {
            self.approve_first().await?;
        }
        if matches!(self.script.ending, Ending::Superseded | Ending::ApprovedBefore) {
            self.world.clock.wait(2.0).await;
            if !self.ask().await? {
                return Ok(());
            }
            if self.script.who != Who::Push {
                self.at_once(0, &[(Action::Poll, Prepared::Nothing)]).await?;
            }
        }
        let current = self.asked.len() - 1;
        self.poll_while_pending(current).await?;
        self.decide(current).await?;
        self.collect(current).await?;
        if !self.asked[current].tokens.is_empty() {
            self.use_tokens(current).await?;
        }
        Ok(())
    }

    /// What is approved is the client's, and its next request does not take it back.
    async fn approve_first(&mut self) -> Result<(), Broken> {
        let prepared = self.prepare(0, Action::Approve).await?;
        self.world.clock.wait(1.0).await;
        self.insist(0, Said::Unavailable, Action::Approve, prepared).await
    }

    async fn poll_while_pending(&mut self, index: usize) -> Result<(), Broken> {
        if self.script.who == Who::Push {
            return Ok(());
        }
        for nth in 0..self.script.polls {
            let wait = if self.script.impatient && nth == 0 { 1.0 } else { self.until_due(index) };
            // The person decides before it is too late, except where that is the point.
            if self.world.clock.seconds() + wait > self.asked[index].decide_until - 5.0 {
                return Ok(());
            }
            self.world.clock.wait(wait).await;
            self.at_once(index, &[(Action::Poll, Prepared::Nothing)]).await?;
        }
        Ok(())
    }

    /// The person decides, and perhaps somebody else acts at once.
    async fn decide(&mut self, index: usize) -> Result<(), Broken> {
        let Some(action) = action(self.script.ending) else { return Ok(()) };
        let prepared = self.prepare(index, action).await?;
        if self.script.ending == Ending::TooLate {
            self.world.clock.wait(self.asked[index].expires_at - self.world.clock.seconds() - 2.0).await;
        } else {
            self.world.clock.wait(1.0).await;
        }
        let mut calls = vec![(action, prepared.clone())];
        match self.script.rival {
            Rival::Nobody => {}
            Rival::Same => calls.push((action, prepared.clone())),
            Rival::Deny => calls.push((Action::Deny, Prepared::Nothing)),
            Rival::Client => calls.push((Action::CancelAsClient, Prepared::Nothing)),
            Rival::Operator => calls.push((Action::CancelAsOperator, Prepared::Nothing)),
            Rival::Poll if self.script.who == Who::Push => {}
            Rival::Poll => calls.push((Action::Poll, Prepared::Nothing)),
        }
        let said = self.at_once(index, &calls).await?;
        self.world.count(name(action));
        self.insist(index, said[0], action, prepared).await?;
        let late = match self.script.latecomer {
            Latecomer::Nobody => None,
            Latecomer::Client => Some(Action::CancelAsClient),
            Latecomer::Operator => Some(Action::CancelAsOperator),
            Latecomer::Deny => Some(Action::Deny),
        };
        if let Some(late) = late {
            self.world.clock.wait(1.0).await;
            self.insist(index, Said::Unavailable, late, Prepared::Nothing).await?;
        }
        if self.script.ending == Ending::ReportedLater {
            self.world.clock.wait(1.0).await;
            self.insist(index, Said::Unavailable, Action::Report, Prepared::Nothing).await?;
        }
        // Those who revoke take it back when they have used their tokens.
        if self.script.ending == Ending::TakenBack && !self.script.revokes {
            self.world.clock.wait(1.0).await;
            self.take_back(index, self.script.at_once - 1).await?;
        }
        Ok(())
    }

    /// The person takes their approval back while the client polls.
    pub(super) async fn take_back(&mut self, index: usize, polls: usize) -> Result<(), Broken> {
        let polls = if self.script.who == Who::Push { 0 } else { polls };
        let mut calls = vec![(Action::TakeBack, Prepared::Nothing)];
        calls.extend(vec![(Action::Poll, Prepared::Nothing); polls]);
        let said = self.at_once(index, &calls).await?;
        self.world.count(name(Action::TakeBack));
        self.insist(index, said[0], Action::TakeBack, Prepared::Nothing).await
    }

    /// Says it again until there is an answer, as a page and an app do.
    async fn insist(
        &mut self,
        index: usize,
        mut said: Said,
        action: Action,
        prepared: Prepared,
    ) -> Result<(), Broken> {
        for _ in 0..TRIES {
            if said != Said::Unavailable {
                break;
            }
            self.world.clock.wait(1.0).await;
            said = self.at_once(index, &[(action, prepared.clone())]).await?[0];
        }
        Ok(())
    }

    /// Polls until there is nothing more to come. Of push requests it waits for what is sent.
    async fn collect(&mut self, index: usize) -> Result<(), Broken> {
        if self.script.who == Who::Push {
            return self.wait_for_push(index).await;
        }
        let mut at_once = self.script.at_once;
        loop {
            let wait = if self.asked[index].model.allows(Is::Pending) { self.until_due(index) } else { 1.0 };
            self.world.clock.wait(wait).await;
            let polls = vec![(Action::Poll, Prepared::Nothing); at_once];
            at_once = 1;
            let said = self.at_once(index, &polls).await?;
            let goes_on = |said: &Said| matches!(said, Said::Pending | Said::SlowDown | Said::Unavailable);
            if said.iter().any(|said| !goes_on(said)) {
                break;
            }
        }
        let asked = &self.asked[index];
        match asked.tokens.len() {
            0 if asked.model.is_surely(Is::Redeemed) => self.world.count("tokens that nobody got (503)"),
            0 if asked.model.is_surely(Is::Approved) && !asked.model.may_be_reported() => {
                self.world.count("approvals that were not collected in time");
            }
            0 => self.world.count("flows without tokens"),
            1 => self.world.count("flows with tokens"),
            _ => return Err(self.found("redeemed twice")),
        }
        Ok(())
    }

    async fn wait_for_push(&mut self, index: usize) -> Result<(), Broken> {
        let until = self.asked[index].expires_at;
        self.asked[index].model.pushed();
        while self.world.clock.seconds() < until && self.asked[index].model.allows(Is::Redeemed) {
            self.world.clock.wait(2.0).await;
            let id = &self.asked[index].auth_req_id;
            let calls = self.world.receiver(Who::Push).delivered();
            let told = calls.into_iter().find(|call| call.body["auth_req_id"] == id.as_str());
            let Some(told) = told else { continue };
            if told.body["access_token"].is_string() {
                self.world.count("flows with tokens");
                self.asked[index].tokens.push(told.body);
            }
            return Ok(());
        }
        Ok(())
    }

    /// Makes these calls at once, and holds the answers against what is known.
    pub(super) async fn at_once(
        &mut self,
        index: usize,
        calls: &[(Action, Prepared)],
    ) -> Result<Vec<Said>, Broken> {
        let moment = self.moment(index);
        if self.script.who == Who::Push {
            self.asked[index].model.pushed();
        }
        let acts = calls.iter().map(|(action, prepared)| self.act(index, *action, prepared));
        let answers = join_all(acts).await;
        let mut all = Vec::new();
        for ((action, _), answer) in calls.iter().zip(&answers) {
            let said = match answer {
                Ok(answer) => said(*action, answer).map_err(|why| self.found(&why))?,
                Err(said) => *said,
            };
            if said == Said::Unavailable {
                self.world.count("answers of 503");
            }
            all.push((*action, said));
        }
        let before = self.asked[index].model.clone();
        for ((_, said), answer) in all.iter().zip(answers).filter(|((action, _), _)| *action == Action::Poll)
        {
            if let Ok(answer) = answer {
                self.polled(index, *said, answer)?;
            }
        }
        match before.after(&all, moment) {
            Some(known) => self.asked[index].model = known,
            None => return Err(self.found(&format!("{all:?} at {moment:?} after {before:?}"))),
        }
        Ok(all.into_iter().map(|(_, said)| said).collect())
    }

    /// What the answer to a poll tells beside its word: tokens, or when to come again.
    fn polled(&mut self, index: usize, said: Said, answer: Answer) -> Result<(), Broken> {
        let now = self.world.clock.seconds();
        let again = match said {
            Said::Done => {
                self.asked[index].tokens.push(answer.body);
                return Ok(());
            }
            // It may have been carried out: then the next one is too early for as long as can be.
            Said::Unavailable => {
                self.asked[index].unconfirmed = true;
                self.asked[index].early_until = f64::NEG_INFINITY;
                SURELY_DUE
            }
            Said::Pending | Said::SlowDown => {
                let told = retry_after(&answer);
                told.ok_or_else(|| self.found(&format!("{said:?} without a time: {answer:?}")))?
            }
            Said::Expired | Said::Denied | Said::Invalid | Said::NotOpen => return Ok(()),
        };
        // Of polls at once the latest counts.
        self.asked[index].due_at = f64::max(self.asked[index].due_at, now + again);
        if said != Said::Unavailable && self.asked[index].early_until.is_finite() {
            self.asked[index].early_until = now + again - EARLY;
        }
        Ok(())
    }

    pub(super) fn moment(&self, index: usize) -> Moment {
        let (now, asked) = (self.world.clock.seconds(), &self.asked[index]);
        Moment {
            decidable: now < asked.decide_until,
            expired: now >= asked.expires_at,
            due: now >= asked.due_at,
            early: now < asked.early_until,
        }
    }

    /// How long until a poll is not too early, as far as the client was told. Unit: s.
    fn until_due(&self, index: usize) -> f64 {
        let wait = self.asked[index].due_at - self.world.clock.seconds();
        // After a poll that was not answered it tries in good time all the same.
        if wait > 20.0 { 6.0 } else { wait.max(1.0) }
    }

    pub(super) fn found(&self, what: &str) -> Broken {
        self.world.found(self.script, what);
        Broken
    }
}

/// What the person does.
const fn action(ending: Ending) -> Option<Action> {
    match ending {
        Ending::Approved
        | Ending::ReportedLater
        | Ending::TakenBack
        | Ending::Superseded
        | Ending::ApprovedBefore
        | Ending::TooLate => Some(Action::Approve),
        Ending::Denied => Some(Action::Deny),
        Ending::Declined => Some(Action::Decline),
        Ending::Reported => Some(Action::Report),
        Ending::CancelledByClient => Some(Action::CancelAsClient),
        Ending::CancelledByOperator => Some(Action::CancelAsOperator),
        Ending::Ignored => None,
    }
}

const fn name(action: Action) -> &'static str {
    match action {
        Action::Approve => "approvals sent",
        Action::Deny => "denials sent",
        Action::Decline => "pages declined",
        Action::Report => "reports sent",
        Action::TakeBack => "approvals taken back",
        Action::CancelAsClient => "cancellations by clients",
        Action::CancelAsOperator => "cancellations by the operator",
        Action::Poll | Action::Supersede => "others",
    }
}
