//! Records a decision: the person approves all or some of the scope, declines, reports the request as not theirs
//! (CIBA §8), or takes an earlier answer back.

use std::time::Duration;

use serde_json::Value;

use crate::Invocation;
use crate::deciding::authentic_passkey::{Enrollments, NotAuthentic};
use crate::deciding::keep_evidence::{About, Happened, KeepEvidence, NotKept};
use crate::deciding::statement::{receipt, statement};
use ciba_aws::store::{
    Decided, DecisionBasis, DecisionWrite, EvidenceBasis, EvidenceWrite, StoreError, Table,
};
use ciba_core::domain::base::authentication::Authentication;
use ciba_core::domain::base::person_key::PersonKey;
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::base::scope::Scope;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::{Client, ClientId};
use ciba_core::domain::details::authorization_details::RequestDetail;
use ciba_core::domain::issuer::login_issuer::LoginProof;
use ciba_core::domain::issuer::session::Session;
use ciba_core::domain::person::asks::Asks;
use ciba_core::domain::person::passkey::Passkey;
use ciba_core::domain::request::authentication_request::{AuthenticationRequest, State};
use ciba_core::domain::request::consequence::{Consequence, consequence, taking_back};
use ciba_core::domain::request::decision::{Approval, Decision, DecisionRefused, DecisionWord};
use ciba_core::domain::request::evidence::{self, Outcome};
use ciba_core::domain::request::evidence_document::{Kind, Personal};
use ciba_core::domain::request::grant::Grant;
use ciba_core::domain::request::proof::{Demand, NotEnough, Strength, WouldGrant};
use ciba_core::domain::request::statement::{Shown, Statement};
use ciba_core::page::Language;
use ciba_core::protocol::webauthn::Assertion;
use ciba_core::verify::evidence::signed as evidence_of;
use ciba_core::verify::webauthn::{Asserted, RelyingParty, thumbprint};

/// How many times a decision is attempted when a poll coincides with it.
const TRIES: usize = 3;

/// The decision as the person sends it.
#[derive(Clone, Debug)]
pub struct Choice {
    pub word: DecisionWord,
    /// The approved part of the scope. Without it an approval covers all of the scope.
    pub scope: Option<Scope>,
    /// The `authorization_details` that were on the screen, if they are not part of a statement.
    pub details: Option<Vec<Value>>,
}

/// The proof that it is the person who decides.
pub enum PresentedProof<'a> {
    /// The sender has the link of this person's request, which is enough to decline.
    Link(&'a PersonKey),
    LoginToken(&'a LoginProof),
    /// The person is logged in on the page, and saw the statement with this digest, in this language.
    Session {
        session: &'a Session,
        person: &'a PersonKey,
        shown: &'a str,
        language: Language,
    },
    /// The person's passkey signed the statement of their page, in its language. If somebody is also logged in,
    /// it must be the same person.
    Passkey {
        assertion: &'a Assertion,
        language: Language,
        login: Option<&'a PersonKey>,
    },
}

/// The decision as it is recorded.
#[derive(Debug, PartialEq, Eq)]
pub enum Recorded {
    Approved(Scope),
    Denied,
    /// The client is blocked, regardless of the state of the request.
    Reported,
    /// The earlier answer no longer counts.
    TakenBack,
}

/// The recorded decision, and its evidence if it was recorded by this call.
#[derive(Debug)]
pub struct Record {
    pub recorded: Recorded,
    pub client_name: String,
    pub evidence: Option<EvidenceWrite>,
}

#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    #[error("the decision is not allowed for this request")]
    Refused(DecisionRefused),
    /// The client named is not the one that made the request, so the person saw something else.
    #[error("the client is not the one that made the request")]
    OtherClient,
    /// The details named are not those of the request, so the person saw something else. A decision must be about
    /// exactly the requested details.
    #[error("the authorization_details differ from those of the request")]
    OtherDetails,
    /// The content of the page is not that of the request any more.
    #[error("the page is out of date")]
    Outdated,
    /// The login token belongs to the client that made the request.
    #[error("the login token belongs to the client itself")]
    SelfApproval,
    /// The person or the client is no longer active, or the person has blocked the client.
    #[error("the person or the client is not active")]
    Inactive,
    /// Approving and reporting require more than the link.
    #[error("the proof is missing")]
    ProofMissing,
    /// Only a passkey can approve this.
    #[error("a passkey is required")]
    PasskeyRequired,
    /// Only a passkey that was enrolled some time ago can approve this.
    #[error("the passkey is too new")]
    PasskeyTooNew { usable_at: Timestamp },
    /// The assertion is not one by this person's passkey over this decision. The text is for the log.
    #[error("{0}")]
    PasskeyNotAccepted(String),
    #[error("the request changed during every attempt")]
    Contended,
    /// The evidence cannot be kept now, or it cannot be determined whether a passkey is genuine. The text is for
    /// the log.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotKept> for NotDecided {
    fn from(error: NotKept) -> Self {
        Self::Unavailable(error.detail())
    }
}

