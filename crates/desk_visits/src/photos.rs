//! 写真: sent after the report by a plain form, drawn anew, kept beside it; shown one by one, each a look of its own.

use access::Witnesses;
use axum::body::Body;
use axum::extract::multipart::{Field as Part, MultipartError};
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::limits::{PHOTO_BYTES, PHOTO_FORM_BYTES, PHOTOS_PER_VISIT, TEXT_CHARS};
use base::{PhotoId, Redacted, VisitId};
use db::Space;
use form::{Form, Refusal};
use futures_util::StreamExt;
use maud::{Markup, html};
use page::components::Field;
use page::frame::Frame;
use page::named::id;
use page::problem::Problem;
use page::site::Site;
use page::typed::Typed;
use page::visitor::{Seen, Visitor};
use response::{NotAPicture, Picture};
use tokio::sync::Semaphore;

use super::visit::again;
use crate::places::PLACES;
use crate::verbs::Look;

/// One picture is unpacked at a time: it may fill 250 MB while it is.
static DRAWING: Semaphore = Semaphore::const_new(1);
/// A form on the worst radio; what takes longer is given up, so that others get their turn.
const SENDING: std::time::Duration = std::time::Duration::from_secs(300);
/// The fields of the form, and what the page calls them.
const FIELDS: [(&str, &str); PHOTOS_PER_VISIT] =
    [("photo-1", "写真1枚目"), ("photo-2", "写真2枚目"), ("photo-3", "写真3枚目")];
const NO_ROOM: &str = "保存する場所が足りないため、いまは写真を受け取れません。様子の報告は記録されています。写真で伝えたいことは電話でお知らせください。";

/// What came with the form: the words as typed, and the photos or what is wrong with them.
#[derive(Default)]
struct Sent {
    caption: String,
    files: Vec<(&'static str, Vec<u8>)>,
    wrong: Option<(&'static str, String)>,
    /// More than the form may hold: the rest was not read.
    too_large: bool,
}

pub async fn attach(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(visit): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let visit: VisitId = id(&visit)?;
    if site.space() != Space::Ample {
        return no_room(&site, &visitor, &frame, visit, Form::default()).await;
    }
    // Whoever may not attach anything here holds none of the places, however slowly they send.
    let allowed = visitor
        .command(&site, response::Verb::AttachPhotos, move |ctx, tx| Ok(response::may_attach_photos(ctx, tx, visit)?));
    match allowed.await {
        Ok(()) => {}
        Err(Problem::Refused(why)) => {
            return again(&site, &visitor, &frame, visit, Typed::new(Form::default(), why)).await;
        }
        Err(other) => return Err(other),
    }
    let _place = PLACES.take(visitor.actor().id).ok_or(Problem::Busy)?;
    let sent = tokio::time::timeout(SENDING, receive(request)).await.map_err(|_| Problem::Busy)??;
    let form = Form::new(vec![("caption".to_owned(), sent.caption.clone())]);
    if sent.too_large {
        let typed = Typed::new(form, Refusal::at(FIELDS[0].0, NotAPicture::TooLarge.to_string()));
        return again(&site, &visitor, &frame, visit, typed).await;
    }
    let (field, drawn) = match sent.wrong {
        Some((field, why)) => (field, Err(why)),
        None => draw(sent.files).await?,
    };
    let pictures = match drawn {
        Ok(pictures) => pictures,
        Err(why) => {
            let typed = Typed::new(form, Refusal::at(field, why));
            return again(&site, &visitor, &frame, visit, typed).await;
        }
    };
    let caption = Redacted::new(sent.caption);
    let done = visitor.bulk_command(&site, response::Verb::AttachPhotos, move |ctx, tx| {
        Ok(response::attach_photos(ctx, tx, visit, &pictures, &caption)?)
    });
    match done.await {
        Ok(_) => Ok(Redirect::to(&format!("/visits/{visit}#photos")).into_response()),
        Err(Problem::Refused(why)) => again(&site, &visitor, &frame, visit, Typed::new(form, why)).await,
        Err(Problem::Full) => no_room(&site, &visitor, &frame, visit, form).await,
        Err(other) => Err(other),
    }
}

/// Photos are bulk: they wait until there is room, and say so on the visitor's own page.
async fn no_room(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    visit: VisitId,
    form: Form,
) -> Result<Response, Problem> {
    let typed = Typed::new(form, Refusal::conflict(NO_ROOM));
    let page = again(site, visitor, frame, visit, typed).await?;
    let mut page = (StatusCode::SERVICE_UNAVAILABLE, page).into_response();
    page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("600"));
    Ok(page)
}

const CUT: Problem = Problem::Unreadable("送信が途中で切れました。電波のよい所で、もう一度送信してください。");

/// The whole form first, as far as it may be long, then its parts: what came before the limit is kept. (A form that is
/// read while it arrives can be taken for one that was cut, when its first and last piece come at once: multer 3.1.)
async fn receive(request: Request) -> Result<Sent, Problem> {
    let (parts, body) = request.into_parts();
    let (mut bytes, mut beyond) = (Vec::new(), 0);
    let mut arriving = body.into_data_stream();
    while let Some(piece) = arriving.next().await {
        let piece = piece.map_err(|_| CUT)?;
        let fits = piece.len().min(PHOTO_FORM_BYTES - bytes.len());
        bytes.extend_from_slice(&piece[..fits]);
        beyond += piece.len() - fits;
        // Thrown away, so that the browser hears the answer; but not for ever.
        if beyond > PHOTO_FORM_BYTES {
            break;
        }
    }
    let request = Request::from_parts(parts, Body::from(bytes));
    let multipart = Multipart::from_request(request, &()).await.map_err(|_| {
        Problem::Unreadable("フォームの形式ではない内容が送られました。画面のフォームから送信してください。")
    })?;
    match read(multipart).await {
        (sent, Ok(())) => Ok(sent),
        (sent, Err(_)) if beyond > 0 => Ok(Sent { too_large: true, ..sent }),
        (_, Err(_)) => Err(CUT),
    }
}

/// The words stand before the files in the form, so that they are kept whatever is wrong with a file.
async fn read(mut multipart: Multipart) -> (Sent, Result<(), MultipartError>) {
    let mut sent = Sent::default();
    loop {
        let part = match multipart.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => return (sent, Ok(())),
            Err(error) => return (sent, Err(error)),
        };
        let name = part.name().unwrap_or_default().to_owned();
        let field = FIELDS.iter().map(|(field, _)| *field).find(|field| *field == name);
        let limit = if field.is_some() { PHOTO_BYTES } else { TEXT_CHARS * 4 };
        let (bytes, beyond) = match whole(part, limit).await {
            Ok(read) => read,
            Err(error) => return (sent, Err(error)),
        };
        match field {
            None if name == "caption" => sent.caption = String::from_utf8_lossy(&bytes).trim().to_owned(),
            None => {}
            Some(field) if beyond => sent.wrong = sent.wrong.or(Some((field, NotAPicture::TooLarge.to_string()))),
            // Nothing was chosen here.
            Some(_) if bytes.is_empty() => {}
            Some(field) => sent.files.push((field, bytes)),
        }
    }
}

