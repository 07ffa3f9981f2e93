//! All pages in all their states, served without a provider behind them: what a decision is answered stands in the
//! address.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use ciba::domain::base::request_key::RequestKey;
use ciba::domain::details::authorization_details::DetailWords;
use ciba::domain::details::money::Money;
use ciba::domain::details::row::Row;
use ciba::domain::request::answer::Answer;
use ciba::http::respond;
use ciba::page::{
    AnsweredView, ApprovingForm, AuthorizationLine, ConsentView, EnrollmentView, Frame, Language,
    LoginProblem, LoginView, MeForms, Operator, Page, PasskeyView, ScopeLine, answered, choose_issuer,
    consent, declined, enrollment, login_failed, me, no_passkey, nobody, not_open, resource_words,
    scope_words, someone_else, ticket_not_open, trouble,
};
use ciba_local::server::{Server, listen};
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::browser::Browser;

const OPERATOR: &str = "Meridian Bank";
const MERIDIAN: Operator = Operator { name: OPERATOR, contact: Some("tel:+4940123456") };
const CHALLENGE: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

/// A page, and what is done on it before it is looked at.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: &'static str,
    path: &'static str,
    acts: &'static [Act],
}

#[derive(Debug)]
enum Act {
    /// Clicks, and waits for what comes of it.
    Click(&'static str),
    /// Waits until the time to decide is over.
    Wait,
    /// Waits until this is true on the page.
    Until(&'static str),
    /// The next finger is not the person's.
    WrongFinger,
    Offline,
}

const fn state(name: &'static str, path: &'static str, acts: &'static [Act]) -> State {
    State { name, path, acts }
}

pub(crate) const STATES: &[State] = &[
    state("consent", "/consent/ok", &[]),
    state("consent-approved", "/consent/ok", &[Act::Click("#approve")]),
    state(
        "consent-taken-back",
        "/consent/ok",
        &[
            Act::Click("#approve"),
            Act::Until("document.querySelector('#mistake')"),
            Act::Click("#mistake"),
            Act::Until("!document.querySelector('#mistake')"),
        ],
    ),
    state(
        "consent-not-taken-back",
        "/consent/ok_once",
        &[
            Act::Click("#approve"),
            Act::Until("document.querySelector('#mistake')"),
            Act::Click("#mistake"),
            Act::Until("document.querySelector('#outcome a')"),
        ],
    ),
    state("consent-reported", "/consent/ok", &[Act::Click("#not-me")]),
    state("consent-cancelled", "/consent/ok", &[Act::WrongFinger, Act::Click("#approve")]),
    state("consent-offline", "/consent/ok", &[Act::Offline, Act::Click("#approve")]),
    state("consent-not-accepted", "/consent/passkey_not_accepted", &[Act::Click("#approve")]),
    state("consent-too-new", "/consent/passkey_too_new", &[Act::Click("#approve")]),
    state("consent-unavailable", "/consent/temporarily_unavailable", &[Act::Click("#approve")]),
    state("consent-decided-elsewhere", "/consent/not_open", &[Act::Click("#approve")]),
    state("consent-high-risk", "/consent/high_risk", &[]),
    state("consent-too-late", "/consent/late", &[Act::Wait]),
    state("consent-simple", "/consent/simple", &[]),
    state("consent-nothing-to-compare", "/consent/no_message", &[]),
    state(
        "consent-another-way",
        "/consent/ok",
        &[Act::WrongFinger, Act::Click("#approve"), Act::Click("#approve")],
    ),
    state("consent-without-passkeys", "/consent/app", &[]),
    state("consent-sign-in", "/consent/sign_in", &[]),
    state("consent-signed-in", "/consent/signed_in", &[]),
    state("consent-signed-in-too-late", "/consent/late_signed_in", &[Act::Wait]),
    state("someone-else", "/page/someone_else", &[]),
    state("choose-issuer", "/page/choose_issuer", &[]),
    state("login-failed", "/page/login_failed", &[]),
    state("me", "/page/me", &[]),
    state("no-passkey", "/page/no_passkey", &[]),
    state("nobody", "/page/nobody", &[]),
    state("declined", "/page/declined", &[]),
    state("not-open", "/page/not_open", &[]),
    state("answered", "/page/answered", &[]),
    state("answered-declined", "/page/answered_declined", &[]),
    state("answered-ended", "/page/answered_ended", &[]),
    state("trouble", "/page/trouble", &[]),
    state("enrolment", "/enroll/ok", &[]),
    state("enrollment-done", "/enroll/ok", &[Act::Click("#create")]),
    state("enrollment-cancelled", "/enroll/ok", &[Act::WrongFinger, Act::Click("#create")]),
    state("enrollment-further", "/enroll/further", &[]),
    state("enrollment-further-confirmed", "/enroll/further", &[Act::Click("#existing")]),
    state("ticket-not-open", "/page/ticket", &[]),
];

pub(crate) struct Gallery {
    server: Server,
}

impl Gallery {
    pub(crate) async fn open() -> Self {
        let router = Router::new()
            .route("/page/{name}", get(message_page))
            .route("/consent/{answer}", get(consent_page))
            .route("/consent/{answer}/decision", axum::routing::post(answer))
            .route("/enroll/{answer}", get(enrollment_page).post(answer));
        let listener = listen(0).await.expect("a port");
        Self { server: Server::start(listener, router).expect("a server") }
    }

    /// By name: passkeys know no addresses.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.server.address().port())
    }

    /// Brings a fresh page into a state, with an authenticator that has one passkey.
    pub(crate) async fn show(&self, browser: &Browser, state: &State) {
        browser.offline(false).await;
        browser.cdp("WebAuthn.disable", json!({})).await;
        let authenticator = Authenticator::plug_into(browser).await;
        browser.open(&self.url("/page/trouble")).await;
        browser
            .evaluate(
                "navigator.credentials.create({ publicKey: {
                    challenge: new Uint8Array(32), rp: { name: 'x' },
                    user: { id: new Uint8Array(32), name: 'x', displayName: 'x' },
                    pubKeyCredParams: [{ type: 'public-key', alg: -7 }, { type: 'public-key', alg: -257 }],
                    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
                } }).then(() => true)",
            )
            .await;
        browser.open(&self.url(state.path)).await;
        for act in state.acts {
            match act {
                Act::Click(selector) => {
                    browser.click(selector).await;
                    browser.settled().await;
                }
                Act::Wait => browser.settled().await,
                Act::Until(expression) => browser.wait_until(expression).await,
                Act::WrongFinger => authenticator.verifies(browser, false).await,
                Act::Offline => browser.offline(true).await,
            }
        }
    }
}

