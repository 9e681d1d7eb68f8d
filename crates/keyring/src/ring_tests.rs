//! Keyrings in a directory of their own.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::disk::{self, beside};

const FILE: FileId = [7; 16];

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(place.data()).unwrap();
        place
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("data.key")
    }

    fn try_open(&self, algorithm: Algorithm) -> Result<Keyring, KeyringError> {
        let source = MasterKeySource::File(self.key());
        Keyring::open(KeyringSettings { directory: self.data(), source, algorithm, now: 1_000 })
    }

    fn open(&self) -> Keyring {
        self.try_open(Algorithm::default()).unwrap()
    }

    fn keys(&self) -> String {
        fs::read_to_string(self.data().join(KEYS_FILE)).unwrap()
    }
}

fn seal(keyring: &Keyring, domain: Domain, text: &str) -> Vec<u8> {
    let mut sealed = Vec::new();
    keyring.seal(domain, &FILE, b"here", text.as_bytes(), &mut sealed).unwrap();
    sealed
}

fn open(keyring: &Keyring, domain: Domain, sealed: &[u8]) -> Result<Option<String>, KeyringError> {
    let mut out = b"kept ".to_vec();
    let opened = keyring.open_message(domain, &FILE, b"here", sealed, &mut out)?;
    let text = String::from_utf8(out).unwrap();
    Ok((opened == Opened::Plain).then(|| text["kept ".len()..].to_owned()))
}

#[test]
fn what_was_sealed_opens_after_a_restart_too_and_is_nowhere_in_plain() {
    for algorithm in Algorithm::ALL {
        let place = Place::new();
        let keyring = place.try_open(algorithm).unwrap();
        let sealed = seal(&keyring, 3, "a secret of three");
        assert_eq!(sealed.len(), "a secret of three".len() + crate::OVERHEAD_BYTES);
        assert_eq!(sealed[..2], [1, algorithm.code()]);
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_ne!(seal(&keyring, 3, "same"), seal(&keyring, 3, "same"));
        drop(keyring);
        let keyring = place.try_open(algorithm).unwrap();
        assert_eq!(open(&keyring, 3, &sealed).unwrap().unwrap(), "a secret of three");
    }
}

#[test]
fn a_message_opens_in_its_place_and_whole_or_not_at_all() {
    let place = Place::new();
    let keyring = place.open();
    let sealed = seal(&keyring, 3, "text");
    seal(&keyring, 4, "so that there is a key");
    let mut out = Vec::new();
    for (domain, file, context) in
        [(4, FILE, &b"here"[..]), (3, [8; 16], b"here"), (3, FILE, b"elsewhere")]
    {
        let opened = keyring.open_message(domain, &file, context, &sealed, &mut out);
        assert!(matches!(opened, Err(KeyringError::Altered(_))), "{opened:?}");
    }
    for at in 0..sealed.len() * 8 {
        let mut damaged = sealed.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        open(&keyring, 3, &damaged).unwrap_err();
    }
    for length in 0..sealed.len() {
        open(&keyring, 3, &sealed[..length]).unwrap_err();
    }
    assert!(out.is_empty());
}

#[test]
fn another_master_key_is_refused_and_the_wanted_one_named() {
    let place = Place::new();
    let wanted = place.open().status().unwrap().master.to_string();
    let right = fs::read(place.key()).unwrap();
    fs::remove_file(place.key()).unwrap();
    let told = place.try_open(Algorithm::default()).unwrap_err().to_string();
    assert!(told.contains(&wanted) && told.contains("has none"), "{told}");
    key_file::write(&place.key(), &MasterKey::fresh().unwrap()).unwrap();
    let told = place.try_open(Algorithm::default()).unwrap_err().to_string();
    assert!(told.contains(&wanted), "{told}");
    fs::write(place.key(), right).unwrap();
    place.open();
}

/// Writes the file anew with its sum, and as whoever has the master key would, with its `mac`.
fn forge(place: &Place, body: &str, with_mac: bool) {
    let text = body.split("sum ").next().unwrap();
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut text = format!("{text}sum {}\n", hex(sum.as_ref()));
    let master = key_file::read(&place.key()).unwrap().unwrap();
    let key = master.authentication().unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key[..]);
    let mac = aws_lc_rs::hmac::sign(&key, text.as_bytes());
    let mac = if with_mac { hex(mac.as_ref()) } else { "0".repeat(64) };
    text.push_str(&format!("mac {mac}\n"));
    fs::write(place.data().join(KEYS_FILE), text).unwrap();
}

