//! The statement that a passkey signs: the content of a request's page. `verify/webauthn.rs` verifies the
//! signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::client::Client;
use ciba_core::domain::client::resource::ResourceId;
use ciba_core::domain::details::authorization_details::{DetailWords, RequestDetail};
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
        words: page::scope_words(language, value, described(client, value, language).map(|(words, _)| words)),
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

/// The description of a scope value in the client's registration, in this language or in English, and which of the two
/// it is.
fn described<'c>(client: &'c Client, value: &str, language: Language) -> Option<(&'c str, Language)> {
    let words = client.scope_descriptions.get(value)?;
    let of = |language: Language| words.get(language.tag()).map(|text| (text.as_str(), language));
    of(language).or_else(|| of(Language::default()))
}

/// The language of a scope value's words, if it is not the page's.
pub fn other_language_of_scope(client: &Client, value: &str, language: Language) -> Option<Language> {
    described(client, value, language).map(|(_, of)| of).filter(|of| *of != language)
}

/// The language of an entry's words, if it is not the page's. A type without words in the page's language has the English
/// ones in their place.
pub fn other_language_of_detail(
    detail: &RequestDetail,
    words: &DetailWords,
    language: Language,
) -> Option<Language> {
    let english = Language::default();
    let is_fallback = language != english && detail.words(english.tag()).contains(words);
    is_fallback.then_some(english)
}
