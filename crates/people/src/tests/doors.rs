//! What a field takes and what it says when it does not.

use proptest::prelude::*;

use super::*;
use crate::testing::RESIDENT_FIELDS;

fn fields_wrong<T: std::fmt::Debug>(read: Result<T, Vec<FieldError>>) -> Vec<&'static str> {
    read.unwrap_err().into_iter().map(|e| e.field).collect()
}

fn message(field: &str, value: &str) -> String {
    let fields = changed(RESIDENT_FIELDS, &[(field, value)]);
    let errors = NewResident::parse(&form(&fields), today()).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].field, field);
    errors[0].message_ja.clone()
}

#[test]
fn telephone_numbers_are_read_as_people_write_them() {
    for (typed, digits, shown) in [
        ("0561-00-1234", "0561001234", "0561-00-1234"),
        ("０５６１（００）１２３４", "0561001234", "0561-00-1234"),
        ("+81 561-00-1234", "0561001234", "0561-00-1234"),
        ("+81-(0)90-0000-0001", "09000000001", "090-0000-0001"),
        ("090ー0000ー0001", "09000000001", "090-0000-0001"),
        ("090〜0000～0001", "09000000001", "090-0000-0001"),
        ("\u{202d}090‑0000‒0001\u{202c}", "09000000001", "090-0000-0001"),
        ("03 0000 0000", "0300000000", "03-0000-0000"),
        ("052-000-0000", "0520000000", "052-000-0000"),
        ("0120000000", "0120000000", "0120-000-000"),
        ("08000000000", "08000000000", "0800-000-0000"),
        // An area code that the table does not hold is not guessed.
        ("0997-00-0000", "0997000000", "0997000000"),
    ] {
        let phone = PhoneNumber::parse(typed).unwrap();
        assert_eq!((phone.expose(), phone.shown().as_str()), (digits, shown), "{typed}");
    }
    for typed in ["110", "561-00-1234", "0561-00-123", "0561-00-12345", "090-0000-000", "0561-OO-1234", "電話なし", ""]
    {
        assert!(PhoneNumber::parse(typed).is_err(), "{typed}");
    }
}

#[test]
fn readings_become_katakana_and_names_keep_their_characters() {
    for typed in ["たかはし　みほん", "ﾀｶﾊｼ ﾐﾎﾝ", "タカハシ ミホン", "  タカハシ  ミホン "]
    {
        assert_eq!(Kana::parse(typed).unwrap().expose(), "タカハシ ミホン", "{typed}");
    }
    assert!(Kana::parse("高橋 みほん").is_err());
    assert_eq!(Name::parse("髙橋　﨑子").unwrap().expose(), "髙橋 﨑子");
    assert!(Name::parse("髙橋 1234").is_err());
    assert!(Name::parse(&"名".repeat(121)).unwrap_err().contains("120文字まで"));
}

#[test]
fn addresses_for_mail_and_post() {
    assert_eq!(PostalCode::parse("〒489‐0000").unwrap().shown(), "489-0000");
    assert!(PostalCode::parse("489-000").is_err());
    assert_eq!(Email::parse("Musume@Example.JP").unwrap().expose(), "Musume@example.jp");
    for typed in [
        "musume",
        "musume@",
        "@example.jp",
        "a@b@example.jp",
        "むすめ@example.jp",
        "a@example",
        "a@-x.jp",
        "a b@example..jp",
    ] {
        assert!(Email::parse(typed).is_err(), "{typed}");
    }
}

#[test]
fn impossible_dates_are_refused_with_the_reason() {
    assert!(message("birth", "1938-02-30").contains("2月30日はその年の暦にありません"));
    assert!(message("birth", "昭和13年2月29日").contains("暦にありません"));
    assert!(message("birth", "昭和70年1月1日").contains("昭和70年1月1日はありません。平成7年1月1日ではありませんか"));
    assert!(message("birth", "S64.1.8").contains("平成元年1月8日"));
    assert!(message("birth", "2027-01-01").contains("未来"));
    assert!(message("birth", "明治38年1月1日").contains("121歳"));
    assert!(message("birth", "38/4/1").contains("元号をつけるか、西暦4桁"));
    assert!(message("birth", "きのう").contains("読み取れません"));
    assert!(message("birth", "昭和13年4月").contains("年・月・日"));
    assert!(message("confirmed_on", "2026-11-23").contains("未来"));
    for typed in ["昭和１３年４月１日", "Ｓ13.4.1", "s13/4/1", "1938/4/1", "1938年4月1日"] {
        let fields = changed(RESIDENT_FIELDS, &[("birth", typed)]);
        let new = NewResident::parse(&form(&fields), today()).unwrap();
        assert_eq!(new.facts.birth.to_string(), "1938-04-01", "{typed}");
    }
}

