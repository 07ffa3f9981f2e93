//! Announces changes to a person's passkeys on all of their channels, so that an enrollment by an attacker does
//! not go unnoticed.

use tokio::time::Instant;

use ciba_aws::notify::{Notifier, NotifyError};
use ciba_core::domain::person::Person;
use ciba_core::domain::request::notification::{Announcement, PasskeyEvent};

/// A channel that did not accept the announcement. This is for the log only, because the change has already been
/// made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    pub channel: &'static str,
    pub why: String,
}

/// Sends the announcement on each of the person's channels, even if others fail, until `deadline`.
pub async fn announce(
    notifier: &Notifier,
    operator_name: &str,
    person: &Person,
    event: PasskeyEvent,
    deadline: Instant,
) -> Vec<Untold> {
    let operator_name = operator_name.to_owned();
    let (key, language) = (person.key.clone(), person.language());
    let announcement = Announcement { operator_name, person: key, language, event };
    let mut untold = Vec::new();
    for channel in &person.channels {
        if let Err(NotifyError::Unreachable(why) | NotifyError::Unavailable(why)) =
            notifier.announce(channel, &announcement, deadline).await
        {
            untold.push(Untold { channel: channel.kind(), why });
        }
    }
    untold
}
