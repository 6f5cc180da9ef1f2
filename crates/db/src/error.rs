use thiserror::Error;

/// What can go wrong below the verbs. None of them names a person.
#[derive(Clone, Debug, Error)]
pub enum DbError {
    #[error("the transaction was lost to a concurrent one")]
    Lost,
    #[error("the disk is full")]
    Full,
    #[error("too many commands are waiting")]
    Busy,
    #[error("a constraint refused the row: {0}")]
    Constraint(String),
    #[error("no row where one was expected")]
    NoRow,
    #[error("column {column} does not hold a {wanted}")]
    Shape { column: usize, wanted: &'static str },
    #[error("the database was written by a newer version: it holds the migration {0}")]
    Newer(String),
    #[error("the migration {0} is not what was applied to this database")]
    Altered(String),
    /// What the running program's role finds: only the owner of the tables can mend it.
    #[error("the database was not brought forward for this program: {0}")]
    Behind(String),
    /// A role that could rewrite the past is refused, whatever it means to do.
    #[error("the role {role} can do more than a running program may: {what}")]
    Mighty { role: String, what: String },
    #[error("the server knows no role {0}")]
    NoRole(String),
    /// The owner's address and the program's.
    #[error("the two addresses lead to two databases")]
    Elsewhere,
    /// The reading begins anew in a transaction, and nobody learns of this.
    #[error("a second question where one was expected")]
    Alone,
    #[error("the command panicked")]
    Panicked,
    #[error("the connection to the database is gone: {0}")]
    Gone(String),
    /// There is one writer; a second one waits for it to end, and not for ever.
    #[error("another process writes to this database")]
    Occupied,
    /// What this process holds in memory is no longer what is in the database.
    #[error("another process has written to this database since; this one must be started again")]
    Superseded,
    /// Only from a server. Whoever sent the command must look before sending it again.
    #[error("the connection was lost at the commit, and whether the command took effect is not known: {0}")]
    Unknown(String),
    /// By the names of the keys; empty where there is no key at all.
    #[error("the key that opens sealed values is missing: {0}")]
    KeyMissing(String),
    /// It is there, and this process may not read it.
    #[error("the file of keys {0} cannot be opened")]
    KeyClosed(String),
    #[error("the file of keys cannot be read as one")]
    KeyUnreadable,
    #[error("a sealed value does not open")]
    Sealed,
    #[error("the database engine failed: {0}")]
    Engine(String),
}

impl DbError {
    /// The same kind of error, where it is one after which no statement of the transaction can be trusted.
    pub(crate) fn breaks(&self) -> Option<DbError> {
        match self {
            DbError::Lost => Some(DbError::Lost),
            DbError::Full => Some(DbError::Full),
            DbError::Occupied => Some(DbError::Occupied),
            DbError::Gone(cause) => Some(DbError::Gone(cause.clone())),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::*;
        let text = error.to_string();
        // The index of the log lies in memory that is shared through a file: it cannot grow on a full disk either.
        if error.sqlite_error().is_some_and(|cause| cause.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
            return DbError::Full;
        }
        match error.sqlite_error_code() {
            Some(DiskFull) => DbError::Full,
            Some(ConstraintViolation) => DbError::Constraint(text),
            Some(DatabaseBusy | DatabaseLocked) => DbError::Lost,
            _ => DbError::Engine(text),
        }
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState as S;
        let Some(cause) = error.as_db_error() else {
            let line = std::error::Error::source(&error).is_some_and(|cause| cause.is::<std::io::Error>());
            return if error.is_closed() || line {
                DbError::Gone(format!("{error:?}"))
            } else {
                DbError::Engine(format!("{error:?}"))
            };
        };
        let text = cause.message().to_owned();
        match cause.code() {
            &S::T_R_SERIALIZATION_FAILURE | &S::T_R_DEADLOCK_DETECTED => DbError::Lost,
            &S::DISK_FULL => DbError::Full,
            &S::LOCK_NOT_AVAILABLE => DbError::Occupied,
            // The server ends this session, or is not ready for one.
            &S::ADMIN_SHUTDOWN | &S::CRASH_SHUTDOWN | &S::CANNOT_CONNECT_NOW => DbError::Gone(text),
            code if code.code().starts_with("23") => DbError::Constraint(text),
            _ => DbError::Engine(text),
        }
    }
}
