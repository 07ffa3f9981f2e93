//! The keyword `multipleOf` of schemas, exactly: to the last digit of an amount.

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Number, Value};

use crate::domain::json_value::is_multiple;

pub(super) struct MultipleOf {
    step: Number,
}

impl MultipleOf {
    /// # Errors
    /// The step is not a positive number, or has more than 37 digits.
    pub(super) fn compile<'a>(
        _: &'a Map<String, Value>,
        step: &'a Value,
        _: Location,
    ) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
        let step = match step {
            Value::Number(step) if is_multiple(step, step).is_some() => step.clone(),
            _ => {
                return Err(ValidationError::custom(
                    "multipleOf is not a positive number of at most 37 digits",
                ));
            }
        };
        Ok(Box::new(Self { step }))
    }
}

impl<'i> Keyword<'i> for MultipleOf {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.is_valid(instance) {
            true => Ok(()),
            false => Err(ValidationError::custom("a number is not a multiple of what it has to be")),
        }
    }

    /// What is no number is none of this keyword's business.
    fn is_valid(&self, instance: &'i Value) -> bool {
        match instance {
            Value::Number(number) => is_multiple(number, &self.step).unwrap_or(false),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => true,
        }
    }
}
