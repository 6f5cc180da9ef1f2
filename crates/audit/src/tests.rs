use base::{Actor, Ctx, Instant, PersonId, Purpose, RequestId};
use db::testing::{TestDb, fresh};
use db::{DbError, Tx, params};
use uuid::Uuid;

use crate::*;

crate::verbs! {
    /// One look.
    Look of "閲覧" {
        Person = "look.person", "対象者";
    }
}

fn ctx(n: u128) -> Ctx {
    Ctx::new(Actor::system("test"), Purpose::Operation, Instant(n as i64 * 1_000_000), RequestId(Uuid::from_u128(n)))
}

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn known(ctx: &Ctx, tx: &mut dyn Tx, persons: &[PersonId]) -> Vec<access::Witness> {
    access::require_each(ctx, tx, &[access::Act::SeeIdentity], &[], persons).unwrap()
}

fn region_with(rows: u128) -> TestDb {
    let region = fresh(&[access::MIGRATIONS, MIGRATIONS]);
    region
        .db
        .write_blocking(move |tx| {
            for n in 1..=rows {
                looked(&ctx(n), tx, Look::Person, &known(&ctx(n), tx, &[person(n), person(1)]))?;
            }
            Ok::<_, DbError>(())
        })
        .unwrap();
    region
}

fn tamper(region: &TestDb, sql: &'static str) {
    region.db.write_blocking(move |tx| tx.execute(sql, &[])).unwrap();
}

fn findings(region: &TestDb, heads: Vec<Head>) -> Option<Finding> {
    region.db.read_blocking(move |tx| verify(tx, &heads)).unwrap().finding
}

fn head_of(region: &TestDb) -> Head {
    let (seq, hash) = region.db.read_blocking(head).unwrap();
    Head { seq, at: Instant(0), hash }
}

#[test]
fn an_untouched_chain_verifies() {
    let region = region_with(20);
    let now = head_of(&region);
    assert_eq!(findings(&region, vec![now]), None);
}

#[test]
fn an_edited_row_is_named() {
    let region = region_with(20);
    tamper(&region, "UPDATE audit_row SET items = 'nothing' WHERE seq = 7");
    assert_eq!(findings(&region, vec![]), Some(Finding::Altered { seq: 7 }));
}

#[test]
fn a_deleted_row_is_named() {
    let region = region_with(20);
    tamper(&region, "DELETE FROM audit_row WHERE seq = 7");
    assert_eq!(findings(&region, vec![]), Some(Finding::Missing { seq: 7 }));
}

#[test]
fn two_rows_that_changed_places_are_found() {
    let region = region_with(20);
    for sql in [
        "UPDATE audit_row SET seq = 99 WHERE seq = 7",
        "UPDATE audit_row SET seq = 7 WHERE seq = 8",
        "UPDATE audit_row SET seq = 8 WHERE seq = 99",
    ] {
        tamper(&region, sql);
    }
    assert_eq!(findings(&region, vec![]), Some(Finding::Altered { seq: 7 }));
}

#[test]
fn a_cut_end_shows_only_against_heads_kept_elsewhere() {
    let region = region_with(20);
    let kept = head_of(&region);
    tamper(&region, "DELETE FROM audit_row WHERE seq > 15");
    assert_eq!(findings(&region, vec![]), None);
    assert_eq!(findings(&region, vec![kept]), Some(Finding::Truncated { seq: 16 }));
}

#[test]
fn a_chain_written_anew_shows_against_heads_kept_elsewhere() {
    let kept = head_of(&region_with(20));
    let anew = fresh(&[access::MIGRATIONS, MIGRATIONS]);
    anew.db
        .write_blocking(|tx| {
            for n in 1..=20 {
                done(&ctx(n), tx, Look::Person, Means::Program, "invented")?;
            }
            Ok::<_, DbError>(())
        })
        .unwrap();
    assert_eq!(findings(&anew, vec![kept]), Some(Finding::Rewritten { seq: 20 }));
}

#[test]
fn a_restored_backup_that_begins_an_epoch_is_no_crime() {
    let lost = region_with(20);
    let kept = head_of(&lost);
    let restored = region_with(12);
    let quoted = kept.clone();
    restored.db.write_blocking(move |tx| begin_epoch(&ctx(50), tx, Some(&quoted))).unwrap();
    let report = restored.db.read_blocking(move |tx| verify(tx, &[kept])).unwrap();
    assert_eq!((report.finding, report.epochs, report.rows), (None, 1, 13));
}

#[test]
fn heads_are_signed_and_a_forged_line_is_refused() {
    let key = HeadKey::from_seed([7; 32]);
    let head = Head { seq: 3, at: Instant(5), hash: [9; 32] };
    let line = head_line(&key, &head);
    assert_eq!(parse_heads(&line, &key.public()).unwrap(), [head]);
    let forged = line.replace("\"seq\":3", "\"seq\":4");
    assert!(matches!(parse_heads(&forged, &key.public()), Err(HeadError::Signature { line: 1 })));
    assert!(matches!(parse_heads(&line, &HeadKey::from_seed([8; 32]).public()), Err(HeadError::Signature { line: 1 })));
}

#[test]
fn a_resident_can_be_told_who_looked() {
    let region = region_with(5);
    while region.db.write_blocking(|tx| index_persons(tx, 2)).unwrap() {}
    let mine = region.db.read_blocking(|tx| about(tx, person(3), 10)).unwrap();
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0].action, "look.person");
    assert_eq!(region.db.read_blocking(|tx| about(tx, person(1), 10)).unwrap().len(), 5);
}

#[test]
fn a_refused_command_leaves_its_row_and_nothing_else() {
    let region = fresh(&[access::MIGRATIONS, MIGRATIONS]);
    let outcome: Result<(), DbError> = region.db.write_blocking(|tx| {
        tx.execute("INSERT INTO mark (name, value) VALUES ('half', 'done')", &[])?;
        Err(DbError::NoRow)
    });
    assert!(outcome.is_err());
    let count = |tx: &mut dyn Tx| tx.scalar::<i64>("SELECT COUNT(*) FROM mark WHERE name = $1", params!["half"]);
    assert_eq!(region.db.read_blocking(count).unwrap(), 0);
}

#[test]
fn a_tally_counts_each_action_and_how_it_ended() {
    let region = region_with(3);
    region.db.write_blocking(|tx| refused(&ctx(4), tx, Look::Person, &[], "denied")).unwrap();
    let counted = region.db.read_blocking(tally).unwrap();
    let row = |outcome, rows| ("look.person".to_owned(), outcome, rows);
    assert_eq!(counted, [row(Outcome::Done, 3), row(Outcome::Refused, 1)]);
}
