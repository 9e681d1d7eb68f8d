//! The command line, as people use it.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs `comity` without any setting from outside.
fn comity(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    let ours = std::env::vars().filter(|(name, _)| name.starts_with("COMITY_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn check_refused(arguments: &[&str], expected: &str) {
    let output = comity(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    let told = stderr(&output);
    assert!(told.contains(expected), "{arguments:?}: {told}");
}

fn path(directory: &Path, name: &str) -> String {
    directory.join(name).to_str().unwrap().to_owned()
}

#[test]
fn an_unknown_setting_brings_up_the_nearest() {
    let directory = tempfile::tempdir().unwrap();
    let config = path(directory.path(), "comity.toml");
    fs::write(&config, "lisen = \"127.0.0.1:9090\"").unwrap();
    check_refused(&["serve", "--config", &config], "did you mean `listen`?");
    check_refused(&["config", "--set", "heders_max=5"], "did you mean `headers_max`?");
}

#[test]
fn an_open_server_is_refused_where_others_can_reach_it() {
    let directory = tempfile::tempdir().unwrap();
    let data = path(directory.path(), "data");
    let arguments = ["serve", "--data", &data, "--open", "--listen", "0.0.0.0:0"];
    check_refused(&arguments, "--open asks for no keys, so it is refused on 0.0.0.0:0");
    assert!(!Path::new(&data).exists(), "nothing was made");
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let data = path(directory.path(), "data");
    let made = comity(&["key", "add", "meters", "--role", "writer", "--data", &data]);
    let token = stdout(&made);
    assert!(token.starts_with("comity_") && token.trim().len() == 84, "{token}");

    let list = stdout(&comity(&["key", "list", "--data", &data]));
    assert!(list.contains("meters") && list.contains("writer"), "{list}");
    assert!(!list.contains(&token.trim()[20..]), "the secret is not listed");
    check_refused(&["key", "add", "meters", "--data", &data], "a key named `meters` already");

    assert!(comity(&["key", "revoke", "meters", "--data", &data]).status.success());
    check_refused(&["key", "revoke", "meters", "--data", &data], "no key has the name or id");
}

#[test]
fn an_import_tells_what_it_refused_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let data = path(directory.path(), "data");
    let file = path(directory.path(), "lamps.ndjson");
    let good = |n: u32| format!("{{\"id\":\"urn:lamp:{n}\",\"type\":\"Lamp\"}}\n");
    fs::write(&file, format!("{}{{\"id\":\"x\"}}\n{}", good(1), good(2))).unwrap();

    let output = comity(&["import", &file, "--data", &data]);
    assert!(!output.status.success());
    assert_eq!(stdout(&output), "2 created, 0 updated, 1 refused\n");
    let told = stderr(&output);
    assert!(told.contains("line 2: "), "{told}");
    let report = told.split("all are listed in ").nth(1).unwrap().trim();
    assert!(fs::read_to_string(report).unwrap().starts_with("line 2: "));
}

#[test]
fn an_export_can_be_imported_again() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (path(directory.path(), "one"), path(directory.path(), "two"));
    let city = path(Path::new(env!("CARGO_MANIFEST_DIR")), "city/helsinki.ndjson");
    assert!(comity(&["import", &city, "--data", &one]).status.success());
    let first = comity(&["export", "--data", &one]);
    assert_eq!(stdout(&first).lines().count(), fs::read_to_string(&city).unwrap().lines().count());
    let file = path(directory.path(), "all.ndjson");
    fs::write(&file, &first.stdout).unwrap();
    assert!(comity(&["import", &file, "--data", &two]).status.success());
    let second = comity(&["export", "--data", &two]);
    assert!(sorted(&first) == sorted(&second), "the same entities come back");
    let checked = comity(&["check", "--data", &two]);
    assert!(checked.status.success(), "{}", stdout(&checked));

    let map = comity(&["export", "--data", &one, "--type", "Park", "--format", "geojson"]);
    let map: serde_json::Value = serde_json::from_slice(&map.stdout).unwrap();
    assert_eq!(map["features"].as_array().unwrap().len(), 13);
}

fn sorted(output: &Output) -> Vec<String> {
    let mut lines: Vec<String> = stdout(output).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn help_and_reference_are_there() {
    let help = stdout(&comity(&["--help"]));
    assert!(help.contains("comity demo") && help.contains("Examples:"), "{help}");
    let reference = stdout(&comity(&["config", "--markdown"]));
    assert!(reference.contains("| `disk_reserve_bytes` | `256MiB` |"), "{reference}");
    let config = stdout(&comity(&["config", "--set", "log=debug"]));
    assert!(config.contains("log = \"debug\""), "{config}");
}

#[test]
fn an_altered_audit_record_is_told_apart_from_a_whole_one() {
    let directory = tempfile::tempdir().unwrap();
    let data = path(directory.path(), "data");
    check_refused(&["audit", "verify", "--data", &data], "there is no audit record in");
    check_refused(&["audit", "key", "--data", &data], "there is no audit record in");
    let first = stdout(&comity(&["audit", "key", "--rotate", "--data", &data]));
    let second = stdout(&comity(&["audit", "key", "--rotate", "--data", &data]));
    assert_eq!(stdout(&comity(&["audit", "key", "--data", &data])), second);
    let pem = stdout(&comity(&["audit", "key", "--pem", "--data", &data]));
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"), "{pem}");
    assert!(first != second && second.trim().len() == 64, "{second}");

    let whole = comity(&["audit", "verify", "--data", &data]);
    assert!(whole.status.success(), "{}", stderr(&whole));
    let told = stdout(&whole);
    assert!(told.contains("it begins with the first line of the record"), "{told}");
    assert!(told.contains(&format!("signed with key {}", second.trim())), "{told}");
    let anchor = told.lines().find_map(|line| line.strip_prefix("anchor of the last line: "));

    let export = path(directory.path(), "all.ndjson");
    assert!(comity(&["audit", "export", "--data", &data, "-o", &export]).status.success());
    let verify = ["audit", "verify", &export, "--anchor", anchor.unwrap()];
    let anchored = stdout(&comity(&verify));
    assert!(anchored.contains("1 anchors agree"), "{anchored}");
    let text = fs::read_to_string(&export).unwrap();
    let count = text.lines().count();
    let without_end: String = text.split_inclusive('\n').take(count - 2).collect();
    fs::write(&export, without_end).unwrap();
    let cut = comity(&verify);
    assert_eq!(cut.status.code(), Some(1));
    let expected = format!("entry {}: the end was cut", count - 1);
    let expected = expected.replace(':', &format!(" (line {}):", count - 1));
    assert!(stdout(&cut).contains(&expected), "{}", stdout(&cut));
    fs::write(&export, text.replacen("\"start\"", "\"stop\"", 1)).unwrap();
    let altered = comity(&["audit", "verify", &export]);
    assert_eq!(altered.status.code(), Some(1));
    let told = stdout(&altered);
    assert!(told.contains("PROBLEM: entry 2 (line 2): it was altered"), "{told}");
    let another = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let other = comity(&["audit", "verify", "--data", &data, "--key", another]);
    assert!(!other.status.success(), "{}", stdout(&other));
}
