//! The medical summary: main diagnoses, care level and allergies as lines of text, for the care team. The register's
//! clerks and the call centre never read it. The full record of problems and drugs is not kept here.

use access::{Act, Shown};
use base::wareki::Date;
use base::{Ctx, PersonId, Redacted};
use db::{Tx, outbox};
use form::Reading;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::verbs::Verb;
use crate::{
    CareLevel, FieldError, Form, Line, PeopleError, PeopleRefusal, Provenance, Revision, Source, history, resident,
    rules, store,
};

/// Lines of diagnoses, or of allergies.
pub const MAX_LINES: usize = 20;

/// What is known in brief. A blank list is unknown, not healthy: where there is none, the author writes 「なし」.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MedicalSummary {
    pub person: PersonId,
    pub diagnoses: Vec<Redacted<String>>,
    pub allergies: Vec<Redacted<String>>,
    pub care_level: Option<CareLevel>,
    /// 認定日
    pub certified_on: Option<Date>,
    pub valid_from: Option<Date>,
    pub valid_until: Option<Date>,
    /// `None` while nobody wrote one.
    pub provenance: Option<Provenance>,
    /// 0 while nobody wrote one.
    pub version: i64,
}

#[derive(Clone, Debug)]
pub struct MedicalFacts {
    pub diagnoses: Vec<Line>,
    pub allergies: Vec<Line>,
    pub care_level: Option<CareLevel>,
    pub certified_on: Option<Date>,
    pub valid_from: Option<Date>,
    pub valid_until: Option<Date>,
    pub source: Source,
    pub confirmed_on: Option<Date>,
}

impl MedicalFacts {
    /// Fields `diagnoses allergies` (one a line) `care_level certified_on valid_from valid_until source confirmed_on`.
    pub fn parse(form: &Form, today: Date) -> Result<MedicalFacts, Vec<FieldError>> {
        let mut r = Reading::of(form);
        let (diagnoses, allergies) = (r.lines("diagnoses"), r.lines("allergies"));
        for (field, lines) in [("diagnoses", &diagnoses), ("allergies", &allergies)] {
            if lines.as_ref().is_some_and(|l| l.len() > MAX_LINES) {
                r.wrong(field, format!("{MAX_LINES}行までで入力してください。"));
            }
        }
        let care_level = r.any_word("care_level", "要介護度");
        let certified_on = r.past_date("certified_on", "認定日", today);
        let (valid_from, valid_until) =
            (r.any_date("valid_from", "認定の有効期間の始まり"), r.any_date("valid_until", "認定の有効期間の終わり"));
        if let (Some(Some(from)), Some(Some(until))) = (valid_from, valid_until)
            && until < from
        {
            r.wrong("valid_until", PeopleRefusal::CertificationPeriod.to_string());
        }
        let source = r.word_or("source", "情報の出どころ", Source::Medical);
        let confirmed_on = r.past_date("confirmed_on", "確認日", today);
        let read = (|| {
            Some(MedicalFacts {
                diagnoses: diagnoses?,
                allergies: allergies?,
                care_level: care_level?,
                certified_on: certified_on?,
                valid_from: valid_from?,
                valid_until: valid_until?,
                source: source?,
                confirmed_on: confirmed_on?,
            })
        })();
        r.finish(read)
    }
}

/// The summary; with version 0 and nothing in it where nobody wrote one.
pub fn medical_summary(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<MedicalSummary>, PeopleError> {
    let witness = access::require(ctx, tx, Act::SeeMedical, person)?;
    Ok(witness.shows(load(tx, person)?))
}

/// Writes the summary anew: by a doctor or care manager of the team (the program itself may import one).
pub fn revise_medical(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    facts: &MedicalFacts,
    revision: &Revision,
) -> Result<MedicalSummary, PeopleError> {
    // Whoever sees the summary and may not write it is told who does.
    access::require(ctx, tx, Act::SeeMedical, person)?;
    let Ok(witness) = access::require(ctx, tx, Act::WriteMedical, person) else {
        return Err(PeopleRefusal::NotMedicalAuthor.into());
    };
    resident::load_open(tx, person)?;
    let before = load(tx, person)?;
    // The first summary corrects nothing, so it owes no reason.
    if before.version > 0 || revision.seen != 0 {
        rules::revisable(before.version, revision)?;
    }
    if facts.valid_from.zip(facts.valid_until).is_some_and(|(from, until)| until < from) {
        return Err(PeopleRefusal::CertificationPeriod.into());
    }
    let after = MedicalSummary {
        person,
        diagnoses: facts.diagnoses.iter().map(Line::redacted).collect(),
        allergies: facts.allergies.iter().map(Line::redacted).collect(),
        care_level: facts.care_level,
        certified_on: facts.certified_on,
        valid_from: facts.valid_from,
        valid_until: facts.valid_until,
        provenance: Some(Provenance::now(ctx, facts.source, facts.confirmed_on)),
        version: before.version + 1,
    };
    store::medical::put(tx, &after)?;
    history::keep(ctx, tx, person.0, history::MEDICAL, after.version, revision.reason.expose(), &after)?;
    audit::done(ctx, tx, Verb::ReviseMedical, &witness, "medical")?;
    outbox::push(tx, ctx.now, &Event::MedicalRevised { person })?;
    Ok(after)
}

fn load(tx: &mut dyn Tx, person: PersonId) -> Result<MedicalSummary, PeopleError> {
    Ok(store::medical::get(tx, person)?.unwrap_or(MedicalSummary {
        person,
        diagnoses: vec![],
        allergies: vec![],
        care_level: None,
        certified_on: None,
        valid_from: None,
        valid_until: None,
        provenance: None,
        version: 0,
    }))
}
