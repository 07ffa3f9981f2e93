//! Detects phone numbers in a text. The digits are taken in runs without letters between them. What remains after
//! IBANs, dates, times and amounts are excluded by their [`form`](super::form) must not be a phone number.
//!
//! 1. Seven or more digits in several groups are a phone number, regardless of the separators. A labeled
//!    reference (`Order 302-4418821-3`) is not, unless it begins with `0` or `+` or has the shape of a North
//!    American number.
//! 2. Nine to thirteen digits in one group are a phone number, and so are seven or more that begin with `+` or
//!    `0`, unless a word labels them (`Invoice 00012345`) or they are part of a code (`INV00012345`).
//! 3. If the text contains a word such as `call` or `Tel.`, weaker evidence is enough, and so are five digits right
//!    after the word.
//!
//! Digits spelled out as words, letters in place of digits (`O8OO`) and Chinese numerals are read as digits. Japanese and
//! Arabic letters right before digits are a word, and not part of a code.
//! Fewer than seven digits are accepted on their own.

use super::character::{apart, is_japanese};
use super::form::{Group, Run, without_identifiers};
use super::vocabulary::{CURRENCIES, DIGITS, NUMBER, PHONE, REFERENCE, TOWARDS};

/// The fewest digits of a phone number; shorter numbers are taken for codes and years. ITU-T E.164 allows up to
/// 15 digits. Unit: digits.
const FEWEST: usize = 7;
/// The fewest digits right after a word for calling, where short and premium-rate numbers count as well. Unit:
/// digits.
const FEWEST_TO_CALL: usize = 5;
/// The length of a phone number without any other sign of one. Unit: digits.
const BARE: std::ops::RangeInclusive<usize> = 9..=13;
/// No phone number begins with this.
const NEVER_DIALLED: &str = "000";
/// This many consecutive number words are spelled-out digits, not counts. Unit: words.
const SPELLED: usize = 4;
/// The prefixes of numbers that are dialed by letters, without separators.
const LETTERED: [&str; 12] =
    ["1800", "1833", "1844", "1855", "1866", "1877", "1888", "1900", "0800", "0808", "0900", "0180"];

pub(super) fn reads_as_phone_number(text: &str) -> bool {
    let atoms = atoms(&without_identifiers(&as_read(text)));
    let is_to_be_called = atoms.iter().enumerate().any(|(at, atom)| is_phone_word(atom, atoms.get(at + 1)));
    let mut at = 0;
    while at < atoms.len() {
        let length = atoms.iter().skip(at).take_while(|atom| atom.is_number).count();
        let (earlier, rest) = atoms.split_at(at);
        let (numbers, later) = rest.split_at(length);
        if length > 0 && is_phone_number(earlier, numbers, later, is_to_be_called) {
            return true;
        }
        at += length.max(1);
    }
    false
}

/// A word or a number, and the gap before it.
struct Atom {
    gap: String,
    text: String,
    is_number: bool,
}

/// The text as a reader looking for a phone number sees it: other characters that stand for digits become digits.
fn as_read(text: &str) -> String {
    const CHINESE: &str = "〇一二三四五六七八九";
    let text: String = text
        .chars()
        .map(|letter| match (letter, CHINESE.chars().position(|it| it == letter)) {
            ('\u{a0}' | '\u{202f}', _) => ' ',
            ('–' | '—' | '〜' | '～', _) => '-',
            ('：', _) => ':',
            ('（', _) => '(',
            ('）', _) => ')',
            ('・', _) => '·',
            ('零', _) => '0',
            (other, None) => other,
            (other, Some(value)) => {
                u32::try_from(value).ok().and_then(|it| char::from_digit(it, 10)).unwrap_or(other)
            }
        })
        .collect();
    let text = apart(&without_japanese_joints(&text));
    text.split(' ').map(letters_as_digits).collect::<Vec<_>>().join(" ")
}

/// Turns `03ー1234ー5678` and `03の1234の5678` into `03-1234-5678`.
fn without_japanese_joints(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let is_digit = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
    let joined = letters.iter().enumerate().map(|(at, letter)| match letter {
        'ー' | 'の' if is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)) => '-',
        other => *other,
    });
    joined.collect()
}

/// Turns `O8OO-555-Ol99` into `0800-555-0199`.
fn letters_as_digits(word: &str) -> String {
    let is_digit_like = |letter: char| letter.is_ascii_digit() || "OoIl".contains(letter);
    let is_fit = |letter: char| is_digit_like(letter) || !letter.is_alphanumeric();
    if word.contains(|letter: char| letter.is_ascii_digit()) && word.chars().all(is_fit) {
        word.replace(['O', 'o'], "0").replace(['I', 'l'], "1")
    } else {
        word.to_owned()
    }
}

