//! Gateways and devices of a home: what they are, where they hang, how well they speak.

use access::{Act, Charge, Shown, Witness};
use base::{Ctx, DeviceId, GatewayId, HomeId, Instant, Redacted, Span};
use db::{DbError, Tx, outbox};

use crate::event::Event;
use crate::rhythm::Sign;
use crate::store::device as store;
use crate::store::device::{DeviceRow, GatewayRow};
use crate::store::{history, home};
use crate::verbs::Verb;
use crate::{ClockError, WatchError, WatchRefusal, contract};
use base::words;

words! {
    /// What a device watches. A door's kind is the place where it hangs, because that is what its opening means.
    DeviceKind {
        Entrance = "entrance", "玄関の開閉";
        Fridge = "fridge", "冷蔵庫の開閉";
        Bathroom = "bathroom", "浴室の開閉";
        Toilet = "toilet", "トイレの開閉";
        Medicine = "medicine", "薬箱の開閉";
        Contact = "contact", "その他の開閉";
        Motion = "motion", "人感";
        Presence = "presence", "在室（電波式）";
        Climate = "climate", "温湿度";
        Button = "button", "呼び出しボタン";
        Power = "power", "電力量計（スマートメーター）";
        Water = "water", "水道メーター";
        Light = "light", "照明";
    }
}

words! {
    /// Why what a device says is believed no more.
    DeviceFault {
        Chatters = "chatters", "短い間に何度も開閉・検知をくり返しています（磁石の緩みなど）";
        NeverEnds = "never_ends", "検知したまま終わりません";
        Contradicted = "contradicted", "この機器だけが1日以上動きを伝え、ほかの機器には動きがありません";
        Flows = "flows", "水が1日以上流れ続けています（漏水、蛇口の閉め忘れなど）";
    }
}

words! {
    /// Why a gateway connects and nothing of it gets through.
    LineCause {
        Rival = "rival", "同じ接続名（クライアントID）の機器が2台あり、互いの接続を切り合っています";
        TooLarge = "too_large", "大きすぎる通知（4MBを超えるもの）を送り続けています";
        BadForm = "bad_form", "通知の形式（MQTT）が正しくありません";
    }
}

impl LineCause {
    /// What the keeper of the devices does about it.
    pub const fn advice(self) -> &'static str {
        match self {
            LineCause::Rival => {
                "使っていないほうの機器の電源を切ってください。両方を使うときは、接続名を別にするか、2台目を別のゲートウェイとして登録してください。"
            }
            LineCause::TooLarge => "機器の設定を確かめ、センサーの通知だけを送るように、送るトピックを絞ってください。",
            LineCause::BadForm => {
                "機器のMQTTの設定（版は3.1.1または5）とソフトウェアの版を確かめてください。直らないときは、設置した事業者に連絡してください。"
            }
        }
    }
}

/// A known device silent for so long may be the one that speaks under another name: a room that nobody enters is quiet
/// through a night, and a sleeping sensor for hours [to verify].
const VANISHED: Span = Span::hours(12);

impl DeviceKind {
    /// What kind of sign of life it gives; `None` for those that give none.
    pub const fn sign(self) -> Option<Sign> {
        Some(match self {
            DeviceKind::Entrance => Sign::Entrance,
            DeviceKind::Fridge => Sign::Fridge,
            DeviceKind::Bathroom => Sign::Bathroom,
            DeviceKind::Toilet => Sign::Toilet,
            DeviceKind::Medicine => Sign::Medicine,
            DeviceKind::Contact => Sign::Contact,
            DeviceKind::Motion | DeviceKind::Presence => Sign::Motion,
            DeviceKind::Power | DeviceKind::Water | DeviceKind::Light => Sign::Usage,
            DeviceKind::Climate | DeviceKind::Button => return None,
        })
    }

    /// Whether it is no sensor of its own but part of what the home uses: only its own word counts.
    pub(crate) const fn is_usage(self) -> bool {
        matches!(self, DeviceKind::Power | DeviceKind::Water | DeviceKind::Light)
    }
}

