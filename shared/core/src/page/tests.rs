use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::catalogue::Catalogue;
use super::*;
use crate::domain::base::request_key::RequestKey;
use crate::domain::details::authorization_details::DetailWords;
use crate::domain::details::money::Money;
use crate::domain::details::row::Row;
use crate::domain::request::answer::Answer;

const NONCE: &str = "bm9uY2Ugb2YgMTYgYnl0ZQ";
const MERIDIAN: Operator = Operator { name: "Meridian Bank", contact: None };

static PAYMENT: LazyLock<DetailWords> = LazyLock::new(|| DetailWords {
    title: "A payment".to_owned(),
    headline: None,
    amount: None,
    rows: vec![row("Amount", "100.50 EUR"), row("To", "M. Meyer")],
});
static CONTEXT: LazyLock<Vec<Row>> = LazyLock::new(|| vec![row("country", "DE")]);

fn row(label: &str, value: &str) -> Row {
    Row { label: label.to_owned(), value: value.to_owned() }
}

fn entry<'a>(words: &'a DetailWords, scope: Option<&'a str>) -> AuthorizationLine<'a> {
    AuthorizationLine { words, other_language: None, scope }
}

fn consent_view(language: Language) -> ConsentView<'static> {
    let line = |value, required| {
        let words = scope_words(language, value, None);
        ScopeLine { value, words, other_language: None, required }
    };
    ConsentView {
        language,
        operator: MERIDIAN,
        client_name: "Desk 4",
        client_id: "desk-4",
        binding_message: Some("K7-2931"),
        scopes: vec![line("openid", true), line("profile", false), line("payments", true)],
        authorizations: vec![entry(&PAYMENT, None), entry(&PAYMENT, Some("payments"))],
        context: &CONTEXT,
        details: vec!["Access to the payments API".to_owned()],
        asked_ago: Duration::from_secs(20),
        decide_in: Duration::from_secs(270),
        path: "/consent/AAAAAAAAAAAAAAAAAAAAAA",
        form_token: "Zm9ybSB0b2tlbg",
        passkey: Some(PasskeyView {
            rp_id: "bank.example",
            shown: "c2hvd24",
            receipt: "cmVjZWlwdA",
            seasoned: true,
        }),
        login: LoginView::SignIn { path: "/login?request=AAAAAAAAAAAAAAAAAAAAAA" },
    }
}

/// The page of somebody who is logged in.
fn signed_in_view(language: Language) -> ConsentView<'static> {
    let form = ApprovingForm { form_token: "c2Vzc2lvbg", shown: "c2hvd24", language };
    ConsentView { passkey: None, login: LoginView::SignedIn(form), ..consent_view(language) }
}

fn answered_view(answer: Answer, language: Language) -> AnsweredView<'static> {
    AnsweredView {
        answer,
        client_name: "Desk 4",
        client_id: "desk-4",
        headline: Some("Pay 100.50 EUR to M. Meyer"),
        answered_ago: Duration::from_secs(20),
        path: "/consent/BwcHBwcHBwcHBwcHBwcHBw",
        form: ApprovingForm { form_token: "c2Vzc2lvbg", shown: "cmVjZWlwdA", language },
    }
}

fn enrollment_view(language: Language) -> EnrollmentView<'static> {
    EnrollmentView {
        language,
        operator: MERIDIAN,
        path: "/enroll/AAAAAAAAAAAAAAAAAAAAAA",
        options: json!({ "publicKey": { "challenge": "Y2hhbGxlbmdl", "rp": { "id": "bank.example" } } }),
        needs_assertion: Some(
            json!({ "publicKey": { "challenge": "Y2hhbGxlbmdl", "allowCredentials": [] } }),
        ),
        is_own: false,
    }
}

