use serde_json::{Value, json};

use super::*;

const LANGUAGES: [&str; 4] = ["en", "de", "fr", "es"];

/// A payment: a nested object, an optional string, an array of objects, and a hidden member.
fn payment() -> Value {
    json!({
        "type": "payment",
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "required": ["amount", "creditor"],
            "properties": {
                "amount": {
                    "type": "object", "additionalProperties": false, "required": ["value", "currency"],
                    "properties": {
                        "value": {"type": "string", "pattern": "^[0-9]{1,9}\\.[0-9]{2}$"},
                        "currency": {"enum": ["EUR", "USD"], "type": "string"},
                    },
                },
                "creditor": {"type": "string", "maxLength": 70},
                "account": {"type": "string", "pattern": "^[A-Z]{2}[0-9A-Z]{10,32}$"},
                "instant": {"type": "boolean"},
                "fees": {
                    "type": "array",
                    "items": {
                        "type": "object", "additionalProperties": false, "required": ["name", "value"],
                        "properties": {"name": {"type": "string"}, "value": {"type": "number", "minimum": 0}},
                    },
                },
                "locations": {"type": "array", "items": {"type": "string", "format": "uri"}, "x-hidden": true},
            },
        },
        "display": {
            "en": {"title": "A payment", "rows": [
                {"label": "Amount", "value": "{/amount/value} {/amount/currency}"},
                {"label": "To", "value": "{/creditor}"},
                {"label": "Account", "value": "{/account}"},
                {"label": "Instant", "value": "{/instant}"},
                {"label": "Fee", "value": "{/fees/*/name}: {/fees/*/value} {/amount/currency}"},
            ]},
            "de": {"title": "Eine Zahlung", "rows": [
                {"label": "Betrag", "value": "{/amount/value} {/amount/currency}"},
                {"label": "An", "value": "{/creditor} {/account}"},
                {"label": "Sofort", "value": "{/instant}"},
                {"label": "Gebühr", "value": "{/fees/*/name}: {/fees/*/value}"},
            ]},
        },
    })
}

fn define(definition: &Value) -> Result<DetailType, Malformed> {
    DetailType::define(definition, &LANGUAGES)
}

fn known() -> DetailType {
    define(&payment()).unwrap()
}

/// The definition with `value` at `pointer`; null removes the member.
fn with(pointer: &str, value: Value) -> Value {
    changed(payment(), pointer, value)
}

fn changed(mut whole: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = whole.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"));
    match (parent, value) {
        (Value::Object(members), Value::Null) => drop(members.remove(name)),
        (Value::Object(members), value) => drop(members.insert(name.to_owned(), value)),
        (Value::Array(elements), Value::Null) => drop(elements.remove(name.parse().unwrap())),
        (Value::Array(elements), value) => elements.push(value),
        (other, _) => panic!("{other}"),
    }
    whole
}

fn entry() -> Value {
    json!({"type": "payment", "amount": {"value": "123.50", "currency": "EUR"}, "creditor": "M. Meyer"})
}

fn detail(entries: Value) -> Result<RequestDetail, Refused> {
    let details = AuthorizationDetails::parse(&entries.to_string()).unwrap();
    let known = known();
    let types: Vec<_> = details.types().map(|_| &known).collect();
    RequestDetail::new(details, &types, None)
}

fn rows(detail: &RequestDetail, tag: &str) -> Vec<String> {
    let rows = detail.words(tag).iter().flat_map(|words| &words.rows);
    rows.map(|row| format!("{}: {}", row.label, row.value)).collect()
}

