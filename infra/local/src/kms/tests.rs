use super::*;
use crate::server::listen;

async fn start() -> KmsHandle {
    Kms::start(listen(0).await.unwrap()).unwrap()
}

async fn call(kms: &KmsHandle, operation: &str, input: Value) -> (u16, Value) {
    let response = reqwest::Client::new()
        .post(kms.url())
        .header("x-amz-target", format!("TrentService.{operation}"))
        .header("authorization", "AWS4-HMAC-SHA256 Credential=CALLER/20260101/us-east-1/kms/aws4_request")
        .json(&input)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn data_key(kms: &KmsHandle) -> Value {
    let input = json!({"KeyId": KEY_ALIAS, "KeySpec": "AES_256", "EncryptionContext": {"use": "data"}});
    call(kms, "GenerateDataKey", input).await.1
}

#[tokio::test]
async fn a_data_key_opens_under_its_own_context() {
    let kms = start().await;
    let made = data_key(&kms).await;
    let input = json!({"CiphertextBlob": made["CiphertextBlob"], "EncryptionContext": {"use": "data"}});
    let (status, opened) = call(&kms, "Decrypt", input).await;
    assert_eq!(status, 200);
    assert_eq!(opened["Plaintext"], made["Plaintext"]);
    assert_eq!(wire::bytes(&made, "Plaintext").unwrap().len(), 32);
}

#[tokio::test]
async fn another_context_is_an_invalid_ciphertext() {
    let kms = start().await;
    let made = data_key(&kms).await;
    for context in [json!({}), json!({"use": "other"}), json!({"used": "ata"})] {
        let input = json!({"CiphertextBlob": made["CiphertextBlob"], "EncryptionContext": context});
        let (status, error) = call(&kms, "Decrypt", input).await;
        assert_eq!((status, &error["__type"]), (400, &json!("InvalidCiphertextException")));
    }
}

#[tokio::test]
async fn a_reencrypted_data_key_opens_under_the_new_context_only() {
    let kms = start().await;
    let made = data_key(&kms).await;
    let input = |source: Value| {
        json!({"CiphertextBlob": made["CiphertextBlob"], "DestinationKeyId": KEY_ALIAS,
            "SourceEncryptionContext": source, "DestinationEncryptionContext": {"use": "new"}})
    };
    let (status, again) = call(&kms, "ReEncrypt", input(json!({"use": "data"}))).await;
    assert_eq!(status, 200, "{again}");
    for (context, status) in [("new", 200), ("data", 400)] {
        let input = json!({"CiphertextBlob": again["CiphertextBlob"], "EncryptionContext": {"use": context}});
        assert_eq!(call(&kms, "Decrypt", input).await.0, status, "{context}");
    }
    let (_, error) = call(&kms, "ReEncrypt", input(json!({}))).await;
    assert_eq!(error["__type"], "InvalidCiphertextException");
}

#[tokio::test]
async fn garbage_is_an_invalid_ciphertext() {
    let kms = start().await;
    let (_, error) = call(&kms, "Decrypt", json!({"CiphertextBlob": "AAAA"})).await;
    assert_eq!(error["__type"], "InvalidCiphertextException");
}

#[tokio::test]
async fn a_data_key_can_come_without_its_plaintext() {
    let kms = start().await;
    let input = json!({"KeyId": KEY_ALIAS, "NumberOfBytes": 64});
    let (status, made) = call(&kms, "GenerateDataKeyWithoutPlaintext", input).await;
    assert_eq!((status, &made["Plaintext"]), (200, &Value::Null));
}

#[tokio::test]
async fn an_unknown_key_is_not_found() {
    let kms = start().await;
    let (status, error) = call(&kms, "DescribeKey", json!({"KeyId": "alias/other"})).await;
    assert_eq!((status, &error["__type"]), (400, &json!("NotFoundException")));
}

#[tokio::test]
async fn a_call_is_recorded_also_when_it_is_made_to_fail() {
    let kms = start().await;
    kms.fail_next(Failure::Throttled);
    assert_eq!(data_key(&kms).await["__type"], "ThrottlingException");
    let calls = kms.calls();
    assert_eq!(calls[0].operation, "GenerateDataKey");
    assert_eq!(calls[0].caller.as_deref(), Some("CALLER"));
    assert_eq!(calls[0].context["use"], "data");
}

/// Creates a signing key and returns its id.
async fn signing_key(kms: &KmsHandle, spec: &str) -> String {
    let input =
        json!({"KeySpec": spec, "KeyUsage": "SIGN_VERIFY", "Tags": [{"TagKey": "k", "TagValue": "v"}]});
    let (status, made) = call(kms, "CreateKey", input).await;
    assert_eq!(status, 200, "{made}");
    made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

async fn sign(kms: &KmsHandle, key: &str, algorithm: &str, kind: &str, message: &[u8]) -> (u16, Value) {
    let input = json!({"KeyId": key, "SigningAlgorithm": algorithm, "MessageType": kind,
        "Message": wire::encode(message)});
    call(kms, "Sign", input).await
}

#[tokio::test]
async fn a_signature_verifies_whether_or_not_the_caller_hashed() {
    use aws_lc_rs::digest::{SHA256, digest};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
    };
    let kms = start().await;
    let hash = digest(&SHA256, b"message");
    let cases: [(&str, &str, &'static dyn VerificationAlgorithm, &[&str]); 4] = [
        ("ECC_NIST_P256", "ECDSA_SHA_256", &ECDSA_P256_SHA256_ASN1, &["RAW", "DIGEST"]),
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", &RSA_PKCS1_2048_8192_SHA256, &["RAW", "DIGEST"]),
        ("RSA_2048", "RSASSA_PSS_SHA_256", &RSA_PSS_2048_8192_SHA256, &["RAW", "DIGEST"]),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512", &ED25519, &["RAW"]),
    ];
    for (spec, algorithm, verification, kinds) in cases {
        let key = signing_key(&kms, spec).await;
        let (_, public) = call(&kms, "GetPublicKey", json!({"KeyId": key})).await;
        let public = wire::bytes(&public, "PublicKey").unwrap();
        let public = ParsedPublicKey::new(verification, public).unwrap();
        for kind in kinds {
            let message = if *kind == "DIGEST" { hash.as_ref() } else { b"message" };
            let (status, signed) = sign(&kms, &key, algorithm, kind, message).await;
            assert_eq!(status, 200, "{signed}");
            let signature = wire::bytes(&signed, "Signature").unwrap();
            assert!(public.verify_sig(b"message", &signature).is_ok(), "{algorithm} {kind}");
        }
    }
    assert_eq!(kms.calls()[0].tags["k"], "v");
}

#[tokio::test]
async fn what_kms_would_not_sign_is_refused() {
    let kms = start().await;
    let ec = signing_key(&kms, "ECC_NIST_P256").await;
    let ed = signing_key(&kms, "ECC_NIST_EDWARDS25519").await;
    for (key, algorithm, kind, length, code) in [
        (ec.as_str(), "RSASSA_PSS_SHA_256", "DIGEST", 32, "InvalidKeyUsageException"),
        (&ec, "ECDSA_SHA_256", "DIGEST", 31, "ValidationException"),
        (&ed, "ED25519_SHA_512", "DIGEST", 32, "ValidationException"),
        (&ed, "ED25519_SHA_512", "RAW", 4097, "ValidationException"),
        (KEY_ALIAS, "ECDSA_SHA_256", "DIGEST", 32, "InvalidKeyUsageException"),
        ("another", "ECDSA_SHA_256", "DIGEST", 32, "NotFoundException"),
    ] {
        let (status, error) = sign(&kms, key, algorithm, kind, &vec![0; length]).await;
        assert_eq!((status, &error["__type"]), (400, &json!(code)), "{key} {algorithm}");
    }
    let symmetric = json!({"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"});
    assert_eq!(call(&kms, "CreateKey", symmetric).await.0, 400);
}

#[tokio::test]
async fn the_witnesses_are_there_from_the_start_and_go_by_their_alias() {
    let kms = start().await;
    assert_eq!(kms.signing_keys(), Vec::<String>::new(), "nobody made them");
    let mut public = Vec::new();
    for alias in [EVIDENCE_KEY_ALIAS, ENROLLMENT_KEY_ALIAS] {
        let (status, key) = call(&kms, "GetPublicKey", json!({ "KeyId": alias })).await;
        assert_eq!((status, &key["KeySpec"]), (200, &json!("ECC_NIST_P256")));
        let arn = key["KeyId"].as_str().unwrap();
        let input = json!({"KeyId": alias, "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "DIGEST",
            "Message": wire::encode(&[7; 32])});
        let (status, signed) = call(&kms, "Sign", input).await;
        assert_eq!((status, &signed["KeyId"]), (200, &json!(arn)));
        public.push(key["PublicKey"].clone());
    }
    assert_ne!(public[0], public[1]);
}
