//! Compares JSON values by their meaning.
//!
//! A number is kept as it was written, because it may be an amount: `100.00` does not become `100.0`, and no digit
//! is lost to binary floating point. It is compared by its value (RFC 8259 §6), because software that repeats it
//! may write it differently: JavaScript writes `100` for `100.00`.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

/// The most digits of a number written in full. No amount has more, and longer numbers would take time to compute
/// with.
///
/// Unit: digits.
pub const MAX_DIGITS: usize = 100;

/// Whether two values are equal: numbers by value, strings by their characters, the members of an object in any
/// order.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (Value::Array(one), Value::Array(other)) => same_elements(one, other),
        (Value::Object(one), Value::Object(other)) => same_members(one, other),
        (_, _) => one == other,
    }
}

pub fn same_elements(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

pub fn same_members(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let has = |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| same(value, other));
    one.len() == other.len() && one.iter().all(has)
}

/// Numbers with an exponent beyond 64 bits do not occur in practice, and are compared as text.
fn same_number(one: &Number, other: &Number) -> bool {
    match (Decimal::of(one), Decimal::of(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one == other,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The order of two numbers. `None` if an exponent is beyond 64 bits.
pub fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    let (one, other) = (Decimal::of(one)?, Decimal::of(other)?);
    let sign = |number: &Decimal| match (number.digits.is_empty(), number.is_negative) {
        (true, _) => 0,
        (false, true) => -1,
        (false, false) => 1,
    };
    // The place of the first digit is compared first, then the digits.
    let place = |number: &Decimal| number.exponent.checked_add(i64::try_from(number.digits.len()).ok()?);
    let magnitude = place(&one)?.cmp(&place(&other)?).then_with(|| one.digits.cmp(&other.digits));
    let magnitude = if one.is_negative { magnitude.reverse() } else { magnitude };
    let sign = sign(&one).cmp(&sign(&other));
    Some(if one == Decimal::ZERO || other == Decimal::ZERO { sign } else { sign.then(magnitude) })
}

/// The number without an exponent, for people to read: `1e2` is `100`, `1.50e1` is `15.0`, and a number without an
/// exponent is unchanged. `None` if the result has more than [`MAX_DIGITS`].
pub fn in_full(number: &Number) -> Option<String> {
    let Written { is_negative, whole, fraction, exponent } = Written::of(number);
    let exponent: i64 = exponent.parse().ok()?;
    let digits = format!("{whole}{fraction}");
    let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if digits.len().max(usize::try_from(scale.unsigned_abs()).ok()?) > MAX_DIGITS {
        return None;
    }
    let (zeros, scale) = (usize::try_from(-scale).unwrap_or(0), usize::try_from(scale).unwrap_or(0));
    // There is at least one digit before the point.
    let digits = format!("{digits:0>width$}{:0<zeros$}", "", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        significant => significant,
    };
    let (sign, point) = (if is_negative { "-" } else { "" }, if fraction.is_empty() { "" } else { "." });
    let text = format!("{sign}{whole}{point}{fraction}");
    (whole.len() + fraction.len() <= MAX_DIGITS).then_some(text)
}

/// The number if it is a non-negative integer in any spelling: `60`, `60.0` and `6e1` are equal.
pub fn whole(number: &Number) -> Option<u64> {
    let text = in_full(number)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    if whole == "-0" { Some(0) } else { whole.parse().ok() }
}

/// Whether `number` is an exact multiple of `step`: 100.001 is not a multiple of 0.01. `None` if `step` is not
/// positive or has more than 37 digits.
pub fn is_multiple(number: &Number, step: &Number) -> Option<bool> {
    let step = Decimal::of(step).filter(|step| !step.is_negative)?;
    let divisor: u128 = step.digits.parse().ok().filter(|divisor| (1..=u128::MAX / 10).contains(divisor))?;
    let Some(number) = Decimal::of(number) else { return Some(false) };
    if number == Decimal::ZERO {
        return Some(true);
    }
    // Its last digit is not 0, so it is not a multiple of a step with a larger exponent.
    let zeros = number.exponent.checked_sub(step.exponent).and_then(|zeros| usize::try_from(zeros).ok());
    let Some(zeros) = zeros.filter(|zeros| *zeros <= 2 * MAX_DIGITS) else { return Some(false) };
    let digits =
        number.digits.bytes().map(|digit| u128::from(digit - b'0')).chain(std::iter::repeat_n(0, zeros));
    Some(digits.fold(0, |rest, digit| (rest * 10 + digit) % divisor) == 0)
}

/// Whether every number in the value has at most [`MAX_DIGITS`] when written in full.
pub fn is_bounded(value: &Value) -> bool {
    match value {
        Value::Number(number) => in_full(number).is_some(),
        Value::Array(elements) => elements.iter().all(is_bounded),
        Value::Object(members) => members.values().all(is_bounded),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// The parts of a number's text (RFC 8259 §6).
struct Written<'n> {
    is_negative: bool,
    whole: &'n str,
    fraction: &'n str,
    exponent: &'n str,
}

impl<'n> Written<'n> {
    fn of(number: &'n Number) -> Self {
        let text = number.as_str();
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Self { is_negative, whole, fraction, exponent }
    }
}

/// The canonical form of a number: `digits` · 10^`exponent`, with no zero at either end of the digits. It is never
/// longer than the original text.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    const ZERO: Self = Self { is_negative: false, digits: String::new(), exponent: 0 };

    /// `None` if the exponent is beyond 64 bits.
    fn of(number: &Number) -> Option<Self> {
        let Written { is_negative, whole, fraction, exponent } = Written::of(number);
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        let trimmed = significant.trim_end_matches('0');
        if trimmed.is_empty() {
            return Some(Self::ZERO);
        }
        let exponent: i64 = exponent.parse().ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let exponent = exponent.checked_add(i64::try_from(significant.len() - trimmed.len()).ok()?)?;
        Some(Self { is_negative, digits: trimmed.to_owned(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    /// TOK-7-03
    #[test]
    fn numbers_are_the_same_if_their_values_are() {
        for all in [
            &[
                "100", "100.0", "100.00", "1e2", "1E2", "1e+2", "1.0e2", "10000e-2", "0.001e5", "100e0",
                "100e-0",
            ][..],
            &["0", "-0", "0.0", "0e5", "-0.00e-7", "0e99999999999999999999"],
            &["12345678901234567.89", "1.234567890123456789e16", "12345678901234567890e-3"],
            &["-1.5", "-15e-1", "-0.15e1"],
            &["1e400", "10e399", "0.1e401"],
            &["1e1000000000000", "10e999999999999"],
            &["1e-1000000000000", "0.1e-999999999999"],
            &["9007199254740993", "9007199254740993.0"],
        ] {
            for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
                assert!(same_number(&number(one), &number(other)), "{one} {other}");
            }
        }
        for (one, other) in [
            ("100", "-100"),
            ("100", "1e3"),
            ("0.1", "0.10000000000000001"),
            ("9007199254740993", "9007199254740992"),
            ("12345678901234567.89", "12345678901234567.88"),
            ("1e400", "1e401"),
            ("1e400", "2e400"),
            ("1e1000000000000", "1e1000000000001"),
            ("1e99999999999999999999", "1e99999999999999999998"),
            ("1e99999999999999999999", "1"),
            ("1e-99999999999999999999", "0"),
        ] {
            assert!(!same_number(&number(one), &number(other)), "{one} {other}");
        }
        let far = number("1e99999999999999999999");
        assert!(same_number(&far, &far));
    }

    #[test]
    fn values_are_compared_at_every_depth() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let one = parse(r#"[{"amount": {"value": 100.00, "of": [1e1, null]}, "to": "Ä"}]"#);
        assert!(same(&one, &parse(r#"[{"to": "\u00c4", "amount": {"of": [10, null], "value": 100}}]"#)));
        for other in [
            r#"[{"amount": {"value": 100.01, "of": [1e1, null]}, "to": "Ä"}]"#,
            r#"[{"amount": {"value": "100.00", "of": [1e1, null]}, "to": "Ä"}]"#,
            r#"[{"amount": {"value": 100.00, "of": [null, 1e1]}, "to": "Ä"}]"#,
            r#"[{"amount": {"value": 100.00, "of": [1e1]}, "to": "Ä"}]"#,
            r#"[{"amount": {"value": 100.00, "of": [1e1, null], "more": 1}, "to": "Ä"}]"#,
            r#"[{"amount": {"value": 100.00}, "to": "Ä"}]"#,
            r#"[{"amount": {"value": 100.00, "of": [1e1, null]}, "to": "A\u0308"}]"#,
            r#"[{"amount": {"value": 100.00, "of": [1e1, null]}, "to": "Ä"}, {}]"#,
        ] {
            assert!(!same(&one, &parse(other)) && !same(&parse(other), &one), "{other}");
        }
        assert!(!same(&json!(0), &Value::Null) && !same(&json!(1), &json!(true)));
    }

    /// TOK-7-03: a person reads digits without an exponent, and every digit that was sent.
    #[test]
    fn a_number_in_full_has_the_digits_that_were_written() {
        for (written, expected) in [
            ("100.00", "100.00"),
            ("100", "100"),
            ("-0.50", "-0.50"),
            ("12345678901234567.89", "12345678901234567.89"),
            ("1e2", "100"),
            ("1.50e1", "15.0"),
            ("1.5E+3", "1500"),
            ("-25e-3", "-0.025"),
            ("1e-2", "0.01"),
            ("123e-2", "1.23"),
            ("0e3", "0"),
            ("0.001e3", "1"),
            ("0.001e2", "0.1"),
        ] {
            assert_eq!(in_full(&number(written)).as_deref(), Some(expected), "{written}");
        }
        let longest = "1".repeat(MAX_DIGITS);
        assert_eq!(in_full(&number(&longest)), Some(longest.clone()));
        for too_long in [
            &format!("{longest}1"),
            &format!("{longest}.0"),
            "1e100",
            "1e-100",
            "1e999999999",
            "1e-999999999999",
        ] {
            assert_eq!(in_full(&number(too_long)), None, "{too_long}");
            let nested: Value = serde_json::from_str(&format!(r#"[{{"a": [1, {too_long}]}}]"#)).unwrap();
            assert!(!is_bounded(&nested), "{too_long}");
        }
        assert!(is_bounded(&json!([{"a": [1, "1e999", null, true, 2.5]}])));
    }

    /// TOK-7-02
    #[test]
    fn numbers_are_ordered_by_their_values() {
        let ascending = [
            "-1e400",
            "-12345678901234567.90",
            "-12345678901234567.89",
            "-100",
            "-99.99",
            "-0.2",
            "-0.19",
            "-1e-400",
            "0",
            "1e-400",
            "0.19",
            "0.2",
            "0.91",
            "9",
            "9.1",
            "10",
            "99.99",
            "1e2",
            "100.000000000000000000001",
            "9007199254740992",
            "9007199254740993",
            "12345678901234567.89",
            "12345678901234567.890000001",
            "12345678901234567.9",
            "1e400",
            "1.01e400",
        ];
        for (place, one) in ascending.iter().enumerate() {
            for (other_place, other) in ascending.iter().enumerate() {
                assert_eq!(
                    compare(&number(one), &number(other)),
                    Some(place.cmp(&other_place)),
                    "{one} {other}"
                );
            }
        }
        assert_eq!(compare(&number("0"), &number("-0.0e7")), Some(Ordering::Equal));
        assert_eq!(compare(&number("100"), &number("1e2")), Some(Ordering::Equal));
        assert_eq!(compare(&number("1e99999999999999999999"), &number("1")), None);
    }

    /// TOK-7-02: in binary floating point, 0.07 is not a multiple of 0.01, and the last digits of a long number
    /// are lost.
    #[test]
    fn a_multiple_is_one_to_the_last_digit() {
        let is = |number_text: &str, step: &str| is_multiple(&number(number_text), &number(step));
        for (number, step) in [
            ("0.07", "0.01"),
            ("12345678901234567.89", "0.01"),
            ("-1.50", "0.25"),
            ("0.3", "0.1"),
            ("1e2", "7e-1"),
            ("0", "0.01"),
            ("-0.0", "3"),
            ("21", "7"),
            ("1e90", "1e-9"),
        ] {
            assert_eq!(is(number, step), Some(number != "1e2"), "{number} {step}");
        }
        for (number, step) in [
            ("0.001", "0.01"),
            ("100.00000000000000000000001", "0.01"),
            ("12345678901234567.891", "0.01"),
            ("0.5", "0.2"),
            ("22", "7"),
            ("1e999999999", "7"),
            ("1e-999999999", "7"),
            ("1e99999999999999999999", "1"),
        ] {
            assert_eq!(is(number, step), Some(false), "{number} {step}");
        }
        for step in ["0", "-1", &"1".repeat(39), "1e99999999999999999999"] {
            assert_eq!(is("1", step), None, "{step}");
        }
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for written in ["60", "60.0", "6e1", "600e-1", "0.6e2"] {
            assert_eq!(whole(&number(written)), Some(60), "{written}");
        }
        assert_eq!(whole(&number("-0.0")), Some(0));
        for written in ["60.5", "-60", "6e-1", "1e30", "18446744073709551616", "1e999999"] {
            assert_eq!(whole(&number(written)), None, "{written}");
        }
    }

    proptest! {
        /// Shifting the point and adjusting the exponent changes nothing, but one more digit does.
        #[test]
        fn a_number_is_equal_to_its_other_spellings(digits in "[1-9][0-9]{0,30}", shift in 0_usize..40, zeros in 0_usize..20) {
            let integer = number(&format!("{digits}{}", "0".repeat(shift)));
            let with_exponent = number(&format!("{digits}{}e{}", "0".repeat(zeros), i64::try_from(shift).unwrap() - i64::try_from(zeros).unwrap()));
            prop_assert!(same_number(&integer, &with_exponent));
            prop_assert!(same_number(&integer, &number(&in_full(&with_exponent).unwrap())));
            let more = number(&format!("{digits}{}.{}1", "0".repeat(shift), "0".repeat(zeros)));
            prop_assert!(!same_number(&integer, &more));
        }
    }
}
