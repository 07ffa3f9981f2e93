//! `user_code` (CIBA §7.1): a code that the person gives to the client, and without which the person is not
//! notified. It authorizes a request, not an approval, and it is not the person's password (§7.1.2).

use std::fmt;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::domain::base::time::Timestamp;
use crate::domain::client::ClientId;
use crate::domain::person::asks::Asks;
use crate::domain::person::wrong_codes::WrongCodes;

/// The cost of one attempt, for this provider and for an attacker with a copy of the table: OWASP's minimum for
/// Argon2id, and a small part of a function's 256 MB. Units: KiB, rounds, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// The shortest code that can be enrolled. A shorter one could be guessed with the attempts below. Unit:
/// characters.
const MIN_ENROLLED: usize = 4;

/// The number of wrong codes for a person, from all clients, at which codes are refused for a while.
const FREE_ATTEMPTS: u32 = 5;
/// How long codes are refused after the last free attempt. It doubles with each further wrong code.
const FIRST_LOCK: Duration = Duration::from_secs(60);
const LONGEST_LOCK: Duration = Duration::from_secs(24 * 60 * 60);

/// A code as presented: 1 to 64 characters without control characters.
///
/// # Security
/// It is never stored and never logged. Only its [`UserCodeHash`] is stored.
#[derive(Clone)]
pub struct UserCode(String);

impl UserCode {
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// Whether it is long enough to be enrolled for a person.
    pub fn may_be_enrolled(&self) -> bool {
        self.0.chars().count() >= MIN_ENROLLED
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(…)")
    }
}

/// Argon2id of a code, as a PHC string with its salt and its cost. A short code could be guessed from a fast hash.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCodeHash(String);

impl UserCodeHash {
    /// `None` if the code cannot be hashed, which does not happen with at most 64 characters.
    pub fn new(code: &UserCode, salt: [u8; 16]) -> Option<Self> {
        let (memory, rounds, lanes) = COST;
        let params = Params::new(memory, rounds, lanes, None).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: PasswordHash = argon2.hash_password_with_salt(code.0.as_bytes(), &salt).ok()?;
        Some(Self(hash.to_string()))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        (hash.algorithm.as_str() == "argon2id" && hash.hash.is_some()).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in constant time, at the cost with which the hash was created.
    pub fn matches(&self, presented: &UserCode) -> bool {
        PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(presented.0.as_bytes(), &hash).is_ok())
    }
}

impl fmt::Debug for UserCodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCodeHash(…)")
    }
}

/// The lockout after wrong codes. It applies to the person, across all clients.
impl Asks {
    /// The time until which every code for this person is refused, even a correct one. May already be in the past.
    pub fn codes_locked_until(&self, now: Timestamp) -> Option<Timestamp> {
        let counting = || self.wrong_codes.iter().filter(|wrong| wrong.counts(now));
        let count: u32 = counting().map(|wrong| wrong.count).fold(0, u32::saturating_add);
        let doublings = count.checked_sub(FREE_ATTEMPTS)?;
        let lock = 2_u32.checked_pow(doublings).map_or(LONGEST_LOCK, |times| FIRST_LOCK * times);
        let last = counting().map(|wrong| wrong.last).max()?;
        Some(last.plus(lock.min(LONGEST_LOCK)))
    }

    pub fn are_codes_locked(&self, now: Timestamp) -> bool {
        self.codes_locked_until(now).is_some_and(|until| now < until)
    }

    /// Records that `client` sent a wrong code for this person.
    pub fn code_was_wrong(&self, client: &ClientId, at: Timestamp) -> Self {
        let mut next = self.next();
        next.wrong_codes.retain(|wrong| wrong.counts(at));
        match next.wrong_codes.iter_mut().find(|wrong| wrong.client == *client) {
            Some(wrong) => {
                wrong.count = wrong.count.saturating_add(1);
                wrong.last = at;
            }
            None => next.wrong_codes.push(WrongCodes { client: client.clone(), count: 1, last: at }),
        }
        next
    }

    /// Records that `client` sent the right code: its wrong ones no longer count. The version is unchanged: this
    /// is stored together with the next change that the request makes.
    pub fn code_was_right(mut self, client: &ClientId) -> Self {
        self.wrong_codes.retain(|wrong| wrong.client != *client);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> UserCode {
        UserCode::parse(text).unwrap()
    }

    fn client(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + minute * 60)
    }

