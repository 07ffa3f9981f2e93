//! Detects addresses in a text: URLs, host names, e-mail and IP addresses, including those whose dot or `@` is
//! spelled out or set apart by spaces.
//!
//! A dot between a letter or digit and two or more letters makes a host name, unless it is in a known abbreviation
//! or before a file extension. There is no complete list of top-level domains, because new ones keep appearing. If
//! the dot is only implied, a common top-level domain has to follow it, or the words of a sentence would be taken
//! for hosts.

use std::net::Ipv4Addr;

use super::Kind;
use super::character::{apart, is_japanese};
use super::vocabulary::{ABBREVIATIONS, AT, DOT, FILES, SCHEMES, TOP_LEVEL, UNMISTAKABLE};

/// A word with this many groups of hexadecimal digits between colons is an IPv6 address and not a time.
const IPV6_GROUPS: usize = 6;
/// Character sequences that never occur in a sentence. `xn--` begins an internationalized label in ASCII.
const TELLTALE: [&str; 7] = ["//", "::", "www.", "xn--", "(at)", "[at]", "@"];

/// The characters that may separate a host name from its dot.
const HIDES_A_HOST: [char; 11] = [' ', ')', ']', '"', '\'', '’', '”', '»', '」', '』', '）'];

pub(super) fn reads_as_address(text: &str, kind: Kind<'_>) -> bool {
    // A no-break space separates words like any other space.
    let text = text.replace(['\u{a0}', '\u{202f}'], " ");
    let lower = apart(&text).to_lowercase().replace("アットマーク", "@");
    TELLTALE.iter().any(|sign| lower.contains(sign))
        || has_scheme(&lower)
        || lower.split_whitespace().any(is_numeric_address)
        || words(&lower).any(|word| AT.contains(&word) || word == "localhost")
        || text.char_indices().any(|(at, sign)| is_dot(sign) && names_a_host(&text, at, kind))
        || (kind != Kind::Name && has_distant_dot(&text))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A raised dot is read as a dot, and so is a comma without a space after it. A browser takes the Japanese full stop for
/// the dot of a host name.
const fn is_dot(sign: char) -> bool {
    matches!(sign, '.' | '·' | ',' | '。' | '・')
}

fn has_scheme(lower: &str) -> bool {
    lower.match_indices(':').any(|(at, _)| {
        let scheme = lower[..at].rsplit(|letter: char| !letter.is_alphanumeric()).next();
        let goes_on = lower[at + 1..].chars().next().is_some_and(|letter| letter != ' ');
        goes_on && scheme.is_some_and(|scheme| SCHEMES.contains(&scheme))
    })
}

/// Whether the word contains an IPv4 address, even with something after it, or the groups of an IPv6 address.
fn is_numeric_address(word: &str) -> bool {
    let is_ipv4 = |part: &str| part.trim_matches('.').parse::<Ipv4Addr>().is_ok();
    let ipv4 = word.split(|letter: char| !letter.is_ascii_digit() && letter != '.').any(is_ipv4);
    let hexadecimal =
        |group: &&str| (1..=4).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_hexdigit());
    let groups = word.trim_matches(|letter: char| !letter.is_alphanumeric()).split(':');
    ipv4 || groups.filter(hexadecimal).count() >= IPV6_GROUPS
}

