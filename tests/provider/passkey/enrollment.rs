//! Enrollment: what a ticket is good for, and what it is not.

use ciba::domain::person::passkey::PasskeyId;
use ciba::domain::person::ticket::TicketKind;
use ciba::flows::registering::create_ticket::{self, NoTicket};
use ciba_local::proxy::{Loss, Refusal};
use ciba_tests::{Answer, Authenticator, Provider, at, json_request, request};
use serde_json::{Value, json};

const NOT_OPEN: (u16, &str) = (404, "not_found");

/// What the page of this link would post for `new`.
async fn body(provider: &Provider, path: &str, new: &mut Authenticator) -> Value {
    let options = provider.enrollment_page(path, at(0.0)).await.options("data-options").expect("options");
    json!({ "registration": new.create(&options, Provider::ISSUER) })
}

async fn passkeys(provider: &Provider) -> Vec<Value> {
    let mut items = provider.items_under("user#").await;
    items.retain(|item| item["sk"].as_str().is_some_and(|sk| sk.starts_with("passkey#")));
    items
}

/// The page without what differs each time.
fn without_nonce(page: &Answer) -> String {
    let Some((_, rest)) = page.html.split_once("nonce=\"") else { return page.html.clone() };
    let (nonce, _) = rest.split_once('"').expect("its end");
    page.html.replace(nonce, "")
}

#[tokio::test]
async fn a_ticket_makes_the_first_passkey_of_its_person() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let page = provider.enrollment_page(&path, at(1.0)).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.options("data-assertion"), None);
    let mut authenticator = Authenticator::new();
    let answer = provider.follow_ticket(&path, &mut authenticator, None, at(2.0)).await;
    let id = PasskeyId::of(&authenticator.credential_id);
    assert_eq!((answer.status, &answer.body), (200, &json!({ "passkey": id.as_str() })));
    let found =
        provider.table.find_passkey(&provider.person("alice"), &id).await.unwrap().expect("a passkey");
    assert_eq!((found.rp_id.as_str(), found.created_at, found.last_used_at), ("localhost", at(2.0), None));
    assert_eq!(Some(found.user_handle.as_bytes().to_vec()), authenticator.user_handle);
    assert_eq!(provider.table.list_passkeys(&provider.person("alice")).await.unwrap(), [found]);
    assert_eq!(provider.table.list_passkeys(&provider.person("bob")).await.unwrap(), []);
}

/// Mail programs and messengers look at links before a person does.
#[tokio::test]
async fn reading_the_page_changes_nothing() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let before = provider.items().await;
    let first = provider.enrollment_page(&path, at(1.0)).await;
    let head = request("HEAD", &path, &[], "");
    assert_eq!(provider.call(&provider.enrollment, &head, at(1.0)).await.status, 200);
    let second = provider.enrollment_page(&path, at(2.0)).await;
    assert_eq!(first.options("data-options"), second.options("data-options"));
    assert_eq!(provider.items().await, before);
    assert_eq!(provider.sns.attempts().len(), 0);
}

#[tokio::test]
async fn the_page_says_nothing_about_the_person() {
    let provider = Provider::start().await;
    provider.enroll_passkey("alice", at(0.0)).await;
    let path = provider.ticket("alice", TicketKind::First, at(1.0)).await;
    let page = provider.enrollment_page(&path, at(2.0)).await;
    let lower = page.html.to_lowercase();
    assert!(!lower.contains("alice") && !lower.contains("555"), "{lower}");
    let options = page.options("data-options").unwrap();
    assert_eq!(options["user"]["name"], "Example Bank");
    assert_eq!(options["excludeCredentials"], json!([]));
    let options = page.options("data-assertion").expect("a passkey has to speak for it");
    assert_eq!(options["allowCredentials"], json!([]));
}

