//! The people, light and behaviours that a script can ask for, through the real path: are
//! they found, and are their points where they were drawn?

use wakewatch::source::demo::{
    Beard, Glasses, Hat, LightKind, Lighting, Person, Script, ScriptCue, ScriptSign,
};

use super::{
    need::has_runtime,
    played::{Sight, every, pipeline, play_script},
};

/// What is asked of a group of scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// Whoever is plain to see.
    Plain,
    /// Masks, hats, one lux.
    Hard,
    /// A profile: told, and nothing is asked.
    Profile,
}

impl Group {
    fn least_found(self) -> f64 {
        match self {
            Self::Plain => 0.99,
            Self::Hard => 0.95,
            Self::Profile => 0.0,
        }
    }
}

/// What the issue asks for, in distances of the outer eye corners.
const MOST_ERROR: f64 = 0.05;
const SECONDS: f32 = 12.0;

struct Asked {
    name: String,
    group: Group,
    script: Script,
}

struct List(Vec<Asked>);

impl List {
    fn add(&mut self, name: String, group: Group, driver: Person, light: Lighting) -> &mut Script {
        let seed = self.0.len() as u64;
        let script = Script { seconds: SECONDS, seed, driver, light, cues: Vec::new() };
        self.0.push(Asked { name, group, script });
        let last = self.0.len() - 1;
        &mut self.0[last].script
    }

    fn person(&mut self, name: &str, group: Group, driver: Person) {
        let name = format!("{name} (driver {})", driver.base);
        self.add(name, group, driver, Lighting::default());
    }
}

/// Every value of every parameter, on drivers in turn.
fn all() -> Vec<Asked> {
    let mut list = List(Vec::new());
    let mut base = 0;
    let mut next = || {
        base = (base + 5) % 14;
        Person { base, ..Person::default() }
    };
    use Group::{Hard, Plain, Profile};
    for skin in 1..=6 {
        list.person(&format!("skin {skin}"), Plain, Person { skin: Some(skin), ..next() });
    }
    for mm in [6.0, 7.0, 8.0, 10.0, 12.0, 14.0] {
        list.person(&format!("eyes {mm} mm"), Plain, Person { eye_mm: Some(mm), ..next() });
    }
    for age in [16, 40, 60, 80] {
        list.person(&format!("age {age}"), Plain, Person { age: Some(age), ..next() });
    }
    for beard in [Beard::Stubble, Beard::Moustache, Beard::Goatee, Beard::Full] {
        let driver = Person { beard: Some(beard), ..next() };
        list.person(&format!("beard {beard:?}"), Plain, driver);
    }
    for hat in [Hat::Cap, Hat::Beanie, Hat::Brim] {
        for _ in 0..4 {
            list.person(&format!("hat {hat:?}"), Hard, Person { hat, ..next() });
        }
    }
    for glasses in [Glasses::Clear, Glasses::Tinted, Glasses::Dark, Glasses::Reflecting] {
        for _ in 0..2 {
            let driver = Person { glasses: Some(glasses), ..next() };
            list.person(&format!("glasses {glasses:?}"), Plain, driver);
        }
    }
    for _ in 0..5 {
        list.person("mask", Hard, Person { mask: true, ..next() });
    }
    for _ in 0..4 {
        list.person("hair over an eye", Plain, Person { hair_over_eye: true, ..next() });
    }
    for lux in [1.0, 10.0, 100.0, 10_000.0, 100_000.0] {
        for infrared in [false, true] {
            for skin in [2, 4, 6] {
                let group = if lux < 2.0 { Hard } else { Plain };
                let light = Lighting { lux, infrared, kind: LightKind::Even };
                let seen = if infrared { "infra-red" } else { "colour" };
                let name = format!("{lux} lux {seen} skin {skin}");
                list.add(name, group, Person { skin: Some(skin), ..next() }, light);
            }
        }
    }
    for kind in [LightKind::LowSun, LightKind::Tunnel, LightKind::Glare] {
        for skin in [1, 3, 6] {
            let light = Lighting { lux: 20_000.0, infrared: false, kind };
            let driver = Person { skin: Some(skin), ..next() };
            list.add(format!("{kind:?} skin {skin}"), Plain, driver, light);
        }
    }
    use ScriptSign as S;
    for sign in [
        S::Talk,
        S::Laugh,
        S::Sing,
        S::Eat,
        S::Smoke,
        S::Scratch,
        S::Sneeze,
        S::Phone,
        S::Mirror,
        S::Shoulder,
        S::NodOff,
        S::Yawn,
        S::Hand,
        S::Close,
        S::Droop,
    ] {
        for _ in 0..2 {
            let group = if sign == S::Shoulder { Profile } else { Plain };
            let script = list.add(format!("{sign:?}"), group, next(), Lighting::default());
            script.cues = (0..3)
                .map(|i| ScriptCue::new(4.0 * i as f32, 4.0 * i as f32 + 3.4, sign))
                .collect();
        }
    }
    list.0
}

/// Plays scripts, looks at one frame in `stride`, prints each, and gives what falls short.
fn short_of(asked: impl Iterator<Item = Asked>, stride: u64) -> Vec<String> {
    let mut pipeline = pipeline();
    let mut short = Vec::new();
    let mut groups = std::collections::BTreeMap::<Group, Sight>::new();
    for Asked { name, group, script } in asked {
        let sight = Sight::of(&play_script(&mut pipeline, &script, &every(stride)));
        let (found, error) = (sight.share(), sight.error());
        println!("{name}: found {found:.3} of {}, error {error:.4}", sight.visible);
        groups.entry(group).or_default().add(sight);
    }
    for (group, sight) in groups {
        let line = format!(
            "{group:?}: found {:.4} of {}, elsewhere {}, error {:.4}",
            sight.share(),
            sight.visible,
            sight.ghosts,
            sight.error()
        );
        println!("{line}");
        let seen = sight.error() <= MOST_ERROR || group == Group::Profile;
        if sight.share() < group.least_found() || !seen {
            short.push(line);
        }
    }
    short
}

#[test]
fn people_that_a_script_asks_for_are_found_where_they_were_drawn() {
    if !has_runtime() {
        return;
    }
    // One in five: some of each kind.
    let some = all().into_iter().enumerate().filter(|(i, _)| i % 5 == 2).map(|(_, asked)| asked);
    let short = short_of(some, 30);
    assert!(short.is_empty(), "{short:#?}");
}

#[test]
#[ignore = "minutes: every value of every parameter; make test-demo"]
fn every_value_of_every_parameter_is_found_where_it_was_drawn() {
    if !has_runtime() {
        return;
    }
    let short = short_of(all().into_iter(), 12);
    assert!(short.is_empty(), "{short:#?}");
}
