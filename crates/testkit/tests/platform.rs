//! A platform in memory: what one writes, others read.

use std::time::Duration;

use broker::{BrokerError, Clock};
use model::Tenant;
use testkit::notation::{change, id, show};
use testkit::platform;

#[tokio::test]
async fn what_a_writer_writes_a_reader_reads() {
    let platform = platform();
    let (broker, tenant) = (&platform.broker, Tenant::default());
    broker.change(&platform.writer, change("create urn:a Lamp a=1")).await.expect("a create");
    platform.clock.advance(Duration::from_secs(5));
    broker.change(&platform.writer, change("append urn:a b=2")).await.expect("an append");
    let entity = broker.retrieve(&platform.reader, &tenant, &id("urn:a")).await;
    let entity = entity.expect("an answer").expect("the entity");
    assert_eq!(show(&entity), "urn:a Lamp a=1 b=2");
    assert_eq!(entity.modified_at, platform.clock.now());
    assert_eq!(entity.modified_at.0 - entity.created_at.0, 5_000_000);
}

#[tokio::test]
async fn a_reader_may_not_write() {
    let platform = platform();
    let refused = platform.broker.change(&platform.reader, change("create urn:a Lamp")).await;
    assert!(matches!(refused, Err(BrokerError::Denied(_))));
}
