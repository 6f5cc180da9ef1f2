//! For whoever runs the machine, on an address of their own: whether the program lives, whether it can work, and its
//! figures. No person is in any of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use base::{Clock, Instant, Span};
use db::{Db, DbError};
use ingest::station::Board;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::headers;

#[derive(Clone)]
struct Ops {
    db: Db,
    board: Arc<Board>,
    clock: Clock,
    metrics: PrometheusHandle,
    late: Span,
}

/// A station that has not stepped for this long does not work: it steps every second even when nothing comes.
const STATION_LATE: Span = Span::seconds(10);

/// Whoever asks whether it can work does not wait until it can.
const READY_WAIT: Duration = Duration::from_secs(3);

/// Installs the recorder of figures; once in the life of the program.
pub fn metrics() -> anyhow::Result<PrometheusHandle> {
    Ok(PrometheusBuilder::new().install_recorder()?)
}

pub fn router(db: Db, board: Arc<Board>, clock: Clock, metrics: PrometheusHandle, speed: i64) -> Router {
    let late = Span(STATION_LATE.0 * speed);
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|State(ops): State<Ops>| async move { ops.metrics.render() }))
        .with_state(Ops { db, board, clock, metrics, late });
    headers::on_every_answer(router, headers::Strict::No)
}

/// Ready means: a reader answers, the writer commits, the station steps.
async fn ready(State(ops): State<Ops>) -> (StatusCode, String) {
    let asked = async {
        let reads = ops.db.read(|tx| db::marks::get(tx, db::marks::FICTIONAL)).await;
        let writes = ops.db.write(|_| Ok::<_, DbError>(())).await;
        reads.and(writes)
    };
    let answered = tokio::time::timeout(READY_WAIT, asked).await;
    let stepped = Instant(i64::try_from(ops.board.stepped_at.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
    if (ops.clock)() - stepped > ops.late {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: the station does not step\n".into());
    }
    match answered {
        Ok(Ok(())) => (StatusCode::OK, "ready\n".into()),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready: the database does not answer\n".into()),
    }
}
