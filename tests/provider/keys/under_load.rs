//! Three rotations while clients go on: no token is issued that a verifier could not verify.

use std::collections::BTreeSet;

use ciba::store::KeyUse;
use ciba_tests::{Answer, Provider, SECRET, at, basic, form, form_request};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};
use token::Token;

use super::{DAILY, DAY, IN_KMS, NOTICE, SECOND, header, jwks, replace_leaked, rotate, rotate_by_hand};

/// `max-age` of the key set, and so how old what a verifier has of it may be.
const MAX_AGE: f64 = 300.0;
/// How long the longest of the tokens lives here.
const LIFETIME: f64 = 600.0;
/// Time between two rounds of flows: a function reads its keys again at every fifth.
const STEP: f64 = 60.0;

/// How the one after which flows go on is made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rotation {
    Scheduled,
    ByHand,
    Emergency,
}

/// A token that was issued, and when.
struct Issued {
    at: f64,
    token: String,
    kid: String,
}

/// What happens over time.
struct World {
    provider: Provider,
    /// Warm functions, each with keys that it has read at a time of its own.
    instances: Vec<Token>,
    /// What was published, and when.
    published: Vec<(f64, JwkSet)>,
    issued: Vec<Issued>,
    refresh_token: Option<String>,
    emergency_at: Option<f64>,
    asked: usize,
}

impl World {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let settings = [settings, &[DAILY, ("ASKS_PER_TEN_MINUTES", "16"), ("ASKS_PER_DAY", "16")]].concat();
        let provider = Provider::with(&settings).await;
        let kiosk = json!({"client_id": "kiosk", "scope": "openid profile offline_access",
            "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
            "id_token_signed_response_alg": "EdDSA"});
        provider.register(kiosk).await.expect("kiosk");
        for n in 0..PEOPLE {
            let person = format!("person-{n}");
            provider.enroll(&person, json!({"channels": [{"sms": "+15555550199"}]})).await.expect("a person");
        }
        let mut instances = Vec::new();
        for n in 0..3 {
            let function = Token::new(&provider.environment()).expect("token");
            function
                .warm_up(&provider.invocation(at(DAY - NOTICE - 2.0 * MAX_AGE - 110.0 * f64::from(n))))
                .await;
            instances.push(function);
        }
        let (published, issued) = (vec![], vec![]);
        Self { provider, instances, published, issued, refresh_token: None, emergency_at: None, asked: 0 }
    }

    /// Asks somebody and has them approve: the handle.
    async fn approved(&mut self, now: f64) -> String {
        let person = format!("person-{}", self.asked % PEOPLE);
        self.asked += 1;
        let parameters = [("login_hint", person.as_str()), ("scope", "openid offline_access")];
        let (auth_req_id, request) = self.provider.asked(&parameters, at(now)).await;
        let decision = json!({"decision": "approve"});
        let answer = self.provider.decide(&person, &request, decision, at(now + 0.1)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        auth_req_id
    }

    async fn post(&self, instance: usize, parameters: &[(&str, &str)], now: f64) -> Answer {
        let request = form_request("/oauth/token", Some(&basic("kiosk", SECRET)), &form(parameters));
        self.provider.call(&self.instances[instance], &request, at(now)).await
    }

    async fn poll(&self, instance: usize, auth_req_id: &str, now: f64) -> Answer {
        let grant_type = "urn:openid:params:grant-type:ciba";
        self.post(instance, &[("grant_type", grant_type), ("auth_req_id", auth_req_id)], now).await
    }

    async fn refresh(&self, instance: usize, now: f64) -> Option<Answer> {
        let token = self.refresh_token.as_deref()?;
        Some(self.post(instance, &[("grant_type", "refresh_token"), ("refresh_token", token)], now).await)
    }

    /// Redemptions by two instances and a refresh by a third at one moment, with `beside` under way.
    async fn round(&mut self, turn: usize, now: f64, beside: Option<Rotation>) {
        let one = self.approved(now - 1.0).await;
        let two = self.approved(now - 1.0).await;
        let [a, b, c] = [0, 1, 2].map(|n| (turn + n) % self.instances.len());
        let rotation = async {
            match beside {
                Some(Rotation::Scheduled) => {
                    assert_eq!(rotate(&self.provider, now).await.len(), SECOND.len())
                }
                Some(Rotation::ByHand) => rotate_by_hand(&self.provider, now).await,
                Some(Rotation::Emergency) | None => {}
            }
        };
        let (_, one, two, three) =
            tokio::join!(rotation, self.poll(a, &one, now), self.poll(b, &two, now), self.refresh(c, now),);
        let set: JwkSet = serde_json::from_value(jwks(&self.provider, now).await.body).expect("a JWKS");
        for answer in [Some(&one), Some(&two), three.as_ref()].into_iter().flatten() {
            assert_eq!(answer.status, 200, "at {now}: {answer:?}");
            for name in ["access_token", "id_token"] {
                let token = answer.text(name).to_owned();
                let kid = header(&token)["kid"].as_str().expect("a kid").to_owned();
                assert!(verifies(&token, &set), "at {now}: {kid} is not in what was published then");
                self.issued.push(Issued { at: now, token, kid });
            }
        }
        let latest = three.as_ref().unwrap_or(&one);
        self.refresh_token = Some(latest.text("refresh_token").to_owned());
        self.published.push((now, set));
    }

    /// What a verifier may have kept, and what it can have as long as the token lives.
    fn check(&self) {
        for Issued { at, token, kid } in &self.issued {
            let after_emergency = self.emergency_at.is_some_and(|emergency| *at >= emergency);
            let just_after =
                self.emergency_at.is_some_and(|emergency| (0.0..MAX_AGE).contains(&(at - emergency)));
            for (published_at, set) in &self.published {
                let age = at - published_at;
                // A verifier that has no such key fetches the set again, which helped when it was issued.
                if (0.0..=MAX_AGE).contains(&age) && !just_after {
                    assert!(verifies(token, set), "{kid} of {at} was not known at {published_at}");
                }
                let withdrawn = !after_emergency && self.emergency_at.is_some_and(|it| *published_at >= it);
                if age < 0.0 && -age < LIFETIME {
                    assert_eq!(verifies(token, set), !withdrawn, "{kid} of {at} at {published_at}");
                }
            }
        }
    }
}