#[test]
fn a_form_says_all_that_is_wrong_at_once_beside_its_fields() {
    let typed =
        form(&[("name", ""), ("kana", "漢字"), ("birth", "2月30日"), ("phone", "12"), ("lat", "35.2"), ("line", "1")]);
    let wrong = fields_wrong(NewResident::parse(&typed, today()));
    for field in ["name", "kana", "birth", "phone", "household", "city_code", "city", "town", "lat"] {
        assert!(wrong.contains(&field), "{field} in {wrong:?}");
    }
    assert!(!wrong.contains(&"line") && !wrong.contains(&"email"));
    assert_eq!(typed.one("kana"), "漢字", "what was typed can be shown again");
}

#[test]
fn no_field_takes_more_than_its_limit() {
    let long = "あ".repeat(2_000_000);
    for field in [
        "name",
        "kana",
        "birth",
        "town",
        "line",
        "building",
        "risk_notes",
        "entry_note",
        "phone",
        "email",
        "postal",
        "city_code",
    ] {
        let fields = changed(RESIDENT_FIELDS, &[(field, long.as_str())]);
        let wrong = fields_wrong(NewResident::parse(&form(&fields), today()));
        assert_eq!(wrong, [field]);
    }
    let text = "い".repeat(4000);
    let fields = changed(RESIDENT_FIELDS, &[("risk_notes", text.as_str())]);
    assert!(NewResident::parse(&form(&fields), today()).is_ok());
    let rung = changed(RESIDENT_FIELDS, &[("risk_notes", "鍵\u{7}は隣家")]);
    assert_eq!(NewResident::parse(&form(&rung), today()).unwrap().facts.risk_notes.expose(), "鍵は隣家");
}

#[test]
fn a_contact_can_be_reached_somehow_and_is_somebody_else() {
    let wrong = fields_wrong(ContactFacts::parse(&form(&[("name", "山田 むすめ"), ("relation", "oneself")]), today()));
    assert_eq!(wrong, ["relation", "phone"]);
    let typed =
        form(&[("name", "山田 むすめ"), ("relation", "child"), ("email", "m@example.jp"), ("minutes_away", "２０")]);
    assert_eq!(ContactFacts::parse(&typed, today()).unwrap().minutes_away, Some(20));
}

#[test]
fn offices_that_are_told_of_overdue_cases_name_their_city_or_area() {
    let wrong = |kind| fields_wrong(OfficeFacts::parse(&form(&[("name", "見本"), ("kind", kind)]), today()));
    assert_eq!(wrong("city_elderly"), ["city_code"]);
    assert_eq!(wrong("support_centre"), ["areas"]);
    let typed = form(&[("name", "見本"), ("kind", "support_centre"), ("areas", "東圏域\r\n西圏域\r\n")]);
    assert_eq!(OfficeFacts::parse(&typed, today()).unwrap().areas.len(), 2);
}

#[test]
fn nothing_personal_shows_in_debug() {
    let new = NewResident::parse(&form(RESIDENT_FIELDS), today()).unwrap();
    let shown = format!("{new:?} {:?}", form(RESIDENT_FIELDS));
    for secret in ["髙橋", "タカハシ", "0561001234", "耳が遠い", "キーボックス", "1-2"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn the_first_resident_numbers() {
    assert_eq!(resident_number(1), "00000013");
    assert_eq!(resident_number(10_000_000).len(), 9);
    assert!(!is_resident_number("1234") && !is_resident_number("0000001x"));
}

proptest! {
    #[test]
    fn a_number_misheard_is_no_number(serial in 0i64..10_000_000, place in 0usize..8, digit in 0u8..10) {
        let number = resident_number(serial);
        prop_assert!(is_resident_number(&number));
        let mut wrong = number.clone().into_bytes();
        wrong[place] = b'0' + digit;
        let wrong = String::from_utf8(wrong).unwrap();
        prop_assert_eq!(is_resident_number(&wrong), wrong == number);
        if place < 7 {
            let mut swapped = number.clone().into_bytes();
            swapped.swap(place, place + 1);
            let swapped = String::from_utf8(swapped).unwrap();
            prop_assert_eq!(is_resident_number(&swapped), swapped == number);
        }
    }

    #[test]
    fn no_typed_text_makes_a_door_panic(typed in "\\PC{0,40}") {
        let _ = (Name::parse(&typed), Kana::parse(&typed), PostalCode::parse(&typed), Email::parse(&typed));
        if let Ok(phone) = PhoneNumber::parse(&typed) {
            prop_assert!(phone.shown().starts_with('0'));
        }
        let _ = form::read_date(&typed);
        let _ = crate::search::sought(&typed, today());
    }
}
