//! The client asks: what an acknowledgement promises, and what a newer request does to older ones.

use std::collections::BTreeSet;

use ciba_tests::Answer;
use serde_json::{Value, json};

use super::answer::{code, retry_after};
use super::flow::{Asked, Broken, EARLY, Flow, TRIES};
use super::model::{Action, Model, Said};
use super::script::{Admission, Home, Reach, Who};
use super::world::{SCOPE, TOKEN};

impl Flow<'_> {
    /// Asks until there is an answer. Whether it was acknowledged.
    pub(super) async fn ask(&mut self) -> Result<bool, Broken> {
        let (sub, expiry) = (self.script.sub(), self.script.expiry.to_string());
        let parameters = [
            ("scope", SCOPE),
            ("login_hint", &*sub),
            ("requested_expiry", &*expiry),
            ("client_notification_token", TOKEN),
        ];
        if self.script.outage && self.asked.is_empty() {
            self.world.outage();
        }
        for _ in 0..TRIES {
            let (provider, now) = (&self.world.provider, self.world.clock.now());
            let call = self.world.call_of(self.script, "/bc-authorize", &parameters);
            let answer = provider.call(&provider.backchannel_authentication, &call, now).await;
            let code = code(&answer).map_err(|why| self.found(&why))?;
            match (answer.status, code) {
                (200, "") => return self.acknowledged(&answer).await.map(|()| true),
                (403, "access_denied") if self.script.admission == Admission::RefusedByPolicy => {
                    self.world.count("people whom the policy let nobody ask");
                    return Ok(false);
                }
                (400, "unknown_user_id") if self.script.admission == Admission::Unknown => {
                    self.world.count("people whom the resolver did not know");
                    return Ok(false);
                }
                (403, "access_denied") if self.script.reach == Reach::None => {
                    self.world.count("people who could not be reached");
                    return Ok(false);
                }
                (503, _) => {
                    self.world.count("answers of 503");
                    self.world.count("requests that had to be repeated");
                    self.superseded(Said::Unavailable)?;
                    self.world.clock.wait(retry_after(&answer).unwrap_or(1.0)).await;
                }
                _ => return Err(self.found(&format!("a request was answered {answer:?}"))),
            }
        }
        self.world.count("requests that were given up");
        Ok(false)
    }

    /// No acknowledged request without a message.
    async fn acknowledged(&mut self, answer: &Answer) -> Result<(), Broken> {
        if self.script.reach == Reach::None {
            return Err(self.found("acknowledged, and nobody can have been told"));
        }
        if self.script.admission != Admission::Admitted {
            return Err(self.found("acknowledged, against the operator's own rules"));
        }
        let auth_req_id = answer.body["auth_req_id"].as_str().unwrap_or_default().to_owned();
        let key = self.world.key_of(&auth_req_id).await.ok_or_else(|| self.found("a handle of nothing"))?;
        if !self.told().contains(&key) {
            return Err(self.found("acknowledged, and no message about it was accepted before"));
        }
        let interval = if self.script.who == Who::Push { Value::Null } else { json!(5) };
        if answer.body["expires_in"] != self.script.expiry || answer.body["interval"] != interval {
            return Err(self.found(&format!("acknowledged with other times: {answer:?}")));
        }
        self.superseded(Said::Done)?;
        self.world.count("requests acknowledged");
        if self.script.home == Home::Resolver {
            self.world.count("requests to people of the resolver");
        }
        let now = self.world.clock.seconds();
        let expires_at = now + f64::from(self.script.expiry);
        let to_collect = if self.script.who.is_called() { 10.0 } else { 7.0 };
        self.asked.push(Asked {
            auth_req_id,
            key,
            model: Model::pending(),
            tokens: Vec::new(),
            unconfirmed: false,
            expires_at,
            decide_until: expires_at - f64::min(to_collect, f64::from(self.script.expiry) / 3.0),
            due_at: now + 5.0,
            early_until: now + 5.0 - EARLY,
        });
        Ok(())
    }

    /// The requests about which SNS or the notifier has accepted a message to this person.
    fn told(&self) -> BTreeSet<String> {
        let addresses = self.script.addresses();
        let is_own = |address: Option<&str>| addresses.iter().any(|own| address == Some(own));
        let messages = self.world.provider.sns.messages().into_iter().filter(|it| is_own(it.address()));
        let by_sns = messages.filter_map(|message| message.text.rsplit('/').next().map(str::to_owned));
        let sent = self.world.hooks.sent().into_iter();
        let custom = sent.filter(|sent| sent.accepted && is_own(Some(&sent.address))).map(|sent| sent.key);
        by_sns.chain(custom).collect()
    }

    /// What a newer request does to the older ones.
    fn superseded(&mut self, said: Said) -> Result<(), Broken> {
        for index in 0..self.asked.len() {
            let moment = self.moment(index);
            let known = self.asked[index].model.after(&[(Action::Supersede, said)], moment);
            self.asked[index].model = known.ok_or_else(|| self.found("superseding fits nothing"))?;
        }
        Ok(())
    }
}
