//! The looks of this desk: the word the record keeps for each page, and the words an auditor and a resident read.

audit::verbs! {
    /// Pages of the notebook that show persons.
    Look of "閲覧" {
        Today = "look.today", "きょうの画面";
        People = "look.people", "担当する方の一覧";
        Person = "look.person", "対象者の様子と連絡帳";
        Note = "look.note", "連絡帳";
        NoteVersions = "look.note_versions", "連絡帳の訂正前の版";
        NewNote = "look.new_note", "連絡帳に書く画面";
    }
}
