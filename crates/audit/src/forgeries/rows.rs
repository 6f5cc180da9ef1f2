//! Forgeries of the rows themselves: taken out, put in, moved, edited, and chained anew as if nothing had been.

use db::{Tx, Value, marks, params};
use rand::seq::IndexedRandom;

use super::Scene;
use crate::chain::{Columns, GENESIS, hash};
use crate::store::RAW;
use crate::{Verb, index_persons};

/// Behind all places of a history.
const FAR: i64 = 1_000_000;

pub type Raw = Vec<Value>;

pub fn rows(tx: &mut dyn Tx, chain: i64) -> Vec<Raw> {
    let rows = tx.query(RAW, params![chain, 0i64, 1_000_000i64]).expect("rows");
    rows.iter().map(|row| row.values().to_vec()).collect()
}

pub fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { panic!("no text: {value:?}") }
}

fn bytes(value: &Value) -> &[u8] {
    if let Value::Blob(bytes) = value { bytes } else { &[] }
}

pub fn int(value: &Value) -> i64 {
    if let Value::Int(n) = value { *n } else { panic!("no number: {value:?}") }
}

/// Puts these rows in the place of a chain, numbered and hashed as if they had always been so, and files them anew.
pub fn write_anew(tx: &mut dyn Tx, chain: i64, mut rows: Vec<Raw>) {
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

pub fn file_anew(tx: &mut dyn Tx) {
    tx.execute("DELETE FROM audit_person", &[]).expect("emptied");
    marks::set(tx, "audit.indexed", "0").expect("a mark");
    while index_persons(tx, 1000).expect("filed") {}
}

/// A row like this one, but of an epoch.
fn epoch(row: &Raw, items: String) -> Raw {
    let mut row = row.clone();
    (row[8], row[10], row[9]) = (Value::from(Verb::BeginEpoch.key()), Value::from(items), Value::from(""));
    row
}

fn placed(mut row: Raw, place: i64) -> Raw {
    row[14] = Value::Int(place);
    row
}

/// The rows without those of one person.
fn without_one(scene: &Scene<'_>) -> Option<Vec<Raw>> {
    let person = text(&scene.row()[9]).split(' ').next().filter(|person| !person.is_empty())?;
    let left: Vec<Raw> = scene.all.iter().filter(|row| !text(&row[9]).contains(person)).cloned().collect();
    (!left.is_empty()).then_some(left)
}

pub fn a_person_gone(scene: &mut Scene<'_>) -> Option<()> {
    let left = without_one(scene)?;
    write_anew(scene.tx, scene.chain, left);
    Some(())
}

pub fn a_person_gone_behind_an_epoch(scene: &mut Scene<'_>) -> Option<()> {
    let mut left = without_one(scene)?;
    left.push(placed(epoch(left.last()?, scene.last_head()?), FAR));
    write_anew(scene.tx, scene.chain, left);
    Some(())
}

pub fn an_epoch_at_the_end(scene: &mut Scene<'_>) -> Option<()> {
    let quotes = [scene.last_head()?, "unknown".into(), format!("9:{}", "ab".repeat(32))];
    let quote = quotes.choose(&mut scene.rng)?.clone();
    let mut all = scene.all.clone();
    all.push(placed(epoch(scene.row(), quote), FAR));
    write_anew(scene.tx, scene.chain, all);
    Some(())
}

pub fn an_epoch_in_the_middle(scene: &mut Scene<'_>) -> Option<()> {
    let mut all = scene.all.clone();
    all[scene.at] = epoch(scene.row(), scene.last_head()?);
    write_anew(scene.tx, scene.chain, all);
    Some(())
}

pub fn rows_exchanged(scene: &mut Scene<'_>) -> Option<()> {
    let (mut all, at) = (scene.all.clone(), scene.at);
    let other = (at + 1) % all.len();
    if all[at][1..13] == all[other][1..13] {
        return None;
    }
    all.swap(at, other);
    write_anew(scene.tx, scene.chain, all);
    Some(())
}

pub fn places_exchanged(scene: &mut Scene<'_>) -> Option<()> {
    let (a, b) = (int(&scene.row()[14]), int(&scene.all[(scene.at + 1) % scene.all.len()][14]));
    if a == b {
        return None;
    }
    for (from, to) in [(a, -1), (b, a), (-1, b)] {
        scene.tx.execute("UPDATE audit_row SET place = $2 WHERE place = $1", params![from, to]).expect("moved");
    }
    file_anew(scene.tx);
    Some(())
}

pub fn an_end_cut(scene: &mut Scene<'_>) -> Option<()> {
    let (chain, from) = (scene.chain, int(&scene.row()[0]));
    let cut = "DELETE FROM audit_row WHERE chain_id = $1 AND seq >= $2";
    scene.tx.execute(cut, params![chain, from]).expect("cut");
    file_anew(scene.tx);
    Some(())
}

pub fn a_clock_set_back(scene: &mut Scene<'_>) -> Option<()> {
    let mut all = scene.all.clone();
    all[scene.at][1] = Value::Int(int(&all[scene.at][1]) - 3_600_000_000);
    write_anew(scene.tx, scene.chain, all);
    Some(())
}

pub fn a_row_edited(scene: &mut Scene<'_>) -> Option<()> {
    let to = ["done", "refused", "failed"].into_iter().find(|outcome| *outcome != text(&scene.row()[12]))?;
    let sql = "UPDATE audit_row SET outcome = $3 WHERE chain_id = $1 AND seq = $2";
    scene.tx.execute(sql, params![scene.chain, int(&scene.row()[0]), to]).expect("edited");
    Some(())
}

pub fn a_chain_invented(scene: &mut Scene<'_>) -> Option<()> {
    let mut own = placed(scene.row().clone(), FAR);
    own[10] = Value::from("invented");
    write_anew(scene.tx, 77, vec![own]);
    Some(())
}

pub fn a_chain_copied(scene: &mut Scene<'_>) -> Option<()> {
    let copied = scene.all.iter().zip(FAR..).map(|(row, place)| placed(row.clone(), place)).collect();
    write_anew(scene.tx, 78, copied);
    Some(())
}

pub fn a_chain_gone(scene: &mut Scene<'_>) -> Option<()> {
    if scene.chains.len() < 2 {
        return None;
    }
    write_anew(scene.tx, scene.chain, vec![]);
    Some(())
}
