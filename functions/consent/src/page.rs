//! The page, open to anyone who has the link. It shows the request and accepts a denial. Reading it changes
//! nothing.

use ciba::domain::base::request_key::RequestKey;
use ciba::domain::request::proof::Demand;
use ciba::domain::request::statement::Shown;
use ciba::flows::deciding::decide::{NotDecided, Recorded};
use ciba::flows::deciding::review;
use ciba::flows::deciding::statement::statement;
use ciba::flows::{Invocation, log};
use ciba::http::{Body, Request, Response, browser, form, respond};
use ciba::page::{self, AuthorizationLine, ConsentView, PasskeyView, ScopeLine};
use ciba::protocol::routes;

use crate::Consent;

pub(crate) async fn show(
    consent: &Consent,
    key: &RequestKey,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    let (asked, detail, client) =
        match review::open(&consent.table, &consent.clients, key, invocation.now).await {
            Ok(Some(found)) => found,
            Ok(None) => return not_open(consent, request, invocation),
            Err(error) => return trouble(consent, request, invocation, &error.detail()),
        };
    let language = browser::language(request);
    let statement = statement(&asked, &detail, &client, language);
    let shown = Shown::of(&statement.encode()).encode();
    let (now, lifetime) = (invocation.now, &asked.lifetime);
    let seasoned = review::demand_of_all(&client, &asked, &detail) == Demand::SeasonedPasskey;
    let view = ConsentView {
        language,
        operator: consent.operator.shown(),
        client_name: &statement.client_name,
        client_id: &statement.client_id,
        binding_message: statement.binding_message.as_deref(),
        scopes: statement
            .scope
            .iter()
            .map(|it| ScopeLine { value: &it.value, words: it.words.clone(), required: it.required })
            .collect(),
        authorizations: statement
            .authorization_details
            .iter()
            .map(|it| AuthorizationLine { words: &it.words, scope: it.scope.as_deref() })
            .collect(),
        context: statement.request_context.as_ref().map(|it| it.rows.as_slice()).unwrap_or_default(),
        details: statement.resources.iter().map(|it| page::resource_words(language, it)).collect(),
        asked_ago: now.since(lifetime.created_at),
        decide_in: lifetime.decide_until.since(now),
        path: &format!("{}/{}", routes::CONSENT, key.encode()),
        form_token: &asked.nonce.form_token(key),
        passkey: consent.rp_id().map(|rp_id| PasskeyView { rp_id, shown: &shown, seasoned }),
    };
    respond::page(page::consent(&view, &invocation.nonce()))
}

/// Handles the page's form. The form token and the origin ensure that the sender has read the page: another site
/// does not know the token, and its requests have another origin.
pub(crate) async fn decline(
    consent: &Consent,
    key: &RequestKey,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    let form = form::read(request).ok().filter(|_| browser::is_same_origin(request, consent.issuer.as_str()));
    let token = form.filter(|form| form.get("decision") == Some("deny"));
    let Some(token) = token.and_then(|form| form.get("form_token").map(str::to_owned)) else {
        return not_open(consent, request, invocation);
    };
    let language = browser::language(request);
    match consent.consenting().decline(key, &token, invocation).await {
        Ok(record) if record.recorded == Recorded::Denied => {
            log::decision("denied", key, None, record.evidence.as_ref());
            let page = page::declined(language, consent.operator.shown(), &invocation.nonce());
            respond::page(page)
        }
        Ok(_) => not_open(consent, request, invocation),
        Err(NotDecided::Store(error)) => trouble(consent, request, invocation, &error.detail()),
        Err(NotDecided::Unavailable(why)) => trouble(consent, request, invocation, &why),
        Err(NotDecided::Contended) => {
            trouble(consent, request, invocation, "the request changed during every attempt")
        }
        Err(
            NotDecided::Refused(_)
            | NotDecided::OtherClient
            | NotDecided::OtherDetails
            | NotDecided::SelfApproval
            | NotDecided::Inactive
            | NotDecided::ProofMissing
            | NotDecided::PasskeyRequired
            | NotDecided::PasskeyTooNew { .. }
            | NotDecided::PasskeyNotAccepted(_),
        ) => not_open(consent, request, invocation),
    }
}

/// One page for requests that are unknown, expired or already decided.
pub(crate) fn not_open(consent: &Consent, request: &Request, invocation: &Invocation) -> Response<Body> {
    let language = browser::language(request);
    respond::page(page::not_open(language, consent.operator.shown(), &invocation.nonce()))
}

fn trouble(consent: &Consent, request: &Request, invocation: &Invocation, why: &str) -> Response<Body> {
    log::trouble(why);
    let language = browser::language(request);
    respond::page(page::trouble(language, consent.operator.shown(), &invocation.nonce()))
}
