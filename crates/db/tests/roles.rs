//! On a server the tables are their owner's. The program's role adds rows to the record and reads it, and has no way to
//! do more; one that had is refused before anything is written.

use std::time::Duration;

use base::{Actor, Ctx, Instant, Purpose, RequestId};
use db::testing::{
    OWNER, ROLE, TestDb, fresh, fresh_config, on_postgres, owned, prepared_config, seen_by, seen_by_superuser,
};
use db::{Db, DbConfig, DbError, Migration};
use postgres::{Client, NoTls};

const TABLES: &[Migration] = &[Migration {
    name: "test/001",
    sql: "CREATE TABLE tally (n BIGINT PRIMARY KEY);\n-- append-only: tally_kept\nCREATE TABLE tally_kept (n BIGINT NOT NULL)",
}];
const LATER: &[Migration] = &[Migration { name: "test/002", sql: "CREATE TABLE tally_later (n BIGINT NOT NULL)" }];
const WAIT: Duration = Duration::from_secs(30);

fn url(config: &DbConfig) -> &str {
    let DbConfig::Postgres { url, .. } = config else { panic!("about servers only") };
    url
}

fn client(config: &DbConfig) -> Client {
    Client::connect(url(config), NoTls).expect("a line to the server")
}

fn region() -> TestDb {
    let region = fresh(&[audit::MIGRATIONS, TABLES]);
    let ctx = Ctx::new(Actor::system("test"), Purpose::Operation, Instant(1), RequestId(uuid::Uuid::nil()));
    region.db.write_blocking(move |tx| audit::begin_chain(&ctx, tx)).expect("a row of the record");
    region
}

/// Everything in the database that could have changed.
fn state(client: &mut Client) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["audit_row", "audit_person", "audit_own", "migration", "tally", "tally_kept"] {
        let rows = client.query(&format!("SELECT CAST({table} AS TEXT) FROM {table} ORDER BY 1"), &[]).expect("rows");
        all.extend(rows.iter().map(|row| format!("{table} {}", row.get::<_, String>(0))));
    }
    all
}

// shows: 5.2.5 the running program's role owns no table and may only insert into and read the audit
#[test]
fn whoever_holds_the_programs_role_adds_to_the_record_and_can_do_nothing_else_to_it() {
    if !on_postgres() {
        return;
    }
    let region = region();
    let mut thief = client(region.db.config());
    let before = state(&mut thief);
    assert!(before.iter().any(|row| row.starts_with("audit_row")), "{before:?}");
    let owns = "SELECT COUNT(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)";
    assert_eq!(thief.query_one(owns, &[]).unwrap().get::<_, i64>(0), 0);
    for table in ["audit_row", "audit_person", "audit_own", "tally_kept", "migration"] {
        for sql in [
            "DELETE FROM {}",
            "UPDATE {} SET COLUMN = COLUMN",
            "TRUNCATE {}",
            "DROP TABLE {}",
            "ALTER TABLE {} ADD COLUMN more BIGINT",
            "ALTER TABLE {} OWNER TO current_user",
            "ALTER TABLE {} RENAME TO elsewhere",
            "ALTER TABLE {} DISABLE TRIGGER ALL",
            "CREATE TRIGGER t BEFORE INSERT ON {} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "CREATE RULE r AS ON INSERT TO {} DO INSTEAD NOTHING",
            "CREATE INDEX i ON {} ((1))",
            "GRANT ALL ON {} TO current_user",
            "WITH gone AS (DELETE FROM {} RETURNING 1) SELECT COUNT(*) FROM gone",
        ] {
            let column = match table {
                "audit_row" => "outcome",
                "audit_person" => "place",
                "audit_own" | "tally_kept" => "n",
                _ => "name",
            };
            let sql = sql
                .replace("{}", table)
                .replace("COLUMN =", &format!("{column} ="))
                .replace("= COLUMN", &format!("= {column}"));
            let said = thief.batch_execute(&sql);
            let code = said.as_ref().err().and_then(|error| error.code()).map(|code| code.code().to_owned());
            // GRANT of what one does not hold is a warning.
            assert!(
                code.as_deref() == Some("42501") || (sql.starts_with("GRANT") && code.is_none()),
                "{sql}: {said:?}"
            );
        }
    }
    for sql in [
        "CREATE TABLE mine (n BIGINT)".to_owned(),
        "CREATE SCHEMA mine".to_owned(),
        "CREATE FUNCTION f() RETURNS BIGINT LANGUAGE sql AS 'SELECT 1'".to_owned(),
        "DROP SCHEMA public CASCADE".to_owned(),
        "SET session_replication_role = replica".to_owned(),
        format!("SET ROLE {OWNER}"),
        format!("REASSIGN OWNED BY {OWNER} TO current_user"),
        format!("ALTER ROLE {ROLE} SUPERUSER"),
        "INSERT INTO migration (name, text_length, applied_at) VALUES ('test/009', 1, 1)".to_owned(),
    ] {
        let said = thief.batch_execute(&sql).expect_err(&sql);
        assert_eq!(said.code().map(|code| code.code()), Some("42501"), "{sql}: {said:?}");
    }
    assert_eq!(state(&mut thief), before, "nothing changed");
    thief.batch_execute("INSERT INTO tally_kept (n) VALUES (1)").expect("it is added to");
    thief.batch_execute("INSERT INTO tally (n) VALUES (1); UPDATE tally SET n = 2; DELETE FROM tally").expect("rows");
    thief.batch_execute("TRUNCATE tally").expect_err("nor is any other table emptied at a stroke");
}

