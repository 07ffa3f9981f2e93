//! Recognizes numbers by their form: parts of an IBAN, dates, times and amounts. Nobody dials such numbers.

use super::character::{is_currency, is_japanese};
use super::vocabulary::CURRENCIES;

/// The length of an IBAN, and of a creditor reference (`RF…`, ISO 11649), which has the same form. Unit:
/// characters.
const IBAN: std::ops::RangeInclusive<usize> = 15..=34;
const CREDITOR_REFERENCE: std::ops::RangeInclusive<usize> = 9..=25;
/// An amount with more digits is written in groups. Unit: digits.
const MAX_UNGROUPED: usize = 9;

/// Replaces identifiers of a known form: IBANs and creditor references, in one word or in groups of four, and
/// UUIDs.
pub(super) fn without_identifiers(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let taken = (1..=9).rev().find(|count| words.get(at..at + count).is_some_and(is_account));
        match taken {
            Some(count) => {
                kept.push("IBAN");
                at += count;
            }
            None => {
                kept.push(if is_uuid(word) { "UUID" } else { word });
                at += 1;
            }
        }
    }
    kept.join(" ")
}

fn is_account(words: &[&str]) -> bool {
    let last = words.len() - 1;
    let trimmed = |at: usize, word: &str| {
        let word = if at == 0 { word.trim_start_matches(['(', ':']) } else { word };
        (if at == last { word.trim_end_matches([',', '.', ';', ':', ')', '!', '?']) } else { word })
            .to_owned()
    };
    let words: Vec<String> = words.iter().enumerate().map(|(at, word)| trimmed(at, word)).collect();
    let grouped =
        words.iter().enumerate().all(|(at, word)| word.len() == 4 || (at == last && word.len() < 4));
    let account = words.concat();
    let lengths = if account.starts_with("RF") { CREDITOR_REFERENCE } else { IBAN };
    (last == 0 || grouped) && lengths.contains(&account.len()) && has_check_digits(&account)
}

/// Whether this is an IBAN (ISO 13616) without spaces, with the right check digits.
pub fn is_iban(account: &str) -> bool {
    IBAN.contains(&account.len()) && !account.starts_with("RF") && has_check_digits(account)
}

/// ISO 7064, MOD 97-10: with the first four characters moved to the end and letters as two digits, the remainder
/// is 1.
fn has_check_digits(account: &str) -> bool {
    let bytes = account.as_bytes();
    let begins = |from: usize, is: fn(&u8) -> bool| bytes.iter().skip(from).take(2).all(is);
    let is_fit = bytes.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if !is_fit || !begins(0, u8::is_ascii_uppercase) || !begins(2, u8::is_ascii_digit) {
        return false;
    }
    let turned = account.chars().skip(4).chain(account.chars().take(4)).filter_map(|c| c.to_digit(36));
    let remainder = turned.fold(0, |sum, value| (sum * if value > 9 { 100 } else { 10 } + value) % 97);
    remainder == 1
}

fn is_uuid(word: &str) -> bool {
    let word = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        && word.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A group of digits, and the gap between it and the group before.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) gap: String,
    pub(super) digits: String,
}

/// A run of numbers without letters between them, and its surroundings.
pub(super) struct Run<'a> {
    pub(super) groups: &'a [Group],
    /// The word before the first of them.
    pub(super) before: &'a str,
    /// The gap after the last of them, and the word after that.
    pub(super) behind: (&'a str, &'a str),
}

