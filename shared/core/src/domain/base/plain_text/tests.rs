use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

/// The client whose name a message may contain.
const CLIENT: &str = "City Kiosk";
const MESSAGE: Kind<'static> = Kind::Message { client_name: CLIENT };

/// Accepted and refused texts in one language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Samples {
    messages: Vec<String>,
    names: Vec<String>,
    /// By the reason.
    refused: BTreeMap<String, Vec<String>>,
}

fn samples() -> BTreeMap<String, Samples> {
    serde_json::from_str(include_str!("samples.json")).expect("the samples")
}

fn message(text: &str) -> Result<(), Unacceptable> {
    check(text, MESSAGE)
}

fn reason(name: &str) -> Unacceptable {
    match name {
        "characters" => Unacceptable::Characters,
        "normal_form" => Unacceptable::NormalForm,
        "scripts" => Unacceptable::Scripts,
        "spaces" => Unacceptable::Spaces,
        "markup" => Unacceptable::Markup,
        "address" => Unacceptable::Address,
        "phone_number" => Unacceptable::PhoneNumber,
        other => panic!("{other} is no reason"),
    }
}

/// Checks each text, and fails with all whose result is not `expected`.
fn judge<'t>(texts: impl IntoIterator<Item = (&'t String, Kind<'static>, Result<(), Unacceptable>)>) {
    let judged = texts.into_iter().map(|(text, kind, expected)| (text, kind, expected, check(text, kind)));
    let wrong: Vec<_> = judged.filter(|(_, _, expected, got)| expected != got).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// CIBA-7.1-21, ATK-2-01: ordinary writing in the languages of the pages.
#[test]
fn ordinary_writing_is_accepted_in_each_language() {
    for (tag, samples) in samples() {
        assert!(samples.messages.len() >= 20 && samples.names.len() >= 20, "{tag}: 20 of each");
        assert!(samples.messages.iter().all(|text| fits(text)), "{tag}: short enough");
    }
    let samples = samples();
    let of = |kind| samples.values().flat_map(|it| &it.messages).map(move |text| (text, kind, Ok(())));
    let names = samples.values().flat_map(|it| &it.names).map(|text| (text, Kind::Name, Ok(())));
    judge(of(MESSAGE).chain(of(Kind::Text)).chain(names));
}

/// ATK-2-01, ATK-2-02, ATK-2-03, ATK-2-05, CIBA-7.1-19, CIBA-7.1-20
#[test]
fn what_misleads_or_is_not_shown_is_refused_in_each_language() {
    for (tag, samples) in samples() {
        for required in ["address", "phone_number"] {
            assert!(samples.refused.get(required).is_some_and(|it| it.len() >= 20), "{tag}: {required}");
        }
    }
    let samples = samples();
    let refused = samples.values().flat_map(|it| &it.refused);
    judge(refused.flat_map(|(name, texts)| texts.iter().map(|text| (text, MESSAGE, Err(reason(name))))));
}

/// ATK-2-05: a name may have a dot, and still is no address to go to and no number to dial.
#[test]
fn a_name_with_a_dot_is_no_address_to_go_to() {
    for text in [
        "www.booking.com",
        "https://booking.com",
        "Booking.com/login",
        "Booking.com:8443",
        "Booking.com?x=1",
        "pay at evil.example",
        "me@booking.com",
        "203.0.113.7",
        "Visit evil.com",
        "2001:db8::1",
    ] {
        assert!(check(text, Kind::Name).is_err(), "{text}");
        assert!(message(text).is_err(), "{text}");
    }
    let samples = samples();
    let numbers = samples.values().flat_map(|it| &it.refused["phone_number"]);
    let is_taken = |text: &&String| check(text, Kind::Name).is_ok();
    assert_eq!(numbers.filter(is_taken).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// ATK-2-05: what is registered is shown anyway.
#[test]
fn a_message_may_have_the_name_of_its_client() {
    let of = |client_name, text| check(text, Kind::Message { client_name });
    for text in ["Booking.com 4471", "Pay at Booking.com: 12 €", "Booking.com?", "Welcome to Booking.com."]
    {
        assert_eq!(of("Booking.com", text), Ok(()), "{text}");
        assert_eq!(of(CLIENT, text), Err(Unacceptable::Address), "{text}");
    }
    for text in [
        "Booking.com/login",
        "login.Booking.com",
        "Booking.com.evil.example",
        "Booking.com:8443",
        "evil-Booking.com",
        "Booking.com evil.com",
        "booking.community",
        "https://Booking.com",
    ] {
        assert_eq!(of("Booking.com", text), Err(Unacceptable::Address), "{text}");
    }
    assert_eq!(of("", "evil.com"), Err(Unacceptable::Address));
}

/// CIBA-7.1-20: letters of other scripts are written as well.
#[test]
fn texts_of_other_scripts_are_accepted() {
    for text in [
        "Платёж 4471",
        "Πληρωμή 4471",
        "振込 100 円 を 承認",
        "이체 4471",
        "دفع 4471",
        "भुगतान 4471",
        "Order 注文 4471",
        "Оплата 1 234,56 ₽",
    ] {
        assert_eq!(message(text), Ok(()), "{text}");
    }
    assert_eq!(message("см. банк.рф"), Err(Unacceptable::Address));
}

/// The limits on the length of numbers.
#[test]
fn numbers_are_judged_by_length_and_by_what_is_before_them() {
    for (text, is_fine) in [
        ("123456", true),
        ("0123456", false),
        ("12345678", true),
        ("123456789", false),
        ("1234567890123", false),
        ("12345678901234", true),
        ("Order 123456789", true),
        ("order 0123456", true),
        ("Support 123456789", false),
        ("000123456", true),
        ("00010123456789", true),
        ("0001 8005550199", false),
        ("00018005550199", false),
        ("123 456", true),
        ("1234-567", false),
        ("Order 1234-567", true),
        ("Order 0234-567", false),
        ("Order 0001 2345 6789", true),
        ("0001 2345 6789", false),
        ("Order +1234567", false),
        ("call 1234", true),
        ("call 12345", false),
        ("call centre 12345", true),
        ("14:30 1234567", true),
        ("29.11.2026 12 34 56", true),
        ("29.11.2026 12 34 567", false),
        ("123456789 EUR", true),
        ("1234567890 EUR", false),
        ("€ 123456789", true),
        ("A123456789", true),
        ("tel123456789", false),
        ("1-800-555-0199 EUR", false),
        ("DE02 1203 0000 0000 2020 52", false),
        ("100+200", true),
    ] {
        assert_eq!(message(text).is_ok(), is_fine, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_rule_panic(text in "[ -~]{0,70}|\\PC{0,12}|[-0-9 .,:/()+€a-zÀ-ÿ]{0,40}|(\\p{L}|\\p{M}|[·.,İ]){0,12}") {
        for kind in [Kind::Message { client_name: "E.ON" }, Kind::Name, Kind::Text] {
            let _ = check(&text, kind);
        }
    }
}
