//! The options of a stack.

use std::path::{Path, PathBuf};

use crate::tls::MutualTls;

/// The options of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder with `template.yaml`.
    pub root: PathBuf,
    pub ports: Ports,
    /// The folder with `clients.json` and `people.json`.
    pub seed: PathBuf,
    /// The maximum number of instances of each function. Range: 1 and up. Default: 1.
    pub concurrency: u32,
    /// Approve every request as it arrives.
    pub approve_all: bool,
    /// `ISSUER`, if it is not this stack's own API. Unless it is on `localhost`, the local login issuer is
    /// not configured.
    pub issuer: Option<String>,
    /// `LOGIN_ISSUERS`, if it is not the local one.
    pub login_issuers: Option<String>,
    /// A folder with the operator's functions, of which `user-resolver` is one, and perhaps `notifier`. With it nobody is in
    /// the directory.
    pub hooks: Option<PathBuf>,
    /// The `cargo-lambda` program.
    pub cargo_lambda: PathBuf,
    /// Delete expired items, as AWS would some time later.
    pub sweep: bool,
    /// Use TLS, with a second host for mutual TLS: the folder for the certificates, which are created at startup.
    pub tls: Option<PathBuf>,
    /// The options of that host.
    pub mutual_tls: MutualTls,
    /// Put the recording proxy in front of DynamoDB.
    pub proxy: bool,
    /// Further environment for the functions, which overrides the stack's own.
    pub environment: Vec<(String, String)>,
}

/// The port of each part; 0 selects a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub api: u16,
    /// The port of the host for mutual TLS, if there is one.
    pub mtls: u16,
    pub watch: u16,
    pub sns: u16,
    pub kms: u16,
    pub phone: u16,
    pub dynamodb: u16,
    pub sqs: u16,
    pub eventbridge: u16,
    /// The port of the operator's functions, if there are any.
    pub hooks: u16,
    /// The port of the demo client in the modes ping and push.
    pub client: u16,
}

impl Options {
    /// A stack of this repository for a test: free ports, no sweeping, with the proxy.
    pub fn for_tests() -> Self {
        Self { ports: Ports::FREE, sweep: false, proxy: true, ..Self::default() }
    }
}

impl Default for Options {
    /// A stack of this repository for a person to use.
    fn default() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).unwrap_or(here).to_owned();
        Self {
            ports: Ports::default(),
            seed: here.join("seed"),
            concurrency: 1,
            approve_all: false,
            issuer: None,
            login_issuers: None,
            hooks: None,
            cargo_lambda: cargo_lambda(&root),
            sweep: true,
            tls: None,
            mutual_tls: MutualTls::default(),
            proxy: false,
            environment: Vec::new(),
            root,
        }
    }
}

impl Ports {
    /// A free port for each part.
    pub const FREE: Self = Self {
        api: 0,
        mtls: 0,
        watch: 0,
        sns: 0,
        kms: 0,
        phone: 0,
        dynamodb: 0,
        sqs: 0,
        eventbridge: 0,
        hooks: 0,
        client: 0,
    };
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            api: 9000,
            mtls: 9443,
            watch: 9001,
            sns: 9002,
            kms: 9003,
            sqs: 9004,
            eventbridge: 9005,
            hooks: 9006,
            phone: 9100,
            client: 9200,
            dynamodb: 8000,
        }
    }
}

/// The one installed for this repository, otherwise the one in `PATH`.
fn cargo_lambda(root: &Path) -> PathBuf {
    let installed = root.join(".tools/bin/cargo-lambda");
    if installed.exists() { installed } else { "cargo-lambda".into() }
}
