//! Decides which URLs and addresses may be fetched. Only the public internet is allowed, so that a registered URL
//! cannot make the provider call its own network, the metadata service or the Lambda runtime API (SSRF).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Whether a URL may be fetched at all: https on a host name and port 443, without credentials. If `local`, URLs
/// on the host `localhost` are also allowed.
pub fn is_allowed(url: &Url, local: bool) -> bool {
    let Some(Host::Domain(host)) = url.host() else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let public = url.scheme() == "https" && url.port().is_none() && !is_localhost(host);
    plain && (public || (local && host == "localhost" && matches!(url.scheme(), "http" | "https")))
}

/// The host names of this provider. A URL on one of them is not accepted in a registration, because the provider
/// would call itself.
#[derive(Clone, Copy, Debug)]
pub struct OwnHosts<'a> {
    pub names: &'a [&'a str],
    /// A provider on a developer's machine shares `localhost` with everything else there.
    pub is_local: bool,
}

impl OwnHosts<'_> {
    /// Whether a URL may be fetched ([`is_allowed`]) and is not on one of these hosts.
    ///
    /// The URL parser normalizes case, percent-encoding and internationalized names. It keeps a trailing dot, which
    /// names the DNS root (RFC 1034 §3.1) and leads to the same host.
    pub fn admit(&self, url: &Url) -> bool {
        let is_own = |host: &str| self.names.iter().any(|own| canonical(own) == canonical(host));
        is_allowed(url, self.is_local) && (self.is_local || !url.host_str().is_some_and(is_own))
    }
}

/// The canonical spelling of a host name: case is ignored (RFC 4343), and so is the trailing dot of the DNS root.
pub fn canonical(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost" || host.ends_with(".localhost")
}

/// Whether an address is on the public internet. Addresses that IANA lists as special-purpose are not.
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => is_global_v6(v6),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 10 | 127, ..] => true,
        [100, b, ..] => (64..128).contains(&b),
        [169, 254, ..] | [192, 168, ..] => true,
        [172, b, ..] => (16..32).contains(&b),
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            true
        }
        [a, ..] => a >= 224,
    };
    !special
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is in use for global unicast; special ranges within it are excluded. This also excludes ::,
    // ::1, IPv4-mapped, 64:ff9b::/96, unique local, link-local and multicast addresses.
    let [a, b, ..] = address.segments();
    let unicast = a & 0xe000 == 0x2000;
    let special = match (a, b) {
        (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) => true,
        (0x3fff, b) => b < 0x1000,
        _ => false,
    };
    unicast && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HYG-4-02, HYG-4-06
    #[test]
    fn addresses_that_are_not_on_the_public_internet_are_refused() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "100::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_global(text.parse().unwrap()), "{text}");
        }
        for text in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
        ] {
            assert!(is_global(text.parse().unwrap()), "{text}");
        }
    }

    /// HYG-4-03, ATK-6-01: regardless of its spelling.
    #[test]
    fn a_host_is_the_same_in_each_of_its_spellings() {
        let own = ["op.example", "mtls.op.example", "bücher.example"];
        let own: Vec<_> = own.map(|host| Url::parse(&format!("https://{host}")).unwrap()).into();
        let own: Vec<_> = own.iter().filter_map(Url::host_str).collect();
        let own = OwnHosts { names: &own, is_local: false };
        let is_own = |text: &str| !own.admit(&Url::parse(text).unwrap());
        for text in [
            "https://op.example/",
            "https://OP.Example/",
            "https://op.example./",
            "https://op.example.:443/",
            "https://%6fp.example/",
            "https://op%2Eexample/",
            "https://op\u{3002}example/",
            "https://\u{ff4f}p.example/",
            "https://o\u{ad}p.example/",
            "https://op.exam\tple/",
            "https://MTLS.op.example./oauth/token",
            "https://b\u{fc}cher.example/",
            "https://bu\u{308}cher.example/",
            "https://XN--BCHER-KVA.example/",
        ] {
            assert!(is_own(text), "{text}");
        }
        for text in ["https://op.example.net/", "https://xop.example/", "https://x.op.example/"] {
            assert!(!is_own(text), "{text}");
        }
        let setting = OwnHosts { names: &["OP.example."], is_local: false };
        assert!(
            !setting.admit(&Url::parse("https://op.example/").unwrap()),
            "however the setting is spelled"
        );
    }

    /// HYG-4-03, HYG-4-01
    #[test]
    fn only_https_on_a_host_name_and_its_own_port_is_fetched() {
        let allowed = |text: &str, local| is_allowed(&Url::parse(text).unwrap(), local);
        assert!(allowed("https://login.example/jwks", false));
        for text in [
            "http://login.example/",
            "https://login.example:8443/",
            "https://u@login.example/",
            "https://93.184.216.34/",
            "https://[2606:4700::1111]/",
            "https://2130706433/",
            "https://localhost/",
            "https://x.localhost/",
            "file:///etc/passwd",
        ] {
            assert!(!allowed(text, false), "{text}");
        }
        assert!(allowed("http://localhost:9100/jwks", true));
        for text in ["http://127.0.0.1:9100/", "http://login.example/", "file://localhost/etc/passwd"] {
            assert!(!allowed(text, true), "{text}");
        }
    }
}