/// A part to its end, and whether it is longer than this.
async fn whole(mut part: Part<'_>, limit: usize) -> Result<(Vec<u8>, bool), MultipartError> {
    let (mut bytes, mut beyond) = (Vec::new(), false);
    while let Some(chunk) = part.chunk().await? {
        beyond |= bytes.len() + chunk.len() > limit;
        if !beyond {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok((bytes, beyond))
}

type Drawn = (&'static str, Result<Vec<Picture>, String>);

/// Every photo drawn anew, or the field and the reason of the first that is none.
async fn draw(files: Vec<(&'static str, Vec<u8>)>) -> Result<Drawn, Problem> {
    let mut pictures = Vec::new();
    for (field, bytes) in files {
        let _turn = DRAWING.acquire().await.map_err(|_| Problem::Busy)?;
        let drawn = tokio::task::spawn_blocking(move || Picture::read(&bytes)).await;
        match drawn.unwrap_or(Err(NotAPicture::Damaged)) {
            Ok(picture) => pictures.push(picture),
            Err(why) => return Ok((field, Err(why.to_string()))),
        }
    }
    Ok((FIELDS[0].0, Ok(pictures)))
}

/// One photo. Its address is shown to nobody who may not see it, and is worth nothing to them.
pub async fn show(State(site): State<Site>, visitor: Visitor, Path(photo): Path<String>) -> Result<Response, Problem> {
    let photo: PhotoId = id(&photo)?;
    let jpeg = visitor
        .look(&site, Look::Photo, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let (_, jpeg) = seen.take(response::photo(ctx, tx, photo)?);
            Ok(Seen::of(jpeg, seen))
        })
        .await?;
    let mut answer = jpeg.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline; filename=\"photo.jpg\""));
    headers.insert(
        header::HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    Ok(answer)
}

/// The form under a report: words first, then one field a photo; a telephone opens its camera at each.
pub(super) fn form(visit: VisitId, kept: usize, typed: &Typed) -> Markup {
    let left = PHOTOS_PER_VISIT.saturating_sub(kept);
    html! {
        // Whoever sent a photo goes on to what is next: room for more stays out of the way.
        @if left > 0 && kept > 0 && typed.wrong().is_none() {
            details { summary { "写真を追加する（あと" (left) "枚まで）" } (fields(visit, kept, typed)) }
        } @else if left > 0 { (fields(visit, kept, typed)) }
        @else { p.soft { "写真は" (PHOTOS_PER_VISIT) "枚まで送れます。" } }
    }
}

fn fields(visit: VisitId, kept: usize, typed: &Typed) -> Markup {
    let left = PHOTOS_PER_VISIT.saturating_sub(kept);
    html! {
        form.stack.no-print method="post" action={ "/visits/" (visit) "/photos" } enctype="multipart/form-data" {
            (Field::text("caption", "写真の説明").value(typed.value("caption")).hint("例：玄関の外から。新聞が3日分たまっている"))
            @for (name, label) in FIELDS.iter().skip(kept) {
                @let error = typed.error(name);
                div class={ "field" @if error.is_some() { " has-error" } } {
                    label.field-label for=(name) { (label) }
                    @if let Some(error) = error { p.field-error id={ (name) "-error" } { (error) } }
                    input.input id=(name) name=(name) type="file" accept="image/jpeg,image/png,image/webp" capture="environment"
                        aria-invalid=[error.map(|_| "true")] aria-describedby=[error.map(|_| format!("{name}-error"))];
                }
            }
            p.soft { "撮影場所や日時などの情報は消して保存します。ご本人・ご家族以外の方が写らないようにしてください。" }
            button.btn.is-primary type="submit" { span { "写真を送る" small { "あと" (left) "枚まで" } } }
        }
    }
}
