//! Starts an authentication: the request is stored, then the person is notified, then the client gets its
//! response.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Invocation;
use crate::asking::Asking;
use crate::asking::check_user_code::{check_again, limited};
use crate::deciding::keep_evidence::{About, Happened, KeepEvidence};
use crate::deciding::statement::statement;
use crate::telling::tell_person::{MessageTime, RequestMessage, TellPerson};
use ciba_aws::config::RequestSettings;
use ciba_aws::keys::{HandleUse, Kept, KeyRing};
use ciba_aws::notify::NotifyError;
use ciba_aws::store::{Beside, DescribedPerson, EvidenceWrite, Inserted, Table, Withdrawn};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::client::notification_token::ClientNotificationToken;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::asks::{Ask, Asks};
use ciba_core::domain::request::auth_req_id::AuthReqId;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, Polling, State};
use ciba_core::domain::request::lifetime::Lifetime;
use ciba_core::domain::request::notification::{Messages, Occasion};
use ciba_core::domain::request::statement::{Nonce, Statement};
use ciba_core::protocol::backchannel_authentication::BackchannelAuthenticationError as Error;
use ciba_core::protocol::error::Refusal;
use ciba_core::protocol::hooks::CallingClient;
use ciba_core::protocol::hooks::user_notifier::{NotifierContent, NotifierDetail, NotifierScope};
use ciba_core::protocol::request_object::SignedRequest;

/// How many times an insertion is attempted when others ask the same person at the same time.
const TRIES: usize = 5;
/// The longest pause between two attempts.
const PAUSE: Duration = Duration::from_millis(60);
/// The part of the invocation that is reserved for withdrawing a request about which nobody could be notified.
const FOR_WITHDRAWAL: Duration = Duration::from_secs(4);
/// For the log.
const NAME_TAKEN: &str = "user_resolver: the sub or a push endpoint is somebody else's";
const ENTRY_CHANGED: &str = "user_resolver: the entry was disabled or changed meanwhile";
const CONTENDED: &str = "too many concurrent requests for one person";

/// The dependencies of this flow.
pub struct StartAuthentication<'a> {
    pub table: &'a Table,
    pub tell: &'a TellPerson,
    pub keys: &'a KeyRing,
    pub keeper: KeepEvidence<'a>,
    pub requests: &'a RequestSettings,
    pub messages: &'a Messages,
}

/// A request that is stored and about which the person has been notified.
pub struct Started {
    pub request: AuthenticationRequest,
    pub auth_req_id: AuthReqId,
    /// The channel whose message was accepted. `None` if this is unknown but the person has decided nevertheless.
    pub channel: Option<Cow<'static, str>>,
    /// Channels that failed before the one that worked: logged, so that the fallback to a weaker channel is not
    /// silent.
    pub unreachable: Vec<Unreachable>,
    /// The evidence that is kept of a signed request.
    pub evidence: Option<EvidenceWrite>,
}

/// A channel that cannot reach its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// `sms`, `push`, `topic`, or `custom:` and a name.
    pub channel: Cow<'static, str>,
    pub why: String,
}

