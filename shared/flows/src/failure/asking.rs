//! Refusals of authentication requests (CIBA §13).

use ciba_core::protocol::backchannel_authentication::BackchannelAuthenticationError as Error;
use ciba_core::protocol::error::{Common, Refusal};

use crate::asking::check_user_code::UserCodeRefused;
use crate::asking::describe_details::NotDescribed;
use crate::asking::read_request::NotRead;
use crate::asking::resolve_hint::NotResolved;
use crate::asking::start_authentication::NotStarted;

/// For the log. The client is not told which limit it reached, so that it learns nothing about the person.
const LIMIT_REACHED: &str = "the person was asked too often, or denied or blocked the client";
const CONTENDED: &str = "too many concurrent requests for one person";

impl From<NotRead> for Refusal<Error> {
    fn from(error: NotRead) -> Self {
        match error {
            NotRead::Invalid(why) => Common::InvalidRequest(why).into(),
            NotRead::Unavailable(why) => Self::unavailable(why),
        }
    }
}

impl From<NotDescribed> for Refusal<Error> {
    fn from(error: NotDescribed) -> Self {
        match error {
            NotDescribed::Invalid(refused) => {
                Self { detail: refused.detail, ..Error::InvalidAuthorizationDetails(refused.told).into() }
            }
            NotDescribed::Store(error) => error.into(),
        }
    }
}

impl From<NotResolved> for Refusal<Error> {
    fn from(error: NotResolved) -> Self {
        match error {
            NotResolved::Invalid { told, detail } => {
                Self { detail: detail.map(Into::into), ..Common::InvalidRequest(told).into() }
            }
            NotResolved::Expired => Error::ExpiredLoginHintToken.into(),
            NotResolved::Nobody => Error::UnknownUserId.into(),
            NotResolved::Unavailable(why) => Self::unavailable(why),
            NotResolved::Keys(error) => error.into(),
            NotResolved::Store(error) => error.into(),
        }
    }
}

impl From<UserCodeRefused> for Refusal<Error> {
    fn from(error: UserCodeRefused) -> Self {
        match error {
            UserCodeRefused::LimitReached => Self::because(Error::AccessDenied, LIMIT_REACHED),
            UserCodeRefused::Missing => Error::MissingUserCode.into(),
            UserCodeRefused::Invalid(why) => Self::because(Error::InvalidUserCode, why),
            UserCodeRefused::Contended => Self::unavailable(CONTENDED),
            UserCodeRefused::Store(error) => error.into(),
        }
    }
}

impl From<NotStarted> for Refusal<Error> {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::UserCodesLocked => {
                Self::because(Error::InvalidUserCode, "too many wrong codes arrived in the meantime")
            }
            NotStarted::LimitReached => Self::because(Error::AccessDenied, LIMIT_REACHED),
            NotStarted::Unreachable(why) => Self::because(Error::AccessDenied, why),
            NotStarted::Contended => Self::unavailable(CONTENDED),
            NotStarted::Unavailable(why) => Self::unavailable(why),
            NotStarted::Keys(error) => error.into(),
            NotStarted::NotKept(error) => Self::unavailable(error.detail()),
            NotStarted::Store(error) => error.into(),
        }
    }
}
