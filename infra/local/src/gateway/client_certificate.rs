//! A client's certificate in the request context (`requestContext.authentication.clientCert`).

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use time::OffsetDateTime;
use x509_parser::parse_x509_certificate;

/// The certificate as the service describes it; `None` if it cannot be parsed.
pub(super) fn context(der: &[u8]) -> Option<Value> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    let validity = certificate.validity();
    Some(json!({
        "clientCert": {
            "clientCertPem": pem(der),
            "subjectDN": certificate.subject().to_string(),
            "issuerDN": certificate.issuer().to_string(),
            "serialNumber": certificate.raw_serial_as_string(),
            "validity": {
                "notBefore": openssl_time(validity.not_before.to_datetime()),
                "notAfter": openssl_time(validity.not_after.to_datetime()),
            },
        },
    }))
}

/// Lines of 64 characters, as in RFC 7468.
fn pem(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned() + "\n");
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", lines.collect::<String>())
}

/// `May 28 12:30:02 2019 GMT`
fn openssl_time(at: OffsetDateTime) -> String {
    let month = at.month().to_string();
    let (day, month, year) = (at.day(), month.get(..3).unwrap_or_default(), at.year());
    let (hour, minute, second) = at.to_hms();
    format!("{month} {day:>2} {hour:02}:{minute:02}:{second:02} {year} GMT")
}
