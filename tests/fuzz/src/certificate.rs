//! Certificates that API Gateway hands over, and the names that an operator registers.

use ciba::domain::base::time::Timestamp;
use ciba::domain::client::certificate_subject::CertificateSubject;
use ciba::domain::client::distinguished_name::DistinguishedName;
use ciba::verify::certificate::Certificate;

use crate::text;

/// DER, or PEM: it is refused, or it is one certificate, and the same one when it is read again.
pub fn certificate(input: &[u8]) {
    let pem = text(input).and_then(Certificate::from_pem);
    for read in [Certificate::from_der(input), pem].into_iter().flatten() {
        assert_eq!(Certificate::from_der(read.der()).as_ref(), Some(&read), "read again");
        let followed = [read.der(), &[0]].concat();
        assert_eq!(Certificate::from_der(&followed), None, "something follows it");
        let _ = (read.is_valid_at(Timestamp::from_seconds(0)), read.thumbprint());
        assert!(!read.is_signed_by(&[]), "signed by nobody");
        let subjects = [
            CertificateSubject::SanDns("client.example".to_owned()),
            CertificateSubject::SanUri("https://client.example".to_owned()),
            CertificateSubject::SanIp([192, 0, 2, 1].into()),
            CertificateSubject::SanEmail("client@client.example".to_owned()),
        ];
        for subject in &subjects {
            assert!(!(read.is_authority() && read.is_issued_to(subject)), "an authority as a client");
        }
    }
}

/// A name is refused, or it is equal to itself with spaces around its separators, which older tools write, and in ASCII
/// capitals; it is another one in another order, and where only Unicode folds letters together.
pub fn distinguished_name(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(name) = DistinguishedName::parse(text) else { return };
    assert_eq!(
        DistinguishedName::parse(&format!(" {text} ")).as_ref().ok(),
        Some(&name),
        "with spaces around it"
    );
    // Two names after each other are another name than one.
    let twice = DistinguishedName::parse(&format!("{text},{text}"));
    assert_ne!(twice.as_ref().ok(), Some(&name), "twice");
    // No value in it is as long as this one.
    let other = format!("CN={}", "x".repeat(text.len() + 1));
    let before = DistinguishedName::parse(&format!("{other},{text}"));
    assert_ne!(before, DistinguishedName::parse(&format!("{text},{other}")), "in another order");
    let upper = DistinguishedName::parse(&text.to_ascii_uppercase());
    assert_eq!(upper.as_ref(), Ok(&name), "in capitals");
    for letter in text.chars().filter(|letter| !letter.is_ascii()) {
        let folded = text.replace(letter, &letter.to_lowercase().to_string());
        let other = DistinguishedName::parse(&folded);
        assert!(folded == text || other.as_ref() != Ok(&name), "{letter:?} is folded");
    }
}
