//! The page, open to anyone who has the link. It shows the request and accepts a denial, and an approval from the
//! person who is logged in. Reading it changes nothing.

mod answered;

use ciba::domain::base::request_key::RequestKey;
use ciba::domain::base::scope::Scope;
use ciba::domain::client::ClientId;
use ciba::domain::issuer::session::SessionForm;
use ciba::domain::request::decision::{DecisionRefused, DecisionWord};
use ciba::domain::request::proof::Demand;
use ciba::domain::request::statement::Shown;
use ciba::flows::deciding::decide::{Choice, NotDecided, PresentedProof, Record, Recorded};
use ciba::flows::deciding::review;
use ciba::flows::deciding::statement::{
    other_language_of_detail, other_language_of_scope, receipt, statement,
};
use ciba::flows::{Invocation, log};
use ciba::http::respond::Destination;
use ciba::http::{Body, Request, Response, browser, form, respond};
use ciba::keys::KeyError;
use ciba::page::{
    self, ApprovingForm, AuthorizationLine, ConsentView, Frame, Language, LoginProblem, LoginView,
    PasskeyView, ScopeLine,
};
use ciba::protocol::parameters::Parameters;
use ciba::protocol::routes;

use crate::Consent;

pub(crate) async fn show(
    consent: &Consent,
    key: &RequestKey,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    let asked = match consent.table.find_request(key).await {
        Ok(Some(found)) => found,
        Ok(None) => return not_open(consent, Some(key), request, invocation),
        Err(error) => return trouble(consent, request, invocation, &error.detail()),
    };
    let (detail, client) = match review::open(&consent.table, &consent.clients, &asked, invocation.now).await
    {
        Ok(Some(found)) => found,
        Ok(None) => return answered::show(consent, &asked, request, invocation).await,
        Err(error) => return trouble(consent, request, invocation, &error.detail()),
    };
    // Without the keys of sessions the page is as for somebody who is not logged in: declining always works.
    let session = consent.session(request, invocation).await.unwrap_or_else(|KeyError(why)| {
        log::trouble(&why, invocation.now);
        None
    });
    let nonce = invocation.nonce();
    let frame = consent.frame(request, &nonce);
    let language = frame.language;
    if let Some((session, _)) = session.as_ref().filter(|(_, person)| *person != asked.person) {
        return respond::page(page::someone_else(&frame, &session.form_token(SessionForm::SignOut)));
    }
    let statement = statement(&asked, &detail, &client, language);
    let shown = Shown::of(&statement.encode()).encode();
    let (now, lifetime) = (invocation.now, &asked.lifetime);
    let demand = review::demand_of_all(&client, &asked, &detail);
    let token = session.map(|(session, _)| session.form_token(SessionForm::Decision(key)));
    let login_path = page::login_path(key, frame.chosen);
    let login = match (&token, demand) {
        // A login alone does not approve this.
        (_, Demand::Passkey | Demand::SeasonedPasskey) => LoginView::None,
        (Some(form_token), Demand::LoginToken) => {
            LoginView::SignedIn(ApprovingForm { form_token, shown: &shown, language })
        }
        (None, Demand::LoginToken) if consent.login_issuers.have_browser() => {
            LoginView::SignIn { path: &login_path }
        }
        (None, Demand::LoginToken) => LoginView::None,
    };
    let receipt = Shown::of(&receipt(&asked, &client, language).encode()).encode();
    let seasoned = demand == Demand::SeasonedPasskey;
    let passkey = consent.rp_id().filter(|_| !matches!(login, LoginView::SignedIn(_)));
    let view = ConsentView {
        language,
        operator: consent.operator.shown(),
        client_name: &statement.client_name,
        client_id: &statement.client_id,
        binding_message: statement.binding_message.as_deref(),
        scopes: statement
            .scope
            .iter()
            .map(|it| ScopeLine {
                value: &it.value,
                words: it.words.clone(),
                other_language: other_language_of_scope(&client, &it.value, language),
                required: it.required,
            })
            .collect(),
        authorizations: statement
            .authorization_details
            .iter()
            .map(|it| AuthorizationLine {
                words: &it.words,
                other_language: other_language_of_detail(&detail, &it.words, language),
                scope: it.scope.as_deref(),
            })
            .collect(),
        context: statement.request_context.as_ref().map(|it| it.rows.as_slice()).unwrap_or_default(),
        details: statement.resources.iter().map(|it| page::resource_words(language, it)).collect(),
        asked_ago: now.since(lifetime.created_at),
        decide_in: lifetime.decide_until.since(now),
        path: &routes::page_of(key),
        form_token: &asked.nonce.form_token(key),
        passkey: passkey.map(|rp_id| PasskeyView { rp_id, shown: &shown, receipt: &receipt, seasoned }),
        login,
    };
    respond::page(page::consent(&view, &nonce))
}

