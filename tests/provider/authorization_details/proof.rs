//! What an approval grants says what has to be proven for it.

use ciba::domain::base::time::Timestamp;
use ciba::domain::person::ticket::TicketKind;
use ciba_tests::{Answer, Authenticator, Provider, START, at};
use serde_json::{Value, json};

use super::{approve, asked, details, payment, provider, shown};
use crate::consent::person::{Signed, attribute, open};
use crate::token::tokens::verified;

const PAY: &str = "https://pay.example";

/// The type of payments under another name, with these members beside.
fn payment_called(name: &str, members: Value) -> Value {
    let mut definition = payment();
    definition["type"] = json!(name);
    for (member, value) in members.as_object().expect("an object") {
        definition[member] = value.clone();
    }
    definition
}

fn of_type(name: &str) -> Value {
    json!({"type": name, "amount": "9999.00", "creditor": "M. Meyer"})
}

/// What `alice` can prove herself with.
struct Alice {
    new: Authenticator,
    seasoned: Authenticator,
}

impl Alice {
    /// One passkey since yesterday, and another since just now.
    async fn with_two_passkeys(provider: &Provider) -> Self {
        let seasoned = provider.enroll_passkey("alice", at(-90_000.0)).await;
        let ticket = provider.ticket("alice", TicketKind::Further, at(-1.0)).await;
        let mut new = Authenticator::new();
        let answer = provider.follow_ticket(&ticket, &mut new, None, at(-1.0)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Self { new, seasoned }
    }

    async fn approve(
        &mut self,
        provider: &Provider,
        request: &str,
        (scope, details): (&str, &Value),
        proof: Proof,
        now: Timestamp,
    ) -> Answer {
        let passkey = match proof {
            Proof::LoginToken => {
                let mut body = json!({"decision": "approve", "scope": scope});
                if details != &json!([]) {
                    body["authorization_details"] = details.clone();
                }
                return provider.decide("alice", request, body, now).await;
            }
            Proof::NewPasskey => &mut self.new,
            Proof::SeasonedPasskey => &mut self.seasoned,
        };
        let signed = Signed::on_page(provider, request, passkey, ("approve", scope), now).await;
        signed.send(provider, request, now).await
    }
}

/// From the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    LoginToken,
    NewPasskey,
    SeasonedPasskey,
}

impl Proof {
    const ALL: [Self; 3] = [Self::LoginToken, Self::NewPasskey, Self::SeasonedPasskey];
}

/// ATK-8-05, TOK-7-03, ATK-7-05: the details are granted whole, so unticking the scope that is high-risk makes nothing easier.
#[tokio::test]
async fn details_need_what_the_high_risk_scope_demands() {
    let provider = provider(json!({"scope": "openid payments", "high_risk_scope": "payments"})).await;
    let mut alice = Alice::with_two_passkeys(&provider).await;
    let paid = json!([of_type("payment")]);
    for scope in ["openid payments", "openid"] {
        let parameters = [("scope", scope), ("authorization_details", &*paid.to_string())];
        let (auth_req_id, request) = provider.asked(&parameters, START).await;
        assert_eq!(shown(&provider, &request, "en", at(1.0)).await["proof"], "seasoned_passkey", "{scope}");
        let page = open(&provider, &request, at(1.0)).await;
        assert!(page.html.contains("a passkey that you set up only recently cannot approve it"), "{page:?}");
        for (proof, code) in [(Proof::LoginToken, "passkey_required"), (Proof::NewPasskey, "passkey_too_new")]
        {
            let before = provider.traces().await;
            let answer = alice.approve(&provider, &request, ("openid", &paid), proof, at(2.0)).await;
            assert_eq!(answer.refusal(), (403, code), "{scope} {proof:?}");
            assert_eq!(provider.traces().await, before);
        }
        let proof = Proof::SeasonedPasskey;
        let answer = alice.approve(&provider, &request, ("openid", &paid), proof, at(3.0)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.body["authorization_details"], paid);
    }
}

