//! The command line.
//!
//! A name that this provider made is base64url, of which one in 64 begins with a hyphen: it is taken as it is printed.

use std::path::PathBuf;

use ciba::domain::base::jws_algorithm::JwsAlgorithm;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value};

use crate::failure::EXIT_CODES;

/// Clients, people, passkeys, pending requests, deliveries and keys of the CIBA OpenID Provider, and what is wrong with a deployment.
///
/// Settings come from the environment, as the functions have them: ISSUER, TABLE_NAME, LOGIN_ISSUERS, PROFILE, RP_ID, SMS_COUNTRIES, AWS_REGION,
/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; for the local stack AWS_ENDPOINT_URL_DYNAMODB,
/// AWS_ENDPOINT_URL_SNS and AWS_ENDPOINT_URL_KMS; for `passkey remove` OPERATOR_NAME, SMS_SENDER_ID and SMS_MAX_PRICE; for `delivery` DELIVERY_QUEUE_URL and DEAD_LETTER_QUEUE_URL (and AWS_ENDPOINT_URL_SQS); for `key rotate` KMS_KEY_ID, SIGNING_KEY_ROTATION_DAYS, SIGNING and SIGNING_KEY_TAG.
#[derive(Debug, Parser)]
#[command(name = "ciba-admin", version, after_help = EXIT_CODES)]
pub struct Arguments {
    /// Print one JSON object on stdout; its shapes are in infra/admin/README.md
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Who may ask
    #[command(subcommand)]
    Client(ClientCommand),
    /// Who can be asked
    #[command(subcommand)]
    Person(PersonCommand),
    /// What lets a person make a passkey
    #[command(subcommand)]
    Ticket(TicketCommand),
    /// What people approve with
    #[command(subcommand)]
    Passkey(PasskeyCommand),
    /// What is being asked now
    #[command(subcommand)]
    Request(RequestCommand),
    /// What ping and push clients could not be told
    #[command(subcommand)]
    Delivery(DeliveryCommand),
    /// What seals and signs
    #[command(subcommand)]
    Key(KeyCommand),
    /// What is kept of decisions
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// The types of authorization_details that clients may be registered for
    #[command(subcommand)]
    AuthorizationDetails(AuthorizationDetailsCommand),
    /// Look for what keeps this deployment from working; changes nothing
    Doctor,
}

#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Write down a client with a new secret, which is printed once
    Create(Box<ClientCreate>),
    /// Show a client, without its secret, of which the table has only a hash
    Show { client_id: String },
    /// Give a client a new secret, which is printed once; the old one ends at once
    RotateSecret { client_id: String },
    /// Let a client ask no more and collect nothing
    Disable { client_id: String },
    /// Let a disabled client ask again
    Enable { client_id: String },
}

