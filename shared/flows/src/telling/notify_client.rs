//! Notifies a ping or push client of a decision (CIBA §10.2, §10.3, §12): makes one attempt, or returns why none
//! is made now.
//!
//! The notification is read from the table each time, so it does not matter how often, in which order and through
//! how many records stream and queue ask for it. At most one attempt is in progress at a time, and no attempt follows a
//! recorded success. A crash between the client's response and its recording causes the same call to be repeated
//! with the same bytes: a ping is computed again, and pushed tokens are issued once and stored.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::Invocation;
use crate::tokens::issue_tokens::{IssueTokens, NotIssued};
use crate::tokens::redeem::{NotRedeemed, PresentedHandle, Redeem};
use ciba_aws::config::{Issuer, TokenSettings};
use ciba_aws::keys::{HandleUse, Kept, KeyError, KeyRing, KeyRings, OpenError};
use ciba_aws::notify::{DeliveryQueue, QueueError};
use ciba_aws::outbound::{Caller, Lanes};
use ciba_aws::store::{Claimed, DeliveryBasis, FailedAttempt, Mint, StoreError, Table};
use ciba_core::domain::base::confirmation::Confirmation;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::secret::Secret;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::NotificationEndpoint;
use ciba_core::domain::client::notification_token::ClientNotificationToken;
use ciba_core::domain::request::auth_req_id::AuthReqId;
use ciba_core::domain::request::authentication_request::AuthenticationRequest;
use ciba_core::domain::request::delivery::{
    Answer, Delivery, DeliveryState, Due, LEASE, News, PushError, Verdict, due, pause, tried_until,
};
use ciba_core::protocol::client_notification::{Ping, PushedError, PushedTokens};

/// The time that must be left of the invocation for a call and for recording its result.
const FOR_A_CALL: Duration = Caller::LONGEST.saturating_add(Duration::from_secs(2));
/// When to retry if another invocation is delivering or no time is left now.
const SOON: Duration = Duration::from_secs(1);
/// How long a record of the stream waits for a client's answer: later records wait for it.
const FOR_AN_ANSWER: Duration = Duration::from_secs(2);
/// The time that is left of an invocation of the stream for handing over to the queue what has not come to its end.
const FOR_THE_QUEUE: Duration = Duration::from_secs(5);

/// What asks for deliveries, and with it how long they may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// A record of the stream, for which the later ones wait.
    Stream,
    /// A message of the queue, for which nothing waits but its own batch.
    Queue,
}

impl AskedBy {
    /// How long a client may take to answer.
    const fn for_an_answer(self) -> Duration {
        match self {
            Self::Stream => FOR_AN_ANSWER,
            Self::Queue => Caller::LONGEST,
        }
    }
}

/// The dependencies of this flow.
pub struct NotifyClient<'a> {
    pub table: &'a Table,
    pub rings: &'a KeyRings,
    /// The state of `rings` at the beginning of the invocation.
    pub keys: &'a KeyRing,
    pub issuer: &'a Issuer,
    pub settings: &'a TokenSettings,
    pub caller: &'a Caller,
    pub lanes: &'a Lanes,
    pub dead_letters: &'a DeliveryQueue,
    pub asked_by: AskedBy,
    pub invocation: &'a Invocation,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Delivered,
    /// The notification is no longer needed.
    Unneeded,
    /// The delivery failed permanently, for this reason, and is in the dead letter queue.
    Failed(String),
    /// Retry at this time. Contains the reason if an attempt failed.
    Wait(Timestamp, Option<String>),
    /// The request was already delivered, given up, withdrawn or deleted.
    Over,
}

/// Nothing was achieved, and it has to be tried again. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The stored data does not have the form that this code writes.
    #[error("{0}")]
    Fault(String),
}

impl From<OpenError> for NotTold {
    fn from(error: OpenError) -> Self {
        Self::Fault(format!("sealed data cannot be decrypted: {error:?}"))
    }
}

