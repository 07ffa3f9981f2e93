//! Making passkeys on the enrollment page.

use ciba::domain::person::ticket::TicketKind;
use serde_json::json;

use crate::authenticator::Authenticator;
use crate::browser::Browser;
use crate::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_makes_one_passkey_and_reading_it_uses_nothing_up() {
    let site = Site::open().await;
    let browser = Browser::start().await;
    let authenticator = Authenticator::plug_into(&browser).await;
    let ticket = site.ticket("alice", TicketKind::First).await;
    browser.open(&ticket).await;
    browser.reload().await;
    browser.shows("Set up a passkey").await;
    assert_eq!(site.passkeys().await, Vec::<serde_json::Value>::new());
    browser.click("#create").await;
    browser.settled().await;
    browser.shows("Your passkey is ready").await;
    assert_eq!(site.passkeys().await.len(), 1);
    assert_eq!(authenticator.passkeys(&browser).await[0]["rpId"], json!("localhost"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    // The person is told, and the ticket is used.
    assert!(!site.provider().sns.messages().is_empty());
    browser.open(&ticket).await;
    browser.shows("This link no longer works").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_was_used_meanwhile_makes_nothing() {
    let site = Site::open().await;
    let browser = Browser::start().await;
    let authenticator = Authenticator::plug_into(&browser).await;
    let ticket = site.ticket("alice", TicketKind::First).await;
    browser.open(&ticket).await;
    let other = browser.new_tab().await;
    let there = Authenticator::plug_into(&browser).await;
    browser.open(&ticket).await;
    browser.click("#create").await;
    browser.settled().await;
    browser.shows("Your passkey is ready").await;
    there.clear(&browser).await;
    browser.back_to(other).await;
    browser.click("#create").await;
    browser.settled().await;
    browser.shows("This link no longer works").await;
    assert_eq!(site.passkeys().await.len(), 1);
    drop(authenticator);
}

/// ATK-7-05: whoever comes by a ticket later has no passkey by that alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_passkey_needs_the_first_and_then_both_approve() {
    let site = Site::open().await;
    let (browser, authenticator) = site.of_alice().await;
    browser.open(&site.ticket("alice", TicketKind::First).await).await;
    assert!(browser.is_displayed("#existing").await && !browser.is_displayed("#create").await);
    assert_eq!(browser.tap("#existing").await, json!(["get", "over"]), "nothing is awaited before");
    browser.settled().await;
    assert_eq!(browser.text("#notice").await, "Confirmed. Now create the new passkey.");
    // On another device, which has none yet.
    let first = authenticator.passkeys(&browser).await.remove(0);
    authenticator.clear(&browser).await;
    assert_eq!(browser.tap("#create").await, json!(["create", "over"]), "nothing is awaited before");
    browser.settled().await;
    browser.shows("Your passkey is ready").await;
    assert_eq!(site.passkeys().await.len(), 2);

    for passkey in [None, Some(&first)] {
        if let Some(passkey) = passkey {
            authenticator.clear(&browser).await;
            authenticator.add(&browser, passkey).await;
        }
        let (handle, page) = site.ask(&[]).await;
        browser.open(&page).await;
        browser.click("#approve").await;
        browser.settled().await;
        browser.shows("Approved").await;
        assert!(site.poll(&handle).await.is_ok());
    }
}

/// A copy of a passkey that counts: one of the two falls behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_passkey_is_noticed_when_it_counts_backwards() {
    let site = Site::open().await;
    let (browser, authenticator) = site.of_alice().await;
    let copy = authenticator.passkeys(&browser).await.remove(0);
    let mut headings = Vec::new();
    for copied in [false, true] {
        if copied {
            authenticator.clear(&browser).await;
            authenticator.add(&browser, &copy).await;
        }
        let (_, page) = site.ask(&[]).await;
        browser.open(&page).await;
        browser.click("#approve").await;
        browser.settled().await;
        headings.push(browser.text("h1").await);
    }
    assert_eq!(headings, ["Approved", "City Kiosk is asking for your approval"]);
    assert!(browser.text("#notice").await.starts_with("This passkey was not accepted."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_persons_passkey_does_not_speak_for_a_further_one() {
    let site = Site::open().await;
    let (browser, authenticator) = site.of_alice().await;
    authenticator.clear(&browser).await;
    site.enrol(&browser, "bob").await;
    browser.open(&site.ticket("alice", TicketKind::First).await).await;
    browser.click("#existing").await;
    browser.settled().await;
    browser.click("#create").await;
    browser
        .wait_until("document.querySelector('#notice').textContent.startsWith('This passkey was not')")
        .await;
    assert_eq!(site.passkeys().await.len(), 2, "alice's first and bob's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_that_finds_no_network_is_kept_and_sent_again() {
    let site = Site::open().await;
    let browser = Browser::start().await;
    let authenticator = Authenticator::plug_into(&browser).await;
    browser.open(&site.ticket("alice", TicketKind::First).await).await;
    browser.offline(true).await;
    browser.click("#create").await;
    browser.settled().await;
    assert!(browser.text("#notice").await.starts_with("There is no connection."));
    browser.offline(false).await;
    // Made once: a second one would need a finger.
    authenticator.verifies(&browser, false).await;
    browser.click("#create").await;
    browser.wait_until("document.querySelector('.end')").await;
    browser.shows("Your passkey is ready").await;
    assert_eq!(site.passkeys().await.len(), 1);
}
