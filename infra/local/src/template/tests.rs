use super::*;

const SAMPLE: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: provided.al2023
    Environment:
      Variables:
        ISSUER: !If [HasIssuer, !Ref Issuer, !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com"]
        TABLE_NAME: !Ref Table
Resources:
  ConsentFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: consent}}
    Properties:
      Environment: {Variables: {LOGIN_ISSUERS: !Ref LoginIssuers}}
      Policies:
        - Statement:
            - Effect: Allow
              Action: [dynamodb:BatchGetItem]
              Resource: !GetAtt Table.Arn
  ConsentRequestRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: {RouteKey: "ANY /consent/{request}", Target: !Sub "integrations/${ConsentIntegration}"}
  ConsentListRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: {RouteKey: ANY /consent, Target: !Sub "integrations/${ConsentIntegration}"}
  ConsentIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {IntegrationType: AWS_PROXY, IntegrationUri: !Ref ConsentFunction.Alias}
  KeyRotationFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: key-rotation}}
    Properties:
      Events:
        Hourly: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour)}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
        - {AttributeName: pending_for, AttributeType: S}
        - {AttributeName: expires_at, AttributeType: N}
      KeySchema:
        - {AttributeName: pk, KeyType: HASH}
        - {AttributeName: sk, KeyType: RANGE}
      GlobalSecondaryIndexes:
        - IndexName: pending-by-user
          KeySchema:
            - {AttributeName: pending_for, KeyType: HASH}
            - {AttributeName: expires_at, KeyType: RANGE}
          Projection: {ProjectionType: INCLUDE, NonKeyAttributes: [client_id]}
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
"#;

/// Further resources, for a template whose stream is used.
const OUTBOX: &str = r#"
  DeliveryQueue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 90
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeliveryDeadLetters.Arn, maxReceiveCount: 100}
  DeliveryDeadLetters:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: 1209600}
  NotificationFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: notification}}
    Properties:
      Timeout: 10
  Decisions:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref NotificationFunction.Alias
      EventSourceArn: !GetAtt Table.StreamArn
      StartingPosition: TRIM_HORIZON
      BatchSize: 10
      ParallelizationFactor: 4
      MaximumRetryAttempts: -1
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria: {Filters: [{Pattern: '{"eventName":["MODIFY"]}'}]}
  Deliveries:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref NotificationFunction.Alias
      EventSourceArn: !GetAtt DeliveryQueue.Arn
      BatchSize: 5
      FunctionResponseTypes: [ReportBatchItemFailures]
      ScalingConfig: {MaximumConcurrency: !Ref DeliveryConcurrency}
  EventsFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: events}}
  Changes:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref EventsFunction.Alias
      EventSourceArn: !GetAtt Table.StreamArn
      StartingPosition: TRIM_HORIZON
      BisectBatchOnFunctionError: true
      MaximumRetryAttempts: 3
      FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}, {Pattern: '{"eventName":["REMOVE"]}'}]}
      DestinationConfig: {OnFailure: {Destination: !GetAtt DeliveryDeadLetters.Arn}}
Parameters:
  DeliveryConcurrency: {Type: Number, Default: 7}
"#;

#[test]
fn a_function_has_its_binary_routes_and_environment() {
    let template = Template::parse(SAMPLE).unwrap();
    let consent = template.function("consent").unwrap();
    assert_eq!(consent.logical_id, "ConsentFunction");
    let routes: Vec<_> = consent.routes.iter().map(|it| (it.method.as_str(), it.path.as_str())).collect();
    assert_eq!(routes, [("ANY", "/consent"), ("ANY", "/consent/{request}")]);
    let environment: Vec<_> = consent.environment.iter().map(String::as_str).collect();
    assert_eq!(environment, ["ISSUER", "LOGIN_ISSUERS", "TABLE_NAME"]);
}

#[test]
fn a_route_that_leads_nowhere_is_an_error_that_names_it() {
    let broken = SAMPLE.replace("  ConsentIntegration:", "  OtherIntegration:");
    let error = Template::parse(&broken).unwrap_err();
    assert!(error.to_string().contains("ConsentListRoute"), "{error}");
}

#[test]
fn an_event_that_is_no_request_makes_no_route() {
    let template = Template::parse(SAMPLE).unwrap();
    assert!(template.function("key-rotation").unwrap().routes.is_empty());
}

#[test]
fn the_table_is_read_with_its_index_and_ttl() {
    let table = Template::parse(SAMPLE).unwrap().table;
    assert_eq!(table.attributes.len(), 4);
    assert_eq!(table.keys[1], Key { attribute: "sk".into(), role: "RANGE".into() });
    assert_eq!(table.indexes[0].name, "pending-by-user");
    assert_eq!(
        table.indexes[0].projection,
        Projection { kind: "INCLUDE".into(), attributes: vec!["client_id".into()] }
    );
    assert_eq!(table.ttl.as_deref(), Some("ttl"));
    assert_eq!(table.stream.as_deref(), Some("NEW_AND_OLD_IMAGES"));
}

#[test]
fn short_forms_become_the_long_ones() {
    let value = plain(serde_norway::from_str("a: !Sub '${X}'\nb: !Ref Y").unwrap()).unwrap();
    assert_eq!(value, serde_json::json!({"a": {"Fn::Sub": "${X}"}, "b": {"Ref": "Y"}}));
}

