//! Channels: how a person is notified of a waiting request.

use std::borrow::Cow;
use std::fmt;

use crate::domain::base::arn::{Arn, is_name};
use crate::domain::base::contact::PhoneNumber;
use crate::domain::person::sms::SmsCountries;

/// One way to reach a person. It is enrolled beforehand and never taken from a request: otherwise a client could
/// have messages sent to premium-rate numbers or to strangers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    Sms(PhoneNumber),
    /// An app on the person's device, registered with SNS.
    Push(PushEndpoint),
    /// A topic with subscribers, such as an e-mail address or the operator's own adapter.
    Topic(Topic),
    /// Whatever the operator's notifier reaches.
    Custom(CustomChannel),
}

/// A channel as it was written, before it is checked. Without `Debug`: it is one person's.
#[derive(Clone, Copy)]
pub enum WrittenChannel<'a> {
    Sms(&'a str),
    Push(&'a str),
    Topic(&'a str),
    Custom { name: &'a str, address: &'a str },
}

/// Who delivers the messages of a channel.
#[derive(Clone, Copy, Debug)]
pub enum Carrier<'a> {
    Sns(SnsChannel<'a>),
    Notifier(&'a CustomChannel),
}

/// A channel that SNS delivers to.
#[derive(Clone, Copy, Debug)]
pub enum SnsChannel<'a> {
    Sms(&'a PhoneNumber),
    Push(&'a PushEndpoint),
    Topic(&'a Topic),
}

impl Channel {
    /// The most channels of a person. There would be no time to try more within an invocation.
    pub const MOST: usize = 8;

    /// A channel of SNS. `None` if the kind is unknown, or the address is not valid for it.
    pub fn parse(kind: &str, address: &str) -> Option<Self> {
        let written = match kind {
            "sms" => WrittenChannel::Sms(address),
            "push" => WrittenChannel::Push(address),
            "topic" => WrittenChannel::Topic(address),
            _ => return None,
        };
        Self::read(written).ok()
    }

    /// The error says what is wrong.
    pub fn read(written: WrittenChannel<'_>) -> Result<Self, &'static str> {
        match written {
            WrittenChannel::Sms(number) => {
                PhoneNumber::parse(number).map(Self::Sms).ok_or(PhoneNumber::EXPECTED)
            }
            WrittenChannel::Push(arn) => PushEndpoint::parse(arn)
                .map(Self::Push)
                .ok_or("a push channel is not the ARN of an endpoint on APNS, APNS_SANDBOX or GCM"),
            WrittenChannel::Topic(arn) => {
                Topic::parse(arn).map(Self::Topic).ok_or("a topic is not the ARN of a standard topic")
            }
            WrittenChannel::Custom { name, address } => CustomChannel::parse(name, address).map(Self::Custom),
        }
    }

    /// A channel of SNS as read from the table; an earlier version may have stored it under a different rule for
    /// numbers.
    pub fn from_stored(kind: &str, address: &str) -> Option<Self> {
        match kind {
            "sms" => PhoneNumber::from_stored(address).map(Self::Sms),
            other => Self::parse(other, address),
        }
    }

    /// These channels, checked. The error says what is wrong with one of them.
    pub fn list<'a>(
        entries: impl IntoIterator<Item = WrittenChannel<'a>>,
        countries: &SmsCountries,
    ) -> Result<Vec<Self>, &'static str> {
        let mut channels = Vec::new();
        for written in entries {
            let channel = Self::read(written)?;
            if matches!(&channel, Self::Sms(number) if !countries.allow(number)) {
                return Err("a phone number is in a country that SMS_COUNTRIES does not allow");
            }
            if channels.contains(&channel) {
                return Err("a channel is listed twice");
            }
            channels.push(channel);
        }
        if channels.len() > Self::MOST { Err("there are more than 8 channels") } else { Ok(channels) }
    }

    /// The name of its kind in a person's entry.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sms(_) => "sms",
            Self::Push(_) => "push",
            Self::Topic(_) => "topic",
            Self::Custom(_) => "custom",
        }
    }

    /// What logs and events call it: its kind, and of a custom one also the operator's name for it.
    pub fn label(&self) -> Cow<'static, str> {
        match self {
            Self::Sms(_) | Self::Push(_) | Self::Topic(_) => self.kind().into(),
            Self::Custom(channel) => format!("{}:{}", self.kind(), channel.name()).into(),
        }
    }

    /// The number, ARN or address.
    pub fn expose(&self) -> &str {
        match self {
            Self::Sms(number) => number.expose(),
            Self::Push(endpoint) => endpoint.expose(),
            Self::Topic(topic) => topic.expose(),
            Self::Custom(channel) => channel.expose(),
        }
    }

    pub const fn carrier(&self) -> Carrier<'_> {
        match self {
            Self::Sms(number) => Carrier::Sns(SnsChannel::Sms(number)),
            Self::Push(endpoint) => Carrier::Sns(SnsChannel::Push(endpoint)),
            Self::Topic(topic) => Carrier::Sns(SnsChannel::Topic(topic)),
            Self::Custom(channel) => Carrier::Notifier(channel),
        }
    }
}