/// Every page there is, in one language.
fn pages(language: Language) -> Vec<Page> {
    let frame = Frame { language, chosen: None, operator: MERIDIAN, nonce: NONCE };
    let operator = MERIDIAN;
    vec![
        consent(&consent_view(language), NONCE),
        consent(
            &ConsentView {
                passkey: None,
                binding_message: None,
                authorizations: vec![],
                context: &[],
                details: vec![],
                login: LoginView::None,
                ..consent_view(language)
            },
            NONCE,
        ),
        consent(&signed_in_view(language), NONCE),
        enrollment(&enrollment_view(language), NONCE),
        enrollment(
            &EnrollmentView { needs_assertion: None, is_own: true, ..enrollment_view(language) },
            NONCE,
        ),
        not_open(language, operator, NONCE, Some("/login?request=BwcHBwcHBwcHBwcHBwcHBw")),
        not_open(language, operator, NONCE, None),
        declined(&frame),
        trouble(&frame),
        ticket_not_open(&frame),
    ]
    .into_iter()
    .chain(login_pages(language))
    .collect()
}

/// The pages about logging in.
fn login_pages(language: Language) -> Vec<Page> {
    let frame = Frame { language, chosen: None, operator: MERIDIAN, nonce: NONCE };
    let request = RequestKey::from_bytes([7; 16]);
    let failed = LoginProblem::ALL
        .into_iter()
        .flat_map(|problem| [Some(&request), None].map(|request| login_failed(&frame, problem, request)));
    let others = [
        choose_issuer(&frame, Some(&request), &[("acme", "Acme"), ("other", "Other & Sons")]),
        choose_issuer(&frame, None, &[("acme", "Acme"), ("other", "Other & Sons")]),
        someone_else(&frame, "c2Vzc2lvbg"),
        me(&frame, ("alice", "Acme"), MeForms { sign_out: "c2Vzc2lvbg", enroll: None }),
        me(&frame, ("alice", "Acme"), MeForms { sign_out: "c2Vzc2lvbg", enroll: Some("ZW5yb2xs") }),
        no_passkey(&frame),
        nobody(&frame),
        signed_out(&frame),
        outdated(&frame, &request),
    ];
    let answered = [
        Answer::Approved,
        Answer::Ended,
        Answer::Declined { makes_it_wait: true },
        Answer::Declined { makes_it_wait: false },
        Answer::Reported,
    ]
    .map(|answer| answered(&frame, &answered_view(answer, language)));
    failed.chain(others).chain(answered).collect()
}

fn all_pages() -> impl Iterator<Item = Page> {
    Language::ALL.into_iter().flat_map(pages)
}

/// Each text between `start` and the next `end`.
fn between<'t>(text: &'t str, start: &str, end: char) -> Vec<&'t str> {
    text.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

/// The version is part of what a person signs, so it must identify the exact texts.
#[test]
fn a_changed_word_or_a_changed_page_needs_a_new_version() {
    let mut all = String::new();
    for language in Language::ALL {
        all += &format!("{:?}", Catalogue::of(language));
        all.extend(pages(language).into_iter().map(|page| page.html));
    }
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, all.as_bytes()));
    assert_eq!(TEMPLATE_VERSION, &hash[..12], "the new version, for page.rs, is on the right");
}