fn language(headers: &HeaderMap) -> Language {
    let accepted = headers.get("accept-language").and_then(|value| value.to_str().ok());
    Language::of_accept(accepted.unwrap_or_default())
}

/// The function's response as the server's.
fn served(page: Page) -> axum::response::Response {
    let (parts, body) = respond::page(page).into_parts();
    axum::response::Response::from_parts(parts, axum::body::Body::from(body.to_vec()))
}

fn nonce() -> String {
    let mut bytes = [0; 16];
    ciba::http::serve::random(&mut bytes);
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}

async fn message_page(Path(name): Path<String>, headers: HeaderMap) -> axum::response::Response {
    let (language, nonce_of_frame) = (language(&headers), nonce());
    let frame = Frame { language, chosen: None, operator: MERIDIAN, nonce: &nonce_of_frame };
    let request = RequestKey::from_bytes([7; 16]);
    served(match name.as_str() {
        "someone_else" => someone_else(&frame, "Zm9ybQ"),
        "choose_issuer" => {
            choose_issuer(&frame, Some(&request), &[("staff", "Meridian Staff"), ("bank", OPERATOR)])
        }
        "login_failed" => login_failed(&frame, LoginProblem::Down, Some(&request)),
        "me" => {
            let forms = MeForms { sign_out: "Zm9ybQ", enroll: Some("Zm9ybQ") };
            me(&frame, ("m.weber@example.com", OPERATOR), forms)
        }
        "no_passkey" => no_passkey(&frame),
        "nobody" => nobody(&frame),
        "declined" => declined(&frame),
        "not_open" => not_open(language, MERIDIAN, &nonce(), Some("/page/choose_issuer")),
        "answered" => answered(&frame, &answered_view(Answer::Approved, language)),
        "answered_declined" => {
            answered(&frame, &answered_view(Answer::Declined { makes_it_wait: true }, language))
        }
        "answered_ended" => answered(&frame, &answered_view(Answer::Ended, language)),
        "ticket" => ticket_not_open(&frame),
        _ => trouble(&frame),
    })
}

