//! Random identifiers.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// `N` random bytes.
///
/// # Panics
/// If the operating system provides no randomness.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// 22 characters of base64url.
pub(crate) fn token() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<16>())
}

/// An identifier in the form that AWS uses for requests and messages: a version 4 UUID.
pub(crate) fn uuid() -> String {
    uuid::Builder::from_random_bytes(random_bytes()).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_uuid_has_the_form_of_version_4() {
        let uuid = super::uuid();
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
    }
}