/// ATK-2-01, ATK-2-05
#[test]
fn what_others_wrote_is_text_on_the_page_and_never_markup() {
    let evil = "<script>alert(1)</script>\"onclick=\"x";
    let scopes =
        vec![ScopeLine { value: evil, words: evil.to_owned(), other_language: None, required: false }];
    let authorization =
        DetailWords { title: evil.to_owned(), headline: None, amount: None, rows: vec![row(evil, evil)] };
    let context = [row(evil, evil)];
    let view = ConsentView {
        operator: Operator { name: evil, contact: Some("tel:+49301234") },
        authorizations: vec![entry(&authorization, None), entry(&authorization, Some(evil))],
        context: &context,
        client_name: evil,
        client_id: evil,
        binding_message: Some(evil),
        scopes,
        details: vec![evil.to_owned()],
        path: evil,
        form_token: evil,
        passkey: Some(PasskeyView { rp_id: evil, shown: evil, receipt: evil, seasoned: true }),
        ..consent_view(Language::English)
    };
    let enrollment_view = EnrollmentView {
        operator: Operator { name: evil, contact: Some("tel:+49301234") },
        path: evil,
        options: json!({ "user": evil }),
        needs_assertion: Some(json!({ "rp": evil })),
        ..enrollment_view(Language::English)
    };
    for page in [consent(&view, NONCE), enrollment(&enrollment_view, NONCE)] {
        assert!(page.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;onclick=&quot;x"));
        assert!(!page.html.contains("<script>"), "{}", page.html);
        assert!(!page.html.contains("\"onclick"), "{}", page.html);
    }
}

/// CIBA-7.1-20, ATK-2-04: unmodified, and marked as the client's.
#[test]
fn the_message_is_quoted_as_it_is_and_says_whose_it_is() {
    let message = "دفع 4471";
    let view = ConsentView { binding_message: Some(message), ..consent_view(Language::English) };
    let html = consent(&view, NONCE).html;
    assert!(html.contains("<figcaption>Text from <bdi>Desk 4</bdi></figcaption>"));
    assert!(html.contains(&format!("<blockquote dir=\"auto\">{message}</blockquote>")));
}

/// ATK-1-02
#[test]
fn without_a_message_there_is_nothing_to_compare() {
    let told =
        "<p class=\"compare\">There is nothing to compare. Approve only if you are doing this right now.</p>";
    assert!(!consent(&consent_view(Language::English), NONCE).html.contains(told));
    let view = ConsentView { binding_message: None, ..consent_view(Language::English) };
    let html = consent(&view, NONCE).html;
    assert!(html.contains(told) && !html.contains("<blockquote"));
}

/// It is not a choice, and with nothing else to choose there is no list.
#[test]
fn being_identified_is_a_sentence_and_not_a_checkbox() {
    let told = "<p class=\"identity\">Your identity will be confirmed.</p>";
    let only = ConsentView {
        scopes: vec![ScopeLine {
            value: "openid",
            words: "Your identity will be confirmed.".to_owned(),
            other_language: None,
            required: true,
        }],
        authorizations: vec![],
        ..consent_view(Language::English)
    };
    let (simple, full) = (consent(&only, NONCE).html, consent(&consent_view(Language::English), NONCE).html);
    assert!(simple.contains(told) && full.contains(told));
    assert!(!simple.contains("<label>") && !simple.contains("<legend>"));
    assert!(full.contains("<input type=\"hidden\" value=\"openid\">") && full.contains("<legend>"));
}

#[test]
fn the_headline_of_a_single_entry_is_the_heading() {
    let payment = DetailWords { headline: Some("Pay EUR 100.50 to M. Meyer".to_owned()), ..PAYMENT.clone() };
    let entry = || entry(&payment, None);
    let with = |authorizations| {
        consent(&ConsentView { authorizations, ..consent_view(Language::English) }, NONCE).html
    };
    let one = with(vec![entry()]);
    assert!(one.contains("<h1 dir=\"auto\">Pay EUR 100.50 to M. Meyer</h1>"), "{one}");
    assert!(one.contains("<p class=\"asker\">Requested by <bdi>Desk 4</bdi></p>") && !one.contains("1 of 1"));
    let two = with(vec![entry(), entry()]);
    assert!(two.contains("<h1><bdi>Desk 4</bdi> is asking for your approval</h1>"));
    assert!(two.contains(">1 of 2</p>") && two.contains(">2 of 2</p>"));
}

/// An entry that a person can deselect would make the sum wrong.
#[test]
fn several_entries_have_a_sum_if_it_is_certain() {
    let of = |value, currency| DetailWords { amount: Money::new(value, currency), ..PAYMENT.clone() };
    let (euros, more, dollars) = (of("100.50", "EUR"), of("2400", "EUR"), of("1", "USD"));
    let shown = |entries: &[(&'static DetailWords, Option<&'static str>)]| {
        let lines = entries.iter().map(|(words, scope)| entry(words, *scope));
        let view = ConsentView { authorizations: lines.collect(), ..consent_view(Language::English) };
        consent(&view, NONCE).html
    };
    let [euros, more, dollars]: [&DetailWords; 3] =
        [euros, more, dollars].map(|it| &*Box::leak(Box::new(it)));
    let total = "<p class=\"sum\">Total: EUR\u{a0}2,500.50</p>";
    assert!(shown(&[(euros, None), (more, Some("payments"))]).contains(total));
    for entries in [
        &[(euros, None)][..],
        &[(euros, None), (dollars, None)],
        &[(euros, None), (&PAYMENT, None)],
        &[(euros, None), (more, Some("profile"))],
    ] {
        assert!(!shown(entries).contains("class=\"sum\""), "{entries:?}");
    }
}

/// Any other one is ticked only.
#[test]
fn a_required_scope_is_ticked_locked_and_marked() {
    let html = consent(&consent_view(Language::English), NONCE).html;
    let labels = between(&html, "<label>", '/');
    let of = |value: &str| *labels.iter().find(|it| it.contains(&format!("value=\"{value}\""))).unwrap();
    assert!(of("payments").contains(" checked disabled "));
    assert!(of("profile").contains(" checked ") && !of("profile").contains("disabled"));
    assert_eq!(html.matches("<em>required</em></label>").count(), 1);
    // A refusal has no scope, so the form sends no checkboxes.
    assert!(!html.contains("type=\"checkbox\" name"));
}

/// They are tried in this order.
#[test]
fn a_scope_is_worded_by_catalogue_registration_or_name() {
    let words = |value, registered| scope_words(Language::German, value, registered);
    assert_eq!(words("email", Some("Everything")), "Ihre E-Mail-Adresse");
    assert_eq!(words("payments", Some("Zahlungen bis 100 EUR")), "Zahlungen bis 100 EUR");
    assert_eq!(words("payments", None), "Zugriff mit dem Namen „payments“");
    for language in Language::ALL {
        let said: BTreeSet<_> =
            crate::domain::base::scope::Scope::OWN.iter().map(|it| scope_words(language, it, None)).collect();
        assert_eq!(said.len(), 6);
        assert!(said.iter().all(|it| !it.contains("openid") && !it.contains("offline_access")));
    }
}

/// TOK-7-03: an entry is shown with the scope value that it belongs to, as one choice; any other stands by itself.
#[test]
fn a_scope_value_and_what_belongs_to_it_are_one_choice() {
    let html = consent(&consent_view(Language::English), NONCE).html;
    let entries: Vec<_> = html.match_indices("<section class=\"authorization\">").map(|(at, _)| at).collect();
    let at_of = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}"));
    let (scopes, payments) = (at_of("id=\"scopes\""), at_of("value=\"payments\""));
    let end = scopes + html[scopes..].find("</fieldset>").unwrap();
    assert!(entries.len() == 2 && entries[0] < scopes, "{entries:?}");
    assert!(payments < entries[1] && entries[1] < end, "{entries:?}");
    let label = &html[payments..entries[1]];
    assert!(label.contains(" checked disabled ") && label.contains("<em>required</em>"), "{label}");
    assert_eq!(label.matches("</label>").count(), 1, "nothing is between the two");
}

