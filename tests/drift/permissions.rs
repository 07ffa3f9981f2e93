//! What each function may do, by the roles that are deployed: those of the template after SAM's transform, which can add
//! to what is written there. The linters take any action that looks like one, so a misspelt or too wide one would only
//! show on AWS.

use std::collections::BTreeSet;

use ciba::config::SigningKeys;
use ciba::store::attribute::ITEMS;
use serde_json::{Value, json};

use crate::{DOCUMENT, TEMPLATE, TRANSFORMED, deployed, resources};

/// Every action that some function needs. Scan, and anything with a star, is not among them.
const KNOWN: [&str; 29] = [
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeStream",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "events:PutEvents",
    "kms:CreateKey",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GetPublicKey",
    "kms:Sign",
    "kms:TagResource",
    "lambda:InvokeFunction",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sms-voice:SendTextMessage",
    "sns:Publish",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];

/// The first part of a partition key, as store/ writes them.
const LEADING_KEYS: [&str; 14] = [
    "authorization_details",
    "client#*",
    "endpoint#*",
    "enrolment#*",
    "evidence#*",
    "fetch#*",
    "hint#*",
    "jti#*",
    "key-set",
    "keys",
    "request#*",
    "ticket#*",
    "user#*",
    "withdrawn#*",
];

pub(crate) struct Statement {
    pub(crate) function: &'static str,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) leading_keys: Vec<&'static str>,
    pub(crate) document: &'static Value,
}

pub(crate) fn statements() -> Vec<Statement> {
    deployed("AWS::Lambda::Function")
        .flat_map(|(id, function)| {
            let binary =
                TEMPLATE.functions.iter().find(|it| it.logical_id == *id).expect("the same functions");
            let role = function["Properties"]["Role"]["Fn::GetAtt"].as_str().expect("a role");
            let role = &TRANSFORMED["Resources"][role.strip_suffix(".Arn").expect("a role of this stack")];
            statements_of(role).into_iter().map(|statement| Statement {
                function: &binary.binary,
                actions: texts(&statement["Action"]),
                leading_keys: texts(
                    &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"],
                ),
                document: statement,
            })
        })
        .collect()
}

