use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName as Name, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SanType,
};

use super::*;

/// The certificate that an authority issues with `change`.
fn issued(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.distinguished_name = Name::new();
    params.distinguished_name.push(DnType::CountryName, "US");
    params.distinguished_name.push(DnType::OrganizationName, "City Bank");
    params.distinguished_name.push(DnType::CommonName, "Till 7");
    change(&mut params);
    params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec()
}

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
    Certificate::from_der(&issued(change)).unwrap()
}

fn subject(member: &str, text: &str) -> CertificateSubject {
    CertificateSubject::parse(&format!("tls_client_auth_{member}"), text).unwrap()
}

fn names() -> Vec<SanType> {
    vec![
        SanType::DnsName("Till.Bank.Example".try_into().unwrap()),
        SanType::DnsName("*.bank.example".try_into().unwrap()),
        SanType::DnsName("XN--BCHER-KVA.example".try_into().unwrap()),
        SanType::DnsName("%74ill2.bank.example".try_into().unwrap()),
        SanType::URI("https://bank.example/Till".try_into().unwrap()),
        SanType::URI("https://u@[2001:db8::7]:8443?Till".try_into().unwrap()),
        SanType::URI("urn:Bank:till".try_into().unwrap()),
        SanType::IpAddress("2001:db8::7".parse().unwrap()),
        SanType::IpAddress("192.0.2.7".parse().unwrap()),
        SanType::Rfc822Name("Till@Bank.Example".try_into().unwrap()),
        SanType::Rfc822Name("a@xn--bcher-kva.example".try_into().unwrap()),
    ]
}

/// CAUTH-4-02, CAUTH-4-03, CAUTH-4-04: RFC 5280 §7.
#[test]
fn a_certificate_is_issued_to_each_of_its_names() {
    let certificate = certificate(|params| params.subject_alt_names = names());
    for (member, text) in [
        ("subject_dn", "CN=Till 7,O=City Bank,C=US"),
        ("subject_dn", "cn=till 7, o=city  bank, c=us"),
        ("san_dns", "till.bank.example"),
        ("san_dns", "*.bank.example"),
        ("san_dns", "TILL.bank.EXAMPLE"),
        ("san_dns", "bücher.example"),
        ("san_dns", "Bücher.example"),
        ("san_dns", "xn--bcher-kva.example"),
        ("san_uri", "https://bank.example/Till"),
        ("san_uri", "HTTPS://Bank.Example/Till"),
        ("san_uri", "https://u@[2001:DB8::7]:8443?Till"),
        ("san_uri", "URN:Bank:till"),
        ("san_email", "a@bücher.example"),
        ("san_ip", "2001:0DB8:0:0:0:0:0:7"),
        ("san_ip", "192.0.2.7"),
        ("san_email", "Till@bank.example"),
    ] {
        assert!(certificate.is_issued_to(&subject(member, text)), "{member} {text}");
    }
}

/// CAUTH-4-02
#[test]
fn a_certificate_matches_no_other_name_or_kind_of_name() {
    let certificate = certificate(|params| params.subject_alt_names = names());
    for (member, text) in [
        ("subject_dn", "CN=Till 7"),
        ("subject_dn", "C=US,O=City Bank,CN=Till 7"),
        ("subject_dn", "CN=till.bank.example"),
        ("san_dns", "Till 7"),
        ("san_dns", "other.bank.example"),
        ("san_dns", "till.bank.example."),
        ("san_dns", "bank.example"),
        ("san_dns", "192.0.2.7"),
        ("san_dns", "till2.bank.example"),
        ("san_uri", "https://bank.example/till"),
        ("san_uri", "http://bank.example/Till"),
        ("san_uri", "https://bank.example:443/Till"),
        ("san_uri", "https://u@bank.example/Till"),
        ("san_uri", "https://bank.example/Till/"),
        ("san_uri", "https:/bank.example/Till"),
        ("san_uri", "https://U@[2001:db8::7]:8443?Till"),
        ("san_uri", "https://u@[2001:db8::7]:8444?Till"),
        ("san_uri", "urn:bank:till"),
        ("san_uri", "Bank:till"),
        ("san_ip", "192.0.2.8"),
        ("san_ip", "::ffff:192.0.2.7"),
        ("san_email", "till@bank.example"),
        ("san_email", "Till"),
    ] {
        assert!(!certificate.is_issued_to(&subject(member, text)), "{member} {text}");
    }
    assert!(!self::certificate(|_| {}).is_issued_to(&subject("san_dns", "till.bank.example")));
}

