//! Prepares the data that is stored beside a request's record: its `authorization_details`, validated and
//! described, and its context.

use std::sync::Arc;

use ciba_aws::config::Issuer;
use ciba_aws::store::DetailTypes;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::client::Client;
use ciba_core::domain::details::authorization_details::{
    AuthorizationDetails, DetailType, DetailTypeName, RequestDetail,
};
use ciba_core::domain::details::request_context::RequestContext;
use ciba_core::protocol::backchannel_authentication::{
    BackchannelAuthenticationError::{self as Error, InvalidAuthorizationDetails},
    BackchannelAuthenticationRequest,
};
use ciba_core::protocol::error::Refusal;

/// 1. Each type exists and the client is registered for it. Types are cached for a minute, so this rarely costs a
///    read.
/// 2. A type that belongs to a scope value is requested together with it.
/// 3. Each entry concerns an API that the tokens are for; otherwise no token would contain it.
/// 4. Each entry conforms to its type (RFC 9396 §5), and is described, so that the person sees the essential
///    content of the validated object and decides about exactly that.
pub async fn describe(
    known: &DetailTypes,
    client: &Client,
    asked: &BackchannelAuthenticationRequest,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<RequestDetail, Refusal<Error>> {
    let context = asked.request_context.clone().map(RequestContext::of);
    let details = &asked.authorization_details;
    if details.is_empty() {
        return Ok(RequestDetail { context, ..RequestDetail::default() });
    }
    let mut types: Vec<Arc<DetailType>> = Vec::new();
    for name in details.types() {
        let registered = client.authorization_details_types.iter().any(|one| one == name);
        let name = DetailTypeName::parse(name).filter(|_| registered).ok_or(InvalidAuthorizationDetails(
            "authorization_details has a type that the client is not registered for",
        ))?;
        let known = known.find(&name, now).await?;
        types.push(known.ok_or(InvalidAuthorizationDetails("authorization_details has an unknown type"))?);
    }
    let is_asked = |value: &String| asked.scope.contains(value);
    if !types.iter().all(|known| known.policy().scope.as_ref().is_none_or(is_asked)) {
        let why = "authorization_details has a type whose scope value is missing from scope";
        return Err(InvalidAuthorizationDetails(why).into());
    }
    if !reaches_all(details, client, asked, issuer) {
        let why = "authorization_details has locations outside the audience of the tokens; name the API in resource";
        return Err(InvalidAuthorizationDetails(why).into());
    }
    let types: Vec<_> = types.iter().map(Arc::as_ref).collect();
    RequestDetail::new(details.clone(), &types, context).map_err(|refused| Refusal {
        detail: refused.detail,
        ..InvalidAuthorizationDetails(refused.told).into()
    })
}

fn reaches_all(
    details: &AuthorizationDetails,
    client: &Client,
    asked: &BackchannelAuthenticationRequest,
    issuer: &Issuer,
) -> bool {
    let target = client.target(&asked.resources, issuer.as_str());
    target.is_some_and(|target| details.for_audience(&target.audience()) == *details)
}
