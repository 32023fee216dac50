package main

import (
	"go/ast"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// maxTemplate bounds the text of a template that is passed on.
const maxTemplate = 256 << 10

// registers are the functions of `public/service` and `public/bloblang` that register a component, as `benthos` v3 and
// v4 and its forks name them.
var registers = regexp.MustCompile(`^(?:Must)?Register(?:Batch|Advanced)?([A-Z][A-Za-z]*?)(?:V2)?$`)

var kinds = map[string]string{
	"Input": "input", "Output": "output", "Processor": "processor", "Cache": "cache", "RateLimit": "rate-limit",
	"Buffer": "buffer", "MetricsExporter": "metric", "OtelTracerProvider": "tracer", "Scanner": "scanner",
	"ScannerCreator": "scanner", "Function": "bloblang-function", "Method": "bloblang-method",
}

// listedKinds are the words that a program's own list has for kinds: `service.Register("inputs", "x")` takes them.
var listedKinds = map[string]string{
	"inputs": "input", "outputs": "output", "processors": "processor", "caches": "cache", "rate-limits": "rate-limit",
	"buffers": "buffer", "metrics": "metric", "tracers": "tracer", "scanners": "scanner",
	"bloblang-functions": "bloblang-function", "bloblang-methods": "bloblang-method",
}

// cores are the modules that programs are made of and packages register with.
var cores = []string{
	"github.com/redpanda-data/benthos/v4", "github.com/benthosdev/benthos/v4", "github.com/Jeffail/benthos/v3",
	"github.com/warpstreamlabs/bento",
}

const template = "template"

// wrapper is a function that registers under a name it is given.
type wrapper struct {
	kind, core string
	index      int
	certain    bool
}

// program is the packages of one program that can register anything.
type program struct {
	work         int
	source       *source
	core         string
	packageNames map[string]string
	packages     map[string]*pkg
	wrappers     map[string][]wrapper
	reached      map[*body]bool
	certain      map[*body]bool
}

func newProgram(source *source, core string, packages []listedPackage) *program {
	p := &program{
		source: source, core: core, packageNames: map[string]string{}, packages: map[string]*pkg{},
		wrappers: map[string][]wrapper{}, reached: map[*body]bool{}, certain: map[*body]bool{},
	}
	for _, each := range packages {
		p.packageNames[each.Path] = each.Name
	}
	for _, each := range able(packages) {
		p.packages[each.Path] = p.read(each)
	}
	p.findWrappers()
	p.reach()
	return p
}

// able are the packages that import a core's public packages, themselves or through others: no others can register.
func able(packages []listedPackage) []listedPackage {
	byPath := map[string]listedPackage{}
	for _, each := range packages {
		byPath[each.Path] = each
	}
	known := map[string]bool{}
	var reaches func(path string) bool
	reaches = func(path string) bool {
		if coreOf(path) != "" {
			return true
		}
		if answer, ok := known[path]; ok {
			return answer
		}
		known[path] = false
		for _, imported := range byPath[path].Imports {
			if reaches(imported) {
				known[path] = true
			}
		}
		return known[path]
	}
	var found []listedPackage
	for _, each := range packages {
		for _, imported := range each.Imports {
			if reaches(imported) {
				found = append(found, each)
				break
			}
		}
	}
	return found
}

// coreOf is the core whose public package this is, or "".
func coreOf(path string) string {
	for _, core := range cores {
		if strings.HasPrefix(path, core+"/public/") {
			return core
		}
	}
	return ""
}

// registrar is the core that a call's function registers with, the word behind `Register`, and how sure that is.
func (p *program) registrar(each *ast.CallExpr, in *body) (core, word string, sure bool) {
	switch function := each.Fun.(type) {
	case *ast.Ident:
		for path := range in.pkg.dots {
			if found := coreOf(path); found != "" && registers.MatchString(function.Name) {
				return found, function.Name, true
			}
		}
	case *ast.SelectorExpr:
		word = function.Sel.Name
		if !strings.Contains(word, "Register") {
			return "", "", false
		}
		owner, ok := function.X.(*ast.Ident)
		if ok && !in.scope.isLocal(owner.Name) && in.imports[owner.Name] != "" {
			return coreOf(in.imports[owner.Name]), word, true
		}
		return p.environment(function.X, in, word)
	}
	return "", "", false
}

// environment is the core of an expression that components are registered with: the program's own for sure, one that
// is made here and no program has, or one of which nothing is known.
func (p *program) environment(expression ast.Expr, in *body, word string) (string, string, bool) {
	if name := identOf(expression); name != "" && len(in.scope.locals[name]) == 1 && !in.scope.unknown[name] {
		expression = in.scope.locals[name][0]
	} else if declared, ok := in.pkg.values[name]; ok && name != "" && declared.value != nil && !in.scope.isLocal(name) {
		expression = declared.value
	}
	made, ok := expression.(*ast.CallExpr)
	if ok {
		if function, fine := made.Fun.(*ast.SelectorExpr); fine {
			core := coreOf(in.imports[identOf(function.X)])
			switch {
			case core != "" && function.Sel.Name == "GlobalEnvironment":
				return core, word, true
			case core != "" && strings.HasPrefix(function.Sel.Name, "New"), function.Sel.Name == "Clone":
				return "", "", false
			}
		}
	}
	for _, path := range in.imports {
		if core := coreOf(path); core != "" {
			return core, word, false
		}
	}
	return "", "", false
}

// registered is the kind that a call registers and the expression of the name; "" where it registers nothing.
func (p *program) registered(each *ast.CallExpr, in *body) (kind, core string, name ast.Expr, sure bool) {
	core, word, sure := p.registrar(each, in)
	if core == "" || len(each.Args) == 0 {
		return "", "", nil, false
	}
	if strings.TrimPrefix(word, "Must") == "RegisterTemplateYAML" {
		return template, core, each.Args[0], sure
	}
	if word == "Register" && len(each.Args) == 2 {
		if listed, ok := p.names(each.Args[0], in.scope, 0); ok && len(listed) == 1 {
			return listedKinds[listed[0]], core, each.Args[1], sure
		}
		return "", "", nil, false
	}
	if match := registers.FindStringSubmatch(word); match != nil {
		return kinds[match[1]], core, each.Args[0], sure
	}
	return "", "", nil, false
}

// findWrappers looks for functions that register under a parameter, until no more are found.
func (p *program) findWrappers() {
	for again := true; again; {
		again = false
		for _, path := range p.paths() {
			for _, in := range p.packages[path].bodies {
				again = p.wraps(in) || again
			}
		}
	}
}

func (p *program) wraps(in *body) bool {
	key, more := in.pkg.listed.Path+"."+in.name, false
	if in.method || in.name == "init" {
		return false
	}
	note := func(each wrapper) {
		for _, known := range p.wrappers[key] {
			if known.kind == each.kind && known.index == each.index {
				return
			}
		}
		p.wrappers[key] = append(p.wrappers[key], each)
		more = true
	}
	for _, each := range in.calls {
		if kind, core, name, sure := p.registered(each.expr, in); kind != "" && kind != template {
			if index, ok := in.parameter(name); ok {
				note(wrapper{kind, core, index, sure && each.certain})
			}
		}
		for _, inner := range p.wrappers[in.callee(each.expr)] {
			if inner.index < len(each.expr.Args) {
				if index, ok := in.parameter(each.expr.Args[inner.index]); ok {
					note(wrapper{inner.kind, inner.core, index, inner.certain && each.certain})
				}
			}
		}
	}
	return more
}

func (b *body) parameter(expression ast.Expr) (int, bool) {
	name := identOf(expression)
	if _, ok := b.scope.locals[name]; ok || b.scope.unknown[name] {
		return 0, false
	}
	index, ok := b.scope.parameters[name]
	return index, ok
}

// callee is the function that a call calls, as a key of refs, or "".
func (b *body) callee(each *ast.CallExpr) string {
	function := each.Fun
	switch generic := function.(type) {
	case *ast.IndexExpr:
		function = generic.X
	case *ast.IndexListExpr:
		function = generic.X
	}
	switch one := function.(type) {
	case *ast.Ident:
		if !b.scope.isLocal(one.Name) {
			return b.pkg.listed.Path + "." + one.Name
		}
	case *ast.SelectorExpr:
		owner := identOf(one.X)
		if owner != "" && !b.scope.isLocal(owner) && b.imports[owner] != "" {
			return b.imports[owner] + "." + one.Sel.Name
		}
	}
	return ""
}

// reach marks the bodies that a program may run, from the init functions on, and those that each program runs.
func (p *program) reach() {
	byKey := map[string][]*body{}
	var todo []*body
	for _, path := range p.paths() {
		for _, each := range p.packages[path].bodies {
			switch {
			case each.method:
				byKey["."+each.name] = append(byKey["."+each.name], each)
			case each.name == "init":
				p.reached[each], p.certain[each] = true, true
				todo = append(todo, each)
			default:
				key := path + "." + each.name
				byKey[key] = append(byKey[key], each)
			}
		}
	}
	for len(todo) > 0 {
		each := todo[0]
		todo = todo[1:]
		for key := range each.refs {
			for _, next := range byKey[key] {
				if !p.reached[next] {
					p.reached[next] = true
					todo = append(todo, next)
				}
			}
		}
		for _, one := range each.calls {
			for _, next := range byKey[each.callee(one.expr)] {
				if one.certain && p.certain[each] && !p.certain[next] {
					p.certain[next] = true
					todo = append(todo, next)
				}
			}
		}
	}
}

func (p *program) paths() []string {
	paths := make([]string, 0, len(p.packages))
	for path := range p.packages {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths
}

// registrations are the calls of each package that register something, in the order of the source.
func (p *program) registrations() map[string][]registration {
	found := map[string][]registration{}
	for _, path := range p.paths() {
		for _, in := range p.packages[path].bodies {
			for _, each := range in.calls {
				found[path] = append(found[path], p.made(each, in)...)
			}
		}
	}
	return found
}

// made is what one call registers: by itself, or through a function that is given the name.
func (p *program) made(each call, in *body) []registration {
	var found []registration
	if kind, core, name, sure := p.registered(each.expr, in); kind == template {
		found = append(found, p.template(each, in, core, name))
	} else if kind != "" {
		if _, ok := in.parameter(name); !ok || len(p.wrappers[in.pkg.listed.Path+"."+in.name]) == 0 {
			found = append(found, p.named(each, in, kind, core, name, sure)...)
		}
	}
	for _, wrapped := range p.wrappers[in.callee(each.expr)] {
		if wrapped.index < len(each.expr.Args) {
			name := each.expr.Args[wrapped.index]
			if _, ok := in.parameter(name); !ok {
				found = append(found, p.named(each, in, wrapped.kind, wrapped.core, name, wrapped.certain)...)
			}
		}
	}
	return found
}

func (p *program) named(each call, in *body, kind, core string, name ast.Expr, sure bool) []registration {
	texts, known := p.names(name, in.scope, 0)
	if !known {
		texts = []string{""}
	}
	var found []registration
	for _, text := range texts {
		if text == "" || isName(text) {
			one := p.placed(each, in, kind, core)
			one.Name = text
			one.Certain = one.Certain && sure && text != ""
			found = append(found, one)
		}
	}
	return found
}

func (p *program) placed(each call, in *body, kind, core string) registration {
	position := p.source.set.Position(each.expr.Pos())
	function := ""
	if in.name != "init" {
		function = in.name
	}
	return registration{
		Kind: kind, File: filepath.Base(in.path), Line: position.Line, Function: function, Core: core,
		Certain: each.certain && p.certain[in], Reached: p.reached[in],
	}
}

func (p *program) template(each call, in *body, core string, name ast.Expr) registration {
	one := p.placed(each, in, template, core)
	if texts, ok := p.names(name, in.scope, 0); ok && len(texts) == 1 && len(texts[0]) <= maxTemplate {
		one.Text = texts[0]
	} else {
		one.Text = p.templateFile(name, in)
	}
	return one
}

// templateFile is the text of the file that `//go:embed` puts into the variable of a template, or "".
func (p *program) templateFile(name ast.Expr, in *body) string {
	switch each := name.(type) {
	case *ast.CallExpr: // string(bytes)
		if identOf(each.Fun) == "string" && len(each.Args) == 1 {
			return p.templateFile(each.Args[0], in)
		}
	case *ast.Ident:
		if declared, ok := in.pkg.values[each.Name]; ok && !in.scope.isLocal(each.Name) {
			return p.embedded(in.pkg, declared)
		}
		if values := in.scope.locals[each.Name]; len(values) > 0 {
			return p.templateFile(values[0], in)
		}
	}
	if read, ok := name.(*ast.CallExpr); ok && len(read.Args) == 1 { // files.ReadFile("x.yaml")
		if function, fine := read.Fun.(*ast.SelectorExpr); fine && function.Sel.Name == "ReadFile" {
			if texts, known := p.names(read.Args[0], in.scope, 0); known && len(texts) == 1 {
				return p.embeddedFile(in.pkg, texts[0])
			}
		}
	}
	return ""
}

func (p *program) embeddedFile(owner *pkg, name string) string {
	clean := filepath.Clean(filepath.FromSlash(name))
	if name == "" || !filepath.IsLocal(clean) {
		return ""
	}
	text := p.source.text(filepath.Join(owner.listed.Dir, clean))
	if len(text) > maxTemplate {
		return ""
	}
	return strings.ToValidUTF8(string(text), "?")
}
