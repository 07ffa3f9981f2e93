//! SNS: one `Publish` to the person's number, device or topic.

use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use tokio::time::{Instant, timeout_at};

use crate::aws::{self, Aws};
use crate::config::SmsSettings;
use crate::notify::push::{self, Attribute};
use ciba_core::domain::base::contact::PhoneNumber;
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::person::channel::{PushEndpoint, SnsChannel, Topic};
use ciba_core::domain::request::notification::{Announcement, MessageText, Notification, SmsText};

/// Timeouts for one attempt, and for a call including its retries.
const ATTEMPT: Duration = Duration::from_secs(3);
const CALL: Duration = Duration::from_secs(6);

/// SNS, or the operator's notifier, did not accept the message. The texts are for the log.
#[derive(Clone, Debug)]
pub enum NotifyError {
    /// The person cannot be reached on this channel: the number is malformed, not allowed or opted out, the endpoint or
    /// topic is disabled or deleted, or the notifier says so.
    Unreachable(String),
    /// There was no answer in time, or any other error. A later attempt may succeed.
    Unavailable(String),
}

#[derive(Clone, Debug)]
pub struct Notifier {
    client: Client,
    sms: SmsSettings,
}

impl Notifier {
    pub fn connect(aws: &Aws, sms: SmsSettings) -> Self {
        let mut config =
            aws_sdk_sns::config::Builder::from(&aws.sdk).timeout_config(aws::timeouts(ATTEMPT, CALL));
        config.set_endpoint_url(aws.sns_endpoint.clone());
        Self { client: Client::from_conf(config.build()), sms }
    }

    /// Sends one message; `Ok` means that SNS has accepted it. The call is abandoned at `deadline`, because a
    /// late message would lead to a request that is no longer open.
    pub async fn send(
        &self,
        channel: SnsChannel<'_>,
        notification: &Notification,
        deadline: Instant,
    ) -> Result<(), NotifyError> {
        let publish = match channel {
            SnsChannel::Sms(number) => self.sms(number, &notification.sms)?,
            SnsChannel::Push(endpoint) => {
                let platform = endpoint.platform();
                let message = push::message(platform, notification);
                self.push(endpoint, message, push::attributes(platform, notification))?
            }
            SnsChannel::Topic(topic) => {
                // A string, because SNS limits numbers to 1,000,000,000.
                let until = notification.expires_at.seconds().to_string();
                let further = vec![("expires_at", "String", until)];
                self.topic(topic, &notification.person, &notification.subject, &notification.text, further)?
            }
        };
        publish_before(deadline, channel, publish).await
    }

    /// Like [`Notifier::send`], for an announcement.
    pub async fn announce(
        &self,
        channel: SnsChannel<'_>,
        announcement: &Announcement,
        deadline: Instant,
    ) -> Result<(), NotifyError> {
        let publish = match channel {
            SnsChannel::Sms(number) => self.sms(number, &announcement.sms())?,
            SnsChannel::Push(endpoint) => {
                let platform = endpoint.platform();
                let message = push::announcement(platform, announcement);
                self.push(endpoint, message, push::attributes_of_announcement(platform))?
            }
            SnsChannel::Topic(topic) => {
                let subject = announcement.subject();
                self.topic(topic, &announcement.person, &subject, &announcement.text(), Vec::new())?
            }
        };
        publish_before(deadline, channel, publish).await
    }

    fn sms(&self, number: &PhoneNumber, texts: &SmsText) -> Result<PublishFluentBuilder, NotifyError> {
        // Also checked when the number was enrolled, but the list may have been shortened since.
        if !self.sms.countries.allow(number) {
            return Err(NotifyError::Unreachable("SMS_COUNTRIES does not allow the number".to_owned()));
        }
        // SNS delivers transactional messages with priority, and does not suppress them as promotional.
        let mut attributes = vec![("AWS.SNS.SMS.SMSType", "String", "Transactional".to_owned())];
        let sender_id = self.sms.sender_id.iter().map(|id| ("AWS.SNS.SMS.SenderID", "String", id.as_str()));
        let max_price = self.sms.max_price.iter().map(|it| ("AWS.SNS.SMS.MaxPrice", "Number", it.as_str()));
        let by_setting = sender_id.chain(max_price);
        attributes.extend(by_setting.map(|(name, data_type, value)| (name, data_type, value.to_owned())));
        let text = texts.within(self.sms.most_parts);
        with(self.client.publish().phone_number(number.expose()).message(text.expose()), attributes)
    }

    fn push(
        &self,
        endpoint: &PushEndpoint,
        message: String,
        attributes: Vec<Attribute>,
    ) -> Result<PublishFluentBuilder, NotifyError> {
        let publish = self.client.publish().target_arn(endpoint.expose()).message_structure("json");
        with(publish.message(message), attributes)
    }

    /// The message is plain instead of one per protocol, because SNS passes attributes on with plain messages
    /// only, and filter policies need attributes. The attributes contain the recipient and the expiry, but
    /// neither the client nor the content of its request.
    fn topic(
        &self,
        topic: &Topic,
        person: &PersonKey,
        // The subject of an e-mail.
        subject: &str,
        text: &MessageText,
        further: Vec<Attribute>,
    ) -> Result<PublishFluentBuilder, NotifyError> {
        let publish = self.client.publish().topic_arn(topic.expose()).subject(subject);
        let mut attributes = vec![("person", "String", person.as_str().to_owned())];
        attributes.extend(further);
        with(publish.message(text.expose()), attributes)
    }
}

async fn publish_before(
    deadline: Instant,
    channel: SnsChannel<'_>,
    publish: PublishFluentBuilder,
) -> Result<(), NotifyError> {
    match timeout_at(deadline, publish.send()).await {
        Err(_) => Err(NotifyError::Unavailable("Publish: no response before the deadline".to_owned())),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(classify(channel, &error)),
    }
}

fn with(
    publish: PublishFluentBuilder,
    attributes: Vec<Attribute>,
) -> Result<PublishFluentBuilder, NotifyError> {
    attributes.into_iter().try_fold(publish, |publish, (name, data_type, value)| {
        let value = MessageAttributeValue::builder().data_type(data_type).string_value(value).build();
        let value = value.map_err(|error| NotifyError::Unavailable(error.to_string()))?;
        Ok(publish.message_attributes(name, value))
    })
}

/// Distinguishes an unreachable channel from an outage of SNS. Our own faults, such as a missing permission or an
/// expired certificate of the platform application, count as outages because they affect everybody.
fn classify<R>(channel: SnsChannel<'_>, error: &SdkError<PublishError, R>) -> NotifyError {
    let unreachable = match error.as_service_error() {
        // The app was uninstalled, or its token has changed.
        Some(PublishError::EndpointDisabledException(_)) => true,
        // SNS returns these for a malformed number, and for a deleted endpoint.
        Some(
            PublishError::InvalidParameterException(_) | PublishError::InvalidParameterValueException(_),
        ) => true,
        Some(PublishError::NotFoundException(_)) => !matches!(channel, SnsChannel::Sms(_)),
        // SNS returns an error with this code, although the model of `Publish` does not list it.
        Some(other) => other.code() == Some("OptedOut"),
        None => false,
    };
    // The log gets only the error code: the service's own message may contain the number.
    if unreachable {
        NotifyError::Unreachable(aws::failure("Publish", error))
    } else {
        NotifyError::Unavailable(aws::failure("Publish", error))
    }
}