/// CAUTH-4-06: whoever registered a certificate of his own may have put any name into it.
#[test]
fn a_certificate_of_ones_own_making_is_issued_to_nobody() {
    let mut params = CertificateParams::default();
    params.distinguished_name = Name::new();
    params.distinguished_name.push(DnType::CommonName, "Till 7");
    let own = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let own = Certificate::from_der(own.der()).unwrap();
    assert!(!own.is_issued_to(&subject("subject_dn", "CN=Till 7")));
    assert!(!own.is_authority());
}

#[test]
fn a_server_or_authority_certificate_is_issued_to_no_client() {
    let dn = subject("subject_dn", "CN=Till 7,O=City Bank,C=US");
    let with = |purposes: &[ExtendedKeyUsagePurpose]| {
        certificate(|params| params.extended_key_usages = purposes.to_vec())
    };
    assert!(with(&[ExtendedKeyUsagePurpose::ClientAuth]).is_issued_to(&dn));
    assert!(
        with(&[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]).is_issued_to(&dn)
    );
    assert!(!with(&[ExtendedKeyUsagePurpose::ServerAuth]).is_issued_to(&dn));
    let authority = certificate(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert!(!authority.is_issued_to(&dn) && authority.is_authority());
}

/// CAUTH-4-15
#[test]
fn a_certificate_is_valid_from_its_first_to_its_last_second() {
    let certificate = certificate(|params| {
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 2, 1);
    });
    let (first, last) = (1_767_225_600, 1_769_904_000);
    let is_valid = |seconds, millis| {
        let at = Timestamp::from_millis(Timestamp::from_seconds(seconds).millis() + millis);
        certificate.is_valid_at(at)
    };
    assert!(is_valid(first, 0) && is_valid(last, 0) && is_valid(last, 999));
    assert!(!is_valid(first, -1) && !is_valid(last + 1, 0));
}

/// CAUTH-4-16
#[test]
fn what_is_no_certificate_is_none() {
    let der = issued(|params| params.subject_alt_names = names());
    assert!(Certificate::from_der(&der).is_some());
    for length in 0..der.len() {
        assert_eq!(Certificate::from_der(&der[..length]), None, "{length} bytes of it");
    }
    assert_eq!(Certificate::from_der(&[&der[..], b"x"].concat()), None, "more than it");
    let many = (0..600).map(|n| SanType::DnsName(format!("till-{n}.bank.example").try_into().unwrap()));
    let huge = issued(|params| params.subject_alt_names = many.collect());
    assert!(huge.len() > MAX_DER);
    assert_eq!(Certificate::from_der(&huge), None, "a huge one");
    for text in [
        "",
        "x",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ] {
        assert_eq!(Certificate::from_pem(text), None, "{text}");
    }
}

proptest::proptest! {
    /// CAUTH-4-16
    #[test]
    fn one_changed_byte_is_no_panic(at in 0_usize..400, byte: u8) {
        static DER: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| issued(|params| params.subject_alt_names = names()));
        let mut der = DER.clone();
        let at = at % der.len();
        der[at] = byte;
        let _ = Certificate::from_der(&der);
    }
}

#[test]
fn the_first_certificate_of_a_chain_is_the_clients() {
    let pem = |der: &[u8]| {
        use base64::Engine;
        let text = base64::prelude::BASE64_STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    let (own, other) = (issued(|_| {}), issued(|_| {}));
    let read = Certificate::from_pem(&(pem(&own) + &pem(&other))).unwrap();
    assert_eq!(read.der(), own);
    let key = pem(&own).replace("CERTIFICATE", "PRIVATE KEY");
    assert_eq!(Certificate::from_pem(&key), None);
}

/// HYG-4-05: parsing costs a stranger's caller no more than this.
#[test]
fn a_certificate_of_more_than_8_kib_is_not_parsed() {
    let named = |count: usize| {
        let names =
            (0..count).map(|n| SanType::DnsName(format!("till-{n:04}.bank.example").try_into().unwrap()));
        issued(|params| params.subject_alt_names = names.collect())
    };
    let (largest, larger) = (named(300), named(350));
    assert!(largest.len() <= 8192 && larger.len() > 8192, "{} and {}", largest.len(), larger.len());
    assert!(Certificate::from_der(&largest).is_some());
    assert_eq!(Certificate::from_der(&larger), None);
}
