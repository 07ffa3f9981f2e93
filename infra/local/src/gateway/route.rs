//! Finds the route for a request.

use axum::http::Method;

use crate::template::{CopiedHeader, Template};

/// A method and path that lead to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `ANY` matches every method.
    pub method: String,
    /// A segment in braces is a parameter: `/consent/{request}`.
    pub path: String,
    /// The name by which the function is invoked.
    pub function: String,
    pub copied_headers: Vec<CopiedHeader>,
}

impl Route {
    /// Every route of a template.
    pub fn all(template: &Template) -> Vec<Self> {
        let of = |function: &crate::template::Function| {
            let binary = function.binary.clone();
            function.routes.clone().into_iter().map(move |route| Self {
                method: route.method,
                path: route.path,
                function: binary.clone(),
                copied_headers: route.copied_headers,
            })
        };
        template.functions.iter().flat_map(of).collect()
    }

    /// The route's name in an event: `ANY /token`.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn takes(&self, method: &Method) -> bool {
        self.method == "ANY" || self.method == method.as_str()
    }

    /// The path's parameters, not decoded further, if the path matches.
    fn parameters<'a>(&'a self, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
        let mut given = path.split('/');
        let mut parameters = Vec::new();
        for wanted in self.path.split('/') {
            let given = given.next()?;
            match parameter(wanted) {
                Some(name) if !given.is_empty() => parameters.push((name, given)),
                None if wanted == given => {}
                Some(_) | None => return None,
            }
        }
        given.next().is_none().then_some(parameters)
    }
}

fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// A route and the values of its parameters in this request.
pub(super) struct Matched<'a> {
    pub(super) route: &'a Route,
    pub(super) parameters: Vec<(&'a str, &'a str)>,
}

/// The matching route with the fewest parameters; one for exactly this method takes precedence over `ANY`.
pub(super) fn find<'a>(routes: &'a [Route], method: &Method, path: &'a str) -> Option<Matched<'a>> {
    routes
        .iter()
        .filter(|route| route.takes(method))
        .filter_map(|route| Some(Matched { route, parameters: route.parameters(path)? }))
        .min_by_key(|matched| (matched.parameters.len(), matched.route.method == "ANY"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Vec<Route> {
        ["/consent", "/consent/{request}", "/consent/{request}/decision", "/consent/mine"]
            .map(|path| Route {
                method: "ANY".into(),
                path: path.into(),
                function: path.into(),
                copied_headers: Vec::new(),
            })
            .to_vec()
    }

    fn found(path: &str) -> Option<(String, Vec<(String, String)>)> {
        let routes = routes();
        let matched = find(&routes, &Method::GET, path)?;
        let parameters = matched.parameters.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        Some((matched.route.function.clone(), parameters))
    }

    #[test]
    fn a_parameter_is_one_segment_whatever_is_in_it() {
        for name in ["a%2Fb", "{\"a b\"}", "ü"] {
            let (path, parameters) = found(&format!("/consent/{name}/decision")).unwrap();
            assert_eq!(path, "/consent/{request}/decision");
            assert_eq!(parameters, [("request".to_owned(), name.to_owned())]);
        }
        assert_eq!(found("/consent/a/b/decision"), None);
    }

    #[test]
    fn a_literal_path_goes_before_a_parameter() {
        assert_eq!(found("/consent/mine").unwrap().0, "/consent/mine");
    }

    #[test]
    fn a_trailing_slash_is_another_path() {
        assert_eq!(found("/consent/"), None);
        assert_eq!(found("/consent/x/"), None);
    }

    #[test]
    fn a_route_of_this_method_goes_before_any() {
        let mut routes = routes();
        routes.push(Route {
            method: "GET".into(),
            path: "/consent".into(),
            function: "get".into(),
            copied_headers: Vec::new(),
        });
        assert_eq!(find(&routes, &Method::GET, "/consent").unwrap().route.function, "get");
        assert_eq!(find(&routes, &Method::POST, "/consent").unwrap().route.function, "/consent");
    }
}
