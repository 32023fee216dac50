// Command reader says what Go source means for a program composed of packages: which files are built, what they
// import, and which components they register.
//
// usage: reader [-tags a,b] < request
//
// The target is the one that GOOS, GOARCH, their variants and CGO_ENABLED name, as for the go command. Reads one JSON
// request with `packages`, as `go list` names them, or `modules`, whose packages it finds itself, and prints one JSON
// answer. Source is foreign data: what cannot be read becomes a problem with its place, and texts are bounded.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

const maxProblems = 100

// listedPackage is a package as the caller knows it: Files are built for the target, Ignored are not.
type listedPackage struct {
	Path    string   `json:"path"`
	Name    string   `json:"name"`
	Dir     string   `json:"dir"`
	Files   []string `json:"files"`
	Ignored []string `json:"ignored"`
	Imports []string `json:"imports"`
}

type listedModule struct {
	Path string `json:"path"`
	Dir  string `json:"dir"`
}

// request names folders by their path below Root.
type request struct {
	Core      string          `json:"core"`
	Root      string          `json:"root"`
	Platforms []string        `json:"platforms"`
	Packages  []listedPackage `json:"packages"`
	Modules   []listedModule  `json:"modules"`
}

// registration is one call that registers a component, or one that would.
//
// Name is empty where it is made when the program starts. Certain: every program with this package runs the call.
// Reached: some program may. Text is the template that is registered, whose name the caller reads.
type registration struct {
	Kind     string `json:"kind"`
	Name     string `json:"name,omitempty"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Function string `json:"function,omitempty"`
	Core     string `json:"core"`
	Certain  bool   `json:"certain"`
	Reached  bool   `json:"reached"`
	Text     string `json:"text,omitempty"`
}

type problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

type packageAnswer struct {
	Path          string              `json:"path"`
	Cores         []string            `json:"cores"`
	Registrations []registration      `json:"registrations"`
	Need          *need               `json:"need"`
	Adds          *need               `json:"adds"`
	Lost          map[string][]string `json:"lost"`
}

type answer struct {
	Packages  []packageAnswer `json:"packages"`
	Providers []provider      `json:"providers"`
	Problems  []problem       `json:"problems"`
}

func main() {
	tags := flag.String("tags", "", "comma-separated build tags")
	flag.Parse()
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, "the request cannot be read:", err)
		os.Exit(2)
	}
	for at := range asked.Packages {
		asked.Packages[at].Dir = filepath.Join(asked.Root, asked.Packages[at].Dir)
	}
	for at := range asked.Modules {
		asked.Modules[at].Dir = filepath.Join(asked.Root, asked.Modules[at].Dir)
	}
	source := newSource(asked.Platforms)
	base := hostTarget(splitTags(*tags))
	found := answer{Packages: []packageAnswer{}, Providers: []provider{}, Problems: []problem{}}
	if len(asked.Packages) > 0 {
		found.Packages = describe(source, base, asked.Core, asked.Packages)
	}
	if len(asked.Modules) > 0 {
		found.Providers = newIndex(source, asked.Core, asked.Modules).providers(base)
	}
	found.Problems = source.sortedProblems()
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		fmt.Fprintln(os.Stderr, "the answer cannot be written:", err)
		os.Exit(1)
	}
}

// describe answers for packages that the go command has listed.
func describe(source *source, base target, core string, packages []listedPackage) []packageAnswer {
	program := newProgram(source, core, packages)
	registrations := program.registrations()
	users := usersOf(packages)
	found := make([]packageAnswer, 0, len(packages))
	for _, each := range packages {
		one := packageAnswer{Path: each.Path, Registrations: registrations[each.Path], Lost: map[string][]string{}}
		if one.Registrations == nil {
			one.Registrations = []registration{}
		}
		one.Cores = coresOf(each.Imports)
		one.Need = source.needOf(base, each.Dir, each.Ignored, false)
		one.Adds = source.needOf(base, each.Dir, each.Ignored, true)
		for _, name := range source.lost(base, each) {
			one.Lost[name] = source.usersOfName(each, name, users[each.Path])
		}
		found = append(found, one)
	}
	return found
}

func coresOf(imports []string) []string {
	found := map[string]bool{}
	for _, path := range imports {
		if core := coreOf(path); core != "" {
			found[core] = true
		}
	}
	return sorted(found)
}

func usersOf(packages []listedPackage) map[string][]listedPackage {
	users := map[string][]listedPackage{}
	for _, each := range packages {
		for _, path := range each.Imports {
			users[path] = append(users[path], each)
		}
	}
	return users
}

func splitTags(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
