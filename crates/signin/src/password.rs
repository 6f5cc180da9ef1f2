//! Passwords: what may be one, and the slow hash. Pure and slow: to be called outside the writer, on a thread that may
//! block for some 50 ms.

use std::sync::LazyLock;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base::Redacted;

use crate::{LoginName, SigninFault, SigninRefusal, secret};

/// argon2id at OWASP's first choice for servers: 19 MiB, two passes, one lane (Password Storage Cheat Sheet).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Shortest password that may stand alone, and shortest beside a second factor
/// (医療情報システムの安全管理に関するガイドライン 6.0; domain.md: [to verify]).
pub const ALONE_CHARS: usize = 13;
pub const WITH_SECOND_FACTOR_CHARS: usize = 8;
/// Longest password accepted.
pub const MOST_CHARS: usize = 200;

/// Words that a guesser tries first.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "qwerty",
    "12345678",
    "11111111",
    "abc12345",
    "1q2w3e4r",
    "iloveyou",
    "administrator",
    "tsunagari",
    "sakura12",
    "welcome1",
    "letmein",
];

/// A password that the rules accept.
#[derive(Clone, Debug)]
pub struct NewPassword(Redacted<String>);

impl NewPassword {
    /// Every account also needs a second factor, so eight characters do; below 13 they must be of two kinds at least.
    pub fn parse(typed: &str, login: &LoginName) -> Result<NewPassword, SigninRefusal> {
        let length = typed.chars().count();
        if length < WITH_SECOND_FACTOR_CHARS {
            return Err(SigninRefusal::PasswordShort);
        }
        if length > MOST_CHARS {
            return Err(SigninRefusal::PasswordLong);
        }
        if guessable(typed, login) {
            return Err(SigninRefusal::PasswordGuessable);
        }
        if length < ALONE_CHARS && kinds(typed) < 2 {
            return Err(SigninRefusal::PasswordOneKind);
        }
        Ok(NewPassword(Redacted::new(typed.to_owned())))
    }
}

/// How many kinds of characters: letters, digits, everything else.
fn kinds(typed: &str) -> usize {
    let letters = typed.chars().any(|c| c.is_ascii_alphabetic());
    let digits = typed.chars().any(|c| c.is_ascii_digit());
    let others = typed.chars().any(|c| !c.is_ascii_alphanumeric());
    [letters, digits, others].into_iter().filter(|k| *k).count()
}

fn guessable(typed: &str, login: &LoginName) -> bool {
    let folded: String = typed.chars().map(|c| secret::narrow(c).to_ascii_lowercase()).collect();
    let mut distinct: Vec<char> = folded.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    // A known word with a digit or two behind it is still that word.
    let around_a_word = COMMON.iter().any(|w| folded.contains(w) && folded.len() < w.len() + 5);
    distinct.len() < 5 || folded.contains(login.as_str()) || around_a_word
}

/// A password's hash as a PHC string (`$argon2id$v=19$m=19456,…`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasswordHash(pub(crate) Redacted<String>);

/// That a password was compared with a stored hash, and how it came out. Nothing but [`verify_password`] makes one.
#[derive(Clone, Debug)]
pub struct Proof {
    pub(crate) matched: bool,
    pub(crate) against: PasswordHash,
}

/// Hashes with a random salt. Slow by design.
pub fn hash_password(password: &NewPassword) -> Result<PasswordHash, SigninFault> {
    let text = password.0.expose().as_bytes();
    let hash = argon2()?.hash_password(text).map_err(|_| SigninFault::Hash)?;
    Ok(PasswordHash(Redacted::new(hash.to_string())))
}

/// Compares in constant time. Slow by design, and as slow for the hash of nobody.
pub fn verify_password(typed: &str, stored: &PasswordHash) -> Proof {
    let matched = typed.chars().count() <= MOST_CHARS
        && argon2().is_ok_and(|a| a.verify_password(typed.as_bytes(), stored.0.expose().as_str()).is_ok())
        && *stored != *NOBODY;
    Proof { matched, against: stored.clone() }
}

/// The hash that stands in for an account that does not exist, so that a guess costs the same work.
pub(crate) fn nobody() -> PasswordHash {
    NOBODY.clone()
}

/// Salt and hash are arbitrary: what counts is that the parameters are those of a real one.
static NOBODY: LazyLock<PasswordHash> = LazyLock::new(|| {
    let salt = "bm9ib2R5IGlzIGhlcmUh";
    let hash = "bm9ib2R5IGlzIGhlcmUhIG5vYm9keSBpcyBoZXJlISE";
    PasswordHash(Redacted::new(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}")))
});

fn argon2() -> Result<Argon2<'static>, SigninFault> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| SigninFault::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> LoginName {
        LoginName::parse("sato.hanako").unwrap()
    }

    #[test]
    fn what_may_be_a_password() {
        let refused = |text: &str| NewPassword::parse(text, &login()).unwrap_err();
        assert_eq!(refused("aB3$xyz"), SigninRefusal::PasswordShort);
        assert_eq!(refused("abcdefghijkl"), SigninRefusal::PasswordOneKind);
        assert_eq!(refused(&"ab1".repeat(67)), SigninRefusal::PasswordLong);
        for text in ["aaaaaaaaaaaaa1", "sato.hanako.2026", "Password123", "ｐａｓｓｗｏｒｄ１"] {
            assert_eq!(refused(text), SigninRefusal::PasswordGuessable, "{text}");
        }
        for text in ["mikan-no-ki", "kawa7yama", "abcdefghijklm", "せとものまつりの夜に歩いた"] {
            assert!(NewPassword::parse(text, &login()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_hash_knows_its_password_and_nobody_has_none() {
        let password = NewPassword::parse("mikan-no-ki", &login()).unwrap();
        let hash = hash_password(&password).unwrap();
        assert!(hash.0.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password("mikan-no-ki", &hash).matched);
        assert!(!verify_password("mikan-no-kj", &hash).matched);
        assert_ne!(hash_password(&password).unwrap(), hash);
    }

    /// The comparison for nobody must do the whole work, not stumble over a string it cannot read.
    #[test]
    fn the_hash_of_nobody_is_well_formed() {
        let parsed = argon2::password_hash::phc::PasswordHash::new(nobody().0.expose()).unwrap();
        assert_eq!(parsed.hash.unwrap().len(), 32);
        let answer = argon2().unwrap().verify_password(b"x", nobody().0.expose().as_str());
        assert_eq!(answer.unwrap_err(), argon2::password_hash::Error::PasswordInvalid);
    }
}
