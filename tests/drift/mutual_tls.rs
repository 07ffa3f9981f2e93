//! The host for mutual TLS: nobody comes past it, and what is told of it is what is there.

use serde_json::{Value, json};

use crate::{DOCUMENT, TEMPLATE, resources};

const HAS_MTLS: &str = "HasMtls";

fn domain(name: &str) -> &'static Value {
    let domain = resources("AWS::ApiGatewayV2::DomainName").find(|(id, _)| *id == name);
    domain.unwrap_or_else(|| panic!("no domain {name}")).1
}

/// CAUTH-4-13: the API's own endpoint asks nobody for a certificate.
#[test]
fn with_a_mutual_tls_host_the_apis_own_endpoint_is_closed() {
    let api = &DOCUMENT["Resources"]["Api"]["Properties"];
    assert_eq!(api["DisableExecuteApiEndpoint"], json!({"Fn::If": [HAS_MTLS, true, false]}));
}

/// Otherwise the deployment that closes that endpoint would open no other.
#[test]
fn a_mutual_tls_host_needs_an_issuer_domain_and_a_trust_store() {
    let rule = &DOCUMENT["Rules"]["MtlsNeedsItsDomains"];
    let is_there = |parameter: &str| json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]});
    assert_eq!(rule["RuleCondition"], is_there("MtlsDomainName"));
    let asserted: Vec<_> =
        rule["Assertions"].as_array().unwrap().iter().map(|it| it["Assert"].clone()).collect();
    assert_eq!(asserted, ["Issuer", "CertificateArn", "TruststoreUri"].map(is_there));
}

/// A custom domain of an API has no port. An imported certificate, or one of a private CA, needs another that proves the
/// ownership of the host that asks for certificates.
#[test]
fn the_hosts_have_no_port_and_ownership_is_proven_where_asked() {
    let pattern = DOCUMENT["Parameters"]["Issuer"]["AllowedPattern"].as_str().expect("a pattern");
    assert_eq!(pattern, "^(https://[a-z0-9.-]+)?$");
    let proof = "OwnershipVerificationCertificateArn";
    let given = json!({"Fn::If": ["HasOwnershipVerification", {"Ref": proof}, {"Ref": "AWS::NoValue"}]});
    assert_eq!(domain("MtlsDomain")["Properties"]["DomainNameConfigurations"][0][proof], given);
    assert_eq!(DOCUMENT["Parameters"][proof]["Default"], "");
    let needed = &DOCUMENT["Rules"]["OwnershipVerificationNeedsItsDomain"]["Assertions"][0]["Assert"];
    assert_eq!(*needed, json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "MtlsDomainName"}, ""]}]}));
}

/// CAUTH-4-07, FCIBA-25: two hosts, one API, and a trust store at one of them.
#[test]
fn both_hosts_lead_to_one_stage_and_one_asks_for_certificates() {
    for (name, mapping, condition) in
        [("IssuerDomain", "IssuerMapping", "HasCertificate"), ("MtlsDomain", "MtlsMapping", HAS_MTLS)]
    {
        let domain = domain(name);
        assert_eq!(domain["Condition"], condition, "{name}");
        let configuration = &domain["Properties"]["DomainNameConfigurations"][0];
        assert_eq!(configuration["SecurityPolicy"], "TLS_1_2", "{name}");
        let trust_store = &domain["Properties"]["MutualTlsAuthentication"]["TruststoreUri"];
        assert_eq!(trust_store.is_null(), name == "IssuerDomain", "{name}");
        let mapping = &DOCUMENT["Resources"][mapping];
        assert_eq!(mapping["Condition"], condition, "{name}");
        let leads =
            json!({"ApiId": {"Ref": "Api"}, "DomainName": {"Ref": name}, "Stage": {"Ref": "ApiStage"}});
        assert_eq!(mapping["Properties"], leads, "{name}");
    }
    assert_eq!(resources("AWS::ApiGatewayV2::DomainName").count(), 2);
}

/// CAUTH-4-12: the functions compare the request context with this name, so it is that of the domain.
#[test]
fn the_functions_are_told_the_name_of_that_domain() {
    let url = json!({"Fn::If": [HAS_MTLS, {"Fn::Sub": "https://${MtlsDomainName}"}, ""]});
    assert_eq!(domain("MtlsDomain")["Properties"]["DomainName"], json!({"Ref": "MtlsDomainName"}));
    let mut told = 0;
    for (name, function) in resources("AWS::Serverless::Function") {
        let variable = &function["Properties"]["Environment"]["Variables"]["MTLS_URL"];
        assert!(variable.is_null() || *variable == url, "{name}");
        told += usize::from(!variable.is_null());
    }
    let read = TEMPLATE.functions.iter().filter(|it| it.environment.contains("MTLS_URL")).count();
    assert_eq!((told, read), (6, 6), "a rule over nothing would hold");
}
