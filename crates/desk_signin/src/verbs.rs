//! The looks of this desk: the word the record keeps for each page, and the words an auditor and a resident read.

audit::verbs! {
    /// Pages of messages that name persons.
    Look of "閲覧" {
        Messages = "look.messages", "自分への通知";
        Undelivered = "look.undelivered", "届かなかった通知";
    }
}
