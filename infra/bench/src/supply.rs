//! Creates events: their prerequisites, such as a request that is due, are prepared by separate functions before
//! anything is measured.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use axum::http::request::Builder;
use base64::{Engine, prelude::BASE64_STANDARD};
use ciba_local::Error;
use serde_json::json;
use url::form_urlencoded;

use crate::instance::{Answer, Binaries, Instance};
use crate::step::Event;
use crate::surroundings::{BANK, CLIENT, PINGED, PUSHED, SECRET, Surroundings, Way};

/// A request is due one second, the interval, after it was created, minus half a second of tolerance.
pub const UNTIL_DUE: Duration = Duration::from_millis(600);

/// How often one request can be polled too early with two writes each: each time its interval grows by five
/// seconds, up to sixty, after which there is nothing more to write.
const TOO_EARLY: usize = 10;

const GRANT: &str = "urn:openid:params:grant-type:ciba";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub struct Supply {
    pub surroundings: Surroundings,
    asker: Instance,
    decider: Instance,
    redeemer: Instance,
}

/// A request that was created.
#[derive(Clone, Debug)]
pub struct Asked {
    pub auth_req_id: String,
    pub request: String,
    pub person: String,
}

impl Supply {
    /// Creates the keys, and starts the functions that create and decide requests in advance.
    pub async fn start(surroundings: Surroundings, binaries: &Binaries) -> Result<Self, Error> {
        let environment = surroundings.environment(Way::Plain);
        let mut rotation = Instance::start(binaries, "key-rotation", &environment).await?;
        rotation.invoke(schedule(), 200).await?;
        rotation.stop().await?;
        let asker = Instance::start(binaries, "backchannel-authentication", &environment).await?;
        let decider = Instance::start(binaries, "consent", &environment).await?;
        let redeemer = Instance::start(binaries, "token", &environment).await?;
        Ok(Self { surroundings, asker, decider, redeemer })
    }

    pub async fn stop(self) -> Result<(), Error> {
        self.asker.stop().await?;
        self.decider.stop().await?;
        self.redeemer.stop().await
    }

    /// `count` events of a kind, each for one invocation that follows soon.
    pub async fn events(&mut self, event: Event, count: usize) -> Result<Vec<Bytes>, Error> {
        let uses = if event == Event::EarlyPoll { TOO_EARLY } else { 1 };
        let mut events = Vec::with_capacity(count);
        for _ in 0..count.div_ceil(uses) {
            events.push(self.event(event).await?);
        }
        // In turn, so that the first poll of each comes before it is due.
        let events = events.iter().cloned().cycle().take(count).collect();
        if matches!(event, Event::PendingPoll | Event::BoundPendingPoll) {
            // When the last one is due, all are.
            tokio::time::sleep(UNTIL_DUE).await;
        }
        Ok(events)
    }

