//! How a person reads numbers, amounts of money, account numbers and dates in their language. Only marks and spaces
//! are added: no digit is changed, rounded or left out.

use time::{Date, Month};

use crate::domain::base::plain_text::is_iban;

/// How a template writes a value: `{/account|iban}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An object with `currency`, and with `value` or `amount`.
    Money,
    Quantity,
    Iban,
    Date,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Money, Self::Quantity, Self::Iban, Self::Date];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Quantity => "quantity",
            Self::Iban => "iban",
            Self::Date => "date",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// The digits after the decimal mark, for currencies that do not have two (ISO 4217).
const NO_DIGITS: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
const THREE_DIGITS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// A number in decimal notation: `1234.50`. Leading zeros and a plus sign are refused, as in JSON.
pub fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole) && are_digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// `1234.50` as `1,234.50`, `1.234,50`, or with a space, as Unicode's data (CLDR) has it for the language; Arabic with
/// Western digits. Some languages write four digits without a mark. `decimal` satisfies [`is_decimal`].
pub fn quantity(tag: &str, decimal: &str) -> String {
    let (group, mark) = match tag {
        "de" | "es" | "it" | "nl" | "pt" => ('.', ','),
        "fr" => ('\u{202f}', ','),
        "pl" | "sv" => ('\u{a0}', ','),
        _ => (',', '.'),
    };
    let minus = match tag {
        "sv" => "\u{2212}",
        // The mark keeps the sign on the left of its number within a sentence that is read from the right.
        "ar" => "\u{200e}-",
        _ => "-",
    };
    let unsigned = decimal.strip_prefix('-').unwrap_or(decimal);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let shortest = if matches!(tag, "es" | "it" | "pl") { 5 } else { 4 };
    let mut text = String::from(if unsigned.len() < decimal.len() { minus } else { "" });
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left.is_multiple_of(3) && whole.len() >= shortest {
            text.push(group);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(mark);
        text.push_str(fraction);
    }
    text
}

/// `1234.5` and `EUR` as `EUR 1,234.50` or `1.234,50 EUR`. The code is used because a symbol can belong to several
/// currencies. Zeros are added up to the digits that the currency has; a line does not break inside.
pub fn money(tag: &str, value: &str, currency: &str) -> String {
    let digits = match currency {
        _ if NO_DIGITS.contains(&currency) => 0,
        _ if THREE_DIGITS.contains(&currency) => 3,
        _ => 2,
    };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let value = match digits.max(fraction.len()) {
        0 => whole.to_owned(),
        digits => format!("{whole}.{fraction:0<digits$}"),
    };
    match tag {
        "en" | "ja" | "nl" | "pt" => format!("{currency}\u{a0}{}", quantity(tag, &value)),
        _ => format!("{}\u{a0}{currency}", quantity(tag, &value)),
    }
}

/// An IBAN in groups of four; it may have been sent with spaces.
pub fn iban(text: &str) -> Option<String> {
    let plain = text.replace(' ', "");
    let groups = || plain.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>();
    is_iban(&plain).then(|| groups().join(" "))
}

/// A full date (RFC 3339 §5.6), `2026-11-29`, with the month as a word: numbers alone are read as day and month in
/// some countries, and as month and day in others.
pub fn date(tag: &str, text: &str) -> Option<String> {
    let number = |part: &str, length: usize| {
        let are_digits = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        are_digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month) = (number(year, 4)?, Month::try_from(u8::try_from(number(month, 2)?).ok()?).ok()?);
    let day = u8::try_from(number(day, 2)?).ok()?;
    let exists = parts.next().is_none() && Date::from_calendar_date(i32::from(year), month, day).is_ok();
    let name = months(tag)[usize::from(u8::from(month)) - 1];
    exists.then(|| match tag {
        "de" => format!("{day}. {name} {year}"),
        "fr" if day == 1 => format!("1er {name} {year}"),
        "it" if day == 1 => format!("1º {name} {year}"),
        "pt" if day == 1 => format!("1º de {name} de {year}"),
        "es" | "pt" => format!("{day} de {name} de {year}"),
        "ja" => format!("{year}年{name}{day}日"),
        _ => format!("{day} {name} {year}"),
    })
}