// shows: 5.2.5 migrations run under another role
#[test]
fn what_the_owner_has_not_brought_forward_the_program_does_not_touch() {
    if !on_postgres() {
        return;
    }
    let (config, _) = fresh_config().expect("a database");
    let open = |sets: &[&[Migration]]| Db::open(config.clone(), sets).map(drop);
    assert!(matches!(open(&[TABLES]), Err(DbError::Behind(_))), "an empty database");
    let forward = |sets: &[&[Migration]]| db::migrate_by_owner(owned(&config), &config, WAIT, sets);
    assert_eq!(forward(&[TABLES]).expect("the owner does it"), 3);
    open(&[TABLES]).expect("it opens");
    assert!(matches!(open(&[TABLES, LATER]), Err(DbError::Behind(name)) if name == "test/002"));
    assert_eq!(forward(&[TABLES, LATER]).expect("the owner does it"), 1);
    assert_eq!(forward(&[TABLES, LATER]).expect("again is no harm"), 0);
    open(&[TABLES, LATER]).expect("it opens");
    assert!(matches!(open(&[TABLES]), Err(DbError::Newer(_))), "an older program leaves it alone");

    let mut owner = client(&owned(&config));
    owner.batch_execute(&format!("REVOKE UPDATE ON tally FROM {ROLE}")).unwrap();
    assert!(matches!(open(&[TABLES, LATER]), Err(DbError::Behind(table)) if table == "tally"));
    forward(&[TABLES, LATER]).expect("grants are made anew");
    open(&[TABLES, LATER]).expect("it opens");
    let nobody =
        db::migrate_by_owner(owned(&config), &seen_by(&config, "tsunagari_test_nobody"), WAIT, &[TABLES, LATER]);
    assert!(matches!(nobody, Err(DbError::NoRole(_))), "{nobody:?}");
    let (other, _) = fresh_config().expect("another region's database");
    let elsewhere = db::migrate_by_owner(owned(&other), &config, WAIT, &[TABLES, LATER]);
    assert!(matches!(elsewhere, Err(DbError::Elsewhere)), "{elsewhere:?}");
    let tables = "SELECT COUNT(*) FROM pg_class WHERE relname = 'tally'";
    assert_eq!(client(&owned(&other)).query_one(tables, &[]).unwrap().get::<_, i64>(0), 0, "nothing was made there");
    let own = db::migrate_by_owner(owned(&config), &seen_by(&config, OWNER), WAIT, &[TABLES, LATER]);
    assert!(matches!(own, Err(DbError::Mighty { .. })), "{own:?}");
}

#[test]
fn a_server_that_tidies_a_table_meanwhile_stops_no_migration_and_is_not_stopped() {
    if !on_postgres() {
        return;
    }
    let (config, _) = prepared_config(&[TABLES]).expect("a database");
    // As a vacuum does: it keeps others of its kind from the table, and at its end notes what it found beside it.
    let (mut tidy, mut look) = (client(&owned(&config)), client(&seen_by_superuser(&config)));
    tidy.batch_execute("BEGIN; LOCK TABLE tally IN SHARE UPDATE EXCLUSIVE MODE").unwrap();
    std::thread::scope(|scope| {
        let migration = scope.spawn(|| db::migrate_by_owner(owned(&config), &config, WAIT, &[TABLES]));
        let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = CAST('tally' AS regclass)
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while look.query_one(waiting, &[]).unwrap().get::<_, i64>(0) == 0 {
            assert!(!migration.is_finished(), "it did not look at that table");
            look.batch_execute("SELECT pg_sleep(0.01)").unwrap();
        }
        tidy.batch_execute("GRANT SELECT ON tally TO PUBLIC; ROLLBACK").expect("it comes to its end");
        migration.join().unwrap().expect("so does the migration");
    });
}

