//! A thousand forgeries of whoever may write to the database and to the file of heads but has no key, upon histories
//! with restores, second chains and lost branches; and the honest histories themselves, which must all be believed.

use base::{Actor, Ctx, Instant, PersonId, Purpose, RequestId};
use db::testing::{TestDb, fresh};
use db::{DbError, Tx, Value, dump, marks, params};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::chain::{Columns, GENESIS, hash};
use crate::store::{self, RAW};
use crate::*;

const HISTORIES: u64 = 20;
const FORGERIES: usize = 50;
const STEPS: usize = 18;
const PEOPLE: u128 = 6;

/// A region, the file of its heads, and the backups somebody kept.
struct World {
    region: TestDb,
    key: HeadKey,
    heads: String,
    backups: Vec<Vec<u8>>,
    moment: i64,
    rng: StdRng,
}

fn rolled_back<T: Send + 'static>(region: &TestDb, f: impl Fn(&mut dyn Tx) -> T + Send + 'static) -> T {
    let (told, heard) = std::sync::mpsc::channel();
    let undone: Result<(), DbError> = region.db.write_blocking(move |tx| {
        let _ = told.send(f(tx));
        Err(DbError::NoRow)
    });
    assert!(undone.is_err());
    heard.recv().expect("it ran")
}

impl World {
    fn new(seed: u64) -> World {
        let (region, key) = (fresh(&[MIGRATIONS]), HeadKey::from_seed([3; 32]));
        let (heads, backups, rng) = (String::new(), vec![], StdRng::seed_from_u64(seed));
        let mut world = World { region, key, heads, backups, moment: 1_000_000, rng };
        world.live();
        world.sign();
        world
    }

    fn statements(&self) -> Vec<Statement> {
        parse_heads(&self.heads, &self.key.public()).expect("an honest file")
    }

    fn ctx(&mut self) -> Ctx {
        // Clocks are set back now and then; nothing rests on them.
        self.moment += self.rng.random_range(-500..5_000);
        let request = RequestId(Uuid::from_u128(self.rng.random()));
        Ctx::new(Actor::system("test"), Purpose::Operation, Instant(self.moment), request)
    }

    /// People are looked at.
    fn live(&mut self) {
        for _ in 0..self.rng.random_range(1..12) {
            let ctx = self.ctx();
            let persons: Vec<PersonId> = (0..self.rng.random_range(1..4))
                .map(|_| PersonId(Uuid::from_u128(self.rng.random_range(1..=PEOPLE))))
                .collect();
            let look =
                move |tx: &mut dyn Tx| done(&ctx, tx, crate::tests::Look::Person, &persons, "identity", "care_team");
            self.region.db.write_blocking(look).expect("a look");
        }
    }

    /// What the program does every minute, from the file as it lies there.
    fn sign(&mut self) {
        let tip = Tip::of(&self.heads, &self.statements());
        while self.region.db.write_blocking(|tx| index_persons(tx, 1000)).expect("filed") {}
        let (end, now) = (tip.end.clone(), Instant(self.moment));
        let heads = self.region.db.read_blocking(move |tx| to_sign(tx, &tip, now)).expect("read");
        let (lines, _) = head_lines(&self.key, &end, &heads.expect("an honest region is signed"));
        self.add(&lines);
    }

    fn add(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.heads.extend([line, "\n"]));
        let end = end_of(&self.heads);
        self.region.db.write_blocking(move |tx| note_signed(tx, end.n, &end.sum)).expect("noted");
    }

    fn back_up(&mut self) {
        let backup = self.region.db.read_blocking(|tx| {
            let mut out = Vec::new();
            dump::write(tx, &mut out).map(|_| out).map_err(|e| DbError::Engine(e.to_string()))
        });
        self.backups.push(backup.expect("a backup"));
    }

    /// The machine is lost; some backup and the file of heads are there.
    fn restore(&mut self) {
        let Some(backup) = self.backups.choose(&mut self.rng).cloned() else { return };
        let (ctx, statements) = (self.ctx(), self.statements());
        let waiting = self.region.db.write_blocking(move |tx| {
            load(tx, &backup)?;
            begin_epoch(&ctx, tx, &statements)?;
            waiting(tx, &statements)
        });
        let waiting = waiting.expect("loaded").expect("an honest backup");
        assert_eq!((waiting.conflict, waiting.epochs.len()), (None, 1), "an honest backup is a moment of the past");
        let (lines, _) = epoch_lines(&self.key, &end_of(&self.heads), &waiting, false);
        self.add(&lines);
    }

    fn begin_chain(&mut self) {
        let ctx = self.ctx();
        self.region.db.write_blocking(move |tx| begin_chain(&ctx, tx)).expect("a chain");
        self.sign();
    }

    /// A second writer came home: the first chain goes on.
    fn first_chain_again(&mut self) {
        let own = "INSERT INTO audit_own (n, chain_id) SELECT COALESCE(MAX(n), 0) + 1, 1 FROM audit_own";
        self.region.db.write_blocking(move |tx| tx.execute(own, &[])).expect("the first chain");
    }

    fn step(&mut self) {
        match self.rng.random_range(0..10) {
            0..3 => self.live(),
            3..6 => self.sign(),
            6..8 => self.back_up(),
            8 => self.restore(),
            _ if self.rng.random_bool(0.5) => self.begin_chain(),
            _ => self.first_chain_again(),
        }
    }

    /// What the keeper finds who has this file and looks into the database now; `None`: all is well.
    fn is_found(tx: &mut dyn Tx, heads: &str, public: &str) -> bool {
        let Ok(statements) = parse_heads(heads, public) else { return true };
        !fits(signed(tx).expect("a mark"), &statements) || verify(tx, &statements).expect("read").finding.is_some()
    }
}