const fn months(tag: &str) -> [&'static str; 12] {
    match tag.as_bytes() {
        b"de" => [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        b"fr" => [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        b"es" => [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        b"it" => [
            "gennaio",
            "febbraio",
            "marzo",
            "aprile",
            "maggio",
            "giugno",
            "luglio",
            "agosto",
            "settembre",
            "ottobre",
            "novembre",
            "dicembre",
        ],
        b"nl" => [
            "januari",
            "februari",
            "maart",
            "april",
            "mei",
            "juni",
            "juli",
            "augustus",
            "september",
            "oktober",
            "november",
            "december",
        ],
        b"pl" => [
            "stycznia",
            "lutego",
            "marca",
            "kwietnia",
            "maja",
            "czerwca",
            "lipca",
            "sierpnia",
            "września",
            "października",
            "listopada",
            "grudnia",
        ],
        b"pt" => [
            "janeiro",
            "fevereiro",
            "março",
            "abril",
            "maio",
            "junho",
            "julho",
            "agosto",
            "setembro",
            "outubro",
            "novembro",
            "dezembro",
        ],
        b"sv" => [
            "januari",
            "februari",
            "mars",
            "april",
            "maj",
            "juni",
            "juli",
            "augusti",
            "september",
            "oktober",
            "november",
            "december",
        ],
        b"ja" => ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"],
        b"ar" => [
            "يناير",
            "فبراير",
            "مارس",
            "أبريل",
            "مايو",
            "يونيو",
            "يوليو",
            "أغسطس",
            "سبتمبر",
            "أكتوبر",
            "نوفمبر",
            "ديسمبر",
        ],
        _ => [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quantity_is_grouped_as_the_language_does() {
        for (decimal, en, de, fr, es) in [
            ("0", "0", "0", "0", "0"),
            ("999", "999", "999", "999", "999"),
            ("1234.50", "1,234.50", "1.234,50", "1\u{202f}234,50", "1234,50"),
            ("-12345", "-12,345", "-12.345", "-12\u{202f}345", "-12.345"),
            ("1234567.125", "1,234,567.125", "1.234.567,125", "1\u{202f}234\u{202f}567,125", "1.234.567,125"),
        ] {
            let shown = ["en", "de", "fr", "es"].map(|tag| quantity(tag, decimal));
            assert_eq!(shown, [en, de, fr, es], "{decimal}");
        }
    }

    /// As CLDR has it, which the browser's `Intl` shows too. Digits are Western in every language.
    #[test]
    fn each_language_has_the_marks_that_unicode_gives_it() {
        for (tag, negative, four, money_shown) in [
            ("it", "-1.234.567,5", "1234", "1234,50\u{a0}EUR"),
            ("nl", "-1.234.567,5", "1.234", "EUR\u{a0}1.234,50"),
            ("pl", "-1\u{a0}234\u{a0}567,5", "1234", "1234,50\u{a0}EUR"),
            ("pt", "-1.234.567,5", "1.234", "EUR\u{a0}1.234,50"),
            ("sv", "\u{2212}1\u{a0}234\u{a0}567,5", "1\u{a0}234", "1\u{a0}234,50\u{a0}EUR"),
            ("ja", "-1,234,567.5", "1,234", "EUR\u{a0}1,234.50"),
            ("ar", "\u{200e}-1,234,567.5", "1,234", "1,234.50\u{a0}EUR"),
        ] {
            assert_eq!([quantity(tag, "-1234567.5"), quantity(tag, "1234")], [negative, four], "{tag}");
            assert_eq!(money(tag, "1234.5", "EUR"), money_shown, "{tag}");
        }
    }

    #[test]
    fn a_date_is_written_as_the_language_does() {
        for (tag, late, first) in [
            ("it", "29 novembre 2026", "1º gennaio 2027"),
            ("nl", "29 november 2026", "1 januari 2027"),
            ("pl", "29 listopada 2026", "1 stycznia 2027"),
            ("pt", "29 de novembro de 2026", "1º de janeiro de 2027"),
            ("sv", "29 november 2026", "1 januari 2027"),
            ("ja", "2026年11月29日", "2027年1月1日"),
            ("ar", "29 نوفمبر 2026", "1 يناير 2027"),
        ] {
            let shown = ["2026-11-29", "2027-01-01"].map(|text| date(tag, text).unwrap());
            assert_eq!(shown, [late, first], "{tag}");
        }
    }

    #[test]
    fn money_has_its_code_and_the_digits_of_its_currency() {
        for (value, currency, en, de) in [
            ("1234.5", "EUR", "EUR\u{a0}1,234.50", "1.234,50\u{a0}EUR"),
            ("100", "USD", "USD\u{a0}100.00", "100,00\u{a0}USD"),
            ("1500", "JPY", "JPY\u{a0}1,500", "1.500\u{a0}JPY"),
            ("1.5", "KWD", "KWD\u{a0}1.500", "1,500\u{a0}KWD"),
            ("0.12345", "EUR", "EUR\u{a0}0.12345", "0,12345\u{a0}EUR"),
            (
                "12345678901234567.89",
                "EUR",
                "EUR\u{a0}12,345,678,901,234,567.89",
                "12.345.678.901.234.567,89\u{a0}EUR",
            ),
            ("-5", "EUR", "EUR\u{a0}-5.00", "-5,00\u{a0}EUR"),
        ] {
            assert_eq!([money("en", value, currency), money("de", value, currency)], [en, de]);
        }
    }

    #[test]
    fn a_decimal_has_one_spelling_for_its_digits() {
        for text in ["0", "0.5", "10", "-3.25", "100.00"] {
            assert!(is_decimal(text), "{text}");
        }
        for text in ["", "-", ".5", "5.", "01", "00", "+1", "1e3", "1,5", "1.2.3", "١", " 1", "--1", "0x1"] {
            assert!(!is_decimal(text), "{text}");
        }
        assert!(is_currency("EUR") && !is_currency("eur") && !is_currency("€") && !is_currency("EURO"));
    }

    #[test]
    fn an_iban_is_grouped_if_its_check_digits_are_right() {
        for (text, shown) in [
            ("DE02120300000000202051", Some("DE02 1203 0000 0000 2020 51")),
            ("GB82WEST12345698765432", Some("GB82 WEST 1234 5698 7654 32")),
            ("GB82 WEST 1234 5698 7654 32", Some("GB82 WEST 1234 5698 7654 32")),
            ("NO9386011117947", Some("NO93 8601 1117 947")),
            ("DE03120300000000202051", None),
            ("DE02120300000000202015", None),
            ("de02120300000000202051", None),
            ("DE0212030000000020205ä", None),
            ("DE02", None),
            ("", None),
            ("1202120300000000202051", None),
        ] {
            assert_eq!(iban(text).as_deref(), shown, "{text}");
        }
    }

    #[test]
    fn a_date_names_its_month() {
        for (text, en, de, fr, es) in [
            (
                "2026-11-29",
                "29 November 2026",
                "29. November 2026",
                "29 novembre 2026",
                "29 de noviembre de 2026",
            ),
            (
                "2024-02-29",
                "29 February 2024",
                "29. Februar 2024",
                "29 février 2024",
                "29 de febrero de 2024",
            ),
            ("2027-01-01", "1 January 2027", "1. Januar 2027", "1er janvier 2027", "1 de enero de 2027"),
        ] {
            let shown = ["en", "de", "fr", "es"].map(|tag| date(tag, text));
            assert_eq!(shown.map(Option::unwrap), [en, de, fr, es]);
        }
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "26-11-29",
            "2026-1-2",
            "2026-11-29T00:00",
            "2026-11-29-1",
            "+026-11-29",
            "",
        ] {
            assert_eq!(date("en", text), None, "{text}");
        }
    }

    proptest! {
        /// HYG-5-04: nothing but marks and spaces differs from what was sent.
        #[test]
        fn no_digit_is_changed_or_lost(value in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,9})?") {
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            for tag in ["en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "ja", "ar"] {
                prop_assert_eq!(digits(&quantity(tag, &value)), digits(&value));
                let shown = money(tag, &value, "EUR");
                prop_assert!(digits(&shown).trim_end_matches('0') == digits(&value).trim_end_matches('0'));
                prop_assert!(digits(&shown).starts_with(&digits(&value)));
            }
        }
    }
}
