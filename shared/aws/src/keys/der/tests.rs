use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey,
};
use aws_lc_rs::{encoding::PublicKeyX509Der, rsa::KeySize};

use super::*;

/// A DER value of less than 128 bytes.
fn tagged(tag: u8, contents: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(contents.len()).unwrap()], contents].concat()
}

fn signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    tagged(SEQUENCE, &[tagged(INTEGER, r), tagged(INTEGER, s)].concat())
}

/// TOK-12-05, HYG-3-14: one signature in about 500 is shorter than 70 bytes, so this ends soon, but not at a number that one
/// could name.
#[test]
fn a_signature_in_der_becomes_the_64_bytes_that_verify() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key());
    let mut lengths = std::collections::BTreeSet::new();
    for nth in 0_u32..50_000 {
        let message = nth.to_be_bytes();
        let der = pair.sign(&SystemRandom::new(), &message).unwrap();
        lengths.insert(der.as_ref().len());
        let raw = raw_signature(der.as_ref()).unwrap();
        assert!(public.verify(&message, &raw).is_ok(), "{:02x?}", der.as_ref());
        if lengths.len() >= 4 {
            return;
        }
    }
    panic!("no short half: {lengths:?}");
}

/// TOK-12-05, HYG-3-14
#[test]
fn short_halves_are_filled_with_zeros_on_the_left() {
    let mut expected = [0; 64];
    (expected[31], expected[62], expected[63]) = (1, 0x80, 2);
    assert_eq!(raw_signature(&signature(&[1], &[0, 0x80, 2])), Some(expected));
    let largest = [&[0][..], &[0xff; 32]].concat();
    assert_eq!(raw_signature(&signature(&largest, &largest)), Some([0xff; 64]));
}

/// TOK-12-05, HYG-3-14
#[test]
fn a_signature_that_is_not_der_to_the_letter_is_none() {
    let (r, s) = ([0x11; 32], [0x22; 32]);
    let good = signature(&r, &s);
    assert!(raw_signature(&good).is_some());
    let three =
        tagged(SEQUENCE, &[tagged(INTEGER, &[1]), tagged(INTEGER, &[1]), tagged(INTEGER, &[1])].concat());
    let long_form = [&[SEQUENCE, 0x81, 68], &good[2..]].concat();
    let indefinite = [&[SEQUENCE, 0x80], &good[2..], &[0, 0]].concat();
    for (what, der) in [
        ("nothing", vec![]),
        ("raw already", [r, s].concat()),
        ("something behind it", [&good[..], &[0]].concat()),
        ("cut off", good[..good.len() - 1].to_vec()),
        ("three numbers", three),
        ("one number", tagged(SEQUENCE, &tagged(INTEGER, &r))),
        ("a length longer than need be", long_form),
        ("no length", indefinite),
        ("another tag", [&[0x31], &good[1..]].concat()),
        ("zero", signature(&[0], &s)),
        ("no digits", signature(&r, &[])),
        ("negative", signature(&r, &[0x80, 1])),
        ("a zero too many", signature(&[0, 0x11], &s)),
        ("33 bytes", signature(&[0x11; 33], &s)),
        (
            "a bit string for a number",
            tagged(SEQUENCE, &[tagged(BIT_STRING, &r), tagged(INTEGER, &s)].concat()),
        ),
    ] {
        assert_eq!(raw_signature(&der), None, "{what}");
    }
    for at in 0..good.len() {
        assert_eq!(raw_signature(&good[..at]), None, "{at} bytes");
    }
}

/// TOK-12-01: the same members that the key's own library tells.
#[test]
fn a_public_key_in_der_becomes_a_jwk() {
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let der: PublicKeyX509Der<'_> = ec.public_key().as_der().unwrap();
    let Some(PublicKey::Ec { crv, x, y }) = public_key(der.as_ref()) else { panic!("P-256") };
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let point = [&[4][..], &decode(&x), &decode(&y)].concat();
    assert_eq!((crv.as_str(), &*point), ("P-256", ec.public_key().as_ref()));

    let ed = Ed25519KeyPair::generate().unwrap();
    let der: PublicKeyX509Der<'_> = ed.public_key().as_der().unwrap();
    let Some(PublicKey::Okp { crv, x }) = public_key(der.as_ref()) else { panic!("Ed25519") };
    assert_eq!((crv.as_str(), &*decode(&x)), ("Ed25519", ed.public_key().as_ref()));

    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
    let Some(PublicKey::Rsa { n, e }) = public_key(der.as_ref()) else { panic!("RSA") };
    assert_eq!(decode(&n), rsa.public_key().modulus().big_endian_without_leading_zero());
    assert_eq!(e, "AQAB");
    for at in 0..der.as_ref().len() {
        assert!(public_key(&der.as_ref()[..at]).is_none(), "{at} bytes");
    }
    assert!(public_key(&[der.as_ref(), &[0]].concat()).is_none(), "something behind it");
}

/// TOK-12-02
#[test]
fn a_public_key_of_another_kind_is_none() {
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let der: PublicKeyX509Der<'_> = p384.public_key().as_der().unwrap();
    assert!(public_key(der.as_ref()).is_none(), "P-384");
    let rsa = RsaKeyPair::generate(KeySize::Rsa3072).unwrap();
    let der: PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
    assert!(public_key(der.as_ref()).is_none(), "3072 bits");
}
