// Command differ says where two programs differ: file offset, section, and for code the function and its module.
//
// usage: differ [-c] REBUILT PUBLISHED
//
// With -c a C compiler has linked them, so the addresses of functions are not known. Prints one JSON document. Both
// files are foreign data: whatever cannot be read becomes a note, and names are cut at maxName bytes.
package main

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
)

const (
	maxName     = 300
	maxSections = 60
	maxModules  = 60

	headers  = "headers"
	between  = "between sections"
	behind   = "end of file"
	standard = "standard library"
	program  = "main program"
)

// section is a run of bytes of a file, with the address that it is loaded to.
type section struct {
	name         string
	code         bool
	offset, size uint64
	address      uint64
}

type function struct {
	name, file string
	entry, end uint64
}

// image is a program file and what could be read of its form.
type image struct {
	data      []byte
	format    string
	sections  []section
	functions []function
	text      section
	problem   string
}

type sectionReport struct {
	Name      string `json:"name"`
	Code      bool   `json:"code"`
	Rebuilt   int64  `json:"rebuilt"`   // bytes in the file, -1: there is none
	Published int64  `json:"published"` // likewise
	First     int64  `json:"first"`     // the first byte that differs, from its start
}

type functionReport struct {
	Section string `json:"section"`
	Name    string `json:"name"`
	File    string `json:"file"`
	Module  string `json:"module"`
	Change  string `json:"change"` // rebuilt, published (only there), size or code
}

type moduleReport struct {
	Module    string `json:"module"`
	Functions int    `json:"functions"`
}

type report struct {
	Offset   int64           `json:"offset"` // the first byte that differs; -1: none
	Section  string          `json:"section"`
	Sections []sectionReport `json:"sections"`
	Function *functionReport `json:"function"`
	Modules  []moduleReport  `json:"modules"`
	Notes    []string        `json:"notes"`
}

func main() {
	arguments := os.Args[1:]
	linkedByC := len(arguments) > 0 && arguments[0] == "-c"
	if linkedByC {
		arguments = arguments[1:]
	}
	if len(arguments) != 2 {
		fail(errors.New("two files are needed"))
	}
	rebuilt, err := os.ReadFile(arguments[0])
	if err != nil {
		fail(err)
	}
	published, err := os.ReadFile(arguments[1])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(compare(read(rebuilt), read(published), linkedByC)); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "differ:", err)
	os.Exit(1)
}

func compare(rebuilt, published *image, linkedByC bool) report {
	found := report{Sections: []sectionReport{}, Modules: []moduleReport{}, Notes: []string{}}
	found.Offset = firstDifference(rebuilt.data, published.data)
	if found.Offset < 0 {
		return found
	}
	found.Section = rebuilt.place(uint64(found.Offset))
	for _, each := range []struct {
		which string
		of    *image
	}{{"rebuilt", rebuilt}, {"published", published}} {
		if each.of.problem != "" {
			found.Notes = append(found.Notes, cut("the "+each.which+" file: "+each.of.problem))
		}
	}
	if rebuilt.format == "" || rebuilt.format != published.format {
		return found
	}
	found.Sections = compareSections(rebuilt, published)
	if len(rebuilt.functions) > 0 && len(published.functions) > 0 {
		found.Function, found.Modules = compareFunctions(rebuilt, published, !linkedByC)
	}
	return found
}

func firstDifference(one, other []byte) int64 {
	shorter := len(one)
	if len(other) < shorter {
		shorter = len(other)
	}
	if bytes.Equal(one[:shorter], other[:shorter]) {
		if len(one) == len(other) {
			return -1
		}
		return int64(shorter)
	}
	const block = 1 << 16
	start := 0
	for bytes.Equal(one[start:min(start+block, shorter)], other[start:min(start+block, shorter)]) {
		start += block
	}
	for one[start] == other[start] {
		start++
	}
	return int64(start)
}

func min(one, other int) int {
	if one < other {
		return one
	}
	return other
}

