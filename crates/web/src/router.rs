//! All doors of the site, and the router built from them.

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use base::{Ctx, Redacted, Role, limits};
use db::Tx;
use page::assets;
use page::door::{Door, Who, build};
use page::guard::{guard, nowhere};
use page::live::Channel;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Greet, Greeting, Visitor};
use tower_http::catch_panic::CatchPanicLayer;

use crate::about::about;
use crate::verbs::BOOK;

type Doors = fn(&Site) -> Vec<Door>;

/// Every desk by its name, in their order, with its doors.
pub const DESKS: &[(&str, Doors)] = &[
    ("signin", desk_signin::doors),
    ("register", |_| desk_register::doors()),
    ("care", |_| desk_care::doors()),
    ("family", |_| desk_family::doors()),
    ("watch", |_| desk_watch::doors()),
    ("response", |_| desk_response::doors()),
    ("visits", |_| desk_visits::doors()),
];

/// Every door, in the order of the desks. The test that walks them reads the same list.
pub fn doors(site: &Site) -> Vec<Door> {
    let mut doors = vec![Door::plain("/live/{channel}", Who::SignedIn, live).renewing()];
    for (desk, its_doors) in DESKS {
        doors.extend(its_doors(site).into_iter().map(|door| door.of(desk)));
    }
    doors
}

pub fn router(site: &Site) -> Router {
    site.finds_whom(about);
    Router::new()
        .merge(build(site, doors(site)))
        .fallback(nowhere)
        .layer(Extension(BOOK))
        .layer(DefaultBodyLimit::max(limits::FORM_BYTES))
        .layer(from_fn_with_state((site.clone(), greet as Greet), guard))
        .with_state(site.clone())
        .merge(assets::routes())
        .layer(CatchPanicLayer::new())
}

/// The office's name and what is unread, for the frame.
fn greet(tx: &mut dyn Tx, ctx: &Ctx, office: Option<Redacted<String>>) -> Result<Greeting, Problem> {
    let reader = &ctx.actor;
    let overdue = |tx: &mut dyn Tx| match reader.role {
        Role::CityOfficer | Role::SupportCentre => response::overdue_known(ctx, tx),
        _ => Ok(0),
    };
    tx.ahead(&[&|tx| drop(notify::unread(tx, reader)), &|tx| drop(overdue(tx))]);
    let office = match (office, reader.office) {
        (None, Some(id)) => Some(Redacted::new(people::office(tx, id)?.name)),
        (known, _) => known,
    };
    let overdue = overdue(tx)?;
    Ok(Greeting { office, unread: notify::unread(tx, reader)?, overdue })
}

/// Events for a desk's screens: that something changed, never what.
async fn live(State(site): State<Site>, visitor: Visitor, Path(channel): Path<String>) -> Result<Response, Problem> {
    let channel = Channel::parse(&channel).ok_or(Problem::NotFound)?;
    if !Channel::of(visitor.role()).contains(&channel) {
        return Err(Problem::Denied(None));
    }
    let stream = site.live().listen(channel, &visitor.ctx(&site), visitor.session.absolute_end)?;
    // Whose session ended while the line was opened is told nothing more.
    let (ctx, id) = (visitor.ctx(&site), visitor.session.id);
    let sessions = site.db().read(move |tx| signin::own_sessions(&ctx, tx)).await?;
    if sessions.iter().any(|s| s.id == id) { Ok(stream.into_response()) } else { Err(Problem::SignInFirst) }
}
