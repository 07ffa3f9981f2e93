//! Channels: how a person is notified of a waiting request.

use std::fmt;

use crate::domain::base::arn::{Arn, is_name};
use crate::domain::base::contact::PhoneNumber;
use crate::domain::person::sms::SmsCountries;

/// The most channels of a person. There would be no time to try more within an invocation.
const MOST: usize = 8;

/// One way to reach a person. It is enrolled beforehand and never taken from a request: otherwise a client could
/// have messages sent to premium-rate numbers or to strangers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    Sms(PhoneNumber),
    /// An app on the person's device, registered with SNS.
    Push(PushEndpoint),
    /// A topic with subscribers, such as an e-mail address or the operator's own adapter.
    Topic(Topic),
}

impl Channel {
    /// `None` if the kind is unknown, or the address is not valid for it.
    pub fn parse(kind: &str, address: &str) -> Option<Self> {
        match kind {
            "sms" => PhoneNumber::parse(address).map(Self::Sms),
            "push" => PushEndpoint::parse(address).map(Self::Push),
            "topic" => Topic::parse(address).map(Self::Topic),
            _ => None,
        }
    }

    /// A channel as read from the table; an earlier version may have stored it under a different rule for numbers.
    pub fn from_stored(kind: &str, address: &str) -> Option<Self> {
        match kind {
            "sms" => PhoneNumber::from_stored(address).map(Self::Sms),
            other => Self::parse(other, address),
        }
    }

    /// The channels with these kinds and addresses. The error says what is wrong with one of them.
    pub fn list<'a>(
        entries: impl IntoIterator<Item = (&'static str, &'a str)>,
        countries: &SmsCountries,
    ) -> Result<Vec<Self>, &'static str> {
        let mut channels = Vec::new();
        for (kind, address) in entries {
            let channel = Self::parse(kind, address).ok_or(match kind {
                "sms" => PhoneNumber::EXPECTED,
                "push" => "a push channel is not the ARN of an endpoint on APNS, APNS_SANDBOX or GCM",
                _ => "a topic is not the ARN of a standard topic",
            })?;
            if matches!(&channel, Self::Sms(number) if !countries.allow(number)) {
                return Err("a phone number is in a country that SMS_COUNTRIES does not allow");
            }
            if channels.contains(&channel) {
                return Err("a channel is listed twice");
            }
            channels.push(channel);
        }
        if channels.len() > MOST { Err("there are more than 8 channels") } else { Ok(channels) }
    }

    /// The name of its kind in a person's entry.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sms(_) => "sms",
            Self::Push(_) => "push",
            Self::Topic(_) => "topic",
        }
    }

    pub fn expose(&self) -> &str {
        match self {
            Self::Sms(number) => number.expose(),
            Self::Push(endpoint) => endpoint.expose(),
            Self::Topic(topic) => topic.expose(),
        }
    }
}

/// The supported push services, by their names in SNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushPlatform {
    Apns,
    /// For development builds of an app.
    ApnsSandbox,
    /// Firebase Cloud Messaging, by the name of its predecessor.
    Gcm,
}

impl PushPlatform {
    pub const ALL: [Self; 3] = [Self::Apns, Self::ApnsSandbox, Self::Gcm];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apns => "APNS",
            Self::ApnsSandbox => "APNS_SANDBOX",
            Self::Gcm => "GCM",
        }
    }
}

/// A platform endpoint of SNS: `arn:aws:sns:<region>:<account>:endpoint/<platform>/<application>/<id>`.
///
/// # Security
/// It identifies one device of one person, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PushEndpoint {
    arn: String,
    platform: PushPlatform,
}

impl PushEndpoint {
    /// `None` also for unsupported platforms.
    pub fn parse(arn: &str) -> Option<Self> {
        let mut parts = resource(arn)?.strip_prefix("endpoint/")?.split('/');
        let platform = parts.next()?;
        let platform = PushPlatform::ALL.into_iter().find(|it| it.as_str() == platform)?;
        let (application, id) = (parts.next()?, parts.next()?);
        // The name of an application may also have dots.
        let fits = is_name(&application.replace('.', "-")) && is_name(id) && parts.next().is_none();
        fits.then(|| Self { arn: arn.to_owned(), platform })
    }

