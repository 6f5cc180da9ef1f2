//! Values that both engines store, and rows that give them back typed.

use std::hash::{Hash, Hasher};

use base::Instant;

use crate::DbError;

/// One value of the five types that both engines share, or none.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Null,
    Int(i64),
    Real(f64),
    Bool(bool),
    Text(String),
    Blob(Vec<u8>),
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self {
            Value::Null => 0.hash(hasher),
            Value::Int(v) => v.hash(hasher),
            Value::Real(v) => v.to_bits().hash(hasher),
            Value::Bool(v) => v.hash(hasher),
            Value::Text(v) => v.hash(hasher),
            Value::Blob(v) => v.hash(hasher),
        }
    }
}

macro_rules! from {
    ($($source:ty => |$v:ident| $made:expr;)+) => {$(
        impl From<$source> for Value {
            fn from($v: $source) -> Value { $made }
        }
    )+};
}

from! {
    i64 => |v| Value::Int(v);
    i32 => |v| Value::Int(i64::from(v));
    i16 => |v| Value::Int(i64::from(v));
    u8 => |v| Value::Int(i64::from(v));
    u16 => |v| Value::Int(i64::from(v));
    u32 => |v| Value::Int(i64::from(v));
    usize => |v| Value::Int(i64::try_from(v).unwrap_or(i64::MAX));
    f64 => |v| Value::Real(v);
    bool => |v| Value::Bool(v);
    String => |v| Value::Text(v);
    &String => |v| Value::Text(v.clone());
    &str => |v| Value::Text(v.to_owned());
    Vec<u8> => |v| Value::Blob(v);
    &[u8] => |v| Value::Blob(v.to_vec());
    [u8; 32] => |v| Value::Blob(v.to_vec());
    Instant => |v| Value::Int(v.0);
    base::wareki::Date => |v| Value::Int(i64::from(v.0));
    uuid::Uuid => |v| Value::Blob(v.as_bytes().to_vec());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Value {
        v.map_or(Value::Null, Into::into)
    }
}

macro_rules! ids {
    ($($id:ident),+) => {$(
        impl From<base::$id> for Value {
            fn from(id: base::$id) -> Value { Value::from(id.0) }
        }
        impl FromValue for base::$id {
            fn from_value(value: &Value) -> Option<Self> { uuid::Uuid::from_value(value).map(base::$id) }
        }
    )+};
}

ids!(
    PersonId, HomeId, ContactId, OfficeId, StaffId, AccountId, SessionId, GatewayId, DeviceId, AlertId, CaseId, CallId,
    VisitId, PhotoId, NoteId, ConsentId, AbsenceId, GrantId, MessageId, RequestId
);

/// What a column can be read as; `None` where the stored value is of another type.
pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! read {
    ($($target:ty: $pattern:pat => $made:expr;)+) => {$(
        impl FromValue for $target {
            fn from_value(value: &Value) -> Option<Self> {
                match value { $pattern => $made, _ => None }
            }
        }
    )+};
}

read! {
    i64: Value::Int(v) => Some(*v);
    i32: Value::Int(v) => i32::try_from(*v).ok();
    u8: Value::Int(v) => u8::try_from(*v).ok();
    u16: Value::Int(v) => u16::try_from(*v).ok();
    u32: Value::Int(v) => u32::try_from(*v).ok();
    usize: Value::Int(v) => usize::try_from(*v).ok();
    String: Value::Text(v) => Some(v.clone());
    Vec<u8>: Value::Blob(v) => Some(v.clone());
    [u8; 32]: Value::Blob(v) => v.as_slice().try_into().ok();
    Instant: Value::Int(v) => Some(Instant(*v));
    base::wareki::Date: Value::Int(v) => i32::try_from(*v).ok().map(base::wareki::Date);
    uuid::Uuid: Value::Blob(v) => uuid::Uuid::from_slice(v).ok();
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Real(v) => Some(*v),
            Value::Int(v) => Some(*v as f64),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(v) => Some(*v),
            Value::Int(v @ (0 | 1)) => Some(*v == 1),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// One row of an answer, read by column number from 0.
#[derive(Clone, Debug)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T, DbError> {
        self.0.get(column).and_then(T::from_value).ok_or(DbError::Shape { column, wanted: std::any::type_name::<T>() })
    }

    /// A column that holds one of a closed set of words.
    pub fn word<T>(&self, column: usize, from_key: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
        let text: String = self.get(column)?;
        from_key(&text).ok_or(DbError::Shape { column, wanted: std::any::type_name::<T>() })
    }

    pub fn values(&self) -> &[Value] {
        &self.0
    }
}
