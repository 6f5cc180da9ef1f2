//! The closed sets of words a case is told in: for tables (`key`) and for the user (`ja`).

use base::words;

words! {
    /// The steps of a case, in the order in which a case usually passes them.
    Step {
        Detected = "detected", "検知";
        Taken = "taken", "受付";
        CallingResident = "calling_resident", "本人架電";
        CallingContacts = "calling_contacts", "家族架電";
        VisitRequested = "visit_requested", "訪問依頼";
        OnTheWay = "on_the_way", "向かう";
        Arrived = "arrived", "現着";
        NobodyAnswers = "nobody_answers", "訪問応答なし";
        Reported = "reported", "結果";
        Ambulance = "ambulance", "救急要請";
        Consultation = "consultation", "医療相談";
        Resolved = "resolved", "解消";
        Reviewed = "reviewed", "振り返り";
    }
}

words! {
    /// How a call ended, by one touch.
    CallOutcome {
        Well = "well", "応答・無事";
        Unwell = "unwell", "応答・体調不良";
        /// A contact answered and does not know how the resident is.
        Unsure = "unsure", "応答・様子わからず";
        NotThere = "not_there", "不在";
        Voicemail = "voicemail", "留守電";
        Busy = "busy", "話中";
        WrongNumber = "wrong_number", "番号誤り";
    }
}

words! {
    /// What a visitor found.
    Condition {
        Well = "well", "お元気";
        Unwell = "unwell", "体調不良";
        /// Nobody is at home, and the visitor is sure of it.
        Absent = "absent", "不在";
        /// Nobody answers the door; whether somebody is inside is not known.
        NoAnswer = "no_answer", "応答なし";
    }
}

words! {
    /// From whom the condition is known.
    How {
        Resident = "resident", "本人";
        Contact = "contact", "家族・連絡先";
        Visitor = "visitor", "訪問";
        /// Key holder, police or fire brigade.
        Helper = "helper", "鍵保管者・警察・消防";
    }
}

words! {
    /// Who can open a door that stays shut, in the order in which they are asked.
    Help {
        KeyHolder = "key_holder", "鍵保管者";
        Police = "police", "警察";
        Fire = "fire", "消防";
    }
}

words! {
    /// Who is told when a limit is over, one after the other.
    Rung {
        ShiftLead = "shift_lead", "コールセンター主任";
        CareManager = "care_manager", "担当ケアマネジャー";
        SupportCentre = "support_centre", "地域包括支援センター";
        City = "city", "市 高齢福祉";
    }
}

words! {
    /// Where one request to visit stands.
    VisitState {
        Requested = "requested", "依頼中";
        Accepted = "accepted", "承諾";
        Declined = "declined", "辞退";
        OnTheWay = "on_the_way", "向かっています";
        Arrived = "arrived", "到着";
        Reported = "reported", "報告済み";
        /// The case ended before the visit was made.
        Cancelled = "cancelled", "取り止め";
    }
}

impl VisitState {
    pub const fn open(self) -> bool {
        matches!(self, VisitState::Requested | VisitState::Accepted | VisitState::OnTheWay | VisitState::Arrived)
    }
}

words! {
    /// Why an alarm that proved needless came about (振り返り).
    FalseAlarmReason {
        Out = "out", "外出の見落とし";
        Absence = "absence", "不在予定の未登録";
        LateRiser = "late_riser", "生活リズムの変化";
        Pet = "pet", "ペット・来客";
        Device = "device", "機器・設置場所";
        Line = "line", "通信・停電";
        Threshold = "threshold", "設定が厳しすぎる";
        Other = "other", "その他";
    }
}
