//! The verbs of this capability: the word the record keeps for each, and the words an auditor and a resident read.

audit::verbs! {
    /// What is done about accounts and sessions.
    Verb of "サインイン" {
        Enter = "signin.enter", "サインインした";
        Password = "signin.password", "パスワードの確認";
        SignOut = "signin.sign_out", "サインアウトした";
        Block = "signin.block", "間違いが続き、受付を止めた";
        BeginEnrolment = "signin.begin_enrolment", "初回設定を始めた";
        FinishEnrolment = "signin.finish_enrolment", "初回設定を終えた";
        ChangePassword = "signin.change_password", "パスワードを変更";
        RenewRecoveryCodes = "signin.renew_recovery_codes", "予備コードを再発行";
        EndSession = "signin.end_session", "端末のサインインを終了";
        EndOthers = "signin.end_others", "ほかの端末のサインインを終了";
        EndOldest = "signin.end_oldest", "最も古い端末のサインインを終了";
        ExpireSession = "signin.expire_session", "時間切れでサインインを終了";
        CreateAccount = "signin.create_account", "利用者を登録";
        CreateAdministrator = "signin.create_administrator", "事務局の利用者を機械の上で登録（二人目の承認なし）";
        ReissueAccount = "signin.reissue_account", "初回設定コードを再発行";
        ReviseAccount = "signin.revise_account", "利用者を訂正";
        SuspendAccount = "signin.suspend_account", "利用者を停止";
        ReinstateAccount = "signin.reinstate_account", "利用者の停止を解除";
        ShowSecond = "signin.show_second", "操作の前に確認コードを入力";
        AskForAccount = "signin.ask_for_account", "事務局・監査の利用者の手続きを依頼";
        ApproveRequest = "signin.approve_request", "依頼された利用者の手続きを承認";
        DeclineRequest = "signin.decline_request", "依頼された利用者の手続きを承認しなかった";
        WithdrawRequest = "signin.withdraw_request", "依頼した利用者の手続きを取り下げた";
        EndRequest = "signin.end_request", "依頼された利用者の手続きが承認されないまま終了";
        CreateFictionalAccounts = "signin.create_fictional_accounts", "デモの利用者を用意";
    }
}
