//! The revocation endpoint (RFC 7009; requirements D.9).

use ciba_tests::{Provider, at, basic, form, form_request};
use serde_json::json;

use super::{SCOPE, forged, introspect, posted, provider, refresh, revoke, tokens, userinfo};

/// Whether the tokens are alive, each by itself: access token at introspection and userinfo, refresh token.
async fn alive(provider: &Provider, access: &str, refresh_token: &str) -> [bool; 3] {
    let active = async |token: &str| {
        introspect(provider, "teller", token, at(20.0)).await.body["active"] == json!(true)
    };
    [
        active(access).await,
        userinfo(provider, access, at(20.0)).await.status == 200,
        active(refresh_token).await,
    ]
}

/// TOK-9-01, TOK-9-03
#[tokio::test]
async fn either_token_revokes_the_grant_with_all_its_tokens() {
    for name in ["access_token", "refresh_token"] {
        let provider = provider().await;
        let first = tokens(&provider, &[("scope", SCOPE)]).await;
        let second = refresh(&provider, first.text("refresh_token"), at(10.0)).await;
        let (access, token) = (first.text("access_token"), second.text("refresh_token"));
        assert_eq!(alive(&provider, access, token).await, [true; 3]);
        let answer = revoke(&provider, "teller", second.text(name), at(15.0)).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({})));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(alive(&provider, access, token).await, [false; 3], "{name}: the older access token, too");
        assert_eq!(alive(&provider, second.text("access_token"), token).await, [false; 3], "{name}");
        assert_eq!(refresh(&provider, token, at(20.0)).await.refusal(), (400, "invalid_grant"));
        let again = revoke(&provider, "teller", second.text(name), at(21.0)).await;
        assert_eq!(again.status, 200, "twice is once");
    }
}

/// TOK-9-03: these are a replaced refresh token and an expired access token.
#[tokio::test]
async fn replaced_and_expired_tokens_still_name_their_grant() {
    let provider = provider().await;
    let first = tokens(&provider, &[("scope", SCOPE)]).await;
    let second = refresh(&provider, first.text("refresh_token"), at(10.0)).await;
    revoke(&provider, "teller", first.text("refresh_token"), at(11.0)).await;
    assert_eq!(refresh(&provider, second.text("refresh_token"), at(12.0)).await.status, 400);

    let first = tokens(&provider, &[("scope", SCOPE)]).await;
    revoke(&provider, "teller", first.text("access_token"), at(5000.0)).await;
    assert_eq!(refresh(&provider, first.text("refresh_token"), at(5001.0)).await.status, 400);
}

/// TOK-9-01
#[tokio::test]
async fn a_client_revokes_its_own_grants_only() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", SCOPE)]).await;
    let (access, token) = (tokens.text("access_token"), tokens.text("refresh_token"));
    for theirs in [access, token] {
        let answer = revoke(&provider, "kiosk", theirs, at(10.0)).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({})), "it looks like an unknown token");
    }
    assert_eq!(alive(&provider, access, token).await, [true; 3]);
}

/// TOK-9-02, TOK-9-05
#[tokio::test]
async fn what_is_no_token_is_no_error_and_nothing_changes() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", SCOPE)]).await;
    let (access, token) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let pending = provider.ask_as("teller", &[("login_hint", "bob")], at(6.0)).await;
    let id = pending.text("auth_req_id");
    for other in [id, tokens.text("id_token"), &forged(access), "x", "a.b.c"] {
        assert_eq!(revoke(&provider, "teller", other, at(10.0)).await.status, 200, "{other}");
    }
    assert_eq!(alive(&provider, access, token).await, [true; 3]);
    let polled = provider.poll_as("teller", id, at(11.0)).await;
    assert_eq!(polled.refusal(), (400, "authorization_pending"), "an auth_req_id is not revoked");
}

/// TOK-9-04
#[tokio::test]
async fn a_wrong_or_unknown_hint_at_the_type_changes_nothing() {
    for (name, hint) in
        [("access_token", "refresh_token"), ("refresh_token", "access_token"), ("access_token", "x")]
    {
        let provider = provider().await;
        let tokens = tokens(&provider, &[("scope", SCOPE)]).await;
        let parameters = [("token", tokens.text(name)), ("token_type_hint", hint)];
        let call = posted("/oauth/revoke", "teller", &parameters);
        assert_eq!(provider.call(&provider.revocation, &call, at(10.0)).await.status, 200);
        let (access, token) = (tokens.text("access_token"), tokens.text("refresh_token"));
        assert_eq!(alive(&provider, access, token).await, [false; 3], "{name} as {hint}");
    }
}

/// TOK-9-01
#[tokio::test]
async fn who_is_not_authenticated_revokes_nothing() {
    let provider = provider().await;
    let tokens = tokens(&provider, &[("scope", SCOPE)]).await;
    let (access, token) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let body = form(&[("token", access)]);
    for authorization in [None, Some(basic("teller", "wrong"))] {
        let call = form_request("/oauth/revoke", authorization.as_deref(), &body);
        assert_eq!(
            provider.call(&provider.revocation, &call, at(10.0)).await.refusal(),
            (401, "invalid_client")
        );
    }
    assert_eq!(alive(&provider, access, token).await, [true; 3]);
}
