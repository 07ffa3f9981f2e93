//! Names of resources on AWS (ARNs): `arn:<partition>:<service>:<region>:<account>:<resource>`.

/// The parts of an ARN of a partition of AWS, with a region and an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    pub service: &'a str,
    pub region: &'a str,
    /// It may contain colons.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let fits = scheme == "arn"
            && (partition == "aws" || partition.strip_prefix("aws-").is_some_and(is_name))
            && is_name(region)
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit());
        fits.then_some(Self { service, region, resource })
    }
}

/// Whether AWS allows this as the name of a topic, an application or a function.
pub fn is_name(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_a_region_and_an_account() {
        let arn = Arn::parse("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:people:live");
        let expected = Arn { service: "lambda", region: "us-gov-west-1", resource: "function:people:live" };
        assert_eq!(arn, Some(expected));
        for text in [
            "",
            "people",
            "arn:aws:sns:us-east-1:123456789012",
            "arn:aws:sns:us-east-1:12345678901:topic",
            "arn:aws:sns:us-east-1:12345678901x:topic",
            "arn:aws:sns::123456789012:topic",
            "arn:aws-:sns:us-east-1:123456789012:topic",
            "arn:other:sns:us-east-1:123456789012:topic",
            "urn:aws:sns:us-east-1:123456789012:topic",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }
}
