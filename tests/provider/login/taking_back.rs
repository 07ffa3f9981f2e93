//! What a person who is logged in sees of a request that they answered, and taking it back there.

use ciba::domain::base::time::Timestamp;
use ciba_tests::{Answer, at};

use super::browser::{Browser, SAME_ORIGIN, approving_form};
use super::{Stand, location};

const ALICE: (&str, &str) = ("login_hint", "alice-of-acme");

async fn open(stand: &Stand, browser: &mut Browser, key: &str, now: Timestamp) -> Answer {
    browser.get(&stand.provider, &format!("/consent/{key}"), now).await
}

/// The fields of the form that takes an answer back.
fn mistake_form(page: &Answer) -> Vec<(String, String)> {
    let (_, form) =
        page.html.split_once("<form class=\"mistake\"").unwrap_or_else(|| panic!("no form: {page:?}"));
    let form = form.split("</form>").next().unwrap_or_default();
    let attribute = |input: &str, name: &str| {
        let (_, rest) = input.split_once(&format!("{name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let inputs = form.split("<input ").skip(1);
    inputs.filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?))).collect()
}

async fn send(
    stand: &Stand,
    browser: &mut Browser,
    (key, fields): (&str, &[(String, String)]),
    headers: &[(&str, &str)],
    now: Timestamp,
) -> Answer {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let target = format!("/consent/{key}/decision");
    let body = ciba_tests::form(&fields);
    browser.call(&stand.provider, ("POST", &target), headers, &body, now).await
}

/// A request that `alice` has approved on the page, and the page that follows.
async fn approved(stand: &Stand, parameters: &[(&str, &str)]) -> (String, String, Browser, Answer) {
    let mut all = vec![ALICE];
    all.extend(parameters);
    let (auth_req_id, key) = stand.provider.asked(&all, at(0.0)).await;
    let mut browser = stand.logged_in("alice", &key, at(1.0)).await;
    let page = open(stand, &mut browser, &key, at(2.0)).await;
    let fields = approving_form(&page);
    let sent = send(stand, &mut browser, (&key, &fields), SAME_ORIGIN, at(3.0)).await;
    assert_eq!((sent.status, location(&sent)), (303, &*format!("/consent/{key}?lang=en")), "{sent:?}");
    let page = open(stand, &mut browser, &key, at(4.0)).await;
    (auth_req_id, key, browser, page)
}

/// RP-2-04: what was answered, and when; it can be reloaded, and taken back, without script.
#[tokio::test]
async fn whoever_is_logged_in_sees_their_answer_and_ends_it() {
    for is_collected in [false, true] {
        let stand = Stand::new().await;
        let (auth_req_id, key, mut browser, page) = approved(&stand, &[]).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.html.contains(">Approved</h1>") && page.html.contains("City Kiosk"), "{}", page.html);
        assert!(!page.html.contains("approving-form"));
        if is_collected {
            assert_eq!(stand.provider.poll(&auth_req_id, at(5.0)).await.status, 200);
        }
        let page = open(&stand, &mut browser, &key, at(6.0)).await;
        let fields = mistake_form(&page);
        let sent = send(&stand, &mut browser, (&key, &fields), SAME_ORIGIN, at(7.0)).await;
        assert_eq!((sent.status, location(&sent)), (303, &*format!("/consent/{key}?lang=en")), "{sent:?}");
        let page = open(&stand, &mut browser, &key, at(8.0)).await;
        assert!(
            page.html.contains(">Taken back</h1>") && !page.html.contains("class=\"mistake\""),
            "{page:?}"
        );
        let poll = stand.provider.poll(&auth_req_id, at(10.0)).await;
        let expected = if is_collected { "invalid_grant" } else { "access_denied" };
        assert_eq!(poll.refusal(), (400, expected));
        let kinds = stand.provider.items_under("evidence#").await;
        assert_eq!(kinds.iter().filter(|item| item["sk"] == "taken_back").count(), 1);
    }
}

