//! Translates the template's table to the SDK's types.

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, DisplayErrorContext},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection,
        StreamSpecification, TimeToLiveSpecification,
    },
};

use crate::{
    Error,
    template::{Attribute, Index, Key, Table},
};

/// Creates a table under `name`, in the client's engine.
///
/// # Errors
/// If the engine refuses the definition.
pub async fn create_table(client: &Client, name: &str, table: &Table) -> Result<(), Error> {
    let indexes = table.indexes.iter().map(index).collect::<Result<Vec<_>, _>>()?;
    let stream = table.stream.as_ref().map(|shows| {
        StreamSpecification::builder().stream_enabled(true).stream_view_type(shows.as_str().into()).build()
    });
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(table.attributes.iter().map(attribute).collect::<Result<_, _>>()?))
        .set_key_schema(Some(keys(&table.keys)?))
        // An empty list is refused; its absence is not.
        .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()))
        .set_stream_specification(stream.transpose()?)
        .send()
        .await
        .map_err(explained)?;
    if let Some(attribute) = &table.ttl {
        let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build()?;
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(ttl)
            .send()
            .await
            .map_err(explained)?;
    }
    Ok(())
}

/// The text of an SDK error does not include its cause.
fn explained(error: impl std::error::Error) -> String {
    DisplayErrorContext(error).to_string()
}

fn attribute(attribute: &Attribute) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder()
        .attribute_name(&attribute.name)
        .attribute_type(attribute.kind.as_str().into())
        .build()
}

fn keys(keys: &[Key]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |key: &Key| {
        KeySchemaElement::builder().attribute_name(&key.attribute).key_type(key.role.as_str().into()).build()
    };
    keys.iter().map(element).collect()
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, BuildError> {
    let kept = &index.projection.attributes;
    let projection = Projection::builder()
        .projection_type(index.projection.kind.as_str().into())
        .set_non_key_attributes(Some(kept.clone()).filter(|kept| !kept.is_empty()))
        .build();
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(keys(&index.keys)?))
        .projection(projection)
        .build()
}
