//! The looks of this desk: the word the record keeps for each page, and the words an auditor and a resident read.

audit::verbs! {
    /// Pages of homes, devices and lines that show persons.
    Look of "閲覧" {
        Home = "look.home", "住まいの様子";
        Absences = "look.absences", "不在予定";
        Lines = "look.lines", "回線";
        Gateways = "look.gateways", "ゲートウェイ";
        Device = "look.device", "機器";
        DeviceNeeds = "look.device_needs", "手当てが必要な機器";
        UnknownDevices = "look.unknown_devices", "未登録の機器";
        DevicesOfHome = "look.devices_of_home", "住まいの機器";
        SettingsTried = "look.settings_tried", "見守り設定の試算";
        HomeSettings = "look.home_settings", "住まいの見守り設定";
    }
}
