//! When a key is published, when it signs, and when it is no longer needed.
//!
//! A key's times are set when it is created and never change, and every reader selects a key by the clock. No
//! function therefore has to be notified of a rotation, and two readers with the same keys agree.

use std::time::Duration;

use crate::domain::base::time::Timestamp;

/// How long a warm function caches the keys that it has read.
pub const RELOAD_EVERY: Duration = Duration::from_secs(300);
/// `max-age` of the JWKS, and so the longest time for which a verifier may not know a new key.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(300);
/// How long a key stays published after its last signature: longer than the lifetime of any token that it signed.
pub const KEEP_PUBLISHED: Duration = Duration::from_secs(48 * 60 * 60);

/// How long a key is kept after its successor has taken over: longer than an ID token is accepted as a hint, which is the
/// longest use of a public key. A key that seals is kept for ever: a refresh token may be as old.
pub const KEEP_RETIRED: Duration = Duration::from_secs(430 * 24 * 60 * 60);

/// How far the clocks of an operator and of a function may differ: AWS refuses requests signed by a clock that is
/// further off.
const CLOCKS_APART: Duration = Duration::from_secs(300);
/// Within this time, a second emergency for keys of the same use is treated as a repeated report of the first.
const SAME_EMERGENCY: Duration = Duration::from_secs(60);

/// The times of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    pub publish_from: Timestamp,
    pub sign_from: Timestamp,
    /// When its successor should take over. If there is none, it continues to sign: an old key is better than an
    /// outage.
    pub sign_until: Timestamp,
    pub verify_until: Timestamp,
}

impl KeyTimes {
    /// The times of the first key. It signs immediately, because no verifier has an older key set.
    pub fn first(now: Timestamp, rotate_every: Duration) -> Self {
        Self::starting(now, now, rotate_every)
    }

    /// The times of a later key. It signs only when every function and every verifier can know it.
    pub fn successor(now: Timestamp, rotate_every: Duration) -> Self {
        Self::starting(now, now.plus(RELOAD_EVERY + JWKS_MAX_AGE), rotate_every)
    }

    /// The times of the successor of a leaked key. It signs immediately, even for a function whose clock is
    /// behind. There is no waiting period for verifiers that do not know it yet: they fetch the key set again
    /// when they see an unknown key.
    pub fn at_once(now: Timestamp, rotate_every: Duration) -> Self {
        let from = now.minus(CLOCKS_APART);
        Self::starting(from, from, rotate_every)
    }

    /// Whether it is the successor of a key whose leak was reported shortly before `now`.
    fn was_made_at_once(&self, now: Timestamp) -> bool {
        self.sign_from == self.publish_from && now.since(self.publish_from) < CLOCKS_APART + SAME_EMERGENCY
    }

    fn starting(publish_from: Timestamp, sign_from: Timestamp, rotate_every: Duration) -> Self {
        let sign_until = sign_from.plus(rotate_every);
        Self { publish_from, sign_from, sign_until, verify_until: sign_until.plus(KEEP_PUBLISHED) }
    }
}

/// A key with a place in the schedule.
pub trait Scheduled {
    fn generation(&self) -> u32;
    fn times(&self) -> &KeyTimes;

    /// Whether it was withdrawn in an emergency. Code that signs or verifies never gets such a key.
    fn is_withdrawn(&self) -> bool {
        false
    }
}

/// The key to sign with at `now`: the newest one whose `sign_from` has passed.
pub fn current<K: Scheduled>(keys: &[K], now: Timestamp) -> Option<&K> {
    keys.iter().filter(|key| key.times().sign_from <= now).max_by_key(|key| key.generation())
}

/// The generation to create at `now`, with its times, if one is due.
///
/// A successor is due early enough to be able to sign when its predecessor should stop.
pub fn due<K: Scheduled>(keys: &[K], now: Timestamp, rotate_every: Duration) -> Option<(u32, KeyTimes)> {
    match keys.iter().max_by_key(|key| key.generation()) {
        None => Some((1, KeyTimes::first(now, rotate_every))),
        // This happens only after a manual change of the table: an emergency stores the successor first.
        Some(newest) if newest.is_withdrawn() => {
            Some((newest.generation() + 1, KeyTimes::at_once(now, rotate_every)))
        }
        Some(newest) if now.plus(RELOAD_EVERY + JWKS_MAX_AGE) >= newest.times().sign_until => {
            Some((newest.generation() + 1, KeyTimes::successor(now, rotate_every)))
        }
        Some(_) => None,
    }
}