#[tokio::test]
async fn an_unknown_a_used_and_an_expired_ticket_look_alike() {
    let provider = Provider::start().await;
    let expired = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let used = provider.ticket("alice", TicketKind::First, at(600.0)).await;
    assert_eq!(provider.follow_ticket(&used, &mut Authenticator::new(), None, at(600.0)).await.status, 200);
    let registration = body_of_another(&provider).await;
    let (mut pages, mut answers) = (Vec::new(), Vec::new());
    for path in [&*expired, &used, "/enroll/AAAAAAAAAAAAAAAAAAAAAA", "/enroll/not-a-ticket"] {
        let page = provider.enrollment_page(path, at(900.0)).await;
        assert_eq!(page.status, 404, "{path}");
        pages.push(without_nonce(&page));
        let answer = provider.post_enrollment(path, &registration, at(900.0)).await;
        assert_eq!(answer.refusal(), NOT_OPEN, "{path}");
        answers.push(answer.body);
    }
    pages.dedup();
    answers.dedup();
    assert_eq!((pages.len(), answers.len()), (1, 1));
}

/// A well-formed body, of somebody else's ticket.
async fn body_of_another(provider: &Provider) -> Value {
    let path = provider.ticket("bob", TicketKind::First, at(0.0)).await;
    body(provider, &path, &mut Authenticator::new()).await
}

#[tokio::test]
async fn a_ticket_lasts_15_minutes_even_if_its_page_was_read() {
    for (seconds, expected) in [(899.999, 200), (900.0, 404)] {
        let provider = Provider::start().await;
        let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
        let body = body(&provider, &path, &mut Authenticator::new()).await;
        assert_eq!(provider.enrollment_page(&path, at(seconds)).await.status, expected);
        assert_eq!(provider.post_enrollment(&path, &body, at(seconds)).await.status, expected);
    }
}

#[tokio::test]
async fn a_ticket_makes_one_passkey_of_many_sent_at_once() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let mut bodies = Vec::new();
    for _ in 0..8 {
        bodies.push(body(&provider, &path, &mut Authenticator::new()).await);
    }
    let mut statuses = Vec::new();
    let (a, b, c, d) = tokio::join!(
        provider.post_enrollment(&path, &bodies[0], at(1.0)),
        provider.post_enrollment(&path, &bodies[1], at(1.0)),
        provider.post_enrollment(&path, &bodies[2], at(1.0)),
        provider.post_enrollment(&path, &bodies[3], at(1.0)),
    );
    statuses.extend([a, b, c, d].map(|answer| answer.status));
    for body in &bodies[4..] {
        statuses.push(provider.post_enrollment(&path, body, at(2.0)).await.status);
    }
    assert_eq!(statuses.iter().filter(|&&status| status == 200).count(), 1, "{statuses:?}");
    assert_eq!(passkeys(&provider).await.len(), 1);
}

/// ATK-7-05: "there is none yet" is a condition of the write, not only of the read before it.
#[tokio::test]
async fn of_several_first_tickets_used_at_once_one_makes_a_passkey() {
    let provider = Provider::start().await;
    let mut posts = Vec::new();
    for _ in 0..4 {
        let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
        let body = body(&provider, &path, &mut Authenticator::new()).await;
        posts.push((path, body));
    }
    let post = |nth: usize| provider.post_enrollment(&posts[nth].0, &posts[nth].1, at(1.0));
    let (a, b, c, d) = tokio::join!(post(0), post(1), post(2), post(3));
    let mut statuses = [a, b, c, d].map(|answer| answer.status);
    statuses.sort_unstable();
    assert_eq!((statuses[0], passkeys(&provider).await.len()), (200, 1), "{statuses:?}");
    assert!(statuses[1..].iter().all(|status| [403, 503].contains(status)), "{statuses:?}");
}

/// The answer to the first may have been lost: the page sends again what it made.
#[tokio::test]
async fn a_repeated_passkey_is_answered_alike_and_told_once() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let body = body(&provider, &path, &mut Authenticator::new()).await;
    let first = provider.post_enrollment(&path, &body, at(1.0)).await;
    let again = provider.post_enrollment(&path, &body, at(2.0)).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!((passkeys(&provider).await.len(), provider.sns.messages().len()), (1, 1));
    assert_eq!(provider.post_enrollment(&path, &body, at(900.0)).await.refusal(), NOT_OPEN);
}

