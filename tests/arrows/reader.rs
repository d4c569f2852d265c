//! Reads the modules of the crate from their files, without what only tests have.

use super::modules::{Crate, File, Module, Named, Texts};
use std::collections::BTreeMap;
use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

/// Reads a file, and the files of the modules that it declares; answers its module.
pub(super) fn read_file(tree: &mut Crate, texts: &Texts, name: &str, parent: Option<usize>, private: bool) -> usize {
    let text = texts.get(name).unwrap_or_else(|| panic!("no file {name}"));
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("src/{name}: {error}"));
    let passes_on = |item: &Item| match item {
        Item::Mod(inner) => inner.content.is_none() || is_test(&inner.attrs),
        item => matches!(item, Item::Use(_)),
    };
    let file = tree.files.len();
    tree.files.push(File {
        name: name.to_owned(),
        length: text.lines().count(),
        passes_on: parsed.items.iter().all(passes_on),
        private_child_of: parent.filter(|_| private).map(|parent| tree.modules[parent].file),
    });
    let stem = name.trim_end_matches(".rs");
    let outer = ["mod", "lib", "main"].into_iter().find_map(|own| stem.strip_suffix(own));
    let folder = match outer {
        Some(outer) if outer.is_empty() || outer.ends_with('/') => outer.to_owned(),
        _ => format!("{stem}/"),
    };
    read_items(tree, texts, file, parent, folder, &parsed.items)
}

/// Reads the items of a module.
fn read_items(
    tree: &mut Crate,
    texts: &Texts,
    file: usize,
    parent: Option<usize>,
    folder: String,
    items: &[Item],
) -> usize {
    let module = tree.modules.len();
    tree.modules.push(Module {
        file,
        parent,
        inner: BTreeMap::new(),
        items: items.iter().filter_map(name_of).collect(),
        imports: Vec::new(),
        globs: Vec::new(),
    });
    let mut reader = Reader { tree, texts, module, folder };
    for item in items {
        reader.visit_item(item);
    }
    module
}

/// Reads one module.
struct Reader<'a> {
    tree: &'a mut Crate,
    texts: &'a Texts,
    module: usize,
    /// The folder of the modules that it declares, with its slash.
    folder: String,
}

impl Reader<'_> {
    fn skip(&mut self, node: &impl syn::spanned::Spanned) {
        let span = node.span();
        let file = self.tree.modules[self.module].file;
        let lines = span.end().line + 1 - span.start().line;
        let length = &mut self.tree.files[file].length;
        *length = length.saturating_sub(lines);
    }

    fn named(&mut self, line: usize, names: Vec<String>, all: bool) {
        self.tree.paths.push(Named { module: self.module, line, names, all });
    }

    fn use_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| {
            // `{self}` is the module itself
            let further = (*name != "self" || before.is_empty()).then(|| name.to_string());
            before.iter().cloned().chain(further).collect::<Vec<_>>()
        };
        let (ident, known) = match tree {
            UseTree::Path(path) => return self.use_tree(&with(&path.ident), &path.tree),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.use_tree(before, tree)),
            UseTree::Glob(glob) => {
                self.named(line_of(glob), before.to_vec(), true);
                return self.tree.modules[self.module].globs.push(before.to_vec());
            }
            UseTree::Name(name) => (&name.ident, None),
            UseTree::Rename(rename) => (&rename.ident, Some(rename.rename.to_string())),
        };
        let path = with(ident);
        let known = known.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
        self.named(line_of(ident), path.clone(), false);
        self.tree.modules[self.module].imports.push((known, path));
    }

    /// The paths in the text that a macro or an attribute gets: names with `::` between, and `{…}` behind.
    fn tokens(&mut self, before: &[String], tokens: proc_macro2::TokenStream) {
        use proc_macro2::TokenTree::{Group, Ident, Punct};
        let is = |token: Option<&proc_macro2::TokenTree>, c: char| matches!(token, Some(Punct(punct)) if punct.as_char() == c);
        let mut rest = tokens.into_iter().peekable();
        let mut path: Vec<String> = before.to_vec();
        while let Some(token) = rest.next() {
            match token {
                Ident(name) => {
                    path.push(name.to_string());
                    let line = name.span().start().line;
                    if is(rest.peek(), ':') {
                        rest.next();
                        if is(rest.peek(), ':') {
                            rest.next();
                            if matches!(rest.peek(), Some(Ident(_))) {
                                continue;
                            }
                            if let Some(Group(group)) = rest.peek() {
                                let group = group.stream();
                                rest.next();
                                self.tokens(&std::mem::replace(&mut path, before.to_vec()), group);
                                continue;
                            }
                        }
                    } else if is(rest.peek(), '!') {
                        path.last_mut().unwrap().push('!');
                    }
                    let path = std::mem::replace(&mut path, before.to_vec());
                    if path.len() > 1 || path[0].ends_with('!') {
                        self.named(line, path, false);
                    }
                }
                Group(group) => self.tokens(&[], group.stream()),
                _ => path = before.to_vec(),
            }
        }
    }
}

