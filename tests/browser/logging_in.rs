//! What a person does who logs in on the page.

use ciba_tests::{OidcProvider, Provider};
use serde_json::json;

use crate::authenticator::Authenticator;
use crate::browser::Browser;
use crate::login_issuer::OpenIdProvider;
use crate::site::Site;

const CLIENT_ID: &str = "ciba-page";
const SECRET: &str = "a-secret-of-at-least-32-characters";

/// RP-1-01, CIBA-8-01: from the page to the issuer, back, and to the tokens; by real cookies, redirects and forms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_and_approves_with_script_and_without() {
    let issuer = OpenIdProvider::start().await;
    let site = Site::open_where(&[("LOGIN_ISSUERS", &json!([issuer.setting()]).to_string())]).await;
    issuer.register(site.url("/login/callback"));
    let carol =
        json!({"login": {"iss": issuer.issuer(), "value": "carol"}, "channels": [{"sms": "+15555550177"}]});
    site.provider().enroll("carol", carol).await.expect("carol");
    for with_script in [true, false] {
        let (handle, page) = site.ask(&[("login_hint", "carol"), ("scope", "openid profile email")]).await;
        let browser = Browser::start().await;
        if !with_script {
            browser.without_script().await;
        }
        browser.open(&page).await;
        browser.click("#login a").await;
        browser.shows("Log in").await;
        browser.click("button[value=carol]").await;
        browser.shows("City Kiosk is asking for your approval").await;
        assert!(browser.text("#login").await.contains("You are signed in"));
        browser.click("input[value=profile]").await;
        browser.click("#approving-form button").await;
        browser.shows("Approved").await;
        assert!(browser.text(".end").await.contains("You can close this page and go back to City Kiosk."));
        assert_eq!(site.poll(&handle).await, Ok("openid email".to_owned()));
        browser.click(".mistake button").await;
        browser.shows("Taken back").await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}

/// RP-1-01: the same at an issuer that nobody here wrote, on its pages as they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_at_an_unmodified_provider() {
    let (site, issuer) = Site::open_beside(async |url| {
        let client = json!({"client_id": CLIENT_ID, "client_secret": SECRET,
            "redirect_uris": [format!("{url}/login/callback")],
            "token_endpoint_auth_method": "client_secret_basic"});
        let issuer = OidcProvider::start(&json!([client])).await;
        let secret = Provider::encrypted_secret(&issuer.issuer, SECRET);
        let setting = json!({"issuer": issuer.issuer, "jwks_uri": format!("{}/jwks", issuer.issuer),
            "algorithms": ["ES256"], "audience": {"claim": "aud", "value": "approval-app"},
            "browser": {"client_id": CLIENT_ID, "label": "acme", "name": "Acme", "client_secret": secret}});
        (issuer, setting)
    })
    .await;
    let alice =
        json!({"login": {"iss": issuer.issuer, "value": "alice"}, "channels": [{"sms": "+15555550177"}]});
    site.provider().enroll("alice", alice).await.expect("alice");
    for with_script in [true, false] {
        site.catch_up();
        let (handle, _) = site.ask(&[("login_hint", "alice"), ("scope", "openid profile email")]).await;
        let message = site.provider().sns.messages().pop().expect("a message").text;
        let link = message.rsplit(' ').next().expect("a link");
        let browser = Browser::start().await;
        if !with_script {
            browser.without_script().await;
        }
        browser.open(link).await;
        browser.click("#login a").await;
        browser.wait_until("document.querySelector('input[name=password]')").await;
        browser.fill("input[name=login]", "alice").await;
        browser.fill("input[name=password]", "any").await;
        browser.click("button[type=submit]").await;
        browser.wait_until("document.querySelector('input[value=consent]')").await;
        site.catch_up();
        browser.click("button[type=submit]").await;
        browser.shows("City Kiosk is asking for your approval").await;
        assert!(browser.text("#login").await.contains("You are signed in"));
        browser.click("#approving-form button").await;
        browser.shows("Approved").await;
        assert_eq!(site.poll(&handle).await, Ok(String::new()));
        // The issuer's own pages have no icon.
        let complaints = browser.complaints().await.into_iter().filter(|it| it.contains(&site.url("")));
        assert_eq!(complaints.collect::<Vec<_>>(), Vec::<String>::new());
    }
}

/// RP-2-02, ATK-7-05: by real cookies, redirects and forms; a day later the passkey approves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sets_up_a_passkey_and_approves_with_it_a_day_later() {
    let issuer = OpenIdProvider::start().await;
    let mut setting = issuer.setting();
    setting["browser"]["self_enrollment"] = json!({"amr": ["pwd"]});
    let site = Site::open_where(&[("LOGIN_ISSUERS", &json!([setting]).to_string())]).await;
    issuer.register(site.url("/login/callback"));
    let carol =
        json!({"login": {"iss": issuer.issuer(), "value": "carol"}, "channels": [{"sms": "+15555550177"}]});
    site.provider().enroll("carol", carol).await.expect("carol");
    let browser = Browser::start().await;
    let _authenticator = Authenticator::plug_into(&browser).await;
    browser.open(&site.url("/me")).await;
    browser.shows("You are not signed in").await;
    browser.click("a.button").await;
    browser.shows("Log in").await;
    browser.click("button[value=carol]").await;
    browser.shows("You are signed in").await;
    browser.click("form[action$=enroll] button").await;
    browser.shows("Set up a passkey").await;
    browser.click("#create").await;
    browser.shows("Your passkey is ready").await;

    let asked = [("login_hint", "carol"), ("scope", "openid profile")];
    let (_, page) = site.ask(&asked).await;
    browser.open(&site.url("/me")).await;
    browser.click("form[action$=logout] button").await;
    browser.shows("You are signed out").await;
    browser.open(&page).await;
    browser.click("#approve").await;
    let told = "document.getElementById('notice').textContent.startsWith('This passkey is too new')";
    browser.wait_until(told).await;
    site.pass(86_400);
    let (handle, page) = site.ask(&asked).await;
    browser.open(&page).await;
    browser.click("#approve").await;
    browser.shows("Approved").await;
    assert_eq!(site.poll(&handle).await, Ok(String::new()));
}
