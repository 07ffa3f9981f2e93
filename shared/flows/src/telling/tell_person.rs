//! Sends messages to a person on one of their channels: through SNS, or through the operator's notifier.

use std::time::Duration;

use tokio::time::Instant;

use crate::Invocation;
use crate::call_hook::CallHook;
use ciba_aws::aws::Aws;
use ciba_aws::config::{NotifierSettings, SmsSettings};
use ciba_aws::notify::{Notifier, NotifyError};
use ciba_core::domain::person::channel::{Carrier, Channel};
use ciba_core::domain::request::notification::{Announcement, Notification};
use ciba_core::protocol::hooks::Answered;
use ciba_core::protocol::hooks::user_notifier::{
    HOOK, NotAccepted, NotifierCall, NotifierContent, UserNotifierEvent,
};

/// The most time for the notifier: for all custom channels of a request together, and for each message of news.
const BUDGET: Duration = Duration::from_secs(4);
/// For the log. Nothing was sent, so another channel may be tried.
const NO_NOTIFIER: &str = "USER_NOTIFIER_FUNCTION is not set";

/// SNS, and the operator's notifier if there is one.
pub struct TellPerson {
    sns: Notifier,
    custom: Option<UserNotifier>,
}

struct UserNotifier {
    hook: CallHook,
    shows_request: bool,
}

/// The message about a request.
pub(crate) struct RequestMessage<'a> {
    pub notification: &'a Notification,
    /// For the notifier, if the operator lets it know what is asked.
    pub content: Option<NotifierContent<'a>>,
}

/// When the time for the messages of a request ends.
pub(crate) struct MessageTime {
    until: Instant,
    /// For the notifier, from the first channel that it is called for.
    notifier_until: Option<Instant>,
}

impl MessageTime {
    pub(crate) const fn new(until: Instant) -> Self {
        Self { until, notifier_until: None }
    }

    fn of_notifier(&mut self) -> Instant {
        let until = self.until;
        *self.notifier_until.get_or_insert_with(|| (Instant::now() + BUDGET).min(until))
    }
}

impl TellPerson {
    pub fn connect(aws: &Aws, sms: SmsSettings, notifier: Option<NotifierSettings>) -> Self {
        let custom = notifier.map(|NotifierSettings { hook, shows_request }| UserNotifier {
            hook: CallHook::connect(aws, HOOK, hook, BUDGET),
            shows_request,
        });
        Self { sns: Notifier::connect(aws, sms), custom }
    }

    /// The same for a program whose output is no log.
    #[must_use]
    pub fn without_log(self) -> Self {
        let custom = self.custom.map(|it| UserNotifier { hook: it.hook.without_log(), ..it });
        Self { custom, ..self }
    }

    /// Whether a notifier gets to know what is asked on one of these channels.
    pub(crate) fn shows_request(&self, channels: &[Channel]) -> bool {
        let is_custom = |channel: &Channel| matches!(channel.carrier(), Carrier::Notifier(_));
        self.custom.as_ref().is_some_and(|it| it.shows_request) && channels.iter().any(is_custom)
    }

    /// Tells about a request. `Ok` means that the message was accepted. The call is abandoned when the time is over,
    /// because a late message would lead to a request that is no longer open.
    pub(crate) async fn about_request(
        &self,
        channel: &Channel,
        message: &RequestMessage<'_>,
        time: &mut MessageTime,
        invocation: &Invocation,
    ) -> Result<(), NotifyError> {
        match channel.carrier() {
            Carrier::Sns(channel) => self.sns.send(channel, message.notification, time.until).await,
            Carrier::Notifier(channel) => {
                let (notifier, until) = (self.notifier()?, time.of_notifier());
                let id = CallHook::id(invocation);
                let call = NotifierCall { id: &id, channel, deadline: invocation.time_at(until) };
                let content = message.content.clone();
                let event = UserNotifierEvent::request(call, message.notification, content);
                notifier.call(&event, until, invocation).await
            }
        }
    }

    /// Tells news.
    pub(crate) async fn news(
        &self,
        channel: &Channel,
        announcement: &Announcement,
        deadline: Instant,
        invocation: &Invocation,
    ) -> Result<(), NotifyError> {
        match channel.carrier() {
            Carrier::Sns(channel) => self.sns.announce(channel, announcement, deadline).await,
            Carrier::Notifier(channel) => {
                let (notifier, until) = (self.notifier()?, (Instant::now() + BUDGET).min(deadline));
                let id = CallHook::id(invocation);
                let call = NotifierCall { id: &id, channel, deadline: invocation.time_at(until) };
                let (subject, text) = (announcement.subject(), announcement.text());
                let event = UserNotifierEvent::news(call, announcement, (&subject, text.expose()));
                notifier.call(&event, until, invocation).await
            }
        }
    }

    fn notifier(&self) -> Result<&UserNotifier, NotifyError> {
        self.custom.as_ref().ok_or_else(|| NotifyError::Unreachable(NO_NOTIFIER.to_owned()))
    }
}

impl UserNotifier {
    /// A notifier that does not answer as documented may have sent the message all the same: an outage.
    async fn call(
        &self,
        event: &UserNotifierEvent<'_>,
        until: Instant,
        invocation: &Invocation,
    ) -> Result<(), NotifyError> {
        let why = |what: &str| format!("{HOOK}: {what}");
        match self.hook.call(event, until, invocation).await {
            Ok(Answered::Accepted(())) => Ok(()),
            Ok(Answered::Refused { error: NotAccepted::Unreachable, .. }) => {
                Err(NotifyError::Unreachable(why("unreachable")))
            }
            Ok(Answered::Refused { error: NotAccepted::Outage, .. }) => {
                Err(NotifyError::Unavailable(why("outage")))
            }
            Err(failed) => Err(NotifyError::Unavailable(why(&failed.why))),
        }
    }
}
