//! The routes of the HTTP API: `Route` → `Integration` → function.

use serde_json::{Map, Value};

use super::whose;
use crate::Error;

/// An `AWS::ApiGatewayV2::Route`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// In upper case; `ANY` for every method.
    pub method: String,
    /// A segment in braces is a parameter: `/consent/{request}`.
    pub path: String,
}

/// Every route with the logical id of its function.
pub(super) fn all(resources: &Map<String, Value>) -> Result<Vec<(String, Route)>, Error> {
    let routes = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::ApiGatewayV2::Route");
    routes
        .map(|(name, route)| {
            read(resources, &route["Properties"])
                .ok_or_else(|| format!("route {name} has no function, or no key like ANY /path").into())
        })
        .collect()
}

fn read(resources: &Map<String, Value>, properties: &Value) -> Option<(String, Route)> {
    let (method, path) = properties["RouteKey"].as_str()?.split_once(' ')?;
    // Target: !Sub "integrations/${TokenIntegration}"
    let target = properties["Target"]["Fn::Sub"].as_str()?;
    let integration = target.strip_prefix("integrations/${")?.strip_suffix('}')?;
    // IntegrationUri: !GetAtt TokenFunction.Arn
    let uri = &resources.get(integration)?["Properties"]["IntegrationUri"];
    let function = whose(uri, "Arn")?;
    let route = Route { method: method.to_ascii_uppercase(), path: path.to_owned() };
    Some((function.to_owned(), route))
}
