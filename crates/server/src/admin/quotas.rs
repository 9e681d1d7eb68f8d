//! What a tenant may have and send. Whoever administers one tenant alone sees it, and sets none of
//! it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use model::Tenant;
use policy::Policy;
use serde_json::{Value, json};
use store::Discover;

use super::{Admin, Refused, respond, respond_noted, unavailable};
use crate::platform::operator;
use crate::quotas::Quotas;
use crate::recording::Note;

pub(super) async fn show(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    let answer = async {
        let tenant = admin.tenant(&head)?;
        let quotas = admin.quotas.of(&tenant).await.map_err(unavailable)?;
        told(&admin, tenant, &quotas).await
    };
    respond(answer.await)
}

pub(super) async fn put(State(admin): State<Arc<Admin>>, head: Parts, body: Bytes) -> Response {
    let answer = async {
        let problem = "quotas are set by who administers every tenant; your key opens one of them";
        admin.everywhere(&head, problem)?;
        let tenant = admin.tenant(&head)?;
        let quotas = Quotas::read(&body).map_err(|problem| (StatusCode::BAD_REQUEST, problem))?;
        admin.quotas.put(&tenant, &quotas).await.map_err(unavailable)?;
        let told = told(&admin, tenant, &quotas).await?;
        let note = Note::default().with("quotas", &told["quotas"]);
        Ok((told, note))
    };
    respond_noted(answer.await)
}

async fn told(admin: &Admin, tenant: Tenant, quotas: &Quotas) -> Result<Value, Refused> {
    // What a tenant has is counted whole, whatever of it whoever administers may see.
    let permitted = Policy::default().permit(&operator(), Discover { tenant: tenant.clone() });
    let permitted = permitted.map_err(|denied| (StatusCode::FORBIDDEN, denied.to_string()))?;
    let used = admin.quotas.used(&tenant, permitted).await.map_err(unavailable)?;
    Ok(json!({"quotas": quotas, "used": used}))
}
