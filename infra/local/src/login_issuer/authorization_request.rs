//! The rules for an authorization request (OIDC Core §3.1.2, RFC 7636, RFC 9207).
//!
//! 1. [`Destination::read`] finds where the answer goes. Without a destination that is registered, there is a page
//!    and no redirect (RFC 6749 §4.1.2.1).
//! 2. [`AuthorizationRequest::read`] checks the rest. An error is returned to the destination.

use url::Url;

use super::{authentication_class::AuthenticationClass, parameters::Parameters, relying_party::RelyingParty};

/// 32 bytes in base64url: a SHA-256 digest (RFC 7636 §4.2).
const CHALLENGE_LENGTH: usize = 43;

/// Where the answer to a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    state: Option<String>,
}

/// Why there is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoDestination {
    ClientUnknown,
    RedirectUriNotRegistered,
}

impl NoDestination {
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::ClientUnknown => "client_id is missing, repeated or unknown",
            Self::RedirectUriNotRegistered => {
                "redirect_uri is missing, repeated or not registered for this client, byte for byte"
            }
        }
    }
}

/// An authorization request that can be answered with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthorizationRequest {
    pub(super) scope: Vec<String>,
    pub(super) nonce: Option<String>,
    /// `code_challenge`, which is S256.
    pub(super) challenge: String,
    pub(super) prompt: Prompt,
    /// Seconds.
    pub(super) max_age: Option<u64>,
    /// The values of `acr_values` that exist here, in order of preference.
    pub(super) classes: Vec<AuthenticationClass>,
}

/// When the person is asked to log in (OIDC Core §3.1.2.1, `prompt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    /// `none`: never.
    Never,
    /// Without the parameter: if there is no session that suffices.
    IfNeeded,
    /// `login`, and also `select_account` and `consent`: the one page that there is does all three.
    Always,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthorizationError {
    InvalidRequest(&'static str),
    UnsupportedResponseType,
    InvalidScope,
    AccessDenied,
    LoginRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    RegistrationNotSupported,
}

impl AuthorizationError {
    /// `error` and `error_description`.
    pub(super) const fn answer(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidRequest(why) => ("invalid_request", why),
            Self::UnsupportedResponseType => ("unsupported_response_type", "response_type must be code"),
            Self::InvalidScope => ("invalid_scope", "scope must contain openid"),
            Self::AccessDenied => ("access_denied", "the person cancelled the login"),
            Self::LoginRequired => {
                ("login_required", "a login is required, but prompt=none does not allow one")
            }
            Self::RequestNotSupported => ("request_not_supported", "request is not supported"),
            Self::RequestUriNotSupported => ("request_uri_not_supported", "request_uri is not supported"),
            Self::RegistrationNotSupported => ("registration_not_supported", "registration is not supported"),
        }
    }
}

impl Destination {
    /// Step 1.
    pub(super) fn read(
        parameters: &Parameters,
        find: impl FnOnce(&str) -> Option<RelyingParty>,
    ) -> Result<Self, NoDestination> {
        let client = parameters.get("client_id").and_then(find).ok_or(NoDestination::ClientUnknown)?;
        let redirect_uri = parameters
            .get("redirect_uri")
            .filter(|uri| client.redirect_uris.iter().any(|it| it == uri))
            .ok_or(NoDestination::RedirectUriNotRegistered)?;
        Ok(Self {
            redirect_uri: redirect_uri.to_owned(),
            state: parameters.get("state").map(str::to_owned),
            client_id: client.client_id,
        })
    }

    /// The redirect URI with these parameters, `state`, and `iss` (RFC 9207 §2), which is in every answer.
    pub(super) fn with(&self, answer: &[(&str, &str)], issuer: &str) -> String {
        let Ok(mut url) = Url::parse(&self.redirect_uri) else { return self.redirect_uri.clone() };
        let state = self.state.iter().map(|state| ("state", state.as_str()));
        url.query_pairs_mut().extend_pairs(answer).extend_pairs(state).append_pair("iss", issuer);
        url.into()
    }
}

