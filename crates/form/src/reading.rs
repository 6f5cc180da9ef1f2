//! A posted form, read once at the door: every field is checked, every error stands beside its field, and what was
//! typed stays available to be shown again. It knows no table and no person.

use std::borrow::Cow;

use base::letters::seen;
use base::wareki::Date;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::dates::read_date;
use crate::fields::{Email, Kana, Line, Name, PhoneNumber, PostalCode, Text};

/// The pairs of a posted form in their order; a field may come several times (checkboxes, phones).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Form(Vec<(String, String)>);

/// What is wrong with one field, in the user's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    pub field: &'static str,
    pub message_ja: String,
}

/// A closed set of words that a form may post.
pub trait Word: Sized {
    fn read(key: &str) -> Option<Self>;
}

impl Form {
    /// Of what was typed, letters that nobody sees are left out.
    pub fn new(mut pairs: Vec<(String, String)>) -> Form {
        for (_, value) in &mut pairs {
            if let Cow::Owned(rest) = seen(value) {
                *value = rest;
            }
        }
        Form(pairs)
    }

    /// What was typed into the field, blanks trimmed; empty where it is missing.
    pub fn one(&self, field: &str) -> &str {
        self.0.iter().find(|(f, _)| f == field).map_or("", |(_, value)| value.trim())
    }

    /// What was typed into the field, blanks and all: a password.
    pub fn as_typed(&self, field: &str) -> &str {
        self.0.iter().find(|(f, _)| f == field).map_or("", |(_, value)| value)
    }

    /// All values of a field that are not blank.
    pub fn all<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(f, _)| f == field).map(|(_, v)| v.trim()).filter(|v| !v.is_empty())
    }

    /// Whether a checkbox was ticked.
    pub fn ticked(&self, field: &str) -> bool {
        !matches!(self.one(field), "" | "0" | "false" | "off")
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

impl From<&[(&str, &str)]> for Form {
    fn from(pairs: &[(&str, &str)]) -> Form {
        Form(pairs.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect())
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Form({} fields)", self.0.len())
    }
}

/// Reads fields one after the other and gathers what is wrong, so that the user sees all errors at once.
pub struct Reading<'a> {
    form: &'a Form,
    errors: Vec<FieldError>,
}

