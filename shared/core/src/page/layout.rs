//! The common parts of all pages: the document, the style and the places of the texts.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::catalogue::Catalogue;
use super::words::{Names, Operator};
use super::{Language, Page};

/// The name of the query's parameter for the language.
pub const LANGUAGE_PARAMETER: &str = "lang";

const STYLE: &str = include_str!("style.css");
/// What all scripts use.
pub(super) const COMMON: &str = include_str!("common.js");
/// What the scripts use that ask for a passkey.
pub(super) const PASSKEY: &str = include_str!("passkey.js");
/// What the scripts use that take an answer back.
pub(super) const TAKING_BACK: &str = include_str!("taking_back.js");

pub(super) struct Layout<'a> {
    pub(super) language: Language,
    pub(super) operator: Operator<'a>,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) nonce: &'a str,
    /// Whether its URL can be read again, in another language. The answer to a form cannot.
    pub(super) can_be_read_again: bool,
    /// The parts of the script, if the page has one.
    pub(super) scripts: &'static [&'static str],
}

impl Layout<'_> {
    pub(super) fn page(&self, main: Markup) -> Page {
        let names = Names { client: "", operator: self.operator };
        let words = Catalogue::of(self.language);
        let html = html! {
            (DOCTYPE)
            html lang=(self.language.tag()) dir=(self.language.direction()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (self.title) " · " (self.operator.name) }
                    // An empty icon, so that the browser does not request one.
                    link rel="icon" href="data:,";
                    style nonce=(self.nonce) { (PreEscaped(sent(STYLE))) }
                }
                body {
                    header { (shield()) bdi { (self.operator.name) } }
                    (main)
                    footer {
                        p { (names.fill(words.never_asked)) }
                        @if self.can_be_read_again { (languages(self.language)) }
                    }
                    @if !self.scripts.is_empty() {
                        script nonce=(self.nonce) {
                            (PreEscaped("(() => {\n"))
                            @for part in self.scripts { (PreEscaped(sent(part))) }
                            (PreEscaped("})();"))
                        }
                    }
                }
            }
        };
        Page {
            html: html.into_string(),
            nonce: self.nonce.to_owned(),
            status: self.status,
            language: self.language,
        }
    }
}

/// Style or script as it is sent: without comments and indentation, which are for its readers here.
fn sent(code: &str) -> String {
    let lines = code.lines().map(str::trim_start).filter(|line| {
        let is_comment = line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
        !(is_comment || line.is_empty())
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Links to the page in each other language, by the name that the language has for itself. A link is enough, without
/// script and without a cookie.
fn languages(current: Language) -> Markup {
    html! {
        ul.languages {
            @for language in Language::ALL.into_iter().filter(|it| *it != current) {
                @let tag = language.tag();
                li { a href=(query("?", Some(language))) hreflang=(tag) lang=(tag) { (language.name()) } }
            }
        }
    }
}

/// The parameter that keeps a language that the person chose. Empty if they chose none: then the browser's is used.
pub(super) fn query(start: &str, chosen: Option<Language>) -> String {
    chosen.map(|language| format!("{start}{LANGUAGE_PARAMETER}={}", language.tag())).unwrap_or_default()
}

/// A final message, after which nothing is left to do on this page. The heading can take the focus when a script
/// inserts it.
pub(super) fn end(sign: Markup, heading: &str, text: &[Markup]) -> Markup {
    html! {
        div.end {
            (sign)
            h1 tabindex="-1" { (heading) }
            @for paragraph in text { p { (paragraph) } }
        }
    }
}

/// A final message with a place for the time of the answer.
pub(super) fn receipt(sign: Markup, heading: &str, text: &[Markup]) -> Markup {
    end(sign, heading, &[text, &[html! { time {} }]].concat())
}

/// The templates for taking an answer back: the part that the script adds to a receipt, and the messages that follow. It
/// takes a passkey, and therefore the script.
pub(super) fn taking_back(names: &Names<'_>, words: &Catalogue) -> Markup {
    html! {
        template id="mistaken" {
            div.mistake {
                p { (words.mistake_text) }
                button type="button" id="mistake" class="quiet" { (words.mistake) }
            }
            p id="outcome" role="status" {}
        }
        template id="taken-back" { (end(clock(), words.taken_back_heading, &[names.fill(words.taken_back_text)])) }
        template id="decline-taken-back" {
            (end(clock(), words.taken_back_heading, &[names.fill(words.decline_taken_back_text)]))
        }
        template id="not-taken-back" { (names.fill(words.not_taken_back)) }
    }
}

/// Icons are decorative: they say nothing that the text beside them does not say.
fn sign(class: &str, path: &str) -> Markup {
    html! {
        svg class=(class) viewBox="0 0 24 24" aria-hidden="true" focusable="false" { path d=(path); }
    }
}

fn shield() -> Markup {
    sign("mark", "M12 3l7 3v5c0 4.6-3 8.2-7 10-4-1.8-7-5.4-7-10V6zM9 12l2.2 2.2L15.5 9.8")
}

pub(super) fn check() -> Markup {
    sign("sign", "M5 12.5l4.5 4.5L19 7.5")
}

pub(super) fn cross() -> Markup {
    sign("sign", "M6.5 6.5l11 11M17.5 6.5l-11 11")
}

pub(super) fn clock() -> Markup {
    sign("sign", "M12 6.5V12l3.5 2M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17z")
}

pub(super) fn notice() -> Markup {
    sign("sign", "M12 7v6M12 16.5v.1M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17z")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HYG-1-10
    #[test]
    fn nothing_in_style_or_script_ends_its_element_or_reaches_out() {
        for text in [
            STYLE,
            COMMON,
            PASSKEY,
            TAKING_BACK,
            super::super::consent::SCRIPT,
            super::super::enrollment::SCRIPT,
            super::super::message::SCRIPT,
        ] {
            let lower = text.to_ascii_lowercase();
            for word in ["</", "<!--", "http:", "https:", "@import", "url(", "eval(", "innerhtml", ".style"] {
                assert!(!lower.contains(word), "{word}");
            }
        }
    }
}
