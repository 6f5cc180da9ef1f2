//! A region of an earlier version is brought forward with all it holds.

use std::time::Duration;

use base::OfficeId;
use db::testing::{on_postgres, owned, typed};
use db::{Db, Migration, params};
use uuid::Uuid;
use web::MIGRATIONS;

use crate::first_account::count;
use crate::harness::Place;

/// By these the tables of three crates got their names of today.
const RENAMES: &[&str] = &["people/003", "care/002", "watch/003"];
const ROWS: &[&str] = &[
    "INSERT INTO office (id, name, kind, phone, fax, email, address, city_code, responsible, entered_by, entered_at, version)
        VALUES ($1, '架空医院', 'clinic', '', '', '', '', '', '', $1, 0, 1)",
    "INSERT INTO office_area (area, office_id) VALUES ('北', $1)",
    "INSERT INTO person_version (subject_id, kind, version, at, by_id, reason, snapshot)
        VALUES ($1, 'office', 1, 0, $1, '', '{}')",
    "INSERT INTO note_version (note_id, version, at, by_id, state, subject, body, importance, reason)
        VALUES ($1, 1, 0, $1, 'confirmed', '', '', 'normal', '')",
    "INSERT INTO line_outage (id, shared, name, began_at, noticed_at) VALUES ($1, 'area', '北', 0, 0)",
];
const TODAY: [&str; 5] =
    ["people_office", "people_office_area", "people_version", "care_note_version", "watch_line_outage"];

// shows: 5.6.7 table names carry their crate, and existing regions go on with their rows, references and rights
#[test]
fn a_region_whose_tables_did_not_carry_their_crate_goes_on() {
    let place = if on_postgres() { Place::of_today() } else { Place::new() };
    let earlier: Vec<Vec<Migration>> = MIGRATIONS
        .iter()
        .map(|set| set.iter().copied().take_while(|migration| !RENAMES.contains(&migration.name)).collect())
        .collect();
    let earlier: Vec<&[Migration]> = earlier.iter().map(Vec::as_slice).collect();
    if on_postgres() {
        let owner = owned(&place.database);
        db::migrate_by_owner(owner, &place.database, Duration::ZERO, &earlier).expect("the earlier version's tables");
    }
    let id = OfficeId(Uuid::from_u128(1));
    let region = Db::open(place.database.clone(), &earlier).expect("the earlier version opens");
    let filled =
        region.write_blocking(move |tx| ROWS.iter().try_for_each(|sql| tx.execute(sql, params![id]).map(drop)));
    filled.expect("rows of the earlier version");
    drop(region);

    if on_postgres() {
        let done = place.migrate();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    assert!(place.serve().stop());
    assert_eq!(TODAY.map(|table| count(&place, table)), [1; 5]);

    let nobodys = OfficeId(Uuid::from_u128(2));
    let area = "INSERT INTO people_office_area (area, office_id) VALUES ('南', $1)";
    let refers = place.open().write_blocking(move |tx| tx.execute(area, params![nobodys]));
    assert!(refers.is_err(), "an area refers to an office that is there");
    if on_postgres() {
        for table in ["people_version", "care_note_version"] {
            let said =
                typed(&place.database, &format!("UPDATE {table} SET reason = 'x'")).expect_err(table).to_string();
            assert!(said.contains(&format!("permission denied for table {table}")), "{said}");
        }
    }
}
