//! Two sign-ins with an unmodified openidconnect: one is approved and refreshed, one is denied.
//!
//! ```text
//! ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; the client uses client_secret_basic
//! DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
//! ```
//!
//! Prints one JSON line about the approved sign-in. Ends with an error if anything is not as expected.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType, CoreIdTokenClaims,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::http::{Request, Response};
use openidconnect::url::form_urlencoded::Serializer;
use openidconnect::{
    AdditionalProviderMetadata, ClientId, ClientSecret, IssuerUrl, Nonce, OAuth2TokenResponse, ProviderMetadata,
    TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// The metadata of CIBA, which the library does not support.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct StartAuthentication {
    backchannel_authentication_endpoint: String,
}

impl AdditionalProviderMetadata for StartAuthentication {}

type Metadata = ProviderMetadata<
    StartAuthentication,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

#[derive(Deserialize)]
struct Acknowledgement {
    auth_req_id: String,
    expires_in: u64,
    interval: u64,
}

/// The HTTP client that the library requires.
fn send(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let (parts, mut body) = agent.run(request)?.into_parts();
    Ok(Response::from_parts(parts, body.read_to_vec()?))
}

struct Client {
    metadata: Metadata,
    id: String,
    secret: String,
    person: String,
    decide_url: String,
}

impl Client {
    fn post(&self, url: &str, parameters: &[(&str, &str)]) -> Result<(u16, Value), Box<dyn Error>> {
        let body = Serializer::new(String::new()).extend_pairs(parameters).finish();
        let request = Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret))))
            .body(body.into_bytes())?;
        let response = send(request)?;
        Ok((response.status().as_u16(), serde_json::from_slice(response.body())?))
    }

    fn ask(&self, message: &str) -> Result<Acknowledgement, Box<dyn Error>> {
        let endpoint = &self.metadata.additional_metadata().backchannel_authentication_endpoint;
        let parameters = [
            ("scope", "openid profile offline_access"),
            ("login_hint", &self.person),
            ("binding_message", message),
            ("requested_expiry", "45"),
        ];
        let (status, answer) = self.post(endpoint, &parameters)?;
        assert_eq!(status, 200, "{answer}");
        let asked: Acknowledgement = serde_json::from_value(answer)?;
        assert_eq!(asked.expires_in, 45);
        Ok(asked)
    }

    /// One poll, after the interval.
    fn poll(&self, asked: &Acknowledgement) -> Result<(u16, Value), Box<dyn Error>> {
        sleep(Duration::from_secs(asked.interval));
        let endpoint = self.metadata.token_endpoint().ok_or("no token endpoint")?;
        self.post(endpoint.as_str(), &[("grant_type", CIBA), ("auth_req_id", &asked.auth_req_id)])
    }

    fn refused(&self, asked: &Acknowledgement, code: &str) -> Result<(), Box<dyn Error>> {
        let (status, answer) = self.poll(asked)?;
        assert_eq!((status, &answer["error"]), (400, &json!(code)), "{answer}");
        Ok(())
    }

    fn decide(&self, asked: &Acknowledgement, action: &str) -> Result<(), Box<dyn Error>> {
        let query = [("auth_req_id", asked.auth_req_id.as_str()), ("action", action)];
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let answer = send(Request::post(format!("{}/decide?{query}", self.decide_url)).body(Vec::new())?)?;
        assert!(answer.status().is_success(), "{}", answer.status());
        Ok(())
    }

    fn approved(&self) -> Result<Value, Box<dyn Error>> {
        let asked = self.ask("W4SCT")?;
        self.refused(&asked, "authorization_pending")?;
        self.decide(&asked, "allow")?;
        let (status, answer) = self.poll(&asked)?;
        assert_eq!(status, 200, "{answer}");
        let acr = |claims: &CoreIdTokenClaims| claims.auth_context_ref().map(|acr| acr.as_str().to_owned());

        // The rest is up to the library: it parses the response, verifies the ID token, refreshes and fetches claims.
        let tokens: CoreTokenResponse = serde_json::from_value(answer)?;
        let client = CoreClient::from_provider_metadata(
            self.metadata.clone(),
            ClientId::new(self.id.clone()),
            Some(ClientSecret::new(self.secret.clone())),
        );
        let no_nonce = |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce nobody sent".to_owned()));
        let claims = tokens.id_token().ok_or("no ID token")?.claims(&client.id_token_verifier(), no_nonce)?;
        let refresh_token = tokens.refresh_token().ok_or("no refresh token")?;
        let refreshed = client.exchange_refresh_token(refresh_token)?.request(&send)?;
        assert_ne!(refreshed.access_token().secret(), tokens.access_token().secret());
        let subject = Some(claims.subject().clone());
        let userinfo: CoreUserInfoClaims =
            client.user_info(refreshed.access_token().clone(), subject)?.request(&send)?;
        Ok(json!({"sub": claims.subject().as_str(), "acr": acr(claims), "userinfo_sub": userinfo.subject().as_str()}))
    }

    fn denied(&self) -> Result<(), Box<dyn Error>> {
        let asked = self.ask("W5SCT")?;
        self.decide(&asked, "deny")?;
        self.refused(&asked, "access_denied")
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let required = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let metadata = Metadata::discover(&IssuerUrl::new(required("ISSUER")?)?, &send)?;
    let client = Client {
        metadata,
        id: required("CLIENT_ID")?,
        secret: required("CLIENT_SECRET")?,
        person: required("LOGIN_HINT")?,
        decide_url: required("DECIDE_URL")?,
    };
    let result = client.approved()?;
    client.denied()?;
    println!("{result}");
    Ok(())
}
