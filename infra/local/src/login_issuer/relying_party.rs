//! The registered relying parties.

use jsonwebtoken::jwk::JwkSet;

/// A relying party, with what an operator would register about it.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    pub client_id: String,
    /// Compared byte for byte (OIDC Core §3.1.2.1).
    pub redirect_uris: Vec<String>,
    pub authentication: ClientAuthentication,
}

/// How it authenticates at the token endpoint (OIDC Core §9). It can use no other method.
#[derive(Debug, Clone)]
pub enum ClientAuthentication {
    ClientSecretBasic(String),
    PrivateKeyJwt(ClientKeys),
}

/// Where its public keys are.
#[derive(Debug, Clone)]
pub enum ClientKeys {
    Jwks(JwkSet),
    /// Fetched for every assertion, over http on this machine.
    JwksUri(String),
}
