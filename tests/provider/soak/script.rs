//! What happens in one flow, drawn from the seed before it begins.

use ciba_local::disorder::Random;
use serde_json::{Value, json};

/// The client of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Polls, and authenticates with a secret.
    Poll,
    /// Polls, and signs its assertions.
    Signing,
    Ping,
    Push,
}

impl Who {
    pub(super) const ALL: [Self; 4] = [Self::Poll, Self::Signing, Self::Ping, Self::Push];

    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Signing => "signing",
            Self::Ping => "ping",
            Self::Push => "push",
        }
    }

    /// Whether it is called.
    pub(super) fn is_called(self) -> bool {
        matches!(self, Self::Ping | Self::Push)
    }
}

/// What a person shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Login,
    Passkey,
}

/// How a flow goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    Approved,
    Denied,
    Declined,
    Reported,
    /// Approved, and reported before the client collects.
    ReportedLater,
    /// Approved, and taken back: before the client collects, or when it has used its tokens.
    TakenBack,
    CancelledByClient,
    CancelledByOperator,
    /// The client asks again, and the second request is approved.
    Superseded,
    /// The same, after the first request was approved as well.
    ApprovedBefore,
    Ignored,
    /// The person decides after the time for it.
    TooLate,
}

/// Who else acts at the moment of the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    Nobody,
    /// The same decision a second time: a double tap.
    Same,
    Deny,
    Client,
    Operator,
    Poll,
}

/// Who comes after the decision, when it is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Latecomer {
    Nobody,
    Client,
    Operator,
    /// The person changes their mind.
    Deny,
}

/// Which of a person's channels lead to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    First,
    Second,
    None,
}

/// Where the provider has a person from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Directory,
    /// Only the operator's resolver knows them.
    Resolver,
}

/// Which of a person's channels the operator's notifier delivers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Custom {
    Neither,
    First,
    Second,
    Both,
}

/// What the operator's own rules say of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Admitted,
    RefusedByPolicy,
    /// The resolver knows nobody of this name.
    Unknown,
}

/// One flow.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// Names the flow and its person.
    pub number: usize,
    pub who: Who,
    /// Tokens are bound to a key.
    pub bound: bool,
    /// Seconds after the beginning.
    pub start: f64,
    /// Unit: s.
    pub expiry: u32,
    pub home: Home,
    pub custom: Custom,
    pub admission: Admission,
    pub reach: Reach,
    /// The table does not store the first request.
    pub outage: bool,
    pub proof: Proof,
    pub ending: Ending,
    pub rival: Rival,
    pub latecomer: Latecomer,
    /// Only some of what is asked for is approved.
    pub part: bool,
    /// Polls before the decision, and whether the first of them is too early.
    pub polls: usize,
    pub impatient: bool,
    /// How many polls collect at once.
    pub at_once: usize,
    pub refreshes: usize,
    /// They are used when the resolver is asked again.
    pub long_after: bool,
    /// In the end an old refresh token is used once more.
    pub replays: bool,
    pub revokes: bool,
}

impl Script {
    pub(super) fn draw(number: usize, random: &mut Random) -> Self {
        let one_in = |random: &mut Random, n| random.below(n) == 0;
        let who = random.choose(&[(4, Who::Poll), (3, Who::Signing), (3, Who::Ping), (3, Who::Push)]);
        let ending = random.choose(&[
            (50, Ending::Approved),
            (10, Ending::Denied),
            (5, Ending::Declined),
            (4, Ending::Reported),
            (4, Ending::ReportedLater),
            (6, Ending::TakenBack),
            (6, Ending::CancelledByClient),
            (4, Ending::CancelledByOperator),
            (5, Ending::Superseded),
            (4, Ending::ApprovedBefore),
            (6, Ending::Ignored),
            (4, Ending::TooLate),
        ]);
        let rival = random.choose(&[
            (60, Rival::Nobody),
            (12, Rival::Same),
            (8, Rival::Deny),
            (8, Rival::Client),
            (4, Rival::Operator),
            (8, Rival::Poll),
        ]);
        let outage = one_in(random, 20);
        let home = random.choose(&[(3, Home::Directory), (2, Home::Resolver)]);
        let proof = random.choose(&[(3, Proof::Login), (1, Proof::Passkey)]);
        let admission = match home {
            Home::Directory => random.choose(&[(60, Admission::Admitted), (1, Admission::RefusedByPolicy)]),
            Home::Resolver => random.choose(&[
                (40, Admission::Admitted),
                (1, Admission::RefusedByPolicy),
                (1, Admission::Unknown),
            ]),
        };
        Self {
            number,
            who,
            bound: who != Who::Push && one_in(random, 5),
            // Between the others, so that it is the one to meet its outage.
            start: random.below(60) as f64 + if outage { 0.5 } else { 0.0 },
            expiry: random.choose(&[(2, 30), (3, 60), (5, 120)]),
            home,
            custom: random.choose(&[
                (5, Custom::Neither),
                (2, Custom::First),
                (1, Custom::Second),
                (2, Custom::Both),
            ]),
            admission,
            reach: random.choose(&[(90, Reach::First), (6, Reach::Second), (4, Reach::None)]),
            outage,
            // Nothing is written down of people whom only the resolver knows, so there is nothing to add a passkey to.
            proof: if home == Home::Resolver { Proof::Login } else { proof },
            ending,
            rival,
            latecomer: random.choose(&[
                (12, Latecomer::Nobody),
                (2, Latecomer::Client),
                (1, Latecomer::Operator),
                (2, Latecomer::Deny),
            ]),
            part: one_in(random, 6),
            polls: random.below(3),
            impatient: one_in(random, 4),
            at_once: random.choose(&[(6, 1), (2, 2), (1, 4)]),
            refreshes: random.below(4),
            long_after: home == Home::Resolver && one_in(random, 3),
            replays: one_in(random, 4),
            revokes: one_in(random, 4),
        }
    }

    pub(super) fn sub(&self) -> String {
        format!("p{}", self.number)
    }

    /// The person's addresses, in the order in which they are tried. All are numbers, also those in the notifier's chat.
    pub(super) fn addresses(&self) -> [String; 2] {
        [format!("+1555557{:04}", self.number), format!("+1555558{:04}", self.number)]
    }

    /// The channels of the person's entry.
    pub(super) fn channels(&self) -> [Value; 2] {
        let custom = match self.custom {
            Custom::Neither => [false, false],
            Custom::First => [true, false],
            Custom::Second => [false, true],
            Custom::Both => [true, true],
        };
        let channel = |(address, is_custom): (String, bool)| {
            if is_custom {
                json!({"custom": {"name": "chat", "address": address}})
            } else {
                json!({"sms": address})
            }
        };
        let [first, second] = self.addresses();
        [(first, custom[0]), (second, custom[1])].map(channel)
    }

    /// Where nobody can be told.
    pub(super) fn unreachable(&self) -> Vec<String> {
        let [first, second] = self.addresses();
        match self.reach {
            Reach::First => vec![],
            Reach::Second => vec![first],
            Reach::None => vec![first, second],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts(seed: u64) -> Vec<String> {
        let mut random = Random::new(seed);
        (0..300).map(|number| format!("{:?}", Script::draw(number, &mut random))).collect()
    }

    #[test]
    fn a_seed_repeats_its_flows() {
        assert_eq!(scripts(1), scripts(1));
        assert_ne!(scripts(1), scripts(2));
    }
}