impl NotTold {
    pub fn detail(&self) -> String {
        match self {
            Self::Keys(error) => error.0.clone(),
            Self::Store(error) => error.detail(),
            Self::Queue(error) => error.0.clone(),
            Self::Fault(why) => why.clone(),
        }
    }
}

/// Everything that an attempt needs before it begins.
struct Attempt<'a> {
    request: &'a AuthenticationRequest,
    delivery: &'a Delivery,
    news: News,
    body: Vec<u8>,
    endpoint: NotificationEndpoint,
    token: ClientNotificationToken,
}

impl NotifyClient<'_> {
    /// Notifies the clients of several requests concurrently, so that no client waits for another. A panic
    /// affects only its own request. What the stream asked for and is not done when the invocation is about to end
    /// has to be tried again when its attempt, if it has begun one, no longer excludes others.
    pub async fn tell_all(&self, requests: &[RequestKey]) -> Vec<Result<Told, NotTold>> {
        let branches: Vec<_> = requests.iter().map(|_| self.invocation.branch()).collect();
        let each = requests.iter().zip(&branches).map(|(request, invocation)| async move {
            let branch = NotifyClient { invocation, ..*self };
            match self.asked_by {
                AskedBy::Queue => branch.tell(request).await,
                AskedBy::Stream => {
                    let until = invocation.deadline.checked_sub(FOR_THE_QUEUE).unwrap_or_else(Instant::now);
                    let told = timeout_at(until, branch.tell(request)).await;
                    told.unwrap_or_else(|_| Ok(self.wait(invocation.now.plus(LEASE))))
                }
            }
        });
        let told = join_all(each.map(|one| AssertUnwindSafe(one).catch_unwind())).await;
        let or_fault = |told: Result<_, _>| {
            told.unwrap_or_else(|_| Err(NotTold::Fault("the delivery panicked".to_owned())))
        };
        told.into_iter().map(or_fault).collect()
    }

    /// 1. Read the request and its delivery.
    /// 2. Let the rules determine what is due.
    /// 3. Make the attempt, if one is due.
    async fn tell(&self, request: &RequestKey) -> Result<Told, NotTold> {
        let now = self.invocation.now;
        let Some(basis) = self.table.find_delivery(request).await? else { return Ok(Told::Over) };
        match due(&basis.request, &basis.delivery, now) {
            Due::Over => Ok(Told::Over),
            Due::Wait(until) => Ok(Told::Wait(until, None)),
            Due::Drop => {
                let write = &self.invocation.write_id;
                self.table.settle_delivery(request, DeliveryState::Unneeded, None, now, write).await?;
                Ok(Told::Unneeded)
            }
            Due::Tell(news) => self.attempt(&basis, news).await,
        }
    }

    /// 1. Read the client again, because it may have been disabled, or its endpoint changed, since the request.
    /// 2. Wait for a free place among the calls to this client.
    /// 3. Prepare the notification, and begin the attempt: one conditional write, which for tokens also redeems
    ///    the request.
    /// 4. Call the client.
    /// 5. Record the result.
    async fn attempt(&self, basis: &DeliveryBasis, news: News) -> Result<Told, NotTold> {
        let DeliveryBasis { request, delivery } = basis;
        let now = self.invocation.now;
        let client = self.table.find_client(&request.client).await?.filter(|client| client.active);
        let Some(client) = client else {
            return self.give_up(basis, delivery.attempts, "client_inactive").await;
        };
        let Some(endpoint) = client.delivery.endpoint() else {
            return self.give_up(basis, delivery.attempts, "no_endpoint").await;
        };

        let lane = self.lanes.of(&request.client);
        if self.asked_by == AskedBy::Stream && lane.is_unhurried(now) {
            return Ok(self.wait(now));
        }
        let _place = match lane.enter(now).await {
            Ok(place) => place,
            Err(until) => return Ok(self.wait(until.plus(self.invocation.jitter(SOON)))),
        };
        if self.invocation.deadline.saturating_duration_since(Instant::now()) < FOR_A_CALL {
            return Ok(self.wait(now.plus(SOON)));
        }

        let prepared = self.prepare(request, delivery, news, endpoint).await?;
        let attempt = match prepared {
            Prepared::Begun(attempt) => attempt,
            Prepared::ByAnother => return Ok(self.wait(now.plus(SOON))),
            Prepared::GiveUp(why) => return self.give_up(basis, delivery.attempts, why).await,
        };
        let (began, within) = (Instant::now(), self.asked_by.for_an_answer());
        let answer = self.caller.post(&attempt.endpoint, &attempt.token, attempt.body.clone(), within).await;
        lane.answered(answer.is_slow(), began.elapsed() >= FOR_AN_ANSWER, now);
        self.record(&attempt, answer).await
    }

    /// Step 3.
    async fn prepare<'r>(
        &self,
        request: &'r AuthenticationRequest,
        delivery: &'r Delivery,
        news: News,
        endpoint: &NotificationEndpoint,
    ) -> Result<Prepared<'r>, NotTold> {
        let handle =
            self.keys.seal_handle_again(HandleUse::AuthReqId, &request.key, request.handle_generation);
        // A withdrawn key seals no handles, and the handles that it sealed are rejected, so the client could not
        // use one.
        let Ok(handle) = handle else { return Ok(Prepared::GiveUp("key_withdrawn")) };
        let auth_req_id = AuthReqId::sealed(handle);
        let token = delivery.notification_token.as_deref();
        let token = token.ok_or_else(|| NotTold::Fault("the notification token is missing".to_owned()))?;
        let token = self.keys.open_kept(Kept::NotificationToken, &request.key, token)?;
        let token = String::from_utf8(token).map_err(|error| NotTold::Fault(error.to_string()))?;
        let token = ClientNotificationToken::from_stored(Secret::new(token));
        let attempt =
            |news, body| Attempt { request, delivery, news, body, endpoint: endpoint.clone(), token };

        let (news, body) = match (news, &delivery.payload) {
            (News::Ping, _) => (news, json(&Ping { auth_req_id: &auth_req_id })?),
            (News::Error(error), _) => (news, json(&PushedError::new(error, &auth_req_id))?),
            (News::Tokens, Some(payload)) => {
                (news, self.keys.open_kept(Kept::Payload, &request.key, payload)?)
            }
            (News::Tokens, None) => match self.mint(request, delivery, &auth_req_id).await? {
                Minted::Done(body) => return Ok(Prepared::Begun(attempt(News::Tokens, body))),
                Minted::ByAnother => return Ok(Prepared::ByAnother),
                Minted::GiveUp(why) => return Ok(Prepared::GiveUp(why)),
                Minted::Refused(error) => (News::Error(error), json(&PushedError::new(error, &auth_req_id))?),
            },
        };
        let lease = self.invocation.now.plus(LEASE);
        let write = &self.invocation.write_id;
        Ok(match self.table.claim_delivery(&request.key, delivery, lease, write).await? {
            Claimed::Done => Prepared::Begun(attempt(news, body)),
            Claimed::Changed => Prepared::ByAnother,
        })
    }

    /// Issues the tokens of an approved push request, once, and stores them until they are delivered.
    async fn mint(
        &self,
        request: &AuthenticationRequest,
        delivery: &Delivery,
        auth_req_id: &AuthReqId,
    ) -> Result<Minted, NotTold> {
        let Self { table, rings, keys, issuer, settings, invocation, .. } = self;
        let flow = Redeem { table, issuing: IssueTokens { keys: rings, issuer, settings, invocation } };
        // A push carries no proof by the client, so its tokens cannot be bound to a key (CIBA §10.3).
        let presented = PresentedHandle {
            client: &request.client,
            auth_req_id,
            resources: &[],
            confirmation: Confirmation::NOTHING,
        };
        let (grant, tokens) = match flow.prepare(request, &presented).await {
            Ok(prepared) => prepared,
            Err(NotRedeemed::Gone) => return Ok(Minted::ByAnother),
            Err(NotRedeemed::Expired) => return Ok(Minted::Refused(PushError::ExpiredToken)),
            Err(NotRedeemed::TakenBack | NotRedeemed::PersonInactive | NotRedeemed::Blocked) => {
                return Ok(Minted::Refused(PushError::AccessDenied));
            }
            Err(NotRedeemed::ClientInactive) => return Ok(Minted::GiveUp("client_inactive")),
            Err(NotRedeemed::NotIssued(NotIssued::Keys(error))) => return Err(error.into()),
            Err(NotRedeemed::NotIssued(
                NotIssued::Target(_)
                | NotIssued::Scope(_)
                | NotIssued::ScopeBeyondGrant(_)
                | NotIssued::Unbound,
            )) => {
                return Ok(Minted::Refused(PushError::TransactionFailed));
            }
            Err(NotRedeemed::Store(error)) => return Err(error.into()),
        };
        let body = json(&PushedTokens { tokens: &tokens, auth_req_id })?;
        let payload = keys.seal_kept(Kept::Payload, &request.key, &body, invocation.now)?;
        let lease = invocation.now.plus(LEASE);
        let mint = Mint { request, grant: &grant, seen: delivery, payload: &payload, lease };
        Ok(match table.mint_delivery(mint, &invocation.write_id).await? {
            Claimed::Done => Minted::Done(body),
            Claimed::Changed => Minted::ByAnother,
        })
    }

    /// Step 5.
    async fn record(&self, attempt: &Attempt<'_>, answer: Answer) -> Result<Told, NotTold> {
        let Invocation { now, write_id, .. } = self.invocation;
        let (key, attempts) = (&attempt.request.key, attempt.delivery.attempts + 1);
        let next = now.plus(pause(attempts, answer, |most| self.invocation.jitter(most)));
        match answer.verdict() {
            Verdict::Delivered => {
                let decided_at = attempt.request.decided_at();
                let delivered = DeliveryState::Delivered;
                self.table.settle_delivery(key, delivered, decided_at, *now, write_id).await?;
                Ok(Told::Delivered)
            }
            Verdict::Again if next < tried_until(attempt.request, attempt.delivery, attempt.news) => {
                let code = answer.code();
                self.table.postpone_delivery(key, attempts, &code, next, write_id).await?;
                Ok(Told::Wait(next, Some(code)))
            }
            Verdict::Again | Verdict::Final => {
                let revoke = attempt.news == News::Tokens;
                self.bury(key, attempts, &answer.code(), revoke).await
            }
        }
    }

    /// Gives up a delivery without another attempt.
    async fn give_up(&self, basis: &DeliveryBasis, attempts: u32, why: &str) -> Result<Told, NotTold> {
        self.bury(&basis.request.key, attempts, why, basis.delivery.payload.is_some()).await
    }

    /// Sends the dead letter before it records the failure. After a crash in between, the delivery is retried and
    /// the letter is merely superfluous; in the opposite order the letter would be lost.
    async fn bury(
        &self,
        request: &RequestKey,
        attempts: u32,
        why: &str,
        revoke: bool,
    ) -> Result<Told, NotTold> {
        let Invocation { now, write_id, .. } = self.invocation;
        self.dead_letters.send(request).await?;
        let failed = FailedAttempt { attempts, failure: why, revoke };
        if self.table.fail_delivery(request, failed, *now, write_id).await? {
            Ok(Told::Failed(why.to_owned()))
        } else {
            Ok(self.wait(now.plus(SOON)))
        }
    }

    fn wait(&self, until: Timestamp) -> Told {
        Told::Wait(until, None)
    }
}

enum Prepared<'r> {
    Begun(Attempt<'r>),
    /// Another record about the same decision was first.
    ByAnother,
    GiveUp(&'static str),
}

enum Minted {
    Done(Vec<u8>),
    ByAnother,
    GiveUp(&'static str),
    /// No tokens will be issued. Contains the error for the client.
    Refused(PushError),
}

fn json(body: &impl Serialize) -> Result<Vec<u8>, NotTold> {
    serde_json::to_vec(body).map_err(|error| NotTold::Fault(error.to_string()))
}
