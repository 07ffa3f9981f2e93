//! The allowed characters, and the combinations of them that are refused because a screen would hide, reorder or
//! stack them.

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::is_nfc;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

use super::{Kind, Unacceptable};

/// More combining marks than this on one letter would cover the lines around it.
const MAX_MARKS: usize = 2;
/// `Intl.NumberFormat` and French typography put no-break spaces before `€`, `%`, `:`, `?` and between thousands.
const SPACES: [char; 3] = [' ', '\u{a0}', '\u{202f}'];
/// The punctuation of the pages' languages in Latin writing, without the characters of markup and addresses (`<`,
/// `>`, `@`, backtick, backslash, `{`, `|`, `}`, `~`, `^`), and without `"`, which depends on the kind of text.
const PUNCTUATION: &str = "-._+/!?#:,;'’‘‚“”„«»‹›()[]&%‰*=§°ºª¿¡–—…·×";
/// The punctuation of Japanese, whose signs are as wide as its letters, and of Arabic. Wide digits, letters and slashes
/// are not in it: nobody needs them, and they would hide numbers and addresses.
const OTHER_PUNCTUATION: &str = "、。「」『』【】・：！？（）〜～،؛؟";

pub(super) fn check(text: &str, kind: Kind<'_>) -> Result<(), Unacceptable> {
    let is_allowed = |letter: char| match (letter, kind) {
        ('"', Kind::Message { .. }) => false,
        ('"', Kind::Name | Kind::Text) => true,
        (other, _) => is_ordinary(other),
    };
    if text.is_empty() || !text.chars().all(is_allowed) {
        return Err(Unacceptable::Characters);
    }
    shape(text)
}

/// Whether a text whose form is defined elsewhere, such as a value that a schema's pattern allows, is displayed as
/// it is: visible ASCII in addition to the characters of the rule.
pub(in crate::domain) fn is_shown_as_it_is(text: &str) -> bool {
    let is_fit = |letter: char| matches!(letter, ' '..='~') || is_ordinary(letter);
    !text.is_empty() && text.chars().all(is_fit) && shape(text).is_ok()
}

fn is_ordinary(letter: char) -> bool {
    let beyond_ascii = !letter.is_ascii()
        && (letter.is_alphabetic() || is_combining_mark(letter))
        && letter.identifier_allowed();
    letter.is_ascii_alphanumeric()
        || SPACES.contains(&letter)
        || PUNCTUATION.contains(letter)
        || OTHER_PUNCTUATION.contains(letter)
        || is_currency(letter)
        || is_small_number(letter)
        || beyond_ascii
}

/// `$`, `¢` to `¥`, and the block of currency symbols as assigned in Unicode 16.
pub(super) fn is_currency(letter: char) -> bool {
    matches!(letter, '$' | '¢'..='¥' | '\u{20a0}'..='\u{20c0}')
}

/// A superscript digit or a fraction, as in `70 m²` and `2½ hours`.
const fn is_small_number(letter: char) -> bool {
    matches!(letter, '²' | '³' | '½' | '¼' | '¾')
}

fn shape(text: &str) -> Result<(), Unacceptable> {
    if !marks_are_few(text) || !small_numbers_follow(text) {
        return Err(Unacceptable::Characters);
    }
    if !is_nfc(text) {
        return Err(Unacceptable::NormalForm);
    }
    if !scripts_belong_together(text) {
        return Err(Unacceptable::Scripts);
    }
    let letters: Vec<char> = text.chars().collect();
    let is_space = |letter: Option<&char>| letter.is_some_and(|letter| SPACES.contains(letter));
    let doubled = letters.windows(2).any(|pair| is_space(pair.first()) && is_space(pair.last()));
    if is_space(letters.first()) || is_space(letters.last()) || doubled {
        return Err(Unacceptable::Spaces);
    }
    Ok(())
}

/// Whether every combining mark is on a letter, and no letter has more than [`MAX_MARKS`].
fn marks_are_few(text: &str) -> bool {
    let mut marks = MAX_MARKS;
    text.chars().all(|letter| {
        marks = match letter {
            mark if is_combining_mark(mark) => marks + 1,
            letter if letter.is_alphabetic() => 0,
            _ => MAX_MARKS,
        };
        marks <= MAX_MARKS || !is_combining_mark(letter)
    })
}

/// Whether each superscript digit follows a letter and each fraction at most one digit, so that no number is
/// spelled with them.
fn small_numbers_follow(text: &str) -> bool {
    let mut before = (' ', ' ');
    text.chars().all(|letter| {
        let (earlier, last) = before;
        before = (last, letter);
        match letter {
            '²' | '³' => last.is_alphabetic(),
            '½' | '¼' | '¾' => {
                !(is_small_number(last) || (last.is_ascii_digit() && earlier.is_ascii_digit()))
            }
            _ => !is_small_number(last) || !letter.is_ascii_digit(),
        }
    })
}

/// Spaces, digits and punctuation belong to every script; here the ordinal indicators do as well.
fn scripts_belong_together(text: &str) -> bool {
    let is_of_a_script = |c: &char| (c.is_alphabetic() || is_combining_mark(*c)) && !matches!(c, 'º' | 'ª');
    let letters: String = text.chars().filter(is_of_a_script).collect();
    letters.is_empty()
        || letters.as_str().detect_restriction_level() <= RestrictionLevel::HighlyRestrictive
        || is_arabic_with_latin_words(text)
}

/// Whether the letters of each word are all Arabic or all ASCII. Arabic has no currency codes, IBANs and order numbers of
/// its own, and no letter that could be taken for a Latin one within a word.
fn is_arabic_with_latin_words(text: &str) -> bool {
    text.split(SPACES).all(|word| {
        let is_letter = |c: &char| c.is_alphabetic() || is_combining_mark(*c);
        let mut letters = word.chars().filter(is_letter);
        letters.clone().all(is_arabic) || letters.all(|letter| letter.is_ascii())
    })
}

pub(super) const fn is_arabic(letter: char) -> bool {
    matches!(letter, '\u{620}'..='\u{65f}' | '\u{670}'..='\u{6d3}' | '\u{750}'..='\u{77f}')
}

/// Kana and the characters that came from China.
pub(super) const fn is_japanese(letter: char) -> bool {
    matches!(letter, '々' | '〆' | '〇' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
        && !matches!(letter, '・')
}

/// Puts a space between an ASCII letter or digit and a Japanese or Arabic letter: a number or a name that follows without
/// a space is a word of its own.
pub(super) fn apart(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let mut before = ' ';
    for letter in text.chars() {
        let is_other = |c: char| is_japanese(c) || (is_arabic(c) && c.is_alphabetic());
        let (a, b) = (before, letter);
        if (a.is_ascii_alphanumeric() && is_other(b)) || (is_other(a) && b.is_ascii_alphanumeric()) {
            spaced.push(' ');
        }
        spaced.push(letter);
        before = letter;
    }
    spaced
}
