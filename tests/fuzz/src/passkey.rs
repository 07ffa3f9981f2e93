//! What a browser says of itself when a passkey signs (`clientDataJSON`).

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::person::passkey::{Passkey, UserHandle};
use ciba::protocol::webauthn::{Assertion, Registration};
use ciba::verify::webauthn::RelyingParty;
use serde_json::Value;

use crate::authenticator::Authenticator;

const RP_ID: &str = "op.example";
const ORIGIN: &str = "https://op.example";
const CHALLENGE: [u8; 32] = [7; 32];
const HANDLE: [u8; 32] = [9; 32];

/// A passkey that is registered, and the authenticator that has it.
struct Registered {
    relying_party: RelyingParty,
    authenticator: Authenticator,
    passkey: Passkey,
}

thread_local! {
    static REGISTERED: RefCell<Registered> = RefCell::new(Registered::new());
}

impl Registered {
    fn new() -> Self {
        let relying_party = RelyingParty::new(RP_ID, &[ORIGIN.to_owned()], "Op").expect("a relying party");
        let mut authenticator = Authenticator::new();
        let options = relying_party.creation_options(&CHALLENGE, &HANDLE, "Op");
        let registration: Registration =
            serde_json::from_value(authenticator.create(&options, ORIGIN)).expect("a registration");
        let new = relying_party.register(&registration, &CHALLENGE).expect("a passkey");
        let person = PersonKey::new("https://login.example", "alice");
        let passkey = new.of(person, UserHandle::from_bytes(HANDLE), Timestamp::from_seconds(0));
        Self { relying_party, authenticator, passkey }
    }
}

/// Whatever the authenticator signs over these bytes counts only if they say what they have to: this ceremony, this
/// challenge, this origin, and no page around it.
pub fn client_data(input: &[u8]) {
    REGISTERED.with_borrow(|it| {
        let data = it.authenticator.authenticator_data(RP_ID, it.authenticator.flags);
        let assertion = it.authenticator.assertion(input, &data);
        let Ok(assertion) = serde_json::from_value::<Assertion>(assertion) else { return };
        if it.relying_party.verify(&assertion, &it.passkey, &CHALLENGE).is_err() {
            return;
        }
        let said: Value = serde_json::from_slice(input).expect("it was read");
        assert_eq!(said["type"], "webauthn.get", "{said}");
        assert_eq!(said["challenge"], URL_SAFE_NO_PAD.encode(CHALLENGE), "{said}");
        assert_eq!(said["origin"], ORIGIN, "{said}");
        assert!(said["crossOrigin"] != true && said["topOrigin"].is_null(), "{said}");
    });
}