/// ATK-7-05
#[test]
fn a_page_says_that_a_new_passkey_is_not_enough() {
    let told = "a passkey that you set up only recently cannot approve it";
    assert!(consent(&consent_view(Language::English), NONCE).html.contains(told));
    let passkey =
        Some(PasskeyView { rp_id: "bank.example", shown: "c2hvd24", receipt: "cmVjZWlwdA", seasoned: false });
    let view = ConsentView { passkey, ..consent_view(Language::English) };
    assert!(!consent(&view, NONCE).html.contains(told));
}

/// ATK-7-03: whoever has the link alone learns nothing of its person. A new member of the view is a question here.
#[test]
fn there_is_nothing_about_the_person_in_what_a_page_is_made_of() {
    let ConsentView {
        language: _,
        operator: _,
        client_name: _,
        client_id: _,
        binding_message: _,
        scopes: _,
        authorizations: _,
        context: _,
        details: _,
        asked_ago: _,
        decide_in: _,
        path: _,
        form_token: _,
        passkey,
        login,
    } = consent_view(Language::English);
    let PasskeyView { rp_id: _, shown: _, receipt: _, seasoned: _ } = passkey.unwrap();
    match login {
        LoginView::None | LoginView::SignIn { path: _ } => {}
        LoginView::SignedIn(ApprovingForm { form_token: _, shown: _, language: _ }) => {}
    }
    // There is no list of passkeys to choose from: the device knows its own.
    assert!(!super::consent::SCRIPT.contains("allowCredentials"));
}

