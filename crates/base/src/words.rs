//! A closed set of words: one for tables (`key`) and one for the user (`ja`) to each variant.

/// Declares such a set. The crate that calls it depends on `serde`.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $key:literal, $ja:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word stored in tables, policies and forms.
            pub const fn key(self) -> &'static str {
                match self { $($name::$variant => $key),+ }
            }
            /// The word the user reads.
            pub const fn ja(self) -> &'static str {
                match self { $($name::$variant => $ja),+ }
            }
            pub fn from_key(key: &str) -> Option<$name> {
                match key { $($key => Some($name::$variant),)+ _ => None }
            }
        }
    };
}
