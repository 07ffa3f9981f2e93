//! A software authenticator: the person's phone, as far as WebAuthn sees it. What it answers can be bent.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// Flags of authenticator data (WebAuthn §6.1).
pub const USER_PRESENT: u8 = 0b0000_0001;
pub const USER_VERIFIED: u8 = 0b0000_0100;
pub const BACKUP_ELIGIBLE: u8 = 0b0000_1000;
pub const BACKED_UP: u8 = 0b0001_0000;
pub const ATTESTED_CREDENTIAL_DATA: u8 = 0b0100_0000;

/// A key of one of the algorithms that authenticators have.
pub enum AuthenticatorKey {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// One authenticator with one passkey, of a kind that synchronises: it does not count.
pub struct Authenticator {
    key: AuthenticatorKey,
    pub credential_id: Vec<u8>,
    /// What `create` was told. An assertion carries it.
    pub user_handle: Option<Vec<u8>>,
    /// Of every answer; a registration has the one for its credential beside them.
    pub flags: u8,
    pub counter: u32,
    /// How much the counter grows with each assertion.
    pub counts_by: u32,
    /// Members that stand in `clientDataJSON` beside or instead of the usual ones.
    pub client_data: Map<String, Value>,
    /// The RP ID that is hashed instead of the one asked for.
    pub other_rp_id: Option<String>,
}

impl Default for Authenticator {
    fn default() -> Self {
        Self::new()
    }
}

impl Authenticator {
    /// With a key for ES256.
    pub fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        Self::of(AuthenticatorKey::Es256(key))
    }

    pub fn rs256() -> Self {
        Self::of(AuthenticatorKey::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")))
    }

    pub fn eddsa() -> Self {
        Self::of(AuthenticatorKey::EdDsa(Ed25519KeyPair::generate().expect("a key")))
    }

    fn of(key: AuthenticatorKey) -> Self {
        let mut credential_id = vec![0; 20];
        aws_lc_rs::rand::fill(&mut credential_id).expect("randomness");
        Self {
            key,
            credential_id,
            user_handle: None,
            flags: USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP,
            counter: 0,
            counts_by: 0,
            client_data: Map::new(),
            other_rp_id: None,
        }
    }

    /// A security key: nothing leaves it, and it counts.
    #[must_use]
    pub fn bound_to_hardware(mut self) -> Self {
        self.flags = USER_PRESENT | USER_VERIFIED;
        self.counts_by = 1;
        self
    }

    /// Answers `navigator.credentials.create()`: a registration as JSON. Attestation is "none".
    pub fn create(&mut self, options: &Value, origin: &str) -> Value {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        self.user_handle = Some(decode(&text(&options["user"]["id"])));
        let client_data = self.client_data("webauthn.create", &text(&options["challenge"]), origin);
        let authenticator_data = self.registration_data(&text(&options["rp"]["id"]));
        self.registration(&client_data, &attestation_object("none", &map(&[]), &authenticator_data))
    }

    /// Answers `navigator.credentials.get()`: an assertion as JSON.
    pub fn get(&mut self, challenge: &[u8], rp_id: &str, origin: &str) -> Value {
        let client_data = self.client_data("webauthn.get", &encode(challenge), origin);
        self.counter += self.counts_by;
        let authenticator_data = self.authenticator_data(rp_id, self.flags);
        self.assertion(&client_data, &authenticator_data)
    }

    /// A registration of these bytes.
    pub fn registration(&self, client_data: &[u8], attestation_object: &[u8]) -> Value {
        self.credential(json!({
            "clientDataJSON": encode(client_data),
            "attestationObject": encode(attestation_object),
            "transports": ["internal", "hybrid"],
        }))
    }

    /// An assertion of these bytes, signed.
    pub fn assertion(&self, client_data: &[u8], authenticator_data: &[u8]) -> Value {
        let signed = [authenticator_data, digest(&SHA256, client_data).as_ref()].concat();
        self.credential(json!({
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(authenticator_data),
            "signature": encode(self.sign(&signed)),
            "userHandle": self.user_handle.as_deref().map(encode),
        }))
    }

    fn credential(&self, response: Value) -> Value {
        let id = encode(&self.credential_id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": response,
            "clientExtensionResults": {},
        })
    }

