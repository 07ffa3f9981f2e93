//! The command line.

use std::path::{Path, PathBuf};

use ciba_local::stack::{Options, Ports};
use ciba_local::tls::MutualTls;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs the CIBA OpenID Provider and everything around it on one machine.
#[derive(Debug, Parser)]
#[command(name = "ciba-local")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) job: Job,
    #[command(flatten)]
    stack: StackArguments,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Job {
    /// Start the stack and leave it running until Ctrl-C
    Up,
    /// Start the stack, run one sign-in with the demo client, and exit with its exit code
    Demo {
        /// How the client gets the tokens
        #[arg(long, value_enum, default_value_t = Mode::Poll)]
        mode: Mode,
    },
    /// Start nothing but the functions and their gateway, on resources that exist already, until Ctrl-C
    Serve {
        /// A JSON file with the environment of the functions, such as AWS_ENDPOINT_URL_DYNAMODB and TABLE_NAME
        #[arg(long, value_name = "FILE")]
        environment: PathBuf,
    },
}

/// Spec: CIBA §5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// It polls for them
    Poll,
    /// It is notified when it can fetch them
    Ping,
    /// They are sent to it
    Push,
}

#[derive(Debug, Args)]
struct StackArguments {
    /// A folder with clients.json and people.json [default: infra/local/seed]
    #[arg(long, global = true, value_name = "DIR")]
    seed: Option<PathBuf>,
    /// A folder with functions that the provider invokes, such as infra/examples; nobody is in the directory then
    #[arg(long, global = true, value_name = "DIR")]
    hooks: Option<PathBuf>,
    /// The maximum number of instances of each function
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
    /// Use TLS, with a second host that asks for client certificates; certificates are written to target/local/tls
    #[arg(long, global = true)]
    tls: bool,
    /// Also accept TLS 1.2 at the host for mutual TLS, as API Gateway does
    #[arg(long, global = true, requires = "tls")]
    tls12: bool,
    /// Public keys of further CAs for clients with tls_client_auth, in the form of the functions' setting
    #[arg(long, global = true, env = "MTLS_AUTHORITIES", value_name = "KEYS")]
    mtls_authorities: Option<String>,
    /// A PEM file of certificates that the host for mutual TLS trusts in addition to the stack's own CA
    #[arg(long, global = true, env = "TRUSTSTORE", value_name = "FILE")]
    truststore: Option<PathBuf>,
    /// How requests are answered
    #[arg(long, global = true, value_enum, default_value_t = Approve::Hand)]
    approve: Approve,
    /// The issuer, if not this stack's API; unless it is on localhost, settings that only work locally are left out
    #[arg(long, global = true, env = "ISSUER", value_name = "URL")]
    issuer: Option<String>,
    /// The login issuers as JSON, if not the local one
    #[arg(long, global = true, env = "LOGIN_ISSUERS", value_name = "JSON")]
    login_issuers: Option<String>,
    /// The cargo-lambda program [default: .tools/bin/cargo-lambda, otherwise the one in PATH]
    #[arg(long, global = true, env = "CARGO_LAMBDA", value_name = "PATH")]
    cargo_lambda: Option<PathBuf>,
    #[command(flatten)]
    ports: PortArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Approve {
    /// By hand, on the phone's page
    Hand,
    /// Automatically: the phone approves everything
    Auto,
}

/// 0 selects a free port.
#[derive(Debug, Clone, Copy, Args)]
struct PortArguments {
    /// Port of the API
    #[arg(long, global = true, default_value_t = Ports::default().api)]
    api_port: u16,
    /// Port of the host for mutual TLS, with --tls
    #[arg(long, global = true, default_value_t = Ports::default().mtls)]
    mtls_port: u16,
    /// Port of the functions' invoke API
    #[arg(long, global = true, default_value_t = Ports::default().watch)]
    watch_port: u16,
    /// Port of the SNS double
    #[arg(long, global = true, default_value_t = Ports::default().sns)]
    sns_port: u16,
    /// Port of the KMS double
    #[arg(long, global = true, default_value_t = Ports::default().kms)]
    kms_port: u16,
    /// Port of the SQS double
    #[arg(long, global = true, default_value_t = Ports::default().sqs)]
    sqs_port: u16,
    /// Port of the EventBridge double
    #[arg(long, global = true, default_value_t = Ports::default().eventbridge)]
    eventbridge_port: u16,
    /// Port of the functions of --hooks
    #[arg(long, global = true, default_value_t = Ports::default().hooks)]
    hooks_port: u16,
    /// Port of the demo client in the modes ping and push
    #[arg(long, global = true, default_value_t = Ports::default().client)]
    client_port: u16,
    /// Port of the phone
    #[arg(long, global = true, default_value_t = Ports::default().phone)]
    phone_port: u16,
    /// Port of DynamoDB
    #[arg(long, global = true, default_value_t = Ports::default().dynamodb)]
    dynamodb_port: u16,
}

impl Arguments {
    pub(crate) fn options(&self) -> Options {
        let given = &self.stack;
        let default = Options::default();
        // A Makefile also passes variables that are not set.
        let unless_empty = |it: &Option<String>| it.clone().filter(|it| !it.is_empty());
        Options {
            ports: given.ports.ports(),
            seed: given.seed.clone().unwrap_or(default.seed),
            hooks: given.hooks.clone(),
            concurrency: given.concurrency,
            tls: given.tls.then(|| default.root.join("target/local/tls")),
            mutual_tls: MutualTls {
                tls12: given.tls12,
                authorities: unless_empty(&given.mtls_authorities),
                truststore: given.truststore.clone().filter(|file| !file.as_os_str().is_empty()),
            },
            approve_all: given.approve == Approve::Auto,
            issuer: unless_empty(&given.issuer),
            login_issuers: unless_empty(&given.login_issuers),
            cargo_lambda: given.cargo_lambda.as_deref().map_or(default.cargo_lambda, program),
            ..default
        }
    }
}

/// A path is relative to the current folder, but the program is started elsewhere; a bare name is looked up in
/// `PATH`.
fn program(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != "" => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        Some(_) | None => path.to_owned(),
    }
}

impl PortArguments {
    fn ports(self) -> Ports {
        Ports {
            api: self.api_port,
            mtls: self.mtls_port,
            watch: self.watch_port,
            sns: self.sns_port,
            kms: self.kms_port,
            phone: self.phone_port,
            dynamodb: self.dynamodb_port,
            sqs: self.sqs_port,
            eventbridge: self.eventbridge_port,
            hooks: self.hooks_port,
            client: self.client_port,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_program_is_looked_for_where_it_was_named() {
        assert_eq!(program(Path::new("cargo-lambda")), Path::new("cargo-lambda"));
        assert!(program(Path::new(".tools/bin/cargo-lambda")).is_absolute());
    }

    #[test]
    fn flags_follow_the_job() {
        let arguments = Arguments::parse_from([
            "ciba-local",
            "demo",
            "--mode",
            "push",
            "--approve",
            "auto",
            "--api-port",
            "0",
        ]);
        let options = arguments.options();
        assert_eq!(arguments.job, Job::Demo { mode: Mode::Push });
        assert!(options.approve_all);
        assert_eq!((options.ports.api, options.ports.phone), (0, 9100));
    }

    #[test]
    fn functions_alone_need_an_environment() {
        assert!(Arguments::try_parse_from(["ciba-local", "serve"]).is_err());
        let arguments = Arguments::parse_from(["ciba-local", "serve", "--environment", "e.json"]);
        assert_eq!(arguments.job, Job::Serve { environment: "e.json".into() });
    }
}
