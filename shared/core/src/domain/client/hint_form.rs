//! The forms of hints with which a client identifies a person. A client can be limited to some of them: the easier
//! a hint is to guess, the more people a malicious client can reach or find out about.

/// The form of a hint, by its parameter and, for `login_hint`, by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintForm {
    /// `login_hint` without a prefix.
    Plain,
    /// `login_hint=tel:…`
    Tel,
    /// `login_hint=email:…`
    Email,
    /// `login_hint=sub:…`
    Sub,
    /// `login_hint={"format":"iss_sub",…}`
    IssSub,
    IdTokenHint,
    LoginHintToken,
}

impl HintForm {
    pub const ALL: [Self; 7] = [
        Self::Plain,
        Self::Tel,
        Self::Email,
        Self::Sub,
        Self::IssSub,
        Self::IdTokenHint,
        Self::LoginHintToken,
    ];

    /// Its name in a client's `hint_kinds`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tel => "tel",
            Self::Email => "email",
            Self::Sub => "sub",
            Self::IssSub => "iss_sub",
            Self::IdTokenHint => "id_token_hint",
            Self::LoginHintToken => "login_hint_token",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == text)
    }

    /// The form of a `login_hint`, and its value without the prefix.
    pub fn of_login_hint(text: &str) -> (Self, &str) {
        if text.starts_with('{') {
            return (Self::IssSub, text);
        }
        let prefixes = [(Self::Tel, "tel:"), (Self::Email, "email:"), (Self::Sub, "sub:")];
        let found = prefixes.into_iter().find_map(|(form, prefix)| Some((form, strip_prefix(text, prefix)?)));
        found.unwrap_or((Self::Plain, text))
    }
}

/// URI schemes are case-insensitive (RFC 3986 §3.1), and people capitalize.
fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

/// The forms that a client may use, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintForms(Vec<HintForm>);

impl HintForms {
    /// For a client that is not limited: all forms, including any that are added later.
    pub fn all() -> Self {
        Self(HintForm::ALL.to_vec())
    }

    /// `None` if a name is unknown or the list is empty.
    pub fn parse<'t>(names: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let mut forms = Vec::new();
        for name in names {
            let form = HintForm::parse(name)?;
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        (!forms.is_empty()).then_some(Self(forms))
    }

    pub fn contains(&self, form: HintForm) -> bool {
        self.0.contains(&form)
    }

    pub fn is_all(&self) -> bool {
        HintForm::ALL.iter().all(|form| self.contains(*form))
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        HintForm::ALL.into_iter().filter(|form| self.contains(*form)).map(HintForm::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ATK-3-03
    #[test]
    fn a_limit_is_a_list_of_known_names_and_never_empty() {
        let some = HintForms::parse(["sub", "login_hint_token", "sub"]).unwrap();
        assert!(some.contains(HintForm::Sub) && !some.contains(HintForm::Plain) && !some.is_all());
        assert_eq!(some.names().collect::<Vec<_>>(), ["sub", "login_hint_token"]);
        assert!(HintForms::parse(HintForm::ALL.map(HintForm::as_str)).unwrap().is_all());
        assert_eq!(HintForms::parse([]), None);
        assert_eq!(HintForms::parse(["sub", "Tel"]), None);
    }

    #[test]
    fn a_login_hint_has_one_form_by_how_it_begins() {
        for (text, form, value) in [
            ("tel:+1", HintForm::Tel, "+1"),
            ("TEL:+1", HintForm::Tel, "+1"),
            ("Email:a@b.c", HintForm::Email, "a@b.c"),
            ("sub:", HintForm::Sub, ""),
            ("{", HintForm::IssSub, "{"),
            (" tel:+1", HintForm::Plain, " tel:+1"),
            ("telephone", HintForm::Plain, "telephone"),
            ("ä", HintForm::Plain, "ä"),
        ] {
            assert_eq!(HintForm::of_login_hint(text), (form, value), "{text}");
        }
    }
}
