use super::*;
use crate::{
    monitor::{Level, State},
    protocol::{Change, Judged},
};

/// Four cells of the built-in table, told of as given: one right, one unreadable, two failed.
pub(crate) fn report() -> Report {
    let text = crate::protocol::table::BUILT_IN
        .replace("title = \"medical mask\"", "title = \"<b>mask & \\\"more\\\"\"");
    let table: Table = text.parse().unwrap();
    let change = |at, state, level, why: &str| Change { at, state, level, why: why.into() };
    let awake = || change(0.0, State::Awake, Level::None, "awake");
    let blind = || change(4.0, State::EyesUnreadable, Level::Advisory, "the eyes are covered");
    let woken = |at| change(at, State::Microsleep, Level::Critical, "eyes <closed> for 1.5 s");
    let over = || change(9.5, State::Awake, Level::None, "awake");
    let played = [
        ("microsleep/plain", vec![awake(), woken(7.7), over()]),
        (
            "microsleep/medical-mask",
            vec![awake(), woken(8.9), change(10.1, State::Awake, Level::None, "")],
        ),
        ("microsleep/dark", vec![awake(), blind()]),
        ("awake/medical-mask", vec![awake(), woken(5.0)]),
    ];
    let played = played.map(|(id, told)| {
        let cell = table.cells.iter().find(|cell| cell.id == id).unwrap();
        let judged = Judged::of(cell, &told, &table.play);
        Played {
            cell: id.into(),
            requirement: table.requirement(cell).id.clone(),
            variant: table.variant(cell).id.clone(),
            promised: cell.promised,
            cause: judged.cause(),
            judged,
            frames: 132,
            frames_with_face: 130,
            told,
        }
    });
    let provenance = Provenance {
        version: "1.2.3".into(),
        models: vec![("classifier".into(), "abc123".into())],
        table: "my <table>.toml".into(),
        table_digest: "def456".into(),
        command: vec!["wakewatch".into(), "protocol".into()],
    };
    Report { table, played: played.into(), provenance }
}

#[test]
fn the_page_needs_nothing_else_and_holds_what_is_relied_on() {
    let report = report();
    let total = report.total();
    assert_eq!((total.right, total.unreadable, total.failed), (1, 1, 2));
    let page = report.html().unwrap();
    for needle in [
        "1.2.3",
        "abc123",
        "def456",
        "my &lt;table&gt;.toml",
        "&lt;b&gt;mask &amp; &quot;more&quot;",
        "eyes &lt;closed&gt; for 1.5 s",
        "<span>right</span><strong>1</strong>",
        "<td class=\"blind\"",
        "<td class=\"failed\"",
        "critical after 2.75 s, not within 1.80 s",
        "data:image/png;base64,iVBOR",
        "second hand",
    ] {
        assert!(page.contains(needle), "{needle} is missing");
    }
    // The pictures are text of any letters.
    let mut parts = page.split("base64,");
    let mut words = parts.next().unwrap().to_owned();
    words.extend(parts.map(|part| part.split_once('"').unwrap().1));
    assert!(words.len() < page.len() / 2 && words.contains("second hand"));
    for foreign in [
        "http:",
        "https:",
        "<script",
        "url(",
        "NaN",
        "inf s",
        "<b>mask",
        "<closed>",
        "<table>.toml",
    ] {
        assert!(!words.contains(foreign), "{foreign} is in it");
    }
    for (open, close) in [
        ("<svg", "</svg>"),
        ("<tr", "</tr>"),
        ("<section", "</section>"),
        ("<details", "</details>"),
    ] {
        assert_eq!(page.matches(open).count(), page.matches(close).count(), "{open}");
    }
    assert_eq!(page, report.html().unwrap(), "the same bytes");
    // What failed comes before what did not.
    let at = |what: &str| page.find(what).unwrap();
    assert!(at("needless critical") < at("</article>"), "the worst is the needless alarm");
}

#[test]
fn page_and_results_are_written_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let report = report();
    let page = report.write(&folder.path().join("new")).unwrap();
    assert!(page.ends_with("index.html") && page.is_file());
    let lines = std::fs::read_to_string(page.with_file_name("results.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[2]["outcome"], "unreadable");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = report.write(&file).unwrap_err().to_string();
    assert!(error.contains("choose another folder"), "{error}");
}
