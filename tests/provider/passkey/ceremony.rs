//! What is accepted of an authenticator, and what is not (WebAuthn §7.1, §7.2).

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::person::passkey::{Passkey, UserHandle};
use ciba::protocol::webauthn::{Assertion, Registration};
use ciba::verify::webauthn::{Asserted, NotAccepted, RelyingParty};
use ciba_tests::authenticator::{BACKED_UP, BACKUP_ELIGIBLE, USER_PRESENT, USER_VERIFIED};
use ciba_tests::{Authenticator, START};
use serde_json::{Value, json};

pub(super) const RP_ID: &str = "example.com";
pub(super) const ORIGIN: &str = "https://op.example.com";
pub(super) const CHALLENGE: [u8; 32] = [0xc5; 32];
const HANDLE: [u8; 32] = [0x17; 32];

pub(super) fn relying_party() -> RelyingParty {
    RelyingParty::new(RP_ID, &[ORIGIN.to_owned()], "Example Bank").expect("a relying party")
}

pub(super) fn creation_options() -> Value {
    relying_party().creation_options(&CHALLENGE, &HANDLE, "Example Bank")
}

pub(super) fn register(registration: Value) -> Result<Passkey, NotAccepted> {
    let registration: Registration =
        serde_json::from_value(registration).map_err(|error| NotAccepted(error.to_string()))?;
    let new = relying_party().register(&registration, &CHALLENGE)?;
    Ok(new.of(PersonKey::new("i", "v"), UserHandle::from_bytes(HANDLE), START))
}

pub(super) fn verify(assertion: Value, passkey: &Passkey) -> Result<Asserted, NotAccepted> {
    let assertion: Assertion =
        serde_json::from_value(assertion).map_err(|error| NotAccepted(error.to_string()))?;
    relying_party().verify(&assertion, passkey, &CHALLENGE)
}

/// An authenticator and its passkey.
pub(super) fn enrolled(mut authenticator: Authenticator) -> (Authenticator, Passkey) {
    let registration = authenticator.create(&creation_options(), ORIGIN);
    let passkey = register(registration).expect("a passkey");
    (authenticator, passkey)
}

/// What becomes of a registration and of an assertion, each with this one change.
#[track_caller]
fn refused(change: impl Fn(&mut Authenticator), why: &str) {
    let mut changed = Authenticator::new();
    change(&mut changed);
    let refused = register(changed.create(&creation_options(), ORIGIN)).expect_err("a registration");
    assert!(refused.0.contains(why), "{refused:?}");

    let (mut authenticator, passkey) = enrolled(Authenticator::new());
    change(&mut authenticator);
    let refused = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("an assertion");
    assert!(refused.0.contains(why), "{refused:?}");
}

/// Of a synced passkey, which does not count: any number of uses.
#[test]
fn a_passkey_is_registered_and_signs_again_and_again() {
    let (mut authenticator, mut passkey) = enrolled(Authenticator::new());
    assert_eq!((passkey.counter, passkey.backup_eligible, passkey.attested), (0, true, false));
    assert_eq!(passkey.rp_id, RP_ID);
    for _ in 0..3 {
        let asserted = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect("accepted");
        assert_eq!(asserted.counter, 0);
        passkey.credential = asserted.credential;
    }
}

#[test]
fn only_es256_and_rs256_keys_are_requested_and_accepted() {
    let algorithms = creation_options()["pubKeyCredParams"].clone();
    assert_eq!(
        algorithms,
        json!([{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -257 }])
    );
    let (mut authenticator, passkey) = enrolled(Authenticator::rs256());
    verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect("RS256");
    let registration = Authenticator::eddsa().create(&creation_options(), ORIGIN);
    register(registration).expect_err("the library cannot verify it");
}

/// They ask for no attestation.
#[test]
fn the_options_ask_for_user_verification_and_discoverability() {
    let options = creation_options();
    let selection = &options["authenticatorSelection"];
    assert_eq!(
        (&selection["residentKey"], &selection["userVerification"]),
        (&json!("required"), &json!("required"))
    );
    assert_eq!((&options["attestation"], &options["excludeCredentials"]), (&json!("none"), &json!([])));
    let options = relying_party().request_options(&CHALLENGE);
    assert_eq!(
        (&options["userVerification"], &options["allowCredentials"]),
        (&json!("required"), &json!([]))
    );
    assert_eq!(
        (&options["rpId"], &options["challenge"]),
        (&json!(RP_ID), &json!("xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcU"))
    );
}

