//! How often a person may be asked, and by which clients. Without limits, an attacker could send prompts until
//! the person approves one out of fatigue or by mistake.
//!
//! A denial makes that client wait, longer each time; a report blocks it. Other clients are not affected.

use std::time::Duration;

use crate::domain::base::request_key::RequestKey;
use crate::domain::base::time::Timestamp;
use crate::domain::client::ClientId;
use crate::domain::person::wrong_codes::WrongCodes;

/// The maximum number of asks remembered for a person, and so the upper bound of both limits.
pub const MAX_REMEMBERED: usize = 16;
const TEN_MINUTES: Duration = Duration::from_secs(10 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a client has to wait after a person's first, second and third consecutive denial, and after each
/// further one. A run of denials ends with an approval, or a day after its last cool-down.
pub const COOL_DOWNS: [Duration; 4] =
    [Duration::from_secs(15 * 60), HOUR, Duration::from_secs(4 * 60 * 60), DAY];
/// The most clients whose denials are remembered for a person. More cannot be waiting at once, because no more
/// asks fit into a day. Beyond this limit, the run whose cool-down ends first is dropped.
const MAX_RUNS: usize = MAX_REMEMBERED;

/// How often one person may be asked, by all clients together.
#[derive(Clone, Copy, Debug)]
pub struct AskLimits {
    /// Range: 1–16. Default: 3.
    pub per_ten_minutes: usize,
    /// Range: 1–16. Default: 10.
    pub per_day: usize,
}

/// One ask, regardless of its outcome. A withdrawn ask still counts, because the message may already have been
/// sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub client: ClientId,
    pub request: RequestKey,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

/// A person's consecutive denials of one client, without an approval between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denials {
    pub client: ClientId,
    /// At least 1.
    pub count: u32,
    pub last: Timestamp,
}

/// A client that the person reported or an operator blocked. A block never expires and is never dropped in favor
/// of others: there cannot be more blocks than clients that could ask this person, and the item has room for two
/// thousand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub client: ClientId,
    pub at: Timestamp,
    /// When an operator lifted it. Earlier approvals remain revoked.
    pub lifted_at: Option<Timestamp>,
}

/// A person's recent asks and their outcomes. The version detects concurrent changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    pub version: u64,
    pub recent: Vec<Ask>,
    /// At most one per client.
    pub denials: Vec<Denials>,
    /// At most one per client.
    pub blocks: Vec<Block>,
    /// At most one per client.
    pub wrong_codes: Vec<WrongCodes>,
}

/// The result of admitting one more ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    pub asks: Asks,
    /// The same client's earlier request that may still be pending. Each client has at most one, so that prompts
    /// do not pile up.
    pub supersedes: Option<RequestKey>,
}

/// The person is not asked. A client does not learn whether the reason was a limit, a cool-down or a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitReached;

impl Denials {
    /// When the client may ask again.
    pub fn cool_until(&self) -> Timestamp {
        let last = COOL_DOWNS.len() - 1;
        let n = usize::try_from(self.count).unwrap_or(usize::MAX).saturating_sub(1);
        self.last.plus(COOL_DOWNS[n.min(last)])
    }

    /// Whether another denial at `now` would continue this run.
    fn goes_on(&self, now: Timestamp) -> bool {
        now < self.cool_until().plus(DAY)
    }
}

impl Block {
    pub fn is_in_force(&self) -> bool {
        self.lifted_at.is_none()
    }

    /// While a client is blocked, every approval is revoked. After the block is lifted, only later approvals are
    /// valid.
    fn revokes(&self, approved_at: Timestamp) -> bool {
        self.lifted_at.is_none_or(|lifted_at| approved_at <= lifted_at)
    }
}