/// Tells an open page whether its request is still open, by the status: 200, or 404 as for the page itself. It asks every
/// few seconds, so this is one read, and renders nothing.
pub(crate) async fn is_open(
    consent: &Consent,
    key: &RequestKey,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    match consent.table.find_request(key).await {
        Ok(Some(found)) if found.is_open(invocation.now) => respond::done(),
        Ok(_) => not_open(consent, Some(key), request, invocation),
        Err(error) => trouble(consent, request, invocation, &error.detail()),
    }
}

/// Handles the page's forms. Anything but the two that a session sends is taken for the form that declines.
pub(crate) async fn decide(
    consent: &Consent,
    key: &RequestKey,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    match form::read(request).ok() {
        Some(form) if form.contains("session_token") => match form.get("decision") {
            Some("approve") => {
                by_session(consent, key, DecisionWord::Approve, (request, &form), invocation).await
            }
            Some("take_back") => {
                by_session(consent, key, DecisionWord::TakeBack, (request, &form), invocation).await
            }
            Some(_) | None => not_open(consent, Some(key), request, invocation),
        },
        Some(_) | None => decline(consent, key, request, invocation).await,
    }
}

/// Handles a form that needs a session. It counts only with the session that its page was made for, and only if the
/// browser states that one of our pages sent it. The page that says what was answered follows by a redirect, so that
/// it can be reloaded.
async fn by_session(
    consent: &Consent,
    key: &RequestKey,
    word: DecisionWord,
    (request, form): (&Request, &Parameters),
    invocation: &Invocation,
) -> Response<Body> {
    let nonce = invocation.nonce();
    let frame = consent.frame(request, &nonce);
    if !browser::states_same_origin(request, consent.issuer.as_str()) {
        return not_open(consent, Some(key), request, invocation);
    }
    let (session, person) = match consent.session(request, invocation).await {
        Ok(Some(session)) => session,
        // It has ended since the page was shown.
        Ok(None) => return respond::page(page::login_failed(&frame, LoginProblem::Outdated, Some(key))),
        Err(KeyError(why)) => return trouble(consent, request, invocation, &why),
    };
    let token = form.get("session_token").unwrap_or_default();
    if !session.accepts(token, SessionForm::Decision(key)) {
        return respond::page(page::outdated(&frame, key));
    }
    let Some(Sent { client, choice, shown, language: shown_in }) = sent(word, form) else {
        return respond::page(page::outdated(&frame, key));
    };
    let proof = PresentedProof::Session { session: &session, person: &person, shown, language: shown_in };
    let record = consent.consenting().decide(key, &client, &choice, &proof, invocation).await;
    match record {
        Ok(Record {
            recorded: recorded @ (Recorded::Approved(_) | Recorded::TakenBack), evidence, ..
        }) => {
            log::decision(recorded.as_str(), key, Some(&client), evidence.as_ref(), invocation.now);
            respond::redirect(&Destination::Request(*key, frame.chosen))
        }
        Ok(_) => not_open(consent, Some(key), request, invocation),
        Err(error) => match outcome(&error) {
            Outcome::NotOpen => not_open(consent, Some(key), request, invocation),
            Outcome::Outdated => respond::page(page::outdated(&frame, key)),
            Outcome::Trouble => trouble(consent, request, invocation, &error.to_string()),
        },
    }
}

