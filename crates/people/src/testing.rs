//! A small fictional household with everybody around it, for the tests of this crate and of those built on it.

use base::wareki::Date;
use base::{Actor, ContactId, Ctx, HomeId, Instant, OfficeId, PersonId, Purpose, RequestId, Role, StaffId};
use db::{DbError, Migration, Tx};
use uuid::Uuid;

use crate::*;

/// Everything a case runs through. All of it is invented; 〇〇 exchanges (0561-00) do not exist.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub home: HomeId,
    pub person: PersonId,
    pub daughter: ContactId,
    pub son: ContactId,
    pub call_centre: OfficeId,
    pub operator: StaffId,
    pub second_operator: StaffId,
    pub city: OfficeId,
    pub city_officer: StaffId,
    pub administrator: StaffId,
    pub support_centre: OfficeId,
    pub support_officer: StaffId,
    pub second_support_officer: StaffId,
    pub clinic: OfficeId,
    pub doctor: StaffId,
    pub care_office: OfficeId,
    pub care_manager: StaffId,
    pub nursing: OfficeId,
    pub nurse: StaffId,
}

/// Migrations a database needs before [`sample`] can live in it.
pub const MIGRATIONS: &[&[Migration]] = &[audit::MIGRATIONS, access::MIGRATIONS, crate::MIGRATIONS];

/// The program itself at a moment; `request` must differ from call to call, or ids repeat.
pub fn system(now: Instant, request: u128) -> Ctx {
    Ctx::new(Actor::system("test"), Purpose::Operation, now, RequestId(Uuid::from_u128(request)))
}

/// A member of staff at work at a moment.
pub fn acting(role: Role, staff: StaffId, office: OfficeId, purpose: Purpose, now: Instant, request: u128) -> Ctx {
    let actor = Actor { role, id: staff.0, office: Some(office), person: None, device: "test".into() };
    Ctx::new(actor, purpose, now, RequestId(Uuid::from_u128(request)))
}

pub fn form(fields: &[(&str, &str)]) -> Form {
    Form::from(fields)
}

pub fn line(text: &str) -> Line {
    Line::parse(text).expect("a line in a test is short")
}

/// The fields with which [`sample`] registers its resident; a test changes some of them.
pub const RESIDENT_FIELDS: &[(&str, &str)] = &[
    ("name", "髙橋 みほん"),
    ("kana", "たかはし みほん"),
    ("birth", "昭和13年4月1日"),
    ("sex", "female"),
    ("household", "alone"),
    ("phone", "0561-00-1234"),
    ("phone", "090-0000-0001"),
    ("mark", "hard_of_hearing"),
    ("mark", "pet"),
    ("risk_notes", "耳が遠いため、ゆっくり話す。玄関に猫。"),
    ("source", "oneself"),
    ("confirmed_on", "2026-04-01"),
    ("postal", "489-0000"),
    ("city_code", "23204"),
    ("city", "愛知県瀬戸市"),
    ("town", "見本町一丁目"),
    ("line", "1-2"),
    ("area", "見本圏域"),
    ("neighbourhood", "見本町内会"),
    ("dwelling", "house"),
    ("lat", "35.2237"),
    ("lon", "137.0842"),
    ("entry", "key_box"),
    ("entry_note", "玄関右のキーボックス"),
];

