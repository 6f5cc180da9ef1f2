//! The verbs of this capability: the word the record keeps for each, and the words an auditor and a resident read.

audit::verbs! {
    /// What is done in a case, by people and by the program.
    Verb of "対応" {
        OpenCase = "response.open_case", "案件を開始";
        JoinAlert = "response.join_alert", "アラートを案件に追加";
        Take = "response.take", "受け付け";
        TakeOver = "response.take_over", "担当を交代";
        HandOver = "response.hand_over", "引き継ぎ";
        Release = "response.release", "担当を外れた";
        RecordCall = "response.record_call", "架電を記録";
        RecordIncomingCall = "response.record_incoming_call", "着信を記録";
        RequestVisit = "response.request_visit", "訪問を依頼";
        AcceptVisit = "response.accept_visit", "訪問を引き受け";
        OnTheWay = "response.on_the_way", "訪問先へ向かった";
        Arrived = "response.arrived", "訪問先に着いた";
        DeclineVisit = "response.decline_visit", "訪問を辞退";
        ReportVisit = "response.report_visit", "訪問を報告";
        AttachPhotos = "response.attach_photos", "訪問の写真を送信";
        AskHelp = "response.ask_help", "応援を依頼";
        ReportHelp = "response.report_help", "応援の結果を記録";
        CallAmbulance = "response.call_ambulance", "救急要請を記録";
        Consult = "response.consult", "医療相談";
        AnswerConsultation = "response.answer_consultation", "医療相談に回答";
        Escalate = "response.escalate", "期限超過を知らせた";
        Close = "response.close", "案件を解消";
        Review = "response.review", "振り返りを記録";
        SetSettings = "response.set_settings", "対応の設定を変更";
    }
}
