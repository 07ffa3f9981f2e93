//! The soak: whole flows of all kinds over faults of all kinds, and the promises that hold whatever happens.
//!
//! - No approval is lost, and none is redeemed twice.
//! - No message without a record, and no acknowledged request without a message.
//! - What the operator's own functions do wrong is 503, and what they refuse is refused.
//! - Every answer is one that the protocol knows, and fits those before it.
//! - Evidence for every decision, and a block for every report.
//!
//! The seed fixes what is asked, what is decided and what goes wrong. The order in which calls that are under way at once
//! arrive is the machine's. Flows come in worlds: each has a provider of its own, and a time of its own.

mod acts;
mod answer;
mod asking;
mod clock;
mod flow;
mod hooks;
mod model;
mod script;
mod tally;
mod tokens;
mod verdict;
mod world;

use std::io::Write;
use std::sync::Mutex;
use std::thread;

use ciba_local::disorder::Random;
use ciba_tests::Engine;
use futures_util::future::join_all;
use tokio::runtime::Runtime;

use flow::Flow;
use script::Script;
use tally::Tally;
use world::World;

/// How many flows have one provider.
const OF_WORLD: usize = 200;
/// How many providers run at once: while one waits for an answer that does not come, another goes on.
const WORLDS_AT_ONCE: usize = 3;

/// Plays so many flows. Each world has a runtime and a thread of its own.
fn soak(seed: u64, flows: usize) -> Tally {
    let mut random = Random::new(seed);
    let sizes = (0..flows).step_by(OF_WORLD).map(|first| OF_WORLD.min(flows - first));
    let worlds: Vec<_> = sizes.map(|size| (random.next_seed(), size)).collect();
    let (worlds, all) = (Mutex::new(worlds.into_iter()), Mutex::new(Tally::default()));
    let next = || worlds.lock().expect("no world panics").next();
    thread::scope(|scope| {
        for _ in 0..WORLDS_AT_ONCE {
            scope.spawn(|| {
                while let Some((seed, size)) = next() {
                    let tally = Runtime::new().expect("a runtime").block_on(play(seed, size));
                    let mut all = all.lock().expect("no world panics");
                    all.add(tally);
                    say(&format!(
                        "{} of {flows} flows, {} promises broken",
                        all.counted("flows"),
                        all.findings().len()
                    ));
                }
            });
        }
    });
    all.into_inner().expect("no world panics")
}

/// One world, from its beginning to the last message that is due.
async fn play(seed: u64, flows: usize) -> Tally {
    let mut random = Random::new(seed);
    let scripts: Vec<_> = (0..flows).map(|number| Script::draw(number, &mut random)).collect();
    let world = World::new(&scripts, &mut random).await;
    let played = join_all(scripts.iter().map(|script| Flow::new(&world, script).play()));
    let (played, (), ()) = tokio::join!(played, world.move_on(), world.clock.run());
    world.clear_up().await;
    let played: Vec<_> = scripts.iter().zip(played).collect();
    verdict::judge(&world, &played).await;
    world.into_tally()
}

/// Past the harness, which keeps to itself what a test prints: half an hour is long without a word.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "soak: {what}");
}

/// Prints what came of it, and fails if a promise was broken, or if there was nothing to break.
#[track_caller]
fn conclude(seed: u64, flows: usize, tally: &Tally) {
    say(&format!("{flows} flows of seed {seed}\n{tally}"));
    assert!(tally.findings().is_empty(), "{} promises were broken", tally.findings().len());
    let flows = flows as u64;
    for (what, least) in [
        ("requests acknowledged", flows * 8 / 10),
        ("flows with tokens", flows / 3),
        ("decisions with evidence", flows / 2),
        ("refreshes", flows / 3),
        ("clients told", flows / 4),
        ("requests to people of the resolver", flows / 5),
        ("messages through the notifier", flows / 5),
        // A few flows may have been lucky.
        ("answers of 503", flows / OF_WORLD as u64 * 5),
    ] {
        assert!(tally.counted(what) >= least, "a promise about nothing would hold: {what}");
    }
    assert!(tally.made("hooks") >= flows / 20, "a promise about nothing would hold: faults of hooks");
}

/// CIBA-7.2-09, CIBA-10.3-08, CIBA-13-06, ATK-4-04, ATK-4-07, ATK-4-10, HYG-5-03
#[test]
fn two_hundred_flows_over_faults_keep_every_promise() {
    let seed = 20_261_129;
    // The other engine is ten times as slow.
    let flows = if Engine::is_shared() { OF_WORLD / 10 } else { OF_WORLD };
    let tally = soak(seed, flows);
    conclude(seed, flows, &tally);
}

/// `make soak`, with the numbers that it is given.
#[test]
#[ignore = "minutes: make soak"]
fn as_many_flows_as_are_asked_for_keep_every_promise() {
    let (seed, flows) = (number("SOAK_SEED", 1), number("SOAK_FLOWS", 10_000));
    let flows = usize::try_from(flows).expect("a number of flows");
    let tally = soak(seed, flows);
    conclude(seed, flows, &tally);
}

#[expect(clippy::disallowed_methods, reason = "how much is tested is no setting of a function")]
fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        _ => default,
    }
}
