//! Starting an authentication: the request is stored, the person is told, then the client is answered.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Invocation;
use crate::asking::Asking;
use crate::asking::check_user_code::check_again;
use crate::deciding::keep_evidence::{About, Happened, KeepEvidence, NotKept};
use ciba_aws::config::RequestSettings;
use ciba_aws::keys::{HandleUse, Kept, KeyError, KeyRing};
use ciba_aws::notify::{Notifier, NotifyError};
use ciba_aws::store::{Beside, EvidenceWrite, Inserted, StoreError, Table, Withdrawn};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::client::notification_token::ClientNotificationToken;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::asks::{Ask, Asks};
use ciba_core::domain::request::auth_req_id::AuthReqId;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, Polling, State};
use ciba_core::domain::request::lifetime::Lifetime;
use ciba_core::domain::request::notification::Messages;
use ciba_core::domain::request::notification::Notification;
use ciba_core::domain::request::statement::Nonce;
use ciba_core::protocol::request_object::SignedRequest;

/// How often an insertion is tried when others ask the same person at the same moment.
const TRIES: usize = 5;
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_millis(60);
/// What is left of the invocation for withdrawing a request about which nobody could be told.
const FOR_WITHDRAWAL: Duration = Duration::from_secs(4);

/// What this flow works with.
pub struct StartAuthentication<'a> {
    pub table: &'a Table,
    pub notifier: &'a Notifier,
    pub keys: &'a KeyRing,
    pub keeper: KeepEvidence<'a>,
    pub requests: &'a RequestSettings,
    pub messages: &'a Messages,
}

/// A request that is stored and about which the person has been told.
pub struct Started {
    pub request: AuthenticationRequest,
    pub auth_req_id: AuthReqId,
    /// The channel whose message SNS has accepted. `None` if that is not known, and the person has decided all the same.
    pub channel: Option<&'static str>,
    /// Channels that came before the one that worked, for the log (`ATK-7-06`).
    pub unreachable: Vec<Unreachable>,
    /// What is kept of a signed request.
    pub evidence: Option<EvidenceWrite>,
}

/// A channel that does not lead to its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// `sms`, `push` or `topic`.
    pub channel: &'static str,
    pub why: String,
}

