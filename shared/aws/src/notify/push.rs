//! Push messages to platform endpoints.
//!
//! The formats follow the documentation and have not been tested against the services: SNS's "Publishing
//! notifications with platform-specific payloads", "Using FCM v1 payloads", "Time to live" and "Message
//! attributes", Apple's "Generating a remote notification", and Google's `projects.messages`.
//!
//! # Security
//! The push services can read a message, and a locked screen shows it. It contains the operator's name, what is
//! asked in the operator's words, and the request's key, but no client, no binding message and no personal data.
//! With the key anybody can open the request's page and decline the request, but not approve it.

use serde_json::{Map, Value, json};

use ciba_core::domain::base::time::seconds_rounded_up;
use ciba_core::domain::person::channel::PushPlatform;
use ciba_core::domain::request::notification::{Announcement, Notification};

/// A message attribute: name, data type, value.
pub(super) type Attribute = (&'static str, &'static str, String);

/// The name under which an app registers its buttons or its screen: Apple's `category`, Google's `click_action`.
const CATEGORY: &str = "ciba.request";

/// `Message`, for `MessageStructure=json`: an object with a member for the endpoint's platform, whose value is a
/// string of JSON. `default` is required, but not sent to an endpoint whose platform has its own member.
pub(super) fn message(platform: PushPlatform, notification: &Notification) -> String {
    let payload = match platform {
        PushPlatform::Apns | PushPlatform::ApnsSandbox => apns(notification),
        PushPlatform::Gcm => fcm(notification),
    };
    let default = format!("{}: {}", notification.operator_name, notification.body);
    by_platform(platform, default, payload)
}

fn by_platform(platform: PushPlatform, default: String, payload: Value) -> String {
    let members = [("default", default), (platform.as_str(), payload.to_string())];
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    Value::Object(Map::from_iter(members)).to_string()
}

/// Like [`message`], for an announcement. An app only displays it, so it has no request and no category.
pub(super) fn announcement(platform: PushPlatform, announcement: &Announcement) -> String {
    let alert = json!({ "title": announcement.operator_name, "body": announcement.body() });
    let payload = match platform {
        PushPlatform::Apns | PushPlatform::ApnsSandbox => {
            json!({ "aps": { "alert": alert, "sound": "default" } })
        }
        PushPlatform::Gcm => {
            json!({ "fcmV1Message": { "message": { "notification": alert, "android": { "priority": "HIGH" } } } })
        }
    };
    by_platform(platform, announcement.text().expose().to_owned(), payload)
}

/// No time to live: an announcement is still relevant when it arrives late.
pub(super) fn attributes_of_announcement(platform: PushPlatform) -> Vec<Attribute> {
    match platform {
        PushPlatform::Apns | PushPlatform::ApnsSandbox => vec![
            ("AWS.SNS.MOBILE.APNS.PUSH_TYPE", "String", "alert".to_owned()),
            ("AWS.SNS.MOBILE.APNS.PRIORITY", "String", "10".to_owned()),
        ],
        PushPlatform::Gcm => Vec::new(),
    }
}

fn apns(notification: &Notification) -> Value {
    json!({
        "aps": {
            "alert": { "title": notification.operator_name, "body": notification.body },
            "category": CATEGORY,
            "sound": "default",
        },
        "request": notification.request.encode(),
    })
}

fn fcm(notification: &Notification) -> Value {
    let request = notification.request.encode();
    json!({ "fcmV1Message": { "message": {
        "notification": { "title": notification.operator_name, "body": notification.body },
        "data": { "request": request },
        "android": {
            // Wakes a sleeping device: the person may be waiting at a counter.
            "priority": "HIGH",
            "ttl": format!("{}s", time_to_live(notification)),
            // `collapse_key`: of several undelivered messages, only the last one is delivered. `tag`: it replaces
            // one that was already delivered.
            "collapse_key": request,
            "notification": { "click_action": CATEGORY, "tag": request },
        },
    } } })
}

/// Reserved attributes, which SNS turns into headers of its call to the push service. `TTL` has a name per
/// platform; Apple's other attributes have the same names for the sandbox. An attribute takes precedence over the
/// payload, and SNS subtracts the time that the message spent in its queue.
pub(super) fn attributes(platform: PushPlatform, notification: &Notification) -> Vec<Attribute> {
    let ttl = match platform {
        PushPlatform::Apns => "AWS.SNS.MOBILE.APNS.TTL",
        PushPlatform::ApnsSandbox => "AWS.SNS.MOBILE.APNS_SANDBOX.TTL",
        PushPlatform::Gcm => "AWS.SNS.MOBILE.FCM.TTL",
    };
    let mut attributes = vec![(ttl, "String", time_to_live(notification).to_string())];
    if matches!(platform, PushPlatform::Apns | PushPlatform::ApnsSandbox) {
        attributes.extend([
            ("AWS.SNS.MOBILE.APNS.PUSH_TYPE", "String", "alert".to_owned()),
            // Delivered immediately, regardless of the device's battery.
            ("AWS.SNS.MOBILE.APNS.PRIORITY", "String", "10".to_owned()),
            // `apns-collapse-id`, at most 64 bytes: a message sent twice is shown once.
            ("AWS.SNS.MOBILE.APNS.COLLAPSE_ID", "String", notification.request.encode()),
        ]);
    }
    attributes
}

/// The remaining lifetime of the request. After that, the message would lead to a request that is no longer open.
/// Unit: seconds, at least 1, because 0 means "now or never".
fn time_to_live(notification: &Notification) -> u64 {
    seconds_rounded_up(notification.time_left).max(1)
}