/// Whether the dot at `at` is part of a host name.
fn names_a_host(text: &str, at: usize, kind: Kind<'_>) -> bool {
    let sign = text[at..].chars().next().map_or(1, char::len_utf8);
    let (before, after) = (&text[..at], &text[at + sign..]);
    // `com` in `comへ`
    let is_ascii = after.starts_with(|letter: char| letter.is_ascii());
    let ends = |letter: char| !letter.is_alphanumeric() || (is_ascii && is_japanese(letter));
    let end = after.find(ends).unwrap_or(after.len());
    let (ending, rest) = (after[..end].to_lowercase(), &after[end..]);
    let is_known = TOP_LEVEL.contains(&ending.as_str());
    let letters = after.chars().take_while(|letter| letter.is_alphabetic()).count();
    // A comma is weaker evidence than a dot, and so are the Japanese signs between words and sentences.
    let is_comma = text[at..].starts_with([',', '・']);
    let is_full_stop = text[at..].starts_with('。');
    let is_host = match before.chars().next_back() {
        Some(letter) if letter.is_alphanumeric() => {
            if is_comma || (is_full_stop && !(letter.is_ascii() && is_ascii)) {
                is_known
            } else {
                letters >= 2
            }
        }
        Some(letter) => is_known && !is_comma && HIDES_A_HOST.contains(&letter),
        None => false,
    };
    is_host && !is_abbreviation(before, &ending) && !is_file(&ending, rest) && !is_a_name(text, at, kind)
}

fn is_abbreviation(before: &str, ending: &str) -> bool {
    let first = before.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    ABBREVIATIONS.contains(&format!("{}.{ending}", first.to_lowercase()).as_str())
}

fn is_file(ending: &str, rest: &str) -> bool {
    FILES.contains(&ending) && !rest.starts_with(['.', '/', ':', '-'])
}

/// A name may have dots if it begins with the word that contains them, or if that word is capitalized:
/// `Booking.com B.V.` and `The Booking.com Group`, but not `pay at evil.example`. A message may contain its
/// client's name.
fn is_a_name(text: &str, at: usize, kind: Kind<'_>) -> bool {
    match kind {
        Kind::Text => false,
        Kind::Message { client_name } => text.match_indices(client_name).any(|(start, name)| {
            let end = start + name.len();
            let is_apart = !text[..start].ends_with(|it: char| it.is_alphanumeric() || "-./".contains(it));
            (start..end).contains(&at) && is_apart && ends_there(&text[end..])
        }),
        Kind::Name => {
            let start = text[..at].rfind(' ').map_or(0, |space| space + 1);
            let word = text[start..].split(' ').next().unwrap_or_default();
            let host = word.trim_matches(|letter: char| !letter.is_alphanumeric());
            let (_, behind) = word.split_once(host).unwrap_or_default();
            let is_name = start == 0 || host.starts_with(char::is_uppercase);
            is_name && ends_there(behind) && !host.contains(['/', ':', '?', '#', '=', '&'])
        }
    }
}

/// Whether no path, port or further label follows.
fn ends_there(rest: &str) -> bool {
    let mut letters = rest.chars();
    match letters.next() {
        None => true,
        Some('.' | ':' | '?') => letters.next().is_none_or(|letter| letter == ' '),
        Some(letter) => !letter.is_alphanumeric() && !"-/#=&·".contains(letter),
    }
}

/// Finds `evil dot com`, `evil (punkt) com`, `evil . com` and `evil. com`.
fn has_distant_dot(text: &str) -> bool {
    let text = &apart(&text.replace("ドット", " dot "));
    let lower = text.to_lowercase();
    let spelled: Vec<&str> = words(&lower).collect();
    let is_spelled = spelled.windows(3).any(|three| match three {
        [_, "dot", ending] => TOP_LEVEL.contains(ending),
        [_, dot, ending] => DOT.contains(dot) && UNMISTAKABLE.contains(ending),
        _ => false,
    });
    let detached = |(at, _): (usize, &str)| {
        let rest = text[at + 1..].trim_start_matches([' ', ')', ']', '"', '\'']);
        let is_apart = rest.len() < text[at + 1..].len();
        let ending = words(rest).next().filter(|ending| is_apart && rest.starts_with(ending));
        let hides = text[..at].ends_with(HIDES_A_HOST);
        ending.is_some_and(|ending| {
            if hides {
                TOP_LEVEL.contains(&ending.to_lowercase().as_str())
            } else {
                UNMISTAKABLE.contains(&ending)
            }
        })
    };
    is_spelled || text.match_indices('.').any(detached)
}
