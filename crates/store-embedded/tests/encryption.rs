//! Encryption at rest: nothing of a tenant lies in plain, and a shredded tenant never was.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};

use keyring::{
    Algorithm, KEYS_FILE, KeyringSettings, MasterKey, MasterKeySource, MasterKeySource::File,
};
use model::{Change, Operation, Tenant, Timestamp};
use policy::{Policy, role};
use query::{Filter, Query};
use store::{Discover, DocumentKey, DocumentRange, Position, Retrieve, Store};
use store_embedded::{EmbeddedSettings, EmbeddedStore, EncryptionSettings, OpenError, verify};
use testkit::{caller, notation};

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn source(&self) -> MasterKeySource {
        File(self.directory.path().join("master"))
    }

    fn keys(&self) -> KeyringSettings {
        let (directory, source) = (self.data(), self.source());
        KeyringSettings { directory, source, algorithm: Algorithm::default(), now: 1 }
    }

    fn settings(&self, is_on: bool) -> EmbeddedSettings {
        let encryption = match is_on {
            true => EncryptionSettings::On(self.keys()),
            false => EncryptionSettings::Off(Some(self.keys())),
        };
        EmbeddedSettings { encryption, disk_reserve_bytes: 0, ..EmbeddedSettings::new(self.data()) }
    }

    fn open(&self) -> EmbeddedStore {
        EmbeddedStore::open(self.settings(true)).unwrap().0
    }
}

const MARKER: &str = "xyzzymarker";
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

/// One entity that bears the marker in its id, scope, text, and link; and a document.
async fn write(store: &EmbeddedStore, owner: &str) {
    let text = format!("Lamp /{MARKER} label={MARKER} street->urn:{MARKER}:1 brightness=7");
    let id = notation::id(&format!("urn:{MARKER}:lamp"));
    let operation = Operation::CreateOrReplace(notation::draft(&text));
    let change = Change { tenant: tenant(owner), id, types: None, operation };
    let permitted = Policy::default().permit(&caller(role::ADMIN), change).unwrap();
    store.commit(vec![permitted], NOW).await.pop().unwrap().unwrap();
    store.put_document(document(owner), Some(MARKER.as_bytes().to_vec())).await.unwrap();
}

fn document(owner: &str) -> DocumentKey {
    DocumentKey { kind: "secret", tenant: tenant(owner), name: format!("{MARKER} of") }
}

/// How much there is of a tenant, by every way of reading.
async fn seen(store: &EmbeddedStore, owner: &str) -> [usize; 6] {
    let permit = caller(role::ADMIN);
    let owner = tenant(owner);
    let id = notation::id(&format!("urn:{MARKER}:lamp"));
    let retrieve = Retrieve { tenant: owner.clone(), id };
    let retrieve = Policy::default().permit(&permit, retrieve).unwrap();
    let query =
        Policy::default().permit(&permit, Query::of(owner.clone(), Filter::Everything)).unwrap();
    let discover = Policy::default().permit(&permit, Discover { tenant: owner.clone() }).unwrap();
    let range = DocumentRange::all("secret", &owner);
    let journal = store.journal(Position(0), 1_000).await.unwrap();
    [
        store.retrieve(retrieve, NOW).await.unwrap().iter().count(),
        store.query(query, NOW).await.unwrap().entities.len(),
        store.census(discover, NOW).await.unwrap().types.len(),
        store.documents(&range).await.unwrap().len(),
        journal.iter().filter(|recorded| recorded.event.tenant == owner).count(),
        usize::from(store.has_tenant(&owner).await.unwrap()),
    ]
}

