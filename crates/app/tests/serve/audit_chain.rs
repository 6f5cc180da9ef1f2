//! The audit chain as whoever keeps it checks it: by the command line, against heads kept elsewhere.

use std::path::PathBuf;

use base::Span;
use db::params;

use crate::client::Client;
use crate::harness::{Place, Town, ago};

/// A region that was at work for a while, and what its keeper carried away: the heads and the public key.
pub struct Kept {
    pub place: Place,
    /// A browser that is signed in.
    pub operator: Client,
    pub heads: PathBuf,
    key: String,
}

/// The newest signed row, as the file of heads tells it.
fn newest_head(place: &Place) -> i64 {
    let heads = std::fs::read_to_string(place.operations_folder().join("audit-heads.jsonl")).unwrap_or_default();
    let last = heads.lines().next_back().and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    last.and_then(|head| head["seq"].as_i64()).unwrap_or(0)
}

pub fn rows(place: &Place) -> i64 {
    place.look(|tx| Ok(audit::head(tx)?.0))
}

/// Serves and ends, which signs the newest row.
pub fn sign(place: &Place) {
    let mut serving = place.serve();
    assert!(serving.stop(), "it ends well");
    assert_eq!(newest_head(place), rows(place), "the newest row is signed");
}

impl Kept {
    pub fn keep() -> Kept {
        let place = Place::new();
        let town = Town::settle(&place, 5, 2, ago(Span::hours(3)));
        let mut serving = place.serve();
        let mut operator = place.client();
        town.operator.sign_in(&mut operator);
        assert_eq!(operator.get("/cases").expect("an answer").status, 200);
        assert!(serving.stop(), "it ends well");
        sign(&place);
        let heads = place.folder.path().join("elsewhere.jsonl");
        std::fs::copy(place.operations_folder().join("audit-heads.jsonl"), &heads).expect("the heads are copied");
        let key = place.must_run(&["audit", "key"]).trim().to_owned();
        assert!(key.len() == 64 && key.chars().all(|c| c.is_ascii_hexdigit()), "{key}");
        Kept { place, operator, heads, key }
    }

    /// The words of a verification against the copy or the region's own file, and whether it found the chain whole.
    pub fn verify(&self, against_heads: bool) -> (bool, String) {
        let heads = self.heads.to_str().expect("a plain path");
        let arguments = ["audit", "verify", "--heads", heads, "--key", &self.key];
        let output = self.place.run(if against_heads { &arguments } else { &arguments[..2] });
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn tamper(&self, sql: &'static str, seq: i64) {
        self.place.tamper(move |tx| tx.execute(sql, params![seq]));
    }
}

#[test]
fn an_edit_is_named_by_itself_and_a_cut_end_against_heads() {
    let kept = Kept::keep();
    let rows = rows(&kept.place);
    let (whole, said) = kept.verify(false);
    assert!(whole && said.contains(&format!("監査記録{rows}行に異常はありません")), "{said}");
    let (whole, said) = kept.verify(true);
    assert!(whole && !said.contains("照合したヘッド0件"), "{said}");

    kept.tamper("UPDATE audit_row SET outcome = 'refused' WHERE seq = $1", 7);
    for against_heads in [false, true] {
        let (whole, said) = kept.verify(against_heads);
        assert!(!whole && said.contains("7行目が書き換えられたか"), "{said}");
    }
    kept.tamper("UPDATE audit_row SET outcome = 'done' WHERE seq = $1", 7);
    assert!(kept.verify(true).0, "what was set right verifies");

    kept.tamper("DELETE FROM audit_row WHERE seq > $1", rows - 3);
    for against_heads in [false, true] {
        let (whole, said) = kept.verify(against_heads);
        assert!(!whole && said.contains(&format!("{}行目から後が切り取られています", rows - 2)), "{said}");
    }
}

#[test]
fn heads_that_somebody_else_signed_are_not_believed() {
    let kept = Kept::keep();
    let stranger = audit::HeadKey::from_seed([9; 32]);
    let (seq, hash) = kept.place.look(audit::head);
    let honest = std::fs::read_to_string(&kept.heads).expect("the heads");
    let head = audit::Head { seq, at: crate::harness::now(), hash };
    let (forged, _) = audit::next_line(&stranger, &audit::end_of(&honest), &[1; 32], &head, audit::Says::Head);
    std::fs::write(&kept.heads, format!("{honest}{forged}\n")).expect("a forged line");
    let (whole, said) = kept.verify(true);
    let line = honest.lines().count() + 1;
    assert!(!whole && said.contains(&format!("{line}行目の署名が、この鍵のものではありません")), "{said}");

    std::fs::write(&kept.heads, &honest).expect("the heads");
    let output = kept.place.run(&[
        "audit",
        "verify",
        "--heads",
        kept.heads.to_str().expect("a plain path"),
        "--key",
        &stranger.public(),
    ]);
    assert!(!output.status.success(), "another key proves nothing");
}

#[test]
fn without_a_key_nothing_is_invented() {
    let place = Place::new();
    drop(place.open());
    let said = crate::doors::refused(place.program(&["audit", "key"]));
    assert!(said.contains("audit-heads.key") && said.contains("--key"), "{said}");
    assert!(!place.operations_folder().join("audit-heads.key").exists(), "asking makes no key");
}
