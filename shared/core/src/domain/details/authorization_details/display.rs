//! The template of a type in one language: rows with a label and a value; the value has placeholders.
//!
//! A placeholder is a JSON pointer in braces, `{/amount/value}`. It may contain `*`, which matches every element
//! of an array; the row is then repeated for each element. A row is left out if the object has none of the
//! members that its placeholders point to, so members can be optional. In each language, the rows together show
//! every member of the schema that is not hidden, so that the person sees everything that can be sent.

use serde_json::{Map, Value};

use super::DetailWords;
use super::malformed::Malformed;
use super::schema::{Leaf, Pointer, Refused, Schema, Step};
use crate::domain::base::json_value;
use crate::domain::base::plain_text::is_shown_as_it_is;
use crate::domain::details::row::Row;

/// The longest title or label. Unit: characters.
const MAX_LABEL: usize = 60;
/// The limit for a template. Unit: rows.
const MAX_ROWS: usize = 30;
/// The limit for an entry, including rows repeated for the elements of arrays. Unit: rows.
const MAX_SHOWN: usize = 50;
/// The longest value of a row. Unit: characters.
const MAX_VALUE: usize = 300;

pub(super) struct Template {
    title: String,
    rows: Vec<RowTemplate>,
    /// The words for `true` and `false`.
    truth: [&'static str; 2],
}

struct RowTemplate {
    label: String,
    pieces: Vec<Piece>,
    /// The path up to the last `*` of its placeholders; the row is repeated for each instance of it.
    each: Vec<Step>,
}

enum Piece {
    Text(String),
    Placeholder(Vec<Step>),
}

impl Template {
    pub(super) fn parse(tag: &str, template: &Value, schema: &Schema) -> Result<Self, Malformed> {
        let members = template.as_object().filter(|members| has_only(members, ["title", "rows"]));
        let members = members.ok_or_else(|| Malformed::of("a template must have exactly title and rows"))?;
        let label = |value: &Value| {
            let text = value.as_str().filter(|text| (1..=MAX_LABEL).contains(&text.chars().count()));
            let text = text.filter(|text| is_shown_as_it_is(text) && !text.contains(['{', '}']));
            let why = "a title or label must have 1-60 plain characters and no placeholder";
            text.map(str::to_owned).ok_or_else(|| Malformed::of(why))
        };
        let rows = members["rows"].as_array().filter(|rows| (1..=MAX_ROWS).contains(&rows.len()));
        let row = |row: &Value| {
            let members = row.as_object().filter(|members| has_only(members, ["label", "value"]));
            let members = members.ok_or_else(|| Malformed::of("a row must have exactly label and value"))?;
            let value = members["value"].as_str().filter(|text| text.chars().count() <= MAX_VALUE);
            let value =
                value.ok_or_else(|| Malformed::of("a value must be a string of at most 300 characters"))?;
            RowTemplate::parse(label(&members["label"])?, value, schema.leaves())
        };
        let rows = rows.ok_or_else(|| Malformed::of("rows must have 1-30 elements"))?;
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let is_shown = |leaf: &Leaf| rows.iter().any(|row| row.placeholders().any(|path| *path == leaf.path));
        if let Some(leaf) = schema.leaves().iter().find(|leaf| !leaf.hidden && !is_shown(leaf)) {
            return Err(Malformed(format!(
                "no row shows {}; a member that need not be shown has \"x-hidden\": true in the schema",
                Pointer(&leaf.path)
            )));
        }
        let truth = match tag {
            "de" => ["ja", "nein"],
            "fr" => ["oui", "non"],
            "es" => ["sí", "no"],
            _ => ["yes", "no"],
        };
        Ok(Self { title: label(&members["title"])?, rows, truth })
    }

