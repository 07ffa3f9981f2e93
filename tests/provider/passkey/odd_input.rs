//! Bytes that no authenticator sends. Whatever they are, they are refused, and nothing panics.

use ciba_tests::Authenticator;
use ciba_tests::authenticator::{
    ATTESTED_CREDENTIAL_DATA, attestation_object, bytes, es256_key, int, map, rs256_key, text,
};
use serde_json::{Value, json};

use super::ceremony::{
    CHALLENGE, ORIGIN, RP_ID, base64, challenge, creation_options, enrolled, register, verify,
};

const EXTENSION_DATA: u8 = 0b1000_0000;

/// A registration of this attestation object.
fn registered(authenticator: &Authenticator, attestation_object: &[u8]) -> bool {
    let client_data = authenticator.client_data("webauthn.create", &challenge(), ORIGIN);
    register(authenticator.registration(&client_data, attestation_object)).is_ok()
}

/// A registration with this for a COSE key.
fn registered_with(public_key: &[u8]) -> bool {
    let authenticator = Authenticator::new();
    let data = authenticator.registration_data_of(RP_ID, public_key);
    registered(&authenticator, &attestation_object("none", &map(&[]), &data))
}

#[test]
fn a_credential_id_has_16_to_1023_bytes() {
    for (length, accepted) in
        [(0, false), (15, false), (16, true), (1023, true), (1024, false), (4096, false)]
    {
        let mut authenticator = Authenticator::new();
        authenticator.credential_id = vec![7; length];
        let answer = register(authenticator.create(&creation_options(), ORIGIN));
        assert_eq!(answer.is_ok(), accepted, "{length}");
        let Ok(passkey) = answer else { continue };
        verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect("accepted");
    }
}

/// Also where the browser says a short one, and the authenticator's data has a long one.
#[test]
fn a_credential_ids_length_is_from_the_authenticator_data() {
    let mut authenticator = Authenticator::new();
    authenticator.credential_id = vec![7; 1024];
    let object = attestation_object("none", &map(&[]), &authenticator.registration_data(RP_ID));
    authenticator.credential_id = vec![7; 20];
    assert!(!registered(&authenticator, &object));
}

#[test]
fn every_clipped_registration_is_refused() {
    let authenticator = Authenticator::new();
    let data = authenticator.registration_data(RP_ID);
    let whole = attestation_object("none", &map(&[]), &data);
    assert!(registered(&authenticator, &whole));
    for length in 0..whole.len() {
        assert!(!registered(&authenticator, &whole[..length]), "{length} bytes");
    }
    for length in 0..data.len() {
        let object = attestation_object("none", &map(&[]), &data[..length]);
        assert!(!registered(&authenticator, &object), "{length} bytes of authenticator data");
    }
}

#[test]
fn every_clipped_or_longer_assertion_is_refused() {
    let (authenticator, passkey) = enrolled(Authenticator::new());
    let client_data = authenticator.client_data("webauthn.get", &challenge(), ORIGIN);
    let data = authenticator.authenticator_data(RP_ID, authenticator.flags);
    verify(authenticator.assertion(&client_data, &data), &passkey).expect("accepted");
    for length in 0..data.len() {
        verify(authenticator.assertion(&client_data, &data[..length]), &passkey).expect_err("clipped");
    }
    let longer = [&data[..], &[0]].concat();
    verify(authenticator.assertion(&client_data, &longer), &passkey).expect_err("longer");
    for length in 0..client_data.len() {
        verify(authenticator.assertion(&client_data[..length], &data), &passkey).expect_err("clipped");
    }
}

#[test]
fn an_assertion_has_no_credential_in_it() {
    let (authenticator, passkey) = enrolled(Authenticator::new());
    let client_data = authenticator.client_data("webauthn.get", &challenge(), ORIGIN);
    let data = authenticator.registration_data(RP_ID);
    assert_ne!(data[32] & ATTESTED_CREDENTIAL_DATA, 0);
    verify(authenticator.assertion(&client_data, &data), &passkey).expect_err("a credential");
}

/// Certificates and TPM structures are not parsed: nobody asked for them, and nobody would believe them.
#[test]
fn what_is_attested_is_not_read() {
    let authenticator = Authenticator::new();
    let data = authenticator.registration_data(RP_ID);
    let garbage =
        map(&[(text("x5c"), bytes(&[0xff; 64])), (text("alg"), int(-7)), (text("sig"), bytes(&[0; 8]))]);
    for format in ["none", "packed", "tpm", "android-key", "android-safetynet", "fido-u2f", "apple", "other"]
    {
        assert!(registered(&authenticator, &attestation_object(format, &garbage, &data)), "{format}");
    }
}