fn load(tx: &mut dyn Tx, backup: &[u8]) -> Result<(), DbError> {
    for table in ["audit_row", "audit_person", "audit_own", "db_mark"] {
        tx.execute(&format!("DELETE FROM {table}"), &[])?;
    }
    dump::load(tx, &mut &backup[..]).map(drop).map_err(|e| DbError::Engine(e.to_string()))
}

type Raw = Vec<Value>;

fn rows(tx: &mut dyn Tx, chain: i64) -> Vec<Raw> {
    let rows = tx.query(RAW, params![chain, 0i64, 1_000_000i64]).expect("rows");
    rows.iter().map(|row| row.values().to_vec()).collect()
}

fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { panic!("no text: {value:?}") }
}

fn bytes(value: &Value) -> &[u8] {
    if let Value::Blob(bytes) = value { bytes } else { &[] }
}

fn int(value: &Value) -> i64 {
    if let Value::Int(n) = value { *n } else { panic!("no number: {value:?}") }
}

/// Puts these rows in the place of a chain, numbered and hashed as if they had always been so, and files them anew.
fn write_anew(tx: &mut dyn Tx, chain: i64, mut rows: Vec<Raw>) {
    let mut places: Vec<i64> = rows.iter().map(|row| int(&row[14])).collect();
    places.sort_unstable();
    tx.execute("DELETE FROM audit_row WHERE chain_id = $1", params![chain]).expect("gone");
    let mut previous = GENESIS;
    for (i, row) in rows.iter_mut().enumerate() {
        (row[0], row[14]) = (Value::Int(i as i64 + 1), Value::Int(places[i]));
        let office = bytes(&row[4]).to_vec();
        let columns = Columns {
            seq: int(&row[0]),
            at: int(&row[1]),
            role: text(&row[2]),
            actor_id: bytes(&row[3]),
            office_id: (!office.is_empty()).then_some(office.as_slice()),
            device: text(&row[5]),
            request_id: bytes(&row[6]),
            purpose: text(&row[7]),
            action: text(&row[8]),
            persons: text(&row[9]),
            items: text(&row[10]),
            ground: text(&row[11]),
            outcome: text(&row[12]),
        };
        previous = hash(&previous, &columns);
        row[13] = Value::from(previous);
        row.push(Value::Int(chain));
    }
    let head = "INSERT INTO audit_row (seq, at, role, actor_id, office_id, device, request_id, purpose, action, persons, \
                items, ground, outcome, hash, place, chain_id)";
    tx.insert_rows(head, 16, &rows, "").expect("rows");
    file_anew(tx);
}

fn file_anew(tx: &mut dyn Tx) {
    tx.execute("DELETE FROM audit_person", &[]).expect("emptied");
    marks::set(tx, "audit.indexed", "0").expect("a mark");
    while index_persons(tx, 1000).expect("filed") {}
}

fn invented(row: &Raw, action: &str, items: String) -> Raw {
    let mut row = row.clone();
    (row[8], row[10], row[9]) = (Value::from(action), Value::from(items), Value::from(""));
    row
}

