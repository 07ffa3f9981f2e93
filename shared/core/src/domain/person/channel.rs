//! Channels: where a person is told that something waits for them.

use std::fmt;

use crate::domain::base::contact::PhoneNumber;

/// One way to reach a person. Enrolled beforehand, never taken from a request (`ATK-7-01`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    Sms(PhoneNumber),
    /// An app on the person's device, as SNS knows it.
    Push(PushEndpoint),
    /// Whoever is subscribed to it: an e-mail address, or an adapter of the operator's own.
    Topic(Topic),
}

impl Channel {
    /// `None` if there is no such kind, or the address is not one of its kind.
    pub fn parse(kind: &str, address: &str) -> Option<Self> {
        match kind {
            "sms" => PhoneNumber::parse(address).map(Self::Sms),
            "push" => PushEndpoint::parse(address).map(Self::Push),
            "topic" => Topic::parse(address).map(Self::Topic),
            _ => None,
        }
    }

    /// A channel as read back from the table: the rule for numbers may have been another when it was put there.
    pub fn from_stored(kind: &str, address: &str) -> Option<Self> {
        match kind {
            "sms" => PhoneNumber::from_stored(address).map(Self::Sms),
            other => Self::parse(other, address),
        }
    }

    /// What an entry calls it.
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

/// The push services that are spoken to, under the names SNS has for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushPlatform {
    Apns,
    /// Builds of the app that are signed for development.
    ApnsSandbox,
    /// Firebase Cloud Messaging, under the name of its predecessor.
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
/// It names one device of one person, so it is not shown in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PushEndpoint {
    arn: String,
    platform: PushPlatform,
}

impl PushEndpoint {
    /// `None` also for platforms that are not spoken to.
    pub fn parse(arn: &str) -> Option<Self> {
        let mut parts = resource(arn)?.strip_prefix("endpoint/")?.split('/');
        let platform = parts.next()?;
        let platform = PushPlatform::ALL.into_iter().find(|it| it.as_str() == platform)?;
        let (application, id) = (parts.next()?, parts.next()?);
        // A name of an application may have dots too.
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

/// A standard topic of SNS: `arn:aws:sns:<region>:<account>:<name>`. One for first-in-first-out is none: it has no
/// e-mail subscriptions, and its messages need a group.
///
/// # Security
/// It may be one person's own, so it is not shown in `Debug`.
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

/// What an ARN of SNS names.
fn resource(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = scheme == "arn"
        && (partition == "aws" || partition.strip_prefix("aws-").is_some_and(is_name))
        && service == "sns"
        && is_name(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && parts.next().is_none();
    fits.then_some(resource)
}

/// What SNS takes in the names of topics and applications.
fn is_name(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
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