/// The operator's word on a type counts for every client.
#[tokio::test]
async fn a_type_has_a_risk_of_its_own() {
    let metadata = json!({"authorization_details_types": ["payment", "high", "low"]});
    let provider = provider(metadata.clone()).await;
    provider.put_detail_type(&payment_called("high", json!({"risk": "high"}))).await;
    provider.put_detail_type(&payment_called("low", json!({"risk": "low"}))).await;
    let demand = async |types: &[&str], now| {
        let entries: Vec<_> = types.iter().map(|name| of_type(name)).collect();
        let (_, request) = asked(&provider, &json!(entries), at(now)).await;
        let shown = shown(&provider, &request, "en", at(now)).await;
        let answer = approve(&provider, &request, &json!(entries), at(now)).await;
        (shown["proof"].as_str().expect("a demand").to_owned(), answer.status)
    };
    let answer = |proof: &str, status| (proof.to_owned(), status);
    assert_eq!(demand(&["payment"], 0.0).await, answer("login_token", 200));
    assert_eq!(demand(&["high"], 700.0).await, answer("seasoned_passkey", 403));
    assert_eq!(demand(&["low", "high"], 1400.0).await, answer("seasoned_passkey", 403), "the most counts");
    let mut metadata = metadata;
    metadata["client_id"] = json!("kiosk");
    metadata["scope"] = json!("openid profile payments");
    metadata["high_risk_scope"] = json!("payments");
    provider.register(metadata).await.expect("kiosk");
    assert_eq!(demand(&["payment"], 2100.0).await, answer("seasoned_passkey", 403));
    assert_eq!(demand(&["low"], 2800.0).await, answer("login_token", 200), "and nothing else is asked for");
}

/// TOK-7-02, TOK-7-03: the two are asked for together, shown together and approved together.
#[tokio::test]
async fn a_type_with_a_scope_goes_with_that_scope() {
    let provider = provider(json!({"scope": "openid profile payments"})).await;
    provider.put_detail_type(&payment_called("payment", json!({"scope": "payments"}))).await;
    let mut alice = Alice::with_two_passkeys(&provider).await;
    let text = details().to_string();
    let before = provider.traces().await;
    let answer = provider.ask(&[("authorization_details", &text)], START).await;
    assert_eq!(answer.refusal(), (400, "invalid_authorization_details"));
    assert_eq!(provider.traces().await, before);

    let parameters = [("scope", "openid profile payments"), ("authorization_details", &*text)];
    let (auth_req_id, request) = provider.asked(&parameters, START).await;
    let app = shown(&provider, &request, "en", at(1.0)).await;
    assert_eq!(app["details"][0]["scope"], "payments");
    let required = |value: &str| {
        let scopes = app["statement"]["scopes"].as_array().expect("scopes");
        scopes.iter().find(|it| it["value"] == value).expect("a value")["required"].clone()
    };
    assert_eq!((required("payments"), required("profile")), (json!(true), json!(false)));
    let page = open(&provider, &request, at(1.0)).await;
    let at_of = |text: &str| page.html.find(text).unwrap_or_else(|| panic!("no {text}: {}", page.html));
    let (boxes, payments) = (at_of("id=\"scopes\""), at_of("value=\"payments\" checked disabled"));
    assert!(boxes < payments && payments < at_of(">A payment</h2>"), "{}", page.html);
    assert_eq!(attribute(&page, "data-shown"), app["statement"]["shown"], "both sign the same");

    for proof in Proof::ALL {
        let left_out = ("openid profile", &details());
        let answer = alice.approve(&provider, &request, left_out, proof, at(2.0)).await;
        assert_eq!(answer.refusal(), (400, "invalid_scope"), "{proof:?}");
    }
    assert_eq!(provider.poll(&auth_req_id, at(5.0)).await.text("error"), "authorization_pending");
    let kept = ("openid payments", &details());
    let answer = alice.approve(&provider, &request, kept, Proof::LoginToken, at(6.0)).await;
    assert_eq!(answer.body["scope"], "openid payments");
    let tokens = provider.poll(&auth_req_id, at(11.0)).await;
    assert_eq!(
        (tokens.text("scope"), &tokens.body["authorization_details"]),
        ("openid payments", &details())
    );

    // Declining needs none of it.
    let (_, request) = provider.asked(&parameters, at(700.0)).await;
    let denied = provider.decide("alice", &request, json!({"decision": "deny"}), at(701.0)).await;
    assert_eq!(denied.status, 200);
}

