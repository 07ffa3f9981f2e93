//! DPoP on the wire (RFC 9449): the header, the algorithms, and what endpoints that take proofs have in common.

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::protocol::error::{Answer, ProtocolError, Refusal, answer};

/// The request header with the proof. In lower case, as headers are compared.
pub const HEADER: &str = "dpop";
/// The response header with the nonce of the next proof.
pub const NONCE_HEADER: &str = "dpop-nonce";
/// `typ` of a proof, so that no other JWT passes for one.
pub const TYP: &str = "dpop+jwt";

/// With an RSA key of 4096 bits and a URL of 512 bytes a proof is shorter. What it takes, the access token beside it cannot have: all headers
/// together have 10 KiB (`HYG-1-07`).
///
/// Unit: bytes.
pub const MAX_PROOF: usize = 3 * 1024;

/// What proofs may be signed with; the metadata lists the same ones. No RS256: whoever makes proofs is new enough for
/// better ones, and FAPI has none of it.
pub const ALGORITHMS: [JwsAlgorithm; 3] = [JwsAlgorithm::ES256, JwsAlgorithm::PS256, JwsAlgorithm::EdDSA];

/// `alg` of proofs, by each of its names: for the metadata, and `algs` of the challenge.
pub fn algorithm_names() -> Vec<&'static str> {
    ALGORITHMS.iter().flat_map(|algorithm| algorithm.accepted_names()).copied().collect()
}

/// Errors of endpoints that take proofs (RFC 9449 §5, §7.1, §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    Invalid(&'static str),
    NonceNeeded,
}

impl ProofError {
    /// The row, whose status depends on the endpoint.
    pub const fn answer(self, status: u16) -> Answer {
        match self {
            Self::Invalid(why) => answer(status, "invalid_dpop_proof", why),
            Self::NonceNeeded => {
                answer(status, "use_dpop_nonce", "make a proof with the nonce in the header DPoP-Nonce")
            }
        }
    }
}

impl<E: ProtocolError + From<ProofError>> From<ProofError> for Refusal<E> {
    fn from(error: ProofError) -> Self {
        Self::new(error.into())
    }
}