fn answered_view(answer: Answer, language: Language) -> AnsweredView<'static> {
    AnsweredView {
        answer,
        client_name: "Branch Desk 4",
        client_id: "desk-4",
        headline: None,
        answered_ago: Duration::from_secs(130),
        path: "/consent/ok",
        form: ApprovingForm { form_token: "Zm9ybQ", shown: CHALLENGE, language },
    }
}

/// `late…` is over in a second, and `left_100` in a hundred.
fn seconds_left(answer: &str) -> u64 {
    let named = answer.strip_prefix("left_").and_then(|seconds| seconds.parse().ok());
    named.unwrap_or(if answer.starts_with("late") { 1 } else { 270 })
}

async fn consent_page(Path(answer): Path<String>, headers: HeaderMap) -> axum::response::Response {
    let language = language(&headers);
    let line = |value, required| {
        let words = scope_words(language, value, None);
        ScopeLine { value, words, other_language: None, required }
    };
    let (title, headline, amount, to) = match language {
        Language::English => ("A transfer", "Pay {} to Weber Kitchens, Hamburg", "Amount", "To"),
        Language::French => ("Un virement", "Payer {} à Weber Kitchens, Hamburg", "Montant", "À"),
        Language::Spanish => ("Una transferencia", "Pagar {} a Weber Kitchens, Hamburg", "Importe", "A"),
        Language::German => ("Eine Überweisung", "{} an Weber Kitchens, Hamburg, zahlen", "Betrag", "An"),
        Language::Italian => ("Un bonifico", "Pagare {} a Weber Kitchens, Hamburg", "Importo", "A"),
        Language::Dutch => ("Een overboeking", "{} betalen aan Weber Kitchens, Hamburg", "Bedrag", "Aan"),
        Language::Polish => ("Przelew", "Zapłać {} do Weber Kitchens, Hamburg", "Kwota", "Do"),
        Language::Portuguese => ("Uma transferência", "Pagar {} a Weber Kitchens, Hamburg", "Valor", "Para"),
        Language::Swedish => ("En överföring", "Betala {} till Weber Kitchens, Hamburg", "Belopp", "Till"),
        Language::Japanese => ("振込", "Weber Kitchens, Hamburg に {} を支払う", "金額", "振込先"),
        Language::Arabic => ("تحويل", "دفع {} إلى Weber Kitchens, Hamburg", "المبلغ", "إلى"),
    };
    let sent = Money::new("2450", "EUR").expect("an amount").words(language.tag());
    let row = |label: &str, value: &str| Row { label: label.to_owned(), value: value.to_owned() };
    let transfer = DetailWords {
        title: title.to_owned(),
        headline: Some(headline.replace("{}", &sent)),
        amount: Money::new("2450", "EUR"),
        rows: vec![
            row(amount, &sent),
            row(to, "Weber Kitchens, Hamburg"),
            row("IBAN", "DE02 1203 0000 0000 2020 51"),
        ],
    };
    let context = [row("location / country", "DE"), row("location / branch", "Altona, Main St 4")];
    let path = format!("/consent/{answer}");
    let is_high_risk = answer == "high_risk";
    let is_simple = ["simple", "no_message"].contains(&answer.as_str());
    let view = ConsentView {
        language,
        operator: MERIDIAN,
        client_name: "Branch Desk 4",
        client_id: "desk-4",
        binding_message: (answer != "no_message").then_some("Code K7-2931"),
        scopes: if is_simple {
            vec![line("openid", true)]
        } else {
            vec![line("openid", true), line("payments", is_high_risk), line("profile", false)]
        },
        authorizations: if is_simple {
            vec![]
        } else {
            let scope = is_high_risk.then_some("payments");
            vec![AuthorizationLine { words: &transfer, other_language: None, scope }]
        },
        context: if is_simple { &[] } else { &context },
        details: if is_simple { vec![] } else { vec![resource_words(language, "https://pay.example")] },
        asked_ago: Duration::from_secs(20),
        decide_in: Duration::from_secs(seconds_left(&answer)),
        path: &path,
        form_token: "Zm9ybQ",
        passkey: (answer != "app" && !answer.ends_with("signed_in")).then_some(PasskeyView {
            rp_id: "localhost",
            shown: CHALLENGE,
            receipt: CHALLENGE,
            seasoned: is_high_risk,
        }),
        login: match answer.as_str() {
            "sign_in" => LoginView::SignIn { path: "/page/choose_issuer" },
            "signed_in" | "late_signed_in" => {
                LoginView::SignedIn(ApprovingForm { form_token: "Zm9ybQ", shown: CHALLENGE, language })
            }
            _ => LoginView::None,
        },
    };
    served(consent(&view, &nonce()))
}

