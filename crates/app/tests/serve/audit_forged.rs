//! Whoever can write to the database but has no key: what they rewrite is found by the command line, and the program
//! signs nothing over it, says so to everybody, and goes on recording.

use audit::{Basis, Means};
use base::{Actor, Ctx, PersonId, RequestId};
use db::DbError;

use crate::audit_chain::{Kept, rows};
use crate::harness::until;

impl Kept {
    /// Every row of every human goes; the others are chained anew behind a made-up epoch.
    fn forge(&self) {
        self.place.tamper(|tx| {
            let mut kept = audit::newest(tx, 1_000_000)?;
            kept.reverse();
            kept.retain(|row| row.actor_id.is_nil());
            for table in ["audit_row", "audit_person"] {
                tx.execute(&format!("DELETE FROM {table}"), &[])?;
            }
            db::marks::set(tx, "audit.indexed", "0")?;
            let (statements, mut last) = (vec![], None);
            for row in kept {
                let actor = Actor { role: row.role, id: row.actor_id, office: row.office, ..Actor::system("watch") };
                let ctx = Ctx::new(actor, row.purpose, row.at, RequestId(uuid::Uuid::now_v7()));
                let persons: Vec<PersonId> = row.persons;
                let action = web::verbs::BOOK.find(&row.action).expect("a listed act");
                let (items, ground) = (&row.items, &row.ground);
                match row.outcome {
                    audit::Outcome::Refused => audit::refused(&ctx, tx, action, &persons, ground)?,
                    _ => audit::done(&ctx, tx, action, Basis::Means(Means::Program, persons.first().copied()), items)?,
                };
                last = Some(ctx);
            }
            if let Some(ctx) = last {
                audit::begin_epoch(&ctx, tx, &statements)?;
            }
            while audit::index_persons(tx, 1000)? {}
            Ok::<_, DbError>(())
        });
    }

    fn heads_file(&self) -> std::path::PathBuf {
        self.place.operations_folder().join("audit-heads.jsonl")
    }

    /// Serves until an operator reads on a page that the signing has stopped; gives the page.
    fn page_that_warns(&mut self) -> String {
        let mut serving = self.place.serve();
        let mut page = String::new();
        until("a page says that nothing is signed", || {
            // The line to the program before this one is dead, which the browser notices when it asks.
            page = self.operator.get("/cases").map_or_else(|_| String::new(), |answer| answer.body);
            page.contains("監査記録の署名を止めています")
        });
        let mut operations = crate::client::Client::new(format!("http://{}", self.place.operations));
        let figures = operations.get("/metrics").expect("figures").body;
        assert!(figures.contains("audit_heads_stopped 1"), "{figures}");
        assert!(serving.words().contains("audit head"), "and the log says it");
        assert!(serving.stop(), "it ends well");
        page
    }
}

// shows: 5.2.1 rows of humans deleted, an epoch made up and all chained anew: found by the command line
// shows: 5.2.2 before a head is signed the last signed one must still be in the chain; it says so and goes on recording
#[test]
fn a_forged_past_is_found_and_not_signed_over_and_recording_goes_on() {
    let mut kept = Kept::keep();
    kept.forge();
    for against_copy in [false, true] {
        let (whole, said) = kept.verify(against_copy);
        assert!(!whole && (said.contains("切り取られて") || said.contains("書き直されて")), "{said}");
    }
    let (signed, before) = (std::fs::read(kept.heads_file()).expect("the heads"), rows(&kept.place));
    kept.page_that_warns();
    assert_eq!(std::fs::read(kept.heads_file()).expect("the heads"), signed, "nothing is signed over it");
    assert!(rows(&kept.place) > before, "what the operator did is recorded");
    let said = crate::doors::refused(kept.place.program(&["audit", "epoch", "--sign"]));
    assert!(said.contains("署名していません"), "{said}");
}

// shows: 5.2.2 a file of heads that is gone or cut is noticed, because the database remembers what was signed
#[test]
fn a_file_of_heads_that_is_gone_or_cut_is_noticed() {
    let mut kept = Kept::keep();
    let honest = std::fs::read_to_string(kept.heads_file()).expect("the heads");
    let lines: Vec<&str> = honest.split_inclusive('\n').collect();
    std::fs::write(kept.heads_file(), lines[..lines.len() - 1].concat()).expect("somebody cuts");
    let (whole, said) = kept.verify(false);
    assert!(!whole && said.contains("途中で切れています"), "{said}");

    std::fs::remove_file(kept.heads_file()).expect("somebody removes");
    let (whole, said) = kept.verify(false);
    assert!(!whole && said.contains("署名した控え"), "{said}");
    // A copy that is older says how far it reaches.
    std::fs::write(&kept.heads, lines[..lines.len() - 1].concat()).expect("an older copy");
    let (_, said) = kept.verify(true);
    assert!(said.contains("より後の署名を覚えています"), "{said}");
    std::fs::write(&kept.heads, &honest).expect("the newer copy again");
    let page = kept.page_that_warns();
    let log = std::fs::read_to_string(kept.place.folder.path().join("serve.log")).expect("the log");
    let why = format!("{} がなくなったか", kept.heads_file().display());
    assert!(log.contains(&why) && !page.contains("audit-heads"), "why is for those who keep the record: {page}");
    assert!(!kept.heads_file().exists(), "no new file hides the loss");

    // The copy kept elsewhere puts it right.
    std::fs::copy(&kept.heads, kept.heads_file()).expect("the copy");
    assert!(kept.verify(false).0);
    // And where there is none, somebody who looked begins anew, and the record tells of it.
    std::fs::remove_file(kept.heads_file()).expect("lost");
    assert!(!kept.place.run(&["audit", "epoch", "--sign"]).status.success());
    kept.place.must_run(&["audit", "epoch", "--sign", "--despite"]);
    let (whole, said) = kept.verify(false);
    assert!(whole && said.contains("前の控えがないまま"), "{said}");
}
