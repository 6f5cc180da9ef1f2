//! The words of the audit chain as a reviewer reads them: acts, items, grounds. An act that is not listed is named by
//! the part of the program it belongs to, so that no internal word reaches a page.

/// 「台帳：対象者を登録」
pub fn action(key: &str) -> String {
    if key.starts_with('/') {
        return "担当外の画面を開こうとした".to_owned();
    }
    let (part, verb) = key.split_once('.').unwrap_or((key, ""));
    let part_words = match part {
        "look" => "閲覧",
        "people" => "台帳",
        "signin" => "サインイン",
        "response" => "対応",
        "care" => "連絡帳",
        "watch" => "見守り",
        "notify" => "通知",
        "audit" => "監査",
        _ => "その他",
    };
    match words(part, verb) {
        "" => part_words.to_owned(),
        words => format!("{part_words}：{words}"),
    }
}

fn words(part: &str, verb: &str) -> &'static str {
    match part {
        "look" => look(verb),
        "people" => register(verb),
        "signin" => signin(verb),
        "response" => response(verb),
        "care" => care(verb),
        "watch" => watch(verb),
        "notify" => notify(verb),
        "audit" => "記録の区切り（復元）",
        _ => "",
    }
}

fn notify(verb: &str) -> &'static str {
    match verb {
        "send" => "送った",
        "mark_read" => "読んだ",
        "receipt" => "届いたかどうかを記録",
        "settle_undeliverable" => "届かなかった通知に対応",
        _ => "",
    }
}

fn look(verb: &str) -> &'static str {
    match verb {
        "absences" => "不在予定",
        "account" | "accounts" => "利用者",
        "audit" | "audit_search" | "audit_person" => "閲覧・操作の記録",
        "caller" => "着信の検索",
        "case" | "case_part" => "案件",
        "device" | "devices_of_home" => "機器",
        "device_needs" => "手当てが必要な機器",
        "duplicates" => "同じ方の確認",
        "emergency_list" => "緊急用一覧",
        "family" => "家族の画面",
        "gateways" | "lines" => "回線とゲートウェイ",
        "home" => "住まいの様子",
        "me" => "本人の画面",
        "messages" => "自分への通知",
        "my_looks" => "自分を見た人",
        "note" | "note_versions" | "new_note" => "連絡帳",
        "overdue" => "期限超過",
        "people" | "register" => "対象者の一覧・検索",
        "person" | "register_person" | "register_form" | "new_resident" | "new_account" => "対象者の登録内容",
        "photo" => "訪問の写真",
        "queue" => "対応一覧",
        "register_consents" => "同意",
        "register_contacts" => "連絡先",
        "register_history" => "変更履歴",
        "register_team" => "ケアチーム",
        "today" => "きょうの画面",
        "visit" | "visits" => "訪問依頼",
        "undelivered" => "届かなかった通知",
        "unknown_devices" => "未登録の機器",
        "home_settings" => "住まいの見守り設定",
        _ => "",
    }
}

fn register(verb: &str) -> &'static str {
    match verb {
        "register_resident" => "対象者を登録",
        "revise_resident" => "対象者を訂正",
        "confirm_resident" => "内容を確認",
        "register_home" => "住まいを登録",
        "revise_home" => "住まいを訂正",
        "move_home" => "転居を登録",
        "set_life" => "生存状態を変更",
        "add_contact" => "連絡先を追加",
        "revise_contact" => "連絡先を訂正",
        "remove_contact" => "連絡先を削除",
        "reorder_contacts" => "連絡順を変更",
        "join_team" => "ケアチームに参加",
        "leave_team" => "ケアチームから外す",
        "record_consent" => "同意を記録",
        "withdraw_consent" => "同意の撤回を記録",
        "expire_consent" => "同意が期限切れ",
        "revise_medical" => "医療情報の要約を訂正",
        "register_office" => "事業所を登録",
        "revise_office" => "事業所を訂正",
        "register_staff" => "職員を登録",
        "revise_staff" => "職員を訂正",
        "set_staff_state" => "職員の状態を変更",
        _ => "",
    }
}

fn signin(verb: &str) -> &'static str {
    match verb {
        "enter" => "サインインした",
        "password" => "パスワードの確認",
        "sign_out" => "サインアウトした",
        "block" => "間違いが続き、受付を止めた",
        "begin_enrolment" => "初回設定を始めた",
        "finish_enrolment" => "初回設定を終えた",
        "change_password" => "パスワードを変更",
        "renew_recovery_codes" => "予備コードを再発行",
        "end_session" | "end_others" | "end_oldest" => "端末のサインインを終了",
        "expire_session" => "時間切れでサインインを終了",
        "create_account" => "利用者を登録",
        "reissue_account" => "初回設定コードを再発行",
        "revise_account" => "利用者を訂正",
        "suspend_account" => "利用者を停止",
        "reinstate_account" => "利用者の停止を解除",
        "create_fictional_accounts" => "デモの利用者を用意",
        _ => "",
    }
}

