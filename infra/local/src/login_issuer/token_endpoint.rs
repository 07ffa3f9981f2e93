//! The token endpoint (RFC 6749 §4.1.3, §5; OIDC Core §3.1.3).
//!
//! 1. Authenticate the client.
//! 2. Redeem the code, which is bound to client, redirect URI and code challenge.
//! 3. Issue an ID token and an access token.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{LIFETIME, Shared, changed, client_authentication, id_token, parameters::Parameters};
use crate::id;

/// Why there are no tokens (RFC 6749 §5.2). The texts are for the developer of the relying party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenError {
    InvalidRequest(&'static str),
    InvalidClient(&'static str),
    InvalidGrant(&'static str),
    UnsupportedGrantType,
    NotSigned,
}

impl TokenError {
    const fn answer(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why),
            Self::InvalidClient(why) => (StatusCode::UNAUTHORIZED, "invalid_client", why),
            Self::InvalidGrant(why) => (StatusCode::BAD_REQUEST, "invalid_grant", why),
            Self::UnsupportedGrantType => {
                let why = "grant_type must be authorization_code";
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", why)
            }
            Self::NotSigned => {
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the ID token could not be signed")
            }
        }
    }
}

/// Neither tokens nor errors may be cached (RFC 6749 §5.1, §5.2).
const NO_STORE: [(header::HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let (status, error, description) = self.answer();
        let body = Json(json!({"error": error, "error_description": description}));
        let mut response = (status, NO_STORE, body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = header::HeaderValue::from_static("Basic realm=\"login issuer\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, TokenError> {
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|it| it.to_str().ok())
        .is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return Err(TokenError::InvalidRequest("the body is no form"));
    }
    let parameters = Parameters::parse(&body);
    if parameters.has_repeated() {
        return Err(TokenError::InvalidRequest("a parameter is repeated"));
    }
    let tokens = tokens(&shared, &headers, &parameters).await?;
    Ok((NO_STORE, Json(tokens)).into_response())
}

async fn tokens(shared: &Shared, headers: &HeaderMap, parameters: &Parameters) -> Result<Value, TokenError> {
    let client = client_authentication::authenticate(shared, headers, parameters).await?;
    match parameters.get("grant_type") {
        Some("authorization_code") => {}
        Some(_) => return Err(TokenError::UnsupportedGrantType),
        None => return Err(TokenError::InvalidRequest("grant_type is missing")),
    }
    let required = |name: &str, why| parameters.get(name).ok_or(TokenError::InvalidRequest(why));
    let code = required("code", "code is missing")?;
    let redirect_uri = required("redirect_uri", "redirect_uri is missing")?;
    let verifier = required("code_verifier", "code_verifier is missing")?;
    let now = shared.now();
    let redeemed = shared.codes.redeem(code, &client.client_id, redirect_uri, verifier, now);
    let grant = redeemed.map_err(TokenError::InvalidGrant)?;

    // Nothing here accepts it: what the relying party needs is in the ID token.
    let access_token = id::token();
    let claims = {
        let registry = shared.registry();
        let is_theirs = |name: &Option<String>| name.as_deref() == Some(&*grant.session.person);
        let person = registry.people.iter().find(|it| is_theirs(&it.login));
        let claims = id_token::claims(&shared.issuer, &grant, person, &access_token, now);
        changed(claims, registry.id_token_changes.clone())
    };
    let id_token = shared.key.sign(&claims).map_err(|error| {
        eprintln!("login issuer: an ID token: {error}");
        TokenError::NotSigned
    })?;
    Ok(json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "id_token": id_token,
        "scope": grant.scope.join(" "),
    }))
}
