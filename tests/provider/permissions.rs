//! What each function did to the table, and whom it sent messages, is what template.yaml allows it, in both directions.

use std::collections::{BTreeSet, HashMap};

use ciba::domain::base::time::Timestamp;
use ciba::domain::person::channel::PushPlatform;
use ciba::domain::person::ticket::TicketKind;
use ciba_local::lambda::{Lambda, Outcome};
use ciba_local::server::listen;
use ciba_local::sns::{Failure, Target};
use ciba_tests::{
    Authenticator, Provider, Reaction, Receiver, SECRET, at, basic, form, form_request, json_request,
    request, root,
};
use lambda_http::RequestExt;
use serde_json::{Value, json};

use crate::authorization_details::payment;
use crate::client_assertion::{asserted, claims, register};
use crate::consent::person::approve;
use crate::foreign_issuer::{ForeignIssuer, Key};
use crate::login::issuer::OpenIdProvider;
use crate::login::{enroll_at, introduce_at, log_in_at};
use crate::prover::{Prover, hash, with_proof};
use crate::signed_request;

/// Function, action, and the leading key with a star for what follows its first part.
type Permission = (String, String, String);

/// The statements of the functions' roles, with the function they are for. A drift test holds that they are deployed as
/// they are written.
fn statements() -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let document = ciba_local::template::document(&text).expect("a template");
    let resources = document["Resources"].as_object().expect("resources");
    let functions = resources.values().filter(|it| it["Type"] == "AWS::Serverless::Function");
    let statements = functions.flat_map(|function| {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().expect("a binary");
        let role = function["Properties"]["Role"]["Fn::GetAtt"].as_str().expect("a role");
        let role = &resources[role.strip_suffix(".Arn").expect("a role of this stack")];
        let policies = role["Properties"]["Policies"].as_array().into_iter().flatten();
        // What is there under a condition counts as there.
        let policies = policies.map(|it| if it["Fn::If"].is_null() { it } else { &it["Fn::If"][1] });
        let statements = policies.flat_map(|policy| texts(&policy["PolicyDocument"]["Statement"]));
        statements.map(move |statement| (Provider::access_key(binary), statement.clone()))
    });
    statements.collect()
}

/// The statements of the keys' policies that name functions' roles.
fn statements_of_keys() -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let document = ciba_local::template::document(&text).expect("a template");
    let resources = document["Resources"].as_object().expect("resources");
    let keys = resources.values().filter(|it| it["Type"] == "AWS::KMS::Key");
    let statements = keys.flat_map(|key| texts(&key["Properties"]["KeyPolicy"]["Statement"]));
    let of_roles = statements.flat_map(|statement| {
        let roles = texts(&statement["Principal"]["AWS"]).filter_map(|it| it["Fn::GetAtt"].as_str());
        roles.map(move |role| {
            let function = role.strip_suffix("Role.Arn").expect("a function's role");
            let binary = resources[function]["Metadata"]["BuildProperties"]["Binary"].as_str();
            (Provider::access_key(binary.expect("a binary")), statement.clone())
        })
    });
    of_roles.collect()
}

/// What they say about the table.
fn granted() -> BTreeSet<Permission> {
    let mut all = BTreeSet::new();
    for (function, statement) in statements() {
        for action in texts(&statement["Action"]).filter_map(|it| it.as_str()?.strip_prefix("dynamodb:")) {
            for key in texts(&statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) {
                all.insert((function.clone(), action.to_owned(), key.as_str().expect("a key").to_owned()));
            }
        }
    }
    all
}

/// One or many, as IAM takes them.
fn texts(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter().filter(|it| !it.is_null())
}

/// What went over the wire, as IAM would have judged it.
fn used(provider: &Provider) -> BTreeSet<Permission> {
    let calls = provider.proxy.calls();
    let touches = calls.iter().flat_map(|call| {
        let caller = call.caller.clone().expect("a caller");
        call.touches.iter().map(move |touch| {
            let key = touch.leading_key.as_deref().expect("a leading key");
            let key = key.split_once('#').map_or_else(|| key.to_owned(), |(first, _)| format!("{first}#*"));
            (caller.clone(), touch.action.clone(), key)
        })
    });
    touches.filter(|(caller, ..)| caller != "test").collect()
}