impl Asks {
    /// Whether `client` may ask at `now`: it is not blocked, does not have to wait, and the asks of all clients
    /// together have not reached `limits`.
    pub fn allow(&self, client: &ClientId, limits: &AskLimits, now: Timestamp) -> Result<(), LimitReached> {
        let is_waiting = self.cool_until(client).is_some_and(|until| now < until);
        let within = |window: Duration| self.recent.iter().filter(|a| now.since(a.at) < window).count();
        let is_reached = within(TEN_MINUTES) >= limits.per_ten_minutes || within(DAY) >= limits.per_day;
        if self.blocked_at(client).is_some() || is_waiting || is_reached { Err(LimitReached) } else { Ok(()) }
    }

    /// Admits `ask` if it is [allowed](Self::allow), and drops asks that are too old for any limit.
    pub fn admit(&self, ask: Ask, limits: &AskLimits) -> Result<Admitted, LimitReached> {
        let now = ask.at;
        self.allow(&ask.client, limits, now)?;
        let supersedes = self.pending_of(&ask.client, now);
        let kept = self.recent.iter().filter(|a| now.since(a.at) < DAY).cloned();
        let recent = kept.chain([ask]).collect();
        Ok(Admitted { asks: Self { recent, ..self.next() }, supersedes })
    }

    /// Records that the person denied a request of `client`.
    pub fn denied(&self, client: &ClientId, at: Timestamp) -> Self {
        let mut next = self.next();
        let before = next.denials.iter().find(|run| run.client == *client && run.goes_on(at));
        let count = before.map_or(0, |run| run.count).saturating_add(1);
        next.denials.retain(|run| run.client != *client && run.goes_on(at));
        while next.denials.len() >= MAX_RUNS {
            let soonest = (0..next.denials.len()).min_by_key(|&n| next.denials[n].cool_until());
            soonest.map(|n| next.denials.remove(n));
        }
        next.denials.push(Denials { client: client.clone(), count, last: at });
        next
    }

    /// Records that the person approved a request of `client`: its denials no longer count.
    pub fn approved(&self, client: &ClientId) -> Self {
        let mut next = self.next();
        next.denials.retain(|run| run.client != *client);
        next
    }

    /// Records that the person took their last denial of `client` back: it need not wait any longer, and that denial does
    /// not count. The earlier ones of the run do.
    pub fn denial_taken_back(&self, client: &ClientId, at: Timestamp) -> Self {
        let mut next = self.next();
        for run in next.denials.iter_mut().filter(|run| run.client == *client) {
            run.count -= 1;
            // So that the wait of the ones before ends now.
            run.last = at.minus(run.cool_until().since(run.last));
        }
        next.denials.retain(|run| run.count > 0);
        next
    }

    /// Blocks `client` for this person and revokes its access. An existing block is unchanged.
    pub fn reported(&self, client: &ClientId, at: Timestamp) -> Self {
        let mut next = self.next();
        if next.blocked_at(client).is_none() {
            next.blocks.retain(|block| block.client != *client);
            next.blocks.push(Block { client: client.clone(), at, lifted_at: None });
        }
        next
    }

    /// Lifts the block of `client`. `None` if it is not blocked.
    pub fn unblocked(&self, client: &ClientId, at: Timestamp) -> Option<Self> {
        let mut next = self.next();
        let block = next.blocks.iter_mut().find(|block| block.client == *client && block.is_in_force())?;
        block.lifted_at = Some(at.max(block.at));
        Some(next)
    }

    /// Resets limits and cool-downs, but not blocks and wrong codes. An ask that may still be pending is kept and
    /// counts, so that the same client's next one supersedes it. `None` if there is nothing to reset.
    pub fn forgotten(&self, now: Timestamp) -> Option<Self> {
        let mut next = self.next();
        next.recent.retain(|ask| self.pending_of(&ask.client, now) == Some(ask.request));
        next.denials.clear();
        (next.recent != self.recent || next.denials != self.denials).then_some(next)
    }

    /// Each of a client's requests supersedes the one before, so only the newest can still be pending.
    fn pending_of(&self, client: &ClientId, now: Timestamp) -> Option<RequestKey> {
        let newest = self.recent.iter().rev().find(|ask| ask.client == *client)?;
        (newest.expires_at > now).then_some(newest.request)
    }

