//! SNS: an SMS to the person's enrolled number.

use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;
use tokio::time::{Instant, timeout_at};

use crate::aws::{self, Aws};
use crate::domain::contact::PhoneNumber;
use crate::domain::notification::SmsText;

/// Unit: time for one attempt, and for a call with its repeats.
const ATTEMPT: Duration = Duration::from_secs(3);
const CALL: Duration = Duration::from_secs(6);

/// The message was not accepted. The texts are for the log.
#[derive(Clone, Debug)]
pub enum NotifyError {
    /// This number cannot be reached: it is malformed, or its owner opted out.
    Unreachable(String),
    /// SNS did not accept the message in time, or refuses us: worth another try later.
    Unavailable(String),
}

#[derive(Clone, Debug)]
pub struct Notifier(Client);

impl Notifier {
    pub fn connect(aws: &Aws) -> Self {
        let mut config =
            aws_sdk_sns::config::Builder::from(&aws.sdk).timeout_config(aws::timeouts(ATTEMPT, CALL));
        config.set_endpoint_url(aws.sns_endpoint.clone());
        Self(Client::from_conf(config.build()))
    }

    /// Sends an SMS; `Ok` means that SNS has accepted it. It is given up at `deadline`: a message that comes
    /// late leads to a request that is no longer open.
    pub async fn send_sms(
        &self,
        number: &PhoneNumber,
        sms: &SmsText,
        deadline: Instant,
    ) -> Result<(), NotifyError> {
        let transactional = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("Transactional")
            .build()
            .map_err(|error| NotifyError::Unavailable(error.to_string()))?;
        let publish = self
            .0
            .publish()
            .phone_number(number.expose())
            .message(sms.expose())
            // Delivered first, and not suppressed as advertising.
            .message_attributes("AWS.SNS.SMS.SMSType", transactional)
            .send();
        match timeout_at(deadline, publish).await {
            Err(_) => Err(NotifyError::Unavailable("Publish: no answer before the deadline".to_owned())),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(match error.as_service_error() {
                // SNS says of an owner who opted out that the number is an invalid parameter.
                Some(
                    PublishError::InvalidParameterException(_)
                    | PublishError::InvalidParameterValueException(_),
                ) => {
                    // Its text may name the number.
                    NotifyError::Unreachable("Publish: SNS refuses the number".to_owned())
                }
                _ => NotifyError::Unavailable(aws::failure("Publish", &error)),
            }),
        }
    }
}