impl From<NotEnough> for NotDecided {
    fn from(missing: NotEnough) -> Self {
        match missing {
            NotEnough::PasskeyRequired => Self::PasskeyRequired,
            NotEnough::PasskeyTooNew { usable_at } => Self::PasskeyTooNew { usable_at },
        }
    }
}

/// The dependencies of this flow.
pub struct Decide<'a> {
    pub table: &'a Table,
    pub keeper: KeepEvidence<'a>,
    pub enrollments: &'a Enrollments,
    /// `None` if passkeys are not used.
    pub relying_party: Option<&'a RelyingParty>,
    /// How long ago a passkey must have been enrolled before it can approve high-risk requests.
    pub seasoning: Duration,
}

/// A valid proof: how the person was authenticated, and the part of it that is kept as evidence.
struct Proven {
    /// `None` for the link alone.
    authentication: Option<Authentication>,
    evidence: evidence::KeptProof,
    used: Option<(Passkey, Asserted)>,
}

impl Decide<'_> {
    /// Declines from the page. `form_token` comes from its form, which shows that somebody read the page and
    /// pressed its button.
    pub async fn decline(
        &self,
        request: &RequestKey,
        form_token: &str,
        invocation: &Invocation,
    ) -> Result<Record, NotDecided> {
        let found = self.table.find_request(request).await?;
        let found = found.filter(|found| found.nonce.accepts(form_token, &found.key));
        let found = found.ok_or(NotDecided::Refused(DecisionRefused::NotYours))?;
        let choice = Choice { word: DecisionWord::Deny, scope: None, details: None };
        self.decide(request, &found.client, &choice, &PresentedProof::Link(&found.person), invocation).await
    }

    /// 1. Determine the person: a login token names them, otherwise the request does.
    /// 2. Read request, person, client, asks and passkey in one read, so that no outdated record decides.
    /// 3. Check that the decision is about the content that was shown, and not made with a token of the client
    ///    itself; and determine what an approval would grant.
    /// 4. Check the proof, and that it is sufficient for what is granted.
    /// 5. Let the state machine determine the request's next state.
    /// 6. Have the evidence sealed, numbered and signed outside the table.
    /// 7. Record the state and the evidence in one transaction. If anything changed in the meantime, start again
    ///    at step 2.
    ///
    /// `client` is the one that was on the screen.
    pub async fn decide(
        &self,
        request: &RequestKey,
        client: &ClientId,
        choice: &Choice,
        proof: &PresentedProof<'_>,
        invocation: &Invocation,
    ) -> Result<Record, NotDecided> {
        let person = match proof {
            PresentedProof::LoginToken(login) => login.person.clone(),
            PresentedProof::Link(person) | PresentedProof::Session { person, .. } => (*person).clone(),
            PresentedProof::Passkey { login: Some(login), .. } => (*login).clone(),
            PresentedProof::Passkey { login: None, .. } => {
                let found = self.table.find_request(request).await?;
                found.ok_or(NotDecided::Refused(DecisionRefused::NotYours))?.person
            }
        };
        let passkey = match proof {
            PresentedProof::Passkey { assertion, .. } => Some(assertion.passkey_id()),
            PresentedProof::Link(_) | PresentedProof::LoginToken(_) | PresentedProof::Session { .. } => None,
        };
        for _ in 0..TRIES {
            let basis = self.table.find_for_decision(request, &person, client, passkey.as_ref()).await?;
            if let Some(record) = self.attempt(basis, client, choice, proof, invocation).await? {
                return Ok(record);
            }
        }
        Err(NotDecided::Contended)
    }

    /// Steps 3 to 7. `None` if something changed between reading and writing.
    async fn attempt(
        &self,
        basis: DecisionBasis,
        client: &ClientId,
        choice: &Choice,
        proof: &PresentedProof<'_>,
        invocation: &Invocation,
    ) -> Result<Option<Record>, NotDecided> {
        let is_open = basis.request.as_ref().is_some_and(|request| request.is_open(invocation.now));
        // A passkey without a login has not proven anything yet: what became of a request that is not open, and why
        // nothing can be approved, is for the person alone.
        let is_unproven = matches!(proof, PresentedProof::Passkey { login: None, .. });
        let tells = |error: &NotDecided| {
            let names_another = matches!(error, NotDecided::OtherClient | NotDecided::OtherDetails);
            matches!(error, NotDecided::Inactive) || (names_another && !is_open)
        };
        let checked = checked(basis, client, choice, proof);
        let Checked { found, detail, client: known_client, asks, passkey, kept, is_allowed } = checked
            .map_err(|error| {
                if is_unproven && tells(&error) {
                    NotDecided::Refused(DecisionRefused::TooLate)
                } else {
                    error
                }
            })?;
        let granted = granted(&found, &detail, choice, invocation)?;
        let case = Case {
            request: &found,
            detail: &detail,
            client: &known_client,
            choice,
            granted: granted.as_ref(),
        };
        let proven = match self.proven(case, passkey, proof, invocation).await {
            // An invalid signature must not reveal whether the request was decided.
            Err(NotDecided::PasskeyNotAccepted(_)) if !is_open => {
                return Err(NotDecided::Refused(DecisionRefused::TooLate));
            }
            proven => proven?,
        };
        if !is_allowed {
            return Err(NotDecided::Inactive);
        }
        let consequence = match choice.word {
            DecisionWord::TakeBack => taking_back(&found, &asks, invocation.now),
            DecisionWord::Approve | DecisionWord::Deny | DecisionWord::Report => {
                let decision = decision(granted, &proven, invocation);
                let transition = found.decide(&found.person, &decision, invocation.now);
                consequence(transition, choice.word, asks.blocked_at(client).is_some())
            }
        };
        let consequence = consequence.map_err(NotDecided::Refused)?;
        let Consequence::Recorded { next, outcome } = consequence else {
            let recorded = match choice.word {
                DecisionWord::Report => Recorded::Reported,
                DecisionWord::TakeBack => Recorded::TakenBack,
                DecisionWord::Approve | DecisionWord::Deny => Recorded::of(&found.state),
            };
            return Ok(Some(Record { recorded, client_name: known_client.name, evidence: None }));
        };
        let recorded = match (outcome, &next) {
            (Outcome::Approved, Some(next)) => Recorded::of(next),
            (Outcome::Reported, _) => Recorded::Reported,
            (Outcome::TakenBack, _) => Recorded::TakenBack,
            (Outcome::Approved | Outcome::Denied, _) => Recorded::Denied,
        };
        // The statement of what is taken back has neither.
        let (authorization_details, request_context) = match outcome {
            Outcome::TakenBack => (Vec::new(), None),
            Outcome::Approved | Outcome::Denied | Outcome::Reported => {
                (detail.details.entries().to_vec(), detail.context)
            }
        };
        let personal = Personal { authorization_details, request_context, proof: proven.evidence };
        let signer = proven.used.as_ref().map(|(passkey, _)| passkey);
        let happened = Happened::Decided {
            kind: match outcome {
                Outcome::TakenBack => Kind::TakenBack,
                Outcome::Reported if next.is_none() => Kind::Report,
                Outcome::Approved | Outcome::Denied | Outcome::Reported => Kind::Decision,
            },
            outcome,
            lifted_at: asks.lifted_at(client).filter(|_| next.is_none() && outcome == Outcome::Reported),
            scope: match &recorded {
                Recorded::Approved(scope) => scope.encode(),
                Recorded::Denied | Recorded::Reported | Recorded::TakenBack => found.scope.encode(),
            },
            thumbprint: signer.and_then(|passkey| thumbprint(&passkey.credential)),
            personal: &personal,
        };
        let about = About { request: &found.key, client: &found.client, person: &found.person };
        let evidence = self.keeper.keep(about, &happened, &kept, invocation).await?;
        let asks = match outcome {
            Outcome::Approved => asks.cool_until(client).map(|_| asks.approved(client)),
            Outcome::Denied => Some(asks.denied(client, invocation.now)),
            Outcome::Reported => Some(asks.reported(client, invocation.now)),
            // A denial that is taken back no longer makes the client wait.
            Outcome::TakenBack => next.is_none().then(|| asks.denial_taken_back(client, invocation.now)),
        };
        let write = DecisionWrite {
            request: &found,
            next: next.as_ref(),
            at: invocation.now,
            evidence: &evidence,
            asks: asks.as_ref(),
            passkey: proven.used.as_ref().map(|(passkey, asserted)| (passkey, asserted)),
        };
        Ok(match self.table.decide_request(&write, &invocation.write_id).await? {
            Decided::Done => {
                Some(Record { recorded, client_name: known_client.name, evidence: Some(evidence) })
            }
            Decided::Changed => None,
        })
    }

    /// Step 4.
    async fn proven(
        &self,
        Case { request, detail, client, choice, granted }: Case<'_>,
        passkey: Option<Passkey>,
        proof: &PresentedProof<'_>,
        invocation: &Invocation,
    ) -> Result<Proven, NotDecided> {
        // Only what grants something demands more than a proof.
        let judge = |shown: Strength| match granted {
            Some(scope) => Demand::of(client, &WouldGrant::of(request, detail, scope)).judge(shown),
            None => Ok(()),
        };
        match proof {
            PresentedProof::Link(_) if choice.word == DecisionWord::Deny => {
                Ok(Proven { authentication: None, evidence: evidence::KeptProof::Link, used: None })
            }
            PresentedProof::Link(_) => Err(NotDecided::ProofMissing),
            PresentedProof::LoginToken(login) => {
                judge(Strength::LoginToken)?;
                Ok(Proven {
                    authentication: Some(login.authentication.clone()),
                    evidence: evidence::KeptProof::LoginToken {
                        issuer: login.issuer.clone(),
                        jti: login.jti.clone(),
                        authentication: login.authentication.clone(),
                    },
                    used: None,
                })
            }
            PresentedProof::Session { session, shown, language, .. } => {
                let text = on_screen(choice.word, (request, detail), client, *language).encode();
                if Shown::of(&text).encode() != *shown {
                    return Err(NotDecided::Outdated);
                }
                judge(Strength::LoginToken)?;
                Ok(Proven {
                    authentication: Some(session.authentication.clone()),
                    evidence: evidence::KeptProof::Session {
                        issuer: session.issuer.clone(),
                        id_token: session.id_token.clone(),
                        authentication: session.authentication.clone(),
                        statement: text,
                    },
                    used: None,
                })
            }
            PresentedProof::Passkey { assertion, language, .. } => {
                let not_accepted = |why: &str| NotDecided::PasskeyNotAccepted(why.to_owned());
                let relying_party = self.relying_party.ok_or(not_accepted("RP_ID is not set"))?;
                let passkey = passkey.ok_or(not_accepted("the passkey is not this person's"))?;
                self.enrollments.check(&passkey).await.map_err(|error| match error {
                    NotAuthentic::Forged(why) => not_accepted(why),
                    NotAuthentic::Unavailable(error) => NotDecided::Unavailable(error.0),
                })?;
                let statement = on_screen(choice.word, (request, detail), client, *language);
                let scope = selected(choice, granted, &statement);
                let text = statement.encode();
                let challenge = Shown::of(&text).challenge(&scope, choice.word);
                let asserted = relying_party
                    .verify(assertion, &passkey, &challenge)
                    .map_err(|error| NotDecided::PasskeyNotAccepted(error.0))?;
                judge(Strength::of(&passkey, self.seasoning, invocation.now))?;
                let authentication = asserted.applied_to(&passkey).authentication(invocation.now);
                let used = (&passkey, &asserted);
                let signed = evidence_of(relying_party, assertion, used, text, scope, invocation.now);
                Ok(Proven {
                    authentication: Some(authentication),
                    evidence: evidence::KeptProof::Passkey(Box::new(signed)),
                    used: Some((passkey, asserted)),
                })
            }
        }
    }
}

