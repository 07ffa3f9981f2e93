//! One sign-in with the demo client, from the request to the tokens.

use std::{path::PathBuf, process::ExitCode};

use ciba_local::{
    Error,
    phone::Chat,
    sns::Inbox,
    stack::{self, Options, Stack},
};
use tokio::process::Command;

use crate::{INTERRUPTED, arguments::Mode, signals, start};

const CLIENT: &str = "ciba-client";
const SECRET_VARIABLE: &str = "CIBA_CLIENT_SECRET";

pub(crate) async fn run(options: Options, mode: Mode) -> Result<ExitCode, Error> {
    stack::build(&options.root, [CLIENT].into_iter()).await?;
    let by_hand = !options.approve_all;
    let Some(stack) = start(options).await? else { return Ok(INTERRUPTED.into()) };
    println!();
    if by_hand {
        println!("Open {} to answer as the person.\n", stack.phone.url());
    }
    let ended = signals::unless_any(ask(&stack, mode)).await;
    stack.stop().await;
    match ended? {
        Some(code) => code,
        None => Ok(INTERRUPTED.into()),
    }
}

/// Runs the client, and shows the messages that arrive meanwhile.
async fn ask(stack: &Stack, mode: Mode) -> Result<ExitCode, Error> {
    let (client_id, mode) = match mode {
        Mode::Poll => ("kiosk", "poll"),
        Mode::Ping => ("kiosk-ping", "ping"),
        Mode::Push => ("kiosk-push", "push"),
    };
    let no_client = || format!("the seed has no client {client_id}");
    let secret = stack.seed.client_secret(client_id).ok_or_else(no_client)?;
    let mut client = Command::new(client_program()?)
        .args(["--issuer", &stack.issuer])
        .args(["--client-id", client_id])
        .args(["--mode", mode])
        .args(["--listen", &stack.client_port.to_string()])
        .args(["--login-hint", "alice"])
        .args(["--scope", "openid profile"])
        .args(["--binding-message", "K7-2931"])
        .env(SECRET_VARIABLE, secret)
        .envs(stack.mutual_tls().map(|(_, certificates)| ("SSL_CERT_FILE", certificates.file("ca.pem"))))
        .kill_on_drop(true)
        .spawn()?;
    let status = tokio::select! {
        status = client.wait() => status?,
        () = show_messages(stack.sns.inbox(), stack.phone.chat()) => client.wait().await?,
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

async fn show_messages(inbox: Inbox, chat: &Chat) {
    let (mut accepted, mut received) = (inbox.accepted(), chat.received());
    let (mut shown, mut posted) = (0, 0);
    loop {
        let messages = inbox.messages();
        for message in &messages[shown..] {
            println!("A message to {}: {}", message.phone_number().unwrap_or("a device"), message.text);
        }
        shown = messages.len();
        let messages = chat.messages();
        for message in &messages[posted..] {
            println!("A message in the chat: {}", message.text);
        }
        posted = messages.len();
        let changed = tokio::select! {
            changed = accepted.changed() => changed,
            changed = received.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// The client is in the same folder as this program, whatever the profile and target folder.
fn client_program() -> Result<PathBuf, Error> {
    Ok(std::env::current_exe()?.with_file_name(CLIENT))
}