/// One forgery; says what it was, and gives the file as it lies there afterwards. `None`: the history has no place for
/// it.
fn forge(
    tx: &mut dyn Tx,
    kind: u32,
    heads: &str,
    backups: &[Vec<u8>],
    rng: &mut StdRng,
) -> Option<(&'static str, String)> {
    let chains = store::chains(tx).expect("chains");
    let chain = *chains.choose(rng)?;
    let mut all = rows(tx, chain);
    let at = rng.random_range(0..all.len());
    let mut lines: Vec<&str> = heads.lines().collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let same = heads.to_owned();
    let last_quote = lines
        .last()
        .and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .map(|line| format!("{}:{}", line["seq"], line["hash"].as_str().unwrap_or_default()))?;
    Some(match kind {
        0 | 1 => {
            let person = text(&all[at][9]).split(' ').next().filter(|p| !p.is_empty())?.to_owned();
            all.retain(|row| !text(&row[9]).contains(&person));
            if all.is_empty() {
                return None;
            }
            if kind == 1 {
                let mut epoch = invented(&all[all.len() - 1], crate::Verb::BeginEpoch.key(), last_quote);
                epoch[14] = Value::Int(1_000_000);
                all.push(epoch);
            }
            write_anew(tx, chain, all);
            (["rows of one person gone", "rows of one person gone behind an epoch"][kind as usize], same)
        }
        2 => {
            let quote = [last_quote, "unknown".into(), format!("9:{}", "ab".repeat(32))].choose(rng)?.clone();
            let mut epoch = invented(&all[at], crate::Verb::BeginEpoch.key(), quote);
            epoch[14] = Value::Int(1_000_000);
            all.push(epoch);
            write_anew(tx, chain, all);
            ("an epoch invented at the end", same)
        }
        3 => {
            let epoch = invented(&all[at], crate::Verb::BeginEpoch.key(), last_quote);
            all[at] = epoch;
            write_anew(tx, chain, all);
            ("an epoch invented in the middle", same)
        }
        4 => {
            let other = (at + 1) % all.len();
            if all[at][1..13] == all[other][1..13] {
                return None;
            }
            all.swap(at, other);
            write_anew(tx, chain, all);
            ("two rows exchanged", same)
        }
        5 => {
            let (a, b) = (int(&all[at][14]), int(&all[(at + 1) % all.len()][14]));
            if a == b {
                return None;
            }
            for (from, to) in [(a, -1), (b, a), (-1, b)] {
                tx.execute("UPDATE audit_row SET place = $2 WHERE place = $1", params![from, to]).expect("moved");
            }
            file_anew(tx);
            ("two places exchanged", same)
        }
        6 => {
            let gone = "DELETE FROM audit_person WHERE place = (SELECT MAX(place) FROM audit_person WHERE place <= $1)";
            if tx.execute(gone, params![all[at][14].clone()]).expect("gone") == 0 {
                return None;
            }
            ("a line of the index gone", same)
        }
        7 => {
            let stranger = Uuid::from_u128(PEOPLE + 1);
            let sql = "INSERT INTO audit_person (person_id, place) VALUES ($1, $2)";
            tx.execute(sql, params![stranger, all[at][14].clone()]).expect("added");
            ("a line of the index invented", same)
        }
        8 => {
            if tx.execute("DELETE FROM audit_person", &[]).expect("emptied") == 0 {
                return None;
            }
            if rng.random_bool(0.5) {
                marks::set(tx, "audit.indexed", "0").expect("a mark");
            }
            ("the index emptied", same)
        }
        9 => {
            let mark = ["1", "999999", "", "-3"].choose(rng)?;
            marks::set(tx, "audit.indexed", mark).expect("a mark");
            ("the mark of the index changed", same)
        }
        10 => {
            let (from, upto) = (int(&all[at][0]), int(&all[at][14]));
            tx.execute("DELETE FROM audit_row WHERE chain_id = $1 AND seq >= $2", params![chain, from]).expect("cut");
            tx.execute("DELETE FROM audit_person WHERE place >= $1", params![upto]).expect("cut");
            file_anew(tx);
            ("the end of a chain cut", same)
        }
        11 if lines.len() > 2 => {
            lines.remove(rng.random_range(0..lines.len() - 1));
            ("a line of the heads gone", joined(&lines))
        }
        12 if lines.len() > 1 => {
            let at = rng.random_range(0..lines.len() - 1);
            lines.swap(at, at + 1);
            ("two lines of the heads exchanged", joined(&lines))
        }
        13 => {
            lines.push(lines.choose(rng)?);
            ("a line of the heads replayed", joined(&lines))
        }
        14 => {
            let epoch = *lines.iter().find(|line| line.contains("parent"))?;
            let place = rng.random_range(0..=lines.len());
            lines.insert(place, epoch);
            ("the line of an epoch copied", joined(&lines))
        }
        15 => {
            lines.truncate(rng.random_range(0..lines.len()));
            ("the end of the heads cut", joined(&lines))
        }
        16 => {
            let stranger = HeadKey::from_seed([9; 32]);
            let (seq, hash) = head(tx).expect("a head");
            let says = [Says::Head, Says::Epoch { parent: 0, despite: true }].choose(rng).copied()?;
            let of = Head { seq, at: Instant(5), hash };
            let (line, _) = next_line(&stranger, &end_of(heads), &store::hash_at(tx, 1, 1).ok()??, &of, says);
            ("a line of a stranger", format!("{heads}{line}\n"))
        }
        17 => {
            let line = lines.choose(rng)?;
            let changed = line.replacen("\"seq\":", "\"seq\":1", 1);
            ("a line of the heads changed", heads.replacen(line, &changed, 1))
        }
        18 => {
            all[at][1] = Value::Int(int(&all[at][1]) - 3_600_000_000);
            write_anew(tx, chain, all);
            ("the clock of a row set back", same)
        }
        19 | 20 => {
            let backup = backups.choose(rng)?;
            let before: Vec<Vec<Raw>> = chains.iter().map(|chain| rows(tx, *chain)).collect();
            let (remembered, statements) = (signed(tx).expect("a mark"), parse_heads(heads, &public()).ok()?);
            load(tx, backup).expect("loaded");
            // Whoever restores so also lets the database remember the whole file.
            let (n, sum) = remembered?;
            note_signed(tx, n, &sum).expect("a mark");
            let after: Vec<Vec<Raw>> = chains.iter().map(|chain| rows(tx, *chain)).collect();
            if kind == 20 {
                let ctx = Ctx::new(Actor::system("x"), Purpose::Operation, Instant(9), RequestId(Uuid::nil()));
                begin_epoch(&ctx, tx, &statements).expect("an epoch");
                file_anew(tx);
            } else if before == after {
                return None;
            }
            (["an older backup without a word", "an older backup and an epoch nobody signed"][kind as usize - 19], same)
        }
        21 => {
            let mut own = vec![all[at].clone()];
            own[0][14] = Value::Int(1_000_000);
            own[0][10] = Value::from("invented");
            write_anew(tx, 77, own);
            ("a chain invented", same)
        }
        22 => {
            all.iter_mut().enumerate().for_each(|(i, row)| row[14] = Value::Int(1_000_000 + i as i64));
            write_anew(tx, 78, all);
            ("a chain copied", same)
        }
        23 if chains.len() > 1 => {
            write_anew(tx, chain, vec![]);
            ("a chain gone", same)
        }
        24 => {
            let to = Value::from(["done", "refused", "failed"].into_iter().find(|o| *o != text(&all[at][12]))?);
            let sql = "UPDATE audit_row SET outcome = $3 WHERE chain_id = $1 AND seq = $2";
            tx.execute(sql, params![chain, all[at][0].clone(), to]).expect("edited");
            ("a row edited", same)
        }
        _ => return None,
    })
}

