//! Enrollment: a person who has a ticket's link registers a passkey (WebAuthn). An operator hands out tickets; where the
//! settings of a login issuer allow it, a person gets one by themselves after logging in there.
//!
//! Reading the page changes nothing, so a link that a mail program prefetches is still valid. Posting uses up the
//! ticket in the same write that stores the passkey. Unknown, used and expired tickets get the same answer.

use std::time::Duration;

use ciba::aws::Aws;
use ciba::config::{
    CeremonySettings, ConfigError, Environment, Issuer, LoginIssuers, NotifierSettings, OperatorSettings,
    PasskeySettings, SmsSettings, WitnessSettings, login_max_age,
};
use ciba::domain::issuer::session::{Session, SessionForm};
use ciba::domain::person::ticket::{TicketKind, TicketSecret};
use ciba::flows::deciding::authentic_passkey::Enrollments;
use ciba::flows::deciding::log_in;
use ciba::flows::registering::create_ticket::{self, NoTicket};
use ciba::flows::registering::enroll_passkey::{EnrollPasskey, NotEnrolled};
use ciba::flows::telling::tell_person::TellPerson;
use ciba::flows::{Invocation, log};
use ciba::http::cookie::{self, Cookies};
use ciba::http::respond::Destination;
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, browser, form, json, respond};
use ciba::keys::{KeyError, Kms, PageKeys, Witness, WitnessReader};
use ciba::page::{self, Frame};
use ciba::protocol::enroll_passkey::{EnrollmentBody, EnrollmentError as Error, EnrollmentView};
use ciba::protocol::error::{Common, Refusal};
use ciba::protocol::routes;
use ciba::store::Table;
use ciba::verify::webauthn::RelyingParty;
use ciba::verify::witness::Purpose;

pub struct Enrollment {
    issuer: Issuer,
    operator: OperatorSettings,
    /// `None` if this deployment does not use passkeys; then no ticket can be used.
    relying_party: Option<RelyingParty>,
    table: Table,
    tell: TellPerson,
    /// Signs enrollments. `None` if enrollments are not signed.
    witness: Option<Witness>,
    enrollments: Enrollments,
    login_issuers: LoginIssuers,
    login_max_age: Duration,
    cookies: Cookies,
    /// Open the sessions of people who logged in on the page. `None` if they cannot log in there.
    page_keys: Option<PageKeys>,
}

