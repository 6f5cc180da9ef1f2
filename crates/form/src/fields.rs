//! What a single field may hold: names, readings, telephone numbers, postal codes, addresses. Parsed at the door; a
//! value of one of these types is never checked again. `Debug` shows none of them.

use base::kana::is_dash;
use base::letters::{is_unseen, written};
use base::limits::{LINE_CHARS, TEXT_CHARS};
use base::{Redacted, kana};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Redacted<String>);

        impl $name {
            pub fn expose(&self) -> &str {
                self.0.expose()
            }
            pub fn redacted(&self) -> Redacted<String> {
                self.0.clone()
            }
            /// A value that a row of ours holds, parsed when it came in.
            pub fn stored(text: String) -> $name {
                $name(Redacted::new(text))
            }
        }

        impl From<&$name> for db::Value {
            fn from(field: &$name) -> db::Value {
                db::Value::from(field.expose())
            }
        }
    )+};
}

fields! {
    /// 氏名, as the person writes it (旧字 stay), family and given name apart by one blank.
    Name,
    /// A reading in full-width katakana.
    Kana,
    /// Digits only, 10 or 11, beginning with 0.
    PhoneNumber,
    /// Seven digits.
    PostalCode,
    /// An address for mail, lower case after the `@`.
    Email,
    /// One line of free words, at most [`LINE_CHARS`] characters; may be blank.
    Line,
    /// Free words of several lines, at most [`TEXT_CHARS`] characters; may be blank.
    Text,
}

impl Name {
    pub fn parse(typed: &str) -> Result<Name, String> {
        let name = one_line(typed)?;
        // Dots and dashes alone name nobody, and no search would find them.
        if kana::fold(&name).is_empty() {
            return Err("氏名を入力してください。".into());
        }
        if name.chars().any(|c| c.is_ascii_digit() || matches!(c, '０'..='９' | '<' | '>' | '@')) {
            return Err("氏名に数字や記号は使えません。".into());
        }
        Ok(Name::stored(name))
    }
}

impl Kana {
    /// Takes hiragana and half-width kana too; any kanji is refused.
    pub fn parse(typed: &str) -> Result<Kana, String> {
        // A foreign name's parts stand on the one dot of our lists, whichever sign was typed between them.
        let dots = ['·', '•', '‧', '゠', '='];
        let text = one_line(&kana::to_katakana(typed).replace(dots, "・"))?;
        if !kana::is_katakana(&text) || kana::fold(&text).is_empty() {
            return Err("フリガナはカタカナ（またはひらがな）で入力してください。".into());
        }
        Ok(Kana::stored(text))
    }
}

impl PhoneNumber {
    /// Takes hyphens, brackets, dots, slashes, blanks, full-width digits and `+81`. Demo numbers of exchanges that do not exist
    /// (0561-00-…) are numbers like any other: only the shape is checked.
    pub fn parse(typed: &str) -> Result<PhoneNumber, String> {
        let text: String = seen(typed).collect();
        let national = match text.strip_prefix("+81") {
            Some(rest) => {
                format!("0{}", rest.trim_start_matches(['-', '(']).trim_start_matches("0)").trim_start_matches('0'))
            }
            None => text,
        };
        let separator = |c: char| is_dash(c) || matches!(c, '(' | ')' | '.' | '・' | '/');
        if let Some(at) = national.find(|c: char| !c.is_ascii_digit() && !separator(c)) {
            return Err(why_no_number(&national[at..]).into());
        }
        let digits: String = national.chars().filter(char::is_ascii_digit).collect();
        if digits.len() > 18 {
            return Err("電話番号は、一つの欄に一つずつ入力してください。".into());
        }
        let long = ["020", "050", "060", "070", "080", "090"].iter().any(|p| digits.starts_with(p));
        let wanted = if long { 11 } else { 10 };
        if !digits.starts_with('0') {
            return Err("電話番号は0から始まる番号を、市外局番から入力してください。".into());
        }
        if digits.len() != wanted {
            return Err(format!("電話番号の桁数が違います（{}桁、この番号は{wanted}桁です）。", digits.len()));
        }
        Ok(PhoneNumber::stored(digits))
    }

    /// With hyphens where the area code is known (`0561-00-1234`, `090-0000-0001`), else the digits.
    pub fn shown(&self) -> String {
        let digits = self.expose();
        let area =
            AREA_CODES.iter().filter(|(prefix, _)| digits.starts_with(prefix)).max_by_key(|(prefix, _)| prefix.len());
        let Some((_, area)) = area else { return digits.to_owned() };
        let last = match digits.get(..4) {
            Some("0120" | "0570" | "0990") => 3,
            _ => 4,
        };
        let Some(middle) = digits.len().checked_sub(last).filter(|m| m > area) else { return digits.to_owned() };
        format!("{}-{}-{}", &digits[..*area], &digits[*area..middle], &digits[middle..])
    }