/// Declining is as visible as approving and needs no script; approving is not offered where it cannot work.
#[test]
fn without_script_one_can_read_decline_and_learn_to_approve() {
    let html = consent(&consent_view(Language::English), NONCE).html;
    assert!(html.contains(
        "<form id=\"actions\" method=\"post\" action=\"/consent/AAAAAAAAAAAAAAAAAAAAAA/decision\""
    ));
    assert!(html.contains("name=\"decision\" value=\"deny\""));
    assert!(html.contains("name=\"form_token\" value=\"Zm9ybSB0b2tlbg\""));
    assert!(html.contains("<button type=\"submit\">"));
    for hidden in ["id=\"approve\" hidden", "id=\"how\" hidden", "id=\"report\" hidden"] {
        assert!(
            html.contains(hidden) || html.contains(&hidden.replace(" hidden", " class=\"approve\" hidden")),
            "{hidden}"
        );
    }
    assert!(html.contains("<p class=\"how\" id=\"unable\">To approve, open this page"));
    let nothing = ConsentView { passkey: None, login: LoginView::None, ..consent_view(Language::English) };
    let html = consent(&nothing, NONCE).html;
    assert!(!html.contains("id=\"approve\"") && !html.contains("data-shown"));
    assert!(html.contains("To approve, use the <bdi>Meridian Bank</bdi> app"));
}

/// Approving after a login is a plain form: the selection is real fields, and what cannot be deselected is sent too.
#[test]
fn after_a_login_one_can_approve_without_script() {
    let html = consent(&signed_in_view(Language::English), NONCE).html;
    let (_, form) =
        html.split_once("<form id=\"approving-form\" method=\"post\" action=\"/consent/").unwrap();
    let (form, _) = form.split_once("</form>").unwrap();
    for (name, value) in [
        ("decision", "approve"),
        ("client_id", "desk-4"),
        ("language", "en"),
        ("shown", "c2hvd24"),
        ("session_token", "c2Vzc2lvbg"),
    ] {
        assert!(
            form.contains(&format!("type=\"hidden\" name=\"{name}\" value=\"{value}\"")),
            "{name}: {form}"
        );
    }
    assert!(form.contains("type=\"submit\""));
    let sent = |name: &str, value: &str| {
        html.contains(&format!("name=\"{name}\" value=\"{value}\" form=\"approving-form\""))
    };
    assert!(sent("scope:000:openid", "openid") && sent("scope:002:payments", "payments"), "{html}");
    assert!(!sent("scope:001:profile", "profile"), "its checkbox says whether it is selected");
    assert!(html.contains("name=\"scope:001:profile\" form=\"approving-form\""), "{html}");
    let names = ["decision", "scope:010:payments", "scope:002:profile", "scope:000:openid", "scope:x"];
    assert_eq!(selected(names.into_iter()), "openid profile payments");
    assert!(!html.contains("data-shown") && !html.contains("/login?"), "no passkey and no other login");
    let html = consent(&consent_view(Language::English), NONCE).html;
    assert!(html.contains("<a class=\"button\" href=\"/login?request=AAAAAAAAAAAAAAAAAAAAAA\">"), "{html}");
    assert!(!html.contains("approving-form") && !html.contains("name=\"scope:"));
}

/// ATK-1-07: what can be taken back is offered as a plain form, and nothing else is.
#[test]
fn an_answer_that_counts_can_be_taken_back_without_script() {
    let frame = Frame { language: Language::English, chosen: None, operator: MERIDIAN, nonce: NONCE };
    for (answer, is_offered) in [
        (Answer::Approved, true),
        (Answer::Declined { makes_it_wait: true }, true),
        (Answer::Declined { makes_it_wait: false }, false),
        (Answer::Ended, false),
        (Answer::Reported, false),
    ] {
        let view = answered_view(answer, Language::English);
        let html = answered(&frame, &view).html;
        assert!(html.contains("Pay 100.50 EUR to M. Meyer") && html.contains("20 seconds ago"), "{html}");
        assert_eq!(
            html.contains("action=\"/consent/BwcHBwcHBwcHBwcHBwcHBw/decision\""),
            is_offered,
            "{answer:?}"
        );
        for (name, value) in [
            ("decision", "take_back"),
            ("client_id", "desk-4"),
            ("language", "en"),
            ("shown", "cmVjZWlwdA"),
            ("session_token", "c2Vzc2lvbg"),
        ] {
            let field = format!("name=\"{name}\" value=\"{value}\"");
            assert_eq!(html.contains(&field), is_offered, "{answer:?} {name}");
        }
        assert!(!html.contains("<script"), "{answer:?}");
    }
}

