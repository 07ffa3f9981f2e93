# Settings of ciba-admin for the stack of `make up`:  . infra/admin/local.sh  (for `make up TLS=1`:  TLS=1 . infra/admin/local.sh)
export ISSUER=http://localhost:9000 TABLE_NAME=ciba KMS_KEY_ID=alias/ciba
export LOGIN_ISSUERS='[{"issuer":"http://localhost:9100","jwks_uri":"http://localhost:9100/.well-known/jwks.json","audience":{"claim":"aud","value":"ciba-consent"},"scope":"ciba:decide","algorithms":["ES256"],"acr":{"urn:local:mfa":"urn:example:acr:mfa"},"amr":{"pwd":"pwd","otp":"otp"}}]'
export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=LOCAL AWS_SECRET_ACCESS_KEY=local
export EVIDENCE_KEY_ID=alias/ciba-evidence ENROLLMENT_KEY_ID=alias/ciba-enrollment
export RP_ID=localhost OPERATOR_NAME='Example Bank'
export AWS_ENDPOINT_URL_DYNAMODB=http://localhost:8000 AWS_ENDPOINT_URL_SNS=http://localhost:9002 AWS_ENDPOINT_URL_KMS=http://localhost:9003
export AWS_ENDPOINT_URL_SQS=http://localhost:9004 DELIVERY_QUEUE_URL=http://localhost:9004/123456789012/DeliveryQueue
export DEAD_LETTER_QUEUE_URL=http://localhost:9004/123456789012/DeliveryDeadLetters
if [ -n "${TLS-}" ]; then
  export ISSUER=https://localhost:9000 MTLS_URL=https://localhost:9443 MTLS_AUTHORITIES="$(cat target/local/tls/mtls-authorities)"
fi
