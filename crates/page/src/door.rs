//! Every route of the site is a door: who may open it stands beside its path, and the list of doors is what the
//! router is built from. A test walks the list and tries each door as each role.

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{DefaultBodyLimit, RawPathParams, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use base::Role;

use crate::about::Item;
use crate::certificate;
use crate::problem::Problem;
use crate::site::Site;
use crate::visitor::{Asks, Visitor};

/// Who may open a door at all. What they see behind it is decided person by person by `access`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// Shows no person and changes nothing about one.
    Anyone,
    /// Everybody who is signed in.
    SignedIn,
    Roles(&'static [Role]),
}

/// What a door leads to, for the test that walks them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leads {
    /// A page or fragment without persons.
    Nowhere,
    /// A page or fragment that shows persons: each opening leaves an audit row.
    Look,
    /// A command: each try leaves an audit row.
    Command,
}

pub struct Door {
    pub method: Method,
    pub path: &'static str,
    pub who: Who,
    pub leads: Leads,
    /// The desk that owns the address.
    pub desk: &'static str,
    /// Opened by an open page, not by its reader.
    pub renews: bool,
    handler: MethodRouter<Site>,
}

impl Door {
    /// A page without persons.
    pub fn plain<H, T>(path: &'static str, who: Who, handler: H) -> Door
    where
        H: Handler<T, Site>,
        T: 'static,
    {
        Door { method: Method::GET, path, who, leads: Leads::Nowhere, desk: "", renews: false, handler: get(handler) }
    }

    /// A page that shows persons.
    pub fn look<H, T>(path: &'static str, who: Who, handler: H) -> Door
    where
        H: Handler<T, Site>,
        T: 'static,
    {
        Door { method: Method::GET, path, who, leads: Leads::Look, desk: "", renews: false, handler: get(handler) }
    }

    /// A search goes by POST, so that what was typed stays out of addresses and logs; it changes nothing.
    pub fn search<H, T>(path: &'static str, who: Who, handler: H) -> Door
    where
        H: Handler<T, Site>,
        T: 'static,
    {
        Door { method: Method::POST, path, who, leads: Leads::Look, desk: "", renews: false, handler: post(handler) }
    }

    /// A command.
    pub fn command<H, T>(path: &'static str, who: Who, handler: H) -> Door
    where
        H: Handler<T, Site>,
        T: 'static,
    {
        Door { method: Method::POST, path, who, leads: Leads::Command, desk: "", renews: false, handler: post(handler) }
    }

    /// Takes forms of up to so many bytes, where those of all other doors are smaller.
    pub fn taking(self, bytes: usize) -> Door {
        Door { handler: self.handler.layer(DefaultBodyLimit::max(bytes)), ..self }
    }

    /// Opened by a page that is left open, when something changed or time has passed.
    pub fn renewing(self) -> Door {
        Door { renews: true, ..self }
    }

    /// The same door of this desk.
    pub fn of(self, desk: &'static str) -> Door {
        Door { desk, ..self }
    }

    fn guarded(self, site: &Site) -> (&'static str, MethodRouter<Site>) {
        let state = Kept {
            site: site.clone(),
            who: self.who,
            desk: self.desk,
            path: self.path,
            renews: self.renews,
            looks: self.leads == Leads::Look,
        };
        (self.path, self.handler.layer(middleware::from_fn_with_state(state, keep)))
    }
}

pub fn build(site: &Site, doors: Vec<Door>) -> Router<Site> {
    doors.into_iter().fold(Router::new(), |router, door| {
        let (path, handler) = door.guarded(site);
        router.route(path, handler)
    })
}

/// What stands before a handler knows of its door.
#[derive(Clone)]
struct Kept {
    site: Site,
    who: Who,
    desk: &'static str,
    path: &'static str,
    renews: bool,
    looks: bool,
}

impl Kept {
    fn welcomes(&self, visitor: &Visitor) -> bool {
        match self.who {
            Who::Roles(roles) => roles.contains(&visitor.role()),
            Who::SignedIn | Who::Anyone => true,
        }
    }

    /// Whether the handler itself finds out that the session stands, by its look, and nothing is decided before.
    fn leaves_proof_to_the_look(&self, visitor: &Visitor) -> bool {
        let looks = self.looks && self.who != Who::Anyone;
        looks && self.welcomes(visitor) && !visitor.wants_touch(&self.site) && self.site.demand().is_none()
    }
}

/// Lets through whom the door is for; a signed-in visitor who is turned away leaves an audit row.
async fn keep(
    State(door): State<Kept>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let Kept { site, who, desk, path, renews, .. } = &door;
    // What is no text leads nowhere.
    let Ok(params) = params else { return Problem::Nowhere.into_response() };
    if let Some(visitor) = request.extensions_mut().get_mut::<Visitor>() {
        visitor.item = Item::of(path, params.iter().map(|(_, value)| value));
        if *renews {
            visitor.asks = Asks::Part;
        }
    }
    if let Some(visitor) = request.extensions().get::<Visitor>().cloned()
        && !door.leaves_proof_to_the_look(&visitor)
    {
        match visitor.proven(site).await {
            Ok(()) => {}
            Err(Problem::SignInFirst) => {
                visitor.withdraw();
                request.extensions_mut().remove::<Visitor>();
            }
            Err(problem) => return problem.into_response(),
        }
    }
    if let Err(problem) = certificate::require(site, desk, path, request.extensions()).await {
        return problem.into_response();
    }
    if let Some(visitor) = request.extensions().get::<Visitor>().cloned()
        && let Err(problem) = visitor.touched(site).await
    {
        return problem.into_response();
    }
    if *who == Who::Anyone {
        return next.run(request).await;
    }
    let Some(visitor) = request.extensions().get::<Visitor>().cloned() else {
        return Problem::SignInFirst.into_response();
    };
    if door.welcomes(&visitor) {
        return next.run(request).await;
    }
    match visitor.turned_away(site, path).await {
        Ok(()) => Problem::Denied(None).into_response(),
        Err(problem) => problem.into_response(),
    }
}
