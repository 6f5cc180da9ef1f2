//! Folding of Japanese names, so that 髙橋 is found under 高橋 and ﾀｶﾊｼ, たかはし under タカハシ. What is stored and
//! shown is always the original; only search keys are folded.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{compose, is_combining_mark};

use crate::letters::is_unseen;

/// 旧字・異体字 and the everyday character they are searched under. Widen from city files as they are seen.
const VARIANTS: &[(char, char)] = &[
    ('髙', '高'),
    ('﨑', '崎'),
    ('嵜', '崎'),
    ('碕', '崎'),
    ('邊', '辺'),
    ('邉', '辺'),
    ('齋', '斎'),
    ('齊', '斉'),
    ('澤', '沢'),
    ('濵', '浜'),
    ('濱', '浜'),
    ('廣', '広'),
    ('德', '徳'),
    ('惠', '恵'),
    ('眞', '真'),
    ('國', '国'),
    ('櫻', '桜'),
    ('嶋', '島'),
    ('嶌', '島'),
    ('龍', '竜'),
    ('瀨', '瀬'),
    ('榮', '栄'),
    ('壽', '寿'),
    ('學', '学'),
    ('𠮷', '吉'),
    ('槇', '槙'),
    ('曾', '曽'),
    ('條', '条'),
    ('萬', '万'),
    ('與', '与'),
    ('圓', '円'),
    ('藏', '蔵'),
    ('靜', '静'),
    ('黑', '黒'),
    ('增', '増'),
    ('禮', '礼'),
    ('彌', '弥'),
    ('關', '関'),
    ('冨', '富'),
    ('桒', '桑'),
    ('峯', '峰'),
    ('嶽', '岳'),
    ('舘', '館'),
    ('鐵', '鉄'),
    ('縣', '県'),
    ('淸', '清'),
    ('靑', '青'),
    ('郞', '郎'),
    ('鎭', '鎮'),
    ('亙', '亘'),
    ('戶', '戸'),
    ('吳', '呉'),
    ('內', '内'),
    ('步', '歩'),
    ('橫', '横'),
    ('圡', '土'),
    ('穗', '穂'),
    ('豐', '豊'),
    ('實', '実'),
    ('會', '会'),
    ('樂', '楽'),
    ('爲', '為'),
    ('檜', '桧'),
    ('渕', '淵'),
    // Radicals that a copied PDF gives for characters; the others NFKC knows.
    ('⻑', '長'),
    ('⻄', '西'),
    ('⻘', '青'),
    ('⻫', '斉'),
    // The one letter of Vietnamese names whose stroke is no accent.
    ('đ', 'd'),
];

/// Which [`fold`] this is. A program that finds keys of another one files them anew (`people::file_anew`).
pub const FOLD: u32 = 2;

/// The key under which a name or address is searched: everyday characters for variants, katakana for hiragana, small kana
/// as large, one form of each letter (NFKC, small, without the accents of Latin), no blanks, long marks, hyphens, middle
/// dots, apostrophes or what nobody sees.
pub fn fold(text: &str) -> String {
    let mut folded: Vec<char> = Vec::with_capacity(text.len() / 2);
    for c in text.nfkd().filter_map(fold_char).flat_map(char::to_lowercase) {
        match c {
            '\u{3099}' | '\u{309a}' => {
                let one = folded.last_mut().and_then(|last| Some((compose(*last, c)?, last)));
                if let Some((one, last)) = one {
                    *last = one;
                }
            }
            c => folded.push(VARIANTS.iter().find(|(variant, _)| *variant == c).map_or(c, |(_, plain)| *plain)),
        }
    }
    let folded: String = folded.into_iter().nfc().collect();
    folded.trim_start_matches(is_combining_mark).to_owned()
}

/// What people type for a hyphen or a long mark, half-width or full-width: the keyboard gives whichever it likes.
pub fn is_dash(c: char) -> bool {
    matches!(c, '-' | '－' | 'ー' | 'ｰ' | '\u{2010}'..='\u{2015}' | '−' | '~' | '～' | '〜' | '─' | '━')
}

