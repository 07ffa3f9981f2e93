//! Announces changes to a person's passkeys on all of their channels, so that an enrollment by an attacker does
//! not go unnoticed.

use std::borrow::Cow;

use futures_util::future::{join, join_all};
use tokio::time::Instant;

use crate::Invocation;
use crate::telling::tell_person::TellPerson;
use ciba_aws::notify::NotifyError;
use ciba_core::domain::person::Person;
use ciba_core::domain::person::channel::{Carrier, Channel};
use ciba_core::domain::request::notification::{Announcement, PasskeyEvent};

/// A channel that did not accept the announcement. This is for the log only, because the change has already been
/// made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    pub channel: Cow<'static, str>,
    pub why: String,
}

/// Sends the announcement on each of the person's channels, even if others fail, until `deadline`: through SNS one
/// after the other, and meanwhile through the notifier on all of its channels at once. So neither takes the time of the
/// other, and a notifier that hangs is waited for once.
pub async fn announce(
    tell: &TellPerson,
    operator_name: &str,
    person: &Person,
    event: PasskeyEvent,
    deadline: Instant,
    invocation: &Invocation,
) -> Vec<Untold> {
    let operator_name = operator_name.to_owned();
    let (key, language) = (person.key.clone(), person.language());
    let announcement = Announcement { operator_name, person: key, language, event };
    let announce = async |(index, channel): (usize, &Channel)| match tell
        .news(channel, &announcement, deadline, invocation)
        .await
    {
        Ok(()) => None,
        Err(NotifyError::Unreachable(why) | NotifyError::Unavailable(why)) => {
            Some((index, Untold { channel: channel.label(), why }))
        }
    };
    let of_sns = |(_, channel): &(usize, &Channel)| match channel.carrier() {
        Carrier::Sns(_) => true,
        Carrier::Notifier(_) => false,
    };
    let (sns, custom): (Vec<_>, Vec<_>) = person.channels.iter().enumerate().partition(of_sns);
    let in_turn = async {
        let mut untold = Vec::new();
        for channel in sns {
            untold.extend(announce(channel).await);
        }
        untold
    };
    let (mut untold, others) = join(in_turn, join_all(custom.into_iter().map(&announce))).await;
    untold.extend(others.into_iter().flatten());
    untold.sort_by_key(|(index, _)| *index);
    untold.into_iter().map(|(_, untold)| untold).collect()
}
