//! A request's caller is found out once, before all doors, and told to each that asks.

use std::sync::Arc;

use http::{Extensions, HeaderMap};
use ngsi_ld::{Authenticate, Unauthenticated};
use policy::Caller;

tokio::task_local! {
    static CALLER: Result<Caller, Unauthenticated>;
}

/// Asks once for each request, so that a refused attempt counts as one.
pub struct OncePerRequest(pub Arc<dyn Authenticate>);

impl Authenticate for OncePerRequest {
    /// Of the request that is being answered here and now; what outlives its request, such as a
    /// stream, asks anew.
    fn authenticate(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Caller, Unauthenticated> {
        let known = CALLER.try_with(Clone::clone);
        known.unwrap_or_else(|_| self.0.authenticate(headers, extensions))
    }
}

/// Answers a request, of which it is known who sent it.
pub async fn with<T>(
    caller: Result<Caller, Unauthenticated>,
    answering: impl Future<Output = T>,
) -> T {
    CALLER.scope(caller, answering).await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Authenticate for Counting {
        fn authenticate(&self, _: &HeaderMap, _: &Extensions) -> Result<Caller, Unauthenticated> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(Unauthenticated::Missing)
        }
    }

    #[tokio::test]
    async fn within_a_request_nobody_is_asked_again() {
        let counting = Arc::new(Counting::default());
        let once = Arc::new(OncePerRequest(counting.clone()));
        let headers = HeaderMap::new();
        let caller = once.authenticate(&headers, &Extensions::new());
        let within = once.clone();
        let again = with(Err(Unauthenticated::Unknown), async move {
            let again = within.authenticate(&HeaderMap::new(), &Extensions::new());
            // A task of its own is no part of the request.
            let other =
                tokio::spawn(
                    async move { within.authenticate(&HeaderMap::new(), &Extensions::new()) },
                );
            (again, other.await.unwrap())
        });
        let (again, other) = again.await;
        assert_eq!(caller.unwrap_err(), Unauthenticated::Missing);
        assert_eq!(again.unwrap_err(), Unauthenticated::Unknown);
        assert_eq!(other.unwrap_err(), Unauthenticated::Missing);
        assert_eq!(counting.0.load(Ordering::Relaxed), 2);
    }
}
