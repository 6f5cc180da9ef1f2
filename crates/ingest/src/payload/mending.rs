//! What some senders write for JSON and no reader takes: numbers that are none, bytes that are no text, a list of which
//! one item is broken. None of it may cost what stands beside it.

use std::borrow::Cow;

const BOM: &[u8] = b"\xef\xbb\xbf";
/// Words that JavaScript and Python write where a number is none.
const NO_NUMBERS: [&[u8]; 8] = [b"-Infinity", b"Infinity", b"undefined", b"-inf", b"None", b"NaN", b"nan", b"inf"];

/// Without the mark that some editors put before a text.
pub(super) fn without_bom(payload: &[u8]) -> &[u8] {
    payload.strip_prefix(BOM).unwrap_or(payload)
}

/// Reads a document as it is, and where it is no JSON, as it can be mended.
pub(super) fn read_or_mend(
    payload: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    let Err(error) = read(payload) else { return Ok(()) };
    match mended(payload) {
        Some(mended) => read(&mended).map_err(|_| error),
        None => Err(error),
    }
}

/// The same text with `null` where a number is none, and with a replacement for bytes that are no UTF-8; `None` where
/// neither was found. Meant for what was refused as it is.
fn mended(payload: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(payload);
    let mut mended = Vec::with_capacity(payload.len());
    let (mut rest, mut found) = (text.as_bytes(), matches!(text, Cow::Owned(_)));
    let mut quoted = Quoted::default();
    while let Some((&byte, after)) = rest.split_first() {
        let word = (!quoted.inside).then(|| NO_NUMBERS.iter().find(|word| rest.starts_with(word))).flatten();
        if let Some(word) = word {
            mended.extend_from_slice(b"null");
            (rest, found) = (&rest[word.len()..], true);
            continue;
        }
        quoted.pass(byte);
        mended.push(byte);
        rest = after;
    }
    found.then_some(mended)
}

/// The items of a list, each as its bytes stand there, whether they can be read or not; `None` for what is no list.
pub(super) fn items(list: &[u8]) -> Option<Vec<&[u8]>> {
    let inside = list.trim_ascii().strip_prefix(b"[")?;
    let (mut items, mut depth, mut from, mut quoted) = (Vec::new(), 0_usize, 0, Quoted::default());
    let mut end = inside.len();
    for (at, &byte) in inside.iter().enumerate() {
        quoted.pass(byte);
        match byte {
            _ if quoted.inside => {}
            b'[' | b'{' => depth += 1,
            b']' if depth == 0 => {
                end = at;
                break;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                items.push(inside[from..at].trim_ascii());
                from = at + 1;
            }
            _ => {}
        }
    }
    let last = inside[from.min(end)..end].trim_ascii();
    if !last.is_empty() {
        items.push(last);
    }
    Some(items)
}

/// Whether the bytes so far end within quotation marks.
#[derive(Default)]
struct Quoted {
    inside: bool,
    escaped: bool,
}

impl Quoted {
    fn pass(&mut self, byte: u8) {
        let escaped = std::mem::take(&mut self.escaped);
        match byte {
            b'"' if !escaped => self.inside = !self.inside,
            b'\\' if self.inside => self.escaped = !escaped,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_are_nothing_and_words_in_quotation_marks_stay() {
        let mend = |text: &str| mended(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(
            mend(r#"{"a":NaN,"b":[-Infinity, nan],"c":"NaN \" NaN"}"#).unwrap(),
            r#"{"a":null,"b":[null, null],"c":"NaN \" NaN"}"#
        );
        assert_eq!(mend(r#"{"a":1,"b":"Infinity"}"#), None);
        assert_eq!(mended(b"{\"a\":\"\xff\"}").unwrap(), "{\"a\":\"\u{fffd}\"}".as_bytes());
    }

    #[test]
    fn a_list_comes_apart_however_broken_an_item_is() {
        let apart = |text: &'static str| {
            let bytes = items(text.as_bytes())?;
            Some(bytes.into_iter().map(|item| std::str::from_utf8(item).unwrap()).collect::<Vec<_>>())
        };
        assert_eq!(apart(r#" [{"a":"],{"}, NaN ,{"b":[1,2]}] "#).unwrap(), [r#"{"a":"],{"}"#, "NaN", r#"{"b":[1,2]}"#]);
        assert_eq!(apart(r#"[{"a":1},{"b":"#).unwrap(), [r#"{"a":1}"#, r#"{"b":"#]);
        assert_eq!(apart("[]").unwrap(), [""; 0]);
        assert_eq!(apart("[,]").unwrap(), [""]);
        assert_eq!(apart("{}"), None);
    }
}
