//! CloudFormation refuses a template whose resources refer to each other in a circle. Both linters overlook the one
//! that lies near here: a function that needs the API's endpoint, and an API that needs the function.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{DOCUMENT, TRANSFORMED};

/// Resource → the names it refers to.
pub(crate) type References = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_resource_refers_to_itself_over_others() {
    assert_eq!(cycle(&references(&DOCUMENT)), None);
    assert_eq!(cycle(&references(&TRANSFORMED)), None, "after SAM's transform");
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

/// A global variable is a reference of each function.
#[test]
fn an_http_api_event_is_a_reference_of_the_api() {
    let document = json!({
        "Globals": {"Function": {"Environment": {"Variables": {"ISSUER": {"Fn::GetAtt": "Api.ApiEndpoint"}}}}},
        "Resources": {
            "Api": {"Type": "AWS::Serverless::HttpApi"},
            "Function": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Events": {"Any": {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}}}}},
            },
        },
    });
    assert!(cycle(&references(&document)).is_some());
}

pub(crate) fn references(document: &Value) -> References {
    let resources = document["Resources"].as_object().expect("resources");
    let mut references = References::new();
    for (id, resource) in resources {
        let own = references.entry(id.clone()).or_default();
        collect(resource, own);
        if resource["Type"] == "AWS::Serverless::Function" {
            collect(&document["Globals"]["Function"], own);
        }
        // SAM writes the function's ARN into the API's body.
        for event in resource["Properties"]["Events"].as_object().into_iter().flat_map(|it| it.values()) {
            if let Some(api) = event["Properties"]["ApiId"]["Ref"].as_str() {
                references.entry(api.to_owned()).or_default().insert(id.clone());
            }
        }
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
            // SAM writes the alias of a function like this.
            ("Ref", Some(name)) => _ = into.insert(before(&name, '.')),
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
fn cycle(references: &References) -> Option<Vec<String>> {
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
