//! What is read of many at once is what is read of each, for whoever reads.

use super::*;

// shows: 5.6.5 lists read what they show in a handful of statements: many at once is what each is by itself
#[test]
fn what_is_read_of_many_is_what_is_read_of_each_whoever_reads() {
    let region = Region::new();
    let stranger = region
        .register(&changed(
            crate::testing::RESIDENT_FIELDS,
            &[("name", "山崎 さくら"), ("kana", "ヤマザキ サクラ"), ("birth", "S12.5.6"), ("phone", "0561-00-2001")],
        ))
        .unwrap();
    let persons = [region.s.person, stranger];
    let mut shown = 0;
    for reader in [
        region.clerk(),
        region.doctor(),
        region.nurse(),
        region.operator(),
        region.city_officer(),
        region.relative(region.s.daughter),
        region.relative(region.s.son),
        region.system(),
    ] {
        let households = region.read(reader.clone(), move |ctx, tx| households(ctx, tx, &persons)).unwrap();
        let heads = region.read(reader.clone(), move |ctx, tx| heads(ctx, tx, &persons));
        for person in persons {
            let one = region.read(reader.clone(), move |ctx, tx| {
                Ok((resident(ctx, tx, person)?.into_value(), home_of(ctx, tx, person)?.into_value()))
            });
            let json = |of: &(Resident, Home)| serde_json::to_string(of).unwrap();
            match one {
                Ok(one) => {
                    shown += 1;
                    assert_eq!(households.get(&person).map(json), Some(json(&one)), "{:?}", reader.actor.role);
                    let head = heads.as_ref().unwrap().of(person).unwrap();
                    assert_eq!(head.name.expose(), one.0.name.expose());
                    assert_eq!(head.address.expose(), one.1.address().expose());
                }
                Err(_) => {
                    assert!(!households.contains_key(&person), "{:?} sees somebody they may not", reader.actor.role);
                    assert!(heads.as_ref().map_or(true, |heads| heads.get(person).is_none()));
                }
            }
        }
    }
    assert!(shown > 6, "{shown} looks were allowed");
}

#[test]
fn of_two_cities_each_says_how_many_live_there_and_whom_to_call_and_names_nobody() {
    let region = Region::new();
    let mut facts = OfficeFacts::named(line("尾張旭市 長寿課"), OfficeKind::CityElderly);
    facts.city_code = "23226".into();
    region.write(region.clerk(), move |ctx, tx| register_office(ctx, tx, &facts)).unwrap();
    let phone = "UPDATE people_office SET phone = '0561530000' WHERE city_code = '23226'";
    region.db.db.write_blocking(|tx| tx.tell(phone, &[])).unwrap();
    let elsewhere = region
        .register(&changed(
            crate::testing::RESIDENT_FIELDS,
            &[
                ("name", "山崎 さくら"),
                ("kana", "ヤマザキ サクラ"),
                ("birth", "S12.5.6"),
                ("phone", "0561-00-2001"),
                ("city_code", "23226"),
                ("city", "愛知県尾張旭市"),
            ],
        ))
        .unwrap();
    let asked = [region.s.person, elsewhere, elsewhere, PersonId(Uuid::from_u128(9))];
    let told = region.read(region.clerk(), move |_, tx| cities_of(tx, &asked)).unwrap();
    let told: Vec<_> = told
        .into_iter()
        .map(|it| (it.city, it.count, it.office.map(|office| (office.name, office.phone.map(|p| p.shown())))))
        .collect();
    let seto = ("愛知県瀬戸市".to_owned(), 1, Some(("見本市 高齢福祉課".to_owned(), None)));
    let office = ("尾張旭市 長寿課".to_owned(), Some("0561-53-0000".to_owned()));
    assert_eq!(told, [seto, ("愛知県尾張旭市".to_owned(), 2, Some(office))]);
}
