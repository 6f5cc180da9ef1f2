//! Flats for measurements: fifty to a gateway, each with a resident, the doors of entrance and fridge, a motion and a
//! climate sensor; some have a button.

use base::{GatewayId, HomeId, Instant};
use db::Db;
use people::testing::{RESIDENT_FIELDS, form, line, system};
use sha2::{Digest, Sha256};
use watch::{DeviceKind, NewDevice, NewGateway};

/// Flats that share a gateway.
pub const TOGETHER: usize = 50;

/// Flats of a house that have a button too.
const BUTTONS: usize = 10;

pub type Fault = Box<dyn std::error::Error>;

/// The credential of a house's gateway: known, because whoever measures must send.
pub fn credential(house: usize) -> [u8; 32] {
    let mut credential = [0; 32];
    credential[..8].copy_from_slice(&(house as u64).to_le_bytes());
    credential
}

pub fn settle(db: &Db, homes: usize, now: Instant) -> Result<Vec<GatewayId>, Fault> {
    let mut gateways = Vec::new();
    for house in 0..homes.div_ceil(TOGETHER) {
        let made = db.write_blocking(move |tx| {
            let ctx = system(now, (house as u128 + 1) << 64);
            let mut gateway = None;
            for flat in 0..TOGETHER.min(homes - house * TOGETHER) {
                gateway = Some(flat_in(&ctx, tx, house, flat, gateway)?);
            }
            Ok::<_, watch::WatchError>(gateway)
        })?;
        gateways.extend(made);
    }
    Ok(gateways)
}

fn flat_in(
    ctx: &base::Ctx,
    tx: &mut dyn db::Tx,
    house: usize,
    flat: usize,
    gateway: Option<GatewayId>,
) -> Result<GatewayId, watch::WatchError> {
    let birth = format!("{}-{:02}-{:02}", 1920 + house % 30, 1 + flat % 12, 1 + (house / 30 + flat) % 28);
    let mut fields: Vec<(&str, &str)> = RESIDENT_FIELDS.iter().copied().filter(|(f, _)| *f != "birth").collect();
    fields.extend([("birth", birth.as_str()), ("not_duplicate", "on")]);
    let today = base::wareki::Date::of(ctx.now);
    let mut new = people::NewResident::parse(&form(&fields), today).expect("the form is ours");
    new.not_duplicate = true;
    let person = people::register_resident(ctx, tx, &new)?;
    let given = people::NewConsent::given(people::ConsentScope::Watch, today, line("計画 見本"), line("見本 本人"));
    people::record_consent(ctx, tx, person, &given)?;
    let home: HomeId = people::home_of(ctx, tx, person)?.id;
    let gateway = match gateway {
        Some(gateway) => gateway,
        None => {
            let secret: [u8; 32] = Sha256::digest(credential(house)).into();
            let new = NewGateway { home, name: format!("house-{house}"), carrier: "見本光".into() };
            watch::register_gateway(ctx, tx, &new, secret)?.id
        }
    };
    let usual = [
        ("entrance", DeviceKind::Entrance),
        ("fridge", DeviceKind::Fridge),
        ("motion", DeviceKind::Motion),
        ("air", DeviceKind::Climate),
    ];
    let button = (flat < BUTTONS).then_some(("button", DeviceKind::Button));
    for (what, kind) in usual.into_iter().chain(button) {
        let new = NewDevice { gateway, home, serial: format!("{flat}-{what}"), kind, place: "居間".into() };
        watch::assign_device(ctx, tx, &new)?;
    }
    watch::begin_contract(ctx, tx, home, person)?;
    Ok(gateway)
}
