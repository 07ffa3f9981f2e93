//! Writing down clients and people: what an operator may write, and what becomes of mistakes.

use ciba_local::proxy::Refusal;
use ciba_tests::{Provider, at, basic, form, form_request};
use serde_json::{Value, json};

/// Every item, in an order to compare.
async fn items(provider: &Provider) -> Vec<Value> {
    let mut items = provider.items().await;
    items.sort_by_key(ToString::to_string);
    items
}

/// Why a client is not written down; nothing is.
async fn client_refused(provider: &Provider, metadata: Value) -> String {
    let before = items(provider).await;
    let why = provider.register(metadata.clone()).await.expect_err(&metadata.to_string());
    assert_eq!(items(provider).await, before, "{metadata}");
    why
}

/// Why a person is not written down; nothing is.
async fn person_refused(provider: &Provider, sub: &str, entry: Value) -> String {
    let before = items(provider).await;
    let why = provider.enroll(sub, entry.clone()).await.expect_err(&entry.to_string());
    assert_eq!(items(provider).await, before, "{entry}");
    why
}

fn sms(number: &str) -> Value {
    json!([{ "sms": number }])
}

fn endpoint(id: u8) -> String {
    format!("arn:aws:sns:us-east-1:123456789012:endpoint/GCM/App/{id}")
}

/// DCR-07, DCR-12, DCR-16, DCR-21, CIBA-7.1-02, CAUTH-2-07, TOK-3-05
#[tokio::test]
async fn a_client_that_this_provider_cannot_serve_is_not_written_down() {
    let provider = Provider::start().await;
    for (member, value, why) in [
        ("client_secret", json!("a-secret-of-only-31-characters."), "client_secret"),
        ("client_secret", json!(""), "client_secret"),
        ("token_endpoint_auth_method", json!("none"), "token_endpoint_auth_method"),
        ("token_endpoint_auth_method", json!("client_secret_jwt"), "token_endpoint_auth_method"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "client_secret"),
        ("token_endpoint_auth_method", json!("CLIENT_SECRET_BASIC"), "token_endpoint_auth_method"),
        ("token_endpoint_auth_method", json!(""), "token_endpoint_auth_method"),
        ("backchannel_token_delivery_mode", json!("ping"), "backchannel_client_notification_endpoint"),
        ("backchannel_token_delivery_mode", json!("push"), "backchannel_client_notification_endpoint"),
        (
            "backchannel_client_notification_endpoint",
            json!("https://client.example/"),
            "for ping and push only",
        ),
        ("backchannel_token_delivery_mode", json!("Poll"), "backchannel_token_delivery_mode"),
        ("scope", json!("profile email"), "openid"),
        ("scope", json!("OpenID"), "openid"),
        ("scope", json!(""), "openid"),
        ("scope", json!("openid \"quoted\""), "scope"),
        ("client_id", json!(""), "client_id"),
        ("client_id", json!("city kiosk"), "client_id"),
        ("client_id", json!("kiösk"), "client_id"),
        ("client_id", json!("k".repeat(129)), "client_id"),
    ] {
        let mut metadata = json!({"client_id": "new"});
        metadata[member] = value;
        let refused = client_refused(&provider, metadata.clone()).await;
        assert!(refused.contains(why), "{metadata}: {refused}");
    }
}

/// ATK-2-01, ATK-2-05, DCR-21: the person reads it.
#[tokio::test]
async fn a_client_name_that_breaks_the_rule_for_words_is_refused() {
    let provider = Provider::start().await;
    for name in [
        "",
        "<b>Bank</b>",
        "Ba\u{308}nk",
        "B\u{430}nk",
        "Bank\nplease approve",
        "Bank \u{202e}knaB",
        " Bank",
        "Your  Bank",
        "www.bank.example",
        "https://bank.example",
        "Call +1 555 5550100",
        "1-800-555-0199",
        "Booking.com/login",
        &"B".repeat(65),
        &"漢".repeat(33),
    ] {
        let refused = client_refused(&provider, json!({"client_id": "new", "client_name": name})).await;
        assert!(refused.contains("client_name"), "{name:?}: {refused}");
    }
}

