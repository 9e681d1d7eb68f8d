//! A command that prints a master key: the way to a key management service.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use zeroize::Zeroizing;

/// A command that has not ended after this time is killed.
pub const COMMAND_TIME_MAX: Duration = Duration::from_secs(30);

/// What a command may print.
pub const COMMAND_BYTES_MAX: usize = 4 * 1024;

/// Runs a program with arguments, without a shell, and gives what it prints.
///
/// `COMITY_MASTER_KEY` in its environment is `current` or `next`; `input` is its standard input.
/// What it writes to its standard error goes where that of this process goes.
pub fn run(line: &str, which: &str, input: &[u8]) -> Result<Zeroizing<String>, String> {
    run_within(line, which, input, COMMAND_TIME_MAX)
}

fn run_within(
    line: &str,
    which: &str,
    input: &[u8],
    time_max: Duration,
) -> Result<Zeroizing<String>, String> {
    let mut words = line.split_whitespace();
    let program = words.next().ok_or("the command is empty")?;
    let mut child = Command::new(program)
        .args(words)
        .env("COMITY_MASTER_KEY", which)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    let ended = ended(&mut child, input, time_max);
    if ended.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
    let (output, status) = ended.map_err(|problem| format!("`{program}` {problem}"))?;
    if !status.success() {
        return Err(format!("`{program}` failed: {status}"));
    }
    Ok(output)
}

/// How often it is looked whether a command has ended.
const STEP: Duration = Duration::from_millis(10);

/// What a command printed, and how it ended. Both have to come within the limit: a command may close
/// its output and go on.
fn ended(
    child: &mut Child,
    input: &[u8],
    time_max: Duration,
) -> Result<(Zeroizing<String>, ExitStatus), String> {
    let printed = printed(child, input)?;
    let mut steps = (0..time_max.as_millis().div_ceil(STEP.as_millis())).fuse();
    let too_late = || format!("did not end within {} seconds", time_max.as_secs_f32());
    let output = loop {
        match printed.recv_timeout(STEP) {
            Ok(output) => break output,
            Err(RecvTimeoutError::Timeout) => steps.next().map(drop).ok_or_else(too_late)?,
            Err(RecvTimeoutError::Disconnected) => return Err("could not be read".to_owned()),
        }
    };
    let output = output.map_err(|error| format!("printed what cannot be read: {error}"))?;
    if output.len() > COMMAND_BYTES_MAX {
        return Err(format!("printed more than {COMMAND_BYTES_MAX} bytes"));
    }
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok((output, status));
        }
        steps.next().ok_or_else(too_late)?;
        std::thread::sleep(STEP);
    }
}

type Printed = io::Result<Zeroizing<String>>;

/// Gives a command its input, and tells what it printed when it has closed its output.
fn printed(child: &mut Child, input: &[u8]) -> Result<Receiver<Printed>, String> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("has no input or output".to_owned());
    };
    let (done, told) = sync_channel(1);
    std::thread::spawn(move || {
        // With room for what it may print, the text is not moved, and no copy of the key stays.
        let mut text = Zeroizing::new(String::with_capacity(2 * COMMAND_BYTES_MAX));
        let read = stdout.take(COMMAND_BYTES_MAX as u64 + 1).read_to_string(&mut text);
        let _ = done.send(read.map(|_| text));
    });
    let input = input.to_vec();
    // A command need not read its input; and one that reads none must not hold us up.
    std::thread::spawn(move || stdin.write_all(&input));
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("unwrap");
        std::fs::write(&path, text).unwrap();
        let line = format!("sh {}", path.display());
        (directory, line)
    }

    #[test]
    fn it_reads_its_input_and_is_told_which_key_is_wanted() {
        let (_directory, line) = script("echo $COMITY_MASTER_KEY; cat");
        assert_eq!(*run(&line, "next", b"wrapped").unwrap(), "next\nwrapped");
    }

    #[test]
    fn what_fails_prints_too_much_or_does_not_end_is_refused() {
        let check = |text: &str, expected: &str| {
            let (_directory, line) = script(text);
            let told = run_within(&line, "current", b"", Duration::from_millis(500)).unwrap_err();
            assert!(told.contains(expected), "{told}");
        };
        check("exit 3", "exit status: 3");
        check("head -c 5000 /dev/zero", "more than 4096");
        check("exec sleep 20", "did not end within 0.5 seconds");
        check("exec >&-; exec sleep 20", "did not end within 0.5 seconds");
        assert!(run("", "current", b"").unwrap_err().contains("empty"));
        assert!(run("/no/such/program", "current", b"").unwrap_err().contains("cannot be run"));
    }
}
