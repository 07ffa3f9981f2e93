use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;

use super::*;

fn name(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap_or_else(|flaw| panic!("{text}: {flaw}"))
}

/// Output of `openssl x509 -subject -nameopt RFC2253` for several certificates: a line with the name, then the
/// certificate (`distinguished_name/samples.sh`).
const SAMPLES: &str = include_str!("samples.txt");

/// CAUTH-4-03: the way in which docs/api.md tells operators to find out what to register.
#[test]
fn what_openssl_prints_of_a_certificate_is_its_name() {
    let printed: Vec<_> =
        SAMPLES.lines().filter_map(|line| line.strip_prefix("subject=")).map(name).collect();
    let certificates: Vec<_> = Pem::iter_from_buffer(SAMPLES.as_bytes()).map(Result::unwrap).collect();
    assert_eq!((printed.len(), certificates.len()), (13, 13));
    for (nth, certificate) in certificates.iter().enumerate() {
        let own = DistinguishedName::of(certificate.parse_x509().unwrap().subject());
        for (other, printed) in printed.iter().enumerate() {
            // The last two differ only in the string type.
            let is_same = nth == other || (nth.min(other), nth.max(other)) == (11, 12);
            assert_eq!(*printed == own, is_same, "{nth} {other}");
        }
    }
}

/// CAUTH-4-03: as .NET and `certutil` print names.
#[test]
fn what_windows_prints_of_a_name_is_that_name() {
    for (windows, other) in [
        (
            "CN=Till 7, O=\"City Bank, Inc.\", S=New York, C=US",
            "CN=Till 7,O=City Bank\\, Inc.,ST=New York,C=US",
        ),
        (
            "E=till@bank.example, G=Jo, SN=Doe, I=J., T=Dr.",
            "emailAddress=till@bank.example,GN=Jo,SN=Doe,initials=J.,title=Dr.",
        ),
        ("O=\"The \"\"City\"\" Bank; <7>+=, Inc.\"", "O=The \\\"City\\\" Bank\\; \\<7\\>\\+=\\, Inc."),
        ("CN=\"#7\"", "CN=\\#7"),
        ("CN=\" Till \"", "CN=\\ Till\\ "),
        ("CN=\"a\", O=\"\"", "CN=a,O="),
        ("OID.1.3.6.1.4.1.311.60.2.1.3=US, SERIALNUMBER=7", "jurisdictionC=US,serialNumber=7"),
        ("CN=Till+OU=\"a+b, c\", DC=bank", "CN=Till+OU=a\\+b\\, c,DC=bank"),
        // RFC 2253 §4.
        ("CN=\"a \\\"b\\\" \\\\ c\"", "CN=a \\\"b\\\" \\\\ c"),
    ] {
        assert_eq!(name(windows), name(other), "{windows}");
    }
}

#[test]
fn the_flaw_of_a_name_says_which_part_it_is() {
    for (text, part, why) in [
        ("CN=Till 7,jurisdictionX=US,C=US", "jurisdictionX=US", "type"),
        ("CN=Till 7,OU=Sales + shoesize=7,C=US", "shoesize=7", "type"),
        ("CN=Till 7,City Bank,C=US", "City Bank", "no ="),
        ("CN=Till 7;O=City Bank,C=US", "CN=Till 7;O=City Bank", "backslash"),
        ("C=US,CN=a\\zz", "CN=a\\zz", "hexadecimal"),
        ("C=US,CN=#0c0474696c", "CN=#0c0474696c", "DER"),
        ("C=US,CN=#zz,O=a", "CN=#zz", "hexadecimal"),
        ("C=US,CN=a\\c4", "CN=a\\c4", "UTF-8"),
        ("C=US,CN=\"a, O=b", "CN=\"a, O=b", "closed"),
        ("C=US,CN=\"a\"b,O=b", "CN=\"a\"b", "follows"),
        ("C=US,CN=a\\0Ab,O=b", "CN=a\\0Ab", "control"),
        ("C=US,CN=a+CN=A,O=b", "CN=a+CN=A", "twice"),
        ("CN=,O= ", "CN=,O= ", "value"),
        ("/C=US/CN=Till 7", "/C=US/CN=Till 7", "type"),
        ("C=US,CN=a\\", "CN=a\\", "backslash"),
    ] {
        let flaw = DistinguishedName::parse(text).expect_err(text);
        assert_eq!(flaw.part, part, "{text}: {flaw}");
        assert!(flaw.why.contains(why), "{text}: {flaw}");
        assert!(flaw.to_string().contains(part));
    }
}

