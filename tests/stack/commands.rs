//! The programs behind `make demo` and `make up`.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{program, root, tool};

const FREE_PORTS: [&str; 10] = [
    "--api-port=0",
    "--watch-port=0",
    "--sns-port=0",
    "--kms-port=0",
    "--sqs-port=0",
    "--eventbridge-port=0",
    "--hooks-port=0",
    "--phone-port=0",
    "--client-port=0",
    "--dynamodb-port=0",
];

fn local(job: &str) -> Command {
    let mut command = Command::new(program("ciba-local"));
    command.arg(job).args(FREE_PORTS).arg("--cargo-lambda").arg(tool("cargo-lambda"));
    command.current_dir(root()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_that_needs_no_hand_ends_with_verified_tokens() {
    let output = local("demo").args(["--approve", "auto"]).output().await.expect("ciba-local");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("A message to +15555550100: Example Bank: approve or decline"), "{text}");
    assert!(text.contains("Both tokens are verified against the JWKS"), "{text}");
}

/// CIBA §10.2, §10.3: from the decision through stream and function to the client's own endpoint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_is_pinged_and_pushed_to() {
    for (mode, said) in [("ping", "pinged: fetching the tokens"), ("push", "the tokens were pushed")] {
        let demo = local("demo").args(["--approve", "auto", "--mode", mode]).output();
        let output = demo.await.expect("ciba-local");
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(text.contains(said), "{text}");
        assert!(text.contains("Both tokens are verified against the JWKS"), "{text}");
        assert!(!text.contains("poll 1:"), "{mode}: {text}");
    }
}

/// The lines that a program prints until one contains `wanted`.
async fn lines_until(child: &mut Child, wanted: &str) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().await.expect("its output") {
        let found = line.contains(wanted);
        read.push(line);
        if found {
            return read;
        }
    }
    panic!("{wanted} was never printed: {read:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_the_stack_and_leaves_nothing_listening() {
    let mut child = local("up").spawn().expect("ciba-local");
    let lines = lines_until(&mut child, "Ctrl-C ends it").await;
    let ports: Vec<u16> = lines
        .iter()
        .filter_map(|line| line.rsplit_once(':').and_then(|(_, port)| port.trim().parse().ok()))
        .collect();
    assert!(ports.len() >= 6, "{lines:#?}");
    let listens = async |port: u16| tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    for &port in &ports {
        assert!(listens(port).await, "{port}");
    }
    let pid = child.id().expect("a running program").to_string();
    assert!(
        Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().await.expect("kill").success()
    );
    assert!(child.wait().await.expect("its end").success());
    for port in ports {
        assert!(!listens(port).await, "{port} is still served");
    }
}