#[test]
fn cbor_that_is_nested_deeply_or_promises_much_is_refused() {
    let authenticator = Authenticator::new();
    let data = authenticator.registration_data(RP_ID);
    let nested = |head: u8| [vec![head; 15_000], vec![0]].concat();
    for odd in [
        nested(0x81),                                               // arrays in arrays
        nested(0xa1),                                               // maps as names of maps
        nested(0xc1),                                               // tags of tags
        nested(0x9f),                                               // arrays without an end
        vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // an array of 2^64 - 1
        vec![0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // a map of as many
        vec![0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // bytes
        vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        vec![0x80],
        vec![0xa0],
        vec![0xf6],
        vec![0xff],
        vec![],
    ] {
        let start = odd[..odd.len().min(4)].to_vec();
        assert!(!registered(&authenticator, &odd), "{start:?} as the object");
        let in_statement = attestation_object("none", &odd, &data);
        // A statement is skipped; what cannot be skipped is refused.
        let accepted = registered(&authenticator, &in_statement);
        assert_eq!(accepted, matches!(odd[..], [0x80 | 0xa0 | 0xf6]), "{start:?} as the statement");
        assert!(!registered_with(&odd), "{start:?} as the key");
        let mut with_extensions = data.clone();
        with_extensions[32] |= EXTENSION_DATA;
        with_extensions.extend(&odd);
        let accepted = registered(&authenticator, &attestation_object("none", &map(&[]), &with_extensions));
        assert_eq!(accepted, odd == [0xa0], "{start:?} as the extensions");
    }
}

#[test]
fn keys_that_are_no_keys_are_refused() {
    let (x, y) = ([1; 32], [2; 32]);
    let mut odd_modulus = [0xff; 256];
    for (name, key) in [
        ("a point off the curve", es256_key(&x, &y)),
        ("zeros", es256_key(&[0; 32], &[0; 32])),
        ("short coordinates", es256_key(&x[..31], &y)),
        ("no coordinates", es256_key(&[], &[])),
        ("an unknown algorithm", map(&[(int(1), int(2)), (int(3), int(-9999))])),
        ("RSA with SHA-1", map(&[(int(1), int(3)), (int(3), int(-65535)), (int(-1), bytes(&odd_modulus))])),
        ("a modulus of zeros", rs256_key(&[0; 256], &[1, 0, 1])),
        ("an even modulus", {
            odd_modulus[255] = 0xfe;
            rs256_key(&odd_modulus, &[1, 0, 1])
        }),
        ("an exponent of zeros", rs256_key(&[0xff; 256], &[0, 0, 0])),
        ("an exponent of one", rs256_key(&[0xff; 256], &[0, 0, 1])),
        ("an even exponent", rs256_key(&[0xff; 256], &[1, 0, 0])),
        ("a short modulus", rs256_key(&[0xff; 128], &[1, 0, 1])),
        ("a symmetric key", map(&[(int(1), int(4)), (int(3), int(-7))])),
    ] {
        assert!(!registered_with(&key), "{name}");
    }
}

/// Under ES256 only P-256 is a curve; the library would take another one.
#[test]
fn a_key_on_another_curve_is_refused() {
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).expect("a key");
    let point = key.public_key().as_ref();
    let key = |algorithm: i32| {
        map(&[
            (int(1), int(2)),
            (int(3), int(algorithm)),
            (int(-1), int(2)),
            (int(-2), bytes(&point[1..49])),
            (int(-3), bytes(&point[49..])),
        ])
    };
    assert!(!registered_with(&key(-7)), "ES256");
    assert!(!registered_with(&key(-35)), "ES384, which is not asked for");
}

#[test]
fn an_assertion_is_at_most_8_kib_long() {
    let (mut authenticator, passkey) = enrolled(Authenticator::new());
    authenticator.client_data.insert("padding".to_owned(), "x".repeat(5500).into());
    verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect("long, and not too long");
    authenticator.client_data.insert("padding".to_owned(), "x".repeat(6200).into());
    let refused = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("too long");
    assert!(refused.0.contains("too long"), "{refused:?}");
}

#[test]
fn client_data_that_is_nested_deeply_is_refused() {
    let (authenticator, passkey) = enrolled(Authenticator::new());
    let data = authenticator.authenticator_data(RP_ID, authenticator.flags);
    let usual = String::from_utf8(authenticator.client_data("webauthn.get", &challenge(), ORIGIN)).unwrap();
    let nested = format!("{{\"x\":{}{},", "[".repeat(1500), "]".repeat(1500));
    let odd = usual.replacen('{', &nested, 1);
    verify(authenticator.assertion(odd.as_bytes(), &data), &passkey).expect_err("nested");
}

/// HYG-5-01
#[test]
fn the_log_is_told_what_is_wrong_and_not_what_was_sent() {
    let (mut authenticator, passkey) = enrolled(Authenticator::new());
    authenticator.client_data.insert("type".to_owned(), json!(["words of a stranger"]));
    let refused = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("a list");
    assert_eq!(refused.0, "clientDataJSON is malformed");
}

#[test]
fn members_that_are_missing_or_no_base64url_are_refused() {
    let registration = Authenticator::new().create(&creation_options(), ORIGIN);
    let (mut authenticator, passkey) = enrolled(Authenticator::new());
    let assertion = authenticator.get(&CHALLENGE, RP_ID, ORIGIN);
    let variants = |whole: &Value, response: &[&str]| {
        let mut all = Vec::new();
        for value in [json!(null), json!(7), json!("not base64!"), json!("AAAA=="), json!([1, 2])] {
            for name in ["id", "rawId", "type", "response"] {
                let mut odd = whole.clone();
                odd[name] = value.clone();
                all.push(odd);
            }
            for name in response {
                let mut odd = whole.clone();
                odd["response"][name] = value.clone();
                all.push(odd);
            }
        }
        all
    };
    for odd in variants(&registration, &["clientDataJSON", "attestationObject"]) {
        register(odd.clone()).expect_err(&odd.to_string());
    }
    for odd in variants(&assertion, &["clientDataJSON", "authenticatorData", "signature"]) {
        verify(odd.clone(), &passkey).expect_err(&odd.to_string());
    }
    for odd in [json!(null), json!([]), json!("x"), json!({})] {
        register(odd.clone()).expect_err("a registration");
        verify(odd, &passkey).expect_err("an assertion");
    }
    assert_eq!(base64(&[]), "");
}
