//! A text with placeholders, of a template.
//!
//! A placeholder is a JSON pointer in braces, `{/creditor}`, to a string, number or boolean of the schema; `*` in it
//! means every element of an array. A format may follow it: `{/due|date}`. With the format `money` it points to an
//! object that has a value and a currency; `{|money}` means the entry itself.

use serde_json::Value;

use super::malformed::Malformed;
use super::schema::{Leaf, Refused, Step};
use crate::domain::base::json_value;
use crate::domain::base::plain_text::is_shown_as_it_is;
use crate::domain::details::format::{self, Format};
use crate::domain::details::money::Money;

const CURRENCY: &str = "currency";
/// The two names that the number of an amount has in practice.
const VALUES: [&str; 2] = ["value", "amount"];

pub(super) struct Text {
    pieces: Vec<Piece>,
}

enum Piece {
    Words(String),
    Placeholder(Placeholder),
}

struct Placeholder {
    path: Vec<Step>,
    format: Option<Format>,
    /// What it shows: one member, and for money the value and the currency.
    leaves: Vec<Vec<Step>>,
}

/// The language of a template.
pub(super) struct Wording {
    tag: &'static str,
    /// The words for `true` and `false`.
    truth: [&'static str; 2],
}

impl Wording {
    /// English for a language that has no words here.
    pub(super) fn of(tag: &str) -> Self {
        let (tag, truth) = match tag {
            "de" => ("de", ["ja", "nein"]),
            "fr" => ("fr", ["oui", "non"]),
            "es" => ("es", ["sí", "no"]),
            "it" => ("it", ["sì", "no"]),
            "nl" => ("nl", ["ja", "nee"]),
            "pl" => ("pl", ["tak", "nie"]),
            "pt" => ("pt", ["sim", "não"]),
            "sv" => ("sv", ["ja", "nej"]),
            "ja" => ("ja", ["はい", "いいえ"]),
            "ar" => ("ar", ["نعم", "لا"]),
            _ => ("en", ["yes", "no"]),
        };
        Self { tag, truth }
    }
}

/// A text with its placeholders filled in.
pub(super) struct Filled {
    pub(super) text: String,
    /// How many of the placeholders had a value.
    pub(super) found: usize,
    /// The first amount of money.
    pub(super) amount: Option<Money>,
}

impl Text {
    pub(super) fn parse(text: &str, leaves: &[Leaf]) -> Result<Self, Malformed> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((words, tail)) = rest.split_once('{') {
            let (placeholder, tail) =
                tail.split_once('}').ok_or_else(|| Malformed(format!("{text}: a brace is not closed")))?;
            let placeholder = Placeholder::parse(placeholder, leaves)?;
            pieces.extend([Piece::Words(words.to_owned()), Piece::Placeholder(placeholder)]);
            rest = tail;
        }
        pieces.push(Piece::Words(rest.to_owned()));
        let is_fit = |piece: &Piece| match piece {
            Piece::Words(words) => {
                words.is_empty()
                    || (is_shown_as_it_is(words.trim()) || words.trim().is_empty()) && !words.contains('}')
            }
            Piece::Placeholder(_) => true,
        };
        if pieces.iter().all(is_fit) {
            Ok(Self { pieces })
        } else {
            Err(Malformed(format!("{text}: some characters are not plain text")))
        }
    }

    /// The paths of the members that it shows.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &Vec<Step>> {
        self.placeholders().flat_map(|it| &it.leaves)
    }

    pub(super) fn has_placeholders(&self) -> bool {
        self.placeholders().next().is_some()
    }

    /// Whether each placeholder has a value in `filled`.
    pub(super) fn is_complete(&self, filled: &Filled) -> bool {
        self.placeholders().count() == filled.found
    }

    fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Placeholder(placeholder) => Some(placeholder),
            Piece::Words(_) => None,
        })
    }

    /// Fills in the members of a validated entry, with an index for each `*`.
    pub(super) fn fill(
        &self,
        entry: &Value,
        indices: &[usize],
        language: &Wording,
    ) -> Result<Filled, Refused> {
        let mut filled = Filled { text: String::new(), found: 0, amount: None };
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => filled.text.push_str(words),
                Piece::Placeholder(placeholder) => {
                    let Some(value) = resolved(entry, &placeholder.path, indices) else { continue };
                    placeholder.fill(value, language, &mut filled)?;
                }
            }
        }
        filled.text = filled.text.trim().to_owned();
        Ok(filled)
    }
}

