//! The tree of a ChatGPT conversation. Links may be given as `parent`, as `children` or both, and some of them may be missing
//! or run in circles: every node is reached once. Does not own what messages hold.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::draft_builder::{field, first, list};

/// A node of the tree.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Id of the node, or of its message.
    pub(super) id: Option<&'a str>,
    /// The message, where it has one.
    pub(super) message: Option<&'a Value>,
    /// Place of its parent in [`Tree::nodes`].
    pub(super) parent: Option<usize>,
    /// Set where the node is not on the way from the first message to the current one.
    pub(super) is_side: bool,
}

/// The nodes of a conversation.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    /// In the order of the file.
    pub(super) nodes: Vec<Node<'a>>,
    /// Places of the nodes, parents before children.
    pub(super) order: Vec<usize>,
}

impl<'a> Tree<'a> {
    /// Builds the tree of a conversation; `None` where it holds no nodes.
    pub(super) fn build(conversation: &'a Value) -> Option<Self> {
        let values = nodes_of(conversation)?;
        let mut nodes: Vec<Node<'a>> = values.iter().map(|(key, value)| node(*key, value)).collect();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (place, (key, value)) in values.iter().enumerate() {
            let message = value.get("message").and_then(|message| field(message, "id"));
            for id in [*key, field(value, "id"), message].into_iter().flatten() {
                places.entry(id).or_insert(place);
            }
        }
        let children = link(&values, &mut nodes, &places);
        let order = in_order(&nodes, &children);
        let current = field(conversation, "current_node").and_then(|id| places.get(id)).copied();
        if let Some(current) = current {
            mark_side_nodes(&mut nodes, &order, current);
        }
        Some(Self { nodes, order })
    }

    /// Ids of the nodes above a node, nearest first.
    pub(super) fn ancestors(&self, place: usize) -> impl Iterator<Item = usize> {
        let next = |place: &usize| self.nodes.get(*place).and_then(|node| node.parent);
        // A circle ends after one round.
        std::iter::successors(next(&place), next).take(self.nodes.len())
    }
}

/// Nodes with their keys: a map, a list of nodes, or a list of messages.
fn nodes_of(conversation: &Value) -> Option<Vec<(Option<&str>, &Value)>> {
    if let Some(mapping) = conversation.get("mapping").and_then(Value::as_object) {
        return Some(mapping.iter().map(|(key, node)| (Some(key.as_str()), node)).collect());
    }
    let lists = ["mapping", "linear_conversation", "messages"];
    let nodes = lists.iter().find_map(|name| conversation.get(*name).and_then(Value::as_array))?;
    Some(nodes.iter().map(|node| (None, node)).collect())
}

fn node<'a>(key: Option<&'a str>, value: &'a Value) -> Node<'a> {
    let message = match value.get("message") {
        Some(message) if message.is_object() => Some(message),
        // A list of messages, not of nodes.
        None if ["content", "author", "role"].iter().any(|name| value.get(*name).is_some()) => Some(value),
        _ => None,
    };
    let id = key.or_else(|| field(value, "id"));
    Node { id, message, parent: None, is_side: false }
}

