package main

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// value is a constant or variable of a package.
type value struct {
	value    ast.Expr
	imports  map[string]string
	comments []string
}

// body is a function, or what a file's variables are initialised with.
type body struct {
	pkg     *pkg
	path    string // of its file
	name    string
	method  bool
	imports map[string]string
	params  []string
	node    ast.Node
	scope   *scope
	calls   []call
	refs    map[string]bool // functions it names: `path.Name`, and `.Name` for methods
}

// call is one call of a function, with whether each run of the body around it makes it.
type call struct {
	expr    *ast.CallExpr
	certain bool
}

// pkg is the syntax of one package.
type pkg struct {
	listed   listedPackage
	values   map[string]value
	assigned map[string]bool
	bodies   []*body
	dots     map[string]bool // packages whose names are taken without a prefix
}

func (p *program) read(listed listedPackage) *pkg {
	key := listed.Path + " " + strings.Join(listed.Files, " ")
	if known, ok := p.source.packages[key]; ok {
		return known
	}
	found := &pkg{listed: listed, values: map[string]value{}, assigned: map[string]bool{}, dots: map[string]bool{}}
	for _, name := range listed.Files {
		path := filepath.Join(listed.Dir, name)
		if file := p.source.file(path); file != nil {
			p.readFile(found, path, file)
		}
	}
	p.source.packages[key] = found
	return found
}

func (p *program) readFile(found *pkg, path string, file *ast.File) {
	imports := importNames(file, p.packageNames)
	for _, each := range file.Imports {
		if each.Name != nil && each.Name.Name == "." {
			if text, err := strconv.Unquote(each.Path.Value); err == nil {
				found.dots[text] = true
			}
		}
	}
	for _, each := range file.Decls {
		switch declared := each.(type) {
		case *ast.FuncDecl:
			if declared.Body != nil {
				found.bodies = append(found.bodies, p.readBody(found, path, imports, declared))
			}
		case *ast.GenDecl:
			if declared.Tok == token.CONST || declared.Tok == token.VAR {
				p.readValues(found, path, imports, declared)
			}
		}
	}
	for name := range assignedGlobals(file) {
		found.assigned[name] = true
	}
}

func (p *program) readValues(found *pkg, path string, imports map[string]string, declared *ast.GenDecl) {
	for _, spec := range declared.Specs {
		one, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		comments := commentsOf(one.Doc)
		if len(declared.Specs) == 1 {
			comments = append(comments, commentsOf(declared.Doc)...)
		}
		for at, name := range one.Names {
			kept := value{imports: imports, comments: comments}
			if len(one.Values) == len(one.Names) {
				kept.value = one.Values[at]
			}
			found.values[name.Name] = kept
		}
		for _, initial := range one.Values {
			each := &body{pkg: found, path: path, name: "init", imports: imports, node: initial}
			found.bodies = append(found.bodies, each)
			p.fill(each)
		}
	}
}

func (p *program) readBody(found *pkg, path string, imports map[string]string, declared *ast.FuncDecl) *body {
	each := &body{
		pkg: found, path: path, name: declared.Name.Name, method: declared.Recv != nil, imports: imports,
		node: declared.Body,
	}
	for _, field := range declared.Type.Params.List {
		for _, name := range field.Names {
			each.params = append(each.params, name.Name)
		}
		if len(field.Names) == 0 {
			each.params = append(each.params, "_")
		}
	}
	p.fill(each)
	return each
}

// fill finds the calls of a body, what its names mean, and which functions it names.
func (p *program) fill(each *body) {
	each.refs = map[string]bool{}
	each.scope = &scope{
		pkg: each.pkg, imports: each.imports, parameters: map[string]int{},
		locals: map[string][]ast.Expr{}, ranges: map[string][]ast.Expr{}, unknown: map[string]bool{},
	}
	for at, name := range each.params {
		each.scope.parameters[name] = at
	}
	walker := &walker{program: p, body: each}
	walker.walk(each.node, true)
	// Blocks are not told apart: a local name that the package or a parameter has too may mean either of them.
	for _, names := range []map[string][]ast.Expr{each.scope.locals, each.scope.ranges} {
		for name := range names {
			_, global := each.pkg.values[name]
			_, parameter := each.scope.parameters[name]
			each.scope.unknown[name] = each.scope.unknown[name] || global || parameter
		}
	}
}

// walker goes through a body in the order of the source.
type walker struct {
	program *program
	body    *body
	left    bool // a return was passed: what follows may not run
}

func (w *walker) walk(node ast.Node, certain bool) {
	ast.Inspect(node, func(each ast.Node) bool {
		switch one := each.(type) {
		case *ast.IfStmt:
			w.optional(one.Init, certain)
			w.walk(one.Cond, certain)
			w.walk(one.Body, false)
			w.optional(one.Else, false)
			return false
		case *ast.ForStmt:
			w.optional(one.Init, certain)
			if one.Cond != nil {
				w.walk(one.Cond, certain)
			}
			w.optional(one.Post, false)
			w.walk(one.Body, false)
			return false
		case *ast.RangeStmt:
			w.walk(one.X, certain)
			w.walk(one.Body, w.ranges(one) && certain)
			return false
		case *ast.CaseClause, *ast.CommClause:
			if certain {
				w.walkChildren(each)
				return false
			}
		case *ast.FuncLit:
			inner := &walker{program: w.program, body: w.body}
			w.unknown(one.Type)
			inner.walk(one.Body, false)
			return false
		case *ast.CallExpr:
			return w.call(one, certain)
		case *ast.BinaryExpr:
			if one.Op == token.LAND || one.Op == token.LOR {
				w.walk(one.X, certain)
				w.walk(one.Y, false)
				return false
			}
		case *ast.ReturnStmt:
			for _, result := range one.Results {
				w.walk(result, certain)
			}
			w.left = true
			return false
		case *ast.BranchStmt:
			w.left = true
		case *ast.GoStmt: // the program may be asked before it has run
			w.walk(one.Call, false)
			return false
		case *ast.UnaryExpr:
			if name := identOf(one.X); one.Op == token.AND && name != "" {
				w.body.scope.unknown[name] = w.body.scope.unknown[name] || w.body.scope.isLocal(name)
			}
		case *ast.AssignStmt:
			w.assign(one)
		case *ast.ValueSpec:
			w.declare(one)
		case *ast.Ident:
			w.refer(one)
		case *ast.SelectorExpr:
			w.referTo(one)
		}
		return true
	})
}

