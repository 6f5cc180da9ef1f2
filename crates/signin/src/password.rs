//! What may be a password: anything of eight characters that a guesser does not try first. Pure. There are no rules of
//! composition (NIST SP 800-63B, 3.1.1.2): every account has a second factor, and a rule about digits and signs makes
//! `Password1!`. It is taken as typed: RFC 8265's OpaqueString, no case or width folded, nothing cut off.

use std::sync::LazyLock;

use base::Redacted;
use unicode_normalization::UnicodeNormalization;

use crate::SigninRefusal;

/// Shortest password beside a second factor, which every account has
/// (医療情報システムの安全管理に関するガイドライン 6.0; domain.md: [to verify]).
pub const LEAST_CHARS: usize = 8;
/// Longest password accepted.
pub const MOST_CHARS: usize = 200;
/// What must be left of a password beside the region's own words.
const LEFT_BESIDE_WORDS: usize = 6;
/// Different characters that a password has at least: fewer is the same key again and again.
const DISTINCT: usize = 4;

/// The commonest passwords of eight characters and more, sorted by bytes (`assets/README.md` says where they are from).
const COMMON: &str = include_str!("../../../assets/vendor/common-passwords-zxcvbn-3.1.1.txt");
/// What the list, which comes from English-speaking places, does not know.
const COMMON_HERE: &[&str] = &[
    "administrator",
    "arigatou",
    "doraemon",
    "kaigo119",
    "mimamori",
    "nihonjin",
    "pikachu1",
    "renrakucho",
    "sakura12",
    "sakurasakura",
    "tsunagari",
    "yoroshiku",
    "つながり",
    "みまもり",
    "連絡帳",
];

static LISTED: LazyLock<Vec<&'static str>> = LazyLock::new(|| COMMON.lines().collect());

/// What a guesser of this account tries first: the names of the region, its cities and the office, the login, the
/// owner's name.
#[derive(Clone, Default)]
pub struct OwnWords(Vec<String>);

impl OwnWords {
    /// Of names as they stand in the register; each is a word, and so is each of its parts.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> OwnWords {
        let mut words: Vec<String> = Vec::new();
        for name in names {
            let parts = name.split(|c: char| c.is_whitespace() || "・.-_@".contains(c)).map(fold);
            words.extend(parts.chain([fold(name)]).filter(|word| is_word(word)));
        }
        // The longest first, so that a part leaves nothing of the whole behind.
        words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        words.dedup();
        OwnWords(words)
    }
}

impl std::fmt::Debug for OwnWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnWords({} words)", self.0.len())
    }
}

/// Two letters of Latin script are in every other password; two 漢字 are somebody's name.
fn is_word(folded: &str) -> bool {
    folded.chars().count() >= if folded.is_ascii() { 3 } else { 2 }
}

/// A password that the rules accept.
#[derive(Clone, Debug)]
pub struct NewPassword(Redacted<String>);

impl NewPassword {
    pub fn parse(typed: &str, own: &OwnWords) -> Result<NewPassword, SigninRefusal> {
        let text = opaque(typed);
        let length = text.chars().count();
        if length < LEAST_CHARS {
            return Err(SigninRefusal::PasswordShort);
        }
        if length > MOST_CHARS {
            return Err(SigninRefusal::PasswordLong);
        }
        if guessable(&text, own) {
            return Err(SigninRefusal::PasswordGuessable);
        }
        Ok(NewPassword(Redacted::new(text)))
    }

    pub(crate) fn text(&self) -> &str {
        self.0.expose()
    }
}

fn guessable(text: &str, own: &OwnWords) -> bool {
    let folded = fold(text);
    let mut distinct: Vec<char> = folded.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < DISTINCT || LISTED.binary_search(&folded.as_str()).is_ok() {
        return true;
    }
    let words = own.0.iter().map(String::as_str).chain(COMMON_HERE.iter().copied());
    let left = words.fold(folded.clone(), |left, word| left.replace(word, ""));
    left != folded && left.chars().count() < LEFT_BESIDE_WORDS
}