// shows: 5.2.5 a role that could rewrite the past is refused before anything is written
#[test]
fn a_role_with_more_than_it_needs_is_refused_and_the_migration_takes_it_back() {
    if !on_postgres() {
        return;
    }
    let (config, _) = prepared_config(&[audit::MIGRATIONS, TABLES]).expect("a database");
    let refused = |config: &DbConfig, why: &str| {
        let said = Db::open(config.clone(), &[audit::MIGRATIONS, TABLES]).map(drop).expect_err(why);
        assert!(matches!(&said, DbError::Mighty { what, .. } if what.contains(why)), "{why}: {said:?}");
    };
    let superuser = seen_by_superuser(&config);
    refused(&superuser, "SUPERUSER");
    let database = url(&config).rsplit_once("dbname=").expect("a name").1.to_owned();
    refused(&seen_by(&config, OWNER), "OWNER OF DATABASE");

    let mut admin = client(&superuser);
    let mut owner = client(&owned(&config));
    let mut last = "";
    for (more, why) in [
        (format!("GRANT UPDATE (outcome) ON audit_row TO {ROLE}"), "UPDATE ON audit_row"),
        ("GRANT DELETE ON audit_person TO PUBLIC".to_owned(), "DELETE ON audit_person"),
        (format!("GRANT TRUNCATE ON tally TO {ROLE}"), "TRUNCATE ON tally"),
        (format!("GRANT INSERT ON migration TO {ROLE}"), "INSERT ON migration"),
        (format!("GRANT CREATE ON SCHEMA public TO {ROLE}"), "CREATE ON SCHEMA public"),
    ] {
        owner.batch_execute(&more).expect("the owner gives what it likes");
        refused(&config, why);
        db::migrate_by_owner(owned(&config), &config, WAIT, &[audit::MIGRATIONS, TABLES]).expect("it is taken back");
        last = why;
    }
    drop(Db::open(config.clone(), &[audit::MIGRATIONS, TABLES]).unwrap_or_else(|error| panic!("{last}: {error}")));

    // Roles are the whole server's: these are tried with one that nobody else has.
    let other = format!("{database}_other");
    admin.batch_execute(&format!("CREATE ROLE {other} LOGIN")).expect("a role");
    let as_other = seen_by(&config, &other);
    db::migrate_by_owner(owned(&config), &as_other, WAIT, &[audit::MIGRATIONS, TABLES])
        .expect("it is given its rights");
    drop(Db::open(as_other.clone(), &[audit::MIGRATIONS, TABLES]).expect("it opens"));
    for (more, less, why) in [
        (format!("GRANT {OWNER} TO {other}"), format!("REVOKE {OWNER} FROM {other}"), "OWNER OF DATABASE"),
        (format!("ALTER ROLE {other} CREATEROLE"), format!("ALTER ROLE {other} NOCREATEROLE"), "CREATEROLE"),
        (
            format!("GRANT pg_write_all_data TO {other}"),
            format!("REVOKE pg_write_all_data FROM {other}"),
            "pg_write_all_data",
        ),
    ] {
        admin.batch_execute(&more).expect("a role is given more");
        refused(&as_other, why);
        admin.batch_execute(&less).expect("and less");
    }
    admin.batch_execute(&format!("DROP OWNED BY {other}; DROP ROLE {other}")).expect("it is cleared away");
}

// shows: 5.2.5 a temporary table stands before no table of the record
#[test]
fn a_temporary_table_hides_nothing_of_the_record() {
    if !on_postgres() {
        return;
    }
    let region = region();
    let rows = |tx: &mut dyn db::Tx| tx.scalar::<i64>("SELECT COUNT(*) FROM audit_row", &[]);
    let (before, shadowed) = region
        .db
        .write_blocking(move |tx| {
            let before = rows(tx)?;
            tx.script("CREATE TEMPORARY TABLE audit_row (LIKE public.audit_row) ON COMMIT DROP")?;
            Ok::<_, db::DbError>((before, rows(tx)?))
        })
        .unwrap();
    assert!(before > 0);
    assert_eq!(shadowed, before);
}
