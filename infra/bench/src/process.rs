//! The kernel's figures about a process.

use std::fs;
use std::io;
use std::time::Duration;

/// The CPU time of all threads of a process, in nanoseconds. It does not include threads that have ended, of which
/// the functions have none.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end after it was listed.
        if let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) {
            sum += on_cpu(&text).ok_or_else(|| io::Error::other("schedstat is not as documented"))?;
        }
    }
    Ok(sum)
}

/// The resident memory. Unit: bytes.
pub fn resident_memory(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    resident(&text).ok_or_else(|| io::Error::other("status has no VmRSS"))
}

/// The first of three numbers: nanoseconds of CPU time.
fn on_cpu(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// `VmRSS:     8432 kB`
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_schedstat_is_the_time_on_a_processor() {
        assert_eq!(on_cpu("1437842 10932 17\n"), Some(Duration::from_nanos(1_437_842)));
        assert_eq!(on_cpu(""), None);
    }

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "VmHWM:\t    9000 kB\nVmRSS:\t    8432 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(resident(status), Some(8432 * 1024));
        assert_eq!(resident("VmHWM:\t 1 kB\n"), None);
    }

    #[test]
    fn this_process_has_used_some_of_both() {
        let pid = std::process::id();
        assert!(cpu_time(pid).unwrap() > Duration::ZERO);
        assert!(resident_memory(pid).unwrap() > 100_000);
    }
}
