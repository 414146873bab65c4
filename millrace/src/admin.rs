//! `millrace admin`: serves repairs to operators who have nothing but the nats CLI, as a NATS micro service.
//!
//! | request | what it does |
//! |---|---|
//! | `millrace.admin.dead.list`, `.show`, `.replay`, `.discard` | what `millrace dead` does |
//! | `millrace.admin.order` | the whole history of one order |
//! | `millrace.admin.cancel` | requests the cancellation of an order |
//! | `millrace.admin.audit` | what `millrace audit` does, in several replies |
//!
//! Requests and replies are JSON objects. What changes something is recorded in the stream `ADMIN` before and after.

mod audit;
mod cancel;
mod change;
mod config;
mod context;
mod dead;
mod lane_reading;
mod letter_selection;
mod members;
mod order;
mod order_events;
mod order_id;
mod refusal;
mod sequence_ranges;
mod serve;

use anyhow::{Context as _, Result};
use serde_json::json;
use streams::{
    AdminRecords, Connection, RequestStream, Service, ServiceError, Topology, ensure_admin_records,
    subjects,
};
use tokio::time::sleep;

pub use config::AdminConfig;
use context::Context;
use serve::serve;

use crate::limits::ADMIN_DRAIN_TIMEOUT;
use crate::prepare;
use crate::runtime::runtime;
use crate::shutdown::Shutdown;

/// Serves repairs until SIGTERM or SIGINT, then finishes what it has begun.
pub(crate) fn run(config: &AdminConfig) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let opened = open(config, &shutdown);
        let Some(context) = shutdown.run_until_requested(opened).await.transpose()? else {
            return Ok(());
        };
        let counts = context.counts.clone();
        let state = move || json!(counts.read());
        let service = context.connection.register_admin(context.profile, state).await?;
        let requests = subscribe(&service).await?;
        tracing::info!("admin started");
        let drain = async {
            shutdown.wait().await;
            sleep(ADMIN_DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            () = serve_all(&context, requests) => {}
            () = drain => tracing::warn!("stopped before everything was answered"),
        }
        context.connection.flush().await;
        tracing::info!("admin stopped");
        Ok(())
    })
}

async fn open(config: &AdminConfig, shutdown: &Shutdown) -> Result<Context> {
    let database = prepare::database(&config.database).await?;
    let connection = Connection::open(&config.brokers.access(), "admin").await?;
    let topology = Topology::new(config.brokers.profile);
    let records = ensure_admin_records(&connection, &topology).await;
    match records.context("cannot create the stream of records")? {
        AdminRecords::Created => {
            tracing::warn!("the stream ADMIN is created: if there was one, its records are lost");
        }
        AdminRecords::Found(differences) => {
            for difference in differences {
                tracing::warn!(%difference, "the stream of records was changed by hand");
            }
        }
    }
    Ok(Context::new(config, connection, database, shutdown.token()))
}

/// The requests on each subject.
struct Requests {
    list: RequestStream,
    show: RequestStream,
    order: RequestStream,
    audit: RequestStream,
    replay: RequestStream,
    discard: RequestStream,
    cancel: RequestStream,
}

async fn subscribe(service: &Service) -> Result<Requests, ServiceError> {
    Ok(Requests {
        list: service.requests(subjects::ADMIN_DEAD_LIST).await?,
        show: service.requests(subjects::ADMIN_DEAD_SHOW).await?,
        order: service.requests(subjects::ADMIN_ORDER).await?,
        audit: service.requests(subjects::ADMIN_AUDIT).await?,
        replay: service.requests(subjects::ADMIN_DEAD_REPLAY).await?,
        discard: service.requests(subjects::ADMIN_DEAD_DISCARD).await?,
        cancel: service.requests(subjects::ADMIN_CANCEL).await?,
    })
}

/// Answers one request of each kind at a time.
async fn serve_all(context: &Context, requests: Requests) {
    let Requests { list, show, order, audit, replay, discard, cancel } = requests;
    tokio::join!(
        serve(context, list, async |payload| dead::list(context, &payload).await),
        serve(context, show, async |payload| dead::show(context, &payload).await),
        serve(context, order, async |payload| order::order(context, &payload).await),
        serve(context, replay, async |payload| dead::replay(context, &payload).await),
        serve(context, discard, async |payload| dead::discard(context, &payload).await),
        serve(context, cancel, async |payload| cancel::cancel(context, &payload).await),
        audit::serve_audits(context, audit),
    );
}