impl Recorded {
    /// As in answers and in the log.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Approved(_) => "approved",
            Self::Denied => "denied",
            Self::Reported => "reported",
            Self::TakenBack => "taken_back",
        }
    }

    /// The decision that a request's state records. Every state other than approved and redeemed grants nothing.
    fn of(state: &State) -> Self {
        match state {
            State::Approved(approval) | State::Redeemed(Grant { approval, .. }) => {
                Self::Approved(approval.scope.clone())
            }
            State::Pending | State::Denied { .. } | State::Cancelled { .. } => Self::Denied,
        }
    }
}

/// The records behind a decision, once it is known to be this person's.
struct Checked {
    found: AuthenticationRequest,
    detail: RequestDetail,
    client: Client,
    asks: Asks,
    passkey: Option<Passkey>,
    /// The basis of the decision's evidence.
    kept: EvidenceBasis,
    /// Whether the person is active, and has not blocked a client whose request they approve.
    is_allowed: bool,
}

/// The decision for which a proof is needed.
#[derive(Clone, Copy)]
struct Case<'a> {
    request: &'a AuthenticationRequest,
    detail: &'a RequestDetail,
    client: &'a Client,
    choice: &'a Choice,
    /// `None` unless it is an approval.
    granted: Option<&'a Scope>,
}

