//! What an assertion says, who signed it, and that it is good once.

use std::sync::Arc;

use ciba_tests::{Provider, SECRET, at, basic, form, form_request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Stand, TYPE, UNAUTHENTICATED, asking, asserted, register};
use crate::foreign_issuer::Key;

/// CAUTH-3-01, CAUTH-3-02, CAUTH-3-09: at each endpoint, and for one call.
#[tokio::test]
async fn an_assertion_authenticates_one_call_of_any_endpoint() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    let assertion = |jti: &str| stand.assertion(json!({ "jti": jti }));
    let asked = stand.ask(&assertion("1"), at(1.0)).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let message = provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    let approval = json!({"client_id": "teller", "decision": "approve"});
    assert_eq!(provider.decide("alice", &request, approval, at(2.0)).await.status, 200);

    let grant = "urn:openid:params:grant-type:ciba";
    let poll = [("grant_type", grant), ("auth_req_id", asked.text("auth_req_id")), ("client_id", "teller")];
    let used = asserted("/oauth/token", &assertion("1"), &poll);
    let refused = provider.call(&provider.token, &used, at(6.0)).await;
    assert_eq!(refused.refusal(), UNAUTHENTICATED, "used at another endpoint");
    let poll = asserted("/oauth/token", &assertion("2"), &poll);
    let tokens = provider.call(&provider.token, &poll, at(6.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");

    let token = [("token", tokens.text("access_token"))];
    let introspect = asserted("/oauth/introspect", &assertion("3"), &token);
    let introspected = provider.call(&provider.introspection, &introspect, at(7.0)).await;
    assert_eq!(introspected.body["active"], true, "{introspected:?}");
    let revoke = asserted("/oauth/revoke", &assertion("4"), &token);
    assert_eq!(provider.call(&provider.revocation, &revoke, at(8.0)).await.status, 200);
    let again = asserted("/oauth/introspect", &assertion("5"), &token);
    assert_eq!(provider.call(&provider.introspection, &again, at(9.0)).await.body["active"], false);
    for (path, endpoint) in [("/oauth/introspect", "introspection"), ("/oauth/revoke", "revocation")] {
        let used = asserted(path, &assertion("4"), &token);
        let answer = match endpoint {
            "introspection" => provider.call(&provider.introspection, &used, at(9.0)).await,
            _ => provider.call(&provider.revocation, &used, at(9.0)).await,
        };
        assert_eq!(answer.refusal(), UNAUTHENTICATED, "{endpoint}");
    }

    let pending = stand.ask(&assertion("6"), at(10.0)).await;
    let cancel =
        asserted("/bc-authorize/cancel", &assertion("7"), &[("auth_req_id", pending.text("auth_req_id"))]);
    assert_eq!(provider.call(&provider.backchannel_authentication, &cancel, at(11.0)).await.status, 200);
    let guards = provider.items_under("jti#").await;
    assert_eq!(guards.len(), 7);
    let over = at(90.0).millis().to_string();
    assert!(guards.iter().all(|it| it["expires_at"] == over), "{guards:?}");
}

/// CAUTH-3-09, CAUTH-3-10: of any number at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_requests_with_one_assertion_one_is_authenticated() {
    let stand = Arc::new(Stand::new().await);
    let assertion = stand.assertion(json!({}));
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (stand, assertion) = (Arc::clone(&stand), assertion.clone());
        tasks.spawn(async move { stand.ask(&assertion, at(1.0)).await });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    let used = answers.iter().filter(|it| it.status == 401 && it.refusal() == UNAUTHENTICATED).count();
    assert_eq!(used, 7, "{answers:?}");
}

/// CAUTH-3-09: until it is over by its own `exp`, with the leeway; the same name of another client is another's.
#[tokio::test]
async fn a_used_assertion_is_refused_before_and_after_its_expiry() {
    let stand = Stand::new().await;
    register(&stand.provider, "kiosk-2", &[&stand.key], json!({})).await;
    let assertion = stand.assertion(json!({}));
    assert_eq!(stand.ask(&assertion, at(1.0)).await.status, 200);
    for now in [2.0, 89.9, 90.0, 1000.0] {
        assert_eq!(stand.ask(&assertion, at(now)).await.refusal(), UNAUTHENTICATED, "{now}");
    }
    let others = stand.assertion(json!({"iss": "kiosk-2", "sub": "kiosk-2"}));
    assert_eq!(stand.ask(&others, at(2.0)).await.status, 200, "a jti is its client's own");
}

