//! Finds the person whom a hint means: in the directory, and if there is a resolver, through it.

use tokio::time::Instant;

use crate::Invocation;
use crate::resolve_person::{Question, ResolvePerson};
use ciba_aws::store::{DescribedPerson, Table, WithdrawnKeys};
use ciba_core::domain::client::Client;
use ciba_core::domain::hint::Hint;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::asks::Asks;
use ciba_core::domain::person::resolver::{Resolver, may_mean};
use ciba_core::protocol::backchannel_authentication::{
    BackchannelAuthenticationError as Error, BackchannelAuthenticationRequest,
};
use ciba_core::protocol::error::Refusal;
use ciba_core::protocol::hooks::Answered;
use ciba_core::protocol::hooks::user_resolver::{ResolverError, ResolverHint, ResolverRequest};

/// The person who is asked.
pub struct Found {
    pub person: Person,
    pub source: Source,
}

/// Where what is known of the person comes from.
pub enum Source {
    Directory,
    /// The resolver, just now: the request writes the entry.
    Resolver {
        /// The entry that it replaces, which says what the resolver said before.
        old: Option<Box<Person>>,
    },
}

impl Found {
    /// The entry to be written.
    pub fn described(&self) -> Option<DescribedPerson<'_>> {
        match &self.source {
            Source::Directory => None,
            Source::Resolver { old } => Some(DescribedPerson { person: &self.person, old: old.as_deref() }),
        }
    }
}

/// The dependencies of this flow.
pub struct FindPerson<'a> {
    pub table: &'a Table,
    /// `None` if the directory knows everybody.
    pub resolver: Option<KnownElsewhere<'a>>,
}

/// The operator's resolver, and the rules for what it says.
#[derive(Clone, Copy)]
pub struct KnownElsewhere<'a> {
    pub resolve: &'a ResolvePerson,
    pub rules: &'a Resolver,
}

/// What is asked, and by whom.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub client: &'a Client,
    pub request: &'a BackchannelAuthenticationRequest,
    /// When the time for the resolver ends, for all hints together.
    pub until: Instant,
    pub invocation: &'a Invocation,
}

/// The entry under a key, if there is one, and the withdrawn keys, which every read of a person brings along.
type Entry = (Option<(Person, Asks)>, WithdrawnKeys);

/// The person who is asked, their recent asks, and the withdrawn keys.
type Finding = Option<(Found, Asks, WithdrawnKeys)>;

impl FindPerson<'_> {
    /// The first active person to whom one of the hints leads, and the withdrawn keys. Somebody who is in the directory is
    /// that person, whatever the resolver would say; anybody else is the resolver's to describe.
    pub async fn find(&self, hints: &[Hint], asked: Asked<'_>) -> Result<Finding, Refusal<Error>> {
        for hint in hints {
            let key = match hint {
                Hint::Directory(hint) => self.table.find_hint(hint).await?,
                Hint::Login { key, .. } | Hint::Person(key) => Some(key.clone()),
            };
            let entry = match &key {
                Some(key) => Some(self.table.find_person_asks_and_withdrawn_keys(key).await?),
                None => None,
            };
            let found = match self.resolver {
                Some(resolver) if !is_directorys(entry.as_ref()) => {
                    self.describe(resolver, hint, entry, asked).await?
                }
                Some(_) | None => entry.and_then(of_the_directory),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// 1. Ask the resolver, if it can know: by the hint, or if it described the person before, by the name that it gave
    ///    them then. A person whom an operator disabled is not asked about.
    /// 2. Whom it describes must be the person whom the hint names.
    /// 3. An entry of the directory under that person's key is not changed, and counts instead.
    /// 4. The `sub` never changes.
    async fn describe(
        &self,
        KnownElsewhere { resolve, rules }: KnownElsewhere<'_>,
        hint: &Hint,
        entry: Option<Entry>,
        Asked { client, request, until, invocation }: Asked<'_>,
    ) -> Result<Finding, Refusal<Error>> {
        let before = entry.as_ref().and_then(|(before, _)| before.as_ref()).map(|(person, _)| person);
        if before.is_some_and(|person| !person.active) || !rules.may_know(hint) {
            return Ok(None);
        }
        let by_name = before.and_then(|person| person.resolved.as_ref()).map(ResolverHint::again);
        let Some(by) = by_name.or_else(|| ResolverHint::of(hint)) else { return Ok(None) };
        let question = Question { client, hint: by, request: Some(ResolverRequest::of(request)) };
        let answer = resolve.resolve(question, until, invocation).await?;
        let user = match answer {
            Answered::Accepted(user) if user.active => user,
            Answered::Accepted(_) | Answered::Refused { error: ResolverError::UnknownUserId, .. } => {
                return Ok(None);
            }
            Answered::Refused { error: ResolverError::AccessDenied, .. } => {
                return Err(Refusal::because(Error::AccessDenied, "the resolver refused"));
            }
        };
        let wrong = |why| resolve.contradicts(why, invocation);
        let person = rules.person(user.description(&user.channels()), invocation.now).map_err(wrong)?;
        if !may_mean(hint, &person) || before.is_some_and(|before| before.key != person.key) {
            return Err(wrong("the answer is about somebody else").into());
        }
        let entry = match entry {
            Some(entry) if entry.0.is_some() => entry,
            Some(_) | None => self.table.find_person_asks_and_withdrawn_keys(&person.key).await?,
        };
        if is_directorys(Some(&entry)) {
            return Ok(of_the_directory(entry).filter(|(found, ..)| may_mean(hint, &found.person)));
        }
        let (before, withdrawn) = entry;
        let (old, asks) = before.map(|(old, asks)| (Some(Box::new(old)), asks)).unwrap_or_default();
        match &old {
            Some(old) if !old.active => Ok(None),
            Some(old) if old.sub != person.sub => Err(wrong("the person has another sub").into()),
            Some(_) | None => Ok(Some((Found { person, source: Source::Resolver { old } }, asks, withdrawn))),
        }
    }
}

/// Whether there is an entry that no resolver wrote.
fn is_directorys(entry: Option<&Entry>) -> bool {
    matches!(entry, Some((Some((person, _)), _)) if person.resolved.is_none())
}

/// The active person of a stored entry.
fn of_the_directory((entry, withdrawn): Entry) -> Finding {
    let (person, asks) = entry.filter(|(person, _)| person.active)?;
    Some((Found { person, source: Source::Directory }, asks, withdrawn))
}
