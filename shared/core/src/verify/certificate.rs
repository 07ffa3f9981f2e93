//! The certificate of a client (RFC 5280): its subject and its validity period (RFC 8705 §2). Anybody can send
//! one, so it is parsed by a library that is made for hostile input, and only up to a limited size
//! (RFC 8705 §7.5).

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

/// The largest certificate that is parsed. One with an RSA key of 4096 bits and policies has about 3 KiB. Unit:
/// bytes.
const MAX_DER: usize = 8 * 1024;
const MAX_PEM: usize = 16 * 1024;

/// A parsed certificate. Parsing proves neither possession of the key nor the issuer: the TLS terminator has
/// checked possession, and the chain if there is one.
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
    /// The first certificate in `text`, which is the client's own if its chain follows.
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
        // For each of these, a duplicate or malformed extension is an error.
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

    /// `x5t#S256` (RFC 8705 §3.1).
    pub fn thumbprint(&self) -> Thumbprint {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, &self.der).as_ref());
        Thumbprint::new(bytes)
    }

    /// The period includes both ends (RFC 5280 §4.1.2.5). There is no leeway, because certificates are not issued
    /// for seconds.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now.seconds() <= self.not_after.seconds()
    }

    /// Whether it may sign other certificates. If a self-signed client certificate with this right were trusted,
    /// its owner could issue certificates for any name.
    pub fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Whether one of `authorities` signed it.
    pub fn is_signed_by(&self, authorities: &[AuthorityKey]) -> bool {
        let parsed = X509Certificate::from_der(&self.der);
        parsed.is_ok_and(|(_, parsed)| authorities.iter().any(|authority| authority.signed(&parsed)))
    }

    /// Whether it was issued to `subject` (RFC 8705 §2.1.2), by another party and for a client. The issuer has to
    /// be verified as well: [`Certificate::is_signed_by`].
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

/// An address of four or sixteen bytes (RFC 8705 §2.1.2: addresses are compared in binary form).
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A registered host in the form of certificates: ASCII (RFC 5280 §7.2). The name in the certificate is not
/// converted.
fn a_labels(host: &str) -> String {
    match Host::parse(host) {
        Ok(Host::Domain(name)) if !host.is_ascii() => name,
        Ok(_) | Err(_) => host.to_owned(),
    }
}

/// RFC 5280 §7.4: scheme and host are compared ignoring case, the rest exactly. Text that is not a URI is compared
/// exactly.
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

/// Splits a URI with an authority (RFC 3986 §3.2) into the part before the host, the host, and the part after it.
fn authority(rest: &str) -> Option<(&str, &str, &str)> {
    let rest = rest.strip_prefix("//")?;
    let (authority, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let begin = authority.rfind('@').map_or(0, |at| at + 1);
    let host = &authority[begin..];
    // The colon of a port, not one within the brackets of an address.
    let end = host.rfind(':').filter(|at| !host[*at..].contains(']')).unwrap_or(host.len());
    Some((&rest[..begin], &host[..end], &rest[begin + end..]))
}

/// RFC 5280 §7.5: the host is compared ignoring case, the rest exactly.
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
