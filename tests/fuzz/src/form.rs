//! A form body, and what the endpoints make of its parameters.

use std::collections::BTreeSet;

use ciba::domain::base::address::OwnHosts;
use ciba::domain::base::confirmation::SenderConstraint;
use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use ciba::domain::base::profile::Profile;
use ciba::domain::base::scope::Scope;
use ciba::domain::client::client_authentication::ClientAuthentication;
use ciba::domain::client::hint_form::HintForms;
use ciba::domain::client::subject_type::SubjectType;
use ciba::domain::client::{Client, ClientId, Delivery, NotificationEndpoint, ScopeDescriptions};
use ciba::http::form::{self, NotAForm};
use ciba::http::{Body, Request};
use ciba::protocol::backchannel_authentication::BackchannelAuthenticationRequest;
use ciba::protocol::parameters::Parameters;
use ciba::protocol::token;
use url::form_urlencoded;

/// The parameters that may be sent several times.
const REPEATABLE: [&str; 2] = ["acr_values", "resource"];

/// A body is read or refused. What was read is the same when it is written down and read again, and no parameter of it is
/// empty or has a NUL, or was sent twice.
pub fn form(input: &[u8]) {
    let Ok(parameters) = read(input.to_vec()) else { return };
    let mut seen = BTreeSet::new();
    for (name, value) in form_urlencoded::parse(input).filter(|(_, value)| !value.is_empty()) {
        assert!(REPEATABLE.contains(&&*name) || seen.insert(name.clone()), "{name:?} twice");
        assert!(
            parameters.get(&name).is_some_and(|read| read.contains(&*value)),
            "{name:?} is another value"
        );
    }
    let names: Vec<_> = parameters.names().map(str::to_owned).collect();
    let mut written = Vec::new();
    for name in &names {
        let value = parameters.get(name).expect("a parameter has a value");
        assert!(!value.is_empty() && !value.contains('\0') && !name.contains('\0'), "{name:?}: {value:?}");
        written.push(format!("{}={}", encoded(name), encoded(value)));
    }
    // The limit is one of the body's length, and this body is longer.
    if let Ok(again) = read(written.join("&").into_bytes()) {
        assert_eq!(again.names().collect::<Vec<_>>(), names, "the names of the second reading");
        for name in &names {
            assert_eq!(again.get(name), parameters.get(name), "the value of {name:?}");
        }
    }
    endpoints(&parameters);
}

fn endpoints(parameters: &Parameters) {
    if let Ok(asked) = BackchannelAuthenticationRequest::parse(parameters, &kiosk()) {
        assert!(asked.scope.contains(Scope::OPENID), "a request without openid");
        if let Some(message) = &asked.binding_message {
            assert!(!message.as_str().chars().any(char::is_control), "{message:?}");
        }
    }
    let _ = token::parse(parameters);
}

/// A client that pings and sends codes, so that every parameter is read.
fn kiosk() -> Client {
    let host = OwnHosts { names: &[], is_local: false };
    let endpoint = NotificationEndpoint::parse("https://kiosk.example/ciba", host).expect("an endpoint");
    let scope = Scope::parse(Scope::OPENID).expect("a scope");
    Client {
        id: ClientId::parse("kiosk").expect("an id"),
        name: "City Kiosk".to_owned(),
        authentication: ClientAuthentication::SelfSignedTlsClientAuth,
        keys: None,
        profile: Profile::Plain,
        request_signing: None,
        sender_constraint: SenderConstraint::default(),
        authorization_details_types: vec![],
        subject_type: SubjectType::Public,
        delivery: Delivery::Ping(endpoint),
        may_use_ciba: true,
        may_refresh: false,
        rotates_refresh_tokens: true,
        scope,
        audience: None,
        resources: vec![],
        introspects: vec![],
        id_token_algorithm: JwsAlgorithm::ES256,
        hint_kinds: HintForms::all(),
        requires_passkey: false,
        requires_binding_message: false,
        high_risk_scope: None,
        scope_descriptions: ScopeDescriptions::new(),
        takes_user_code: true,
        sends_json: false,
        active: true,
    }
}

fn read(body: Vec<u8>) -> Result<Parameters, NotAForm> {
    let mut request = Request::new(Body::Binary(body));
    *request.method_mut() = lambda_http::http::Method::POST;
    let form = lambda_http::http::HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(lambda_http::http::header::CONTENT_TYPE, form);
    form::read(&request)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
