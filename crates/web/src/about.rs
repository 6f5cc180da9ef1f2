//! Whom the items of the desks' addresses are about, as the program itself knows it: for the record of a refusal, never
//! for an answer.

use access::Shown;
use base::{Actor, Ctx, HomeId, Instant, PersonId, Purpose, RequestId};
use db::Tx;
use page::problem::Problem;
use uuid::Uuid;

pub fn about(tx: &mut dyn Tx, kind: &str, id: Uuid) -> Vec<PersonId> {
    let ctx = Ctx::new(Actor::system("refusals"), Purpose::Operation, Instant(0), RequestId(Uuid::now_v7()));
    match kind {
        "people" | "register" | "persons" | "resident" => persons(people::resident(&ctx, tx, id.into())),
        "contact" => persons(people::contact(&ctx, tx, id.into())),
        // A resident's account, or a relative's.
        "accounts" => match persons(people::resident(&ctx, tx, id.into())) {
            nobody if nobody.is_empty() => persons(people::contact(&ctx, tx, id.into())),
            resident => resident,
        },
        "homes" => of_home(&ctx, tx, id.into()),
        "devices" => persons(watch::device_page(&ctx, tx, id.into())),
        "gateways" => watch::home_of_gateway(tx, id.into()).map_or(Vec::new(), |home| of_home(&ctx, tx, home)),
        "absences" => persons(watch::absence(&ctx, tx, id.into())),
        "notices" => persons(watch::alert(&ctx, tx, id.into())),
        "cases" => persons(response::find_case(&ctx, tx, id.into())),
        "visits" => person(response::person_of_visit(tx, id.into())),
        "photos" => person(response::person_of_photo(tx, id.into())),
        "notes" => persons(care::note(&ctx, tx, id.into())),
        _ => Vec::new(),
    }
}

fn of_home(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Vec<PersonId> {
    persons(people::residents_of_home(ctx, tx, home))
}

fn person<E>(found: Result<Option<PersonId>, E>) -> Vec<PersonId> {
    found.ok().flatten().into_iter().collect()
}

fn persons<T, E: Into<Problem>>(found: Result<Shown<T>, E>) -> Vec<PersonId> {
    let mut whom = match found {
        Ok(shown) => shown.witnesses().iter().map(access::Witness::person).collect(),
        Err(error) => error.into().persons().to_vec(),
    };
    whom.dedup();
    whom
}
