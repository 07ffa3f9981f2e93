//! Resolves the hint to a person (CIBA §7.2, steps 4 and 5).

use crate::Invocation;
use crate::asking::find_person::{Asked, FindPerson, Found};
use crate::resolve_person::ResolvePerson;
use ciba_aws::config::{HintIssuers, HintSettings, Issuer, LoginIssuers};
use ciba_aws::keys::{KeyError, KeyRings, NotOurs};
use ciba_aws::outbound::{JwksCache, NotVerified};
use ciba_aws::store::Table;
use ciba_core::domain::base::replay::ReplayGuard;
use ciba_core::domain::client::Client;
use ciba_core::domain::client::hint_form::HintForm;
use ciba_core::domain::client::subject_type::SubjectType;
use ciba_core::domain::hint::id_token_hint::{self, IdTokenHintRefused};
use ciba_core::domain::hint::subject_identifier;
use ciba_core::domain::hint::{self, DirectoryHint, Hint, HintError, HintKind, KnownIssuers};
use ciba_core::domain::issuer::hint_issuer::HintTokenRefused;
use ciba_core::domain::person::asks::Asks;
use ciba_core::protocol::backchannel_authentication::{
    BackchannelAuthenticationError as Error, BackchannelAuthenticationRequest, PresentedHint,
};
use ciba_core::protocol::error::{Common, Refusal};
use ciba_core::protocol::id_token;
use ciba_core::verify::jws::{NotAJws, UnverifiedJws};

/// The dependencies of this flow.
pub struct ResolveHint<'a> {
    pub table: &'a Table,
    pub people: FindPerson<'a>,
    pub keys: &'a KeyRings,
    pub issuer: &'a Issuer,
    pub login_issuers: &'a LoginIssuers,
    pub settings: HintSettings,
    /// `None` if no `login_hint_token` is supported.
    pub hint_tokens: Option<&'a HintTokens>,
}

/// The issuers of `login_hint_token`, and their keys.
pub struct HintTokens {
    pub issuers: HintIssuers,
    pub jwks: JwksCache,
}

/// The error for a hint that is malformed, or not valid for this client. It reveals nothing about people.
fn invalid(told: &'static str) -> Refusal<Error> {
    Common::InvalidRequest(told).into()
}

/// One text for every defect of an ID token; the log has the details.
fn not_our_id_token(detail: &'static str) -> Refusal<Error> {
    let told = "id_token_hint is not an ID token that this provider issued to this client";
    Refusal::because(Common::InvalidRequest(told), detail)
}

fn unusable(error: HintError) -> Refusal<Error> {
    match error {
        HintError::Malformed(why) => invalid(why),
        HintError::NamesNobody => Error::UnknownUserId.into(),
    }
}

fn not_a_token(error: NotAJws) -> Refusal<Error> {
    match error {
        NotAJws::Encrypted => invalid("the hint is encrypted; send the signed token inside"),
        NotAJws::Malformed(why) => invalid(why),
    }
}