#[test]
fn keys_that_were_swapped_between_tenants_are_refused() {
    let place = Place::new();
    let keyring = place.open();
    (3..5).for_each(|domain| drop(seal(&keyring, domain, "text")));
    let whole = place.keys();
    let swapped: String = whole
        .lines()
        .map(|line| match line.strip_prefix("key ").and_then(|rest| rest.split_once(' ')) {
            Some(("3", rest)) => format!("key 4 {rest}\n"),
            Some(("4", rest)) => format!("key 3 {rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let check = |expected: &str| {
        let told = place.try_open(Algorithm::default()).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    };
    fs::write(place.data().join(KEYS_FILE), &swapped).unwrap();
    check("does not match its checksum");
    forge(&place, &swapped, false);
    check("altered by someone without the master key");
    // Even so each key tells whose it is.
    forge(&place, &swapped, true);
    check("is not understood");
    forge(&place, &whole, true);
    place.open();
}

#[test]
fn any_flipped_byte_of_the_file_shows() {
    let place = Place::new();
    seal(&place.open(), 3, "text");
    let whole = fs::read(place.data().join(KEYS_FILE)).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(place.data().join(KEYS_FILE), &damaged).unwrap();
        assert!(place.try_open(Algorithm::default()).is_err(), "byte {at}");
    }
}

#[test]
fn a_shredded_domain_is_gone_for_good_and_others_are_whole() {
    let place = Place::new();
    let keyring = place.open();
    let (sealed, other) = (seal(&keyring, 3, "three"), seal(&keyring, 4, "four"));
    let wrapped = place.keys().lines().find(|line| line.starts_with("key 3 ")).unwrap().to_owned();
    assert!(keyring.shred(3).unwrap());
    assert!(!keyring.shred(3).unwrap());
    assert!(!place.keys().contains(&wrapped));
    let later = seal(&keyring, 3, "written by who did not know");
    let check = |keyring: &Keyring| {
        assert!(keyring.is_gone(3) && !keyring.is_gone(4));
        assert_eq!(open(keyring, 3, &sealed).unwrap(), None);
        assert_eq!(open(keyring, 3, &later).unwrap(), None);
        assert_eq!(open(keyring, 4, &other).unwrap().unwrap(), "four");
    };
    check(&keyring);
    check(&place.open());
    assert_eq!(fs::read_dir(place.data()).unwrap().count(), 1, "no old copy of the file is left");
}

#[test]
fn what_an_interrupted_replacement_left_is_overwritten() {
    let place = Place::new();
    seal(&place.open(), 3, "text");
    let path = place.data().join(KEYS_FILE);
    // A second name of the file in force: it must not be harmed.
    fs::hard_link(&path, beside(&path, file::OLD)).unwrap();
    fs::write(beside(&path, file::NEW), "half a fi").unwrap();
    place.open();
    assert_eq!(fs::read_dir(place.data()).unwrap().count(), 1);
}

#[test]
fn keys_of_data_are_rotated_when_they_are_old_and_the_old_still_open() {
    let place = Place::new();
    let keyring = place.open();
    let old = seal(&keyring, 3, "old");
    assert_eq!(keyring.rotate_due(1_099, 100).unwrap(), 0);
    assert_eq!(keyring.rotate_due(9_999, 0).unwrap(), 0);
    assert_eq!(keyring.rotate_due(1_100, 100).unwrap(), 2);
    let new = seal(&keyring, 3, "new");
    assert_eq!((old[2], new[2]), (1, 2));
    let versions = keyring.status().unwrap().keys.into_iter().filter(|key| key.domain == 3);
    let versions: Vec<_> = versions.map(|key| (key.version, key.made_at)).collect();
    assert_eq!(versions, [(1, 1_000), (2, 1_100)]);
    drop(keyring);
    let keyring = place.try_open(Algorithm::ChaCha20Poly1305).unwrap();
    assert_eq!(keyring.rotate_due(1_100, 0).unwrap(), 2, "another algorithm was asked for");
    let newest = seal(&keyring, 3, "newest");
    for (sealed, text) in [(old, "old"), (new, "new"), (newest, "newest")] {
        assert_eq!(open(&keyring, 3, &sealed).unwrap().unwrap(), text);
    }
}

#[test]
fn the_master_key_is_rotated_while_others_write() {
    let place = Place::new();
    let keyring = place.open();
    let sealed = seal(&keyring, 3, "text");
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            (10..40).for_each(|domain| drop(seal(&keyring, domain, "text")));
        });
        let old = fs::read(place.key()).unwrap();
        let Rotated { from, to, .. } = keyring.rotate_master().unwrap();
        assert!(from != to && fs::read(place.key()).unwrap() != old);
        writing.join().unwrap();
    });
    let keyring = place.open();
    assert_eq!(open(&keyring, 3, &sealed).unwrap().unwrap(), "text");
    assert_eq!(keyring.status().unwrap().keys.len(), 32);
}