impl AuthorizationRequest {
    /// Step 2.
    pub(super) fn read(parameters: &Parameters) -> Result<Self, AuthorizationError> {
        use AuthorizationError::InvalidRequest;
        if parameters.has_repeated() {
            return Err(InvalidRequest("a parameter is repeated"));
        }
        for (name, error) in [
            ("request", AuthorizationError::RequestNotSupported),
            ("request_uri", AuthorizationError::RequestUriNotSupported),
            ("registration", AuthorizationError::RegistrationNotSupported),
        ] {
            if parameters.get(name).is_some() {
                return Err(error);
            }
        }
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(AuthorizationError::UnsupportedResponseType),
            None => return Err(InvalidRequest("response_type is missing")),
        }
        if parameters.get("response_mode").is_some_and(|it| it != "query") {
            return Err(InvalidRequest("response_mode must be query"));
        }
        let words =
            |name: &str| parameters.get(name).unwrap_or_default().split(' ').filter(|it| !it.is_empty());
        let scope: Vec<_> = words("scope").map(str::to_owned).collect();
        if !scope.iter().any(|it| it == "openid") {
            return Err(AuthorizationError::InvalidScope);
        }
        Ok(Self {
            scope,
            nonce: parameters.get("nonce").map(str::to_owned),
            challenge: challenge(parameters)?,
            prompt: prompt(&words("prompt").collect::<Vec<_>>())?,
            max_age: parameters.get("max_age").map(seconds).transpose()?,
            classes: words("acr_values").filter_map(AuthenticationClass::parse).collect(),
        })
    }

    /// The class that a new login has.
    pub(super) fn class(&self) -> AuthenticationClass {
        self.classes.first().copied().unwrap_or(AuthenticationClass::DEFAULT)
    }
}

/// Without `code_challenge_method` the method is `plain` (RFC 7636 §4.3), which is not accepted.
fn challenge(parameters: &Parameters) -> Result<String, AuthorizationError> {
    let challenge = parameters.get("code_challenge");
    let challenge = challenge.ok_or(AuthorizationError::InvalidRequest("code_challenge is missing"))?;
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(AuthorizationError::InvalidRequest("code_challenge_method must be S256"));
    }
    let is_base64url = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    if challenge.len() != CHALLENGE_LENGTH || !challenge.bytes().all(is_base64url) {
        return Err(AuthorizationError::InvalidRequest("code_challenge is no SHA-256 digest in base64url"));
    }
    Ok(challenge.to_owned())
}

fn prompt(values: &[&str]) -> Result<Prompt, AuthorizationError> {
    match values {
        [] => Ok(Prompt::IfNeeded),
        ["none"] => Ok(Prompt::Never),
        _ if values.iter().all(|it| matches!(*it, "login" | "consent" | "select_account")) => {
            Ok(Prompt::Always)
        }
        _ => {
            Err(AuthorizationError::InvalidRequest("prompt has an unknown value, or none with another value"))
        }
    }
}

