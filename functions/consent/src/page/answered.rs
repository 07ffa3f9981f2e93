//! The page of a request that is not open. The person asked sees what they answered if they are logged in, and can take it
//! back. For everybody else, all such requests have the same page.

use ciba::domain::issuer::session::SessionForm;
use ciba::domain::request::authentication_request::AuthenticationRequest;
use ciba::domain::request::statement::Shown;
use ciba::flows::Invocation;
use ciba::flows::deciding::review::{self, Answered};
use ciba::flows::deciding::statement::receipt;
use ciba::http::{Body, Request, Response, respond};
use ciba::keys::KeyError;
use ciba::page::{self, AnsweredView, ApprovingForm};
use ciba::protocol::routes;

use super::{not_open, trouble};
use crate::Consent;

pub(super) async fn show(
    consent: &Consent,
    asked: &AuthenticationRequest,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    let key = &asked.key;
    let session = match consent.session(request, invocation).await {
        Ok(Some((session, person))) if person == asked.person => session,
        Ok(_) => return not_open(consent, Some(key), request, invocation),
        Err(KeyError(why)) => return trouble(consent, request, invocation, &why),
    };
    let (nonce, now) = (invocation.nonce(), invocation.now);
    let frame = consent.frame(request, &nonce);
    let language = frame.language;
    let found = review::answered(&consent.table, &consent.clients, asked, language, now).await;
    let Answered { answer, client, headline } = match found {
        Ok(Some(answered)) => answered,
        Ok(None) => return not_open(consent, Some(key), request, invocation),
        Err(error) => return trouble(consent, request, invocation, &error.detail()),
    };
    let shown = Shown::of(&receipt(asked, &client, language).encode()).encode();
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
    respond::page(page::answered(&frame, &view))
}