    /// Whether it reaches a mobile telephone, which SMS needs.
    pub fn is_mobile(&self) -> bool {
        ["060", "070", "080", "090"].iter().any(|p| self.expose().starts_with(p))
    }
}

/// What stands from the first character on that is no part of a telephone number. An extension is dialled by a person and
/// not by us: it belongs where people read it.
fn why_no_number(rest: &str) -> &'static str {
    let rest = rest.to_lowercase();
    if ["内", "ext", "x", "#"].iter().any(|begins| rest.starts_with(begins)) {
        "内線番号は電話番号の欄に入れられません。電話番号だけを入力し、内線は、対象者なら「留意点の補足」、連絡先なら「連絡のつく時間帯」に書いてください。"
    } else if [",", "、", ";"].iter().any(|begins| rest.starts_with(begins)) {
        "電話番号は、一つの欄に一つずつ入力してください。"
    } else {
        "電話番号は数字とハイフンで入力してください。"
    }
}

/// Beginnings of numbers and how many of their digits are the area code; the longest beginning decides. Codes of the
/// Tōkai region and those whose beginning is nobody else's. Source: 総務省「市外局番の一覧」 [to verify].
const AREA_CODES: &[(&str, usize)] = &[
    ("020", 3),
    ("050", 3),
    ("060", 3),
    ("070", 3),
    ("080", 3),
    ("090", 3),
    ("0120", 4),
    ("0570", 4),
    ("0990", 4),
    ("0800", 4),
    ("03", 2),
    ("06", 2),
    ("011", 3),
    ("044", 3),
    ("045", 3),
    ("052", 3),
    ("075", 3),
    ("078", 3),
    ("0531", 4),
    ("0532", 4),
    ("0533", 4),
    ("0534", 3),
    ("0536", 4),
    ("0561", 4),
    ("0562", 4),
    ("0563", 4),
    ("0564", 4),
    ("0565", 4),
    ("0566", 4),
    ("0567", 4),
    ("0568", 4),
    ("0569", 4),
    ("0572", 4),
    ("0573", 4),
    ("0574", 4),
    ("0575", 4),
    ("0576", 4),
    ("0577", 4),
    ("0578", 4),
    ("0581", 4),
    ("0582", 3),
    ("0583", 3),
    ("0584", 4),
    ("0585", 4),
    ("0586", 4),
    ("0587", 4),
    ("0592", 3),
    ("0593", 3),
    ("0594", 4),
    ("0595", 4),
    ("0596", 4),
    ("0597", 4),
    ("0598", 4),
    ("0599", 4),
];

impl PostalCode {
    pub fn parse(typed: &str) -> Result<PostalCode, String> {
        let text: String = seen(typed).filter(|c| !is_dash(*c) && *c != '〒').collect();
        if text.len() != 7 || !text.chars().all(|c| c.is_ascii_digit()) {
            return Err("郵便番号は「489-0000」のように7桁の数字で入力してください。".into());
        }
        Ok(PostalCode::stored(text))
    }

    /// `489-0000`; blank where none is known.
    pub fn shown(&self) -> String {
        match self.expose() {
            digits if digits.len() == 7 => format!("{}-{}", &digits[..3], &digits[3..]),
            other => other.to_owned(),
        }
    }
}

