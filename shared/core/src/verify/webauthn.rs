//! The two ceremonies of WebAuthn: a passkey is registered, and a passkey signs.
//!
//! The only file that knows `webauthn-rs-core`. That library draws challenges of its own, and ours are computed from
//! what the person is shown, so ours are put into its serialised state (docs/decisions/0011). What the library leaves
//! open is checked here, before it or after it: each check says so.
//!
//! Who signed an assertion is not left to the library: it reads the parts, and aws-lc verifies them (`passkey_key.rs`).
//!
//! No attestation is asked for, and what an authenticator sends of it all the same is not read: whole parsers of
//! certificates and TPM structures are out of reach of what a stranger posts.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError as Flaw;
use webauthn_rs_core::internals::AuthenticatorData;
use webauthn_rs_core::proto::{
    Authentication, AuthenticatorAttestationResponseRaw, COSEAlgorithm, COSEKey, COSEKeyType,
    CollectedClientData, Credential, ECDSACurve, RegisterPublicKeyCredential,
    RegistrationExtensionsClientOutputs, UserVerificationPolicy,
};

use crate::domain::person::passkey::{NewPasskey, Passkey, PasskeyId};
use crate::protocol::jwks::PublicKey;
use crate::protocol::webauthn::{Assertion, CREDENTIAL_ID, Registration};
use crate::verify::passkey_key::PasskeyKey;

/// How long a browser waits for the person.
const TIMEOUT: Duration = Duration::from_secs(300);
/// What the library can verify of what WebAuthn recommends: it has no EdDSA.
const ALGORITHMS: [COSEAlgorithm; 2] = [COSEAlgorithm::ES256, COSEAlgorithm::RS256];

/// Authenticator data: the hash of the RP ID, flags, counter; then, of a registration, the credential (WebAuthn §6.1).
const FLAGS_AT: usize = 32;
const FIXED: usize = 37;
const CREDENTIAL_ID_LENGTH_AT: usize = FIXED + 16;
const ATTESTED_CREDENTIAL_DATA: u8 = 0b0100_0000;
const EXTENSION_DATA: u8 = 0b1000_0000;

/// A ceremony's answer is not accepted. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAccepted(pub String);

impl NotAccepted {
    /// What the library calls it. What stands behind the name may quote what was sent.
    fn by_the_library(error: impl std::fmt::Debug) -> Self {
        let text = format!("{error:?}");
        Self(text.chars().take_while(|letter| letter.is_alphanumeric()).collect())
    }
}

