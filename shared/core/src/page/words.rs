//! Fills names into sentences, and puts durations into words.

use std::time::Duration;

use maud::{Markup, html};

use super::Language;
use super::catalogue::{Catalogue, Plural};

/// Who runs this provider, as its people know it.
#[derive(Clone, Copy, Debug)]
pub struct Operator<'a> {
    pub name: &'a str,
    /// Where its people reach it: the URL of a telephone number, an e-mail address or a page.
    pub contact: Option<&'a str>,
}

/// The names that a sentence may contain: `{client}`, `{operator}`, and `{contact}` where it says whom to call.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) client: &'a str,
    pub(super) operator: Operator<'a>,
}

impl Names<'_> {
    /// A sentence of the catalogue with its names filled in; a script fills in `{time}`. Each name is isolated. Otherwise a name in a
    /// right-to-left script would reorder the words around it and mislead the person.
    pub(super) fn fill(&self, sentence: &str) -> Markup {
        let mut pieces = sentence.split('{');
        let start = pieces.next().unwrap_or_default();
        let rest = pieces.filter_map(|piece| piece.split_once('}'));
        html! {
            (start)
            @for (name, text) in rest {
                @match name {
                    "client" => bdi { (self.client) },
                    "time" => time {},
                    "contact" => (self.contact()),
                    _ => bdi { (self.operator.name) },
                }
                (text)
            }
        }
    }
}

impl Names<'_> {
    fn contact(&self) -> Markup {
        let name = html! { bdi { (self.operator.name) } };
        match self.operator.contact {
            Some(url) => html! { a href=(url) { (name) } },
            None => name,
        }
    }
}

/// How long ago the request was made, as a whole phrase: in seconds, minutes or hours.
pub(super) fn asked(language: Language, ago: Duration) -> String {
    let words = Catalogue::of(language);
    match ago.as_secs() {
        0..3 => words.asked_now.to_owned(),
        seconds @ 3..60 => counted(language, &words.asked_seconds, seconds),
        seconds @ 60..3600 => counted(language, &words.asked_minutes, seconds / 60),
        seconds => counted(language, &words.asked_hours, seconds / 3600),
    }
}

/// The time left to decide, in its largest unit and the next one: "4 minutes 30 seconds". The page's script
/// continues the countdown in the same form.
pub(super) fn left(language: Language, left: Duration) -> String {
    let words = Catalogue::of(language);
    let seconds = left.as_secs();
    let parts = match seconds {
        3600.. => [(seconds / 3600, &words.hours), (seconds / 60 % 60, &words.minutes)],
        _ => [(seconds / 60, &words.minutes), (seconds % 60, &words.seconds)],
    };
    let some = parts.iter().filter(|(count, _)| *count > 0);
    let text: Vec<_> = some.map(|(count, unit)| counted(language, unit, *count)).collect();
    if text.is_empty() { counted(language, &words.seconds, 0) } else { text.join(" ") }
}

fn counted(language: Language, words: &Plural, count: u64) -> String {
    form(language, words, count).replace("{n}", &count.to_string())
}