/// CAUTH-4-03: RFC 4514 §4 has some of these.
#[test]
fn one_name_can_be_written_in_many_ways() {
    for (one, other) in [
        ("CN=Till 7,O=City Bank,C=US", "cn=till 7, o=CITY  bank, c=us"),
        ("CN=Till 7,O=City Bank,C=US", "2.5.4.3=Till 7,OID.2.5.4.10=City Bank,2.5.4.6=US"),
        ("CN=Till\\, 7", "CN=Till\\2C 7"),
        ("CN=Lu\\C4\\8Di\\C4\\87", "CN=Lučić"),
        ("CN=Lu\\c4\\8di\\c4\\87", "CN=LUčIć"),
        ("OU=Sales+CN=J. Smith,O=City Bank", "CN=J. Smith+OU=Sales,O=City Bank"),
        ("CN=\\ till\\ ", "CN=till"),
        ("CN=\\#7", "CN=\\237"),
        ("CN=a=b", "CN=a\\=b"),
        // A UTF8String and a PrintableString of the same letters.
        ("CN=till", "CN=#0c0474696c6c"),
        ("CN=till", "CN=#130454494C4C"),
        ("CN=till", "CN=#1e0800740069006c006c"),
        // A TeletexString and a UniversalString, then a TeletexString with a non-ASCII letter.
        ("CN=till", "CN=#140474696c6c"),
        ("CN=till", "CN=#1c1000000074000000690000006c0000006c"),
        ("CN=Crédit", "CN=#14064372E9646974"),
        ("CN=till,OU=", "CN=till,OU= "),
        ("CN=till,OU=", "CN=till,OU=#0c00"),
        ("1.2.3=#04020102", "1.2.3=#04020102"),
    ] {
        assert_eq!(name(one), name(other), "{one} {other}");
    }
}

/// CAUTH-4-03
#[test]
fn names_of_others_are_not_this_one() {
    let own = name("CN=Till 7,O=City Bank,C=US");
    for text in [
        "CN=Till 7",
        "O=City Bank,C=US",
        "C=US,O=City Bank,CN=Till 7",
        "CN=Till 7,O=City Bank,C=US,C=US",
        "CN=Till 7+O=City Bank,C=US",
        "CN=Till7,O=City Bank,C=US",
        "OU=Till 7,O=City Bank,C=US",
        "CN=Till 7\\,O\\=City Bank,C=US",
        // Names that Unicode folds to it.
        "CN=T\u{131}ll 7,O=City Bank,C=US",
        "CN=Till\u{a0}7,O=City Bank,C=US",
        "CN=Till ７,O=City Bank,C=US",
        "CN=Till 7,O=City Ban\u{212a},C=US",
        // Bytes that are not text do not equal a text.
        "CN=#040654696C6C2037,O=City Bank,C=US",
        // A TeletexString with another text.
        "CN=#140654696C6C2038,O=City Bank,C=US",
        "CN=Till 7,O=City Bank,C=US,OU=",
    ] {
        assert_ne!(name(text), own, "{text}");
    }
}

/// A value of at most 127 bytes in DER.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    [&[tag, u8::try_from(content.len()).unwrap()], &content[..]].concat()
}

/// CAUTH-4-03: of the attributes of one part none is left out, and their order does not matter.
#[test]
fn a_part_of_several_attributes_is_compared_as_a_whole() {
    // 2.5.4.x, as UTF8String.
    let attribute =
        |kind: u8, text: &str| der(0x30, &[&[0x06, 0x03, 0x55, 0x04, kind], &der(0x0c, &[text.as_bytes()])]);
    let (cn, ou, o) = (attribute(3, "Till 7"), attribute(11, "Sales"), attribute(10, "City Bank"));
    let bytes = der(0x30, &[&der(0x31, &[&o]), &der(0x31, &[&ou, &cn])]);
    let (rest, read) = X509Name::from_der(&bytes).unwrap();
    assert!(rest.is_empty());
    let own = DistinguishedName::of(&read);
    for text in ["CN=Till 7+OU=Sales,O=City Bank", "ou=sales + cn=TILL 7, o=City Bank"] {
        assert_eq!(name(text), own, "{text}");
    }
    for text in [
        "CN=Till 7,O=City Bank",
        "OU=Sales,O=City Bank",
        "CN=Till 7,OU=Sales,O=City Bank",
        "OU=Sales,CN=Till 7,O=City Bank",
        "CN=Till 7+OU=Sales+O=City Bank",
        "O=City Bank,CN=Till 7+OU=Sales",
        "CN=Till 7\\+OU\\=Sales,O=City Bank",
    ] {
        assert_ne!(name(text), own, "{text}");
    }
}

#[test]
fn what_is_no_name_in_this_form_is_refused() {
    for text in [
        "",
        "Till 7",
        "CN",
        "CN=",
        "CN= ",
        "=Till 7",
        "CN=Till 7,",
        ",CN=Till 7",
        "CN=Till 7;O=City Bank",
        "O=\"City, Bank",
        "O=City \"Bank\"",
        "/C=US/CN=Till 7",
        "shoesize=7",
        "2.5.04.3=Till 7",
        "2..3=Till 7",
        "CN=a\\",
        "CN=a\\zz",
        "CN=a\\c4",
        "CN=a\\00",
        "CN=#",
        "CN=#0",
        "CN=#zz",
        "CN=#0c0474696c",
        "CN=#0c0174696c",
        "CN=a+CN=A",
    ] {
        assert!(DistinguishedName::parse(text).is_err(), "{text}");
    }
}
