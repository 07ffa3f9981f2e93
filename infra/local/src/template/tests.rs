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
    Properties: {IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt ConsentFunction.Arn}
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
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
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
    assert_eq!(token.routes, [Route { method: "ANY".into(), path: "/oauth/token".into() }]);
    assert!(template.function("key-rotation").unwrap().routes.is_empty());
    assert_eq!(template.table.indexes.len(), 1);
}