impl Run<'_> {
    /// For each group, whether it has a known form.
    pub(super) fn formed(&self) -> Vec<bool> {
        let mut formed = vec![false; self.groups.len()];
        let mut at = 0;
        while at < self.groups.len() {
            let length = self.date(at).or_else(|| self.time(at)).or_else(|| self.amount(at)).unwrap_or(0);
            formed.iter_mut().skip(at).take(length).for_each(|it| *it = true);
            at += length.max(1);
        }
        formed
    }

    fn digits(&self, at: usize) -> &str {
        self.groups.get(at).map_or("", |group| &group.digits)
    }

    fn gap(&self, at: usize) -> &str {
        self.groups.get(at).map_or(self.behind.0, |group| &group.gap)
    }

    /// Matches `2026-11-29`, `29.11.2026`, `29. 11. 26`, `11/29/2026`, and `29.11.` with a trailing dot.
    fn date(&self, at: usize) -> Option<usize> {
        let is_separator = matches!(self.gap(at + 1), "-" | "/" | "." | ". ");
        let number = |at: usize, lengths: &[usize]| {
            let digits = self.digits(at);
            lengths.contains(&digits.len()).then(|| digits.parse::<u32>().ok()).flatten()
        };
        let is_day = |a: u32, b: u32| (1..=12).contains(&a) && (1..=31).contains(&b);
        let is_year = |at: usize| match self.digits(at).len() {
            4 => number(at, &[4]).is_some_and(|year| (1900..2200).contains(&year)),
            length => length == 2,
        };
        let year_first = is_year(at) && self.digits(at).len() == 4;
        let parts = if year_first { (at + 1, at + 2) } else { (at, at + 1) };
        let (a, b) = (number(parts.0, &[1, 2])?, number(parts.1, &[1, 2])?);
        let has_year = self.gap(at + 1) == self.gap(at + 2) && (year_first || is_year(at + 2));
        let without_year = !year_first && self.gap(at + 1) == "." && self.gap(at + 2).starts_with('.');
        match is_separator && (is_day(a, b) || is_day(b, a)) {
            true if has_year => Some(3),
            true if without_year => Some(2),
            _ => None,
        }
    }

    /// Matches `14:30`, `14:30:00`, and either with an offset from UTC.
    fn time(&self, at: usize) -> Option<usize> {
        let below = |at: usize, most: u32, shortest: usize| {
            let digits = self.digits(at);
            (shortest..=2).contains(&digits.len()) && digits.parse::<u32>().is_ok_and(|it| it < most)
        };
        if !(below(at, 24, 1) && self.gap(at + 1) == ":" && below(at + 1, 60, 2)) {
            return None;
        }
        let seconds = self.gap(at + 2) == ":" && below(at + 2, 60, 2);
        let end = at + 2 + usize::from(seconds);
        let has_zone = matches!(self.gap(end), "+" | "-") && below(end, 24, 2) && self.gap(end + 1) == ":";
        let end = end + if has_zone { 2 } else { 0 };
        // With more colons it is not a time.
        (self.gap(end) != ":").then_some(end - at)
    }

    /// A number next to a currency, or a number on its own whose separators show that it is an amount.
    fn amount(&self, at: usize) -> Option<usize> {
        let has_currency_before = match at {
            0 if is_currency_word(self.before) => matches!(self.gap(0), "" | " " | ": "),
            _ => self.gap(at).trim_end().ends_with(is_currency),
        };
        let ends = (at + 1..=self.groups.len()).rev();
        ends.filter(|end| self.is_number(at, *end)).map(|end| end - at).find(|length| {
            let end = at + length;
            let has_currency_behind = if end == self.groups.len() {
                let (gap, word) = self.behind;
                gap.trim_start().starts_with(is_currency)
                    || (matches!(gap, "" | " ") && is_currency_word(word))
            } else {
                self.gap(end).trim_start().starts_with(is_currency)
            };
            let is_all = at == 0 && end == self.groups.len() && self.is_unmistakable(*length);
            has_currency_before || has_currency_behind || is_all
        })
    }

    /// Matches `1234567`, `1234,5`, `1.234.567,89` and `1 234 567`.
    fn is_number(&self, at: usize, end: usize) -> bool {
        let first = self.digits(at);
        if first.len() > 1 && first.starts_with('0') {
            return false;
        }
        let thousands = (at + 1..end).take_while(|it| self.is_thousand(at, *it)).count();
        if thousands > 0 && first == "0" {
            return false;
        }
        let decimals = end - at - 1 - thousands;
        let separator = self.gap(at + thousands + 1);
        let is_decimal = matches!(separator, "." | ",")
            && (thousands == 0 || separator != self.gap(at + 1))
            && self.digits(end - 1).len() <= 2;
        let most = if thousands == 0 { MAX_UNGROUPED } else { 3 };
        first.len() <= most && (decimals == 0 || (decimals == 1 && is_decimal))
    }

    fn is_thousand(&self, start: usize, at: usize) -> bool {
        let separator = self.gap(start + 1);
        let is_separator = matches!(separator, "." | "," | " " | "'" | "’");
        is_separator && self.gap(at) == separator && self.digits(at).len() == 3
    }

    /// Without a currency, a phone number could be written the same way, unless it has decimals or a short first
    /// group.
    fn is_unmistakable(&self, length: usize) -> bool {
        let last = self.digits(length - 1).len();
        let has_decimals = length >= 2 && last == 2 && matches!(self.gap(length - 1), "." | ",");
        let is_grouped = length == 3 && self.digits(0).len() <= 2 && last == 3;
        (has_decimals && (2..length).all(|at| self.digits(at - 1).len() == 3)) || is_grouped
    }
}

/// Japanese goes on without a space after it.
fn is_currency_word(word: &str) -> bool {
    let begins = |name: &&str| name.starts_with(is_japanese) && word.starts_with(*name);
    CURRENCIES.contains(&word.to_uppercase().as_str()) || CURRENCIES.iter().any(begins)
}