#[test]
fn a_rotation_that_was_interrupted_is_finished_at_the_next_start() {
    let place = Place::new();
    let keyring = place.open();
    let old = fs::read(place.key()).unwrap();
    let Rotated { to, .. } = keyring.rotate_master().unwrap();
    drop(keyring);
    // As when the process stopped before the key took its place.
    fs::rename(place.key(), key_file::of(&place.key(), Which::Next)).unwrap();
    fs::write(place.key(), &old).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(place.key(), mode).unwrap();
    assert_eq!(place.open().status().unwrap().master, to);
    assert_eq!(place.open().status().unwrap().master, to);
    assert!(!key_file::of(&place.key(), Which::Next).exists());
}

#[test]
fn a_key_that_is_missing_is_told_from_one_that_was_destroyed() {
    let place = Place::new();
    let keyring = place.open();
    let backup = place.keys();
    let sealed = seal(&keyring, 3, "text");
    drop(keyring);
    fs::write(place.data().join(KEYS_FILE), backup).unwrap();
    let told = open(&place.open(), 3, &sealed).unwrap_err().to_string();
    assert!(told.contains("restore the file `keys`"), "{told}");
}

#[test]
fn what_replaces_the_file_of_api_keys_beside_it_is_left_alone() {
    let place = Place::new();
    let keyring = place.open();
    // As while another process replaces `keys.toml`, under a lock of its own.
    let theirs = place.data().join("keys.toml").with_extension("new");
    fs::write(&theirs, "[[keys]]").unwrap();
    let sealed = seal(&keyring, 3, "three");
    keyring.shred(4).unwrap();
    keyring.rotate_all().unwrap();
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "[[keys]]");
    drop(keyring);
    assert_eq!(open(&place.open(), 3, &sealed).unwrap().unwrap(), "three");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "[[keys]]");
}

#[test]
fn what_must_not_be_lost_is_refused_for_a_shredded_domain() {
    let place = Place::new();
    let keyring = place.open();
    let mut out = b"kept".to_vec();
    keyring.seal_kept(3, &FILE, b"here", b"text", &mut out).unwrap();
    assert_eq!(open(&keyring, 3, &out[4..]).unwrap().unwrap(), "text");
    keyring.shred(3).unwrap();
    let length = out.len();
    let told = keyring.seal_kept(3, &FILE, b"here", b"text", &mut out);
    assert!(matches!(told, Err(KeyringError::Gone(3))), "{told:?}");
    assert_eq!(out.len(), length);
    let later = seal(&keyring, 3, "a block of a table");
    assert_eq!(open(&keyring, 3, &later).unwrap(), None);
}

/// Waits for what another thread is about to do.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it did not come to pass");
}

#[test]
fn readers_look_for_shredded_domains_before_there_is_one() {
    let place = Place::new();
    let keyring = place.open();
    seal(&keyring, 3, "text");
    std::thread::scope(|scope| {
        let entries = keyring.entries();
        let shredding = scope.spawn(|| keyring.shred(3).unwrap());
        // The file says so; the entries cannot yet, as they are held here.
        wait_until(|| place.keys().contains("\ngone 3 "));
        let any_gone = keyring.any_gone.load(Ordering::Acquire);
        drop(entries);
        assert!(shredding.join().unwrap());
        assert!(any_gone);
    });
}

