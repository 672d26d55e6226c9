//! Message tree of a ChatGPT conversation. Links may be given as `parent`, as `children` or both, and some may be
//! missing or circular; every node is reached exactly once. Does not interpret messages.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::draft_builder::{array_field, first_field, text_field};

/// A node of the tree.
#[derive(Debug)]
pub(super) struct MessageNode<'a> {
    /// Id of the node, or of its message.
    pub(super) id: Option<&'a str>,
    /// Message of the node, if it has one.
    pub(super) message: Option<&'a Value>,
    /// Index of the parent in [`MessageTree::nodes`].
    pub(super) parent: Option<usize>,
    /// True if the node is not on the path from the first message to the current one.
    pub(super) is_side: bool,
}

/// The nodes of a conversation.
#[derive(Debug)]
pub(super) struct MessageTree<'a> {
    /// Nodes in the order of the file.
    pub(super) nodes: Vec<MessageNode<'a>>,
    /// Indexes into `nodes`, parents before children.
    pub(super) order: Vec<usize>,
}

impl<'a> MessageTree<'a> {
    /// Builds the tree of a conversation; `None` if it holds no nodes.
    pub(super) fn from_conversation(conversation: &'a Value) -> Option<Self> {
        let values = nodes_of(conversation)?;
        let mut nodes: Vec<MessageNode<'a>> = values.iter().map(|(key, value)| build_node(*key, value)).collect();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (place, (key, value)) in values.iter().enumerate() {
            let message = value.get("message").and_then(|message| text_field(message, "id"));
            for id in [*key, text_field(value, "id"), message].into_iter().flatten() {
                places.entry(id).or_insert(place);
            }
        }
        let children = link_nodes(&values, &mut nodes, &places);
        let order = order_nodes(&nodes, &children);
        let current = text_field(conversation, "current_node").and_then(|id| places.get(id)).copied();
        if let Some(current) = current {
            mark_side_nodes(&mut nodes, &order, current);
        }
        Some(Self { nodes, order })
    }

    /// Returns the indexes of a node's ancestors, nearest first.
    pub(super) fn ancestor_indexes(&self, place: usize) -> impl Iterator<Item = usize> {
        let next = |place: &usize| self.nodes.get(*place).and_then(|node| node.parent);
        // A cycle ends after one round.
        std::iter::successors(next(&place), next).take(self.nodes.len())
    }
}

/// Returns the nodes with their keys. The export has a map, a list of nodes, or a list of messages.
fn nodes_of(conversation: &Value) -> Option<Vec<(Option<&str>, &Value)>> {
    if let Some(mapping) = conversation.get("mapping").and_then(Value::as_object) {
        return Some(mapping.iter().map(|(key, node)| (Some(key.as_str()), node)).collect());
    }
    let lists = ["mapping", "linear_conversation", "messages"];
    let nodes = lists.iter().find_map(|name| conversation.get(*name).and_then(Value::as_array))?;
    Some(nodes.iter().map(|node| (None, node)).collect())
}

fn build_node<'a>(key: Option<&'a str>, value: &'a Value) -> MessageNode<'a> {
    let message = match value.get("message") {
        Some(message) if message.is_object() => Some(message),
        // A list of messages, not of nodes.
        None if ["content", "author", "role"].iter().any(|name| value.get(*name).is_some()) => Some(value),
        _ => None,
    };
    let id = key.or_else(|| text_field(value, "id"));
    MessageNode { id, message, parent: None, is_side: false }
}

/// Fills in the parents and returns the children of each node.
fn link_nodes(
    values: &[(Option<&str>, &Value)],
    nodes: &mut [MessageNode<'_>],
    places: &HashMap<&str, usize>,
) -> Vec<Vec<usize>> {
    let is_linked = values.iter().any(|(_, value)| value.get("parent").is_some() || value.get("children").is_some());
    for (place, (node, (_, value))) in nodes.iter_mut().zip(values).enumerate() {
        node.parent = first_field(value, &["parent", "parent_id"])
            .and_then(|parent| places.get(parent))
            .copied()
            .or_else(|| place.checked_sub(1).filter(|_| !is_linked))
            .filter(|parent| *parent != place);
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut listed = HashSet::new();
    for (place, (_, value)) in values.iter().enumerate() {
        for child in array_field(value, "children").iter().filter_map(Value::as_str).filter_map(|id| places.get(id)) {
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

/// Orders all nodes, parents before children: first from the roots, then those that no root reaches.
fn order_nodes(nodes: &[MessageNode<'_>], children: &[Vec<usize>]) -> Vec<usize> {
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

/// Marks the nodes off the path to the current one. A part of the tree without a link to that path is not a side
/// conversation.
fn mark_side_nodes(nodes: &mut [MessageNode<'_>], order: &[usize], current: usize) {
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
        let tree = MessageTree::from_conversation(conversation).unwrap();
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
        assert!(MessageTree::from_conversation(&circle).unwrap().ancestor_indexes(0).count() <= 3);
        let without_current = json!({ "mapping": { "a": { "children": ["b", "c"] }, "b": {}, "c": {} } });
        assert_eq!(order(&without_current), "a b c");
    }

    #[test]
    fn lists_of_nodes_and_of_messages() {
        let nodes = json!({ "mapping": [{ "id": "a", "message": { "id": "m" } }, { "id": "b", "parent": "m" }] });
        assert_eq!(order(&nodes), "a b");
        let messages = json!({ "messages": [{ "id": "a", "role": "user" }, { "role": "assistant" }] });
        let tree = MessageTree::from_conversation(&messages).unwrap();
        assert_eq!((tree.nodes[1].parent, tree.nodes[1].message), (Some(0), Some(&json!({ "role": "assistant" }))));
        assert!(MessageTree::from_conversation(&json!({ "title": "x" })).is_none());
    }
}
