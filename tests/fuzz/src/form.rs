//! A form body, and what the endpoints make of its parameters.

use ciba::domain::base::scope::Scope;
use ciba::http::form::{self, NotAForm};
use ciba::http::{Body, Request};
use ciba::protocol::backchannel_authentication::{
    BackchannelAuthenticationRequest, notification_token, user_code,
};
use ciba::protocol::parameters::Parameters;
use ciba::protocol::token;

/// A body is read or refused. What was read is the same when it is written down and read again, and no parameter of it is
/// empty or has a NUL.
pub fn form(input: &[u8]) {
    let Ok(parameters) = read(input.to_vec()) else { return };
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
    if let Ok(asked) = BackchannelAuthenticationRequest::parse(parameters, "City Kiosk") {
        assert!(asked.scope.contains(Scope::OPENID), "a request without openid");
        if let Some(message) = &asked.binding_message {
            assert!(!message.as_str().chars().any(char::is_control), "{message:?}");
        }
    }
    let _ = user_code(parameters);
    let _ = notification_token(parameters);
    let _ = token::parse(parameters);
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