#[tokio::test]
async fn a_lost_response_of_the_table_changes_no_answer() {
    for loss in [Loss::Connection, Loss::InternalServerError, Loss::Silence] {
        let provider = Provider::start().await;
        let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
        let body = body(&provider, &path, &mut Authenticator::new()).await;
        provider.proxy.lose_response("TransactWriteItems", 1, loss);
        assert_eq!(provider.post_enrollment(&path, &body, at(1.0)).await.status, 200, "{loss:?}");
        assert_eq!(passkeys(&provider).await.len(), 1);
    }
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_503_and_uses_nothing_up() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let body = body(&provider, &path, &mut Authenticator::new()).await;
    let out = |operation: &str| {
        for nth in 1..=3 {
            provider.proxy.fail_before(operation, nth, Refusal::Throttling);
        }
    };
    for operation in ["GetItem", "BatchGetItem"] {
        out(operation);
        assert_eq!(provider.enrollment_page(&path, at(1.0)).await.status, 503, "{operation}");
    }
    for operation in ["GetItem", "BatchGetItem", "TransactWriteItems"] {
        out(operation);
        let answer = provider.post_enrollment(&path, &body, at(1.0)).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "{operation}");
    }
    assert_eq!(provider.post_enrollment(&path, &body, at(1.0)).await.status, 200);
}

#[tokio::test]
async fn a_registration_that_is_refused_uses_nothing_up() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let page = provider.enrollment_page(&path, at(0.0)).await;
    let options = page.options("data-options").unwrap();
    let mut authenticator = Authenticator::new();
    let elsewhere = json!({ "registration": authenticator.create(&options, "http://localhost:9001") });
    let refused = provider.post_enrollment(&path, &elsewhere, at(1.0)).await;
    assert_eq!(refused.refusal(), (403, "passkey_not_accepted"));
    // Made for another ticket.
    let refused = provider.post_enrollment(&path, &body_of_another(&provider).await, at(1.0)).await;
    assert_eq!(refused.refusal(), (403, "passkey_not_accepted"));
    for odd in [json!({}), json!({ "registration": {} }), json!([]), json!(null)] {
        assert_eq!(provider.post_enrollment(&path, &odd, at(1.0)).await.refusal(), (400, "invalid_request"));
    }
    assert_eq!((passkeys(&provider).await.len(), provider.sns.attempts().len()), (0, 0));
    assert_eq!(provider.follow_ticket(&path, &mut authenticator, None, at(1.0)).await.status, 200);
}

