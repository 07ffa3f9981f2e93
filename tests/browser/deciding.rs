//! What a person does on the consent page, and what becomes of it.

use fantoccini::key::Key;
use serde_json::json;

use crate::authenticator::Authenticator;
use crate::browser::Browser;
use crate::site::Site;

/// Tokens for all that was asked for.
fn ok() -> Result<String, String> {
    Ok(String::new())
}

fn refused(error: &str) -> Result<String, String> {
    Err(error.to_owned())
}

const PENDING: &str = "authorization_pending";
const DENIED: &str = "access_denied";

/// What a page posts goes through somebody's hands first.
async fn tampered(browser: &Browser, change: &str) {
    let script = format!(
        "const send = window.fetch;
         window.fetch = (path, options) => {{
           const body = JSON.parse(options.body);
           {change};
           return send(path, {{ ...options, body: JSON.stringify(body) }});
         }};"
    );
    browser.run(&script).await;
}

/// CIBA-8-01: who asks, with which words, for what; then a finger, and the kiosk has its tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_reads_who_asks_for_what_and_approves_with_a_finger() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[("binding_message", "K7-2931"), ("scope", "openid profile email")]).await;
    site.pass(20);
    browser.open(&page).await;
    browser.shows("City Kiosk is asking for your approval").await;
    assert_eq!(browser.text("blockquote").await, "K7-2931");
    assert_eq!(browser.text("figcaption").await, "Text from City Kiosk");
    assert!(browser.text(".times").await.starts_with("20 seconds ago · "));
    assert_eq!(browser.text(".identity").await, "Your identity will be confirmed.");
    assert!(!browser.is_displayed("#unable").await);

    browser.click("#approve").await;
    browser.settled().await;
    browser.shows("Approved").await;
    assert!(browser.text(".end").await.contains("You can close this page and go back to City Kiosk."));
    assert_eq!(browser.evaluate("document.activeElement.tagName").await, json!("H1"));
    assert_eq!(site.poll(&handle).await, ok());
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// TOK-7-03: the page's own script signs what is asked for beyond the scope.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_reads_what_is_to_be_paid_to_whom_and_approves() {
    let site = Site::open().await;
    let definition = json!({
        "type": "payment",
        "schema": {"type": "object", "additionalProperties": false, "required": ["amount", "creditor"],
            "properties": {"amount": {"type": "string", "pattern": "^[0-9.]+$"}, "creditor": {"type": "string"}}},
        "display": {"en": {"title": "A payment", "rows": [
            {"label": "Amount", "value": "{/amount} EUR"}, {"label": "To", "value": "{/creditor}"}]}},
    });
    site.provider().put_detail_type(&definition).await;
    let kiosk = json!({"client_id": "kiosk", "authorization_details_types": ["payment"]});
    site.provider().register(kiosk).await.expect("kiosk");
    let (browser, _authenticator) = site.of_alice().await;
    let details = json!([{"type": "payment", "amount": "100.50", "creditor": "O'Brien & Sons"}]);
    let context = json!({"branch": "Main St 4"});
    let asked =
        [("authorization_details", &*details.to_string()), ("request_context", &*context.to_string())];
    let (handle, page) = site.ask(&asked).await;
    browser.open(&page).await;
    browser.shows("City Kiosk is asking for your approval").await;
    let read = browser.text(".authorization").await;
    assert!(
        read.contains("A payment") && read.contains("100.50 EUR") && read.contains("O'Brien & Sons"),
        "{read}"
    );
    assert!(browser.text(".context").await.contains("Main St 4"));
    browser.click("#approve").await;
    browser.settled().await;
    browser.shows("Approved").await;
    site.pass(10);
    let tokens = site.provider().poll(&handle, site.now()).await;
    assert_eq!(tokens.body["authorization_details"], details);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// A required one cannot be unticked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unticked_scope_is_not_approved() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[("scope", "openid profile email")]).await;
    browser.open(&page).await;
    assert!(!browser.is_displayed("input[value=openid]").await);
    browser.click("input[value=profile]").await;
    browser.click("#approve").await;
    browser.settled().await;
    browser.shows("Approved").await;
    assert_eq!(site.poll(&handle).await, Ok("openid email".to_owned()));
}