/// Without a good signature nobody finds out that there was something to select.
#[tokio::test]
async fn a_bad_selection_of_what_is_over_looks_like_any_other() {
    let provider = provider(json!({"scope": "openid payments"})).await;
    provider.put_detail_type(&payment_called("payment", json!({"scope": "payments"}))).await;
    let mut alice = Alice::with_two_passkeys(&provider).await;
    let text = details().to_string();
    let parameters = [("scope", "openid payments"), ("authorization_details", &*text)];
    let (_, request) = provider.asked(&parameters, START).await;
    let mut signed =
        Signed::on_page(&provider, &request, &mut alice.seasoned, ("approve", "openid"), at(1.0)).await;
    signed.body["passkey"]["response"]["signature"] = json!("AAAA");
    let answer = signed.send(&provider, &request, at(2.0)).await;
    assert_eq!(answer.refusal(), (400, "invalid_scope"), "while it is open, the page says as much");
    let never = signed.send(&provider, &"A".repeat(22), at(3.0)).await;
    let over = signed.send(&provider, &request, at(1000.0)).await;
    assert_eq!((over.status, over.body), (never.status, never.body));
}

/// ATK-8-05: and what changes afterwards is known within a minute.
#[tokio::test]
async fn a_changed_policy_counts_for_what_is_asked_after_it() {
    let provider = provider(json!({})).await;
    let (_, before) = asked(&provider, &details(), START).await;
    provider.put_detail_type(&payment_called("payment", json!({"risk": "high", "scope": "payments"}))).await;
    assert_eq!(approve(&provider, &before, &details(), at(1.0)).await.status, 200, "as it was shown");
    let text = details().to_string();
    let answer = provider.ask(&[("authorization_details", &text)], at(61.0)).await;
    assert_eq!(answer.refusal(), (400, "invalid_authorization_details"));
    provider.put_detail_type(&payment_called("payment", json!({"risk": "high"}))).await;
    let (_, after) = asked(&provider, &details(), at(122.0)).await;
    assert_eq!(shown(&provider, &after, "en", at(123.0)).await["proof"], "seasoned_passkey");
    // And in the open request it stays, whatever is changed back.
    provider.put_detail_type(&payment()).await;
    let refused = approve(&provider, &after, &details(), at(124.0)).await;
    assert_eq!(refused.refusal(), (403, "passkey_required"));
}

/// What the version before wrote has none, and is read as the default.
#[tokio::test]
async fn a_default_policy_is_stored_as_before_there_were_any() {
    let provider = provider(json!({})).await;
    let (_, request) = asked(&provider, &details(), START).await;
    let items = provider.items().await;
    let of = |sk: &str| items.iter().find(|item| item["sk"] == sk).unwrap_or_else(|| panic!("no {sk}"));
    let names = |item: &Value| item.as_object().expect("an item").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(of("type#payment")), ["display", "pk", "schema", "sk", "write_id"]);
    assert_eq!(
        names(of("detail")),
        ["authorization_details", "pk", "sk", "ttl", "words", "write_id"],
        "{request}"
    );
}

/// One request, and what of it is selected.
struct Flow {
    scope: &'static str,
    resource: Option<&'static str>,
    types: &'static [&'static str],
    selected: &'static str,
}

