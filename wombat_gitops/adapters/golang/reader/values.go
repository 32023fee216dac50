package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"strconv"
	"strings"
)

const (
	// maxName bounds a name that is taken as one of a component.
	maxName = 100
	// maxNames bounds the names that one expression may stand for.
	maxNames = 1_000
	// maxSteps bounds how many constants a name may be made of, one by the other.
	maxSteps = 50
	// maxWork bounds the expressions that are looked at for all names of a request.
	maxWork = 1_000_000
)

// scope is what names mean inside a function.
type scope struct {
	pkg        *pkg
	imports    map[string]string
	parameters map[string]int
	locals     map[string][]ast.Expr // every value that is assigned to a local name
	ranges     map[string][]ast.Expr // the elements that a loop runs over, by its variable
	unknown    map[string]bool       // local names with values that are no expression of their own
}

// names are the texts that an expression can be, all of them; false where some are not known before the program runs.
func (p *program) names(expression ast.Expr, in *scope, steps int) ([]string, bool) {
	p.work++
	if steps > maxSteps || p.work > maxWork {
		return nil, false
	}
	switch each := expression.(type) {
	case *ast.ParenExpr:
		return p.names(each.X, in, steps+1)
	case *ast.BasicLit:
		if each.Kind != token.STRING {
			return nil, false
		}
		value := constant.MakeFromLiteral(each.Value, each.Kind, 0)
		return []string{constant.StringVal(value)}, value.Kind() == constant.String
	case *ast.BinaryExpr:
		if each.Op != token.ADD {
			return nil, false
		}
		left, ok := p.names(each.X, in, steps+1)
		right, fine := p.names(each.Y, in, steps+1)
		if !ok || !fine || len(left)*len(right) > maxNames {
			return nil, false
		}
		var found []string
		for _, first := range left {
			for _, second := range right {
				if len(first)+len(second) > maxTemplate {
					return nil, false
				}
				found = append(found, first+second)
			}
		}
		return found, true
	case *ast.Ident:
		return p.namesOfIdent(each.Name, in, steps)
	case *ast.SelectorExpr:
		owner, ok := each.X.(*ast.Ident)
		if !ok || in.isLocal(owner.Name) {
			return nil, false
		}
		other := p.packages[in.imports[owner.Name]]
		if other == nil {
			return nil, false
		}
		return p.global(other, each.Sel.Name, steps)
	case *ast.CallExpr: // string("x")
		kind, ok := each.Fun.(*ast.Ident)
		if ok && kind.Name == "string" && len(each.Args) == 1 && !in.isLocal("string") {
			return p.names(each.Args[0], in, steps+1)
		}
	}
	return nil, false
}

func (p *program) namesOfIdent(name string, in *scope, steps int) ([]string, bool) {
	if in.unknown[name] {
		return nil, false
	}
	if _, ok := in.parameters[name]; ok {
		return nil, false
	}
	if elements, ok := in.ranges[name]; ok {
		if _, also := in.locals[name]; also {
			return nil, false
		}
		return p.all(elements, in, steps)
	}
	if values, ok := in.locals[name]; ok {
		if len(values) != 1 {
			return nil, false
		}
		return p.names(values[0], in, steps+1)
	}
	return p.global(in.pkg, name, steps)
}

func (p *program) all(elements []ast.Expr, in *scope, steps int) ([]string, bool) {
	var found []string
	for _, element := range elements {
		texts, ok := p.names(element, in, steps+1)
		if !ok || len(found)+len(texts) > maxNames {
			return nil, false
		}
		found = append(found, texts...)
	}
	return found, true
}

// global is the value of a constant of a package, or of a variable that is written once, where it is declared.
func (p *program) global(owner *pkg, name string, steps int) ([]string, bool) {
	declared, ok := owner.values[name]
	if !ok || owner.assigned[name] || declared.value == nil {
		return nil, false
	}
	return p.names(declared.value, &scope{pkg: owner, imports: declared.imports}, steps+1)
}

func (s *scope) isLocal(name string) bool {
	_, parameter := s.parameters[name]
	_, local := s.locals[name]
	_, ranged := s.ranges[name]
	return parameter || local || ranged || s.unknown[name]
}

// isName says whether a text can be the name of a component.
func isName(text string) bool {
	if text == "" || len(text) > maxName || strings.ContainsRune("_.-", rune(text[0])) {
		return false
	}
	for _, each := range text {
		word := 'a' <= each && each <= 'z' || 'A' <= each && each <= 'Z' || '0' <= each && each <= '9'
		if !word && !strings.ContainsRune("_.-", each) {
			return false
		}
	}
	return true
}

// embedded is the text that `//go:embed` puts into a variable of one file, or "".
func (p *program) embedded(owner *pkg, declared value) string {
	pattern := ""
	for _, comment := range declared.comments {
		if rest, ok := strings.CutPrefix(comment, "//go:embed "); ok {
			fields := strings.Fields(rest)
			if len(fields) != 1 {
				return ""
			}
			pattern = fields[0]
		}
	}
	if unquoted, err := strconv.Unquote(pattern); err == nil {
		pattern = unquoted
	}
	return p.embeddedFile(owner, pattern)
}