async fn enrollment_page(Path(answer): Path<String>, headers: HeaderMap) -> axum::response::Response {
    let options = json!({ "publicKey": {
        "challenge": CHALLENGE,
        "rp": { "id": "localhost", "name": OPERATOR },
        "user": { "id": "AAEC", "name": OPERATOR, "displayName": OPERATOR },
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -257 }],
        "excludeCredentials": [],
        "authenticatorSelection": { "residentKey": "required", "userVerification": "required" },
    } });
    let existing = json!({ "publicKey": {
        "challenge": CHALLENGE, "rpId": "localhost", "allowCredentials": [], "userVerification": "required",
    } });
    let path = format!("/enroll/{answer}");
    let view = EnrollmentView {
        language: language(&headers),
        operator: MERIDIAN,
        path: &path,
        options,
        needs_assertion: (answer == "further").then_some(existing),
        is_own: answer == "further",
    };
    served(enrollment(&view, &nonce()))
}

async fn answer(Path(answer): Path<String>, body: String) -> (StatusCode, axum::Json<Value>) {
    match answer.as_str() {
        // What was answered cannot be taken back any more.
        "ok_once" if body.contains("take_back") => {
            (StatusCode::CONFLICT, axum::Json(json!({ "error": "not_open" })))
        }
        "ok" | "ok_once" | "further" => (StatusCode::OK, axum::Json(json!({ "decision": "approved" }))),
        "temporarily_unavailable" => {
            (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({ "error": answer })))
        }
        "passkey_too_new" => {
            (StatusCode::FORBIDDEN, axum::Json(json!({ "error": answer, "usable_at": 1_800_000_000 })))
        }
        "not_open" => (StatusCode::CONFLICT, axum::Json(json!({ "error": answer }))),
        _ => (StatusCode::FORBIDDEN, axum::Json(json!({ "error": answer }))),
    }
}

/// CSP forbids all that is not the page's own; a page that breaks its own policy, or fails, says so on the console.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_keeps_its_own_policy_and_has_no_error() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    for state in STATES {
        gallery.show(&browser, state).await;
        let mut complaints = browser.complaints().await;
        // What an answer's status is, and that the network is gone, is no fault of the page.
        complaints.retain(|it| !it.contains("Failed to load resource"));
        assert!(complaints.is_empty(), "{}: {complaints:#?}", state.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_fit_320_pixels_and_targets_fit_a_finger() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    for language in Language::ALL {
        browser.reads(language.tag()).await;
        for state in STATES.iter().filter(|it| it.acts.is_empty()) {
            gallery.show(&browser, state).await;
            // On a wide screen a line more fits into one, and makes a target lower.
            for width in [320, 1280] {
                browser.size(width, 568).await;
                let scrolls = browser.evaluate("document.documentElement.scrollWidth").await;
                assert_eq!(scrolls, json!(width), "{} in {}", state.name, language.tag());
                let small = browser
                    .evaluate(
                        "[...document.querySelectorAll('button, label, footer li a')].map((it) => it.getBoundingClientRect())
                           .filter((it) => it.width > 0 && (it.width < 44 || it.height < 44)).length",
                    )
                    .await;
                assert_eq!(small, json!(0), "{} in {}, {width}", state.name, language.tag());
            }
        }
    }
}

