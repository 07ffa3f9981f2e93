//! The figures as Markdown.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ciba_local::Error;

use crate::budget::Budget;
use crate::cost;
use crate::flow::Flows;
use crate::machine::Machine;
use crate::measure::{Amount, Measured, Warm, millis};
use crate::size::Size;
use crate::statistics::Samples;

/// The text between these marks in a document is replaced.
const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

/// All measurements.
pub struct Report {
    /// The folder of the binaries, which is named after their profile.
    pub profile: String,
    pub machine: Machine,
    pub amount: Amount,
    pub sizes: BTreeMap<&'static str, Size>,
    pub plain: Vec<Measured>,
    pub tls: Vec<Measured>,
    pub budgets: BTreeMap<(&'static str, &'static str), Budget>,
    pub flows: Vec<Flows>,
}

impl Report {
    pub fn markdown(&self) -> String {
        [
            self.machine(),
            "### Cold start\n\nAWS over HTTP on loopback.\n".to_owned(),
            self.cold(&self.plain),
            "The same over TLS.\n".to_owned(),
            self.cold(&self.tls),
            "### Warm\n\nAWS over HTTP on loopback.\n".to_owned(),
            self.warm(&self.plain),
            "The same over TLS.\n".to_owned(),
            self.warm(&self.tls),
            "### Calls of DynamoDB\n".to_owned(),
            self.calls(),
            "### Size and memory\n".to_owned(),
            self.size(),
            "### Whole flows\n".to_owned(),
            self.flows(),
            "### Cost of a million flows\n".to_owned(),
            cost::markdown(&self.budgets, &self.tls),
        ]
        .join("\n")
    }

    fn machine(&self) -> String {
        let Machine { processor, cores, memory, system, kernel, rustc, date } = &self.machine;
        let Amount { rounds, warm } = self.amount;
        table(
            &["", ""],
            [
                [
                    "measured".to_owned(),
                    format!(
                        "{date}, {rounds} starts of each function, {warm} warm invocations of each step per start"
                    ),
                ],
                ["machine".to_owned(), format!("{processor}, {cores} cores, {memory} GiB")],
                ["system".to_owned(), format!("{system}, Linux {kernel}")],
                ["compiler".to_owned(), format!("rustc {rustc}, profile `{}`", self.profile)],
            ],
        )
    }

    fn cold(&self, measured: &[Measured]) -> String {
        let Some(bare) = measured.first() else { return String::new() };
        let rows = measured.iter().map(|it| {
            [
                it.function.to_owned(),
                spread(&it.init.wall),
                times(&it.init.wall, &bare.init.wall),
                spread(&it.first.wall),
                times(&it.first.wall, &bare.first.wall),
                middle(&it.init.cpu),
                times(&it.init.cpu, &bare.init.cpu),
                middle(&it.first.cpu),
                times(&it.first.cpu, &bare.first.cpu),
            ]
        });
        let head = [
            "function",
            "init p50 / p99 ms",
            "×",
            "first p50 / p99 ms",
            "×",
            "CPU init ms",
            "×",
            "CPU first ms",
            "×",
        ];
        table(&head, rows)
    }

    fn warm(&self, measured: &[Measured]) -> String {
        let Some(bare) = measured.first().and_then(|it| it.steps.first()) else { return String::new() };
        let rows = steps(measured).map(|(function, Warm { step, costs, .. })| {
            [
                function.to_owned(),
                step.name.to_owned(),
                spread(&costs.wall),
                times(&costs.wall, &bare.costs.wall),
                middle(&costs.cpu),
                times(&costs.cpu, &bare.costs.cpu),
            ]
        });
        table(&["function", "step", "p50 / p99 ms", "×", "CPU ms", "×"], rows)
    }

    fn calls(&self) -> String {
        let rows = steps(&self.plain).map(|(function, Warm { step, logged, .. })| {
            let budget = self.budgets.get(&(function, step.name)).cloned().unwrap_or_default();
            [
                function.to_owned(),
                step.name.to_owned(),
                if budget.calls.is_empty() { "none".to_owned() } else { budget.calls.join(", ") },
                budget.reads.to_string(),
                budget.writes.to_string(),
                format!("{:.0}", logged.median()),
            ]
        });
        table(&["function", "step", "calls", "read units", "write units", "log bytes"], rows)
    }

    fn size(&self) -> String {
        let bare = self.plain.first().map(|it| it.memory.median()).unwrap_or(f64::NAN);
        let rows = self.plain.iter().map(|it| {
            let size = self.sizes.get(it.function);
            let megabytes =
                |bytes: Option<usize>| bytes.map_or_else(String::new, |it| format!("{:.2}", it as f64 / 1e6));
            let memory = it.memory.median();
            [
                it.function.to_owned(),
                megabytes(size.map(|it| it.binary)),
                megabytes(size.map(|it| it.zipped)),
                format!("{:.1}", memory / f64::from(1 << 20)),
                factor(memory / bare),
            ]
        });
        table(&["function", "binary MB", "zipped MB", "resident MiB", "×"], rows)
    }

    fn flows(&self) -> String {
        let rows = self.flows.iter().map(|flows| {
            let count = flows.count as f64;
            let per_second = |wall: std::time::Duration| format!("{:.0}", count / wall.as_secs_f64());
            let each = |cpu: std::time::Duration| format!("{:.2}", millis(cpu) / count);
            [
                flows.at_once.to_string(),
                flows.count.to_string(),
                per_second(flows.wall),
                each(flows.cpu),
                per_second(flows.polls.wall),
                each(flows.polls.cpu),
            ]
        });
        let head = [
            "processes of each function",
            "flows",
            "flows per s",
            "CPU per flow ms",
            "pending polls per s",
            "CPU per poll ms",
        ];
        table(&head, rows)
    }
}

/// Replaces the text between the marks of a document.
pub fn write(document: &Path, text: &str) -> Result<(), Error> {
    let old = fs::read_to_string(document).map_err(|error| format!("{}: {error}", document.display()))?;
    let new = replaced(&old, text).ok_or_else(|| format!("{} lacks {BEGIN} or {END}", document.display()))?;
    Ok(fs::write(document, new)?)
}

fn replaced(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", text.trim()))
}

fn steps(measured: &[Measured]) -> impl Iterator<Item = (&'static str, &Warm)> {
    measured.iter().flat_map(|it| it.steps.iter().map(move |warm| (it.function, warm)))
}

fn spread(samples: &Samples) -> String {
    format!("{:.2} / {:.2}", samples.median(), samples.p99())
}

fn middle(samples: &Samples) -> String {
    format!("{:.2}", samples.median())
}

fn times(samples: &Samples, bare: &Samples) -> String {
    factor(samples.median() / bare.median())
}

fn factor(factor: f64) -> String {
    format!("{factor:.1}")
}

/// A Markdown table.
pub fn table<const N: usize>(head: &[&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&head.map(str::to_owned));
    text.push_str(&line(&head.map(|_| "---".to_owned())));
    for row in rows {
        text.push_str(&line(&row));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_rule_under_its_head() {
        let text = table(&["a", "b"], [["1".to_owned(), "2".to_owned()]]);
        assert_eq!(text, "| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = replaced(&document, "new\n").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "new").as_deref(), Some(new.as_str()), "writing twice is the same as once");
        assert_eq!(replaced("no marks", "new"), None);
    }
}