// place names what is at an offset of the file.
func (i *image) place(offset uint64) string {
	if offset >= uint64(len(i.data)) {
		return behind
	}
	first := uint64(len(i.data))
	for _, each := range i.sections {
		if each.size > 0 && each.offset <= offset && offset-each.offset < each.size {
			return cut(each.name)
		}
		if each.size > 0 && each.offset < first {
			first = each.offset
		}
	}
	if len(i.sections) == 0 {
		return ""
	}
	if offset < first {
		return headers
	}
	return between
}

// bytesOf are the bytes of a section that are really there.
func (i *image) bytesOf(of section) []byte {
	size := uint64(len(i.data))
	if of.offset >= size {
		return nil
	}
	if of.size > size-of.offset {
		return i.data[of.offset:]
	}
	return i.data[of.offset : of.offset+of.size]
}

// codeOf are the bytes of a function; nil where it is not within the code.
func (i *image) codeOf(of function) []byte {
	code := i.bytesOf(i.text)
	start, end := of.entry-i.text.address, of.end-i.text.address
	if of.entry < i.text.address || end < start || end > uint64(len(code)) {
		return nil
	}
	return code[start:end]
}

func compareSections(rebuilt, published *image) []sectionReport {
	found := []sectionReport{}
	others := map[string]section{}
	for _, each := range published.sections {
		if _, twice := others[each.name]; !twice {
			others[each.name] = each
		}
	}
	known := map[string]bool{}
	for _, each := range rebuilt.sections {
		known[each.name] = true
		other, both := others[each.name]
		if !both {
			found = append(found, sectionReport{cut(each.name), each.code, int64(each.size), -1, 0})
			continue
		}
		first := firstDifference(rebuilt.bytesOf(each), published.bytesOf(other))
		if first >= 0 || each.size != other.size {
			found = append(found, sectionReport{cut(each.name), each.code, int64(each.size), int64(other.size), first})
		}
	}
	for _, each := range published.sections {
		if !known[each.name] {
			known[each.name] = true
			found = append(found, sectionReport{cut(each.name), each.code, -1, int64(each.size), 0})
		}
	}
	if len(found) > maxSections {
		found = found[:maxSections]
	}
	return found
}

type change struct {
	of       function
	position float64
	kind     string
	module   string
}

// compareFunctions finds functions that only one file has or that have other sizes; where there are none, those with
// other code. The first one of a module is told before one of the standard library, which a module may just use more of.
func compareFunctions(rebuilt, published *image, located bool) (*functionReport, []moduleReport) {
	changes := changedFunctions(rebuilt, published, located)
	if len(changes) == 0 {
		return nil, []moduleReport{}
	}
	modules := modulesOf(rebuilt.functions, published.functions)
	order, counts := []string{}, map[string]int{}
	first := -1
	for index := range changes {
		module := moduleOf(changes[index].of, modules)
		changes[index].module = module
		if counts[module] == 0 {
			order = append(order, module)
		}
		counts[module]++
		if first < 0 && module != standard {
			first = index
		}
	}
	if first < 0 {
		first = 0
	}
	sort.SliceStable(order, func(one, other int) bool { return order[one] != standard && order[other] == standard })
	if len(order) > maxModules {
		order = order[:maxModules]
	}
	found := []moduleReport{}
	for _, module := range order {
		found = append(found, moduleReport{cut(module), counts[module]})
	}
	told := changes[first]
	return &functionReport{
		Section: cut(rebuilt.text.name),
		Name:    cut(told.of.name),
		File:    cut(told.of.file),
		Module:  cut(told.module),
		Change:  told.kind,
	}, found
}

