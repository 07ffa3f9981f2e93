//! The certificate of a client (RFC 5280): whose it is, and until when (RFC 8705 §2). It comes from whoever connects, so
//! the parser is one for hostile input and sees no more than a certificate can have (`CAUTH-4-16`).

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use url::Host;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

use crate::domain::base::confirmation::Thumbprint;
use crate::domain::base::time::Timestamp;
use crate::domain::client::certificate_subject::CertificateSubject;
use crate::domain::client::distinguished_name::DistinguishedName;
use crate::verify::certificate_authority::AuthorityKey;

/// Unit: bytes. A certificate with an RSA key of 4096 bits and its policies has about 3 KiB.
const MAX_DER: usize = 8 * 1024;
const MAX_PEM: usize = 16 * 1024;

/// A certificate, read. That its owner has the key, and who signed it, is not known from it: whoever ended the TLS
/// connection has checked the one, and the chain where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    subject: DistinguishedName,
    is_self_issued: bool,
    is_authority: bool,
    is_for_clients: bool,
    not_before: Timestamp,
    not_after: Timestamp,
    names: AlternativeNames,
}

/// `subjectAltName` (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct AlternativeNames {
    dns: Vec<String>,
    uri: Vec<String>,
    ip: Vec<IpAddr>,
    email: Vec<String>,
}

impl Certificate {
    /// The first certificate of `text`, which is the client's own where its chain follows.
    pub fn from_pem(text: &str) -> Option<Self> {
        let (_, pem) = parse_x509_pem(text.as_bytes().get(..text.len().min(MAX_PEM))?).ok()?;
        (pem.label == "CERTIFICATE").then(|| Self::from_der(&pem.contents))?
    }

    pub fn from_der(der: &[u8]) -> Option<Self> {
        let der = Some(der).filter(|der| der.len() <= MAX_DER)?;
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        // An extension that is there twice, or cannot be read, is an error in each of these.
        let names = parsed.subject_alternative_name().ok()?;
        let constraints = parsed.basic_constraints().ok()?;
        let purposes = parsed.extended_key_usage().ok()?;
        let validity = parsed.validity();
        Some(Self {
            der: der.to_vec(),
            subject: DistinguishedName::of(parsed.subject()),
            is_self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            is_authority: constraints.is_some_and(|it| it.value.ca),
            is_for_clients: purposes.is_none_or(|it| it.value.client_auth || it.value.any),
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
            names: names.map(|it| AlternativeNames::of(&it.value.general_names)).unwrap_or_default(),
        })
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// `x5t#S256` (`TOK-5-01`).
    pub fn thumbprint(&self) -> Thumbprint {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, &self.der).as_ref());
        Thumbprint::new(bytes)
    }

    /// Both ends of the period belong to it (RFC 5280 §4.1.2.5). There is no leeway: the clocks of those who issue
    /// certificates are no matter of seconds.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now.seconds() <= self.not_after.seconds()
    }

    /// Whether it may sign other certificates. Where one that a client made itself is trusted, such a one would let its
    /// owner make certificates of any name.
    pub fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Whether one of `authorities` signed it.
    pub fn is_signed_by(&self, authorities: &[AuthorityKey]) -> bool {
        let parsed = X509Certificate::from_der(&self.der);
        parsed.is_ok_and(|(_, parsed)| authorities.iter().any(|authority| authority.signed(&parsed)))
    }

    /// Whether it was issued to `subject` (RFC 8705 §2.1.2), by somebody else and for a client. Who says so has to be
    /// looked at too: [`Certificate::is_signed_by`].
    pub fn is_issued_to(&self, subject: &CertificateSubject) -> bool {
        if self.is_self_issued || self.is_authority || !self.is_for_clients {
            return false;
        }
        match subject {
            CertificateSubject::Dn(_, name) => self.subject == *name,
            CertificateSubject::SanDns(name) => {
                let name = a_labels(name);
                self.names.dns.iter().any(|dns| dns.eq_ignore_ascii_case(&name))
            }
            CertificateSubject::SanUri(name) => self.names.uri.iter().any(|uri| is_same_uri(uri, name)),
            CertificateSubject::SanIp(address) => self.names.ip.contains(address),
            CertificateSubject::SanEmail(name) => {
                self.names.email.iter().any(|mailbox| is_same_mailbox(mailbox, name))
            }
        }
    }
}

impl AlternativeNames {
    fn of(names: &[GeneralName<'_>]) -> Self {
        let mut all = Self::default();
        for name in names {
            match name {
                GeneralName::DNSName(name) => all.dns.push((*name).to_owned()),
                GeneralName::URI(uri) => all.uri.push((*uri).to_owned()),
                GeneralName::RFC822Name(mailbox) => all.email.push((*mailbox).to_owned()),
                GeneralName::IPAddress(bytes) => all.ip.extend(address(bytes)),
                GeneralName::OtherName(..)
                | GeneralName::X400Address(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EDIPartyName(_)
                | GeneralName::RegisteredID(_)
                | GeneralName::Invalid(..) => {}
            }
        }
        all
    }
}

/// Four or sixteen bytes (`CAUTH-4-04`).
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A registered host as certificates have it: in ASCII (RFC 5280 §7.2). In a certificate itself nothing is translated.
fn a_labels(host: &str) -> String {
    match Host::parse(host) {
        Ok(Host::Domain(name)) if !host.is_ascii() => name,
        Ok(_) | Err(_) => host.to_owned(),
    }
}

/// RFC 5280 §7.4: scheme and host without regard to case, the rest as it is. What is no URI is compared as it is.
fn is_same_uri(in_certificate: &str, registered: &str) -> bool {
    if in_certificate == registered {
        return true;
    }
    let (Some((scheme, rest)), Some((other_scheme, other_rest))) =
        (in_certificate.split_once(':'), registered.split_once(':'))
    else {
        return false;
    };
    if !scheme.eq_ignore_ascii_case(other_scheme) {
        return false;
    }
    match (authority(rest), authority(other_rest)) {
        (Some((user, host, tail)), Some((other_user, other_host, other_tail))) => {
            let is_same_host = host.eq_ignore_ascii_case(&a_labels(other_host));
            (user, tail) == (other_user, other_tail) && is_same_host
        }
        (None, None) => rest == other_rest,
        (None | Some(_), None | Some(_)) => false,
    }
}

/// What stands before the host of a URI with an authority (RFC 3986 §3.2), the host, and what stands behind it.
fn authority(rest: &str) -> Option<(&str, &str, &str)> {
    let rest = rest.strip_prefix("//")?;
    let (authority, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let begin = authority.rfind('@').map_or(0, |at| at + 1);
    let host = &authority[begin..];
    // The colon of a port, and not one within the brackets of an address.
    let end = host.rfind(':').filter(|at| !host[*at..].contains(']')).unwrap_or(host.len());
    Some((&rest[..begin], &host[..end], &rest[begin + end..]))
}

/// RFC 5280 §7.5: the host without regard to case, the rest as it is.
fn is_same_mailbox(in_certificate: &str, registered: &str) -> bool {
    match (in_certificate.rsplit_once('@'), registered.rsplit_once('@')) {
        (Some((local, host)), Some((other_local, other_host))) => {
            local == other_local && host.eq_ignore_ascii_case(&a_labels(other_host))
        }
        (None | Some(_), None | Some(_)) => false,
    }
}

#[cfg(test)]
mod tests;
