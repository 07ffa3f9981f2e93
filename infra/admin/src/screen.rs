//! Tables, and times in a readable form.
//!
//! # Security
//! Names, messages and addresses come from clients, from people and from the table. Some characters are commands
//! to a terminal: to erase lines, to set a title, to write backwards. These are never printed; each is shown as
//! its code point.

use std::fmt::Write;

use ciba::domain::base::time::Timestamp;
use serde_json::Value;
use time::OffsetDateTime;

/// Unit: characters between two columns.
const GAP: usize = 2;

/// Foreign text within a line: control characters, invisible characters and line ends are shown as in `\u{1b}`.
pub(crate) fn visible(text: &str) -> String {
    escaped(text, |letter| format!("\\u{{{:x}}}", u32::from(letter)))
}

/// An output of several lines; the line ends are its own.
pub(crate) fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// JSON without characters that a terminal would act on: the same value, with more of its characters escaped.
pub(crate) fn json(value: &Value) -> String {
    // Outside of strings there is only ASCII, with the line ends.
    let pretty = format!("{value:#}");
    let lines = pretty.split('\n').map(|line| {
        escaped(line, |letter| {
            let mut units = [0; 2];
            letter.encode_utf16(&mut units).iter().fold(String::new(), |mut text, unit| {
                let _ = write!(text, "\\u{unit:04x}");
                text
            })
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut all, letter| {
        if is_unseen(letter) {
            all.push_str(&escape(letter))
        } else {
            all.push(letter)
        }
        all
    })
}

/// Control characters; characters that change the direction of text (UAX #9) or are not rendered (the property
/// Default_Ignorable_Code_Point); line and paragraph separators; and private-use characters.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Rows in columns, each as wide as its longest cell; no spaces follow the last cell of a line.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| visible(cell))).collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<0$}", width + GAP));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    rows.iter().map(line).collect()
}

/// The fields of one object: one line per value, with the name before the first of its values.
pub(crate) fn fields(fields: &[(&str, Vec<String>)]) -> String {
    let mut rows = Vec::new();
    for (name, values) in fields {
        let none = [String::from("-")];
        let values = if values.is_empty() { &none[..] } else { values };
        for (index, value) in values.iter().enumerate() {
            rows.push([if index == 0 { (*name).to_owned() } else { String::new() }, value.clone()]);
        }
    }
    columns(&rows)
}

pub(crate) fn yes_or_no(it: bool) -> String {
    if it { "yes" } else { "no" }.to_owned()
}

/// `2026-01-02 03:04:05Z`
pub(crate) fn utc(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.seconds()).map_or_else(
        |_| format!("{} s", at.seconds()),
        |it| {
            let (date, (hour, minute, second)) = (it.date(), it.to_hms());
            let month = u8::from(date.month());
            format!("{:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}Z", date.year(), date.day())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Never sent to a terminal: escape sequences, other controls, bidirectional and invisible characters.
    const HOSTILE: [&str; 14] = [
        "\u{1b}[2J",
        "\u{1b}]0;title\u{7}",
        "\u{9b}2J",
        "\r",
        "\u{8}\u{8}",
        "\0",
        "\u{7f}",
        "\t",
        "\u{202e}",
        "\u{2066}\u{2069}",
        "\u{200b}\u{feff}",
        "\u{2028}",
        "\u{e0041}",
        "\u{10fffd}",
    ];

    fn is_clean(text: &str) -> bool {
        text.chars().all(|letter| letter == '\n' || !is_unseen(letter))
    }

    #[test]
    fn no_cell_can_order_a_terminal_or_begin_a_line() {
        for hostile in HOSTILE.into_iter().chain(["\n"]) {
            let cell = format!("a{hostile}b");
            let rows = [[cell.clone(), "x".to_owned()], ["c".to_owned(), cell.clone()]];
            for text in
                [columns(&rows), fields(&[("name", vec![cell.clone()]), ("more", vec!["x".to_owned()])])]
            {
                assert!(is_clean(&text) && text.lines().count() == 2, "{text:?}");
                assert!(text.contains("\\u{"), "it is shown escaped: {text:?}");
            }
            assert!(is_clean(&visible_lines(&cell)), "{cell:?}");
        }
        assert_eq!(visible("\u{1b}[31m\u{202e}\n"), "\\u{1b}[31m\\u{202e}\\u{a}");
        assert_eq!(visible_lines("one\r\ntwo\n"), "one\\u{d}\ntwo\n");
        for text in ["Zoë Müller", "Ирина", "محمد", "山田 太郎", "d'Arc & Söhne (München)", "👋"]
        {
            assert_eq!((visible(text), visible_lines(text)), (text.to_owned(), text.to_owned()));
        }
    }

    #[test]
    fn json_orders_no_terminal_and_has_the_same_value() {
        let value = serde_json::json!({ "a\u{202e}": HOSTILE, "b": [1, null, "ä\n\\u{1b}"], "c": {} });
        let text = json(&value);
        assert!(is_clean(&text), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert_eq!(json(&serde_json::json!({ "a": ["b"] })), "{\n  \"a\": [\n    \"b\"\n  ]\n}");
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(
            columns(&[row("use", "kid"), row("signing", ""), row("ä", "x")]),
            "use      kid\nsigning\nä        x\n"
        );
    }

    #[test]
    fn a_field_names_its_values_once_and_shows_that_there_are_none() {
        let text = fields(&[("hints", vec!["a".to_owned(), "b".to_owned()]), ("sms", vec![])]);
        assert_eq!(text, "hints  a\n       b\nsms    -\n");
    }

    #[test]
    fn a_time_is_shown_in_utc_to_the_second() {
        assert_eq!(utc(Timestamp::from_seconds(1_800_000_000)), "2027-01-15 08:00:00Z");
        assert_eq!(utc(Timestamp::from_millis(i64::MAX)), "9223372036854775 s");
    }
}
