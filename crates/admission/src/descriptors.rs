//! How many files and sockets this process may hold open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, as far as the machine allows, and gives (found, in force now).
pub fn raise() -> (u64, u64) {
    let before = getrlimit(Resource::Nofile);
    // No limit at all is more than anybody needs.
    let number = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    (number(before.current), number(getrlimit(Resource::Nofile).current))
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: 5.1.2 descriptors raised at the start as far as the machine allows
    #[test]
    fn afterwards_the_soft_limit_is_the_hard_one() {
        let (found, now) = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert!(now >= found && now == limit.maximum.unwrap_or(u64::MAX));
    }
}
