//! The names of attributes, and which items have them. docs/architecture.md (The table) describes each; a test
//! compares the two.

pub(super) const PARTITION_KEY: &str = "pk";
pub(super) const SORT_KEY: &str = "sk";

pub(super) const ACR: &str = "acr";
pub(super) const ACR_VALUES: &str = "acr_values";
pub(super) const ACTIVE: &str = "active";
pub(super) const ALGORITHM: &str = "algorithm";
pub(super) const AMR: &str = "amr";
pub(super) const ASSERTION_ALGORITHM: &str = "assertion_algorithm";
pub(super) const ASSERTION_AUDIENCE: &str = "assertion_audience";
pub(super) const AT: &str = "at";
pub(super) const ATTEMPTS: &str = "attempts";
pub(super) const ATTESTED: &str = "attested";
pub(super) const AUDIENCE: &str = "audience";
pub(super) const AUTH_TIME: &str = "auth_time";
pub(super) const AUTHENTICATION_METHOD: &str = "authentication_method";
pub(super) const AUTHORIZATION_DETAILS: &str = "authorization_details";
pub(super) const AUTHORIZATION_DETAILS_TYPES: &str = "authorization_details_types";
pub(super) const BACKUP_ELIGIBLE: &str = "backup_eligible";
pub(super) const BINDING_MESSAGE: &str = "binding_message";
pub(super) const BINDS_CERTIFICATE: &str = "binds_certificate";
pub(super) const BINDS_DPOP: &str = "binds_dpop";
pub(super) const BLOCKS: &str = "blocks";
pub(super) const CANCELLED_BY: &str = "cancelled_by";
pub(super) const CERTIFICATE_SUBJECT: &str = "certificate_subject";
pub(super) const CERTIFICATE_SUBJECT_MEMBER: &str = "certificate_subject_member";
pub(super) const CHAIN: &str = "chain";
pub(super) const CHALLENGE: &str = "challenge";
pub(super) const CHANNELS: &str = "channels";
pub(super) const CLAIMS: &str = "claims";
pub(super) const CLIENT_ID: &str = "client_id";
pub(super) const CLIENT_NAME: &str = "client_name";
pub(super) const COUNT: &str = "count";
pub(super) const COUNTER: &str = "counter";
pub(super) const CREATED_AT: &str = "created_at";
pub(super) const CREDENTIAL: &str = "credential";
pub(super) const DAY: &str = "day";
pub(super) const DECIDE_UNTIL: &str = "decide_until";
pub(super) const DECIDED_AT: &str = "decided_at";
pub(super) const DECISION: &str = "decision";
pub(super) const DELIVERY_MODE: &str = "delivery_mode";
pub(super) const DELIVERY_STATE: &str = "delivery_state";
pub(super) const DENIALS: &str = "denials";
pub(super) const DIGEST: &str = "digest";
pub(super) const DISPLAY: &str = "display";
pub(super) const DOCUMENT: &str = "document";
pub(super) const ENDED_AT: &str = "ended_at";
pub(super) const ENROLLED_BY: &str = "enrolled_by";
pub(super) const ENROLMENT: &str = "enrolment";
pub(super) const EXPIRES_AT: &str = "expires_at";
pub(super) const FAILURE: &str = "failure";
pub(super) const GENERATION: &str = "generation";
pub(super) const GRANT_ENDS_AT: &str = "grant_ends_at";
pub(super) const GRANTED_DETAILS: &str = "granted_details";
pub(super) const GRANTED_PROPERTIES: &str = "granted_properties";
pub(super) const GRANTED_SCOPE: &str = "granted_scope";
pub(super) const HANDLE_GENERATION: &str = "handle_generation";
pub(super) const HAS_DETAIL: &str = "has_detail";
pub(super) const HEAD: &str = "head";
pub(super) const HIGH_RISK_SCOPE: &str = "high_risk_scope";
pub(super) const HINT_KINDS: &str = "hint_kinds";
pub(super) const HINTS: &str = "hints";
pub(super) const ID: &str = "id";
pub(super) const ID_TOKEN_ALGORITHM: &str = "id_token_algorithm";
pub(super) const IN_A_ROW: &str = "in_a_row";
pub(super) const INTERVAL: &str = "interval";
pub(super) const INTROSPECTS: &str = "introspects";
pub(super) const JWKS: &str = "jwks";
pub(super) const JWKS_URI: &str = "jwks_uri";
pub(super) const KEY_USE: &str = "key_use";
pub(super) const KIND: &str = "kind";
pub(super) const KMS_KEY_ID: &str = "kms_key_id";
pub(super) const LAST: &str = "last";
pub(super) const LAST_USED_AT: &str = "last_used_at";
pub(super) const LIFTED_AT: &str = "lifted_at";
pub(super) const MAY_REFRESH: &str = "may_refresh";
pub(super) const MAY_USE_CIBA: &str = "may_use_ciba";
pub(super) const MODE: &str = "mode";
pub(super) const NEXT_ATTEMPT_AT: &str = "next_attempt_at";
pub(super) const NEXT_POLL_AT: &str = "next_poll_at";
pub(super) const NONCE: &str = "nonce";
pub(super) const NOTIFICATION_ENDPOINT: &str = "notification_endpoint";
pub(super) const NOTIFICATION_TOKEN: &str = "notification_token";
pub(super) const PAYLOAD: &str = "payload";
pub(super) const PENDING_FOR: &str = "pending_for";
pub(super) const PERSON: &str = "person";
pub(super) const POLICIES: &str = "policies";
pub(super) const PROFILE: &str = "profile";
pub(super) const PROPERTIES: &str = "properties";
pub(super) const PUBLIC_JWK: &str = "public_jwk";
pub(super) const PUBLISH_FROM: &str = "publish_from";
pub(super) const RECENT: &str = "recent";
pub(super) const REDEEMED_AT: &str = "redeemed_at";
pub(super) const REFRESH_COUNTER: &str = "refresh_counter";
pub(super) const REFRESH_ENDS_AT: &str = "refresh_ends_at";
pub(super) const REFRESH_IDLE_UNTIL: &str = "refresh_idle_until";
pub(super) const REFRESH_ROTATED_AT: &str = "refresh_rotated_at";
pub(super) const REPLAY_UNTIL: &str = "replay_until";
pub(super) const REQUEST: &str = "request";
pub(super) const REQUEST_CONTEXT: &str = "request_context";
pub(super) const REQUEST_SIGNING: &str = "request_signing";
pub(super) const REQUIRES_BINDING_MESSAGE: &str = "requires_binding_message";
pub(super) const REQUIRES_PASSKEY: &str = "requires_passkey";
pub(super) const RESOLVED_AT: &str = "resolved_at";
pub(super) const RESOLVED_ISSUER: &str = "resolved_issuer";
pub(super) const RESOLVED_SUBJECT: &str = "resolved_subject";
pub(super) const RESOURCES: &str = "resources";
pub(super) const REVOKED_AT: &str = "revoked_at";
pub(super) const RISK: &str = "risk";
pub(super) const ROTATES_REFRESH_TOKENS: &str = "rotates_refresh_tokens";
pub(super) const RP_ID: &str = "rp_id";
pub(super) const SCHEMA: &str = "schema";
pub(super) const SCOPE: &str = "scope";
pub(super) const SCOPE_DESCRIPTIONS: &str = "scope_descriptions";
pub(super) const SEALED: &str = "sealed";
pub(super) const SEALED_UNDER: &str = "sealed_under";
pub(super) const SECRET_HASH: &str = "secret_hash";
pub(super) const SECTOR: &str = "sector";
pub(super) const SENDS_JSON: &str = "sends_json";
pub(super) const SEQUENCE: &str = "sequence";
pub(super) const SETTLED_AT: &str = "settled_at";
pub(super) const SIGN_FROM: &str = "sign_from";
pub(super) const SIGN_UNTIL: &str = "sign_until";
pub(super) const STATE: &str = "state";
pub(super) const SUB: &str = "sub";
pub(super) const TAKES_USER_CODE: &str = "takes_user_code";
pub(super) const THROUGH: &str = "through";
pub(super) const TTL: &str = "ttl";
pub(super) const USED_AT: &str = "used_at";
pub(super) const USED_FOR: &str = "used_for";
pub(super) const USER: &str = "user";
pub(super) const USER_CODE: &str = "user_code";
pub(super) const USER_HANDLE: &str = "user_handle";
pub(super) const VERIFY_UNTIL: &str = "verify_until";
pub(super) const VERSION: &str = "version";
pub(super) const WITNESS: &str = "witness";
pub(super) const WORDS: &str = "words";
pub(super) const WRAPPED: &str = "wrapped";
pub(super) const WRITE_ID: &str = "write_id";
pub(super) const WRONG_CODES: &str = "wrong_codes";

