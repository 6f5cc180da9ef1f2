//! The looks of this desk: the word the record keeps for each page, and the words an auditor and a resident read.

audit::verbs! {
    /// Pages of the call centre and the city that show persons.
    Look of "閲覧" {
        Queue = "look.queue", "対応一覧";
        Case = "look.case", "案件";
        CasePart = "look.case_part", "案件";
        Caller = "look.caller", "着信の検索";
        Overdue = "look.overdue", "期限超過の一覧";
    }
}
