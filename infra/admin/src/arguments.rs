//! The command line.
//!
//! Identifiers made by this provider are base64url, and one in 64 begins with a hyphen; `allow_hyphen_values`
//! accepts them.

use std::path::PathBuf;

use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value};

use crate::failure::EXIT_CODES;

/// Manages the clients, people, passkeys, pending requests, deliveries and keys of the CIBA OpenID Provider, and
/// checks a deployment for problems.
///
/// Settings come from the environment, with the same names and values as for the functions: ISSUER, TABLE_NAME,
/// LOGIN_ISSUERS, PROFILE, RP_ID, SMS_COUNTRIES, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
/// AWS_SESSION_TOKEN; for the local stack AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_SNS and
/// AWS_ENDPOINT_URL_KMS; for `passkey remove` OPERATOR_NAME, SMS_SENDER_ID, SMS_MAX_PRICE, SMS_PARTS and USER_NOTIFIER_FUNCTION; for
/// `delivery` DELIVERY_QUEUE_URL and DEAD_LETTER_QUEUE_URL (and AWS_ENDPOINT_URL_SQS); for `key rotate` KMS_KEY_ID,
/// SIGNING_KEY_ROTATION_DAYS, SIGNING and SIGNING_KEY_TAG.
#[derive(Debug, Parser)]
#[command(name = "ciba-admin", version, after_help = EXIT_CODES)]
pub struct Arguments {
    /// Print one JSON object on stdout; infra/admin/README.md documents its members
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Manage clients
    #[command(subcommand)]
    Client(ClientCommand),
    /// Manage people
    #[command(subcommand)]
    Person(PersonCommand),
    /// Create tickets, with which people enroll a passkey
    #[command(subcommand)]
    Ticket(TicketCommand),
    /// List and remove passkeys
    #[command(subcommand)]
    Passkey(PasskeyCommand),
    /// List and cancel pending requests
    #[command(subcommand)]
    Request(RequestCommand),
    /// List and replay failed notifications to ping and push clients, and find forgotten ones
    #[command(subcommand)]
    Delivery(DeliveryCommand),
    /// List and rotate the keys that seal and sign
    #[command(subcommand)]
    Key(KeyCommand),
    /// Show, verify and erase evidence of decisions
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Manage the types of authorization_details that clients may be registered for
    #[command(subcommand)]
    AuthorizationDetails(AuthorizationDetailsCommand),
    /// Check this deployment and name a remedy for each problem; changes nothing
    Doctor,
}

#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Create a client with a new secret, which is printed once
    Create(Box<ClientCreate>),
    /// Show a client, without its secret: the table has only a hash of it
    Show { client_id: String },
    /// Give a client a new secret, which is printed once; the old one becomes invalid within a minute
    RotateSecret { client_id: String },
    /// Disable a client: it can neither start authentications nor collect tokens
    Disable { client_id: String },
    /// Enable a disabled client
    Enable { client_id: String },
}