/// An item of the table, under its name in the document, with all attributes that it may have in addition to its
/// key.
#[derive(Clone, Copy, Debug)]
pub struct ItemKind {
    pub name: &'static str,
    pub attributes: &'static [&'static str],
}

const fn item(name: &'static str, attributes: &'static [&'static str]) -> ItemKind {
    ItemKind { name, attributes }
}

pub(super) const CLIENT: ItemKind = item(
    "client",
    &[
        CLIENT_ID,
        CLIENT_NAME,
        AUTHENTICATION_METHOD,
        SECRET_HASH,
        ASSERTION_ALGORITHM,
        ASSERTION_AUDIENCE,
        CERTIFICATE_SUBJECT_MEMBER,
        CERTIFICATE_SUBJECT,
        JWKS,
        JWKS_URI,
        PROFILE,
        REQUEST_SIGNING,
        BINDS_CERTIFICATE,
        BINDS_DPOP,
        AUTHORIZATION_DETAILS_TYPES,
        SECTOR,
        DELIVERY_MODE,
        NOTIFICATION_ENDPOINT,
        MAY_USE_CIBA,
        MAY_REFRESH,
        ROTATES_REFRESH_TOKENS,
        SCOPE,
        AUDIENCE,
        RESOURCES,
        INTROSPECTS,
        ID_TOKEN_ALGORITHM,
        HINT_KINDS,
        REQUIRES_PASSKEY,
        REQUIRES_BINDING_MESSAGE,
        HIGH_RISK_SCOPE,
        SCOPE_DESCRIPTIONS,
        TAKES_USER_CODE,
        SENDS_JSON,
        ACTIVE,
        WRITE_ID,
    ],
);

pub(super) const PERSON_ENTRY: ItemKind = item(
    "person",
    &[USER, SUB, ACTIVE, HINTS, CHANNELS, CLAIMS, USER_CODE, RESOLVED_AT, RESOLVED_ISSUER, RESOLVED_SUBJECT],
);

pub(super) const DETAIL_TYPE: ItemKind =
    item("type of `authorization_details`", &[SCHEMA, DISPLAY, RISK, SCOPE, WRITE_ID]);

/// All kinds of items.
pub const ITEMS: &[ItemKind] = &[
    item(
        "authentication request, later grant",
        &[
            STATE,
            MODE,
            CLIENT_ID,
            PERSON,
            PENDING_FOR,
            SCOPE,
            RESOURCES,
            ACR_VALUES,
            BINDING_MESSAGE,
            CREATED_AT,
            EXPIRES_AT,
            DECIDE_UNTIL,
            INTERVAL,
            NEXT_POLL_AT,
            HANDLE_GENERATION,
            NONCE,
            HAS_DETAIL,
            DECIDED_AT,
            GRANTED_SCOPE,
            AUTH_TIME,
            ACR,
            AMR,
            CANCELLED_BY,
            REDEEMED_AT,
            GRANT_ENDS_AT,
            GRANTED_DETAILS,
            GRANTED_PROPERTIES,
            REFRESH_COUNTER,
            REFRESH_ROTATED_AT,
            REFRESH_IDLE_UNTIL,
            REFRESH_ENDS_AT,
            REVOKED_AT,
            TTL,
            WRITE_ID,
        ],
    ),
    item(
        "details of a request",
        &[AUTHORIZATION_DETAILS, WORDS, POLICIES, REQUEST_CONTEXT, PROPERTIES, TTL, WRITE_ID],
    ),
    item(
        "delivery",
        &[
            DELIVERY_STATE,
            MODE,
            CLIENT_ID,
            NOTIFICATION_TOKEN,
            ATTEMPTS,
            NEXT_ATTEMPT_AT,
            PAYLOAD,
            FAILURE,
            DECIDED_AT,
            SETTLED_AT,
            REPLAY_UNTIL,
            TTL,
            WRITE_ID,
        ],
    ),
    DETAIL_TYPE,
    item("evidence", &[PERSON, CLIENT_ID, DAY, DECISION, DOCUMENT, DIGEST, WITNESS, TTL]),
    item("head of a person's evidence chain", &[CHAIN, SEQUENCE, HEAD, WRITE_ID]),
    item("key of the personal data in a person's evidence", &[WRAPPED]),
    item("enrollment record", &[DOCUMENT, WITNESS]),
    CLIENT,
    PERSON_ENTRY,
    item("asks", &[VERSION, RECENT, DENIALS, BLOCKS, WRONG_CODES, WRITE_ID]),
    item(
        "passkey",
        &[
            USER_HANDLE,
            CREDENTIAL,
            COUNTER,
            RP_ID,
            BACKUP_ELIGIBLE,
            ATTESTED,
            CREATED_AT,
            ENROLLED_BY,
            LAST_USED_AT,
            ENROLMENT,
            WITNESS,
        ],
    ),
    item("shared passkey item of a person", &[USER_HANDLE, VERSION, COUNT, WRITE_ID]),
    item(
        "enrollment ticket",
        &[USER, KIND, CHALLENGE, CREATED_AT, EXPIRES_AT, USED_AT, USED_FOR, TTL, WRITE_ID],
    ),
    item("hint", &[USER]),
    item("replay guard", &[EXPIRES_AT, TTL, WRITE_ID]),
    item("failed fetches", &[IN_A_ROW, ENDED_AT, TTL, WRITE_ID]),
    item("push endpoint, bound to one person", &[USER]),
    item(
        "key",
        &[
            KEY_USE,
            GENERATION,
            PUBLISH_FROM,
            SIGN_FROM,
            SIGN_UNTIL,
            VERIFY_UNTIL,
            SEALED,
            SEALED_UNDER,
            KMS_KEY_ID,
            PUBLIC_JWK,
            TTL,
            WRITE_ID,
        ],
    ),
    item("withdrawn keys, in 18 equal copies", &[THROUGH, AT, WRITE_ID]),
];
