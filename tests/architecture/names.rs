//! Which modules and crates a file names, read from its syntax tree: imports, paths, and the tokens of macros. What is
//! compiled for tests only is left out, one item at a time.

use std::collections::BTreeSet;

use quote::ToTokens as _;
use syn::visit::Visit;
use syn::{Attribute, File, Item, ItemMod, UseTree};

use super::sources::SourceFile;

/// Collects the absolute paths within the crate that a file names: `crate::store::Store` is `[store, Store]`.
pub(crate) fn of(file: &SourceFile) -> &BTreeSet<Vec<String>> {
    &file.paths.get_or_init(|| visit(file)).inner
}

/// Collects the first segments of all paths that do not begin in the crate.
pub(crate) fn external(file: &SourceFile) -> &BTreeSet<String> {
    &file.paths.get_or_init(|| visit(file)).outer
}

/// Returns the tokens of a file with single spaces between them, without comments and tests.
pub(crate) fn code_without_tests(file: &SourceFile) -> String {
    let lines = file.text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut tree = parse(&SourceFile::new(&file.path, &lines.collect::<Vec<_>>().join("\n")));
    tree.items.retain(|item| !is_of_tests(attributes(item)));
    tree.into_token_stream().to_string()
}

/// Returns the paths of files that a file declares for tests only.
pub(crate) fn files_of_tests(file: &SourceFile) -> Vec<String> {
    let folder = if file.path.ends_with("/mod.rs") || file.path.matches('/').count() == 1 {
        file.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
    } else {
        file.path.trim_end_matches(".rs").to_owned()
    };
    let beside = file.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut found = Vec::new();
    for item in parse(file).items {
        let Item::Mod(ItemMod { attrs, ident, content: None, .. }) = item else { continue };
        if is_of_tests(&attrs) {
            let named = attrs.iter().find(|attribute| attribute.path().is_ident("path"));
            let named = named.map(|attribute| attribute.meta.to_token_stream().to_string());
            match named.as_deref().and_then(|text| text.split('"').nth(1)) {
                Some(name) => found.push(format!("{beside}/{name}")),
                None => found.extend([format!("{folder}/{ident}.rs"), format!("{folder}/{ident}/mod.rs")]),
            }
        }
    }
    found
}

/// Returns true if a file is part of the program only with a feature: it, or a folder that it is in, is declared under
/// `#[cfg(feature = …)]`, or is replaced by another file without the feature.
pub(crate) fn is_brought_by(files: &[SourceFile], file: &SourceFile, feature: &str) -> bool {
    let gates = [format!("cfg(feature=\"{feature}\")"), format!("cfg_attr(not(feature=\"{feature}\"),path=")];
    let is_gate = |attribute: &Attribute| {
        let text = attribute.meta.to_token_stream().to_string().replace(' ', "");
        gates.iter().any(|gate| text.starts_with(gate.as_str()))
    };
    let own = file.module_path();
    (1..own.len()).any(|depth| {
        let (parent, rest) = own.split_at(depth);
        let declares = |item: &Item| {
            matches!(item, Item::Mod(item) if rest.first().is_some_and(|name| item.ident == *name) && item.attrs.iter().any(is_gate))
        };
        files.iter().filter(|face| face.module_path() == parent).any(|face| parse(face).items.iter().any(declares))
    })
}

fn parse(file: &SourceFile) -> File {
    syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path))
}

fn visit(file: &SourceFile) -> NamedPaths {
    let mut paths = NamedPaths { module: file.module_path(), ..NamedPaths::default() };
    paths.visit_file(&parse(file));
    paths
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.meta.to_token_stream().to_string().replace(' ', "") == "cfg(test)"
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The paths of a file, apart by whether they begin in the crate.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamedPaths {
    /// The module that is being read, from the root of the crate.
    module: Vec<String>,
    inner: BTreeSet<Vec<String>>,
    outer: BTreeSet<String>,
}

impl NamedPaths {
    /// Adds a path as it is written.
    fn add(&mut self, segments: &[String]) {
        let Some(first) = segments.first() else { return };
        let ups = segments.iter().take_while(|segment| *segment == "super").count();
        if first == "crate" {
            self.inner.insert(segments.iter().skip(1).cloned().collect());
        } else if ups > 0 {
            let kept = self.module.len().saturating_sub(ups);
            let base = self.module.iter().take(kept).cloned();
            self.inner.insert(base.chain(segments.iter().skip(ups).cloned()).collect());
        } else if first == "self" {
            self.inner.insert(self.module.iter().cloned().chain(segments.iter().skip(1).cloned()).collect());
        } else {
            self.outer.insert(first.clone());
        }
    }

    fn add_tree(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_tree(&path.tree, before);
                before.pop();
            }
            UseTree::Name(name) => self.add_leaf(&name.ident.to_string(), before),
            UseTree::Rename(rename) => self.add_leaf(&rename.ident.to_string(), before),
            UseTree::Glob(_) => self.add(&before.clone()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(tree, before)),
        }
    }

    fn add_leaf(&mut self, name: &str, before: &[String]) {
        let leaf = (name != "self").then(|| name.to_owned());
        self.add(&before.iter().cloned().chain(leaf).collect::<Vec<_>>());
    }

    /// Adds the paths in the tokens of a macro, which have no syntax tree.
    fn add_tokens(&mut self, tokens: &str) {
        let words: Vec<&str> = tokens.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            let is_start = words.get(at + 1) == Some(&"::") && (at == 0 || words.get(at - 1) != Some(&"::"));
            if is_start && word.chars().all(|c| c.is_alphanumeric() || c == '_') {
                let names = words.get(at..).unwrap_or(&[]).chunks(2);
                let path = names.scan(true, |goes_on, pair| {
                    let goes = *goes_on;
                    *goes_on = pair.get(1) == Some(&"::");
                    goes.then(|| pair.first().map_or_else(String::new, |name| (*name).to_owned()))
                });
                self.add(&path.collect::<Vec<_>>());
            }
        }
    }
}

impl<'ast> Visit<'ast> for NamedPaths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_of_tests(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        if item.content.is_some() {
            self.module.push(name);
            syn::visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.add(&segments);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.add_tokens(&called.tokens.to_string());
        syn::visit::visit_macro(self, called);
    }
}
