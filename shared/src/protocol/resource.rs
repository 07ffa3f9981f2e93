//! `resource` (RFC 8707 §2), and `audience`, which Auth0's SDKs send instead.

use crate::domain::resource::ResourceId;
use crate::protocol::parameters::Parameters;

/// More than one token is ever for.
const MOST: usize = 10;

/// The resources that a request names, each once. `resource` may be repeated, and then stands here with spaces between;
/// `audience` is one. The error is for the client, with the code `invalid_target`.
pub fn parse(form: &Parameters) -> Result<Vec<ResourceId>, &'static str> {
    let named = form.get("resource").unwrap_or_default().split(' ').filter(|name| !name.is_empty());
    let mut resources = Vec::new();
    for name in named.chain(form.get("audience")) {
        let id = ResourceId::parse(name)
            .ok_or("resource is not an absolute URI without fragment, of at most 512 bytes")?;
        if !resources.contains(&id) {
            resources.push(id);
        }
    }
    match resources.len() {
        0..=MOST => Ok(resources),
        _ => Err("more than 10 resources"),
    }
}
