//! What a million flows cost on AWS, calculated from the measurements and a list of prices.
//!
//! `docs/performance.md` says where the prices and the assumptions come from.

use std::collections::BTreeMap;

use crate::budget::Budget;
use crate::measure::Measured;
use crate::report::table;

/// USD, us-east-1, without free tiers. Each per million, except [`GIGABYTE_SECOND`] and [`LOG_GIGABYTE`].
const API_REQUEST: f64 = 1.00;
const INVOCATION: f64 = 0.20;
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
const WRITE_UNIT: f64 = 0.625;
const READ_UNIT: f64 = 0.125;
const BUS_EVENT: f64 = 1.00;
const LOG_GIGABYTE: f64 = 0.50;

/// `MemorySize` in the template, as a test checks. Unit: MB.
pub const MEMORY: f64 = 256.0;
/// The memory size for which Lambda provides one whole processor. Unit: MB.
const MEMORY_OF_A_PROCESSOR: f64 = 1769.0;

/// Assumed, because it cannot be measured here: the time waiting for DynamoDB, SNS, a client's endpoint and
/// EventBridge. Unit: ms.
const DYNAMODB: f64 = 3.0;
const SNS: f64 = 20.0;
const CLIENT_ENDPOINT: f64 = 50.0;
const BUS: f64 = 20.0;

/// API Gateway's log line. Of Lambda's own there are none at the level WARN. Unit: bytes.
const LOG_OF_THE_API: f64 = 330.0;

/// What is billed for one step.
#[derive(Clone, Copy, Debug, Default)]
struct Charged {
    api_requests: f64,
    bus_events: f64,
    milliseconds: f64,
    writes: f64,
    reads: f64,
    log: f64,
}

impl Charged {
    fn gigabyte_seconds(self) -> f64 {
        self.milliseconds / 1000.0 * MEMORY / 1024.0
    }

    /// USD for the event bus, a million times.
    fn passing_on(self) -> f64 {
        self.bus_events * BUS_EVENT
    }

    /// USD for a million of these steps. A gigabyte is a million kilobytes.
    fn per_million(self) -> f64 {
        self.api_requests * API_REQUEST
            + INVOCATION
            + self.gigabyte_seconds() * 1e6 * GIGABYTE_SECOND
            + self.writes * WRITE_UNIT
            + self.reads * READ_UNIT
            + self.passing_on()
            + self.log / 1000.0 * LOG_GIGABYTE
    }
}

/// The steps of a flow, in order.
struct Flow {
    ask: Charged,
    pending_poll: Charged,
    look: Charged,
    approve: Charged,
    redeeming_poll: Charged,
    /// The client's three steps, for a client that signs.
    signed: Signed,
    ping: Charged,
    push: Charged,
    /// A change that becomes an event, in its own batch.
    event: Charged,
}

/// The steps of a client that authenticates with a key, signs its requests, and has its tokens bound by DPoP.
#[derive(Clone, Copy)]
struct Signed {
    ask: Charged,
    pending_poll: Charged,
    redeeming_poll: Charged,
}

/// requested, notified, approved, redeemed.
const EVENTS_OF_A_FLOW: usize = 4;

/// The tables.
pub fn markdown(budgets: &BTreeMap<(&'static str, &'static str), Budget>, measured: &[Measured]) -> String {
    let step = |function, name, waiting| charged(budgets, measured, function, name, waiting);
    // Lambda's reads of the stream cost nothing, and a client that answers at once needs no queue.
    let told = |name| inner(step("client-notification", name, CLIENT_ENDPOINT));
    let flow = Flow {
        ask: step("backchannel-authentication", "ask", SNS),
        pending_poll: step("token", "pending poll", 0.0),
        look: step("consent", "look at a request", 0.0),
        approve: step("consent", "approve", 0.0),
        redeeming_poll: step("token", "redeeming poll", 0.0),
        signed: Signed {
            ask: step("backchannel-authentication", "ask, signed", SNS),
            pending_poll: step("token", "pending poll, with DPoP", 0.0),
            redeeming_poll: step("token", "redeeming poll, with DPoP", 0.0),
        },
        ping: told("a ping"),
        push: told("a push"),
        event: Charged { bus_events: 1.0, ..inner(step("events", "one change", BUS)) },
    };
    [steps(&flow), modes(&flow)].join("\n")
}

/// A step without a request to the API.
fn inner(step: Charged) -> Charged {
    Charged { api_requests: 0.0, log: step.log - LOG_OF_THE_API, ..step }
}

/// A step as it was measured over TLS, plus the assumed waiting time.
fn charged(
    budgets: &BTreeMap<(&'static str, &'static str), Budget>,
    measured: &[Measured],
    function: &'static str,
    name: &'static str,
    waiting: f64,
) -> Charged {
    let budget = budgets.get(&(function, name)).cloned().unwrap_or_default();
    let steps = measured.iter().filter(|it| it.function == function).flat_map(|it| &it.steps);
    let warm = steps.into_iter().find(|warm| warm.step.name == name);
    let cpu = warm.map_or(f64::NAN, |warm| warm.costs.cpu.median());
    let own_log = warm.map_or(f64::NAN, |warm| warm.logged.median());
    Charged {
        api_requests: 1.0,
        milliseconds: billed(cpu, budget.calls.len() as f64 * DYNAMODB + waiting),
        writes: budget.writes,
        reads: budget.reads,
        log: own_log + LOG_OF_THE_API,
        ..Charged::default()
    }
}

