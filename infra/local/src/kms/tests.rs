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