fn fold_char(c: char) -> Option<char> {
    let c = match c {
        'ぁ'..='ゖ' => char::from_u32(c as u32 + 0x60).unwrap_or(c),
        other => other,
    };
    match c {
        '・' | '·' | '•' | '‧' | '∙' | '⋅' | '゠' | '=' => None,
        '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | '′' | '`' => None,
        '\u{300}'..='\u{36f}' => None,
        c if c.is_whitespace() || is_dash(c) || is_unseen(c) => None,
        'ァ' => Some('ア'),
        'ィ' => Some('イ'),
        'ゥ' => Some('ウ'),
        'ェ' => Some('エ'),
        'ォ' => Some('オ'),
        'ッ' => Some('ツ'),
        'ャ' => Some('ヤ'),
        'ュ' => Some('ユ'),
        'ョ' => Some('ヨ'),
        'ヮ' => Some('ワ'),
        'ヵ' => Some('カ'),
        'ヶ' => Some('ケ'),
        other => Some(other),
    }
}

/// The one spelling of a name by which machines know something: composed characters (NFC), without letters that nobody
/// sees and without blanks around it.
pub fn spelled(text: &str) -> Cow<'_, str> {
    let plain = |text: &str| text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control());
    match text.trim() {
        trimmed if plain(trimmed) => Cow::Borrowed(trimmed),
        trimmed => {
            let seen: String = trimmed.chars().filter(|c| !is_unseen(*c)).nfc().collect();
            Cow::Owned(seen.trim().to_owned())
        }
    }
}

/// Overlapping pairs of the folded text; a single character is its own gram.
pub fn bigrams(text: &str) -> Vec<String> {
    let chars: Vec<char> = fold(text).chars().collect();
    let mut grams: Vec<String> = match chars.len() {
        0 => vec![],
        1 => vec![chars[0].to_string()],
        _ => chars.windows(2).map(|pair| pair.iter().collect()).collect(),
    };
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// Full-width digits as ASCII ones; all else untouched.
pub fn half_width_digits(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(c as u32 - '０' as u32 + '0' as u32).unwrap_or(c),
            other => other,
        })
        .collect()
}

/// Whether a reading is written in katakana (as 氏名カナ are), blanks and long marks allowed.
pub fn is_katakana(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().all(|c| matches!(c, 'ァ'..='ヶ' | 'ー' | ' ' | '\u{3000}' | '・'))
}

/// Hiragana and half-width kana as full-width katakana, other characters as they are.
pub fn to_katakana(text: &str) -> String {
    text.nfkc()
        .map(|c| match c {
            'ぁ'..='ゖ' => char::from_u32(c as u32 + 0x60).unwrap_or(c),
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn variants_and_kana_fold_together() {
        assert_eq!(fold("髙橋 﨑子"), fold("高橋崎子"));
        assert_eq!(fold("ﾀｶﾊｼ ｻｷｺ"), fold("たかはし　さきこ"));
        assert_eq!(fold("キョウコ"), "キヨウコ");
        assert_eq!(fold("ス―ザン・１−２～３"), fold("スーザン1-2-3"));
        assert_eq!(fold("高\u{200f}橋\u{feff}"), fold("高橋"));
        assert_eq!(spelled(" カ\u{3099}ス\u{200b} "), "ガス");
        assert_eq!(spelled("living room"), "living room");
        for (typed, meant) in [
            ("O’Brien", "O'BRIEN"),
            ("Oʼbrien", "Ｏ＇Ｂｒｉｅｎ"),
            ("ジョン・スミス", "ｼﾞｮﾝ･ｽﾐｽ"),
            ("ジョン·スミス", "ジョン スミス"),
            ("NGUYỄN VĂN ĐỨC", "Nguyen Van Duc"),
            ("José", "JOSE\u{301}"),
            ("葛\u{e0100}城", "葛城"),
            ("か\u{3099}すカ゛ス", "ガスガス"),
            ("⼭⽥⻑一", "山田長一"),
            ("冨⽥ 靑", "富田青"),
            ("\u{fa10}本", "塚本"),
        ] {
            assert_eq!(fold(typed), fold(meant), "{typed}");
        }
        assert_ne!(fold("ヴァン"), fold("ブァン"));
        assert_ne!(fold("ハ"), fold("バ"));
        for nothing in ["\u{3164}", "ー・", "\u{3099}", "゛", "\u{200d}", "'", "　\t", "\u{e0100}"] {
            assert_eq!(fold(nothing), "", "{nothing:?}");
        }
        assert_eq!(bigrams("高橋"), ["高橋"]);
        assert_eq!(bigrams("一"), ["一"]);
        assert!(is_katakana("タカハシ　サキコ") && !is_katakana("たかはし"));
    }

    /// Every letter that folds to something else than itself, in one number (FNV-1a). A change of it makes keys that
    /// earlier versions filed unfindable.
    #[test]
    fn a_fold_that_changed_has_another_number_so_that_keys_are_filed_anew() {
        let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
        for c in '\0'..=char::MAX {
            let (once, mut own) = (fold(c.encode_utf8(&mut [0; 4])), [0; 4]);
            assert_eq!(fold(&once), once, "{:x}", u32::from(c));
            if once != *c.encode_utf8(&mut own) {
                sum =
                    once.bytes().fold(sum ^ u64::from(c), |sum, b| (sum ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
            }
        }
        assert_eq!(
            (FOLD, sum),
            (2, 8_687_913_088_485_544_548),
            "the fold changed: count FOLD up, then write what it gives here"
        );
    }

    proptest! {
        #[test]
        fn what_is_folded_once_stays_as_it_is(text in "(\\PC|[\u{200d}\u{fe0f}\u{e0100}\u{3099}\u{309a} がぁ゛ﾞ葛\u{301}\u{300}İΣđ]){0,12}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.as_str());
        }
    }
}
