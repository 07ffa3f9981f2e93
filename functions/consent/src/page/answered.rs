//! The page of a request that is not open: whoever is logged in as the person asked sees what they answered, and can take
//! it back. Everybody else sees the same page whatever became of the request.

use ciba::domain::base::request_key::RequestKey;
use ciba::domain::issuer::session::SessionForm;
use ciba::domain::request::statement::Shown;
use ciba::flows::Invocation;
use ciba::flows::deciding::review::{self, Answered};
use ciba::flows::deciding::statement::receipt;
use ciba::http::{Body, Request, Response, browser, respond};
use ciba::keys::KeyError;
use ciba::page::{self, AnsweredView, ApprovingForm, Frame};
use ciba::protocol::routes;

use super::{not_open, trouble};
use crate::Consent;

pub(super) async fn show(
    consent: &Consent,
    key: &RequestKey,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    let (session, person) = match consent.session(request, invocation).await {
        Ok(Some(session)) => session,
        Ok(None) => return not_open(consent, Some(key), request, invocation),
        Err(KeyError(why)) => return trouble(consent, request, invocation, &why),
    };
    let (language, nonce, now) = (browser::language(request), invocation.nonce(), invocation.now);
    let found = review::answered(&consent.table, &consent.clients, key, &person, language, now).await;
    let Answered { request: asked, answer, client, headline } = match found {
        Ok(Some(answered)) => answered,
        Ok(None) => return not_open(consent, None, request, invocation),
        Err(error) => return trouble(consent, request, invocation, &error.detail()),
    };
    let shown = Shown::of(&receipt(&asked, &client, language).encode()).encode();
    let form_token = session.form_token(SessionForm::Decision(key));
    let view = AnsweredView {
        answer,
        client_name: &client.name,
        client_id: client.id.as_str(),
        headline: headline.as_deref(),
        answered_ago: asked.decided_at().map(|at| now.since(at)).unwrap_or_default(),
        path: &routes::page_of(key),
        form: ApprovingForm { form_token: &form_token, shown: &shown, language },
    };
    let chosen = browser::chosen_language(request);
    let frame = Frame { language, chosen, operator: consent.operator.shown(), nonce: &nonce };
    respond::page(page::answered(&frame, &view))
}
