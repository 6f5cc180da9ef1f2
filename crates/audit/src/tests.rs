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

pub(crate) fn look(ctx: &Ctx, tx: &mut dyn Tx, persons: &[PersonId]) -> Result<i64, DbError> {
    let known = access::require_each(ctx, tx, &[access::Act::SeeIdentity], &[], persons).expect("the program sees all");
    looked(ctx, tx, Look::Person, &known)
}

fn region_with(rows: u128) -> TestDb {
    let region = fresh(&[access::MIGRATIONS, MIGRATIONS]);
    region
        .db
        .write_blocking(move |tx| {
            for n in 1..=rows {
                look(&ctx(n), tx, &[person(n), person(1)])?;
            }
            Ok::<_, DbError>(())
        })
        .unwrap();
    region
}

fn tamper(region: &TestDb, sql: &'static str) {
    region.tamper(sql, &[]);
}

const KEY: [u8; 32] = [7; 32];

fn findings(region: &TestDb, heads: &str) -> Option<Finding> {
    report(region, heads).finding
}

fn report(region: &TestDb, heads: &str) -> Report {
    let statements = parse_heads(heads, &HeadKey::from_seed(KEY).public()).unwrap();
    region.db.read_blocking(move |tx| verify(tx, &statements)).unwrap()
}

/// Files and signs what the program would sign now, behind the lines that are there.
fn sign(region: &TestDb, heads: &mut String) -> Result<(), Finding> {
    let key = HeadKey::from_seed(KEY);
    let tip = Tip::of(heads, &parse_heads(heads, &key.public()).unwrap());
    while region.db.write_blocking(|tx| index_persons(tx, 1000)).unwrap() {}
    let end = tip.end.clone();
    let signable = region.db.read_blocking(move |tx| to_sign(tx, &tip, Instant(0))).unwrap()?;
    add(heads, &head_lines(&key, &end, &signable).0);
    Ok(())
}

fn add(heads: &mut String, lines: &[String]) {
    for line in lines {
        heads.push_str(line);
        heads.push('\n');
    }
}

fn signed(region: &TestDb) -> String {
    let mut heads = String::new();
    sign(region, &mut heads).unwrap();
    heads
}

#[test]
fn an_untouched_chain_verifies() {
    let region = region_with(20);
    let heads = signed(&region);
    let report = report(&region, &heads);
    assert_eq!((report.finding, report.heads_checked, report.rows, report.chains), (None, 1, 20, 1));
}

#[test]
fn an_edited_row_is_named() {
    let region = region_with(20);
    tamper(&region, "UPDATE audit_row SET items = 'nothing' WHERE seq = 7");
    assert_eq!(findings(&region, ""), Some(Finding::Altered { seq: 7 }));
}

#[test]
fn a_deleted_row_is_named() {
    let region = region_with(20);
    tamper(&region, "DELETE FROM audit_row WHERE seq = 7");
    assert_eq!(findings(&region, ""), Some(Finding::Missing { seq: 7 }));
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
    assert_eq!(findings(&region, ""), Some(Finding::Altered { seq: 7 }));
}

#[test]
fn rows_that_would_be_shown_in_another_order_are_found() {
    let region = region_with(20);
    tamper(&region, "UPDATE audit_row SET place = 99 WHERE seq = 7");
    assert_eq!(findings(&region, ""), Some(Finding::Misplaced { seq: 8 }));
}

// shows: 5.2.1 rows taken away or kept out before they are signed are missed by the program that wrote them
#[test]
fn a_row_that_is_gone_before_the_next_is_written_is_missed() {
    let torn_by = |takes: &'static str| {
        let region = region_with(3);
        let write = |n: u128| region.db.write_blocking(move |tx| look(&ctx(n), tx, &[person(1)])).unwrap();
        let torn = || region.db.write_blocking(torn).unwrap();
        write(4);
        let refused = region.db.write_blocking(|tx| {
            look(&ctx(5), tx, &[person(1)])?;
            Err::<(), _>(DbError::NoRow)
        });
        refused.unwrap_err();
        let undone = region.db.write_blocking(|tx| {
            look(&ctx(6), tx, &[person(1)])?;
            let _ = tx.apart(|tx| look(&ctx(7), tx, &[person(1)]).and(Err::<(), _>(DbError::NoRow)))?;
            look(&ctx(8), tx, &[person(1)])
        });
        undone.unwrap();
        write(9);
        assert_eq!(torn(), None, "honest writing misses nothing");
        if !takes.is_empty() {
            tamper(&region, takes);
        }
        write(10);
        torn()
    };
    assert_eq!(torn_by(""), None);
    assert_eq!(torn_by("DELETE FROM audit_row WHERE seq = (SELECT MAX(seq) FROM audit_row)"), Some(7));
    assert_eq!(
        torn_by("UPDATE audit_row SET hash = (SELECT hash FROM audit_row WHERE seq = 1) WHERE seq = 7"),
        Some(7)
    );
}

#[test]
fn a_cut_end_shows_only_against_heads_kept_elsewhere() {
    let region = region_with(20);
    let heads = signed(&region);
    tamper(&region, "DELETE FROM audit_row WHERE seq > 15");
    tamper(&region, "DELETE FROM audit_person WHERE place > 15");
    tamper(&region, "UPDATE db_mark SET value = '15' WHERE name = 'audit.indexed'");
    assert_eq!(findings(&region, ""), None);
    assert_eq!(findings(&region, &heads), Some(Finding::Truncated { seq: 16 }));
}