/// TOK-7-01
#[test]
fn the_parameter_is_an_array_of_objects_with_a_type() {
    let two = r#"[{"type": "payment", "x": 1}, {"type": "account"}]"#;
    let parsed = AuthorizationDetails::parse(two).unwrap();
    assert_eq!(parsed.types().collect::<Vec<_>>(), ["payment", "account"]);
    let eleven = format!("[{}]", [r#"{"type":"payment"}"#; 11].join(","));
    let long = format!(r#"[{{"type":"payment","note":"{}"}}]"#, "x".repeat(MAX_DETAILS));
    for text in [
        "",
        "payment",
        "{}",
        r#"{"type": "payment"}"#,
        "[]",
        "[1]",
        r#"[{}]"#,
        r#"[{"type": 1}]"#,
        r#"[{"type": ""}]"#,
        r#"[{"type": "payment"}, null]"#,
        r#"[{"type": "payment", "type": "account"}]"#,
        r#"[{"type": "payment"}"#,
        &eleven,
        &long,
    ] {
        assert!(AuthorizationDetails::parse(text).is_err(), "{text}");
    }
}

/// TOK-7-02
#[test]
fn what_the_schema_does_not_allow_is_refused() {
    assert!(detail(json!([entry()])).is_ok());
    for (pointer, value) in [
        ("/creditor", Value::Null),
        ("/creditor", json!(7)),
        ("/creditor", json!("x".repeat(71))),
        ("/iban", json!("DE02120300000000202051")),
        ("/amount/tip", json!("1.00")),
        ("/amount/currency", json!("GBP")),
        ("/amount/value", json!("1e9")),
        ("/amount/value", Value::Null),
        ("/instant", json!("yes")),
        ("/fees", json!([{"name": "a", "value": -1}])),
        ("/fees", json!([{"name": "a", "value": 1, "to": "b"}])),
        ("/locations", json!(["not a uri"])),
        ("/type", json!("another")),
    ] {
        let refused = detail(json!([entry(), changed(entry(), pointer, value.clone())]));
        let refused = refused.expect_err(&format!("{pointer} {value}"));
        assert!(refused.told.contains("schema"), "{refused:?}");
        let detail = refused.detail.expect("where");
        assert!(!detail.contains("123.50") && !detail.contains("Meyer"), "{detail}");
    }
}

/// TOK-7-03
#[test]
fn details_are_shown_by_the_template_of_the_language() {
    let shown = detail(json!([entry()])).unwrap();
    assert_eq!(shown.words("en")[0].title, "A payment");
    assert_eq!(rows(&shown, "en"), ["Amount: 123.50 EUR", "To: M. Meyer"]);
    assert_eq!(rows(&shown, "de"), ["Betrag: 123.50 EUR", "An: M. Meyer"]);
    assert_eq!(rows(&shown, "fr"), rows(&shown, "en"), "English is the fallback for French");
    let mut full = entry();
    full["account"] = json!("DE02120300000000202051");
    full["instant"] = json!(true);
    full["fees"] = json!([{"name": "Transfer", "value": 1.5}, {"name": "Rush", "value": 2}]);
    full["locations"] = json!(["https://api.example/payments"]);
    let shown = detail(json!([full])).unwrap();
    assert_eq!(
        rows(&shown, "en"),
        [
            "Amount: 123.50 EUR",
            "To: M. Meyer",
            "Account: DE02120300000000202051",
            "Instant: yes",
            "Fee: Transfer: 1.5 EUR",
            "Fee: Rush: 2 EUR"
        ]
    );
    assert_eq!(rows(&shown, "de")[2], "Sofort: ja");
}

/// TOK-7-03
#[test]
fn a_headline_tells_what_an_entry_is_about() {
    let with_headline = |text: &str| changed(payment(), "/display/en/headline", json!(text));
    let headline = |text: &str, entry: Value| {
        let words = define(&with_headline(text)).unwrap().words(&entry, "en").unwrap();
        (words.headline, words.amount)
    };
    let amount = Money::new("123.50", "EUR");
    let pay = "Pay {/amount|money} to {/creditor}";
    assert_eq!(headline(pay, entry()), (Some("Pay EUR\u{a0}123.50 to M. Meyer".to_owned()), amount.clone()));
    assert_eq!(headline("A rush payment", entry()), (Some("A rush payment".to_owned()), None));
    // It lacks a member, or would be too long for a heading.
    assert_eq!(headline("Pay {/creditor}, {/account}", entry()), (None, None));
    let long = changed(entry(), "/creditor", json!("x".repeat(70)));
    let twice = "Pay {/amount|money} to {/creditor} or {/creditor}";
    assert_eq!(headline(twice, long), (None, amount));
    // Not in each language: German has none here.
    let german = define(&with_headline(pay)).unwrap().words(&entry(), "de").unwrap();
    assert_eq!(german.headline, None);
}

/// TOK-7-03: the value and the currency are both shown by one placeholder.
#[test]
fn a_template_writes_values_in_the_form_of_the_language() {
    let value = |text: &str| json!({"label": "x", "value": text});
    let definition = with("/schema/properties/due", json!({"type": "string", "pattern": "^[0-9-]{10}$"}));
    let definition =
        changed(definition, "/schema/properties/count", json!({"type": "number", "x-hidden": true}));
    let mut definition = definition;
    for tag in ["en", "de"] {
        definition["display"][tag]["rows"] = json!([
            value("{/amount|money}"),
            value("{/creditor}"),
            value("{/account|iban}"),
            value("{/instant}"),
            value("{/fees/*/name}: {/fees/*/value|quantity}"),
            value("{/due|date}"),
            value("{/count|quantity}"),
        ]);
    }
    let known = define(&definition).unwrap();
    let full = json!({
        "type": "payment", "amount": {"value": "1234567.89", "currency": "EUR"}, "creditor": "M. Meyer",
        "account": "DE02120300000000202051", "due": "2026-12-01", "count": 1500,
        "fees": [{"name": "Rush", "value": 1234.5}],
    });
    let shown =
        |tag| known.words(&full, tag).unwrap().rows.into_iter().map(|row| row.value).collect::<Vec<_>>();
    assert_eq!(
        shown("en"),
        [
            "EUR\u{a0}1,234,567.89",
            "M. Meyer",
            "DE02 1203 0000 0000 2020 51",
            "Rush: 1,234.5",
            "1 December 2026",
            "1,500"
        ]
    );
    assert_eq!(shown("de")[0], "1.234.567,89\u{a0}EUR");
    assert_eq!(shown("de")[4], "1. Dezember 2026");
    for (pointer, sent, told) in [
        ("/amount/value", json!("1.234,50"), "an amount"),
        ("/amount/currency", json!("Euro"), "an amount"),
        ("/account", json!("DE03120300000000202051"), "an IBAN"),
        ("/due", json!("2026-02-30"), "a date"),
    ] {
        let refused = known.words(&changed(full.clone(), pointer, sent), "en").expect_err(pointer);
        assert!(refused.told.contains(told), "{refused:?}");
    }
    let whole = known.words(&changed(full.clone(), "/amount", Value::Null), "en").unwrap();
    assert_eq!(whole.rows[0].value, "M. Meyer", "the row of an amount that was not sent is left out");
}

/// TOK-7-03: an entry may be an amount itself, and the number may be called `amount`.
#[test]
fn an_amount_can_be_of_the_entry_itself() {
    let text = json!({"type": "string"});
    let definition = json!({
        "type": "payment",
        "schema": {"type": "object", "additionalProperties": false,
            "properties": {"amount": {"type": "number"}, "currency": text}},
        "display": {"en": {"title": "A payment", "headline": "Pay {|money}",
            "rows": [{"label": "Amount", "value": "{|money}"}]}},
    });
    let known = define(&definition).unwrap();
    let words = |entry: Value| known.words(&entry, "en");
    let shown = words(json!({"type": "payment", "amount": 100, "currency": "USD"})).unwrap();
    assert_eq!(shown.headline.as_deref(), Some("Pay USD\u{a0}100.00"));
    assert_eq!(shown.amount, Money::new("100", "USD"));
    for half in [json!({"amount": 100}), json!({"currency": "USD"}), json!({"amount": 100, "currency": "$"})]
    {
        assert!(words(half.clone()).is_err(), "{half}");
    }
    let both = changed(definition, "/schema/properties/value", json!({"type": "number"}));
    assert!(define(&both).is_err(), "value and amount");
}

/// TOK-7-03: whatever can be sent is seen, required or not, in each language.
#[test]
fn a_template_must_show_every_member_that_is_not_hidden() {
    for (pointer, member) in [
        ("/display/en/rows/1", "/creditor"),
        ("/display/en/rows/3", "/instant"),
        ("/display/en/rows/4", "/fees/*/name"),
        ("/display/de/rows/0", "/amount/currency"),
    ] {
        let Malformed(why) = define(&with(pointer, Value::Null)).expect_err(pointer);
        assert!(why.contains(&format!("no row shows {member};")), "{why}");
    }
    let hidden = with("/schema/properties/creditor/x-hidden", json!(true));
    define(&changed(hidden, "/display/en/rows/1", Value::Null)).expect("hidden, but still shown in German");
    let whole = with("/schema/properties/amount/x-hidden", json!(true));
    let whole = changed(whole, "/display/de/rows/0", Value::Null);
    define(&whole).expect("with all that is in it");
    let shown = with("/schema/properties/locations/x-hidden", json!(false));
    assert!(define(&shown).is_err());
}

/// TOK-7-02, TOK-7-03: what `properties` does not name can be neither checked nor shown.
#[test]
fn a_schema_that_is_open_somewhere_is_none() {
    for (pointer, value) in [
        ("/schema/additionalProperties", Value::Null),
        ("/schema/additionalProperties", json!({"type": "string"})),
        ("/schema/properties/amount/additionalProperties", json!(true)),
        ("/schema/properties/fees/items/additionalProperties", Value::Null),
        ("/schema/properties", Value::Null),
        ("/schema/patternProperties", json!({"^x": {"type": "string"}})),
        ("/schema/properties/fees/prefixItems", json!([{"type": "object"}])),
        ("/schema/properties/fees/items", Value::Null),
        ("/schema/properties/fees/items", json!(true)),
        ("/schema/properties/creditor", json!({})),
        ("/schema/properties/creditor", json!(true)),
        ("/schema/properties/creditor/type", json!(["string", "object"])),
        ("/schema/properties/creditor/type", json!("null")),
        ("/schema/properties/creditor/$ref", json!("https://evil.example/schema")),
        ("/schema/properties/creditor/$ref", json!("file:///etc/passwd")),
        ("/schema/allOf", json!([{"$ref": "#/$defs/x"}])),
        ("/schema/$id", json!("https://bank.example/payment")),
        ("/schema/$schema", json!("http://json-schema.org/draft-07/schema#")),
        ("/schema/type", json!("array")),
        ("/schema/required", json!("creditor")),
        ("/schema/properties/creditor/pattern", json!("(unclosed")),
        ("/schema/properties/creditor/pattern", json!("^(?=a)")),
        ("/schema/properties/creditor/format", json!("no-such-format")),
    ] {
        assert!(define(&with(pointer, value.clone())).is_err(), "{pointer} {value}");
    }
    // Keywords that only narrow are allowed.
    for (pointer, value) in [
        ("/schema/not", json!({"required": ["instant", "account"]})),
        ("/schema/if", json!({"required": ["instant"]})),
        ("/schema/properties/fees/maxItems", json!(3)),
        ("/schema/$comment", json!("of 2026")),
    ] {
        define(&with(pointer, value)).expect(pointer);
    }
}

/// TOK-7-03: an entry keeps the policy of its own type, and has the default where its type says nothing.
#[test]
fn each_entry_has_the_policy_of_its_type() {
    let account = json!({
        "type": "account", "risk": "low", "scope": "accounts",
        "schema": {"type": "object", "additionalProperties": false, "properties": {}, "required": []},
        "display": {"en": {"title": "An account", "rows": []}},
    });
    let account =
        changed(account, "/schema/properties", json!({"iban": {"type": "string", "pattern": "^[A-Z0-9]+$"}}));
    let account = changed(account, "/display/en/rows", json!([{"label": "Account", "value": "{/iban}"}]));
    let (payment, account) = (known(), define(&account).unwrap());
    let entries = json!([entry(), {"type": "account", "iban": "DE02"}]);
    let details = AuthorizationDetails::parse(&entries.to_string()).unwrap();
    let detail = RequestDetail::new(details, &[&payment, &account], None).unwrap();
    let accounts = DetailPolicy { risk: DetailRisk::Low, scope: Some("accounts".to_owned()) };
    assert_eq!(detail.policy_of_each().collect::<Vec<_>>(), [&DetailPolicy::DEFAULT, &accounts]);
    let admits = |scope: &str| detail.admits(&Scope::parse(scope).unwrap());
    assert!(admits("openid accounts") && !admits("openid") && !admits("openid payments"));
    assert!(detail.claims("accounts") && !detail.claims("payments"));
    assert_eq!(detail.matter("en"), Matter::Request, "a title would name one of the two");
    assert!(RequestDetail::default().admits(&Scope::parse("openid").unwrap()));
}

#[test]
fn entries_of_one_type_are_called_by_its_title() {
    let one = detail(json!([entry()])).unwrap();
    assert_eq!(one.matter("en"), Matter::Titled("A payment"));
    assert_eq!(one.matter("de"), Matter::Titled("Eine Zahlung"));
    assert_eq!(one.matter("fr"), Matter::Request, "English words in a French sentence help nobody");
    let two = detail(json!([entry(), changed(entry(), "/creditor", json!("K. Kurz"))])).unwrap();
    assert_eq!(two.matter("en"), Matter::Titled("A payment"));
    assert_eq!(RequestDetail::default().matter("en"), Matter::SignIn);
}

#[test]
fn a_definition_that_is_malformed_is_none() {
    let row = |label: &str, value: &str| json!({"label": label, "value": value});
    for (pointer, value) in [
        ("/type", Value::Null),
        ("/type", json!("a payment")),
        ("/type", json!("x".repeat(129))),
        ("/schema", Value::Null),
        ("/schema", json!([])),
        ("/display", Value::Null),
        ("/display/en", Value::Null),
        ("/display/it", payment()["display"]["en"].clone()),
        ("/other", json!(1)),
        ("/risk", json!("client")),
        ("/risk", json!(1)),
        ("/scope", json!("openid")),
        ("/scope", json!(["payments"])),
        ("/scope", json!("payments accounts")),
        ("/display/en/title", json!("")),
        ("/display/en/title", json!("<b>Payment</b>\u{202e}")),
        ("/display/en/title", json!("x".repeat(61))),
        ("/display/en/note", json!("x")),
        ("/display/en/rows/-", row("{/creditor}", "{/creditor}")),
        ("/display/en/rows/-", row("Nothing", "fixed words")),
        ("/display/en/rows/-", row("Open", "{/creditor")),
        ("/display/en/rows/-", row("Closed", "{/creditor}}")),
        ("/display/en/rows/-", row("Pointer", "{creditor}")),
        ("/display/en/rows/-", row("Unknown", "{/debtor}")),
        ("/display/en/rows/-", row("Object", "{/amount}")),
        ("/display/en/rows/-", row("Array", "{/fees/name}")),
        ("/display/en/rows/-", row("Arrays", "{/fees/*/name} {/locations/*}")),
        ("/display/en/rows/-", json!({"label": "x", "value": "{/creditor}", "style": "bold"})),
        ("/display/en/rows/-", json!({"label": "x", "text": "{/creditor}"})),
        ("/display/en/rows/-", row("Format", "{/creditor|upper}")),
        ("/display/en/rows/-", row("Format", "{/creditor|}")),
        ("/display/en/rows/-", row("Money", "{/creditor|money}")),
        ("/display/en/rows/-", row("Money", "{/amount/value|money}")),
        ("/display/en/rows/-", row("Money", "{/fees/*|money}")),
        ("/display/en/rows/-", row("Root", "{|money}")),
        ("/display/en/rows/-", row("Root", "{}")),
        ("/display/en/headline", json!("")),
        ("/display/en/headline", json!(1)),
        ("/display/en/headline", json!("Pay {/creditor")),
        ("/display/en/headline", json!("Pay {/fees/*/name}")),
        ("/display/en/headline", json!("Pay {/debtor}")),
        ("/display/en/headline", json!("Pay \u{202e}{/creditor}")),
        ("/display/en/headline", json!("x".repeat(121))),
    ] {
        assert!(define(&with(pointer, value.clone())).is_err(), "{pointer} {value}");
    }
    let long = with("/schema/$comment", json!("x".repeat(16 * 1024)));
    assert!(define(&long).is_err());
}

/// ATK-2-05: a row is a value beside the operator's label, and free text in it is no call to action. So is one that
/// would not be shown as it is.
#[test]
fn a_text_that_reads_like_an_instruction_is_refused() {
    for text in [
        "call +44 20 7946 0958",
        "pay at evil.example",
        "m@evil.example",
        "<b>Bank</b>",
        "M. Meyer\u{202e}",
        "M.\u{200b}Meyer",
        "M.\nMeyer",
        "M.  Meyer",
        "Мeyer",
        "",
    ] {
        let refused = detail(json!([changed(entry(), "/creditor", json!(text))])).expect_err(text);
        assert_eq!(refused.detail.as_deref(), Some("at /creditor"), "{text}");
    }
    for text in ["O'Brien & Sons (UK) Ltd.", "Müller; Weiß", "東京電力", "№"] {
        let result = detail(json!([changed(entry(), "/creditor", json!(text))]));
        assert_eq!(result.is_ok(), text != "№", "{text}");
    }
    // A string with a pattern is not free text.
    let digits = detail(json!([changed(entry(), "/account", json!("GB000000000012345678"))]));
    assert!(digits.is_ok());
}

/// ATK-2-05: a payee is a name, by what the member is called or by what the schema says of it.
#[test]
fn a_payee_may_have_a_dot_and_free_text_may_not() {
    let judged = |definition: &Value, pointer: &str, text: &str| {
        let known = define(definition).unwrap();
        let entry = changed(entry(), pointer, json!(text));
        let details = AuthorizationDetails::parse(&json!([entry]).to_string()).unwrap();
        RequestDetail::new(details, &[&known], None).is_ok()
    };
    let fee = |definition: &Value, text: &str| {
        let known = define(definition).unwrap();
        let entry = changed(entry(), "/fees", json!([{"name": text, "value": 1}]));
        let details = AuthorizationDetails::parse(&json!([entry]).to_string()).unwrap();
        RequestDetail::new(details, &[&known], None).is_ok()
    };
    for name in ["Booking.com", "E.ON", "O’Brien & Söhne (UK)", "PAYPAL *SPOTIFY", "Toys \"R\" Us"] {
        assert!(judged(&payment(), "/creditor", name), "{name}");
    }
    for text in ["Booking.com/pay", "www.booking.com", "1-800-555-0199", "203.0.113.7", "+44 (0)20 7946 0958"]
    {
        assert!(!judged(&payment(), "/creditor", text), "{text}");
        assert!(!fee(&payment(), text), "{text}");
    }
    assert!(fee(&payment(), "Invoice 00012345: 12,50 € (“Rush”)") && !fee(&payment(), "Booking.com"));
    let named = with("/schema/properties/fees/items/properties/name/x-name", json!(true));
    assert!(fee(&named, "Booking.com"));
    let unnamed = with("/schema/properties/creditor/x-name", json!(false));
    assert!(!judged(&unnamed, "/creditor", "Booking.com"));
    for (member, is_name) in [
        ("payee", true),
        ("creditorName", true),
        ("merchant_name", true),
        ("ultimateDebtor", true),
        ("beneficiary-name", true),
        ("name", false),
        ("creditorAddress", false),
        ("reference", false),
        ("payeeNote", false),
    ] {
        let definition = with(&format!("/schema/properties/{member}"), json!({"type": "string"}));
        let row = json!({"label": "x", "value": format!("{{/{member}}}")});
        let definition =
            changed(changed(definition, "/display/en/rows/-", row.clone()), "/display/de/rows/-", row);
        assert_eq!(judged(&definition, &format!("/{member}"), "Booking.com"), is_name, "{member}");
    }
}

#[test]
fn what_is_too_much_to_be_read_is_refused() {
    let fees: Vec<_> = (0..60).map(|n| json!({"name": format!("f{n}"), "value": n})).collect();
    let refused = detail(json!([changed(entry(), "/fees", json!(fees))])).expect_err("60 rows");
    assert!(refused.told.contains("more than can be shown"));
    let long = json!([{"name": "x".repeat(400), "value": 1}]);
    let refused = detail(json!([changed(entry(), "/fees", long)])).expect_err("a long row");
    assert!(refused.told.contains("too long"));
}

/// TOK-7-05
#[test]
fn an_audience_is_told_what_is_for_it() {
    let of = |locations: Value| changed(entry(), "/locations", locations);
    let all = json!([
        entry(),
        of(json!(["https://pay.example"])),
        of(json!(["https://read.example/v1", "https://pay.example/v2?x=y"])),
        of(json!(["https://pay.example.evil"])),
        of(json!([])),
    ]);
    let details = AuthorizationDetails::parse(&all.to_string()).unwrap();
    let seen = |audience: &[&str]| {
        let left = details.for_audience(audience);
        let index = |one: &Value| all.as_array().unwrap().iter().position(|it| it == one).unwrap();
        left.entries().iter().map(index).collect::<Vec<_>>()
    };
    assert_eq!(seen(&["https://pay.example"]), [0, 1, 2]);
    assert_eq!(seen(&["https://read.example"]), [0, 2]);
    assert_eq!(seen(&["https://other.example"]), [0]);
    assert_eq!(seen(&["https://other.example", "https://pay.example.evil"]), [0, 3]);
}

#[test]
fn a_stored_type_reads_back_to_its_definition() {
    let known = known();
    let (schema, display) = (known.schema_text(), known.display_text());
    let stored = |policy| DetailType::from_stored(known.name().as_str(), schema, display, policy).unwrap();
    assert_eq!(stored(DetailPolicy::DEFAULT).definition(), payment());
    let risky = with("/risk", json!("high"));
    let risky = changed(risky, "/scope", json!("payments"));
    assert_eq!(stored(define(&risky).unwrap().policy().clone()).definition(), risky);
    let shown = detail(json!([entry()])).unwrap();
    let text = shown.details.encode();
    assert_eq!(AuthorizationDetails::from_stored(&text), Some(shown.details));
}

/// HYG-5-01
#[test]
fn debug_output_shows_no_detail() {
    let shown = detail(json!([entry()])).unwrap();
    let text = format!("{shown:?} {:?}", shown.details);
    assert!(!text.contains("Meyer") && !text.contains("123.50"), "{text}");
}
