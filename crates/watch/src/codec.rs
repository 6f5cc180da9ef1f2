//! Bytes of our own stored values: little-endian fields in order. Whatever does not read back whole is damage.

use base::Instant;

/// No moment: before everything.
pub(crate) const NEVER: Instant = Instant(i64::MIN);

/// Bytes that are no stored value of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a stored value of the watch is damaged or of another version")]
pub struct Damaged;

pub(crate) struct Writer(pub Vec<u8>);

impl Writer {
    pub fn u8(&mut self, v: u8) -> &mut Self {
        self.0.push(v);
        self
    }
    pub fn u16(&mut self, v: u16) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    pub fn u32(&mut self, v: u32) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    pub fn i16(&mut self, v: i16) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    pub fn i32(&mut self, v: i32) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    pub fn i64(&mut self, v: i64) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    pub fn f32(&mut self, v: f32) -> &mut Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    /// A length in two bytes, then the bytes.
    pub fn bytes(&mut self, v: &[u8]) -> &mut Self {
        self.u16(v.len() as u16);
        self.0.extend(v);
        self
    }
}

pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (front, rest) = self.0.split_first_chunk::<N>().ok_or(Damaged)?;
        self.0 = rest;
        Ok(*front)
    }
    pub fn u8(&mut self) -> Result<u8, Damaged> {
        self.take::<1>().map(|[b]| b)
    }
    pub fn u16(&mut self) -> Result<u16, Damaged> {
        self.take().map(u16::from_le_bytes)
    }
    pub fn u32(&mut self) -> Result<u32, Damaged> {
        self.take().map(u32::from_le_bytes)
    }
    pub fn i16(&mut self) -> Result<i16, Damaged> {
        self.take().map(i16::from_le_bytes)
    }
    pub fn i32(&mut self) -> Result<i32, Damaged> {
        self.take().map(i32::from_le_bytes)
    }
    pub fn i64(&mut self) -> Result<i64, Damaged> {
        self.take().map(i64::from_le_bytes)
    }
    pub fn f32(&mut self) -> Result<f32, Damaged> {
        self.take().map(f32::from_le_bytes)
    }
    pub fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let length = usize::from(self.u16()?);
        let (front, rest) = self.0.split_at_checked(length).ok_or(Damaged)?;
        self.0 = rest;
        Ok(front)
    }
    pub fn end(&self) -> Result<(), Damaged> {
        self.0.is_empty().then_some(()).ok_or(Damaged)
    }
}