/// Registers the sample with every consent given and the care team joined, at `now`.
pub fn sample(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Sample, PeopleError> {
    let today = Date::of(ctx.now);
    let mut facts = OfficeFacts::named(line("見本市コールセンター"), OfficeKind::CallCentre);
    let call_centre = register_office(ctx, tx, &facts)?;
    facts = OfficeFacts::named(line("見本市 高齢福祉課"), OfficeKind::CityElderly);
    facts.city_code = "23204".into();
    let city = register_office(ctx, tx, &facts)?;
    facts = OfficeFacts::named(line("見本地域包括支援センター"), OfficeKind::SupportCentre);
    facts.areas = vec![line("見本圏域")];
    let support_centre = register_office(ctx, tx, &facts)?;
    let clinic = register_office(ctx, tx, &OfficeFacts::named(line("みほん内科"), OfficeKind::Clinic))?;
    let care_office =
        register_office(ctx, tx, &OfficeFacts::named(line("みほんケアプラン"), OfficeKind::CareManagement))?;
    let nursing = register_office(ctx, tx, &OfficeFacts::named(line("みほん訪問看護"), OfficeKind::VisitingNurse))?;
    let mut hire = |name: &str, kana: &str, role: Role, office: OfficeId| {
        let fields =
            [("name", name), ("kana", kana), ("role", role.key()), ("office", &office.to_string()), ("active", "on")];
        register_staff(ctx, tx, &NewStaff::parse(&form(&fields), today).map_err(unfit)?)
    };
    let operator = hire("受付 一郎", "ウケツケ イチロウ", Role::Operator, call_centre)?;
    let second_operator = hire("受付 二郎", "ウケツケ ジロウ", Role::Operator, call_centre)?;
    let city_officer = hire("市野 見本", "イチノ ミホン", Role::CityOfficer, city)?;
    let administrator = hire("事務 見本", "ジム ミホン", Role::Administrator, city)?;
    let support_officer = hire("包括 見本", "ホウカツ ミホン", Role::SupportCentre, support_centre)?;
    let second_support_officer = hire("包括 二郎", "ホウカツ ジロウ", Role::SupportCentre, support_centre)?;
    let doctor = hire("医師 見本", "イシ ミホン", Role::Doctor, clinic)?;
    let care_manager = hire("計画 見本", "ケイカク ミホン", Role::CareManager, care_office)?;
    let nurse = hire("看護 見本", "カンゴ ミホン", Role::Nurse, nursing)?;
    let person = register_resident(ctx, tx, &NewResident::parse(&form(RESIDENT_FIELDS), today).map_err(unfit)?)?;
    let home = store::residents::get(tx, person)?.ok_or(PeopleRefusal::NoPerson)?.home;
    let (daughter, son) = family(ctx, tx, person, today)?;
    let scopes = ConsentScope::GENERAL.iter().copied();
    for scope in scopes.chain([ConsentScope::FamilyAlerts(daughter), ConsentScope::FamilyWatch(daughter)]) {
        record_consent(ctx, tx, person, &NewConsent::given(scope, today, line("計画 見本"), line("髙橋 みほん")))?;
    }
    join_team(ctx, tx, person, doctor, TeamPart::AttendingDoctor)?;
    join_team(ctx, tx, person, care_manager, TeamPart::CareManager)?;
    join_team(ctx, tx, person, nurse, TeamPart::Nurse)?;
    Ok(Sample {
        home,
        person,
        daughter,
        son,
        call_centre,
        operator,
        second_operator,
        city,
        city_officer,
        administrator,
        support_centre,
        support_officer,
        second_support_officer,
        clinic,
        doctor,
        care_office,
        care_manager,
        nursing,
        nurse,
    })
}

fn family(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, today: Date) -> Result<(ContactId, ContactId), PeopleError> {
    let daughter = form(&[
        ("name", "山田 むすめ"),
        ("kana", "ヤマダ ムスメ"),
        ("relation", "eldest_daughter"),
        ("phone", "090-0000-0002"),
        ("email", "musume@example.jp"),
        ("role", "key_person"),
        ("role", "emergency"),
        ("minutes_away", "20"),
    ]);
    let son = form(&[
        ("name", "髙橋 むすこ"),
        ("relation", "eldest_son"),
        ("phone", "090-0000-0003"),
        ("role", "key_holder"),
        ("minutes_away", "90"),
    ]);
    let daughter = add_contact(ctx, tx, person, &ContactFacts::parse(&daughter, today).map_err(unfit)?)?;
    let son = add_contact(ctx, tx, person, &ContactFacts::parse(&son, today).map_err(unfit)?)?;
    Ok((daughter, son))
}

/// The forms above are ours; one that does not read is a fault of this file.
fn unfit(errors: Vec<FieldError>) -> PeopleError {
    PeopleError::Db(DbError::Engine(format!("a sample form is wrong: {errors:?}")))
}
