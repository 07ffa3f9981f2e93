//! The page: what whoever has the link sees, and how it is declined.

use ciba::http::event;
use ciba_local::proxy::Refusal;
use ciba_tests::{Provider, at, form, request};
use serde_json::json;

use super::person::{BROWSER, attribute, decline, field, open};
use super::without_effect;

/// A page without what differs between two requests for it.
fn without_nonce(html: &str) -> String {
    let nonces = html.split("nonce=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
    nonces.fold(html.to_owned(), |html, nonce| html.replace(nonce, ""))
}

/// CIBA-8-02, ATK-1-03
#[tokio::test]
async fn the_page_shows_who_asks_for_what() {
    let provider = Provider::start().await;
    let (_, key) =
        provider.asked(&[("binding_message", "K7-2931"), ("scope", "openid email")], at(0.0)).await;
    let page = open(&provider, &key, at(20.0)).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    for text in ["City Kiosk", "kiosk", "K7-2931", "Example Bank", "email", "20 seconds"] {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
}

/// With the link alone nobody learns whose request it is.
#[tokio::test]
async fn the_page_says_nothing_about_the_person() {
    let provider = Provider::start().await;
    let claims = json!({"channels": [{"sms": "+15555550109"}], "claims": {"name": "Alicia Zamora",
        "email": "zamora@example.com"}});
    provider.enroll("zamora", claims).await.expect("zamora");
    provider.enroll_passkey("zamora", at(0.0)).await;
    let (_, key) = provider.asked(&[("login_hint", "zamora")], at(0.0)).await;
    let page = open(&provider, &key, at(1.0)).await.html;
    let person = provider.items_under("request#").await[0]["person"].as_str().expect("a key").to_owned();
    let passkeys = provider.items_under(&format!("user#{person}")).await;
    let mut secrets = vec!["zamora".to_owned(), "Alicia".to_owned(), "5555550109".to_owned(), person];
    secrets.extend(
        passkeys.iter().filter_map(|it| it["sk"].as_str()?.strip_prefix("passkey#").map(str::to_owned)),
    );
    assert_eq!(secrets.len(), 5, "with a passkey");
    for secret in secrets {
        assert!(!page.contains(&secret), "{secret}");
    }
}

/// ATK-7-02: whatever fetches links may fetch this one as often as it likes.
#[tokio::test]
async fn reading_the_page_changes_nothing() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    for method in ["GET", "HEAD", "GET"] {
        let read = request(method, &format!("/consent/{key}"), BROWSER, "");
        let before = provider.items().await;
        assert_eq!(provider.call(&provider.consent, &read, at(1.0)).await.status, 200);
        assert_eq!(provider.items().await.len(), before.len());
    }
    let page = without_effect(&provider, open(&provider, &key, at(2.0))).await;
    assert_eq!(page.status, 200);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "authorization_pending"));
}

/// Who tries links learns nothing from what they do not show.
#[tokio::test]
async fn unknown_expired_and_decided_requests_look_alike() {
    let provider = Provider::start().await;
    let (_, expired) = provider.asked(&[("requested_expiry", "10")], at(0.0)).await;
    let (_, superseded) = provider.asked(&[], at(11.0)).await;
    let (_, approved) = provider.asked(&[], at(12.0)).await;
    provider.approve(&approved, at(13.0)).await;
    let (_, denied) = provider.asked(&[("login_hint", "bob")], at(12.0)).await;
    provider.decide("bob", &denied, json!({"decision": "deny"}), at(13.0)).await;
    let unknown = "A".repeat(22);
    let mut pages = Vec::new();
    for key in [&expired, &superseded, &approved, &denied, &unknown, "no-key"] {
        let page = open(&provider, key, at(14.0)).await;
        assert_eq!(page.status, 404, "{key}");
        pages.push(without_nonce(&page.html));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:#?}");
    assert!(!pages[0].contains("City Kiosk"));
}

#[tokio::test]
async fn a_client_that_was_disabled_has_no_page() {
    let provider = Provider::start().await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    provider.register(json!({"client_id": "kiosk", "active": false})).await.expect("kiosk");
    assert_eq!(open(&provider, &key, at(1.0)).await.status, 404);
}

#[tokio::test]
async fn the_page_speaks_the_persons_language() {
    let provider = Provider::start().await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    for (accepted, language) in [
        ("de-CH, de;q=0.9, en;q=0.5", "de"),
        ("fr", "fr"),
        ("es-MX", "es"),
        ("pt-BR, pt;q=0.9, en;q=0.8", "pt"),
        ("ar-SA", "ar"),
        ("fi, ja;q=0.5", "ja"),
        ("fi", "en"),
    ] {
        let headers = [("accept", "text/html"), ("accept-language", accepted)];
        let read = request("GET", &format!("/consent/{key}"), &headers, "");
        let page = provider.call(&provider.consent, &read, at(1.0)).await;
        assert_eq!((page.status, page.header("content-language")), (200, Some(language)), "{accepted}");
    }
}

/// The link's language comes before the browser's. An unknown or repeated one is ignored, and nothing else changes.
#[tokio::test]
async fn a_link_selects_the_language_of_the_page() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    let read = async |query: &str| {
        let request = event::request(&json!({
            "version": "2.0",
            "rawPath": format!("/consent/{key}"),
            "rawQueryString": query,
            "headers": {"accept": "text/html", "accept-language": "de"},
            "requestContext": {"domainName": "localhost",
                "http": {"method": "GET", "path": format!("/consent/{key}")}},
            "isBase64Encoded": false,
        }));
        provider.call(&provider.consent, &request.expect("a request"), at(1.0)).await
    };
    for (query, language) in [
        ("lang=pl", "pl"),
        ("lang=AR", "ar"),
        ("lang=en", "en"),
        ("lang=tlh", "de"),
        ("lang=pt-BR", "de"),
        ("lang=", "de"),
        ("lang=pl&lang=sv", "de"),
        ("language=pl", "de"),
        ("", "de"),
    ] {
        let page = read(query).await;
        assert_eq!((page.status, page.header("content-language")), (200, Some(language)), "{query}");
    }
    let page = read("lang=sv").await;
    assert!(page.header("set-cookie").is_none());
    let body = form(&[
        ("decision", "deny"),
        ("language", &field(&page, "language")),
        ("form_token", &field(&page, "form_token")),
    ]);
    let headers = [
        ("accept-language", "de"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    let sent = request("POST", &format!("/consent/{key}/decision"), &headers, body);
    let declined = provider.call(&provider.consent, &sent, at(2.0)).await;
    assert_eq!((declined.status, declined.header("content-language")), (200, Some("sv")), "{declined:?}");
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "access_denied"));
}

