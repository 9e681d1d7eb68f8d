//! Small documents that are not entities.

use super::Home;
use super::trial::Trial;
use crate::DocumentRange;

pub(super) async fn a_document_is_kept_replaced_and_removed(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    assert_eq!(trial.document("context", "a").await, None);
    trial.put_document("context", "a", Some("1")).await;
    assert_eq!(trial.document("context", "a").await.as_deref(), Some("1"));
    trial.put_document("context", "a", Some("")).await;
    assert_eq!(trial.document("context", "a").await.as_deref(), Some(""));
    trial.put_document("context", "a", None).await;
    assert_eq!(trial.document("context", "a").await, None);
    trial.put_document("context", "a", None).await;
}

pub(super) async fn documents_stand_by_name(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let north = trial.within("north");
    for (name, text) in [("b/2", "2"), ("a", "1"), ("", "0"), ("http://x.org/c#ä", "3")] {
        trial.put_document("context", name, Some(text)).await;
    }
    trial.put_document("key", "k", Some("4")).await;
    north.put_document("context", "n", Some("5")).await;
    assert_eq!(list(&trial, "context").await, "=0 a=1 b/2=2 http://x.org/c#ä=3");
    assert_eq!(list(&trial, "key").await, "k=4");
    assert_eq!(list(&north, "context").await, "n=5");
    assert_eq!(list(&north, "key").await, "");
    assert_eq!(list(&trial, "contex").await, "");
    trial.put_document("context", "a", None).await;
    assert_eq!(list(&trial, "context").await, "=0 b/2=2 http://x.org/c#ä=3");
    assert_eq!(north.document("context", "b/2").await, None);
    assert_eq!(trial.document("key", "b/2").await, None);
}

pub(super) async fn documents_are_read_in_parts(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    for name in ["a", "b/1", "b/2", "b/3", "b", "c", "b\n1"] {
        trial.put_document("letter", name, Some("x")).await;
    }
    let all = DocumentRange::all("letter", &trial.tenant);
    let part = |prefix: &str, after: Option<&str>, limit| DocumentRange {
        prefix: prefix.to_owned(),
        after: after.map(str::to_owned),
        limit,
        ..all.clone()
    };
    assert_eq!(names(&trial, &part("b/", None, 9)).await, "b/1 b/2 b/3");
    assert_eq!(names(&trial, &part("b/", None, 2)).await, "b/1 b/2");
    assert_eq!(names(&trial, &part("b/", Some("b/1"), 1)).await, "b/2");
    assert_eq!(names(&trial, &part("b/", Some("b/3"), 1)).await, "");
    assert_eq!(names(&trial, &part("b/", Some("a"), 9)).await, "b/1 b/2 b/3");
    assert_eq!(names(&trial, &part("b/", Some("c"), 9)).await, "");
    assert_eq!(names(&trial, &part("", Some("b/15"), 9)).await, "b/2 b/3 c");
    assert_eq!(names(&trial, &part("", Some("b"), 1)).await, "b\n1");
    assert_eq!(names(&trial, &part("", None, 0)).await, "");
}

pub(super) async fn documents_are_not_entities(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial.put_document("context", "urn:a", Some("1")).await;
    assert_eq!(trial.shown("urn:a").await, "-");
    assert_eq!(trial.census().await, "");
    assert_eq!(trial.history().await, [""; 0]);
}

pub(super) async fn a_document_may_be_a_megabyte(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let text = "context ".repeat(1 << 17);
    trial.put_document("context", "a", Some(&text)).await;
    assert!(trial.document("context", "a").await == Some(text));
}

async fn names(trial: &Trial, range: &DocumentRange) -> String {
    let found = trial.store.documents(range).await.expect("documents");
    found.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

async fn list(trial: &Trial, kind: &'static str) -> String {
    let range = DocumentRange::all(kind, &trial.tenant);
    let found = trial.store.documents(&range).await.expect("documents");
    let shown =
        found.iter().map(|(name, bytes)| format!("{name}={}", String::from_utf8_lossy(bytes)));
    shown.collect::<Vec<_>>().join(" ")
}