/// Options have the names of RFC 7591 and CIBA §4; `--client_name` is accepted as well as `--client-name`.
#[derive(Debug, Args)]
pub struct ClientCreate {
    /// The client's identifier: 1 to 128 visible ASCII characters
    #[arg(long, alias = "client_id")]
    pub client_id: String,
    /// The client's name as shown to people; the rules for binding messages apply
    #[arg(long, alias = "client_name")]
    pub client_name: String,
    /// The scope values that the client may request, separated by spaces; must include openid
    #[arg(long, default_value = "openid")]
    pub scope: String,
    /// private_key_jwt, tls_client_auth, self_signed_tls_client_auth, client_secret_basic or client_secret_post;
    /// the first three need further members in --metadata
    #[arg(long, alias = "token_endpoint_auth_method", default_value = "client_secret_basic")]
    pub token_endpoint_auth_method: String,
    /// A grant type; may be repeated. refresh_token and the scope offline_access require each other. An empty
    /// value means no grant type, for an API that only introspects tokens
    #[arg(long, alias = "grant_types", default_value = "urn:openid:params:grant-type:ciba")]
    pub grant_types: Vec<String>,
    /// poll, ping or push
    #[arg(long, alias = "backchannel_token_delivery_mode", default_value = "poll")]
    pub backchannel_token_delivery_mode: String,
    /// The URL at which a ping or push client is notified: https on a public host
    #[arg(long, alias = "backchannel_client_notification_endpoint", value_name = "URL")]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// `aud` of the client's access tokens [default: the issuer]
    #[arg(long)]
    pub audience: Option<String>,
    /// A kind of hint that the client may send: plain, tel, email, sub, iss_sub, id_token_hint or
    /// login_hint_token; may be repeated or comma-separated [default: all]
    #[arg(long, alias = "hint_kinds", value_name = "KIND", value_delimiter = ',')]
    pub hint_kinds: Option<Vec<String>>,
    /// The resources that the client may request: a JSON array as described in infra/local/seed/README.md
    /// [default: none]
    #[arg(long, value_name = "JSON", value_parser = array)]
    pub resources: Option<Value>,
    /// An audience whose tokens the client may introspect because it is the API behind it; may be repeated
    #[arg(long, alias = "introspection_audiences", value_name = "AUDIENCE")]
    pub introspection_audiences: Vec<String>,
    /// The algorithm that signs the client's ID tokens: ES256, RS256, PS256 or EdDSA
    #[arg(long, alias = "id_token_signed_response_alg", value_name = "ALG", default_value = "ES256")]
    pub id_token_signed_response_alg: String,
    /// Require `user_code` in requests for people who have a user code
    #[arg(long, alias = "backchannel_user_code_parameter")]
    pub backchannel_user_code_parameter: bool,
    /// Require a passkey for every approval; a login token alone is not enough
    #[arg(long, alias = "require_passkey")]
    pub require_passkey: bool,
    /// Require `binding_message` in every request; authorization_details do not replace it
    #[arg(long, alias = "require_binding_message")]
    pub require_binding_message: bool,
    /// Scope values, separated by spaces, whose approval requires a passkey that was not enrolled recently
    #[arg(long, alias = "high_risk_scope", value_name = "SCOPE")]
    pub high_risk_scope: Option<String>,
    /// The descriptions shown to people for the client's own scope values: {"payments":{"en":"Pay up to the amount
    /// shown"}}
    #[arg(long, alias = "scope_descriptions", value_name = "JSON", value_parser = object)]
    pub scope_descriptions: Option<Claims>,
    /// Do not replace a refresh token when it is used
    #[arg(long)]
    pub no_refresh_token_rotation: bool,
    /// Further members, named as in infra/local/seed/README.md; they take precedence over the other options:
    /// {"jwks_uri":"https://client.example/keys"}
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub metadata: Option<Claims>,
    /// Replace an existing client with this client_id. Its secret becomes invalid, and every member that is not
    /// given again is reset to its default
    #[arg(long)]
    pub replace: bool,
    /// With --replace: the name of a protection that may be removed. A replacement that removes any other
    /// protection is refused, and the refusal names each one. May be repeated or comma-separated
    #[arg(long, value_name = "PROTECTION", value_delimiter = ',', requires = "replace")]
    pub confirm: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Show the evidence of the decision about a request, even long after the request itself was deleted
    Show {
        /// The request's key, or its link
        #[arg(allow_hyphen_values = true)]
        request: String,
        /// Decrypt the sealed parts: what the person was shown and signed, and with --json also what the client
        /// signed, which may contain a user_code. Needs kms:Decrypt
        #[arg(long)]
        open: bool,
    },
    /// Verify what evidence proves. The result is "verified" only with the signature of its witness, a key outside
    /// the table, and the record of the passkey's enrollment; otherwise it is at best "consistent". The sealed
    /// parts are decrypted for this, which needs kms:Decrypt
    Verify(EvidenceVerify),
    /// Print the public keys that verify the signatures on evidence and enrollments; keep them elsewhere for
    /// `verify --witness`
    Witness,
    /// Erase the personal parts of all evidence about a person, for good: what they were shown and signed. The
    /// fact and the time of each decision remain
    Erase {
        #[arg(long)]
        sub: String,
        /// Erase it. Without this option the command only reports what it would do
        #[arg(long)]
        confirm: bool,
    },
}

