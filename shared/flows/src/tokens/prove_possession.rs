//! Checks proofs of possession of a key (DPoP, RFC 9449): at the token endpoint to bind a token to it, and at a
//! resource to use such a token.

use crate::Invocation;
use ciba_aws::config::DpopSettings;
use ciba_aws::keys::KeyRings;
use ciba_aws::store::Table;
use ciba_core::domain::client::Client;
use ciba_core::domain::token::dpop::{Call, DpopProof, is_fresh, judge};
use ciba_core::protocol::dpop::{ALGORITHMS, ProofError, TYP};
use ciba_core::protocol::error::{ProtocolError, Refusal};
use ciba_core::verify::jws::{NotAJws, SelfKeyedJws};

/// The dependencies of this flow.
pub struct ProvePossession<'a> {
    pub table: &'a Table,
    pub keys: &'a KeyRings,
    pub settings: &'a DpopSettings,
}

impl ProvePossession<'_> {
    /// Checks the proof for this call. Nothing is written, so that a proof without a required nonce costs the
    /// caller only a retry (RFC 9449 §8).
    ///
    /// 1. It is a JWT of the right type, signed with a supported algorithm and the key in its header (RFC 9449
    ///    §4.3).
    /// 2. It was made for this call, and recently.
    /// 3. If it has a nonce, the nonce is this provider's and recent (RFC 9449 §8).
    pub async fn check<E: ProtocolError + From<ProofError>>(
        &self,
        text: &str,
        call: &Call<'_>,
        invocation: &Invocation,
    ) -> Result<DpopProof, Refusal<E>> {
        let jws = SelfKeyedJws::parse(text).map_err(|error| match error {
            NotAJws::Malformed(why) => ProofError::Invalid(why),
            NotAJws::Encrypted => ProofError::Invalid("the proof is encrypted"),
        })?;
        if jws.typ().as_deref() != Some(TYP) {
            return Err(ProofError::Invalid("the type of the proof is not dpop+jwt").into());
        }
        if !ALGORITHMS.contains(&jws.algorithm()) {
            return Err(ProofError::Invalid("the algorithm of the proof is not supported").into());
        }
        let (claims, key) =
            jws.verify().ok_or(ProofError::Invalid("the signature of the proof is invalid"))?;
        let now = invocation.now;
        let proof =
            judge(&claims, key, call, self.settings.proof_lifetime, now).map_err(ProofError::Invalid)?;
        if let Some(nonce) = &proof.nonce {
            let made_at = self.keys.open(|ring| ring.open_dpop_nonce(nonce), now).await?;
            if !made_at.is_ok_and(|made_at| is_fresh(made_at, self.settings.nonce_lifetime, now)) {
                return Err(ProofError::NonceNeeded.into());
            }
        }
        Ok(proof)
    }

    /// Uses up the proof of `client`. This is the last check before the endpoint writes anything other than such
    /// records.
    ///
    /// 4. It has a nonce, if the client requires one.
    /// 5. It has not been used before: of several concurrent uses, only one succeeds (RFC 9449 §11.1).
    pub async fn use_up<E: ProtocolError + From<ProofError>>(
        &self,
        proof: &DpopProof,
        client: &Client,
        invocation: &Invocation,
    ) -> Result<(), Refusal<E>> {
        if proof.nonce.is_none() && self.settings.requires_nonce(client.profile) {
            return Err(ProofError::NonceNeeded.into());
        }
        let Invocation { now, write_id, .. } = invocation;
        if self.table.insert_replay_guard(&proof.guard, *now, write_id).await? {
            Ok(())
        } else {
            Err(ProofError::Invalid("the proof was already used").into())
        }
    }
}