/// ATK-2-01: the person reads the name under which the client is known.
#[tokio::test]
async fn a_client_may_be_called_as_businesses_are() {
    let provider = Provider::start().await;
    for name in ["Booking.com", "E.ON", "O'Brien & Sons (UK) Ltd.", "L’Oréal", "Café «La Niña»"] {
        provider.register(json!({"client_id": "new", "client_name": name})).await.expect(name);
    }
}

/// A login token for such a name would be the client's own.
#[tokio::test]
async fn a_client_named_like_a_login_issuers_audience_is_refused() {
    let provider = Provider::start().await;
    let refused = client_refused(&provider, json!({"client_id": "ciba-consent"})).await;
    assert!(refused.contains("audience"), "{refused}");
}

/// CIBA-4-07
#[tokio::test]
async fn metadata_that_is_misspelt_or_of_another_kind_is_refused() {
    let provider = Provider::start().await;
    for (member, value) in [
        ("client_secrets", json!("x".repeat(40))),
        ("redirect_uris", json!([])),
        ("grant_types", json!("urn:openid:params:grant-type:ciba")),
        ("backchannel_token_delivery_mode", json!(["poll"])),
        ("active", json!("yes")),
        ("scope", json!(["openid"])),
    ] {
        let mut metadata = json!({"client_id": "new"});
        metadata[member] = value;
        client_refused(&provider, metadata).await;
    }
    for missing in ["client_secret", "client_name", "grant_types", "scope", "backchannel_token_delivery_mode"]
    {
        let mut metadata = json!({"client_id": "new"});
        metadata[missing] = Value::Null;
        client_refused(&provider, metadata).await;
    }
}

#[tokio::test]
async fn a_client_that_is_just_right_is_written_down() {
    let provider = Provider::start().await;
    for (client_id, member, value) in [
        ("a", "client_secret", json!("a-secret-with-just-32-characters")),
        ("b", "client_name", json!("B".repeat(64))),
        ("c", "scope", json!("profile openid")),
        (&"k".repeat(128), "active", json!(false)),
        ("!~", "grant_types", json!([])),
    ] {
        let mut metadata = json!({"client_id": client_id});
        metadata[member] = value;
        provider.register(metadata).await.expect(client_id);
        let written = provider.items_under(&format!("client#{client_id}")).await;
        assert!(written.iter().any(|item| item["client_id"] == *client_id), "{client_id}");
    }
}

/// What an operator writes down wins, and the earlier secret with it is gone.
#[tokio::test]
async fn a_client_written_down_again_is_the_new_one() {
    let provider = Provider::start().await;
    let new = "another-secret-of-more-than-32-characters";
    let metadata = json!({"client_id": "kiosk", "client_secret": new, "client_name": "Town Kiosk"});
    provider.register(metadata).await.unwrap();
    assert_eq!(provider.ask(&[], at(0.0)).await.refusal(), (401, "invalid_client"), "the old secret");
    let asking = form(&[("scope", "openid"), ("login_hint", "alice")]);
    let asking = form_request("/bc-authorize", Some(&basic("kiosk", new)), &asking);
    assert_eq!(provider.call(&provider.backchannel_authentication, &asking, at(1.0)).await.status, 200);
    let list = provider.consent("alice", "GET", "/consent", "", at(2.0)).await;
    assert_eq!(list.body["requests"][0]["client"]["client_name"], "Town Kiosk");
}

/// ATK-7-01
#[tokio::test]
async fn a_number_that_is_not_e_164_is_refused() {
    let provider = Provider::start().await;
    for number in [
        "",
        "0151 234567",
        "15555550100",
        "+0155555501",
        "+123456",
        "+1234567890123456",
        "+1555555O100",
        "++15555550100",
        "+44 020 7946 0958",
        "+49 (0151) 2345678",
        "+39 (0)6 6982 0000",
    ] {
        let refused = person_refused(&provider, "carol", json!({"channels": sms(number)})).await;
        assert!(refused.contains("E.164"), "{number:?}: {refused}");
        let hints = json!({"hints": {"tel": [number]}, "channels": []});
        let refused = person_refused(&provider, "carol", hints).await;
        assert!(refused.contains("E.164"), "{number:?}: {refused}");
    }
}