fn atoms(text: &str) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Vec::new();
    let mut gap = String::new();
    for letter in text.chars() {
        if !letter.is_alphanumeric() {
            gap.push(letter);
            continue;
        }
        let is_number = letter.is_ascii_digit();
        match atoms.last_mut() {
            Some(last) if gap.is_empty() && last.is_number == is_number => last.text.push(letter),
            _ => atoms.push(Atom { gap: std::mem::take(&mut gap), text: letter.to_string(), is_number }),
        }
    }
    // The gap after the last word matters for an amount.
    atoms.push(Atom { gap, text: String::new(), is_number: false });
    spelled_digits(&mut atoms);
    atoms
}

/// Turns four or more consecutive number words into digits.
fn spelled_digits(atoms: &mut [Atom]) {
    let value = |atom: &Atom| {
        let word = atom.text.to_lowercase();
        DIGITS.iter().position(|names| names.contains(&word.as_str()))
    };
    let mut at = 0;
    while at < atoms.len() {
        let values: Vec<usize> = atoms.iter().skip(at).map_while(value).collect();
        if values.len() >= SPELLED {
            for (atom, value) in atoms.iter_mut().skip(at).zip(&values) {
                (atom.text, atom.is_number) = (value.to_string(), true);
            }
        }
        at += values.len().max(1);
    }
}

/// Whether the atom is a word for calling. `call centre` does not count.
fn is_phone_word(atom: &Atom, next: Option<&Atom>) -> bool {
    let is_centre = next.is_some_and(|it| ["centre", "center"].contains(&it.text.to_lowercase().as_str()));
    calls(&atom.text) && !is_centre
}

/// Whether a word is for calling. A Japanese one may be anywhere in a run of letters.
fn calls(word: &str) -> bool {
    let word = word.to_lowercase();
    let is_within = |name: &&str| name.contains(is_japanese) && word.contains(*name);
    PHONE.contains(&word.as_str()) || PHONE.iter().any(is_within)
}

/// Whether a word labels a number as a reference. A Japanese one ends the run of letters, but for a particle.
fn refers(word: &str) -> bool {
    let word = word.to_lowercase();
    let word = word.trim_end_matches(['は', 'の']);
    let is_end = |name: &&str| name.contains(is_japanese) && word.ends_with(*name);
    REFERENCE.contains(&word) || REFERENCE.iter().any(is_end)
}

fn is_phone_number(earlier: &[Atom], numbers: &[Atom], later: &[Atom], is_to_be_called: bool) -> bool {
    let of = |atom: &Atom| Group { gap: atom.gap.clone(), digits: atom.text.clone() };
    let groups: Vec<Group> = numbers.iter().map(of).collect();
    let before = earlier.last().map_or("", |atom| atom.text.as_str());
    let behind = later.first().map_or(("", ""), |atom| (atom.gap.as_str(), atom.text.as_str()));
    let formed = Run { groups: &groups, before, behind }.formed();
    if has_known_shape(&groups, &formed) || is_scattered(&groups, &formed) || is_lettered(&groups, behind) {
        return true;
    }
    let words =
        Words { named: is_named(earlier, numbers), is_to_be_called, called: is_called(earlier, numbers) };
    let mut start = 0;
    while start < groups.len() {
        let joined = groups.iter().skip(start + 1).take_while(|group| is_tight(&group.gap)).count();
        let left: Vec<&Group> =
            (start..=start + joined).filter(|at| !formed[*at]).map(|at| &groups[at]).collect();
        // The words before the run refer to its first number.
        let words = if start == 0 { words } else { Words { named: false, called: false, ..words } };
        if words.make_it_a_phone_number(&left) {
            return true;
        }
        start += joined + 1;
    }
    false
}

/// Whether the words around a number make it a reference or a phone number.
#[derive(Clone, Copy)]
struct Words {
    /// A word labels the number as a reference.
    named: bool,
    /// The text has a word for calling.
    is_to_be_called: bool,
    /// The number follows right after such a word.
    called: bool,
}

impl Words {
    fn make_it_a_phone_number(self, left: &[&Group]) -> bool {
        let digits: String = left.iter().map(|group| group.digits.as_str()).collect();
        let begins_with_zero = digits.starts_with('0') && !digits.starts_with(NEVER_DIALLED);
        let is_long = digits.len() >= FEWEST;
        if left.iter().any(|group| is_plus(&group.gap)) && is_long {
            return true;
        }
        match left {
            _ if self.called && digits.len() >= FEWEST_TO_CALL => true,
            _ if !is_long => false,
            [_] if self.is_to_be_called => !(self.named && is_reference(&digits)),
            // The digits after the zeros may be a phone number.
            [_] if digits.starts_with(NEVER_DIALLED) => {
                is_north_american(digits.trim_start_matches('0')) && !self.named
            }
            [_] => !self.named && (begins_with_zero || BARE.contains(&digits.len())),
            _ => !self.named || begins_with_zero || self.is_to_be_called,
        }
    }
}

