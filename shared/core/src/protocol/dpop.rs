//! DPoP on the wire (RFC 9449): the header, the algorithms, and what endpoints that take proofs have in common.

use crate::domain::base::jws_algorithm::JwsAlgorithm;
use crate::protocol::error::ProtocolError;

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

/// The description of `use_dpop_nonce`.
pub const NONCE_NEEDED: &str = "make a proof with the nonce in the header DPoP-Nonce";

/// Errors of endpoints that take proofs (RFC 9449 §5, §7.1).
pub trait ProofError: ProtocolError {
    const USE_DPOP_NONCE: Self;

    fn invalid_dpop_proof(why: &'static str) -> Self;
}
