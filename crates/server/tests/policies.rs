//! Policies of a server as a process: put in force, refused with reasons, rolled back, and kept.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use process::{Server, ask};
use serde_json::{Value, json};

fn comity(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_comity")).args(args).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

fn key(data: &Path, name: &str, role: &str, more: &[&str]) -> String {
    let data = data.display().to_string();
    let args = [&["key", "add", name, "--role", role, "--data", &data], more].concat();
    let made = comity(&args);
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

struct City {
    data: tempfile::TempDir,
    server: Option<Server>,
    admin: String,
    officer: String,
    guest: String,
}

const LAMPS: &str = r#"[{"id":"urn:x:1","type":"Lamp","level":1,"secret":2},
    {"id":"urn:x:2","type":"Street","level":3}]"#;

const GUESTS: &str = r#"@id("guests-see-lamps")
permit (principal in Role::"guest", action == Action::"read", resource in EntityType::"Lamp");
@id("not-what-is-secret")
forbid (principal in Role::"guest", action == Action::"read", resource)
when { context.attribute == "secret" };
"#;

impl City {
    fn new() -> City {
        let data = tempfile::tempdir().unwrap();
        let key = |name, role| key(data.path(), name, role, &[]);
        let (admin, officer) = (key("ada", "admin"), key("olaf", "security-officer"));
        let guest = key("gus", "guest");
        let server = Some(Server::run("serve", data.path(), &[]));
        let city = City { data, server, admin, officer, guest };
        let made = city.ask("POST", "/ngsi-ld/v1/entityOperations/create", &city.admin, "", LAMPS);
        assert_eq!(made.0, 201, "{}", made.1);
        city
    }

    fn ask(&self, method: &str, path: &str, token: &str, more: &str, body: &str) -> (u16, String) {
        let headers = format!(
            "authorization: Bearer {token}\r\n{more}{}",
            if body.is_empty() { "" } else { "content-type: application/json\r\n" }
        );
        let address = &self.server.as_ref().unwrap().address;
        let answer = ask(address, method, path, &headers, body).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn put(&self, more: &str, body: &Value) -> (u16, Value) {
        let (status, body) =
            self.ask("PUT", "/admin/policies", &self.officer, more, &body.to_string());
        (status, serde_json::from_str(&body).unwrap())
    }

    fn sees(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, &self.guest, "", "")
    }
}

/// The defaults, and what guests may do.
fn with_guests(city: &City) -> Value {
    let (_, begun) = city.ask("GET", "/admin/policies", &city.officer, "", "");
    let mut policies: Value = serde_json::from_str(&begun).unwrap();
    for member in ["version", "by", "at", "warnings"] {
        policies.as_object_mut().unwrap().remove(member);
    }
    let texts = policies["policies"].as_array_mut().unwrap();
    texts.push(json!({"name": "guests.cedar", "text": GUESTS}));
    policies["comment"] = "guests come".into();
    policies
}

#[test]
fn policies_are_put_in_force_rolled_back_and_kept() {
    let mut city = City::new();
    let lamp = "/ngsi-ld/v1/entities/urn:x:1";
    let (status, refused) = city.sees(lamp);
    assert_eq!(status, 403, "{refused}");
    assert!(refused.contains("`gus` may not read anything here; it has the role guest"));

    let guests = with_guests(&city);
    let (status, made) = city.put("if-match: \"0\"\r\n", &guests);
    assert_eq!((status, &made["version"], &made["by"]), (200, &json!(1), &json!("olaf")), "{made}");
    let (status, seen) = city.sees(lamp);
    assert!(status == 200 && seen.contains("level") && !seen.contains("secret"), "{seen}");
    assert_eq!(city.sees("/ngsi-ld/v1/entities/urn:x:2").0, 404);
    let (_, types) = city.sees("/ngsi-ld/v1/types");
    assert!(types.contains("Lamp") && !types.contains("Street"), "{types}");

    // They outlive the server.
    assert!(city.server.take().unwrap().stop());
    city.server = Some(Server::run("serve", city.data.path(), &[]));
    assert_eq!(city.sees(lamp).0, 200);

    assert_eq!(city.put("if-match: 0\r\n", &guests).0, 412);
    let back = city.ask("POST", "/admin/policies/rollBack", &city.officer, "", r#"{"version":0}"#);
    assert_eq!(back.0, 200, "{}", back.1);
    assert_eq!(city.sees(lamp).0, 403);
    let (_, versions) = city.ask("GET", "/admin/policies/versions", &city.officer, "", "");
    let versions: Value = serde_json::from_str(&versions).unwrap();
    let numbers: Vec<&Value> =
        versions["versions"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
    assert_eq!(numbers, [0, 1, 2], "{versions}");
    assert_eq!(versions["versions"][2]["restores"], 0);
    let (_, old) = city.ask("GET", "/admin/policies/versions/1", &city.officer, "", "");
    assert!(old.contains("guests-see-lamps"), "{old}");
    assert_eq!(city.ask("GET", "/admin/policies/versions/9", &city.officer, "", "").0, 404);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let city = City::new();
    let text = |text: &str| json!({"policies": [{"name": "a.cedar", "text": text}]});
    let (status, problem) = city.put("", &text("permit (principal, action,\n  resoruce);"));
    assert_eq!(status, 400, "{problem}");
    assert_eq!(problem["problems"][0]["source"], "a.cedar", "{problem}");
    assert_eq!(problem["problems"][0]["line"], 2, "{problem}");
    let (status, problem) =
        city.put("", &text("permit (principal in Role::\"admin\", action, resource);"));
    assert_eq!(status, 409, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`olaf` could not change them again"), "{detail}");
    // An expectation that is not met.
    let mut broken = with_guests(&city);
    broken["policies"][0]["text"] = broken["policies"][0]["text"]
        .as_str()
        .unwrap()
        .replace("reader-reads", "reader-writes")
        .replacen("action == Action::\"read\"", "action in Action::\"write\"", 1)
        .into();
    let (status, problem) = city.put("", &broken);
    assert_eq!(status, 400, "{problem}");
    assert!(problem["problems"].to_string().contains("expected"), "{problem}");
    let (_, shown) = city.ask("GET", "/admin/policies", &city.officer, "", "");
    assert!(shown.contains("\"version\":0"), "{shown}");
}

#[test]
fn duties_are_separated() {
    let city = City::new();
    let auditor = key(city.data.path(), "eva", "auditor", &[]);
    let bound = key(city.data.path(), "nora", "security-officer", &["--tenant", "north"]);
    // A running server takes a new key within a second.
    let known = || city.ask("GET", "/audit", &auditor, "", "").0 == 200;
    for _ in 0..100 {
        if known() && city.ask("GET", "/admin/policies", &bound, "", "").0 != 401 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    for (path, admin, officer, audits) in [
        ("/admin/policies", 403, 200, 403),
        ("/admin/notifications", 200, 403, 403),
        ("/admin/historyRetention", 200, 403, 403),
        ("/audit", 403, 403, 200),
        ("/ngsi-ld/v1/types", 200, 403, 403),
    ] {
        let status = |token: &str| city.ask("GET", path, token, "", "").0;
        let found = (status(&city.admin), status(&city.officer), status(&auditor));
        assert_eq!(found, (admin, officer, audits), "{path}");
    }
    assert_eq!(city.ask("GET", "/admin/policies", &bound, "", "").0, 403);
}

#[test]
fn a_data_directory_is_helped_from_the_command_line() {
    let mut city = City::new();
    assert_eq!(city.put("", &with_guests(&city)).0, 200);
    let data = city.data.path().display().to_string();
    let lamp = ["--action", "read", "--entity", "urn:x:1", "--data", &data];
    let busy = comity(&[&["policy", "explain", "--key", "gus"], &lamp[..]].concat());
    assert!(!busy.status.success(), "{busy:?}");
    assert!(city.server.take().unwrap().stop());

    let explained = told(&comity(&[&["policy", "explain", "--key", "gus"], &lamp[..]].concat()));
    assert!(explained.contains("read: permitted by `guests-see-lamps`"), "{explained}");
    assert!(explained.contains("secret: forbidden by `not-what-is-secret`"), "{explained}");
    let back = comity(&["policy", "roll-back", "0", "--data", &data]);
    assert!(back.status.success() && told(&back).contains("version 2 is in force"), "{back:?}");
    let explained = told(&comity(&[&["policy", "explain", "--key", "gus"], &lamp[..]].concat()));
    assert!(explained.contains("refused: no policy permits it"), "{explained}");
    let none = comity(&["policy", "roll-back", "7", "--data", &data]);
    assert!(told(&none).contains("there is no version 7"), "{none:?}");
}

#[test]
fn files_are_checked_and_tested_without_a_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = file("good.cedar", GUESTS);
    let bad = file("bad.cedar", "permit (principal, action,\n  resoruce);");
    let table = |permitted: bool| {
        format!(
            "[[expect]]\ncaller = {{ name = \"gus\", roles = [\"guest\"] }}\naction = \"read\"\n\
             entity = {{ id = \"urn:x:1\", types = [\"Lamp\"] }}\npermitted = {permitted}\n"
        )
    };
    let (met, unmet) = (file("met.toml", &table(true)), file("unmet.toml", &table(false)));
    let run = |args: &[&str]| {
        let output = comity(&[&["policy"], args].concat());
        (output.status.success(), told(&output))
    };
    assert_eq!(run(&["check", &good]), (true, "the policies are valid\n".to_owned()));
    let (ok, said) = run(&["check", &good, &bad]);
    assert!(!ok && said.contains("bad.cedar:2:"), "{said}");
    assert!(run(&["test", &good, &met]).0);
    let (ok, said) = run(&["test", &good, &unmet]);
    assert!(!ok && said.contains("expected refused"), "{said}");
    let (ok, said) = run(&[
        "explain",
        &good,
        "--role",
        "guest",
        "--action",
        "read",
        "--entity",
        "urn:x:1",
        "--type",
        "Lamp",
        "--attribute",
        "level=1",
        "--attribute",
        "secret=2",
    ]);
    assert!(ok && said.contains("level: permitted by `guests-see-lamps`"), "{said}");
    assert!(said.contains("secret: forbidden by `not-what-is-secret`"), "{said}");
}