#[derive(Debug, Args)]
pub struct EvidenceVerify {
    /// The request's key, or its link
    #[arg(required_unless_present_any = ["file", "all"], allow_hyphen_values = true)]
    pub request: Option<String>,
    /// Verify the output of `evidence show --json` instead; needs no settings, no network and no table. Only the
    /// output of --open contains the sealed parts, without which the signature of the passkey or client cannot be
    /// checked
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    pub file: Option<PathBuf>,
    /// Verify all evidence in the table, without decrypting it: each document against its witness, and all against
    /// each other
    #[arg(long, conflicts_with_all = ["request", "file"])]
    pub all: bool,
    /// The output of `evidence witness --json`. Without this option the keys `EVIDENCE_KEY_ID` and
    /// `ENROLLMENT_KEY_ID` are fetched from KMS, unless a file is verified
    #[arg(long, value_name = "FILE")]
    pub witness: Option<PathBuf>,
    /// The heads of the chains that were kept outside the table: log lines, or the records of a CloudWatch Logs
    /// subscription
    #[arg(long, value_name = "FILE")]
    pub heads: Option<PathBuf>,
    /// The domain that passkeys are bound to. Without this option `RP_ID` is used, unless a file is verified
    #[arg(long, value_name = "DOMAIN")]
    pub rp_id: Option<String>,
    /// An origin at which people use their passkeys, such as the issuer; may be repeated. Without this option
    /// `ISSUER` and `PASSKEY_ORIGINS` are used, unless a file is verified
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum AuthorizationDetailsCommand {
    /// Create or update a type. Open requests keep the texts that they have
    Put {
        /// {"type": …, "schema": a JSON Schema, "display": a template per language, "risk": high or low,
        /// "scope": a value}; - reads stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write the type even if approving an entry will require less than before
        #[arg(long)]
        confirm: bool,
    },
    /// List all types
    List,
    /// Show the definition of a type
    Show {
        #[arg(value_name = "TYPE")]
        name: String,
    },
    /// Remove a type: further requests with it are refused
    Remove {
        #[arg(value_name = "TYPE")]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Create a person
    Create(Box<PersonCreate>),
    /// Create or update the people in a file; each entry is written completely or not at all
    Import {
        /// A JSON array of people, as infra/local/seed/README.md describes them
        file: PathBuf,
        /// A protection that existing people may lose: user_code or active. An entry that removes any other
        /// protection is refused. May be repeated or comma-separated
        #[arg(long, value_name = "PROTECTION", value_delimiter = ',')]
        confirm: Vec<String>,
    },
    /// Show a person; hints, channels and claims are personal data
    Show { sub: String },
    /// Disable a person: clients can no longer ask them, and tokens that were not collected are not issued
    Disable { sub: String },
    /// Enable a disabled person
    Enable { sub: String },
    /// Block a client for a person: it can no longer ask, and what it was granted by this person is revoked
    Block(PersonAndClient),
    /// Lift a block, including one that the person made by reporting the client; what was revoked stays revoked
    Unblock(PersonAndClient),
    /// Reset the limits on how often a person is asked, and the waiting times of clients after denials; blocks
    /// stay in force
    ForgetAsks { sub: String },
}

#[derive(Debug, Args)]
pub struct PersonAndClient {
    /// This provider's identifier for the person
    #[arg(long)]
    pub sub: String,
    /// The client's `client_id`
    #[arg(long, value_name = "CLIENT_ID")]
    pub client: String,
}

/// A name has no `=`.
fn custom(text: &str) -> Result<(String, String), &'static str> {
    let (name, address) = text.split_once('=').ok_or("write NAME=ADDRESS")?;
    Ok((name.to_owned(), address.to_owned()))
}

#[derive(Debug, Args)]
pub struct PersonCreate {
    /// This provider's identifier for the person: 1 to 255 visible ASCII characters; it can never be changed
    #[arg(long)]
    pub sub: String,
    /// The login issuer that knows the person [default: the configured one, if there is exactly one]
    #[arg(long, value_name = "URL", requires = "login_value")]
    pub login_iss: Option<String>,
    /// The value of that issuer's person claim; without it the person can approve only with a passkey
    #[arg(long, value_name = "VALUE")]
    pub login_value: Option<String>,
    /// A device for push messages: the ARN of an SNS platform endpoint; may be repeated. Devices are tried before
    /// custom channels, these before numbers, and numbers before topics, each in the order given. `person import` accepts
    /// any order
    #[arg(long, value_name = "ARN")]
    pub push: Vec<String>,
    /// A channel of your notifier: its name and the person's address there, such as email=alice@example.com; may be
    /// repeated
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = custom)]
    pub custom: Vec<(String, String)>,
    /// A phone number for SMS: E.164, in a country that SMS_COUNTRIES allows; may be repeated
    #[arg(long, value_name = "NUMBER")]
    pub sms: Vec<String>,
    /// A topic for e-mail or an adapter of your own: the ARN of an SNS topic; may be repeated
    #[arg(long, value_name = "ARN")]
    pub topic: Vec<String>,
    /// A `login_hint` that identifies the person, taken literally; may be repeated
    #[arg(long, value_name = "VALUE")]
    pub plain: Vec<String>,
    /// An e-mail address that identifies the person, as `email:…`; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub email: Vec<String>,
    /// A phone number that identifies the person, as `tel:…`; may be repeated
    #[arg(long, value_name = "NUMBER")]
    pub tel: Vec<String>,
    /// Profile claims, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = object, default_value = "{}")]
    pub claims: Claims,
    /// Create the person disabled
    #[arg(long)]
    pub inactive: bool,
    /// Replace an existing person with this sub. Hints that are not given again are removed, and so is a user
    /// code, which can be set only with `person import`, because a command line stays in the shell's history
    #[arg(long)]
    pub replace: bool,
    /// With --replace: a protection that may be removed: user_code or active. A replacement that removes any other
    /// protection is refused. May be repeated or comma-separated
    #[arg(long, value_name = "PROTECTION", value_delimiter = ',', requires = "replace")]
    pub confirm: Vec<String>,
}

