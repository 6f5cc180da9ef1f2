//! An invented region: two cities with their towns and areas. The shape is that of a real pair of neighbours; the
//! names are nowhere on a map.

use rand::Rng;
use rand::seq::IndexedRandom;

/// A city of the region. Codes 99xxx belong to no municipality.
#[derive(Clone, Copy, Debug)]
pub struct City {
    pub code: &'static str,
    pub name: &'static str,
    pub postal: &'static str,
    /// Towns, each with the area (日常生活圏域) whose support centre cares for it.
    pub towns: &'static [(&'static str, &'static str)],
    /// Middle of the city: latitude, longitude.
    pub middle: (f64, f64),
}

pub const CITIES: &[City] = &[
    City {
        code: "99201",
        name: "つながり市",
        postal: "000-0011",
        towns: &[
            ("窯元町", "東部"),
            ("陶の丘", "東部"),
            ("白土町", "東部"),
            ("川端町", "中部"),
            ("本通り", "中部"),
            ("祇園前", "中部"),
            ("若葉台", "西部"),
            ("見晴町", "西部"),
            ("山の手", "西部"),
            ("水車町", "北部"),
            ("上之郷", "北部"),
            ("森下町", "北部"),
        ],
        middle: (35.22, 137.09),
    },
    City {
        code: "99202",
        name: "あさひ野市",
        postal: "000-0022",
        towns: &[
            ("旭ヶ原", "南部"),
            ("城前町", "南部"),
            ("桜並木", "南部"),
            ("柏井町", "中央"),
            ("東栄町", "中央"),
            ("新居", "中央"),
        ],
        middle: (35.21, 137.03),
    },
];

/// A dwelling's address in the region.
#[derive(Clone, Debug)]
pub struct Address {
    pub city: City,
    pub town: &'static str,
    pub area: &'static str,
    pub line: String,
    pub building: String,
    pub position: (f64, f64),
}

pub fn address(rng: &mut impl Rng) -> Address {
    let city = if rng.random_bool(0.62) { CITIES[0] } else { CITIES[1] };
    let (town, area) = *city.towns.choose(rng).unwrap_or(&city.towns[0]);
    let line = format!("{}番地{}", rng.random_range(1..300), if rng.random_bool(0.4) { "の2" } else { "" });
    let building = if rng.random_bool(0.25) {
        format!("{}ハイツ{}号室", ["みどり", "ひかり", "すみれ"][rng.random_range(0..3)], rng.random_range(101..405))
    } else {
        String::new()
    };
    let position = (city.middle.0 + rng.random_range(-0.02..0.02), city.middle.1 + rng.random_range(-0.02..0.02));
    Address { city, town, area, line, building, position }
}

/// A telephone number that nobody has: the exchange 00 is not given out.
pub fn phone(rng: &mut impl Rng) -> String {
    format!("0561-00-{:04}", rng.random_range(0..10_000))
}

/// A mobile number of the same kind.
pub fn mobile(rng: &mut impl Rng) -> String {
    format!("090-0000-{:04}", rng.random_range(0..10_000))
}