/// What the policies of the template say about messages: function, and the resource with a star for the rest.
fn granted_to_send() -> BTreeSet<(String, String)> {
    let text = |it: &Value| it["Fn::Sub"].as_str().or(it["Ref"].as_str()).expect("a reference").to_owned();
    let target = |resource: &Value| match text(resource).split_once(":endpoint/") {
        Some((_, platform)) => platform.to_owned(),
        None if text(resource) == "NotificationTopic" => "topic".to_owned(),
        None => panic!("{resource}"),
    };
    let mut all = BTreeSet::new();
    for (function, statement) in statements() {
        if texts(&statement["Action"]).any(|it| it == "sns:Publish") {
            all.extend(texts(&statement["Resource"]).map(|it| (function.clone(), target(it))));
            // Everything that has no ARN.
            let numbers = texts(&statement["NotResource"]).map(|_| (function.clone(), "number".to_owned()));
            all.extend(numbers);
        }
    }
    all
}

fn sent(provider: &Provider) -> BTreeSet<(String, String)> {
    let attempts = provider.sns.attempts().into_iter();
    attempts
        .map(|message| {
            let target = match message.target.expect("a target") {
                Target::PhoneNumber(_) => "number".to_owned(),
                Target::TopicArn(_) => "topic".to_owned(),
                Target::TargetArn(arn) => {
                    let platform = arn.split('/').nth(1).expect("a platform");
                    format!("{platform}/*")
                }
            };
            (message.caller.expect("a caller"), target)
        })
        .collect()
}

/// Function and action of KMS.
type KmsPermission = (String, String);

fn granted_of_kms() -> BTreeSet<KmsPermission> {
    let mut all = BTreeSet::new();
    for (function, statement) in statements().into_iter().chain(statements_of_keys()) {
        let actions = texts(&statement["Action"]).filter_map(|it| it.as_str()?.strip_prefix("kms:"));
        all.extend(actions.map(|action| (function.clone(), action.to_owned())));
    }
    all
}

fn used_of_kms(provider: &Provider) -> BTreeSet<KmsPermission> {
    let calls = provider.kms.calls().into_iter();
    let used = calls.flat_map(|call| {
        let caller = call.caller.expect("a caller");
        // A key that is made with tags takes the permission to tag it.
        let tags = (!call.tags.is_empty()).then(|| (caller.clone(), "TagResource".to_owned()));
        [Some((caller, call.operation)), tags].into_iter().flatten()
    });
    used.filter(|(caller, _)| caller != "test").collect()
}

/// Somebody begins to set up a passkey after a login.
async fn enroll_oneself(provider: &Provider, issuer: &OpenIdProvider) {
    issuer.enroll(provider, &["alice"]).await;
    let setting = json!([issuer.setting(json!({"self_enrollment": {"amr": ["otp"]}}))]).to_string();
    let settings = [("LOGIN_ISSUERS", setting.as_str())];
    let (login, enrollment) = (provider.logging_in_with(&settings), provider.enrollment_with(&settings));
    enroll_at(provider, (&login, &enrollment), issuer, at(7.0)).await;
}

