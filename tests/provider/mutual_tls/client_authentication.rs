//! `tls_client_auth` (RFC 8705 §2.1), and where a certificate counts at all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciba_local::gateway::Door;
use ciba_tests::mutual_tls::{MTLS_HOST, MTLS_URL, by, issued, over_mutual_tls, self_signed};
use ciba_tests::{Provider, SECRET, at, basic, form, form_request};
use rcgen::{DistinguishedName, DnType, SanType};
use serde_json::json;

use super::*;
use crate::client_assertion::{asserted, claims};
use crate::foreign_issuer::Key;

const TILL: &str = "tls_client_auth_subject_dn";

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

/// `till` asks, and API Gateway says this of its certificate.
fn told(change: impl FnOnce(&mut Value)) -> Request {
    let parameters = form(&[("scope", "openid"), ("login_hint", "alice"), ("client_id", "till")]);
    let certificate = Some(issued("Till 7", |_| {}));
    let door = Door::MutualTls { authority: MTLS_HOST.to_owned(), certificate };
    by(form_request("/bc-authorize", None, &parameters), &door, |event| {
        change(&mut event["requestContext"]["authentication"]["clientCert"]);
    })
}

/// CAUTH-4-01, CAUTH-4-02, CAUTH-4-08, CIBA-7.1-28, CAUTH-4-10
#[tokio::test]
async fn a_certificate_authenticates_a_client_at_every_endpoint() {
    let provider = provider().await;
    let certificate = issued("Till 7", |_| {});
    let (auth_req_id, request) = asked(&provider, "till", &certificate, at(0.0)).await;
    let body = json!({"client_id": "till", "decision": "approve"});
    assert_eq!(provider.decide("alice", &request, body, at(1.0)).await.status, 200);
    let polled = polling("till", &auth_req_id, Some(&certificate));
    let tokens = provider.call(&provider.token, &polled, at(5.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");

    let token = [("token", tokens.text("access_token"))];
    let seen = posted("/oauth/introspect", "till", &token, Some(&certificate));
    assert_eq!(provider.call(&provider.introspection, &seen, at(6.0)).await.body["active"], true);
    let revoked = posted("/oauth/revoke", "till", &token, Some(&certificate));
    assert_eq!(provider.call(&provider.revocation, &revoked, at(6.0)).await.status, 200);
    let seen = provider.call(&provider.introspection, &seen, at(7.0)).await;
    assert_eq!(seen.body["active"], false, "it was revoked");

    let (auth_req_id, _) = asked(&provider, "till", &certificate, at(10.0)).await;
    let cancelled =
        posted("/bc-authorize/cancel", "till", &[("auth_req_id", &auth_req_id)], Some(&certificate));
    let cancelled = provider.call(&provider.backchannel_authentication, &cancelled, at(11.0)).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
}

/// CAUTH-4-02, CAUTH-4-03, CAUTH-4-04
#[tokio::test]
async fn a_client_is_found_by_the_one_name_that_is_registered() {
    let provider = provider().await;
    let certificate = issued("Till 8", |params| {
        params.subject_alt_names = vec![
            SanType::DnsName("Till-8.bank.example".try_into().unwrap()),
            SanType::URI("urn:bank:till:8".try_into().unwrap()),
            SanType::IpAddress("2001:db8::8".parse().unwrap()),
            SanType::Rfc822Name("till-8@bank.example".try_into().unwrap()),
        ];
    });
    for (member, right, wrong) in [
        ("subject_dn", "cn=till 8, o=city bank", "O=City Bank,CN=Till 8"),
        ("san_dns", "till-8.bank.example", "bank.example"),
        ("san_uri", "urn:bank:till:8", "urn:bank:till"),
        ("san_ip", "2001:db8:0::8", "2001:db8::9"),
        ("san_email", "till-8@Bank.example", "till@bank.example"),
    ] {
        let member = format!("tls_client_auth_{member}");
        register(&provider, "wrong", json!({ &member: wrong })).await;
        refused(&provider, &member, &asking("wrong", &certificate)).await;
        let right_id = format!("right-{member}");
        register(&provider, &right_id, json!({ &member: right })).await;
        assert_eq!(ask(&provider, &asking(&right_id, &certificate)).await.status, 200, "{member}");
    }
}

/// CAUTH-1-02, CAUTH-1-05, CAUTH-4-02, CAUTH-4-06, CAUTH-4-15, CAUTH-4-01
#[tokio::test]
async fn whoever_shows_another_certificate_or_none_is_not_the_client() {
    let provider = provider().await;
    let right = issued("Till 7", |_| {});
    register(
        &provider,
        "shut",
        json!({"tls_client_auth_subject_dn": "CN=Till 7,O=City Bank", "active": false}),
    )
    .await;
    let over = issued("Till 7", |params| params.not_after = rcgen::date_time_ymd(2027, 1, 14));
    let early = issued("Till 7", |params| params.not_before = rcgen::date_time_ymd(2027, 1, 16));
    for (what, request) in [
        ("another's certificate", asking("till", &issued("Till 8", |_| {}))),
        ("one of its own making", asking("till", &self_signed("Till 7", |_| {}))),
        ("one that is over", asking("till", &over)),
        ("one that is not valid yet", asking("till", &early)),
        ("none", posted("/bc-authorize", "till", &[("scope", "openid"), ("login_hint", "alice")], None)),
        ("nobody's name", asking("nobody", &right)),
        ("a client that uses Basic", asking("kiosk", &right)),
        ("a client that posts a secret", asking("call-centre", &right)),
        ("a disabled client", asking("shut", &right)),
    ] {
        refused(&provider, what, &request).await;
    }
    let nameless =
        form_request("/bc-authorize", None, &form(&[("scope", "openid"), ("login_hint", "alice")]));
    refused(&provider, "no client_id", &over_mutual_tls(nameless, Some(&right))).await;
    let elsewhere = form(&[("scope", "openid"), ("login_hint", "alice")]);
    let elsewhere = form_request("/bc-authorize?client_id=till", None, &elsewhere);
    let elsewhere = ask(&provider, &over_mutual_tls(elsewhere, Some(&right))).await;
    assert_eq!(elsewhere.refusal(), (400, "invalid_request"), "client_id in the query");
    assert_eq!(ask(&provider, &asking("till", &right)).await.status, 200);
}

/// CAUTH-1-01, CAUTH-1-02: the certificate is right, but it is not what the client authenticates with.
#[tokio::test]
async fn a_secret_beside_the_certificate_is_another_method() {
    let provider = provider().await;
    let certificate = issued("Till 7", |_| {});
    let parameters = [("scope", "openid"), ("login_hint", "alice"), ("client_id", "till")];
    let with_basic = form_request("/bc-authorize", Some(&basic("till", SECRET)), &form(&parameters));
    refused(&provider, "Basic", &over_mutual_tls(with_basic, Some(&certificate))).await;
    for extra in [("client_secret", SECRET), ("client_assertion", "x")] {
        let with_more = form_request("/bc-authorize", None, &form(&[&parameters[..], &[extra]].concat()));
        refused(&provider, extra.0, &over_mutual_tls(with_more, Some(&certificate))).await;
    }
    // A client with a secret may come by this host too.
    let kiosk = form(&[("scope", "openid"), ("login_hint", "alice")]);
    let kiosk = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &kiosk);
    assert_eq!(ask(&provider, &over_mutual_tls(kiosk, Some(&certificate))).await.status, 200);
}

/// CAUTH-4-11, CAUTH-4-12: who reaches a function in another way than by the host for mutual TLS has no
/// certificate, whatever is sent.
#[tokio::test]
async fn a_certificate_is_read_only_from_the_mutual_tls_context() {
    let provider = provider().await;
    let certificate = issued("Till 7", |_| {});
    let parameters = form(&[("scope", "openid"), ("login_hint", "alice"), ("client_id", "till")]);
    let plain = || form_request("/bc-authorize", None, &parameters);
    let shown = Door::MutualTls { authority: MTLS_HOST.to_owned(), certificate: Some(certificate.clone()) };
    let mut pem = String::new();
    let request = by(plain(), &shown, |event| {
        pem = event["requestContext"]["authentication"]["clientCert"]["clientCertPem"]
            .as_str()
            .unwrap()
            .to_owned();
    });
    assert_eq!(ask(&provider, &request).await.status, 200, "this is what is changed below");

    let none = Door::MutualTls { authority: MTLS_HOST.to_owned(), certificate: None };
    for name in [
        "x-client-cert",
        "x-ssl-client-cert",
        "ssl-client-cert",
        "x-amzn-mtls-clientcert",
        "x-amzn-mtls-clientcert-leaf",
        "x-forwarded-client-cert",
        "client-cert",
    ] {
        for door in [&Door::Plain, &Door::Tls, &none] {
            let request = by(plain(), door, |event| {
                event["headers"][name] = pem.replace('\n', "%0A").into();
            });
            refused(&provider, name, &request).await;
        }
    }
    for host in
        ["localhost", "localhost:9000", "localhost:94430", "mtls.localhost:9443", "abc.execute-api.example"]
    {
        let request = by(plain(), &shown, |event| event["requestContext"]["domainName"] = host.into());
        refused(&provider, host, &request).await;
        // What the client calls the host is not what it is.
        let request = by(plain(), &shown, |event| {
            event["requestContext"]["domainName"] = host.into();
            event["headers"]["host"] = MTLS_HOST.into();
        });
        refused(&provider, host, &request).await;
    }
    let request = by(plain(), &none, |event| {
        event["requestContext"]["authentication"] = json!({"clientCert": {
            "subjectDN": "O=City Bank, CN=Till 7", "validity": {}
        }});
    });
    refused(&provider, "a name without a certificate", &request).await;
}

/// CAUTH-4-12: a host has no case, and may end in the dot of the root (RFC 4343, RFC 1034 §3.1).
#[tokio::test]
async fn a_certificate_counts_at_its_host_in_any_spelling() {
    let provider = provider().await;
    let certificate = issued("Till 7", |_| {});
    let shown = Door::MutualTls { authority: MTLS_HOST.to_owned(), certificate: Some(certificate) };
    let parameters = form(&[("scope", "openid"), ("login_hint", "alice"), ("client_id", "till")]);
    for host in ["LOCALHOST:9443", "localhost:9443."] {
        let plain = form_request("/bc-authorize", None, &parameters);
        let request = by(plain, &shown, |event| event["requestContext"]["domainName"] = host.into());
        assert_eq!(ask(&provider, &request).await.status, 200, "{host}");
    }
}

/// CAUTH-4-11, CAUTH-4-15: of the context the certificate itself is read, and what stands beside it is not.
#[tokio::test]
async fn what_the_context_says_beside_the_certificate_does_not_count() {
    let provider = provider().await;
    let right = json!({"notBefore": "May 28 12:30:02 2019 GMT", "notAfter": "Aug  5 09:36:04 2099 GMT"});
    let over = json!({"notBefore": "May 28 12:30:02 2019 GMT", "notAfter": "Aug  5 09:36:04 2021 GMT"});
    let ended = issued("Till 7", |params| params.not_after = rcgen::date_time_ymd(2027, 1, 14));
    for (what, certificate) in [("one that is over", ended), ("another's", issued("Till 8", |_| {}))] {
        let request = told(|shown| {
            shown["clientCertPem"] = pem(&certificate).into();
            shown["subjectDN"] = "CN=Till 7,O=City Bank".into();
            shown["validity"] = right.clone();
        });
        refused(&provider, what, &request).await;
    }
    let request = told(|shown| {
        shown["subjectDN"] = "CN=Till 8,O=City Bank".into();
        shown["issuerDN"] = "CN=Till 7,O=City Bank".into();
        shown["serialNumber"] = "x".into();
        shown["validity"] = over.clone();
    });
    assert_eq!(ask(&provider, &request).await.status, 200, "its certificate is right");
}

/// CAUTH-4-02: who has a chain behind the certificate has the key of the first one only.
#[tokio::test]
async fn of_several_certificates_the_first_is_the_clients() {
    let provider = provider().await;
    let (own, other) = (pem(&issued("Till 7", |_| {})), pem(&issued("Till 8", |_| {})));
    let shown = |text: String| told(|shown| shown["clientCertPem"] = text.into());
    assert_eq!(ask(&provider, &shown(own.clone() + &other)).await.status, 200);
    refused(&provider, "the second is right", &shown(other.clone() + &own)).await;
    let broken = other.replacen("MII", "!!!", 1);
    refused(&provider, "the first cannot be read", &shown(broken + &own)).await;
    let key = other.replace("CERTIFICATE", "PRIVATE KEY");
    refused(&provider, "the first is none", &shown(key + &own)).await;
}

/// CAUTH-4-02, CAUTH-4-04: an authority that lets people choose one kind of name has not vouched for another.
#[tokio::test]
async fn a_registered_name_is_not_found_among_names_of_another_kind() {
    let provider = provider().await;
    let certificate = issued("till-9.bank.example", |params| {
        params.subject_alt_names = vec![
            SanType::DnsName("192.0.2.9".try_into().unwrap()),
            SanType::URI("till-9@bank.example".try_into().unwrap()),
            SanType::Rfc822Name("urn:bank:till:9".try_into().unwrap()),
        ];
    });
    for (member, name, own) in [
        ("san_dns", "till-9.bank.example", Some("192.0.2.9")),
        ("san_ip", "192.0.2.9", None),
        ("san_email", "till-9@bank.example", None),
        ("san_uri", "urn:bank:till:9", Some("till-9@bank.example")),
        ("subject_dn", "CN=192.0.2.9,O=City Bank", Some("CN=till-9.bank.example,O=City Bank")),
    ] {
        let member = format!("tls_client_auth_{member}");
        register(&provider, &member, json!({ &member: name })).await;
        refused(&provider, &member, &asking(&member, &certificate)).await;
        let Some(own) = own else { continue };
        register(&provider, &member, json!({ &member: own })).await;
        assert_eq!(ask(&provider, &asking(&member, &certificate)).await.status, 200, "{member} {own}");
    }
}

/// CAUTH-4-03
#[tokio::test]
async fn a_name_inside_a_part_of_a_name_is_not_that_name() {
    let provider = provider().await;
    let whole = issued("", |params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Till 7,O=City Bank");
    });
    refused(&provider, "separators within a value", &asking("till", &whole)).await;
    let right = issued("Till 7", |_| {});
    for (n, name) in ["CN=Till 7+O=City Bank", "CN=Till 7\\,O=City Bank", "CN=Till 7", "O=City Bank"]
        .into_iter()
        .enumerate()
    {
        let id = format!("till-{n}");
        register(&provider, &id, json!({ TILL: name })).await;
        refused(&provider, name, &asking(&id, &right)).await;
    }
    register(&provider, "whole", json!({ TILL: "cn=Till 7\\,o\\=city  BANK" })).await;
    assert_eq!(ask(&provider, &asking("whole", &whole)).await.status, 200);
    refused(&provider, "the escaped one", &asking("whole", &right)).await;
}