/// Why no authentication was started. No request is left behind, and no further message leaves.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// Wrong codes came in between, and now none is taken.
    #[error("user codes locked")]
    UserCodesLocked,
    /// This person has been asked as often as may be, or not by this client (`ATK-1-06`).
    #[error("limit reached")]
    LimitReached,
    /// This person cannot be told on any channel.
    #[error("{0}")]
    Unreachable(String),
    /// Too many ask this person at this very moment.
    #[error("contended")]
    Contended,
    /// SNS does not accept messages now.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// What the client signed cannot be kept now.
    #[error("not kept")]
    NotKept(NotKept),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StartAuthentication<'_> {
    /// `asks` as they are after the check of the user code.
    ///
    /// 1. Name the request, and seal the name for the client, and what it is to be called with.
    /// 2. Store it within the person's limits, with what the client signed; it supersedes the client's earlier one.
    /// 3. Tell the person. If that fails for good, withdraw the request.
    pub async fn start(
        &self,
        asking: Asking<'_>,
        asks: Asks,
        invocation: &Invocation,
    ) -> Result<Started, NotStarted> {
        let Asking { client, person, asked, .. } = asking;
        let key = RequestKey::from_bytes(invocation.random());
        let (auth_req_id, handle_generation) =
            self.keys.seal_handle(HandleUse::AuthReqId, &key, invocation.now)?;
        let auth_req_id = AuthReqId::sealed(auth_req_id);
        let request = self.request(key, handle_generation, asking, invocation);
        let seal = |token: &ClientNotificationToken| {
            self.keys.seal_kept(Kept::NotificationToken, &key, token.expose().as_bytes(), invocation.now)
        };
        let token = asked.notification_token.as_ref().map(seal).transpose()?;
        let evidence = self.insert(&request, asking, token.as_deref(), asks, invocation).await?;

        let deadline = invocation.deadline.checked_sub(FOR_WITHDRAWAL).unwrap_or_else(Instant::now);
        let notification = self.messages.notification(&request, &client.name, invocation.now);
        let (channel, unreachable) = match self.tell(&notification, person, deadline).await {
            Ok((channel, unreachable)) => (Some(channel), unreachable),
            Err(error) => match self.table.withdraw_request(&request).await? {
                Withdrawn::Done => {
                    return Err(match error {
                        NotifyError::Unreachable(why) => NotStarted::Unreachable(why),
                        NotifyError::Unavailable(why) => NotStarted::Unavailable(why),
                    });
                }
                // Whoever decided did get the message.
                Withdrawn::Decided => (None, vec![]),
            },
        };
        Ok(Started { request, auth_req_id, channel, unreachable, evidence })
    }

    fn request(
        &self,
        key: RequestKey,
        handle_generation: u32,
        Asking { client, person, asked, detail }: Asking<'_>,
        invocation: &Invocation,
    ) -> AuthenticationRequest {
        let settings = &self.requests.lifetime;
        AuthenticationRequest {
            key,
            client: client.id.clone(),
            person: person.key.clone(),
            mode: client.delivery.mode(),
            scope: asked.scope.clone(),
            resources: asked.resources.clone(),
            acr_values: asked.acr_values.clone(),
            binding_message: asked.binding_message.clone(),
            lifetime: Lifetime::new(invocation.now, asked.requested_expiry, client.delivery.mode(), settings),
            polling: Polling {
                interval: settings.interval,
                next_poll_at: invocation.now.plus(settings.interval),
            },
            handle_generation,
            nonce: Nonce::from_bytes(invocation.random()),
            has_detail: !detail.is_empty(),
            state: State::Pending,
        }
    }

    /// What the client signed, byte for byte and sealed, with the key that verified it, in its place among what is kept of
    /// the person.
    async fn evidence(
        &self,
        request: &AuthenticationRequest,
        signed: &SignedRequest,
        invocation: &Invocation,
    ) -> Result<EvidenceWrite, NotStarted> {
        let basis = self.table.find_evidence_basis(&request.person).await?;
        let about = About { request: &request.key, client: &request.client, person: &request.person };
        let kept = self.keeper.keep(about, &Happened::Asked(signed), &basis, invocation).await;
        kept.map_err(NotStarted::NotKept)
    }

    /// Stores the request and counts it in one transaction, so parallel requests cannot pass the limits together.
    async fn insert(
        &self,
        request: &AuthenticationRequest,
        Asking { client, person, asked, detail }: Asking<'_>,
        notification_token: Option<&[u8]>,
        mut asks: Asks,
        invocation: &Invocation,
    ) -> Result<Option<EvidenceWrite>, NotStarted> {
        let ask = Ask {
            client: request.client.clone(),
            request: request.key,
            at: request.lifetime.created_at,
            expires_at: request.lifetime.expires_at,
        };
        for _ in 0..TRIES {
            let admitted =
                asks.admit(ask.clone(), &self.requests.limits).map_err(|_| NotStarted::LimitReached)?;
            let evidence = match &asked.signed {
                Some(signed) => Some(self.evidence(request, signed, invocation).await?),
                None => None,
            };
            let beside = Beside { notification_token, evidence: evidence.as_ref(), detail };
            let mut supersedes = admitted.supersedes;
            loop {
                let insertion = self.table.insert_request(
                    request,
                    &admitted.asks,
                    supersedes.as_ref(),
                    beside,
                    &invocation.write_id,
                );
                match insertion.await? {
                    Inserted::Done => return Ok(evidence),
                    Inserted::NothingToSupersede if supersedes.is_some() => supersedes = None,
                    Inserted::NothingToSupersede | Inserted::AsksChanged => break,
                }
            }
            sleep(invocation.jitter(PAUSE)).await;
            let (_, fresh) =
                self.table.find_person_with_asks(&request.person).await?.ok_or(NotStarted::Contended)?;
            asks = check_again(client, person, fresh, invocation.now).ok_or(NotStarted::UserCodesLocked)?;
        }
        Err(NotStarted::Contended)
    }

    /// Tries the person's channels in their order, until SNS has accepted a message. That channel, and those before it.
    ///
    /// A channel that refuses this person leaves the next one to try, also a weaker one: a message carries no
    /// authority. An outage does not, because the message may yet arrive.
    async fn tell(
        &self,
        notification: &Notification,
        person: &Person,
        deadline: Instant,
    ) -> Result<(&'static str, Vec<Unreachable>), NotifyError> {
        let mut unreachable = Vec::new();
        for channel in &person.channels {
            match self.notifier.send(channel, notification, deadline).await {
                Ok(()) => return Ok((channel.kind(), unreachable)),
                Err(NotifyError::Unreachable(why)) => {
                    unreachable.push(Unreachable { channel: channel.kind(), why });
                }
                Err(NotifyError::Unavailable(why)) => {
                    return Err(NotifyError::Unavailable(format!("{}: {why}", channel.kind())));
                }
            }
        }
        let why = unreachable.iter().map(|it| format!("{}: {}", it.channel, it.why)).collect::<Vec<_>>();
        Err(NotifyError::Unreachable(if why.is_empty() {
            "the person has no channel".to_owned()
        } else {
            why.join("; ")
        }))
    }
}
