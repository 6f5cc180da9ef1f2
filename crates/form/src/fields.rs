//! What a single field may hold: names, readings, telephone numbers, postal codes, addresses. Parsed at the door; a
//! value of one of these types is never checked again. `Debug` shows none of them.

use base::kana::{is_dash, is_unseen};
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
        if name.is_empty() {
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
        let text = one_line(&kana::to_katakana(typed))?;
        if !kana::is_katakana(&text) {
            return Err("フリガナはカタカナ（またはひらがな）で入力してください。".into());
        }
        Ok(Kana::stored(text))
    }
}

impl PhoneNumber {
    /// Takes hyphens, brackets, blanks, full-width digits and `+81`. Demo numbers of exchanges that do not exist
    /// (0561-00-…) are numbers like any other: only the shape is checked.
    pub fn parse(typed: &str) -> Result<PhoneNumber, String> {
        let text: String = seen(typed).collect();
        let national = match text.strip_prefix("+81") {
            Some(rest) => {
                format!("0{}", rest.trim_start_matches(['-', '(']).trim_start_matches("0)").trim_start_matches('0'))
            }
            None => text,
        };
        let separator = |c: char| is_dash(c) || matches!(c, '(' | ')' | '.');
        if national.chars().any(|c| !c.is_ascii_digit() && !separator(c)) {
            return Err("電話番号は数字とハイフンで入力してください。".into());
        }
        let digits: String = national.chars().filter(char::is_ascii_digit).collect();
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
        let text = typed.replace(is_unseen, "").trim().replace("\r\n", "\n");
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
    let typed = typed.replace(is_unseen, "");
    let length = typed.trim().chars().count();
    if length > LINE_CHARS {
        return Err(format!("{LINE_CHARS}文字までで入力してください（いま{length}文字です）。"));
    }
    let text = typed.split_whitespace().collect::<Vec<_>>().join(" ");
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
}