/// CAUTH-1-01, CAUTH-1-02, CAUTH-4-15: a client of the one method gains nothing by the credential of the other.
#[tokio::test]
async fn beside_an_assertion_the_certificate_authenticates_nobody() {
    let provider = provider().await;
    let (key, certificate) = (Key::es256("one"), issued("Till 7", |_| {}));
    let keys = json!({"keys": [key.jwk]});
    let by_assertion = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": keys});
    register(&provider, "teller", by_assertion).await;
    register(&provider, "both", json!({TILL: "CN=Till 7,O=City Bank", "jwks": keys})).await;
    let assertion = |client: &str, jti: &str| {
        let claims = claims(json!({"iss": client, "sub": client, "jti": jti}));
        key.sign(&key.header().to_string(), &claims.to_string())
    };
    let asking_with = |assertion: &str, client: &str, certificate: &[u8]| {
        let parameters = [("scope", "openid"), ("login_hint", "alice"), ("client_id", client)];
        over_mutual_tls(asserted("/bc-authorize", assertion, &parameters), Some(certificate))
    };
    let own = assertion("both", "1");
    refused(&provider, "of a client of certificates", &asking_with(&own, "both", &certificate)).await;
    let others = assertion("teller", "1");
    refused(&provider, "another's", &asking_with(&others, "both", &certificate)).await;
    refused(&provider, "of a client of assertions", &asking("teller", &certificate)).await;
    let forged = Key::es256("one").sign(&key.header().to_string(), &claims(json!({})).to_string());
    refused(&provider, "a wrong signature", &asking_with(&forged, "teller", &certificate)).await;
    let over = issued("Till 7", |params| params.not_after = rcgen::date_time_ymd(2027, 1, 14));
    refused(&provider, "one that is over", &asking_with(&others, "teller", &over)).await;
    // None of these has used it up.
    assert_eq!(ask(&provider, &asking_with(&others, "teller", &certificate)).await.status, 200);
    assert_eq!(ask(&provider, &asking("both", &certificate)).await.status, 200);
}

