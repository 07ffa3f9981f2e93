//! Verification: signatures, certificates, passkeys and evidence.

pub mod certificate;
pub mod certificate_authority;
pub mod evidence;
pub mod evidence_heads;
pub mod evidence_verdict;
pub mod jws;
mod passkey_key;
pub mod verification_key;
pub mod webauthn;
pub mod witness;
