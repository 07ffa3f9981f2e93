//! The machine on which the figures were measured.

use std::fs;
use std::process::Command;

use ciba_local::clock;
use time::OffsetDateTime;

/// What the figures depend on besides the code. What cannot be determined is given as unknown.
#[derive(Clone, Debug)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    /// Unit: GiB.
    pub memory: u64,
    pub system: String,
    pub kernel: String,
    pub rustc: String,
    /// `2026-11-22`
    pub date: String,
}

impl Machine {
    pub fn read() -> Self {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (cpuinfo, meminfo, release) =
            (file("/proc/cpuinfo"), file("/proc/meminfo"), file("/etc/os-release"));
        let kib =
            value(&meminfo, "MemTotal", ':').and_then(|it| it.trim_end_matches(" kB").parse::<u64>().ok());
        Self {
            processor: value(&cpuinfo, "model name", ':').unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kib.unwrap_or_default().div_ceil(1024 * 1024),
            system: value(&release, "PRETTY_NAME", '=').unwrap_or_else(unknown),
            kernel: format!("{} {}", file("/proc/sys/kernel/osrelease").trim(), std::env::consts::ARCH),
            rustc: rustc().unwrap_or_else(unknown),
            date: date(clock::now().into()),
        }
    }
}

/// The compiler for this folder, which also built the measured binaries.
fn rustc() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix("rustc ").map(str::to_owned)
}

/// The first `name : value` of a list, without quotation marks.
fn value(list: &str, name: &str, separator: char) -> Option<String> {
    let mut pairs = list.lines().filter_map(|line| line.split_once(separator));
    let (_, value) = pairs.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn date(at: OffsetDateTime) -> String {
    format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_of_a_name_is_read_without_quotes() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: Some CPU @ 2.5: GHz\nprocessor\t: 1\nmodel name\t: Other\n";
        assert_eq!(value(cpuinfo, "model name", ':').as_deref(), Some("Some CPU @ 2.5: GHz"));
        let release = "NAME=\"X\"\nPRETTY_NAME=\"X 12\"\n";
        assert_eq!(value(release, "PRETTY_NAME", '=').as_deref(), Some("X 12"));
        assert_eq!(value(release, "VERSION", '='), None);
    }

    #[test]
    fn a_date_sorts_as_text() {
        assert_eq!(date(OffsetDateTime::UNIX_EPOCH), "1970-01-01");
    }
}