/// Fills in the parents and returns the children of each node.
fn link(values: &[(Option<&str>, &Value)], nodes: &mut [Node<'_>], places: &HashMap<&str, usize>) -> Vec<Vec<usize>> {
    let is_linked = values.iter().any(|(_, value)| value.get("parent").is_some() || value.get("children").is_some());
    for (place, (node, (_, value))) in nodes.iter_mut().zip(values).enumerate() {
        node.parent = first(value, &["parent", "parent_id"])
            .and_then(|parent| places.get(parent))
            .copied()
            .or_else(|| place.checked_sub(1).filter(|_| !is_linked))
            .filter(|parent| *parent != place);
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut listed = HashSet::new();
    for (place, (_, value)) in values.iter().enumerate() {
        for child in list(value, "children").iter().filter_map(Value::as_str).filter_map(|id| places.get(id)) {
            let Some(node) = nodes.get_mut(*child).filter(|_| *child != place) else { continue };
            if *node.parent.get_or_insert(place) == place && listed.insert(*child) {
                children.get_mut(place).into_iter().for_each(|children| children.push(*child));
            }
        }
    }
    for (place, node) in nodes.iter().enumerate() {
        let siblings = node.parent.filter(|_| !listed.contains(&place)).and_then(|parent| children.get_mut(parent));
        siblings.into_iter().for_each(|siblings| siblings.push(place));
    }
    children
}

/// Every node once, parents before children: from the roots, then from what no root reaches.
fn in_order(nodes: &[Node<'_>], children: &[Vec<usize>]) -> Vec<usize> {
    let roots = nodes.iter().enumerate().filter(|(_, node)| node.parent.is_none()).map(|(place, _)| place);
    let (mut order, mut seen) = (Vec::with_capacity(nodes.len()), HashSet::new());
    for start in roots.chain(0..nodes.len()) {
        let mut waiting = vec![start];
        while let Some(place) = waiting.pop() {
            if seen.insert(place) {
                order.push(place);
                waiting.extend(children.get(place).into_iter().flatten().rev());
            }
        }
    }
    order
}

/// Marks what is not on the way to the current node. A piece of the tree that has no link to it is no side conversation.
fn mark_side_nodes(nodes: &mut [Node<'_>], order: &[usize], current: usize) {
    let mut way = HashSet::new();
    let mut at = Some(current);
    while let Some(place) = at.filter(|place| way.insert(*place)) {
        at = nodes.get(place).and_then(|node| node.parent);
    }
    let mut reached = HashSet::new();
    for place in order {
        let Some(node) = nodes.get_mut(*place) else { continue };
        let is_linked = node.parent.is_some_and(|parent| reached.contains(&parent));
        if way.contains(place) || is_linked {
            reached.insert(*place);
            node.is_side = !way.contains(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Ids in order; side nodes in brackets.
    fn order(conversation: &Value) -> String {
        let tree = Tree::build(conversation).unwrap();
        let name = |place: &usize| {
            let node = &tree.nodes[*place];
            if node.is_side { format!("({})", node.id.unwrap_or("?")) } else { node.id.unwrap_or("?").to_owned() }
        };
        tree.order.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_node_is_reached_whatever_the_links() {
        let only_parents = json!({ "current_node": "c", "mapping": {
            "r": { "parent": null }, "b": { "parent": "a" }, "a": { "parent": "r" }, "c": { "parent": "a" } } });
        assert_eq!(order(&only_parents), "r a (b) c");
        let only_children = json!({ "current_node": "c", "mapping": {
            "b": {}, "a": { "children": ["c", "b"] }, "c": {}, "r": { "children": ["a"] } } });
        assert_eq!(order(&only_children), "r a c (b)");
        let partial = json!({ "current_node": "b", "mapping": {
            "r": { "children": ["a"] }, "a": { "parent": "gone" }, "b": { "parent": "a" }, "x": { "parent": "lost" } } });
        assert_eq!(order(&partial), "r a b x");
        let circle = json!({ "current_node": "a", "mapping": {
            "a": { "parent": "b", "children": ["b"] }, "b": { "parent": "a" }, "c": { "parent": "c", "children": ["c"] } } });
        assert_eq!(order(&circle), "c a b");
        assert!(Tree::build(&circle).unwrap().ancestors(0).count() <= 3);
        let without_current = json!({ "mapping": { "a": { "children": ["b", "c"] }, "b": {}, "c": {} } });
        assert_eq!(order(&without_current), "a b c");
    }

    #[test]
    fn lists_of_nodes_and_of_messages() {
        let nodes = json!({ "mapping": [{ "id": "a", "message": { "id": "m" } }, { "id": "b", "parent": "m" }] });
        assert_eq!(order(&nodes), "a b");
        let messages = json!({ "messages": [{ "id": "a", "role": "user" }, { "role": "assistant" }] });
        let tree = Tree::build(&messages).unwrap();
        assert_eq!((tree.nodes[1].parent, tree.nodes[1].message), (Some(0), Some(&json!({ "role": "assistant" }))));
        assert!(Tree::build(&json!({ "title": "x" })).is_none());
    }
}