fn public() -> String {
    HeadKey::from_seed([3; 32]).public()
}

// shows: 5.2.3 forgeries by seed: 1,000 of 1,000 found, the honest restores among them accepted
#[test]
fn a_thousand_forgeries_are_found_and_every_honest_history_is_believed() {
    let begin = std::env::var("TSUNAGARI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1u64);
    let (mut found, mut believed, mut restores) = (std::collections::BTreeMap::<&str, usize>::new(), 0, 0);
    for seed in begin..begin + HISTORIES {
        eprintln!("history with seed {seed} (TSUNAGARI_SEED)");
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
            let (heads, public) = (world.heads.clone(), world.key.public());
            // A chain that began since the last minute has no head yet.
            if world.rng.random_bool(0.5) {
                world.sign();
                let heads = world.heads.clone();
                let honest = rolled_back(&world.region, move |tx| !World::is_found(tx, &heads, &public));
                assert!(honest, "seed {seed}: an honest history is believed");
            } else {
                let statements = parse_heads(&heads, &public).expect("honest");
                let report = world.region.db.read_blocking(move |tx| verify(tx, &statements)).expect("read");
                assert!(matches!(report.finding, None | Some(Finding::Unsigned)), "seed {seed}: {report:?}");
            }
            believed += 1;
        }
        world.back_up();
        world.live();
        world.sign();
        restores += world.heads.matches("parent").count();
        let mut kinds: Vec<u32> = (0..25).collect();
        let mut done = 0;
        while done < FORGERIES {
            kinds.shuffle(&mut world.rng);
            for kind in kinds.clone() {
                if done == FORGERIES {
                    break;
                }
                let (heads, backups, lot) = (world.heads.clone(), world.backups.clone(), world.rng.random());
                let told = rolled_back(&world.region, move |tx| {
                    let (what, left) = forge(tx, kind, &heads, &backups, &mut StdRng::seed_from_u64(lot))?;
                    Some((what, World::is_found(tx, &left, &public())))
                });
                let Some((what, is_found)) = told else { continue };
                assert!(is_found, "seed {seed}, lot {lot}, kind {kind}: {what} is found");
                *found.entry(what).or_default() += 1;
                done += 1;
            }
        }
    }
    eprintln!("{believed} moments believed, {restores} restores among them; found: {found:#?}");
    assert_eq!(found.values().sum::<usize>(), HISTORIES as usize * FORGERIES);
    assert!(found.len() >= 25 && restores >= 10, "every kind and many restores: {found:#?}, {restores}");
}
