//! Client authentication at the token endpoint: the one method that the client is registered with.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use jsonwebtoken::jwk::JwkSet;
use percent_encoding::percent_decode_str;

use super::{
    Shared,
    client_assertion::{self, ASSERTION_TYPE, Expected},
    metadata,
    parameters::Parameters,
    relying_party::{ClientAuthentication, ClientKeys, RelyingParty},
    token_endpoint::TokenError,
};

/// How the request says who sends it.
#[derive(Debug, PartialEq, Eq)]
enum Presented {
    Basic { client_id: String, secret: String },
    Assertion(String),
}

/// The client, if it authenticates as it is registered to.
pub(super) async fn authenticate(
    shared: &Shared,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<RelyingParty, TokenError> {
    let presented = presented(headers, parameters)?;
    let client = match &presented {
        Presented::Basic { client_id, secret } => by_secret(shared, client_id, secret)?,
        Presented::Assertion(assertion) => {
            by_assertion(shared, parameters.get("client_id"), assertion).await?
        }
    };
    if parameters.get("client_id").is_some_and(|it| it != client.client_id) {
        return Err(TokenError::InvalidClient("client_id is another client's"));
    }
    Ok(client)
}

/// One method, and only one (RFC 6749 §2.3).
fn presented(headers: &HeaderMap, parameters: &Parameters) -> Result<Presented, TokenError> {
    let basic = headers.get(header::AUTHORIZATION);
    let assertion = parameters.get("client_assertion");
    if parameters.get("client_secret").is_some() {
        return Err(TokenError::InvalidClient("client_secret_post is not supported"));
    }
    match (basic, assertion) {
        (Some(_), Some(_)) => {
            Err(TokenError::InvalidRequest("there are two methods of client authentication"))
        }
        (Some(value), None) => {
            let credentials = value.to_str().ok().and_then(basic_credentials);
            let malformed = TokenError::InvalidClient("the Authorization header is malformed");
            let (client_id, secret) = credentials.ok_or(malformed)?;
            Ok(Presented::Basic { client_id, secret })
        }
        (None, Some(assertion)) if parameters.get("client_assertion_type") == Some(ASSERTION_TYPE) => {
            Ok(Presented::Assertion(assertion.to_owned()))
        }
        (None, Some(_)) => Err(TokenError::InvalidClient("client_assertion_type is missing or unknown")),
        (None, None) => Err(TokenError::InvalidClient("there is no client authentication")),
    }
}

/// Both parts are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic_credentials(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = text.split_once(':')?;
    let decode = |it: &str| {
        let it = it.replace('+', " ");
        Some(percent_decode_str(&it).decode_utf8().ok()?.into_owned())
    };
    Some((decode(client_id)?, decode(secret)?))
}

fn by_secret(shared: &Shared, client_id: &str, secret: &str) -> Result<RelyingParty, TokenError> {
    let client = shared.relying_party(client_id).ok_or(TokenError::InvalidClient("the client is unknown"))?;
    match &client.authentication {
        ClientAuthentication::ClientSecretBasic(known) => {
            let equal = verify_slices_are_equal(known.as_bytes(), secret.as_bytes());
            equal.map_err(|_| TokenError::InvalidClient("the secret is wrong"))?;
            Ok(client)
        }
        ClientAuthentication::PrivateKeyJwt(_) => Err(TokenError::InvalidClient("the client has no secret")),
    }
}

/// Nothing of the assertion is read before its signature is verified, so without `client_id` each client is tried.
async fn by_assertion(
    shared: &Shared,
    client_id: Option<&str>,
    assertion: &str,
) -> Result<RelyingParty, TokenError> {
    let clients = shared.registry().relying_parties.clone();
    let token_endpoint = metadata::token_endpoint(&shared.issuer);
    let now = shared.now();
    let mut why = "the client is unknown";
    for client in clients.into_iter().filter(|it| client_id.is_none_or(|id| id == it.client_id)) {
        let ClientAuthentication::PrivateKeyJwt(keys) = &client.authentication else {
            why = "the client authenticates with a secret";
            continue;
        };
        let Some(keys) = fetched(shared, keys).await else {
            why = "the keys at the client's jwks_uri cannot be fetched";
            continue;
        };
        let audiences = [shared.issuer.as_str(), token_endpoint.as_str()];
        let expected = Expected { client_id: &client.client_id, audiences, now };
        match client_assertion::verify(assertion, &keys, &expected) {
            Ok(accepted) => {
                let is_first = shared.used_assertions.first_use(&client.client_id, accepted, now);
                let used = TokenError::InvalidClient("the assertion was already used");
                return if is_first { Ok(client) } else { Err(used) };
            }
            Err(refused) => why = refused,
        }
    }
    Err(TokenError::InvalidClient(why))
}

async fn fetched(shared: &Shared, keys: &ClientKeys) -> Option<JwkSet> {
    match keys {
        ClientKeys::Jwks(keys) => Some(keys.clone()),
        ClientKeys::JwksUri(uri) => {
            let response = shared.http.get(uri).send().await.ok()?.error_for_status().ok()?;
            response.json().await.ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(text))
    }

    #[test]
    fn basic_credentials_are_form_decoded() {
        let read = |text: &str| basic_credentials(&header(text));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read("bank:secret"), pair("bank", "secret"));
        assert_eq!(read("a%3Ab:c+d%2B:e"), pair("a:b", "c d+:e"));
        assert_eq!(read("bank"), None);
        assert_eq!(basic_credentials("Bearer abc"), None);
        assert_eq!(basic_credentials("Basic ***"), None);
    }

    #[test]
    fn exactly_one_method_is_used() {
        let basic = HeaderMap::from_iter([(header::AUTHORIZATION, header("bank:secret").parse().unwrap())]);
        let form = |text: &str| Parameters::parse(text.as_bytes());
        let assertion = format!("client_assertion_type={ASSERTION_TYPE}&client_assertion=x");
        assert!(presented(&basic, &form("")).is_ok());
        assert_eq!(presented(&HeaderMap::new(), &form(&assertion)), Ok(Presented::Assertion("x".to_owned())));
        assert!(matches!(presented(&basic, &form(&assertion)), Err(TokenError::InvalidRequest(_))));
        for text in ["", "client_id=bank", "client_id=bank&client_secret=secret", "client_assertion=x"] {
            let refused = presented(&HeaderMap::new(), &form(text));
            assert!(matches!(refused, Err(TokenError::InvalidClient(_))), "{text}");
        }
    }
}
