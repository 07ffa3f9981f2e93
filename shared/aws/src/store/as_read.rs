//! Writes that depend on what was read: an entry is replaced only if its item is still the one that was judged.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::StoreError;
use crate::store::attribute::{ItemKind, PARTITION_KEY, SORT_KEY};
use crate::store::item::Item;

/// An entry with the item that it was read from, so that a write can require that nobody has changed the item
/// since.
///
/// The whole item is compared instead of a version: an attribute that was changed with another tool, or by a write
/// that stores no version, is noticed as well.
pub struct AsRead<T> {
    pub value: T,
    item: Item,
}

impl<T> AsRead<T> {
    pub(super) fn decoded(
        item: Item,
        decode: impl FnOnce(&Item) -> Result<T, StoreError>,
    ) -> Result<Self, StoreError> {
        Ok(Self { value: decode(&item)?, item })
    }
}

/// The condition that an item is still as it was read, or that there is still none.
pub(super) struct Unchanged {
    pub expression: String,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

impl Unchanged {
    /// `kind` lists the attributes that such an item can have: one that was added since is a change too.
    pub(super) fn since<T>(read: Option<&AsRead<T>>, kind: ItemKind) -> Self {
        let mut names = HashMap::from([("#pk".to_owned(), PARTITION_KEY.to_owned())]);
        let mut values = HashMap::new();
        let Some(AsRead { item, .. }) = read else {
            return Self { expression: "attribute_not_exists(#pk)".to_owned(), names, values };
        };
        let attributes: BTreeSet<_> =
            kind.attributes.iter().copied().chain(item.keys().map(String::as_str)).collect();
        let mut conditions = vec!["attribute_exists(#pk)".to_owned()];
        let beside_the_key = |name: &&str| ![PARTITION_KEY, SORT_KEY].contains(name);
        for (nth, name) in attributes.into_iter().filter(beside_the_key).enumerate() {
            names.insert(format!("#was{nth}"), name.to_owned());
            conditions.push(match item.get(name) {
                Some(value) => {
                    values.insert(format!(":was{nth}"), value.clone());
                    format!("#was{nth} = :was{nth}")
                }
                None => format!("attribute_not_exists(#was{nth})"),
            });
        }
        Self { expression: conditions.join(" AND "), names, values }
    }
}
