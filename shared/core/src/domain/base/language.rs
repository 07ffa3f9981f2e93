//! The languages of pages and messages, and how the browser's `Accept-Language` selects one (RFC 9110 §12.5.4).

/// A language that has a catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    German,
    French,
    Spanish,
    Italian,
    Dutch,
    Polish,
    Portuguese,
    Swedish,
    Japanese,
    Arabic,
}

impl Language {
    pub const ALL: [Self; 11] = [
        Self::English,
        Self::German,
        Self::French,
        Self::Spanish,
        Self::Italian,
        Self::Dutch,
        Self::Polish,
        Self::Portuguese,
        Self::Swedish,
        Self::Japanese,
        Self::Arabic,
    ];

    /// The tag for `lang`, `Content-Language` and evidence (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Italian => "it",
            Self::Dutch => "nl",
            Self::Polish => "pl",
            Self::Portuguese => "pt",
            Self::Swedish => "sv",
            Self::Japanese => "ja",
            Self::Arabic => "ar",
        }
    }

    /// Its own name for itself, by which somebody finds it who reads no other.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::French => "Français",
            Self::Spanish => "Español",
            Self::Italian => "Italiano",
            Self::Dutch => "Nederlands",
            Self::Polish => "Polski",
            Self::Portuguese => "Português",
            Self::Swedish => "Svenska",
            Self::Japanese => "日本語",
            Self::Arabic => "العربية",
        }
    }

    /// The direction of its writing, for `dir`.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::Arabic => "rtl",
            Self::English
            | Self::German
            | Self::French
            | Self::Spanish
            | Self::Italian
            | Self::Dutch
            | Self::Polish
            | Self::Portuguese
            | Self::Swedish
            | Self::Japanese => "ltr",
        }
    }

    /// The language with exactly this tag.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The language with this tag, ignoring case (RFC 5646 §2.1.1).
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::parse(&tag.to_ascii_lowercase())
    }

    /// The language of a person's claim `locale` (OIDC Core §5.1), such as `de-AT`. Some issuers write `de_AT`.
    pub fn of_locale(locale: &str) -> Option<Self> {
        Self::of_tag(locale.split(['-', '_']).next().unwrap_or_default())
    }

    /// The language with the highest weight in an `Accept-Language` header, or the first of several with the same
    /// weight. English if no language fits.
    pub fn of_accept(header: &str) -> Self {
        let mut best = (0, Self::default());
        for range in header.split(',') {
            let Some((tag, weight)) = weighed(range) else { continue };
            // The region is ignored: de-AT gets German.
            let language = if tag == "*" { Some(Self::default()) } else { Self::of_locale(tag) };
            best = match language {
                Some(language) if weight > best.0 => (weight, language),
                _ => best,
            };
        }
        best.1
    }
}

/// A language range and its weight in thousandths, where 0 means "not acceptable". `None` if it is malformed.
fn weighed(range: &str) -> Option<(&str, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?;
    let weight = match parts.next() {
        None => 1000,
        Some(parameter) => weight(parameter)?,
    };
    Some((tag, weight))
}

/// A weight in thousandths, such as `q=0.8` (RFC 9110 §12.4.2): from 0 to 1, with at most three decimals. `None`
/// for any other parameter. The grammar has no spaces around `=`, but they are skipped.
pub fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=').map(|(name, value)| (name.trim(), value.trim()))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let is_number = decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit());
    if !name.eq_ignore_ascii_case("q") || !is_number {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_weighs_most_wins_and_of_equals_the_first() {
        for (header, tag) in [
            ("de", "de"),
            ("fr-CA", "fr"),
            ("ES-419,en;q=0.5", "es"),
            ("en;q=0.4, de ; q = 0.8, fr;q=0.6", "de"),
            ("fr, de", "fr"),
            ("tlh, fi;q=0.9, es;q=0.1", "es"),
            ("de;q=0.001", "de"),
            ("it-CH", "it"),
            ("nl-BE,nl;q=0.9,fr-BE;q=0.8", "nl"),
            ("pl-PL, en;q=0.9", "pl"),
            ("pt-BR,pt;q=0.9,en-US;q=0.8", "pt"),
            ("pt-PT", "pt"),
            ("fi, sv-FI;q=0.9, en;q=0.8", "sv"),
            ("ja-JP-u-ca-japanese", "ja"),
            ("ar-EG, en;q=0.9", "ar"),
            ("en;q=0.3, AR-sa;q=0.31", "ar"),
        ] {
            assert_eq!(Language::of_accept(header).tag(), tag, "{header}");
        }
    }

    #[test]
    fn an_unknown_unwanted_or_missing_language_is_english() {
        let long = "xx,".repeat(4000);
        for header in [
            "",
            "*",
            "fi",
            "ptx",
            "jap",
            "de;q=0",
            "de;q=2",
            "de;q=NaN",
            "de;q",
            "de;level=1",
            ";;;,,,",
            "deutsch",
            "de;q=1.001",
            "de;q=.5",
            "de;q=1e-1",
            "de;q=0.1234",
            "de;q=+0.5",
            "de;q=01",
            &long,
        ] {
            assert_eq!(Language::of_accept(header), Language::English, "{header}");
        }
        assert_eq!(Language::of_accept("*;q=0.9, de;q=0.1"), Language::English);
        assert_eq!(Language::of_accept("*;q=0.1, de;q=0.9"), Language::German);
    }

    #[test]
    fn a_locale_gives_the_language_whatever_the_region() {
        for (locale, language) in [
            ("de", Some(Language::German)),
            ("DE-at", Some(Language::German)),
            ("pt_BR", Some(Language::Portuguese)),
            ("ja-Jpan-JP", Some(Language::Japanese)),
            ("fi-FI", None),
            ("deutsch", None),
            ("-de", None),
            ("", None),
        ] {
            assert_eq!(Language::of_locale(locale), language, "{locale}");
        }
    }

    #[test]
    fn a_tag_reads_back_as_its_language_and_nothing_else_does() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.tag()), Some(language));
        }
        for other in ["", "DE", "de-CH", "fi"] {
            assert_eq!(Language::parse(other), None, "{other}");
        }
        assert_eq!(
            [Language::of_tag("De"), Language::of_tag("FR")],
            [Some(Language::German), Some(Language::French)]
        );
        assert_eq!([Language::of_tag("de-CH"), Language::of_tag("fi"), Language::of_tag("")], [None; 3]);
    }
}