func changedFunctions(rebuilt, published *image, located bool) []change {
	others := map[string]int{}
	for index, key := range keys(published.functions) {
		others[key] = index
	}
	own := map[string]int{}
	changes := []change{}
	for index, key := range keys(rebuilt.functions) {
		own[key] = index
		each := rebuilt.functions[index]
		other, both := others[key]
		switch {
		case !both:
			changes = append(changes, change{of: each, position: float64(index), kind: "rebuilt"})
		case each.end-each.entry != published.functions[other].end-published.functions[other].entry:
			changes = append(changes, change{of: each, position: float64(index), kind: "size"})
		}
	}
	last := -1.0
	for index, key := range keys(published.functions) {
		if known, both := own[key]; both {
			last = float64(known)
		} else {
			changes = append(changes, change{of: published.functions[index], position: last + 0.5, kind: "published"})
		}
	}
	sort.SliceStable(changes, func(one, other int) bool { return changes[one].position < changes[other].position })
	if len(changes) > 0 || !located {
		return changes
	}
	for index, key := range keys(rebuilt.functions) {
		other := published.functions[others[key]]
		if !bytes.Equal(rebuilt.codeOf(rebuilt.functions[index]), published.codeOf(other)) {
			changes = append(changes, change{of: rebuilt.functions[index], kind: "code"})
		}
	}
	return changes
}

// keys are names that are unique in a file: some functions in assembler share theirs.
func keys(functions []function) []string {
	seen := map[string]int{}
	found := make([]string, len(functions))
	for index, each := range functions {
		seen[each.name]++
		found[index] = fmt.Sprintf("%s#%d", each.name, seen[each.name])
	}
	return found
}

// modulesOf finds the module of each package by files of it that name one.
func modulesOf(tables ...[]function) map[string]string {
	found := map[string]string{}
	for _, functions := range tables {
		for _, each := range functions {
			if module := moduleOfFile(each.file); module != "" {
				if _, known := found[packageOf(each.name)]; !known {
					found[packageOf(each.name)] = module
				}
			}
		}
	}
	return found
}

// moduleOfFile reads file names as -trimpath writes them: `example.org/a@v1.2.3/b/c.go`, and `fmt/print.go` of Go's own.
func moduleOfFile(file string) string {
	if at := strings.IndexByte(file, '@'); at > 0 {
		if slash := strings.IndexByte(file[at:], '/'); slash > 0 {
			return file[:at+slash]
		}
	}
	return ""
}

func moduleOf(of function, modules map[string]string) string {
	if module := moduleOfFile(of.file); module != "" {
		return module
	}
	path := packageOf(of.name)
	if module, known := modules[path]; known {
		return module
	}
	if path == "main" || strings.HasPrefix(of.file, "./") {
		return program
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return standard
	}
	return path
}

// packageOf is the import path in the name of a function, `example.org/a/b` of `example.org/a/b.(*T).Method`.
func packageOf(name string) string {
	name = strings.TrimPrefix(name, "type:.eq.")
	name = strings.TrimPrefix(name, "go:")
	if end := strings.IndexAny(name, "[("); end >= 0 {
		name = name[:end]
	}
	slash := strings.LastIndexByte(name, '/') + 1
	if dot := strings.IndexByte(name[slash:], '.'); dot >= 0 {
		name = name[:slash+dot]
	}
	return strings.ReplaceAll(name, "%2e", ".")
}

