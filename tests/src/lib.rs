//! Stories over HTTP
