//! Enrollment: a person who has a ticket's link registers a passkey (WebAuthn).
//!
//! Reading the page changes nothing, so a link that a mail program prefetches is still valid. Posting uses up the
//! ticket in the same write that stores the passkey. Unknown, used and expired tickets get the same answer.

use ciba::aws::Aws;
use ciba::config::{
    CeremonySettings, ConfigError, Environment, Issuer, OperatorSettings, PasskeySettings, SmsSettings,
    WitnessSettings,
};
use ciba::domain::person::ticket::TicketSecret;
use ciba::flows::deciding::authentic_passkey::Enrollments;
use ciba::flows::registering::enroll_passkey::{EnrollPasskey, NotEnrolled};
use ciba::flows::{Invocation, log};
use ciba::http::serve::Endpoint;
use ciba::http::{Body, Request, Response, browser, json, respond};
use ciba::keys::{Kms, Witness, WitnessReader};
use ciba::notify::Notifier;
use ciba::page;
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
    notifier: Notifier,
    /// Signs enrollments. `None` if enrollments are not signed.
    witness: Option<Witness>,
    enrollments: Enrollments,
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
        Ok(Self {
            witness: key.map(|key| Witness::new(&kms, key, Purpose::Enrollment)),
            enrollments: Enrollments {
                key: key.map(|key| WitnessReader::new(&kms, key)),
                accepts_unsigned: WitnessSettings::accepts_unsigned_passkeys(environment)?,
            },
            notifier: Notifier::connect(&aws, SmsSettings::read(environment)?),
            table: Table::connect(&aws),
            issuer,
            operator,
            relying_party,
        })
    }

    fn enrolling(&self) -> Result<EnrollPasskey<'_>, NotEnrolled> {
        Ok(EnrollPasskey {
            table: &self.table,
            relying_party: self.relying_party.as_ref().ok_or(NotEnrolled::NotOpen("RP_ID is not set"))?,
            notifier: &self.notifier,
            operator_name: &self.operator.name,
            witness: self.witness.as_ref(),
            enrollments: &self.enrollments,
        })
    }

    async fn show(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        let language = browser::language(request);
        let (operator, nonce) = (self.operator.shown(), invocation.nonce());
        let offer = async { self.enrolling()?.offer(&ticket(request)?, invocation).await };
        match offer.await {
            Ok(offer) => {
                let view = page::EnrollmentView {
                    language,
                    operator,
                    path: request.uri().path(),
                    options: offer.creation,
                    needs_assertion: offer.assertion,
                };
                respond::page(page::enrollment(&view, &nonce))
            }
            Err(NotEnrolled::Store(error)) => {
                log::trouble(&error.detail());
                respond::page(page::trouble(language, operator, &nonce))
            }
            Err(
                NotEnrolled::NotOpen(_)
                | NotEnrolled::PasskeyRequired
                | NotEnrolled::NotAccepted(_)
                | NotEnrolled::Contended
                | NotEnrolled::Unavailable(_),
            ) => respond::page(page::ticket_not_open(language, operator, &nonce)),
        }
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
        log::passkey("passkey_added", &added.passkey, &added.untold);
        Ok(EnrollmentView { passkey: added.passkey.as_str().to_owned() })
    }
}

impl Endpoint for Enrollment {
    async fn handle(&self, request: &Request, invocation: &Invocation) -> Response<Body> {
        match request.method().as_str() {
            "GET" | "HEAD" => self.show(request, invocation).await,
            "POST" => match self.enroll(request, invocation).await {
                Ok(view) => respond::ok(&view),
                Err(refusal) => respond::refusal(&refusal),
            },
            _ => respond::refusal::<Error>(&Common::MethodNotAllowed("GET, POST").into()),
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
