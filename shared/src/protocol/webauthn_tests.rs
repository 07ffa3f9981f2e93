//! The shape of the library's serialised state, on which [`with_challenge`] rests. What is done with it is tested with
//! a software authenticator, from outside (`tests/provider/passkey`).

use webauthn_rs_core::proto::{AuthenticationState, RegistrationState};

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

fn authentication_state() -> AuthenticationState {
    let core = core();
    let policy = Some(UserVerificationPolicy::Required);
    let builder = core.new_challenge_authenticate_builder(vec![], policy).unwrap();
    core.generate_challenge_authenticate(builder).unwrap().1
}

fn names(state: &Value) -> Vec<&str> {
    let mut names: Vec<_> = state.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// A new version of the library that keeps its state otherwise stops here, and not in front of a person.
#[test]
fn the_librarys_state_has_the_members_it_had_when_this_was_written() {
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
    let authentication = serde_json::to_value(authentication_state()).unwrap();
    assert_eq!(
        names(&authentication),
        ["allow_backup_eligible_upgrade", "appid", "challenge", "credentials", "policy"]
    );
    for state in [registration, authentication] {
        let challenge = state["challenge"].as_str().unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(challenge).unwrap().len(), 32, "base64url without padding");
    }
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
    let state = authentication_state();
    let before = serde_json::to_value(&state).unwrap();
    replaced(before, serde_json::to_value(with_challenge(state, &[9; 32]).unwrap()).unwrap());
}

#[test]
fn a_state_without_a_challenge_is_refused() {
    assert!(with_challenge(json!({ "chal": "AAAA" }), &[9; 32]).is_err());
    assert!(with_challenge(json!({ "challenge": [0, 0] }), &[9; 32]).is_err());
}
