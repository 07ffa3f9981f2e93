//! The whole flow.

use ciba_tests::{Provider, at};

#[tokio::test]
async fn a_client_asks_a_person_approves_and_the_client_gets_tokens() {
    let provider = Provider::start().await;
    let (auth_req_id, request) = provider.asked(&[("binding_message", "K7-2931")], at(0.0)).await;
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.refusal(), (400, "authorization_pending"));
    provider.approve(&request, at(7.0)).await;
    let tokens = provider.poll(&auth_req_id, at(10.0)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!(provider.poll(&auth_req_id, at(15.0)).await.refusal(), (400, "invalid_grant"));
}