/// A JSON object.
pub type Claims = Map<String, Value>;

#[derive(Debug, Subcommand)]
pub enum TicketCommand {
    /// Print a link, once, with which a person can create a passkey within 15 minutes. Verify the person's identity
    /// before you hand it over
    Create {
        /// This provider's identifier for the person
        #[arg(long)]
        sub: String,
        /// Let the link add a passkey on its own. Otherwise a person who already has a passkey must also use it
        #[arg(long)]
        further: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum PasskeyCommand {
    /// List a person's passkeys, oldest first
    List {
        /// This provider's identifier for the person
        #[arg(long)]
        sub: String,
    },
    /// Remove a passkey for good; the person is notified on all channels
    Remove {
        /// This provider's identifier for the person
        #[arg(long)]
        sub: String,
        /// The passkey as printed by `passkey list` [default: the only one, if there is exactly one]
        #[arg(long, allow_hyphen_values = true)]
        id: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// List pending requests, soonest to expire first; never shows the client's message to the person
    List {
        /// Only the requests for one person: a `sub`, a `login_hint` that identifies the person, or the person's
        /// key in the table
        #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
        person: Option<String>,
        /// The maximum number of requests
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
    },
    /// Cancel a pending request: its client gets `access_denied`, and nobody can decide it any more
    Cancel {
        /// The request as printed by `request list`, or the link from its message
        #[arg(allow_hyphen_values = true)]
        request: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum DeliveryCommand {
    /// List the deliveries that were given up, with the client's last response
    List,
    /// Retry them for ten minutes. A push whose tokens could not be delivered has lost them: its client is told
    /// `transaction_failed`
    Replay {
        /// The request as printed by `delivery list`
        #[arg(required_unless_present = "all", allow_hyphen_values = true)]
        request: Option<String>,
        /// Retry all of them
        #[arg(long, conflicts_with = "request")]
        all: bool,
    },
    /// Find deliveries that are due and that nothing asks for any more, as after a day without the function, and
    /// put them into the queue. It reads the whole table
    Sweep {
        /// The maximum number of items of the table that are read
        #[arg(long, value_name = "NUMBER", default_value_t = 10_000_000, value_parser = clap::value_parser!(i32).range(1..))]
        items: i32,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// List all keys with their current states; shows no key material
    List,
    /// Bind a data key to this table that an earlier version made without naming the table, which the functions do
    /// not accept; others are not changed
    Bind,
    /// Create the next handle, signing and page keys now, although they are not due; they are used ten minutes later
    Rotate {
        /// Rotate only the keys of this use; those of the other uses are rotated only if they are due
        #[arg(long = "use", value_enum)]
        key_use: Option<RotatedUse>,
        /// Of the signing keys, rotate only those of this algorithm: ES256, RS256, PS256 or EdDSA
        #[arg(long, value_name = "ALG", value_parser = algorithm)]
        alg: Option<JwsAlgorithm>,
        /// Keys have leaked: withdraw all existing keys of this use, for good, and use their successors at once.
        /// Without --confirm, only report what would become invalid
        #[arg(long, requires = "key_use")]
        emergency: bool,
        /// Withdraw the keys
        #[arg(long, requires = "emergency")]
        confirm: bool,
    },
}

/// The key uses that can be rotated; the data key never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RotatedUse {
    Signing,
    Handle,
    Page,
    Login,
}

fn algorithm(text: &str) -> Result<JwsAlgorithm, String> {
    let names = JwsAlgorithm::ALL.map(JwsAlgorithm::as_str).join(", ");
    JwsAlgorithm::parse(text).ok_or_else(|| format!("not one of {names}"))
}

fn array(text: &str) -> Result<Value, String> {
    let json = serde_json::from_str(text).ok().filter(Value::is_array);
    json.ok_or_else(|| "not a JSON array".to_owned())
}

fn object(text: &str) -> Result<Claims, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn client_create_takes_rfc_7591_names_in_either_spelling() {
        for line in [
            "ciba-admin client create --client-id kiosk --client-name Kiosk",
            "ciba-admin client create --client_id kiosk --client_name Kiosk --json",
        ] {
            let Command::Client(ClientCommand::Create(create)) = parse(line).unwrap().command else {
                panic!("{line}")
            };
            assert_eq!((&*create.client_id, &*create.client_name), ("kiosk", "Kiosk"));
            assert_eq!(create.grant_types, ["urn:openid:params:grant-type:ciba"]);
            assert_eq!((&*create.scope, create.replace), ("openid", false));
        }
    }

    #[test]
    fn kinds_of_hints_are_given_with_commas_or_one_by_one() {
        for line in [
            "ciba-admin client create --client-id kiosk --client-name Kiosk --hint-kinds sub,id_token_hint",
            "ciba-admin client create --client-id kiosk --client-name Kiosk --hint_kinds sub --hint-kinds id_token_hint",
        ] {
            let Command::Client(ClientCommand::Create(create)) = parse(line).unwrap().command else {
                panic!("{line}")
            };
            assert_eq!(create.hint_kinds.unwrap(), ["sub", "id_token_hint"]);
        }
    }

    /// A secret on a command line is in the shell's history and in the list of processes.
    #[test]
    fn a_secret_cannot_be_given() {
        let line = "ciba-admin client create --client-id kiosk --client-name Kiosk --client-secret s";
        assert!(parse(line).is_err());
    }

    #[test]
    fn login_iss_without_login_value_is_a_usage_error() {
        assert!(parse("ciba-admin person create --sub alice --login-iss https://login.example").is_err());
        assert!(parse("ciba-admin person create --sub alice --login-value alice").is_ok());
    }

    #[test]
    fn claims_are_a_json_object() {
        assert!(parse(r#"ciba-admin person create --sub alice --claims {"name":"Alice"}"#).is_ok());
        assert!(parse(r#"ciba-admin person create --sub alice --claims ["name"]"#).is_err());
    }

    #[test]
    fn a_list_is_bounded() {
        assert!(parse("ciba-admin request list --limit 100").is_ok());
        for limit in ["0", "101"] {
            assert!(parse(&format!("ciba-admin request list --limit {limit}")).is_err(), "{limit}");
        }
    }

    /// With another data key, everything sealed under the first one would be unreadable.
    #[test]
    fn the_data_key_is_not_rotated() {
        assert!(parse("ciba-admin key rotate --use handle").is_ok());
        assert!(parse("ciba-admin key rotate --use data").is_err());
    }

    /// A command that cannot be undone takes two options, and has to name the keys' use.
    #[test]
    fn an_emergency_names_what_leaked_and_is_confirmed() {
        for (line, is_sound) in [
            ("ciba-admin key rotate --use signing --emergency", true),
            ("ciba-admin key rotate --use signing --alg ES256 --emergency --confirm", true),
            ("ciba-admin key rotate --emergency --confirm", false),
            ("ciba-admin key rotate --use handle --confirm", false),
            ("ciba-admin key rotate --use signing --alg HS256 --emergency", false),
        ] {
            assert_eq!(parse(line).is_ok(), is_sound, "{line}");
        }
    }

    #[test]
    fn help_documents_the_exit_codes() {
        assert!(Arguments::command().render_help().to_string().contains("Exit codes:"));
    }
}