    /// HYG-1-06
    #[test]
    fn a_code_is_up_to_64_characters_without_controls() {
        for text in ["1", "ä 4", &"x".repeat(64)] {
            assert!(UserCode::parse(text).is_some(), "{text:?}");
        }
        for text in ["", "12\n4", "\u{85}", &"x".repeat(65)] {
            assert!(UserCode::parse(text).is_none(), "{text:?}");
        }
        assert!(code("1234").may_be_enrolled() && !code("123").may_be_enrolled());
    }

    /// CIBA-7.1.2-06
    #[test]
    fn a_code_is_kept_as_argon2id_with_a_salt() {
        let hash = UserCodeHash::new(&code("2931"), [1; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert_ne!(hash, UserCodeHash::new(&code("2931"), [2; 16]).unwrap());
        let read = UserCodeHash::parse(hash.as_str()).unwrap();
        assert!(read.matches(&code("2931")));
        assert!(!read.matches(&code("2932")) && !read.matches(&code("29310")));
        for text in ["", "2931", "$2b$10$abc", "$argon2id$v=19$m=19456,t=2,p=1"] {
            assert!(UserCodeHash::parse(text).is_none(), "{text:?}");
        }
    }

    /// HYG-5-01
    #[test]
    fn debug_output_shows_no_code() {
        let hash = UserCodeHash::new(&code("293131"), [1; 16]).unwrap();
        let text = format!("{:?} {hash:?}", code("293131"));
        assert!(!text.contains("2931") && !text.contains("argon"), "{text}");
    }

    /// CIBA-7.1.2-06: the lockout is a day at most.
    #[test]
    fn from_the_fifth_on_each_wrong_code_doubles_the_lockout() {
        let mut asks = Asks::default();
        for n in 0..4 {
            asks = asks.code_was_wrong(&client("kiosk"), minute(n));
            assert_eq!(asks.codes_locked_until(minute(n)), None);
        }
        let mut now = 4;
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440] {
            asks = asks.code_was_wrong(&client("kiosk"), minute(now));
            assert_eq!(asks.codes_locked_until(minute(now)), Some(minute(now + wait)));
            now += wait;
            assert!(!asks.are_codes_locked(minute(now)) && asks.are_codes_locked(minute(now - 1)));
        }
        assert_eq!(asks.version, 17);
    }

    /// CIBA-7.1.2-06: regardless of the client. A right code resets only the count of its own client.
    #[test]
    fn wrong_codes_of_all_clients_add_up() {
        let mut asks = Asks::default();
        for n in 0..5 {
            let name = if n < 4 { "guesser" } else { "kiosk" };
            asks = asks.code_was_wrong(&client(name), minute(0));
        }
        assert!(asks.are_codes_locked(minute(0)));
        let forgiven = asks.clone().code_was_right(&client("kiosk"));
        assert_eq!(forgiven.version, asks.version);
        assert!(!forgiven.are_codes_locked(minute(0)));
        let again = forgiven.code_was_wrong(&client("guesser"), minute(1));
        assert!(again.are_codes_locked(minute(1)), "the guesser's four still count");
    }

    #[test]
    fn wrong_codes_are_forgotten_after_a_week() {
        let mut asks = Asks::default();
        for _ in 0..9 {
            asks = asks.code_was_wrong(&client("kiosk"), minute(0));
        }
        let week = 7 * 1440;
        assert!(asks.codes_locked_until(minute(week - 1)).is_some());
        assert_eq!(asks.codes_locked_until(minute(week)), None);
        assert_eq!(asks.code_was_wrong(&client("teller"), minute(week)).wrong_codes.len(), 1);
    }

    /// For two months, each attempt is by a different client, as soon as the lock allows it.
    #[test]
    fn a_persons_wrong_codes_stay_few() {
        let mut asks = Asks::default();
        for n in 0..2 * 30 * 1440 {
            if !asks.are_codes_locked(minute(n)) {
                asks = asks.code_was_wrong(&client(&format!("client-{n}")), minute(n));
                assert!(asks.wrong_codes.len() <= 24, "{n}");
            }
        }
        assert!(!asks.wrong_codes.is_empty());
    }
}
