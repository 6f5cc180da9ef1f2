//! Photos of a visit: who sends them, when, who sees them, and when nobody does any more.

use super::*;
use crate::{Photo, Picture, attach_photos, person_of_photo, person_of_visit, photo, photos_of_case};

/// A small drawing as a browser would send it.
fn picture() -> Picture {
    let mut png = std::io::Cursor::new(Vec::new());
    let drawing = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, 90]));
    drawing.write_to(&mut png, image::ImageFormat::Png).unwrap();
    Picture::read(&png.into_inner()).unwrap()
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, ResponseError>) -> Refusal {
    match outcome {
        Err(ResponseError::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

fn denied<T: std::fmt::Debug>(outcome: Result<T, ResponseError>) {
    assert!(matches!(outcome, Err(ResponseError::Access(_))), "{outcome:?}");
}

impl Region {
    fn send(&self, who: Ctx, visit: base::VisitId, how_many: usize) -> Result<Vec<Photo>, ResponseError> {
        let pictures = vec![picture(); how_many];
        self.write(who, move |c, tx| attach_photos(c, tx, visit, &pictures, &words("玄関の外から")))
    }

    /// Taken, with a visit asked of this visitor.
    fn asked_of(&self, visitor: Visitor) -> (CaseId, base::VisitId) {
        let case = self.alert(Rule::Inactivity).id;
        self.take(case);
        let visit = self.write(self.operator(), move |c, tx| request_visit(c, tx, case, visitor, words(""))).unwrap();
        (case, visit.id)
    }

    fn report(&self, who: Ctx, visit: base::VisitId, condition: Condition) {
        let report = VisitReport { condition, text: words("") };
        self.write(who, move |c, tx| report_visit(c, tx, visit, report.clone())).unwrap();
    }
}

#[test]
fn photos_follow_the_report_and_are_seen_by_who_sees_the_case() {
    let r = Region::new();
    let (son, daughter) = (r.s.son, r.s.daughter);
    let (case, visit) = r.asked_of(Visitor::Contact(son));
    let other = Visitor::Contact(daughter);
    let hers = r.write(r.operator(), move |c, tx| request_visit(c, tx, case, other, words(""))).unwrap().id;
    assert_eq!(refused(r.send(r.relative(son), visit, 1)), Refusal::PhotosAfterReport);
    r.report(r.relative(son), visit, Condition::Unwell);
    assert_eq!(refused(r.send(r.relative(son), visit, 0)), Refusal::NoPhoto);
    assert_eq!(refused(r.send(r.relative(daughter), visit, 1)), Refusal::NotYourVisit);
    assert_eq!(refused(r.send(r.operator(), visit, 1)), Refusal::NotYourVisit);
    denied(r.send(r.city(), visit, 1));
    let sent = r.send(r.relative(son), visit, 2).unwrap();
    assert_eq!(refused(r.send(r.relative(son), visit, 2)), Refusal::TooManyPhotos);
    r.send(r.relative(son), visit, 1).unwrap();

    let first = sent[0].id;
    for who in [r.operator(), r.care_manager(), r.doctor(), r.relative(son)] {
        assert_eq!(r.read(who.clone(), move |c, tx| photos_of_case(c, tx, case)).unwrap().len(), 3);
        let (found, jpeg) = r.read(who, move |c, tx| photo(c, tx, first)).unwrap().into_value();
        assert_eq!((found.visit, found.width, found.caption.expose().as_str()), (visit, 40, "玄関の外から"));
        assert_eq!(jpeg[..2], [0xFF, 0xD8]);
    }
    let sheet = r.read(r.operator(), move |c, tx| case_sheet(c, tx, case)).unwrap();
    assert_eq!((sheet.photos.len(), sheet.story[0].detail.expose().as_str()), (3, "1枚：玄関の外から"));
    let her_sheet = r.read(r.relative(daughter), move |c, tx| visit_sheet(c, tx, hers)).unwrap();
    assert!(her_sheet.photos.is_empty(), "another visitor sees their own visit only");
    assert!(r.read(r.relative(daughter), move |c, tx| photos_of_case(c, tx, case)).unwrap().is_empty());
    denied(r.read(r.relative(daughter), move |c, tx| photo(c, tx, first)));
    denied(r.read(r.city(), move |c, tx| photo(c, tx, first)));
    let rows = r.test.db.read_blocking(|tx| audit::newest(tx, 100)).unwrap();
    let mine = rows.iter().filter(|row| row.action == "response.attach_photos");
    assert!(mine.clone().all(|row| row.persons == [r.s.person]));
    assert_eq!(mine.count(), 2);
}

#[test]
fn whom_a_photo_and_a_visit_are_about_is_one_question_without_what_they_show() {
    let r = Region::new();
    let (_, visit) = r.asked_of(Visitor::Contact(r.s.son));
    r.report(r.relative(r.s.son), visit, Condition::Unwell);
    let sent = r.send(r.relative(r.s.son), visit, 1).unwrap()[0].id;
    let before = r.test.db.counted().0;
    let both = r
        .test
        .db
        .read_blocking(move |tx| Ok::<_, ResponseError>((person_of_photo(tx, sent)?, person_of_visit(tx, visit)?)));
    assert_eq!(both.unwrap(), (Some(r.s.person), Some(r.s.person)));
    assert_eq!(r.test.db.counted().0 - before, 2);
}

#[test]
fn with_the_end_of_the_case_the_visitor_and_the_desk_see_no_photo_any_more() {
    let r = Region::new();
    let son = r.s.son;
    let (case, visit) = r.asked_of(Visitor::Contact(son));
    r.report(r.relative(son), visit, Condition::Well);
    let first = r.send(r.relative(son), visit, 1).unwrap()[0].id;
    r.write(r.operator(), move |c, tx| close(c, tx, case, Cause::VisitSawWell, words(""))).unwrap();
    denied(r.send(r.relative(son), visit, 1));
    denied(r.read(r.relative(son), move |c, tx| photo(c, tx, first)));
    denied(r.read(r.operator(), move |c, tx| photo(c, tx, first)));
    r.read(r.care_manager(), move |c, tx| photo(c, tx, first)).expect("the team still sees what was seen");
}

#[test]
fn a_backup_holds_the_photos_by_construction() {
    let r = Region::new();
    let son = r.s.son;
    let (_, visit) = r.asked_of(Visitor::Contact(son));
    r.report(r.relative(son), visit, Condition::Unwell);
    let first = r.send(r.relative(son), visit, 1).unwrap()[0].id;
    let (_, jpeg) = r.read(r.doctor(), move |c, tx| photo(c, tx, first)).unwrap().into_value();
    let mut dump = Vec::new();
    let dumped = r.test.db.read_blocking(move |tx| {
        db::dump::write(tx, &mut dump).map(|_| dump).map_err(|e| DbError::Engine(e.to_string()))
    });
    let second = Region::empty();
    let dump = dumped.unwrap();
    let loaded = second.db.write_blocking(move |tx| {
        db::dump::load(tx, &mut dump.as_slice()).map(drop).map_err(|e| DbError::Engine(e.to_string()))
    });
    loaded.unwrap();
    let ctx = r.doctor();
    let restored = second.db.read_blocking(move |tx| photo(&ctx, tx, first)).unwrap();
    assert_eq!(restored.1, jpeg);
}

// shows: 5.5.8 photos are sealed by a key that does not lie in the database
#[test]
fn what_one_sees_on_a_photo_is_sealed_in_the_table() {
    let r = Region::new();
    let son = r.s.son;
    let (_, visit) = r.asked_of(Visitor::Contact(son));
    r.report(r.relative(son), visit, Condition::Unwell);
    let sent = r.send(r.relative(son), visit, 1).unwrap()[0].id;
    let jpeg = picture().jpeg().to_vec();
    let stored =
        r.write(r.operator(), |_, tx| Ok::<Vec<u8>, ResponseError>(tx.scalar("SELECT jpeg FROM response_photo", &[])?));
    let stored = stored.unwrap();
    assert!(stored.len() > jpeg.len() && !stored.windows(16).any(|part| part == &jpeg[jpeg.len() - 16..]));
    assert_eq!(r.write(r.operator(), move |c, tx| photo(c, tx, sent)).unwrap().1, jpeg);
}
