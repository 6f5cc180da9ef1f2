//! The verbs of this capability: the word the record keeps for each, and the words an auditor and a resident read.

audit::verbs! {
    /// What is done with the watch, by people and by the watch itself.
    Verb of "見守り" {
        RaiseAlert = "watch.raise_alert", "アラートを発報";
        CloseAlert = "watch.close_alert", "アラートを終了";
        AnswerNotice = "watch.answer_notice", "声かけに応答";
        EnterAbsence = "watch.enter_absence", "不在予定を登録";
        CancelAbsence = "watch.cancel_absence", "不在予定を取り消し";
        BeginContract = "watch.begin_contract", "見守りを開始";
        EndContract = "watch.end_contract", "見守りを終了";
        RegisterGateway = "watch.register_gateway", "ゲートウェイを登録";
        RotateGateway = "watch.rotate_gateway", "ゲートウェイの認証を更新";
        RevokeGateway = "watch.revoke_gateway", "ゲートウェイの認証を取り消し";
        AssignDevice = "watch.assign_device", "機器を割り当て";
        RenameDevice = "watch.rename_device", "機器番号の変更を反映";
        RetireDevice = "watch.retire_device", "機器を撤去";
        StartWalkTest = "watch.start_walk_test", "設置の動作確認を開始";
        EndWalkTest = "watch.end_walk_test", "設置の動作確認を終了";
        SetHome = "watch.set_home", "住まいの見守りの設定を変更";
        SetRegion = "watch.set_region", "地域の見守りの設定を変更";
        AdaptLimit = "watch.adapt_limit", "見守りの判定を実績に合わせて調整";
        RecordDaily = "watch.record_daily", "一日の様子を計測データから記録";
    }
}
