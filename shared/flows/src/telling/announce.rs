//! Telling a person what became of their passkeys, on all of their channels (`ATK-7-05`).

use tokio::time::Instant;

use ciba_aws::notify::{Notifier, NotifyError};
use ciba_core::domain::person::Person;
use ciba_core::domain::request::notification::{Announcement, PasskeyEvent};

/// A channel that did not take the news. It is for the log: what was done is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    pub channel: &'static str,
    pub why: String,
}

/// Tells it on each of the person's channels, whatever becomes of the others, until `deadline`.
pub async fn announce(
    notifier: &Notifier,
    operator_name: &str,
    person: &Person,
    event: PasskeyEvent,
    deadline: Instant,
) -> Vec<Untold> {
    let operator_name = operator_name.to_owned();
    let announcement = Announcement { operator_name, person: person.key.clone(), event };
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
