//! The name that a client gives a call (FAPI 1.0 Baseline §6.2.1).

use ciba::http::Request;
use ciba_tests::{Answer, Provider, SECRET, START, basic, form, form_request, request};

const HEADER: &str = "x-fapi-interaction-id";
const ID: &str = "c770aef3-6784-41f7-8e0e-FF5F97BDDB3A";

/// Calls of every endpoint, with what each is answered: successes, refusals and pages.
async fn calls(provider: &Provider, name: &[&str]) -> Vec<(String, Answer)> {
    let kiosk = basic("kiosk", SECRET);
    let post = |path: &str, authorization: Option<&str>, fields: &[(&str, &str)]| {
        form_request(path, authorization, &form(fields))
    };
    let get = |path: &str, accept: &str| request("GET", path, &[("accept", accept)], "");
    let named = |mut call: Request| {
        for one in name {
            call.headers_mut().append(HEADER, one.parse().expect("a value"));
        }
        call
    };
    let mut answers = Vec::new();
    macro_rules! call {
        ($endpoint:ident, $call:expr, $status:expr) => {{
            let call = named($call);
            let what = format!("{} {}", call.method(), call.uri().path());
            let answer = provider.call(&provider.$endpoint, &call, START).await;
            assert_eq!(answer.status, $status, "{what}");
            answers.push((what, answer));
        }};
    }
    let asked = [("scope", "openid"), ("login_hint", "alice")];
    call!(backchannel_authentication, post("/bc-authorize", Some(&kiosk), &asked), 200);
    call!(backchannel_authentication, post("/bc-authorize", None, &asked), 401);
    call!(backchannel_authentication, post("/bc-authorize", Some(&kiosk), &[]), 400);
    call!(backchannel_authentication, post("/bc-authorize/cancel", Some(&kiosk), &[]), 400);
    call!(backchannel_authentication, get("/bc-authorize", "*/*"), 405);
    call!(token, post("/oauth/token", Some(&kiosk), &[("grant_type", "password")]), 400);
    call!(token, post("/oauth/token", None, &[]), 401);
    call!(introspection, post("/oauth/introspect", Some(&kiosk), &[("token", "x")]), 200);
    call!(introspection, post("/oauth/introspect", Some(&kiosk), &[]), 400);
    call!(revocation, post("/oauth/revoke", Some(&kiosk), &[("token", "x")]), 200);
    call!(revocation, post("/oauth/revoke", None, &[]), 401);
    call!(discovery, get("/.well-known/openid-configuration", "*/*"), 200);
    call!(discovery, get("/authorize", "*/*"), 400);
    call!(jwks, get("/.well-known/jwks.json", "*/*"), 200);
    call!(jwks, request("PUT", "/.well-known/jwks.json", &[], ""), 405);
    call!(consent, get("/consent", "*/*"), 401);
    call!(consent, get("/consent/AAAAAAAAAAAAAAAAAAAAAA", "text/html"), 404);
    call!(logging_in, get("/me", "text/html"), 200);
    call!(logging_in, get("/login?request=AAAAAAAAAAAAAAAAAAAAAA", "text/html"), 404);
    call!(logging_in, get("/login/jwks.json", "*/*"), 200);
    call!(logging_in, get("/logout", "text/html"), 405);
    call!(enrollment, get("/enroll/AAAAAAAAAAAAAAAAAAAAAA", "text/html"), 404);
    answers
}

/// Also of an error, a page and a method that is not taken.
#[tokio::test]
async fn every_answer_has_the_name_of_its_call() {
    let provider = Provider::start().await;
    for (what, answer) in calls(&provider, &[ID]).await {
        assert_eq!(answer.header(HEADER), Some(ID), "{what}");
    }
}

/// It goes into logs and headers as it is, so what could say anything is not repeated.
#[tokio::test]
async fn what_is_not_one_well_formed_name_is_not_repeated() {
    let provider = Provider::start().await;
    let spoilt = [
        &[][..],
        &[""],
        &["c770aef3"],
        &["c770aef3-6784-41f7-8e0e-ff5f97bddb3a "],
        &["c770aef3-6784-41f7-8e0e-ff5f97bddb3g"],
        &["c770aef3-6784-41f7-8e0e-ff5f97bddb3a, c770aef3-6784-41f7-8e0e-ff5f97bddb3a"],
        &["{c770aef3-6784-41f7-8e0e-ff5f97bddb3a}"],
        &[ID, ID],
    ];
    for name in spoilt {
        let call = {
            let kiosk = basic("kiosk", SECRET);
            let mut call = form_request("/oauth/introspect", Some(&kiosk), &form(&[("token", "x")]));
            for one in name {
                call.headers_mut().append(HEADER, one.parse().expect("a value"));
            }
            call
        };
        let answer = provider.call(&provider.introspection, &call, START).await;
        assert_eq!((answer.status, answer.header(HEADER)), (200, None), "{name:?}");
    }
    for (what, answer) in calls(&provider, &["not a UUID"]).await {
        assert_eq!(answer.header(HEADER), None, "{what}");
    }
}