/// Each is asked 16 times a day at most.
const PEOPLE: usize = 16;

fn verifies(token: &str, set: &JwkSet) -> bool {
    let header = header(token);
    let Some(jwk) = set.find(header["kid"].as_str().expect("a kid")) else { return false };
    let mut signature_only = Validation::new(header["alg"].as_str().expect("alg").parse().expect("alg"));
    (signature_only.validate_exp, signature_only.validate_aud) = (false, false);
    signature_only.required_spec_claims.clear();
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(jwk).expect("a key"), &signature_only).is_ok()
}

async fn three_rotations(settings: &[(&str, &str)]) {
    let mut world = World::new(settings).await;
    let mut turn = 0;
    for (rotation, made_at) in [
        (Rotation::Scheduled, DAY - NOTICE),
        (Rotation::ByHand, DAY + 3.0 * NOTICE),
        (Rotation::Emergency, DAY + 6.0 * NOTICE),
    ] {
        // Before it, beside it, until its successor signs, and after that.
        let mut now = made_at - 2.0 * MAX_AGE;
        let mut is_made = false;
        while now < made_at + NOTICE + 2.0 * MAX_AGE {
            let due = now >= made_at && !is_made;
            if due && rotation == Rotation::Emergency {
                let uses: Vec<_> = KeyUse::ALL.into_iter().filter(|it| it.algorithm().is_some()).collect();
                let done = replace_leaked(&world.provider, &uses, now).await.expect("an emergency");
                assert_eq!(done.made.len(), uses.len());
                world.emergency_at = Some(now);
            }
            world.round(turn, now, due.then_some(rotation)).await;
            (turn, is_made, now) = (turn + 1, is_made || due, now + STEP);
        }
    }
    world.check();
    let signers: BTreeSet<_> = world.issued.iter().map(|issued| &issued.kid).collect();
    assert_eq!(signers.len(), 2 * 4, "of both algorithms the first key, and three successors");
    assert!(world.issued.len() > 500, "{}", world.issued.len());
}

/// TOK-12-03: it verifies by the key set that was published when it was issued.
#[tokio::test]
async fn over_three_rotations_every_token_verifies() {
    three_rotations(&[]).await;
}

/// TOK-12-03, TOK-12-05: it verifies by the key set that was published when it was issued.
#[tokio::test]
async fn over_three_rotations_in_kms_every_token_verifies() {
    three_rotations(&IN_KMS).await;
}