/// TOK-12-05: with keys in KMS, where functions may do all that they may ever do.
#[tokio::test]
async fn each_function_uses_exactly_its_kms_permissions() {
    let provider = Provider::empty(&[("SIGNING", "kms"), ("SIGNING_KEY_TAG", "stack")]).await;
    provider.key_rotation.run(&provider.invocation(at(0.0))).await.expect("keys");
    // The data key is there, and has to be opened.
    provider.key_rotation.run(&provider.invocation(at(1.0))).await.expect("keys");
    provider.register(json!({"client_id": "kiosk"})).await.expect("kiosk");
    provider.enroll("alice", json!({"channels": [{"sms": "+15555550100"}]})).await.expect("alice");
    let (auth_req_id, request) = provider.asked(&[], at(1.0)).await;
    provider.approve(&request, at(2.0)).await;
    assert_eq!(provider.poll(&auth_req_id, at(6.0)).await.status, 200);
    let receiver = pushed(&provider, "alice", at(7.0)).await;
    assert!(receiver.calls()[0].body["id_token"].is_string());
    // What is kept of a signed request is signed, and of a passkey; and a passkey is told from a forgery.
    let key = Key::es256("one");
    let signer = json!({"backchannel_authentication_request_signing_alg": "ES256"});
    register(&provider, "signer", &[&key], signer).await;
    let sign = |claims: Value| key.sign(&key.header().to_string(), &claims.to_string());
    let assertion = sign(claims(json!({"iss": "signer", "sub": "signer"})));
    let signed = sign(signed_request::claims(json!({"iss": "signer"})));
    let signed = asserted("/bc-authorize", &assertion, &[("request", &signed)]);
    let answer = provider.call(&provider.backchannel_authentication, &signed, at(7.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut phone = provider.enroll_passkey("alice", at(8.0)).await;
    let path = provider.ticket("alice", TicketKind::First, at(8.0)).await;
    let further = provider.follow_ticket(&path, &mut Authenticator::new(), Some(&mut phone), at(8.0)).await;
    assert_eq!(further.status, 200, "{further:?}");
    let (_, request) = provider.asked(&[], at(700.0)).await;
    let approved = approve(&provider, &request, &mut phone, "openid profile", at(701.0)).await;
    assert_eq!(approved.status, 200, "{approved:?}");
    enroll_oneself(&provider, &OpenIdProvider::start("acme").await).await;
    provider.userinfo.warm_up(&provider.invocation(at(6.0))).await;
    provider.introspection.warm_up(&provider.invocation(at(6.0))).await;
    provider.revocation.warm_up(&provider.invocation(at(6.0))).await;
    assert_eq!(used_of_kms(&provider), granted_of_kms());
    let made = provider.kms.calls().into_iter().filter(|call| call.operation == "CreateKey");
    assert!(made.map(|call| call.tags).all(|tags| tags == [("ciba-signing".into(), "stack".into())].into()));
}

/// What was approved for a push client reaches it.
async fn pushed(provider: &Provider, person: &str, now: Timestamp) -> Receiver {
    let receiver = Receiver::start().await;
    let till = json!({"client_id": "till", "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": receiver.url()});
    provider.register(till).await.expect("till");
    let token = "8d67dc78-7faa-4d41-aabd-67707b374255";
    let parameters = [("login_hint", person), ("client_notification_token", token)];
    assert_eq!(provider.ask_as("till", &parameters, now).await.status, 200);
    let message = provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    let body = json!({"client_id": "till", "decision": "approve"});
    assert_eq!(provider.decide(person, &request, body, now).await.status, 200);
    provider.deliver(now).await;
    receiver
}

/// Somebody whom the resolver describes, first with a device and then without one; when their tokens are refreshed, it is
/// asked again.
async fn describe(provider: &Provider, resolver: &str) {
    let login = provider.login.issuer().to_owned();
    provider.lambda.set_function(resolver, move |event| {
        let device = json!({"push": "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/App/1"});
        let has_device = event["hint"]["value"] == "customer-0301";
        let channel = if has_device { device } else { json!({"sms": "+15555550300"}) };
        let user = json!({"issuer": login, "subject": "carol", "channels": [channel]});
        Outcome::json(&json!({"version": 1, "user": user}))
    });
    assert_eq!(provider.ask(&[("login_hint", "customer-0301")], at(10.0)).await.status, 200);
    let scope = ("scope", "openid offline_access");
    let (auth_req_id, request) = provider.asked(&[("login_hint", "customer-0300"), scope], at(11.0)).await;
    let approved = provider.decide("carol", &request, json!({"decision": "approve"}), at(12.0)).await;
    assert_eq!(approved.status, 200, "{approved:?}");
    let tokens = provider.poll(&auth_req_id, at(20.0)).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    let refresh = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&refresh));
    assert_eq!(provider.call(&provider.token, &refresh, at(700.0)).await.status, 200);
}