#[test]
fn a_chain_written_anew_shows_against_heads_kept_elsewhere() {
    let heads = signed(&region_with(20));
    let anew = fresh(&[access::MIGRATIONS, MIGRATIONS]);
    anew.db
        .write_blocking(|tx| {
            look(&ctx(1), tx, &[person(1)])?;
            for n in 2..=20 {
                done(&ctx(n), tx, Look::Person, Means::Program, "invented")?;
            }
            Ok::<_, DbError>(())
        })
        .unwrap();
    assert_eq!(findings(&anew, &heads), Some(Finding::Rewritten { seq: 20 }));
}

// shows: 5.4.3 a row of the record that cannot be read hides no other from the auditor
#[test]
fn a_row_that_cannot_be_read_hides_no_other_and_is_a_finding() {
    let region = region_with(5);
    while region.db.write_blocking(|tx| index_persons(tx, 2)).unwrap() {}
    tamper(&region, "UPDATE audit_row SET outcome = 'lost' WHERE seq = 3");
    let seqs = |rows: Vec<Recorded>| rows.iter().map(|row| row.seq).collect::<Vec<_>>();
    assert_eq!(seqs(region.db.read_blocking(|tx| before(tx, i64::MAX, 10)).unwrap()), [5, 4, 2, 1]);
    assert_eq!(seqs(region.db.read_blocking(|tx| about(tx, person(1), 10)).unwrap()), [5, 4, 2, 1]);
    assert_eq!(seqs(region.db.read_blocking(|tx| before(tx, i64::MAX, 3)).unwrap()), [5, 4, 2], "a full page");
    assert_eq!(region.db.unreadable().iter().map(|row| row.list).collect::<Vec<_>>(), ["audit_row"]);
    assert!(matches!(findings(&region, ""), Some(Finding::Altered { seq: 3 })), "{:?}", findings(&region, ""));
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
        tx.execute("INSERT INTO db_mark (name, value) VALUES ('half', 'done')", &[])?;
        Err(DbError::NoRow)
    });
    assert!(outcome.is_err());
    let count = |tx: &mut dyn Tx| tx.scalar::<i64>("SELECT COUNT(*) FROM db_mark WHERE name = $1", params!["half"]);
    assert_eq!(region.db.read_blocking(count).unwrap(), 0);
}

#[test]
fn a_tally_counts_each_action_and_how_it_ended() {
    let region = region_with(3);
    region.db.write_blocking(|tx| refused(&ctx(4), tx, Look::Person, &[], "denied")).unwrap();
    region.db.write_blocking(|tx| look(&ctx(3), tx, &[person(9)])).unwrap();
    let counted = region.db.read_blocking(tally).unwrap();
    let row = |outcome: Outcome, rows, requests| {
        let (action, outcome) = ("look.person".to_owned(), outcome.key().to_owned());
        Count { action, outcome, rows, requests }
    };
    assert_eq!(counted, [row(Outcome::Done, 4, 3), row(Outcome::Refused, 1, 1)]);
    tamper(&region, "UPDATE audit_row SET outcome = 'lost' WHERE seq = 3");
    assert_eq!(region.db.read_blocking(tally).unwrap().len(), 3, "what cannot be read is counted as it stands");
}

#[test]
fn rows_of_one_command_follow_each_other_without_asking_again() {
    let region = region_with(3);
    let looks = |from: u128, n: u128| {
        let before = region.db.counted().0;
        let written = region.db.write_blocking(move |tx| {
            for n in from..from + n {
                done(&ctx(n), tx, Look::Person, Means::Program, "identity")?;
            }
            Ok::<_, DbError>(())
        });
        written.expect("looks");
        region.db.counted().0 - before
    };
    let further = looks(200, 30) - looks(100, 10);
    match db::testing::on_postgres() {
        true => assert_eq!(further, 0, "all rows in one statement"),
        false => assert_eq!(further, 20, "one statement for each further row"),
    }
}

// shows: 5.2.4 a second writer has a chain of its own; the heads of both are signed together
#[test]
fn a_second_writer_has_a_chain_of_its_own_and_the_heads_of_both_are_signed_together() {
    let region = region_with(3);
    let both = region.db.write_blocking(|tx| {
        look(&ctx(10), tx, &[person(1)])?;
        begin_chain(&ctx(11), tx)?;
        look(&ctx(12), tx, &[person(1)])?;
        // What a rule takes back is not followed.
        tx.script("SAVEPOINT attempt")?;
        look(&ctx(13), tx, &[person(2)])?;
        tx.script("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")?;
        look(&ctx(14), tx, &[person(3)])
    });
    assert_eq!(both.expect("a chain"), 3, "the row's number in the new chain");
    let heads = signed(&region);
    let statements = parse_heads(&heads, &HeadKey::from_seed(KEY).public()).unwrap();
    let signed: Vec<i64> = statements.iter().map(|s| s.head.seq).collect();
    assert_eq!(signed.len(), 2, "{heads}");
    assert!(signed.contains(&4) && signed.contains(&3) && statements[0].chain != statements[1].chain, "{heads}");
    let whole = report(&region, &heads);
    assert_eq!((whole.finding, whole.rows, whole.chains), (None, 3 + 1 + 3, 2));
    // And each is held against its own.
    tamper(&region, "DELETE FROM audit_row WHERE chain_id = 2 AND seq = 3");
    let cut = report(&region, &heads);
    assert_eq!((cut.finding, cut.chain), (Some(Finding::Truncated { seq: 3 }), 2));
}
