//! Checks of the login issuers.

use ciba::config::{Issuer, LoginIssuers};
use ciba::domain::client::ClientId;
use ciba::domain::issuer::login_issuer::LoginIssuer;
use ciba::outbound::{Fetcher, count_fitting};
use ciba::store::Table;

use super::report::{Check, fault, ok, warning};
use super::table::unreachable;

pub(super) async fn look_at_login_issuers(
    issuer: &Issuer,
    login_issuers: &LoginIssuers,
    has_passkeys: bool,
    checks: &mut Vec<Check>,
) {
    let name = "login_issuer";
    if login_issuers.iter().next().is_none() {
        let remedy = "deploy with the parameter LoginIssuers, and set LOGIN_ISSUERS here (docs/settings.md)";
        checks.push(if has_passkeys {
            warning(name, "no login issuer is configured, so nobody can approve through an app", remedy)
        } else {
            fault(name, "neither a login issuer nor RP_ID is configured, so nobody can approve", remedy)
        });
    }
    // Fetched as the function consent does, to find what it would not be allowed to fetch.
    let fetcher = match Fetcher::new(issuer.is_local()) {
        Ok(fetcher) => fetcher,
        Err(error) => return checks.push(fault(name, error.0, "make TLS work on this machine")),
    };
    for login in login_issuers.iter() {
        let LoginIssuer { issuer, jwks_uri, algorithms, .. } = login;
        checks.push(match count_fitting(&fetcher, jwks_uri, algorithms).await {
            Ok(0) => fault(
                name,
                format!("{issuer}: no key at {jwks_uri} is for {algorithms:?}"),
                "correct algorithms or jwks_uri in LOGIN_ISSUERS; the login issuer's own metadata names both",
            ),
            Ok(keys) => ok(name, format!("{issuer}: usable keys: {keys}")),
            Err(error) => fault(
                name,
                format!("{issuer}: {}", error.0),
                "correct jwks_uri in LOGIN_ISSUERS; it must be JSON at a public address, served without a redirect",
            ),
        });
    }
}

/// A client with that name would be the audience of login tokens, and could approve its own requests.
pub(super) async fn look_at_audiences(table: &Table, login_issuers: &LoginIssuers, checks: &mut Vec<Check>) {
    let name = "login_audience";
    for login in login_issuers.iter() {
        let audience = &login.audience.value;
        let client = match ClientId::parse(audience) {
            None => None,
            Some(id) => match table.find_client(&id).await {
                Ok(client) => client,
                Err(error) => {
                    checks.push(unreachable(name, &error));
                    continue;
                }
            },
        };
        checks.push(match client {
            None => ok(name, format!("{}: its audience is not a client", login.issuer)),
            Some(_) => fault(
                name,
                format!("{}: its audience {audience} is a client, which could approve its own requests", login.issuer),
                format!(
                    "ciba-admin client disable {audience}, and create it under another name; or give the login \
                     issuer's app another audience"
                ),
            ),
        });
    }
}