/// What a client calls its own scope values is what the person reads, in their language where there is one.
#[tokio::test]
async fn a_clients_own_scope_has_the_words_of_its_registration() {
    let provider = Provider::start().await;
    let teller = json!({"client_id": "kiosk", "scope": "openid payments statements",
        "scope_descriptions": {"payments": {
            "en": "Pay up to the amount shown", "de": "Bis zum genannten Betrag zahlen",
            "fr": "Payer le montant indiqué au plus", "es": "Pagar hasta el importe indicado"}}});
    provider.register(teller).await.expect("kiosk");
    let (_, key) = provider.asked(&[("scope", "openid payments statements")], at(0.0)).await;
    let page = open(&provider, &key, at(1.0)).await.html;
    assert!(page.contains("Pay up to the amount shown") && page.contains("statements"), "{page}");
    let german =
        request("GET", &format!("/consent/{key}"), &[("accept", "text/html"), ("accept-language", "de")], "");
    let page = provider.call(&provider.consent, &german, at(1.0)).await.html;
    assert!(page.contains("dir=\"auto\">Bis zum genannten Betrag zahlen"), "{page}");
    let swedish =
        request("GET", &format!("/consent/{key}"), &[("accept", "text/html"), ("accept-language", "sv")], "");
    let page = provider.call(&provider.consent, &swedish, at(1.0)).await.html;
    assert!(page.contains("<span dir=\"auto\" lang=\"en\">Pay up to the amount shown"), "{page}");
}

/// In English, and in the languages that the operator chooses.
#[tokio::test]
async fn scope_descriptions_are_in_one_set_of_languages() {
    let provider = Provider::start().await;
    let register = async |descriptions| {
        let metadata = json!({"client_id": "x", "scope": "openid accounts payments",
            "scope_descriptions": descriptions});
        provider.register(metadata).await
    };
    for languages in [&["en"][..], &["en", "pl", "ar"], &["en", "de", "fr", "es"]] {
        let texts: serde_json::Map<_, _> =
            languages.iter().map(|tag| ((*tag).to_owned(), json!("Pay"))).collect();
        register(json!({"accounts": texts, "payments": texts})).await.expect("a client");
    }
    let (one, two) = (json!({"en": "Pay"}), json!({"en": "Pay", "de": "Zahlen"}));
    let refused = register(json!({"accounts": one, "payments": two})).await.expect_err("a refusal");
    assert!(refused.contains("another value has"), "{refused}");
}

#[tokio::test]
async fn scope_descriptions_that_are_none_are_refused() {
    let provider = Provider::start().await;
    let in_all = |text: &str| json!({"en": "Pay", "de": "Zahlen", "fr": "Payer", "es": text});
    for (descriptions, why) in [
        (json!({"profile": {"en": "Everything"}}), "one of the client's own"),
        (json!({"payments": {"en": "Pay"}}), "one of the client's own"),
        (json!({"accounts": {"en": "Pay", "tlh": "DIl"}}), "unsupported language"),
        (json!({"accounts": {"de": "Zahlen", "fr": "Payer"}}), "a text in en"),
        (json!({"accounts": in_all("<b>Pay</b>")}), "ordinary text"),
        (json!({"accounts": in_all("")}), "ordinary text"),
        (json!({"accounts": in_all(&"a".repeat(121))}), "ordinary text"),
    ] {
        let metadata =
            json!({"client_id": "x", "scope": "openid profile accounts", "scope_descriptions": descriptions});
        let refused = provider.register(metadata).await.expect_err("a refusal");
        assert!(refused.contains(why), "{refused}");
    }
}

