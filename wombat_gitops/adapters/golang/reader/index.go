package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// componentsFolder is where a module has the packages that register; one without it may have them anywhere.
const componentsFolder = "public/components"

const servicePackage = "/public/service"

// provider is a package in one form: the tags and C that it is built with, and what it registers then.
//
// Sources are the files that it and what it imports of its own module are built of, by their path in the module.
type provider struct {
	Package       string         `json:"package"`
	Module        string         `json:"module"`
	Tags          []string       `json:"tags"`
	Cgo           bool           `json:"cgo"`
	Registrations []registration `json:"registrations"`
	Sources       []string       `json:"sources"`
}

// index finds the packages of some modules and what they register.
type index struct {
	source  *source
	core    string
	modules []listedModule
	folders map[string][]string
}

func newIndex(source *source, core string, modules []listedModule) *index {
	return &index{source: source, core: core, modules: modules, folders: map[string][]string{}}
}

// providers are the packages that register something, in their plain form and in each that registers more.
func (x *index) providers(base target) []provider {
	found := []provider{}
	for _, module := range x.modules {
		for _, path := range x.packages(module) {
			plain := x.provider(path, module, base)
			if plain != nil && len(plain.Registrations) > 0 {
				found = append(found, *plain)
			}
			for _, wider := range x.wider(path, base) {
				more := x.provider(path, module, wider)
				if more != nil && adds(plain, more) {
					found = append(found, *more)
				}
			}
		}
	}
	return found
}

func adds(plain, more *provider) bool {
	known := map[string]bool{}
	if plain != nil {
		for _, each := range plain.Registrations {
			known[each.Kind+" "+each.Name+each.Text] = true
		}
	}
	for _, each := range more.Registrations {
		if !known[each.Kind+" "+each.Name+each.Text] {
			return true
		}
	}
	return false
}

// provider is a package for a target; nil where it is none that a program can import.
func (x *index) provider(path string, module listedModule, t target) *provider {
	around := x.closure(path, t)
	own, ok := around[path]
	if !ok || own.Name == "main" {
		return nil
	}
	service := x.closure(x.core+servicePackage, t)
	var packages []listedPackage
	for _, each := range around {
		if _, inside := service[each.Path]; !inside {
			packages = append(packages, each)
		}
	}
	sort.Slice(packages, func(a, b int) bool { return packages[a].Path < packages[b].Path })
	made := &provider{Package: path, Module: module.Path, Tags: t.tags, Cgo: t.cgo, Registrations: []registration{}}
	if made.Tags == nil {
		made.Tags = []string{}
	}
	program := newProgram(x.source, x.core, packages)
	registrations := program.registrations()
	for _, each := range packages {
		for _, one := range registrations[each.Path] {
			if one.Reached {
				made.Registrations = append(made.Registrations, one)
			}
		}
		if inModule(each.Path, module) {
			for _, name := range each.Files {
				relative, err := filepath.Rel(module.Dir, filepath.Join(each.Dir, name))
				if err == nil {
					made.Sources = append(made.Sources, filepath.ToSlash(relative))
				}
			}
		}
	}
	return made
}

func inModule(path string, module listedModule) bool {
	return path == module.Path || strings.HasPrefix(path, module.Path+"/")
}

// wider are the targets with more tags or cgo for which files of a package, or of what it imports, are built.
func (x *index) wider(path string, t target) []target {
	found := map[string]target{}
	for _, each := range x.closure(path, t) {
		for _, name := range each.Ignored {
			if more := x.source.takes(t, each.Dir, name, x.source.tagsOf(each.Dir, name)); more != nil {
				wider := t.with(more.Tags, more.Cgo)
				found[wider.key()] = wider
			}
		}
	}
	keys := map[string]bool{}
	for key := range found {
		keys[key] = true
	}
	targets := make([]target, 0, len(found))
	for _, key := range sorted(keys) {
		targets = append(targets, found[key])
	}
	return targets
}

// closure is a package and what it imports, as far as it is in these modules.
func (x *index) closure(path string, t target) map[string]listedPackage {
	found := map[string]listedPackage{}
	rest := []string{path}
	for len(rest) > 0 {
		each := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		if _, known := found[each]; known {
			continue
		}
		listed, ok := x.listed(each, t)
		if !ok {
			continue
		}
		found[each] = listed
		rest = append(rest, listed.Imports...)
	}
	return found
}

func (x *index) listed(path string, t target) (listedPackage, bool) {
	owner := listedModule{}
	for _, module := range x.modules {
		if inModule(path, module) && len(module.Path) > len(owner.Path) {
			owner = module
		}
	}
	if owner.Path == "" {
		return listedPackage{}, false
	}
	dir := filepath.Join(owner.Dir, filepath.FromSlash(strings.TrimPrefix(path, owner.Path)))
	names := x.goFiles(dir)
	if len(names) == 0 {
		return listedPackage{}, false
	}
	listed := listedPackage{Path: path, Dir: dir}
	listed.Files, listed.Ignored = x.source.split(t, dir, names)
	imports := map[string]bool{}
	for _, name := range listed.Files {
		file := filepath.Join(dir, name)
		for _, imported := range x.source.imports(file) {
			imports[imported] = true
		}
		if head := x.source.head(file); head != nil && listed.Name == "" {
			listed.Name = head.Name.Name
		}
	}
	listed.Imports = sorted(imports)
	return listed, true
}

func (x *index) goFiles(dir string) []string {
	if known, ok := x.folders[dir]; ok {
		return known
	}
	var names []string
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".go") && entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	x.folders[dir] = names
	return names
}

// packages are the import paths of a module's packages that a program may import: those below its folder for
// components, or all where it has none.
func (x *index) packages(module listedModule) []string {
	root := filepath.Join(module.Dir, filepath.FromSlash(componentsFolder))
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		root = module.Dir
	}
	var found []string
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		name := entry.Name()
		if path != root && (name == "internal" || name == "testdata" || name == "vendor" || strings.IndexAny(name, "._") == 0) {
			return fs.SkipDir
		}
		if relative, err := filepath.Rel(module.Dir, path); err == nil && len(x.goFiles(path)) > 0 {
			found = append(found, strings.TrimSuffix(module.Path+"/"+filepath.ToSlash(relative), "/."))
		}
		return nil
	})
	sort.Strings(found)
	return found
}
