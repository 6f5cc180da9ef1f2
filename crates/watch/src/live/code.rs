//! What a stored row says: the codes of readings, and what a device of which kind may say.

use crate::DeviceKind;

/// What a stored row says; the number is the column `code`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Code {
    Opened = 1,
    Closed = 2,
    Motion = 3,
    MotionCleared = 4,
    Temperature = 5,
    Humidity = 6,
    Battery = 7,
    Button = 8,
    Present = 9,
    Absent = 10,
    /// To whoever is present, metres.
    Distance = 11,
    /// Wh of the half hour that ends then.
    Energy = 12,
    /// Litres of the interval that ends then.
    Water = 13,
    Lit = 14,
    Unlit = 15,
}

impl Code {
    pub fn from_number(n: i64) -> Option<Code> {
        use Code::*;
        const ALL: [Code; 15] = [
            Opened,
            Closed,
            Motion,
            MotionCleared,
            Temperature,
            Humidity,
            Battery,
            Button,
            Present,
            Absent,
            Distance,
            Energy,
            Water,
            Lit,
            Unlit,
        ];
        ALL.into_iter().find(|c| *c as i64 == n)
    }

    /// Whether its number is kept with it.
    pub fn has_value(self) -> bool {
        use Code::*;
        matches!(self, Temperature | Humidity | Battery | Distance | Energy | Water)
    }

    pub fn is_light(self) -> bool {
        matches!(self, Code::Lit | Code::Unlit)
    }

    /// Of what a home uses.
    pub fn is_usage(self) -> bool {
        self.is_light() || matches!(self, Code::Energy | Code::Water)
    }

    /// Whether a device of this kind may say so. A plug that was registered as something else moves nobody.
    pub fn suits(self, kind: DeviceKind) -> bool {
        match self {
            Code::Energy => kind == DeviceKind::Power,
            Code::Water => kind == DeviceKind::Water,
            Code::Lit | Code::Unlit => kind == DeviceKind::Light,
            _ => !(self.is_movement() && kind.is_usage()),
        }
    }

    pub fn is_movement(self) -> bool {
        use Code::*;
        matches!(self, Opened | Closed | Motion | MotionCleared | Present | Absent | Distance | Lit | Unlit)
    }
}
