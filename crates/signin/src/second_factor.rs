//! The second factor: time-based codes (RFC 6238: SHA-1, six digits, 30 s, as every authenticator reads them).

use base::{Instant, Redacted};
use totp_rs::{Builder, Totp};

use crate::{LoginName, SigninFault, secret};

/// Seconds of one step.
pub const STEP_SECONDS: i64 = 30;
/// Steps that a clock may be off, either way.
pub const SKEW_STEPS: u16 = 1;

/// A shared secret that is being set up: shown as a picture and as text until the owner proved to have it.
#[derive(Clone, Debug)]
pub struct TotpSetup {
    /// `otpauth://totp/…`
    pub uri: Redacted<String>,
    /// The secret in base 32, in groups of four.
    pub text: Redacted<String>,
    /// The URI as a QR code, an `<svg>` element without any text in it.
    pub qr_svg: Redacted<String>,
}

pub(crate) fn setup(secret: &[u8; 20], issuer: &str, login: &LoginName) -> Result<TotpSetup, SigninFault> {
    let totp = builder(secret)
        .with_issuer(Some(issuer.replace(':', " ")))
        .with_account_name(login.as_str().replace(':', " "))
        .build()
        .map_err(|_| SigninFault::Totp)?;
    let uri = totp.to_url().map_err(|_| SigninFault::Totp)?;
    let code = qrcode::QrCode::new(uri.as_bytes()).map_err(|_| SigninFault::Totp)?;
    let svg = code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build();
    // The XML declaration has no place inside an HTML page.
    let svg = svg.find("<svg").map_or(String::new(), |at| svg[at..].to_owned());
    let base32 = totp_rs::Secret::from(*secret).to_base32();
    let groups: Vec<String> = base32.as_bytes().chunks(4).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
    Ok(TotpSetup { uri: uri.into(), text: groups.join(" ").into(), qr_svg: svg.into() })
}

/// The step whose code was typed, if it is within the allowed skew and later than `used`, the last one that opened
/// anything: a code seen over a shoulder opens nothing.
pub(crate) fn check(secret: &[u8; 20], typed: &str, now: Instant, used: i64) -> Option<i64> {
    let digits: String =
        typed.chars().take(20).map(secret::narrow).filter(|c| !c.is_whitespace() && *c != '-').collect();
    let seconds = u64::try_from(now.unix_seconds()).ok()?;
    let step = i64::try_from(totp(secret)?.check(&digits, seconds)?).ok()?;
    (step > used).then_some(step)
}

/// The code of this moment, as an authenticator in its owner's hand would show it. For the simulated town and tests.
pub fn code_at(secret: &[u8; 20], now: Instant) -> Option<String> {
    let seconds = u64::try_from(now.unix_seconds()).ok()?;
    totp(secret).map(|t| t.generate(seconds).to_string())
}

fn totp(secret: &[u8; 20]) -> Option<Totp> {
    builder(secret).build().ok()
}

fn builder(secret: &[u8; 20]) -> Builder {
    Builder::new().with_secret(*secret).with_skew(SKEW_STEPS).with_step_duration(STEP_SECONDS as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B (SHA-1): the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = *b"12345678901234567890";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            let now = Instant::from_unix_seconds(seconds);
            assert_eq!(code_at(&secret, now).unwrap(), code);
            assert_eq!(check(&secret, code, now, 0), Some(seconds / STEP_SECONDS));
        }
    }

    #[test]
    fn one_step_early_or_late_is_taken_and_none_twice() {
        let secret = *b"12345678901234567890";
        let step = 40_000_000;
        let at = |s: i64| Instant::from_unix_seconds(s * STEP_SECONDS + 7);
        let code = code_at(&secret, at(step)).unwrap();
        let full_width: String = code.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
        assert_eq!(check(&secret, &full_width, at(step + 1), 0), Some(step));
        assert_eq!(check(&secret, &code, at(step - 1), 0), Some(step));
        assert_eq!(check(&secret, &code, at(step + 2), 0), None);
        assert_eq!(check(&secret, &code, at(step - 2), 0), None);
        assert_eq!(check(&secret, &code, at(step), step), None);
        assert_eq!(check(&secret, &code, at(step), step - 1), Some(step));
    }

    #[test]
    fn the_setup_is_shown_as_picture_and_text() {
        let setup = setup(b"12345678901234567890", "つながり", &LoginName::parse("sato").unwrap()).unwrap();
        assert!(setup.uri.expose().starts_with("otpauth://totp/"));
        assert!(setup.qr_svg.expose().starts_with("<svg"));
        assert_eq!(setup.text.expose(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert!(!format!("{setup:?}").contains("GEZD"));
    }
}