/// Whether this cannot be a phone number even in a sentence about calling.
fn is_reference(digits: &str) -> bool {
    digits.starts_with(NEVER_DIALLED) || (digits.len() < *BARE.start() && !digits.starts_with('0'))
}

/// Area code and exchange begin with 2 to 9, with or without the country code 1.
fn is_north_american(digits: &str) -> bool {
    let national = if digits.len() == 11 { digits.strip_prefix('1').unwrap_or_default() } else { digits };
    let begins = |at: usize| national.as_bytes().get(at).is_some_and(|b| matches!(b, b'2'..=b'9'));
    national.len() == 10 && begins(0) && begins(3)
}

/// Whether there is a North American number (three, three and four digits) or a French one (five pairs) anywhere,
/// regardless of the separators.
fn has_known_shape(groups: &[Group], formed: &[bool]) -> bool {
    let lengths: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    let shaped = |shape: &[usize], is_fit: fn(&str) -> bool| {
        lengths.windows(shape.len()).enumerate().any(|(at, window)| {
            let digits: String = groups[at..at + shape.len()].iter().map(|it| it.digits.as_str()).collect();
            window == shape && is_fit(&digits) && !formed[at..at + shape.len()].iter().all(|it| *it)
        })
    };
    shaped(&[3, 3, 4], is_north_american) || shaped(&[2; 5], |digits| digits.starts_with('0'))
}

/// Whether there are only short groups, the first of which begins with `0` or `+`, regardless of the separators.
fn is_scattered(groups: &[Group], formed: &[bool]) -> bool {
    let is_beginning = |it: &Group| {
        (it.digits.starts_with('0') && !it.digits.starts_with(NEVER_DIALLED)) || is_plus(&it.gap)
    };
    let begins = groups.first().is_some_and(is_beginning);
    let length: usize = groups.iter().map(|group| group.digits.len()).sum();
    let are_short = groups.iter().all(|group| group.digits.len() < FEWEST);
    begins && are_short && groups.len() > 1 && length >= *BARE.start() && !formed.contains(&true)
}

/// Finds `1-800-FLOWERS`.
fn is_lettered(groups: &[Group], (gap, word): (&str, &str)) -> bool {
    let digits: String = groups.iter().map(|group| group.digits.as_str()).collect();
    let is_word = word.len() >= 4 && word.chars().all(|letter| letter.is_ascii_uppercase());
    let is_joined = matches!(gap, " " | "-" | "." | "");
    is_word && is_joined && !CURRENCIES.contains(&word) && LETTERED.contains(&digits.as_str())
}

/// Whether the gap joins two groups into one number. A comma followed by a space does not, and neither do words.
fn is_tight(gap: &str) -> bool {
    gap.chars().count() <= 4 && gap.chars().all(|sign| " -./:()+_*#=~'’·,".contains(sign)) && gap != ", "
}

/// Whether the `+` is a prefix of the number and not an addition.
fn is_plus(gap: &str) -> bool {
    let gap = gap.trim_end_matches('(');
    let before = gap.strip_suffix('+').map(|before| before.chars().next_back());
    before.is_some_and(|it| it.is_none_or(|sign| !sign.is_alphanumeric()))
}

/// Whether the preceding word labels the number as a reference, or the number is part of a code.
fn is_named(earlier: &[Atom], numbers: &[Atom]) -> bool {
    let gap = numbers.first().map_or("", |atom| atom.gap.as_str());
    let Some(word) = earlier.last() else { return false };
    let is_code =
        !word.text.is_empty() && word.text.len() <= 5 && word.text.bytes().all(|b| b.is_ascii_uppercase());
    match gap {
        "" => !calls(&word.text),
        "-" if is_code && !calls(&word.text) => true,
        _ => named_by(earlier, gap, refers, &[NUMBER]),
    }
}

/// Whether the number is right after a word for calling.
fn is_called(earlier: &[Atom], numbers: &[Atom]) -> bool {
    let gap = numbers.first().map_or("", |atom| atom.gap.as_str());
    named_by(earlier, gap, calls, &[NUMBER, TOWARDS])
}

/// Whether the last word is one that names what follows. The words in `passed_over` are skipped.
fn named_by(earlier: &[Atom], gap: &str, names: fn(&str) -> bool, passed_over: &[&[&str]]) -> bool {
    let is_near = |gap: &str| gap.chars().count() <= 3 && gap.chars().all(|sign| " .:#-(°/º".contains(sign));
    let mut gap = gap;
    for atom in earlier.iter().rev() {
        let word = atom.text.to_lowercase();
        if !is_near(gap) || atom.is_number {
            return false;
        }
        if !passed_over.iter().any(|words| words.contains(&word.as_str())) {
            return names(&word);
        }
        gap = &atom.gap;
    }
    false
}
