//! The words of the audit chain as a reviewer reads them: items and grounds. The words of an act stand with its verb
//! (`audit::Book`).

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
        assert_eq!(items("identity contacts messages"), "氏名・住所など、連絡先、通知");
        assert_eq!(items("identity contacts accounts:7 account:0f"), "氏名・住所など、連絡先、利用者");
        assert_eq!(items("family_alerts"), "家族への開示（アラートと結果）");
        for key in ["identity", "zzz", ""] {
            let shown = format!("{}{}", items(key), ground(key));
            assert!(!shown.chars().any(|c| c.is_ascii_alphabetic()), "{key}: {shown}");
        }
    }
}
