//! The roles as they are deployed: each is one function's or one service's, and has what is written in the template.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::permissions::{Statement, arn, list, statements, statements_of, texts};
use crate::{DOCUMENT, TEMPLATE, TRANSFORMED, deployed, resources};

/// Where a mapping or a configuration sends what was given up.
fn destination(resource: &'static Value) -> Option<&'static Value> {
    let destination = &resource["Properties"]["DestinationConfig"]["OnFailure"]["Destination"];
    (!destination.is_null()).then_some(destination)
}

/// HYG-4-06: SAM attaches AWS's managed policies to roles that it makes, and makes them for functions without one: to
/// write every log group, to receive from every queue, to read every stream.
#[test]
fn a_role_is_deployed_as_it_is_written() {
    let written: BTreeMap<_, _> = resources("AWS::IAM::Role").collect();
    assert_eq!(deployed("AWS::IAM::Role").collect::<BTreeMap<_, _>>(), written);
    for (id, role) in written {
        let members = role["Properties"].as_object().expect("properties").keys();
        assert_eq!(members.collect::<Vec<_>>(), ["AssumeRolePolicyDocument", "Policies"], "{id}");
        for statement in statements_of(role) {
            let members = statement.as_object().expect("a statement").keys().map(String::as_str);
            let known = ["Action", "Condition", "Effect", "NotResource", "Resource", "Sid"];
            assert!(members.into_iter().all(|it| known.contains(&it)), "{id}: {statement}");
            assert_eq!(statement["Effect"], "Allow", "{id}");
        }
    }
    let all = TRANSFORMED["Resources"].as_object().expect("resources").values();
    let identities: BTreeSet<_> =
        all.filter_map(|it| it["Type"].as_str()?.strip_prefix("AWS::IAM::")).collect();
    assert_eq!(identities, BTreeSet::from(["Role"]));
}

/// HYG-4-06
#[test]
fn every_function_has_a_role_that_is_its_alone() {
    let by_lambda = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let mut functions = 0;
    for (id, function) in deployed("AWS::Lambda::Function") {
        let role = format!("{id}Role");
        assert_eq!(function["Properties"]["Role"], json!({ "Fn::GetAtt": format!("{role}.Arn") }));
        let role = &TRANSFORMED["Resources"][&role]["Properties"];
        assert_eq!(role["AssumeRolePolicyDocument"], by_lambda, "{id}");
        functions += 1;
    }
    assert_eq!(functions, TEMPLATE.functions.len());
}

/// HYG-4-06: a function writes its own log group, Lambda reads with its role the source that is mapped to it, and what is
/// given up goes to the destinations of that; client-notification puts off and gives up by itself.
#[test]
fn a_function_reaches_only_its_own_log_queue_and_stream() {
    let (mut expected, mut found) = (BTreeMap::new(), BTreeMap::new());
    let send: &[&str] = &["sqs:SendMessage"];
    let sends = |it: &Value| (send, it.clone());
    for (id, function) in deployed("AWS::Lambda::Function") {
        let binary = &TEMPLATE.functions.iter().find(|it| it.logical_id == *id).expect("a function").binary;
        let log = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"].as_str().expect("a log group");
        assert_eq!(DOCUMENT["Resources"][log]["Type"], "AWS::Logs::LogGroup");
        let own: &mut Vec<(&[&str], Value)> = expected.entry(binary.as_str()).or_default();
        own.push((&["logs:CreateLogStream", "logs:PutLogEvents"], arn(log)));
        let [itself, alias] = [json!({ "Ref": id }), json!({ "Ref": format!("{id}Aliaslive") })];
        let of_itself = |it: &&Value| [&itself, &alias].contains(&&it["Properties"]["FunctionName"]);
        for mapping in deployed("AWS::Lambda::EventSourceMapping").map(|(_, it)| it).filter(of_itself) {
            let source = &mapping["Properties"]["EventSourceArn"];
            let is_stream = source["Fn::GetAtt"].as_str().is_some_and(|it| it.ends_with(".StreamArn"));
            let reads: &[&str] = if is_stream {
                &[
                    "dynamodb:DescribeStream",
                    "dynamodb:GetRecords",
                    "dynamodb:GetShardIterator",
                    "dynamodb:ListStreams",
                ]
            } else {
                // It hides a message again until it is due.
                &[
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:ChangeMessageVisibility",
                ]
            };
            own.push((reads, source.clone()));
            own.extend(destination(mapping).map(sends));
        }
        for config in deployed("AWS::Lambda::EventInvokeConfig").map(|(_, it)| it).filter(of_itself) {
            own.extend(destination(config).map(sends));
        }
        if binary == "client-notification" {
            own.push(sends(&arn("DeliveryQueue")));
            own.push(sends(&arn("DeliveryDeadLetters")));
        }
        own.dedup();
    }
    for Statement { function, actions, leading_keys, document } in statements() {
        let of_items = !leading_keys.is_empty();
        if !of_items && ["logs:", "sqs:", "dynamodb:"].iter().any(|service| actions[0].starts_with(service)) {
            assert_eq!(document["Condition"], json!(null), "{function}");
            found.entry(function).or_insert_with(Vec::new).push((actions, document["Resource"].clone()));
        }
    }
    assert_eq!(found.len(), TEMPLATE.functions.len());
    for (function, found) in found {
        let found: Vec<_> =
            found.iter().map(|(actions, resource)| (&actions[..], resource.clone())).collect();
        assert_eq!(found, expected[function], "{function}");
    }
}

/// HYG-4-06: all roles besides those of functions, with what the resource that has them needs.
#[test]
fn roles_of_other_services_can_do_one_thing_each() {
    let functions: BTreeSet<_> =
        TEMPLATE.functions.iter().map(|it| format!("{}Role", it.logical_id)).collect();
    let others = deployed("AWS::IAM::Role").filter(|(id, _)| !functions.contains(*id));
    let others = others.map(|(id, role)| {
        let [trust] = list(&role["Properties"]["AssumeRolePolicyDocument"]["Statement"])[..] else {
            panic!("{id} is assumed by one service")
        };
        // AWS names no condition for CodeDeploy.
        assert!(trust["Condition"].is_object() || id == "DeploymentRole", "{id}: for this account");
        let grants = statements_of(role).into_iter().map(|it| (texts(&it["Action"]), it["Resource"].clone()));
        (
            id.as_str(),
            (trust["Principal"]["Service"].as_str().expect("a service"), grants.collect::<Vec<_>>()),
        )
    });
    let objects = json!({ "Fn::Sub": "${EvidenceHeadsBucket.Arn}/*" });
    let alarms =
        json!({ "Fn::Sub": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*" });
    let functions = TEMPLATE.functions.iter().map(|it| &it.logical_id);
    let functions: Value =
        functions.flat_map(|id| [arn(id), json!({ "Fn::Sub": format!("${{{id}.Arn}}:*") })]).collect();
    let expected = BTreeMap::from([
        (
            "DeploymentRole",
            (
                "codedeploy.amazonaws.com",
                vec![
                    (vec!["cloudwatch:DescribeAlarms"], alarms),
                    (
                        vec![
                            "lambda:GetAlias",
                            "lambda:GetProvisionedConcurrencyConfig",
                            "lambda:UpdateAlias",
                        ],
                        functions,
                    ),
                ],
            ),
        ),
        (
            "EvidenceHeadsStreamRole",
            (
                "firehose.amazonaws.com",
                vec![(
                    vec![
                        "s3:AbortMultipartUpload",
                        "s3:GetBucketLocation",
                        "s3:ListBucket",
                        "s3:ListBucketMultipartUploads",
                        "s3:PutObject",
                    ],
                    json!([arn("EvidenceHeadsBucket"), objects]),
                )],
            ),
        ),
        (
            "EvidenceHeadsSubscriptionRole",
            (
                "logs.amazonaws.com",
                vec![(vec!["firehose:PutRecord", "firehose:PutRecordBatch"], arn("EvidenceHeadsStream"))],
            ),
        ),
    ]);
    assert_eq!(others.collect::<BTreeMap<_, _>>(), expected);
}