impl Enrollment {
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        let issuer = Issuer::read(environment)?;
        let aws = Aws::read(environment)?;
        let operator = OperatorSettings::read(environment)?;
        let relying_party = CeremonySettings::read(environment, &issuer)?
            .map(|settings| RelyingParty::new(&settings.rp_id, &settings.origins, &operator.name))
            .transpose()
            .map_err(|error| ConfigError::of(PasskeySettings::SETTING, &error.0))?;
        let (kms, key) = (Kms::connect(&aws), WitnessSettings::enrollment_key(environment));
        let (table, login_issuers) = (Table::connect(&aws), LoginIssuers::read(environment, &issuer)?);
        Ok(Self {
            page_keys: login_issuers.have_browser().then(|| PageKeys::new(table.clone(), kms.clone())),
            login_issuers,
            login_max_age: login_max_age(environment)?,
            cookies: Cookies::of(&issuer),
            witness: key.map(|key| Witness::new(&kms, key, Purpose::Enrollment)),
            enrollments: Enrollments {
                key: key.map(|key| WitnessReader::new(&kms, key)),
                accepts_unsigned: WitnessSettings::accepts_unsigned_passkeys(environment)?,
            },
            tell: TellPerson::connect(
                &aws,
                SmsSettings::read(environment)?,
                NotifierSettings::of_news(environment, &issuer)?,
            ),
            table,
            issuer,
            operator,
            relying_party,
        })
    }

    /// Loads the keys of sessions.
    pub async fn warm_up(&self, invocation: &Invocation) {
        if let Some(keys) = &self.page_keys {
            keys.warm_up(invocation.now).await;
        }
    }

    fn enrolling(&self) -> Result<EnrollPasskey<'_>, NotEnrolled> {
        Ok(EnrollPasskey {
            table: &self.table,
            relying_party: self.relying_party.as_ref().ok_or(NotEnrolled::NotOpen("RP_ID is not set"))?,
            tell: &self.tell,
            operator_name: &self.operator.name,
            witness: self.witness.as_ref(),
            enrollments: &self.enrollments,
        })
    }

    async fn show(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        let nonce = invocation.nonce();
        let frame = self.frame(request, &nonce);
        let Frame { language, operator, .. } = frame;
        let offer = async { self.enrolling()?.offer(&ticket(request)?, invocation).await };
        match offer.await {
            Ok(offer) => {
                let view = page::EnrollmentView {
                    language,
                    operator,
                    path: request.uri().path(),
                    options: offer.creation,
                    needs_assertion: offer.assertion,
                    is_own: offer.is_own,
                };
                respond::page(page::enrollment(&view, &nonce))
            }
            Err(NotEnrolled::Store(error)) => {
                log::trouble(&error.detail(), invocation.now);
                respond::page(page::trouble(&frame))
            }
            Err(
                NotEnrolled::NotOpen(_)
                | NotEnrolled::PasskeyRequired
                | NotEnrolled::NotAccepted(_)
                | NotEnrolled::Contended
                | NotEnrolled::Unavailable(_),
            ) => respond::page(page::ticket_not_open(&frame)),
        }
    }

    /// `POST /enroll`: a ticket for the person who is logged in.
    ///
    /// 1. One of our own pages sent the form.
    /// 2. The session is current, and the form is its own.
    /// 3. Its login is one after which people may set up a passkey.
    /// 4. Make the ticket, and lead to its page.
    async fn begin(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        let nonce = invocation.nonce();
        let frame = self.frame(request, &nonce);
        let trouble = |why: &str| {
            log::trouble(why, invocation.now);
            respond::page(page::trouble(&frame))
        };
        let form = form::read(request).ok();
        let form = form.filter(|_| browser::states_same_origin(request, self.issuer.as_str()));
        let token = form.as_ref().and_then(|form| form.get("session_token")).unwrap_or_default();
        let session = match self.session(request, invocation).await {
            Ok(session) => session.filter(|session| session.accepts(token, SessionForm::Enrollment)),
            Err(KeyError(why)) => return trouble(&why),
        };
        let Some(session) = session else { return respond::page(page::nobody(&frame)) };
        let browser_login = self.login_issuers.find(&session.issuer).and_then(|it| it.browser.as_ref());
        let rule = browser_login.and_then(|browser| browser.self_enrollment.as_ref());
        let is_allowed = rule.is_some_and(|rule| rule.allows(&session.authentication));
        let person = log_in::person_of(&session, &self.login_issuers);
        let Some(person) = person.filter(|_| is_allowed && self.relying_party.is_some()) else {
            return respond::page(page::no_passkey(&frame));
        };
        match create_ticket::create(&self.table, &person, TicketKind::Own, invocation).await {
            Ok((secret, _)) => respond::redirect(&Destination::Ticket(secret, frame.chosen)),
            Err(NoTicket::Inactive | NoTicket::Full | NoTicket::ByOperator | NoTicket::Unreachable) => {
                respond::page(page::no_passkey(&frame))
            }
            Err(NoTicket::Store(error)) => trouble(&error.detail()),
        }
    }

    fn frame<'a>(&'a self, request: &Request, nonce: &'a str) -> Frame<'a> {
        let (language, chosen) = (browser::language(request), browser::chosen_language(request));
        Frame { language, chosen, operator: self.operator.shown(), nonce }
    }

    async fn session(&self, request: &Request, invocation: &Invocation) -> Result<Option<Session>, KeyError> {
        let Some(keys) = &self.page_keys else { return Ok(None) };
        let cookie = self.cookies.read(request, cookie::SESSION);
        log_in::session(cookie, keys, &self.login_issuers, self.login_max_age, invocation.now).await
    }

    /// Reads the request, enrolls the passkey, and answers.
    async fn enroll(
        &self,
        request: &Request,
        invocation: &Invocation,
    ) -> Result<EnrollmentView, Refusal<Error>> {
        if !browser::is_same_origin(request, self.issuer.as_str()) {
            return Err(Common::InvalidRequest("only this endpoint's own page may post here").into());
        }
        let ticket = ticket(request).map_err(not_enrolled)?;
        let body: EnrollmentBody = json::read(request).map_err(Common::InvalidRequest)?;
        let enrolling = self.enrolling().map_err(not_enrolled)?;
        let enrolled =
            enrolling.enroll(&ticket, &body.registration, body.assertion.as_ref(), invocation).await;
        let added = enrolled.map_err(not_enrolled)?;
        log::passkey("passkey_added", &added.passkey, &added.untold, invocation.now);
        Ok(EnrollmentView { passkey: added.passkey.as_str().to_owned() })
    }
}

impl Endpoint for Enrollment {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        if request.uri().path() == routes::ENROLLMENT {
            return match request.method().as_str() {
                "POST" => self.begin(request, invocation).await,
                _ => respond::refusal::<Error>(&Common::MethodNotAllowed("POST").into(), invocation),
            };
        }
        match request.method().as_str() {
            "GET" | "HEAD" => self.show(request, invocation).await,
            "POST" => match self.enroll(request, invocation).await {
                Ok(view) => respond::ok(&view),
                Err(refusal) => respond::refusal(&refusal, invocation),
            },
            _ => respond::refusal::<Error>(&Common::MethodNotAllowed("GET, POST").into(), invocation),
        }
    }
}

/// The ticket at the end of the path. A malformed ticket is answered like an unknown one, without a read of the
/// table.
fn ticket(request: &Request) -> Result<TicketSecret, NotEnrolled> {
    let path = request.uri().path().strip_prefix(routes::ENROLLMENT);
    let name = path.and_then(|rest| rest.strip_prefix('/'));
    name.and_then(TicketSecret::parse).ok_or(NotEnrolled::NotOpen("the path contains no ticket"))
}

fn not_enrolled(error: NotEnrolled) -> Refusal<Error> {
    match error {
        NotEnrolled::NotOpen(why) => Refusal::because(Error::NotFound, why),
        NotEnrolled::PasskeyRequired => Error::PasskeyRequired.into(),
        NotEnrolled::NotAccepted(why) => Refusal::because(Error::PasskeyNotAccepted, why),
        NotEnrolled::Contended => Refusal::unavailable("the person's passkeys changed during every attempt"),
        NotEnrolled::Unavailable(why) => Refusal::unavailable(why),
        NotEnrolled::Store(error) => error.into(),
    }
}
