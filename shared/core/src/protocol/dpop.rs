//! DPoP on the wire (RFC 9449): the headers, the algorithms and the errors of all endpoints that accept proofs.

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::protocol::error::{Answer, ProtocolError, Refusal, answer};

/// The request header with the proof, in lower case for comparison.
pub const HEADER: &str = "dpop";
/// The response header with the nonce for the next proof.
pub const NONCE_HEADER: &str = "dpop-nonce";
/// `typ` of a proof, so that no other JWT is mistaken for one (RFC 9449 §4.2).
pub const TYP: &str = "dpop+jwt";

/// A proof with an RSA key of 4096 bits and a URL of 512 bytes is shorter than this. A longer proof would leave
/// less room for the access token: the gateway allows 10 KiB for all headers together.
///
/// Unit: bytes.
pub const MAX_PROOF: usize = 3 * 1024;

/// The signature algorithms for proofs; the metadata lists the same ones. RS256 is not supported: software with
/// DPoP is recent enough to support better algorithms, and FAPI does not allow RS256.
pub const ALGORITHMS: [JwsAlgorithm; 3] = [JwsAlgorithm::ES256, JwsAlgorithm::PS256, JwsAlgorithm::EdDSA];

/// All names of the algorithms, for the metadata and for `algs` in the challenge.
pub fn algorithm_names() -> Vec<&'static str> {
    ALGORITHMS.iter().flat_map(|algorithm| algorithm.accepted_names()).copied().collect()
}

/// Errors of the endpoints that accept proofs (RFC 9449 §5, §7.1, §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    Invalid(&'static str),
    NonceNeeded,
}

impl ProofError {
    /// The answer; its status depends on the endpoint.
    pub const fn answer(self, status: u16) -> Answer {
        match self {
            Self::Invalid(why) => answer(status, "invalid_dpop_proof", why),
            Self::NonceNeeded => {
                answer(status, "use_dpop_nonce", "send a proof with the nonce from the header DPoP-Nonce")
            }
        }
    }
}

impl<E: ProtocolError + From<ProofError>> From<ProofError> for Refusal<E> {
    fn from(error: ProofError) -> Self {
        Self::new(error.into())
    }
}