/// All texts of the page at once, shown or not, and the words of them that do not fit into a line. What others wrote may
/// have words of any length.
const BROKEN: &str = r#"(() => {
    document.querySelectorAll("template").forEach((it) => {
        const place = document.createElement("div");
        place.append(it.content);
        it.replaceWith(place);
    });
    document.querySelectorAll("[hidden]").forEach((it) => it.removeAttribute("hidden"));
    // Japanese has no spaces, and a line may end nearly everywhere. Words in Latin letters and numbers stay whole, and some
    // signs stay with what they follow, and some with what follows them.
    const STAY = "、。，．・：；？！）」』】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々";
    const JAPANESE = new RegExp(`[A-Za-z0-9]+|[（「『【]+[^\\s]|[^\\s][${STAY}]+`, "gu");
    const WHOLE = document.documentElement.lang === "ja" ? JAPANESE : /[^\s-]+/gu;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const broken = [];
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.parentElement.closest("bdi, blockquote, [dir=auto], script, style, .unseen")) continue;
        for (const { 0: word, index } of node.textContent.matchAll(WHOLE)) {
            const range = document.createRange();
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            const lines = new Set([...range.getClientRects()].map((it) => Math.round(it.top)));
            if (lines.size > 1) broken.push(word);
        }
    }
    const narrow = [...document.querySelectorAll("p, li, dd, blockquote, legend, h1, h2")]
        .filter((it) => it.clientWidth < 3 * parseFloat(getComputedStyle(it).fontSize) && it.textContent && !it.closest(".unseen"));
    return [...broken, ...narrow.map((it) => `narrow: ${it.textContent}`)];
})()"#;

/// Also for who sets a larger text, in each language, on small phones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_word_is_broken_at_any_size_of_the_text() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    let mut wrong = Vec::new();
    for language in Language::ALL {
        browser.reads(language.tag()).await;
        for state in STATES.iter().filter(|it| it.acts.is_empty()) {
            gallery.show(&browser, state).await;
            for (width, percent) in
                [320, 360, 412].into_iter().flat_map(|it| [(it, 100), (it, 130), (it, 200)])
            {
                browser.size(width, 640).await;
                browser.run(&format!("document.documentElement.style.fontSize = '{percent}%'")).await;
                let found = browser.evaluate(BROKEN).await;
                let found = found.as_array().expect("a list").iter();
                let place = format!("{} in {}, {width} px, {percent} %", state.name, language.tag());
                wrong.extend(found.map(|it| format!("{place}: {it}")));
            }
        }
    }
    wrong.sort_unstable();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// In an Arabic page, an amount and a name in Latin letters begin on the right, as the labels beside them do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_wrote_begins_where_the_page_begins() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    for (language, side) in [("ar", "right"), ("en", "left")] {
        browser.reads(language).await;
        gallery.show(&browser, &STATES[0]).await;
        let sides = "[...new Set([...document.querySelectorAll('h1, dt, dd, label span')]
            .map((it) => getComputedStyle(it))
            .map(({ textAlign, direction }) => {
                const start = direction === 'rtl' ? 'right' : 'left';
                return textAlign === 'start' ? start : textAlign;
            }))]";
        assert_eq!(browser.evaluate(sides).await, json!([side]), "{language}");
        let box_of = |selector: &str| format!("document.querySelector('{selector}').getBoundingClientRect()");
        let label = browser.evaluate(&format!("{}.left", box_of("dt"))).await;
        let value = browser.evaluate(&format!("{}.left", box_of("dd"))).await;
        assert_eq!(label.as_f64() > value.as_f64(), side == "right", "{language}: {label} {value}");
    }
}

