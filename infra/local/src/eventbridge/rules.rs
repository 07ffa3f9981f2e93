//! What EventBridge refuses: a whole call, or a single entry.

use serde_json::Value;

const MOST_ENTRIES: usize = 10;

/// For all entries of a call together. Unit: bytes.
const LARGEST: usize = 256 * 1024;

/// Why the whole call is refused.
pub(super) fn check_call(entries: &[Value]) -> Result<(), &'static str> {
    if !(1..=MOST_ENTRIES).contains(&entries.len()) {
        return Err("Entries must have length from 1 to 10");
    }
    if entries.iter().map(size).sum::<usize>() >= LARGEST {
        return Err("Total size of the entries in the request is over the limit.");
    }
    Ok(())
}

/// Why an entry is refused while the call succeeds.
pub(super) fn check_entry(entry: &Value) -> Result<(), (&'static str, &'static str)> {
    for (name, message) in [
        ("Source", "Parameter Source is not valid. Reason: Source is a required argument."),
        ("DetailType", "Parameter DetailType is not valid. Reason: DetailType is a required argument."),
        ("Detail", "Parameter Detail is not valid. Reason: Detail is a required argument."),
    ] {
        if entry[name].as_str().is_none_or(str::is_empty) {
            return Err(("InvalidArgument", message));
        }
    }
    if entry["Source"].as_str().is_some_and(|source| source.starts_with("aws.")) {
        return Err(("NotAuthorizedForSourceException", "Not authorized for the source."));
    }
    let detail = entry["Detail"].as_str().unwrap_or_default();
    if !serde_json::from_str::<Value>(detail).is_ok_and(|detail| detail.is_object()) {
        return Err(("MalformedDetail", "Detail is malformed."));
    }
    Ok(())
}

/// The size of an entry as AWS counts it: 14 bytes for a time, plus the texts.
fn size(entry: &Value) -> usize {
    let texts = ["Source", "DetailType", "Detail"].iter().filter_map(|name| entry[*name].as_str());
    let time = if entry["Time"].is_null() { 0 } else { 14 };
    time + texts.map(str::len).sum::<usize>()
}
