//! The two ceremonies of WebAuthn: registering a passkey, and signing with a passkey.
//!
//! This is the only file that uses `webauthn-rs-core`. That library generates its own challenges, while this
//! provider's are computed from the content that the person is shown. So at a registration the challenge is replaced in
//! the library's serialized state (docs/decisions/0011). Checks that the library does not make are made here, with a
//! comment on each.
//!
//! An assertion is not verified by the library: it parses the parts, the checks of WebAuthn §7.2 are made here, and aws-lc
//! verifies the signature (`passkey_key.rs`).
//!
//! No attestation is requested, and an attestation that is sent anyway is not parsed. So input from strangers
//! cannot reach the parsers for certificates and TPM structures.

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
/// The algorithms recommended by WebAuthn that the library supports; it does not support EdDSA.
const ALGORITHMS: [COSEAlgorithm; 2] = [COSEAlgorithm::ES256, COSEAlgorithm::RS256];

/// Offsets and flags in the authenticator data, which consists of the hash of the RP ID, the flags and the
/// counter, and then, for a registration, the credential (WebAuthn §6.1). Unit of offsets: bytes.
const FLAGS_AT: usize = 32;
const FIXED: usize = 37;
const CREDENTIAL_ID_LENGTH_AT: usize = FIXED + 16;
const ATTESTED_CREDENTIAL_DATA: u8 = 0b0100_0000;
const EXTENSION_DATA: u8 = 0b1000_0000;

/// The response of a ceremony is not accepted. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAccepted(pub String);

impl NotAccepted {
    /// The library's name for the error. The rest of its text is left out, because it may quote the input.
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

/// This provider as a relying party of WebAuthn.
pub struct RelyingParty {
    core: WebauthnCore,
    rp_id: String,
    origins: Vec<String>,
    name: String,
}

impl RelyingParty {
    /// `origins` are the accepted origins of a ceremony, compared byte for byte: the issuer, and those of the
    /// operator's apps. `name` is the operator's name.
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

    /// `PublicKeyCredentialCreationOptionsJSON` (WebAuthn §5.1.9). `name` is the passkey's name on the person's
    /// device.
    pub fn creation_options(&self, challenge: &[u8; 32], user_handle: &[u8; 32], name: &str) -> Value {
        let algorithms = ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg as i32 }));
        json!({
            "rp": { "id": self.rp_id, "name": self.name },
            "user": { "id": encode(user_handle), "name": name, "displayName": name },
            "challenge": encode(challenge),
            "pubKeyCredParams": algorithms,
            "timeout": TIMEOUT.as_millis() as u64,
            // The link alone must not reveal which passkeys the person has.
            "excludeCredentials": [],
            // Discoverable, because the options for an approval reveal nothing about the person and name no
            // credential.
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
            },
            "attestation": "none",
        })
    }

    /// `PublicKeyCredentialRequestOptionsJSON` (WebAuthn §5.1.10), without naming a passkey.
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
        // The library does not check the ID that the browser sends.
        if credential_id != registration.raw_id {
            return Err("rawId is not the credential ID".into());
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

        // The library accepts any curve for each ECDSA algorithm.
        public_key(&credential.cred).ok_or(NotAccepted::from("the key does not fit its algorithm"))?;
        Ok(NewPasskey {
            id: PasskeyId::of(&credential.cred_id),
            counter: credential.counter,
            rp_id: self.rp_id.clone(),
            backup_eligible: credential.backup_eligible,
            attested: false,
            credential: serde_json::to_string(&credential).map_err(NotAccepted::by_the_library)?,
        })
    }

    /// Verifies that `passkey` signed `challenge`, and that the authenticator verified the person (WebAuthn §7.2).
    ///
    /// The caller ensures single use: the effect of the assertion and `use_passkey` are written in one
    /// transaction.
    pub fn verify(
        &self,
        assertion: &Assertion,
        passkey: &Passkey,
        challenge: &[u8; 32],
    ) -> Result<Asserted, NotAccepted> {
        if passkey.rp_id != self.rp_id {
            return Err("the passkey is for another domain".into());
        }
        // The library leaves checking the user handle to its caller.
        if assertion.user_handle().is_some_and(|handle| handle != passkey.user_handle.as_bytes()) {
            return Err("the user handle is another person's".into());
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
        // The counter and the eligibility in the passkey's record are used, because the conditional write
        // compares these.
        let data = self.judge(assertion.authenticator_data(), passkey)?;
        let backup_eligible = passkey
            .backup_eligible_after(data.backup_eligible)
            .ok_or(NotAccepted::from("a backup-eligible key claims not to be"))?;
        let key =
            public_key(&credential.cred).ok_or(NotAccepted::from("the key does not fit its algorithm"))?;
        if !key.verifies(assertion.authenticator_data(), assertion.client_data(), assertion.signature()) {
            return Err(NotAccepted::by_the_library(Flaw::AuthenticationFailure));
        }

        credential.counter = data.counter;
        credential.backup_eligible = backup_eligible;
        credential.backup_state = data.backup_state;
        let credential = serde_json::to_string(&credential).map_err(NotAccepted::by_the_library)?;
        Ok(Asserted { counter: data.counter, credential, backup_eligible, origin })
    }

    /// Checks the authenticator data for a use of `passkey` (WebAuthn §7.2). Errors have the names that the
    /// library uses in a registration.
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
        // Authenticators without a counter always send zero.
        if (data.counter > 0 || passkey.counter > 0) && data.counter <= passkey.counter {
            return flaw(Flaw::CredentialPossibleCompromise);
        }
        Ok(data)
    }

    /// Checks the origin, and returns it. The library compares origins as URLs and so ignores a path, and for an
    /// assertion it does not check whether the page was framed by another site.
    fn check_client_data(&self, json: &[u8]) -> Result<String, NotAccepted> {
        let client_data: ClientData =
            serde_json::from_slice(json).map_err(|_| NotAccepted::from("clientDataJSON is malformed"))?;
        if !self.origins.contains(&client_data.origin) {
            return Err("the origin is not accepted".into());
        }
        if client_data.cross_origin == Some(true) || client_data.top_origin.is_some() {
            return Err("the page was framed by another origin".into());
        }
        Ok(client_data.origin)
    }
}

