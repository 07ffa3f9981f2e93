//! Each name has one canonical form, and no two names share one: docs/architecture.md, "One form for each name".
//!
//! Unicode has many characters that some software treats as equal: by case (`ſ` and `s`), by compatibility (`ﬁ`
//! and `fi`), by composition (`K` as the unit kelvin and as a letter). Folding them would give one person's or
//! client's name to another. So each form is tested with each of these characters, in all places of a name.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::domain::base::contact::proving_email;
use crate::domain::base::scope::Scope;
use crate::domain::client::ClientId;
use crate::domain::client::distinguished_name::DistinguishedName;
use crate::domain::client::resource::ResourceId;
use crate::domain::details::authorization_details::DetailTypeName;
use crate::domain::hint::{self, DirectoryHint, Hint, HintKind, KnownIssuers};
use crate::domain::issuer::login_issuer::LoginIssuer;
use crate::domain::person::Subject;
use crate::domain::person::channel::Channel;

const PHONE_NUMBERS: [&str; 2] = ["phone number", "SMS channel"];
/// Characters that are dropped between the digits of a phone number, and so do not distinguish two numbers.
const SPACES: [char; 2] = [' ', '\u{a0}'];

/// A kind of name and its canonical form. Two texts with the same form are the same name.
struct Form {
    name: &'static str,
    /// Texts of the kind, with `*` in place of the tested character.
    patterns: &'static [&'static str],
    of: fn(&str) -> Option<String>,
    /// Whether it ignores the case of ASCII letters.
    folds_ascii: bool,
    /// Whether it allows only ASCII.
    is_ascii: bool,
}

fn directory(kind: HintKind, text: &str) -> Option<String> {
    DirectoryHint::new(kind, text).map(|hint| hint.encode())
}

/// A login issuer that identifies people by `sub`, and one that identifies them by e-mail address.
static LOGIN: LazyLock<[LoginIssuer; 2]> = LazyLock::new(|| {
    ["sub", "email"].map(|person_claim| {
        let issuer = serde_json::json!({
            "issuer": "https://login.example", "jwks_uri": "", "algorithms": [], "person_claim": person_claim,
            "audience": { "claim": "aud", "value": "" },
        });
        serde_json::from_value(issuer).unwrap()
    })
});

/// The person or directory entry that a `login_hint` identifies.
fn hinted(text: &str) -> Option<String> {
    let issuers = KnownIssuers { own: "https://op.example", login: &LOGIN[..1] };
    Some(match hint::parse(text, issuers).ok()? {
        Hint::Directory(hint) => hint.encode(),
        Hint::Login { key, .. } | Hint::Person(key) => key.as_str().to_owned(),
    })
}

/// The person whom a login token's claim identifies.
fn logged_in(issuer: &LoginIssuer, value: &str) -> Option<String> {
    issuer.person_key(value).map(|key| key.as_str().to_owned())
}

const EMAIL: &[&str] = &["*ate@example.com", "kate*@example.com", "kate@*xample.com", "kate@example.co*"];

