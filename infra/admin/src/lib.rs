//! The operator's tool for clients, people, passkeys, requests, keys and diagnosis, against AWS or the local stack.
//!
//! A command reads its settings as the functions do ([`ciba::config`]), does one thing through the crate `ciba`,
//! and returns an [`Output`]: a table for people and JSON for scripts. Time and randomness are parameters.
//!
//! # Security
//! A client's secret and a ticket's link are in the output of the command that made them, and nowhere else: the
//! table has their hashes.

pub mod arguments;
mod authorization_details;
mod client;
mod delivery;
mod doctor;
mod evidence;
pub mod failure;
mod http;
mod key;
mod passkey;
mod person;
mod request;
mod screen;
mod settings;
mod ticket;

use std::time::Duration;

use ciba::config::Environment;
use ciba::domain::base::time::Timestamp;
use ciba::flows::Invocation;
use serde_json::Value;

use arguments::{Arguments, Command};
use failure::Failure;
use settings::Settings;

/// The text of a usage error, or the help that was requested.
pub fn usage(error: &clap::Error) -> String {
    screen::visible_lines(&error.render().to_string())
}

/// The output of a command that was carried out.
pub struct Output {
    /// For people: lines, each with its newline.
    pub text: String,
    /// For scripts: one object, in the shape that `README.md` documents.
    pub json: Value,
    /// `false` if an entry was not written or the doctor found a problem.
    pub is_clean: bool,
}

/// A command has as much time as the invocation of a function.
const TIME_LEFT: Duration = Duration::from_secs(15);

impl Output {
    fn new(text: String, json: Value) -> Self {
        Self { text, json, is_clean: true }
    }

    /// What is printed: lines for people, or one JSON object. Never with terminal control characters, wherever the
    /// data comes from.
    pub fn printed(&self, as_json: bool) -> String {
        if as_json { format!("{}\n", screen::json(&self.json)) } else { screen::visible_lines(&self.text) }
    }
}

/// Carries out one command. `fill` fills a buffer from the operating system's random source.
///
/// # Errors
/// Why the command was not carried out: see [`Failure`].
pub async fn run(
    arguments: &Arguments,
    environment: &Environment,
    now: Timestamp,
    fill: fn(&mut [u8]),
) -> Result<Output, Failure> {
    match &arguments.command {
        Command::Client(command) => client::run(command, &Settings::read(environment)?, fill).await,
        Command::Person(command) => {
            let invocation = Invocation::new(now, TIME_LEFT, fill);
            person::run(command, &Settings::read(environment)?, &invocation, fill).await
        }
        Command::Ticket(command) => {
            ticket::run(command, environment, &Invocation::new(now, TIME_LEFT, fill)).await
        }
        Command::Passkey(command) => {
            passkey::run(command, environment, &Invocation::new(now, TIME_LEFT, fill)).await
        }
        Command::Request(command) => {
            let invocation = Invocation::new(now, TIME_LEFT, fill);
            request::run(command, &Settings::read(environment)?, &invocation).await
        }
        Command::Delivery(command) => {
            delivery::run(command, environment, &Invocation::new(now, TIME_LEFT, fill)).await
        }
        Command::Key(command) => key::run(command, environment, &Invocation::new(now, TIME_LEFT, fill)).await,
        Command::Evidence(command) => evidence::run(command, environment, now).await,
        Command::AuthorizationDetails(command) => {
            let invocation = Invocation::new(now, TIME_LEFT, fill);
            authorization_details::run(command, environment, &invocation).await
        }
        Command::Doctor => Ok(doctor::run(environment, now).await),
    }
}
