//! Approves everything that arrives, for a demo without interaction.

use std::{collections::HashSet, sync::Arc};

use super::{Received, Shared};

/// Follows the inbox until it is aborted.
pub(super) async fn approve_all(shared: Arc<Shared>) {
    let (mut accepted, mut received) = (shared.inbox.accepted(), shared.chat.received());
    let mut seen = HashSet::new();
    loop {
        for message in shared.arrived() {
            if seen.insert(message.id().to_owned())
                && let Some(received) = Received::read(&shared, message).await
                && let Err(why) = approve(&shared, &received).await
            {
                eprintln!("phone: the message to {} was not approved: {why}", received.address);
            }
        }
        let changed = tokio::select! {
            changed = accepted.changed() => changed,
            changed = received.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn approve(shared: &Shared, received: &Received) -> Result<(), String> {
    let request = received.request.as_deref().ok_or("it has no link")?;
    let sub = received.sub.as_deref().ok_or("the address belongs to nobody")?;
    let token = shared.login_token(sub).await.map_err(|refusal| refusal.answer().2)?;
    let answer = shared.consent.read_and_decide(&token, request, "approve", None).await;
    if answer.status.is_success() { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
}