/// RFC 8265, 4.2: other blanks are the blank, and what looks alike is composed alike (NFC); nothing else is changed.
fn opaque(typed: &str) -> String {
    let blank = |c: char| if c.is_whitespace() && !c.is_ascii() { ' ' } else { c };
    typed.chars().map(blank).nfc().collect()
}

/// What a typed password may have been stored as: as it is taken today, and as versions before 0.2 took it, which kept
/// the spelling and cut off the blanks around it. Mostly the same, and then it is compared once.
pub(crate) fn spellings(typed: &str) -> Vec<String> {
    let mut all = vec![opaque(typed)];
    for earlier in [typed, typed.trim()] {
        if !all.iter().any(|known| known == earlier) {
            all.push(earlier.to_owned());
        }
    }
    all
}

/// For comparing with words only: width, case and blanks do not make another word.
fn fold(text: &str) -> String {
    text.nfkc().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn words() -> OwnWords {
        OwnWords::of(["見本地域", "見本市", "sato.hanako", "佐藤　花子", "見本訪問看護ステーション"])
    }

    // shows: 5.5.3 passwords are at least 8 characters, without rules of composition, and not among the commonest
    #[test]
    fn what_may_be_a_password() {
        let refused = |text: &str| NewPassword::parse(text, &words()).err();
        assert_eq!(refused("aB3$xyz"), Some(SigninRefusal::PasswordShort));
        assert_eq!(refused(&"ab1".repeat(67)), Some(SigninRefusal::PasswordLong));
        for text in [
            "aaaaaaaaaaaaa1", // one key
            "12121212",
            "Password123", // among the commonest
            "ｐａｓｓｗｏｒｄ１",
            "qwertyuiop",
            "1q2w3e4r5t",
            "sunshine",
        ] {
            assert_eq!(refused(text), Some(SigninRefusal::PasswordGuessable), "{text}");
        }
        for text in ["mikan-no-ki", "kawa7yama", "yamanekobus", "せとものまつりの夜に歩いた", "3141592-5358"]
        {
            assert_eq!(refused(text), None, "{text}");
        }
    }

    // shows: 5.5.3 passwords are refused when they stand among the region's own words
    #[test]
    fn the_regions_own_words_are_no_password() {
        let refused = |text: &str| NewPassword::parse(text, &words()).err();
        for text in [
            "sato.hanako.2026",
            "hanako2026",
            "佐藤花子2026年",
            "見本市見本市2026",
            "見本訪問看護ステーション",
            "Tsunagari2026",
            "ｔｓｕｎａｇａｒｉ！",
        ] {
            assert_eq!(refused(text), Some(SigninRefusal::PasswordGuessable), "{text}");
        }
        // What goes on long enough beside the word is a sentence.
        assert_eq!(refused("見本市の朝の味噌汁はうまい"), None);
        assert!(!format!("{:?}", words()).contains("佐藤"));
    }

    // shows: 5.5.3 passwords are taken as typed
    #[test]
    fn a_password_is_taken_as_typed() {
        let taken = |text: &str| NewPassword::parse(text, &OwnWords::default()).unwrap().text().to_owned();
        assert_eq!(taken(" Kawa ７yama "), " Kawa ７yama ", "blanks, case and width stay");
        assert_eq!(taken("夜空を　見る八月"), "夜空を 見る八月", "another blank is the blank");
        assert_eq!(taken("か\u{3099}っこうのうたごえ"), "がっこうのうたごえ", "composed alike");
        assert_eq!(spellings("kawa7yama").len(), 1);
    }

    #[test]
    fn the_list_is_sorted_and_the_one_the_readme_names() {
        assert!(LISTED.is_sorted() && LISTED.len() > 10_000, "{}", LISTED.len());
        assert!(LISTED.iter().all(|word| word.chars().count() >= LEAST_CHARS && **word == word.to_lowercase()));
        let readme = include_str!("../../../assets/README.md");
        assert!(readme.contains(&base::hex(&Sha256::digest(COMMON))));
    }
}
