//! Tables, and times as people read them.

use ciba::domain::time::Timestamp;
use time::OffsetDateTime;

/// Unit: characters between two columns.
const GAP: usize = 2;

/// Rows in columns, each as wide as its longest cell; nothing stands behind the last cell of a line.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<0$}", width + GAP));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    rows.iter().map(line).collect()
}

/// One thing: a line per value, the name once in front of its values.
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