impl From<&str> for NotAccepted {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// This provider, as authenticators know it.
pub struct RelyingParty {
    core: WebauthnCore,
    rp_id: String,
    origins: Vec<String>,
    name: String,
}

impl RelyingParty {
    /// `origins` are those from which a ceremony is accepted, byte for byte: the issuer, and those of the operator's
    /// apps. `name` is the operator's.
    pub fn new(rp_id: &str, origins: &[String], name: &str) -> Result<Self, NotAccepted> {
        let urls: Result<Vec<_>, _> = origins.iter().map(|origin| Url::parse(origin)).collect();
        let urls = urls.map_err(NotAccepted::by_the_library)?;
        let (subdomains, any_port) = (Some(false), Some(false));
        let core = WebauthnCore::new_unsafe_experts_only(name, rp_id, urls, TIMEOUT, subdomains, any_port);
        let [rp_id, name] = [rp_id, name].map(str::to_owned);
        Ok(Self { core, rp_id, origins: origins.to_vec(), name })
    }

    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// `PublicKeyCredentialCreationOptionsJSON` (WebAuthn §5.1.9). `name` is what the person's device calls the passkey.
    pub fn creation_options(&self, challenge: &[u8; 32], user_handle: &[u8; 32], name: &str) -> Value {
        let algorithms = ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg as i32 }));
        json!({
            "rp": { "id": self.rp_id, "name": self.name },
            "user": { "id": encode(user_handle), "name": name, "displayName": name },
            "challenge": encode(challenge),
            "pubKeyCredParams": algorithms,
            "timeout": TIMEOUT.as_millis() as u64,
            // Which passkeys the person has is not told to whoever holds the link.
            "excludeCredentials": [],
            // Discoverable: at an approval nothing is said about the person, so no credential can be named there.
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
            },
            "attestation": "none",
        })
    }

    /// `PublicKeyCredentialRequestOptionsJSON` (WebAuthn §5.1.10), which names no passkey.
    pub fn request_options(&self, challenge: &[u8; 32]) -> Value {
        json!({
            "challenge": encode(challenge),
            "timeout": TIMEOUT.as_millis() as u64,
            "rpId": self.rp_id,
            "allowCredentials": [],
            "userVerification": "required",
        })
    }

    /// Verifies a registration over `challenge` (WebAuthn §7.1).
    pub fn register(
        &self,
        registration: &Registration,
        challenge: &[u8; 32],
    ) -> Result<NewPasskey, NotAccepted> {
        self.check_client_data(&registration.client_data)?;
        let authenticator_data = authenticator_data(registration)?;
        let credential_id = attested_credential_id(authenticator_data)?;
        // The library does not look at the id that the browser says.
        if credential_id != registration.raw_id {
            return Err("rawId is not the credential id".into());
        }

        let builder = self
            .core
            .new_challenge_register_builder(&[0], "person", "person")
            .map_err(NotAccepted::by_the_library)?
            .credential_algorithms(ALGORITHMS.into())
            .require_resident_key(true)
            .user_verification_policy(UserVerificationPolicy::Required);
        let (_, state) =
            self.core.generate_challenge_register(builder).map_err(NotAccepted::by_the_library)?;
        let state = with_challenge(state, challenge)?;
        let response = RegisterPublicKeyCredential {
            id: encode(&registration.raw_id),
            raw_id: registration.raw_id.clone(),
            response: AuthenticatorAttestationResponseRaw {
                attestation_object: without_attestation(authenticator_data)?,
                client_data_json: registration.client_data.clone(),
                transports: None,
            },
            type_: "public-key".to_owned(),
            extensions: RegistrationExtensionsClientOutputs::default(),
        };
        let credential =
            self.core.register_credential(&response, &state, None).map_err(NotAccepted::by_the_library)?;

        // The library takes any curve under any of the ECDSA algorithms.
        public_key(&credential.cred).ok_or(NotAccepted::from("the key is not of its algorithm"))?;
        Ok(NewPasskey {
            id: PasskeyId::of(&credential.cred_id),
            counter: credential.counter,
            rp_id: self.rp_id.clone(),
            backup_eligible: credential.backup_eligible,
            attested: false,
            credential: serde_json::to_string(&credential).map_err(NotAccepted::by_the_library)?,
        })
    }

    /// Verifies that `passkey` signed `challenge`, with its person verified by the authenticator (WebAuthn §7.2).
    ///
    /// Single use is the caller's: what the assertion is for happens in one write together with `use_passkey`.
    pub fn verify(
        &self,
        assertion: &Assertion,
        passkey: &Passkey,
        challenge: &[u8; 32],
    ) -> Result<Asserted, NotAccepted> {
        if passkey.rp_id != self.rp_id {
            return Err("the passkey is of another domain".into());
        }
        // The library leaves the user handle to its caller.
        if assertion.user_handle().is_some_and(|handle| handle != passkey.user_handle.as_bytes()) {
            return Err("the user handle is somebody else's".into());
        }
        let origin = self.check_client_data(assertion.client_data())?;
        check_assertion_data(assertion.authenticator_data())?;
        let mut credential: Credential =
            serde_json::from_str(&passkey.credential).map_err(NotAccepted::by_the_library)?;
        if credential.cred_id != assertion.credential_id() {
            return Err(NotAccepted::by_the_library(Flaw::CredentialNotFound));
        }
        let client_data: CollectedClientData = serde_json::from_slice(assertion.client_data())
            .map_err(|_| NotAccepted::from("clientDataJSON is malformed"))?;
        if client_data.type_ != "webauthn.get" {
            return Err(NotAccepted::by_the_library(Flaw::InvalidClientDataType));
        }
        if client_data.challenge != challenge {
            return Err(NotAccepted::by_the_library(Flaw::MismatchedChallenge));
        }
        // What the condition of the write is about is what is judged: the passkey's own counter and eligibility.
        let data = self.judge(assertion.authenticator_data(), passkey)?;
        let backup_eligible = passkey
            .backup_eligible_after(data.backup_eligible)
            .ok_or(NotAccepted::from("a key that could be copied says that it cannot"))?;
        let key = public_key(&credential.cred).ok_or(NotAccepted::from("the key is not of its algorithm"))?;
        if !key.verifies(assertion.authenticator_data(), assertion.client_data(), assertion.signature()) {
            return Err(NotAccepted::by_the_library(Flaw::AuthenticationFailure));
        }

        credential.counter = data.counter;
        credential.backup_eligible = backup_eligible;
        credential.backup_state = data.backup_state;
        let credential = serde_json::to_string(&credential).map_err(NotAccepted::by_the_library)?;
        Ok(Asserted { counter: data.counter, credential, backup_eligible, origin })
    }

    /// What an authenticator says of itself and its person at a use of `passkey` (WebAuthn §7.2). Flaws have the names that
    /// the library gives them at a registration.
    fn judge(
        &self,
        authenticator_data: &[u8],
        passkey: &Passkey,
    ) -> Result<AuthenticatorData<Authentication>, NotAccepted> {
        let flaw = |flaw: Flaw| Err(NotAccepted::by_the_library(flaw));
        let data = AuthenticatorData::<Authentication>::try_from(authenticator_data)
            .map_err(NotAccepted::by_the_library)?;
        if !authenticator_data.starts_with(digest(&SHA256, self.rp_id.as_bytes()).as_ref()) {
            return flaw(Flaw::InvalidRPIDHash);
        }
        if !data.user_present {
            return flaw(Flaw::UserNotPresent);
        }
        if !data.user_verified {
            return flaw(Flaw::UserNotVerified);
        }
        if data.backup_state && !data.backup_eligible {
            return flaw(Flaw::CredentialMayNotBeHardwareBound);
        }
        // Authenticators that do not count always say zero.
        if (data.counter > 0 || passkey.counter > 0) && data.counter <= passkey.counter {
            return flaw(Flaw::CredentialPossibleCompromise);
        }
        Ok(data)
    }

    /// The library compares origins as URLs and so overlooks a path; and of an assertion it does not look at all
    /// whether a foreign page had framed ours.
    ///
    /// The origin, which is one of ours.
    fn check_client_data(&self, json: &[u8]) -> Result<String, NotAccepted> {
        let client_data: ClientData =
            serde_json::from_slice(json).map_err(|_| NotAccepted::from("clientDataJSON is none"))?;
        if !self.origins.contains(&client_data.origin) {
            return Err("the origin is another one".into());
        }
        if client_data.cross_origin == Some(true) || client_data.top_origin.is_some() {
            return Err("a page of another origin was around it".into());
        }
        Ok(client_data.origin)
    }
}

