//! A client requests an authentication, and the person is notified (CIBA §7).

pub mod apply_policy;
pub mod cancel_request;
pub mod check_user_code;
pub mod describe_details;
pub mod find_person;
pub mod fit_tokens;
pub mod read_request;
pub mod resolve_hint;
pub mod start_authentication;

use ciba_aws::store::DescribedPerson;
use ciba_core::domain::client::Client;
use ciba_core::domain::details::authorization_details::RequestDetail;
use ciba_core::domain::person::Person;
use ciba_core::protocol::backchannel_authentication::BackchannelAuthenticationRequest;

/// The client, the person, and the content of a request.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub client: &'a Client,
    pub person: &'a Person,
    /// If the resolver described the person for this request.
    pub described: Option<DescribedPerson<'a>>,
    pub asked: &'a BackchannelAuthenticationRequest,
    /// The part of the request beyond the scope, in words.
    pub detail: &'a RequestDetail,
}
