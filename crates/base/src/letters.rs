//! Letters that nobody sees. Some belong to what is written (葛 and 葛󠄀 differ by one, a family of one emoji is held
//! together by another), most are what only a copied page, a broken file or a forger puts there.

use std::borrow::Cow;

use unicode_normalization::char::{compose, is_combining_mark};

/// Whether the letter shows nothing by itself: what Unicode tells a screen to leave out where it does not know it
/// (`Default_Ignorable_Code_Point`, DerivedCoreProperties.txt of Unicode 16.0: 字形選択子, Hangul fillers, joiners, turns of
/// the direction, tags), control characters but line ends and tabs (a server's text holds no NUL), the marks around ruby
/// and the empty cell of Braille.
pub fn is_unseen(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{2800}' => true,
        c => c.is_control(),
    }
}

/// The text without what nobody sees. What gives a letter its form (字形選択子) stays behind its letter, what joins letters
/// stays between emoji and in scripts that need it (after a mark, as in ශ්‍රී), and a mark stays on what it marks.
pub fn seen(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_unseen(c) || is_combining_mark(c)) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    // What a mark may stand on; nothing at the beginning and after a blank.
    let mut base: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let stays = match c {
            '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => base.is_some_and(|b| !is_unseen(b)),
            JOINER => {
                base.is_some_and(|b| is_emoji(b) || is_combining_mark(b))
                    && letters.peek().is_some_and(|n| !n.is_whitespace() && !is_unseen(*n))
            }
            c if is_unseen(c) => false,
            c if is_combining_mark(c) => base.is_some(),
            _ => true,
        };
        if stays {
            kept.push(c);
            base = (!c.is_whitespace()).then_some(c);
        }
    }
    Cow::Owned(kept)
}

/// The text as it is kept: what is seen of it, a letter and its mark as one letter where there is one (か and a 濁点 are
/// が). Nothing else is composed: the normal form of Unicode would make 旧字 like 神 and 塚 everyday characters.
pub fn written(text: &str) -> String {
    let mut kept: Vec<char> = Vec::with_capacity(text.len() / 2);
    for c in seen(text).chars() {
        match kept.last_mut().and_then(|last| Some((compose(*last, c)?, last))) {
            Some((one, last)) => *last = one,
            None => kept.push(c),
        }
    }
    kept.into_iter().collect()
}

const JOINER: char = '\u{200d}';

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_that_nobody_sees_are_nothing_alone() {
        let ranges = [
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x206f,
            0x2800..=0x2800,
            0x3099..=0x309a,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0x1d173..=0x1d17a,
            0xe0020..=0xe007f,
            0xe0100..=0xe01ef,
        ];
        for c in ranges.into_iter().flatten().filter_map(char::from_u32) {
            assert_eq!(seen(&c.to_string()), "", "{:x}", u32::from(c));
            assert_eq!(seen(&format!("一 {c}\u{200d}{c}")), "一 ", "{:x}", u32::from(c));
        }
    }

    #[test]
    fn what_belongs_to_what_is_written_stays() {
        for text in [
            "葛\u{e0100}城",
            "👨\u{200d}👩\u{200d}👧と散歩",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "ශ\u{dca}\u{200d}ර\u{dd3}",
        ] {
            assert_eq!(seen(text), text);
            assert_eq!(written(text), text);
        }
        assert_eq!(written("か\u{3099}す は\u{309a}ん"), "がす ぱん");
        assert_eq!(written("神\u{fa19}塚\u{fa10}髙﨑𠮷か\u{3099}"), "神\u{fa19}塚\u{fa10}髙﨑𠮷が");
        assert_eq!(written("Nguye\u{302}\u{303}n"), "Nguyễn");
    }

    proptest! {
        #[test]
        fn what_is_written_once_stays_as_it_is(text in "(\\PC|[\u{200d}\u{fe0f}\u{e0100}\u{3099}\u{2800} 葛か👩\u{301}]){0,12}") {
            let once = written(&text);
            prop_assert_eq!(written(&once), once.as_str());
            prop_assert_eq!(seen(&once), once.as_str());
        }
    }
}