/// The generation to create at `now`, with its times, even if none is due. `None` if one is already waiting to
/// sign.
///
/// It has the same times as any successor: it is published before it signs, and until then the current key
/// continues to sign. If a key is already waiting, the operator's wish is fulfilled.
pub fn successor<K: Scheduled>(
    keys: &[K],
    now: Timestamp,
    rotate_every: Duration,
) -> Option<(u32, KeyTimes)> {
    match keys.iter().max_by_key(|key| key.generation()) {
        None => Some((1, KeyTimes::first(now, rotate_every))),
        Some(newest) if newest.times().sign_from > now => None,
        Some(newest) => Some((newest.generation() + 1, KeyTimes::successor(now, rotate_every))),
    }
}

/// The response to a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// The generation to create, with its times, unless it already exists.
    pub successor: Option<(u32, KeyTimes)>,
    /// The newest generation to withdraw once the successor exists; 0 if there is nothing to withdraw.
    pub withdraw_through: u32,
}

/// The response at `now` to a leak of `keys`, which all have the same use.
///
/// All existing keys are withdrawn, including those that are waiting or retired, because they were stored next to
/// the leaked one. A successor that was already created for the same emergency is kept.
pub fn emergency<K: Scheduled>(keys: &[K], now: Timestamp, rotate_every: Duration) -> Emergency {
    let Some(newest) = keys.iter().max_by_key(|key| key.generation()) else {
        return Emergency { successor: Some((1, KeyTimes::first(now, rotate_every))), withdraw_through: 0 };
    };
    let generation = newest.generation();
    if generation > 1 && !newest.is_withdrawn() && newest.times().was_made_at_once(now) {
        return Emergency { successor: None, withdraw_through: generation - 1 };
    }
    let successor = (generation + 1, KeyTimes::at_once(now, rotate_every));
    Emergency { successor: Some(successor), withdraw_through: generation }
}

/// When `key` may be deleted, if a successor has taken over by `now`.
pub fn deletable_from<K: Scheduled>(key: &K, keys: &[K], now: Timestamp) -> Option<Timestamp> {
    let successors = keys.iter().filter(|other| other.generation() > key.generation());
    let taken_over = successors.map(|successor| successor.times().sign_from).min()?;
    (taken_over <= now).then(|| taken_over.plus(KEEP_RETIRED))
}

