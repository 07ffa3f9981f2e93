//! Why a command was not carried out, with its exit code.

use std::fmt;

use ciba::config::ConfigError;
use ciba::flows::registering::rotate_keys::RotationError;
use ciba::keys::KeyError;
use ciba::store::StoreError;

use crate::screen::visible_lines;

/// The exit code of a refusal, and of a command that was carried out in part.
pub const REFUSED: u8 = 1;

/// The exit code of a command line that cannot be read.
pub const USAGE: u8 = 2;

/// Shown by `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done; doctor: nothing to find
  1  refused: there is no such client, person or request, there is one already, an entry breaks a rule, or a
     request is decided or over; import: an entry was not written; evidence verify: it is not whole;
     evidence show --open: what is sealed was not opened; doctor: it found something
  2  wrong usage, or a setting is missing or out of range
  3  table, queue or KMS could not be reached, or an item in the table is not what this program writes";

/// Why a command was not carried out.
#[derive(Debug)]
pub enum Failure {
    /// A rule says no. The text is for the operator.
    Refused(String),
    /// What was given cannot be read, such as a file.
    Usage(String),
    Settings(ConfigError),
    Table(StoreError),
    /// A queue could not be reached. The text is for the operator.
    Queue(String),
    /// Keys were not made, or not all of them.
    Keys(RotationError),
    /// KMS does not tell the public key of a witness. The text is for the operator.
    Witness(String),
    /// What is sealed was not opened, because there are no keys for it.
    Sealed(KeyError),
    /// The table did not answer to a write, which may have been carried out. The text says what to do.
    Unknown(StoreError, String),
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => REFUSED,
            Self::Usage(_) | Self::Settings(_) => USAGE,
            Self::Table(_)
            | Self::Queue(_)
            | Self::Keys(_)
            | Self::Witness(_)
            | Self::Sealed(_)
            | Self::Unknown(..) => 3,
        }
    }
}

/// Nothing but text, although it may quote a file, an item of the table or an answer.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Refused(text) | Self::Usage(text) | Self::Queue(text) => text.clone(),
            Self::Settings(error) => error.to_string(),
            Self::Table(error) => error.to_string(),
            Self::Keys(RotationError(why)) => {
                format!("{why}. What was made is used; key rotate again makes the rest")
            }
            Self::Witness(why) => {
                format!("{why}. A witness's public key takes kms:GetPublicKey, or evidence verify --witness")
            }
            Self::Sealed(KeyError(why)) => {
                format!("{why}. What is personal in evidence is sealed; opening it needs kms:Decrypt")
            }
            Self::Unknown(error, what) => format!("{error}. {what}"),
        };
        f.write_str(&visible_lines(&text))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Settings(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Table(error)
    }
}

impl From<RotationError> for Failure {
    fn from(error: RotationError) -> Self {
        Self::Keys(error)
    }
}
