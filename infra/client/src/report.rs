//! The output on stdout after the tokens have been verified.

use serde_json::{Value, json};

use crate::options::Options;
use crate::token::Tokens;
use crate::verification::{Jwt, Verified};

pub struct Report {
    pub jwks_uri: String,
    pub tokens: Tokens,
    pub verified: Verified,
}

impl Report {
    /// For programs: the unchanged token response, and both tokens decoded.
    ///
    /// # Security
    /// Contains the tokens.
    pub fn to_json(&self) -> Value {
        let decoded =
            |jwt: &Jwt| json!({ "header": jwt.header, "claims": jwt.claims, "checked": jwt.checked });
        json!({
            "token_response": self.tokens.expose_response(),
            "id_token": decoded(&self.verified.id_token),
            "access_token": decoded(&self.verified.access_token),
        })
    }

    /// For people: both tokens decoded, without the tokens themselves.
    pub fn to_text(&self, options: &Options) -> String {
        let mut text = String::new();
        for (name, jwt) in
            [("ID token", &self.verified.id_token), ("access token", &self.verified.access_token)]
        {
            text += &format!("{name}\n{:#}\n{:#}\n", json!(jwt.header), json!(jwt.claims));
            text += &format!("checked: {}\n\n", jwt.checked.join(", "));
        }
        if let Some(asked) = &options.acr_values {
            // The OP chooses the acr; the client decides whether it is sufficient (OpenID Connect Core §5.5.1.1).
            let acr = self.verified.id_token.claims.get("acr").unwrap_or(&Value::Null);
            text += &format!("acr: requested {asked}, got {acr}\n");
        }
        text += &format!("Both tokens are verified against the JWKS at {}\n", self.jwks_uri);
        text
    }
}