/// Whether `key` is published at `now`: from before it signs until everything that it signed has expired.
pub fn is_published<K: Scheduled>(key: &K, keys: &[K], now: Timestamp) -> bool {
    // If the successor was late, this key signed for longer than planned.
    let successor =
        keys.iter().filter(|k| k.generation() > key.generation()).map(|k| k.times().sign_from).min();
    let until = successor.map(|taken_over| key.times().verify_until.max(taken_over.plus(KEEP_PUBLISHED)));
    key.times().publish_from <= now && until.is_none_or(|until| now < until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[derive(Debug)]
    struct Key(u32, KeyTimes);

    impl Scheduled for Key {
        fn generation(&self) -> u32 {
            self.0
        }

        fn times(&self) -> &KeyTimes {
            &self.1
        }
    }

    fn current_generation(keys: &[Key], now: Timestamp) -> Option<u32> {
        current(keys, now).map(|key| key.0)
    }

    /// TOK-12-03
    #[test]
    fn a_successor_is_known_to_everybody_before_it_signs() {
        let mut keys = Vec::new();
        let mut now = START;
        for _ in 0..400 {
            if let Some((generation, times)) = due(&keys, now, 90 * DAY) {
                keys.push(Key(generation, times));
            }
            let signing = current(&keys, now).unwrap();
            let known_to_all = signing.1.publish_from.plus(RELOAD_EVERY + JWKS_MAX_AGE);
            assert!(signing.0 == 1 || known_to_all <= now, "{signing:?}");
            assert!(is_published(signing, &keys, now), "{signing:?}");
            now = now.plus(DAY);
        }
        assert_eq!(keys.len(), 5, "a rotation every 90 days");
    }

    #[test]
    fn the_first_key_signs_at_once_and_a_second_is_not_due() {
        let (generation, times) = due::<Key>(&[], START, DAY).unwrap();
        let keys = [Key(generation, times)];
        assert_eq!(current_generation(&keys, START), Some(1));
        assert!(due(&keys, START, DAY).is_none());
    }

    /// TOK-12-03: while a successor waits, no other one is created.
    #[test]
    fn a_successor_is_published_before_it_signs() {
        let mut keys = vec![Key(1, KeyTimes::first(START, 90 * DAY))];
        let now = START.plus(DAY);
        let (generation, times) = successor(&keys, now, 90 * DAY).unwrap();
        assert_eq!((generation, times), (2, KeyTimes::successor(now, 90 * DAY)));
        keys.push(Key(generation, times));

        let notice = RELOAD_EVERY + JWKS_MAX_AGE;
        let waiting = now.plus(notice - Duration::from_millis(1));
        assert!(successor(&keys, now, 90 * DAY).is_none() && successor(&keys, waiting, 90 * DAY).is_none());
        assert_eq!(current_generation(&keys, waiting), Some(1));
        assert!(is_published(&keys[1], &keys, now));
        assert_eq!(current_generation(&keys, now.plus(notice)), Some(2));
        assert_eq!(successor(&keys, now.plus(notice), 90 * DAY).unwrap().0, 3);
        assert_eq!(successor::<Key>(&[], now, DAY), Some((1, KeyTimes::first(now, DAY))));
    }

    /// TOK-12-03: it signs by every clock, even by one that is behind.
    #[test]
    fn an_emergency_withdraws_all_and_its_successor_signs_at_once() {
        let now = START.plus(DAY);
        let mut keys = vec![Key(1, KeyTimes::first(START, DAY)), Key(2, KeyTimes::successor(now, DAY))];
        let plan = emergency(&keys, now, DAY);
        let (generation, times) = plan.successor.unwrap();
        assert_eq!((generation, plan.withdraw_through), (3, 2), "the one that waits is withdrawn as well");
        keys.push(Key(generation, times));
        let behind = now.minus(CLOCKS_APART);
        assert_eq!(current_generation(&keys, behind), Some(3));
        assert!(is_published(&keys[2], &keys, behind));
        assert_eq!(times.sign_until, now.minus(CLOCKS_APART).plus(DAY));
        assert_eq!(emergency::<Key>(&[], now, DAY).withdraw_through, 0);
    }

    #[test]
    fn a_repeated_emergency_is_one_and_a_later_one_is_new() {
        let now = START.plus(DAY);
        let keys = [Key(1, KeyTimes::first(START, DAY)), Key(2, KeyTimes::at_once(now, DAY))];
        let again = Emergency { successor: None, withdraw_through: 1 };
        for seconds in [0, 59] {
            assert_eq!(emergency(&keys, now.plus(Duration::from_secs(seconds)), DAY), again, "{seconds}");
        }
        assert_eq!(emergency(&keys, now.minus(CLOCKS_APART), DAY), again, "by a clock that is behind");
        let later = emergency(&keys, now.plus(SAME_EMERGENCY), DAY);
        assert_eq!((later.successor.unwrap().0, later.withdraw_through), (3, 2));
        // The very first key looks like the successor of a leaked one.
        let first = emergency(&keys[..1], START, DAY);
        assert_eq!((first.successor.unwrap().0, first.withdraw_through), (2, 1));
    }

    #[test]
    fn a_key_without_successor_signs_on_and_stays_published() {
        let keys = [Key(1, KeyTimes::first(START, DAY))];
        let much_later = START.plus(400 * DAY);
        assert_eq!(current_generation(&keys, much_later), Some(1));
        assert!(is_published(&keys[0], &keys, much_later));
        assert!(due(&keys, much_later, DAY).is_some());
    }

    #[test]
    fn a_key_is_deleted_long_after_its_successor_took_over() {
        let successor = KeyTimes::successor(START.plus(DAY), DAY);
        let keys = [Key(1, KeyTimes::first(START, DAY)), Key(2, successor)];
        assert_eq!(
            deletable_from(&keys[0], &keys, successor.sign_from.minus(Duration::from_millis(1))),
            None
        );
        let from = successor.sign_from.plus(430 * DAY);
        assert_eq!(deletable_from(&keys[0], &keys, successor.sign_from), Some(from));
        assert_eq!(deletable_from(&keys[0], &keys, from.plus(DAY)), Some(from), "it does not move");
        assert_eq!(deletable_from(&keys[1], &keys, from), None);
    }

    #[test]
    fn a_retired_key_is_published_until_all_it_signed_has_ended() {
        let taken_over = START.plus(400 * DAY);
        let late = KeyTimes { sign_from: taken_over, ..KeyTimes::first(taken_over, DAY) };
        let keys = [Key(1, KeyTimes::first(START, DAY)), Key(2, late)];
        assert_eq!(current_generation(&keys, taken_over), Some(2));
        assert!(is_published(&keys[0], &keys, taken_over.plus(KEEP_PUBLISHED / 2)));
        assert!(!is_published(&keys[0], &keys, taken_over.plus(KEEP_PUBLISHED)));
        assert!(!is_published(&keys[1], &keys, START), "not before its time");
    }
}
