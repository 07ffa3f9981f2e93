use super::*;
use crate::domain::key_schedule::KeyTimes;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const REQUEST: RequestKey = RequestKey::from_bytes([5; 16]);

fn ring(generations: &[u32]) -> KeyRing {
    let times = KeyTimes::first(NOW, Duration::from_secs(3600));
    let key =
        |&generation: &u32| HandleKey::new(generation, times, &[generation.to_le_bytes()[0]; 32]).unwrap();
    KeyRing {
        handle: generations.iter().map(key).collect(),
        signing: vec![],
        public: OwnPublicKeys::default(),
    }
}

/// CIBA-7.3-02, CIBA-7.3-03, CIBA-7.3-04
#[test]
fn a_handle_has_44_characters_out_of_the_alphabet_and_opens_for_its_use_only() {
    let ring = ring(&[1]);
    let (handle, version) = ring.seal_handle(HandleUse::AuthReqId, &REQUEST, NOW).unwrap();
    assert_eq!((handle.len(), version), (44, 1));
    assert!(handle.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')));
    assert!(!handle.contains(&REQUEST.encode()));
    assert_eq!(ring.open_handle(HandleUse::AuthReqId, &handle), Ok(REQUEST));
    assert_eq!(ring.open_handle(HandleUse::AccessToken, &handle), Err(OpenError::Forged));
}

/// ATK-4-01
#[test]
fn a_changed_handle_opens_nothing() {
    let ring = ring(&[1]);
    let (handle, _) = ring.seal_handle(HandleUse::AuthReqId, &REQUEST, NOW).unwrap();
    for at in 0..handle.len() {
        let other = if handle.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &handle[..at], &handle[at + 1..]);
        assert!(ring.open_handle(HandleUse::AuthReqId, &changed).is_err(), "character {at}");
    }
    for text in ["", "A", &handle[..43], &format!("{handle}A"), &format!("{handle}="), "not base64url!"] {
        assert_eq!(ring.open_handle(HandleUse::AuthReqId, text), Err(OpenError::Forged), "{text}");
    }
}

#[test]
fn older_handles_still_open_after_a_newer_key_took_over() {
    let (handle, _) = ring(&[1]).seal_handle(HandleUse::AuthReqId, &REQUEST, NOW).unwrap();
    assert_eq!(ring(&[1, 2]).open_handle(HandleUse::AuthReqId, &handle), Ok(REQUEST));
    let (newer, version) = ring(&[1, 2]).seal_handle(HandleUse::AuthReqId, &REQUEST, NOW).unwrap();
    assert_eq!(version, 2);
    assert_eq!(ring(&[1]).open_handle(HandleUse::AuthReqId, &newer), Err(OpenError::UnknownVersion));
}

#[test]
fn a_jti_is_new_each_time_and_begins_with_the_sealed_key() {
    let ring = ring(&[1]);
    let (one, other) =
        (ring.seal_jti(&REQUEST, [1; 16], NOW).unwrap(), ring.seal_jti(&REQUEST, [2; 16], NOW).unwrap());
    let (handle, _) = ring.seal_handle(HandleUse::AccessToken, &REQUEST, NOW).unwrap();
    assert!(one != other && one.starts_with(&handle) && other.starts_with(&handle));
    let (auth_req_id, _) = ring.seal_handle(HandleUse::AuthReqId, &REQUEST, NOW).unwrap();
    assert!(!one.starts_with(&auth_req_id), "a jti does not give the handle away");
}