/// A channel that the operator's notifier delivers to: a name that the operator chose, such as `email`, and an address
/// that means something to the notifier alone.
///
/// # Security
/// The address is one person's, so `Debug` does not show it. The name is in logs and events.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomChannel {
    name: String,
    address: String,
}

impl CustomChannel {
    /// The longest name. Unit: characters.
    pub const MAX_NAME: usize = 32;
    /// The longest address. Unit: bytes.
    pub const MAX_ADDRESS: usize = 255;

    /// White space around the address is removed, and nothing else of it is changed: upper and lower case may mean two
    /// people. The error says what is wrong.
    pub fn parse(name: &str, address: &str) -> Result<Self, &'static str> {
        let is_name = (1..=Self::MAX_NAME).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name {
            return Err("the name of a custom channel is not 1-32 characters of a-z, 0-9 and -");
        }
        let address = address.trim();
        if !(1..=Self::MAX_ADDRESS).contains(&address.len()) || address.contains(char::is_control) {
            return Err("the address of a custom channel is not 1-255 bytes without control characters");
        }
        Ok(Self { name: name.to_owned(), address: address.to_owned() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address.
    pub fn expose(&self) -> &str {
        &self.address
    }
}

impl fmt::Debug for CustomChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomChannel({}, …)", self.name)
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
        assert_eq!(Channel::parse("custom", "alice@example.com"), None, "it has a name");
    }

    /// HOOK-5-01
    #[test]
    fn a_custom_channel_has_a_plain_name_and_any_address() {
        let longest = "ü".repeat(127) + "x";
        for (name, address, kept) in [
            ("email", "Alice@Example.com", "Alice@Example.com"),
            ("chat-2", " \u{a0}U07 1.B2/…\t\n", "U07 1.B2/…"),
            ("0", longest.as_str(), longest.as_str()),
            ("-", "\u{202e}", "\u{202e}"),
            (&"n".repeat(32), "1", "1"),
        ] {
            let channel = CustomChannel::parse(name, address).unwrap();
            assert_eq!((channel.name(), channel.expose()), (name, kept));
            let stored = CustomChannel::parse(channel.name(), channel.expose());
            assert_eq!(stored, Ok(channel), "it is read back as it is");
        }
        for (name, address) in [
            ("", "a"),
            ("E-Mail", "a"),
            ("e_mail", "a"),
            ("e mail", "a"),
            ("é", "a"),
            (&"n".repeat(33), "a"),
            ("email", ""),
            ("email", " \n"),
            ("email", "a\u{0}b"),
            ("email", "a\nb"),
            ("email", "a\u{85}b"),
            ("email", &"x".repeat(256)),
            ("email", &"ü".repeat(128)),
        ] {
            assert!(CustomChannel::parse(name, address).is_err(), "{name:?} {address:?}");
        }
    }

    /// HOOK-5-01: what a log may say.
    #[test]
    fn a_custom_channel_is_called_by_its_name() {
        let written = WrittenChannel::Custom { name: "email", address: "alice@example.com" };
        let channel = Channel::read(written).unwrap();
        assert_eq!((&*channel.label(), channel.kind()), ("custom:email", "custom"));
        assert_eq!(format!("{channel:?}"), "Custom(CustomChannel(email, …))");
        assert_eq!(Channel::parse("sms", "+15555550100").unwrap().label(), "sms");
    }

    /// HOOK-5-01: two people may have one address, as they may have one number; one person has it once.
    #[test]
    fn a_custom_channel_is_listed_once() {
        let countries = SmsCountries::parse("+1").unwrap();
        let custom = |name, address| WrittenChannel::Custom { name, address };
        let list = |entries: &[WrittenChannel<'_>]| Channel::list(entries.iter().copied(), &countries);
        let both = [custom("email", "a@example.com"), custom("chat", "a@example.com")];
        assert_eq!(list(&both).unwrap().len(), 2);
        let twice = [custom("email", "a@example.com"), custom("email", " a@example.com")];
        assert_eq!(list(&twice), Err("a channel is listed twice"));
        assert!(list(&[custom("email", "")]).is_err());
        assert!(list(&[WrittenChannel::Sms("+442079460958")]).is_err());
    }
}
