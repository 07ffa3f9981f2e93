//! Wiring: arguments, environment, clock, randomness, the exit code.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use ciba::config::Environment;
use ciba::domain::base::time::Timestamp;
use ciba_admin::arguments::Arguments;
use ciba_admin::failure::{REFUSED, USAGE};
use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            eprint!("{}", ciba_admin::usage(&error));
            return ExitCode::from(USAGE);
        }
        Err(help) => {
            print!("{}", ciba_admin::usage(&help));
            return ExitCode::SUCCESS;
        }
    };
    let output = match ciba_admin::run(&arguments, &Environment::of_the_process(), now(), random).await {
        Ok(output) => output,
        Err(failure) => {
            eprintln!("error: {failure}");
            return ExitCode::from(failure.exit_code());
        }
    };
    let text = output.printed(arguments.json);
    if let Err(error) = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        eprintln!("error: the command succeeded, but its result could not be printed: {error}");
        return ExitCode::from(REFUSED);
    }
    ExitCode::from(if output.is_clean { 0 } else { REFUSED })
}

#[expect(clippy::disallowed_methods, reason = "the only place in this program that reads the clock")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn random(buffer: &mut [u8]) {
    aws_lc_rs::rand::fill(buffer).expect("the operating system has randomness");
}