func cut(text string) string {
	if len(text) > maxName {
		text = text[:maxName] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// read finds sections and functions of a program of any format that Go writes.
func read(data []byte) *image {
	found := &image{data: data}
	defer func() {
		if problem := recover(); problem != nil {
			found.problem = fmt.Sprint("its form cannot be read: ", problem)
		}
	}()
	err := errors.New("it is not an ELF, Mach-O or PE file")
	switch {
	case bytes.HasPrefix(data, []byte(elf.ELFMAG)):
		err = found.readELF()
	case bytes.HasPrefix(data, []byte("MZ")):
		err = found.readPE()
	case len(data) > 4 && (binary.LittleEndian.Uint32(data) == macho.Magic64 || binary.LittleEndian.Uint32(data) == macho.Magic32):
		err = found.readMachO()
	}
	if err != nil {
		found.problem = err.Error()
		return found
	}
	for _, each := range found.sections {
		if each.code && (each.name == ".text" || strings.HasSuffix(each.name, ",__text")) {
			found.text = each
		}
	}
	found.readFunctions()
	return found
}

func (i *image) readELF() error {
	file, err := elf.NewFile(bytes.NewReader(i.data))
	if err != nil {
		return err
	}
	i.format = "elf"
	for _, each := range file.Sections {
		if each.Type != elf.SHT_NOBITS && each.Type != elf.SHT_NULL {
			code := each.Flags&elf.SHF_EXECINSTR != 0
			i.sections = append(i.sections, section{each.Name, code, each.Offset, each.FileSize, each.Addr})
		}
	}
	return nil
}

func (i *image) readPE() error {
	file, err := pe.NewFile(bytes.NewReader(i.data))
	if err != nil {
		return err
	}
	i.format = "pe"
	for _, each := range file.Sections {
		code := each.Characteristics&pe.IMAGE_SCN_CNT_CODE != 0
		i.sections = append(i.sections, section{each.Name, code, uint64(each.Offset), uint64(each.Size), uint64(each.VirtualAddress)})
	}
	return nil
}

func (i *image) readMachO() error {
	file, err := macho.NewFile(bytes.NewReader(i.data))
	if err != nil {
		return err
	}
	i.format = "macho"
	filled := map[string]bool{}
	const zeroFill = 1
	for _, each := range file.Sections {
		filled[each.Seg] = true
		if each.Flags&0xff != zeroFill {
			code := each.Name == "__text"
			i.sections = append(i.sections, section{each.Seg + "," + each.Name, code, uint64(each.Offset), each.Size, each.Addr})
		}
	}
	for _, load := range file.Loads {
		if each, is := load.(*macho.Segment); is && !filled[each.Name] && each.Filesz > 0 {
			i.sections = append(i.sections, section{each.Name, false, each.Offset, each.Filesz, each.Addr})
		}
	}
	return nil
}

// readFunctions finds Go's table of functions by its first bytes: in PE no section tells where it is.
func (i *image) readFunctions() {
	for _, magic := range [][]byte{{0xf1, 0xff, 0xff, 0xff, 0, 0}, {0xff, 0xff, 0xff, 0xf1, 0, 0}, {0xf0, 0xff, 0xff, 0xff, 0, 0}} {
		for _, each := range i.sections {
			data := i.bytesOf(each)
			for start := bytes.Index(data, magic); start >= 0; {
				if i.functions = functionsOf(data[start:], i.text.address); i.functions != nil {
					return
				}
				next := bytes.Index(data[start+1:], magic)
				if next < 0 {
					break
				}
				start += next + 1
			}
		}
	}
	i.problem = "it has no readable table of functions"
}

// countOf is the number of functions that the head of a table tells, which is as wide as a pointer.
func countOf(data []byte) uint64 {
	order := binary.ByteOrder(binary.LittleEndian)
	if data[0] == 0xff {
		order = binary.BigEndian
	}
	if data[7] == 4 {
		return uint64(order.Uint32(data[8:]))
	}
	return order.Uint64(data[8:])
}

// functionsOf reads a table; nil where it is none, or not one of a whole program.
func functionsOf(data []byte, text uint64) []function {
	// A forged number of functions must not take all memory: each has 8 bytes or more.
	if len(data) < 16 || countOf(data) > uint64(len(data)/8) {
		return nil
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, text))
	if err != nil {
		return nil
	}
	found, whole := make([]function, 0, len(table.Funcs)), false
	for _, each := range table.Funcs {
		if each.Sym == nil {
			return nil
		}
		file, _, _ := table.PCToLine(each.Entry)
		found = append(found, function{each.Sym.Name, file, each.Entry, each.End})
		whole = whole || each.Sym.Name == "main.main"
	}
	if !whole {
		return nil
	}
	return found
}