const FORMS: &[Form] = &[
    Form {
        name: "email hint",
        patterns: EMAIL,
        of: |text| directory(HintKind::Email, text),
        folds_ascii: true,
        is_ascii: false,
    },
    Form {
        name: "address that proves",
        patterns: EMAIL,
        of: proving_email,
        folds_ascii: true,
        is_ascii: true,
    },
    Form {
        name: "person by verified address",
        patterns: EMAIL,
        of: |text| logged_in(&LOGIN[1], text),
        folds_ascii: true,
        is_ascii: true,
    },
    Form {
        name: "person by another claim",
        patterns: &["*ate", "kat*"],
        of: |text| logged_in(&LOGIN[0], text),
        folds_ascii: false,
        is_ascii: false,
    },
    Form {
        name: PHONE_NUMBERS[0],
        patterns: &["*+15555550100", "+1*5555550100", "+1555555010*"],
        of: |text| directory(HintKind::Tel, text),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "plain hint",
        patterns: &["*ate", "kat*"],
        of: |text| directory(HintKind::Plain, text),
        folds_ascii: false,
        is_ascii: false,
    },
    Form {
        name: "sub hint",
        patterns: &["*ate", "kat*"],
        of: |text| directory(HintKind::Sub, text),
        folds_ascii: false,
        is_ascii: false,
    },
    // A prefix is ASCII, so a text that only looks like one is a plain value.
    Form {
        name: "login_hint",
        patterns: &["*ub:kate", "su*:kate", "*el:+15555550100", "e*ail:kate@example.com"],
        of: hinted,
        folds_ascii: true,
        is_ascii: false,
    },
    Form {
        name: "iss of a hint",
        patterns: &[
            r#"{"format":"iss_sub","iss":"https://*p.example","sub":"kate"}"#,
            r#"{"format":"iss_sub","iss":"https://lo*in.example","sub":"kate"}"#,
        ],
        of: hinted,
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "sub",
        patterns: &["*ate", "kat*"],
        of: |text| Subject::parse(text).map(|sub| sub.as_str().to_owned()),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "client_id",
        patterns: &["*iosk", "kios*"],
        of: |text| ClientId::parse(text).map(|id| id.as_str().to_owned()),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "scope value",
        patterns: &["*ay", "pa*"],
        of: |text| Scope::parse(text).map(|scope| scope.encode()),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "resource",
        patterns: &["https://*ay.example", "https://pay.example/*"],
        of: |text| ResourceId::parse(text).map(|id| id.as_str().to_owned()),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "type of authorization_details",
        patterns: &["*ayment"],
        of: |text| DetailTypeName::parse(text).map(|name| name.as_str().to_owned()),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: PHONE_NUMBERS[1],
        patterns: &["+1*5555550100"],
        of: |text| Channel::parse("sms", text).map(|channel| channel.expose().to_owned()),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "push channel",
        patterns: &[
            "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/ban*/id",
            "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/bank/*d",
            "arn:aws:sns:us-east-1:1234567890*2:endpoint/APNS/bank/id",
            "arn:aws-*:sns:us-east-1:123456789012:endpoint/APNS/bank/id",
        ],
        of: |text| Channel::parse("push", text).map(|channel| channel.expose().to_owned()),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "topic",
        patterns: &["arn:aws:sns:us-*ast-1:123456789012:bank", "arn:aws:sns:us-east-1:123456789012:*ank"],
        of: |text| Channel::parse("topic", text).map(|channel| channel.expose().to_owned()),
        folds_ascii: false,
        is_ascii: true,
    },
    Form {
        name: "distinguished name",
        patterns: &["CN=*ate,O=Bank", "CN=kat*,O=Bank", "CN=ka*te,O=Bank"],
        of: |text| DistinguishedName::parse(text).ok().map(|name| format!("{name:?}")),
        folds_ascii: true,
        is_ascii: false,
    },
];

/// The texts that Unicode treats as equal to `letter`, by case, composition and compatibility.
fn same_to_somebody(letter: char) -> Vec<String> {
    let text = letter.to_string();
    let lower = |text: &str| text.to_lowercase();
    let compatible: String = text.nfkc().collect();
    let folded: String = lower(&compatible.to_uppercase()).nfkc().collect();
    let mut all = vec![
        lower(&text),
        text.to_uppercase(),
        // std has no case folding; this is equivalent except for a few letters that share an upper case.
        lower(&text.to_uppercase()),
        text.nfc().collect(),
        text.nfd().collect(),
        text.nfkd().collect(),
        lower(&compatible),
        folded,
        compatible,
    ];
    all.retain(|other| *other != text && !other.is_empty());
    all.sort();
    all.dedup();
    all
}

fn is_allowed(form: &Form, letter: char, other: &str) -> bool {
    let is_space = |letter| SPACES.contains(&letter);
    let is_one_letter =
        form.folds_ascii && letter.is_ascii() && letter.to_string().eq_ignore_ascii_case(other);
    is_one_letter || (PHONE_NUMBERS.contains(&form.name) && is_space(letter) && other.chars().all(is_space))
}

/// ATK-3-04, CAUTH-4-03: of all of Unicode.
#[test]
fn no_two_names_that_unicode_folds_have_one_form() {
    let mut tried = 0;
    // Hangul syllables are many and only composed; nothing after the last compatibility ideograph is folded.
    for letter in ('\0'..='\u{ac00}').chain('\u{d7a4}'..='\u{2fa1f}') {
        for other in same_to_somebody(letter) {
            for form in FORMS {
                for pattern in form.patterns {
                    let of = |text: &str| (form.of)(&pattern.replace('*', text));
                    let same = of(&letter.to_string()).is_some_and(|name| of(&other) == Some(name));
                    assert!(
                        !same || is_allowed(form, letter, &other),
                        "{}: {letter:?} and {other:?} are one in {pattern}",
                        form.name
                    );
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100_000, "{tried}");
}

/// Which forms ignore the case of ASCII letters, and which allow only ASCII.
#[test]
fn a_form_folds_ascii_letters_or_tells_them_apart() {
    for form in FORMS {
        let of = |pattern: &str, letter: char| (form.of)(&pattern.replace('*', &letter.to_string()));
        let is_folded = |pattern: &&str| {
            let mut letters =
                ('a'..='z').filter_map(|it| Some((of(pattern, it)?, of(pattern, it.to_ascii_uppercase())?)));
            letters.any(|(lower, upper)| lower == upper)
        };
        assert_eq!(form.patterns.iter().any(is_folded), form.folds_ascii, "{}", form.name);
        let takes = |pattern: &&str| of(pattern, '\u{212a}').is_some();
        assert_eq!(form.patterns.iter().any(takes), !form.is_ascii, "{}", form.name);
    }
}
