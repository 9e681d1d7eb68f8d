//! Before a request reaches the doors: the keys that its token needs are there, or were asked for.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use identity::oidc::is_token;
use ngsi_ld::bearer;

use super::Providers;

/// Doors judge tokens without waiting. Whoever brings one that is signed with a key not known yet
/// waits here while it is fetched, for a while; nobody else does.
pub async fn prepare(
    State(providers): State<Arc<Providers>>,
    request: Request,
    next: Next,
) -> Response {
    let token = bearer(request.headers()).filter(|bearer| is_token(bearer));
    let provider = token.and_then(|token| providers.to_ask(token)).cloned();
    if let Some(provider) = provider {
        provider.ask().await;
    }
    next.run(request).await
}
