//! Checks whether the tokens of a request will fit into the HTTP requests that have to carry them. This is
//! checked when the request is made, so that nobody approves a request whose token no API can receive.

use ciba_aws::keys::{JTI_LENGTH, signed_length};
use ciba_core::domain::base::authentication::Authentication;
use ciba_core::domain::base::confirmation::{Confirmation, Thumbprint};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::Client;
use ciba_core::domain::client::target::Target;
use ciba_core::protocol::access_token::{AccessTokenClaims, Audience, MAX_LENGTH, TYP};
use ciba_core::protocol::backchannel_authentication::BackchannelAuthenticationRequest;

/// The longest `sub` of a person (OIDC Core §2). The person's own is not read, so that nobody learns its length.
/// Unit: characters.
const MAX_SUB: usize = 255;

/// A time with as many digits as any time until the year 2286.
pub const LAST: Timestamp = Timestamp::from_seconds(9_999_999_999);

/// Whether the longest access token that `asked` can lead to, for any person and any proof, is short enough:
/// [`MAX_LENGTH`], and the limit of KMS.
///
/// `logins` has the largest claims for each kind of proof, at [`LAST`].
pub fn fits(
    client: &Client,
    asked: &BackchannelAuthenticationRequest,
    issuer: &str,
    logins: &[Authentication],
) -> bool {
    let Some(target) = client.target(&asked.resources, issuer) else { return true };
    let parts = target.by_algorithm();
    parts.iter().all(|part| logins.iter().all(|login| part_fits(client, asked, issuer, part, login)))
}

fn part_fits(
    client: &Client,
    asked: &BackchannelAuthenticationRequest,
    issuer: &str,
    target: &Target<'_>,
    login: &Authentication,
) -> bool {
    // Without an algorithm or a scope, no such token can be issued.
    let (Some(algorithm), Some(scope)) = (target.algorithm(), target.narrow(&asked.scope, client)) else {
        return true;
    };
    let audience = target.audience();
    let anything = Some(Thumbprint::new([0; 32]));
    let last = LAST.seconds();
    let claims = AccessTokenClaims {
        iss: issuer,
        sub: &"s".repeat(MAX_SUB),
        aud: Audience(audience.clone()),
        client_id: client.id.as_str(),
        iat: last,
        exp: last,
        jti: &"j".repeat(JTI_LENGTH),
        scope: &scope.encode(),
        auth_time: login.auth_time.seconds(),
        acr: login.acr.as_deref(),
        amr: &login.amr,
        cnf: Confirmation { certificate: anything, key: anything },
        authorization_details: asked.authorization_details.for_audience(&audience),
    };
    signed_length(algorithm, TYP, &claims).is_some_and(|length| length <= MAX_LENGTH)
}
