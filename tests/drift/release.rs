//! A release publishes a new version of each function and moves its alias there. Everything that calls a function goes
//! through the alias.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::references::{cycle, references};
use crate::{DOCUMENT, TEMPLATE, TRANSFORMED, resources, root, transformed};

/// By the release alone: what else changes in a function is not called before. A changed parameter would publish none.
#[test]
fn each_release_gives_every_function_a_version_of_its_own() {
    for release in ["0123456789", "abcdef0123"] {
        let document = transformed("template.yaml", &[&format!("Release={release}")]);
        for function in &TEMPLATE.functions {
            let id = &function.logical_id;
            let alias = &document["Resources"][format!("{id}Aliaslive")]["Properties"];
            let version = json!({ "Fn::GetAtt": format!("{id}Version{release}.Version") });
            assert_eq!((&alias["Name"], &alias["FunctionVersion"]), (&json!("live"), &version), "{id}");
            // Lambda publishes no version that is equal to the one before.
            let own = &document["Resources"][id]["Properties"]["Environment"]["Variables"]["RELEASE"];
            assert_eq!(*own, json!({"Ref": "Release"}), "{id}");
        }
    }
}

#[test]
fn whoever_calls_a_function_calls_its_alias() {
    let functions: BTreeSet<_> = TEMPLATE.functions.iter().map(|it| it.logical_id.clone()).collect();
    let by_name = ["Alias", "Version", "EventInvokeConfig"].map(|it| format!("AWS::Lambda::{it}"));
    let mut callers = 0;
    for (id, names) in references(&TRANSFORMED) {
        let kind = TRANSFORMED["Resources"][&id]["Type"].as_str().expect("a type");
        callers += usize::from(names.iter().any(|name| name.ends_with("Aliaslive")));
        // The role that moves aliases names the functions.
        let is_role = kind == "AWS::IAM::Role";
        if kind != "AWS::CloudWatch::Alarm" && !is_role && !by_name.iter().any(|it| it == kind) {
            let direct: Vec<_> = names.intersection(&functions).collect();
            assert!(direct.is_empty(), "{id} calls what is being built of {direct:?}");
        }
    }
    assert!(callers > functions.len(), "a rule over nothing would hold");
}

/// By SAM alone, CodeDeploy would get a role that covers every function of the account.
#[test]
fn a_gradual_deployment_has_its_own_role_and_a_fast_alarm() {
    let document = transformed("template.yaml", &["GradualDeployment=true"]);
    let of_type = |kind: &str| {
        let all = document["Resources"].as_object().expect("resources").iter();
        all.filter(move |(_, it)| it["Type"] == kind).map(|(id, _)| id.clone()).collect::<BTreeSet<_>>()
    };
    let written: BTreeSet<_> = resources("AWS::IAM::Role").map(|(id, _)| id.clone()).collect();
    assert_eq!(of_type("AWS::IAM::Role"), written);
    assert_eq!(cycle(&references(&document)), None);
    let only = |it: Value| json!({"Fn::If": ["DeploysGradually", it, {"Ref": "AWS::NoValue"}]});
    for function in &TEMPLATE.functions {
        let id = &function.logical_id;
        let group = &document["Resources"][format!("{id}DeploymentGroup")]["Properties"];
        assert_eq!(group["ServiceRoleArn"], only(json!({"Fn::GetAtt": "DeploymentRole.Arn"})), "{id}");
        let alarms = json!([{ "Name": only(json!({"Ref": "DeploymentAlarm"})) }]);
        assert_eq!(group["AlarmConfiguration"]["Alarms"], alarms, "{id}");
        let alias = &document["Resources"][format!("{id}Aliaslive")];
        let moved_by = &alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"];
        assert_eq!(*moved_by, json!({ "Ref": format!("{id}DeploymentGroup") }));
    }
    let alarm = &DOCUMENT["Resources"]["DeploymentAlarm"]["Properties"];
    let seconds = ["Period", "EvaluationPeriods"].map(|it| alarm[it].as_u64().expect("a number"));
    assert!(seconds[0] * seconds[1] < 5 * 60, "the fastest deployment takes five minutes");
    for (id, kind) in [("DeploymentRole", "AWS::IAM::Role"), ("DeploymentAlarm", "AWS::CloudWatch::Alarm")] {
        let resource = &DOCUMENT["Resources"][id];
        assert_eq!((&resource["Type"], &resource["Condition"]), (&json!(kind), &json!("DeploysGradually")));
    }
    // Without it, aliases move at once.
    assert!(!TRANSFORMED["Resources"].to_string().contains("CodeDeployLambdaAliasUpdate"));
}

/// Otherwise what was deployed would not be called.
#[test]
fn a_release_is_named_by_code_template_and_parameters() {
    let folder = std::env::temp_dir().join(format!("ciba-release-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let release = |built: &str, arguments: &str| {
        fs::write(folder.join("bootstrap"), built).expect("a file");
        fs::write(folder.join("template.yaml"), "Resources:").expect("a file");
        let mut run = Command::new(root().join(".tools/bin/python"));
        run.arg(root().join("infra/release.py")).args(["template.yaml", "bootstrap"]);
        let output = run.env("ARGS", arguments).current_dir(&folder).output().expect("python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let first = release("one", "OperatorName=Acme");
    assert!(first.len() == 10 && first.bytes().all(|it| it.is_ascii_hexdigit()), "{first}");
    assert_eq!(release("one", "OperatorName=Acme"), first);
    let others = [release("two", "OperatorName=Acme"), release("one", "OperatorName=Acme Bank")];
    fs::remove_dir_all(&folder).expect("the folder");
    assert!(!others.contains(&first) && others[0] != others[1], "{others:?}");
    let deploy =
        "infra/release.py template.yaml samconfig.toml .aws-sam/build/*/bootstrap > .aws-sam/release\n";
    let makefile = crate::read("Makefile");
    assert!(makefile.contains(deploy) && makefile.contains("\nexport ARGS\n"));
}
