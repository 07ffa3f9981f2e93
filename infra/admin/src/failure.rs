//! Why a command was not carried out, with its exit code.

use std::fmt;

use ciba::config::ConfigError;
use ciba::flows::registering::rotate_keys::RotationError;
use ciba::keys::{KeyError, KmsError};
use ciba::store::StoreError;

use crate::screen::visible_lines;

/// The exit code of a refusal, and of a command that was only partly carried out.
pub const REFUSED: u8 = 1;

/// The exit code of a command line that cannot be read.
pub const USAGE: u8 = 2;

/// Shown by `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  success; doctor: no problems found
  1  refused: the client, person or request does not exist or exists already, an entry breaks a rule, or a
     request was decided or has expired; import: an entry was not written; evidence verify: evidence is not
     intact; evidence show --open: sealed parts were not opened; doctor: problems found or checks skipped
  2  wrong usage, or a setting is missing or out of range
  3  table, queue or KMS could not be reached, or an item in the table was not written by this program";

/// Why a command was not carried out.
#[derive(Debug)]
pub enum Failure {
    /// A rule forbids it. The text is for the operator.
    Refused(String),
    /// An input, such as a file, cannot be read.
    Usage(String),
    Settings(ConfigError),
    Table(StoreError),
    /// A queue could not be reached. The text is for the operator.
    Queue(String),
    /// Keys were not created, or not all of them.
    Keys(RotationError),
    /// KMS could not be reached, or refused a call.
    Kms(KmsError),
    /// KMS does not return the public key of a witness. The text is for the operator.
    Witness(String),
    /// Sealed parts were not opened, because their keys are not available.
    Sealed(KeyError),
    /// The table did not respond to a write, which may have been carried out. The text says what to do.
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
            | Self::Kms(_)
            | Self::Witness(_)
            | Self::Sealed(_)
            | Self::Unknown(..) => 3,
        }
    }
}

/// Without terminal control characters, although it may quote a file, an item of the table or a response.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Refused(text) | Self::Usage(text) | Self::Queue(text) => text.clone(),
            Self::Settings(error) => error.to_string(),
            Self::Table(error) => error.to_string(),
            Self::Kms(error) => error.to_string(),
            Self::Keys(RotationError(why)) => {
                format!("{why}. The keys that were created are used; key rotate again creates the rest")
            }
            Self::Witness(why) => {
                format!(
                    "{why}. The witness's public key needs kms:GetPublicKey, or evidence verify --witness"
                )
            }
            Self::Sealed(KeyError(why)) => {
                format!("{why}. Personal parts of evidence are sealed; opening them needs kms:Decrypt")
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