impl Placeholder {
    fn parse(placeholder: &str, leaves: &[Leaf]) -> Result<Self, Malformed> {
        let (pointer, format) = match placeholder.rsplit_once('|') {
            None => (placeholder, None),
            Some((pointer, name)) => {
                let format = Format::parse(name);
                (
                    pointer,
                    Some(format.ok_or_else(|| Malformed(format!("{{{placeholder}}}: {}", unknown(name))))?),
                )
            }
        };
        let path = path(pointer).ok_or_else(|| Malformed(format!("{{{pointer}}} is not a JSON pointer")))?;
        let is_leaf = |path: &[Step]| leaves.iter().any(|leaf| leaf.path == path);
        let member = |name: &str| [path.as_slice(), &[Step::Member(name.to_owned())]].concat();
        if format == Some(Format::Money) {
            let values: Vec<_> = VALUES.map(member).into_iter().filter(|path| is_leaf(path)).collect();
            let leaves = [values, vec![member(CURRENCY)]].concat();
            let is_amount = leaves.len() == 2 && leaves.iter().all(|path| is_leaf(path));
            let why = || {
                format!("{{{placeholder}}} does not point to an object with currency, and value or amount")
            };
            return if is_amount { Ok(Self { path, format, leaves }) } else { Err(Malformed(why())) };
        }
        if is_leaf(&path) {
            Ok(Self { leaves: vec![path.clone()], path, format })
        } else {
            Err(Malformed(format!(
                "{{{pointer}}} does not point to a string, number or boolean of the schema"
            )))
        }
    }

    fn fill(&self, value: &Value, language: &Wording, filled: &mut Filled) -> Result<(), Refused> {
        let plain = || match value {
            Value::String(text) => text.clone(),
            Value::Bool(value) => language.truth[usize::from(!value)].to_owned(),
            Value::Number(number) => json_value::in_full(number).unwrap_or_else(|| number.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => value.to_string(),
        };
        let text = match self.format {
            None => plain(),
            Some(Format::Quantity) => {
                let number = Some(plain()).filter(|number| format::is_decimal(number));
                let number =
                    number.ok_or(Refused::of("authorization_details has a quantity that is not a number"))?;
                format::quantity(language.tag, &number)
            }
            Some(Format::Iban) => format::iban(&plain())
                .ok_or(Refused::of("authorization_details has an IBAN whose check digits are wrong"))?,
            Some(Format::Date) => format::date(language.tag, &plain()).ok_or(Refused::of(
                "authorization_details has a date that is not a day in the form YYYY-MM-DD",
            ))?,
            Some(Format::Money) => {
                let members = VALUES.map(|name| value.get(name));
                let number = members.into_iter().flatten().next();
                let Some(amount) = amount(number, value.get(CURRENCY))? else { return Ok(()) };
                let words = amount.words(language.tag);
                filled.amount.get_or_insert(amount);
                words
            }
        };
        filled.text.push_str(&text);
        filled.found += 1;
        Ok(())
    }
}

/// `None` if the entry has neither of the two members.
fn amount(value: Option<&Value>, currency: Option<&Value>) -> Result<Option<Money>, Refused> {
    let (value, currency) = match (value, currency) {
        (None, None) => return Ok(None),
        (Some(Value::Number(number)), Some(Value::String(currency))) => {
            (json_value::in_full(number), currency)
        }
        (Some(Value::String(text)), Some(Value::String(currency))) => (Some(text.clone()), currency),
        (_, _) => (None, &String::new()),
    };
    let money = value.and_then(|value| Money::new(&value, currency));
    let told = "authorization_details has an amount that is not a decimal number with a currency such as EUR";
    money.map(Some).ok_or(Refused::of(told))
}

fn unknown(name: &str) -> String {
    format!("{name} is not a format; the formats are {}", Format::ALL.map(Format::as_str).join(", "))
}

/// Parses a pointer such as `/a/*/b`. The empty pointer means the entry.
fn path(pointer: &str) -> Option<Vec<Step>> {
    let step = |step: &str| match step {
        "*" => Step::Each,
        name => Step::Member(name.replace("~1", "/").replace("~0", "~")),
    };
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    Some(pointer.strip_prefix('/')?.split('/').map(step).collect())
}

/// The value at `path`, with an index for each `*` in it.
fn resolved<'v>(value: &'v Value, path: &[Step], indices: &[usize]) -> Option<&'v Value> {
    let mut indices = indices.iter();
    path.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Each => value.get(*indices.next()?),
    })
}