/// The fields of a form that needs a session.
struct Sent<'f> {
    client: ClientId,
    choice: Choice,
    shown: &'f str,
    language: Language,
}

/// `None` if it is not a form of ours.
fn sent(word: DecisionWord, form: &Parameters) -> Option<Sent<'_>> {
    let scope = match word {
        DecisionWord::Approve => {
            let selected = page::selected(form.names());
            Some(Scope::parse(&selected).filter(|_| selected.len() <= Scope::MAX_SENT)?)
        }
        DecisionWord::Deny | DecisionWord::Report | DecisionWord::TakeBack => None,
    };
    Some(Sent {
        client: ClientId::parse(form.get("client_id")?)?,
        choice: Choice { word, scope, details: None },
        shown: form.get("shown")?,
        language: Language::of_tag(form.get("language")?)?,
    })
}

/// The page that follows a decision which was not made.
enum Outcome {
    NotOpen,
    Outdated,
    Trouble,
}

fn outcome(error: &NotDecided) -> Outcome {
    match error {
        NotDecided::Store(_) | NotDecided::Unavailable(_) | NotDecided::Contended => Outcome::Trouble,
        NotDecided::OtherClient
        | NotDecided::OtherDetails
        | NotDecided::Outdated
        | NotDecided::PasskeyRequired
        | NotDecided::Refused(
            DecisionRefused::ScopeNotAsked
            | DecisionRefused::OpenidMissing
            | DecisionRefused::ScopeOfDetailsMissing,
        ) => Outcome::Outdated,
        NotDecided::Refused(
            DecisionRefused::NotYours
            | DecisionRefused::TooLate
            | DecisionRefused::DecidedOtherwise
            | DecisionRefused::NotAnswered
            | DecisionRefused::Cancelled,
        )
        | NotDecided::SelfApproval
        | NotDecided::Inactive
        | NotDecided::ProofMissing
        | NotDecided::PasskeyTooNew { .. }
        | NotDecided::PasskeyNotAccepted(_) => Outcome::NotOpen,
    }
}

/// Handles the form that declines. The form token and the origin ensure that the sender has read the page: another site
/// does not know the token, and its requests have another origin.
async fn decline(
    consent: &Consent,
    key: &RequestKey,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    let form = form::read(request).ok().filter(|_| browser::is_same_origin(request, consent.issuer.as_str()));
    let token = form.filter(|form| form.get("decision") == Some("deny"));
    let Some(token) = token.and_then(|form| form.get("form_token").map(str::to_owned)) else {
        return not_open(consent, Some(key), request, invocation);
    };
    match consent.consenting().decline(key, &token, invocation).await {
        Ok(record) if record.recorded == Recorded::Denied => {
            log::decision(record.recorded.as_str(), key, None, record.evidence.as_ref(), invocation.now);
            respond::page(page::declined(&consent.frame(request, &invocation.nonce())))
        }
        Ok(_) => not_open(consent, Some(key), request, invocation),
        Err(error) => match outcome(&error) {
            Outcome::Trouble => trouble(consent, request, invocation, &error.to_string()),
            Outcome::NotOpen | Outcome::Outdated => not_open(consent, Some(key), request, invocation),
        },
    }
}

/// One page for requests that are unknown, expired or already decided. `key` is the one in the link, if it has one.
pub(crate) fn not_open(
    consent: &Consent,
    key: Option<&RequestKey>,
    request: &Request,
    invocation: &Invocation,
) -> Response<Body> {
    let nonce = invocation.nonce();
    let Frame { language, chosen, operator, .. } = consent.frame(request, &nonce);
    let key = key.filter(|_| consent.login_issuers.have_browser());
    let login_path = key.map(|key| page::login_path(key, chosen));
    respond::page(page::not_open(language, operator, &nonce, login_path.as_deref()))
}

pub(super) fn trouble(
    consent: &Consent,
    request: &Request,
    invocation: &Invocation,
    why: &str,
) -> Response<Body> {
    log::trouble(why, invocation.now);
    respond::page(page::trouble(&consent.frame(request, &invocation.nonce())))
}
