//! A home under watch: its rhythm, climate and alerts; its devices and gateway; announced absences; the settings; the
//! faults of lines.

mod absence;
mod adaptation;
mod contract;
mod device;
mod gateway;
mod gateways;
mod lines;
mod meter;
mod settings;
#[cfg(test)]
mod tests;
mod trial;
mod upkeep;
mod verbs;
mod view;

use access::Witnesses;
use base::{Ctx, HomeId, PersonId, Redacted, Role};
use db::Tx;
use maud::{Markup, html};
use page::components::{Tab, tabs};
use page::door::{Door, Who};
use page::problem::Problem;

pub use verbs::Look;

/// Who may ever see a home's activity; whose, `access` decides.
const WATCHERS: &[Role] = &[
    Role::Doctor,
    Role::Nurse,
    Role::Pharmacist,
    Role::CareManager,
    Role::CareWorker,
    Role::Operator,
    Role::SupportCentre,
    Role::CityOfficer,
    Role::Family,
    Role::Resident,
];
/// Who may ever announce an absence.
const ANNOUNCERS: &[Role] = &[
    Role::Doctor,
    Role::Nurse,
    Role::Pharmacist,
    Role::CareManager,
    Role::CareWorker,
    Role::Administrator,
    Role::Family,
    Role::Resident,
];
const KEEPERS: &[Role] = &[Role::Administrator];
const SETTERS: &[Role] = &[Role::Administrator, Role::CityOfficer];

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/homes/{id}", Who::Roles(WATCHERS), view::page),
        Door::look("/homes/{id}/absences", Who::Roles(ANNOUNCERS), absence::page),
        Door::command("/homes/{id}/absences", Who::Roles(ANNOUNCERS), absence::enter),
        Door::command("/absences/{id}/cancellation", Who::Roles(ANNOUNCERS), absence::cancel),
        Door::look("/homes/{id}/devices", Who::Roles(KEEPERS), contract::page),
        Door::command("/homes/{id}/contracts", Who::Roles(KEEPERS), contract::begin),
        Door::command("/homes/{id}/contract-end", Who::Roles(KEEPERS), contract::end),
        Door::command("/homes/{id}/gateways", Who::Roles(KEEPERS), gateway::register),
        Door::command("/gateways/{id}/credential", Who::Roles(KEEPERS), gateway::rotate),
        Door::command("/gateways/{id}/revocation", Who::Roles(KEEPERS), gateway::revoke),
        Door::look("/gateways", Who::Roles(KEEPERS), upkeep::needs),
        Door::look("/gateways/all", Who::Roles(SETTERS), gateways::page),
        Door::look("/devices", Who::Roles(KEEPERS), upkeep::inbox),
        Door::command("/devices", Who::Roles(KEEPERS), device::assign),
        Door::look("/devices/{id}", Who::Roles(KEEPERS), device::page),
        Door::command("/devices/{id}/walk-test", Who::Roles(KEEPERS), device::start_test),
        Door::command("/devices/{id}/walk-test-end", Who::Roles(KEEPERS), device::end_test),
        Door::command("/devices/{id}/half-hours", Who::Roles(KEEPERS), meter::enter),
        Door::command("/devices/{id}/serial", Who::Roles(KEEPERS), device::rename),
        Door::command("/devices/{id}/retirement", Who::Roles(KEEPERS), device::retire),
        Door::look("/lines", Who::Roles(SETTERS), lines::page),
        Door::look("/lines/list", Who::Roles(SETTERS), lines::fragment).renewing(),
        Door::plain("/watch-settings", Who::Roles(SETTERS), settings::region_page),
        Door::command("/watch-settings", Who::Roles(SETTERS), settings::set_region),
        // A trial that is opened again by its address, or after signing in, has nothing typed: the settings are there.
        Door::plain("/watch-settings/trial", Who::Roles(SETTERS), settings::region_page),
        Door::search("/watch-settings/trial", Who::Roles(SETTERS), trial::region),
        Door::look("/homes/{id}/watch-settings", Who::Roles(SETTERS), settings::home_page),
        Door::look("/homes/{id}/watch-settings/trial", Who::Roles(SETTERS), settings::home_page),
        Door::search("/homes/{id}/watch-settings/trial", Who::Roles(SETTERS), trial::home),
        Door::command("/homes/{id}/watch-settings", Who::Roles(SETTERS), settings::set_home),
    ]
}

/// A home as those who keep devices know it: who lives there, and where it is.
#[derive(Clone)]
struct Dwelling {
    home: HomeId,
    residents: Vec<(PersonId, Redacted<String>)>,
    address: Redacted<String>,
}

impl Dwelling {
    fn read(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, seen: &mut Witnesses) -> Result<Dwelling, Problem> {
        let mut residents = Vec::new();
        for person in seen.take(people::residents_of_home(ctx, tx, home)?) {
            residents.push((person, seen.take(people::resident(ctx, tx, person)?).name));
        }
        Ok(Dwelling { home, residents, address: seen.take(people::home(ctx, tx, home)?).address() })
    }

    /// All the homes of a list; only one in which nobody lives any more is asked for by itself.
    fn read_all(ctx: &Ctx, tx: &mut dyn Tx, homes: &[HomeId], seen: &mut Witnesses) -> Result<Vec<Dwelling>, Problem> {
        let heads = seen.take(people::heads_of_homes(ctx, tx, homes)?);
        let mut dwellings = Vec::with_capacity(homes.len());
        for home in homes {
            let residents: Vec<_> = heads.in_home(*home).map(|head| (head.id, head.name.clone())).collect();
            dwellings.push(match heads.in_home(*home).next() {
                Some(head) => Dwelling { home: *home, residents, address: head.address.clone() },
                None => Dwelling::read(ctx, tx, *home, seen)?,
            });
        }
        Ok(dwellings)
    }

    fn persons(&self) -> Vec<PersonId> {
        self.residents.iter().map(|(id, _)| *id).collect()
    }

    fn words(&self) -> Markup {
        let names: Vec<&str> = self.residents.iter().map(|(_, name)| name.expose().as_str()).collect();
        html! { @if names.is_empty() { "住んでいる方なし" } @else { (names.join("・")) " 様宅" } }
    }
}

/// That no watch runs in a home is told to those who may know the home; to others it is not there.
fn known_or_watched(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<(), Problem> {
    if watch::contract_of_home(tx, home)?.is_none() {
        people::home(ctx, tx, home)?;
    }
    Ok(())
}

/// The parts of the keepers' desk.
fn desk_tabs(current: &str) -> Markup {
    let tab = |href, label| Tab { href, label, count: None, current: href == current };
    tabs(
        "機器と通信",
        &[
            tab("/gateways", "手当てが必要な機器"),
            tab("/devices", "未登録の機器"),
            tab("/gateways/all", "ゲートウェイ"),
            tab("/lines", "通信断"),
            tab("/watch-settings", "見守りの設定"),
        ],
    )
}
