//! Wiring: arguments, the clock, the exit code.

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use ciba_client::options::Options;
use ciba_client::screen::Screen;
use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut screen = Screen::new(!options.no_progress && stderr().is_terminal());
    match ciba_client::run(&options, now, &mut screen).await {
        Ok(report) if options.json => println!("{}", report.to_json()),
        Ok(report) => print!("{}", report.to_text(&options)),
        Err(failure) => {
            eprintln!("error: {failure}");
            return ExitCode::from(failure.exit_code());
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::disallowed_methods, reason = "the only place in this program that reads the clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
