//! The browser's responses for passkeys (WebAuthn §5.1), parsed but not verified.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::domain::person::passkey::PasskeyId;

/// The longest assertion. Most are shorter than 1 KiB, but a credential ID may be long. Unit: bytes of base64url.
const MAX_ASSERTION: usize = 8 * 1024;
/// The longest registration. Some authenticators send certificates that were not requested. Unit: bytes of
/// base64url.
const MAX_REGISTRATION: usize = 24 * 1024;
/// The length of a credential ID: at least 16 and at most 1023 (WebAuthn §4). Unit: bytes.
pub(crate) const CREDENTIAL_ID: std::ops::RangeInclusive<usize> = 16..=1023;
/// The parts of `RegistrationResponseJSON` (WebAuthn §5.1) that are used.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "CredentialJson<AttestationResponseJson>")]
pub struct Registration {
    pub(crate) raw_id: Vec<u8>,
    pub(crate) client_data: Vec<u8>,
    pub(crate) attestation_object: Vec<u8>,
}

/// The parts of `AuthenticationResponseJSON` (WebAuthn §5.1) that are used. At most 8 KiB.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "CredentialJson<AssertionResponseJson>")]
pub struct Assertion {
    raw_id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

impl Assertion {
    /// The passkey that the assertion claims to be from.
    pub fn passkey_id(&self) -> PasskeyId {
        PasskeyId::of(&self.raw_id)
    }

    pub fn credential_id(&self) -> &[u8] {
        &self.raw_id
    }

    /// The bytes of `clientDataJSON`, whose hash was signed.
    pub fn client_data(&self) -> &[u8] {
        &self.client_data
    }

    pub fn authenticator_data(&self) -> &[u8] {
        &self.authenticator_data
    }

    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub fn user_handle(&self) -> Option<&[u8]> {
        self.user_handle.as_deref()
    }
}

/// `PublicKeyCredential` as JSON. Other members are ignored.
#[derive(Deserialize)]
struct CredentialJson<R> {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: R,
}

#[derive(Deserialize)]
struct AttestationResponseJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    attestation_object: String,
}

#[derive(Deserialize)]
struct AssertionResponseJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(rename = "userHandle")]
    user_handle: Option<String>,
}

impl<R> CredentialJson<R> {
    /// The credential ID, after the checks that apply to both ceremonies.
    fn credential_id(&self, parts: &[&str], most: usize) -> Result<Vec<u8>, &'static str> {
        if self.kind != "public-key" {
            return Err("type is not public-key");
        }
        if self.id != self.raw_id {
            return Err("id and rawId differ");
        }
        let length = self.raw_id.len() + parts.iter().map(|part| part.len()).sum::<usize>();
        if length > most {
            return Err("the response is too long");
        }
        let id = decode(&self.raw_id)?;
        if !CREDENTIAL_ID.contains(&id.len()) {
            return Err("a credential ID must have 16 to 1023 bytes");
        }
        Ok(id)
    }
}

impl TryFrom<CredentialJson<AttestationResponseJson>> for Registration {
    type Error = &'static str;

    fn try_from(json: CredentialJson<AttestationResponseJson>) -> Result<Self, Self::Error> {
        let response = &json.response;
        let parts = [response.client_data.as_str(), &response.attestation_object];
        Ok(Self {
            raw_id: json.credential_id(&parts, MAX_REGISTRATION)?,
            client_data: decode(&response.client_data)?,
            attestation_object: decode(&response.attestation_object)?,
        })
    }
}

impl TryFrom<CredentialJson<AssertionResponseJson>> for Assertion {
    type Error = &'static str;

    fn try_from(json: CredentialJson<AssertionResponseJson>) -> Result<Self, Self::Error> {
        let response = &json.response;
        let user_handle = response.user_handle.as_deref();
        let parts = [
            response.client_data.as_str(),
            &response.authenticator_data,
            &response.signature,
            user_handle.unwrap_or_default(),
        ];
        Ok(Self {
            raw_id: json.credential_id(&parts, MAX_ASSERTION)?,
            client_data: decode(&response.client_data)?,
            authenticator_data: decode(&response.authenticator_data)?,
            signature: decode(&response.signature)?,
            user_handle: user_handle.map(decode).transpose()?,
        })
    }
}

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "a member is not base64url")
}