/// CAUTH-4-16
#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_a_refusal_and_no_fault() {
    let provider = provider().await;
    let shown =
        Door::MutualTls { authority: MTLS_HOST.to_owned(), certificate: Some(issued("Till 7", |_| {})) };
    let begin = "-----BEGIN CERTIFICATE-----\n";
    let end = "-----END CERTIFICATE-----\n";
    for text in [
        "x".to_owned(),
        format!("{begin}{end}"),
        format!("{begin}AAAA\n{end}"),
        format!("{begin}MIIB\n"),
        format!("{begin}{}\n{end}", "MIIB".repeat(20_000)),
        format!("{begin}\u{0}{end}"),
    ] {
        for authorization in [None, Some(basic("kiosk", SECRET))] {
            let client = if authorization.is_some() { "kiosk" } else { "till" };
            let body = form(&[("scope", "openid"), ("login_hint", "alice"), ("client_id", client)]);
            let request = form_request("/bc-authorize", authorization.as_deref(), &body);
            let request = by(request, &shown, |event| {
                event["requestContext"]["authentication"]["clientCert"]["clientCertPem"] =
                    text.clone().into();
            });
            refused(&provider, &text[..text.len().min(40)], &request).await;
        }
    }
}

/// `till`, registered when there was a host for mutual TLS and an authority.
async fn earlier(provider: &Provider) {
    let metadata = json!({"tls_client_auth_subject_dn": "CN=Till 7,O=City Bank"});
    register_where(provider, &[MTLS_URL, mtls_authorities()], "till", metadata).await.expect("till");
}

