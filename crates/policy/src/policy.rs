//! The rules in force, which can be replaced while others are judged by them.

use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use crate::cedar::{Policies, Sources};

/// The rules in force. Clones share them: where they are replaced, all clones follow at once.
#[derive(Clone, Debug)]
pub struct Policy {
    current: Arc<RwLock<InForce>>,
}

/// Policies and which version of them it is.
#[derive(Clone, Debug)]
pub struct InForce {
    pub policies: Arc<Policies>,
    /// 0 for those a platform begins with.
    pub version: u64,
}

static DEFAULTS: LazyLock<Arc<Policies>> = LazyLock::new(|| {
    let unknown = |term: &str| Err(format!("`{term}` is not known here"));
    let defaults = Policies::load(&Sources::defaults(), &unknown);
    Arc::new(defaults.expect("the built-in policies are valid, which a test shows"))
});

impl Policy {
    pub fn new(policies: Arc<Policies>, version: u64) -> Policy {
        Policy { current: Arc::new(RwLock::new(InForce { policies, version })) }
    }

    /// Puts other policies in force. What was permitted before is finished under the old ones.
    pub fn replace(&self, policies: Arc<Policies>, version: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = InForce { policies, version };
    }

    pub fn in_force(&self) -> InForce {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Policy {
    /// The policies that a platform begins with.
    fn default() -> Policy {
        Policy::new(DEFAULTS.clone(), 0)
    }
}
