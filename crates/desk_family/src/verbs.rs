//! The looks of this desk: the word the record keeps for each page, and the words an auditor and a resident read.

audit::verbs! {
    /// Pages of a resident and their relatives.
    Look of "閲覧" {
        Family = "look.family", "家族の画面";
        Me = "look.me", "本人の画面";
        MyLooks = "look.my_looks", "自分を見た人";
    }
}