/// The countdown is first the server's and then the script's. The clock of the page stands still, so both have the same
/// time to tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_tells_the_time_left_in_the_servers_words() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    let still = "const now = Date.now(); Date.now = () => now;
        setInterval = (act) => setTimeout(() => { act(); window.ticked = true; });";
    browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": still })).await;
    for language in Language::ALL {
        browser.reads(language.tag()).await;
        for seconds in [1, 2, 3, 11, 60, 62, 121, 125, 662, 1325, 3600, 3720, 7380, 10_860, 43_200] {
            browser.open(&gallery.url(&format!("/consent/left_{seconds}"))).await;
            browser.wait_until("window.ticked").await;
            let both = browser
                .evaluate(
                    "fetch(location.href).then((it) => it.text()).then((text) => {
                        const sent = new DOMParser().parseFromString(text, 'text/html');
                        return [sent, document].map((it) => it.getElementById('left').textContent);
                     })",
                )
                .await;
            assert_eq!(both[0], both[1], "{seconds} seconds in {}", language.tag());
        }
    }
}

/// ATK-1-03, ATK-1-04: neither of the two is pushed: same size, same weight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declining_is_as_easy_to_see_as_approving() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    gallery.show(&browser, &STATES[0]).await;
    for (width, height) in [(320, 568), (1280, 800)] {
        browser.size(width, height).await;
        let looks = |selector: &str| {
            format!(
                "(({{ offsetWidth, offsetHeight }}, {{ fontSize, fontWeight }}) => \
                 [offsetWidth, offsetHeight, fontSize, fontWeight]) \
                 (document.querySelector('{selector}'), getComputedStyle(document.querySelector('{selector}')))"
            )
        };
        let decline = browser.evaluate(&looks("button[type=submit]")).await;
        assert_eq!(decline, browser.evaluate(&looks("#approve")).await);
        assert!(decline[0].as_i64() > Some(100), "{decline}");
    }
}

/// Whether all of an element is within the window.
fn in_sight(selector: &str) -> String {
    format!(
        "(({{ top, bottom }}) => top >= 0 && bottom <= innerHeight) \
         (document.querySelector('{selector}').getBoundingClientRect())"
    )
}

/// ATK-1-04: on a small phone, without scrolling, in every language.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simple_request_fits_a_small_phone_with_both_buttons() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    browser.size(360, 640).await;
    for language in Language::ALL {
        browser.reads(language.tag()).await;
        for name in ["consent-simple", "consent-nothing-to-compare"] {
            let state = STATES.iter().find(|it| it.name == name).expect(name);
            gallery.show(&browser, state).await;
            for selector in ["h1", "#approve", "button[type=submit]"] {
                let is_in_sight = browser.evaluate(&in_sight(selector)).await;
                assert_eq!(is_in_sight, json!(true), "{name}, {selector} in {}", language.tag());
            }
        }
    }
}

/// ATK-1-04: wherever the page is scrolled to; and approving only after the details were on the screen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declining_is_always_in_sight_and_approving_after_the_details() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    browser.size(360, 640).await;
    gallery.show(&browser, &STATES[0]).await;
    let can_approve = "!document.querySelector('#approve').hasAttribute('aria-disabled')";
    assert_eq!(browser.evaluate(can_approve).await, json!(false), "before the details were on the screen");
    for part in [0.0, 0.3, 0.7, 1.0] {
        browser.run(&format!("scrollTo(0, {part} * document.documentElement.scrollHeight)")).await;
        let is_in_sight = browser.evaluate(&in_sight("button[type=submit]")).await;
        assert_eq!(is_in_sight, json!(true), "scrolled to {part}");
    }
    browser.wait_until(can_approve).await;

    let state = STATES.iter().find(|it| it.name == "consent-signed-in").expect("a state");
    gallery.show(&browser, state).await;
    let can_approve = "!document.querySelector('#login button').hasAttribute('aria-disabled')";
    assert_eq!(browser.evaluate(can_approve).await, json!(false), "with a login, before the details");
    browser.run("document.querySelector('#login button').scrollIntoView({ block: 'center' })").await;
    browser.wait_until(can_approve).await;
}