impl StartAuthentication<'_> {
    /// `asks` are the ones returned by the check of the user code. After an error, no further message is sent,
    /// and no request remains stored unless withdrawing it fails as well: then nobody ever gets its handle. An earlier
    /// request that it superseded remains cancelled.
    ///
    /// 1. Create the request's key, and seal it as the client's handle; seal the client's notification token.
    /// 2. Store the request within the person's limits, with the evidence of a signed request. It supersedes the
    ///    client's earlier request.
    /// 3. Notify the person. If no channel accepts the message, or SNS or the notifier is down, withdraw the request,
    ///    unless the person has already decided.
    pub async fn start(
        &self,
        asking: Asking<'_>,
        asks: Asks,
        invocation: &Invocation,
    ) -> Result<Started, Refusal<Error>> {
        let Asking { client, person, asked, detail, .. } = asking;
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
        let language = person.language();
        let matter = detail.matter(language.tag());
        let occasion = Occasion { request: &request, client_name: &client.name, matter, language };
        let notification = self.messages.notification(occasion, invocation.now);
        let shows_request = self.tell.shows_request(&person.channels);
        let shown = shows_request.then(|| statement(&request, detail, client, language));
        let content = shown.as_ref().map(|shown| content(shown, asking));
        let message = RequestMessage { notification: &notification, content };
        let (channel, unreachable) = match self.tell(&message, person, deadline, invocation).await {
            Ok((channel, unreachable)) => (Some(channel), unreachable),
            Err(error) => match self.table.withdraw_request(&request).await? {
                Withdrawn::Done => {
                    return Err(match error {
                        NotifyError::Unreachable(why) => Refusal::because(Error::AccessDenied, why),
                        NotifyError::Unavailable(why) => Refusal::unavailable(why),
                    });
                }
                // A person who has decided did receive the message.
                Withdrawn::Decided => (None, vec![]),
            },
        };
        Ok(Started { request, auth_req_id, channel, unreachable, evidence })
    }

    fn request(
        &self,
        key: RequestKey,
        handle_generation: u32,
        Asking { client, person, asked, detail, .. }: Asking<'_>,
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

    /// The evidence of a signed request: the client's text, byte for byte and sealed, with the key that verified
    /// it. It is the next document in the person's chain.
    async fn evidence(
        &self,
        request: &AuthenticationRequest,
        signed: &SignedRequest,
        invocation: &Invocation,
    ) -> Result<EvidenceWrite, Refusal<Error>> {
        let basis = self.table.find_evidence_basis(&request.person).await?;
        let about = About { request: &request.key, client: &request.client, person: &request.person };
        let kept = self.keeper.keep(about, &Happened::Asked(signed), &basis, invocation).await;
        kept.map_err(|error| Refusal::unavailable(error.detail()))
    }

    /// Stores the request and counts it in one transaction, so that parallel requests cannot exceed the limits
    /// together.
    async fn insert(
        &self,
        request: &AuthenticationRequest,
        Asking { client, person, described, asked, detail }: Asking<'_>,
        notification_token: Option<&[u8]>,
        mut asks: Asks,
        invocation: &Invocation,
    ) -> Result<Option<EvidenceWrite>, Refusal<Error>> {
        let ask = Ask {
            client: request.client.clone(),
            request: request.key,
            at: request.lifetime.created_at,
            expires_at: request.lifetime.expires_at,
        };
        // The described person's entry as it was read again.
        let mut reread = None;
        for _ in 0..TRIES {
            let described = described.map(|it| DescribedPerson { old: reread.as_ref().or(it.old), ..it });
            let admitted = asks.admit(ask.clone(), &self.requests.limits).map_err(limited)?;
            let evidence = match &asked.signed {
                Some(signed) => Some(self.evidence(request, signed, invocation).await?),
                None => None,
            };
            let beside =
                Beside { notification_token, evidence: evidence.as_ref(), detail, person: described };
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
                    Inserted::NameTaken => return Err(Refusal::unavailable(NAME_TAKEN)),
                    Inserted::NothingToSupersede if supersedes.is_some() => supersedes = None,
                    Inserted::NothingToSupersede | Inserted::AsksChanged => break,
                }
            }
            sleep(invocation.jitter(PAUSE)).await;
            let fresh = self.table.find_person_with_asks(&request.person).await?;
            let fresh = match (fresh, described) {
                (Some((entry, fresh)), Some(described)) => {
                    if !described.may_replace(&entry) {
                        return Err(Refusal::unavailable(ENTRY_CHANGED));
                    }
                    reread = Some(entry);
                    fresh
                }
                (Some((_, fresh)), None) => fresh,
                // Nothing is stored yet of a person who is described for the first time.
                (None, Some(_)) => Asks::default(),
                (None, None) => return Err(Refusal::unavailable(CONTENDED)),
            };
            asks = check_again(client, person, fresh, invocation.now)?;
        }
        Err(Refusal::unavailable(CONTENDED))
    }

    /// Tries the person's channels in order, until a message was accepted. Returns that channel, and those that failed
    /// before it.
    ///
    /// If a channel rejects this person, the next one is tried, even a weaker one: a message carries no
    /// authority. After an outage no other channel is tried, because the message may still arrive.
    async fn tell(
        &self,
        message: &RequestMessage<'_>,
        person: &Person,
        deadline: Instant,
        invocation: &Invocation,
    ) -> Result<(Cow<'static, str>, Vec<Unreachable>), NotifyError> {
        let mut time = MessageTime::new(deadline);
        let mut unreachable = Vec::new();
        for channel in &person.channels {
            match self.tell.about_request(channel, message, &mut time, invocation).await {
                Ok(()) => return Ok((channel.label(), unreachable)),
                Err(NotifyError::Unreachable(why)) => {
                    unreachable.push(Unreachable { channel: channel.label(), why });
                }
                Err(NotifyError::Unavailable(why)) => {
                    return Err(NotifyError::Unavailable(format!("{}: {why}", channel.label())));
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

/// What a page would show, for the notifier.
fn content<'a>(shown: &'a Statement, Asking { client, detail, .. }: Asking<'a>) -> NotifierContent<'a> {
    let scopes = shown.scope.iter().map(|it| NotifierScope { value: &it.value, words: &it.words });
    let details = shown.authorization_details.iter().map(|it| NotifierDetail {
        title: &it.words.title,
        headline: it.words.headline.as_deref(),
        rows: &it.words.rows,
    });
    NotifierContent {
        client: CallingClient::of(client),
        binding_message: shown.binding_message.as_deref(),
        scopes: scopes.collect(),
        details: details.collect(),
        properties: (!detail.properties.is_empty()).then_some(&detail.properties),
    }
}