/// Step 3. Another person's request is refused first, so that nothing about it can be found out.
fn checked(
    basis: DecisionBasis,
    client: &ClientId,
    choice: &Choice,
    proof: &PresentedProof<'_>,
) -> Result<Checked, NotDecided> {
    let DecisionBasis { request, detail, person, client: known_client, asks, passkey, evidence } = basis;
    let found = match proof {
        PresentedProof::LoginToken(login) => request.filter(|request| request.person == login.person),
        PresentedProof::Session { person, .. } | PresentedProof::Passkey { login: Some(person), .. } => {
            request.filter(|request| request.person == **person)
        }
        PresentedProof::Link(_) | PresentedProof::Passkey { login: None, .. } => request,
    };
    let found = found.ok_or(NotDecided::Refused(DecisionRefused::NotYours))?;
    if found.client != *client {
        return Err(NotDecided::OtherClient);
    }
    // What a passkey signed, or a session was shown, is a statement that includes the details.
    let are_stated = matches!(proof, PresentedProof::Passkey { .. } | PresentedProof::Session { .. });
    let named = choice.details.as_deref().or(are_stated.then(|| detail.details.entries()));
    if choice.word == DecisionWord::Approve && !detail.details.is(named.unwrap_or_default()) {
        return Err(NotDecided::OtherDetails);
    }
    if let PresentedProof::LoginToken(login) = proof
        && login.names(client)
    {
        return Err(NotDecided::SelfApproval);
    }
    let person_is_active = person.is_some_and(|person| person.active);
    // Access ends even while its client is disabled: otherwise it would revive with the client.
    let counts = |client: &Client| client.active || choice.word == DecisionWord::TakeBack;
    let known_client = known_client.filter(counts).ok_or(NotDecided::Inactive)?;
    let is_blocked = choice.word == DecisionWord::Approve && asks.blocked_at(client).is_some();
    let is_allowed = person_is_active && !is_blocked;
    Ok(Checked { found, detail, client: known_client, asks, passkey, kept: evidence, is_allowed })
}