/// ATK-3-04, ATK-7-01: with its 0 it would be a number that nobody has, and no message would arrive.
#[tokio::test]
async fn a_number_with_a_trunk_prefix_is_reached_and_found() {
    let provider = Provider::with(&[("SMS_COUNTRIES", "+1,+44")]).await;
    let number = "+44 (0)20 7946 0958";
    let entry = json!({"hints": {"tel": [number]}, "channels": sms(number)});
    provider.enroll("alice", entry).await.expect("a number");
    for (hint, second) in [("tel:+44 (0)20 7946 0958", 0.0), ("tel:+442079460958", 10.0)] {
        assert_eq!(provider.ask(&[("login_hint", hint)], at(second)).await.status, 200, "{hint}");
    }
    let messages = provider.sns.messages();
    let told: Vec<_> = messages.iter().filter_map(|message| message.phone_number()).collect();
    assert_eq!(told, ["+442079460958", "+442079460958"]);
    let answer = provider.ask(&[("login_hint", "tel:+44 020 7946 0958")], at(20.0)).await;
    assert_eq!(answer.refusal(), (400, "invalid_request"));
}

/// ATK-7-06
#[tokio::test]
async fn a_channel_that_sns_could_not_take_is_refused() {
    let provider = Provider::start().await;
    let topic = "arn:aws:sns:us-east-1:123456789012:ciba";
    let many: Vec<_> = (0..9).map(|n| json!({"sms": format!("+1555555010{n}")})).collect();
    for (channels, why) in [
        (json!([{"push": "arn:aws:sns:us-east-1:123456789012:endpoint/ADM/App/1"}]), "push"),
        (json!([{"push": "arn:aws:sns:us-east-1:123456789012:app/APNS/App"}]), "push"),
        (json!([{"push": topic}]), "push"),
        (json!([{"push": "a-device-token"}]), "push"),
        (json!([{"topic": "arn:aws:sns:us-east-1:123456789012:ciba.fifo"}]), "topic"),
        (json!([{"topic": endpoint(1)}]), "topic"),
        (json!([{"topic": "carol@example.com"}]), "topic"),
        (json!([{"sms": "+49 151 55550100"}]), "SMS_COUNTRIES"),
        (json!([{"sms": "+15555550102"}, {"sms": "+1 555 555-0102"}]), "twice"),
        (json!([{"push": endpoint(1)}, {"topic": topic}, {"push": endpoint(1)}]), "twice"),
        (json!(many), "8 channels"),
    ] {
        let refused = person_refused(&provider, "carol", json!({"channels": channels})).await;
        assert!(refused.contains(why), "{channels}: {refused}");
    }
}

/// ATK-7-06: a device is one person's, until the entry gives it up.
#[tokio::test]
async fn a_push_endpoint_is_bound_to_one_person() {
    let provider = Provider::start().await;
    let channels = |endpoints: &[u8]| json!({"channels": endpoints.iter().map(|it| json!({"push": endpoint(*it)})).collect::<Vec<_>>()});
    provider.enroll("carol", channels(&[1, 2])).await.expect("carol");
    let refused = person_refused(&provider, "dave", channels(&[3, 2])).await;
    assert!(refused.contains("push endpoint already belongs to somebody else"), "{refused}");
    provider.enroll("carol", channels(&[2, 1])).await.expect("the same, in another order");
    provider.enroll("carol", channels(&[1])).await.expect("one device less");
    provider.enroll("dave", channels(&[3, 2])).await.expect("its new owner");
    person_refused(&provider, "carol", channels(&[1, 2])).await;
    let mut bound: Vec<_> = provider.items_under("endpoint#").await;
    bound.sort_by_key(ToString::to_string);
    let endpoints: Vec<_> = bound.iter().map(|it| it["pk"].as_str().unwrap_or_default()).collect();
    assert_eq!(endpoints, [1, 2, 3].map(|it| format!("endpoint#{}", endpoint(it))));
}

