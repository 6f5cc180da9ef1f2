//! Honest histories: what a region, its keeper and its misfortunes do, and what the keeper finds who looks.

use base::{Actor, Ctx, Instant, PersonId, Purpose, RequestId};
use db::testing::{TestDb, fresh_owned};
use db::{DbError, Tx, dump};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::tests::look;
use crate::*;

const STEPS: usize = 18;
pub const PEOPLE: u128 = 6;

/// A region, the file of its heads, and the backups somebody kept.
pub struct World {
    pub region: TestDb,
    pub heads: String,
    pub backups: Vec<Vec<u8>>,
    pub rng: StdRng,
    key: HeadKey,
    moment: i64,
}

pub fn key() -> HeadKey {
    HeadKey::from_seed([3; 32])
}

/// Whether the keeper finds something who has this file and looks into the database now.
pub fn is_found(tx: &mut dyn Tx, heads: &str) -> bool {
    let Ok(statements) = parse_heads(heads, &key().public()) else { return true };
    !fits(signed(tx).expect("a mark"), &statements) || verify(tx, &statements).expect("read").finding.is_some()
}

/// Runs `f` and undoes what it did.
pub fn rolled_back<T: Send + 'static>(region: &TestDb, f: impl Fn(&mut dyn Tx) -> T + Send + 'static) -> T {
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
        // Whoever forges has got hold of the owner's role on a server: the program's cannot.
        let (region, key) = (fresh_owned(&[access::MIGRATIONS, MIGRATIONS]), key());
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
            let look = move |tx: &mut dyn Tx| look(&ctx, tx, &persons);
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

    /// A history by seed, believed at every step of it; gives how often. A backup, its restore and a second chain are in
    /// each, so that every forgery finds its place.
    pub fn lived(seed: u64) -> (World, usize) {
        let mut world = World::new(seed);
        for step in 0..STEPS {
            match step {
                3 => world.back_up(),
                7 => world.restore(),
                12 => world.begin_chain(),
                _ => world.step(),
            }
            world.is_believed(seed);
        }
        world.back_up();
        world.live();
        world.sign();
        world.is_believed(seed);
        (world, STEPS + 1)
    }

    fn is_believed(&mut self, seed: u64) {
        if self.rng.random_bool(0.5) {
            self.sign();
            let heads = self.heads.clone();
            let honest = self.region.db.read_blocking(move |tx| Ok::<_, DbError>(!is_found(tx, &heads)));
            assert!(honest.expect("read"), "seed {seed}: an honest history is believed");
        } else {
            let statements = self.statements();
            let report = self.region.db.read_blocking(move |tx| verify(tx, &statements)).expect("read");
            // A chain that began since the last minute has no head yet.
            assert!(matches!(report.finding, None | Some(Finding::Unsigned)), "seed {seed}: {report:?}");
        }
    }
}

/// Puts a backup in the place of what is there.
pub fn load(tx: &mut dyn Tx, backup: &[u8]) -> Result<(), DbError> {
    for table in ["audit_row", "audit_person", "audit_own", "db_mark"] {
        tx.execute(&format!("DELETE FROM {table}"), &[])?;
    }
    dump::load(tx, &mut &backup[..]).map(drop).map_err(|e| DbError::Engine(e.to_string()))
}
