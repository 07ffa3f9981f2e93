//! CloudFormation refuses a template whose resources refer to each other in a circle. Both linters overlook the one
//! that lies near here: a function that needs the API's endpoint, and an API that needs the function.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::TRANSFORMED;

/// Resource → the names it refers to.
pub(crate) type References = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_resource_refers_to_itself_over_others() {
    assert_eq!(cycle(&references(&TRANSFORMED)), None);
}

#[test]
fn a_cycle_is_found_over_every_form_of_reference() {
    let refer = |value: Value| json!({"Properties": {"X": value}});
    for back in [
        json!({"Ref": "A"}),
        json!({"Fn::GetAtt": "A.Arn"}),
        json!({"Fn::GetAtt": ["A", "Arn"]}),
        json!({"Fn::Sub": "https://${A.ApiEndpoint}/consent"}),
        json!({"Fn::Sub": ["${A}${B}", {"B": "literal"}]}),
        json!({"Fn::If": ["Condition", {"Ref": "Parameter"}, {"Fn::Sub": "${A}"}]}),
    ] {
        let document = json!({"Resources": {"A": refer(json!({"Ref": "B"})), "B": refer(back)}});
        assert!(cycle(&references(&document)).is_some(), "{document}");
    }
    let waits = json!({"Resources": {"A": refer(json!({"Ref": "B"})), "B": {"DependsOn": ["A"]}}});
    assert!(cycle(&references(&waits)).is_some());
}

pub(crate) fn references(document: &Value) -> References {
    let resources = document["Resources"].as_object().expect("resources");
    let mut references = References::new();
    for (id, resource) in resources {
        let own = references.entry(id.clone()).or_default();
        collect(resource, own);
    }
    references
}

fn collect(value: &Value, into: &mut BTreeSet<String>) {
    if let Value::Array(items) = value {
        items.iter().for_each(|it| collect(it, into));
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let text = |it: &Value| it.as_str().map(str::to_owned);
        let first = text(value).or_else(|| text(&value[0]));
        match (key.as_str(), first) {
            ("Ref", Some(name)) => _ = into.insert(name),
            ("Fn::GetAtt", Some(name)) => _ = into.insert(before(&name, '.')),
            ("Fn::Sub", Some(template)) => {
                into.extend(template.split("${").skip(1).map(|it| before(&before(it, '}'), '.')));
            }
            ("DependsOn", _) => {
                let names = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                into.extend(names.iter().filter_map(text));
            }
            _ => {}
        }
        collect(value, into);
    }
}

fn before(text: &str, end: char) -> String {
    text.split(end).next().unwrap_or_default().to_owned()
}

/// The resources of a circle, if there is one. Takes away what refers to nothing that is left, until nothing more
/// can be taken: what remains goes round in circles, or leads into one.
pub(crate) fn cycle(references: &References) -> Option<Vec<String>> {
    let mut left = references.clone();
    loop {
        let names: BTreeSet<_> = left.keys().cloned().collect();
        left.retain(|_, to| !to.is_disjoint(&names));
        match left.len() {
            0 => return None,
            same if same == names.len() => return Some(left.into_keys().collect()),
            _ => {}
        }
    }
}