    /// `clientDataJSON`, as a browser writes it.
    pub fn client_data(&self, kind: &str, challenge: &str, origin: &str) -> Vec<u8> {
        let mut all = json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false });
        for (name, value) in &self.client_data {
            all[name] = value.clone();
        }
        all.to_string().into_bytes()
    }

    pub fn authenticator_data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let rp_id = self.other_rp_id.as_deref().unwrap_or(rp_id);
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// Authenticator data with the credential in it.
    pub fn registration_data(&self, rp_id: &str) -> Vec<u8> {
        self.registration_data_of(rp_id, &self.public_key())
    }

    /// The same with this for a COSE key.
    pub fn registration_data_of(&self, rp_id: &str, public_key: &[u8]) -> Vec<u8> {
        let mut data = self.authenticator_data(rp_id, self.flags | ATTESTED_CREDENTIAL_DATA);
        data.extend([0; 16]); // AAGUID
        data.extend(u16::try_from(self.credential_id.len()).expect("a length").to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(public_key);
        data
    }

    /// The public key as COSE has it (RFC 9053).
    pub fn public_key(&self) -> Vec<u8> {
        match &self.key {
            AuthenticatorKey::Es256(key) => {
                let point = key.public_key().as_ref();
                es256_key(&point[1..33], &point[33..])
            }
            AuthenticatorKey::Rs256(key) => {
                let modulus = key.public_key().modulus().big_endian_without_leading_zero().to_vec();
                rs256_key(&modulus, &[1, 0, 1])
            }
            AuthenticatorKey::EdDsa(key) => map(&[
                (int(1), int(1)),
                (int(3), int(-8)),
                (int(-1), int(6)),
                (int(-2), bytes(key.public_key().as_ref())),
            ]),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            AuthenticatorKey::Es256(key) => {
                key.sign(&random, message).expect("a signature").as_ref().to_vec()
            }
            AuthenticatorKey::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
            AuthenticatorKey::EdDsa(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

pub fn es256_key(x: &[u8], y: &[u8]) -> Vec<u8> {
    map(&[(int(1), int(2)), (int(3), int(-7)), (int(-1), int(1)), (int(-2), bytes(x)), (int(-3), bytes(y))])
}

pub fn rs256_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    map(&[(int(1), int(3)), (int(3), int(-257)), (int(-1), bytes(modulus)), (int(-2), bytes(exponent))])
}

pub fn attestation_object(format: &str, statement: &[u8], authenticator_data: &[u8]) -> Vec<u8> {
    map(&[
        (text("fmt"), text(format)),
        (text("attStmt"), statement.to_vec()),
        (text("authData"), bytes(authenticator_data)),
    ])
}

/// CBOR (RFC 8949), as much of it as authenticators speak.
pub fn int(value: i32) -> Vec<u8> {
    match u32::try_from(value) {
        Ok(value) => head(0, value),
        Err(_) => head(1, value.unsigned_abs() - 1),
    }
}

pub fn text(value: &str) -> Vec<u8> {
    [head(3, value.len() as u32), value.as_bytes().to_vec()].concat()
}

pub fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len() as u32), value.to_vec()].concat()
}

pub fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let entries = entries.iter().flat_map(|(name, value)| [name.clone(), value.clone()]);
    std::iter::once(head(5, entries.clone().count() as u32 / 2)).chain(entries).collect::<Vec<_>>().concat()
}

fn head(major: u8, value: u32) -> Vec<u8> {
    let major = major << 5;
    match value {
        0..=23 => vec![major | value as u8],
        24..=0xff => vec![major | 24, value as u8],
        0x100..=0xffff => [&[major | 25], &(value as u16).to_be_bytes()[..]].concat(),
        _ => [&[major | 26], &value.to_be_bytes()[..]].concat(),
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}