#[test]
fn an_answer_over_another_challenge_is_refused() {
    let (mut authenticator, passkey) = enrolled(Authenticator::new());
    let refused = verify(authenticator.get(&[0xc6; 32], RP_ID, ORIGIN), &passkey).expect_err("another");
    assert_eq!(refused.0, "MismatchedChallenge");
    let mut options = creation_options();
    options["challenge"] = json!("xsXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcU");
    let refused = register(Authenticator::new().create(&options, ORIGIN)).expect_err("another");
    assert_eq!(refused.0, "MismatchedChallenge");
}

#[test]
fn a_person_who_was_not_verified_is_refused() {
    refused(|it| it.flags &= !USER_VERIFIED, "UserNotVerified");
}

#[test]
fn a_person_who_was_not_there_is_refused() {
    refused(|it| it.flags &= !USER_PRESENT, "UserNotPresent");
}

#[test]
fn the_origin_is_the_issuer_byte_for_byte() {
    for origin in [
        "https://example.com",
        "https://evil.op.example.com",
        "https://op.example.com:8443",
        "https://op.example.com:443",
        "https://op.example.com/",
        "https://op.example.com/consent",
        "https://OP.example.com",
        "http://op.example.com",
        "android:apk-key-hash:AAAA",
        "",
    ] {
        refused(|it| drop(it.client_data.insert("origin".to_owned(), origin.into())), "origin");
    }
    let local =
        RelyingParty::new("localhost", &["http://localhost:9000".to_owned()], "Op").expect("a relying party");
    let options = local.creation_options(&CHALLENGE, &HANDLE, "Op");
    for (origin, accepted) in [("http://localhost:9000", true), ("http://localhost:9001", false)] {
        let registration = Authenticator::new().create(&options, origin);
        let registration: Registration = serde_json::from_value(registration).expect("a registration");
        assert_eq!(local.register(&registration, &CHALLENGE).is_ok(), accepted, "{origin}");
    }
}

/// Those of the operator's own apps.
#[test]
fn an_origin_that_is_set_counts_and_no_other_does() {
    const ANDROID: &str = "android:apk-key-hash:7aKV8vnWbLuuPDvsJBqXHDkk3cM4G_8mW8jyVjm-Sc0";
    let origins = [ORIGIN, ANDROID, "https://example.com"].map(str::to_owned);
    let relying_party = RelyingParty::new(RP_ID, &origins, "Example Bank").expect("a relying party");
    let ceremonies = |origin: &str| {
        let mut app = Authenticator::new();
        if origin.starts_with("android:") {
            app.client_data.insert("androidPackageName".to_owned(), "com.example.bank".into());
        }
        let registration: Registration =
            serde_json::from_value(app.create(&creation_options(), origin)).expect("a registration");
        let new = relying_party.register(&registration, &CHALLENGE);
        let is_new = new.is_ok();
        // One that was made elsewhere may be used there or not, all the same.
        let passkey = match new {
            Ok(new) => new.of(PersonKey::new("i", "v"), UserHandle::from_bytes(HANDLE), START),
            Err(_) => register(app.create(&creation_options(), ORIGIN)).expect("a passkey"),
        };
        let assertion: Assertion =
            serde_json::from_value(app.get(&CHALLENGE, RP_ID, origin)).expect("an assertion");
        (is_new, relying_party.verify(&assertion, &passkey, &CHALLENGE).map(|it| it.origin).ok())
    };
    for origin in &origins {
        assert_eq!(ceremonies(origin), (true, Some(origin.clone())), "{origin}");
    }
    for origin in [
        "android:apk-key-hash:7aKV8vnWbLuuPDvsJBqXHDkk3cM4G_8mW8jyVjm-Sc1",
        "android:apk-key-hash:7aKV8vnWbLuuPDvsJBqXHDkk3cM4G_8mW8jyVjm-Sc0=",
        "Android:apk-key-hash:7aKV8vnWbLuuPDvsJBqXHDkk3cM4G_8mW8jyVjm-Sc0",
        "https://example.com/",
        "https://example.com:443",
        "https://www.example.com",
        "http://example.com",
        "https://example.org",
    ] {
        assert_eq!(ceremonies(origin), (false, None), "{origin}");
    }
}

