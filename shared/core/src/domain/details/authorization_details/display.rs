//! The template of a type in one language: a title, optionally a headline, and rows with a label and a value. The
//! headline and the values have placeholders ([`text`](super::text)).
//!
//! A row whose placeholders contain `*` is repeated for each element of the array. A row is left out if the object has
//! none of the members that its placeholders point to, so members can be optional. In each language, the rows together
//! show every member of the schema that is not hidden, so that the person sees everything that can be sent. The
//! headline repeats what is most important. It is left out if the object lacks one of its members, or if it would be
//! too long for a heading.

use serde_json::Value;

use super::DetailWords;
use super::malformed::Malformed;
use super::schema::{Leaf, Pointer, Refused, Schema, Step};
use super::text::{Text, Wording};
use crate::domain::base::plain_text::is_shown_as_it_is;
use crate::domain::details::row::Row;

/// The longest title or label. Unit: characters.
const MAX_LABEL: usize = 60;
/// The longest headline, as a template and filled in. Unit: characters.
const MAX_HEADLINE: usize = 120;
/// The limit for a template. Unit: rows.
const MAX_ROWS: usize = 30;
/// The limit for an entry, including rows repeated for the elements of arrays. Unit: rows.
const MAX_SHOWN: usize = 50;
/// The longest value of a row. Unit: characters.
const MAX_VALUE: usize = 300;

pub(super) struct Template {
    title: String,
    headline: Option<Text>,
    rows: Vec<RowTemplate>,
    language: Wording,
}

struct RowTemplate {
    label: String,
    value: Text,
    /// The path up to the last `*` of its placeholders; the row is repeated for each instance of it.
    each: Vec<Step>,
}

impl Template {
    pub(super) fn parse(tag: &str, template: &Value, schema: &Schema) -> Result<Self, Malformed> {
        let members = template.as_object().filter(|members| {
            let known = |name: &str| ["title", "headline", "rows"].contains(&name);
            members.contains_key("title")
                && members.contains_key("rows")
                && members.keys().all(|it| known(it))
        });
        let why = "a template must have title and rows, and may have headline, and nothing else";
        let members = members.ok_or_else(|| Malformed::of(why))?;
        let headline = members.get("headline").map(|text| headline(text, schema.leaves())).transpose()?;
        let rows = members["rows"].as_array().filter(|rows| (1..=MAX_ROWS).contains(&rows.len()));
        let rows = rows.ok_or_else(|| Malformed::of("rows must have 1-30 elements"))?;
        let row = |row| RowTemplate::parse(row, schema.leaves());
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let is_shown = |leaf: &Leaf| rows.iter().any(|row| row.value.leaves().any(|path| *path == leaf.path));
        if let Some(leaf) = schema.leaves().iter().find(|leaf| !leaf.hidden && !is_shown(leaf)) {
            return Err(Malformed(format!(
                "no row shows {}; a member that need not be shown has \"x-hidden\": true in the schema",
                Pointer(&leaf.path)
            )));
        }
        Ok(Self { title: label(&members["title"])?, headline, rows, language: Wording::of(tag) })
    }

    /// A validated entry in words.
    pub(super) fn words(&self, entry: &Value) -> Result<DetailWords, Refused> {
        let mut rows = Vec::new();
        for row in &self.rows {
            for indices in instances(entry, &row.each) {
                rows.extend(row.shown(entry, &indices, &self.language)?);
                if rows.len() > MAX_SHOWN {
                    return Err(Refused::of(
                        "authorization_details has an entry with more than can be shown",
                    ));
                }
            }
        }
        if !rows.iter().all(|row| row.value.chars().count() <= MAX_VALUE) {
            return Err(Refused::of("authorization_details has a text that is too long to be shown"));
        }
        let (headline, amount) = match &self.headline {
            None => (None, None),
            Some(headline) => {
                let filled = headline.fill(entry, &[], &self.language)?;
                let is_fit = headline.is_complete(&filled) && filled.text.chars().count() <= MAX_HEADLINE;
                (is_fit.then_some(filled.text), filled.amount)
            }
        };
        Ok(DetailWords { title: self.title.clone(), headline, amount, rows })
    }
}

impl RowTemplate {
    fn parse(row: &Value, leaves: &[Leaf]) -> Result<Self, Malformed> {
        let members = row.as_object().filter(|members| members.len() == 2);
        let (shown, value) = members
            .and_then(|members| Some((members.get("label")?, members.get("value")?)))
            .ok_or_else(|| Malformed::of("a row must have exactly label and value"))?;
        let text = value.as_str().filter(|text| text.chars().count() <= MAX_VALUE);
        let text = text.ok_or_else(|| Malformed::of("a value must be a string of at most 300 characters"))?;
        let value = Text::parse(text, leaves)?;
        let starred = value.leaves().map(|path| up_to_last_each(path));
        let each = starred.max_by_key(|path| path.len()).unwrap_or_default().to_vec();
        if !value.has_placeholders() {
            return Err(Malformed(format!("{text}: there is no placeholder")));
        }
        if !value.leaves().all(|path| each.starts_with(up_to_last_each(path))) {
            return Err(Malformed(format!("{text}: one row cannot show the elements of two arrays")));
        }
        Ok(Self { label: label(shown)?, value, each })
    }

    /// `None` if the entry has none of the placeholders' members.
    fn shown(&self, entry: &Value, indices: &[usize], language: &Wording) -> Result<Option<Row>, Refused> {
        let filled = self.value.fill(entry, indices, language)?;
        Ok((filled.found > 0).then(|| Row { label: self.label.clone(), value: filled.text }))
    }
}

fn label(value: &Value) -> Result<String, Malformed> {
    let text = value.as_str().filter(|text| (1..=MAX_LABEL).contains(&text.chars().count()));
    let text = text.filter(|text| is_shown_as_it_is(text) && !text.contains(['{', '}']));
    let why = "a title or label must have 1-60 plain characters and no placeholder";
    text.map(str::to_owned).ok_or_else(|| Malformed::of(why))
}

fn headline(value: &Value, leaves: &[Leaf]) -> Result<Text, Malformed> {
    let text = value.as_str().filter(|text| (1..=MAX_HEADLINE).contains(&text.chars().count()));
    let text = text.ok_or_else(|| Malformed::of("a headline must be a string of 1-120 characters"))?;
    let headline = Text::parse(text, leaves)?;
    if headline.leaves().all(|path| up_to_last_each(path).is_empty()) {
        Ok(headline)
    } else {
        Err(Malformed(format!("{text}: a headline cannot show the elements of an array")))
    }
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
