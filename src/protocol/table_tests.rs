use super::*;
use crate::source::demo::ScriptSign;

/// A table with two requirements and two axes.
const SMALL: &str = r#"
[play]
width = 320
height = 240
fps = 12.0
tolerance_s = 0.2
unreadable_s = 10.0

[[requirement]]
id = "sleep"
title = "Sleep"
source = "a rule"
seconds = 12.0
cues = [{ sign = "close", from = 6.0, to = 9.0 }]
tell = [{ level = "critical", states = ["microsleep"], since = 6.0, after = 1.5, by = 1.8 }]
over = 11.0
variants = ["skin", "talking"]

[[requirement]]
id = "awake"
title = "Awake"
source = "a rule"
seconds = 5.0
variants = ["all"]

[[axis]]
id = "skin"
title = "Skin"
source = "a rule"
variant = [
  { id = "pale", title = "pale", driver = { skin = 1 } },
  { id = "dark", title = "dark", driver = { skin = 6 } },
]

[[axis]]
id = "behaviour"
title = "Behaviour"
source = "a rule"
variant = [{ id = "talking", title = "talks", cues = [{ sign = "talk" }] }]

[[except]]
cells = ["sleep/dark", "awake/*"]
why = "a reason"
"#;

fn small() -> Table {
    SMALL.parse().unwrap()
}

fn refused(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1).parse::<Table>().unwrap_err().to_string()
}

fn ids(cells: &[&Cell]) -> Vec<String> {
    cells.iter().map(|cell| cell.id.clone()).collect()
}

#[test]
fn requirements_are_crossed_with_their_conditions_in_the_order_of_the_table() {
    let table = small();
    let cells: Vec<&Cell> = table.cells.iter().collect();
    assert_eq!(
        ids(&cells),
        ["sleep/pale", "sleep/dark", "sleep/talking", "awake/pale", "awake/dark", "awake/talking"]
    );
    assert_eq!((cells[0].script.driver.skin, cells[1].script.driver.skin), (Some(1), Some(6)));
    let promised: Vec<bool> = cells.iter().map(|cell| cell.promised).collect();
    assert_eq!(promised, [true, false, true, false, false, false]);
    assert_eq!(cells[1].why, "a reason");
    assert_eq!((cells[0].most, cells[0].over), (Level::Advisory, Some(11.0)));
    assert_ne!(cells[0].script.seed, cells[1].script.seed);
}

#[test]
fn a_behaviour_without_times_ends_before_the_requirement_begins() {
    let table = small();
    let talk = |cell: &Cell| {
        let cue = cell.script.cues.iter().find(|cue| cue.sign == ScriptSign::Talk).unwrap();
        (cue.from, cue.to)
    };
    assert_eq!(talk(&table.cells[2]), (0.5, 5.5));
    assert_eq!(talk(&table.cells[5]), (0.5, 5.0), "or with the cell");
}

#[test]
fn cells_are_chosen_by_every_name_they_have() {
    let table = small();
    let chosen = |only: &[&str], part: Option<&str>| {
        let only = only.iter().map(ToString::to_string).collect();
        let part = part.map(|part| part.parse().unwrap());
        table.choose(&Choice { only, part }).map(|cells| ids(&cells))
    };
    assert_eq!(chosen(&[], None).unwrap().len(), 6);
    assert_eq!(chosen(&["awake"], None).unwrap().len(), 3);
    assert_eq!(chosen(&["skin"], None).unwrap().len(), 4);
    assert_eq!(chosen(&["dark"], None).unwrap(), ["sleep/dark", "awake/dark"]);
    assert_eq!(chosen(&["skin", "awake"], None).unwrap(), ["awake/pale", "awake/dark"]);
    assert_eq!(chosen(&["awake/pale"], None).unwrap(), ["awake/pale"]);
    assert_eq!(chosen(&[], Some("2/3")).unwrap(), ["sleep/dark", "awake/dark"]);
    let error = chosen(&["nonsense"], None).unwrap_err().to_string();
    for word in ["nonsense", "sleep", "awake", "skin", "behaviour", "--list"] {
        assert!(error.contains(word), "{word} is missing: {error}");
    }
    assert!(chosen(&["pale", "dark"], None).is_err());
}