    /// A validated entry in words.
    pub(super) fn words(&self, entry: &Value) -> Result<DetailWords, Refused> {
        let told = |told| Refused { told, detail: None };
        let mut rows = Vec::new();
        for row in &self.rows {
            for indices in instances(entry, &row.each) {
                rows.extend(row.shown(entry, &indices, self.truth));
                if rows.len() > MAX_SHOWN {
                    return Err(told("authorization_details has an entry with more than can be shown"));
                }
            }
        }
        if rows.iter().all(|row| row.value.chars().count() <= MAX_VALUE) {
            Ok(DetailWords { title: self.title.clone(), rows })
        } else {
            Err(told("authorization_details has a text that is too long to be shown"))
        }
    }
}

impl RowTemplate {
    fn parse(label: String, value: &str, leaves: &[Leaf]) -> Result<Self, Malformed> {
        let mut pieces = Vec::new();
        let mut rest = value;
        while let Some((text, tail)) = rest.split_once('{') {
            let (pointer, tail) =
                tail.split_once('}').ok_or_else(|| Malformed(format!("{value}: a brace is not closed")))?;
            let path =
                path(pointer).ok_or_else(|| Malformed(format!("{{{pointer}}} is not a JSON pointer")))?;
            if !leaves.iter().any(|leaf| leaf.path == path) {
                return Err(Malformed(format!(
                    "{{{pointer}}} does not point to a string, number or boolean of the schema"
                )));
            }
            pieces.extend([Piece::Text(text.to_owned()), Piece::Placeholder(path)]);
            rest = tail;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let is_fit = |piece: &Piece| match piece {
            Piece::Text(text) => {
                text.is_empty()
                    || (is_shown_as_it_is(text.trim()) || text.trim().is_empty()) && !text.contains('}')
            }
            Piece::Placeholder(_) => true,
        };
        if !pieces.iter().all(is_fit) {
            return Err(Malformed(format!("{value}: some characters are not plain text")));
        }
        let row = Self { label, pieces, each: Vec::new() };
        let starred = row.placeholders().map(|path| up_to_last_each(path));
        let each = starred.max_by_key(|path| path.len()).unwrap_or_default().to_vec();
        if row.placeholders().next().is_none() {
            return Err(Malformed(format!("{value}: there is no placeholder")));
        }
        if !row.placeholders().all(|path| each.starts_with(up_to_last_each(path))) {
            return Err(Malformed(format!("{value}: one row cannot show the elements of two arrays")));
        }
        Ok(Self { each, ..row })
    }

    fn placeholders(&self) -> impl Iterator<Item = &Vec<Step>> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Placeholder(path) => Some(path),
            Piece::Text(_) => None,
        })
    }

    /// `None` if the entry has none of the placeholders' members.
    fn shown(&self, entry: &Value, indices: &[usize], truth: [&str; 2]) -> Option<Row> {
        let mut is_there = false;
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(words) => text.push_str(words),
                Piece::Placeholder(path) => {
                    let Some(value) = resolved(entry, path, indices) else { continue };
                    is_there = true;
                    match value {
                        Value::String(value) => text.push_str(value),
                        Value::Bool(value) => text.push_str(truth[usize::from(!value)]),
                        Value::Number(number) => {
                            let in_full = json_value::in_full(number);
                            text.push_str(&in_full.unwrap_or_else(|| number.to_string()));
                        }
                        Value::Null | Value::Array(_) | Value::Object(_) => {
                            text.push_str(&value.to_string());
                        }
                    }
                }
            }
        }
        is_there.then(|| Row { label: self.label.clone(), value: text.trim().to_owned() })
    }
}

fn has_only(members: &Map<String, Value>, names: [&str; 2]) -> bool {
    members.len() == names.len() && names.iter().all(|name| members.contains_key(*name))
}

/// Parses a pointer such as `/a/*/b`.
fn path(pointer: &str) -> Option<Vec<Step>> {
    let step = |step: &str| match step {
        "*" => Step::Each,
        name => Step::Member(name.replace("~1", "/").replace("~0", "~")),
    };
    Some(pointer.strip_prefix('/')?.split('/').map(step).collect())
}

fn up_to_last_each(path: &[Step]) -> &[Step] {
    let last = path.iter().rposition(|step| *step == Step::Each);
    last.map_or(&[], |last| &path[..=last])
}

/// The indices of each instance of `each`, in the order of the arrays. A path without arrays has one instance,
/// without indices.
fn instances(value: &Value, each: &[Step]) -> Vec<Vec<usize>> {
    let Some((step, rest)) = each.split_first() else { return vec![Vec::new()] };
    match step {
        Step::Member(name) => value.get(name).map(|inner| instances(inner, rest)).unwrap_or_default(),
        Step::Each => {
            let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let of = |(index, element): (usize, _)| {
                let inner = instances(element, rest).into_iter();
                inner.map(move |tail| [vec![index], tail].concat())
            };
            elements.iter().enumerate().flat_map(of).collect()
        }
    }
}

/// The value at `path`, with an index for each `*` in it.
fn resolved<'v>(value: &'v Value, path: &[Step], indices: &[usize]) -> Option<&'v Value> {
    let mut indices = indices.iter();
    path.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Each => value.get(*indices.next()?),
    })
}
