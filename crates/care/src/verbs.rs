//! The verbs of this capability: the word the record keeps for each, and the words an auditor and a resident read.

audit::verbs! {
    /// What is done in the notebook.
    Verb of "連絡帳" {
        WriteNote = "care.write_note", "記事を書いた";
        Reply = "care.reply", "返信した";
        CorrectNote = "care.correct_note", "記事を訂正";
        WithdrawNote = "care.withdraw_note", "記事を取り消し";
        MarkRead = "care.mark_read", "既読にした";
        Acknowledge = "care.acknowledge", "了解した";
    }
}
