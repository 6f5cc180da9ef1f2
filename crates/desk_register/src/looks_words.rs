//! The words of the audit chain as a reviewer reads them: items and grounds. The words of an act stand with its verb
//! (`audit::Book`).

use access::Ground;
use audit::Means;

/// What was shown or changed, item by item. Words of a verb's own (an account, a count) say nothing to a reviewer.
pub fn items(keys: &str) -> String {
    let renewed = keys.split_whitespace().find_map(|key| key.strip_prefix(audit::RENEWED)?.parse::<u64>().ok());
    let shown = each(keys, item);
    match renewed {
        Some(times) => format!("{shown}（画面の自動更新 {times}回）"),
        None => shown,
    }
}

/// Each word once, in the order in which it came.
fn each(keys: &str, word: impl Fn(&str) -> Option<&'static str>) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in keys.split_whitespace().filter_map(word) {
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
        "message" | "messages" => "通知",
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
pub fn ground(keys: &str) -> String {
    each(keys, |key| {
        let known = Ground::from_key(key).map(known_by).or_else(|| Means::from_key(key).map(Means::ja));
        Some(known.unwrap_or_else(|| why_not(key)))
    })
}

const fn known_by(ground: Ground) -> &'static str {
    match ground {
        Ground::Duty => "職務",
        Ground::City => "市の職務",
        Ground::Own => "本人",
        Ground::CareTeam => "ケアチーム",
        Ground::Case => "案件の対応",
        Ground::Visit => "訪問依頼",
        Ground::Escalation => "期限超過の引き継ぎ",
        Ground::Review => "案件の振り返り",
        Ground::FamilyAlerts | Ground::FamilyWatch => "本人の同意（家族）",
    }
}

fn why_not(key: &str) -> &'static str {
    match key {
        "door" => "役割にない画面",
        "denied" => "権限なし",
        "refused_by_rule" => "規則により不可",
        "wrong" | "wrong_often" | "unknown" => "入力の誤り",
        "throttle" => "回数の上限",
        "not_found" => "対象なし",
        key if key.starts_with("certificate_") => "端末の証明書",
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
        assert_eq!(items("identity case renewed:12"), "氏名・住所など、案件（画面の自動更新 12回）");
        assert_eq!(ground("family_alerts family_watch"), "本人の同意（家族）");
        assert_eq!(ground("city escalation"), "市の職務、期限超過の引き継ぎ");
        for means in Means::ALL {
            assert_ne!(ground(means.key()), "その他", "{means:?}");
        }
        for key in ["identity", "zzz", ""] {
            let shown = format!("{}{}", items(key), ground(key));
            assert!(!shown.chars().any(|c| c.is_ascii_alphabetic()), "{key}: {shown}");
        }
    }
}