/// CAUTH-4-06: what a trust store lets through is not enough to be somebody.
#[tokio::test]
async fn without_an_authority_no_certificate_says_who_a_client_is() {
    let provider = Provider::with(&[MTLS_URL]).await;
    earlier(&provider).await;
    refused(&provider, "no setting", &asking("till", &issued("Till 7", |_| {}))).await;
}

/// CAUTH-4-13
#[tokio::test]
async fn without_a_host_for_mutual_tls_no_certificate_counts() {
    let provider = Provider::start().await;
    earlier(&provider).await;
    refused(&provider, "no setting", &asking("till", &issued("Till 7", |_| {}))).await;
    assert_eq!(MTLS_URL.1, format!("https://{MTLS_HOST}"));
}

/// CAUTH-4-02
#[tokio::test]
async fn a_name_that_no_certificate_can_have_is_not_registered() {
    let provider = Provider::empty(&[MTLS_URL, mtls_authorities()]).await;
    for (member, text) in [
        ("tls_client_auth_subject_dn", "Till 7"),
        ("tls_client_auth_subject_dn", "/O=City Bank/CN=Till 7"),
        ("tls_client_auth_subject_dn", "CN=\"Till, 7"),
        ("tls_client_auth_subject_dn", "CN=Till 7,jurisdictionX=US"),
        ("tls_client_auth_san_ip", "bank.example"),
        ("tls_client_auth_san_dns", ""),
    ] {
        let metadata = json!({"client_id": "x", "client_secret": null,
            "token_endpoint_auth_method": "tls_client_auth", member: text});
        let refusal = provider.register(metadata).await.unwrap_err();
        assert!(refusal.starts_with(&format!("client x: {member}")), "{refusal}");
    }
}