#[test]
fn a_bad_table_is_refused_with_its_line_and_what_would_do() {
    for (from, to, words) in [
        ("level = \"critical\"", "level = \"loud\"", &["line 15", "loud", "critical"][..]),
        ("sign = \"close\"", "sign = \"wink\"", &["line 14", "wink", "close"]),
        ("states = [\"microsleep\"]", "states = [\"dozing\"]", &["dozing", "microsleep"]),
        ("title = \"Sleep\"", "titel = \"Sleep\"", &["line 11", "titel", "title"]),
        ("id = \"awake\"", "id = \"sleep\"", &["line 20", "sleep", "taken"]),
        ("id = \"awake\"", "id = \"A wake\"", &["A wake", "small letters"]),
        ("\"skin\", \"talking\"", "\"skins\"", &["line 17", "skins", "behaviour"]),
        ("after = 1.5", "after = 2.5", &["line 10", "by not less than after"]),
        ("by = 1.8", "by = 7.0", &["within 12 s"]),
        ("over = 11.0", "over = 13.0", &["over lies outside"]),
        ("seconds = 12.0", "seconds = 0.0", &["1 to 3600"]),
        ("fps = 12.0", "fps = 5.0", &["fps is 10 to 60"]),
        ("skin = 6", "skin = 9", &["driver.skin", "9", "1 to 6"]),
        ("sign = \"talk\"", "sign = \"mumble\"", &["line 39", "mumble", "talk"]),
        ("\"sleep/dark\"", "\"sleep/green\"", &["line 42", "sleep/green", "requirement/variant"]),
        ("to = 9.0", "to = ", &["line 14"]),
    ] {
        let error = refused(from, to);
        for word in words {
            assert!(error.contains(word), "{to}: {word} is missing: {error}");
        }
        assert!(!error.contains('\n'), "{error}");
    }
    let error = Table::open(Some(Path::new("no/such.toml"))).unwrap_err().to_string();
    assert!(error.contains("no/such.toml"), "{error}");
}

#[test]
fn the_built_in_table_covers_what_the_rules_name() {
    let table = Table::open(None).unwrap();
    assert!(table.cells.len() >= 200, "{} cells", table.cells.len());
    let seconds = |only: &str| -> f32 {
        let only = vec![only.to_owned()];
        let cells = table.choose(&Choice { only, part: None }).unwrap();
        cells.iter().map(|cell| cell.script.seconds).sum()
    };
    assert_eq!(seconds("awake-hour"), 3600.0);
    for word in [
        "microsleep",
        "sleep",
        "unresponsive",
        "long-look",
        "glances",
        "drowsy",
        "no-driver",
        "skin-1",
        "skin-6",
        "eyes-6mm",
        "eyes-14mm",
        "age-16",
        "age-80",
        "full-beard",
        "cap",
        "medical-mask",
        "clear",
        "tinted",
        "dark",
        "reflecting",
        "hair-over-eye",
        "lux-1",
        "lux-100000",
        "infrared",
        "low-sun",
        "tunnel",
        "eating",
        "talking",
        "laughing",
        "singing",
        "smoking",
        "scratching",
        "sneezing",
    ] {
        assert!(seconds(word) > 0.0, "{word}");
    }
    // What is second hand says so.
    let told =
        table.requirements.iter().map(|r| &r.source).chain(table.axes.iter().map(|a| &a.source));
    for source in told.filter(|source| source.contains("Euro NCAP")) {
        assert!(source.contains("second hand"), "{source}");
    }
    assert!(table.cells.iter().all(|cell| cell.promised || !cell.why.is_empty()));
}
