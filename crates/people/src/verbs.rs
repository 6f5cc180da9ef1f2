//! The verbs of this capability: the word the record keeps for each, and the words an auditor and a resident read.

audit::verbs! {
    /// What is done in the register.
    Verb of "台帳" {
        RegisterResident = "people.register_resident", "対象者を登録";
        ReviseResident = "people.revise_resident", "対象者を訂正";
        ConfirmResident = "people.confirm_resident", "内容を確認";
        RegisterHome = "people.register_home", "住まいを登録";
        ReviseHome = "people.revise_home", "住まいを訂正";
        MoveHome = "people.move_home", "転居を登録";
        SetLife = "people.set_life", "生存状態を変更";
        AddContact = "people.add_contact", "連絡先を追加";
        ReviseContact = "people.revise_contact", "連絡先を訂正";
        RemoveContact = "people.remove_contact", "連絡先を削除";
        ReorderContacts = "people.reorder_contacts", "連絡順を変更";
        JoinTeam = "people.join_team", "ケアチームに参加";
        LeaveTeam = "people.leave_team", "ケアチームから外す";
        RecordConsent = "people.record_consent", "同意を記録";
        WithdrawConsent = "people.withdraw_consent", "同意の撤回を記録";
        ExpireConsent = "people.expire_consent", "同意が期限切れ";
        ReviseMedical = "people.revise_medical", "医療情報の要約を訂正";
        RegisterOffice = "people.register_office", "事業所を登録";
        ReviseOffice = "people.revise_office", "事業所を訂正";
        RegisterStaff = "people.register_staff", "職員を登録";
        ReviseStaff = "people.revise_staff", "職員を訂正";
        SetStaffState = "people.set_staff_state", "職員の状態を変更";
    }
}
