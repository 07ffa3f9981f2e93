//! Reads an authentication request (CIBA §7.2, step 2): the result is its parameters, whether or not it is
//! signed.

use crate::Invocation;
use ciba_aws::outbound::{ClientKeySets, NotVerified};
use ciba_core::domain::base::jws_algorithm::JwsAlgorithm;
use ciba_core::domain::base::secret::Secret;
use ciba_core::domain::client::Client;
use ciba_core::domain::client::request_object;
use ciba_core::protocol::backchannel_authentication::BackchannelAuthenticationError as Error;
use ciba_core::protocol::error::{Common::InvalidRequest, Refusal};
use ciba_core::protocol::parameters::Parameters;
use ciba_core::protocol::request_object::{SignedRequest, parameters, signed};
use ciba_core::verify::jws::{NotAJws, UnverifiedJws};

/// 1. A client that is registered for signed requests may send no others, and no other client may send any
///    (CIBA §4).
/// 2. Verify the request with the client's keys, using only the algorithm that the client registered.
/// 3. Check its claims, and read the rest as parameters.
///
/// Every defect of a signed request is `invalid_request` (CIBA §7.1.1, §13).
pub async fn read(
    form: Parameters,
    client: &Client,
    keys: &ClientKeySets,
    issuer: &str,
    invocation: &Invocation,
) -> Result<(Parameters, Option<SignedRequest>), Refusal<Error>> {
    let (text, algorithm) = match (signed(&form).map_err(InvalidRequest)?, client.request_signing) {
        (None, None) => return Ok((form, None)),
        (None, Some(_)) => return Err(InvalidRequest("the client is registered for signed requests").into()),
        (Some(_), None) => {
            return Err(InvalidRequest("the client is not registered for signed requests").into());
        }
        (Some(text), Some(algorithm)) => (text, algorithm),
    };
    let jws = UnverifiedJws::parse(text).map_err(|error| match error {
        NotAJws::Encrypted => InvalidRequest("the signed request is encrypted"),
        NotAJws::Malformed(why) => InvalidRequest(why),
    })?;
    if jws.typ().is_some_and(|typ| typ != "jwt" && typ != request_object::TYP) {
        return Err(InvalidRequest("the signed request has the wrong type").into());
    }
    let registered = client.keys.as_ref().ok_or(InvalidRequest("the client has no keys"))?;
    let algorithms: &[_] =
        if JwsAlgorithm::of_clients(client.profile).contains(&algorithm) { &[algorithm] } else { &[] };
    let (now, write) = (invocation.now, &invocation.write_id);
    let claims =
        keys.verify(&jws, registered, algorithms, now, write).await.map_err(|error| match error {
            NotVerified::Invalid(why) => InvalidRequest(why).into(),
            NotVerified::Unavailable(why) => Refusal::unavailable(why),
        })?;
    let guard = request_object::judge(&claims, &client.id, issuer, now).map_err(InvalidRequest)?;
    let parameters = parameters(&claims).map_err(InvalidRequest)?;
    let signed = SignedRequest { text: Secret::new(text), algorithm, key: claims.key(), guard };
    Ok((parameters, Some(signed)))
}
