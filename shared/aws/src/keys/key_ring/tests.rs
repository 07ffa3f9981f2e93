use super::*;
use crate::aws::Aws;
use crate::config::Environment;
use crate::keys::SigningKeyPair;
use ciba_core::domain::issuer::key_schedule::KeyTimes;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const REQUEST: RequestKey = RequestKey::from_bytes([5; 16]);

fn ring(generations: &[u32]) -> KeyRing {
    let times = KeyTimes::first(NOW, Duration::from_secs(3600));
    let key = |&generation: &u32| {
        HandleKey::new(generation, times, &[generation.to_le_bytes(); 8].concat()).unwrap()
    };
    KeyRing {
        handle: generations.iter().map(key).collect(),
        signing: HashMap::new(),
        public: OwnPublicKeys::default(),
        first_data_key: Arc::new(DataKey::new(&[7; 32]).unwrap()),
        withdrawn: WithdrawnKeys::default(),
    }
}

/// CIBA-7.3-02, CIBA-7.3-03, CIBA-7.3-04, FCIBA-22: safe characters are those that CIBA allows.
#[test]
fn a_handle_has_44_safe_characters_and_opens_for_its_use_only() {
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

/// TOK-4-09, TOK-4-10
#[test]
fn a_nonce_is_a_time_that_nobody_else_can_name() {
    let ring = ring(&[1]);
    let nonce = ring.seal_dpop_nonce(NOW).unwrap();
    assert!(nonce.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{nonce}");
    assert_eq!(ring.open_dpop_nonce(&nonce), Ok(NOW));
    assert_ne!(nonce, ring.seal_dpop_nonce(NOW.plus(Duration::from_millis(1))).unwrap());
    let (handle, _) = ring.seal_handle(HandleUse::AuthReqId, &REQUEST, NOW).unwrap();
    let changed = format!("{}AA", &nonce[..nonce.len() - 2]);
    for text in ["", "A", &handle, &changed, &format!("{nonce}A"), "not base64url!"] {
        assert_eq!(ring.open_dpop_nonce(text), Err(OpenError::Forged), "{text}");
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

/// Their handles have the same version byte; a refresh token that is not rotated may be that old.
#[test]
fn keys_that_are_256_generations_apart_open_their_own_handles() {
    for generations in [[1, 257], [257, 1]] {
        for sealed_by in generations {
            let (handle, _) = ring(&[sealed_by]).seal_handle(HandleUse::AuthReqId, &REQUEST, NOW).unwrap();
            assert!(ring(&generations).open_handle(HandleUse::AuthReqId, &handle).is_ok(), "{generations:?}");
        }
    }
}

/// TOK-2-10, FCIBA-22
#[test]
fn a_jti_is_new_each_time_and_begins_with_the_sealed_key() {
    let ring = ring(&[1]);
    let (one, other) =
        (ring.seal_jti(&REQUEST, [1; 16], NOW).unwrap(), ring.seal_jti(&REQUEST, [2; 16], NOW).unwrap());
    assert_eq!([one.len(), other.len()], [JTI_LENGTH; 2]);
    let (handle, _) = ring.seal_handle(HandleUse::AccessToken, &REQUEST, NOW).unwrap();
    assert!(one != other && one.starts_with(&handle) && other.starts_with(&handle));
    let (auth_req_id, _) = ring.seal_handle(HandleUse::AuthReqId, &REQUEST, NOW).unwrap();
    assert!(!one.starts_with(&auth_req_id), "a jti does not give the handle away");
}

const DATA_KEY: [u8; 32] = [3; 32];

/// As `key-rotation` stores it.
fn record(key_use: KeyUse, generation: u32) -> KeyRecord {
    let (private, public) = match key_use {
        KeyUse::Data | KeyUse::Handle | KeyUse::Page | KeyUse::Login => (vec![7; 32], None),
        KeyUse::Signing(algorithm) => {
            let pair = SigningKeyPair::generate(algorithm).unwrap();
            (pair.private, Some(pair.public))
        }
    };
    let data_key = DataKey::new(&DATA_KEY).unwrap();
    KeyRecord {
        key_use,
        generation,
        times: KeyTimes::first(NOW.plus(Duration::from_secs(generation.into())), Duration::from_secs(3600)),
        sealed: data_key.seal(&sealing_label(key_use, generation), &private).unwrap(),
        sealed_under: 1,
        kms_key_id: None,
        public,
        withdrawn_at: None,
        will_be_deleted: false,
    }
}

fn opened_ring(records: &[KeyRecord]) -> Result<KeyRing, KeyError> {
    let data_keys = HashMap::from([(1, std::sync::Arc::new(DataKey::new(&DATA_KEY).unwrap()))]);
    KeyRing::open(records.to_vec(), WithdrawnKeys::default(), &data_keys, &kms())
}

/// It is never called here.
fn kms() -> Kms {
    let settings = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "TABLE_NAME"];
    Kms::connect(&Aws::read(&Environment::of(settings.map(|name| (name, "x")))).unwrap())
}

/// TOK-12-02
#[test]
fn a_missing_key_stops_no_other_algorithm_from_signing() {
    let ring = opened_ring(&[
        record(KeyUse::Handle, 1),
        record(KeyUse::Signing(JwsAlgorithm::ES256), 1),
        record(KeyUse::Signing(JwsAlgorithm::EdDSA), 1),
    ])
    .unwrap();
    let later = NOW.plus(Duration::from_secs(10));
    for (algorithm, is_there) in [
        (JwsAlgorithm::ES256, true),
        (JwsAlgorithm::RS256, false),
        (JwsAlgorithm::PS256, false),
        (JwsAlgorithm::EdDSA, true),
    ] {
        let key = ring.signing_key(algorithm, later).ok();
        assert_eq!(key.map(SigningKey::algorithm), is_there.then_some(algorithm));
    }
}

#[test]
fn a_ring_needs_a_handle_key_and_a_default_algorithm_key() {
    let handle = record(KeyUse::Handle, 1);
    let [es256, eddsa] =
        [JwsAlgorithm::ES256, JwsAlgorithm::EdDSA].map(|algorithm| record(KeyUse::Signing(algorithm), 1));
    assert!(opened_ring(&[handle.clone(), es256.clone()]).is_ok());
    for records in [&[handle, eddsa.clone()], &[es256, eddsa]] {
        assert!(opened_ring(records).is_err());
    }
}

/// TOK-12-02, HYG-3-02
#[test]
fn a_key_that_says_it_is_another_algorithms_is_not_opened() {
    let mut key = record(KeyUse::Signing(JwsAlgorithm::ES256), 1);
    key.public.as_mut().unwrap().alg = "RS256".to_owned();
    assert!(opened_ring(&[record(KeyUse::Handle, 1), key]).is_err());
}

/// TOK-12-03
#[test]
fn each_algorithm_goes_from_key_to_key_by_itself() {
    let ring = opened_ring(&[
        record(KeyUse::Handle, 1),
        record(KeyUse::Signing(JwsAlgorithm::ES256), 1),
        record(KeyUse::Signing(JwsAlgorithm::ES256), 2),
        record(KeyUse::Signing(JwsAlgorithm::EdDSA), 1),
    ])
    .unwrap();
    let generation = |algorithm, seconds| {
        ring.signing_key(algorithm, NOW.plus(Duration::from_secs(seconds))).unwrap().generation()
    };
    assert_eq!((generation(JwsAlgorithm::ES256, 1), generation(JwsAlgorithm::ES256, 2)), (1, 2));
    assert_eq!(generation(JwsAlgorithm::EdDSA, 2), 1);
}

/// TOK-12-05
#[test]
fn a_withdrawn_key_is_dropped_and_its_successor_takes_over() {
    let signing = KeyUse::Signing(JwsAlgorithm::ES256);
    let mut records = [
        record(KeyUse::Handle, 1),
        record(KeyUse::Handle, 2),
        record(signing, 1),
        record(signing, 2),
        record(signing, 3),
    ];
    for leaked in [0, 2, 3] {
        records[leaked].withdrawn_at = Some(NOW);
    }
    let later = NOW.plus(Duration::from_secs(10));
    let ring = opened_ring(&records).unwrap();
    assert_eq!(ring.signing_key(JwsAlgorithm::ES256, later).unwrap().generation(), 3);
    let known = |record: &KeyRecord| ring.public.knows(&record.public.as_ref().unwrap().kid);
    assert_eq!([2, 3, 4].map(|at| known(&records[at])), [false, false, true]);
    for (generation, expected) in [(1, Err(OpenError::UnknownVersion)), (2, Ok(REQUEST))] {
        let key = HandleKey::new(generation, records[0].times, &[7; 32]).unwrap();
        let handle = handle::encode(&key.seal(HandleUse::AuthReqId, REQUEST.as_bytes()).unwrap());
        assert_eq!(ring.open_handle(HandleUse::AuthReqId, &handle), expected, "{generation}");
    }
    // No key is better than a withdrawn one.
    records[4].withdrawn_at = Some(NOW);
    assert!(opened_ring(&records).is_err());
}
