//! Folding of Japanese names, so that 髙橋 is found under 高橋 and ﾀｶﾊｼ, たかはし under タカハシ. What is stored and
//! shown is always the original; only search keys are folded.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

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
];

/// The key under which a name or address is searched: NFKC, everyday characters for variants, katakana for hiragana,
/// small kana as large, no blanks, long marks or hyphens.
pub fn fold(text: &str) -> String {
    text.nfkc().filter_map(fold_char).collect()
}

/// What people type for a hyphen or a long mark, half-width or full-width: the keyboard gives whichever it likes.
pub fn is_dash(c: char) -> bool {
    matches!(c, '-' | '－' | 'ー' | 'ｰ' | '\u{2010}'..='\u{2015}' | '−' | '~' | '～' | '〜' | '─' | '━')
}

/// Letters that nobody sees, and that only a copied page, a broken file or a forger puts there: control characters but
/// line ends and tabs (a server's text holds no NUL), blanks without width, and those that turn the direction of writing.
/// What chooses between forms of one character (葛 and 葛󠄀) is none of them.
pub fn is_unseen(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}' => true,
        c => c.is_control(),
    }
}

fn fold_char(c: char) -> Option<char> {
    let c = match c {
        'ぁ'..='ゖ' => char::from_u32(c as u32 + 0x60).unwrap_or(c),
        other => other,
    };
    match c {
        ' ' | '\u{3000}' | '・' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => None,
        c if is_dash(c) || is_unseen(c) => None,
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
        'ヶ' | 'ケ' => Some('ケ'),
        other => {
            let plain = VARIANTS.iter().find(|(variant, _)| *variant == other).map_or(other, |(_, plain)| *plain);
            Some(plain.to_ascii_lowercase())
        }
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
        assert_eq!(bigrams("高橋"), ["高橋"]);
        assert_eq!(bigrams("一"), ["一"]);
        assert!(is_katakana("タカハシ　サキコ") && !is_katakana("たかはし"));
    }
}
