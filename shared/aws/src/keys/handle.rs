//! Handles: a `RequestKey` sealed, so that only this provider can tell which request a handle means.
//!
//! Deterministic authenticated encryption (AES-256-GCM-SIV under a constant nonce; RFC 8452 §9 allows that
//! for messages that never repeat under one key and label, and a repeat only shows that it is one):
//!
//! ```text
//! handle = base64url( version ‖ AES-256-GCM-SIV(RequestKey, AAD = label ‖ version) )      44 characters
//! refresh_token = the same of RequestKey ‖ its number                                     50 characters
//! DPoP nonce = the same of a time                                                         34 characters
//! ```
//!
//! Deterministic, so the sender of a ping can compute the handle again, and a repeated refresh is answered with the
//! same token; authenticated, so a forged one costs no database call; labelled, so a handle for one use opens for no
//! other.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::issuer::key_schedule::{KeyTimes, Scheduled};

const NONCE: [u8; 12] = [0; 12];
const TAG: usize = 16;
/// Unit: bytes of the number of a refresh token.
const COUNTER: usize = 4;
/// Unit: bytes of a time.
const TIME: usize = 8;

/// What a handle is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleUse {
    AuthReqId,
    /// Leads from an access token's `jti` to its grant.
    AccessToken,
    /// A refresh token is one: the key and the number of the token.
    RefreshToken,
    /// A nonce for proofs of possession is one: the time at which it was made.
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

    /// How long what is sealed for this use is. Unit: bytes: version, sealed bytes, tag.
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

/// A secret that is kept beside a request until its client has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    NotificationToken,
    /// What a push client is sent.
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
    pub fn seal(&self, handle_use: HandleUse, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal_as(handle_use.aad(self.version()), plain)
    }

    /// Opens what [`HandleKey::seal`] made.
    pub fn open(&self, handle_use: HandleUse, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.open_as(handle_use.aad(self.version()), sealed)
    }

    /// Seals what is kept for one request. Two requests' equal secrets do not look alike.
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

/// A handle's text.
pub(super) fn encode(sealed: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(sealed)
}

/// A handle's bytes.
pub(super) fn decode(handle: &str) -> Result<Vec<u8>, OpenError> {
    URL_SAFE_NO_PAD.decode(handle).map_err(|_| OpenError::Forged)
}

/// What a refresh token seals.
pub(super) fn numbered(request: &RequestKey, counter: u32) -> [u8; RequestKey::BYTES + COUNTER] {
    let mut plain = [0; RequestKey::BYTES + COUNTER];
    plain[..RequestKey::BYTES].copy_from_slice(request.as_bytes());
    plain[RequestKey::BYTES..].copy_from_slice(&counter.to_be_bytes());
    plain
}

/// The key at the beginning of what was sealed, and the number behind it.
pub(super) fn read(plain: &[u8]) -> Result<(RequestKey, u32), OpenError> {
    let (key, rest) = plain.split_first_chunk().ok_or(OpenError::Forged)?;
    let counter = rest.try_into().map_or(0, u32::from_be_bytes);
    Ok((RequestKey::from_bytes(*key), counter))
}