/// A gateway, without its credential.
#[derive(Clone, PartialEq, Debug)]
pub struct Gateway {
    pub id: GatewayId,
    pub home: HomeId,
    /// The user name with which it signs in.
    pub name: String,
    /// The carrier of its line; homes of one carrier that fall silent together are one outage.
    pub carrier: String,
    pub registered_at: Instant,
    pub rotated_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    /// When something of it was stored, or it answered for its line; at most some minutes old while the program runs.
    pub heard_at: Option<Instant>,
    /// Of a fault of its line that stands: why nothing gets through, where that is known.
    pub cause: Option<LineCause>,
    /// By how much its times are corrected.
    pub clock: Option<ClockError>,
}

/// A device at a home and how well it speaks. Counters are at most a minute old while the program runs;
/// what was counted of repetitions in the last one goes with a crash.
#[derive(Clone, PartialEq, Debug)]
pub struct Device {
    pub id: DeviceId,
    pub home: HomeId,
    pub gateway: GatewayId,
    pub serial: String,
    pub kind: DeviceKind,
    /// The room, in the words of who hung it up (居間, 寝室 …).
    pub place: String,
    pub assigned_at: Instant,
    pub retired_at: Option<Instant>,
    /// Until then nothing it says raises anything (walk test).
    pub test_until: Option<Instant>,
    pub heard_at: Option<Instant>,
    pub sign_at: Option<Instant>,
    /// Percent.
    pub battery: Option<u8>,
    /// 0 to 255.
    pub link_quality: Option<u8>,
    pub online: bool,
    /// It says itself that its battery is low.
    pub battery_low: Option<bool>,
    /// It was opened, or taken from its place.
    pub tampered: Option<bool>,
    /// Of its battery, where it does not say what is left of it.
    pub millivolts: Option<u16>,
    /// Of its own case, degrees Celsius, where that is below -10 or 50 and more.
    pub warmth: Option<i16>,
    /// Why, and since when, what it says is no sign of life.
    pub fault: Option<(DeviceFault, Instant)>,
    /// A motion sensor's: so long after the last motion it says that it ended; learned.
    pub clears_after: Option<Span>,
    pub counters: Counters,
}

/// What was wrong with what a device sent, since it was assigned.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    pub duplicates: i64,
    pub late: i64,
    pub reordered: i64,
    /// The state it had already.
    pub repeated: i64,
    pub retained: i64,
    pub wrong_clock: i64,
    /// Said while it was out of order, and therefore no sign of life.
    pub faulty: i64,
}

/// Messages of one kind that came in, were acknowledged and could not be used (or not as they were meant).
#[derive(Clone, PartialEq, Debug)]
pub struct Unused {
    /// The device, where at least that could be read; else blank.
    pub serial: String,
    pub why: crate::Defect,
    pub seen: i64,
    pub last_at: Instant,
    /// The last of them, its beginning.
    pub example: Redacted<String>,
}

/// A serial that spoke through a gateway and that nobody assigned yet.
#[derive(Clone, PartialEq, Debug)]
pub struct UnknownDevice {
    pub gateway: GatewayId,
    pub home: HomeId,
    pub serial: String,
    pub first_at: Instant,
    pub last_at: Instant,
    pub seen: i64,
    /// The last kind of signal it sent (a key of [`crate::Signal`]): helps to tell which box it is.
    pub said: String,
    /// The one device of this kind at this gateway that has been silent for long and since this one spoke: likely the
    /// same box under another name, or in its place.
    pub instead_of: Option<Box<Device>>,
}

/// What is entered about a gateway. `carrier` may be blank.
#[derive(Clone, PartialEq, Debug)]
pub struct NewGateway {
    pub home: HomeId,
    pub name: String,
    pub carrier: String,
}

/// What is entered about a device.
#[derive(Clone, PartialEq, Debug)]
pub struct NewDevice {
    pub gateway: GatewayId,
    /// The home in which it hangs; another than the gateway's where one gateway serves a whole house.
    pub home: HomeId,
    pub serial: String,
    pub kind: DeviceKind,
    pub place: String,
}

