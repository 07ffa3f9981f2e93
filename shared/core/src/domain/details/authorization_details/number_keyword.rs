//! Exact versions of the schema keywords for numbers (JSON Schema §6.2), because the library may compute with
//! binary floating point.

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
    /// `bound` is not a number, has an exponent beyond 64 bits, or is a step that is not positive or has more
    /// than 37 digits.
    pub(super) fn compile<'a>(
        self,
        bound: &'a Value,
    ) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
        let number = if let Value::Number(number) = bound { Some(number) } else { None };
        let usable = number.filter(|number| self.allows(number, number).is_some());
        let why = "a number in the schema is not allowed for its keyword";
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
            Err(ValidationError::custom("a number is out of range or not a multiple of its step"))
        }
    }

    /// The keywords do not apply to other values.
    fn is_valid(&self, instance: &'i Value) -> bool {
        match instance {
            Value::Number(number) => self.rule.allows(number, &self.bound).unwrap_or(false),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => true,
        }
    }
}
