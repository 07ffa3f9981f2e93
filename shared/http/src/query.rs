//! Parameters in the query.

use lambda_http::{Request, RequestExt};

/// All values of a parameter.
pub fn all<'r>(request: &'r Request, name: &str) -> Vec<&'r str> {
    request.query_string_parameters_ref().and_then(|query| query.all(name)).unwrap_or_default()
}

/// The value of a parameter. `None` if it is not there, or twice.
pub fn one<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    match all(request, name)[..] {
        [one] => Some(one),
        _ => None,
    }
}
