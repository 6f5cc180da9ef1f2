//! 検索: everybody is found by any piece of what is known of them, and nobody outside one's reach.

use base::kana::fold;
use base::limits::LIST_ROWS;
use proptest::prelude::*;

use super::*;
use crate::testing::RESIDENT_FIELDS;

const TOWN: &[(&str, &str, &str, &str)] = &[
    ("山﨑 さくら", "ヤマザキ サクラ", "S12.5.6", "0561-00-2001"),
    ("山崎 桜", "ヤマサキ サクラ", "S12.5.7", "0561-00-2002"),
    ("渡邉 きょうこ", "ワタナベ キョウコ", "S15.1.1", "0561-00-2003"),
    ("髙橋 ゆうすけ", "タカハシ ユウスケ", "S09.9.9", "080-0000-2004"),
    ("吉 一", "ヨシ ハジメ", "S20.2.2", "0561-00-2005"),
    ("見本100%_太郎", "ミホン タロウ", "S21.3.3", "0561-00-2006"),
];

fn town() -> (Region, Vec<PersonId>) {
    let region = Region::new();
    let mut ids = vec![region.s.person];
    for (name, kana, birth, phone) in TOWN {
        // Digits are no part of a name; the sign is what matters here.
        let name = name.replace("100", "");
        let fields = changed(RESIDENT_FIELDS, &[("name", &name), ("kana", kana), ("birth", birth), ("phone", phone)]);
        ids.push(region.register(&fields).unwrap());
    }
    (region, ids)
}

fn found(region: &Region, ctx: Ctx, query: &str) -> Vec<PersonId> {
    let query = query.to_owned();
    region.read(ctx, move |ctx, tx| search(ctx, tx, &query, 0)).unwrap().persons.iter().map(|p| p.id).collect()
}

#[test]
fn people_are_found_however_their_name_is_typed() {
    let (region, ids) = town();
    let sought = |query: &str| found(&region, region.clerk(), query);
    let same = |found: Vec<PersonId>, wanted: &[usize]| {
        let mut found: Vec<usize> = found.iter().map(|f| ids.iter().position(|i| i == f).unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, wanted);
    };
    same(sought("高橋"), &[0, 4]);
    same(sought("髙橋　みほん"), &[0]);
    same(sought("たかはし"), &[0, 4]);
    same(sought("ﾀｶﾊｼ ﾕｳｽｹ"), &[4]);
    same(sought("山崎"), &[1, 2]);
    same(sought("ヤマザキ"), &[1]);
    same(sought("渡辺"), &[3]);
    same(sought("渡邊"), &[3]);
    same(sought("きようこ"), &[3]);
    same(sought("吉"), &[5]);
    same(sought("子"), &[]);
    same(sought("0561-00-2003"), &[3]);
    same(sought("（0561）００２００３"), &[3]);
    same(sought("+81 80-0000-2004"), &[4]);
    same(sought("2005"), &[5]);
    same(sought("昭和13年4月1日"), &[0]);
    same(sought("昭13.4.1"), &[0]);
    same(sought("S12.5.6 山崎"), &[1]);
    same(sought("山\u{200f}崎\u{202e}"), &[1, 2]);
    same(sought("00000013"), &[0]);
    same(sought("%"), &[6]);
    same(sought("%_"), &[6]);
    same(sought("見本町一丁目 タロウ"), &[6]);
    same(sought("1−2"), &[0, 1, 2, 3, 4, 5, 6]);
    same(sought("高橋 そんな人はいない"), &[]);
    assert_eq!(sought("").len(), 7);
    assert_eq!(sought("  　").len(), 7);
}

#[test]
fn a_foreign_name_is_found_however_its_signs_are_typed() {
    let region = Region::new();
    let register = |name: &str, kana: &str, birth: &str| {
        region.register(&changed(RESIDENT_FIELDS, &[("name", name), ("kana", kana), ("birth", birth)])).unwrap()
    };
    let sean = register("O’Brien ショーン", "オブライエン ショーン", "S20.10.28");
    let john = register("ジョン・スミス", "ジョン・スミス", "S20.10.29");
    let duc = register("NGUYỄN VĂN ĐỨC", "グエン ヴァン ドゥック", "S20.10.30");
    let kuzuki = register("葛\u{e0100}城 髙", "カツラギ タカシ", "S20.10.31");
    let all = |queries: &[&str], who: PersonId| {
        for query in queries {
            assert_eq!(found(&region, region.clerk(), query), [who], "{query}");
        }
    };
    all(&["O'Brien", "O’Brien", "oʼbrien", "Ｏ＇ＢＲＩＥＮ", "obrien"], sean);
    all(&["ジョン・スミス", "ジョン･スミス", "ジョン スミス", "ｼﾞｮﾝ･ｽﾐｽ", "シ\u{3099}ョン"], john);
    all(&["nguyen", "NGUYỄN", "Van Duc", "đức"], duc);
    all(&["葛城", "葛\u{e0100}城", "葛\u{e0101}城 高"], kuzuki);
}