/// ATK-7-05
#[tokio::test]
async fn a_ticket_alone_makes_no_further_passkey() {
    let provider = Provider::start().await;
    // Both from before there was a passkey.
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let other = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let read_before = body(&provider, &other, &mut Authenticator::new()).await;
    let mut existing = Authenticator::new();
    assert_eq!(provider.follow_ticket(&path, &mut existing, None, at(1.0)).await.status, 200);

    let refused = provider.post_enrollment(&other, &read_before, at(2.0)).await;
    assert_eq!(refused.refusal(), (403, "passkey_required"));
    assert_eq!((passkeys(&provider).await.len(), provider.sns.messages().len()), (1, 1));

    let mut new = Authenticator::new();
    let answer = provider.follow_ticket(&other, &mut new, Some(&mut existing), at(3.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(passkeys(&provider).await.len(), 2);
    assert_eq!(new.user_handle, existing.user_handle, "one person, one handle");
}

/// ATK-7-05: it is by a passkey of theirs, and for this ticket.
#[tokio::test]
async fn a_further_passkey_needs_the_persons_own_signature() {
    let provider = Provider::start().await;
    let mut alices = provider.enroll_passkey("alice", at(0.0)).await;
    let mut bobs = provider.enroll_passkey("bob", at(0.0)).await;
    let path = provider.ticket("alice", TicketKind::First, at(1.0)).await;
    let page = provider.enrollment_page(&path, at(1.0)).await;
    let creation = page.options("data-options").unwrap();
    let wanted = ciba_tests::challenge(&page.options("data-assertion").unwrap());
    let other = provider.ticket("alice", TicketKind::First, at(1.0)).await;
    let other = provider.enrollment_page(&other, at(1.0)).await;
    let of_another_ticket = ciba_tests::challenge(&other.options("data-assertion").unwrap());
    let get = |it: &mut Authenticator, challenge: &[u8]| it.get(challenge, "localhost", Provider::ISSUER);
    let mut unverified = get(&mut alices, &wanted);
    unverified["response"]["signature"] = json!("MAYCAQACAQA");
    let wrong = [
        get(&mut bobs, &wanted),
        get(&mut alices, &of_another_ticket),
        get(&mut alices, &ciba_tests::challenge(&creation)),
        get(&mut Authenticator::new(), &wanted),
        unverified,
    ];
    let registration = Authenticator::new().create(&creation, Provider::ISSUER);
    for (nth, assertion) in wrong.into_iter().enumerate() {
        let body = json!({ "registration": registration, "assertion": assertion });
        let refused = provider.post_enrollment(&path, &body, at(2.0)).await;
        assert_eq!(refused.refusal(), (403, "passkey_not_accepted"), "{nth}");
    }
    assert_eq!(passkeys(&provider).await.len(), 2);
    let body = json!({ "registration": registration, "assertion": get(&mut alices, &wanted) });
    assert_eq!(provider.post_enrollment(&path, &body, at(2.0)).await.status, 200);
}

#[tokio::test]
async fn the_use_of_the_passkey_that_speaks_for_another_counts() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let mut existing = Authenticator::new().bound_to_hardware();
    assert_eq!(provider.follow_ticket(&path, &mut existing, None, at(0.0)).await.status, 200);
    let path = provider.ticket("alice", TicketKind::First, at(1.0)).await;
    let answer = provider.follow_ticket(&path, &mut Authenticator::new(), Some(&mut existing), at(2.0)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = PasskeyId::of(&existing.credential_id);
    let used = provider.table.find_passkey(&provider.person("alice"), &id).await.unwrap().expect("a passkey");
    assert_eq!((used.counter, used.last_used_at), (1, Some(at(2.0))));
}

#[tokio::test]
async fn an_operators_ticket_for_a_further_one_needs_no_other_passkey() {
    let provider = Provider::start().await;
    provider.enroll_passkey("alice", at(0.0)).await;
    let path = provider.ticket("alice", TicketKind::Further, at(1.0)).await;
    assert_eq!(provider.enrollment_page(&path, at(1.0)).await.options("data-assertion"), None);
    assert_eq!(provider.follow_ticket(&path, &mut Authenticator::new(), None, at(1.0)).await.status, 200);
    assert_eq!(passkeys(&provider).await.len(), 2);
}

#[tokio::test]
async fn a_person_has_ten_passkeys_at_most() {
    let provider = Provider::start().await;
    let outstanding = provider.ticket("alice", TicketKind::Further, at(0.0)).await;
    let read_before = body(&provider, &outstanding, &mut Authenticator::new()).await;
    for _ in 0..10 {
        let path = provider.ticket("alice", TicketKind::Further, at(0.0)).await;
        assert_eq!(provider.follow_ticket(&path, &mut Authenticator::new(), None, at(0.0)).await.status, 200);
    }
    assert_eq!(provider.enrollment_page(&outstanding, at(1.0)).await.status, 404);
    assert_eq!(provider.post_enrollment(&outstanding, &read_before, at(1.0)).await.refusal(), NOT_OPEN);
    let person = provider.person("alice");
    let invocation = provider.invocation(at(1.0));
    let refused = create_ticket::create(&provider.table, &person, TicketKind::Further, &invocation).await;
    assert!(matches!(refused, Err(NoTicket::Full)), "{refused:?}");
    assert_eq!(provider.table.list_passkeys(&person).await.unwrap().len(), 10);
}

#[tokio::test]
async fn a_passkey_that_the_person_has_is_not_enrolled_again() {
    let provider = Provider::start().await;
    let mut authenticator = provider.enroll_passkey("alice", at(0.0)).await;
    let path = provider.ticket("alice", TicketKind::Further, at(1.0)).await;
    let refused = provider.follow_ticket(&path, &mut authenticator, None, at(1.0)).await;
    assert_eq!(refused.refusal(), (403, "passkey_not_accepted"));
    assert_eq!(passkeys(&provider).await.len(), 1);
}

/// ATK-8-04
#[tokio::test]
async fn somebody_disabled_cannot_enrol() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let read_before = body(&provider, &path, &mut Authenticator::new()).await;
    let person = provider.person("alice");
    provider.table.set_person_active(&person, false).await.unwrap();
    assert_eq!(provider.enrollment_page(&path, at(1.0)).await.status, 404);
    assert_eq!(provider.post_enrollment(&path, &read_before, at(1.0)).await.refusal(), NOT_OPEN);
    let invocation = provider.invocation(at(1.0));
    let refused = create_ticket::create(&provider.table, &person, TicketKind::First, &invocation).await;
    assert!(matches!(refused, Err(NoTicket::Inactive)), "{refused:?}");
    provider.table.set_person_active(&person, true).await.unwrap();
    assert_eq!(provider.post_enrollment(&path, &read_before, at(1.0)).await.status, 200);
}

#[tokio::test]
async fn where_no_domain_is_set_no_ticket_is_open() {
    let provider = Provider::with(&[("RP_ID", "")]).await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    assert_eq!(provider.enrollment_page(&path, at(0.0)).await.status, 404);
    let there = Provider::start().await;
    let body = body_of_another(&there).await;
    assert_eq!(provider.post_enrollment(&path, &body, at(0.0)).await.refusal(), NOT_OPEN);
}

/// Another site's page cannot post here, not even with a ticket.
#[tokio::test]
async fn only_the_page_itself_posts() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let body = body(&provider, &path, &mut Authenticator::new()).await.to_string();
    let headers = [
        &[("content-type", "application/json"), ("sec-fetch-site", "cross-site")][..],
        &[("content-type", "application/json"), ("sec-fetch-site", "same-site")],
        &[("content-type", "application/json"), ("origin", "https://evil.example")],
        &[("content-type", "text/plain"), ("sec-fetch-site", "same-origin")],
    ];
    for headers in headers {
        let post = request("POST", &path, headers, body.clone());
        let refused = provider.call(&provider.enrollment, &post, at(1.0)).await;
        assert_eq!(refused.refusal(), (400, "invalid_request"), "{headers:?}");
    }
    let headers = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    let post = request("POST", &path, &headers, body);
    assert_eq!(provider.call(&provider.enrollment, &post, at(1.0)).await.status, 200);
}

#[tokio::test]
async fn another_method_is_405_with_those_that_are_taken() {
    let provider = Provider::start().await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer =
            provider.call(&provider.enrollment, &json_request(method, "/enroll/x", None, ""), at(0.0)).await;
        assert_eq!((answer.refusal(), answer.header("allow")), ((405, "invalid_request"), Some("GET, POST")));
    }
}

/// The table can be read by more people than may enrol somebody.
#[tokio::test]
async fn a_ticket_is_stored_as_a_hash_and_swept_after_its_end() {
    let provider = Provider::start().await;
    let path = provider.ticket("alice", TicketKind::First, at(0.0)).await;
    let secret = path.strip_prefix("/enroll/").unwrap();
    assert_eq!(secret.len(), 22);
    let items = provider.items_under("ticket#").await;
    assert_eq!(items.len(), 1);
    assert!(!items[0].to_string().contains(secret));
    provider.sweep(at(900.0)).await;
    assert_eq!(provider.items_under("ticket#").await.len(), 1);
    provider.sweep(at(900.0 + 25.0 * 3600.0)).await;
    assert_eq!(provider.items_under("ticket#").await.len(), 0);
}
