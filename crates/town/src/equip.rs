//! Sensors for those who live alone: contract, gateway, devices, through the same verbs as the registration form.

use base::{GatewayId, Instant};
use db::Db;
use sha2::{Digest, Sha256};
use watch::{DeviceKind, NewDevice, NewGateway};

use crate::TownError;
use crate::life::Spot;
use crate::plan::Plan;
use crate::settle::{Register, Settled, moving_in};

/// A home with sensors, as its own gateway knows it.
#[derive(Clone, Debug)]
pub struct Equipped {
    pub resident: usize,
    pub settled: Settled,
    pub gateway: GatewayId,
    pub gateway_name: String,
}

/// Homes equipped in one commit.
const TOGETHER: usize = 50;

/// The spots of a home and what hangs there: key of the serial, kind, room.
pub const SPOTS: &[(Spot, &str, DeviceKind, &str)] = &[
    (Spot::Entrance, "entrance", DeviceKind::Entrance, "玄関"),
    (Spot::Fridge, "fridge", DeviceKind::Fridge, "台所"),
    (Spot::Bathroom, "bathroom", DeviceKind::Bathroom, "浴室"),
    (Spot::Toilet, "toilet", DeviceKind::Toilet, "トイレ"),
    (Spot::Living, "living", DeviceKind::Motion, "居間"),
];
/// The thermometer and the button beside them.
pub const CLIMATE: &str = "climate";
pub const BUTTON: &str = "button";

/// The credential of an invented gateway. Everybody may know it: its town is fictional.
pub fn credential(seed: u64, resident: usize) -> [u8; 32] {
    Sha256::digest(format!("fictional gateway {seed} {resident}")).into()
}

/// What the register keeps of it.
pub fn credential_hash(seed: u64, resident: usize) -> [u8; 32] {
    Sha256::digest(credential(seed, resident)).into()
}

/// The user name with which the gateway signs in.
pub fn gateway_name(resident: usize) -> String {
    format!("demo-gw-{resident:04}")
}

pub fn serial(resident: usize, key: &str) -> String {
    format!("demo-{resident:04}-{key}")
}

/// Who is asked by telephone whether all is well, before anybody is alarmed.
pub const fn is_asked(resident: usize) -> bool {
    resident % 10 == 6
}

/// What some homes have beside the sensors: key of the serial, kind, place.
pub fn meters(resident: usize) -> &'static [(&'static str, DeviceKind, &'static str)] {
    const ALL: &[(&str, DeviceKind, &str)] = &[
        ("power", DeviceKind::Power, "分電盤"),
        ("water", DeviceKind::Water, "玄関脇"),
        ("lamp", DeviceKind::Light, "居間の照明"),
    ];
    match resident % 20 {
        8 => ALL,
        3 | 15 | 18 => &ALL[..1],
        _ => &[],
    }
}

/// Equips the first [`crate::plan::Size::watched`] homes, as of `then`.
pub fn equip(
    db: &Db,
    plan: &'static Plan,
    register: &Register,
    then: Instant,
    progress: &dyn Fn(&str, f64),
) -> Result<Vec<Equipped>, TownError> {
    let watched: Vec<(usize, Settled)> =
        register.residents.iter().copied().take(plan.size.watched()).enumerate().collect();
    let mut equipped = Vec::with_capacity(watched.len());
    for some in watched.chunks(TOGETHER) {
        progress("センサー", equipped.len() as f64 / watched.len().max(1) as f64);
        let some = some.to_vec();
        equipped.extend(db.write_blocking(move |tx| {
            some.iter().map(|(n, settled)| one(plan, *n, *settled, then, tx)).collect::<Result<Vec<_>, _>>()
        })?);
    }
    Ok(equipped)
}

fn one(plan: &Plan, n: usize, settled: Settled, then: Instant, tx: &mut dyn db::Tx) -> Result<Equipped, TownError> {
    let ctx = moving_in(plan.seed, 6, n, then);
    watch::begin_contract(&ctx, tx, settled.home, settled.person)?;
    let gateway_name = gateway_name(n);
    let carrier = if n.is_multiple_of(3) { "光回線" } else { "LTE" };
    let new = NewGateway { home: settled.home, name: gateway_name.clone(), carrier: carrier.into() };
    let gateway = watch::register_gateway(&ctx, tx, &new, credential_hash(plan.seed, n))?.id;
    for (_, key, kind, place) in SPOTS {
        let new =
            NewDevice { gateway, home: settled.home, serial: serial(n, key), kind: *kind, place: (*place).into() };
        watch::assign_device(&ctx, tx, &new)?;
    }
    for (key, kind, place) in [(CLIMATE, DeviceKind::Climate, "居間"), (BUTTON, DeviceKind::Button, "居間")] {
        watch::assign_device(
            &ctx,
            tx,
            &NewDevice { gateway, home: settled.home, serial: serial(n, key), kind, place: place.into() },
        )?;
    }
    for (key, kind, place) in meters(n) {
        let new =
            NewDevice { gateway, home: settled.home, serial: serial(n, key), kind: *kind, place: (*place).into() };
        watch::assign_device(&ctx, tx, &new)?;
    }
    if is_asked(n) {
        let asked = watch::Changes { asked: Some(watch::Asked::Call), ..watch::Changes::default() };
        watch::set_home(&ctx, tx, settled.home, &asked)?;
    }
    Ok(Equipped { resident: n, settled, gateway, gateway_name })
}
