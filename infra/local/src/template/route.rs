//! The routes of the HTTP API: `Route` → `Integration` → function, and what an integration does to the response.

use serde_json::{Map, Value};

use super::function_of_alias;
use crate::Error;

/// An `AWS::ApiGatewayV2::Route`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// In upper case; `ANY` for every method.
    pub method: String,
    /// A segment in braces is a parameter: `/consent/{request}`.
    pub path: String,
    pub copied_headers: Vec<CopiedHeader>,
}

/// A mapping of an integration's `ResponseParameters`: with this status, a header of the function's response is copied
/// to another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedHeader {
    pub status: u16,
    pub from: String,
    /// It replaces what the response has under this name.
    pub to: String,
}

/// Every route with the logical id of its function.
pub(super) fn all(resources: &Map<String, Value>) -> Result<Vec<(String, Route)>, Error> {
    let routes = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::ApiGatewayV2::Route");
    routes
        .map(|(name, route)| {
            read(resources, &route["Properties"]).ok_or_else(|| {
                let wrong = "has no function, no key like ANY /path, or parameters that are not understood";
                format!("route {name} {wrong}").into()
            })
        })
        .collect()
}

fn read(resources: &Map<String, Value>, properties: &Value) -> Option<(String, Route)> {
    let (method, path) = properties["RouteKey"].as_str()?.split_once(' ')?;
    // Target: !Sub "integrations/${TokenIntegration}"
    let target = properties["Target"]["Fn::Sub"].as_str()?;
    let integration = target.strip_prefix("integrations/${")?.strip_suffix('}')?;
    let integration = &resources.get(integration)?["Properties"];
    let function = function_of_alias(&integration["IntegrationUri"])?;
    let (method, path) = (method.to_ascii_uppercase(), path.to_owned());
    let copied_headers = copied_headers(&integration["ResponseParameters"])?;
    Some((function.to_owned(), Route { method, path, copied_headers }))
}

/// `None` if there is something else than copies of headers.
fn copied_headers(by_status: &Value) -> Option<Vec<CopiedHeader>> {
    let mut copied = Vec::new();
    for (status, parameters) in by_status.as_object().into_iter().flatten() {
        for parameter in parameters["ResponseParameters"].as_array()? {
            copied.push(CopiedHeader {
                status: status.parse().ok()?,
                from: parameter["Source"].as_str()?.strip_prefix("$response.header.")?.to_owned(),
                to: parameter["Destination"].as_str()?.strip_prefix("overwrite:header.")?.to_owned(),
            });
        }
    }
    Some(copied)
}
