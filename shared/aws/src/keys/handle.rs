//! Handles: sealed `RequestKey`s, so that only this provider can tell which request a handle refers to.
//!
//! Deterministic authenticated encryption (AES-256-GCM-SIV with a constant nonce; by RFC 8452 §9 a repeated
//! message reveals only that it is repeated):
//!
//! ```text
//! handle = base64url( version ‖ AES-256-GCM-SIV(RequestKey, AAD = label ‖ version) )      44 characters
//! refresh_token = the same for RequestKey ‖ its number                                    50 characters
//! DPoP nonce = the same for a time                                                        34 characters
//! ```
//!
//! It is deterministic, so the sender of a ping can compute the handle again, and a repeated refresh gets the
//! same token; authenticated, so a forged handle costs no database call; and labelled, so a handle made for one
//! use cannot be opened for another.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::issuer::key_schedule::{KeyTimes, Scheduled};

const NONCE: [u8; 12] = [0; 12];
const TAG: usize = 16;
/// The size of a refresh token's number. Unit: bytes.
const COUNTER: usize = 4;
/// The size of a time. Unit: bytes.
const TIME: usize = 8;

/// The use of a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleUse {
    AuthReqId,
    /// Leads from an access token's `jti` to its grant.
    AccessToken,
    /// A refresh token: the key and the token's number.
    RefreshToken,
    /// A nonce for proofs of possession: the time at which it was made.
    DpopNonce,
}

impl HandleUse {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::AuthReqId => b"auth_req_id",
            Self::AccessToken => b"access",
            Self::RefreshToken => b"refresh",
            Self::DpopNonce => b"dpop_nonce",
        }
    }

    /// The length of a handle for this use: version, ciphertext and tag. Unit: bytes.
    pub(super) const fn sealed_length(self) -> usize {
        let plain = match self {
            Self::AuthReqId | Self::AccessToken => RequestKey::BYTES,
            Self::RefreshToken => RequestKey::BYTES + COUNTER,
            Self::DpopNonce => TIME,
        };
        1 + plain + TAG
    }

    fn aad(self, version: u8) -> Aad<Vec<u8>> {
        Aad::from([self.label(), &[version]].concat())
    }
}

/// A secret that is stored with a request until its client has been notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    NotificationToken,
    /// The body of a push notification (CIBA §10.3).
    Payload,
}

impl Kept {
    fn aad(self, version: u8, request: &RequestKey) -> Aad<Vec<u8>> {
        let label: &[u8] = match self {
            Self::NotificationToken => b"notification_token",
            Self::Payload => b"payload",
        };
        Aad::from([label, &[version], request.as_bytes()].concat())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Sealed under a key that is not known yet. Reloading the keys may help.
    UnknownVersion,
    /// Not a handle of this provider for this use.
    Forged,
}

/// One generation of the handle key.
pub struct HandleKey {
    generation: u32,
    times: KeyTimes,
    key: LessSafeKey,
}

impl HandleKey {
    pub const BYTES: usize = 32;

    /// `None` if the key has the wrong length.
    pub fn new(generation: u32, times: KeyTimes, key: &[u8]) -> Option<Self> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).ok()?);
        Some(Self { generation, times, key })
    }

    /// The key-version byte of its handles. It wraps around after 256 generations, so two keys may share it.
    pub fn version(&self) -> u8 {
        self.generation.to_le_bytes()[0]
    }

    /// `None` only if the cipher itself fails.
    pub fn seal(&self, handle_use: HandleUse, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal_as(handle_use.aad(self.version()), plain)
    }

    /// Opens what [`HandleKey::seal`] made.
    pub fn open(&self, handle_use: HandleUse, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.open_as(handle_use.aad(self.version()), sealed)
    }

    /// Seals a secret that is stored with a request. Equal secrets of two requests have different ciphertexts.
    pub fn seal_kept(&self, kept: Kept, request: &RequestKey, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal_as(kept.aad(self.version(), request), plain)
    }

    /// Opens what [`HandleKey::seal_kept`] made, for the same request.
    pub fn open_kept(&self, kept: Kept, request: &RequestKey, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.open_as(kept.aad(self.version(), request), sealed)
    }

    fn seal_as(&self, aad: Aad<Vec<u8>>, plain: &[u8]) -> Option<Vec<u8>> {
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let mut body = plain.to_vec();
        self.key.seal_in_place_append_tag(nonce, aad, &mut body).ok()?;
        Some([&[self.version()], body.as_slice()].concat())
    }

    fn open_as(&self, aad: Aad<Vec<u8>>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (_, body) = sealed.split_first().ok_or(OpenError::Forged)?;
        let mut body = body.to_vec();
        let plain = self.key.open_in_place(Nonce::assume_unique_for_key(NONCE), aad, &mut body);
        Ok(plain.map_err(|_| OpenError::Forged)?.to_vec())
    }
}

impl Scheduled for HandleKey {
    fn generation(&self) -> u32 {
        self.generation
    }

    fn times(&self) -> &KeyTimes {
        &self.times
    }
}

/// The text form of a handle.
pub(super) fn encode(sealed: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(sealed)
}

/// The bytes of a handle.
pub(super) fn decode(handle: &str) -> Result<Vec<u8>, OpenError> {
    URL_SAFE_NO_PAD.decode(handle).map_err(|_| OpenError::Forged)
}

/// The plaintext of a refresh token.
pub(super) fn numbered(request: &RequestKey, counter: u32) -> [u8; RequestKey::BYTES + COUNTER] {
    let mut plain = [0; RequestKey::BYTES + COUNTER];
    plain[..RequestKey::BYTES].copy_from_slice(request.as_bytes());
    plain[RequestKey::BYTES..].copy_from_slice(&counter.to_be_bytes());
    plain
}

/// The request key and the number in the plaintext of a refresh token.
pub(super) fn read(plain: &[u8]) -> Result<(RequestKey, u32), OpenError> {
    let (key, rest) = plain.split_first_chunk().ok_or(OpenError::Forged)?;
    let counter = rest.try_into().map_or(0, u32::from_be_bytes);
    Ok((RequestKey::from_bytes(*key), counter))
}
