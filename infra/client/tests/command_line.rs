//! The program as a user runs it: usage, and the exit codes for scripts.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

fn run(issuer: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ciba-client"))
        .args(["--issuer", issuer, "--client-id", "kiosk", "--login-hint", "alice", "--json"])
        .env("CIBA_CLIENT_SECRET", "s3cret")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Serves this metadata document once, on a free port; returns the issuer.
fn op(metadata: impl FnOnce(&str) -> String) -> String {
    let listener = TcpListener::bind(("localhost", 0)).unwrap();
    let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let body = metadata(&issuer);
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        _ = connection.read(&mut [0; 4096]).unwrap();
        let length = body.len();
        write!(
            connection,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
    });
    issuer
}

#[test]
fn help_documents_the_exit_codes_and_hides_the_secret() {
    let output = Command::new(env!("CARGO_BIN_EXE_ciba-client"))
        .arg("--help")
        .env("CIBA_CLIENT_SECRET", "s3cret")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Exit codes:") && help.contains("CIBA_CLIENT_SECRET"), "{help}");
    assert!(!help.contains("s3cret"), "{help}");
}

#[test]
fn an_http_issuer_elsewhere_is_a_usage_error() {
    assert_eq!(run("http://op.example").status.code(), Some(2));
}

#[test]
fn an_op_that_cannot_be_reached_is_ten() {
    let port = TcpListener::bind(("localhost", 0)).unwrap().local_addr().unwrap().port();
    let output = run(&format!("http://localhost:{port}"));
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn metadata_of_another_issuer_is_one() {
    let issuer = op(|issuer| {
        format!(
            r#"{{"issuer":"{issuer}/","backchannel_authentication_endpoint":"{issuer}/a","token_endpoint":"{issuer}/t",
            "jwks_uri":"{issuer}/j","id_token_signing_alg_values_supported":["ES256"],
            "backchannel_token_delivery_modes_supported":["poll"]}}"#
        )
    });
    let output = run(&issuer);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("the metadata names the issuer"), "{}", said(&output));
}
