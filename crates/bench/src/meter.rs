//! What a process has used: its time on the processor and its memory, as the kernel counts them.

use std::fs;
use std::io;
use std::process::Command;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Meter {
    pid: u32,
    ticks_per_second: f64,
}

/// What Linux has used on every architecture for decades.
const TICKS_PER_SECOND_USUAL: f64 = 100.0;

impl Meter {
    pub fn new(pid: u32) -> Meter {
        let said = Command::new("getconf").arg("CLK_TCK").output().ok();
        let said = said.and_then(|output| String::from_utf8(output.stdout).ok());
        let ticks = said.and_then(|text| text.trim().parse().ok());
        Meter { pid, ticks_per_second: ticks.unwrap_or(TICKS_PER_SECOND_USUAL) }
    }

    /// User and system time of all its threads, also of those that have ended.
    pub fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let ticks = ticks(&stat).ok_or_else(|| io::Error::other("no times in /proc/PID/stat"))?;
        Ok(Duration::from_secs_f64(ticks as f64 / self.ticks_per_second))
    }

    /// The proportional set size: what is shared with others counts in part.
    pub fn memory_bytes(&self) -> io::Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        pss_bytes(&rollup).ok_or_else(|| io::Error::other("no Pss in /proc/PID/smaps_rollup"))
    }
}

/// How many threads wanted to run at a time during the last minute.
pub fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// The name of the program stands in brackets and may hold anything, so what counts is the last.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn pss_bytes(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194304 1 2 3 4 150 25 9 9 20 0 4 0 1 2 3";
        assert_eq!(ticks(stat), Some(175));
    }

    #[test]
    fn pss_is_found_among_its_parts() {
        let rollup = "Rss:  900 kB\nPss:      512 kB\nPss_Dirty:   12 kB\n";
        assert_eq!(pss_bytes(rollup), Some(512 * 1024));
    }

    #[test]
    fn this_process_can_be_measured() {
        let meter = Meter::new(std::process::id());
        assert!(meter.cpu().is_ok());
        assert!(meter.memory_bytes().unwrap() > 0);
    }
}
