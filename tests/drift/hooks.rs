//! The contracts of hooks, as docs/hooks shows them.

use std::fs::{create_dir_all, read_to_string, write};

use ciba_core::protocol::hooks::request_policy::{RequestPolicyAnswer, RequestPolicyEvent};
use ciba_core::protocol::hooks::user_resolver::{UserResolverAnswer, UserResolverEvent};
use ciba_tests::root;
use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, Schema};

/// The schema of what is sent, or of what is read.
fn schema<T: JsonSchema>(contract: Contract) -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.contract = contract);
    settings.into_generator().into_root_schema_for::<T>()
}

/// HOOK-1-02
#[test]
fn the_schemas_of_hooks_are_those_of_the_code() {
    let target = root().join("target/hooks");
    create_dir_all(&target).expect("a folder");
    let mut differ = Vec::new();
    for (name, schema) in [
        ("request-policy-event", schema::<RequestPolicyEvent<'_>>(Contract::Serialize)),
        ("request-policy-answer", schema::<RequestPolicyAnswer>(Contract::Deserialize)),
        ("user-resolver-event", schema::<UserResolverEvent<'_>>(Contract::Serialize)),
        ("user-resolver-answer", schema::<UserResolverAnswer>(Contract::Deserialize)),
    ] {
        let file = format!("{name}.schema.json");
        let expected = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        write(target.join(&file), &expected).expect("a file");
        if read_to_string(root().join("docs/hooks").join(&file)).ok().as_ref() != Some(&expected) {
            differ.push(file);
        }
    }
    assert!(differ.is_empty(), "copy target/hooks to docs/hooks: {differ:?}");
}