#[tokio::test]
async fn a_topic_may_be_for_several_people() {
    let provider = Provider::start().await;
    for sub in ["carol", "dave"] {
        let channels = json!([{"topic": "arn:aws:sns:us-east-1:123456789012:ciba"}]);
        provider.enroll(sub, json!({"channels": channels})).await.expect(sub);
    }
}

#[tokio::test]
async fn an_entry_that_is_misspelt_or_of_another_kind_is_refused() {
    let provider = Provider::start().await;
    for (member, value) in [
        ("chanels", json!([])),
        ("channels", json!("+15555550102")),
        ("channels", json!([{"email": "carol@example.com"}])),
        ("channels", json!([{"sms": "+15555550102", "push": "x"}])),
        ("hints", json!({"phone": ["+15555550102"]})),
        ("hints", json!({"plain": "carol"})),
        ("login", json!({"iss": "https://login.example"})),
        ("active", json!(1)),
        ("sub", json!("")),
        ("sub", json!("carol smith")),
        ("sub", json!("c".repeat(256))),
        ("hints", json!({"email": ["carol"]})),
        ("hints", json!({"tel": ["0815"]})),
        ("hints", json!({"plain": [""]})),
        ("hints", json!({"plain": ["two\nlines"]})),
    ] {
        let mut entry = json!({});
        entry[member] = value;
        person_refused(&provider, "carol", entry).await;
    }
}

/// ATK-3-04
#[tokio::test]
async fn a_hint_that_leads_to_somebody_else_writes_nothing() {
    let provider = Provider::start().await;
    let hints = json!({"plain": ["alice"], "email": ["Alice@Example.com"], "tel": ["+1 555 5550100"]});
    provider.enroll("alice", json!({"hints": hints, "channels": sms("+15555550100")})).await.unwrap();
    for hints in [
        json!({"plain": ["carol", "alice"]}),
        json!({"email": ["alice@example.COM"]}),
        json!({"tel": ["+1 (555) 555-0100"]}),
        json!({"plain": ["carol"], "email": ["carol@example.com", "alice@example.com"]}),
    ] {
        let refused =
            person_refused(&provider, "carol", json!({"hints": hints, "channels": sms("+15555550102")}))
                .await;
        assert!(refused.contains("somebody else"), "{refused}");
    }
    assert_eq!(provider.ask(&[("login_hint", "email:ALICE@example.com")], at(0.0)).await.status, 200);
    assert_eq!(provider.sns.messages()[0].phone_number(), Some("+15555550100"));
}

/// ATK-3-04: what Unicode folds to somebody's address is not theirs, neither to be asked by nor to be taken by.
#[tokio::test]
async fn an_address_that_unicode_folds_is_another_one() {
    let provider = Provider::start().await;
    let hints = json!({"email": ["Sarah.K@Example.com"]});
    provider.enroll("alice", json!({"hints": hints, "channels": sms("+15555550100")})).await.unwrap();
    let kelvin = "sarah.\u{212a}@example.com";
    for address in [kelvin, "\u{17f}arah.k@example.com", "sarah.k@ｅxample.com"] {
        let answer = provider.ask(&[("login_hint", &format!("email:{address}"))], at(0.0)).await;
        assert_eq!(answer.refusal(), (400, "unknown_user_id"), "{address}");
    }
    provider
        .enroll("bob", json!({"hints": {"email": [kelvin]}, "channels": sms("+15555550101")}))
        .await
        .unwrap();
    for (address, number) in [(kelvin, "+15555550101"), ("SARAH.K@example.com", "+15555550100")] {
        let answer = provider.ask(&[("login_hint", &format!("email:{address}"))], at(1.0)).await;
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(provider.sns.messages().last().unwrap().phone_number(), Some(number));
    }
}

/// The key of a person is made of the issuer's name, so with a slash more or less it is one that nobody can log in to.
#[tokio::test]
async fn a_login_issuer_is_written_as_it_is_configured() {
    let provider = Provider::start().await;
    let login = json!({"iss": format!("{}/", provider.login.issuer()), "value": "carol"});
    let entry = json!({"login": login, "channels": sms("+15555550102")});
    let refused = person_refused(&provider, "carol", entry).await;
    assert!(refused.contains("by a trailing slash"), "{refused}");
}

