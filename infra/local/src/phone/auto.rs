//! Approves whatever arrives, for a demo without a hand.

use std::{collections::HashSet, sync::Arc};

use super::{Received, Shared};
use crate::clock;

/// Follows the inbox until it is aborted.
pub(super) async fn approve_all(shared: Arc<Shared>) {
    let mut accepted = shared.inbox.accepted();
    let mut seen = HashSet::new();
    loop {
        for message in shared.inbox.messages() {
            if seen.insert(message.id.clone())
                && let Some(received) = Received::read(&shared, message)
                && let Err(why) = approve(&shared, &received).await
            {
                eprintln!("phone: the message to {} was not approved: {why}", received.address);
            }
        }
        if accepted.changed().await.is_err() {
            return;
        }
    }
}

async fn approve(shared: &Shared, received: &Received) -> Result<(), String> {
    let request = received.request.as_deref().ok_or("it has no link")?;
    let person =
        received.sub.as_deref().and_then(|sub| shared.person(sub)).ok_or("the address is nobody's")?;
    let token = shared
        .login_issuer
        .login_token(&person.login, clock::now(), person.login_claims())
        .map_err(|error| error.to_string())?;
    let answer = shared.consent.read_and_decide(&token, request, "approve").await;
    if answer.status.is_success() { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
}
