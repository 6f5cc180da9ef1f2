//! The looks of this desk: the word the record keeps for each page, and the words an auditor and a resident read.

audit::verbs! {
    /// Pages of the register that show persons.
    Look of "閲覧" {
        Register = "look.register", "対象者の一覧・検索";
        RegisterPerson = "look.register_person", "対象者の登録内容";
        RegisterForm = "look.register_form", "対象者の訂正の画面";
        RegisterHistory = "look.register_history", "変更履歴";
        RegisterContacts = "look.register_contacts", "連絡先";
        RegisterConsents = "look.register_consents", "同意";
        RegisterTeam = "look.register_team", "ケアチーム";
        NewResident = "look.new_resident", "対象者の登録の画面";
        Duplicates = "look.duplicates", "同じ方の確認";
        Accounts = "look.accounts", "利用者の一覧";
        Account = "look.account", "利用者";
        NewAccount = "look.new_account", "利用者の登録の画面";
        Audit = "look.audit", "閲覧・操作の記録";
        AuditSearch = "look.audit_search", "閲覧・操作の記録の検索";
        AuditPerson = "look.audit_person", "対象者ごとの閲覧・操作の記録";
    }
}
