use std::time::Duration;

use serde_json::json;

use super::*;
use crate::domain::base::scope::Scope;
use crate::domain::request::authentication_request::CancelledBy;

const AT: Timestamp = Timestamp::from_millis(1_800_000_000_123);

fn detail(what: What) -> Value {
    let about = About {
        request: "R".to_owned(),
        client: ClientId::parse("kiosk").unwrap(),
        mode: Some(DeliveryMode::Ping),
        person: Some("P".to_owned()),
    };
    let text = Detail::of(&Event { about, at: AT, what }, "e1", "https://op.example").encode();
    let mut all: Value = serde_json::from_str(&text).unwrap();
    let common = json!({"issuer": "https://op.example", "request": "R", "client_id": "kiosk", "mode": "ping",
        "person": "P", "at": 1_800_000_000_123_i64});
    for (name, value) in common.as_object().unwrap() {
        assert_eq!(all.as_object_mut().unwrap().remove(name).as_ref(), Some(value), "{name}");
    }
    all
}

/// docs/events.md
#[test]
fn the_detail_has_what_is_worth_knowing_of_each_event() {
    let scope = || Scope::parse("openid profile").unwrap();
    let after = Duration::from_millis(1500);
    let end = Timestamp::from_millis(9);
    for (what, expected) in [
        (
            What::Requested { scope: scope(), expires_at: end },
            json!({"scope": "openid profile", "expires_at": 9}),
        ),
        (What::Notified { channel: "sms".to_owned() }, json!({"channel": "sms"})),
        (What::Withdrawn, json!({})),
        (
            What::Approved { scope: scope(), acr: Some("a".to_owned()), after },
            json!({"scope": "openid profile", "acr": "a", "after": 1500}),
        ),
        (
            What::Approved { scope: scope(), acr: None, after },
            json!({"scope": "openid profile", "after": 1500}),
        ),
        (What::Denied { after }, json!({"after": 1500})),
        (What::Reported, json!({})),
        (
            What::Cancelled { by: CancelledBy::Client, after },
            json!({"cancelled_by": "client", "after": 1500}),
        ),
        (What::Superseded { after }, json!({"after": 1500})),
        (
            What::Redeemed { scope: scope(), ends_at: end },
            json!({"scope": "openid profile", "expires_at": 9}),
        ),
        (What::Refreshed { rotated: true }, json!({"rotated": true})),
        (What::Revoked, json!({})),
        (What::Delivered { attempts: 2, after: Some(after) }, json!({"attempts": 2, "after": 1500})),
        (What::Delivered { attempts: 1, after: None }, json!({"attempts": 1})),
        (
            What::DeliveryFailed { attempts: 3, failure: "http_401".to_owned() },
            json!({"attempts": 3, "failure": "http_401"}),
        ),
    ] {
        let id = format!("e1.{}", what.name().as_str());
        let mut found = detail(what);
        assert_eq!(found.as_object_mut().unwrap().remove("id"), Some(id.into()));
        assert_eq!(found, expected);
    }
}

#[test]
fn another_line_of_the_log_is_no_event() {
    let line = json!({"level": "info", "event": "notified", "request": "R", "client_id": "kiosk", "mode": "poll",
        "person": "P", "channel": "sms", "at": AT.millis()});
    let event = NotifiedLine::read(&format!("{line}\n")).unwrap();
    assert_eq!((event.at, event.what), (AT, What::Notified { channel: "sms".to_owned() }));
    for (member, value) in [("event", "requested"), ("mode", "x"), ("client_id", "")] {
        let mut other = line.clone();
        other[member] = value.into();
        assert_eq!(NotifiedLine::read(&other.to_string()), None, "{member}");
    }
    assert_eq!(NotifiedLine::read("REPORT RequestId: 1"), None);
}
