//! The output for the person at the consumption device, on stderr: a progress bar, or plain lines.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use tokio::time::Instant;

use crate::backchannel_authentication::Acknowledgement;
use crate::options::{Mode, Options};
use crate::schedule::Wait;
use crate::token::Step;

/// Unit: characters.
const BAR_WIDTH: u32 = 24;

pub struct Screen {
    progress: bool,
    bar: Option<ProgressBar>,
}

impl Screen {
    pub fn new(progress: bool) -> Self {
        Self { progress, bar: None }
    }

    pub fn say(&self, line: &str) {
        eprintln!("{line}");
    }

    /// The binding message is useful only if it is compared, so the text asks for that.
    pub fn acknowledged(&mut self, options: &Options, acknowledgement: &Acknowledgement) {
        self.say(&format!("asked {} to sign in", options.login_hint));
        if options.show_auth_req_id {
            self.say(&format!("auth_req_id: {}", acknowledgement.auth_req_id.expose()));
        }
        match &options.binding_message {
            Some(message) => self.say(&format!(
                "\n    binding message   {message}\n\n\
                 Approve on your own device if it shows exactly this message; otherwise decline."
            )),
            None => self.say("Approve or decline on your own device."),
        }
        let lifetime = acknowledgement.expires_in;
        if self.progress {
            self.bar = Some(countdown(acknowledgement.sent + lifetime, lifetime));
        } else {
            let how = match options.mode {
                Mode::Poll => format!(", polling every {} s", acknowledgement.interval.as_secs()),
                Mode::Ping => " for a ping".to_owned(),
                Mode::Push => " for a push".to_owned(),
            };
            self.say(&format!("waiting up to {} s{how}", lifetime.as_secs()));
        }
    }

    /// In ping mode: why it polls now.
    pub fn pinged(&self, came: bool) {
        self.say(if came { "pinged: fetching the tokens" } else { "no ping so far: polling instead" });
    }

    pub fn pushed(&self) {
        self.say("the tokens were pushed");
    }

    pub fn polled(&self, step: &Step<'_>) {
        let line = describe(step);
        match &self.bar {
            Some(bar) => bar.set_message(line),
            None => self.say(&line),
        }
    }

    /// Waiting has ended, whatever the outcome.
    pub fn decided(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn describe(step: &Step<'_>) -> String {
    let said = match step.wait {
        Wait::Pending { .. } => "authorization_pending".to_owned(),
        Wait::SlowDown { .. } => "slow_down, polling less often".to_owned(),
        Wait::Unavailable { status, .. } => format!("{status}, the OP is overloaded"),
        Wait::NoAnswer { reason } => format!("no response ({reason})"),
    };
    match step.next_in {
        Some(next_in) => format!("poll {}: {said}; next in {} s", step.polls, next_in.as_secs_f64().ceil()),
        None => format!("poll {}: {said}; no time for another before expiry", step.polls),
    }
}

/// Redrawn by its own thread, so that it moves during a poll.
fn countdown(end: Instant, lifetime: Duration) -> ProgressBar {
    let left = move |_: &ProgressState, out: &mut dyn Write| {
        // A terminal that cannot be written to cannot be helped.
        _ = out.write_str(&time_left(end.saturating_duration_since(Instant::now()), lifetime));
    };
    let style = ProgressStyle::with_template("{spinner} {left} · {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("left", left);
    let bar = ProgressBar::new_spinner().with_style(style).with_message("waiting for the decision");
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn time_left(left: Duration, lifetime: Duration) -> String {
    let share = left.as_secs_f64() / lifetime.as_secs_f64();
    let full = (0..BAR_WIDTH).filter(|cell| f64::from(*cell) < share * f64::from(BAR_WIDTH)).count();
    let bar = "━".repeat(full) + &"┄".repeat(BAR_WIDTH as usize - full);
    let seconds = left.as_secs();
    format!("{bar} {}:{:02} left", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shrinks_with_the_time_left() {
        let shown = |left| time_left(Duration::from_secs(left), Duration::from_secs(120));
        assert_eq!(shown(120), "━━━━━━━━━━━━━━━━━━━━━━━━ 2:00 left");
        assert_eq!(shown(60), "━━━━━━━━━━━━┄┄┄┄┄┄┄┄┄┄┄┄ 1:00 left");
        assert_eq!(shown(0), "┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ 0:00 left");
    }

    #[test]
    fn a_poll_is_described_by_what_was_answered_and_what_comes_next() {
        let wait = Wait::Pending { retry_after: None };
        let step = Step { polls: 3, wait: &wait, next_in: Some(Duration::from_millis(4200)) };
        assert_eq!(describe(&step), "poll 3: authorization_pending; next in 5 s");
    }
}
