//! `authorization_details` and the words that a person reads.

use std::sync::LazyLock;

use ciba::domain::details::authorization_details::{AuthorizationDetails, DetailType, RequestDetail};
use serde_json::json;

use crate::distinct::has_repeated_member;
use crate::text;

const API: &str = "https://api.example";

/// Control characters, and those that order text or have no width.
fn is_swallowed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

static PAYMENT: LazyLock<DetailType> = LazyLock::new(|| {
    let definition = json!({
        "type": "payment",
        "schema": {
            "type": "object", "additionalProperties": false, "required": ["amount", "creditor"],
            "properties": {
                "amount": {"type": "string", "pattern": "^[0-9]{1,9}\\.[0-9]{2}$"},
                "creditor": {"type": "string", "maxLength": 70},
                "reference": {"type": "string"},
                "locations": {"type": "array", "items": {"type": "string", "format": "uri"}, "x-hidden": true},
            },
        },
        "display": {"en": {"title": "A payment", "rows": [
            {"label": "Amount", "value": "{/amount} EUR"},
            {"label": "To", "value": "{/creditor}"},
            {"label": "Reference", "value": "{/reference}"},
        ]}},
    });
    DetailType::define(&definition, &["en"]).unwrap_or_else(|ill| panic!("{}", ill.0))
});

/// The parameter is refused, or it is kept as it is read; and what is shown of a payment has nothing in it that a screen
/// swallows.
pub fn authorization_details(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(details) = AuthorizationDetails::parse(text) else { return };
    assert!(!has_repeated_member(text), "two readings: {text}");
    let kept = AuthorizationDetails::from_stored(&details.encode()).expect("what was kept");
    assert_eq!(kept.encode(), details.encode(), "kept otherwise: {text}");
    let narrower = details.for_audience(&[API]);
    assert!(narrower.entries().iter().all(|entry| details.entries().contains(entry)), "more than was asked");
    for locations in narrower.entries().iter().filter_map(|entry| entry["locations"].as_array()) {
        let mut locations = locations.iter().filter_map(|it| it.as_str()?.strip_prefix(API));
        assert!(locations.any(|rest| rest.is_empty() || rest.starts_with(['/', '?'])), "another API's");
    }
    if !details.types().all(|name| name == PAYMENT.name().as_str()) {
        return;
    }
    let types = vec![&*PAYMENT; details.entries().len()];
    let Ok(shown) = RequestDetail::new(details, &types, None) else { return };
    for words in shown.words("en") {
        for row in &words.rows {
            assert!(!row.value.chars().any(is_swallowed), "{row:?}");
        }
    }
}
