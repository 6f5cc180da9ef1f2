//! The closed sets of the register, each with the word it is stored under and the word the field uses.
//! Values after the field's own forms: 大和クリニック (連絡先の役割), 菊川市・狭山市 (住まい), 越前市 (承諾書).

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $key:literal, $ja:literal;)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $key)] $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word stored in tables and posted by forms.
            pub const fn key(self) -> &'static str {
                match self { $($name::$variant => $key),+ }
            }
            /// The word the user reads.
            pub const fn ja(self) -> &'static str {
                match self { $($name::$variant => $ja),+ }
            }
            pub fn from_key(key: &str) -> Option<$name> {
                match key { $($key => Some($name::$variant),)+ _ => None }
            }
        }

        impl form::Word for $name {
            fn read(key: &str) -> Option<$name> {
                $name::from_key(key)
            }
        }
    )+};
}

words! {
    /// 性別
    Sex {
        Male = "male", "男";
        Female = "female", "女";
        Other = "other", "その他";
        Unknown = "unknown", "不明";
    }

    /// 世帯区分
    Household {
        Alone = "alone", "独居";
        AloneByDay = "alone_by_day", "日中独居";
        ElderlyOnly = "elderly_only", "高齢者のみ世帯";
        WithFamily = "with_family", "同居";
        InFacility = "in_facility", "施設入所";
        InHospital = "in_hospital", "入院中";
    }

    /// 生存状態. Moving out and death close the record: the team's access and the consents end.
    LifeStatus {
        AtHome = "at_home", "在宅";
        InHospital = "in_hospital", "入院";
        InFacility = "in_facility", "入所";
        MovedOut = "moved_out", "転出";
        Dead = "dead", "死亡";
    }

    /// What whoever calls or visits must know at a glance; no diagnosis.
    Mark {
        LivesAlone = "lives_alone", "独居";
        Oxygen = "oxygen", "酸素";
        HardOfHearing = "hard_of_hearing", "難聴";
        LowVision = "low_vision", "視覚";
        Speech = "speech", "言語";
        SignLanguage = "sign_language", "手話";
        Writing = "writing", "筆談";
        ForeignLanguage = "foreign_language", "外国語";
        Forgetful = "forgetful", "認知";
        Wheelchair = "wheelchair", "車いす";
        Stairs = "stairs", "階段";
        Pet = "pet", "ペット";
    }

    /// 入室方法
    EntryMethod {
        KeyKept = "key_kept", "鍵預かり";
        KeyBox = "key_box", "キーボックス";
        NeighbourHelper = "neighbour_helper", "協力員所持";
        None = "none", "なし";
        Unknown = "unknown", "不明";
    }

    /// 住居
    Dwelling {
        House = "house", "戸建";
        Apartment = "apartment", "集合住宅（EVあり）";
        ApartmentStairs = "apartment_stairs", "集合住宅（EVなし）";
        Facility = "facility", "施設";
        Unknown = "unknown", "不明";
    }

    /// 続柄, seen from the resident.
    Relation {
        Oneself = "oneself", "本人";
        Spouse = "spouse", "配偶者";
        EldestSon = "eldest_son", "長男";
        EldestDaughter = "eldest_daughter", "長女";
        Child = "child", "子（その他）";
        ChildInLaw = "child_in_law", "子の配偶者";
        Grandchild = "grandchild", "孫";
        Father = "father", "父";
        Mother = "mother", "母";
        Sibling = "sibling", "兄弟姉妹";
        NephewNiece = "nephew_niece", "甥姪";
        Relative = "relative", "その他親族";
        CommonLaw = "common_law", "内縁";
        Friend = "friend", "友人・知人";
        Neighbour = "neighbour", "近隣";
        Guardian = "guardian", "後見人";
        Curator = "curator", "保佐人";
        Assistant = "assistant", "補助人";
        VoluntaryGuardian = "voluntary_guardian", "任意後見人";
        Landlord = "landlord", "家主";
        Other = "other", "その他";
    }

    /// 連絡先の役割
    ContactRole {
        KeyPerson = "key_person", "キーパーソン";
        MainCarer = "main_carer", "主介護者";
        DecisionProxy = "decision_proxy", "代理意思決定者";
        Emergency = "emergency", "緊急連絡先";
        NeighbourHelper = "neighbour_helper", "協力員";
        KeyHolder = "key_holder", "鍵保管者";
        Guarantor = "guarantor", "身元保証人";
    }

    /// 事業所の種別
    OfficeKind {
        Hospital = "hospital", "病院";
        Clinic = "clinic", "診療所";
        Dental = "dental", "歯科";
        Pharmacy = "pharmacy", "薬局";
        VisitingNurse = "visiting_nurse", "訪問看護";
        CareManagement = "care_management", "居宅介護支援";
        SupportCentre = "support_centre", "地域包括支援センター";
        HomeHelp = "home_help", "訪問介護";
        DayService = "day_service", "通所";
        VisitingRehab = "visiting_rehab", "訪問リハ";
        Equipment = "equipment", "福祉用具";
        Facility = "facility", "施設";
        CityElderly = "city_elderly", "市 高齢福祉";
        CityDisability = "city_disability", "市 障害福祉";
        CityDisaster = "city_disaster", "市 防災";
        CityHealth = "city_health", "市 保健";
        FireDepartment = "fire_department", "消防本部";
        CallCentre = "call_centre", "コールセンター";
        WelfareCouncil = "welfare_council", "社会福祉協議会";
        Commissioners = "commissioners", "民生委員";
        SelfDefence = "self_defence", "自主防災";
        HealthCentre = "health_centre", "保健所";
        Association = "association", "医師会・事務局";
    }

    /// 職種, as shown beside the name; what may be seen follows from the role.
    Profession {
        Doctor = "doctor", "医師";
        Dentist = "dentist", "歯科医師";
        Pharmacist = "pharmacist", "薬剤師";
        PublicHealthNurse = "public_health_nurse", "保健師";
        Nurse = "nurse", "看護師";
        PhysicalTherapist = "physical_therapist", "理学療法士";
        OccupationalTherapist = "occupational_therapist", "作業療法士";
        SpeechTherapist = "speech_therapist", "言語聴覚士";
        Dietitian = "dietitian", "管理栄養士";
        DentalHygienist = "dental_hygienist", "歯科衛生士";
        MedicalSocialWorker = "medical_social_worker", "医療ソーシャルワーカー";
        CareManager = "care_manager", "介護支援専門員";
        CareWorker = "care_worker", "介護福祉士";
        Helper = "helper", "ホームヘルパー";
        ConsultationWorker = "consultation_worker", "相談支援専門員";
        Clerk = "clerk", "事務";
        CityOfficial = "city_official", "行政職員";
        Operator = "operator", "オペレーター";
        Commissioner = "commissioner", "民生委員";
        Auditor = "auditor", "監査";
    }

    /// 職員の状態
    StaffState {
        Applied = "applied", "申請中";
        Active = "active", "有効";
        Suspended = "suspended", "停止";
        Retired = "retired", "退職";
    }

    /// ケアチームでの役割
    TeamPart {
        AttendingDoctor = "attending_doctor", "主治医";
        Doctor = "doctor", "連携医";
        CareManager = "care_manager", "担当ケアマネ";
        Nurse = "nurse", "担当看護";
        CareWorker = "care_worker", "担当介護";
        Pharmacist = "pharmacist", "薬剤師";
    }

    /// 要介護度
    CareLevel {
        NotApplied = "not_applied", "未申請";
        Applying = "applying", "申請中";
        NotEligible = "not_eligible", "非該当";
        ProjectTarget = "project_target", "事業対象者";
        Support1 = "support1", "要支援1";
        Support2 = "support2", "要支援2";
        Care1 = "care1", "要介護1";
        Care2 = "care2", "要介護2";
        Care3 = "care3", "要介護3";
        Care4 = "care4", "要介護4";
        Care5 = "care5", "要介護5";
    }

    /// 同意の状態
    ConsentState {
        NotObtained = "not_obtained", "未取得";
        Explained = "explained", "説明済";
        Given = "given", "同意";
        Declined = "declined", "不同意";
        /// A letter was sent and did not come back.
        NoAnswer = "no_answer", "未回答";
        Withdrawn = "withdrawn", "撤回";
        Expired = "expired", "失効";
        NotNeeded = "not_needed", "条例により不要";
        /// The person asked beforehand not to be included.
        OptedOut = "opted_out", "拒否申出";
    }

    /// 同意の方式 (地域医療情報連携ネットワークの同意方式)
    Manner {
        Blanket = "blanket", "一括";
        OfficeList = "office_list", "施設リスト";
        PerOffice = "per_office", "施設個別";
        PerPerson = "per_person", "個人個別";
    }

    /// 同意の取得方法. 口頭 with a record is allowed (厚労省医政局 2020-03).
    ObtainedBy {
        Written = "written", "書面";
        OralRecorded = "oral_recorded", "口頭記録";
        Electronic = "electronic", "電子署名";
        Proxy = "proxy", "代理";
    }

    /// 情報の出どころ
    Source {
        Oneself = "oneself", "本人";
        Family = "family", "家族";
        CityRegister = "city_register", "市の名簿";
        Medical = "medical", "医療機関";
        CareOffice = "care_office", "介護事業所";
        SupportCentre = "support_centre", "地域包括支援センター";
        Import = "import", "取り込み";
        Other = "other", "その他";
    }
}

impl LifeStatus {
    /// Whether the record is closed: nobody works with this person here any more.
    pub const fn closed(self) -> bool {
        matches!(self, LifeStatus::MovedOut | LifeStatus::Dead)
    }
}

impl ConsentState {
    /// Whether what the consent is about may be done now. All else, silence included, is no.
    pub const fn allows(self) -> bool {
        matches!(self, ConsentState::Given | ConsentState::NotNeeded)
    }

    /// Whether the person said no.
    pub const fn is_no(self) -> bool {
        matches!(self, ConsentState::Declined | ConsentState::OptedOut)
    }
}

impl Mark {
    /// Marks of living may stand beside the name; marks of body and mind belong to the risk notes.
    pub const fn is_risk(self) -> bool {
        !matches!(self, Mark::LivesAlone | Mark::ForeignLanguage)
    }
}
