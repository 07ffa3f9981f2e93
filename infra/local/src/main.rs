//! `ciba-local up` leaves the stack running; `ciba-local demo` runs one sign-in of a client on it; `ciba-local serve` runs
//! the functions alone.

mod arguments;
mod demo;
mod signals;

use std::path::Path;
use std::process::ExitCode;

use ciba_local::{
    Error,
    stack::{self, Functions, Options, Stack},
};
use clap::Parser;

use arguments::{Arguments, Job};

/// The exit code of a shell after Ctrl-C.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = arguments.options();
    let ended = match arguments.job {
        Job::Up => up(options).await,
        Job::Demo { mode } => demo::run(options, mode).await,
        Job::Serve { environment } => serve(&options, &environment).await,
    };
    ended.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

async fn up(options: Options) -> Result<ExitCode, Error> {
    let Some(stack) = start(options).await? else { return Ok(INTERRUPTED.into()) };
    println!("\nCtrl-C ends it.");
    signals::any().await?;
    stack.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn serve(options: &Options, environment: &Path) -> Result<ExitCode, Error> {
    let environment = stack::environment_of(environment)?;
    let Some(functions) = signals::unless_any(Functions::start(options, &environment)).await? else {
        return Ok(INTERRUPTED.into());
    };
    let functions = functions?;
    for (name, place) in [
        ("the API", functions.api_url()),
        ("functions", functions.invoke_url().to_owned()),
        ("log", functions.log().display().to_string()),
    ] {
        println!("  {name:<11} {place}");
    }
    signals::any().await?;
    functions.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts a stack and prints its addresses; `None` if a signal came first.
async fn start(options: Options) -> Result<Option<Stack>, Error> {
    println!("Starting the stack …");
    // If a signal wins, dropping the other future stops everything that has started.
    let Some(stack) = signals::unless_any(Stack::start(options)).await? else { return Ok(None) };
    let stack = stack?;
    let rows = [
        ("the API", stack.api_url()),
        ("the phone", stack.phone.url()),
        ("functions", stack.invoke_url().to_owned()),
        ("SNS", stack.sns.url()),
        ("KMS", stack.kms.url()),
        ("SQS", stack.sqs.url()),
        ("EventBridge", stack.eventbridge.url()),
        ("DynamoDB", stack.dynamodb.url()),
        ("log", stack.log().display().to_string()),
    ];
    println!("\n  {:<11} {}", "issuer", stack.issuer);
    let hooks = stack.hooks().map(|hooks| {
        [("hooks", hooks.url().to_owned()), ("their files", hooks.data().display().to_string())]
    });
    let mutual_tls = stack.mutual_tls().map(|(url, certificates)| {
        [("mutual TLS", url), ("to trust", certificates.file("ca.pem").display().to_string())]
    });
    for (name, place) in
        rows.into_iter().chain(hooks.into_iter().flatten()).chain(mutual_tls.into_iter().flatten())
    {
        println!("  {name:<11} {place}");
    }
    Ok(Some(stack))
}
