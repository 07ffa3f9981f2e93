//! Deciding: the person approves all or some of the scope, or denies (CIBA §8).

use std::time::Duration;

use crate::domain::authentication_request::{AuthenticationRequest, Decided as Transition, State};
use crate::domain::client::{Client, ClientId};
use crate::domain::decision::{Approval, Decision, DecisionRefused};
use crate::domain::grant::Grant;
use crate::domain::login_issuer::LoginProof;
use crate::domain::person::Person;
use crate::domain::request_key::RequestKey;
use crate::domain::scope::Scope;
use crate::flows::Invocation;
use crate::store::{Decided, DecisionEvidence, StoreError, Table};

/// How often a decision is tried when a poll meets it at the same moment.
const TRIES: usize = 3;

/// What the person sends.
pub enum Choice {
    /// Some of the scope, or all of it.
    Approve(Option<Scope>),
    Deny,
}

/// The decision as it is recorded.
#[derive(Debug, PartialEq, Eq)]
pub enum Recorded {
    Approved(Scope),
    Denied,
}

impl Recorded {
    /// What a decided request says; whatever is not approved grants nothing.
    fn of(state: &State) -> Self {
        match state {
            State::Approved(approval) | State::Redeemed(Grant { approval, .. }) => {
                Self::Approved(approval.scope.clone())
            }
            State::Pending | State::Denied { .. } | State::Cancelled { .. } => Self::Denied,
        }
    }
}

#[derive(Debug)]
pub enum NotDecided {
    Refused(DecisionRefused),
    /// The client named is not the one that asked: the person saw something else.
    OtherClient,
    /// The login token belongs to the client that asks.
    SelfApproval,
    /// Person or client are not active any more.
    Inactive,
    Contended,
    Store(StoreError),
}

impl From<StoreError> for NotDecided {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What this flow works with.
pub struct Consenting<'a> {
    pub table: &'a Table,
    pub evidence_retention: Duration,
}

impl Consenting<'_> {
    /// 1. Read request, person and client as they are now, in one read (`ATK-8-04`).
    /// 2. Check that the person decides about the client that was shown, and not with that client's own token.
    /// 3. Let the state machine say what the decision makes of the request.
    /// 4. Record it with its evidence, in one transaction. If the request changed meanwhile, look again.
    ///
    /// `client` is the one that was on the screen.
    pub async fn decide(
        &self,
        request: &RequestKey,
        client: &ClientId,
        choice: Choice,
        proof: &LoginProof,
        invocation: &Invocation,
    ) -> Result<Recorded, NotDecided> {
        for _ in 0..TRIES {
            let read = self.table.find_for_decision(request, &proof.person, client).await?;
            let found = checked(read, client, proof)?;
            let decision = decision(&choice, &found, proof, invocation);
            let next = match found.decide(&proof.person, &decision, invocation.now) {
                Ok(Transition::Already) => return Ok(Recorded::of(&found.state)),
                Ok(Transition::Now(next)) => next,
                Err(refused) => return Err(NotDecided::Refused(refused)),
            };
            let recorded = Recorded::of(&next);
            let evidence = evidence(&found, &next, &recorded, proof, self.evidence_retention, invocation);
            match self.table.decide_request(&next, &evidence, &invocation.write_id).await? {
                Decided::Done => return Ok(recorded),
                Decided::Changed(_) => {}
            }
        }
        Err(NotDecided::Contended)
    }
}

/// Step 2. Somebody else's request comes first, so that nothing about it can be found out.
fn checked(
    (found, person, known_client): (Option<AuthenticationRequest>, Option<Person>, Option<Client>),
    client: &ClientId,
    proof: &LoginProof,
) -> Result<AuthenticationRequest, NotDecided> {
    let found = found
        .filter(|request| request.person == proof.person)
        .ok_or(NotDecided::Refused(DecisionRefused::NotYours))?;
    if found.client != *client {
        return Err(NotDecided::OtherClient);
    }
    if proof.names(client) {
        return Err(NotDecided::SelfApproval);
    }
    if !person.is_some_and(|person| person.active) || !known_client.is_some_and(|client| client.active) {
        return Err(NotDecided::Inactive);
    }
    Ok(found)
}

fn decision(
    choice: &Choice,
    request: &AuthenticationRequest,
    proof: &LoginProof,
    invocation: &Invocation,
) -> Decision {
    match choice {
        Choice::Deny => Decision::Deny,
        Choice::Approve(scope) => Decision::Approve(Approval {
            at: invocation.now,
            scope: scope.as_ref().unwrap_or(&request.scope).clone(),
            authentication: proof.authentication.clone(),
        }),
    }
}

fn evidence<'a>(
    request: &'a AuthenticationRequest,
    next: &State,
    recorded: &'a Recorded,
    proof: &'a LoginProof,
    keep_for: Duration,
    invocation: &Invocation,
) -> DecisionEvidence<'a> {
    DecisionEvidence {
        request: &request.key,
        client: &request.client,
        person: &request.person,
        decision: next.name().as_str(),
        scope: match recorded {
            Recorded::Approved(scope) => scope,
            Recorded::Denied => &request.scope,
        },
        issuer: &proof.issuer,
        jti: proof.jti.as_deref(),
        auth_time: proof.authentication.auth_time,
        at: invocation.now,
        keep_for,
    }
}