fn files_with(marker: &str, directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(marker, &path));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        if bytes.windows(marker.len()).any(|window| window == marker.as_bytes()) {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_marker_is_in_no_file_and_is_found_where_encryption_is_off() {
    for is_on in [true, false] {
        let place = Place::new();
        let (store, _) = EmbeddedStore::open(place.settings(is_on)).unwrap();
        write(&store, "north").await;
        // While it is in the journal alone, and when it is in the tables.
        assert_eq!(files_with(MARKER, &place.data()).is_empty(), is_on);
        store.close();
        drop(store);
        assert_eq!(files_with(MARKER, &place.data()).is_empty(), is_on);
        let (store, _) = EmbeddedStore::open(place.settings(is_on)).unwrap();
        assert_eq!(seen(&store, "north").await, [1; 6]);
    }
}

#[tokio::test]
async fn a_shredded_tenant_never_was_and_others_are_whole() {
    let place = Place::new();
    let store = place.open();
    for owner in ["north", "south"] {
        write(&store, owner).await;
    }
    store.settle().await.unwrap();
    write(&store, "north").await;
    let end = *store.journal_end().borrow();
    assert!(store.shred(tenant("north")).await.unwrap());
    assert!(!store.shred(tenant("north")).await.unwrap(), "it is not there any more");
    let mut store = Some(store);
    for _ in 0..2 {
        let now = store.take().unwrap_or_else(|| place.open());
        assert_eq!(seen(&now, "north").await, [0; 6]);
        assert_eq!(seen(&now, "south").await, [1; 6]);
        assert_eq!(*now.journal_end().borrow(), end, "positions stay");
    }
    assert_eq!(verify(place.settings(true), |_| {}).unwrap().problems, [""; 0]);
    let store = place.open();
    write(&store, "north").await;
    assert_eq!(seen(&store, "north").await, [1; 6], "it begins anew, with nothing of the old");
    drop(store);
    assert_eq!(seen(&place.open(), "north").await, [1; 6]);
}

#[tokio::test]
async fn what_is_recovered_from_the_journal_lacks_a_tenant_shredded_before_the_stop() {
    let place = Place::new();
    let copy = place.directory.path().join("copy");
    let store = place.open();
    for owner in ["north", "south"] {
        write(&store, owner).await;
    }
    // As a stop leaves it: nothing is in the tables yet.
    copy_all(&place.data(), &copy);
    store.shred(tenant("north")).await.unwrap();
    fs::copy(place.data().join(KEYS_FILE), copy.join(KEYS_FILE)).unwrap();
    drop(store);
    fs::remove_dir_all(place.data()).unwrap();
    fs::rename(&copy, place.data()).unwrap();
    let (store, opening) = EmbeddedStore::open(place.settings(true)).unwrap();
    assert_eq!(opening.events_recovered, 2);
    assert_eq!(seen(&store, "north").await, [0; 6]);
    assert_eq!(seen(&store, "south").await, [1; 6]);
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[tokio::test]
async fn without_its_master_key_a_directory_does_not_open() {
    let place = Place::new();
    let store = place.open();
    write(&store, "north").await;
    let wanted = store.keyring().unwrap().status().unwrap().master.to_string();
    drop(store);
    let File(path) = place.source() else { unreachable!() };
    let right = fs::read(&path).unwrap();
    fs::write(&path, "5a".repeat(32)).unwrap();
    let told = EmbeddedStore::open(place.settings(true)).unwrap_err().to_string();
    assert!(told.contains(&wanted), "{told}");
    let plain = EmbeddedSettings::new(place.data());
    assert!(matches!(EmbeddedStore::open(plain), Err(OpenError::Encrypted)));
    fs::write(&path, right).unwrap();
    assert_eq!(seen(&place.open(), "north").await, [1; 6]);
    assert!(MasterKey::parse("5a").is_err());
}

#[tokio::test]
async fn keys_are_rotated_while_others_write_and_encryption_can_be_turned_off_and_on() {
    let place = Place::new();
    let store = place.open();
    write(&store, "north").await;
    let keyring = store.keyring().unwrap().clone();
    let rotating = tokio::task::spawn_blocking(move || {
        keyring.rotate_master().unwrap();
        keyring.rotate_all().unwrap()
    });
    for owner in ["south", "east", "west"] {
        write(&store, owner).await;
    }
    assert!(rotating.await.unwrap() >= 2);
    write(&store, "southeast").await;
    drop(store);
    for is_on in [false, true, false] {
        let (store, _) = EmbeddedStore::open(place.settings(is_on)).unwrap();
        write(&store, "northwest").await;
        for owner in ["north", "south", "east", "west", "southeast"] {
            assert_eq!(seen(&store, owner).await, [1; 6], "{owner}");
        }
    }
    let store = EmbeddedStore::open(place.settings(false)).unwrap().0;
    let told = store.shred(tenant("north")).await.unwrap_err().to_string();
    assert!(told.contains("encryption at rest is off"), "{told}");
}
