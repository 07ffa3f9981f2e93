//! Checks of what the issuer publishes: the metadata and the keys.

use ciba::config::Issuer;
use ciba::protocol::discovery::{Metadata, MtlsOffer, Offer};
use ciba::protocol::routes;
use serde_json::Value;

use super::report::{Check, fault, ok, skipped};
use super::settings::ClientSettings;
use super::table::Signing;
use crate::http::Http;

/// The members that depend on `PROFILE`, `MTLS_URL` and `MTLS_AUTHORITIES`.
const OF_SETTINGS: [&str; 7] = [
    "mtls_endpoint_aliases",
    "tls_client_certificate_bound_access_tokens",
    "backchannel_token_delivery_modes_supported",
    "token_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_methods_supported",
    "backchannel_authentication_request_signing_alg_values_supported",
];

/// Checks the document, and whether it agrees with the settings.
pub(super) async fn look_at_metadata(
    http: &Http,
    issuer: &Issuer,
    settings: Option<&ClientSettings>,
) -> [Check; 2] {
    let (name, other) = ("discovery", "metadata");
    let url = format!("{}{}", issuer.as_str(), routes::OPENID_CONFIGURATION);
    let document = match http.json(&url).await {
        Ok(document) => document,
        Err(why) => {
            let remedy = "check that ISSUER points to the API, and that the API routes to discovery";
            return [fault(name, why, remedy), skipped(other, "the document")];
        }
    };
    match document["issuer"].as_str() {
        Some(named) if named == issuer.as_str() => [
            ok(name, format!("{url} names this issuer")),
            match settings {
                Some(settings) => compare(other, &document, issuer, settings),
                None => skipped(other, "PROFILE and MTLS_URL"),
            },
        ],
        named => {
            let what = format!(
                "{url} names the issuer {:?}, but ISSUER is {:?}",
                named.unwrap_or_default(),
                issuer.as_str()
            );
            let remedy = "clients reject this: set ISSUER here to the functions' value, or deploy with the parameter \
                          Issuer";
            [fault(name, what, remedy), skipped(other, "the issuer's own document")]
        }
    }
}

/// Compares the document with what `discovery` would serve with the settings here. If they differ, the functions
/// have other settings.
fn compare(name: &'static str, document: &Value, issuer: &Issuer, settings: &ClientSettings) -> Check {
    let mtls = settings.mtls.as_ref();
    let mtls =
        mtls.map(|host| MtlsOffer { url: host.as_str(), has_authorities: !host.authorities().is_empty() });
    let offer = Offer { issuer: issuer.as_str(), mtls, profile: settings.profile, acr_values: vec![] };
    let expected = match serde_json::to_value(Metadata::new(offer)) {
        Ok(expected) => expected,
        Err(error) => return fault(name, error.to_string(), "report this: it is a bug in this program"),
    };
    let text = |value: &Value| if value.is_null() { "missing".to_owned() } else { value.to_string() };
    let differing = OF_SETTINGS.into_iter().filter(|member| document[member] != expected[member]);
    let differing: Vec<_> = differing
        .map(|member| {
            let (is, would_be) = (text(&document[member]), text(&expected[member]));
            format!("{member} is {is}, but with the settings here it would be {would_be}")
        })
        .collect();
    if differing.is_empty() {
        return ok(name, "it agrees with PROFILE, MTLS_URL and MTLS_AUTHORITIES");
    }
    fault(
        name,
        differing.join("; "),
        "set PROFILE, MTLS_URL and MTLS_AUTHORITIES here to the functions' values, or deploy with the parameters \
         Profile, MtlsDomainName and MtlsAuthorities; if there is a cache in front of it, purge it",
    )
}

pub(super) async fn look_at_jwks(http: &Http, issuer: &Issuer, signing: &[Signing]) -> Check {
    let name = "jwks";
    let url = format!("{}{}", issuer.as_str(), routes::JWKS);
    let set = match http.json(&url).await {
        Ok(set) => set,
        Err(why) => {
            return fault(
                name,
                why,
                "check that ISSUER points to the API; the log of jwks says why it fails",
            );
        }
    };
    let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let holds = |(algorithm, kid): &&Signing| {
        keys.iter().any(|key| key["kid"] == **kid && key["alg"] == algorithm.as_str())
    };
    let missing = signing.iter().filter(|key| !holds(key));
    let missing: Vec<_> = missing.map(|(algorithm, kid)| format!("{kid} ({})", algorithm.as_str())).collect();
    if missing.is_empty() {
        return ok(name, format!("{url} contains the keys that sign"));
    }
    fault(
        name,
        format!("{url} does not contain these signing keys: {}", missing.join(", ")),
        "if there is a cache in front of it, purge it; otherwise TABLE_NAME here is not the functions' table",
    )
}