#[test]
fn the_status_does_not_wait_for_the_command_of_a_rotation() {
    let place = Place::new();
    let at = place.directory.path();
    let script = format!(
        "if [ $COMITY_MASTER_KEY = current ]; then echo {}; exit; fi\n\
         cd {}; touch asked; while [ ! -e go ]; do sleep 0.05; done; echo {}\n",
        "a5".repeat(32),
        at.display(),
        "5a".repeat(32)
    );
    fs::write(at.join("script"), script).unwrap();
    let line = format!("sh {}", at.join("script").display());
    let source = MasterKeySource::Command { line, wrapped: None };
    let (directory, algorithm) = (place.data(), Algorithm::default());
    let settings = KeyringSettings { directory, source, algorithm, now: 1_000 };
    let keyring = Keyring::open(settings).unwrap();
    let before = keyring.status().unwrap().master;
    std::thread::scope(|scope| {
        let rotating = scope.spawn(|| keyring.rotate_master().unwrap());
        wait_until(|| at.join("asked").exists());
        let (done, told) = std::sync::mpsc::sync_channel(1);
        let keyring = &keyring;
        scope.spawn(move || done.send(keyring.status().unwrap().master));
        let master = told.recv_timeout(std::time::Duration::from_secs(5));
        fs::write(at.join("go"), "").unwrap();
        let rotated = rotating.join().unwrap();
        assert_eq!(master, Ok(before));
        assert_eq!(rotated.from, before);
        assert_eq!(keyring.status().unwrap().master, rotated.to);
    });
}

#[test]
fn a_backup_made_before_the_master_key_was_rotated_opens_with_the_key_that_was_kept() {
    let place = Place::new();
    let keyring = place.open();
    let sealed = seal(&keyring, 3, "text");
    let backup = place.keys();
    let Rotated { from, kept, .. } = keyring.rotate_master().unwrap();
    let kept = kept.unwrap();
    assert_eq!(kept, beside(&place.key(), &format!(".{from}")));
    let keyring = Place::new();
    fs::write(keyring.data().join(KEYS_FILE), backup).unwrap();
    fs::copy(&kept, keyring.key()).unwrap();
    assert_eq!(open(&keyring.open(), 3, &sealed).unwrap().unwrap(), "text");
}

#[test]
fn keys_live_where_there_are_no_hard_links() {
    disk::trial::HAS_LINKS.set(false);
    let place = Place::new();
    let keyring = place.open();
    let (sealed, other) = (seal(&keyring, 3, "three"), seal(&keyring, 4, "four"));
    keyring.rotate_master().unwrap();
    keyring.shred(4).unwrap();
    let keyring = place.open();
    assert_eq!(open(&keyring, 3, &sealed).unwrap().unwrap(), "three");
    assert_eq!(open(&keyring, 4, &other).unwrap(), None);
    assert_eq!(fs::read_dir(place.data()).unwrap().count(), 1);
}

#[test]
fn what_an_interrupted_promotion_left_goes_at_the_next_start() {
    let place = Place::new();
    drop(place.open());
    fs::copy(place.key(), beside(&place.key(), ".old")).unwrap();
    place.open();
    assert!(!beside(&place.key(), ".old").exists());
}

#[test]
fn a_key_more_costs_three_syncs_and_leaves_the_others_as_they_are() {
    let place = Place::new();
    let keyring = place.open();
    let system = |place: &Place| {
        let keys = place.keys();
        keys.lines().find(|line| line.starts_with("key 0 1 ")).unwrap().to_owned()
    };
    let wrapped = system(&place);
    let before = disk::trial::SYNCS.get();
    seal(&keyring, 3, "text");
    assert_eq!(disk::trial::SYNCS.get() - before, 3);
    assert_eq!(system(&place), wrapped);
    drop(keyring);
    let keyring = place.open();
    let sealed = seal(&keyring, 4, "text");
    assert_eq!(system(&place), wrapped);
    keyring.rotate_master().unwrap();
    assert_ne!(system(&place), wrapped);
    seal(&keyring, 5, "text");
    assert_eq!(open(&place.open(), 4, &sealed).unwrap().unwrap(), "text");
}