#[test]
fn a_passkey_of_another_domain_is_refused() {
    refused(|it| it.other_rp_id = Some("op.example.com".to_owned()), "InvalidRPIDHash");
    let (mut authenticator, mut passkey) = enrolled(Authenticator::new());
    passkey.rp_id = "example.org".to_owned();
    let refused = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("a domain");
    assert_eq!(refused.0, "the passkey is for another domain");
}

#[test]
fn an_answer_of_the_other_ceremony_is_refused() {
    refused(
        |it| drop(it.client_data.insert("type".to_owned(), "webauthn.other".into())),
        "InvalidClientDataType",
    );
    let (mut authenticator, passkey) = enrolled(Authenticator::new());
    authenticator.client_data.insert("type".to_owned(), "webauthn.create".into());
    let refused = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("a type");
    assert_eq!(refused.0, "InvalidClientDataType");
}

/// The library does not look at it in an assertion.
#[test]
fn a_ceremony_inside_a_foreign_page_is_refused() {
    refused(|it| drop(it.client_data.insert("crossOrigin".to_owned(), true.into())), "another origin");
    refused(
        |it| drop(it.client_data.insert("topOrigin".to_owned(), "https://evil.example".into())),
        "another origin",
    );
}

#[test]
fn client_data_that_says_a_thing_twice_is_refused() {
    let (authenticator, passkey) = enrolled(Authenticator::new());
    let usual = String::from_utf8(authenticator.client_data("webauthn.get", &challenge(), ORIGIN)).unwrap();
    let data = authenticator.authenticator_data(RP_ID, authenticator.flags);
    verify(authenticator.assertion(usual.as_bytes(), &data), &passkey).expect("accepted");
    for again in [r#""crossOrigin":true"#, r#""origin":"https://evil.example""#, r#""type":"webauthn.get""#] {
        let twice = usual.replacen('{', &format!("{{{again},"), 1);
        verify(authenticator.assertion(twice.as_bytes(), &data), &passkey).expect_err(again);
    }
}

pub(super) fn challenge() -> String {
    creation_options()["challenge"].as_str().unwrap().to_owned()
}

#[test]
fn a_counter_must_grow_where_the_authenticator_counts() {
    let mut authenticator = Authenticator::new().bound_to_hardware();
    authenticator.counter = 6;
    let (mut authenticator, mut passkey) = enrolled(authenticator);
    assert_eq!((passkey.counter, passkey.backup_eligible), (6, false));
    let seventh = authenticator.get(&CHALLENGE, RP_ID, ORIGIN);
    let asserted = verify(seventh.clone(), &passkey).expect("7 follows 6");
    assert_eq!(asserted.counter, 7);
    passkey.counter = asserted.counter;
    passkey.credential = asserted.credential;

    let refused = verify(seventh, &passkey).expect_err("7 again");
    assert_eq!(refused.0, "CredentialPossibleCompromise");
    for counter in [0, 6] {
        authenticator.counter = counter;
        authenticator.counts_by = 0;
        let refused = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("a copy");
        assert_eq!(refused.0, "CredentialPossibleCompromise");
    }
}

/// The attribute that the write's condition is about, and not a copy of it in the credential.
#[test]
fn the_counter_that_counts_is_the_one_of_the_record() {
    let (mut authenticator, mut passkey) = enrolled(Authenticator::new().bound_to_hardware());
    passkey.counter = 5;
    let refused = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("1 after 5");
    assert_eq!(refused.0, "CredentialPossibleCompromise");
}

/// Platforms begin to sync keys that were made before they did. The first use afterwards may already be of a copy.
#[test]
fn a_key_may_begin_to_be_synced_and_never_stops() {
    for synced in [BACKUP_ELIGIBLE, BACKUP_ELIGIBLE | BACKED_UP] {
        let (mut authenticator, mut passkey) = enrolled(Authenticator::new().bound_to_hardware());
        assert!(!passkey.backup_eligible);
        authenticator.flags |= synced;
        for _ in 0..2 {
            let asserted = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect("accepted");
            assert!(asserted.backup_eligible);
            passkey = asserted.applied_to(&passkey);
        }
        authenticator.flags &= !synced;
        let refused = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("a change");
        assert_eq!(refused.0, "a backup-eligible key claims not to be");
    }
    // One that says that it was copied and that it cannot be.
    let (mut authenticator, passkey) = enrolled(Authenticator::new().bound_to_hardware());
    authenticator.flags |= BACKED_UP;
    verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("a contradiction");
}