/// Registers a home's gateway. `secret` is the SHA-256 of a random 256-bit credential, which the caller shows once and
/// keeps nowhere. A home has one gateway in use at a time.
pub fn register_gateway(ctx: &Ctx, tx: &mut dyn Tx, new: &NewGateway, secret: [u8; 32]) -> Result<Gateway, WatchError> {
    let person = contract::subject(ctx, tx, new.home)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if new.name.is_empty() || new.name.len() > 64 || !new.name.chars().all(plain) {
        return Err(WatchRefusal::BadGatewayName.into());
    }
    let carrier = line("回線の種類", &new.carrier, true)?;
    if store::name_is_taken(tx, &new.name)? {
        return Err(WatchRefusal::GatewayNameTaken.into());
    }
    let no = contract::enrol(ctx, tx, new.home)?;
    if !store::gateways(tx, Some(no))?.is_empty() {
        return Err(WatchRefusal::GatewayInUse.into());
    }
    let gateway = Gateway {
        id: ctx.id(),
        home: new.home,
        name: new.name.clone(),
        carrier,
        registered_at: ctx.now,
        rotated_at: None,
        revoked_at: None,
        heard_at: None,
        cause: None,
        clock: None,
    };
    store::insert_gateway(tx, no, &gateway, secret)?;
    audit::done(ctx, tx, Verb::RegisterGateway, &witness, "devices")?;
    contract::changed(ctx, tx, new.home)?;
    Ok(gateway)
}

/// Gives a gateway a new credential; the old one ends at once.
pub fn rotate_gateway(ctx: &Ctx, tx: &mut dyn Tx, gateway: GatewayId, secret: [u8; 32]) -> Result<(), WatchError> {
    let (row, witness) = managed_gateway(ctx, tx, gateway)?;
    if !store::rotate(tx, gateway, secret, ctx.now)? {
        return Err(WatchRefusal::NoGateway.into());
    }
    audit::done(ctx, tx, Verb::RotateGateway, &witness, "devices")?;
    outbox::push(tx, ctx.now, &Event::GatewayCredential { gateway, home: row.gateway.home })?;
    Ok(())
}

/// Takes a gateway out of use, with its devices.
pub fn revoke_gateway(ctx: &Ctx, tx: &mut dyn Tx, gateway: GatewayId) -> Result<(), WatchError> {
    let (row, witness) = managed_gateway(ctx, tx, gateway)?;
    if !store::revoke(tx, gateway, ctx.now)? {
        return Err(WatchRefusal::NoGateway.into());
    }
    let mut homes: Vec<HomeId> = store::homes_behind(tx, row.no)?;
    homes.retain(|home| *home != row.gateway.home);
    store::retire_of_gateway(tx, row.no, ctx.now)?;
    history::end_faults_of_gateway(tx, row.no, ctx.now)?;
    audit::done(ctx, tx, Verb::RevokeGateway, &witness, "devices")?;
    outbox::push(tx, ctx.now, &Event::GatewayCredential { gateway, home: row.gateway.home })?;
    for home in homes {
        contract::changed(ctx, tx, home)?;
    }
    contract::changed(ctx, tx, row.gateway.home)
}

/// Which gateway signs in with this name (or its id; blank where the way in carries none, as HTTP's bearer token) and the
/// SHA-256 of what it sent. Tells nothing of why it is none.
pub fn authenticate(tx: &mut dyn Tx, name: &str, secret: [u8; 32]) -> Result<Option<GatewayId>, DbError> {
    let known = store::of_credential(tx, name, secret)?;
    Ok(known.filter(|(_, kept)| *kept == secret).map(|(gateway, _)| gateway))
}

