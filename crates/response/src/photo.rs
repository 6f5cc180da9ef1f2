//! 写真: what a visitor photographed, beside the report. It goes after the report and never with it: four large answers
//! must not wait for three pictures on bad radio.

use access::{Act, Ground, Shown};
use base::{CaseId, Ctx, Instant, PersonId, PhotoId, Redacted, VisitId, limits};
use db::Tx;
use uuid::Uuid;

use crate::case::Happening;
use crate::moving::{Moving, load, name_of, text, with_note};
use crate::visits::{asked_of, colleague_who_goes};
use crate::{Picture, Refusal, ResponseError, Visit, VisitState, store};

/// A photo without its pixels.
#[derive(Clone, Debug)]
pub struct Photo {
    pub id: PhotoId,
    pub visit: VisitId,
    pub case: CaseId,
    pub person: PersonId,
    pub at: Instant,
    pub by: Uuid,
    pub caption: Redacted<String>,
    /// As it is kept, in pixels.
    pub width: u32,
    pub height: u32,
}

/// Whether the actor could attach a photo to this visit now: to be asked before a form with photos is read.
pub fn may_attach_photos(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<(), ResponseError> {
    match awaiting(ctx, tx, visit)? {
        (_, _, kept) if kept >= limits::PHOTOS_PER_VISIT => Err(Refusal::TooManyPhotos.into()),
        _ => Ok(()),
    }
}

/// The visit, if it is the actor's and photos of it may come, and how many there are.
fn awaiting(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<(Visit, Moving, usize), ResponseError> {
    let v = store::visit(tx, visit)?.ok_or(Refusal::NoSuchVisit)?;
    let m = load(ctx, tx, v.case, Act::ReportVisit)?;
    if !asked_of(ctx, &v) {
        return Err(Refusal::NotYourVisit.into());
    }
    if let Some(colleague) = colleague_who_goes(ctx, &v) {
        return Err(Refusal::PhotosOfWhoWent(name_of(tx, colleague)?).into());
    }
    if !m.case.open() {
        return Err(Refusal::Closed.into());
    }
    match v.state {
        VisitState::Reported => {}
        state if state.open() => return Err(Refusal::PhotosAfterReport.into()),
        state => return Err(Refusal::VisitOver(state).into()),
    }
    let kept = store::photos(tx, v.case)?.iter().filter(|p| p.visit == visit).count();
    Ok((v, m, kept))
}

/// Puts photos beside the report of a visit, with a word about them. Only whoever was asked to go; while the case is
/// open; at most [`limits::PHOTOS_PER_VISIT`] a visit. Outbox: `response.photos_attached`.
pub fn attach_photos(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    visit: VisitId,
    pictures: &[Picture],
    caption: &Redacted<String>,
) -> Result<Vec<Photo>, ResponseError> {
    let (v, m, kept) = awaiting(ctx, tx, visit)?;
    if pictures.is_empty() {
        return Err(Refusal::NoPhoto.into());
    }
    if kept + pictures.len() > limits::PHOTOS_PER_VISIT {
        return Err(Refusal::TooManyPhotos.into());
    }
    let caption = text(caption)?;
    let mut photos = Vec::new();
    for picture in pictures {
        let photo = Photo {
            id: ctx.id(),
            visit,
            case: v.case,
            person: v.person,
            at: ctx.now,
            by: ctx.actor.id,
            caption: Redacted::new(caption.clone()),
            width: picture.width,
            height: picture.height,
        };
        store::insert_photo(tx, &photo, picture.jpeg())?;
        photos.push(photo);
    }
    m.keep(ctx, tx, Happening::Photographed, &with_note(&format!("{}枚", photos.len()), &caption))?;
    Ok(photos)
}

/// The photos of a case, oldest first, for whoever may see its story; who knows the person by a visit only sees those
/// of their own visits.
pub fn photos_of_case(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId) -> Result<Shown<Vec<Photo>>, ResponseError> {
    let witness = load(ctx, tx, case, Act::SeeCase)?.witness;
    let mut photos = store::photos(tx, case)?;
    if witness.ground() == Ground::Visit {
        let visits = store::visits_of(tx, case)?;
        photos.retain(|p| visits.iter().any(|v| v.id == p.visit && asked_of(ctx, v)));
    }
    Ok(witness.shows(photos))
}

/// Whom a photo is of: for the record of a refusal, never for an answer.
pub fn person_of_photo(tx: &mut dyn Tx, photo: PhotoId) -> Result<Option<PersonId>, ResponseError> {
    Ok(store::person_of_photo(tx, photo)?)
}

/// One photo with its JPEG.
pub fn photo(ctx: &Ctx, tx: &mut dyn Tx, photo: PhotoId) -> Result<Shown<(Photo, Vec<u8>)>, ResponseError> {
    let (found, jpeg) = store::photo(tx, photo)?.ok_or(Refusal::NoSuchPhoto)?;
    let witness = load(ctx, tx, found.case, Act::SeeCase)?.witness;
    let visit = store::visit(tx, found.visit)?.ok_or(Refusal::NoSuchPhoto)?;
    if witness.ground() == Ground::Visit && !asked_of(ctx, &visit) {
        return Err(access::AccessError::Denied { act: Act::SeeCase, person: Some(found.person) }.into());
    }
    Ok(witness.shows((found, jpeg)))
}
