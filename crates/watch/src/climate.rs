//! Heat in rooms without sunshine: an estimate of the WBGT from temperature and humidity, and its bands.
//!
//! A door service has no globe thermometer. In a room without sunshine the globe is as warm as the air, so that
//! WBGT = 0.7 x wet bulb + 0.3 x air; the society's revised indoor chart (日本生気象学会「日常生活における熱中症予防指針」
//! Ver.4, 2022) rests on the same heat balance. The wet bulb is taken from temperature and relative humidity (R. Stull
//! 2011, 5 to 99 % and -20 to 50 degrees, error below 1 degree). [to verify] against the printed chart. Always shown as 推定.

/// Estimated indoor WBGT in degrees Celsius, from degrees Celsius and percent.
pub fn indoor_wbgt(temperature: f32, humidity: f32) -> f32 {
    0.7 * wet_bulb(temperature, humidity.clamp(5.0, 99.0)) + 0.3 * temperature
}

fn wet_bulb(t: f32, rh: f32) -> f32 {
    t * (0.151_977 * (rh + 8.313_659).sqrt()).atan() + (t + rh).atan() - (rh - 1.676_331).atan()
        + 0.003_918_38 * rh.powf(1.5) * (0.023_101 * rh).atan()
        - 4.686_035
}

/// Bands of daily life (日本生気象学会) [to verify].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum HeatBand {
    /// Below 25.
    Caution,
    /// 25 to 28.
    Warning,
    /// 28 to 31.
    Severe,
    /// 31 and above.
    Danger,
}

impl HeatBand {
    pub fn of(wbgt: f32) -> HeatBand {
        match wbgt {
            w if w >= 31.0 => HeatBand::Danger,
            w if w >= 28.0 => HeatBand::Severe,
            w if w >= 25.0 => HeatBand::Warning,
            _ => HeatBand::Caution,
        }
    }

    pub const fn ja(self) -> &'static str {
        match self {
            HeatBand::Caution => "注意",
            HeatBand::Warning => "警戒",
            HeatBand::Severe => "厳重警戒",
            HeatBand::Danger => "危険",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_lies_where_the_chart_does() {
        for (t, rh, low, high) in [
            (24.0, 50.0, 18.5, 20.5),
            (28.0, 60.0, 23.5, 25.5),
            (30.0, 70.0, 26.0, 28.0),
            (32.0, 80.0, 29.0, 31.0),
            (35.0, 60.0, 29.5, 31.5),
            (20.0, 100.0, 18.5, 21.0),
        ] {
            let w = indoor_wbgt(t, rh);
            assert!((low..=high).contains(&w), "{t} {rh}: {w}");
        }
    }

    #[test]
    fn warmer_or_damper_is_never_less() {
        for t in 5..45 {
            for rh in 5..99 {
                let here = indoor_wbgt(t as f32, rh as f32);
                assert!(indoor_wbgt(t as f32 + 1.0, rh as f32) > here);
                assert!(indoor_wbgt(t as f32, rh as f32 + 1.0) > here - 0.02, "{t} {rh}");
            }
        }
    }
}
