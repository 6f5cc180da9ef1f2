//! Forgeries of what stands beside the rows: the index and its mark, the file of heads, an older backup.

use base::{Actor, Ctx, Instant, Purpose, RequestId};
use db::{marks, params};
use rand::Rng;
use rand::seq::{IndexedMutRandom, IndexedRandom};
use uuid::Uuid;

use super::Scene;
use super::rows::{Raw, file_anew, rows};
use super::world::{PEOPLE, key, load};
use crate::*;

pub fn a_line_of_the_index_gone(scene: &mut Scene<'_>) -> Option<()> {
    let gone = "DELETE FROM audit_person WHERE place = (SELECT MAX(place) FROM audit_person WHERE place <= $1)";
    let place = scene.place();
    (scene.tx.execute(gone, params![place]).expect("gone") > 0).then_some(())
}

pub fn a_line_of_the_index_invented(scene: &mut Scene<'_>) -> Option<()> {
    let (stranger, place) = (Uuid::from_u128(PEOPLE + 1), scene.place());
    let sql = "INSERT INTO audit_person (person_id, place) VALUES ($1, $2)";
    scene.tx.execute(sql, params![stranger, place]).expect("added");
    Some(())
}

pub fn the_index_emptied(scene: &mut Scene<'_>) -> Option<()> {
    if scene.tx.execute("DELETE FROM audit_person", &[]).expect("emptied") == 0 {
        return None;
    }
    if scene.rng.random_bool(0.5) {
        marks::set(scene.tx, "audit.indexed", "0").expect("a mark");
    }
    Some(())
}

pub fn the_mark_of_the_index_changed(scene: &mut Scene<'_>) -> Option<()> {
    let mark = ["1", "999999", "", "-3"].choose(&mut scene.rng)?;
    marks::set(scene.tx, "audit.indexed", mark).expect("a mark");
    Some(())
}

pub fn a_line_of_the_heads_gone(scene: &mut Scene<'_>) -> Option<()> {
    let mut lines = scene.lines();
    if lines.len() < 3 {
        return None;
    }
    lines.remove(scene.rng.random_range(0..lines.len() - 1));
    scene.write(&lines)
}

pub fn lines_of_the_heads_exchanged(scene: &mut Scene<'_>) -> Option<()> {
    let mut lines = scene.lines();
    if lines.len() < 2 {
        return None;
    }
    let at = scene.rng.random_range(0..lines.len() - 1);
    lines.swap(at, at + 1);
    scene.write(&lines)
}

pub fn a_line_of_the_heads_replayed(scene: &mut Scene<'_>) -> Option<()> {
    let mut lines = scene.lines();
    let line = lines.choose(&mut scene.rng)?.clone();
    lines.push(line);
    scene.write(&lines)
}

pub fn the_line_of_an_epoch_copied(scene: &mut Scene<'_>) -> Option<()> {
    let mut lines = scene.lines();
    let epoch = lines.iter().find(|line| line.contains("parent"))?.clone();
    let place = scene.rng.random_range(0..=lines.len());
    lines.insert(place, epoch);
    scene.write(&lines)
}

pub fn the_end_of_the_heads_cut(scene: &mut Scene<'_>) -> Option<()> {
    let mut lines = scene.lines();
    lines.truncate(scene.rng.random_range(0..lines.len()));
    scene.write(&lines)
}

pub fn a_line_of_the_heads_changed(scene: &mut Scene<'_>) -> Option<()> {
    let mut lines = scene.lines();
    let line = lines.choose_mut(&mut scene.rng)?;
    *line = line.replacen("\"seq\":", "\"seq\":1", 1);
    scene.write(&lines)
}

pub fn a_line_of_a_stranger(scene: &mut Scene<'_>) -> Option<()> {
    let stranger = HeadKey::from_seed([9; 32]);
    let (seq, hash) = head(scene.tx).expect("a head");
    let says = [Says::Head, Says::Epoch { parent: 0, despite: true }].choose(&mut scene.rng).copied()?;
    let (of, chain) = (Head { seq, at: Instant(5), hash }, store::hash_at(scene.tx, 1, 1).ok()??);
    let (line, _) = next_line(&stranger, &end_of(&scene.heads), &chain, &of, says);
    let mut lines = scene.lines();
    lines.push(line);
    scene.write(&lines)
}

/// Somebody puts back an older backup and lets the database remember the whole file.
fn put_back(scene: &mut Scene<'_>) -> Option<()> {
    let backup = scene.backups.choose(&mut scene.rng)?;
    let (n, sum) = signed(scene.tx).expect("a mark")?;
    load(scene.tx, backup).expect("loaded");
    note_signed(scene.tx, n, &sum).expect("a mark");
    Some(())
}

pub fn an_older_backup(scene: &mut Scene<'_>) -> Option<()> {
    let stand = |scene: &mut Scene<'_>| -> Vec<Vec<Raw>> {
        scene.chains.clone().into_iter().map(|chain| rows(scene.tx, chain)).collect()
    };
    let before = stand(scene);
    put_back(scene)?;
    (stand(scene) != before).then_some(())
}

pub fn an_older_backup_and_an_epoch(scene: &mut Scene<'_>) -> Option<()> {
    let statements = parse_heads(&scene.heads, &key().public()).ok()?;
    put_back(scene)?;
    let ctx = Ctx::new(Actor::system("x"), Purpose::Operation, Instant(9), RequestId(Uuid::nil()));
    begin_epoch(&ctx, scene.tx, &statements).expect("an epoch");
    file_anew(scene.tx);
    Some(())
}