fn seconds(text: &str) -> Result<u64, AuthorizationError> {
    let digits = text.bytes().all(|it| it.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or(AuthorizationError::InvalidRequest("max_age is no number of seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login_issuer::ClientAuthentication;

    const VALID: &str = "response_type=code&scope=openid&code_challenge_method=S256\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn read(more: &str) -> Result<AuthorizationRequest, AuthorizationError> {
        AuthorizationRequest::read(&Parameters::parse(format!("{VALID}&{more}").as_bytes()))
    }

    fn without(name: &str) -> Result<AuthorizationRequest, AuthorizationError> {
        let left: Vec<_> = VALID.split('&').filter(|it| !it.starts_with(&format!("{name}="))).collect();
        AuthorizationRequest::read(&Parameters::parse(left.join("&").as_bytes()))
    }

    fn party(id: &str) -> Option<RelyingParty> {
        (id == "bank").then(|| RelyingParty {
            client_id: "bank".to_owned(),
            redirect_uris: vec![
                "http://localhost:9000/cb".to_owned(),
                "http://localhost:9000/cb?a=b".to_owned(),
            ],
            authentication: ClientAuthentication::ClientSecretBasic("secret".to_owned()),
        })
    }

    fn destination(query: &str) -> Result<Destination, NoDestination> {
        Destination::read(&Parameters::parse(query.as_bytes()), party)
    }

    #[test]
    fn only_a_registered_uri_is_a_destination_byte_for_byte() {
        let uri = |uri: &str| destination(&format!("client_id=bank&redirect_uri={uri}"));
        assert!(uri("http://localhost:9000/cb").is_ok());
        for other in [
            "http://localhost:9000/cb/",
            "http://localhost:9000/CB",
            "http://localhost:9001/cb",
            "http://localhost:9000/cb%3Fa",
            "https://evil.example/",
            "",
        ] {
            assert_eq!(uri(other), Err(NoDestination::RedirectUriNotRegistered), "{other}");
        }
        let twice =
            "client_id=bank&redirect_uri=http://localhost:9000/cb&redirect_uri=http://localhost:9000/cb";
        assert_eq!(destination(twice), Err(NoDestination::RedirectUriNotRegistered));
        for client in ["client_id=other", "client_id=bank&client_id=bank", ""] {
            let query = format!("{client}&redirect_uri=http://localhost:9000/cb");
            assert_eq!(destination(&query), Err(NoDestination::ClientUnknown), "{client}");
        }
    }

    #[test]
    fn an_answer_keeps_the_query_and_has_state_and_issuer() {
        let query = "client_id=bank&redirect_uri=http://localhost:9000/cb%3Fa%3Db&state=x%26y";
        let answer = destination(query).unwrap().with(&[("code", "c/1")], "http://localhost:9100");
        let expected =
            "http://localhost:9000/cb?a=b&code=c%2F1&state=x%26y&iss=http%3A%2F%2Flocalhost%3A9100";
        assert_eq!(answer, expected);
        let query = "client_id=bank&redirect_uri=http://localhost:9000/cb";
        assert!(!destination(query).unwrap().with(&[], "http://localhost:9100").contains("state"));
    }

    #[test]
    fn each_rule_refuses_the_request_that_breaks_it() {
        use AuthorizationError::{
            InvalidScope, RegistrationNotSupported, RequestNotSupported, RequestUriNotSupported,
            UnsupportedResponseType,
        };
        assert!(read("").is_ok());
        for (more, expected) in [
            ("request=x", RequestNotSupported),
            ("request_uri=x", RequestUriNotSupported),
            ("registration=x", RegistrationNotSupported),
        ] {
            assert_eq!(read(more), Err(expected), "{more}");
        }
        for more in [
            "state=1&state=2",
            "response_mode=fragment",
            "prompt=none login",
            "prompt=create",
            "max_age=-1",
            "max_age=%2B1",
            "max_age=1.5",
        ] {
            assert_eq!(read(more).unwrap_err().answer().0, "invalid_request", "{more}");
        }
        for name in ["response_type", "code_challenge", "code_challenge_method"] {
            assert_eq!(without(name).unwrap_err().answer().0, "invalid_request", "{name}");
        }
        assert_eq!(without("scope"), Err(InvalidScope));
        let changed = |from: &str, to: &str| {
            AuthorizationRequest::read(&Parameters::parse(VALID.replace(from, to).as_bytes()))
        };
        assert_eq!(changed("=code&", "=code id_token&"), Err(UnsupportedResponseType));
        assert_eq!(changed("openid", "profile"), Err(InvalidScope));
        for (from, to) in [("S256", "plain"), ("E9M", "E9"), ("E9M", "E9.")] {
            assert_eq!(changed(from, to).unwrap_err().answer().0, "invalid_request", "{to}");
        }
    }

    #[test]
    fn prompt_max_age_and_acr_values_are_read() {
        let request = read("").unwrap();
        assert_eq!(
            (request.prompt, request.max_age, request.class()),
            (Prompt::IfNeeded, None, AuthenticationClass::DEFAULT)
        );
        for (prompt, expected) in
            [("none", Prompt::Never), ("login", Prompt::Always), ("select_account consent", Prompt::Always)]
        {
            assert_eq!(read(&format!("prompt={prompt}")).unwrap().prompt, expected);
        }
        let request = read("max_age=300&acr_values=urn:other urn:local:pwd urn:local:mfa").unwrap();
        assert_eq!((request.max_age, request.class()), (Some(300), AuthenticationClass::Password));
        assert_eq!(request.classes, AuthenticationClass::ALL);
    }
}