/// CPU time, scaled to the share of a processor for the memory size, plus waiting, rounded up to whole milliseconds.
fn billed(cpu: f64, waiting: f64) -> f64 {
    (cpu * MEMORY_OF_A_PROCESSOR / MEMORY + waiting).ceil()
}

fn steps(flow: &Flow) -> String {
    let rows = [
        ("ask", flow.ask),
        ("look at a request", flow.look),
        ("approve", flow.approve),
        ("pending poll", flow.pending_poll),
        ("redeeming poll", flow.redeeming_poll),
        ("ask, signed", flow.signed.ask),
        ("pending poll, with DPoP", flow.signed.pending_poll),
        ("redeeming poll, with DPoP", flow.signed.redeeming_poll),
        ("tell the client: a ping", flow.ping),
        ("tell the client: a push", flow.push),
        ("emit an event", flow.event),
    ];
    let rows = rows.map(|(name, charged)| {
        [
            name.to_owned(),
            format!("{:.0}", charged.api_requests),
            format!("{:.0}", charged.milliseconds),
            format!("{:.5}", charged.gigabyte_seconds()),
            charged.writes.to_string(),
            charged.reads.to_string(),
            format!("{:.0}", charged.log),
            format!("{:.2}", charged.per_million()),
        ]
    });
    let head = [
        "step",
        "API requests",
        "billed ms",
        "GB-s",
        "write units",
        "read units",
        "log bytes",
        "USD per million",
    ];
    table(&head, rows)
}

fn modes(flow: &Flow) -> String {
    let decided = [flow.look, flow.approve];
    let poll = |ask, pending_poll, redeeming_poll, pending: usize| {
        let polls = std::iter::repeat_n(pending_poll, pending);
        [ask].into_iter().chain(decided).chain(polls).chain([redeeming_poll]).collect::<Vec<_>>()
    };
    let plain = |pending| poll(flow.ask, flow.pending_poll, flow.redeeming_poll, pending);
    let signed = |pending| {
        let Signed { ask, pending_poll, redeeming_poll } = flow.signed;
        poll(ask, pending_poll, redeeming_poll, pending)
    };
    let told = |flow: Vec<Charged>, told: [Charged; 2]| flow.into_iter().chain(told).collect::<Vec<_>>();
    let modes = [
        ("poll, 1 pending", plain(1)),
        ("poll, 5 pending", plain(5)),
        ("poll, 11 pending", plain(11)),
        ("poll, 23 pending", plain(23)),
        ("ping", told(plain(0), [flow.ping, flow.event])),
        ("push", [flow.ask].into_iter().chain(decided).chain([flow.push, flow.event]).collect()),
        ("poll, 5 pending, signed", signed(5)),
        ("ping, signed", told(signed(0), [flow.ping, flow.event])),
    ];
    let rows = modes.map(|(name, mut steps)| {
        steps.extend([flow.event; EVENTS_OF_A_FLOW]);
        let sum = |part: fn(&Charged) -> f64| steps.iter().map(part).sum::<f64>();
        let each = |units: f64, price: f64| format!("{units} × {price} = {:.2}", units * price);
        [
            name.to_owned(),
            each(sum(|it| it.api_requests), API_REQUEST),
            each(steps.len() as f64, INVOCATION),
            format!("{:.2}", sum(|it| it.gigabyte_seconds()) * 1e6 * GIGABYTE_SECOND),
            each(sum(|it| it.writes), WRITE_UNIT),
            each(sum(|it| it.reads), READ_UNIT),
            format!("{:.2}", sum(|it| it.passing_on())),
            format!("{:.2}", sum(|it| it.log) / 1000.0 * LOG_GIGABYTE),
            format!("**{:.2}**", sum(|it| it.per_million())),
        ]
    });
    let head = [
        "mode",
        "API requests",
        "Lambda requests",
        "Lambda time",
        "writes",
        "reads",
        "event bus",
        "logs",
        "USD",
    ];
    table(&head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CPU time is scaled by the function's share of a processor.
    #[test]
    fn billed_time_is_scaled_cpu_plus_waiting_in_whole_ms() {
        // 0.5 ms of CPU take 3.46 ms at 256 of 1769 MB.
        assert_eq!(billed(0.5, 3.0), 7.0);
        assert_eq!(billed(0.0, 3.0), 3.0);
    }

    #[test]
    fn a_million_steps_cost_the_sum_of_their_parts() {
        let charged = Charged {
            api_requests: 1.0,
            milliseconds: 10.0,
            writes: 2.0,
            reads: 4.0,
            log: 1000.0,
            ..Charged::default()
        };
        // A million times 10 ms with a quarter of a gigabyte are 2,500 GB-s.
        let parts = 1.00 + 0.20 + 2500.0 * GIGABYTE_SECOND + 2.0 * 0.625 + 4.0 * 0.125 + 0.50;
        assert!((charged.per_million() - parts).abs() < 1e-9);
    }
}
