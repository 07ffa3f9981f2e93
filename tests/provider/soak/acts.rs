//! The calls of a flow: what client, person and operator send.

use ciba::domain::base::request_key::RequestKey;
use ciba::domain::request::authentication_request::Canceller;
use ciba::flows::asking::cancel_request::{CancelOutcome, cancel};
use ciba_tests::{Answer, Provider, form, json_request, request};
use serde_json::{Value, json};

use super::flow::{Broken, Flow, TRIES};
use super::model::{Action, Said};
use super::script::Proof;
use super::world::PART;
use crate::consent::person::{BROWSER, attribute, challenge, field, open};

pub(super) const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// What was made of the page before it is sent.
#[derive(Clone, Debug)]
pub(super) enum Prepared {
    /// A login token is enough.
    Nothing,
    /// A decision that a passkey signed.
    Signed(Value),
    /// What the page's form sends.
    Form(String),
}

impl Flow<'_> {
    /// One call. What the operator's tool does has no answer over HTTP, so it says itself what came of it.
    pub(super) async fn act(
        &self,
        index: usize,
        action: Action,
        prepared: &Prepared,
    ) -> Result<Answer, Said> {
        let asked = &self.asked[index];
        Ok(match action {
            Action::Poll => self.poll(&asked.auth_req_id).await,
            Action::Approve => self.decision("approve", &asked.key, prepared).await,
            Action::Deny => self.decision("deny", &asked.key, prepared).await,
            Action::Report => self.decision("report", &asked.key, prepared).await,
            Action::Decline => self.decline(&asked.key, prepared).await,
            Action::TakeBack => self.decision("take_back", &asked.key, prepared).await,
            Action::CancelAsClient => self.cancel(&asked.auth_req_id).await,
            Action::CancelAsOperator => return Err(self.cancel_as_operator(&asked.key).await),
            Action::Supersede => unreachable!("it is a request of its own"),
        })
    }

    /// What the person makes of the page before they decide.
    pub(super) async fn prepare(&self, index: usize, action: Action) -> Result<Prepared, Broken> {
        let word = match action {
            Action::Approve => "approve",
            Action::Deny => "deny",
            Action::Report => "report",
            Action::Decline => "",
            // A login is proof enough of the person for taking back.
            Action::TakeBack
            | Action::Poll
            | Action::CancelAsClient
            | Action::CancelAsOperator
            | Action::Supersede => return Ok(Prepared::Nothing),
        };
        if self.script.proof == Proof::Login && action != Action::Decline {
            return Ok(Prepared::Nothing);
        }
        let page = self.page(&self.asked[index].key).await?;
        if action == Action::Decline {
            return Ok(Prepared::Form(field(&page, "form_token")));
        }
        let scope = if action == Action::Approve { self.scope() } else { "" };
        let shown = attribute(&page, "data-shown");
        let mut passkey = self.world.passkeys[&self.script.number].lock().await;
        let assertion = passkey.get(&challenge(&shown, scope, word), Provider::RP_ID, Provider::ISSUER);
        let mut body = json!({"client_id": attribute(&page, "data-client"), "decision": word,
            "language": "en", "passkey": assertion});
        if action == Action::Approve {
            body["scope"] = json!(scope);
        }
        Ok(Prepared::Signed(body))
    }

    async fn page(&self, key: &str) -> Result<Answer, Broken> {
        for _ in 0..TRIES {
            let page = open(&self.world.provider, key, self.world.clock.now()).await;
            match page.status {
                200 => return Ok(page),
                503 => self.world.clock.wait(1.0).await,
                _ => return Err(self.found(&format!("the page of what is open: {page:?}"))),
            }
        }
        Err(self.found("a page that never opens"))
    }

    /// What this person approves.
    pub(super) fn scope(&self) -> &'static str {
        if self.script.part { PART } else { super::world::SCOPE }
    }

    async fn poll(&self, auth_req_id: &str) -> Answer {
        let parameters = [("grant_type", CIBA), ("auth_req_id", auth_req_id)];
        let call = self.world.call_of(self.script, "/oauth/token", &parameters);
        let provider = &self.world.provider;
        provider.call(&provider.token, &call, self.world.clock.now()).await
    }

    async fn cancel(&self, auth_req_id: &str) -> Answer {
        let call = self.world.call_of(self.script, "/bc-authorize/cancel", &[("auth_req_id", auth_req_id)]);
        let provider = &self.world.provider;
        provider.call(&provider.backchannel_authentication, &call, self.world.clock.now()).await
    }

    async fn cancel_as_operator(&self, key: &str) -> Said {
        let key = RequestKey::parse(key).expect("a key");
        let provider = &self.world.provider;
        let invocation = provider.invocation(self.world.clock.now());
        match cancel(&provider.table, &key, Canceller::Operator, &invocation).await {
            Ok(CancelOutcome::Done) => Said::Done,
            Ok(_) => Said::NotOpen,
            Err(_) => Said::Unavailable,
        }
    }

    async fn decision(&self, word: &str, key: &str, prepared: &Prepared) -> Answer {
        let (provider, now) = (&self.world.provider, self.world.clock.now());
        let path = format!("/consent/{key}/decision");
        if let Prepared::Signed(body) = prepared {
            let call = json_request("POST", &path, None, &body.to_string());
            return provider.call(&provider.consent, &call, now).await;
        }
        let mut body = json!({"client_id": self.script.who.id(), "decision": word});
        if word == "approve" && self.script.part {
            body["scope"] = json!(PART);
        }
        provider.consent(&self.script.sub(), "POST", &path, &body.to_string(), now).await
    }

    async fn decline(&self, key: &str, prepared: &Prepared) -> Answer {
        let Prepared::Form(token) = prepared else { unreachable!("a page is declined by its form") };
        let mut headers = BROWSER.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        headers.push(("origin", Provider::ISSUER));
        let body = form(&[("decision", "deny"), ("form_token", token)]).into_bytes();
        let call = request("POST", &format!("/consent/{key}/decision"), &headers, body);
        let provider = &self.world.provider;
        provider.call(&provider.consent, &call, self.world.clock.now()).await
    }
}
