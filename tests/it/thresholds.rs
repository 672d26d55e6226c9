//! The runbook's thresholds: each level crossed gives its exit code and its word.

use crate::home::TestHome;

fn status(home: &TestHome, readings: &str) -> (i32, serde_json::Value, String) {
    let run = |arguments: &[&str]| {
        home.command().args(arguments).env("CLAUDE_MEMORY_TEST_READINGS", readings).output().unwrap()
    };
    let json = run(&["status", "--json"]);
    let text = String::from_utf8(run(&["status", "--system"]).stdout).unwrap();
    (json.status.code().unwrap(), serde_json::from_slice(&json.stdout).unwrap(), text)
}

#[test]
fn each_threshold_has_its_level() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let quiet = "disk=10,memory=10,cpu=10,response=0,database=1";
    for (name, values) in [
        ("disk", [69.0, 79.0, 80.0, 90.0]),
        ("memory", [79.0, 84.0, 85.0, 95.0]),
        ("cpu", [69.0, 79.0, 80.0, 90.0]),
        ("response", [1.9, 4.9, 5.0, 10.0]),
        ("database", [499.0, 999.0, 1000.0, 2000.0]),
    ] {
        for (value, (code, level)) in
            values.into_iter().zip([(0, "normal"), (0, "elevated"), (1, "warning"), (2, "critical")])
        {
            let (exit, json, text) = status(&home, &format!("{name}={value},{quiet}"));
            assert_eq!((exit, json["level"].as_str()), (code, Some(level)), "{name} = {value}: {json}");
            let row = json["thresholds"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
            assert_eq!((row["value"].as_f64(), row["level"].as_str()), (Some(value), Some(level)), "{row}");
            assert!(level == "normal" || text.contains(level), "{text}");
        }
    }
    // Measured for real: whatever it is, it is a number.
    let (_, json, _) = status(&home, "");
    for row in json["thresholds"].as_array().unwrap() {
        assert!(row["value"].as_f64().is_some_and(|value| (0.0..1e7).contains(&value)), "{row}");
    }
    home.write("memory/config.toml", "[thresholds]\ndisk = [5, 8, 95]\n");
    assert_eq!(status(&home, quiet).1["level"], "warning");
    home.write("memory/config.toml", "[thresholds]\ndisk = [50, 8, 95]\n");
    home.run(&["status"]).fails(2, "thresholds.disk");
}
