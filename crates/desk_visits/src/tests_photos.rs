//! Photos of a visit in the browser: the plain form, what is refused, who sees them.

use axum::http::header;
use base::limits::{PHOTO_BYTES, PHOTO_FORM_BYTES};
use base::{CaseId, VisitId};
use household::{Answer, Browser, Region};

use super::tests::asked;

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let drawing = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 90]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    drawing.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// The son was asked, went, and reported that somebody is ill.
fn reported(r: &Region) -> (Browser, CaseId, VisitId) {
    let (operator, son) = (r.operator(), r.relative(r.s.son));
    let (case, visit) = asked(r, &operator, &format!("contact:{}", r.s.son));
    let page = r.step(&son, &format!("/visits/{visit}/report"), &[("condition", "unwell"), ("text", "")]);
    page.shows("写真1枚目").shows("enctype=\"multipart/form-data\"").shows("capture=").well_formed();
    (son, case, visit)
}

/// The addresses of the photos of a page.
fn photos(page: &Answer) -> Vec<String> {
    let found = page.body.split("<img src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    found.filter(|src| src.starts_with("/photos/")).map(str::to_owned).collect()
}

fn header(answer: &Answer, name: header::HeaderName) -> &str {
    answer.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

#[test]
fn photos_go_from_the_doorstep_to_the_case_and_the_doctor() {
    let r = Region::new();
    let (son, case, visit) = reported(&r);
    let (operator, manager, doctor) = (r.operator(), r.care_manager(), r.doctor());
    let at = format!("/visits/{visit}/photos");
    let large = jpeg(2000, 1500);
    let sent = r.send(
        &son,
        &at,
        &[("caption", "台所の床")],
        &[("photo-1", "a.jpg", &large), ("photo-2", "b.jpg", &jpeg(40, 30)), ("photo-3", "", b"")],
    );
    sent.is(303);
    assert_eq!(sent.location, format!("/visits/{visit}#photos"));
    let own = r.get(&son, &format!("/visits/{visit}"));
    own.shows("台所の床").shows("写真を追加する（あと1枚まで）").shows("写真3枚目").hides("写真1枚目").well_formed();
    r.send(&son, &at, &[], &[("photo-1", "a.jpg", &large), ("photo-2", "b.jpg", &large)])
        .is(422)
        .shows("1回の訪問で送れる写真は3枚までです");

    let page = r.get(&operator, &format!("/cases/{case}"));
    page.shows("訪問の写真を見る（2枚）").shows("2枚：台所の床").well_formed();
    let addresses = photos(&page);
    assert_eq!(addresses.len(), 2);
    for who in [&son, &operator, &manager, &doctor] {
        let (before, photo) = (r.count_audited("look.photo"), r.get(who, &addresses[0]));
        photo.is(200);
        assert_eq!(header(&photo, header::CONTENT_TYPE), "image/jpeg");
        assert_eq!(header(&photo, header::CACHE_CONTROL), "no-store");
        assert_eq!(header(&photo, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert!(header(&photo, header::CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
        assert_eq!(r.count_audited("look.photo"), before + 1, "each look is a row");
    }
    let row = r.audited().into_iter().rfind(|row| row.action == "look.photo").unwrap();
    assert_eq!((row.persons, row.outcome), (vec![r.s.person], audit::Outcome::Done));
    for who in [r.city(), r.relative(r.s.daughter), r.support_centre()] {
        r.get(&who, &addresses[0]).is(403);
    }
    r.get(&r.administrator(), &addresses[0]).is(403);

    let fields = [("doctor", r.s.doctor.to_string()), ("question", "受診は必要でしょうか。".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    r.post(&manager, &format!("/cases/{case}/consultations"), &fields).is(303);
    let today = r.get(&doctor, "/today");
    let note = today.body.split("/notes/").nth(1).and_then(|rest| rest.split('"').next()).expect("the question");
    let note = r.get(&doctor, &format!("/notes/{note}"));
    note.is(200).shows("訪問の写真を見る（2枚）").well_formed();
    assert_eq!(photos(&note), addresses);
}

#[test]
fn a_file_that_is_no_photo_is_named_and_the_words_stay() {
    let r = Region::new();
    let (son, _, visit) = reported(&r);
    let at = format!("/visits/{visit}/photos");
    let good = jpeg(40, 30);
    let words = [("caption", "玄関の\"新聞\"")];
    for (bytes, why) in [
        (&b"%PDF-1.7 renamed"[..], "写真ではないファイルです"),
        (b"MZ\x90\0 renamed program", "写真ではないファイルです"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "互換性優先"),
        (&good[..good.len() / 8], "途中で切れています"),
        (&vec![0u8; PHOTO_BYTES + 1][..], "1枚12MBまでです"),
    ] {
        let answer = r.send(&son, &at, &words, &[("photo-1", "a.jpg", &good), ("photo-2", "photo.jpg", bytes)]);
        answer.is(422).shows(why).shows("玄関の&quot;新聞&quot;").shows("id=\"photo-2-error\"").well_formed();
    }
    r.send(&son, &at, &words, &[]).is(422).shows("写真を選んでから送信してください").shows("玄関の&quot;新聞&quot;");
    let page = r.get(&son, &format!("/visits/{visit}"));
    assert!(photos(&page).is_empty(), "nothing half done");
    r.post(&son, &at, &[("caption", "x")]).is(400).shows("フォームの形式ではない");
}

#[test]
fn only_this_door_takes_large_forms_and_it_has_an_end_too() {
    let r = Region::new();
    let (son, case, visit) = reported(&r);
    let at = format!("/visits/{visit}/photos");
    let (third, words) = (vec![1u8; PHOTO_FORM_BYTES / 3 + 1000], [("caption", "長い")]);
    let much = [("photo-1", "a", &third[..]), ("photo-2", "b", &third[..]), ("photo-3", "c", &third[..])];
    r.send(&son, &at, &words, &much).is(422).shows("1枚12MBまでです").shows("長い");
    let text = "あ".repeat(200_000);
    let fields = [("condition", "well"), ("text", text.as_str())];
    r.post(&r.care_manager(), &format!("/visits/{visit}/report"), &fields).is(413);
    r.post(&r.operator(), &format!("/cases/{case}/closure"), &[("note-closure", text.as_str())]).is(413);
}

// shows: 5.1.7 the permit for an upload is taken after the visitor's right is known
#[test]
fn who_may_not_attach_photos_is_told_before_anything_is_read_and_holds_no_place() {
    let r = Region::new();
    let (_, _, visit) = reported(&r);
    let at = format!("/visits/{visit}/photos");
    for who in [r.relative(r.s.daughter), r.doctor(), r.city()] {
        let answer = r.begin_sending(&who, &at);
        assert!(matches!(answer.status.as_u16(), 403 | 409), "{:?}: {}", who.role, answer.status);
    }
    assert_eq!(r.begin_sending(&r.nobody(), &at).location, "/signin");
    let unknown = format!("/visits/{:032x}/photos", 7);
    r.begin_sending(&r.relative(r.s.son), &unknown).is(403);
    assert!(r.count_audited("response.attach_photos") >= 3, "each of them is recorded");
}

#[test]
fn photos_wait_while_room_is_low_and_the_report_does_not() {
    let r = Region::new();
    let (operator, son) = (r.operator(), r.relative(r.s.son));
    let (_, visit) = asked(&r, &operator, &format!("contact:{}", r.s.son));
    r.site.crowd(true);
    r.step(&son, &format!("/visits/{visit}/report"), &[("condition", "unwell"), ("text", "")]).shows("報告しました");
    let at = format!("/visits/{visit}/photos");
    let photo = jpeg(40, 30);
    let refused = r.send(&son, &at, &[("caption", "x")], &[("photo-1", "a.jpg", &photo)]);
    refused.is(503).shows("いまは写真を受け取れません").well_formed();
    assert!(!header(&refused, header::RETRY_AFTER).is_empty());
    r.site.crowd(false);
    r.send(&son, &at, &[("caption", "x")], &[("photo-1", "a.jpg", &photo)]).is(303);
}
