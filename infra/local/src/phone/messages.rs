//! The messages of all people, and the page that lists them.

use axum::response::Response;
use maud::{Markup, html};
use serde::Serialize;

use super::{Received, RequestState, Shared};
use crate::page::Page;

/// Where the script is that shows what has changed.
pub(super) const SCRIPT_PATH: &str = "/phone.js";

/// How often a browser without script loads the page again. Unit: seconds.
const RELOAD: u32 = 5;

/// Everything that has arrived, oldest first.
#[derive(Debug, Serialize)]
pub(super) struct Messages {
    people: Vec<Owner>,
    messages: Vec<Received>,
}

/// A person who has a phone.
#[derive(Debug, Serialize)]
struct Owner {
    sub: String,
    name: Option<String>,
    address: Option<String>,
}

impl Messages {
    pub(super) async fn read(shared: &Shared) -> Self {
        let mut people: Vec<_> = shared
            .people
            .iter()
            .map(|it| Owner {
                sub: it.sub.clone(),
                name: it.name.clone(),
                address: it.addresses.first().cloned(),
            })
            .collect();
        let mut messages = Vec::new();
        for message in shared.arrived() {
            messages.extend(Received::read(shared, message).await);
        }
        // People enrolled since the start are listed from their first message on.
        for Received { sub, address, .. } in &messages {
            if let Some(sub) = sub
                && people.iter().all(|person| person.sub != *sub)
            {
                let name = shared.directory.person(sub).await.and_then(|person| person.name);
                people.push(Owner { sub: sub.clone(), name, address: Some(address.clone()) });
            }
        }
        Self { people, messages }
    }

    /// The page, newest message first.
    ///
    /// `now` is in epoch seconds.
    pub(super) fn page(&self, now: u64) -> Response {
        let title = format!("The phone ({})", self.messages.len());
        Page { title: &title, script: Some(SCRIPT_PATH), reload: Some(RELOAD) }.of(&self.main(now))
    }

    fn main(&self, now: u64) -> Markup {
        html! {
            header {
                h1 { "The phone" }
                p.quiet { "Messages to the people of this stack arrive here. Open one to answer it." }
                // Outside of what the script replaces, so that a change is announced.
                p role="status" { (self.count()) }
            }
            main {
                ol aria-label="Messages" {
                    @for message in self.messages.iter().rev() {
                        li.entry { (self.entry(message, now)) }
                    }
                }
                h2 { "Passkeys" }
                p.quiet { "What an operator hands over: a link with which a person creates a passkey in this browser." }
                ul.people {
                    @for person in &self.people {
                        li {
                            form method="post" action={ "/people/" (segment(&person.sub)) "/passkey" } {
                                button.passkey { "Create a passkey for " (person.label()) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn count(&self) -> String {
        match self.messages.len() {
            0 => "No messages".to_owned(),
            1 => "1 message".to_owned(),
            number => format!("{number} messages"),
        }
    }

    fn entry(&self, message: &Received, now: u64) -> Markup {
        let owner = self.people.iter().find(|it| Some(&it.sub) == message.sub.as_ref());
        html! {
            h2 {
                @match &message.page {
                    Some(page) => a.request id=(message.id) href=(page) { (message.client.as_deref().unwrap_or("Unknown client")) },
                    None => span { "For information" },
                }
                @if let Some(state) = message.state { span class={ "state " (state.word()) } { (state.word()) } }
            }
            p.text { (message.text) }
            p.quiet {
                (kind(message.kind)) " to " (owner.map_or("an unknown person", Owner::label))
                " (" (message.address) "), " (ago(message.at, now))
            }
            @if let (Some(sub), Some(request), Some(RequestState::Waiting)) = (&message.sub, &message.request, message.state) {
                p.quiet { a.app id={ "app-" (message.id) } href=(app_path(sub, request)) { "Answer in place of the operator's app" } }
            }
        }
    }
}

impl Owner {
    fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.sub)
    }
}

/// The path of the page that takes the place of an app.
pub(super) fn app_path(sub: &str, request: &str) -> String {
    format!("/people/{}/requests/{}/app", segment(sub), segment(request))
}

/// A path segment.
fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn kind(kind: &str) -> &str {
    match kind {
        "sms" => "SMS",
        "push" => "Push message",
        "chat" => "Chat message",
        _ => "Message by topic",
    }
}

/// Coarse, so that an open page seldom changes because of it.
fn ago(at: u64, now: u64) -> String {
    let seconds = now.saturating_sub(at);
    let (number, unit) = match seconds {
        0..60 => return "less than a minute ago".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        86_400.. => (seconds / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_and_coarse() {
        for (now, expected) in [
            (1000, "less than a minute ago"),
            (900, "less than a minute ago"),
            (1059, "less than a minute ago"),
            (1060, "1 minute ago"),
            (1120, "2 minutes ago"),
            (4600, "1 hour ago"),
            (87_400, "1 day ago"),
            (1000 + 3 * 86_400, "3 days ago"),
        ] {
            assert_eq!(ago(1000, now), expected);
        }
    }
}
