//! Invented names: kanji with its reading, 旧字 among them, because real registers are full of them. Any likeness to a
//! living person is chance: family and given names are drawn separately.

use rand::Rng;
use rand::seq::IndexedRandom;

/// Family names and their readings.
pub const FAMILY: &[(&str, &str)] = &[
    ("髙橋", "タカハシ"),
    ("佐藤", "サトウ"),
    ("鈴木", "スズキ"),
    ("伊藤", "イトウ"),
    ("加藤", "カトウ"),
    ("山本", "ヤマモト"),
    ("中村", "ナカムラ"),
    ("小林", "コバヤシ"),
    ("渡邊", "ワタナベ"),
    ("渡邉", "ワタナベ"),
    ("齋藤", "サイトウ"),
    ("斉藤", "サイトウ"),
    ("水野", "ミズノ"),
    ("長江", "ナガエ"),
    ("近藤", "コンドウ"),
    ("山﨑", "ヤマザキ"),
    ("﨑山", "サキヤマ"),
    ("岡﨑", "オカザキ"),
    ("松嵜", "マツザキ"),
    ("濵田", "ハマダ"),
    ("𠮷田", "ヨシダ"),
    ("廣瀨", "ヒロセ"),
    ("嶋田", "シマダ"),
    ("瀧本", "タキモト"),
    ("櫻井", "サクライ"),
    ("澤田", "サワダ"),
    ("德永", "トクナガ"),
    ("國枝", "クニエダ"),
    ("藏本", "クラモト"),
    ("黑田", "クロダ"),
    ("成田", "ナリタ"),
    ("青山", "アオヤマ"),
    ("稲垣", "イナガキ"),
    ("林", "ハヤシ"),
    ("森", "モリ"),
    ("原", "ハラ"),
    ("谷", "タニ"),
    ("大竹", "オオタケ"),
    ("加納", "カノウ"),
    ("神谷", "カミヤ"),
    ("川本", "カワモト"),
    ("木全", "キマタ"),
    ("久野", "クノ"),
    ("河村", "カワムラ"),
    ("後藤", "ゴトウ"),
    ("酒井", "サカイ"),
    ("柴田", "シバタ"),
    ("杉浦", "スギウラ"),
    ("竹内", "タケウチ"),
    ("丹羽", "ニワ"),
    ("長谷川", "ハセガワ"),
    ("服部", "ハットリ"),
    ("早川", "ハヤカワ"),
    ("坂野", "バンノ"),
    ("平野", "ヒラノ"),
    ("深谷", "フカヤ"),
    ("古田", "フルタ"),
    ("堀", "ホリ"),
    ("前田", "マエダ"),
    ("三浦", "ミウラ"),
    ("宮地", "ミヤチ"),
    ("村瀬", "ムラセ"),
    ("安井", "ヤスイ"),
    ("横井", "ヨコイ"),
    ("若杉", "ワカスギ"),
];

/// Given names of women born before about 1955.
const WOMEN_THEN: &[(&str, &str)] = &[
    ("和子", "カズコ"),
    ("幸子", "サチコ"),
    ("節子", "セツコ"),
    ("洋子", "ヨウコ"),
    ("弘子", "ヒロコ"),
    ("美代子", "ミヨコ"),
    ("千代", "チヨ"),
    ("ハル", "ハル"),
    ("キヨ", "キヨ"),
    ("フミ", "フミ"),
    ("惠美子", "エミコ"),
    ("壽子", "ヒサコ"),
    ("静江", "シズエ"),
    ("八重子", "ヤエコ"),
    ("登美子", "トミコ"),
    ("敏子", "トシコ"),
    ("照子", "テルコ"),
    ("文子", "フミコ"),
    ("京子", "キョウコ"),
    ("悦子", "エツコ"),
    ("富貴子", "フキコ"),
    ("つね", "ツネ"),
    ("しげ", "シゲ"),
    ("榮子", "エイコ"),
    ("眞知子", "マチコ"),
];

const MEN_THEN: &[(&str, &str)] = &[
    ("正", "タダシ"),
    ("清", "キヨシ"),
    ("勇", "イサム"),
    ("茂", "シゲル"),
    ("實", "ミノル"),
    ("昭", "アキラ"),
    ("弘", "ヒロシ"),
    ("武", "タケシ"),
    ("三郎", "サブロウ"),
    ("一郎", "イチロウ"),
    ("義雄", "ヨシオ"),
    ("正雄", "マサオ"),
    ("幸雄", "ユキオ"),
    ("和夫", "カズオ"),
    ("榮一", "エイイチ"),
    ("龍夫", "タツオ"),
    ("廣志", "ヒロシ"),
    ("惠三", "ケイゾウ"),
    ("甚平", "ジンペイ"),
    ("善次", "ゼンジ"),
];

const WOMEN_NOW: &[(&str, &str)] = &[
    ("美咲", "ミサキ"),
    ("由美", "ユミ"),
    ("恵", "メグミ"),
    ("直美", "ナオミ"),
    ("真由美", "マユミ"),
    ("智子", "トモコ"),
    ("裕子", "ユウコ"),
    ("香織", "カオリ"),
    ("陽子", "ヨウコ"),
    ("彩", "アヤ"),
    ("千尋", "チヒロ"),
    ("久美子", "クミコ"),
    ("綾乃", "アヤノ"),
    ("麻衣", "マイ"),
    ("典子", "ノリコ"),
];

const MEN_NOW: &[(&str, &str)] = &[
    ("健一", "ケンイチ"),
    ("大輔", "ダイスケ"),
    ("誠", "マコト"),
    ("拓也", "タクヤ"),
    ("浩二", "コウジ"),
    ("直樹", "ナオキ"),
    ("隆", "タカシ"),
    ("翔太", "ショウタ"),
    ("和也", "カズヤ"),
    ("哲也", "テツヤ"),
    ("健太", "ケンタ"),
    ("剛", "ツヨシ"),
    ("修", "オサム"),
    ("秀樹", "ヒデキ"),
    ("慎吾", "シンゴ"),
];

/// A full name as registers write it (family, blank, given) and its reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullName {
    pub kanji: String,
    pub kana: String,
}

pub fn family(rng: &mut impl Rng) -> (&'static str, &'static str) {
    *FAMILY.choose(rng).unwrap_or(&FAMILY[0])
}

/// A name as was given to somebody born in `year`.
pub fn full(rng: &mut impl Rng, family: (&str, &str), female: bool, year: i32) -> FullName {
    let given = match (female, year < 1956) {
        (true, true) => WOMEN_THEN,
        (false, true) => MEN_THEN,
        (true, false) => WOMEN_NOW,
        (false, false) => MEN_NOW,
    };
    let (kanji, kana) = given.choose(rng).unwrap_or(&given[0]);
    FullName { kanji: format!("{}　{kanji}", family.0), kana: format!("{}　{kana}", family.1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reading_is_katakana_and_every_variant_is_found_under_its_everyday_form() {
        for (kanji, kana) in [FAMILY, WOMEN_THEN, MEN_THEN, WOMEN_NOW, MEN_NOW].concat() {
            assert!(base::kana::is_katakana(kana), "{kanji} {kana}");
        }
        assert_eq!(base::kana::fold("髙橋"), base::kana::fold("高橋"));
        assert_eq!(base::kana::fold("𠮷田"), base::kana::fold("吉田"));
    }
}
