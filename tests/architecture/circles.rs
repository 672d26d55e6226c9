//! Circles of files inside a module. The face of a folder (`mod.rs`) and the files below it know each other by nature,
//! so only edges between files that are nobody's face count.

use std::collections::{BTreeMap, BTreeSet};

use super::names;
use super::sources::SourceFile;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Finds the groups of files that each depend on every other of the group.
pub(crate) fn find(files: &[SourceFile]) -> Vec<Vec<String>> {
    let by_module: BTreeMap<Vec<String>, &SourceFile> = files.iter().map(|file| (file.module_path(), file)).collect();
    let is_face = |file: &SourceFile| {
        let own = file.module_path();
        by_module.keys().any(|other| other.len() > own.len() && other.starts_with(&own))
    };
    let mut graph = Graph::new();
    for file in files.iter().filter(|file| file.top_module().is_some() && !is_face(file)) {
        for path in names::of(file) {
            let target = (1..=path.len()).rev().find_map(|end| by_module.get(path.get(..end)?));
            let Some(target) = target.filter(|target| target.path != file.path && !is_face(target)) else { continue };
            if target.top_module() == file.top_module() {
                graph.entry(file.path.clone()).or_default().insert(target.path.clone());
            }
        }
    }
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for from in graph.keys() {
        let reached = reachable(&graph, from);
        if reached.contains(from) {
            circles.insert(reached.iter().filter(|to| reachable(&graph, to).contains(from)).cloned().collect());
        }
    }
    circles.into_iter().collect()
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let (mut reached, mut waiting) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(next) = waiting.pop() {
        for to in graph.get(&next).into_iter().flatten() {
            if reached.insert(to.clone()) {
                waiting.push(to.clone());
            }
        }
    }
    reached
}
