//! Where a connection comes from, as coarsely as one subscriber can change it: an IPv4 address, or the /64 of an IPv6
//! address. A /64 is one network at home or at an office; a /48 is what a provider gives to one customer at most
//! (RFC 6177), so that whoever owns one has 65,536 of the former.

use std::fmt;
use std::net::IpAddr;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    V4(u32),
    /// The first 64 bits.
    V6(u64),
}

impl Origin {
    /// An IPv4 address that comes in IPv6's clothes is the IPv4 address.
    pub fn of(ip: IpAddr) -> Origin {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Origin::V4(v4.to_bits()),
            IpAddr::V6(v6) => Origin::V6((v6.to_bits() >> 64) as u64),
        }
    }

    /// Whether both lie in one /48. An IPv4 address has no such network: neighbours there are strangers to each other.
    pub fn shares_network(self, other: Origin) -> bool {
        matches!((self, other), (Origin::V6(a), Origin::V6(b)) if a >> 16 == b >> 16)
    }
}

/// An address is personal data and never reaches a log.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_told_apart_as_far_as_a_subscriber_cannot_change_them() {
        let of = |text: &str| Origin::of(text.parse().unwrap());
        for (a, b, same, network) in [
            ("192.0.2.1", "192.0.2.1", true, false),
            ("192.0.2.1", "192.0.2.2", false, false),
            ("192.0.2.1", "::ffff:192.0.2.1", true, false),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true, true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false, true),
            ("2001:db8:1:2::1", "2001:db8:2:2::1", false, false),
            ("::1", "127.0.0.1", false, false),
        ] {
            assert_eq!((of(a) == of(b), of(a).shares_network(of(b))), (same, network), "{a} {b}");
        }
    }

    #[test]
    fn an_address_is_never_printed() {
        assert_eq!(format!("{:?}", Origin::of("192.0.2.1".parse().unwrap())), "Origin(…)");
    }

    proptest! {
        #[test]
        fn whatever_the_last_64_bits_are_it_is_one_origin(high: u64, a: u64, b: u64) {
            let ip = |low: u64| IpAddr::from((((u128::from(high)) << 64) | u128::from(low)).to_be_bytes());
            // The canonical form of ::ffff:0:0/96 is IPv4.
            prop_assume!(high != 0);
            prop_assert!(Origin::of(ip(a)) == Origin::of(ip(b)));
        }
    }
}