/// ATK-1-05
#[tokio::test]
async fn a_mistaken_denial_is_taken_back_on_the_page() {
    let stand = Stand::new().await;
    let (_, key) = stand.provider.asked(&[ALICE], at(0.0)).await;
    let token = crate::consent::person::field(
        &crate::consent::person::open(&stand.provider, &key, at(1.0)).await,
        "form_token",
    );
    crate::consent::person::decline(&stand.provider, &key, &token, &[], at(1.0)).await;
    assert_eq!(stand.provider.ask(&[ALICE], at(2.0)).await.status, 403);
    // A login starts although the request is not open any more.
    let mut browser = stand.logged_in("alice", &key, at(3.0)).await;
    let page = open(&stand, &mut browser, &key, at(4.0)).await;
    assert!(page.html.contains(">Declined</h1>"), "{}", page.html);
    let fields = mistake_form(&page);
    assert_eq!(send(&stand, &mut browser, (&key, &fields), SAME_ORIGIN, at(5.0)).await.status, 303);
    let page = open(&stand, &mut browser, &key, at(6.0)).await;
    assert!(page.html.contains("You can be asked again") && !page.html.contains("class=\"mistake\""));
    assert_eq!(stand.provider.ask(&[ALICE], at(7.0)).await.status, 200);
}

/// ATK-7-03: nobody but the person learns whether and how a request was answered.
#[tokio::test]
async fn others_see_the_same_whatever_was_answered() {
    let stand = Stand::new().await;
    let (_, key, _, _) = approved(&stand, &[]).await;
    let unknown = "AAAAAAAAAAAAAAAAAAAAAA";
    let of = |page: &Answer, key: &str| {
        assert_eq!(page.status, 404, "{page:?}");
        let nonce = page.html.split("nonce=\"").nth(1).and_then(|it| it.split('"').next()).expect("a nonce");
        page.html.replace(nonce, "").replace(key, "")
    };
    let mut bobs = stand.logged_in("bob", &key, at(5.0)).await;
    let mut nobodys = Browser::new();
    for browser in [&mut bobs, &mut nobodys] {
        let answered = open(&stand, browser, &key, at(6.0)).await;
        let other = open(&stand, browser, unknown, at(6.0)).await;
        assert_eq!(of(&answered, &key), of(&other, unknown));
    }
    let page = open(&stand, &mut nobodys, &key, at(6.0)).await;
    assert!(page.html.contains(&format!("href=\"/login?request={key}\"")), "{}", page.html);
}

/// HYG-1-13: by a page of this provider, of this session and this request only.
#[tokio::test]
async fn another_site_takes_nothing_back() {
    let stand = Stand::new().await;
    let (_, key, mut browser, page) = approved(&stand, &[]).await;
    let fields = mistake_form(&page);
    let with = |name: &str, value: &str| {
        let mut changed = fields.clone();
        changed.iter_mut().filter(|it| it.0 == name).for_each(|it| it.1 = value.to_owned());
        changed
    };
    let cross: &[(&str, &str)] = &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let before = stand.provider.items_under("request#").await;
    for (fields, headers, status) in [
        (fields.clone(), cross, 404),
        (fields.clone(), &[], 404),
        (with("session_token", "AAAAAAAAAAAAAAAAAAAAAA"), SAME_ORIGIN, 409),
        (with("shown", "AAAAAAAAAAAAAAAAAAAAAA"), SAME_ORIGIN, 409),
        (with("client_id", "call-centre"), SAME_ORIGIN, 409),
        (with("language", "de"), SAME_ORIGIN, 409),
        (with("decision", "report"), SAME_ORIGIN, 404),
    ] {
        let answer = send(&stand, &mut browser, (&key, &fields), headers, at(5.0)).await;
        assert_eq!(answer.status, status, "{fields:?} {headers:?}");
    }
    let mut late = browser.clone();
    assert_eq!(send(&stand, &mut late, (&key, &fields), SAME_ORIGIN, at(301.0)).await.status, 400);
    assert_eq!(stand.provider.items_under("request#").await, before);
}
