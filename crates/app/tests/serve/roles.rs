//! A region on a server: its tables are their owner's, who alone brings them forward, and the program tells whoever
//! starts it otherwise what to type.

use std::process::Output;

use base::Span;
use db::DbConfig;
use db::testing::{OWNER, fresh_config, on_postgres, owned, seen_by, seen_by_superuser, typed};

use crate::doors::refused;
use crate::harness::{Place, Town, ago};

fn url(config: &DbConfig) -> &str {
    let DbConfig::Postgres { url, .. } = config else { panic!("about servers only") };
    url
}

impl Place {
    /// A region whose database nobody has brought forward yet.
    pub fn of_today() -> Place {
        let mut place = Place::bare();
        place.database = fresh_config().expect("a database server for tests").0;
        place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
        place
    }

    pub fn migrate(&self) -> Output {
        let owner = owned(&self.database);
        self.program(&["migrate"]).env("TSUNAGARI_DATABASE_OWNER", url(&owner)).output().expect("it runs")
    }

    /// From now on its program speaks as somebody else.
    fn speaks_as(&mut self, database: DbConfig) {
        self.database = database;
        self.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
    }
}

// shows: 5.2.5 migrations run under another role, and the program says what to type
#[test]
fn a_region_is_brought_forward_by_its_owner_and_served_by_a_role_that_owns_nothing() {
    if !on_postgres() {
        let place = Place::new();
        assert!(place.must_run(&["migrate"]).contains("要りません"), "a file is brought forward by the program");
        return;
    }
    let place = Place::of_today();
    let create = ["admin", "create", "--login", "admin1", "--name", "見本 花子", "--kana", "ミホン ハナコ"];
    for command in [&["serve"][..], &create] {
        let said = refused(place.program(command));
        assert!(said.contains("tsunagari migrate --config") && said.contains("何も変更していません"), "{said}");
    }
    let said = refused(place.program(&["migrate"]));
    assert!(said.contains("TSUNAGARI_DATABASE_OWNER=\"host="), "{said}");
    let done = place.migrate();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    place.must_run(&create);
    let mut serving = place.serve();
    let at_work = place.migrate();
    assert!(!at_work.status.success() && String::from_utf8_lossy(&at_work.stderr).contains("止めてから"));
    assert!(serving.is_running(), "the region took no notice");
    let owns = "SELECT COUNT(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)";
    assert_eq!(place.look(|tx| tx.scalar::<i64>(owns, &[])), 0);
    for sql in ["DELETE FROM audit_row", "UPDATE audit_row SET outcome = 'done'", "TRUNCATE audit_row"] {
        let said = typed(&place.database, sql).expect_err(sql).to_string();
        assert!(said.contains("permission denied for table audit_row"), "{sql}: {said}");
    }
    assert!(serving.stop());
    assert!(place.run(&["audit", "verify"]).status.success());
}

// shows: 5.2.5 a role that could rewrite the past is not served under
#[test]
fn a_region_of_one_role_is_told_how_to_part_them_and_goes_on() {
    if !on_postgres() {
        return;
    }
    let mut place = Place::new();
    let town = Town::settle(&place, 5, 1, ago(Span::hours(1)));
    place.speaks_as(seen_by_superuser(&place.database));
    let said = refused(place.program(&["serve"]));
    assert!(said.contains("SUPERUSER") && said.contains("CREATE ROLE"), "{said}");

    // As an earlier version left it: one role that owns everything.
    let admin = place.database.clone();
    let name = url(&admin).rsplit_once("dbname=").expect("a name").1.to_owned();
    let one = format!("{name}_one");
    typed(&admin, &format!("CREATE ROLE {one} LOGIN; ALTER DATABASE {name} OWNER TO {one}")).expect("a role");
    let tables = "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()";
    let tables =
        place.look(|tx| tx.query(tables, &[])?.iter().map(|row| row.get(0)).collect::<Result<Vec<String>, _>>());
    for table in tables {
        typed(&admin, &format!("ALTER TABLE {table} OWNER TO {one}")).expect("it is its own");
    }
    place.speaks_as(seen_by(&place.database, &one));
    let said = refused(place.program(&["serve"]));
    let advised = format!("REASSIGN OWNED BY \"{one}\" TO tsunagari_owner;");
    assert!(said.contains("OWNER OF DATABASE") && said.contains(&advised), "{said}");
    typed(&admin, &advised.replace("tsunagari_owner", OWNER)).expect("it is what to type");
    let done = place.migrate();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut serving = place.serve();
    town.operator.sign_in(&mut place.client());
    assert!(serving.stop());
    typed(&admin, &format!("DROP OWNED BY {one}; DROP ROLE {one}")).expect("it is cleared away");
}