    /// When `client` was blocked. `None` if it is not blocked.
    pub fn blocked_at(&self, client: &ClientId) -> Option<Timestamp> {
        self.block(client).filter(|block| block.is_in_force()).map(|block| block.at)
    }

    /// When an operator lifted the last block of `client`. `None` if it is blocked or never was.
    pub fn lifted_at(&self, client: &ClientId) -> Option<Timestamp> {
        self.block(client).and_then(|block| block.lifted_at)
    }

    /// Whether an approval for `client` at `approved_at` is revoked, together with everything issued for it.
    pub fn revokes(&self, client: &ClientId, approved_at: Timestamp) -> bool {
        self.block(client).is_some_and(|block| block.revokes(approved_at))
    }

    /// The time until which `client` has to wait. May already be in the past.
    pub fn cool_until(&self, client: &ClientId) -> Option<Timestamp> {
        self.denials.iter().find(|run| run.client == *client).map(Denials::cool_until)
    }

    /// Whether `client` waits at `now` because of the denial at `denied_at`, which is the last one.
    pub fn wait_since(&self, client: &ClientId, denied_at: Timestamp, now: Timestamp) -> bool {
        let is_the_last = |run: &&Denials| run.client == *client && run.last == denied_at;
        self.denials.iter().find(is_the_last).is_some_and(|run| now < run.cool_until())
    }

    fn block(&self, client: &ClientId) -> Option<&Block> {
        self.blocks.iter().find(|block| block.client == *client)
    }

    pub(super) fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AskLimits = AskLimits { per_ten_minutes: 3, per_day: 10 };

    fn ask(client: &str, n: u8, minute: i64) -> Ask {
        let at = Timestamp::from_seconds(1_800_000_000 + minute * 60);
        Ask {
            client: ClientId::parse(client).unwrap(),
            request: RequestKey::from_bytes([n; 16]),
            at,
            expires_at: at.plus(Duration::from_secs(120)),
        }
    }

    /// ATK-1-05
    #[test]
    fn a_fourth_ask_in_ten_minutes_waits_until_the_first_is_old() {
        let mut asks = Asks::default();
        for n in 0..3 {
            asks = asks.admit(ask("kiosk", n, i64::from(n)), &LIMITS).unwrap().asks;
        }
        assert_eq!(asks.admit(ask("other", 9, 9), &LIMITS), Err(LimitReached));
        assert!(asks.admit(ask("other", 9, 10), &LIMITS).is_ok());
    }

    #[test]
    fn an_eleventh_ask_in_a_day_waits_until_the_first_is_a_day_old() {
        let mut asks = Asks::default();
        for n in 0..10 {
            asks = asks.admit(ask("kiosk", n, i64::from(n) * 60), &LIMITS).unwrap().asks;
        }
        assert_eq!(asks.admit(ask("kiosk", 99, 10 * 60), &LIMITS), Err(LimitReached));
        let next = asks.admit(ask("kiosk", 99, 24 * 60), &LIMITS).unwrap().asks;
        assert_eq!(next.recent.len(), 10, "an ask that is a day old is dropped");
        assert_eq!(next.version, asks.version + 1);
    }

    /// The requests of other clients are unaffected.
    #[test]
    fn a_request_supersedes_its_clients_newest_unexpired_one() {
        let first = Asks::default().admit(ask("kiosk", 1, 0), &LIMITS).unwrap();
        assert_eq!(first.supersedes, None);
        let other = first.asks.admit(ask("teller", 2, 1), &LIMITS).unwrap();
        assert_eq!(other.supersedes, None);
        let again = other.asks.admit(ask("kiosk", 3, 1), &LIMITS).unwrap();
        assert_eq!(again.supersedes, Some(RequestKey::from_bytes([1; 16])));
        let late = first.asks.admit(ask("kiosk", 4, 2), &LIMITS).unwrap();
        assert_eq!(late.supersedes, None, "it has just expired");
    }