/// CAUTH-3-03, CAUTH-3-04, CAUTH-3-08, CAUTH-3-09, CAUTH-3-11, FCIBA-23, CIBA-14-02
#[tokio::test]
async fn each_claim_rule_refuses_the_assertion_that_breaks_it() {
    let stand = Stand::new().await;
    let s = at(1.0).seconds();
    for changes in [
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"sub": "kiosk"}),
        json!({"iss": "kiosk", "sub": "kiosk"}),
        json!({"aud": null}),
        json!({"aud": "https://other.example"}),
        json!({"aud": "http://localhost:9000/"}),
        json!({"aud": "http://localhost:9000/oauth/token"}),
        json!({"aud": "http://localhost:9000/bc-authorize"}),
        json!({"aud": [Provider::ISSUER, "https://other.example"]}),
        json!({"exp": null}),
        json!({"exp": s - 60}),
        json!({"exp": s + 3600}),
        json!({"exp": "soon"}),
        json!({"exp": 1e300}),
        json!({"nbf": s + 61}),
        json!({"iat": s + 61}),
        json!({"jti": null}),
        json!({"jti": "j".repeat(257)}),
        json!({"jti": ["assertion-1"]}),
    ] {
        stand.assert_refused(&changes.to_string(), &stand.assertion(changes.clone())).await;
    }
    for (n, changes) in [
        json!({}),
        json!({"aud": [Provider::ISSUER]}),
        json!({"iat": s + 10, "nbf": s + 10}),
        json!({"iat": null}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut changes = changes;
        changes["jti"] = json!(format!("good-{n}"));
        assert_eq!(stand.ask(&stand.assertion(changes.clone()), at(1.0)).await.status, 200, "{changes}");
    }
}

/// CAUTH-3-06, CIBA-7.1-29: of CIBA as it was in 2021.
#[tokio::test]
async fn a_client_registered_for_it_may_name_the_endpoints() {
    let stand = Stand::with(Key::es256("one"), json!({"assertion_audience": "endpoints"}), &[]).await;
    for (n, aud) in [
        json!(Provider::ISSUER),
        json!("http://localhost:9000/oauth/token"),
        json!("http://localhost:9000/bc-authorize"),
        json!(["https://other.example", "http://localhost:9000/bc-authorize"]),
    ]
    .into_iter()
    .enumerate()
    {
        let assertion = stand.assertion(json!({"aud": aud, "jti": n.to_string()}));
        assert_eq!(stand.ask(&assertion, at(1.0)).await.status, 200, "{aud}");
    }
    for aud in ["http://localhost:9000/oauth/revoke", "http://localhost:9000/oauth/token/"] {
        stand.assert_refused(aud, &stand.assertion(json!({"aud": aud, "jti": "bad"}))).await;
    }
}

/// CAUTH-3-04, CAUTH-3-06: Auth0's SDKs put a slash behind the domain (auth0 6, auth0-python 6).
#[tokio::test]
async fn a_client_registered_for_it_may_name_the_issuer_with_a_slash() {
    let stand = Stand::with(Key::es256("one"), json!({"assertion_audience": "issuer_slash"}), &[]).await;
    let with_slash = "http://localhost:9000/";
    for (n, path) in
        ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/bc-authorize/cancel"].into_iter().enumerate()
    {
        let assertion = stand.assertion(json!({"aud": with_slash, "jti": n.to_string()}));
        let call = asserted(path, &assertion, &[]);
        let provider = &stand.provider;
        let answer = match path {
            "/oauth/token" => provider.call(&provider.token, &call, at(1.0)).await,
            "/oauth/introspect" => provider.call(&provider.introspection, &call, at(1.0)).await,
            "/oauth/revoke" => provider.call(&provider.revocation, &call, at(1.0)).await,
            _ => provider.call(&provider.backchannel_authentication, &call, at(1.0)).await,
        };
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{path}: it is let in, and asks for nothing");
    }
    for (n, aud) in [json!(with_slash), json!([with_slash]), json!(Provider::ISSUER)].into_iter().enumerate()
    {
        let assertion = stand.assertion(json!({"aud": aud, "jti": format!("asking {n}")}));
        assert_eq!(stand.ask(&assertion, at(1.0)).await.status, 200, "{aud}");
    }
    for aud in [
        json!("http://localhost:9000//"),
        json!("http://localhost:9000/oauth/token"),
        json!("http://localhost:9001/"),
        json!([with_slash, "https://other.example"]),
    ] {
        stand.assert_refused(&aud.to_string(), &stand.assertion(json!({"aud": aud, "jti": "bad"}))).await;
    }
}

