"""moto's server, with what it lacks and the provider needs. Usage: as moto_server.

- KMS: GenerateDataKeyPairWithoutPlaintext, and Sign of a digest, which moto would hash once more. Keys and encryption are
  moto's own.
- DynamoDB: one call at a time, because moto checks a condition and writes in two steps, and undoes a transaction by putting
  the whole table back; and streams that go on after that, which moto's iterators do not notice.
"""

import base64
import json
import threading

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from moto.dynamodbstreams.models import ShardIterator
from moto.kms.exceptions import ValidationException
from moto.kms.responses import KmsResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import main


def generate_data_key_pair_without_plaintext(self):
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPairWithoutPlaintext.html"""
    key_id, spec = self._get_param("KeyId"), self._get_param("KeyPairSpec")
    if spec != "ECC_NIST_P256":
        raise ValidationException(f"{spec} is not supported here")
    self._validate_key_id(key_id)
    pair = ec.generate_private_key(ec.SECP256R1())
    private = pair.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = pair.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    sealed, arn = self.kms_backend.encrypt(
        key_id=key_id, plaintext=private, encryption_context=self._get_param("EncryptionContext", {})
    )
    return json.dumps(
        {
            "KeyId": arn,
            "KeyPairSpec": spec,
            "PrivateKeyCiphertextBlob": base64.b64encode(sealed).decode(),
            "PublicKey": base64.b64encode(public).decode(),
        }
    )


def sign(self):
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html"""
    if self._get_param("MessageType") != "DIGEST":
        return sign_message(self)
    key_id, algorithm = self._get_param("KeyId"), self._get_param("SigningAlgorithm")
    if algorithm != "ECDSA_SHA_256":
        raise ValidationException(f"a digest with {algorithm} is not supported here")
    self._validate_key_id(key_id)
    key = self.kms_backend.describe_key(key_id)
    signed = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    signature = key.private_key.private_key.sign(self._get_param("Message"), signed)
    return json.dumps(
        {"KeyId": key.arn, "Signature": base64.b64encode(signature).decode(), "SigningAlgorithm": algorithm}
    )


dynamodb = threading.Lock()


def one_at_a_time(self, environ, start_response):
    if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
        return dispatch(self, environ, start_response)
    with dynamodb:
        return dispatch(self, environ, start_response)


def records(self, limit=1000):
    """From the table as it is now: after a transaction that was undone it is another object."""
    table = self.streams_backend.dynamodb.get_table(self.stream_shard.table.name)
    self.stream_shard = table.stream_shard
    return records_of_shard(self, limit)


if hasattr(KmsResponse, "generate_data_key_pair_without_plaintext"):
    raise SystemExit("moto has GenerateDataKeyPairWithoutPlaintext now: remove it here")
KmsResponse.generate_data_key_pair_without_plaintext = generate_data_key_pair_without_plaintext
sign_message, KmsResponse.sign = KmsResponse.sign, sign
dispatch, DomainDispatcherApplication.__call__ = DomainDispatcherApplication.__call__, one_at_a_time
records_of_shard, ShardIterator.get = ShardIterator.get, records
main()