/// Safari forgets a tap while anything is awaited, and then asks for no passkey.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_awaited_between_a_tap_and_the_passkey() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    for (button, heading) in [("#approve", "Approved"), ("#not-me", "Reported")] {
        let (_, page) = site.ask(&[("scope", "openid profile email")]).await;
        browser.open(&page).await;
        browser.click("input[value=profile]").await;
        assert_eq!(browser.tap(button).await, json!(["get", "over"]), "{button}");
        browser.settled().await;
        browser.shows(heading).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declining_takes_one_tap_no_passkey_and_no_script() {
    let site = Site::open().await;
    let browser = Browser::start().await;
    for with_script in [true, false] {
        let (handle, page) = site.ask(&[]).await;
        if !with_script {
            browser.without_script().await;
        }
        browser.open(&page).await;
        assert_eq!(browser.is_displayed("#approve").await, with_script);
        assert_eq!(browser.is_displayed("#unable").await, !with_script);
        assert!(browser.text("main").await.contains("City Kiosk is asking for your approval"));
        browser.click("button[type=submit]").await;
        browser.shows("Declined").await;
        assert_eq!(site.poll(&handle).await, refused(DENIED));
        // Beyond the pause that follows a denial.
        site.pass(24 * 3600);
    }
}

/// ATK-1-04: they are not asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_did_not_start_it_reports_it_with_a_finger() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    browser.click("#not-me").await;
    browser.settled().await;
    browser.shows("Reported").await;
    assert_eq!(site.poll(&handle).await, refused(DENIED));
    site.pass(30 * 24 * 3600);
    let again = site.provider().ask(&[], site.now()).await;
    assert_eq!(again.status, 403, "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_time_is_over_the_buttons_give_way_to_words() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    let left = browser.evaluate("Number(document.querySelector('main').dataset.seconds)").await;
    let left = left.as_i64().expect("seconds");
    assert!(browser.text("#left").await.contains("minute"));
    site.pass(left - 2);
    browser.reload().await;
    assert!(browser.is_displayed("#approve").await);
    browser.wait_until("!document.querySelector('#actions')").await;
    assert!(browser.text("#notice").await.starts_with("The time to decide has run out."));
    assert!(!browser.is_displayed("button").await);

    // Who comes later does not even see what it was about.
    site.pass(3);
    browser.reload().await;
    browser.shows("Nothing to decide here").await;
    assert!(!browser.text("body").await.contains("Kiosk"));
    assert_eq!(site.poll(&handle).await, refused("expired_token"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_in_another_tab_cannot_be_decided_again() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    // On another device, which needs no passkey for it.
    let other = Browser::start().await;
    other.open(&page).await;
    other.click("button[type=submit]").await;
    other.shows("Declined").await;
    browser.click("#approve").await;
    browser.settled().await;
    browser.shows("Nothing to decide here").await;
    assert_eq!(site.poll(&handle).await, refused(DENIED));
}

/// The page finds out by itself, without a reload or a tap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_page_ends_when_another_device_has_answered() {
    let site = Site::open().await;
    let (browser, other) = (Browser::start().await, Browser::start().await);
    let (_, page) = site.ask(&[]).await;
    browser.open(&page).await;
    other.open(&page).await;
    other.click("button[type=submit]").await;
    other.shows("Declined").await;
    browser.shows("Nothing to decide here").await;
    assert!(!browser.is_displayed("button").await);
}

/// A phone stops the timers of a page that is not on the screen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_looks_again_when_it_is_back_on_the_screen() {
    let site = Site::open().await;
    let browser = Browser::start().await;
    let (_, page) = site.ask(&[]).await;
    browser.open(&page).await;
    let first = browser.new_tab().await;
    browser.open(&page).await;
    browser.click("button[type=submit]").await;
    browser.shows("Declined").await;
    browser.back_to(first).await;
    browser.shows("Declined").await;
    assert!(!browser.is_displayed("#actions").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answered_is_told_what_and_when_and_also_after_a_reload() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    for (button, heading) in [("#approve", "Approved"), ("button[type=submit]", "Declined")] {
        let (_, page) = site.ask(&[]).await;
        browser.open(&page).await;
        browser.click(button).await;
        browser.shows(heading).await;
        let year = browser.evaluate("new Date().getFullYear().toString()").await;
        let year = year.as_str().expect("a year").to_owned();
        let receipt = browser.text(".end").await;
        assert!(receipt.contains("Requested by City Kiosk"), "{receipt}");
        assert!(browser.text("time").await.contains(&year));
        browser.open(&page).await;
        browser.shows(heading).await;
        let again = browser.text(".end").await;
        assert!(again.contains("You answered this request on this device."), "{again}");
        assert!(!again.contains("Kiosk") && !again.contains("start again"), "{again}");
        assert_eq!(browser.text("time").await, receipt.lines().last().expect("the time"));
    }
}

/// ATK-4-07: with the passkey, before and after the client has its tokens, at once and on a reloaded page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_is_taken_back_with_a_finger() {
    let site = Site::open().await;
    let (browser, authenticator) = site.of_alice().await;
    for is_collected in [false, true] {
        let (handle, page) = site.ask(&[("binding_message", "K7-2931")]).await;
        browser.open(&page).await;
        browser.click("#approve").await;
        browser.shows("Approved").await;
        if is_collected {
            assert_eq!(site.poll(&handle).await, ok());
            browser.open(&page).await;
            assert!(browser.text(".end").await.contains("You answered this request on this device."));
        }
        authenticator.verifies(&browser, false).await;
        browser.click("#mistake").await;
        let told = "document.getElementById('outcome').textContent.startsWith('Nothing was sent')";
        browser.wait_until(told).await;
        authenticator.verifies(&browser, true).await;
        browser.click("#mistake").await;
        browser.shows("Taken back").await;
        assert!(!browser.is_displayed("button").await);
        if !is_collected {
            assert_eq!(site.poll(&handle).await, refused(DENIED));
        }
        browser.open(&page).await;
        browser.shows("Taken back").await;
    }
    let (_, page) = site.ask(&[]).await;
    browser.open(&page).await;
    browser.click("#actions button").await;
    browser.shows("Declined").await;
    browser.click("#mistake").await;
    browser.shows("Taken back").await;
    assert!(browser.text(".end").await.contains("You can be asked again right away."));
    // Past the limit of ten minutes, and within the wait of fifteen.
    site.pass(601);
    site.ask(&[]).await;
    // A reloaded page has the status of any request that is not open.
    let mut complaints = browser.complaints().await;
    complaints.retain(|it| !it.contains("404 (Not Found)"));
    assert_eq!(complaints, Vec::<String>::new());
}

