//! `resource` (RFC 8707 §2), and `audience`, which Auth0's SDKs send instead.

use crate::domain::client::resource::ResourceId;
use crate::protocol::parameters::Parameters;

/// The most resources that one request may name. No token needs more.
const MOST: usize = 10;

/// The resources of a request, without duplicates. `resource` may be repeated; the values are separated by spaces
/// here. `audience` has one value. The error is for the client, with the code `invalid_target`.
pub fn parse(form: &Parameters) -> Result<Vec<ResourceId>, &'static str> {
    let named = form.get("resource").unwrap_or_default().split(' ').filter(|name| !name.is_empty());
    let mut resources = Vec::new();
    for name in named.chain(form.get("audience")) {
        let id = ResourceId::parse(name)
            .ok_or("resource is not an absolute URI without fragment, of at most 512 bytes")?;
        if !resources.contains(&id) {
            resources.push(id);
        }
        // Parsing stops at the eleventh resource, so that a body with thousands of them costs no more.
        if resources.len() > MOST {
            return Err("more than 10 resources");
        }
    }
    Ok(resources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(resource: &str) -> Result<usize, &'static str> {
        let mut form = Parameters::default();
        form.insert("resource".to_owned(), resource.to_owned());
        parse(&form).map(|resources| resources.len())
    }

    /// HYG-1-06: a body can contain four thousand resources, and comparing each with all others would take long.
    #[test]
    fn of_thousands_of_resources_eleven_are_read() {
        let named = |count: usize| (0..count).map(|n| format!("urn:{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(read(&named(10)), Ok(10));
        assert_eq!(read(&[named(10), named(10)].join(" ")), Ok(10), "each is one, however often it is named");
        assert_eq!(read(&format!("{} no-uri", named(11))), Err("more than 10 resources"));
        assert!(read(&format!("{} no-uri", named(10))).is_err_and(|why| why.contains("absolute URI")));
    }
}