    async fn event(&mut self, event: Event) -> Result<Bytes, Error> {
        Ok(match event {
            Event::Get(path) => self.surroundings.event(Request::get(path), String::new())?,
            Event::Schedule => schedule(),
            Event::Ask => {
                let person = self.surroundings.person().await?;
                self.ask(&person)?
            }
            Event::SignedAsk => {
                let person = self.surroundings.person().await?;
                self.signed_ask(&person)?
            }
            Event::BoundPendingPoll => {
                let asked = self.asked_signed().await?;
                self.bound_poll(&asked)?
            }
            Event::BoundRedeemingPoll => {
                let asked = self.asked_signed().await?;
                let decision = self.approve_for(BANK, &asked)?;
                self.decider.invoke(decision, 200).await?;
                self.bound_poll(&asked)?
            }
            Event::PendingPoll | Event::EarlyPoll => {
                let asked = self.asked().await?;
                self.poll(&asked)?
            }
            Event::RedeemingPoll => {
                let asked = self.asked().await?;
                let decision = self.approve(&asked)?;
                self.decider.invoke(decision, 200).await?;
                self.poll(&asked)?
            }
            Event::Page => {
                let asked = self.asked().await?;
                let page = Request::get(format!("/consent/{}", asked.request)).header("accept", "text/html");
                self.surroundings.event(page, String::new())?
            }
            Event::Review => {
                let asked = self.asked().await?;
                self.review(&asked)?
            }
            Event::List => {
                let asked = self.asked().await?;
                self.surroundings.event(self.as_person(Request::get("/consent"), &asked)?, String::new())?
            }
            Event::Approve => {
                let asked = self.asked().await?;
                self.approve(&asked)?
            }
            Event::Enroll => {
                let path = self.surroundings.ticket().await?;
                self.surroundings.event(Request::get(path), String::new())?
            }
            Event::Refresh => {
                let token = self.tokens().await?.text("refresh_token")?;
                self.form("/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", &token)])?
            }
            Event::Userinfo => {
                let bearer = format!("Bearer {}", self.tokens().await?.text("access_token")?);
                let request = Request::get("/userinfo").header("authorization", bearer);
                self.surroundings.event(request, String::new())?
            }
            Event::Introspect => {
                let token = self.tokens().await?.text("access_token")?;
                self.form("/oauth/introspect", &[("token", &token)])?
            }
            Event::Revoke => {
                let token = self.tokens().await?.text("access_token")?;
                self.form("/oauth/revoke", &[("token", &token)])?
            }
            Event::Ping => self.delivery(PINGED).await?,
            Event::Push => self.delivery(PUSHED).await?,
            Event::Change => {
                let asked = self.asked().await?;
                let record = self.surroundings.insertion(&asked.request).await?;
                json!({ "Records": [record] }).to_string().into()
            }
        })
    }

    /// The stream's record of the approval of a request of this client.
    async fn delivery(&mut self, client: &str) -> Result<Bytes, Error> {
        let person = self.surroundings.person().await?;
        let event = self.ask_as(client, "openid profile", &person)?;
        let (answer, _) = self.asker.invoke(event, 200).await?;
        let asked = self.acknowledged(person, &answer)?;
        let decision = self.approve_for(client, &asked)?;
        self.decider.invoke(decision, 200).await?;
        // Its size is that of a change; the function reads no more of it than its key.
        let mut record = self.surroundings.insertion(&asked.request).await?;
        record["eventName"] = "MODIFY".into();
        record["dynamodb"]["OldImage"] = record["dynamodb"]["NewImage"].clone();
        Ok(json!({ "Records": [record] }).to_string().into())
    }

    /// The result of a whole flow, including a refresh token.
    async fn tokens(&mut self) -> Result<Answer, Error> {
        let asked = self.asked_for("openid profile offline_access").await?;
        let decision = self.approve(&asked)?;
        self.decider.invoke(decision, 200).await?;
        let poll = self.poll(&asked)?;
        Ok(self.redeemer.invoke(poll, 200).await?.0)
    }

    /// Creates a request for a new person.
    async fn asked(&mut self) -> Result<Asked, Error> {
        self.asked_for("openid profile").await
    }

    async fn asked_for(&mut self, scope: &str) -> Result<Asked, Error> {
        let person = self.surroundings.person().await?;
        let event = self.ask_for(scope, &person)?;
        let (answer, _) = self.asker.invoke(event, 200).await?;
        self.acknowledged(person, &answer)
    }

    /// The same, by the client that signs.
    async fn asked_signed(&mut self) -> Result<Asked, Error> {
        let person = self.surroundings.person().await?;
        let event = self.signed_ask(&person)?;
        let (answer, _) = self.asker.invoke(event, 200).await?;
        self.acknowledged(person, &answer)
    }

    /// The content of an acknowledgement, and the message to the person, which is the last one.
    fn acknowledged(&self, person: String, answer: &Answer) -> Result<Asked, Error> {
        let message = self.surroundings.sns.messages().pop().ok_or("no message")?;
        self.surroundings.sns.clear();
        let request = message.text.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Asked { auth_req_id: answer.text("auth_req_id")?, request, person })
    }

    pub fn ask(&self, person: &str) -> Result<Bytes, Error> {
        self.ask_for("openid profile", person)
    }

    fn ask_for(&self, scope: &str, person: &str) -> Result<Bytes, Error> {
        self.ask_as(CLIENT, scope, person)
    }

    fn ask_as(&self, client: &str, scope: &str, person: &str) -> Result<Bytes, Error> {
        let parameters = [
            ("scope", scope),
            ("login_hint", person),
            ("binding_message", "K7-2931"),
            // Ignored for a poll client.
            ("client_notification_token", "8d67dc78-7faa-4d41-aabd-67707b374255"),
        ];
        self.form_as(client, "/bc-authorize", &parameters)
    }

    fn signed_ask(&self, person: &str) -> Result<Bytes, Error> {
        let parameters =
            [("scope", "openid profile"), ("login_hint", person), ("binding_message", "K7-2931")];
        let request = self.surroundings.bank.request(&parameters)?;
        self.signed_form(Request::post("/bc-authorize"), &[("request", &request)])
    }

    fn bound_poll(&self, asked: &Asked) -> Result<Bytes, Error> {
        let proof = self.surroundings.bank.proof("/oauth/token")?;
        let request = Request::post("/oauth/token").header("dpop", proof);
        self.signed_form(request, &[("grant_type", GRANT), ("auth_req_id", &asked.auth_req_id)])
    }

    pub fn poll(&self, asked: &Asked) -> Result<Bytes, Error> {
        self.form("/oauth/token", &[("grant_type", GRANT), ("auth_req_id", &asked.auth_req_id)])
    }

    pub fn review(&self, asked: &Asked) -> Result<Bytes, Error> {
        let request = Request::get(format!("/consent/{}", asked.request));
        self.surroundings.event(self.as_person(request, asked)?, String::new())
    }

    pub fn approve(&self, asked: &Asked) -> Result<Bytes, Error> {
        self.approve_for(CLIENT, asked)
    }

    fn approve_for(&self, client: &str, asked: &Asked) -> Result<Bytes, Error> {
        let request = Request::post(format!("/consent/{}/decision", asked.request));
        let request = self.as_person(request, asked)?.header("content-type", "application/json");
        self.surroundings.event(request, json!({"client_id": client, "decision": "approve"}).to_string())
    }

    fn form(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Bytes, Error> {
        self.form_as(CLIENT, path, parameters)
    }

    fn form_as(&self, client: &str, path: &str, parameters: &[(&str, &str)]) -> Result<Bytes, Error> {
        let credentials = BASE64_STANDARD.encode(format!("{client}:{SECRET}"));
        self.post(Request::post(path).header("authorization", format!("Basic {credentials}")), parameters)
    }

    /// With a client assertion.
    fn signed_form(&self, request: Builder, parameters: &[(&str, &str)]) -> Result<Bytes, Error> {
        let assertion = self.surroundings.bank.assertion()?;
        let credential = [("client_assertion_type", ASSERTION), ("client_assertion", &assertion)];
        self.post(request, &[parameters, &credential].concat())
    }

    fn post(&self, request: Builder, parameters: &[(&str, &str)]) -> Result<Bytes, Error> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.surroundings.event(request.header("content-type", "application/x-www-form-urlencoded"), form)
    }

    fn as_person(&self, request: Builder, asked: &Asked) -> Result<Builder, Error> {
        let token = self.surroundings.login_token(&asked.person)?;
        Ok(request.header("authorization", format!("Bearer {token}")))
    }
}

fn schedule() -> Bytes {
    Bytes::from_static(b"{}")
}
