//! Strangers at the doors that are open to anybody: however long they press, the region keeps nothing that grows.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use base::limits;
use signin::Threshold;

use household::Region;
use page::door::Who;
use web::MIGRATIONS;
use web::router::doors;

const PRESSES: usize = 2000;
/// A page that is only looked at is drawn anew each time, and nothing else.
const LOOKS: usize = 100;

/// How many rows every table has.
fn rows(region: &Region) -> BTreeMap<String, i64> {
    let mut tables = BTreeSet::from(["db_outbox", "db_mark"]);
    for line in MIGRATIONS.iter().copied().flatten().flat_map(|migration| migration.sql.lines()) {
        match line.split([' ', ';']).collect::<Vec<_>>()[..] {
            ["CREATE", "TABLE", table, ..] => {
                tables.insert(table);
            }
            ["ALTER", "TABLE", old, "RENAME", "TO", new, ..] => {
                tables.remove(old);
                tables.insert(new);
            }
            _ => {}
        }
    }
    let counted = region.test.db.read_blocking(move |tx| {
        tables.into_iter().map(|t| Ok((t.to_owned(), tx.scalar(&format!("SELECT COUNT(*) FROM {t}"), &[])?))).collect()
    });
    counted.map_err(|e: db::DbError| e).expect("the rows are counted")
}

/// The door's path with something in it that is nobody's.
fn pressed(path: &str, n: usize) -> String {
    path.replace("{token}", &format!("nobody-sent-{n}")).replace("{account}", &format!("{n:032x}"))
}

// shows: 5.1.4 nothing durable before somebody is known: 2,000 presses of a stranger at every open door
#[test]
fn a_stranger_who_presses_two_thousand_times_leaves_no_more_than_the_allowance() {
    let region = Region::new();
    let stranger = region.nobody();
    // A known account, so that its throttle is there to be filled by failures of its own.
    region.administrator();
    let open: Vec<(Method, &'static str)> =
        doors(&region.site).iter().filter(|d| d.who == Who::Anyone).map(|d| (d.method.clone(), d.path)).collect();
    assert!(open.iter().any(|(_, path)| *path == "/l/{token}") && open.len() > 7, "{open:?}");
    let before = rows(&region);
    for (method, path) in &open {
        assert!(!path.replace("{token}", "").replace("{account}", "").contains('{'), "{path}: say what to put there");
        for n in 0..if *method == Method::POST { PRESSES } else { LOOKS } {
            let address = pressed(path, n);
            let answer = match *method {
                Method::POST => {
                    let (login, code) = (format!("name{n}"), format!("0000-{n}"));
                    let fields = [("login", login.as_str()), ("password", "x"), ("code", &code), ("totp", "123456")];
                    region.post(&stranger, &address, &fields)
                }
                _ => region.get(&stranger, &address),
            };
            assert!(!answer.status.is_server_error(), "{address}: {}", answer.status);
        }
    }
    // Doors that are not open to anybody are knocked at as well.
    for n in 0..PRESSES {
        region.post(&stranger, "/signout", &[]).is(303);
        region.post(&stranger, &format!("/accounts/{n:032x}/reissue"), &[]).is(303);
    }
    let mut after = rows(&region);
    let chain = after["audit_row"] - before["audit_row"];
    let most = i64::from(limits::STRANGER_ROWS_PER_HOUR) * Threshold::ALL.len() as i64;
    assert!((1..=most).contains(&chain), "{chain} rows in the chain");
    after.insert("audit_row".to_owned(), before["audit_row"]);
    assert_eq!(after, before, "and nothing anywhere else");

    region.wait(60);
    region.post(&stranger, "/l/nobody-sent-this", &[]).is(200);
    let row = region.audited().into_iter().next_back().expect("a row");
    assert_eq!((row.action.as_str(), row.outcome), ("notify.use_link", audit::Outcome::Refused));
    assert!(row.items.starts_with("passed_over:"), "the next row says how many stand nowhere: {}", row.items);
}