/// HYG-1-12: a page about a login leads to a request, a login or nowhere.
#[test]
fn a_login_page_leads_nowhere_else() {
    for page in login_pages(Language::English) {
        for target in between(&page.html, "<a ", '>').into_iter().map(|it| between(it, "href=\"", '"')[0]) {
            let request = "BwcHBwcHBwcHBwcHBwcHBw";
            let allowed = [format!("/login?request={request}"), format!("/consent/{request}")];
            let own = ["/me", "/login", "/login?idp=acme", "/login?idp=other"];
            let is_allowed =
                allowed.iter().any(|it| target.starts_with(it.as_str())) || own.contains(&target);
            assert!(is_allowed, "{target}");
        }
    }
}

#[test]
fn each_page_has_the_status_of_what_it_says() {
    let statuses = pages(Language::English).iter().map(|page| page.status).collect::<Vec<_>>();
    let failed = [400, 400, 400, 400, 400, 400, 503, 503];
    let expected = [
        &[200, 200, 200, 200, 200, 404, 404, 200, 503, 404][..],
        &failed,
        &[200, 200, 403, 200, 200, 403, 200, 200, 409],
        &[200; 5],
    ];
    assert_eq!(statuses, expected.concat());
}

/// HYG-1-10: only what carries the nonce runs or draws.
#[test]
fn style_and_script_are_only_in_elements_with_the_nonce() {
    for page in all_pages() {
        assert_eq!(page.nonce, NONCE);
        let elements = page.html.matches("<script").count() + page.html.matches("<style").count();
        assert_eq!(page.html.matches(&format!(" nonce=\"{NONCE}\">")).count(), elements);
        let markup = without_code(&page.html);
        for tag in between(&markup, "<", '>') {
            let attributes =
                tag.split(' ').skip(1).filter_map(|it| it.split_once("=\"")).map(|(name, _)| name);
            for name in attributes {
                assert!(name != "style" && !name.starts_with("on"), "{tag}");
            }
        }
        assert!(!markup.contains("javascript:") && !markup.contains("http"), "{markup}");
    }
}

#[test]
fn every_id_that_is_referred_to_exists_once() {
    for page in all_pages() {
        let mut ids = between(&page.html, " id=\"", '"');
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{ids:?}");
        for name in ["aria-labelledby", "aria-describedby", "for"] {
            for referred in between(&page.html, &format!(" {name}=\""), '"') {
                assert!(ids.contains(&referred), "{referred}");
            }
        }
    }
    // Each id that a script looks up exists on the page with all parts.
    let full = [
        (super::consent::SCRIPT, consent(&consent_view(Language::English), NONCE)),
        (super::layout::TAKING_BACK, consent(&consent_view(Language::English), NONCE)),
        (super::layout::TAKING_BACK, not_open(Language::English, MERIDIAN, NONCE, None)),
        (super::enrollment::SCRIPT, enrollment(&enrollment_view(Language::English), NONCE)),
    ];
    for (script, page) in full {
        let mut wanted = Vec::new();
        for start in ["byId(\"", "say(\"", "finish(\"", "end(\"", "answered(\"", "?? \"", "? \"", " : \""] {
            wanted.extend(between(script, start, '"'));
        }
        for start in ["const SAYS = {", "const ENDS = {"] {
            wanted.extend(
                between(script, start, '}').into_iter().flat_map(|table| between(table, ": \"", '"')),
            );
        }
        let others = ["", " ", "minute", "second", "POST", "HEAD", "error", "text/html"];
        for id in wanted.into_iter().filter(|it| !others.contains(it)) {
            assert!(page.html.contains(&format!(" id=\"{id}\"")), "{id}");
        }
    }
}

