//! What a deploy knows of the machine it runs on: the time, and which process it is.

use jiff::Timestamp;
use release::lock::Holder;

#[expect(
    clippy::disallowed_methods,
    reason = "deploys stamp their records and leases with the time"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// This process, as a lock names it.
pub(crate) fn holder() -> Holder {
    let pid = std::process::id();
    Holder {
        host: kernel("hostname"),
        boot_id: kernel("random/boot_id"),
        pid,
        started_ticks: started_ticks(pid).unwrap_or_default(),
    }
}

/// Says whether the process that took a lock on this machine still runs.
pub(crate) fn is_alive(holder: &Holder) -> bool {
    started_ticks(holder.pid) == Some(holder.started_ticks)
}

/// When a process started, in clock ticks since boot: field 22 of `proc_pid_stat(5)`.
#[expect(clippy::disallowed_methods, reason = "a lock's holder is told dead from alive by /proc")]
fn started_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_started_ticks(&stat)
}

/// The name of the program may hold spaces and brackets, so fields count from its last bracket.
fn parse_started_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "a lock names the machine that holds it")]
fn kernel(name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    text.trim().replace('/', "-")
}

#[cfg(test)]
mod tests {
    use super::{holder, is_alive, parse_started_ticks};

    #[test]
    fn start_is_read_behind_the_name() {
        let stat = "12 (a) b (c)) S 1 12 12 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert_eq!(parse_started_ticks(stat), Some(4711));
    }

    #[test]
    fn this_process_is_alive_and_an_older_one_of_its_number_is_not() {
        let mut me = holder();
        assert!(is_alive(&me));
        me.started_ticks += 1;
        assert!(!is_alive(&me));
    }
}