func (w *walker) walkChildren(node ast.Node) {
	switch one := node.(type) {
	case *ast.CaseClause:
		for _, each := range one.List {
			w.walk(each, false)
		}
		for _, each := range one.Body {
			w.walk(each, false)
		}
	case *ast.CommClause:
		w.optional(one.Comm, false)
		for _, each := range one.Body {
			w.walk(each, false)
		}
	}
}

func (w *walker) optional(node ast.Stmt, certain bool) {
	if node != nil {
		w.walk(node, certain)
	}
}

// call notes a call; a function literal that is called where it stands runs with what is around it.
func (w *walker) call(each *ast.CallExpr, certain bool) bool {
	w.body.calls = append(w.body.calls, call{each, certain && !w.left})
	literal, ok := each.Fun.(*ast.FuncLit)
	if !ok {
		return true
	}
	inner := &walker{program: w.program, body: w.body, left: w.left}
	w.unknown(literal.Type)
	inner.walk(literal.Body, certain)
	for _, argument := range each.Args {
		w.walk(argument, certain)
	}
	return false
}

// ranges notes the variables of a loop over a literal; says whether its body surely runs once for each element.
func (w *walker) ranges(each *ast.RangeStmt) bool {
	literal, ok := each.X.(*ast.CompositeLit)
	key, second := identOf(each.Key), identOf(each.Value)
	if !ok || len(literal.Elts) == 0 {
		w.body.scope.unknown[key], w.body.scope.unknown[second] = true, true
		return false
	}
	_, isMap := literal.Type.(*ast.MapType)
	var keys, values []ast.Expr
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			keys, values = append(keys, pair.Key), append(values, pair.Value)
		} else {
			values = append(values, element)
		}
	}
	if second != "" {
		w.put(second, values)
	}
	if key != "" && isMap {
		w.put(key, keys)
	} else if key != "" {
		w.body.scope.unknown[key] = true
	}
	return true
}

func (w *walker) put(name string, values []ast.Expr) {
	if _, ok := w.body.scope.ranges[name]; ok { // two loops with one name
		w.body.scope.unknown[name] = true
	}
	w.body.scope.ranges[name] = values
}

func (w *walker) assign(each *ast.AssignStmt) {
	for at, left := range each.Lhs {
		name := identOf(left)
		switch {
		case name == "" || name == "_":
		case each.Tok != token.DEFINE && !w.body.scope.isLocal(name): // a variable of the package, see assignedGlobals
		case len(each.Lhs) == len(each.Rhs) && (each.Tok == token.DEFINE || each.Tok == token.ASSIGN):
			w.body.scope.locals[name] = append(w.body.scope.locals[name], each.Rhs[at])
		default:
			w.body.scope.unknown[name] = true
		}
	}
}

func (w *walker) declare(each *ast.ValueSpec) {
	for at, name := range each.Names {
		if len(each.Values) == len(each.Names) {
			w.body.scope.locals[name.Name] = append(w.body.scope.locals[name.Name], each.Values[at])
		} else {
			w.body.scope.unknown[name.Name] = true
		}
	}
}

func (w *walker) unknown(signature *ast.FuncType) {
	for _, field := range signature.Params.List {
		for _, name := range field.Names {
			w.body.scope.unknown[name.Name] = true
		}
	}
}

func (w *walker) refer(each *ast.Ident) {
	w.body.refs[w.body.pkg.listed.Path+"."+each.Name] = true
	for path := range w.body.pkg.dots {
		w.body.refs[path+"."+each.Name] = true
	}
}

func (w *walker) referTo(each *ast.SelectorExpr) {
	if owner, ok := each.X.(*ast.Ident); ok {
		if path := w.body.imports[owner.Name]; path != "" {
			w.body.refs[path+"."+each.Sel.Name] = true
		}
	}
	w.body.refs["."+each.Sel.Name] = true
}

// assignedGlobals are the names that a file's functions assign to, or take the address of, wherever they belong to.
func assignedGlobals(file *ast.File) map[string]bool {
	found := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		switch each := node.(type) {
		case *ast.AssignStmt:
			if each.Tok != token.DEFINE {
				for _, left := range each.Lhs {
					found[identOf(left)] = true
				}
			}
		case *ast.UnaryExpr:
			if each.Op == token.AND {
				found[identOf(each.X)] = true
			}
		case *ast.IncDecStmt:
			found[identOf(each.X)] = true
		}
		return true
	})
	return found
}

func identOf(expression ast.Expr) string {
	if name, ok := expression.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

func commentsOf(group *ast.CommentGroup) []string {
	var found []string
	if group != nil {
		for _, each := range group.List {
			found = append(found, strings.TrimSpace(each.Text))
		}
	}
	return found
}
