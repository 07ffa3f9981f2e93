//! What each function may do. The linters take any action that looks like one, so a misspelt or too wide one would
//! only show on AWS.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{TEMPLATE, resources};

/// Every action that some function needs. Scan, and anything with a star, is not among them.
const KNOWN: [&str; 9] = [
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "sns:Publish",
];

/// The first part of a partition key, as store/ writes them.
const LEADING_KEYS: [&str; 7] = ["client#*", "evidence#*", "hint#*", "jti#*", "keys", "request#*", "user#*"];

struct Statement {
    function: &'static str,
    actions: Vec<&'static str>,
    leading_keys: Vec<&'static str>,
}

fn statements() -> Vec<Statement> {
    let functions = resources("AWS::Serverless::Function");
    functions
        .flat_map(|(id, function)| {
            let binary =
                TEMPLATE.functions.iter().find(|it| it.logical_id == *id).expect("the same functions");
            let policies = list(&function["Properties"]["Policies"]).into_iter();
            policies.flat_map(|it| list(&it["Statement"])).map(|statement| Statement {
                function: &binary.binary,
                actions: texts(&statement["Action"]),
                leading_keys: texts(
                    &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"],
                ),
            })
        })
        .collect()
}

/// One or many, as IAM takes them.
fn list(value: &'static Value) -> Vec<&'static Value> {
    if value.is_null() {
        return Vec::new();
    }
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

fn texts(value: &'static Value) -> Vec<&'static str> {
    list(value).into_iter().map(|it| it.as_str().expect("a literal")).collect()
}

fn functions_that_may(action: &str) -> BTreeSet<&'static str> {
    statements().into_iter().filter(|it| it.actions.contains(&action)).map(|it| it.function).collect()
}

#[test]
fn every_action_is_a_known_one() {
    let used: BTreeSet<_> = statements().into_iter().flat_map(|it| it.actions).collect();
    assert_eq!(used, BTreeSet::from(KNOWN));
}

#[test]
fn every_statement_on_the_table_names_the_leading_keys_it_may_touch() {
    for Statement { function, actions, leading_keys } in statements() {
        if actions.iter().any(|it| it.starts_with("dynamodb:")) {
            assert!(!leading_keys.is_empty(), "{function}: {actions:?} on the whole table");
        }
        for key in leading_keys {
            assert!(LEADING_KEYS.contains(&key), "{function}: no item's key begins with {key}");
        }
    }
}

#[test]
fn only_who_seals_or_signs_can_unseal_keys_and_only_rotation_can_make_them() {
    let decrypt = functions_that_may("kms:Decrypt");
    assert_eq!(
        decrypt,
        BTreeSet::from([
            "backchannel-authentication",
            "introspection",
            "key-rotation",
            "revocation",
            "token",
            "userinfo"
        ])
    );
    assert_eq!(functions_that_may("kms:GenerateDataKey"), BTreeSet::from(["key-rotation"]));
}

#[test]
fn only_the_backchannel_endpoint_can_send_messages() {
    assert_eq!(functions_that_may("sns:Publish"), BTreeSet::from(["backchannel-authentication"]));
}