/// What is there under a condition counts as there.
pub(crate) fn statements_of(role: &'static Value) -> Vec<&'static Value> {
    let policies = list(&role["Properties"]["Policies"]).into_iter();
    let policies = policies.map(|it| if it["Fn::If"].is_null() { it } else { &it["Fn::If"][1] });
    policies.flat_map(|it| list(&it["PolicyDocument"]["Statement"])).collect()
}

/// One or many, as IAM takes them.
pub(crate) fn list(value: &'static Value) -> Vec<&'static Value> {
    if value.is_null() {
        return Vec::new();
    }
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

pub(crate) fn texts(value: &'static Value) -> Vec<&'static str> {
    list(value).into_iter().map(|it| it.as_str().expect("a literal")).collect()
}

pub(crate) fn functions_that_may(action: &str) -> BTreeSet<&'static str> {
    statements().into_iter().filter(|it| it.actions.contains(&action)).map(|it| it.function).collect()
}

#[test]
fn every_action_is_a_known_one() {
    let used: BTreeSet<_> = statements().into_iter().flat_map(|it| it.actions).collect();
    assert_eq!(used, BTreeSet::from(KNOWN));
}

pub(crate) fn arn(id: &str) -> Value {
    json!({ "Fn::GetAtt": format!("{id}.Arn") })
}

/// HYG-4-06: the table or its index, the key that seals, the bus. What is sent to people, and keys in KMS, have tests of
/// their own.
#[test]
fn every_statement_names_the_resource_of_this_stack() {
    let index = json!({ "Fn::Sub": "${Table.Arn}/index/pending-by-user" });
    for Statement { function, actions, leading_keys, document } in statements() {
        let resource = &document["Resource"];
        for action in actions {
            let is_right = match action.split_once(':') {
                Some(("dynamodb", "Query")) => [arn("Table"), index.clone()].contains(resource),
                Some(("dynamodb", _)) if leading_keys.is_empty() => {
                    *resource == json!({ "Fn::GetAtt": "Table.StreamArn" })
                }
                Some(("dynamodb", _)) => *resource == arn("Table"),
                Some(("kms", "Decrypt")) => *resource == arn("SealingKey"),
                Some(("kms", generate)) if generate.starts_with("GenerateDataKey") => {
                    *resource == arn("SealingKey")
                }
                Some(("events", _)) => *resource == arn("EventBus"),
                // Which functions, a test of its own says.
                Some(("lambda", _)) => resource["Ref"].as_str().is_some_and(|it| it.ends_with("Function")),
                Some(("kms" | "logs" | "sms-voice" | "sns" | "sqs", _)) => continue,
                Some(_) | None => false,
            };
            assert!(is_right, "{function}: {action} on {resource}");
        }
    }
}

/// HYG-4-06
#[test]
fn every_table_statement_names_its_leading_keys() {
    for Statement { function, actions, leading_keys, document } in statements() {
        let reads_the_stream = document["Resource"] == json!({ "Fn::GetAtt": "Table.StreamArn" });
        if actions.iter().any(|it| it.starts_with("dynamodb:")) && !reads_the_stream {
            assert!(!leading_keys.is_empty(), "{function}: {actions:?} on the whole table");
        }
        for key in leading_keys {
            assert!(LEADING_KEYS.contains(&key), "{function}: no item's key begins with {key}");
        }
    }
}

/// Only rotation can make them.
#[test]
fn only_functions_that_seal_or_sign_can_unseal_keys() {
    let decrypt = functions_that_may("kms:Decrypt");
    assert_eq!(
        decrypt,
        BTreeSet::from([
            "backchannel-authentication",
            "client-notification",
            "consent",
            "enrollment",
            "introspection",
            "key-rotation",
            "login",
            "revocation",
            "token",
            "userinfo"
        ])
    );
    assert_eq!(functions_that_may("kms:GenerateDataKey"), BTreeSet::from(["key-rotation"]));
}

/// RP-1-11, RP-2-08: the encryption context says what a key is for, and each function may decrypt for its own purposes
/// alone. Who issues tokens or makes keys can neither make a session nor log in at an issuer as this provider.
#[test]
fn each_function_decrypts_for_its_own_purposes_alone() {
    let mut purposes = BTreeSet::new();
    for Statement { function, actions, document, .. } in statements() {
        let opens = [
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyPairWithoutPlaintext",
            "kms:GenerateDataKeyWithoutPlaintext",
        ];
        for action in actions.into_iter().filter(|action| opens.contains(action)) {
            let condition = document["Condition"].as_object().expect("a condition");
            assert_eq!(condition.keys().collect::<Vec<_>>(), ["StringEquals"], "{function}");
            let allowed = texts(&condition["StringEquals"]["kms:EncryptionContext:purpose"]);
            assert!(!allowed.is_empty(), "{function}: {action}");
            purposes.extend(allowed.into_iter().map(|purpose| (function, action, purpose)));
        }
    }
    let token_keys = |(_, action, purpose): &(&str, &str, &str)| {
        *purpose == "ciba-keys" && (*action == "kms:Decrypt" || *action == "kms:GenerateDataKey")
    };
    let (own, others): (Vec<_>, Vec<_>) = purposes.into_iter().partition(token_keys);
    assert_eq!(
        others,
        [
            ("consent", "kms:Decrypt", "ciba-pages"),
            ("enrollment", "kms:Decrypt", "ciba-pages"),
            ("key-rotation", "kms:GenerateDataKeyPairWithoutPlaintext", "ciba-login-keys"),
            ("key-rotation", "kms:GenerateDataKeyWithoutPlaintext", "ciba-pages"),
            ("login", "kms:Decrypt", "ciba-login"),
            ("login", "kms:Decrypt", "ciba-login-keys"),
            ("login", "kms:Decrypt", "ciba-pages"),
        ]
    );
    assert!(
        own.iter().all(|(function, ..)| *function != "login"),
        "it opens neither handles nor signing keys"
    );
}

/// TOK-12-05: with keys in KMS, whoever signs may have it done by the stack's own keys, and rotation may make such keys
/// and nothing else; and that only where they are asked for.
#[test]
fn rotation_makes_keys_in_kms_and_token_issuers_sign_there() {
    let tagged = |tag: &str| json!({ tag: { "Ref": "AWS::StackName" } });
    let keys = json!({ "Fn::Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*" });
    let mut create = tagged("aws:RequestTag/ciba-signing");
    create["kms:KeyUsage"] = "SIGN_VERIFY".into();
    let tag = json!({ "StringEquals": tagged("aws:RequestTag/ciba-signing"),
        "ForAllValues:StringEquals": { "aws:TagKeys": ["ciba-signing"] } });
    for (action, functions, resource, condition) in [
        (
            "kms:Sign",
            &["client-notification", "token"][..],
            keys.clone(),
            json!({ "StringEquals": tagged("aws:ResourceTag/ciba-signing") }),
        ),
        ("kms:CreateKey", &["key-rotation"], json!("*"), json!({ "StringEquals": create })),
        ("kms:TagResource", &["key-rotation"], json!("*"), tag),
        ("kms:GetPublicKey", &["key-rotation"], keys, json!(null)),
    ] {
        assert_eq!(functions_that_may(action), BTreeSet::from_iter(functions.iter().copied()), "{action}");
        for Statement { document, .. } in statements().into_iter().filter(|it| it.actions.contains(&action)) {
            assert_eq!(document["Action"], action, "a statement of its own");
            assert_eq!((&document["Resource"], &document["Condition"]), (&resource, &condition), "{action}");
        }
    }
    assert_eq!(SigningKeys::TAG, "ciba-signing");
    let rotation = &TRANSFORMED["Resources"]["KeyRotationFunctionRole"]["Properties"]["Policies"];
    let conditional = &rotation[1]["Fn::If"];
    assert_eq!((&conditional[0], &conditional[2]["Ref"]), (&json!("SignsInKms"), &json!("AWS::NoValue")));
    assert!(!rotation[0].to_string().contains("kms:CreateKey"));
    assert_eq!(DOCUMENT["Conditions"]["SignsInKms"], json!({ "Fn::Equals": [{ "Ref": "Signing" }, "kms"] }));
}

/// HYG-5-03: only whoever writes such documents signs them, by the names of the roles; the account's own statement gives
/// signing to nobody, and neither does any role's own policy.
#[test]
fn only_the_functions_that_write_evidence_sign_it() {
    let role = |function: &str| json!({ "Fn::GetAtt": format!("{function}Role.Arn") });
    let root = json!({ "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" });
    let signers = [
        ("EvidenceKey", vec![role("BackchannelAuthenticationFunction"), role("ConsentFunction")]),
        ("EnrollmentKey", vec![role("EnrollmentFunction")]),
    ];
    for (key, expected) in signers {
        let key = &DOCUMENT["Resources"][key];
        assert_eq!(
            (&key["Properties"]["KeySpec"], &key["Properties"]["KeyUsage"]),
            (&json!("ECC_NIST_P256"), &json!("SIGN_VERIFY"))
        );
        assert_eq!(
            (&key["DeletionPolicy"], &key["Condition"]),
            (&json!("RetainExceptOnCreate"), &json!("HasWitness"))
        );
        let statements = list(&key["Properties"]["KeyPolicy"]["Statement"]);
        let mut may_sign = Vec::new();
        for statement in statements {
            let actions = texts(&statement["Action"]);
            assert!(actions.iter().all(|action| !action.contains('*')), "{actions:?}");
            assert!(statement["NotAction"].is_null() && statement["NotPrincipal"].is_null());
            let principals: Vec<_> = list(&statement["Principal"]["AWS"]).into_iter().cloned().collect();
            if principals == [root.clone()] {
                let without = ["kms:Sign", "kms:GenerateMac", "kms:CreateGrant", "kms:ReplicateKey"];
                assert!(actions.iter().all(|action| !without.contains(action)), "{actions:?}");
                assert!(actions.contains(&"kms:PutKeyPolicy"), "else nobody could ever change it");
            } else if actions.contains(&"kms:Sign") {
                may_sign.extend(principals);
            }
        }
        assert_eq!(may_sign, expected);
    }
    // A role's own policy on all keys names the tag of signing keys, which these do not have.
    let own = statements().into_iter().filter(|it| it.actions.contains(&"kms:Sign"));
    assert!(own.map(|it| it.function).all(|function| ["client-notification", "token"].contains(&function)));
    let auto = &DOCUMENT["Parameters"]["EvidenceWitness"];
    assert_eq!(
        (&auto["Default"], &DOCUMENT["Parameters"]["UnsignedPasskeys"]["Default"]),
        (&json!("auto"), &json!("refused"))
    );
}

/// HYG-5-03: from the logs of those who keep evidence, into a bucket where nothing is deleted before its time.
#[test]
fn heads_of_evidence_go_from_the_logs_into_a_locked_bucket() {
    let resource = |id: &str| &DOCUMENT["Resources"][id];
    let bucket = resource("EvidenceHeadsBucket");
    let lock = &bucket["Properties"]["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    assert_eq!(
        (&bucket["DeletionPolicy"], &bucket["Condition"]),
        (&json!("RetainExceptOnCreate"), &json!("HasHeads"))
    );
    assert_eq!(lock["Days"], json!({"Ref": "EvidenceRetentionDays"}), "as long as evidence is kept");
    assert_eq!(lock["Mode"], json!({"Fn::If": ["LocksHeadsForAll", "COMPLIANCE", "GOVERNANCE"]}));
    let filters = resources("AWS::Logs::SubscriptionFilter").filter(|(_, it)| it["Condition"] == "HasHeads");
    let filters: BTreeSet<_> = filters
        .map(|(_, it)| {
            let properties = &it["Properties"];
            assert_eq!(properties["FilterPattern"], r#"{ $.event = "evidence" }"#);
            assert_eq!(properties["DestinationArn"], json!({"Fn::GetAtt": "EvidenceHeadsStream.Arn"}));
            properties["LogGroupName"]["Ref"].as_str().expect("a log group")
        })
        .collect();
    assert_eq!(filters, BTreeSet::from(["BackchannelAuthenticationLogs", "ConsentLogs"]));
    let stream = &resource("EvidenceHeadsStream")["Properties"]["ExtendedS3DestinationConfiguration"];
    assert_eq!(stream["BucketARN"], json!({"Fn::GetAtt": "EvidenceHeadsBucket.Arn"}));
    // Nobody of the stack reads, deletes or unlocks.
    let role = resource("EvidenceHeadsStreamRole").to_string();
    assert!(
        role.contains("s3:PutObject\"")
            && !role.contains("Delete")
            && !role.contains("Bypass")
            && !role.contains("s3:*")
    );
}

/// What cannot be created again outlives the stack, but not a first deployment that fails; and a log of evidence has a name
/// that no later stack needs.
#[test]
fn what_cannot_be_created_again_is_retained_once_it_exists() {
    let retained = DOCUMENT["Resources"].as_object().expect("resources").iter();
    let retained = retained.filter(|(_, it)| !it["DeletionPolicy"].is_null()).map(|(id, it)| {
        assert_eq!(
            (&it["DeletionPolicy"], &it["UpdateReplacePolicy"]),
            (&json!("RetainExceptOnCreate"), &json!("Retain"))
        );
        id.as_str()
    });
    let expected = [
        "BackchannelAuthenticationLogs",
        "ConsentLogs",
        "EnrollmentKey",
        "EvidenceHeadsBucket",
        "EvidenceKey",
        "SealingKey",
        "Table",
    ];
    assert_eq!(retained.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    for log in ["BackchannelAuthenticationLogs", "ConsentLogs"] {
        let name = DOCUMENT["Resources"][log]["Properties"]["LogGroupName"].to_string();
        assert!(name.contains("AWS::StackId"), "{log}: {name}");
    }
    let protection = &DOCUMENT["Parameters"]["DeletionProtection"]["Default"];
    assert_eq!(protection, "false", "a protected table could not be deleted by a deployment that fails");
    let protects = "--parameter-overrides DeletionProtection=$(DELETION_PROTECTION)";
    let makefile = crate::read("Makefile");
    assert!(makefile.contains("\nDELETION_PROTECTION ?= true\n") && makefile.contains(protects));
}

/// HOOK-2-03: exactly the operator's functions, and only where there are such.
#[test]
fn hooks_are_invoked_by_their_own_arns() {
    let invokes = |it: &Statement| it.actions.contains(&"lambda:InvokeFunction");
    let invoked = statements().into_iter().filter(invokes).map(|Statement { function, document, .. }| {
        assert_eq!(document["Action"], "lambda:InvokeFunction", "a statement of its own");
        (function, document["Resource"]["Ref"].as_str().expect("a parameter"))
    });
    let expected = [
        ("backchannel-authentication", "RequestPolicyFunction"),
        ("backchannel-authentication", "UserNotifierFunction"),
        ("backchannel-authentication", "UserResolverFunction"),
        ("enrollment", "UserNotifierFunction"),
        ("token", "UserResolverFunction"),
    ];
    assert_eq!(invoked.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    for function in ["BackchannelAuthentication", "Enrollment", "Token"] {
        let role = &DOCUMENT["Resources"][format!("{function}FunctionRole")]["Properties"]["Policies"];
        let [always, conditional @ ..] = &list(role)[..] else { panic!("policies") };
        let always = always.to_string();
        assert!(!always.contains("lambda:") && !always.contains("endpoint#"), "{function}");
        for policy in conditional {
            let [condition, then, otherwise] = &list(&policy["Fn::If"])[..] else { panic!("{policy}") };
            let hook = condition.as_str().and_then(|name| name.strip_prefix("Has")).expect("a condition");
            assert!(then.to_string().contains(&format!("{hook}Function")), "{then}");
            assert_eq!(otherwise["Ref"], "AWS::NoValue");
            let parameter = format!("{hook}Function");
            let is_set = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]});
            assert_eq!(DOCUMENT["Conditions"][condition.as_str().expect("a name")], is_set);
            assert_eq!(DOCUMENT["Parameters"][&parameter]["Default"], "");
        }
    }
}

/// ATK-7-05: new people and their hints, without the attributes of a passkey or a code.
#[test]
fn the_function_for_logins_writes_entries_of_people_alone() {
    let writes = |it: &Statement| it.leading_keys.contains(&"user#*") && it.actions != ["dynamodb:GetItem"];
    let its = statements().into_iter().filter(|it| it.function == "login" && writes(it));
    let [Statement { actions, leading_keys, document, .. }] = &its.collect::<Vec<_>>()[..] else {
        panic!("one statement")
    };
    assert_eq!((&actions[..], &leading_keys[..]), (&["dynamodb:PutItem"][..], &["user#*", "hint#*"][..]));
    let condition = document["Condition"].as_object().expect("a condition");
    assert_eq!(condition.len(), 2);
    let allowed: BTreeSet<_> =
        texts(&condition["ForAllValues:StringEquals"]["dynamodb:Attributes"]).into_iter().collect();
    let entry = ITEMS.iter().find(|it| it.name == "person").expect("the item of a person");
    let is_entered = |name: &&str| *name != "user_code" && !name.starts_with("resolved_");
    let written = entry.attributes.iter().copied().filter(is_entered).chain(["pk", "sk"]);
    assert_eq!(allowed, written.collect());
}

#[test]
fn only_the_events_function_puts_events_and_does_nothing_else() {
    assert_eq!(functions_that_may("events:PutEvents"), BTreeSet::from(["events"]));
    // What Lambda does for it with its role: its log, the stream, and what was given up.
    let by_lambda = |action: &&str| {
        action.starts_with("logs:") || action.starts_with("dynamodb:") || *action == "sqs:SendMessage"
    };
    let its = statements().into_iter().filter(|it| it.function == "events");
    let by_itself: Vec<_> = its.flat_map(|it| it.actions).filter(|it| !by_lambda(it)).collect();
    assert_eq!(by_itself, ["events:PutEvents"]);
}