#[test]
fn a_birthday_is_found_however_it_is_typed_and_none_is_said_to_be_none() {
    let region = Region::new();
    let born = region.register(&changed(RESIDENT_FIELDS, &[("name", "生田 日和"), ("birth", "S20.10.28")])).unwrap();
    for typed in [
        "昭和20年10月28日生",
        "昭和 20 年 10 月 28 日",
        "生田 昭和 20 年 10 月 28 日 生まれ 日和",
        "１９４５１０２８",
        "1945・10・28",
        "昭和二十年十月二十八日",
        "昭和20年（1945年）10月28日",
        "S201028",
    ] {
        assert_eq!(found(&region, region.clerk(), typed), [born], "{typed}");
    }
    let why = |query: &'static str| {
        let found = region.read(region.clerk(), move |ctx, tx| search(ctx, tx, query, 0)).unwrap();
        assert!(found.persons.is_empty(), "{query}");
        found.why_nobody.clone()
    };
    assert!(why("昭和20年2月30日").unwrap().contains("2月30日はその年の暦にありません"));
    assert!(why("生田 昭和 20 年 2 月 30 日").unwrap().contains("2月30日"));
    assert!(why("20.10.28").unwrap().contains("元号をつける"));
    assert!(why("昭和64年1月8日").unwrap().contains("平成元年1月8日ではありませんか"));
    assert_eq!(why("いない人"), None);
    assert_eq!(why("0561-99-9999"), None);
}

#[test]
fn signs_alone_find_nobody_and_say_so() {
    let (region, ids) = town();
    for typed in ["・", "ー 〜", "゛", "'", "()", "+"] {
        let query = typed.to_owned();
        let found = region.read(region.clerk(), move |ctx, tx| search(ctx, tx, &query, 0)).unwrap();
        let said = found.why_nobody.clone();
        assert!(found.persons.is_empty(), "{typed:?}");
        assert!(said.unwrap_or_default().contains("記号だけ"), "{typed:?}");
    }
    for unseen in ["\u{3164}", "\u{200d}\u{e0100}", "\u{2800}", "\u{3099}"] {
        assert_eq!(found(&region, region.clerk(), unseen).len(), ids.len(), "{unseen:?}");
    }
    assert_eq!(found(&region, region.clerk(), "山崎 ・ さくら").len(), 2);
}

