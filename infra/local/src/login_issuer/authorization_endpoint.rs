//! The authorization endpoint (OIDC Core §3.1.2).
//!
//! 1. Find where the answer goes; without a registered destination there is only a page.
//! 2. Check the request.
//! 3. Has the person pressed Cancel, or chosen who they are, or do they have a session that suffices?
//! 4. Issue a code for them, or show the page on which they log in.
//!
//! The page's form repeats the parameters of the request, with `person` or `cancel`. A script can send `person` with
//! the request and never sees the page.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};

use super::{
    Shared,
    authorization_request::{AuthorizationError, AuthorizationRequest, Destination, Prompt},
    code::Grant,
    page,
    parameters::Parameters,
    session::Session,
};

/// Who logs in. Not a parameter of OpenID Connect.
pub(super) const PERSON: &str = "person";

/// That nobody does.
pub(super) const CANCEL: &str = "cancel";

/// The longest `sub` (OIDC Core §2).
const LONGEST_NAME: usize = 255;

pub(super) async fn by_link(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    answer(&shared, &headers, &Parameters::parse(query.unwrap_or_default().as_bytes()))
}

pub(super) async fn by_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&shared, &headers, &Parameters::parse(&body))
}

/// The person who logs in, or nobody yet.
enum Login {
    /// With a new session, or with the one that their browser has.
    Done {
        session: Session,
        is_new: bool,
    },
    Needed,
}

fn answer(shared: &Shared, headers: &HeaderMap, parameters: &Parameters) -> Response {
    let destination = match Destination::read(parameters, |id| shared.relying_party(id)) {
        Ok(destination) => destination,
        Err(error) => return (StatusCode::BAD_REQUEST, page::refused(error.why())).into_response(),
    };
    let request = match AuthorizationRequest::read(parameters) {
        Ok(request) => request,
        Err(error) => return refuse(shared, &destination, error),
    };
    match login(shared, headers, parameters, &request) {
        Err(error) => refuse(shared, &destination, error),
        Ok(Login::Needed) => {
            let people = shared.registry().people.clone();
            page::sign_in(&destination.client_id, &people, parameters).into_response()
        }
        Ok(Login::Done { session, is_new }) => {
            let cookie = is_new.then(|| shared.sessions.start(session.clone(), &shared.issuer));
            let code = shared.codes.issue(Grant {
                client_id: destination.client_id.clone(),
                redirect_uri: destination.redirect_uri.clone(),
                challenge: request.challenge,
                nonce: request.nonce,
                scope: request.scope,
                session,
                issued_at: shared.now(),
            });
            let location = destination.with(&[("code", &code)], &shared.issuer);
            (cookie.map(|it| AppendHeaders([(header::SET_COOKIE, it)])), redirect(location)).into_response()
        }
    }
}

fn login(
    shared: &Shared,
    headers: &HeaderMap,
    parameters: &Parameters,
    request: &AuthorizationRequest,
) -> Result<Login, AuthorizationError> {
    let now = shared.now();
    if parameters.get(CANCEL).is_some() {
        return Err(AuthorizationError::AccessDenied);
    }
    let is_asked = request.prompt != Prompt::Never;
    if let Some(person) = parameters.get(PERSON).filter(|it| is_asked && is_name(it)) {
        let session = Session { person: person.to_owned(), auth_time: now, class: request.class() };
        return Ok(Login::Done { session, is_new: true });
    }
    match shared.sessions.find(headers, &shared.issuer).filter(|it| it.suffices(request, now)) {
        Some(session) => Ok(Login::Done { session, is_new: false }),
        None if is_asked => Ok(Login::Needed),
        None => Err(AuthorizationError::LoginRequired),
    }
}

/// Whether it can be a `sub`.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && text.bytes().all(|it| it.is_ascii_graphic())
}

fn refuse(shared: &Shared, destination: &Destination, error: AuthorizationError) -> Response {
    let (code, description) = error.answer();
    let answer = [("error", code), ("error_description", description)];
    redirect(destination.with(&answer, &shared.issuer)).into_response()
}

/// A browser follows with GET, also after the form.
fn redirect(location: String) -> impl IntoResponse {
    (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store".to_owned())])
}
