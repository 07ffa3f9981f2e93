//! A double of AWS KMS: JSON 1.1 over HTTP, real AES-256-GCM and real signatures under keys that live as long as the
//! double.

mod blob;
mod call;
mod signing;
mod wire;

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::Response, routing::post};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::spawn_blocking};

pub use blob::WrappingKey;
pub use call::{Call, Failure};

use crate::{ACCOUNT, REGION, caller, clock, server::Server};
use signing::SigningKey;
use wire::Refusal;

/// The alias of the sealing key, which this double has from the start.
pub const KEY_ALIAS: &str = "alias/ciba";
/// The aliases of the witness keys, which it also has from the start: they sign with ES256.
pub const EVIDENCE_KEY_ALIAS: &str = "alias/ciba-evidence";
pub const ENROLLMENT_KEY_ALIAS: &str = "alias/ciba-enrollment";

const KEY_ID: &str = "0c1ba0c1-ba0c-41ba-80c1-ba0c1ba0c1ba";

/// The double. [`Kms::start`] returns the handle that tests and the stack use.
#[derive(Debug)]
pub struct Kms;

/// A running double; dropping it closes the port and loses the key.
#[derive(Debug)]
pub struct KmsHandle {
    server: Server,
    state: Arc<Double>,
}

#[derive(Debug)]
struct Double {
    key: WrappingKey,
    signing: Mutex<Vec<SigningKey>>,
    calls: Mutex<Vec<Call>>,
    failures: Mutex<VecDeque<Failure>>,
}

impl Kms {
    /// Starts the double on `listener`, with a new key.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start(listener: TcpListener) -> io::Result<KmsHandle> {
        Self::start_with(listener, &WrappingKey::generate())
    }

    /// Starts the double on `listener`, with a key that other doubles may share.
    ///
    /// # Errors
    /// If the listener has no local address.
    pub fn start_with(listener: TcpListener, key: &WrappingKey) -> io::Result<KmsHandle> {
        let key = key.clone();
        let witnesses = [EVIDENCE_KEY_ALIAS, ENROLLMENT_KEY_ALIAS].map(SigningKey::called);
        let witnesses = witnesses.into_iter().collect::<Option<Vec<_>>>();
        let witnesses = witnesses.ok_or_else(|| io::Error::other("no key could be created"))?;
        let state = Arc::new(Double {
            key,
            signing: Mutex::new(witnesses),
            calls: Mutex::default(),
            failures: Mutex::default(),
        });
        let router = Router::new().route("/", post(receive)).with_state(Arc::clone(&state));
        Ok(KmsHandle { server: Server::start(listener, router)?, state })
    }
}

impl KmsHandle {
    /// The value for `AWS_ENDPOINT_URL_KMS`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Every call, including failed ones, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state.calls).clone()
    }

    /// What `Encrypt` returns: an operator encrypts secrets in settings with the AWS CLI.
    pub fn encrypt(&self, plaintext: &[u8], context: &[(&str, &str)]) -> Vec<u8> {
        self.state.key.encrypt(plaintext, context)
    }

    /// Forgets the calls. Scripted failures remain.
    pub fn clear(&self) {
        lock(&self.state.calls).clear();
    }

    /// The ids of the signing keys that were created.
    pub fn signing_keys(&self) -> Vec<String> {
        let made = lock(&self.state.signing);
        made.iter().filter(|key| !key.is_from_the_start()).map(|key| key.id().to_owned()).collect()
    }

    /// Makes the next call fail. Several failures are used up one by one.
    pub fn fail_next(&self, failure: Failure) {
        lock(&self.state.failures).push_back(failure);
    }
}

async fn receive(State(double): State<Arc<Double>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = wire::operation(&headers);
    let input = serde_json::from_slice(&body).unwrap_or(Value::Null);
    lock(&double.calls).push(Call {
        operation: operation.clone(),
        caller: caller::access_key_id(&headers),
        key_id: input["KeyId"].as_str().map(str::to_owned),
        context: blob::context(&input),
        tags: signing::tags(&input),
    });
    let failure = lock(&double.failures).pop_front();
    if let Some(failure) = failure
        && let Err(refusal) = call::meet(failure).await
    {
        return refusal.response();
    }
    let answer = match operation.as_str() {
        // Outside of the runtime: creating an RSA key takes long, and running calls would time out.
        "CreateKey" => {
            let made = spawn_blocking(move || SigningKey::create(&input)).await;
            made.unwrap_or_else(|_| Err(Refusal::internal())).map(|key| double.keep(key))
        }
        operation => double.answer(operation, &input),
    };
    match answer {
        Ok(output) => wire::answer(&output),
        Err(refusal) => refusal.response(),
    }
}

impl Double {
    fn answer(&self, operation: &str, input: &Value) -> Result<Value, Refusal> {
        match operation {
            "GenerateDataKey" => self.generate_data_key(input, true),
            "GenerateDataKeyWithoutPlaintext" => self.generate_data_key(input, false),
            "GenerateDataKeyPairWithoutPlaintext" => self.generate_data_key_pair(input),
            "Decrypt" => self.decrypt(input),
            "ReEncrypt" => self.reencrypt(input),
            "GetPublicKey" => self.with_signing_key(input, SigningKey::public_key),
            "Sign" => self.with_signing_key(input, |key| key.sign(input)),
            "DescribeKey" => self.describe_key(input),
            _ => Err(Refusal::new("UnknownOperationException", "This double does not know the operation")),
        }
    }