/// What only tests have is not visited, and its lines do not count.
macro_rules! without_tests {
    ($($visit:ident $node:ident,)*) => { $(
        fn $visit(&mut self, node: &'ast syn::$node) {
            if is_test(&node.attrs) {
                self.skip(node);
            } else {
                visit::$visit(self, node);
            }
        }
    )* };
}

impl<'ast> Visit<'ast> for Reader<'_> {
    without_tests! {
        visit_item_const ItemConst, visit_item_enum ItemEnum, visit_item_fn ItemFn, visit_item_impl ItemImpl,
        visit_item_macro ItemMacro, visit_item_static ItemStatic, visit_item_struct ItemStruct,
        visit_item_trait ItemTrait, visit_item_type ItemType, visit_impl_item_const ImplItemConst,
        visit_impl_item_fn ImplItemFn, visit_trait_item_fn TraitItemFn, visit_field Field, visit_variant Variant,
        visit_arm Arm, visit_local Local, visit_expr_block ExprBlock, visit_stmt_macro StmtMacro,
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        if is_test(&node.attrs) {
            return self.skip(node);
        }
        node.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        let name = node.ident.to_string();
        let folder = format!("{}{name}", self.folder);
        let inner = if let Some((_, items)) = &node.content {
            let file = self.tree.modules[self.module].file;
            read_items(self.tree, self.texts, file, Some(self.module), format!("{folder}/"), items)
        } else {
            let flat = format!("{folder}.rs");
            let file = if self.texts.contains_key(&flat) { flat } else { format!("{folder}/mod.rs") };
            let private = matches!(node.vis, Visibility::Inherited);
            read_file(self.tree, self.texts, &file, Some(self.module), private)
        };
        self.tree.modules[self.module].inner.insert(name, inner);
    }

    fn visit_item_use(&mut self, node: &'ast syn::ItemUse) {
        if is_test(&node.attrs) {
            self.skip(node);
        } else if node.leading_colon.is_none() {
            self.use_tree(&[], &node.tree);
        } else {
            // `::name` is another crate
            self.use_tree(&[String::new()], &node.tree);
        }
    }

    fn visit_path(&mut self, node: &'ast syn::Path) {
        if node.segments.len() > 1 && node.leading_colon.is_none() {
            let names = node.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.named(line_of(node), names, false);
        }
        visit::visit_path(self, node);
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        let mut names: Vec<String> = node.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        names.last_mut().unwrap().push('!');
        self.named(line_of(&node.path), names, false);
        self.tokens(&[], node.tokens.clone());
    }

    fn visit_meta_list(&mut self, node: &'ast syn::MetaList) {
        self.tokens(&[], node.tokens.clone());
        visit::visit_meta_list(self, node);
    }

    /// `pub(in crate::x)` says who may use it and uses nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

fn line_of(node: &impl syn::spanned::Spanned) -> usize {
    node.span().start().line
}

/// Whether attributes make something a part of the tests: `#[cfg(test)]`, `#[cfg(all(test, …))]`.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    let is_test = |list: &syn::MetaList| {
        let text = list.tokens.to_string();
        let all = text.strip_prefix("all").map(|rest| rest.trim_matches([' ', '(', ')']));
        list.path.is_ident("cfg") && all.unwrap_or(&text).split(',').any(|part| part.trim() == "test")
    };
    attributes.iter().any(|attribute| attribute.meta.require_list().is_ok_and(is_test))
}

/// The name that an item defines, if it is no module.
fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