/// A page is one small response, which also loads over a poor connection. This holds in every language.
#[test]
fn a_page_with_ten_scopes_and_details_is_under_30_kilobytes() {
    for language in Language::ALL {
        let values = ["openid", "profile", "email", "address", "phone", "offline_access", "a", "b", "c", "d"];
        let scopes = values.map(|value| ScopeLine {
            value,
            words: scope_words(language, value, Some("What a longer description in a registration may say")),
            other_language: Some(Language::Portuguese),
            required: false,
        });
        let view = ConsentView {
            scopes: scopes.into(),
            details: vec![
                "Pay 100.50 EUR to M. Meyer, on 24 November, from the account ending 4471"
                    .to_owned();
                5
            ],
            client_name: "A client with a rather long registered name",
            ..consent_view(language)
        };
        let size = consent(&view, NONCE).html.len();
        assert!(size < 30_000, "{} bytes in {}", size, language.tag());
    }
}

/// Plain links, without script and without a cookie. A page that answers a form cannot be read again.
#[test]
fn a_page_that_can_be_read_again_is_offered_in_each_language() {
    for language in Language::ALL {
        let (request, ticket) = (consent_view(language), enrollment_view(language));
        for page in [consent(&request, NONCE), enrollment(&ticket, NONCE)] {
            for other in Language::ALL.into_iter().filter(|it| *it != language) {
                let (tag, name) = (other.tag(), other.name());
                let link = format!("<a href=\"?lang={tag}\" hreflang=\"{tag}\" lang=\"{tag}\">{name}</a>");
                assert!(page.html.contains(&link), "{tag}");
            }
            assert_eq!(page.html.matches(" hreflang=").count(), Language::ALL.len() - 1);
        }
        assert!(
            !declined(&Frame { language, chosen: None, operator: MERIDIAN, nonce: NONCE })
                .html
                .contains(" hreflang=")
        );
    }
}

/// Its forms too: what follows them is in the language of the page.
#[test]
fn the_links_of_a_page_keep_the_language_that_was_chosen() {
    let request = RequestKey::from_bytes([7; 16]);
    let frame = Frame {
        language: Language::Polish,
        chosen: Some(Language::Polish),
        operator: MERIDIAN,
        nonce: NONCE,
    };
    let links = |page: Page| -> Vec<String> {
        between(&page.html, " href=\"", '"').into_iter().skip(1).map(str::to_owned).collect()
    };
    let (login, page) =
        (login_path(&request, Some(Language::Polish)), page_path(&request, Some(Language::Polish)));
    assert!(login.ends_with("&lang=pl") && page.ends_with("?lang=pl"), "{login} {page}");
    let login = login.replace('&', "&amp;");
    assert_eq!(links(login_failed(&frame, LoginProblem::Cancelled, Some(&request))), [&*login, &*page]);
    assert_eq!(
        links(choose_issuer(&frame, Some(&request), &[("acme", "Acme")])),
        [format!("{login}&amp;idp=acme"), page.clone()]
    );
    assert_eq!(links(outdated(&frame, &request)), [page]);
    assert_eq!(links(choose_issuer(&frame, None, &[("acme", "Acme")])), ["/login?idp=acme&amp;lang=pl"]);
    assert_eq!(links(nobody(&frame)), ["/login?lang=pl"]);
    assert_eq!(links(no_passkey(&frame)), ["/me?lang=pl"]);
    let field = "<input type=\"hidden\" name=\"language\" value=\"pl\">";
    for html in [
        someone_else(&frame, "c2Vzc2lvbg").html,
        me(&frame, ("alice", "Acme"), MeForms { sign_out: "c2Vzc2lvbg", enroll: Some("ZW5yb2xs") }).html,
        answered(&frame, &answered_view(Answer::Approved, Language::Polish)).html,
        consent(&consent_view(Language::Polish), NONCE).html,
        consent(&signed_in_view(Language::Polish), NONCE).html,
    ] {
        let forms = html.matches("<form ").count();
        assert_eq!(html.matches(field).count(), forms, "{html}");
    }
}