/// ATK-7-03: a forwarded link is no approval.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_persons_passkey_approves_nothing() {
    let site = Site::open().await;
    let (browser, authenticator) = site.of_alice().await;
    authenticator.clear(&browser).await;
    site.enrol(&browser, "bob").await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    browser.click("#approve").await;
    browser.settled().await;
    assert!(browser.text("#notice").await.starts_with("This passkey was not accepted."));
    assert!(browser.is_displayed("#approve").await);
    assert_eq!(site.poll(&handle).await, refused(PENDING));
}

/// ATK-8-05: what was signed is good for this request and this choice, and for nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_is_good_once_and_for_what_was_signed() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (_, page) = site.ask(&[("scope", "openid profile")]).await;
    browser.open(&page).await;
    browser.click("#approve").await;
    browser.settled().await;
    browser.shows("Approved").await;
    let (path, body) = site.posted();
    // The authenticator counts, so a second use is seen.
    let (status, answer) = site.post(&path, &body).await;
    assert_eq!((status, &answer["error"]), (409, &json!("not_open")));
    // For another request of the same client it is worth nothing.
    let (handle, page) = site.ask(&[("scope", "openid profile")]).await;
    let other = page.rsplit('/').next().expect("a name");
    let (status, answer) = site.post(&format!("/consent/{other}/decision"), &body).await;
    assert_eq!((status, &answer["error"]), (403, &json!("passkey_not_accepted")));
    assert_eq!(site.poll(&handle).await, refused(PENDING));
}

