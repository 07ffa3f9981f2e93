//! The paths, and the function behind each. Tests compare `template.yaml` and the local router with this list.

use crate::domain::base::request_key::RequestKey;

/// One path and the function behind it. Every route is `ANY`: the function itself responds with 405.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub function: &'static str,
    pub path: &'static str,
}

/// The paths that widely used SDKs hard-code.
pub const BACKCHANNEL_AUTHENTICATION: &str = "/bc-authorize";
/// An extension: a client cancels its request.
pub const CANCELLATION: &str = "/bc-authorize/cancel";
pub const TOKEN: &str = "/oauth/token";
pub const CONSENT: &str = "/consent";
pub const CONSENT_REQUEST: &str = "/consent/{request}";
pub const CONSENT_DECISION: &str = "/consent/{request}/decision";
/// Where a login on the page starts.
pub const LOGIN: &str = "/login";
/// The redirect URI that is registered at every login issuer.
pub const LOGIN_CALLBACK: &str = "/login/callback";
/// The keys of this provider as a client of login issuers.
pub const LOGIN_JWKS: &str = "/login/jwks.json";
pub const LOGOUT: &str = "/logout";
/// The person's own place.
pub const ME: &str = "/me";
/// Where a person who has logged in gets a ticket of their own, and the path of an enrollment link, before its ticket.
pub const ENROLLMENT: &str = "/enroll";
pub const ENROLLMENT_TICKET: &str = "/enroll/{ticket}";
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
/// Where Android (Digital Asset Links) and Apple's platforms look for a domain's associated apps.
pub const ASSET_LINKS: &str = "/.well-known/assetlinks.json";
pub const APPLE_APP_SITE_ASSOCIATION: &str = "/.well-known/apple-app-site-association";
pub const AUTHORIZATION: &str = "/authorize";
pub const JWKS: &str = "/.well-known/jwks.json";
pub const USERINFO: &str = "/userinfo";
pub const INTROSPECTION: &str = "/oauth/introspect";
pub const REVOCATION: &str = "/oauth/revoke";

/// The path of the page of a request.
pub fn page_of(request: &RequestKey) -> String {
    format!("{CONSENT}/{}", request.encode())
}

const fn route(function: &'static str, path: &'static str) -> Route {
    Route { function, path }
}

pub const ALL: &[Route] = &[
    route("backchannel-authentication", BACKCHANNEL_AUTHENTICATION),
    route("backchannel-authentication", CANCELLATION),
    route("token", TOKEN),
    route("consent", CONSENT),
    route("consent", CONSENT_REQUEST),
    route("consent", CONSENT_DECISION),
    route("login", LOGIN),
    route("login", LOGIN_CALLBACK),
    route("login", LOGIN_JWKS),
    route("login", LOGOUT),
    route("login", ME),
    route("enrollment", ENROLLMENT),
    route("enrollment", ENROLLMENT_TICKET),
    route("discovery", OPENID_CONFIGURATION),
    route("discovery", AUTHORIZATION_SERVER),
    route("discovery", ASSET_LINKS),
    route("discovery", APPLE_APP_SITE_ASSOCIATION),
    route("discovery", AUTHORIZATION),
    route("jwks", JWKS),
    route("userinfo", USERINFO),
    route("introspection", INTROSPECTION),
    route("revocation", REVOCATION),
];