/// The form for a whole number, by Unicode's plural rules, which the script's `Intl` follows as well.
fn form(language: Language, words: &Plural, count: u64) -> &'static str {
    let (tens, hundreds) = (count % 10, count % 100);
    match (language, count) {
        (Language::Japanese, _) => words.other,
        (Language::French | Language::Portuguese, 0 | 1) => words.one,
        (Language::Arabic, 0) => words.zero,
        (Language::Arabic, 2) => words.two,
        (Language::Arabic, 3..) if (3..=10).contains(&hundreds) => words.few,
        (Language::Arabic, 3..) if hundreds > 10 => words.many,
        (
            Language::English
            | Language::German
            | Language::Spanish
            | Language::Italian
            | Language::Dutch
            | Language::Polish
            | Language::Swedish
            | Language::Arabic,
            1,
        ) => words.one,
        (Language::Polish, _) if (2..=4).contains(&tens) && !(12..=14).contains(&hundreds) => words.few,
        (Language::Polish, _) => words.many,
        (
            Language::English
            | Language::German
            | Language::French
            | Language::Spanish
            | Language::Italian
            | Language::Dutch
            | Language::Portuguese
            | Language::Swedish
            | Language::Arabic,
            _,
        ) => words.other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Each unit is in the singular or plural, as its number requires.
    #[test]
    fn time_left_is_told_in_its_two_largest_units() {
        for (time, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (121, "2 minutes 1 second"),
            (270, "4 minutes 30 seconds"),
            (3600, "1 hour"),
            (7261, "2 hours 1 minute"),
        ] {
            assert_eq!(left(Language::English, seconds(time)), words);
        }
        assert_eq!(left(Language::French, seconds(0)), "0\u{a0}seconde");
        assert_eq!(left(Language::German, seconds(61)), "1 Minute 1 Sekunde");
        assert_eq!(left(Language::Spanish, seconds(122)), "2 minutos 2 segundos");
        assert_eq!(left(Language::Japanese, seconds(7261)), "2 時間 1 分");
    }

    #[test]
    fn a_number_takes_the_form_that_its_language_has_for_it() {
        let said = |language, numbers: &[u64]| -> Vec<String> {
            let words = &Catalogue::of(language).minutes;
            numbers.iter().map(|number| counted(language, words, *number)).collect()
        };
        let polish = [
            "0 minut",
            "1 minuta",
            "2 minuty",
            "4 minuty",
            "5 minut",
            "11 minut",
            "12 minut",
            "14 minut",
            "21 minut",
            "22 minuty",
            "34 minuty",
            "112 minut",
            "122 minuty",
        ];
        assert_eq!(said(Language::Polish, &[0, 1, 2, 4, 5, 11, 12, 14, 21, 22, 34, 112, 122]), polish);
        let arabic = [
            "0 دقيقة",
            "دقيقة",
            "دقيقتان",
            "3 دقائق",
            "10 دقائق",
            "11 دقيقة",
            "99 دقيقة",
            "100 دقيقة",
            "101 دقيقة",
            "103 دقائق",
            "111 دقيقة",
        ];
        assert_eq!(said(Language::Arabic, &[0, 1, 2, 3, 10, 11, 99, 100, 101, 103, 111]), arabic);
        assert_eq!(said(Language::Portuguese, &[0, 1, 2]), ["0 minuto", "1 minuto", "2 minutos"]);
        assert_eq!(said(Language::Italian, &[0, 1, 21]), ["0 minuti", "1 minuto", "21 minuti"]);
        assert_eq!(said(Language::Dutch, &[1, 2]), ["1 minuut", "2 minuten"]);
        assert_eq!(said(Language::Swedish, &[1, 2]), ["1 minut", "2 minuter"]);
    }

    /// A form that a language does not have is empty, and must not be selected.
    #[test]
    fn every_number_has_a_form_in_every_language() {
        for language in Language::ALL {
            let words = Catalogue::of(language);
            for plural in [
                &words.hours,
                &words.minutes,
                &words.seconds,
                &words.asked_seconds,
                &words.asked_minutes,
                &words.asked_hours,
            ] {
                for count in 0..250 {
                    assert!(!counted(language, plural, count).is_empty(), "{count} in {}", language.tag());
                }
            }
        }
    }

    #[test]
    fn when_it_was_asked_is_said_without_a_time_of_day() {
        for (time, words) in [
            (0, "just now"),
            (20, "20 seconds ago"),
            (60, "1 minute ago"),
            (7200, "2 hours ago"),
            (200_000, "55 hours ago"),
        ] {
            assert_eq!(asked(Language::English, seconds(time)), words);
        }
    }

    /// ATK-2-02
    #[test]
    fn a_name_is_escaped_and_cannot_turn_the_words_around_it() {
        let operator = Operator { name: "{client}", contact: None };
        let names = Names { client: "<b>دفع</b>", operator };
        let html = names.fill("{operator} & {client}!").into_string();
        assert_eq!(html, "<bdi>{client}</bdi> &amp; <bdi>&lt;b&gt;دفع&lt;/b&gt;</bdi>!");
    }

    #[test]
    fn whom_to_call_is_a_link_where_the_operator_has_one() {
        let fill = |contact| {
            let operator = Operator { name: "Bank <1>", contact };
            Names { client: "Kiosk", operator }.fill("Call {contact}.").into_string()
        };
        assert_eq!(fill(None), "Call <bdi>Bank &lt;1&gt;</bdi>.");
        let linked = "Call <a href=\"tel:+4930123&quot;x\"><bdi>Bank &lt;1&gt;</bdi></a>.";
        assert_eq!(fill(Some("tel:+4930123\"x")), linked);
    }
}