/// It was changed after the person had chosen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_scope_decision_or_language_is_refused() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[("scope", "openid profile email")]).await;
    for change in [
        "body.scope = 'openid profile email'",
        "body.decision = 'report'; delete body.scope",
        "body.language = 'fr'",
    ] {
        browser.open(&page).await;
        browser.click("input[value=profile]").await;
        tampered(&browser, change).await;
        browser.click("#approve").await;
        browser.settled().await;
        assert!(browser.text("#notice").await.starts_with("This passkey was not accepted."), "{change}");
    }
    assert_eq!(site.poll(&handle).await, refused(PENDING));
}

/// CIBA-7.1-20: the message that is approved is the one that was on the screen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_changes_under_the_page_cannot_be_approved() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[("binding_message", "100 EUR")]).await;
    browser.open(&page).await;
    let name = page.rsplit('/').next().expect("a name");
    site.provider().set_attribute(&format!("request#{name}"), "request", "binding_message", "900 EUR").await;
    browser.click("#approve").await;
    browser.settled().await;
    assert!(browser.text("#notice").await.starts_with("This passkey was not accepted."));
    assert_eq!(site.poll(&handle).await, refused(PENDING));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_decision_the_back_button_offers_no_decision() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    browser.click("button[type=submit]").await;
    browser.shows("Declined").await;
    browser.open(&site.url("/consent/elsewhere")).await;
    browser.back().await;
    browser.shows("Declined").await;
    assert!(!browser.is_displayed("#actions").await);
    assert_eq!(site.poll(&handle).await, refused(DENIED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offline_approval_is_sent_later_without_a_second_finger() {
    let site = Site::open().await;
    let (browser, authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    browser.offline(true).await;
    browser.click("#approve").await;
    browser.settled().await;
    assert!(browser.text("#notice").await.starts_with("There is no connection."));
    browser.click("button[type=submit]").await;
    assert!(browser.text("#notice").await.starts_with("There is no connection."));
    assert_eq!(site.poll(&handle).await, refused(PENDING));

    browser.offline(false).await;
    authenticator.verifies(&browser, false).await;
    browser.click("#approve").await;
    browser.wait_until("document.querySelector('.end')").await;
    browser.shows("Approved").await;
    assert_eq!(site.poll(&handle).await, ok());
}

/// Some VPNs let a browser believe that it is offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declining_does_not_ask_the_browser_whether_it_is_online() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    browser.run("Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false })").await;
    browser.click("button[type=submit]").await;
    browser.shows("Declined").await;
    assert_eq!(site.poll(&handle).await, refused(DENIED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_second_failure_the_page_says_what_else_there_is() {
    let site = Site::open().await;
    let (browser, authenticator) = site.of_alice().await;
    let (_, page) = site.ask(&[]).await;
    browser.open(&page).await;
    authenticator.verifies(&browser, false).await;
    for (attempt, is_told) in [(1, false), (2, true)] {
        browser.click("#approve").await;
        browser.settled().await;
        let notice = browser.text("#notice").await;
        assert!(notice.starts_with("Nothing was sent"), "{notice}");
        assert_eq!(notice.contains("QR code"), is_told, "attempt {attempt}: {notice}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_finger_sends_nothing_and_the_right_one_may_try_again() {
    let site = Site::open().await;
    let (browser, authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    let before = site.times_posted();
    authenticator.verifies(&browser, false).await;
    browser.click("#approve").await;
    browser.settled().await;
    assert!(browser.text("#notice").await.starts_with("Nothing was sent"));
    assert_eq!(site.times_posted(), before);
    authenticator.verifies(&browser, true).await;
    // Two taps are one decision.
    browser.run("const it = document.querySelector('#approve'); it.click(); it.click();").await;
    browser.wait_until("document.querySelector('.end')").await;
    assert_eq!(site.times_posted(), before + 1);
    assert_eq!(site.poll(&handle).await, ok());
}

/// An unknown language falls back to English.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_approved_in_its_language() {
    let site = Site::open_where(&[("ASKS_PER_TEN_MINUTES", "16")]).await;
    let (browser, _authenticator) = site.of_alice().await;
    for (languages, approve, done) in [
        ("de-AT, en;q=0.5", "Zustimmen", "Zugestimmt"),
        ("fr", "Accepter", "Demande acceptée"),
        ("pl-PL, en;q=0.5", "Zatwierdź", "Zatwierdzono"),
        ("ja", "承認する", "承認しました"),
        ("ar-EG, en;q=0.5", "موافقة", "تمت الموافقة"),
        ("tlh, fi;q=0.5", "Approve", "Approved"),
    ] {
        let (handle, page) = site.ask(&[]).await;
        browser.reads(languages).await;
        browser.open(&page).await;
        assert_eq!(browser.text("#approve").await, approve);
        browser.click("#approve").await;
        browser.settled().await;
        browser.shows(done).await;
        assert_eq!(site.poll(&handle).await, ok());
    }
}

/// The link needs no script, and what follows the form is in the language too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_language_is_chosen_by_a_link_and_stays() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    browser.click("footer a[hreflang=pl]").await;
    browser.wait_until("document.documentElement.lang === 'pl'").await;
    browser.click("#approve").await;
    browser.settled().await;
    browser.shows("Zatwierdzono").await;
    assert_eq!(site.poll(&handle).await, ok());

    let (_, page) = site.ask(&[]).await;
    browser.without_script().await;
    browser.open(&page).await;
    browser.click("footer a[hreflang=ar]").await;
    browser.wait_until("document.documentElement.lang === 'ar'").await;
    browser.click("#actions button").await;
    browser.shows("تم الرفض").await;
    assert_eq!(browser.text("footer").await.lines().count(), 1, "the answer to a form has no links");
}

/// ATK-7-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_about_the_person_is_in_what_the_link_shows() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (_, page) = site.ask(&[]).await;
    browser.open(&page).await;
    let source = browser.evaluate("document.documentElement.outerHTML").await;
    let source = source.as_str().expect("a text");
    let person = site.provider().person("alice");
    for secret in ["alice", "5555550100", person.as_str().trim_start_matches("user#")] {
        assert!(!source.contains(secret), "{secret}");
    }
    for passkey in site.passkeys().await {
        let name = passkey["sk"].as_str().expect("a name").trim_start_matches("passkey#");
        assert!(!source.contains(name), "{name}");
    }
}

/// An authenticator that has nothing for this provider: nothing is sent, and declining is still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_passkey_on_the_device_one_can_still_decline() {
    let site = Site::open().await;
    let browser = Browser::start().await;
    let authenticator = Authenticator::plug_into(&browser).await;
    assert!(authenticator.passkeys(&browser).await.is_empty());
    let (handle, page) = site.ask(&[]).await;
    browser.open(&page).await;
    browser.click("#approve").await;
    browser.settled().await;
    assert!(browser.text("#notice").await.starts_with("Nothing was sent"));
    browser.click("button[type=submit]").await;
    browser.shows("Declined").await;
    assert_eq!(site.poll(&handle).await, refused(DENIED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyboard_is_enough_and_one_sees_where_one_is() {
    let site = Site::open().await;
    let (browser, _authenticator) = site.of_alice().await;
    let (handle, page) = site.ask(&[("scope", "openid profile")]).await;
    browser.open(&page).await;
    let mut visited = Vec::new();
    while visited.last().is_none_or(|it| it != "approve") {
        assert!(visited.len() < 10, "{visited:?}");
        browser.press(Key::Tab).await;
        let here = browser.evaluate("document.activeElement.id || document.activeElement.type").await;
        let outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle").await;
        assert_eq!(outline, json!("solid"), "{here}");
        visited.push(here.as_str().expect("a name").to_owned());
    }
    assert_eq!(visited, ["checkbox", "approve"]);
    browser.press(Key::Enter).await;
    browser.shows("Approved").await;
    assert_eq!(site.poll(&handle).await, ok());
}