/// Everything that can be combined: scope with and without what is high-risk, an API or none, each kind of type.
fn flows() -> Vec<Flow> {
    let mut flows = Vec::new();
    for types in [&[] as &[_], &["payment"], &["low"], &["low", "high"]] {
        flows.extend([
            Flow { scope: "openid", resource: None, types, selected: "openid" },
            Flow { scope: "openid", resource: Some(PAY), types, selected: "openid" },
            Flow { scope: "openid payments", resource: Some(PAY), types, selected: "openid" },
            Flow { scope: "openid payments", resource: Some(PAY), types, selected: "openid payments" },
        ]);
    }
    flows
}

/// What the holder of these tokens can do with them, and what that needed: judged by the tokens alone.
async fn needed(provider: &Provider, client: &Value, tokens: &Answer) -> Proof {
    let (_, claims) = verified(provider, tokens.text("access_token")).await;
    let is_risky = client.get("high_risk_scope").is_some();
    let mut needed = vec![Proof::LoginToken];
    if client["require_passkey"] == true {
        needed.push(Proof::NewPasskey);
    }
    if is_risky && claims["scope"].as_str().expect("a scope").contains("payments") {
        needed.push(Proof::SeasonedPasskey);
    }
    if is_risky && claims["aud"] == PAY {
        needed.push(Proof::SeasonedPasskey);
    }
    for entry in claims["authorization_details"].as_array().into_iter().flatten() {
        let needs_more = match entry["type"].as_str().expect("a type") {
            "high" => true,
            "payment" => is_risky,
            _ => false,
        };
        needed.extend(needs_more.then_some(Proof::SeasonedPasskey));
    }
    needed.into_iter().max().expect("something")
}

/// ATK-8-05, ATK-7-05: over all pairs of a grant and a proof. The weakest proof that is taken is the one that the tokens need.
#[tokio::test]
async fn what_is_granted_was_always_proven_as_demanded() {
    for members in [
        json!({}),
        json!({"require_passkey": true}),
        json!({"high_risk_scope": "payments"}),
        json!({"high_risk_scope": "payments", "require_passkey": true}),
    ] {
        let provider = Provider::with(&[("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]).await;
        for (name, policy) in
            [("payment", json!({})), ("low", json!({"risk": "low"})), ("high", json!({"risk": "high"}))]
        {
            provider.put_detail_type(&payment_called(name, policy)).await;
        }
        let mut client = json!({
            "client_id": "kiosk", "scope": "openid payments",
            "authorization_details_types": ["payment", "low", "high"],
            "resources": [{"resource": PAY, "scope": "payments"}],
        });
        for (name, value) in members.as_object().expect("an object") {
            client[name] = value.clone();
        }
        provider.register(client.clone()).await.expect("kiosk");
        let mut alice = Alice::with_two_passkeys(&provider).await;
        for (n, flow) in flows().into_iter().enumerate() {
            let now = 10.0 * f64::from(u32::try_from(n).expect("few"));
            let details = json!(flow.types.iter().map(|name| of_type(name)).collect::<Vec<_>>());
            let text = details.to_string();
            let mut parameters = vec![("scope", flow.scope)];
            parameters.extend(flow.resource.map(|resource| ("resource", resource)));
            parameters.extend((!flow.types.is_empty()).then_some(("authorization_details", &*text)));
            let (auth_req_id, request) = provider.asked(&parameters, at(now)).await;
            let mut taken = None;
            for proof in Proof::ALL {
                let selected = (flow.selected, &details);
                let answer = alice.approve(&provider, &request, selected, proof, at(now + 1.0)).await;
                if answer.status == 200 {
                    taken = Some(proof);
                    break;
                }
                assert_eq!(answer.status, 403, "{answer:?}");
            }
            let tokens = provider.poll(&auth_req_id, at(now + 5.0)).await;
            assert_eq!(tokens.status, 200, "{tokens:?}");
            let needed = needed(&provider, &client, &tokens).await;
            assert_eq!(
                taken,
                Some(needed),
                "{members} {} {:?} {:?} {}",
                flow.scope,
                flow.resource,
                flow.types,
                flow.selected
            );
        }
    }
}
