package main

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/build/constraint"
	"io"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

const (
	// maxTags bounds the tags of one file that are tried, maxChosen how many of them together.
	maxTags   = 8
	maxChosen = 2
)

// target is what a program is built for.
type target struct {
	os, arch string
	toolTags []string
	tags     []string
	cgo      bool
}

// hostTarget is the target that the environment names.
func hostTarget(tags []string) target {
	ours := build.Default
	return target{ours.GOOS, ours.GOARCH, ours.ToolTags, tags, ours.CgoEnabled}
}

func (t target) with(tags []string, cgo bool) target {
	t.tags = append(append([]string{}, t.tags...), tags...)
	t.cgo = t.cgo || cgo
	return t
}

func (t target) key() string {
	tags := append([]string{}, t.tags...)
	sort.Strings(tags)
	c := "-"
	if t.cgo {
		c = "c"
	}
	return strings.Join([]string{t.os, t.arch, c, strings.Join(tags, ",")}, " ")
}

// need is the least that has to change for a file to be built: tags, cgo, or another platform.
type need struct {
	Tags     []string `json:"tags"`
	Cgo      bool     `json:"cgo"`
	Platform bool     `json:"platform"`
}

// isBuilt says whether the go command builds a file for a target, by the rules of go/build itself.
func (s *source) isBuilt(t target, dir, name string) bool {
	if strings.HasSuffix(name, "_test.go") {
		return false
	}
	path := filepath.Join(dir, name)
	key := t.key() + " " + path
	if known, ok := s.built[key]; ok {
		return known
	}
	matches := s.matches(t, dir, name)
	if matches && !t.cgo && slices.Contains(s.imports(path), "C") {
		matches = false
	}
	s.built[key] = matches
	return matches
}

func (s *source) matches(t target, dir, name string) bool {
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = t.os, t.arch, t.cgo
	context.ToolTags, context.BuildTags = t.toolTags, t.tags
	context.OpenFile = func(path string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(s.text(path))), nil
	}
	matches, err := context.MatchFile(dir, name)
	return err == nil && matches
}

// split says which Go files of a folder are built for a target and which are not; tests are neither.
func (s *source) split(t target, dir string, names []string) (built, ignored []string) {
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, "_test.go"):
		case s.isBuilt(t, dir, name):
			built = append(built, name)
		default:
			ignored = append(ignored, name)
		}
	}
	return built, ignored
}

// needOf is the least that one of some files needs; nil where nothing helps.
//
// With registering, only files count that may register: others add nothing to a program.
func (s *source) needOf(t target, dir string, names []string, registering bool) *need {
	var best *need
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || registering && !s.mayRegister(filepath.Join(dir, name)) {
			continue
		}
		found := s.need(t, dir, name)
		if found != nil && (best == nil || found.less(*best)) {
			best = found
		}
	}
	return best
}

// mayRegister says whether a file registers, or imports a package only for what that does when it starts.
func (s *source) mayRegister(path string) bool {
	if bytes.Contains(s.text(path), []byte("Register")) {
		return true
	}
	head := s.head(path)
	if head == nil {
		return false
	}
	for _, each := range head.Imports {
		if each.Name != nil && each.Name.Name == "_" && each.Path.Value != `"embed"` {
			return true
		}
	}
	return false
}

func (n need) less(other need) bool {
	if n.Platform != other.Platform {
		return other.Platform
	}
	if n.size() != other.size() {
		return n.size() < other.size()
	}
	return strings.Join(n.Tags, ",") < strings.Join(other.Tags, ",")
}

func (n need) size() int {
	size := 2 * len(n.Tags)
	if n.Cgo {
		size++
	}
	return size
}

// need is what a file that is not built needs.
func (s *source) need(t target, dir, name string) *need {
	tags := s.tagsOf(dir, name)
	if found := s.takes(t, dir, name, tags); found != nil {
		return found
	}
	for _, platform := range s.platforms {
		system, arch, _ := strings.Cut(platform, "/")
		other := target{os: system, arch: arch, tags: t.tags, cgo: t.cgo}
		if s.takes(other, dir, name, tags) != nil {
			return &need{Tags: []string{}, Platform: true}
		}
	}
	return nil
}

// takes is the least of tags and cgo for which a file is built for that platform.
func (s *source) takes(t target, dir, name string, tags []string) *need {
	for count := 0; count <= maxChosen; count++ {
		for _, chosen := range choices(tags, count) {
			if s.isBuilt(t.with(chosen, false), dir, name) {
				return &need{Tags: chosen}
			}
			if !t.cgo && s.isBuilt(t.with(chosen, true), dir, name) {
				return &need{Tags: chosen, Cgo: true}
			}
		}
	}
	return nil
}

// choices are the ways to choose some of the tags, in their order.
func choices(tags []string, count int) [][]string {
	if count == 0 {
		return [][]string{{}}
	}
	var found [][]string
	for at, tag := range tags {
		for _, rest := range choices(tags[at+1:], count-1) {
			found = append(found, append([]string{tag}, rest...))
		}
	}
	return found
}

// tagsOf are the build tags that a file's constraint names: words that are no platform and nothing that Go sets.
func (s *source) tagsOf(dir, name string) []string {
	head := s.head(filepath.Join(dir, name))
	if head == nil {
		return nil
	}
	var found []string
	for _, group := range head.Comments {
		if group.Pos() > head.Package {
			break
		}
		for _, comment := range group.List {
			for _, tag := range tagsOfLine(comment) {
				if !slices.Contains(found, tag) && !s.isPlatformWord(tag) && len(found) < maxTags {
					found = append(found, tag)
				}
			}
		}
	}
	return found
}

func tagsOfLine(comment *ast.Comment) []string {
	if !constraint.IsGoBuild(comment.Text) && !constraint.IsPlusBuild(comment.Text) {
		return nil
	}
	expression, err := constraint.Parse(comment.Text)
	if err != nil {
		return nil
	}
	var found []string
	var walk func(constraint.Expr)
	walk = func(each constraint.Expr) {
		switch one := each.(type) {
		case *constraint.TagExpr:
			found = append(found, one.Tag)
		case *constraint.NotExpr:
			walk(one.X)
		case *constraint.AndExpr:
			walk(one.X)
			walk(one.Y)
		case *constraint.OrExpr:
			walk(one.X)
			walk(one.Y)
		}
	}
	walk(expression)
	return found
}

// isPlatformWord says whether Go gives a word of a constraint its meaning, or people do, so that it is no tag to set.
func (s *source) isPlatformWord(word string) bool {
	switch word {
	case "unix", "cgo", "gc", "gccgo", "ignore":
		return true
	}
	if strings.HasPrefix(word, "go1.") || strings.HasPrefix(word, "goexperiment.") {
		return true
	}
	if strings.Contains(word, "_") {
		return false
	}
	// go/build keeps its lists of systems and architectures to itself, but leaves out a file named after one.
	context := build.Context{GOOS: "none", GOARCH: "none", Compiler: "gc"}
	context.OpenFile = func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("package x\n")), nil
	}
	matches, err := context.MatchFile("", "x_"+word+".go")
	return err != nil || !matches
}
