//! The keywords of schemas that are about the value of a number (JSON Schema §6.2), exactly: the library calculates with binary fractions where
//! the number in the schema is near one.

use std::cmp::Ordering;

use jsonschema::{Keyword, ValidationError};
use serde_json::{Number, Value};

use crate::domain::base::json_value::{compare, is_multiple};

#[derive(Clone, Copy)]
pub(super) enum NumberRule {
    MultipleOf,
    Maximum,
    ExclusiveMaximum,
    Minimum,
    ExclusiveMinimum,
}

impl NumberRule {
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("multipleOf", Self::MultipleOf),
        ("maximum", Self::Maximum),
        ("exclusiveMaximum", Self::ExclusiveMaximum),
        ("minimum", Self::Minimum),
        ("exclusiveMinimum", Self::ExclusiveMinimum),
    ];

    /// # Errors
    /// `bound` is not a number, has an exponent beyond all measure, or is a step that is not positive or has more than 37 digits.
    pub(super) fn compile<'a>(
        self,
        bound: &'a Value,
    ) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
        let number = if let Value::Number(number) = bound { Some(number) } else { None };
        let usable = number.filter(|number| self.allows(number, number).is_some());
        let why = "a number of the schema is not one that its keyword can have";
        let bound = usable.ok_or_else(|| ValidationError::custom(why))?.clone();
        Ok(Box::new(NumberKeyword { rule: self, bound }))
    }

    /// `None` if the two cannot be compared.
    fn allows(self, number: &Number, bound: &Number) -> Option<bool> {
        match self {
            Self::MultipleOf => is_multiple(number, bound),
            Self::Maximum => compare(number, bound).map(Ordering::is_le),
            Self::ExclusiveMaximum => compare(number, bound).map(Ordering::is_lt),
            Self::Minimum => compare(number, bound).map(Ordering::is_ge),
            Self::ExclusiveMinimum => compare(number, bound).map(Ordering::is_gt),
        }
    }
}

struct NumberKeyword {
    rule: NumberRule,
    bound: Number,
}

impl<'i> Keyword<'i> for NumberKeyword {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            Ok(())
        } else {
            Err(ValidationError::custom("a number is out of its range, or no multiple of its step"))
        }
    }

    /// The keywords say nothing about other values.
    fn is_valid(&self, instance: &'i Value) -> bool {
        match instance {
            Value::Number(number) => self.rule.allows(number, &self.bound).unwrap_or(false),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => true,
        }
    }
}
