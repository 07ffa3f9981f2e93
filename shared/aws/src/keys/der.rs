//! The parts of DER (X.690) that KMS uses: ECDSA signatures and public keys.
//!
//! Strict: one encoding for each value and no trailing bytes. Anything else is rejected.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_core::protocol::jwks::PublicKey;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The length of each half of a signature over P-256. Unit: bytes.
const HALF: usize = 32;

/// RFC 5480: an uncompressed point on P-256 follows.
const P256_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// RFC 8410: a public key of Ed25519 follows.
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// RFC 3279 §2.3.1: the algorithm identifier of an RSA public key.
const RSA_ALGORITHM: [u8; 13] =
    [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Converts the `SEQUENCE { r, s }` that KMS returns to the 64 bytes of a JWS signature (RFC 7518 §3.4).
pub(super) fn raw_signature(der: &[u8]) -> Option<[u8; 2 * HALF]> {
    let (sequence, []) = value(SEQUENCE, der)? else { return None };
    let (r, rest) = integer(sequence)?;
    let (s, []) = integer(rest)? else { return None };
    let mut raw = [0; 2 * HALF];
    for (half, number) in [(0, r), (HALF, s)] {
        let length = Some(number.len()).filter(|length| *length <= HALF)?;
        raw[half + HALF - length..half + HALF].copy_from_slice(number);
    }
    Some(raw)
}

/// The key in a `SubjectPublicKeyInfo`, if it is a P-256, Ed25519 or 2048-bit RSA key.
pub(super) fn public_key(der: &[u8]) -> Option<PublicKey> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    if let Some(point) = der.strip_prefix(&P256_PREFIX) {
        let (x, y) = point.split_at_checked(32).filter(|(_, y)| y.len() == 32)?;
        return Some(PublicKey::Ec { crv: "P-256".to_owned(), x: encode(x), y: encode(y) });
    }
    if let Some(x) = der.strip_prefix(&ED25519_PREFIX) {
        let x = Some(x).filter(|x| x.len() == 32)?;
        return Some(PublicKey::Okp { crv: "Ed25519".to_owned(), x: encode(x) });
    }
    let (info, []) = value(SEQUENCE, der)? else { return None };
    let (algorithm, rest) = value(SEQUENCE, info)?;
    let (bits, []) = value(BIT_STRING, rest)? else { return None };
    let (key, []) = value(SEQUENCE, bits.strip_prefix(&[0])?)? else { return None };
    let (n, rest) = integer(key)?;
    let (e, []) = integer(rest)? else { return None };
    let is_one = algorithm == RSA_ALGORITHM && n.len() == 256 && n[0] >= 0x80;
    is_one.then(|| PublicKey::Rsa { n: encode(n), e: encode(e) })
}

/// A positive integer without its leading zero byte, and the bytes that follow it.
fn integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (bytes, rest) = value(INTEGER, der)?;
    let number = match bytes {
        [] | [0x80..=0xff, ..] | [0] => return None,
        // A leading zero is allowed only where the number would otherwise be negative.
        [0, number @ ..] if number[0] >= 0x80 => number,
        [0, ..] => return None,
        number => number,
    };
    Some((number, rest))
}

/// The content of a value with this tag, and the bytes that follow it. Lengths must be in their shortest form.
fn value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk()?;
            (usize::from(Some(length).filter(|length| *length >= 0x80)?), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(Some(u16::from_be_bytes(*length)).filter(|length| *length >= 0x100)?), rest)
        }
        _ => return None,
    };
    if found != tag {
        return None;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
