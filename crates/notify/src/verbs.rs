//! The verbs of this capability: the word the record keeps for each, and the words an auditor and a resident read.

audit::verbs! {
    /// What is done with messages.
    Verb of "通知" {
        Send = "notify.send", "送った";
        MarkRead = "notify.mark_read", "読んだ";
        Receipt = "notify.receipt", "届いたかどうかを記録";
        SettleUndeliverable = "notify.settle_undeliverable", "届かなかった通知に対応";
        UseLink = "notify.use_link", "通知のリンクのボタンを押した";
    }
}
