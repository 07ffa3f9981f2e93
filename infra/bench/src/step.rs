//! The steps of each function. The only table in this crate that names the functions.

/// Something that a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub function: &'static str,
    pub name: &'static str,
    pub event: Event,
    /// The status of the response.
    pub status: u16,
    /// A text that its body has to contain, which for polls confirms the kind of poll.
    pub says: &'static str,
}

/// The event that triggers a step; [`crate::supply`] creates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A public document.
    Get(&'static str),
    /// A decision for a ping or push client, from the table's stream.
    Ping,
    Push,
    /// From the schedule, not from a route.
    Schedule,
    /// A client sends a request for a person who has not been asked yet.
    Ask,
    /// The same, signed, by a client that authenticates with a key.
    SignedAsk,
    /// A client polls an undecided request, when the poll is due.
    PendingPoll,
    /// A client polls too early.
    EarlyPoll,
    /// A client polls an approved request.
    RedeemingPoll,
    /// The same, by a client that authenticates with a key and has its tokens bound to it.
    BoundPendingPoll,
    BoundRedeemingPoll,
    /// A person opens the link of the message.
    Page,
    /// A person's app reads a request.
    Review,
    /// A person's app lists all pending requests.
    List,
    /// A person approves.
    Approve,
    /// A person with a ticket opens its page.
    Enroll,
    /// A client uses a refresh token.
    Refresh,
    /// An access token is presented, introspected, or revoked.
    Userinfo,
    Introspect,
    Revoke,
    /// A record of the table's stream: a client has sent a request.
    Change,
}

const fn ok(function: &'static str, name: &'static str, event: Event, says: &'static str) -> Step {
    Step { function, name, event, status: 200, says }
}

const fn refused(function: &'static str, name: &'static str, event: Event, says: &'static str) -> Step {
    Step { function, name, event, status: 400, says }
}

/// The minimum for a function; every figure is also given as a multiple of this one's.
pub const BARE: Step = ok("bare-function", "nothing", Event::Get("/.well-known/openid-configuration"), "ok");

/// The functions of the template. The first step of a function is also the first invocation of a cold one.
pub const STEPS: &[Step] = &[
    ok("backchannel-authentication", "ask", Event::Ask, "auth_req_id"),
    ok("backchannel-authentication", "ask, signed", Event::SignedAsk, "auth_req_id"),
    refused("token", "pending poll", Event::PendingPoll, "authorization_pending"),
    refused("token", "poll too early", Event::EarlyPoll, "slow_down"),
    ok("token", "redeeming poll", Event::RedeemingPoll, "id_token"),
    refused("token", "pending poll, with DPoP", Event::BoundPendingPoll, "authorization_pending"),
    ok("token", "redeeming poll, with DPoP", Event::BoundRedeemingPoll, "\"DPoP\""),
    ok("token", "refresh", Event::Refresh, "refresh_token"),
    ok("consent", "the page", Event::Page, "data-shown"),
    ok("consent", "look at a request", Event::Review, "binding_message"),
    ok("consent", "list requests", Event::List, "binding_message"),
    ok("consent", "approve", Event::Approve, "approved"),
    ok("login", "who is signed in", Event::Get("/me"), "<main>"),
    ok("enrollment", "look at a ticket", Event::Enroll, "pubKeyCredParams"),
    ok("discovery", "metadata", Event::Get("/.well-known/openid-configuration"), "jwks_uri"),
    ok("jwks", "key set", Event::Get("/.well-known/jwks.json"), "P-256"),
    ok("userinfo", "claims", Event::Userinfo, "sub"),
    ok("introspection", "an active token", Event::Introspect, "true"),
    ok("revocation", "a grant", Event::Revoke, "{}"),
    ok("client-notification", "a ping", Event::Ping, "{\"batchItemFailures\":[]}"),
    ok("client-notification", "a push", Event::Push, "{\"batchItemFailures\":[]}"),
    ok("events", "one change", Event::Change, "{\"batchItemFailures\":[]}"),
    ok("key-rotation", "nothing is due", Event::Schedule, "made"),
];

/// Each function once, the bare one first, with its steps.
pub fn functions() -> Vec<(&'static str, Vec<Step>)> {
    let mut functions: Vec<(&str, Vec<Step>)> = Vec::new();
    for step in std::iter::once(&BARE).chain(STEPS) {
        match functions.iter_mut().find(|(name, _)| *name == step.function) {
            Some((_, steps)) => steps.push(*step),
            None => functions.push((step.function, vec![*step])),
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ciba_local::template::Template;

    use super::*;

    #[test]
    fn the_functions_are_those_of_the_template() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
        let template = Template::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
        let deployed: BTreeSet<_> = template.functions.iter().map(|it| it.binary.as_str()).collect();
        assert_eq!(STEPS.iter().map(|step| step.function).collect::<BTreeSet<_>>(), deployed);
    }

    #[test]
    fn a_function_has_all_its_steps_and_the_bare_one_goes_first() {
        let functions = functions();
        assert_eq!(functions[0], (BARE.function, vec![BARE]));
        let steps: Vec<_> = functions.iter().skip(1).flat_map(|(_, steps)| steps).copied().collect();
        assert_eq!(steps, STEPS, "the steps of one function are adjacent");
    }
}
