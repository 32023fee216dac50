package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// maxFile bounds the bytes of a file that is read; generated tables can be larger and register nothing.
const maxFile = 4_000_000

// maxDepth bounds how deep brackets may nest in a file that is parsed: syntax trees are walked by recursion.
const maxDepth = 2_000

// source reads and parses files once.
type source struct {
	set       *token.FileSet
	platforms []string
	texts     map[string][]byte
	heads     map[string]*ast.File
	files     map[string]*ast.File
	built     map[string]bool
	packages  map[string]*pkg
	problems  map[string]problem
}

func newSource(platforms []string) *source {
	return &source{
		set:       token.NewFileSet(),
		platforms: platforms,
		texts:     map[string][]byte{},
		heads:     map[string]*ast.File{},
		files:     map[string]*ast.File{},
		built:     map[string]bool{},
		packages:  map[string]*pkg{},
		problems:  map[string]problem{},
	}
}

// text is a regular file's text, or nil; where the reason may be the file itself it is a problem.
func (s *source) text(path string) []byte {
	if text, ok := s.texts[path]; ok {
		return text
	}
	text, err := readRegular(path)
	if err != nil {
		s.note(problem{File: path, Line: 1, Column: 1, Message: err.Error()})
	}
	s.texts[path] = text
	return text
}

func readRegular(path string) ([]byte, error) {
	// Opening a pipe would wait for a writer.
	info, err := os.Lstat(path)
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxFile)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	return text, nil
}

// head is a file up to its imports, with the comments above them; nil where it is not Go.
func (s *source) head(path string) *ast.File {
	if file, ok := s.heads[path]; ok {
		return file
	}
	file, _ := parser.ParseFile(s.set, path, s.text(path), parser.ImportsOnly|parser.ParseComments)
	if file != nil && file.Name == nil {
		file = nil
	}
	s.heads[path] = file
	return file
}

// file is a whole file's syntax, as far as it could be parsed; nil where it could not at all.
func (s *source) file(path string) *ast.File {
	if file, ok := s.files[path]; ok {
		return file
	}
	text := s.text(path)
	var file *ast.File
	var err error
	if tooDeep(text) {
		err = fmt.Errorf("it nests deeper than %d brackets", maxDepth)
	} else {
		file, err = parser.ParseFile(s.set, path, text, parser.SkipObjectResolution|parser.ParseComments)
	}
	if err != nil && len(text) > 0 {
		s.noteParse(path, err)
	}
	s.files[path] = file
	return file
}

// tooDeep counts brackets wherever they stand: also in texts, where so many of them never are.
func tooDeep(text []byte) bool {
	depth, deepest := 0, 0
	for _, each := range text {
		switch each {
		case '(', '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return deepest > maxDepth || bytes.Count(text, []byte("+")) > 100_000
}

func (s *source) noteParse(path string, err error) {
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		s.note(problem{path, list[0].Pos.Line, list[0].Pos.Column, list[0].Msg})
		return
	}
	s.note(problem{path, 1, 1, err.Error()})
}

func (s *source) note(each problem) {
	if len(s.problems) < maxProblems {
		each.Message = strings.ToValidUTF8(each.Message[:min(len(each.Message), 300)], "?")
		s.problems[each.File] = each
	}
}

func (s *source) sortedProblems() []problem {
	found := make([]problem, 0, len(s.problems))
	for _, each := range s.problems {
		found = append(found, each)
	}
	sort.Slice(found, func(a, b int) bool { return found[a].File < found[b].File })
	return found
}

// imports are the import paths of a file.
func (s *source) imports(path string) []string {
	head := s.head(path)
	if head == nil {
		return nil
	}
	var found []string
	for _, each := range head.Imports {
		if text, err := strconv.Unquote(each.Path.Value); err == nil {
			found = append(found, text)
		}
	}
	return found
}

// exported are the names that a file declares for other packages, methods aside.
func (s *source) exported(path string) map[string]bool {
	found := map[string]bool{}
	file := s.file(path)
	if file == nil {
		return found
	}
	add := func(name *ast.Ident) {
		if name != nil && name.IsExported() {
			found[name.Name] = true
		}
	}
	for _, each := range file.Decls {
		switch declared := each.(type) {
		case *ast.FuncDecl:
			if declared.Recv == nil {
				add(declared.Name)
			}
		case *ast.GenDecl:
			for _, spec := range declared.Specs {
				switch one := spec.(type) {
				case *ast.TypeSpec:
					add(one.Name)
				case *ast.ValueSpec:
					for _, name := range one.Names {
						add(name)
					}
				}
			}
		}
	}
	return found
}

// lost are the names that a package would offer with cgo and does not without it.
func (s *source) lost(base target, each listedPackage) []string {
	if base.cgo {
		return nil
	}
	lost := map[string]bool{}
	for _, name := range each.Ignored {
		if s.isBuilt(base.with(nil, true), each.Dir, name) {
			for exported := range s.exported(filepath.Join(each.Dir, name)) {
				lost[exported] = true
			}
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for _, name := range each.Files {
		for exported := range s.exported(filepath.Join(each.Dir, name)) {
			delete(lost, exported)
		}
	}
	return sorted(lost)
}

// usersOfName are the paths of the packages that take a name from a package.
func (s *source) usersOfName(owner listedPackage, name string, users []listedPackage) []string {
	found := map[string]bool{}
	for _, user := range users {
		for _, file := range user.Files {
			if s.uses(filepath.Join(user.Dir, file), owner, name) {
				found[user.Path] = true
			}
		}
	}
	return sorted(found)
}

func (s *source) uses(path string, owner listedPackage, name string) bool {
	if !slices.Contains(s.imports(path), owner.Path) {
		return false
	}
	file := s.file(path)
	if file == nil {
		return false
	}
	alias := ""
	for local, imported := range importNames(file, map[string]string{owner.Path: owner.Name}) {
		if imported == owner.Path {
			alias = local
		}
	}
	used := false
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok && selector.Sel.Name == name {
			left, ok := selector.X.(*ast.Ident)
			used = used || ok && left.Name == alias
		}
		return !used
	})
	return used
}

// importNames are the import paths of a file by the names that it gives them; "." and "_" are none.
func importNames(file *ast.File, names map[string]string) map[string]string {
	found := map[string]string{}
	for _, each := range file.Imports {
		path, err := strconv.Unquote(each.Path.Value)
		if err != nil {
			continue
		}
		name := names[path]
		if name == "" {
			name = guessName(path)
		}
		if each.Name != nil {
			name = each.Name.Name
		}
		if name != "_" && name != "." {
			found[name] = path
		}
	}
	return found
}

// guessName is the name that a package of that path most often has.
func guessName(path string) string {
	parts := strings.Split(path, "/")
	last := parts[len(parts)-1]
	if len(parts) > 1 && len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		last = parts[len(parts)-2]
	}
	return last
}
