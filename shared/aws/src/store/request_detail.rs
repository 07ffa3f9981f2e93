//! The detail item of a request (`request#<RequestKey>` / `detail`). It is written with the request, and read
//! when the request is shown, decided or redeemed. It is separate so that polling does not have to read it.

use aws_sdk_dynamodb::types::Put;

use crate::store::attribute::{
    AUTHORIZATION_DETAILS, POLICIES, PROPERTIES, REQUEST_CONTEXT, TTL, WORDS, WRITE_ID,
};
use crate::store::authentication_request as requests;
use crate::store::batch::with_sk;
use crate::store::item::{Item, Reader, key, text, ttl};
use crate::store::{StoreError, Table, WriteId};
use ciba_core::domain::base::request_key::RequestKey;
use ciba_core::domain::details::authorization_details::{AuthorizationDetails, RequestDetail};
use ciba_core::domain::details::properties::Properties;
use ciba_core::domain::details::request_context::RequestContext;
use ciba_core::domain::request::authentication_request::AuthenticationRequest;

pub(super) const SK: &str = "detail";

pub(super) fn detail_key(request: &RequestKey) -> Item {
    key(requests::pk(request), SK)
}

/// The detail of `request`, among the items that were read with it.
pub(super) fn among(
    items: &[Item],
    request: Option<&AuthenticationRequest>,
) -> Result<RequestDetail, StoreError> {
    match (request.filter(|request| request.has_detail), with_sk(items, SK)) {
        (None, _) => Ok(RequestDetail::default()),
        (Some(_), Some(item)) => decode(item),
        // A grant may outlive the item, and has the granted details itself.
        (Some(request), None) if request.grant().is_some() => Ok(RequestDetail::default()),
        // Without it, the request would appear to ask for less than it does.
        (Some(_), None) => Err(Reader::corrupt("detail")),
    }
}

fn decode(item: &Item) -> Result<RequestDetail, StoreError> {
    let reader = Reader(item);
    let optional = |name| reader.optional_text(name);
    let corrupt = Reader::corrupt;
    Ok(RequestDetail {
        details: match optional(AUTHORIZATION_DETAILS) {
            None => AuthorizationDetails::default(),
            Some(json) => {
                AuthorizationDetails::from_stored(json).ok_or_else(|| corrupt(AUTHORIZATION_DETAILS))?
            }
        },
        words: match optional(WORDS) {
            None => Default::default(),
            Some(json) => serde_json::from_str(json).map_err(|_| corrupt(WORDS))?,
        },
        // A request made before policies were introduced has no policies.
        policies: match optional(POLICIES) {
            None => Default::default(),
            Some(json) => serde_json::from_str(json).map_err(|_| corrupt(POLICIES))?,
        },
        context: match optional(REQUEST_CONTEXT) {
            None => None,
            Some(json) => Some(RequestContext::from_stored(json).ok_or_else(|| corrupt(REQUEST_CONTEXT))?),
        },
        properties: properties(reader, PROPERTIES)?,
    })
}

/// The properties in the attribute `name`; none if it does not exist.
pub(super) fn properties(reader: Reader<'_>, name: &str) -> Result<Properties, StoreError> {
    match reader.optional_text(name) {
        None => Ok(Properties::default()),
        Some(json) => Properties::from_stored(json).ok_or_else(|| Reader::corrupt(name)),
    }
}

impl Table {
    pub(super) fn put_detail(
        &self,
        request: &AuthenticationRequest,
        detail: &RequestDetail,
        write: &WriteId,
    ) -> Result<Put, StoreError> {
        let mut item = detail_key(&request.key);
        if !detail.details.is_empty() {
            let words = serde_json::json!(detail.words).to_string();
            item.insert(AUTHORIZATION_DETAILS.to_owned(), text(detail.details.encode()));
            item.insert(WORDS.to_owned(), text(words));
        }
        if !detail.policies.is_empty() {
            item.insert(POLICIES.to_owned(), text(serde_json::json!(detail.policies).to_string()));
        }
        let context = detail.context.as_ref().map(|context| text(context.encode()));
        item.extend(context.map(|context| (REQUEST_CONTEXT.to_owned(), context)));
        if !detail.properties.is_empty() {
            item.insert(PROPERTIES.to_owned(), text(detail.properties.encode()));
        }
        item.extend([
            (TTL.to_owned(), ttl(request.lifetime.expires_at)),
            (WRITE_ID.to_owned(), text(write.as_str())),
        ]);
        self.put_new(item)
    }

    /// The detail of `request`; reads nothing if it has none.
    pub async fn find_detail(&self, request: &AuthenticationRequest) -> Result<RequestDetail, StoreError> {
        if !request.has_detail {
            return Ok(RequestDetail::default());
        }
        let get = self.client.get_item().table_name(&self.name).set_key(Some(detail_key(&request.key)));
        let answer = get.consistent_read(true).send().await;
        let answer = answer.map_err(|error| StoreError::unavailable("GetItem detail", &error))?;
        among(answer.item.as_slice(), Some(request))
    }
}