    pub const fn platform(&self) -> PushPlatform {
        self.platform
    }

    pub fn expose(&self) -> &str {
        &self.arn
    }
}

impl fmt::Debug for PushEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushEndpoint({}, …)", self.platform.as_str())
    }
}

/// A standard topic of SNS: `arn:aws:sns:<region>:<account>:<name>`. FIFO topics are not accepted: they have no
/// e-mail subscriptions, and their messages need a group.
///
/// # Security
/// It may belong to one person, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    pub fn parse(arn: &str) -> Option<Self> {
        is_name(resource(arn)?).then(|| Self(arn.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Topic(…)")
    }
}

/// The resource part of an ARN of SNS.
fn resource(arn: &str) -> Option<&str> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "sns")?;
    (!arn.resource.contains(':')).then_some(arn.resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0f7d5971-aa8b-4bd5-b585-0826e9f93a66";

    #[test]
    fn a_push_endpoint_is_one_of_a_platform_that_is_spoken_to() {
        for platform in PushPlatform::ALL {
            let arn =
                format!("arn:aws:sns:eu-west-1:123456789012:endpoint/{}/Bank.App/{ID}", platform.as_str());
            let endpoint = PushEndpoint::parse(&arn).unwrap();
            assert_eq!((endpoint.platform(), endpoint.expose()), (platform, &*arn));
        }
        let resource = |it: &str| format!("arn:aws:sns:eu-west-1:123456789012:{it}");
        for arn in [
            resource(&format!("endpoint/ADM/App/{ID}")),
            resource(&format!("endpoint/APNS_VOIP/App/{ID}")),
            resource(&format!("endpoint/apns/App/{ID}")),
            resource("app/APNS/App"),
            resource("endpoint/APNS/App"),
            resource("endpoint/APNS/App/"),
            resource(&format!("endpoint/APNS/App/{ID}/more")),
            resource(&format!("endpoint/APNS/Our App/{ID}")),
            resource("topic"),
            format!("arn:aws:sqs:eu-west-1:123456789012:endpoint/APNS/App/{ID}"),
            format!("arn:aws:sns::123456789012:endpoint/APNS/App/{ID}"),
            format!("arn:aws:sns:eu-west-1:12345:endpoint/APNS/App/{ID}"),
            format!("arn:elsewhere:sns:eu-west-1:123456789012:endpoint/APNS/App/{ID}"),
            String::new(),
        ] {
            assert_eq!(PushEndpoint::parse(&arn), None, "{arn}");
        }
    }

    #[test]
    fn a_topic_is_a_standard_one() {
        for arn in ["arn:aws:sns:eu-west-1:123456789012:ciba", "arn:aws-cn:sns:cn-north-1:123456789012:a_b-c"]
        {
            assert_eq!(Topic::parse(arn).unwrap().expose(), arn);
        }
        for arn in [
            "arn:aws:sns:eu-west-1:123456789012:ciba.fifo",
            "arn:aws:sns:eu-west-1:123456789012:",
            "arn:aws:sns:eu-west-1:123456789012:endpoint/APNS/App/1",
            "arn:aws:sns:eu-west-1:123456789012:ciba:6b0e71bd",
            "ciba",
        ] {
            assert_eq!(Topic::parse(arn), None, "{arn}");
        }
    }

    #[test]
    fn a_channel_is_read_back_by_its_kind_and_address() {
        let endpoint = format!("arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/App/{ID}");
        for (kind, address) in
            [("sms", "+15555550100"), ("push", &endpoint), ("topic", "arn:aws:sns:eu-west-1:123456789012:t")]
        {
            let channel = Channel::parse(kind, address).unwrap();
            assert_eq!((channel.kind(), channel.expose()), (kind, address));
            assert!(!format!("{channel:?}").contains(address), "{channel:?}");
        }
        assert_eq!(Channel::parse("email", "alice@example.com"), None);
        assert_eq!(Channel::parse("push", "+15555550100"), None);
    }
}
