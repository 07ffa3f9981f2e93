//! What a client does with its tokens: introspects, refreshes, presents an old one, revokes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciba_tests::Answer;
use serde_json::Value;

use super::acts::Prepared;
use super::answer::code;
use super::flow::{Broken, Flow, TRIES};
use super::model::Action;
use super::script::Ending;
use super::world::SCOPE;

/// Longer than a replaced refresh token is answered with its successor. Unit: s.
const AFTER_THE_GRACE: f64 = 25.0;

/// Longer than what the resolver said at the request is believed. Unit: s.
const ASKED_AGAIN: f64 = 605.0;

impl Flow<'_> {
    pub(super) async fn use_tokens(&mut self, index: usize) -> Result<(), Broken> {
        let tokens = self.asked[index].tokens[0].clone();
        self.check(index, &tokens)?;
        let access = self.text(&tokens, "access_token")?;
        if self.asked[index].model.may_be_ended() {
            return self.is_active(&access, false).await;
        }
        self.is_active(&access, true).await?;
        let first = self.text(&tokens, "refresh_token")?;
        if self.script.long_after {
            self.world.clock.wait(ASKED_AGAIN).await;
        }
        let mut current = first.clone();
        for _ in 0..self.script.refreshes {
            self.world.clock.wait(2.0).await;
            current = self.refreshed(&current).await?;
        }
        if self.script.replays && self.script.refreshes > 0 {
            self.world.clock.wait(AFTER_THE_GRACE).await;
            self.refused(&first).await?;
            self.world.count("refresh tokens that two had");
            self.refused(&current).await?;
            self.is_active(&access, false).await?;
        } else if self.script.ending == Ending::TakenBack {
            self.take_back(index, 0).await?;
            if self.asked[index].model.is_surely_taken_back() {
                self.refused(&current).await?;
                self.is_active(&access, false).await?;
            }
        } else if self.script.revokes {
            let answer = self.call("/oauth/revoke", &[("token", &current)]).await?;
            self.expect(&answer, 200, "")?;
            self.world.count("grants revoked");
            self.refused(&current).await?;
            self.is_active(&access, false).await?;
        } else if self.script.ending == Ending::Superseded {
            // Long after the approval they say that it was not them.
            self.at_once(index, &[(Action::Report, Prepared::Nothing)]).await?;
            if self.asked[index].model.is_surely_reported() {
                self.refused(&current).await?;
                self.is_active(&access, false).await?;
            }
        }
        Ok(())
    }

    /// The tokens are for what was approved, by whom it was approved.
    fn check(&self, index: usize, tokens: &Value) -> Result<(), Broken> {
        let claims = |name: &str| {
            let payload = tokens[name].as_str()?.split('.').nth(1)?;
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
        };
        let (Some(id), Some(access)) = (claims("id_token"), claims("access_token")) else {
            return Err(self.found(&format!("tokens that are none: {tokens}")));
        };
        let of_request = &id["urn:openid:params:jwt:claim:auth_req_id"];
        let fits = id["sub"] == self.script.sub()
            && id["aud"] == self.script.who.id()
            && of_request == self.asked[index].auth_req_id.as_str()
            && tokens["token_type"] == if self.script.bound { "DPoP" } else { "Bearer" }
            && tokens["scope"].as_str().unwrap_or(SCOPE) == self.scope()
            && access["scope"] == self.scope();
        if fits { Ok(()) } else { Err(self.found(&format!("other tokens: {tokens}, {id}, {access}"))) }
    }

    /// The successor of a refresh token. A repeat of what was not answered brings it as well.
    async fn refreshed(&self, token: &str) -> Result<String, Broken> {
        let answer = self.refresh(token).await?;
        self.expect(&answer, 200, "")?;
        self.world.count("refreshes");
        let next = self.text(&answer.body, "refresh_token")?;
        if next == token {
            return Err(self.found("a refresh token that is not replaced"));
        }
        Ok(next)
    }

    async fn refused(&self, token: &str) -> Result<(), Broken> {
        let answer = self.refresh(token).await?;
        self.expect(&answer, 400, "invalid_grant")
    }

    async fn refresh(&self, token: &str) -> Result<Answer, Broken> {
        self.call("/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn is_active(&self, token: &str, expected: bool) -> Result<(), Broken> {
        let answer = self.call("/oauth/introspect", &[("token", token)]).await?;
        self.expect(&answer, 200, "")?;
        if answer.body["active"] == expected {
            return Ok(());
        }
        Err(self.found(&format!("active is not {expected}: {answer:?}")))
    }

    /// Calls until there is an answer.
    async fn call(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Answer, Broken> {
        let provider = &self.world.provider;
        for _ in 0..TRIES {
            let (call, now) = (self.world.call_of(self.script, path, parameters), self.world.clock.now());
            let answer = match path {
                "/oauth/token" => provider.call(&provider.token, &call, now).await,
                "/oauth/revoke" => provider.call(&provider.revocation, &call, now).await,
                _ => provider.call(&provider.introspection, &call, now).await,
            };
            if answer.status != 503 {
                return Ok(answer);
            }
            code(&answer).map_err(|why| self.found(&why))?;
            self.world.count("answers of 503");
            self.world.clock.wait(1.0).await;
        }
        Err(self.found(&format!("{path} is unavailable for ever")))
    }

    fn expect(&self, answer: &Answer, status: u16, expected: &str) -> Result<(), Broken> {
        let code = code(answer).map_err(|why| self.found(&why))?;
        if (answer.status, code) == (status, expected) {
            return Ok(());
        }
        Err(self.found(&format!("expected {status} {expected:?}: {answer:?}")))
    }

    fn text(&self, body: &Value, member: &str) -> Result<String, Broken> {
        let text = body[member].as_str().map(str::to_owned);
        text.ok_or_else(|| self.found(&format!("no {member}: {body}")))
    }
}