impl<'a> Reading<'a> {
    pub fn of(form: &'a Form) -> Reading<'a> {
        Reading { form, errors: Vec::new() }
    }

    pub fn wrong(&mut self, field: &'static str, message_ja: impl Into<String>) {
        self.errors.push(FieldError { field, message_ja: message_ja.into() });
    }

    /// As [`Self::wrong`], unless something is wrong with the field already: a blank follows from what cannot be read.
    pub fn wrong_first(&mut self, field: &'static str, message_ja: impl Into<String>) {
        if !self.errors.iter().any(|e| e.field == field) {
            self.wrong(field, message_ja);
        }
    }

    /// What was read, if nothing was wrong. `None` can only come with an error beside it.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        match read {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }

    fn keep<T>(&mut self, field: &'static str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.wrong(field, message)).ok()
    }

    fn required<T>(
        &mut self,
        field: &'static str,
        label: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let typed = self.form.one(field);
        if typed.is_empty() {
            self.wrong(field, format!("{label}を入力してください。"));
            return None;
        }
        self.keep(field, parse(typed))
    }

    /// `None` where something is wrong, `Some(None)` where the field is blank.
    fn optional<T>(&mut self, field: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Option<T>> {
        let typed = self.form.one(field);
        if typed.is_empty() {
            return Some(None);
        }
        self.keep(field, parse(typed)).map(Some)
    }

    pub fn name(&mut self, field: &'static str, label: &str) -> Option<Name> {
        self.required(field, label, Name::parse)
    }

    pub fn kana(&mut self, field: &'static str, label: &str) -> Option<Kana> {
        self.required(field, label, Kana::parse)
    }

    pub fn phones(&mut self, field: &'static str) -> Option<Vec<PhoneNumber>> {
        let typed: Vec<&str> = self.form.all(field).collect();
        if typed.len() > MAX_PHONES {
            self.wrong(field, format!("電話番号は{MAX_PHONES}件までです。"));
            return None;
        }
        let mut phones = Vec::new();
        for one in typed {
            let phone = self.keep(field, PhoneNumber::parse(one))?;
            if !phones.contains(&phone) {
                phones.push(phone);
            }
        }
        Some(phones)
    }

    pub fn phone(&mut self, field: &'static str) -> Option<Option<PhoneNumber>> {
        self.optional(field, PhoneNumber::parse)
    }

    pub fn email(&mut self, field: &'static str) -> Option<Option<Email>> {
        self.optional(field, Email::parse)
    }

    pub fn postal(&mut self, field: &'static str) -> Option<Option<PostalCode>> {
        self.optional(field, PostalCode::parse)
    }

    /// A line that must be there.
    pub fn line(&mut self, field: &'static str, label: &str) -> Option<Line> {
        self.required(field, label, Line::parse)
    }

    /// A line that may be blank.
    pub fn any_line(&mut self, field: &'static str) -> Option<Line> {
        let typed = self.form.one(field);
        self.keep(field, Line::parse(typed))
    }

    /// Somebody's name in a line that may be blank.
    pub fn any_person(&mut self, field: &'static str) -> Option<Line> {
        let name = self.optional(field, Name::parse)?;
        Some(name.map_or_else(Line::blank, |name| Line::stored(name.expose().to_owned())))
    }

    pub fn any_text(&mut self, field: &'static str) -> Option<Text> {
        let typed = self.form.one(field);
        self.keep(field, Text::parse(typed))
    }

    /// The lines of a text area that are not blank.
    pub fn lines(&mut self, field: &'static str) -> Option<Vec<Line>> {
        let typed = self.form.one(field);
        self.keep(field, Text::parse(typed))?;
        typed.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| self.keep(field, Line::parse(l))).collect()
    }

    pub fn word<T: Word>(&mut self, field: &'static str, label: &str) -> Option<T> {
        let read = T::read(self.form.one(field));
        if read.is_none() {
            self.wrong(field, format!("{label}を選んでください。"));
        }
        read
    }

    pub fn word_or<T: Word>(&mut self, field: &'static str, label: &str, blank: T) -> Option<T> {
        if self.form.one(field).is_empty() { Some(blank) } else { self.word(field, label) }
    }

    pub fn any_word<T: Word>(&mut self, field: &'static str, label: &str) -> Option<Option<T>> {
        if self.form.one(field).is_empty() { Some(None) } else { self.word(field, label).map(Some) }
    }

    /// The ticked words of a group of checkboxes, each once, in the form's order.
    pub fn ticked_words<T: Word + PartialEq>(&mut self, field: &'static str, label: &str) -> Option<Vec<T>> {
        let mut words = Vec::new();
        for typed in self.form.all(field) {
            let Some(word) = T::read(typed) else {
                self.wrong(field, format!("{label}の選択が正しくありません。選び直してください。"));
                return None;
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        Some(words)
    }

    pub fn date(&mut self, field: &'static str, label: &str) -> Option<Date> {
        self.required(field, label, |typed| named_date(label, typed))
    }

    pub fn any_date(&mut self, field: &'static str, label: &str) -> Option<Option<Date>> {
        self.optional(field, |typed| named_date(label, typed))
    }

    /// A date that has been: 確認日, 説明日.
    pub fn past_date(&mut self, field: &'static str, label: &str, today: Date) -> Option<Option<Date>> {
        self.optional(field, |typed| match named_date(label, typed)? {
            date if date > today => Err(format!("{label}：{}は未来の日付です。", date.wareki())),
            date => Ok(date),
        })
    }

    /// 全国地方公共団体コード: five digits, or six of which the last is the check digit and is dropped.
    pub fn city_code(&mut self, field: &'static str) -> Option<String> {
        self.required(field, "市区町村コード", |typed| {
            let digits = base::kana::half_width_digits(typed);
            let ok = matches!(digits.len(), 5 | 6) && digits.chars().all(|c| c.is_ascii_digit());
            // 都道府県 01 to 47, then the number of a city, which begins at 100: 000 is the prefecture itself.
            let there = ok && matches!(digits[..2].parse(), Ok(1..=47u8)) && digits[2..5] >= *"100";
            match ok {
                false => Err("市区町村コードは5桁の数字で入力してください。".to_owned()),
                true if !there => {
                    Err("この市区町村コードはありません。総務省の「全国地方公共団体コード」をご確認ください。"
                        .to_owned())
                }
                true if digits.len() == 6 && check_digit(&digits[..5]) != digits.chars().last() => {
                    Err("市区町村コードの6桁目（検査数字）が合いません。もう一度ご確認ください。".to_owned())
                }
                true => Ok(digits[..5].to_owned()),
            }
        })
    }

    /// As [`Reading::city_code`]; may be blank.
    pub fn any_city_code(&mut self, field: &'static str) -> Option<String> {
        if self.form.one(field).is_empty() { Some(String::new()) } else { self.city_code(field) }
    }

    pub fn number(&mut self, field: &'static str, label: &str, most: u16) -> Option<Option<u16>> {
        self.optional(field, |typed| {
            let digits = base::kana::half_width_digits(typed);
            let read = digits.parse::<u16>().ok().filter(|n| *n <= most);
            read.ok_or_else(|| format!("{label}は0から{most}までの数字で入力してください。"))
        })
    }

    pub fn degrees(&mut self, field: &'static str, label: &str, from: f64, to: f64) -> Option<Option<f64>> {
        self.optional(field, |typed| {
            let read = typed.nfkc().collect::<String>().parse::<f64>().ok().filter(|v| (from..=to).contains(v));
            read.ok_or_else(|| format!("{label}は{from}から{to}までの数字で入力してください。"))
        })
    }

    pub fn id<T: std::str::FromStr>(&mut self, field: &'static str, label: &str) -> Option<T> {
        self.required(field, label, |typed| typed.parse().map_err(|_| format!("{label}を選び直してください。")))
    }

    pub fn any_id<T: std::str::FromStr>(&mut self, field: &'static str, label: &str) -> Option<Option<T>> {
        self.optional(field, |typed| typed.parse().map_err(|_| format!("{label}を選び直してください。")))
    }

    pub fn ids<T: std::str::FromStr>(&mut self, field: &'static str, label: &str) -> Option<Vec<T>> {
        let form = self.form;
        form.all(field)
            .map(|typed| self.keep(field, typed.parse().map_err(|_| format!("{label}を選び直してください。"))))
            .collect()
    }
}

/// The summary of a form names no field: the words must.
fn named_date(label: &str, typed: &str) -> Result<Date, String> {
    read_date(typed).map_err(|why| format!("{label}：{why}"))
}

/// Telephone numbers one person may have here.
pub const MAX_PHONES: usize = 5;

/// The sixth digit of a 全国地方公共団体コード: 11 less the remainder by 11 of the five digits weighed 6, 5, 4, 3, 2; its
/// last digit (総務省「都道府県コード及び市区町村コード」).
fn check_digit(five: &str) -> Option<char> {
    let sum: u32 = five.chars().zip([6, 5, 4, 3, 2]).filter_map(|(c, weight)| Some(c.to_digit(10)? * weight)).sum();
    char::from_digit((11 - sum % 11) % 10, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_keyboard_gives_is_left_out_and_the_rest_is_kept() {
        let typed = Form::new(vec![("note".into(), "\u{0}一行目\u{1b}\r\n\t二行目\u{7}\u{85}".into())]);
        assert_eq!(typed.as_typed("note"), "一行目\r\n\t二行目");
        let turned = Form::new(vec![("note".into(), "朝は\u{202e}元気\u{200f}でした\u{feff}".into())]);
        assert_eq!(turned.one("note"), "朝は元気でした");
    }
}
