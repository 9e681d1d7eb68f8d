//! The reference store passes the suite that it is the reference for.

use testkit::MemoryHome;

async fn memory() -> MemoryHome {
    MemoryHome::default()
}

store::contract_tests!(memory);
