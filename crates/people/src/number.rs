//! 対象者番号: seven digits of a running number and a check digit, so that a number misheard on the telephone is
//! refused instead of finding somebody else. The check digit is Damm's (2004): it finds every single wrong digit and
//! every exchange of neighbours.

const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// The number of the `serial`-th resident: eight digits (more beyond ten million), the first `00000013`.
pub fn resident_number(serial: i64) -> String {
    let digits = format!("{serial:07}");
    let check = checked(&digits).unwrap_or(0);
    format!("{digits}{check}")
}

/// Whether eight or more digits carry their right check digit.
pub fn is_resident_number(text: &str) -> bool {
    text.len() >= 8 && checked(text) == Some(0)
}

fn checked(digits: &str) -> Option<u8> {
    digits
        .bytes()
        .try_fold(0u8, |state, byte| byte.is_ascii_digit().then(|| DAMM[usize::from(state)][usize::from(byte - b'0')]))
}
