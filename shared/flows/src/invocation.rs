//! One invocation: its time, its randomness, and the id of its writes.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;

use ciba_aws::store::WriteId;
use ciba_core::domain::base::time::Timestamp;

/// The context that a handler gets in addition to the request. No code that it calls reads the time of day or
/// generates random numbers of its own.
pub struct Invocation {
    /// When the request was received. Everything in one invocation happens at this time.
    pub now: Timestamp,
    /// `now`, by the clock that measures time-outs.
    began: Instant,
    /// When Lambda will end the invocation.
    pub deadline: Instant,
    /// Random, and the same for all writes of the invocation.
    pub write_id: WriteId,
    fill: fn(&mut [u8]),
}

impl Invocation {
    /// `fill` fills a buffer from the operating system's random source.
    pub fn new(now: Timestamp, time_left: Duration, fill: fn(&mut [u8])) -> Self {
        let mut id = [0; 16];
        fill(&mut id);
        let began = Instant::now();
        Self { now, began, deadline: began + time_left, write_id: WriteId::new(id), fill }
    }

    /// The time of day at a later moment of this invocation, for somebody outside.
    pub fn time_at(&self, moment: Instant) -> Timestamp {
        self.now.plus(moment.saturating_duration_since(self.began))
    }

    /// The same invocation for one of several concurrent tasks, with a write id of its own: otherwise one task
    /// would mistake another's write for its own.
    pub fn branch(&self) -> Self {
        Self { write_id: WriteId::new(self.random()), ..*self }
    }

    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }

    /// The nonce of a page's style and script: 22 characters, for this response only.
    pub fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.random::<16>())
    }

    /// A random duration of up to `most`, so that attempts that collided once do not collide again.
    pub fn jitter(&self, most: Duration) -> Duration {
        most * u32::from(u16::from_be_bytes(self.random())) / u32::from(u16::MAX)
    }
}
