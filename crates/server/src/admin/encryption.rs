//! Keys of encryption at rest, and the end of a tenant.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use keyring::{Keyring, KeyringError};
use model::Tenant;
use serde_json::{Value, json};

use super::{Admin, Refused, respond, respond_noted, unavailable};
use crate::clock::SystemClock;
use crate::recording::Note;
use crate::retention;

/// Why whoever administers one tenant may not.
const OF_ALL: &str =
    "keys are in the hands of who administers every tenant; yours opens one of them";

pub async fn status(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    let answer = async {
        admin.everywhere(&head, OF_ALL)?;
        let status = keyring(&admin)?.status().map_err(failed)?;
        let tenant = |domain| admin.embedded.tenant_of(domain).map(|one| one.as_str().to_owned());
        let keys = status.keys.iter().map(|key| {
            let keyring::KeyStatus { domain, version, algorithm, made_at } = *key;
            let (tenant, algorithm) = (tenant(domain), algorithm.name());
            json!({
                "domain": domain, "tenant": tenant, "version": version, "algorithm": algorithm,
                "madeAt": made_at
            })
        });
        let gone = status.gone.iter();
        let gone = gone.map(|(domain, at)| json!({ "domain": domain, "shreddedAt": at }));
        Ok(json!({
            "masterKey": status.master.to_string(),
            "keys": keys.collect::<Vec<_>>(),
            "shredded": gone.collect::<Vec<_>>(),
        }))
    };
    respond(answer.await)
}

pub async fn rotate_master(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    let answer = async {
        admin.everywhere(&head, OF_ALL)?;
        let rotated = on_keys(&admin, |keys| keys.rotate_master()).await?;
        let (from, to) = (rotated.from.to_string(), rotated.to.to_string());
        let note = Note::default().with("from", &from).with("to", &to);
        let kept = rotated.kept.map(|kept| kept.display().to_string());
        Ok((json!({ "from": from, "to": to, "oldKeyFile": kept }), note))
    };
    respond_noted(answer.await)
}

pub async fn rotate_data(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    let answer = async {
        admin.everywhere(&head, OF_ALL)?;
        let rotated = on_keys(&admin, |keys| keys.rotate_all()).await?;
        Ok((json!({ "rotated": rotated }), Note::default().with("rotated", rotated)))
    };
    respond_noted(answer.await)
}

/// The body repeats the name: `{"tenant": "north"}`.
pub async fn shred(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    head: Parts,
    body: Bytes,
) -> Response {
    let answer = async {
        admin.everywhere(&head, OF_ALL)?;
        let tenant = Tenant::parse(&name);
        let tenant = tenant.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if body["tenant"] != *tenant.as_str() {
            let problem = "there is no way back: repeat the name of the tenant in the body, as \
                           {\"tenant\": \"NAME\"}";
            return Err((StatusCode::BAD_REQUEST, problem.to_owned()).into());
        }
        end(&admin, &tenant).await?;
        Ok((json!({ "shredded": name }), Note::default().with("tenant", &name)))
    };
    respond_noted(answer.await)
}

/// Its subscriptions end first, so that nobody is told what is gone a moment later.
async fn end(admin: &Admin, tenant: &Tenant) -> Result<(), Refused> {
    if !admin.embedded.is_encrypting() || tenant.is_default() {
        // It says why not.
        admin.embedded.shred(tenant.clone()).await.map_err(unavailable)?;
    }
    if !admin.store.has_tenant(tenant).await.map_err(unavailable)? {
        let problem = format!("there is no tenant `{}`", tenant.as_str());
        return Err((StatusCode::NOT_FOUND, problem).into());
    }
    let now = broker::Clock::now(&SystemClock);
    admin.subscriptions.delete_all(tenant, now).await.map_err(unavailable)?;
    retention::remove_rules(&*admin.store, tenant).await.map_err(unavailable)?;
    admin.embedded.shred(tenant.clone()).await.map_err(unavailable)?;
    Ok(())
}

fn keyring(admin: &Admin) -> Result<&Arc<Keyring>, Refused> {
    admin.embedded.keyring().ok_or_else(|| {
        let problem = "encryption at rest is off: there are no keys";
        (StatusCode::CONFLICT, problem.to_owned()).into()
    })
}

/// It waits for the disk, and for a command where the master key comes from one.
async fn on_keys<T: Send + 'static>(
    admin: &Admin,
    work: impl FnOnce(&Keyring) -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, Refused> {
    let keyring = keyring(admin)?.clone();
    match tokio::task::spawn_blocking(move || work(&keyring)).await {
        Ok(done) => done.map_err(failed),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into()),
    }
}

fn failed(error: KeyringError) -> Refused {
    match error {
        KeyringError::NoNext(_) => (StatusCode::CONFLICT, error.to_string()).into(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into(),
    }
}