impl Email {
    /// The shape mail servers agree on: one `@`, ASCII, a dotted domain. Whether it arrives, only mail can tell.
    pub fn parse(typed: &str) -> Result<Email, String> {
        let wrong = || "メールアドレスの形が正しくありません。「name@example.jp」のように入力してください。".to_owned();
        let text: String = seen(typed).collect();
        let (local, domain) = text.split_once('@').ok_or_else(wrong)?;
        let local_ok = (1..=64).contains(&local.len())
            && local.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
        let label_ok = |l: &str| {
            !l.is_empty()
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if !local_ok || !domain.contains('.') || !domain.split('.').all(label_ok) || text.len() > LINE_CHARS {
            return Err(wrong());
        }
        Ok(Email::stored(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

impl Line {
    pub fn parse(typed: &str) -> Result<Line, String> {
        one_line(typed).map(Line::stored)
    }

    pub fn blank() -> Line {
        Line::stored(String::new())
    }

    pub fn is_blank(&self) -> bool {
        self.expose().is_empty()
    }
}

impl Text {
    pub fn parse(typed: &str) -> Result<Text, String> {
        let text = written(typed).trim().replace("\r\n", "\n");
        let length = text.chars().count();
        if length > TEXT_CHARS {
            return Err(format!("{TEXT_CHARS}文字までで入力してください（いま{length}文字です）。"));
        }
        Ok(Text::stored(text))
    }

    pub fn blank() -> Text {
        Text::stored(String::new())
    }

    pub fn is_blank(&self) -> bool {
        self.expose().is_empty()
    }
}

/// One form of each character, without blanks and what nobody sees.
fn seen(typed: &str) -> impl Iterator<Item = char> {
    typed.nfkc().filter(|c| !c.is_whitespace() && !is_unseen(*c))
}

/// Trimmed, inner blanks and line ends as one blank; refuses what is longer than a line.
fn one_line(typed: &str) -> Result<String, String> {
    let text = written(typed).split_whitespace().collect::<Vec<_>>().join(" ");
    let length = text.chars().count();
    if length > LINE_CHARS {
        return Err(format!("{LINE_CHARS}文字までで入力してください（いま{length}文字です）。"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_nobody_sees_are_no_name_and_forms_of_a_character_stay() {
        assert_eq!(Line::parse("\u{200b}\u{feff} 髙橋\u{202e}　花子\u{200b}").unwrap().expose(), "髙橋 花子");
        assert!(Line::parse("\u{200b}\u{2060}").unwrap().is_blank());
        assert!(Text::parse("\u{feff}\u{200e}").unwrap().is_blank());
        assert_eq!(Line::parse("葛\u{e0100}城").unwrap().expose(), "葛\u{e0100}城");
    }

    #[test]
    fn names_of_the_field_are_kept_as_they_are_written() {
        for (typed, kept) in [
            ("髙﨑　𠮷\u{301}", "髙﨑 𠮷\u{301}"),
            ("神\u{fa19}山\t一", "神\u{fa19}山 一"),
            ("葛\u{e0100}城\r\n花子\t", "葛\u{e0100}城 花子"),
            ("か\u{3099}すや みほん", "がすや みほん"),
            ("NGUYEN VAN  DUC", "NGUYEN VAN DUC"),
            ("O’Brien ショーン", "O’Brien ショーン"),
            ("ﾐﾎﾝ ﾊﾅｺ", "ﾐﾎﾝ ﾊﾅｺ"),
            ("李", "李"),
        ] {
            assert_eq!(Name::parse(typed).unwrap().expose(), kept);
        }
        for nobody in [
            "　　",
            "\u{200d}",
            "\u{3164}",
            "\u{2800}\u{115f}",
            "\u{3099}",
            "\u{e0101}",
            "\u{e0041}\u{fe0f}",
            "・",
            "ー",
        ] {
            assert!(Name::parse(nobody).is_err(), "{nobody:?}");
            assert!(Kana::parse(nobody).is_err(), "{nobody:?}");
        }
        assert_eq!(Kana::parse("ｶﾞｽﾔ　みほん").unwrap().expose(), "ガスヤ ミホン");
        assert_eq!(Kana::parse("ｼﾞｮﾝ＝ｽﾐｽ").unwrap().expose(), "ジョン・スミス");
        assert!(Name::parse(&"長".repeat(LINE_CHARS)).is_ok());
        assert!(Name::parse(&"長".repeat(LINE_CHARS + 1)).unwrap_err().contains("文字まで"));
    }

    #[test]
    fn a_telephone_number_is_read_however_it_is_parted() {
        for typed in [
            "0561-00-1234",
            "（０５６１）００－１２３４",
            "(0561)00-1234",
            "0561・00・1234",
            "0561･00･1234",
            "0561/00/1234",
            "0561.00.1234",
            "0561 00 1234",
            "0561ー00ー1234",
            "+81-561-00-1234",
            "+81 (0)561 00 1234",
            "＋８１（０）５６１・００・１２３４",
        ] {
            assert_eq!(PhoneNumber::parse(typed).as_ref().map(PhoneNumber::expose), Ok("0561001234"), "{typed}");
        }
        for (typed, why) in [
            ("0561-00-1234 内線12", "内線は"),
            ("0561-00-1234（内線１２）", "内線は"),
            ("0561-00-1234（内）12", "内線は"),
            ("0561-00-1234 ext.12", "内線は"),
            ("0561-00-1234#12", "内線は"),
            ("0561-00-1234、090-0000-0001", "一つずつ"),
            ("0561-00-1234 / 090-0000-0001", "一つずつ"),
            ("0561-00-1234 自宅", "数字とハイフン"),
            ("0561-00-123", "桁数"),
        ] {
            let said = PhoneNumber::parse(typed).unwrap_err();
            assert!(said.contains(why), "{typed}: {said}");
        }
    }
}