#[test]
fn a_function_without_a_binary_is_an_error_that_names_it() {
    let broken = SAMPLE.replace("{Binary: consent}", "{}");
    let error = Template::parse(&broken).unwrap_err();
    assert!(error.to_string().contains("ConsentFunction"), "{error}");
}

#[test]
fn the_repositorys_own_template_has_functions_and_a_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = Template::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    let token = template.function("token").unwrap();
    assert_eq!(
        token.routes,
        [Route {
            method: "ANY".into(),
            path: "/oauth/token".into(),
            copied_headers: token.routes[0].copied_headers.clone()
        }]
    );
    assert!(template.function("key-rotation").unwrap().routes.is_empty());
    assert_eq!(template.table.indexes.len(), 1);
}

#[test]
fn a_queue_has_its_times_and_where_its_dead_letters_go() {
    let template = Template::parse(&format!("{SAMPLE}{OUTBOX}")).unwrap();
    let redrive = Redrive { queue: "DeliveryDeadLetters".into(), max_receive_count: 100 };
    let queue = |name: &str, visibility_timeout, retention, redrive| Queue {
        logical_id: name.into(),
        visibility_timeout,
        retention,
        redrive,
    };
    assert_eq!(
        template.queues,
        [
            queue("DeliveryDeadLetters", 30, 1_209_600, None),
            queue("DeliveryQueue", 90, 345_600, Some(redrive)),
        ]
    );
}

#[test]
fn a_function_has_what_triggers_it_and_how_long_it_may_take() {
    let template = Template::parse(&format!("{SAMPLE}{OUTBOX}")).unwrap();
    let notification = template.function("notification").unwrap();
    let trigger =
        QueueTrigger { queue: "DeliveryQueue".into(), batch_size: 5, reports_failures: true, concurrency: 7 };
    assert_eq!(notification.triggers.queues, [trigger]);
    let [decisions] = &notification.triggers.streams[..] else { panic!("one stream") };
    assert_eq!((decisions.filters.len(), decisions.batch_size, decisions.parallel), (1, 10, 4));
    assert_eq!((decisions.retries, decisions.bisects, decisions.reports_failures), (None, false, true));
    assert_eq!(notification.timeout, Duration::from_secs(10));
    let events = &template.function("events").unwrap().triggers.streams[0];
    assert_eq!(
        (events.filters.len(), events.batch_size, events.parallel, events.retries),
        (2, 100, 1, Some(3))
    );
    assert_eq!((events.bisects, events.reports_failures), (true, false));
    assert_eq!(events.on_failure.as_deref(), Some("DeliveryDeadLetters"));
    assert_eq!(template.function("consent").unwrap().triggers, Triggers::default());
}

#[test]
fn a_filter_that_is_not_understood_is_an_error() {
    let unknown = OUTBOX.replace(r#"{"eventName":["MODIFY"]}"#, r#"{"eventName":[{"suffix":"Y"}]}"#);
    let error = Template::parse(&format!("{SAMPLE}{unknown}")).unwrap_err();
    assert!(error.to_string().contains("suffix"), "{error}");
}

#[test]
fn what_leads_nowhere_or_begins_late_is_an_error_that_names_it() {
    for (from, to, named) in [
        (
            "StartingPosition: TRIM_HORIZON\n      BatchSize",
            "StartingPosition: LATEST\n      BatchSize",
            "Decisions",
        ),
        ("EventSourceArn: !GetAtt DeliveryQueue.Arn", "EventSourceArn: arn:aws:sqs:a:b:c", "Deliveries"),
        ("FunctionName: !Ref EventsFunction.Alias", "FunctionName: events", "Changes"),
        ("deadLetterTargetArn: !GetAtt DeliveryDeadLetters.Arn, ", "", "DeliveryQueue"),
    ] {
        assert!(OUTBOX.contains(from), "{from}");
        let error = Template::parse(&format!("{SAMPLE}{}", OUTBOX.replace(from, to))).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

/// With one wrong word in the template, no client would be notified of a decision.
#[test]
fn the_templates_trigger_passes_what_clients_are_told_of() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = Template::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    let function = template.function("client-notification").unwrap();
    let [trigger] = &function.triggers.streams[..] else { panic!("one stream") };
    let passes = |event: &str, sk: &str, old: &str, new: &str, mode: &str| {
        let image = |state: &str| serde_json::json!({"state": {"S": state}, "mode": {"S": mode}});
        let record = serde_json::json!({"eventName": event, "dynamodb": {
            "Keys": {"pk": {"S": "request#a"}, "sk": {"S": sk}}, "OldImage": image(old), "NewImage": image(new)}});
        trigger.filters.iter().any(|filter| filter.matches(&record))
    };
    for mode in ["ping", "push"] {
        for state in ["approved", "denied", "cancelled"] {
            assert!(passes("MODIFY", "request", "pending", state, mode), "{state} {mode}");
            assert!(!passes("MODIFY", "request", "pending", state, "poll"), "{state}");
            assert!(!passes("MODIFY", "delivery", "pending", state, mode), "{state} {mode}");
        }
        assert!(!passes("MODIFY", "request", "pending", "pending", mode), "a poll");
        assert!(!passes("MODIFY", "request", "approved", "redeemed", mode), "{mode}");
    }
    assert!(passes("INSERT", "request", "", "pending", "push"));
    assert!(!passes("INSERT", "request", "", "pending", "ping"));
    assert!(!passes("REMOVE", "request", "pending", "", "push"));
}