/// What a browser signs of itself (WebAuthn §5.8.1), as far as the library does not check it.
#[derive(Deserialize)]
struct ClientData {
    origin: String,
    #[serde(rename = "crossOrigin")]
    cross_origin: Option<bool>,
    #[serde(rename = "topOrigin")]
    top_origin: Option<Value>,
}

/// What the use of a passkey changes in its record, and from where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asserted {
    pub counter: u32,
    pub credential: String,
    pub backup_eligible: bool,
    pub origin: String,
}

impl Asserted {
    /// The passkey as it is after this use.
    pub fn applied_to(&self, passkey: &Passkey) -> Passkey {
        Passkey {
            counter: self.counter,
            credential: self.credential.clone(),
            backup_eligible: self.backup_eligible,
            ..passkey.clone()
        }
    }
}

/// The authenticator data of a registration. Of the attestation object nothing else is read.
fn authenticator_data(registration: &Registration) -> Result<&[u8], NotAccepted> {
    #[derive(Deserialize)]
    struct AttestationObject<'a> {
        #[serde(rename = "authData")]
        auth_data: &'a [u8],
    }
    let object: AttestationObject<'_> = serde_cbor_2::from_slice(&registration.attestation_object)
        .map_err(|_| NotAccepted::from("attestationObject is malformed"))?;
    Ok(object.auth_data)
}

