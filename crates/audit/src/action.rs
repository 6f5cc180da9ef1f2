//! The acts that can be recorded, each with the word the chain keeps and the words a resident reads. An act stands in
//! one list of verbs, beside the code that does it; nothing else can be recorded.

/// One act by name, out of a list of [`verbs!`](crate::verbs).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Action {
    key: &'static str,
    part: &'static str,
    ja: &'static str,
}

impl Action {
    /// For [`verbs!`](crate::verbs) alone: `check-source` finds any other caller.
    #[doc(hidden)]
    pub const fn listed(key: &'static str, part: &'static str, ja: &'static str) -> Action {
        Action { key, part, ja }
    }

    /// Somebody stood before a door that is not theirs; `pattern` is its address without what was asked for.
    pub const fn door(pattern: &'static str) -> Action {
        Action { key: pattern, part: DOOR, ja: "" }
    }

    /// What the chain keeps: `capability.verb` for a command, `look.page` for a look, a door's pattern.
    pub const fn key(self) -> &'static str {
        self.key
    }

    /// 「台帳：対象者を登録」
    pub fn words(self) -> String {
        if self.ja.is_empty() { self.part.to_owned() } else { format!("{}：{}", self.part, self.ja) }
    }
}

const DOOR: &str = "担当外の画面を開こうとした";
/// For what an earlier version recorded and no list names any more.
const FORMER: &str = "以前の版の操作";

/// All lists of a region together: what the readers of the chain take their words from.
#[derive(Clone, Copy, Debug)]
pub struct Book(pub &'static [&'static [Action]]);

impl Book {
    pub fn find(self, key: &str) -> Option<Action> {
        self.0.iter().flat_map(|list| list.iter()).copied().find(|action| action.key == key)
    }

    /// The words of a recorded act. No internal word reaches a page, whatever stands in the row.
    pub fn words(self, key: &str) -> String {
        match self.find(key) {
            Some(action) => action.words(),
            None if key.starts_with('/') => DOOR.to_owned(),
            None => FORMER.to_owned(),
        }
    }
}

/// Declares the verbs of one capability or the looks of one desk:
/// `verbs! { /// … Verb of "台帳" { RegisterResident = "people.register_resident", "対象者を登録"; } }`.
/// The key is kept for ever in the chain; it is never given to another act.
#[macro_export]
macro_rules! verbs {
    ($(#[$doc:meta])* $name:ident of $part:literal {
        $($(#[$vdoc:meta])* $variant:ident = $key:literal, $ja:literal;)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// For the book of all lists.
            pub const LIST: &'static [$crate::Action] = &[$($crate::Action::listed($key, $part, $ja)),+];
            /// The word in the chain.
            pub const fn key(self) -> &'static str {
                match self { $($name::$variant => $key),+ }
            }
            /// The words of the auditor's page.
            pub const fn ja(self) -> &'static str {
                match self { $($name::$variant => $ja),+ }
            }
            pub fn from_key(key: &str) -> Option<$name> {
                match key { $($key => Some($name::$variant),)+ _ => None }
            }
        }

        impl From<$name> for $crate::Action {
            fn from(verb: $name) -> $crate::Action {
                $crate::Action::listed(verb.key(), $part, verb.ja())
            }
        }
    };
}

crate::verbs! {
    /// What the record says of itself.
    Verb of "監査" {
        BeginEpoch = "audit.epoch", "記録の区切り（復元）";
        RotateKeys = "audit.rotate_keys", "封印の鍵を更新";
        BeginChain = "audit.chain", "記録の鎖のはじまり";
    }
}
