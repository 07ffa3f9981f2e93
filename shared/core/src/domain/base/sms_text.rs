//! The letters of an SMS, and how many parts it is sent in (3GPP TS 23.038 and 23.040).

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The characters that take one septet (3GPP TS 23.038 §6.2.1), without those that are not needed here.
const GSM_BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà\n\r";
/// The characters that take two septets each.
const GSM_EXTENDED: &str = "^{}\\[~]|€";

/// How many units an SMS of one part has, and how many each part of a longer one, which needs a header.
struct Capacity {
    alone: usize,
    each: usize,
}

const SEPTETS: Capacity = Capacity { alone: 160, each: 153 };
/// For a text with a letter that is not in the GSM alphabet, which is sent as UTF-16.
const UTF_16_UNITS: Capacity = Capacity { alone: 70, each: 67 };

/// How many parts an SMS with this text is sent in. Unit: parts; each costs as much as an SMS.
pub fn parts(text: &str) -> usize {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    let (units, capacity) = match septets {
        Some(septets) => (septets, SEPTETS),
        None => (text.chars().map(char::len_utf16).collect(), UTF_16_UNITS),
    };
    if units.iter().sum::<usize>() <= capacity.alone {
        return 1;
    }
    let (mut parts, mut used) = (1, 0);
    for units in units {
        // A character is not split between two parts.
        if used + units > capacity.each {
            (parts, used) = (parts + 1, 0);
        }
        used += units;
    }
    parts
}

fn septets(letter: char) -> Option<usize> {
    match letter {
        _ if GSM_BASIC.contains(letter) => Some(1),
        _ if GSM_EXTENDED.contains(letter) => Some(2),
        _ => None,
    }
}

/// The text as people write it in an SMS: a letter that is not in the GSM alphabet loses its accent, because one such
/// letter more than halves what fits into a part. Letters of other scripts stay as they are.
pub fn unaccented(text: &str) -> String {
    text.chars().map(|letter| if septets(letter).is_some() { letter } else { plain(letter) }).collect()
}

fn plain(letter: char) -> char {
    match letter {
        'ł' => 'l',
        'Ł' => 'L',
        '’' | '‘' => '\'',
        '“' | '”' | '„' | '«' | '»' => '"',
        '–' | '—' => '-',
        '\u{a0}' | '\u{202f}' => ' ',
        _ => {
            let base = letter.nfd().next().filter(|base| base.is_ascii());
            let has_accents_only = letter.nfd().skip(1).all(is_combining_mark);
            base.filter(|_| has_accents_only).unwrap_or(letter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ATK-2-06
    #[test]
    fn a_text_has_as_many_parts_as_networks_charge_for() {
        for (text, expected) in [
            (String::new(), 1),
            ("x".repeat(160), 1),
            ("x".repeat(161), 2),
            ("x".repeat(306), 2),
            ("x".repeat(307), 3),
            // Two septets each.
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            // 76 of them fill a part but for one septet, which a character of two cannot use.
            ("€".repeat(152), 2),
            ("€".repeat(153), 3),
            ("Ж".repeat(70), 1),
            ("Ж".repeat(71), 2),
            ("Ж".repeat(134), 2),
            ("Ж".repeat(135), 3),
            // Two units each: 33 in a part.
            ("😀".repeat(35), 1),
            ("😀".repeat(66), 2),
            ("😀".repeat(67), 3),
        ] {
            assert_eq!(parts(&text), expected, "{} × {:?}", text.chars().count(), text.chars().next());
        }
    }

    #[test]
    fn a_letter_outside_the_alphabet_loses_its_accent_only() {
        for (text, expected) in [
            ("zatwierdź lub odrzuć płatność Łódź", "zatwierdz lub odrzuc platnosc Lodz"),
            ("inicio de sesión, ¿año?", "inicio de sesion, ¿año?"),
            ("você não é início", "voce nao é inicio"),
            ("n’êtes ç Ç à « x »", "n'etes c Ç à \" x \""),
            ("über Straße Åse à", "über Straße Åse à"),
            ("承認 رفض", "承認 رفض"),
            ("が", "が"),
        ] {
            assert_eq!(unaccented(text), expected);
        }
    }
}