/// The thumbprint (RFC 7638) of the public key in a passkey's record. `None` if it has no key that this provider accepts.
pub fn thumbprint(credential: &str) -> Option<String> {
    let credential: Credential = serde_json::from_str(credential).ok()?;
    let without_zeros = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        encode(&bytes[zeros..])
    };
    let key = match &credential.cred.key {
        COSEKeyType::EC_EC2(key) if key.curve == ECDSACurve::SECP256R1 => {
            PublicKey::Ec { crv: "P-256".to_owned(), x: encode(&key.x), y: encode(&key.y) }
        }
        COSEKeyType::RSA(key) => PublicKey::Rsa { n: without_zeros(&key.n), e: without_zeros(&key.e) },
        COSEKeyType::EC_EC2(_) | COSEKeyType::EC_OKP(_) => return None,
    };
    Some(key.thumbprint())
}

/// The library's state of a ceremony, with our challenge in the place of its own.
fn with_challenge<S: Serialize + DeserializeOwned>(state: S, challenge: &[u8; 32]) -> Result<S, NotAccepted> {
    let mut state = serde_json::to_value(state).map_err(NotAccepted::by_the_library)?;
    match state.get_mut("challenge") {
        Some(Value::String(text)) => *text = encode(challenge),
        Some(_) | None => return Err("the library's state has no challenge where it had one".into()),
    }
    serde_json::from_value(state).map_err(NotAccepted::by_the_library)
}

/// The credential id in a registration's authenticator data. The library takes longer ones than WebAuthn does.
fn attested_credential_id(authenticator_data: &[u8]) -> Result<&[u8], NotAccepted> {
    let flags = authenticator_data.get(FLAGS_AT).copied().unwrap_or_default();
    if flags & ATTESTED_CREDENTIAL_DATA == 0 {
        return Err("a registration without a credential".into());
    }
    let rest = authenticator_data.get(CREDENTIAL_ID_LENGTH_AT..);
    let id = rest.and_then(|rest| {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        rest.get(..usize::from(u16::from_be_bytes(*length)))
    });
    id.filter(|id| CREDENTIAL_ID.contains(&id.len()))
        .ok_or_else(|| "a credential id has 16 to 1023 bytes".into())
}

/// An assertion has no credential in it (WebAuthn §6.1), and nothing after its end: the library would overlook it.
fn check_assertion_data(authenticator_data: &[u8]) -> Result<(), NotAccepted> {
    const MALFORMED: &str = "authenticatorData is not that of an assertion";
    let flags = authenticator_data.get(FLAGS_AT).copied().unwrap_or_default();
    let rest = authenticator_data.get(FIXED..).ok_or(NotAccepted::from(MALFORMED))?;
    let is_whole = if flags & EXTENSION_DATA != 0 {
        matches!(serde_cbor_2::from_slice(rest), Ok(serde_cbor_2::Value::Map(_)))
    } else {
        rest.is_empty()
    };
    if flags & ATTESTED_CREDENTIAL_DATA != 0 || !is_whole {
        return Err(MALFORMED.into());
    }
    Ok(())
}

/// A credential's public key, of the type and curve that its algorithm asks for.
fn public_key(key: &COSEKey) -> Option<PasskeyKey> {
    match (&key.type_, &key.key) {
        (COSEAlgorithm::ES256, COSEKeyType::EC_EC2(key)) if key.curve == ECDSACurve::SECP256R1 => {
            PasskeyKey::es256(&key.x, &key.y)
        }
        (COSEAlgorithm::RS256, COSEKeyType::RSA(key)) => PasskeyKey::rs256(&key.n, &key.e),
        (_, COSEKeyType::EC_EC2(_) | COSEKeyType::RSA(_) | COSEKeyType::EC_OKP(_)) => None,
    }
}

/// The attestation object as it is where nothing is attested (WebAuthn §8.7).
fn without_attestation(authenticator_data: &[u8]) -> Result<Vec<u8>, NotAccepted> {
    use serde_cbor_2::Value::{Bytes, Map, Text};
    let members = [
        ("fmt", Text("none".to_owned())),
        ("attStmt", Map(BTreeMap::new())),
        ("authData", Bytes(authenticator_data.to_vec())),
    ];
    let object = Map(members.into_iter().map(|(name, value)| (Text(name.to_owned()), value)).collect());
    serde_cbor_2::to_vec(&object).map_err(NotAccepted::by_the_library)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
