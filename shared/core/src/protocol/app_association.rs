//! The two documents that associate an app with this domain: Digital Asset Links for Android, and associated
//! domains for Apple's platforms. Both let the app use the domain's passkeys and open links to its pages.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::person::app::{AndroidApp, AppleApp};
use crate::protocol::routes;

/// `/.well-known/assetlinks.json`: a list of statements, one per app.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct AssetLinks(Vec<Statement>);

#[derive(Clone, Serialize)]
struct Statement {
    relation: [&'static str; 2],
    target: Target,
}

#[derive(Clone, Serialize)]
struct Target {
    namespace: &'static str,
    package_name: String,
    sha256_cert_fingerprints: Vec<String>,
}

/// The permissions of the app: to create and use passkeys, and to open links.
const RELATION: [&str; 2] =
    ["delegate_permission/common.get_login_creds", "delegate_permission/common.handle_all_urls"];

impl AssetLinks {
    /// `None` if there is no app.
    ///
    /// An app that is listed with several certificates gets one statement with all of them.
    pub fn of(apps: &[AndroidApp]) -> Option<Self> {
        let mut by_package: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for app in apps {
            by_package.entry(&app.package).or_default().push(app.fingerprint.clone());
        }
        let statements: Vec<_> = by_package
            .into_iter()
            .map(|(package, fingerprints)| Statement {
                relation: RELATION,
                target: Target {
                    namespace: "android_app",
                    package_name: package.to_owned(),
                    sha256_cert_fingerprints: fingerprints,
                },
            })
            .collect();
        (!statements.is_empty()).then_some(Self(statements))
    }
}

/// `/.well-known/apple-app-site-association`.
#[derive(Clone, Serialize)]
pub struct AppleAppSiteAssociation {
    webcredentials: WebCredentials,
    applinks: AppLinks,
}

#[derive(Clone, Serialize)]
struct WebCredentials {
    apps: Vec<String>,
}

#[derive(Clone, Serialize)]
struct AppLinks {
    details: [LinkDetails; 1],
}

#[derive(Clone, Serialize)]
struct LinkDetails {
    #[serde(rename = "appIDs")]
    app_ids: Vec<String>,
    components: [Component; 1],
}

#[derive(Clone, Serialize)]
struct Component {
    #[serde(rename = "/")]
    path: String,
}

impl AppleAppSiteAssociation {
    /// `None` if there is no app. An app opens links to requests, but not to enrollments.
    pub fn of(apps: &[AppleApp]) -> Option<Self> {
        let names: Vec<_> = apps.iter().map(|app| app.as_str().to_owned()).collect();
        if names.is_empty() {
            return None;
        }
        let components = [Component { path: format!("{}/*", routes::CONSENT) }];
        Some(Self {
            webcredentials: WebCredentials { apps: names.clone() },
            applinks: AppLinks { details: [LinkDetails { app_ids: names, components }] },
        })
    }
}