#[test]
fn a_passkey_backed_up_since_is_accepted_and_remembered() {
    let mut authenticator = Authenticator::new();
    authenticator.flags &= !BACKED_UP;
    let (mut authenticator, passkey) = enrolled(authenticator);
    authenticator.flags |= BACKED_UP;
    let asserted = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect("accepted");
    let record = |json: &str| serde_json::from_str::<Value>(json).unwrap()["backup_state"].clone();
    assert_eq!((record(&passkey.credential), record(&asserted.credential)), (json!(false), json!(true)));
}

/// WebAuthn §7.2: where it is there, it is the person's.
#[test]
fn a_user_handle_is_the_persons_or_is_not_there() {
    let (mut authenticator, passkey) = enrolled(Authenticator::new());
    for (handle, accepted) in [(Some(vec![0x18; 32]), false), (Some(vec![]), false), (None, true)] {
        authenticator.user_handle = handle;
        let answer = verify(authenticator.get(&CHALLENGE, RP_ID, ORIGIN), &passkey);
        assert_eq!(answer.is_ok(), accepted, "{answer:?}");
    }
}

#[test]
fn an_assertion_of_another_passkey_is_refused() {
    let (_, passkey) = enrolled(Authenticator::new());
    let (mut other, _) = enrolled(Authenticator::new());
    let refused = verify(other.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("another passkey");
    assert_eq!(refused.0, "CredentialNotFound");
    other.credential_id = {
        let (mut mine, passkey) = enrolled(Authenticator::new());
        let assertion = mine.get(&CHALLENGE, RP_ID, ORIGIN);
        verify(assertion, &passkey).expect("accepted");
        mine.credential_id
    };
    let refused = verify(other.get(&CHALLENGE, RP_ID, ORIGIN), &passkey).expect_err("another key");
    assert_eq!(refused.0, "CredentialNotFound");
}

/// A wrong one is by another key or over other bytes.
#[test]
fn a_wrong_or_malformed_signature_is_refused() {
    for authenticator in [Authenticator::new(), Authenticator::rs256()] {
        let (mut authenticator, passkey) = enrolled(authenticator);
        let good = authenticator.get(&CHALLENGE, RP_ID, ORIGIN);
        verify(good.clone(), &passkey).expect("accepted");
        let signature = good["response"]["signature"].as_str().unwrap();
        let mut other = Authenticator::new();
        other.credential_id = authenticator.credential_id.clone();
        let by_another = other.get(&CHALLENGE, RP_ID, ORIGIN)["response"]["signature"].clone();
        for wrong in [
            json!(""),
            json!("AAAA"),
            json!(&signature[..signature.len() - 4]),
            json!(format!("{signature}AA").chars().take(signature.len() / 4 * 4 + 4).collect::<String>()),
            json!("MAYCAQACAQA"),
            json!("MIIBAAKCAQA"),
            by_another,
        ] {
            let mut bad = good.clone();
            bad["response"]["signature"] = wrong.clone();
            verify(bad, &passkey).expect_err(&wrong.to_string());
        }
        let mut bad = good.clone();
        let counted =
            [authenticator.authenticator_data(RP_ID, authenticator.flags)[..36].to_vec(), vec![1]].concat();
        bad["response"]["authenticatorData"] = json!(base64(&counted));
        verify(bad, &passkey).expect_err("another counter than the signed one");
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn the_id_a_browser_says_is_the_credentials_and_of_a_public_key() {
    let registration = Authenticator::new().create(&creation_options(), ORIGIN);
    let (mut authenticator, passkey) = enrolled(Authenticator::new());
    let assertion = authenticator.get(&CHALLENGE, RP_ID, ORIGIN);
    let other = json!(base64(&[1; 20]));
    for (name, value) in [("id", &other), ("rawId", &other), ("type", &json!("password"))] {
        let (mut registration, mut assertion) = (registration.clone(), assertion.clone());
        registration[name] = value.clone();
        assertion[name] = value.clone();
        register(registration).expect_err(name);
        verify(assertion, &passkey).expect_err(name);
    }
    let mut both = registration.clone();
    both["id"] = other.clone();
    both["rawId"] = other;
    assert_eq!(register(both), Err(NotAccepted("rawId is not the credential ID".to_owned())));
}