fn response(verb: &str) -> &'static str {
    match verb {
        "open_case" => "案件を開始",
        "join_alert" => "アラートを案件に追加",
        "take" | "take_over" => "受け付け",
        "hand_over" => "引き継ぎ",
        "release" => "担当を外れた",
        "record_call" => "架電を記録",
        "record_incoming_call" => "着信を記録",
        "request_visit" => "訪問を依頼",
        "accept_visit" => "訪問を引き受け",
        "on_the_way" => "訪問先へ向かった",
        "arrived" => "訪問先に着いた",
        "decline_visit" => "訪問を辞退",
        "report_visit" => "訪問を報告",
        "attach_photos" => "訪問の写真を送信",
        "ask_help" => "応援を依頼",
        "report_help" => "応援の結果を記録",
        "call_ambulance" => "救急要請を記録",
        "consult" => "医療相談",
        "answer_consultation" => "医療相談に回答",
        "escalate" => "期限超過を知らせた",
        "close" => "案件を解消",
        "review" => "振り返りを記録",
        "set_settings" => "対応の設定を変更",
        _ => "",
    }
}

fn care(verb: &str) -> &'static str {
    match verb {
        "write_note" => "記事を書いた",
        "reply" => "返信した",
        "correct_note" => "記事を訂正",
        "withdraw_note" => "記事を取り消し",
        "mark_read" => "既読にした",
        "acknowledge" => "了解した",
        _ => "",
    }
}

fn watch(verb: &str) -> &'static str {
    match verb {
        "raise_alert" => "アラートを発報",
        "close_alert" => "アラートを終了",
        "answer_notice" => "声かけに応答",
        "enter_absence" => "不在予定を登録",
        "cancel_absence" => "不在予定を取り消し",
        "begin_contract" => "見守りを開始",
        "end_contract" => "見守りを終了",
        "register_gateway" => "ゲートウェイを登録",
        "rotate_gateway" => "ゲートウェイの認証を更新",
        "revoke_gateway" => "ゲートウェイの認証を取り消し",
        "assign_device" => "機器を割り当て",
        "retire_device" => "機器を撤去",
        "start_walk_test" | "end_walk_test" => "設置の動作確認",
        "set_home" | "set_region" => "見守りの設定を変更",
        _ => "",
    }
}

/// What was shown or changed, item by item. Words of a verb's own (an account, a count) say nothing to a reviewer.
pub fn items(keys: &str) -> String {
    let known = keys.split_whitespace().filter_map(item);
    let mut words: Vec<&str> = Vec::new();
    for word in known {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join("、")
}

fn item(key: &str) -> Option<&'static str> {
    Some(match key {
        "identity" => "氏名・住所など",
        "contacts" => "連絡先",
        "entry" => "入室方法",
        "risks" => "留意点",
        "medical" => "医療情報",
        "watch" => "見守りの様子",
        "alert" => "アラート",
        "case" => "案件",
        "notes" | "note" => "連絡帳",
        "consents" => "同意",
        "looks" => "閲覧の記録",
        "team" => "ケアチーム",
        "devices" | "device" => "機器",
        "lines" => "回線",
        "messages" => "通知",
        "absence" | "absences" => "不在予定",
        "history" => "変更履歴",
        "office" => "事業所",
        "staff" => "職員",
        "account" => "利用者",
        "visit" => "訪問",
        "photo" => "訪問の写真",
        key if key.starts_with("account:") => "利用者",
        key => people::ConsentScope::from_key(key, Some(base::ContactId(uuid::Uuid::nil())))?.ja(),
    })
}

/// On what ground access was given, or why it was not.
pub fn ground(key: &str) -> &'static str {
    match key {
        "duty" => "職務",
        "own" => "本人",
        "care_team" => "ケアチーム",
        "case" => "案件の対応",
        "visit" => "訪問依頼",
        "escalation" => "期限超過の引き継ぎ",
        "family_alerts" | "family_watch" => "本人の同意（家族）",
        "password" | "totp" => "パスワード・確認コード",
        "recovery_code" => "予備コード",
        "enrolment_code" => "初回設定コード",
        "fictional" => "デモ",
        "door" => "役割にない画面",
        "denied" => "権限なし",
        "refused_by_rule" => "規則により不可",
        "wrong" | "wrong_often" | "unknown" => "入力の誤り",
        "throttle" | "limit" => "回数の上限",
        "time" => "時間切れ",
        "restore" => "復元",
        "not_found" => "対象なし",
        _ => "その他",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_internal_word_reaches_a_page() {
        assert_eq!(action("people.register_resident"), "台帳：対象者を登録");
        assert_eq!(action("look.something_new"), "閲覧");
        for look in
            ["messages", "undelivered", "device", "device_needs", "unknown_devices", "home_settings", "gateways"]
        {
            assert!(action(&format!("look.{look}")).starts_with("閲覧："), "{look}");
        }
        assert_eq!(items("identity contacts messages"), "氏名・住所など、連絡先、通知");
        assert_eq!(action("notify.settle_undeliverable"), "通知：届かなかった通知に対応");
        assert_eq!(action("/cases/{id}"), "担当外の画面を開こうとした");
        assert_eq!(items("identity contacts accounts:7 account:0f"), "氏名・住所など、連絡先、利用者");
        assert_eq!(items("family_alerts"), "家族への開示（アラートと結果）");
        for key in ["identity", "people.x", "zzz", "", "watch.closed_day"] {
            let shown = format!("{}{}{}", action(key), items(key), ground(key));
            assert!(!shown.chars().any(|c| c.is_ascii_alphabetic()), "{key}: {shown}");
        }
    }
}