/// CAUTH-3-08: Authlib's are good for an hour unless it is told otherwise.
#[tokio::test]
async fn the_longest_life_of_an_assertion_is_a_setting() {
    for (setting, longest) in [("", 600), ("60", 60), ("3600", 3600)] {
        let settings = [("CLIENT_ASSERTION_LIFETIME_SECONDS", setting)];
        let stand = Stand::with(Key::es256("one"), json!({}), &settings).await;
        let until = |seconds: i64| {
            stand.assertion(json!({"exp": at(1.0).seconds() + seconds, "jti": seconds.to_string()}))
        };
        // The leeway of 30 s is for clocks that differ.
        stand.assert_refused(setting, &until(longest + 31)).await;
        for seconds in [longest, longest + 30] {
            assert_eq!(stand.ask(&until(seconds), at(1.0)).await.status, 200, "{setting}: {seconds}");
        }
        // It is good once for as long.
        let again = until(longest);
        assert_eq!(stand.ask(&again, at(longest as f64)).await.refusal(), UNAUTHENTICATED, "{setting}");
    }
}

/// CAUTH-3-17, HYG-5-01: the client is told no more than before, and the operator which rule, and whose assertion it was.
#[tokio::test]
async fn the_log_says_which_rule_an_assertion_breaks() {
    let stand = Stand::new().await;
    let (s, header) = (at(1.0).seconds(), |changes: Value| stand.with_header(changes));
    let claim = |changes: Value| stand.assertion(changes);
    let other = Key::es256("one");
    let mut seen = std::collections::BTreeSet::new();
    for (assertion, why) in [
        (claim(json!({"aud": "http://localhost:9000/"})), "issuer_slash"),
        (claim(json!({"aud": "http://localhost:9000/bc-authorize"})), "assertion_audience endpoints"),
        (claim(json!({"aud": [Provider::ISSUER, "https://other.example"]})), "more than the issuer"),
        (claim(json!({"aud": "https://other.example"})), "aud of the assertion is not the issuer"),
        (claim(json!({"exp": s + 3600})), "CLIENT_ASSERTION_LIFETIME_SECONDS"),
        (claim(json!({"exp": null})), "no exp"),
        (claim(json!({"exp": s - 60})), "expired"),
        (claim(json!({"nbf": s + 60})), "not valid yet"),
        (claim(json!({"jti": null})), "no jti"),
        (claim(json!({"sub": "kiosk"})), "iss and sub"),
        (header(json!({"typ": "at+jwt"})), "wrong type"),
        (header(json!({"alg": "HS256"})), "alg of the token"),
        (header(json!({"alg": "PS256"})), "unknown key"),
        (header(json!({"kid": "two"})), "unknown key"),
        (header(json!({"crit": ["exp"]})), "critical extensions"),
        (stand.signed_by(&other, json!({})), "signature"),
        (format!("{}.x.x", claim(json!({}))), "encrypted"),
        (claim(json!({"iss": "nobody", "sub": "nobody"})), "unknown client"),
    ] {
        let answer = stand.ask(&assertion, at(1.0)).await;
        assert_eq!(answer.refusal(), UNAUTHENTICATED, "{why}");
        assert_eq!(answer.text("error_description"), "client authentication failed", "{why}");
        let line = stand.provider.eavesdropper.lines("refused").pop().expect("a line");
        let detail = line["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains(why), "{why}: {detail}");
        let client = if why == "unknown client" { "nobody" } else { "teller" };
        assert_eq!(line["client_id"], client, "{why}");
        seen.insert(detail);
    }
    assert_eq!(seen.len(), 17, "no two rules are told alike: {seen:?}");

    let used = claim(json!({"jti": "used"}));
    assert_eq!(stand.ask(&used, at(1.0)).await.status, 200);
    assert_eq!(stand.ask(&used, at(1.0)).await.refusal(), UNAUTHENTICATED);
    let line = stand.provider.eavesdropper.lines("refused").pop().expect("a line");
    assert_eq!(
        (&line["detail"], &line["client_id"]),
        (&json!("the assertion was already used"), &json!("teller"))
    );

    // What cannot be read at all is named by the parameter beside it, if there is one.
    for (beside, client) in [(&[("client_id", "teller")][..], json!("teller")), (&[], Value::Null)] {
        let call = super::asking("no JWT", beside);
        let provider = &stand.provider;
        let answer = provider.call(&provider.backchannel_authentication, &call, at(1.0)).await;
        assert_eq!(answer.refusal(), UNAUTHENTICATED);
        let line = provider.eavesdropper.lines("refused").pop().expect("a line");
        assert_eq!(
            (&line["detail"], &line["client_id"]),
            (&json!("the token is not a compact JWS"), &client)
        );
    }
}

/// HYG-5-01: a name that comes with a secret may be the secret.
#[tokio::test]
async fn the_log_names_no_unknown_client_that_comes_with_a_secret() {
    let provider = Provider::start().await;
    for (user, client) in [("s3cret-in-the-wrong-place", Value::Null), ("kiosk", json!("kiosk"))] {
        let header = basic(user, "wrong");
        let asking = form(&[("scope", "openid"), ("login_hint", "alice")]);
        let call = form_request("/bc-authorize", Some(&header), &asking);
        let answer = provider.call(&provider.backchannel_authentication, &call, at(1.0)).await;
        assert_eq!(answer.refusal(), UNAUTHENTICATED);
        assert_eq!(
            provider.eavesdropper.lines("refused").pop().expect("a line")["client_id"],
            client,
            "{user}"
        );
    }
}

/// FCIBA-15, FCIBA-21: by a client that is held to FAPI. The switch for the URLs of 2021 is its own, too: the certification
/// needs it. The audience is the issuer, as one text.
#[tokio::test]
async fn a_fapi_assertion_has_one_audience_and_no_pkcs1_signature() {
    let fapi = json!({"profile": "fapi-ciba", "dpop_bound_access_tokens": true,
        "backchannel_authentication_request_signing_alg": "ES256"});
    let (es256, rs256) = (Key::es256("one"), Key::rs256("two"));
    let stand = Stand::with(es256, json!({}), &[]).await;
    register(&stand.provider, "teller", &[&stand.key, &rs256], fapi.clone()).await;
    for aud in [json!([Provider::ISSUER]), json!("http://localhost:9000/bc-authorize")] {
        stand.assert_refused(&aud.to_string(), &stand.assertion(json!({ "aud": aud }))).await;
    }
    stand.assert_refused("RS256", &stand.signed_by(&rs256, json!({}))).await;
    // It is let in, and refused for a request without a signature.
    let let_in = (400, "invalid_request");
    assert_eq!(stand.ask(&stand.assertion(json!({})), at(1.0)).await.refusal(), let_in);

    let mut legacy = fapi;
    legacy["assertion_audience"] = json!("endpoints");
    register(&stand.provider, "teller", &[&stand.key], legacy).await;
    let assertion = stand.assertion(
        json!({"aud": ["http://localhost:9000/bc-authorize"], "jti": "2", "exp": at(150.0).seconds()}),
    );
    assert_eq!(stand.ask(&assertion, at(100.0)).await.refusal(), let_in);
}

/// CAUTH-3-12, FCIBA-15, HYG-3-01
#[tokio::test]
async fn the_algorithm_is_the_registered_one_or_any_allowed_one() {
    let keys = [Key::es256("e"), Key::ps256("p"), Key::ed_dsa("d"), Key::rs256("r")];
    let stand = Stand::new().await;
    register(&stand.provider, "teller", &keys.each_ref(), json!({})).await;
    for key in &keys {
        let assertion = stand.signed_by(key, json!({"jti": key.alg}));
        assert_eq!(stand.ask(&assertion, at(1.0)).await.status, 200, "{}", key.alg);
    }
    let only = json!({"token_endpoint_auth_signing_alg": "PS256"});
    register(&stand.provider, "teller", &keys.each_ref(), only).await;
    for key in &keys {
        let changes = json!({"jti": format!("{} then", key.alg), "exp": at(150.0).seconds()});
        // What a warm function knows of a client may be a minute old.
        let answer = stand.ask(&stand.signed_by(key, changes), at(100.0)).await;
        assert_eq!(answer.status, if key.alg == "PS256" { 200 } else { 401 }, "{}", key.alg);
    }
}

/// CAUTH-1-02, CAUTH-3-12, CAUTH-3-14, ATK-8-01
#[tokio::test]
async fn an_assertion_of_another_key_client_or_method_is_refused() {
    let stand = Stand::new().await;
    let provider = &stand.provider;
    let other = Key::es256("one");
    register(provider, "other", &[&other], json!({})).await;
    stand.assert_refused("signed by another client", &stand.signed_by(&other, json!({}))).await;
    let theirs = json!({"iss": "other", "sub": "other"});
    stand.assert_refused("in another's name", &stand.assertion(theirs)).await;
    stand
        .assert_refused("a client of a secret", &stand.assertion(json!({"iss": "kiosk", "sub": "kiosk"})))
        .await;
    stand.assert_refused("nobody", &stand.assertion(json!({"iss": "nobody", "sub": "nobody"}))).await;

    let good = stand.assertion(json!({}));
    let send = async |request| provider.call(&provider.backchannel_authentication, &request, at(1.0)).await;
    for (what, request) in [
        ("another client_id", asking(&good, &[("client_id", "other")])),
        ("no type", form_request("/bc-authorize", None, &form(&[("client_assertion", good.as_str())]))),
        ("no assertion", form_request("/bc-authorize", None, &form(&[("client_assertion_type", TYPE)]))),
        (
            "a type of another kind",
            form_request(
                "/bc-authorize",
                None,
                &form(&[
                    ("client_assertion", good.as_str()),
                    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
                ]),
            ),
        ),
        (
            "a secret",
            form_request("/bc-authorize", Some(&basic("teller", SECRET)), &form(&[("scope", "openid")])),
        ),
        (
            "a secret in the body",
            form_request("/bc-authorize", None, &form(&[("client_id", "teller"), ("client_secret", SECRET)])),
        ),
        ("nothing", form_request("/bc-authorize", None, &form(&[("client_id", "teller")]))),
    ] {
        let answer = send(request).await;
        assert_eq!(answer.refusal(), UNAUTHENTICATED, "{what}");
    }
    // CAUTH-1-01
    let two =
        form(&[("client_assertion_type", TYPE), ("client_assertion", good.as_str()), ("scope", "openid")]);
    let two = send(form_request("/bc-authorize", Some(&basic("teller", SECRET)), &two)).await;
    assert_eq!(two.refusal(), (400, "invalid_request"));
    assert_eq!(stand.ask(&good, at(1.0)).await.status, 200, "none of this has used it up");
}

/// CAUTH-1-05, CAUTH-3-17: whoever is refused learns nothing.
#[tokio::test]
async fn all_failures_have_one_answer() {
    let stand = Stand::new().await;
    let used = stand.assertion(json!({}));
    assert_eq!(stand.ask(&used, at(1.0)).await.status, 200);
    register(&stand.provider, "shut", &[&stand.key], json!({"active": false})).await;
    let mut answers = Vec::new();
    for assertion in [
        used,
        stand.assertion(json!({"iss": "nobody", "sub": "nobody"})),
        stand.assertion(json!({"iss": "shut", "sub": "shut"})),
        stand.assertion(json!({"aud": "https://other.example"})),
        stand.signed_by(&Key::es256("one"), json!({"jti": "2"})),
        "e30.e30.e30".to_owned(),
    ] {
        answers.push(stand.ask(&assertion, at(1.0)).await);
    }
    for answer in &answers {
        assert_eq!(answer.refusal(), UNAUTHENTICATED);
        assert_eq!((&answer.body, &answer.headers), (&answers[0].body, &answers[0].headers));
    }
}

/// CAUTH-3-07, HYG-3-08
#[tokio::test]
async fn an_assertion_says_that_it_is_one_or_nothing_about_it() {
    let stand = Stand::new().await;
    for typ in ["oauth-authz-req+jwt", "dpop+jwt", "at+jwt", "logout+jwt", "JWE", ""] {
        stand.assert_refused(typ, &stand.with_header(json!({ "typ": typ }))).await;
    }
    for (n, typ) in [
        json!("client-authentication+jwt"),
        json!("application/Client-Authentication+JWT"),
        json!("JWT"),
        json!("jwt"),
        Value::Null,
    ]
    .into_iter()
    .enumerate()
    {
        let mut header = stand.key.header();
        crate::foreign_issuer::change(&mut header, json!({ "typ": typ }));
        let claims = super::claims(json!({"jti": n.to_string()}));
        let assertion = stand.key.sign(&header.to_string(), &claims.to_string());
        assert_eq!(stand.ask(&assertion, at(1.0)).await.status, 200, "{typ}");
    }
}