/// Declining is one tap, without script and without proof.
#[tokio::test]
async fn whoever_has_the_page_can_decline_with_its_form() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    let page = open(&provider, &key, at(1.0)).await;
    let token = field(&page, "form_token");
    let same_origin = [("sec-fetch-site", "same-origin"), ("origin", "null")];
    let declined = decline(&provider, &key, &token, &same_origin, at(2.0)).await;
    assert_eq!((declined.status, declined.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "access_denied"));
    let again = decline(&provider, &key, &token, &same_origin, at(6.0)).await;
    assert_eq!(without_nonce(&again.html), without_nonce(&declined.html), "a second tap is told the same");
}

/// ATK-7-02: anti-forgery. The token is the request's, and no other site sends the form.
#[tokio::test]
async fn a_form_that_is_not_the_pages_own_declines_nothing() {
    let provider = Provider::start().await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let (_, bobs) = provider.asked(&[("login_hint", "bob")], at(0.0)).await;
    let token = field(&open(&provider, &key, at(1.0)).await, "form_token");
    let of_another = field(&open(&provider, &bobs, at(1.0)).await, "form_token");
    let same = ("sec-fetch-site", "same-origin");
    for (token, headers) in [
        (of_another.as_str(), vec![same]),
        ("", vec![same]),
        ("AAAAAAAAAAAAAAAAAAAAAA", vec![same]),
        (&token, vec![("sec-fetch-site", "cross-site")]),
        (&token, vec![("sec-fetch-site", "same-site")]),
        (&token, vec![("sec-fetch-site", "none")]),
        (&token, vec![("origin", "https://evil.example")]),
        (&token, vec![("origin", "null")]),
    ] {
        let answer = without_effect(&provider, decline(&provider, &key, token, &headers, at(2.0))).await;
        assert_eq!(answer.status, 404, "{token} {headers:?}");
    }
    let from_here = [("origin", Provider::ISSUER)];
    assert_eq!(
        decline(&provider, &key, &token, &from_here, at(2.0)).await.status,
        200,
        "an old browser's own"
    );
}

/// ATK-7-04
#[tokio::test]
async fn the_form_declines_and_does_nothing_else() {
    let provider = Provider::start().await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let token = field(&open(&provider, &key, at(1.0)).await, "form_token");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    for word in ["approve", "report", ""] {
        let body = format!("decision={word}&form_token={token}").into_bytes();
        let sent = request("POST", &format!("/consent/{key}/decision"), &headers, body);
        let answer = without_effect(&provider, provider.call(&provider.consent, &sent, at(2.0))).await;
        assert_eq!(answer.status, 404, "{word}");
    }
}

#[tokio::test]
async fn what_was_approved_is_not_declined_any_more() {
    let provider = Provider::start().await;
    let (auth_req_id, key) = provider.asked(&[], at(0.0)).await;
    let token = field(&open(&provider, &key, at(1.0)).await, "form_token");
    provider.approve(&key, at(2.0)).await;
    let headers = [("sec-fetch-site", "same-origin")];
    let answer = without_effect(&provider, decline(&provider, &key, &token, &headers, at(3.0))).await;
    assert_eq!(answer.status, 404);
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.status, 200);
}

#[tokio::test]
async fn a_page_that_cannot_be_made_says_to_try_again() {
    let provider = Provider::start().await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    provider.proxy.fail_before("GetItem", 1, Refusal::Error { code: "AccessDeniedException".to_owned() });
    let page = open(&provider, &key, at(1.0)).await;
    assert_eq!((page.status, page.header("content-type")), (503, Some("text/html; charset=utf-8")));
}

/// Where there are no passkeys, the page says so and can be declined all the same.
#[tokio::test]
async fn without_a_domain_for_passkeys_nothing_is_there_to_be_signed() {
    let provider = Provider::with(&[("RP_ID", "")]).await;
    let (_, key) = provider.asked(&[], at(0.0)).await;
    let page = open(&provider, &key, at(1.0)).await;
    assert!(!page.html.contains("data-shown") && !page.html.contains("data-rp"));
    assert_eq!(attribute(&page, "data-client"), "kiosk");
    let headers = [("sec-fetch-site", "same-origin")];
    assert_eq!(decline(&provider, &key, &field(&page, "form_token"), &headers, at(2.0)).await.status, 200);
}

/// RFC 8707: what the tokens are for is part of what is approved.
#[tokio::test]
async fn the_page_names_the_apis_that_the_tokens_are_for() {
    let provider = Provider::start().await;
    let kiosk = json!({"client_id": "kiosk", "resources": [{"resource": "https://api.example/pay", "scope": "profile"}]});
    provider.register(kiosk).await.expect("kiosk");
    let (_, key) = provider.asked(&[("resource", "https://api.example/pay")], at(0.0)).await;
    let page = open(&provider, &key, at(1.0)).await;
    assert!(page.html.contains("Access to https://api.example/pay"), "{}", page.html);
}
