//! The looks of this desk: the word the record keeps for each page, and the words an auditor and a resident read.

audit::verbs! {
    /// Pages of those who visit.
    Look of "閲覧" {
        Visits = "look.visits", "訪問依頼の一覧";
        Visit = "look.visit", "訪問依頼";
        VisitPart = "look.visit_part", "訪問依頼の続き";
        Photo = "look.photo", "訪問の写真";
    }
}