/// TOK-1-02 (OIDC Core §2): never reassigned.
#[tokio::test]
async fn a_sub_belongs_to_one_person() {
    let provider = Provider::start().await;
    for login in [json!({"iss": provider.login.issuer(), "value": "mallory"}), json!(null)] {
        let entry = json!({"login": login, "hints": {"plain": []}, "channels": sms("+15555550109")});
        let refused = person_refused(&provider, "alice", entry).await;
        assert!(refused.contains("somebody else"), "{refused}");
    }
}

#[tokio::test]
async fn a_changed_entry_takes_the_place_of_the_earlier_one() {
    let provider = Provider::start().await;
    provider.enroll("alice", json!({"channels": sms("+1 555 555-0199")})).await.unwrap();
    assert_eq!(provider.ask(&[], at(0.0)).await.status, 200);
    assert_eq!(provider.sns.messages().last().unwrap().phone_number(), Some("+15555550199"));
    let people = provider.items().await.into_iter().filter(|item| item["sk"] == "user").count();
    assert_eq!(people, 2, "alice and bob");
}

/// An entry is changed while the person is being asked: limits and pending requests stay.
#[tokio::test]
async fn a_changed_entry_does_not_reset_the_limits_of_asking() {
    let provider = Provider::start().await;
    for n in 0..3 {
        provider.asked(&[], at(f64::from(n))).await;
    }
    provider.enroll("alice", json!({"channels": sms("+15555550199")})).await.unwrap();
    assert_eq!(provider.ask(&[], at(10.0)).await.refusal(), (403, "access_denied"));
}

#[tokio::test]
async fn a_hint_in_two_spellings_is_one_hint() {
    let provider = Provider::start().await;
    let hints = json!({"plain": ["carol", "carol"], "email": ["Carol@Example.com", "carol@example.com"]});
    provider.enroll("carol", json!({"hints": hints, "channels": sms("+15555550102")})).await.expect("carol");
    assert_eq!(provider.ask(&[("login_hint", "email:carol@example.com")], at(0.0)).await.status, 200);
}

/// Whom the entry no longer names by it, the hint no longer finds; and it is free for somebody else.
#[tokio::test]
async fn a_hint_that_was_taken_out_of_the_entry_leads_nowhere() {
    let provider = Provider::start().await;
    let entry = |hints: Value| json!({"hints": hints, "channels": sms("+15555550102")});
    provider.enroll("carol", entry(json!({"tel": ["+15555550102"], "plain": ["carol"]}))).await.unwrap();
    provider.enroll("carol", entry(json!({"plain": ["carol"]}))).await.unwrap();
    let answer = provider.ask(&[("login_hint", "tel:+15555550102")], at(0.0)).await;
    assert_eq!(answer.refusal(), (400, "unknown_user_id"));
    provider.enroll("dave", entry(json!({"tel": ["+15555550102"]}))).await.expect("the number's new owner");
}

#[tokio::test]
async fn two_people_with_one_number_are_two_people() {
    let provider = Provider::start().await;
    for sub in ["carol", "dave"] {
        provider.enroll(sub, json!({"channels": sms("+15555550102")})).await.expect(sub);
        assert_eq!(provider.ask(&[("login_hint", sub)], at(0.0)).await.status, 200);
    }
}

/// What the operator is told of a table that is busy must not send them looking for a person.
#[tokio::test]
async fn a_table_that_is_busy_is_not_taken_for_somebody_elses_hint() {
    let provider = Provider::start().await;
    for nth in 1..=3 {
        provider.proxy.fail_before("TransactWriteItems", nth, Refusal::TransactionConflict { at: 0 });
    }
    let entry = json!({"channels": sms("+15555550102")});
    let why = provider.enroll("carol", entry).await.err().unwrap_or_default();
    assert!(!why.contains("somebody else"), "{why}");
}
