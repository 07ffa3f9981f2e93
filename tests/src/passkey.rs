//! Passkeys of the people of a test.

use ciba::domain::base::person_key::PersonKey;
use ciba::domain::base::time::Timestamp;
use ciba::domain::person::ticket::TicketKind;
use ciba::flows::registering::create_ticket;
use serde_json::{Value, json};

use crate::{Answer, Authenticator, Provider, json_request, request};

impl Provider {
    /// The key of a person whom the login issuer knows by this name.
    pub fn person(&self, sub: &str) -> PersonKey {
        PersonKey::new(self.login.issuer(), sub)
    }

    /// The path of a new ticket's link.
    pub async fn ticket(&self, sub: &str, kind: TicketKind, now: Timestamp) -> String {
        let invocation = self.invocation(now);
        let created = create_ticket::create(&self.table, &self.person(sub), kind, &invocation).await;
        format!("/enroll/{}", created.expect("a ticket").0.expose())
    }

    /// The page behind a ticket's link.
    pub async fn enrollment_page(&self, path: &str, now: Timestamp) -> Answer {
        let request = request("GET", path, &[("accept", "text/html")], "");
        self.call(&self.enrollment, &request, now).await
    }

    /// What the page posts.
    pub async fn post_enrollment(&self, path: &str, body: &Value, now: Timestamp) -> Answer {
        let request = json_request("POST", path, None, &body.to_string());
        self.call(&self.enrollment, &request, now).await
    }

    /// Does what a person does behind this link, with `new` and, where the page wants it, with one that is there.
    pub async fn follow_ticket(
        &self,
        path: &str,
        new: &mut Authenticator,
        existing: Option<&mut Authenticator>,
        now: Timestamp,
    ) -> Answer {
        let page = self.enrollment_page(path, now).await;
        let options = page.options("data-options").expect("the page is open");
        let mut body = json!({ "registration": new.create(&options, Self::ISSUER) });
        if let (Some(options), Some(existing)) = (page.options("data-assertion"), existing) {
            body["assertion"] = existing.get(&challenge(&options), Self::RP_ID, Self::ISSUER);
        }
        self.post_enrollment(path, &body, now).await
    }

    /// A person's first passkey.
    pub async fn enroll_passkey(&self, sub: &str, now: Timestamp) -> Authenticator {
        let path = self.ticket(sub, TicketKind::First, now).await;
        let mut authenticator = Authenticator::new();
        let answer = self.follow_ticket(&path, &mut authenticator, None, now).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        authenticator
    }
}

impl Answer {
    /// Options for the browser, from an attribute of the page.
    pub fn options(&self, attribute: &str) -> Option<Value> {
        let (_, rest) = self.html.split_once(&format!("{attribute}=\""))?;
        let (escaped, _) = rest.split_once('"')?;
        let text = escaped.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
        serde_json::from_str(&text.replace("&amp;", "&")).ok()
    }
}

/// The challenge of options.
pub fn challenge(options: &Value) -> Vec<u8> {
    use base64::Engine;
    let text = options["challenge"].as_str().expect("a challenge");
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url")
}
