//! Log lines, as CloudWatch Logs delivers them to a subscribed function: JSON, compressed with gzip, in base64.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

/// The most text that is unpacked, as a protection against decompression bombs. CloudWatch Logs sends at most 1
/// MB. Unit: bytes.
const MOST: u64 = 8 * 1024 * 1024;

/// One line with its stable ID.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LogEvent {
    pub id: String,
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    message_type: String,
    log_events: Vec<LogEvent>,
}

/// The lines of an invocation. `None` if it is not from CloudWatch Logs. Its control messages have no lines.
pub fn lines(event: &Value) -> Option<Vec<LogEvent>> {
    let packed = STANDARD.decode(event["awslogs"]["data"].as_str()?).ok()?;
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).take(MOST).read_to_string(&mut text).ok()?;
    let delivery: Delivery = serde_json::from_str(&text).ok()?;
    Some(match delivery.message_type.as_str() {
        "DATA_MESSAGE" => delivery.log_events,
        _ => vec![],
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    fn invocation(delivery: &Value) -> Value {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(delivery.to_string().as_bytes()).unwrap();
        json!({"awslogs": {"data": STANDARD.encode(packer.finish().unwrap())}})
    }

    #[test]
    fn lines_are_unpacked_with_their_ids() {
        let event = invocation(&json!({
            "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/ciba/backchannel-authentication",
            "logStream": "s", "subscriptionFilters": ["f"],
            "logEvents": [{"id": "3", "timestamp": 1, "message": "{\"event\":\"notified\"}\n"}],
        }));
        let line = LogEvent { id: "3".to_owned(), message: "{\"event\":\"notified\"}\n".to_owned() };
        assert_eq!(lines(&event), Some(vec![line]));
    }

    #[test]
    fn a_probe_has_no_lines_and_what_is_no_delivery_is_none() {
        let probe = json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "message": "CWL CONTROL MESSAGE"}]});
        assert_eq!(lines(&invocation(&probe)), Some(vec![]));
        for other in
            [json!({}), json!({"Records": []}), json!({"awslogs": {"data": "AAAA"}}), invocation(&json!([]))]
        {
            assert_eq!(lines(&other), None, "{other}");
        }
    }
}