/// What the template says about queues: function, action, and the queue. Lambda itself receives and deletes messages with
/// the function's role, and reads the stream; and what `events` gives up it keeps for it.
fn granted_of_queues() -> BTreeSet<Permission> {
    let by_lambda = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
    let mut all = BTreeSet::new();
    for (function, statement) in statements() {
        let actions = texts(&statement["Action"]).filter_map(|it| it.as_str()?.strip_prefix("sqs:"));
        for action in actions.filter(|action| !by_lambda.contains(action)) {
            let queue = statement["Resource"]["Fn::GetAtt"].as_str().and_then(|it| it.strip_suffix(".Arn"));
            all.insert((function.clone(), action.to_owned(), queue.expect("a queue").to_owned()));
        }
    }
    all.retain(|(function, ..)| *function != Provider::access_key("events"));
    all
}

/// A delivery fails, first in the stream's invocation, then in the queue's, and then for good.
#[tokio::test]
async fn each_function_uses_exactly_its_permissions_on_queues() {
    let provider = Provider::start().await;
    let receiver = Receiver::start().await;
    let till = json!({"client_id": "till", "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": receiver.url()});
    provider.register(till).await.expect("till");
    receiver.react([503, 503, 401].map(Reaction::Status));
    let parameters = [("client_notification_token", "8d67dc78-7faa-4d41-aabd-67707b374255")];
    assert_eq!(provider.ask_as("till", &parameters, at(0.0)).await.status, 200);
    let message = provider.sns.messages().pop().expect("a message");
    let request = message.text.rsplit('/').next().expect("a link").to_owned();
    let body = json!({"client_id": "till", "decision": "approve"});
    assert_eq!(provider.decide("alice", &request, body, at(1.0)).await.status, 200);
    for seconds in [1.0, 3.0, 9.0] {
        provider.deliver(at(seconds)).await;
    }
    let calls = provider.sqs.calls().into_iter();
    let used: BTreeSet<Permission> = calls
        .map(|call| (call.caller.expect("a caller"), call.operation, call.queue.expect("a queue")))
        .collect();
    assert_eq!(used, granted_of_queues());
}

/// Somebody is asked, and told of a passkey, on a channel of the operator's own.
async fn tell_through(provider: &Provider, notifier: &str) {
    provider.lambda.set_function(notifier, |_| Outcome::json(&json!({"version": 1, "outcome": "accepted"})));
    let email = json!([{"custom": {"name": "email", "address": "frances@example.com"}}]);
    provider.enroll("frances", json!({ "channels": email })).await.expect("frances");
    assert_eq!(provider.ask(&[("login_hint", "frances")], at(10.0)).await.status, 200);
    provider.enroll_passkey("frances", at(11.0)).await;
}

/// Each channel once; the template names no place that the code does not send to.
#[tokio::test]
async fn each_function_sends_exactly_where_the_template_allows_it() {
    let provider = Provider::start().await;
    let endpoint = |it: &str| json!({"push": format!("arn:aws:sns:us-east-1:123456789012:endpoint/{it}")});
    let channels = PushPlatform::ALL.map(|it| endpoint(&format!("{}/App/1", it.as_str())));
    let topic = json!({"topic": "arn:aws:sns:us-east-1:123456789012:ciba"});
    for (index, channel) in channels.into_iter().chain([topic.clone()]).enumerate() {
        let sub = format!("person-{index}");
        provider.enroll(&sub, json!({"channels": [channel]})).await.expect(&sub);
        assert_eq!(provider.ask(&[("login_hint", &sub)], at(0.0)).await.status, 200);
    }
    provider.asked(&[], at(0.0)).await;
    // News of a passkey goes to all of them at once.
    let channels = PushPlatform::ALL.map(|it| endpoint(&format!("{}/App/2", it.as_str())));
    let [apns, sandbox, gcm] = channels;
    let channels = json!([{"sms": "+15555550123"}, apns, sandbox, gcm, topic]);
    provider.enroll("carol", json!({ "channels": channels })).await.expect("carol");
    provider.enroll_passkey("carol", at(0.0)).await;
    assert_eq!(sent(&provider), granted_to_send());
}

