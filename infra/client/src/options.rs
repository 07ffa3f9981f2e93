//! The command line.

use std::fmt;

use clap::{Parser, ValueEnum, value_parser};

use crate::failure::EXIT_CODES;
use crate::http::check_url;
use crate::secret::Secret;

/// Signs a person in with CIBA: sends a request to the OpenID Provider, waits while the person decides on their own
/// device, fetches or receives the tokens, and verifies them.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Options {
    /// Issuer of the OpenID Provider, exactly as in its metadata; https, or http on localhost
    #[arg(long, value_name = "URL", value_parser = issuer)]
    pub issuer: String,

    /// The client's identifier
    #[arg(long)]
    pub client_id: String,

    /// The client's secret; better set in the environment, since arguments appear in the list of processes
    #[arg(long, env = "CIBA_CLIENT_SECRET", hide_env_values = true)]
    pub client_secret: Secret,

    /// How the client authenticates: client_secret_basic or client_secret_post
    #[arg(long, value_enum, default_value_t = AuthMethod::Basic)]
    pub auth_method: AuthMethod,

    /// How the client gets the tokens; must be the mode that it is registered for
    #[arg(long, value_enum, default_value_t = Mode::Poll)]
    pub mode: Mode,

    /// Local port on which the client is notified, at /ciba (with ping and push)
    #[arg(long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    #[arg(required_if_eq_any([("mode", "ping"), ("mode", "push")]))]
    pub listen: Option<u16>,

    /// The person to sign in, in a form that the OP supports (such as alice, tel:+493012345, email:a@example.com)
    #[arg(long)]
    pub login_hint: String,

    /// Scope values, separated by spaces; must include openid
    #[arg(long, default_value = "openid", value_parser = scope)]
    pub scope: String,

    /// Short text that is shown here and on the person's device, for comparison
    #[arg(long)]
    pub binding_message: Option<String>,

    /// The requested lifetime of the request, in seconds (from 1; the OP may choose another)
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u32).range(1..))]
    pub requested_expiry: Option<u32>,

    /// Requested authentication context classes, in order of preference, separated by spaces
    #[arg(long)]
    pub acr_values: Option<String>,

    /// Print one JSON object on stdout: the token response, the decoded tokens and what was checked
    #[arg(long)]
    pub json: bool,

    /// Print plain lines on stderr instead of a progress bar; the default if stderr is not a terminal
    #[arg(long)]
    pub no_progress: bool,

    /// Print `auth_req_id: …` on stderr after the acknowledgement, for scripts that decide
    #[arg(long)]
    pub show_auth_req_id: bool,
}

/// Spec: RFC 6749 §2.3.1, OpenID Connect Core §9. Default: basic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthMethod {
    Basic,
    Post,
}

/// Spec: CIBA §5. Default: poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Poll,
    Ping,
    Push,
}

/// The name in `backchannel_token_delivery_modes_supported`.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Poll => "poll",
            Self::Ping => "ping",
            Self::Push => "push",
        })
    }
}

impl AuthMethod {
    /// The name in `token_endpoint_auth_methods_supported`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }
}

/// Spec: OpenID Connect Discovery §3: no query, no fragment. Kept as text, because it is compared byte for byte.
fn issuer(value: &str) -> Result<String, String> {
    let url = check_url(value, true)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an issuer has no query and no fragment".to_owned());
    }
    Ok(value.to_owned())
}

fn scope(value: &str) -> Result<String, String> {
    if value.split(' ').any(|scope| scope == "openid") {
        Ok(value.to_owned())
    } else {
        Err("the scope openid is required".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    const ARGUMENTS: [&str; 9] = [
        "ciba-client",
        "--issuer",
        "https://op.example",
        "--client-id",
        "kiosk",
        "--client-secret",
        "s3cret",
        "--login-hint",
        "alice",
    ];

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_basic_and_openid() {
        let options = Options::parse_from(ARGUMENTS);
        assert_eq!((options.auth_method, options.scope.as_str()), (AuthMethod::Basic, "openid"));
    }

    #[test]
    fn the_client_secret_is_not_in_the_debug_output() {
        assert!(!format!("{:?}", Options::parse_from(ARGUMENTS)).contains("s3cret"));
    }

    #[test]
    fn a_scope_without_openid_is_a_usage_error() {
        assert!(Options::try_parse_from(ARGUMENTS.into_iter().chain(["--scope", "profile"])).is_err());
    }

    #[test]
    fn who_is_pinged_or_pushed_to_has_to_listen() {
        let parse = |more: &[&str]| Options::try_parse_from(ARGUMENTS.iter().chain(more));
        assert_eq!(parse(&[]).unwrap().mode, Mode::Poll);
        for mode in ["ping", "push"] {
            assert!(parse(&["--mode", mode]).is_err());
            assert_eq!(parse(&["--mode", mode, "--listen", "9200"]).unwrap().listen, Some(9200));
        }
    }

    #[test]
    fn an_issuer_is_https_except_on_localhost() {
        assert_eq!(issuer("https://op.example/a"), Ok("https://op.example/a".to_owned()));
        assert_eq!(issuer("http://localhost:9000"), Ok("http://localhost:9000".to_owned()));
        assert!(issuer("http://op.example").is_err());
        assert!(issuer("http://localhost.op.example").is_err());
        assert!(issuer("https://op.example?a=b").is_err());
        assert!(issuer("https://user@op.example").is_err());
    }
}
