//! The form of the library's serialized state, which [`with_challenge`] depends on. The ceremonies are tested with
//! a software authenticator (`tests/provider/passkey`).

use webauthn_rs_core::proto::RegistrationState;

use super::*;

fn core() -> WebauthnCore {
    let origin = vec![Url::parse("https://op.example").unwrap()];
    WebauthnCore::new_unsafe_experts_only("Op", "op.example", origin, TIMEOUT, None, None)
}

fn registration_state() -> RegistrationState {
    let core = core();
    let builder = core.new_challenge_register_builder(&[0], "person", "person").unwrap();
    core.generate_challenge_register(builder.credential_algorithms(ALGORITHMS.into())).unwrap().1
}

fn names(state: &Value) -> Vec<&str> {
    let mut names: Vec<_> = state.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// If a new version of the library changes its state, this test fails instead of a person's ceremony.
#[test]
fn the_librarys_state_still_has_its_known_members() {
    let registration = serde_json::to_value(registration_state()).unwrap();
    assert_eq!(
        names(&registration),
        [
            "allow_synchronised_authenticators",
            "authenticator_attachment",
            "challenge",
            "credential_algorithms",
            "exclude_credentials",
            "extensions",
            "policy",
            "require_resident_key"
        ]
    );
    let challenge = registration["challenge"].as_str().unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(challenge).unwrap().len(), 32, "base64url without padding");
}

#[test]
fn a_state_takes_our_challenge_and_keeps_everything_else() {
    let replaced = |before: Value, after: Value| {
        let mut expected = before.clone();
        expected["challenge"] = encode(&[9; 32]).into();
        assert_ne!(before, after);
        assert_eq!(after, expected);
    };
    let state = registration_state();
    let before = serde_json::to_value(&state).unwrap();
    replaced(before, serde_json::to_value(with_challenge(state, &[9; 32]).unwrap()).unwrap());
}

#[test]
fn a_state_without_a_challenge_is_refused() {
    assert!(with_challenge(json!({ "chal": "AAAA" }), &[9; 32]).is_err());
    assert!(with_challenge(json!({ "challenge": [0, 0] }), &[9; 32]).is_err());
}

/// Flags, counter and the rest, after the hash of the RP ID.
fn authenticator_data(flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
    [&[0; 32], &[flags][..], &counter.to_be_bytes(), rest].concat()
}

#[test]
fn authenticator_data_of_an_assertion_ends_where_it_should() {
    for (flags, rest, is_whole) in [
        (0x05, &[][..], true),
        (0x05, &[0], false),
        (0x45, &[], false),
        (0x85, &[0xa0], true),
        (0x85, &[0xa1, 0x61, b'a', 0xf5], true),
        (0x85, &[0xa0, 0], false),
        (0x85, &[], false),
        (0x85, &[0x80], false),
        (0x85, &[0xa1, 0x61], false),
        (0xc5, &[0xa0], false),
    ] {
        let data = authenticator_data(flags, 1, rest);
        assert_eq!(check_assertion_data(&data).is_ok(), is_whole, "{flags:x} {rest:?}");
    }
    for length in 0..FIXED {
        assert!(check_assertion_data(&authenticator_data(0x05, 1, &[])[..length]).is_err(), "{length}");
    }
}