/// Step 3: the scope that the decision grants, with everything that is requested beyond it. `None` unless it is an
/// approval.
///
/// An invalid selection is refused regardless of the proof. A request that is no longer open is left to step 5,
/// which reveals nothing.
fn granted(
    request: &AuthenticationRequest,
    detail: &RequestDetail,
    choice: &Choice,
    invocation: &Invocation,
) -> Result<Option<Scope>, NotDecided> {
    if choice.word != DecisionWord::Approve {
        return Ok(None);
    }
    let scope = choice.scope.as_ref().unwrap_or(&request.scope);
    if request.is_open(invocation.now) {
        request.check_selection(scope).map_err(NotDecided::Refused)?;
        if !detail.admits(scope) {
            return Err(NotDecided::Refused(DecisionRefused::ScopeOfDetailsMissing));
        }
    }
    Ok(Some(scope.clone()))
}

/// What was on the screen.
fn on_screen(
    word: DecisionWord,
    (request, detail): (&AuthenticationRequest, &RequestDetail),
    client: &Client,
    language: Language,
) -> Statement {
    match word {
        DecisionWord::TakeBack => receipt(request, client, language),
        DecisionWord::Approve | DecisionWord::Deny | DecisionWord::Report => {
            statement(request, detail, client, language)
        }
    }
}

/// The part of the scope that was signed: the granted scope or, for a denial or report, the selected scope.
fn selected(choice: &Choice, granted: Option<&Scope>, statement: &Statement) -> String {
    let ticked = granted.or(choice.scope.as_ref());
    ticked.map_or_else(String::new, |scope| statement.in_order(|value| scope.contains(value)))
}

fn decision(granted: Option<Scope>, proven: &Proven, invocation: &Invocation) -> Decision {
    match (granted, &proven.authentication) {
        (Some(scope), Some(authentication)) => {
            let authentication = authentication.clone();
            Decision::Approve(Approval { at: invocation.now, scope, authentication })
        }
        (Some(_) | None, _) => Decision::Deny,
    }
}