    fn client(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + minute * 60)
    }

    /// The first minute, starting at `from`, at which `kiosk` is admitted.
    fn admitted_from(asks: &Asks, from: i64) -> i64 {
        (from..).find(|&n| asks.admit(ask("kiosk", 1, n), &LIMITS).is_ok()).unwrap()
    }

    /// ATK-1-05
    #[test]
    fn each_denial_in_a_row_makes_only_that_client_wait_longer() {
        let mut asks = Asks::default();
        let mut now = 0;
        for wait in [15, 60, 240, 1440, 1440] {
            asks = asks.denied(&client("kiosk"), minute(now));
            assert!(asks.admit(ask("teller", 2, now), &LIMITS).is_ok());
            assert_eq!(admitted_from(&asks, now), now + wait);
            now += wait;
        }
        assert_eq!(asks.version, 5, "each change is detected by concurrent readers");
        assert_eq!(asks.denials.len(), 1);
    }

    /// ATK-1-05
    #[test]
    fn a_run_of_denials_ends_a_day_after_its_last_wait() {
        let first = Asks::default().denied(&client("kiosk"), minute(0));
        let late = first.denied(&client("kiosk"), minute(15 + 1440 - 1));
        assert_eq!(admitted_from(&late, 1454), 1454 + 60);
        let anew = first.denied(&client("kiosk"), minute(15 + 1440));
        assert_eq!(admitted_from(&anew, 1455), 1455 + 15);
        let other = first.denied(&client("teller"), minute(15 + 1440));
        assert_eq!(other.denials.len(), 1, "an expired run is removed");
    }

    /// ATK-1-05
    #[test]
    fn an_approval_forgives_the_denials_of_that_client_only() {
        let asks = Asks::default().denied(&client("kiosk"), minute(0)).denied(&client("teller"), minute(0));
        let approved = asks.approved(&client("kiosk"));
        assert_eq!(approved.version, 3);
        assert!(approved.admit(ask("kiosk", 1, 1), &LIMITS).is_ok());
        assert!(approved.admit(ask("teller", 2, 1), &LIMITS).is_err());
        let again = approved.denied(&client("kiosk"), minute(1));
        assert_eq!(admitted_from(&again, 1), 16, "the next denial is a first one");
    }

    /// ATK-1-05: a person may be talked into taking a denial back. Their earlier denials still count.
    #[test]
    fn a_denial_taken_back_ends_its_wait_and_keeps_the_run() {
        let kiosk = client("kiosk");
        let once = Asks::default().denied(&kiosk, minute(0));
        let none = once.denial_taken_back(&kiosk, minute(1));
        assert_eq!((none.denials.len(), none.version), (0, 2));
        assert_eq!(none.denial_taken_back(&kiosk, minute(1)).denials, []);
        let thrice = once.denied(&kiosk, minute(15)).denied(&kiosk, minute(75));
        assert_eq!(admitted_from(&thrice, 75), 75 + 240);
        let twice = thrice.denial_taken_back(&kiosk, minute(80));
        assert_eq!(admitted_from(&twice, 80), 80, "it need not wait");
        assert!(!twice.wait_since(&kiosk, minute(75), minute(80)));
        assert_eq!(admitted_from(&twice.denied(&kiosk, minute(81)), 81), 81 + 240, "it is the third again");
        let other = thrice.denied(&client("teller"), minute(75)).denial_taken_back(&kiosk, minute(80));
        assert!(other.cool_until(&client("teller")).is_some_and(|until| until > minute(80)));
    }

    /// This happens if there are too many runs of denials. The longest wait is kept.
    #[test]
    fn the_denied_client_whose_wait_ends_first_is_forgotten() {
        let mut asks = Asks::default();
        for _ in 0..4 {
            asks = asks.denied(&client("kiosk"), minute(0));
        }
        for n in 0..40 {
            asks = asks.denied(&client(&format!("other-{n}")), minute(1 + n));
        }
        assert_eq!(asks.denials.len(), MAX_RUNS);
        assert_eq!(admitted_from(&asks, 1), 1440, "the longest wait is kept");
        assert!(
            asks.cool_until(&client("other-39")).is_some() && asks.cool_until(&client("other-0")).is_none()
        );
    }

    /// ATK-1-04, ATK-1-06: the block is kept, regardless of the number of other clients.
    #[test]
    fn a_blocked_client_is_never_admitted() {
        let mut asks = Asks::default().reported(&client("kiosk"), minute(0));
        for n in 0..500 {
            let other = client(&format!("other-{n}"));
            asks = asks.reported(&other, minute(1)).denied(&client(&format!("third-{n}")), minute(1));
        }
        let years = 10 * 365 * 1440;
        assert_eq!(asks.admit(ask("kiosk", 1, years), &LIMITS), Err(LimitReached));
        assert_eq!(asks.approved(&client("kiosk")).blocked_at(&client("kiosk")), Some(minute(0)));
        assert!(asks.admit(ask("teller", 2, years), &LIMITS).is_ok());
        assert_eq!(asks.version, 1001);
    }

    /// ATK-1-10: lifting a block restores nothing.
    #[test]
    fn a_block_revokes_earlier_approvals_even_after_it_is_lifted() {
        let kiosk = client("kiosk");
        let blocked = Asks::default().reported(&kiosk, minute(10));
        for approved_at in [0, 10, 11] {
            assert!(
                blocked.revokes(&kiosk, minute(approved_at)),
                "{approved_at}: nothing counts while it is blocked"
            );
        }
        assert!(!blocked.revokes(&client("teller"), minute(0)));

        let lifted = blocked.unblocked(&kiosk, minute(20)).unwrap();
        assert_eq!((lifted.blocked_at(&kiosk), lifted.version), (None, 2));
        assert_eq!((blocked.lifted_at(&kiosk), lifted.lifted_at(&kiosk)), (None, Some(minute(20))));
        assert!(lifted.revokes(&kiosk, minute(0)) && lifted.revokes(&kiosk, minute(20)));
        assert!(!lifted.revokes(&kiosk, minute(21)));
        assert!(lifted.admit(ask("kiosk", 1, 21), &LIMITS).is_ok());
        assert_eq!(lifted.unblocked(&kiosk, minute(30)), None);

        let again = lifted.reported(&kiosk, minute(40));
        assert_eq!((again.blocked_at(&kiosk), again.blocks.len()), (Some(minute(40)), 1));
        assert_eq!(again.lifted_at(&kiosk), None);
        assert!(again.revokes(&kiosk, minute(30)));
    }

    /// ATK-1-05: an operator resets limits and cool-downs, but no permanent decision of the person.
    #[test]
    fn forgetting_lifts_limits_and_waits_but_not_blocks() {
        let mut asks = Asks::default();
        for (name, n, minute) in [("desk", 0, 0), ("kiosk", 1, 2), ("kiosk", 2, 2)] {
            asks = asks.admit(ask(name, n, minute), &LIMITS).unwrap().asks;
        }
        asks = asks.denied(&client("kiosk"), minute(3)).reported(&client("teller"), minute(3));
        asks = asks.code_was_wrong(&client("desk"), minute(3));
        assert_eq!(asks.admit(ask("kiosk", 9, 3), &LIMITS), Err(LimitReached));

        let forgotten = asks.forgotten(minute(3)).unwrap();
        assert_eq!((&forgotten.blocks, &forgotten.wrong_codes), (&asks.blocks, &asks.wrong_codes));
        assert_eq!((forgotten.version, forgotten.recent.len()), (asks.version + 1, 1));
        let admitted = forgotten.admit(ask("kiosk", 9, 3), &LIMITS).unwrap();
        assert_eq!(admitted.supersedes, Some(RequestKey::from_bytes([2; 16])), "it is still open");
        assert_eq!(forgotten.admit(ask("teller", 9, 3), &LIMITS), Err(LimitReached));
        assert_eq!(forgotten.forgotten(minute(3)), None);
    }

    #[test]
    fn reporting_a_blocked_client_again_changes_only_the_version() {
        let asks = Asks::default().reported(&client("kiosk"), minute(0));
        let again = asks.reported(&client("kiosk"), minute(5));
        assert_eq!(again, Asks { version: 2, ..asks });
    }
}