    fn generate_data_key(&self, input: &Value, with_plaintext: bool) -> Result<Value, Refusal> {
        known_key(input)?;
        let length = match (input["KeySpec"].as_str(), input["NumberOfBytes"].as_u64()) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(bytes @ 1..=1024)) => usize::try_from(bytes).unwrap_or(1024),
            _ => return Err(Refusal::validation("Please specify either number of bytes or key spec.")),
        };
        let mut plaintext = vec![0; length];
        aws_lc_rs::rand::fill(&mut plaintext).map_err(|_| Refusal::internal())?;
        let sealed = self.key.seal(&plaintext, &blob::context(input));
        let mut output = json!({"KeyId": key_arn(), "CiphertextBlob": wire::encode(&sealed)});
        if with_plaintext {
            output["Plaintext"] = wire::encode(&plaintext).into();
        }
        Ok(output)
    }

    fn generate_data_key_pair(&self, input: &Value) -> Result<Value, Refusal> {
        known_key(input)?;
        if input["KeyPairSpec"] != "ECC_NIST_P256" {
            return Err(Refusal::validation("This double does not support the KeyPairSpec"));
        }
        let (private, public) = signing::p256_pair().ok_or_else(Refusal::internal)?;
        let sealed = self.key.seal(&private, &blob::context(input));
        Ok(json!({
            "KeyId": key_arn(),
            "KeyPairSpec": input["KeyPairSpec"],
            "PrivateKeyCiphertextBlob": wire::encode(&sealed),
            "PublicKey": wire::encode(&public),
        }))
    }

    fn decrypt(&self, input: &Value) -> Result<Value, Refusal> {
        // KMS determines the key of a symmetric ciphertext itself; if a key is named, it has to be that one.
        if !input["KeyId"].is_null() {
            known_key(input)?;
        }
        let sealed = wire::bytes(input, "CiphertextBlob")?;
        let plaintext =
            self.key.open(&sealed, &blob::context(input)).ok_or_else(Refusal::invalid_ciphertext)?;
        Ok(json!({
            "KeyId": key_arn(),
            "Plaintext": wire::encode(&plaintext),
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }))
    }

    fn reencrypt(&self, input: &Value) -> Result<Value, Refusal> {
        known_key(&json!({ "KeyId": input["DestinationKeyId"] }))?;
        let sealed = wire::bytes(input, "CiphertextBlob")?;
        let (from, to) = (
            blob::context_in(input, "SourceEncryptionContext"),
            blob::context_in(input, "DestinationEncryptionContext"),
        );
        let plaintext = self.key.open(&sealed, &from).ok_or_else(Refusal::invalid_ciphertext)?;
        Ok(json!({
            "KeyId": key_arn(),
            "SourceKeyId": key_arn(),
            "CiphertextBlob": wire::encode(&self.key.seal(&plaintext, &to)),
            "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }))
    }

    fn keep(&self, key: SigningKey) -> Value {
        let metadata = key.metadata();
        lock(&self.signing).push(key);
        json!({ "KeyMetadata": metadata })
    }

    fn with_signing_key(
        &self,
        input: &Value,
        act: impl FnOnce(&SigningKey) -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        let name = input["KeyId"].as_str().ok_or_else(|| Refusal::validation("KeyId is missing"))?;
        match lock(&self.signing).iter().find(|key| key.is_called(name)) {
            Some(key) => act(key),
            // The sealing key exists, but does not sign.
            None => match known_key(input) {
                Ok(()) => Err(Refusal::new("InvalidKeyUsageException", "The key is not one that signs")),
                Err(refusal) => Err(refusal),
            },
        }
    }

    fn describe_key(&self, input: &Value) -> Result<Value, Refusal> {
        if known_key(input).is_ok() {
            let metadata = key_metadata(KEY_ID, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT");
            return Ok(json!({ "KeyMetadata": metadata }));
        }
        self.with_signing_key(input, |key| Ok(json!({ "KeyMetadata": key.metadata() })))
    }
}

fn key_metadata(id: &str, usage: &str, spec: &str) -> Value {
    json!({
        "AWSAccountId": ACCOUNT,
        "KeyId": id,
        "Arn": arn(&format!("key/{id}")),
        "CreationDate": clock::since_epoch(clock::now()).as_secs(),
        "Enabled": true,
        "KeyState": "Enabled",
        "KeyUsage": usage,
        "KeySpec": spec,
        "KeyManager": "CUSTOMER",
        "Origin": "AWS_KMS",
    })
}

/// A key is identified by its id, its alias, or the ARN of either.
fn known_key(input: &Value) -> Result<(), Refusal> {
    let given = input["KeyId"].as_str().ok_or_else(|| Refusal::validation("KeyId is missing"))?;
    let known = [KEY_ID.to_owned(), KEY_ALIAS.to_owned(), key_arn(), arn(KEY_ALIAS)];
    if known.iter().any(|name| name == given) {
        Ok(())
    } else {
        Err(Refusal::new("NotFoundException", &format!("Key '{given}' does not exist")))
    }
}

fn key_arn() -> String {
    arn(&format!("key/{KEY_ID}"))
}

fn arn(resource: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:{resource}")
}

/// A panic elsewhere cannot leave this state inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
