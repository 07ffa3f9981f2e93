//! The sector of the client, which determines the `sub` by which it knows people (CIBA §4).

use url::Url;

use ciba_aws::outbound::Fetcher;
use ciba_core::domain::base::address::OwnHosts;
use ciba_core::domain::client::Client;
use ciba_core::domain::client::sector::{host_of, sector_url};
use ciba_core::domain::client::subject_type::SubjectType;
use ciba_core::protocol::registration::ClientMetadata;

/// The longest list at a `sector_identifier_uri`. Unit: bytes.
const MAX_LIST: usize = 64 * 1024;

/// The subject type that the metadata request.
pub(super) enum Sector {
    Public,
    /// Contains the `sector_identifier_uri`, if there is one.
    Pairwise(Option<String>),
}

impl Sector {
    pub(super) fn asked(metadata: &ClientMetadata) -> Result<Self, &'static str> {
        match (metadata.subject_type.as_deref(), &metadata.sector_identifier_uri) {
            (None | Some("public"), None) => Ok(Self::Public),
            (None | Some("public"), Some(_)) => Err("sector_identifier_uri belongs to pairwise subjects"),
            (Some("pairwise"), uri) => Ok(Self::Pairwise(uri.clone())),
            (Some(_), _) => Err("subject_type is neither public nor pairwise"),
        }
    }

    /// The sector, if the client belongs to it: the list at `sector_identifier_uri` must contain the client's
    /// `jwks_uri` or, for push, its notification endpoint (CIBA §4).
    pub(super) async fn confirm(self, client: &Client, own: OwnHosts<'_>) -> Result<SubjectType, String> {
        let Self::Pairwise(list) = self else { return Ok(SubjectType::Public) };
        let named = sector_url(client)?;
        if let Some(uri) = &list {
            if !Url::parse(uri).is_ok_and(|url| own.admit(&url)) {
                let why =
                    "sector_identifier_uri is not https on port 443 of a public host of the client's own";
                return Err(why.to_owned());
            }
            let fetcher = Fetcher::new(own.is_local).map_err(|error| error.0)?;
            let body = fetcher.json(uri, MAX_LIST).await.map_err(|error| error.0)?;
            let members: Vec<String> = serde_json::from_slice(&body)
                .map_err(|_| "sector_identifier_uri does not lead to a JSON array of strings".to_owned())?;
            if !members.iter().any(|member| member == named) {
                return Err(format!("the list at sector_identifier_uri does not contain {named}"));
            }
        }
        let sector = host_of(list.as_deref().unwrap_or(named));
        sector
            .map(|sector| SubjectType::Pairwise { sector })
            .ok_or_else(|| "the sector has no host".to_owned())
    }
}
