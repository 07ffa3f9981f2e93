//! Step 1: find the OP's endpoints and what it supports.

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::Deserialize;

use crate::failure::Failure;
use crate::http::{Http, check_url};
use crate::options::{AuthMethod, Mode, Options};
use crate::token::GRANT_TYPE;

/// The members of the OP's metadata that this client needs; others are ignored.
///
/// Spec: OpenID Connect Discovery §3, CIBA §4.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub issuer: String,
    pub backchannel_authentication_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub id_token_signing_alg_values_supported: Vec<String>,
    pub backchannel_token_delivery_modes_supported: Vec<String>,
    pub grant_types_supported: Option<Vec<String>>,
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Reads `{issuer}/.well-known/openid-configuration` and checks that the OP supports what this client needs.
///
/// Spec: OpenID Connect Discovery §4.
///
/// # Errors
/// `Failure::Unavailable` without a response, `Failure::Protocol` if the document is not this issuer's or the OP
/// does not support what is needed.
pub async fn discover(http: &Http, options: &Options) -> Result<Metadata, Failure> {
    let issuer = options.issuer.strip_suffix('/').unwrap_or(&options.issuer);
    let metadata: Metadata = http.get_json(&format!("{issuer}/.well-known/openid-configuration")).await?;
    metadata.check(&options.issuer, options.auth_method, options.mode).map_err(Failure::Protocol)?;
    Ok(metadata)
}

impl Metadata {
    fn check(&self, issuer: &str, auth_method: AuthMethod, mode: Mode) -> Result<(), String> {
        // Byte for byte: a similar name is another issuer (Discovery §4.3).
        if self.issuer != issuer {
            return Err(format!("the metadata names the issuer {:?}, not {issuer:?}", self.issuer));
        }
        let local = issuer.starts_with("http://");
        for url in [&self.backchannel_authentication_endpoint, &self.token_endpoint, &self.jwks_uri] {
            check_url(url, local)?;
        }
        let modes = &self.backchannel_token_delivery_modes_supported;
        require(&mode.to_string(), modes, "token delivery mode")?;
        if let Some(grant_types) = &self.grant_types_supported {
            require(GRANT_TYPE, grant_types, "grant type")?;
        }
        match &self.token_endpoint_auth_methods_supported {
            Some(methods) => require(auth_method.name(), methods, "authentication method")?,
            // Absent means Basic (Discovery §3).
            None => {
                require(auth_method.name(), &["client_secret_basic".to_owned()], "authentication method")?
            }
        }
        if self.id_token_algorithms().is_empty() {
            return Err("the OP signs ID tokens with no algorithm that this client can verify".to_owned());
        }
        Ok(())
    }

    /// The advertised algorithms that this client can verify with a public key: never `none`, never HMAC.
    pub fn id_token_algorithms(&self) -> Vec<Algorithm> {
        self.id_token_signing_alg_values_supported
            .iter()
            .filter_map(|name| name.parse::<Algorithm>().ok())
            .filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac)
            .collect()
    }
}

fn require(value: &str, supported: &[String], what: &str) -> Result<(), String> {
    if supported.iter().any(|supported| supported == value) {
        Ok(())
    } else {
        Err(format!("the OP does not support the {what} {value}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://op.example";

    fn checked(change: impl FnOnce(&mut Value)) -> Result<(), String> {
        let mut document = json!({
            "issuer": ISSUER,
            "backchannel_authentication_endpoint": "https://op.example/bc-authorize",
            "token_endpoint": "https://op.example/oauth/token",
            "jwks_uri": "https://op.example/jwks",
            "id_token_signing_alg_values_supported": ["ES256"],
            "backchannel_token_delivery_modes_supported": ["poll"],
        });
        change(&mut document);
        serde_json::from_value::<Metadata>(document).unwrap().check(ISSUER, AuthMethod::Basic, Mode::Poll)
    }

    #[test]
    fn metadata_of_this_issuer_is_accepted() {
        assert_eq!(checked(|_| ()), Ok(()));
    }

    #[test]
    fn an_issuer_that_differs_by_a_slash_is_refused() {
        assert!(checked(|document| document["issuer"] = json!("https://op.example/")).is_err());
    }

    /// Also on localhost.
    #[test]
    fn an_https_issuer_with_an_http_endpoint_is_refused() {
        assert!(checked(|document| document["token_endpoint"] = json!("http://localhost/token")).is_err());
    }

    #[test]
    fn an_op_without_poll_is_refused() {
        let push = json!(["ping", "push"]);
        assert!(checked(|document| document["backchannel_token_delivery_modes_supported"] = push).is_err());
    }

    #[test]
    fn an_authentication_method_that_is_not_advertised_is_refused() {
        let methods = json!(["client_secret_post"]);
        assert!(checked(|document| document["token_endpoint_auth_methods_supported"] = methods).is_err());
    }

    #[test]
    fn none_and_hmac_are_no_algorithms_to_verify_an_id_token_with() {
        let algorithms = json!(["none", "HS256"]);
        assert!(checked(|document| document["id_token_signing_alg_values_supported"] = algorithms).is_err());
    }
}