/// By the names of RFC 7591 and CIBA §4; `client_name` is taken as well as `client-name`.
#[derive(Debug, Args)]
pub struct ClientCreate {
    /// What the client authenticates as: 1 to 128 visible ASCII characters
    #[arg(long, alias = "client_id")]
    pub client_id: String,
    /// What the person reads as the name of who asks, under the rule of the binding message
    #[arg(long, alias = "client_name")]
    pub client_name: String,
    /// What the client may ask for, separated by spaces; with openid
    #[arg(long, default_value = "openid")]
    pub scope: String,
    /// private_key_jwt, tls_client_auth, self_signed_tls_client_auth, client_secret_basic or client_secret_post; for the
    /// first three see --metadata
    #[arg(long, alias = "token_endpoint_auth_method", default_value = "client_secret_basic")]
    pub token_endpoint_auth_method: String,
    /// May be repeated; refresh_token goes with the scope offline_access; an empty one is none, for an API that only introspects
    #[arg(long, alias = "grant_types", default_value = "urn:openid:params:grant-type:ciba")]
    pub grant_types: Vec<String>,
    /// poll, ping or push
    #[arg(long, alias = "backchannel_token_delivery_mode", default_value = "poll")]
    pub backchannel_token_delivery_mode: String,
    /// Where a ping or push client is called: https on a public host
    #[arg(long, alias = "backchannel_client_notification_endpoint", value_name = "URL")]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// `aud` of its access tokens [default: the issuer]
    #[arg(long)]
    pub audience: Option<String>,
    /// The kinds of hints it may send: plain, tel, email, sub, iss_sub, id_token_hint, login_hint_token; may be
    /// repeated, or given with commas [default: all]
    #[arg(long, alias = "hint_kinds", value_name = "KIND", value_delimiter = ',')]
    pub hint_kinds: Option<Vec<String>>,
    /// What it may name as resource: a JSON array as infra/local/seed/README.md describes it [default: nothing]
    #[arg(long, value_name = "JSON", value_parser = array)]
    pub resources: Option<Value>,
    /// An audience whose tokens it may introspect, because it is the API behind it; may be repeated
    #[arg(long, alias = "introspection_audiences", value_name = "AUDIENCE")]
    pub introspection_audiences: Vec<String>,
    /// ES256, RS256, PS256 or EdDSA
    #[arg(long, alias = "id_token_signed_response_alg", value_name = "ALG", default_value = "ES256")]
    pub id_token_signed_response_alg: String,
    /// Ask people who have a user code with `user_code` only
    #[arg(long, alias = "backchannel_user_code_parameter")]
    pub backchannel_user_code_parameter: bool,
    /// Only a passkey approves what it asks for, never a login token alone
    #[arg(long, alias = "require_passkey")]
    pub require_passkey: bool,
    /// Values of its scope that only a passkey approves which was not added just now, separated by spaces
    #[arg(long, alias = "high_risk_scope", value_name = "SCOPE")]
    pub high_risk_scope: Option<String>,
    /// What people read for its own scope values: {"payments":{"en":"Pay up to the amount shown"}}
    #[arg(long, alias = "scope_descriptions", value_name = "JSON", value_parser = object)]
    pub scope_descriptions: Option<Claims>,
    /// Keep a refresh token at its use instead of replacing it
    #[arg(long)]
    pub no_refresh_token_rotation: bool,
    /// Further members, or others than the options say, by the names that infra/local/seed/README.md has:
    /// {"jwks_uri":"https://client.example/keys"}
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub metadata: Option<Claims>,
    /// Write over a client of this name; its secret ends, and what is not said again is as it is by default
    #[arg(long)]
    pub replace: bool,
    /// With --replace: a protection of the client that is to go, by its name; without that it is refused, and the refusal
    /// names each. May be repeated, or given with commas
    #[arg(long, value_name = "PROTECTION", value_delimiter = ',', requires = "replace")]
    pub confirm: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Show what is kept of the decision about a request, also when the request itself was swept long ago
    Show {
        /// The request's key, or its link
        #[arg(allow_hyphen_values = true)]
        request: String,
        /// Open what is sealed: what the person was shown and signed, and for --json what the client signed, which may have a
        /// user_code in it. Needs kms:Decrypt
        #[arg(long)]
        open: bool,
    },
    /// Verify what evidence proves. It is "verified" only by its witness, a key outside the table, and by the record of the
    /// passkey's enrollment; without them it is at best "consistent". What is sealed is opened for it, which needs kms:Decrypt
    Verify(EvidenceVerify),
    /// Print the public keys by which evidence and enrollments are signed: to be kept elsewhere, for `verify --witness`
    Witness,
    /// Erase what is personal in all evidence about a person, for good: what they were shown and signed. That they decided, and
    /// when, stays
    Erase {
        #[arg(long)]
        sub: String,
        /// Do it. Without this the command says what it would do
        #[arg(long)]
        confirm: bool,
    },
}

