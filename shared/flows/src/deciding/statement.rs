//! The statement that a passkey signs: the content of a request's page. `verify/webauthn.rs` verifies the
//! signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::client::Client;
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::details::authorization_details::RequestDetail;
use ciba_core::domain::request::authentication_request::AuthenticationRequest;
use ciba_core::domain::request::statement::{ContextShown, DetailShown, ScopeShown, Statement};
use ciba_core::page::{self, Language};

/// The statement for the page and for the decision. If anything changed between the two (for example the client's
/// name), a signature over the old statement is not valid for the new one.
pub fn statement(
    request: &AuthenticationRequest,
    detail: &RequestDetail,
    client: &Client,
    language: Language,
) -> Statement {
    let shown = |value: &str| ScopeShown {
        value: value.to_owned(),
        words: page::scope_words(language, value, described(client, value, language)),
        required: value == Scope::OPENID || detail.claims(value),
    };
    Statement {
        nonce: URL_SAFE_NO_PAD.encode(request.nonce.as_bytes()),
        request: request.key.encode(),
        person: request.person.as_str().to_owned(),
        client_id: client.id.as_str().to_owned(),
        client_name: client.name.clone(),
        binding_message: request.binding_message.as_ref().map(|message| message.as_str().to_owned()),
        scope: request.scope.values().map(shown).collect(),
        resources: request.resources.iter().map(ResourceId::as_str).map(str::to_owned).collect(),
        authorization_details: detail
            .details
            .entries()
            .iter()
            .zip(detail.words(language.tag()))
            .zip(detail.policy_of_each())
            .map(|((value, words), policy)| DetailShown {
                value: value.clone(),
                words: words.clone(),
                scope: policy.scope.clone(),
            })
            .collect(),
        request_context: detail
            .context
            .as_ref()
            .map(|context| ContextShown { value: context.clone(), rows: context.rows() }),
        asked_at: request.lifetime.created_at.millis(),
        language: language.tag().to_owned(),
        template: page::TEMPLATE_VERSION.to_owned(),
    }
}

/// The statement that a person signs to take their answer back. It names the request, and nothing that is deleted
/// before the access ends: neither the binding message nor the details.
pub fn receipt(request: &AuthenticationRequest, client: &Client, language: Language) -> Statement {
    let kept = AuthenticationRequest { binding_message: None, ..request.clone() };
    statement(&kept, &RequestDetail::default(), client, language)
}

/// The description of a scope value in the client's registration, in this language or in English.
fn described<'c>(client: &'c Client, value: &str, language: Language) -> Option<&'c str> {
    let words = client.scope_descriptions.get(value)?;
    words.get(language.tag()).or_else(|| words.get(Language::default().tag())).map(String::as_str)
}