impl ResolveHint<'_> {
    /// 1. Check that the client may send a hint of this form, because clients can be limited to the kinds that
    ///    they need.
    /// 2. Read the hint; if it is a token, verify it first.
    /// 3. Find the person, and their recent asks.
    /// 4. Use up a token that is valid only once, which prevents its replay. This happens before any write that
    ///    is not such a record, but as late as possible, so that a failed read of the table does not cost the
    ///    client its token.
    pub async fn resolve(
        &self,
        client: &Client,
        request: &BackchannelAuthenticationRequest,
        invocation: &Invocation,
    ) -> Result<(Found, Asks), Refusal<Error>> {
        let hint = &request.hint;
        let form = match hint {
            PresentedHint::LoginHint(text) => HintForm::of_login_hint(text).0,
            PresentedHint::IdTokenHint(_) => HintForm::IdTokenHint,
            PresentedHint::LoginHintToken(_) => HintForm::LoginHintToken,
        };
        if !client.hint_kinds.contains(form) {
            return Err(invalid("the client is not registered for hints of this kind"));
        }
        let (hints, guard) = match hint {
            PresentedHint::LoginHint(text) => {
                (vec![hint::parse(text, self.known_issuers()).map_err(unusable)?], None)
            }
            PresentedHint::IdTokenHint(token) => {
                (vec![self.read_id_token(token, client, invocation).await?], None)
            }
            PresentedHint::LoginHintToken(token) => self.read_hint_token(token, invocation).await?,
        };
        let hints = self.of_its_sector(client, hints, invocation).await?;
        let asked = Asked { client, request, until: ResolvePerson::until(invocation), invocation };
        let (found, asks, withdrawn) = self.people.find(&hints, asked).await?.ok_or(Error::UnknownUserId)?;
        // A token verified with a withdrawn key counts as unverified. The handle is sealed later, under a
        // different key.
        if self.keys.learn(&withdrawn, invocation.now).await?
            && let PresentedHint::IdTokenHint(token) = hint
        {
            self.read_id_token(token, client, invocation).await?;
        }
        if let Some(guard) = guard
            && !self.table.insert_replay_guard(&guard, invocation.now, &invocation.write_id).await?
        {
            return Err(invalid("the token was already used"));
        }
        Ok((found, asks))
    }

    /// A `sub` of this provider is the one that the client itself received, so a pairwise `sub` is opened to find
    /// its person. A client that became pairwise may hold an older, public `sub`, which remains valid as a hint.
    async fn of_its_sector(
        &self,
        client: &Client,
        hints: Vec<Hint>,
        invocation: &Invocation,
    ) -> Result<Vec<Hint>, KeyError> {
        if client.subject_type == SubjectType::Public {
            return Ok(hints);
        }
        let keys = self.keys.get(invocation.now).await?;
        let opened = |hint: &DirectoryHint| match hint.kind() {
            HintKind::Sub => keys.open_subject(&client.subject_type, hint.value()),
            HintKind::Plain | HintKind::Tel | HintKind::Email => None,
        };
        let hints = hints.into_iter().map(|hint| match hint {
            Hint::Directory(hint) => opened(&hint).map_or(Hint::Directory(hint), Hint::Person),
            known @ (Hint::Login { .. } | Hint::Person(_)) => known,
        });
        Ok(hints.collect())
    }

    fn known_issuers(&self) -> KnownIssuers<'_> {
        KnownIssuers { own: self.issuer.as_str(), login: self.login_issuers.as_slice() }
    }

    /// An ID token of this provider, verified with any key that has ever signed one.
    async fn read_id_token(
        &self,
        token: &str,
        client: &Client,
        invocation: &Invocation,
    ) -> Result<Hint, Refusal<Error>> {
        let jws = UnverifiedJws::parse(token).map_err(|error| match error {
            NotAJws::Encrypted => not_a_token(error),
            NotAJws::Malformed(why) => not_our_id_token(why),
        })?;
        if !jws.typ().is_some_and(|typ| typ.eq_ignore_ascii_case(id_token::TYP)) {
            return Err(not_our_id_token("the token has the wrong type"));
        }
        let verified = self.keys.verify(&jws, invocation.now).await?;
        let claims = verified.map_err(|error| match error {
            NotOurs::UnknownKey => not_our_id_token("the key is not one of ours"),
            NotOurs::WrongSignature => not_our_id_token("the signature is invalid"),
        })?;
        let max_age = self.settings.id_token_hint_max_age;
        let sub = id_token_hint::judge(&claims, self.issuer.as_str(), &client.id, max_age, invocation.now);
        let sub = sub.map_err(|refused| match refused {
            IdTokenHintRefused::Invalid(why) => not_our_id_token(why),
            IdTokenHintRefused::TooOld => invalid("id_token_hint was issued too long ago"),
        })?;
        Hint::directory(HintKind::Sub, sub).map_err(unusable)
    }

    /// Reads a token of a hint issuer. Returns the hints in it, and the record that prevents its reuse.
    async fn read_hint_token(
        &self,
        token: &str,
        invocation: &Invocation,
    ) -> Result<(Vec<Hint>, Option<ReplayGuard>), Refusal<Error>> {
        let tokens = self.hint_tokens;
        let tokens = tokens.ok_or_else(|| invalid("login_hint_token is not supported"))?;
        let jws = UnverifiedJws::parse(token).map_err(not_a_token)?;
        if jws.typ().is_some_and(|typ| typ != "jwt") {
            return Err(invalid("the token has the wrong type"));
        }
        let issuer = jws.issuer().and_then(|iss| tokens.issuers.find(iss));
        let issuer = issuer.ok_or_else(|| invalid("iss is not a hint issuer"))?;
        let (now, write) = (invocation.now, &invocation.write_id);
        let verified = tokens.jwks.verify(&jws, &issuer.jwks_uri, &issuer.algorithms, now, write).await;
        let claims = verified.map_err(|error| match error {
            NotVerified::Invalid(why) => invalid(why),
            NotVerified::Unavailable(why) => Refusal::unavailable(why),
        })?;
        let proof = issuer.judge(&claims, self.issuer.as_str(), invocation.now);
        let proof = proof.map_err(|refused| match refused {
            HintTokenRefused::Invalid(why) => invalid(why),
            HintTokenRefused::Expired => Error::ExpiredLoginHintToken.into(),
        })?;
        let hints = subject_identifier::hints(proof.sub_id, self.known_issuers()).map_err(unusable)?;
        Ok((hints, proof.guard))
    }
}
