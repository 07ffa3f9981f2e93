//! Writes and reads the attributes of items.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::StoreError;
use crate::store::attribute::{PARTITION_KEY, SORT_KEY};
use ciba_core::domain::base::time::Timestamp;
use ciba_core::domain::request::lifetime::RETENTION;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub(super) fn time(at: Timestamp) -> AttributeValue {
    number(at.millis())
}

pub(super) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// The two parts of a key.
pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([(PARTITION_KEY.to_owned(), text(pk)), (SORT_KEY.to_owned(), text(sk))])
}

/// The time after which TTL may delete an item that ended at `end`. Unit: seconds. TTL reads it as seconds, so an
/// item with milliseconds would never be deleted.
pub(super) fn ttl(end: Timestamp) -> AttributeValue {
    number(end.plus(RETENTION).seconds())
}

/// Reads attributes. A missing attribute, or one of another type, is an error that names the attribute.
#[derive(Clone, Copy)]
pub(super) struct Reader<'i>(pub(super) &'i Item);

impl<'i> Reader<'i> {
    pub(super) fn corrupt(name: &str) -> StoreError {
        StoreError::Corrupt(format!("attribute {name}"))
    }

    pub(super) fn optional_text(self, name: &str) -> Option<&'i str> {
        self.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    pub(super) fn text(self, name: &str) -> Result<&'i str, StoreError> {
        self.optional_text(name).ok_or_else(|| Self::corrupt(name))
    }

    /// A text attribute that must parse.
    pub(super) fn parsed<T>(
        self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        parse(self.text(name)?).ok_or_else(|| Self::corrupt(name))
    }

    pub(super) fn number(self, name: &str) -> Result<i64, StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_n().ok());
        value.and_then(|digits| digits.parse().ok()).ok_or_else(|| Self::corrupt(name))
    }

    pub(super) fn unsigned<T: TryFrom<i64>>(self, name: &str) -> Result<T, StoreError> {
        self.number(name)?.try_into().map_err(|_| Self::corrupt(name))
    }

    pub(super) fn time(self, name: &str) -> Result<Timestamp, StoreError> {
        self.number(name).map(Timestamp::from_millis)
    }

    /// A time, if the attribute exists.
    pub(super) fn optional_time(self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        self.0.contains_key(name).then(|| self.time(name)).transpose()
    }

    pub(super) fn flag(self, name: &str) -> Result<bool, StoreError> {
        self.0.get(name).and_then(|value| value.as_bool().ok()).copied().ok_or_else(|| Self::corrupt(name))
    }

    pub(super) fn bytes(self, name: &str) -> Result<&'i [u8], StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_b().ok());
        value.map(Blob::as_ref).ok_or_else(|| Self::corrupt(name))
    }

    /// A list of texts, empty if the attribute does not exist.
    pub(super) fn texts(self, name: &str) -> Result<Vec<String>, StoreError> {
        let texts =
            self.list(name)?.iter().map(|value| value.as_s().cloned().map_err(|_| Self::corrupt(name)));
        texts.collect()
    }

    /// A list, empty if the attribute does not exist.
    pub(super) fn list(self, name: &str) -> Result<&'i [AttributeValue], StoreError> {
        match self.0.get(name) {
            None => Ok(&[]),
            Some(value) => value.as_l().map(Vec::as_slice).map_err(|_| Self::corrupt(name)),
        }
    }
}