#[derive(Debug, Args)]
pub struct EvidenceVerify {
    /// The request's key, or its link
    #[arg(required_unless_present_any = ["file", "all"], allow_hyphen_values = true)]
    pub request: Option<String>,
    /// What `evidence show --json` printed, instead; needs no settings, no network and no table. With --open it has what is
    /// sealed, and without it no signature is looked at
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    pub file: Option<PathBuf>,
    /// All evidence in the table, unopened: each document with its witness, and all of them with each other
    #[arg(long, conflicts_with_all = ["request", "file"])]
    pub all: bool,
    /// What `evidence witness --json` printed. Without it the keys are asked of KMS, by `EVIDENCE_KEY_ID` and
    /// `ENROLLMENT_KEY_ID`, unless a file is verified
    #[arg(long, value_name = "FILE")]
    pub witness: Option<PathBuf>,
    /// Heads of the chains, as they were kept outside the table: lines of the log, or what CloudWatch Logs made of them
    #[arg(long, value_name = "FILE")]
    pub heads: Option<PathBuf>,
    /// The domain that passkeys are bound to. Without it `RP_ID`, unless a file is verified
    #[arg(long, value_name = "DOMAIN")]
    pub rp_id: Option<String>,
    /// An origin that people sign at, such as the issuer; once for each. Without it `ISSUER` and `PASSKEY_ORIGINS`, unless a file is
    /// verified
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum AuthorizationDetailsCommand {
    /// Write down a type, new or changed. Requests that are open keep the words they have
    Put {
        /// {"type": …, "schema": a JSON Schema, "display": a template per language, "risk": high or low, "scope": a value};
        /// - is stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write it down even if approving an entry needs less than before
        #[arg(long)]
        confirm: bool,
    },
    /// Name every type
    List,
    /// Show a type as the definition that makes it
    Show {
        #[arg(value_name = "TYPE")]
        name: String,
    },
    /// Take a type away: whoever asks with it is refused
    Remove {
        #[arg(value_name = "TYPE")]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Write down a person
    Create(Box<PersonCreate>),
    /// Write down the people of a file, new or changed: each wholly or not at all
    Import {
        /// A JSON array of people, as infra/local/seed/README.md describes them
        file: PathBuf,
        /// A protection that may go of people who are there, by its name: user_code or active. Without that an entry that
        /// takes one away is refused. May be repeated, or given with commas
        #[arg(long, value_name = "PROTECTION", value_delimiter = ',')]
        confirm: Vec<String>,
    },
    /// Show a person: hints, channels and claims are personal data
    Show { sub: String },
    /// Have a person asked no more; what was not collected by then is not issued
    Disable { sub: String },
    /// Let a disabled person be asked again
    Enable { sub: String },
    /// Let a client ask a person no more; what it has got of this person does not count any more
    Block(PersonAndClient),
    /// Let a client ask a person again who reported it, or for whom it was blocked; what it got before stays revoked
    Unblock(PersonAndClient),
    /// Let a person be asked again who was asked as often as the limits allow, and by clients that would have to wait after
    /// a denial; blocks stand
    ForgetAsks { sub: String },
}

#[derive(Debug, Args)]
pub struct PersonAndClient {
    /// This provider's name for the person
    #[arg(long)]
    pub sub: String,
    /// The client's `client_id`
    #[arg(long, value_name = "CLIENT_ID")]
    pub client: String,
}

#[derive(Debug, Args)]
pub struct PersonCreate {
    /// This provider's name for the person, never changed: 1 to 255 visible ASCII characters
    #[arg(long)]
    pub sub: String,
    /// The login issuer that knows the person [default: the one that is configured, if there is just one]
    #[arg(long, value_name = "URL", requires = "login_value")]
    pub login_iss: Option<String>,
    /// What that issuer's person claim says; without it this person approves with a passkey alone
    #[arg(long, value_name = "VALUE")]
    pub login_value: Option<String>,
    /// A device for push messages: the ARN of an SNS platform endpoint. Devices are tried before numbers, and numbers
    /// before topics; each may be repeated and is tried in its order. `person import` takes any order
    #[arg(long, value_name = "ARN")]
    pub push: Vec<String>,
    /// A number for SMS: E.164, in a country that SMS_COUNTRIES allows; may be repeated
    #[arg(long, value_name = "NUMBER")]
    pub sms: Vec<String>,
    /// A topic for e-mail or an adapter of your own: the ARN of an SNS topic; may be repeated
    #[arg(long, value_name = "ARN")]
    pub topic: Vec<String>,
    /// A `login_hint` that leads here as it stands; may be repeated
    #[arg(long, value_name = "VALUE")]
    pub plain: Vec<String>,
    /// An address that leads here as `email:…`; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub email: Vec<String>,
    /// A number that leads here as `tel:…`; may be repeated
    #[arg(long, value_name = "NUMBER")]
    pub tel: Vec<String>,
    /// Profile claims, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = object, default_value = "{}")]
    pub claims: Claims,
    /// Write down a person who is not asked yet
    #[arg(long)]
    pub inactive: bool,
    /// Write over the person of this sub; hints that are not given again lead nowhere afterwards, and a user code is
    /// gone: it comes by `person import` only, because a command line is no place for it
    #[arg(long)]
    pub replace: bool,
    /// With --replace: a protection of the person that is to go, by its name: user_code or active; without that it is
    /// refused. May be repeated, or given with commas
    #[arg(long, value_name = "PROTECTION", value_delimiter = ',', requires = "replace")]
    pub confirm: Vec<String>,
}

/// A JSON object.
pub type Claims = Map<String, Value>;

#[derive(Debug, Subcommand)]
pub enum TicketCommand {
    /// Print a link, once, with which a person makes a passkey within 15 minutes. Make sure whom you give it to
    Create {
        /// This provider's name for the person
        #[arg(long)]
        sub: String,
        /// Let the link make a further passkey by itself. Otherwise a person who has one needs it as well
        #[arg(long)]
        further: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum PasskeyCommand {
    /// List a person's passkeys, the oldest first
    List {
        /// This provider's name for the person
        #[arg(long)]
        sub: String,
    },
    /// Remove a passkey for good; the person is told on all channels
    Remove {
        /// This provider's name for the person
        #[arg(long)]
        sub: String,
        /// The passkey as `passkey list` names it [default: the one there is, if there is just one]
        #[arg(long, allow_hyphen_values = true)]
        id: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// List what is pending, what ends first first; never what the client wrote to the person
    List {
        /// Of one person: a `sub`, a `login_hint` that leads to the person, or the person's key in the table
        #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
        person: Option<String>,
        /// How many requests at most
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
    },
    /// Cancel a pending request: its client gets `access_denied`, and nobody can decide it any more
    Cancel {
        /// The request as `request list` names it, or the link of its message
        #[arg(allow_hyphen_values = true)]
        request: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum DeliveryCommand {
    /// List the deliveries that were given up, with the client's last answer
    List,
    /// Have them tried again for ten minutes. A push whose tokens could not be delivered has lost them: its client is told
    /// `transaction_failed`
    Replay {
        /// The request as `delivery list` names it
        #[arg(required_unless_present = "all", allow_hyphen_values = true)]
        request: Option<String>,
        /// All of them
        #[arg(long, conflicts_with = "request")]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// List all keys with their states by the clock; shows no key
    List,
    /// Make the next handle and signing key now, although none is due; they are used ten minutes later
    Rotate {
        /// Only this one; the other as if its time were looked at
        #[arg(long = "use", value_enum)]
        key_use: Option<RotatedUse>,
        /// Of the signing keys only this algorithm's: ES256, RS256, PS256 or EdDSA
        #[arg(long, value_name = "ALG", value_parser = algorithm)]
        alg: Option<JwsAlgorithm>,
        /// Keys have leaked: withdraw all that there are of this use, for good, and use their successors at once. Says what
        /// that ends, and does it with --confirm
        #[arg(long, requires = "key_use")]
        emergency: bool,
        /// Withdraw them
        #[arg(long, requires = "emergency")]
        confirm: bool,
    },
}

/// What can be rotated: the data key never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RotatedUse {
    Signing,
    Handle,
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
    fn a_client_is_created_by_the_names_of_rfc_7591_in_either_spelling() {
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
    fn a_login_issuer_without_its_name_for_the_person_is_wrong_usage() {
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

    /// Another data key would leave everything sealed under the first one unread.
    #[test]
    fn the_data_key_is_not_rotated() {
        assert!(parse("ciba-admin key rotate --use handle").is_ok());
        assert!(parse("ciba-admin key rotate --use data").is_err());
    }

    /// What cannot be undone takes two words, and says of what.
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
