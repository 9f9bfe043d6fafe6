//! The light of a script by its strength: what shines on the driver, and what a camera with
//! an automatic exposure makes of it.

use serde::{Deserialize, Serialize};

use super::{
    camera::Setting,
    math::{mix, mix3, scale, step, unit, wander},
    view::Light,
};

/// The light and the camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lighting {
    /// Light on the driver's face, 1 to 100,000 lux; 500 is an overcast day inside a car.
    pub lux: f32,
    /// A camera that sees infra-red only, with a lamp of its own beside the lens.
    pub infrared: bool,
    /// Where it comes from.
    pub kind: LightKind,
}

/// Where the light comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LightKind {
    /// From the windows.
    #[default]
    Even,
    /// From a low sun beside the driver, that comes and goes behind trees.
    LowSun,
    /// In and out of a tunnel, every six seconds.
    Tunnel,
    /// From a low sun that shines into the lens.
    Glare,
}

impl Default for Lighting {
    fn default() -> Self {
        Self { lux: 500.0, infrared: false, kind: LightKind::Even }
    }
}

/// The light of a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lit {
    kind: LightKind,
    infrared: bool,
    /// On the face, now.
    lux: f32,
    /// For which the camera is set.
    metered: f32,
}

/// Seconds outside of a tunnel, and inside.
const TUNNEL_S: f32 = 6.0;
/// Light in a tunnel, lux.
const TUNNEL_LUX: f32 = 25.0;
/// Seconds that a camera needs to set itself to another light.
const SETS_S: f32 = 1.2;
/// Light at which the usual setting is right, and the least that the camera's gain makes
/// up for, lux.
const USUAL_LUX: f32 = 500.0;
const LEAST_LUX: f32 = 12.0;
/// What the camera's own lamp is worth, lux.
const LAMP_LUX: f32 = 150.0;

impl Lit {
    pub(super) fn of(light: &Lighting) -> Self {
        let Lighting { lux, infrared, kind } = *light;
        Self { kind, infrared, lux, metered: lux }
    }

    /// The light at a time.
    pub(super) fn at(self, now: f32) -> Self {
        if self.kind != LightKind::Tunnel {
            return self;
        }
        let (outside, inside) = (self.lux, TUNNEL_LUX.min(self.lux));
        let within = now.rem_euclid(2.0 * TUNNEL_S);
        let from_to = |dark: f32| (mix(outside.ln(), inside.ln(), dark)).exp();
        // The mouth of the tunnel takes a quarter of a second.
        let dark = |late: f32, takes: f32| {
            step(TUNNEL_S + late, TUNNEL_S + late + takes, within)
                * step(2.0 * TUNNEL_S, 2.0 * TUNNEL_S - 0.01, within)
                + step(late + takes, late, within) * f32::from(u8::from(now > TUNNEL_S))
        };
        Self {
            lux: from_to(dark(0.0, 0.25).min(1.0)),
            metered: from_to(dark(0.25, SETS_S).min(1.0)),
            ..self
        }
    }

    /// Passing shadows: factor of the light from outside.
    pub(super) fn sun(self, now: f32, seed: u64) -> Option<f32> {
        match self.kind {
            LightKind::LowSun | LightKind::Glare => {
                Some(0.75 + 0.45 * wander(0.8 * now, seed ^ 31))
            }
            LightKind::Even | LightKind::Tunnel => None,
        }
    }

    /// How bright it is outside, 0 to 1 in quarters: what the windows show.
    pub(super) fn day(self) -> f32 {
        (step(0.3, 2.4, self.lux.log10()) * 4.0).round() / 4.0
    }

    /// Light from outside against the camera's lamp, which an infra-red camera's filter
    /// keeps most of out.
    fn lamp_share(self) -> f32 {
        if self.infrared { LAMP_LUX / (LAMP_LUX + 0.05 * self.lux) } else { 0.0 }
    }

    pub(super) fn light(self, sun: f32) -> Light {
        // Under a high sun the light is harder.
        let hard = step(3.3, 5.0, self.lux.log10());
        // A low sun is strong by day, and weak at dusk.
        let low = match self.kind {
            LightKind::LowSun => step(1.5, 4.0, self.lux.log10()),
            _ => 0.0,
        };
        let side_color = match self.kind {
            LightKind::LowSun => {
                scale([2.9, 2.25, 1.45], mix(0.45, 1.0, sun) * mix(0.35, 1.0, low))
            }
            LightKind::Glare => scale([1.45, 1.34, 1.12], mix(0.5, 1.0, sun)),
            LightKind::Even | LightKind::Tunnel => scale([0.34, 0.37, 0.41], sun * (1.0 + hard)),
        };
        let key = mix3(scale([0.78, 0.77, 0.73], sun), [0.16, 0.17, 0.19], low);
        let daylight = Light {
            key: unit([-0.42, -0.62, -0.66]),
            key_color: scale(key, 1.0 + 0.85 * hard),
            side: unit([0.93, -0.22, -0.30]),
            side_color,
            sky: scale([0.46, 0.48, 0.51], 1.0 - 0.40 * hard - 0.30 * low),
            ground: scale([0.19, 0.175, 0.16], 1.0 - 0.2 * hard),
            lamp: self.infrared,
        };
        let lamp = self.lamp_share();
        if lamp <= 0.0 {
            return daylight;
        }
        Light {
            key: unit(mix3(daylight.key, [0.10, -0.22, -0.95], lamp)),
            key_color: mix3(daylight.key_color, [0.80; 3], lamp),
            side: daylight.side,
            side_color: mix3(daylight.side_color, [0.09; 3], lamp),
            sky: mix3(daylight.sky, [0.12; 3], lamp),
            ground: mix3(daylight.ground, [0.10; 3], lamp),
            lamp: true,
        }
    }

    /// How the camera is set: it makes up for the light down to a dozen lux, at the price
    /// of noise; below that its pictures are dark.
    pub(super) fn setting(self) -> Setting {
        let veil = match self.kind {
            LightKind::Glare => 0.42,
            LightKind::LowSun => 0.10,
            LightKind::Even | LightKind::Tunnel => 0.0,
        };
        if self.infrared {
            let seen = |lux: f32| LAMP_LUX + 0.05 * lux;
            let exposure = (seen(self.lux) / seen(self.metered)).powf(0.7);
            let noise = mix(3.0, 5.5, self.lamp_share());
            return Setting { exposure: 0.72 * exposure, noise, grey: true, veil: 0.6 * veil };
        }
        let gained = self.metered.max(LEAST_LUX);
        // The curve of the film: twice the light is not twice the picture.
        let exposure = (self.lux / gained).powf(0.62).clamp(0.15, 4.0);
        let noise = (1.4 + 5.4 * (USUAL_LUX / gained.max(10.0)).sqrt() * 0.22).min(14.0)
            + 5.0 * step(LEAST_LUX, 1.0, self.lux);
        let sunny = 1.0 + 0.10 * step(4.0, 5.0, self.lux.log10());
        Setting {
            exposure: exposure * sunny * if veil > 0.2 { 0.9 } else { 1.0 },
            noise,
            grey: false,
            veil,
        }
    }
}
