//! Handles: a `RequestKey` sealed, so that only this provider can tell which request a handle means.
//!
//! Deterministic authenticated encryption (AES-256-GCM-SIV under a constant nonce; RFC 8452 §9 allows that
//! for messages that never repeat under one key and label, and a repeat only shows that it is one):
//!
//! ```text
//! handle = base64url( version ‖ AES-256-GCM-SIV(RequestKey, AAD = label ‖ version) )      44 characters
//! ```
//!
//! Deterministic, so the sender of a ping can compute the handle again; authenticated, so a forged one costs
//! no database call; labelled, so a handle for one use opens for no other.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::key_schedule::{KeyTimes, Scheduled};
use crate::domain::request_key::RequestKey;

const NONCE: [u8; 12] = [0; 12];
const TAG: usize = 16;
/// Unit: bytes: version, sealed key, tag.
const SEALED: usize = 1 + RequestKey::BYTES + TAG;

/// What a handle is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleUse {
    AuthReqId,
    /// Leads from an access token's `jti` to its grant.
    AccessToken,
}

impl HandleUse {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::AuthReqId => b"auth_req_id",
            Self::AccessToken => b"access",
        }
    }

    fn aad(self, version: u8) -> Aad<Vec<u8>> {
        Aad::from([self.label(), &[version]].concat())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Sealed under a key that is not known (yet): reading the keys again may help.
    UnknownVersion,
    /// Not a handle that this provider made for this use.
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

    /// The key-version byte of the handles it makes. It begins again after 256 generations, when nothing that
    /// the first one sealed is left: rotations are at least a day apart.
    pub fn version(&self) -> u8 {
        self.generation.to_le_bytes()[0]
    }

    /// `None` only if the cipher itself fails.
    pub fn seal(&self, handle_use: HandleUse, request: &RequestKey) -> Option<[u8; SEALED]> {
        let mut sealed = [0; SEALED];
        let (version, rest) = sealed.split_at_mut(1);
        let (body, tag) = rest.split_at_mut(RequestKey::BYTES);
        version.copy_from_slice(&[self.version()]);
        body.copy_from_slice(request.as_bytes());
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let made = self.key.seal_in_place_separate_tag(nonce, handle_use.aad(self.version()), body).ok()?;
        tag.copy_from_slice(made.as_ref());
        Some(sealed)
    }

    /// Opens what [`HandleKey::seal`] made.
    pub fn open(&self, handle_use: HandleUse, sealed: &[u8]) -> Result<RequestKey, OpenError> {
        let sealed: [u8; SEALED] = sealed.try_into().map_err(|_| OpenError::Forged)?;
        let (_, rest) = sealed.split_at(1);
        let mut rest = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let plain = self
            .key
            .open_in_place(nonce, handle_use.aad(self.version()), &mut rest)
            .map_err(|_| OpenError::Forged)?;
        <[u8; RequestKey::BYTES]>::try_from(&*plain)
            .map(RequestKey::from_bytes)
            .map_err(|_| OpenError::Forged)
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

/// A handle's text.
pub(super) fn encode(sealed: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(sealed)
}

/// A handle's bytes and its key-version byte.
pub(super) fn decode(handle: &str) -> Result<(u8, Vec<u8>), OpenError> {
    let sealed = URL_SAFE_NO_PAD.decode(handle).map_err(|_| OpenError::Forged)?;
    match sealed.first() {
        Some(version) if sealed.len() == SEALED => Ok((*version, sealed)),
        Some(_) | None => Err(OpenError::Forged),
    }
}