/// The gateways in use and those that were, of a home.
pub fn gateways_of_home(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<Shown<Vec<Gateway>>, WatchError> {
    let person = contract::subject(ctx, tx, home)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    let Some(no) = home::no_of(tx, home)? else { return Ok(witness.shows(vec![])) };
    Ok(witness.shows(store::gateways(tx, Some(no))?.into_iter().map(|row| row.gateway).collect()))
}

/// Where a gateway stands. An id only; asks nobody's leave.
pub fn home_of_gateway(tx: &mut dyn Tx, gateway: GatewayId) -> Result<HomeId, WatchError> {
    Ok(store::gateway(tx, gateway)?.ok_or(WatchRefusal::NoGateway)?.gateway.home)
}

/// Serials that spoke and that nobody assigned, newest first: of one home, or of all for those whose duty that is.
pub fn inbox(ctx: &Ctx, tx: &mut dyn Tx, home: Option<HomeId>) -> Result<Shown<Vec<UnknownDevice>>, WatchError> {
    let witnesses = match home {
        Some(home) => {
            let person = contract::subject(ctx, tx, home)?;
            vec![access::require(ctx, tx, Act::ManageDevices, person)?]
        }
        None => {
            access::charge(ctx, Charge::KeepDevices)?;
            vec![]
        }
    };
    let mut unknown = store::inbox(tx, home, base::limits::LIST_ROWS * 4)?;
    if !unknown.is_empty() {
        let known = store::devices(tx, None)?;
        unknown.iter_mut().for_each(|unknown| unknown.instead_of = vanished(&known, unknown, ctx.now).map(Box::new));
    }
    Ok(Shown::new(unknown, witnesses))
}

fn vanished(known: &[store::DeviceRow], unknown: &UnknownDevice, now: Instant) -> Option<Device> {
    let silent =
        |device: &Device| device.heard_at.is_some_and(|heard| heard <= unknown.first_at && now - heard >= VANISHED);
    let mut fitting = known.iter().map(|row| &row.device).filter(|device| {
        device.gateway == unknown.gateway
            && device.retired_at.is_none()
            && is_such(device.kind, &unknown.said)
            && silent(device)
    });
    // Of two that vanished nobody knows which it is.
    fitting.next().filter(|_| fitting.next().is_none()).cloned()
}

/// Whether such a device says such a word (a key of [`crate::Signal`]).
fn is_such(kind: DeviceKind, said: &str) -> bool {
    match said {
        "motion" | "motion_cleared" => kind == DeviceKind::Motion,
        "presence" | "distance" => kind == DeviceKind::Presence,
        "temperature" | "humidity" => kind == DeviceKind::Climate,
        "button" => kind == DeviceKind::Button,
        "energy_wh" => kind == DeviceKind::Power,
        "water_l" => kind == DeviceKind::Water,
        "light" => kind == DeviceKind::Light,
        "contact" => {
            let is_door = !matches!(kind, DeviceKind::Motion | DeviceKind::Presence) && !kind.is_usage();
            kind.sign().is_some() && is_door
        }
        _ => false,
    }
}

/// Takes a device that spoke under another serial for the one that is registered: its place and what was learned of it
/// stay.
pub fn rename_device(ctx: &Ctx, tx: &mut dyn Tx, device: DeviceId, serial: &str) -> Result<(), WatchError> {
    let (row, witness) = managed_device(ctx, tx, device)?;
    if row.device.retired_at.is_some() {
        return Err(WatchRefusal::NoDevice.into());
    }
    let serial = line("機器番号", &base::kana::spelled(serial), false)?;
    if serial.chars().count() > crate::SERIAL_CHARS {
        return Err(WatchRefusal::BadLine("機器番号").into());
    }
    if store::serial_is_used(tx, row.gateway, &serial)? {
        return Err(WatchRefusal::SerialInUse.into());
    }
    store::rename(tx, row.gateway, device, &serial)?;
    audit::done(ctx, tx, Verb::RenameDevice, &witness, "devices")?;
    contract::changed(ctx, tx, row.device.home)
}

/// Gives a serial its kind and place.
pub fn assign_device(ctx: &Ctx, tx: &mut dyn Tx, new: &NewDevice) -> Result<Device, WatchError> {
    let (row, witness) = managed_gateway(ctx, tx, new.gateway)?;
    if row.gateway.revoked_at.is_some() {
        return Err(WatchRefusal::NoGateway.into());
    }
    let serial = line("機器番号", &base::kana::spelled(&new.serial), false)?;
    if serial.chars().count() > crate::SERIAL_CHARS {
        return Err(WatchRefusal::BadLine("機器番号").into());
    }
    let place = line("取り付け場所", &new.place, false)?;
    if store::serial_is_used(tx, row.no, &serial)? {
        return Err(WatchRefusal::SerialInUse.into());
    }
    let (home_no, witness) = match new.home == row.gateway.home {
        true => (row.home, witness),
        false => {
            let person = contract::subject(ctx, tx, new.home)?;
            let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
            (contract::enrol(ctx, tx, new.home)?, witness)
        }
    };
    let device = Device {
        id: ctx.id(),
        home: new.home,
        gateway: new.gateway,
        serial,
        kind: new.kind,
        place,
        assigned_at: ctx.now,
        retired_at: None,
        test_until: None,
        heard_at: None,
        sign_at: None,
        battery: None,
        link_quality: None,
        online: true,
        battery_low: None,
        tampered: None,
        millivolts: None,
        warmth: None,
        fault: None,
        clears_after: None,
        counters: Counters::default(),
    };
    store::insert_device(tx, row.no, home_no, &device)?;
    audit::done(ctx, tx, Verb::AssignDevice, &witness, "devices")?;
    contract::changed(ctx, tx, device.home)?;
    Ok(device)
}

/// Takes a device down.
pub fn retire_device(ctx: &Ctx, tx: &mut dyn Tx, device: DeviceId) -> Result<(), WatchError> {
    let (row, witness) = managed_device(ctx, tx, device)?;
    if !store::retire(tx, device, ctx.now)? {
        return Err(WatchRefusal::NoDevice.into());
    }
    audit::done(ctx, tx, Verb::RetireDevice, &witness, "devices")?;
    contract::changed(ctx, tx, row.device.home)
}

/// Starts a walk test: until it ends, nothing the device says counts as life or raises anything.
pub fn start_walk_test(ctx: &Ctx, tx: &mut dyn Tx, device: DeviceId, length: Span) -> Result<Instant, WatchError> {
    let (row, witness) = managed_device(ctx, tx, device)?;
    if !(Span::minutes(1)..=Span::minutes(240)).contains(&length) {
        return Err(WatchRefusal::BadTestLength.into());
    }
    let until = ctx.now + length;
    if !store::start_test(tx, device, ctx.now, until)? {
        return Err(WatchRefusal::NoDevice.into());
    }
    audit::done(ctx, tx, Verb::StartWalkTest, &witness, "devices")?;
    contract::changed(ctx, tx, row.device.home)?;
    Ok(until)
}

/// Ends a walk test before its time.
pub fn end_walk_test(ctx: &Ctx, tx: &mut dyn Tx, device: DeviceId) -> Result<(), WatchError> {
    let (row, witness) = managed_device(ctx, tx, device)?;
    store::start_test(tx, device, row.test.0, row.test.1.min(ctx.now))?;
    audit::done(ctx, tx, Verb::EndWalkTest, &witness, "devices")?;
    contract::changed(ctx, tx, row.device.home)
}

fn managed_gateway(ctx: &Ctx, tx: &mut dyn Tx, gateway: GatewayId) -> Result<(GatewayRow, Witness), WatchError> {
    let row = store::gateway(tx, gateway)?.ok_or(WatchRefusal::NoGateway)?;
    let person = contract::subject(ctx, tx, row.gateway.home)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    Ok((row, witness))
}

fn managed_device(ctx: &Ctx, tx: &mut dyn Tx, device: DeviceId) -> Result<(DeviceRow, Witness), WatchError> {
    let row = store::device(tx, device)?.ok_or(WatchRefusal::NoDevice)?;
    let person = contract::subject(ctx, tx, row.device.home)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    Ok((row, witness))
}

/// One line of words as typed, without what a terminal would act upon.
fn line(field: &'static str, typed: &str, may_be_blank: bool) -> Result<String, WatchError> {
    let text = typed.trim();
    let long = text.chars().count() > base::limits::LINE_CHARS;
    if long || text.chars().any(char::is_control) || (text.is_empty() && !may_be_blank) {
        return Err(WatchRefusal::BadLine(field).into());
    }
    Ok(text.to_owned())
}
