//! Tokens and codes: drawn once at the edge, shown once to their owner, kept by us as SHA-256 only.

use base::Redacted;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Crockford's base 32: no letter that a tired eye takes for another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code, five bits each: 120 bits, in groups of four. NIST SP 800-63B-4 (3.1.2.2) asks for 112 where a code
/// is hashed fast.
const CODE_LETTERS: usize = 24;

/// All randomness one command may need, derived from 256 random bits. A re-run of the command with the same `Secrets`
/// draws the same tokens; two commands never share one.
#[derive(Clone, Debug)]
pub struct Secrets(Redacted<[u8; 32]>);

impl Secrets {
    /// From the operating system's generator. To be called at the edge, never in a command.
    pub fn draw() -> Result<Secrets, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Secrets::from_seed(seed))
    }

    /// For tests and the simulated town.
    pub const fn from_seed(seed: [u8; 32]) -> Secrets {
        Secrets(Redacted::new(seed))
    }

    /// A 256-bit token for this use.
    pub(crate) fn token(&self, label: &str) -> Token {
        Token(Redacted::new(URL_SAFE_NO_PAD.encode(self.bytes(label))))
    }

    /// A 120-bit code that a person can type, for this use.
    pub(crate) fn code(&self, label: &str) -> Code {
        let bytes = self.bytes(label);
        let letters: Vec<u8> = (0..CODE_LETTERS).map(|i| LETTERS[usize::from(bytes[i] % 32)]).collect();
        let groups: Vec<&str> = letters.chunks(4).map(|g| std::str::from_utf8(g).unwrap_or_default()).collect();
        Code(Redacted::new(groups.join("-")))
    }

    /// 160 bits for an authenticator (RFC 4226 recommends that length).
    pub(crate) fn totp(&self) -> [u8; 20] {
        let bytes = self.bytes("totp");
        let mut secret = [0; 20];
        secret.copy_from_slice(&bytes[..20]);
        secret
    }

    fn bytes(&self, label: &str) -> [u8; 32] {
        sha256(&[self.0.expose(), label.as_bytes()])
    }
}

/// A 256-bit token as a browser keeps it in a cookie or a form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token(Redacted<String>);

impl Token {
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }
}

/// What we keep of a token, and what a request's cookie is turned into at the door.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub(crate) [u8; 32]);

impl TokenHash {
    /// Of whatever a cookie or a form holds; a malformed one matches nothing.
    pub fn of(text: &str) -> TokenHash {
        TokenHash(sha256(&[b"token", text.as_bytes()]))
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash([…])")
    }
}

/// A one-time code as it is shown, once: `7K2M-0QXA-…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code(Redacted<String>);

impl Code {
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What we keep of a code, and what a typed one is turned into: case, hyphens, full-width letters and the letters O, I
/// and L do not matter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeHash(pub(crate) [u8; 32]);

impl CodeHash {
    pub fn of(typed: &str) -> CodeHash {
        let letters: String = typed.chars().take(80).filter_map(letter).collect();
        CodeHash(sha256(&[b"code", letters.as_bytes()]))
    }
}

impl std::fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeHash([…])")
    }
}

fn letter(typed: char) -> Option<char> {
    match narrow(typed).to_ascii_uppercase() {
        'O' => Some('0'),
        'I' | 'L' => Some('1'),
        c if c.is_ascii_alphanumeric() => Some(c),
        _ => None,
    }
}

/// A full-width letter, digit or sign as its ASCII form: Japanese keyboards send them unasked.
pub(crate) fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    }
}

/// SHA-256 over the parts, each preceded by its length, so that no two lists of parts run together.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