// The keys an earlier version filed: it kept the apostrophe.
#[test]
fn keys_that_an_earlier_version_folded_are_filed_anew_a_few_at_a_time() {
    let (region, ids) = town();
    let name =
        changed(RESIDENT_FIELDS, &[("name", "O’Brien 翔"), ("kana", "オブライエン ショウ"), ("birth", "S20.10.28")]);
    let sean = region.register(&name).unwrap();
    region
        .db
        .db
        .write_blocking(move |tx| {
            tx.execute("UPDATE people_resident SET kana_folded = 'x' WHERE id = $1", db::params![sean])?;
            tx.execute("DELETE FROM people_gram WHERE person_id = $1", db::params![sean])?;
            tx.execute(
                "UPDATE people_key SET folded = 'o’brien翔' WHERE person_id = $1 AND kind = 'name'",
                db::params![sean],
            )
        })
        .unwrap();
    assert!(found(&region, region.clerk(), "O'Brien").is_empty());
    assert!(!region.db.db.write_blocking(|tx| file_anew(tx, 3)).unwrap(), "a new register has nothing to file");
    region.db.db.write_blocking(|tx| tx.tell("DELETE FROM db_mark WHERE name = 'people_folded'", &[])).unwrap();
    let mut rounds = 1;
    while region.db.db.write_blocking(|tx| file_anew(tx, 3)).unwrap() {
        rounds += 1;
    }
    assert_eq!(rounds, (ids.len() + 1).div_ceil(3));
    assert_eq!(found(&region, region.clerk(), "O'Brien"), [sean]);
    assert_eq!(found(&region, region.clerk(), "高橋").len(), 2);
    assert!(!region.db.db.write_blocking(|tx| file_anew(tx, 3)).unwrap(), "once is enough");
    let alike = region.read(region.clerk(), |ctx, tx| search(ctx, tx, "", 0)).unwrap();
    let order: Vec<String> = alike.persons.iter().map(|p| fold(p.kana.expose())).collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn nobody_is_found_beyond_ones_reach() {
    let (region, ids) = town();
    assert_eq!(found(&region, region.doctor(), "たかはし"), [ids[0]]);
    assert_eq!(found(&region, region.doctor(), ""), [ids[0]]);
    assert!(found(&region, region.operator(), "たかはし").is_empty());
    assert_eq!(found(&region, region.relative(region.s.daughter), ""), [ids[0]]);
    let nameless = Ctx::new(
        Actor { role: Role::Link, id: Uuid::from_u128(9), office: None, person: Some(ids[0]), device: "test".into() },
        Purpose::OwnView,
        morning(),
        RequestId(Uuid::from_u128(800)),
    );
    assert!(is_denied(region.read(nameless, |ctx, tx| search(ctx, tx, "", 0))));
}

#[test]
fn a_correction_is_found_under_the_new_name_only() {
    let (region, ids) = town();
    let person = ids[5];
    let fields = changed(RESIDENT_FIELDS, &[("name", "新姓 一"), ("kana", "シンセイ ハジメ"), ("birth", "S20.2.2")]);
    let facts = ResidentFacts::parse(&form(&fields), today()).unwrap();
    region.write(region.clerk(), move |ctx, tx| revise_resident(ctx, tx, person, &facts, &because(1, "改姓"))).unwrap();
    assert_eq!(found(&region, region.clerk(), "新姓"), [person]);
    assert!(found(&region, region.clerk(), "ヨシ ハジメ").is_empty());
}

#[test]
fn a_caller_is_known_by_number_as_resident_or_contact() {
    let (region, ids) = town();
    let by = |ctx: Ctx, phone: &str| {
        let phone = PhoneNumber::parse(phone).unwrap();
        region.read(ctx, move |ctx, tx| persons_by_phone(ctx, tx, &phone)).unwrap()
    };
    assert_eq!(by(region.doctor(), "0561-00-1234"), [ids[0]]);
    assert_eq!(by(region.doctor(), "090-0000-0002"), [ids[0]], "the daughter calls");
    assert!(by(region.doctor(), "0561-00-2003").is_empty());
    assert_eq!(by(region.clerk(), "0561-00-2003"), [ids[3]]);
    assert!(found(&region, region.clerk(), "09000000002").is_empty(), "a contact's number is no person's");
}

#[test]
fn a_long_list_comes_in_pages_and_says_so() {
    let region = Region::new();
    for n in 0..LIST_ROWS {
        let day = format!("1940-01-{:02}", n % 28 + 1);
        let kana = ["ア", "カ", "サ", "タ", "ナ"][n % 5].repeat(n / 5 + 1);
        region.register(&changed(RESIDENT_FIELDS, &[("name", "長田 列"), ("kana", &kana), ("birth", &day)])).unwrap();
    }
    let page = |n| region.read(region.clerk(), move |ctx, tx| search(ctx, tx, "", n)).unwrap();
    let (first, second, third) = (page(0), page(1), page(2));
    assert_eq!((first.persons.len(), first.more), (LIST_ROWS, true));
    assert_eq!((second.persons.len(), second.more, third.persons.len()), (1, false, 0));
    let kana: Vec<String> = first.persons.iter().map(|p| fold(p.kana.expose())).collect();
    assert!(kana.is_sorted());
    assert!(!first.persons.iter().any(|p| p.id == second.persons[0].id));
    let narrowed = region.read(region.clerk(), |ctx, tx| search(ctx, tx, "長田", 0)).unwrap();
    assert_eq!((narrowed.persons.len(), narrowed.more), (LIST_ROWS, false));
}

#[test]
fn a_piece_cut_from_anywhere_finds_exactly_those_who_hold_it() {
    let (region, ids) = town();
    let mut all: Vec<(PersonId, Vec<String>)> = Vec::new();
    for id in &ids {
        let id = *id;
        let (r, h) =
            region.read(region.clerk(), move |ctx, tx| Ok((resident(ctx, tx, id)?, home_of(ctx, tx, id)?))).unwrap();
        let address = fold(&format!("{}{}", h.town, h.line.expose()));
        let mut keys = vec![fold(r.name.expose()), fold(r.kana.expose()), r.number.clone(), address];
        keys.extend(r.phones.iter().map(|p| p.expose().to_owned()));
        all.push((id, keys));
    }
    let cuts = (0..all.len(), 0..6usize, 0..12usize, 1..6usize);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 200, ..ProptestConfig::default() });
    runner
        .run(&cuts, |(who, key, from, length)| {
            let keys = &all[who].1;
            let piece: String = keys[key % keys.len()].chars().cycle().skip(from).take(length).collect();
            let mut wanted: Vec<PersonId> =
                all.iter().filter(|(_, keys)| keys.iter().any(|k| k.contains(&piece))).map(|(id, _)| *id).collect();
            wanted.sort_unstable();
            let mut got = found(&region, region.clerk(), &piece);
            got.sort_unstable();
            prop_assert_eq!(got, wanted, "{}", piece);
            Ok(())
        })
        .unwrap();
}