/// The members of the client data (WebAuthn §5.8.1) that the library does not check.
#[derive(Deserialize)]
struct ClientData {
    origin: String,
    #[serde(rename = "crossOrigin")]
    cross_origin: Option<bool>,
    #[serde(rename = "topOrigin")]
    top_origin: Option<Value>,
}

/// The changes to a passkey's record after its use, and the origin of that use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asserted {
    pub counter: u32,
    pub credential: String,
    pub backup_eligible: bool,
    pub origin: String,
}

impl Asserted {
    /// The passkey after this use.
    pub fn applied_to(&self, passkey: &Passkey) -> Passkey {
        Passkey {
            counter: self.counter,
            credential: self.credential.clone(),
            backup_eligible: self.backup_eligible,
            ..passkey.clone()
        }
    }
}

/// The authenticator data of a registration. Nothing else in the attestation object is parsed.
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

/// The thumbprint (RFC 7638) of the public key in a passkey's record. `None` if the key is not of an accepted type.
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

/// The library's state of a ceremony, with its challenge replaced by this provider's.
fn with_challenge<S: Serialize + DeserializeOwned>(state: S, challenge: &[u8; 32]) -> Result<S, NotAccepted> {
    let mut state = serde_json::to_value(state).map_err(NotAccepted::by_the_library)?;
    match state.get_mut("challenge") {
        Some(Value::String(text)) => *text = encode(challenge),
        Some(_) | None => return Err("the library's state has no challenge in the expected place".into()),
    }
    serde_json::from_value(state).map_err(NotAccepted::by_the_library)
}

/// The credential ID in a registration's authenticator data. The library accepts longer ones than WebAuthn allows.
fn attested_credential_id(authenticator_data: &[u8]) -> Result<&[u8], NotAccepted> {
    let flags = authenticator_data.get(FLAGS_AT).copied().unwrap_or_default();
    if flags & ATTESTED_CREDENTIAL_DATA == 0 {
        return Err("the registration has no credential".into());
    }
    let rest = authenticator_data.get(CREDENTIAL_ID_LENGTH_AT..);
    let id = rest.and_then(|rest| {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        rest.get(..usize::from(u16::from_be_bytes(*length)))
    });
    id.filter(|id| CREDENTIAL_ID.contains(&id.len()))
        .ok_or_else(|| "a credential ID must have 16 to 1023 bytes".into())
}

/// The authenticator data of an assertion has no credential (WebAuthn §6.1) and no trailing data, which the
/// library would ignore.
fn check_assertion_data(authenticator_data: &[u8]) -> Result<(), NotAccepted> {
    const MALFORMED: &str = "authenticatorData is malformed for an assertion";
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

/// A credential's public key, with the type and curve that its algorithm requires.
fn public_key(key: &COSEKey) -> Option<PasskeyKey> {
    match (&key.type_, &key.key) {
        (COSEAlgorithm::ES256, COSEKeyType::EC_EC2(key)) if key.curve == ECDSACurve::SECP256R1 => {
            PasskeyKey::es256(&key.x, &key.y)
        }
        (COSEAlgorithm::RS256, COSEKeyType::RSA(key)) => PasskeyKey::rs256(&key.n, &key.e),
        (_, COSEKeyType::EC_EC2(_) | COSEKeyType::RSA(_) | COSEKeyType::EC_OKP(_)) => None,
    }
}

/// The attestation object without an attestation (WebAuthn §8.7).
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
