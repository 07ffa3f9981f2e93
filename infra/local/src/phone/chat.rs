//! The chat: what was posted to incoming webhooks, in the form that Slack takes. The operator's notifier posts there.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use serde::Deserialize;
use tokio::sync::watch;

use crate::{clock, id, order};

/// What webhooks got; clones see the same messages.
#[derive(Debug, Clone, Default)]
pub struct Chat {
    messages: Arc<Mutex<Vec<ChatMessage>>>,
    received: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    pub id: String,
    /// The end of the webhook, which is a person's.
    pub address: String,
    /// As it is shown.
    pub text: String,
    pub at: SystemTime,
    /// Its position in the order of all events of the doubles of this process.
    pub order: u64,
}

/// What is posted. Other members, such as the one that turns previews off, change nothing here: nothing is previewed.
#[derive(Debug, Deserialize)]
pub(super) struct Posted {
    text: String,
}

impl Chat {
    /// Oldest first.
    pub fn messages(&self) -> Vec<ChatMessage> {
        self.lock().clone()
    }

    /// How many there are; the receiver is notified of every change.
    pub fn received(&self) -> watch::Receiver<u64> {
        self.received.subscribe()
    }

    pub(super) fn receive(&self, address: String, Posted { text }: Posted) {
        // Slack has these three characters for itself.
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let (id, order) = (id::uuid(), order::next());
        self.lock().push(ChatMessage { id, address, text, at: clock::now(), order });
        self.received.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ChatMessage>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