/// HOOK-2-03
#[tokio::test]
async fn each_function_uses_exactly_what_the_template_allows_it() {
    let hints = ForeignIssuer::start().await;
    let issuers = json!([{"issuer": hints.issuer, "jwks_uri": hints.jwks_uri(), "algorithms": ["ES256"]}]);
    let issuers = issuers.to_string();
    let (resolver, policy) = (Lambda::arn("people:live"), Lambda::arn("rules:live"));
    let notifier = Lambda::arn("messages:live");
    let settings = [
        ("HINT_ISSUERS", issuers.as_str()),
        ("ASKS_PER_TEN_MINUTES", "16"),
        ("ASKS_PER_DAY", "16"),
        ("USER_RESOLVER_FUNCTION", resolver.as_str()),
        ("USER_RESOLVER_ISSUERS", Provider::LOGIN),
        ("REQUEST_POLICY_FUNCTION", policy.as_str()),
        ("USER_NOTIFIER_FUNCTION", notifier.as_str()),
    ];
    let provider = Provider::empty(&settings).await;
    provider.key_rotation.run(&provider.invocation(at(0.0))).await.expect("keys");
    let kiosk = json!({"client_id": "kiosk", "scope": "openid profile offline_access",
        "authorization_details_types": ["payment"],
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"]});
    provider.register(kiosk).await.expect("kiosk");
    provider.put_detail_type(&payment()).await;
    provider.enroll("alice", json!({"channels": [{"sms": "+15555550100"}]})).await.expect("alice");

    provider.lambda.set_function(&policy, |_| Outcome::json(&json!({"version": 1, "allowed": true})));
    describe(&provider, &resolver).await;
    tell_through(&provider, &notifier).await;
    let invocations = provider.lambda.invocations().into_iter();
    let invoked: BTreeSet<_> = invocations.map(|it| (it.caller.expect("a caller"), it.function)).collect();
    let functions = statements().into_iter().filter(|(_, it)| it["Action"] == "lambda:InvokeFunction");
    let functions = functions.map(|(function, it)| {
        let arn = match it["Resource"]["Ref"].as_str().expect("a parameter") {
            "UserResolverFunction" => &resolver,
            "UserNotifierFunction" => &notifier,
            _ => &policy,
        };
        (function, arn.clone())
    });
    assert_eq!(invoked, functions.collect());

    // Superseded, seen, approved, redeemed.
    provider.asked(&[], at(0.0)).await;
    let (auth_req_id, request_key) = provider.asked(&[("scope", "openid offline_access")], at(1.0)).await;
    provider.consent("alice", "GET", "/consent", "", at(2.0)).await;
    provider.consent("alice", "GET", &format!("/consent/{request_key}"), "", at(2.0)).await;
    provider.poll(&auth_req_id, at(2.0)).await;
    provider.approve(&request_key, at(3.0)).await;
    // With a proof, which is used up.
    let prover = Prover::new();
    let parameters = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", &auth_req_id)];
    let poll = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&parameters));
    let proof = prover.proof("POST", "/oauth/token", at(6.0), json!({}));
    let tokens = provider.call(&provider.token, &with_proof(poll, &proof), at(6.0)).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    let refresh = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(&refresh));
    let proof = prover.proof("POST", "/oauth/token", at(7.0), json!({}));
    let refreshed = provider.call(&provider.token, &with_proof(refresh, &proof), at(7.0)).await;
    let access = refreshed.text("access_token");
    let bearer = format!("DPoP {access}");
    let userinfo = request("GET", "/userinfo", &[("authorization", &bearer)], "");
    let proof = prover.proof("GET", "/userinfo", at(7.0), json!({"ath": hash(access)}));
    assert_eq!(provider.call(&provider.userinfo, &with_proof(userinfo, &proof), at(7.0)).await.status, 200);
    let token = form_request("/", Some(&basic("kiosk", SECRET)), &form(&[("token", access)]));
    assert_eq!(provider.call(&provider.introspection, &token, at(7.0)).await.status, 200);
    assert_eq!(provider.call(&provider.revocation, &token, at(7.0)).await.status, 200);
    // Clients that sign use up an assertion at each endpoint.
    let key = Key::es256("one");
    register(&provider, "teller", &[&key], json!({})).await;
    for path in ["/bc-authorize", "/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        let header = key.header().to_string();
        let assertion = key.sign(&header, &claims(json!({ "jti": path })).to_string());
        let request = asserted(path, &assertion, &[]);
        let answer = match path {
            "/bc-authorize" => provider.call(&provider.backchannel_authentication, &request, at(7.0)).await,
            "/oauth/token" => provider.call(&provider.token, &request, at(7.0)).await,
            "/oauth/introspect" => provider.call(&provider.introspection, &request, at(7.0)).await,
            _ => provider.call(&provider.revocation, &request, at(7.0)).await,
        };
        assert_eq!(answer.refusal(), (400, "invalid_request"), "authenticated, and nothing asked");
    }
    // Whose keys cannot be fetched is remembered, by each function.
    let nowhere = listen(0).await.expect("a port").local_addr().expect("an address").port();
    for (n, path) in
        ["/bc-authorize", "/oauth/token", "/oauth/introspect", "/oauth/revoke"].iter().enumerate()
    {
        let id = format!("silent-{n}");
        let uri = format!("http://localhost:{nowhere}/{n}");
        register(&provider, &id, &[], json!({"jwks": null, "jwks_uri": uri})).await;
        let claims = claims(json!({"iss": id, "sub": id}));
        let request = asserted(path, &key.sign(&key.header().to_string(), &claims.to_string()), &[]);
        let answer = match n {
            0 => provider.call(&provider.backchannel_authentication, &request, at(7.0)).await,
            1 => provider.call(&provider.token, &request, at(7.0)).await,
            2 => provider.call(&provider.introspection, &request, at(7.0)).await,
            _ => provider.call(&provider.revocation, &request, at(7.0)).await,
        };
        assert_eq!(answer.refusal().0, 503, "{path}");
    }
    let unreachable = json!([{"issuer": "http://localhost:1", "jwks_uri": format!("http://localhost:{nowhere}/"),
        "algorithms": ["ES256"], "audience": {"claim": "aud", "value": "approval-app"}}]);
    let consent = provider.consent_with(&[("LOGIN_ISSUERS", &unreachable.to_string())]);
    let unknown = key.sign(&key.header().to_string(), r#"{"iss":"http://localhost:1"}"#);
    let call = json_request("GET", "/consent", Some(&unknown), "");
    assert_eq!(provider.call(&consent, &call, at(7.0)).await.refusal().0, 503);
    // A login on the page, and one at an issuer that does not answer.
    let (_, for_login) = provider.asked(&[], at(7.0)).await;
    let issuer = OpenIdProvider::start("acme").await;
    let login =
        provider.logging_in_with(&[("LOGIN_ISSUERS", &json!([issuer.setting(json!({}))]).to_string())]);
    log_in_at(&provider, &login, &issuer, &for_login, at(7.0)).await;
    let introducing = json!([issuer.setting(json!({"new_people": {}}))]).to_string();
    let login = provider.logging_in_with(&[("LOGIN_ISSUERS", &introducing)]);
    introduce_at(&provider, &login, &issuer, at(7.0)).await;
    enroll_oneself(&provider, &issuer).await;
    let browser = issuer.setting(json!({}))["browser"].clone();
    let mut unreachable = unreachable.clone();
    unreachable[0]["browser"] = browser;
    unreachable[0]["issuer"] = json!(format!("http://localhost:{nowhere}"));
    let login = provider.logging_in_with(&[("LOGIN_ISSUERS", &unreachable.to_string())]);
    let query = HashMap::from([("request".to_owned(), vec![for_login])]);
    let start = request("GET", "/login", &[], "").with_query_string_parameters(query);
    assert_eq!(provider.call(&login, &start, at(7.0)).await.status, 503);
    // And what they sign is kept.
    let signer = json!({"backchannel_authentication_request_signing_alg": "ES256"});
    register(&provider, "signer", &[&key], signer).await;
    let sign = |claims: Value| key.sign(&key.header().to_string(), &claims.to_string());
    let assertion = sign(claims(json!({"iss": "signer", "sub": "signer"})));
    // Of somebody about whom nothing was kept before.
    provider.enroll("bob", json!({"channels": [{"sms": "+15555550101"}]})).await.expect("bob");
    let signed = sign(signed_request::claims(json!({"iss": "signer", "login_hint": "bob"})));
    let signed = asserted("/bc-authorize", &assertion, &[("request", &signed)]);
    let answer = provider.call(&provider.backchannel_authentication, &signed, at(7.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // By a token that is used up; and one about which nobody could be told.
    let claims = json!({"iss": hints.issuer, "aud": Provider::ISSUER, "iat": at(6.0).seconds(),
        "exp": at(60.0).seconds(), "jti": "1", "sub_id": {"format": "opaque", "id": "alice"}});
    let token = hints.signed_by(&hints.key, &claims);
    let body = form(&[("scope", "openid"), ("login_hint_token", &token)]);
    let by_token = form_request("/bc-authorize", Some(&basic("kiosk", SECRET)), &body);
    assert_eq!(provider.call(&provider.backchannel_authentication, &by_token, at(6.0)).await.status, 200);
    provider.sns.fail_next(Failure::OptedOut);
    assert_eq!(provider.ask(&[], at(700.0)).await.status, 403);
    // And one that its client cancels.
    let (cancelled, _) = provider.asked(&[], at(710.0)).await;
    assert_eq!(provider.cancel_as("kiosk", &cancelled, at(711.0)).await.status, 200);
    // A passkey, and a further one for which it speaks.
    let mut passkey = provider.enroll_passkey("alice", at(8.0)).await;
    let path = provider.ticket("alice", TicketKind::First, at(8.0)).await;
    let further = provider.follow_ticket(&path, &mut Authenticator::new(), Some(&mut passkey), at(8.0)).await;
    assert_eq!(further.status, 200, "{further:?}");
    let keys = request("GET", "/.well-known/jwks.json", &[], "");
    assert_eq!(provider.call(&provider.jwks, &keys, at(8.0)).await.status, 200);
    let keys = request("GET", "/login/jwks.json", &[], "");
    assert_eq!(provider.call(&provider.logging_in, &keys, at(8.0)).await.status, 200);

    // One that is pushed.
    assert_eq!(pushed(&provider, "alice", at(1200.0)).await.delivered().len(), 1);

    // Declined, which is remembered.
    let (_, declined) = provider.asked(&[], at(1400.0)).await;
    assert_eq!(
        provider.decide("alice", &declined, json!({"decision": "deny"}), at(1401.0)).await.status,
        200
    );

    // One with details, which is shown, approved and redeemed.
    let details = json!([{"type": "payment", "amount": "100.50", "creditor": "M. Meyer"}]);
    let asked = [("authorization_details", &*details.to_string())];
    let (auth_req_id, detailed) = provider.asked(&asked, at(2400.0)).await;
    provider.consent("alice", "GET", &format!("/consent/{detailed}"), "", at(2401.0)).await;
    let body = json!({"decision": "approve", "authorization_details": details});
    assert_eq!(provider.decide("alice", &detailed, body, at(2402.0)).await.status, 200);
    assert_eq!(provider.poll(&auth_req_id, at(2405.0)).await.status, 200);
    let metadata = request("GET", "/.well-known/openid-configuration", &[], "");
    assert_eq!(provider.call(&provider.discovery, &metadata, at(2406.0)).await.status, 200);

    // Keys that are replaced, and retired.
    for days in [100.0, 101.0] {
        let invocation = provider.invocation(at(days * 86_400.0));
        provider.key_rotation.run(&invocation).await.expect("a rotation");
    }

    assert_eq!(used(&provider), granted());
}