#[test]
fn an_arabic_page_is_read_from_the_right_and_any_other_is_not() {
    for page in all_pages() {
        let direction = if page.language == Language::Arabic { "rtl" } else { "ltr" };
        let start = format!("<html lang=\"{}\" dir=\"{direction}\">", page.language.tag());
        assert!(page.html.contains(&start), "{start}");
    }
    // Left and right are named nowhere, so nothing is on the wrong side.
    let style = include_str!("style.css");
    for side in ["left", "right"] {
        assert!(!style.contains(side), "{side}");
    }
}

/// A screen reader pronounces them as they are written.
#[test]
fn words_of_another_language_than_the_pages_say_which() {
    let english = Some(Language::English);
    let payment = DetailWords { headline: Some("Pay EUR 100.50".to_owned()), ..PAYMENT.clone() };
    let line = AuthorizationLine { other_language: english, ..entry(&payment, None) };
    let scope = ScopeLine {
        value: "payments",
        words: "Pay bills".to_owned(),
        other_language: english,
        required: false,
    };
    let view =
        ConsentView { authorizations: vec![line], scopes: vec![scope], ..consent_view(Language::Arabic) };
    let html = consent(&view, NONCE).html;
    for marked in [
        "<h1 dir=\"auto\" lang=\"en\">Pay EUR 100.50</h1>",
        "<strong dir=\"auto\" lang=\"en\">Pay EUR 100.50</strong>",
        "<h2 dir=\"auto\" lang=\"en\">A payment</h2>",
        "<dl class=\"facts\" lang=\"en\">",
        "<span dir=\"auto\" lang=\"en\">Pay bills</span>",
    ] {
        assert!(html.contains(marked), "{marked}: {html}");
    }
    let own = consent(&consent_view(Language::Arabic), NONCE).html;
    assert!(!own.contains(" lang=\"en\">Pay") && !own.contains("facts\" lang"));
}

/// It names only what it can.
#[test]
fn a_sentence_leaves_no_placeholder_unfilled() {
    for page in all_pages() {
        let markup = without_code(&page.html);
        assert!(!markup.contains('{') || page.html.contains("data-options"), "{markup}");
        assert!(!markup.contains("<bdi></bdi>"), "{markup}");
    }
    for language in Language::ALL {
        // `Debug` writes no-break spaces and vowel marks as escapes.
        let catalogue = format!("{:?}", Catalogue::of(language)).replace("\\u{", "");
        let names: BTreeSet<_> =
            between(&catalogue.replace("{ ", ""), "{", '}').into_iter().map(str::to_owned).collect();
        assert!(
            names
                .iter()
                .filter(|it| !it.contains(':'))
                .all(|it| ["client", "operator", "contact", "n", "total", "time", "value", "resource"]
                    .contains(&it.as_str())),
            "{names:?}"
        );
    }
}

#[test]
fn each_page_has_one_heading_of_the_first_rank_and_its_language() {
    for page in all_pages() {
        // Headings in templates are not shown yet.
        let shown: String =
            page.html.split("<template").map(|it| it.split("</template>").last().unwrap()).collect();
        assert_eq!(shown.matches("<h1").count(), 1, "{shown}");
        assert!(page.html.contains(&format!("<html lang=\"{}\"", page.language.tag())));
        for landmark in ["<header>", "<main", "<footer>"] {
            assert_eq!(page.html.matches(landmark).count(), 1, "{landmark}");
        }
    }
}

#[test]
fn the_options_for_the_browser_arrive_as_they_were_given() {
    let view = enrollment_view(Language::English);
    let html = enrollment(&view, NONCE).html;
    let read = |name: &str| -> Value {
        let text = between(&html, &format!(" {name}=\""), '"')[0].replace("&quot;", "\"");
        serde_json::from_str(&text).unwrap()
    };
    assert_eq!(read("data-options"), view.options);
    assert_eq!(Some(read("data-assertion")), view.needs_assertion);
}

/// The markup without the contents of style and script elements.
fn without_code(html: &str) -> String {
    let mut rest = html.to_owned();
    for element in ["style", "script"] {
        let (start, end) = (format!("<{element} "), format!("</{element}>"));
        if let (Some(from), Some(to)) = (rest.find(&start), rest.find(&end)) {
            rest.replace_range(from..to, "");
        }
    }
    rest
}
