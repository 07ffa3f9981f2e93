//! `client …`, and the exit codes of all commands.

use ciba_local::proxy::{Loss, Proxy};
use ciba_local::server::listen;
use serde_json::{Value, json};

use crate::deployment::{Deployment, MTLS_AUTHORITIES, MTLS_URL, START};

pub(crate) const CREATE: [&str; 8] =
    ["client", "create", "--client-id", "kiosk", "--client-name", "City Kiosk", "--scope", "openid profile"];

/// Rotation gives it a new secret.
#[tokio::test]
async fn a_client_is_created_shown_rotated_disabled_and_enabled() {
    let deployment = Deployment::start().await;
    let created = deployment.json(&CREATE).await;
    let first = created["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(first.len(), 43);
    assert!(deployment.takes("kiosk", &first).await);

    let shown = deployment.run(&["client", "show", "kiosk"]).await.unwrap();
    let mut expected = created.clone();
    expected.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(shown.json, expected);
    assert_eq!(
        expected,
        json!({
            "client_id": "kiosk", "client_name": "City Kiosk", "active": true,
            "token_endpoint_auth_method": "client_secret_basic",
            "credentials": ["a secret, stored as a hash"], "profile": "plain",
            "backchannel_authentication_request_signing_alg": null,
            "tls_client_certificate_bound_access_tokens": false, "dpop_bound_access_tokens": false,
            "authorization_details_types": [], "subject_type": "public",
            "grant_types": ["urn:openid:params:grant-type:ciba"],
            "backchannel_token_delivery_mode": "poll", "backchannel_client_notification_endpoint": null,
            "scope": "openid profile", "audience": null,
            "resources": [], "introspection_audiences": [], "id_token_signed_response_alg": "ES256",
            "refresh_token_rotation": true,
            "backchannel_user_code_parameter": false,
            "token_endpoint_json": false, "require_passkey": false, "require_binding_message": false,
            "high_risk_scope": null, "scope_descriptions": {},
            "hint_kinds": ["plain", "tel", "email", "sub", "iss_sub", "id_token_hint", "login_hint_token"],
        })
    );
    assert!(!shown.text.contains(&first) && shown.text.contains("City Kiosk"), "{}", shown.text);

    let rotated = deployment.json(&["client", "rotate-secret", "kiosk"]).await;
    let second = rotated["client_secret"].as_str().unwrap();
    assert!(!deployment.takes("kiosk", &first).await && deployment.takes("kiosk", second).await);

    for (command, active) in [("disable", false), ("enable", true)] {
        let answer = deployment.json(&["client", command, "kiosk"]).await;
        assert_eq!(answer, json!({ "client_id": "kiosk", "active": active }));
        assert_eq!(deployment.json(&["client", "show", "kiosk"]).await["active"], active);
        assert!(deployment.takes("kiosk", second).await);
    }
}

#[tokio::test]
async fn a_client_that_is_there_is_written_over_only_if_that_is_said() {
    let deployment = Deployment::start().await;
    let first = deployment.json(&CREATE).await["client_secret"].as_str().unwrap().to_owned();
    let (code, why) = deployment.refused(&CREATE).await;
    assert_eq!(code, 1);
    assert!(why.contains("--replace"), "{why}");
    assert!(deployment.takes("kiosk", &first).await);

    let replaced = deployment.json(&[&CREATE[..], &["--replace"]].concat()).await;
    assert!(deployment.takes("kiosk", replaced["client_secret"].as_str().unwrap()).await);
    assert!(!deployment.takes("kiosk", &first).await);
}

/// Otherwise the retry would be refused because the client exists, and its secret would never be shown.
#[tokio::test]
async fn a_client_whose_write_was_not_acknowledged_is_created() {
    let deployment = Deployment::start().await;
    for (loss, client_id) in [(Loss::Connection, "one"), (Loss::InternalServerError, "two")] {
        let proxy = Proxy::start(listen(0).await.unwrap(), &deployment.dynamodb.url()).unwrap();
        proxy.lose_response("PutItem", 1, loss);
        let settings = [("AWS_ENDPOINT_URL_DYNAMODB", &*proxy.url())];
        let create = ["client", "create", "--client-name", "Kiosk", "--client-id", client_id];
        let created =
            deployment.run_with(&create, &settings, START).await.map_err(|it| it.to_string()).unwrap();
        assert_eq!(proxy.calls().iter().filter(|call| call.operation == "PutItem").count(), 2);
        assert!(deployment.takes(client_id, created.json["client_secret"].as_str().unwrap()).await);
    }
}

#[tokio::test]
async fn a_client_that_breaks_a_rule_or_is_not_there_is_refused() {
    let deployment = Deployment::start().await;
    let create = ["client", "create", "--client-name", "Kiosk", "--client-id"];
    for (more, why) in [
        (&["a b"][..], "client_id"),
        (&[ciba_local::login_issuer::AUDIENCE], "audience of a login issuer"),
        (&["kiosk", "--scope", "profile"], "openid"),
        (&["kiosk", "--backchannel-token-delivery-mode", "pull"], "delivery_mode"),
        (&["kiosk", "--backchannel-token-delivery-mode", "push"], "notification_endpoint is missing"),
        (&["kiosk", "--token-endpoint-auth-method", "none"], "auth_method"),
        (&["kiosk", "--grant-types", "authorization_code"], "grant type"),
        (&["kiosk", "--hint-kinds", "plain,magic"], "hint_kinds"),
        (&["kiosk", "--resources", r#"[{"resource":"api","scope":"openid"}]"#], "absolute URI"),
        (&["kiosk", "--id-token-signed-response-alg", "HS256"], "id_token_signed_response_alg"),
    ] {
        let (code, said) = deployment.refused(&[&create[..], more].concat()).await;
        assert!(code == 1 && said.contains(why), "{more:?}: {said}");
    }
    for command in ["show", "rotate-secret", "disable", "enable"] {
        assert_eq!(
            deployment.refused(&["client", command, "kiosk"]).await,
            (1, "there is no client kiosk".to_owned())
        );
    }
}

/// CAUTH-4-13: the settings are those that the functions have.
#[tokio::test]
async fn a_client_with_a_certificate_needs_a_mutual_tls_host() {
    let deployment = Deployment::start().await;
    let create = ["client", "create", "--client-name", "Till", "--client-id", "till"];
    let subject = r#"{"tls_client_auth_subject_dn": "CN=Till 7,O=City Bank"}"#;
    let subject = ["--token-endpoint-auth-method", "tls_client_auth", "--metadata", subject];
    let bound = ["--metadata", r#"{"tls_client_certificate_bound_access_tokens": true}"#];
    let created = async |more: &[&str], settings: &[(&str, &str)]| {
        let replace = ["--replace", "--confirm", "token_endpoint_auth_method"];
        let done = deployment.run_with(&[&create[..], more, &replace].concat(), settings, START).await;
        done.map(drop).map_err(|failure| (failure.exit_code(), failure.to_string()))
    };
    for (more, settings, lacks) in [
        (&subject[..], &[][..], "MTLS_URL and MTLS_AUTHORITIES"),
        (&subject, &[MTLS_URL], "MTLS_AUTHORITIES"),
        (&bound, &[], "MTLS_URL"),
    ] {
        let (code, why) = created(more, settings).await.unwrap_err();
        assert!(code == 1 && why.contains(&format!("set {lacks}")), "{why}");
    }
    assert_eq!(deployment.refused(&["client", "show", "till"]).await.0, 1, "nothing was written");
    assert_eq!(created(&subject, &[MTLS_URL, MTLS_AUTHORITIES]).await, Ok(()));
    assert_eq!(created(&bound, &[MTLS_URL]).await, Ok(()));
    let (code, why) = created(&subject, &[("MTLS_URL", "https://mtls.example/")]).await.unwrap_err();
    assert!(code == 2 && why.contains("MTLS_URL"), "{why}");
}

#[tokio::test]
async fn an_unreachable_table_exits_3_and_a_missing_setting_2() {
    let deployment = Deployment::start().await;
    let code = async |settings: &[(&str, &str)]| {
        deployment
            .run_with(&["client", "show", "kiosk"], settings, START)
            .await
            .map(drop)
            .unwrap_err()
            .exit_code()
    };
    assert_eq!(code(&[("TABLE_NAME", "other")]).await, 3);
    assert_eq!(code(&[("TABLE_NAME", "")]).await, 2);
}

/// ATK-3-03
#[tokio::test]
async fn a_client_is_limited_to_kinds_of_hints() {
    let deployment = Deployment::start().await;
    let create = ["client", "create", "--client-name", "Kiosk", "--client-id", "kiosk", "--hint-kinds"];
    deployment.json(&[&create[..], &["login_hint_token,sub"]].concat()).await;
    let shown = deployment.json(&["client", "show", "kiosk"]).await;
    assert_eq!(shown["hint_kinds"], json!(["sub", "login_hint_token"]));
}

/// Also by the name of the member, with underscores.
#[tokio::test]
async fn a_client_is_required_to_send_a_binding_message() {
    let deployment = Deployment::start().await;
    for (client_id, option) in [("desk", "--require-binding-message"), ("till", "--require_binding_message")]
    {
        let create = ["client", "create", "--client-name", "Desk", "--client-id", client_id, option];
        assert_eq!(deployment.json(&create).await["require_binding_message"], true);
        let shown = deployment.run(&["client", "show", client_id]).await.unwrap();
        assert_eq!(shown.json["require_binding_message"], true, "{option}");
        let row = shown.text.lines().find(|line| line.starts_with("require_binding_message"));
        assert!(row.is_some_and(|row| row.ends_with("yes")), "{}", shown.text);
    }
}

/// TOK-3-01, TOK-6-04
#[tokio::test]
async fn a_client_is_given_resources_algorithms_and_refresh_tokens() {
    let deployment = Deployment::start().await;
    let resources = r#"[{"resource":"https://api.example","scope":"read","signing_alg":"RS256"}]"#;
    let create = [
        "client",
        "create",
        "--client-name",
        "Teller",
        "--client-id",
        "teller",
        "--grant-types",
        "urn:openid:params:grant-type:ciba",
        "--grant-types",
        "refresh_token",
        "--scope",
        "openid read offline_access",
        "--resources",
        resources,
        "--id-token-signed-response-alg",
        "PS256",
        "--no-refresh-token-rotation",
        "--backchannel-user-code-parameter",
    ];
    deployment.json(&create).await;
    let shown = deployment.json(&["client", "show", "teller"]).await;
    assert_eq!(shown["resources"], serde_json::from_str::<serde_json::Value>(resources).expect("JSON"));
    assert_eq!(shown["grant_types"], json!(["urn:openid:params:grant-type:ciba", "refresh_token"]));
    assert_eq!(shown["id_token_signed_response_alg"], "PS256");
    assert_eq!(shown["refresh_token_rotation"], false);
    assert_eq!(shown["backchannel_user_code_parameter"], true);

    let create = [
        "client",
        "create",
        "--client-name",
        "API",
        "--client-id",
        "api",
        "--grant-types",
        "",
        "--introspection-audiences",
        "https://api.example",
    ];
    let api = deployment.json(&create).await;
    assert_eq!(api["grant_types"], json!([]));
    assert_eq!(api["introspection_audiences"], json!(["https://api.example"]));
}

/// ATK-8-03: what is not said again is gone, and nobody misses a protection until it was needed.
#[tokio::test]
async fn a_replacement_that_weakens_is_refused_until_each_is_named() {
    let deployment = Deployment::start().await;
    let keys =
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://client.example/keys"});
    let with = |changes: Value| {
        let mut metadata = keys.clone();
        metadata.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        metadata
    };
    let fapi = with(json!({"profile": "fapi-ciba", "dpop_bound_access_tokens": true,
        "backchannel_authentication_request_signing_alg": "ES256"}));
    let refreshing = json!({"scope": "openid offline_access",
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
    let api = |alg: &str| {
        json!({"scope": "openid read",
        "resources": [{"resource": "https://api.example", "scope": "read", "signing_alg": alg}]})
    };
    let words = json!({"scope": "openid pay", "scope_descriptions": {"pay": {"en": "Pay", "de": "Zahlen", "fr": "Payer", "es": "Pagar"}}});
    let risky = json!({"scope": "openid pay", "high_risk_scope": "pay"});
    for (n, (old, new, lost)) in [
        (json!({"require_passkey": true}), json!({}), &["require_passkey"][..]),
        (json!({"require_binding_message": true}), json!({}), &["require_binding_message"]),
        (risky.clone(), json!({"scope": "openid pay"}), &["high_risk_scope"]),
        (risky, json!({}), &[]),
        (
            fapi,
            json!({}),
            &[
                "profile",
                "require_passkey",
                "token_endpoint_auth_method",
                "backchannel_authentication_request_signing_alg",
                "dpop_bound_access_tokens",
            ],
        ),
        (json!({"active": false}), json!({}), &["active"]),
        (
            json!({"tls_client_certificate_bound_access_tokens": true}),
            json!({}),
            &["tls_client_certificate_bound_access_tokens"],
        ),
        (json!({"backchannel_user_code_parameter": true}), json!({}), &["backchannel_user_code_parameter"]),
        (json!({"hint_kinds": ["sub"]}), json!({}), &["hint_kinds"]),
        (json!({"hint_kinds": ["sub", "tel"]}), json!({"hint_kinds": ["tel"]}), &[]),
        (json!({}), json!({"id_token_signed_response_alg": "RS256"}), &["id_token_signed_response_alg"]),
        (json!({"id_token_signed_response_alg": "RS256"}), json!({}), &[]),
        (words.clone(), json!({"scope": "openid pay"}), &["scope_descriptions"]),
        (words, json!({}), &[]),
        (with(json!({"subject_type": "pairwise"})), keys.clone(), &["subject_type"]),
        (keys.clone(), with(json!({"assertion_audience": "endpoints"})), &["assertion_audience"]),
        (
            with(json!({"token_endpoint_auth_signing_alg": "ES256"})),
            keys.clone(),
            &["token_endpoint_auth_signing_alg"],
        ),
        (
            refreshing.clone(),
            {
                let mut kept = refreshing.clone();
                kept["refresh_token_rotation"] = false.into();
                kept
            },
            &["refresh_token_rotation"],
        ),
        (api("ES256"), api("RS256"), &["resources"]),
        (api("RS256"), json!({}), &[]),
        (json!({}), json!({"require_passkey": true, "dpop_bound_access_tokens": true}), &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("client-{n}");
        let write = async |metadata: &Value, more: &[&str]| {
            let (name, metadata) =
                (["client", "create", "--client-id", &id, "--client-name", "Kiosk"], metadata.to_string());
            let arguments = [&name[..], &["--metadata", &metadata], more].concat();
            let done = deployment.run_with(&arguments, &[MTLS_URL], START).await;
            done.map(drop).map_err(|failure| (failure.exit_code(), failure.to_string()))
        };
        let shown = async || deployment.json(&["client", "show", &id]).await;
        write(&old, &[]).await.unwrap();
        let before = shown().await;
        if !lost.is_empty() {
            let (code, why) = write(&new, &["--replace"]).await.unwrap_err();
            assert!(code == 1 && why.contains(&format!("protects it: {}.", lost.join(", "))), "{why}");
            assert!(why.ends_with(&format!("--confirm {}", lost.join(","))), "{why}");
            // Each of them has to be confirmed by its own name.
            let others = &["--replace", "--confirm", "scope", "--confirm", "redirect_uris"];
            assert_eq!(write(&new, others).await.unwrap_err().1, why);
            for left in lost {
                let named: Vec<_> = lost.iter().filter(|name| *name != left).copied().collect();
                let named = if named.is_empty() { "none".to_owned() } else { named.join(",") };
                let (_, why) = write(&new, &["--replace", "--confirm", &named]).await.unwrap_err();
                assert!(why.ends_with(&format!("--confirm {left}")), "{why}");
            }
            assert_eq!(shown().await, before, "nothing is written");
        }
        write(&new, &["--replace", "--confirm", &lost.join(",")])
            .await
            .unwrap_or_else(|why| panic!("{new}: {why:?}"));
    }
}
