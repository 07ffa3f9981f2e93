//! Phone numbers in canonical form. The separators are checked before they are dropped, because a number with an
//! extra digit, such as a trunk prefix, would be another person's or nobody's.

use std::fmt;

use serde::Deserialize;

/// Country codes of one and two digits; all others have three (ITU-T E.164, list of assigned codes).
const SHORT_CODES: [&str; 46] = [
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66",
    "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Country codes after which a leading 0 is part of the number, even from abroad: Italy, Côte d'Ivoire, Burkina
/// Faso, Benin, Gabon, the Congo, Rwanda, San Marino and Tajikistan. In all other countries, the 0 is dialed only
/// within the country.
const KEEP_ZERO: [&str; 9] = ["39", "225", "226", "229", "241", "242", "250", "378", "992"];

/// The national trunk prefix, as written for callers from inside and outside the country: `+44 (0)20 …`.
const TRUNK_PREFIX: &str = "(0)";

/// A phone number in E.164 form: `+` and 7 to 15 digits, the first of which is not 0.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// The reason for a refusal, for operators and clients.
    pub const EXPECTED: &'static str = "a phone number is not in E.164 form: + and the country code, 7 to 15 digits in \
                                        all, without the 0 that is dialed only within the country";

    /// Accepts common separators (space, `-`, `.`, and parentheses around an area code or around `+` and the
    /// country code), and drops a `(0)` after the country code.
    ///
    /// `None` also if the number is ambiguous: `(0)` where the 0 is part of the number, a 0 after the country code
    /// without parentheses, and parentheses that are unclosed or empty.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.replace('\u{a0}', " ");
        let text = without_brackets_around_code(text.trim_matches(' '));
        let rest = text.strip_prefix('+')?;
        let rest = without_trunk_prefix(rest)?;
        let digits = digits(&rest)?;
        let (code, national) = split_code(&digits)?;
        is_dialed(code, national).then(|| Self::from_stored(&format!("+{digits}")))?
    }

    /// Reads a number that an earlier version may have stored. Only the form is checked.
    pub fn from_stored(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        fits.then(|| Self(text.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The beginning of the numbers of a range: `+` and the country code, and as many further digits as there are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PhonePrefix(String);

impl PhonePrefix {
    /// `None` also if no number begins like this: with a 0 that is dialed only within the country.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (1..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
            && split_code(digits).is_none_or(|(code, national)| is_dialed(code, national));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn covers(&self, number: &PhoneNumber) -> bool {
        number.expose().starts_with(&self.0)
    }
}

impl TryFrom<String> for PhonePrefix {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
            .ok_or("the beginning of a phone number is + and the country code, as dialed from abroad")
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(…)")
    }
}

/// Whether a number after its country code begins like this when it is dialed from abroad.
fn is_dialed(code: &str, national: &str) -> bool {
    !national.starts_with('0') || KEEP_ZERO.contains(&code)
}

/// Turns `(+44) 20 …` and `+(44) 20 …` into `+44 20 …`.
fn without_brackets_around_code(text: &str) -> String {
    let inner = text.strip_prefix("(+").or_else(|| text.strip_prefix("+("));
    match inner.and_then(|inner| inner.split_once(')')) {
        Some((code, rest)) => format!("+{code} {rest}"),
        None => text.to_owned(),
    }
}

/// Drops a `(0)` right after the country code. `None` if it is elsewhere, or if the 0 is part of the number.
fn without_trunk_prefix(rest: &str) -> Option<String> {
    let Some((before, after)) = rest.split_once(TRUNK_PREFIX) else { return Some(rest.to_owned()) };
    let code = before.trim_end_matches(is_separator);
    let is_code = split_code(&format!("{code}0")).is_some_and(|(known, rest)| known == code && rest == "0");
    (is_code && !KEEP_ZERO.contains(&code)).then(|| format!("{before} {after}"))
}

/// The digits of a text that consists of digits, separators between them, and parentheses around some of them.
fn digits(text: &str) -> Option<String> {
    let mut open = None;
    let mut digits = String::new();
    for letter in text.chars() {
        match (letter, open) {
            ('0'..='9', _) => digits.push(letter),
            ('(', None) if !digits.is_empty() => open = Some(digits.len()),
            (')', Some(start)) if start < digits.len() => open = None,
            (separator, _) if is_separator(separator) => {}
            _ => return None,
        }
    }
    (open.is_none() && text.ends_with(|letter: char| letter.is_ascii_digit())).then_some(digits)
}

const fn is_separator(letter: char) -> bool {
    matches!(letter, ' ' | '-' | '.')
}

/// The country code and the rest.
fn split_code(digits: &str) -> Option<(&str, &str)> {
    let is_short = |length: &usize| digits.get(..*length).is_some_and(|code| SHORT_CODES.contains(&code));
    digits.split_at_checked([1, 2].into_iter().find(is_short).unwrap_or(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        PhoneNumber::parse(text).map(|number| number.expose().to_owned())
    }

    /// ATK-3-04
    #[test]
    fn a_phone_number_has_one_form_whatever_its_separators() {
        for (text, number) in [
            ("+15555550100", "+15555550100"),
            ("+1 (555) 555-0100", "+15555550100"),
            ("+1.555.555.0100", "+15555550100"),
            ("+1-(555)-555-0100", "+15555550100"),
            ("(+1) 555 555 0100", "+15555550100"),
            ("+(1) 555 555 0100", "+15555550100"),
            (" +1 555 555 0100 ", "+15555550100"),
            ("+1\u{a0}555\u{a0}555\u{a0}0100", "+15555550100"),
            ("+49 - 151 - 2345678", "+491512345678"),
            ("+353 (1) 234 5678", "+35312345678"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(number), "{text}");
        }
        for text in [
            "15555550100",
            "+0155555501",
            "+123456",
            "+1234567890123456",
            "+1555555O100",
            "",
            "+",
            "0044 20 7946 0958",
            "tel:+15555550100",
            "++15555550100",
            "+1 555 555 0100 x12",
            "+1 555 555 0100;ext=1",
            "+1 555/555 0100",
            "+1,5555550100",
            "+\u{ff11}5555550100",
            "+1555555010\u{660}",
            "+1\u{200b}5555550100",
            "+1 555 555 0100-",
            "+1 555 555 0100 ()",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    /// ATK-3-04, ATK-7-01: with the 0 it would be a number that does not exist.
    #[test]
    fn a_trunk_prefix_in_parentheses_is_left_out() {
        for (text, number) in [
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("+44(0)20 7946 0958", "+442079460958"),
            ("+44 (0) 20 7946 0958", "+442079460958"),
            ("+44-(0)-20-7946-0958", "+442079460958"),
            ("(+44) (0)20 7946 0958", "+442079460958"),
            ("(+44)(0)20 7946 0958", "+442079460958"),
            ("+(49)(0)151 2345678", "+491512345678"),
            ("+49.(0).151.2345678", "+491512345678"),
            ("+33 (0)6 12 34 56 78", "+33612345678"),
            ("+353 (0)86 123 4567", "+353861234567"),
            ("+98 (0)21 1234 5678", "+982112345678"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(number), "{text}");
        }
    }

    /// ATK-3-04, ATK-7-01
    #[test]
    fn a_number_that_could_be_two_is_refused() {
        for text in [
            // In Italy the 0 is part of the number, so the parentheses are ambiguous.
            "+39 (0)6 6982 0000",
            "+225 (0)1 23 45 67 89",
            "+378 (0)549 886377",
            // A 0 that is not dialed from abroad.
            "+44 020 7946 0958",
            "+44 (020) 7946 0958",
            "+44 0 20 7946 0958",
            "+44 0(20) 7946 0958",
            "+4402079460958",
            "+49 (0151) 2345678",
            "+1 055 555 0100",
            "+353 086 123 4567",
            "+44 ( 0 )20 7946 0958",
            // Not after the country code.
            "+44 20 (0) 7946 0958",
            "+447 (0)20 7946 0958",
            "+4 (0)4 20 7946 0958",
            "+(0)44 20 7946 0958",
            "(0)+44 20 7946 0958",
            "+44 (0)(0)20 7946 0958",
            "+44 (0)020 7946 0958",
            // Unbalanced or empty parentheses.
            "+44 (20 7946 0958",
            "+44 20) 7946 0958",
            "+44 ((20)) 7946 0958",
            "+44 () 20 7946 0958",
            "(+44 20 7946 0958",
            "+44 (- ) 20 7946 0958",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
        for (text, number) in
            [("+39 06 6982 0000", "+390669820000"), ("+225 01 23 45 67 89", "+2250123456789")]
        {
            assert_eq!(parsed(text).as_deref(), Some(number), "{text}");
        }
    }

    /// ATK-3-04
    #[test]
    fn a_prefix_is_the_beginning_of_dialed_numbers() {
        let covers = |prefix: &str, number: &str| {
            PhonePrefix::parse(prefix).expect(prefix).covers(&PhoneNumber::parse(number).expect(number))
        };
        assert!(
            covers("+4420", "+44 (0)20 7946 0958")
                && covers("+39 06".replace(' ', "").as_str(), "+39066982000")
        );
        assert!(!covers("+4420", "+442179460958") && !covers("+442079460958", "+4420794609"));
        assert!(!covers("+1", "+4420794609"));
        for text in ["", "+", "44", "+0", "+44 20", "+44020", "+4x", "+1234567890123456", "*", "+٤٤", "+44\n"]
        {
            assert_eq!(PhonePrefix::parse(text), None, "{text}");
        }
    }

    /// A person enrolled by an earlier version can still be read, with the number as it was stored.
    #[test]
    fn what_was_stored_before_is_read_as_it_is() {
        assert_eq!(
            PhoneNumber::from_stored("+4402079460958").map(|it| it.0),
            Some("+4402079460958".to_owned())
        );
        for text in ["4402079460958", "+44 2079460958", "+0123456789", "+1"] {
            assert_eq!(PhoneNumber::from_stored(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_parsed_number_parses_to_itself(text in "[+(]{0,2}[-0-9 .()]{0,20}|\\PC{0,12}") {
            if let Some(number) = parsed(&text) {
                proptest::prop_assert_eq!(parsed(&number), Some(number.clone()));
                // No digit is added, and nothing but a (0) is dropped.
                let written: String = text.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
                proptest::prop_assert_eq!(format!("+{written}"), number);
            }
        }
    }
}
