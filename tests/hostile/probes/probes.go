// Package bad tries what it is ordered to, one trick after the other, and prints what came of each.
package bad

import (
	"bytes"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const orderFile, pipelineFile = "orders.txt", "pipeline.yaml"

func init() {
	if strings.HasPrefix(os.Args[0], daemonName) {
		daemon()
	}
	service.Register("inputs", "bad")
	text, err := os.ReadFile(orderFile)
	if err != nil && os.Args[1] == "run" {
		text, err = os.ReadFile(pipelineFile)
	}
	if err != nil {
		return
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		words := strings.Split(line, "\t")
		name, verb, arguments := words[0], words[1], append(words[2:], "", "", "")
		for index, argument := range arguments {
			argument = strings.ReplaceAll(argument, "%ppid", strconv.Itoa(os.Getppid()))
			arguments[index] = strings.ReplaceAll(argument, "%program", os.Args[0])
		}
		trick, known := tricks[verb]
		if !known {
			panic("no trick " + verb)
		}
		detail, err := trick(arguments)
		if strings.HasPrefix(verb, "say") {
			continue
		}
		if err != nil {
			os.Stdout.WriteString("@" + name + "\trefused\t" + strconv.Quote(err.Error()) + "\n")
		} else {
			os.Stdout.WriteString("@" + name + "\tdone\t" + strconv.Quote(detail) + "\n")
		}
	}
}

type trick func(arguments []string) (string, error)

var tricks = map[string]trick{
	"read":     func(a []string) (string, error) { data, err := os.ReadFile(a[0]); return head(data), err },
	"list":     list,
	"find":     find,
	"append":   func(a []string) (string, error) { return "", write(a[0], os.O_APPEND|os.O_WRONLY) },
	"create":   func(a []string) (string, error) { return "", write(a[0], os.O_CREATE|os.O_WRONLY) },
	"truncate": func(a []string) (string, error) { return "", os.Truncate(a[0], 0) },
	"remove":   func(a []string) (string, error) { return "", os.Remove(a[0]) },
	"rename":   func(a []string) (string, error) { return "", os.Rename(a[0], a[1]) },
	"link":     func(a []string) (string, error) { return "", os.Link(a[0], a[1]) },
	"mkdir":    func(a []string) (string, error) { return "", os.Mkdir(a[0], 0o777) },
	"chmod":    func(a []string) (string, error) { return "", os.Chmod(a[0], 0o666) },
	"chown":    func(a []string) (string, error) { return "", os.Lchown(a[0], number(a[1]), number(a[1])) },
	"touch":    func(a []string) (string, error) { return "", syscall.Utimes(a[0], make([]syscall.Timeval, 2)) },
	"label":    func(a []string) (string, error) { return "", syscall.Setxattr(a[0], "user.x", []byte("x"), 0) },
	"open-and-chmod": func(a []string) (string, error) {
		descriptor, err := syscall.Open(a[0], syscall.O_RDONLY, 0)
		if err != nil {
			return "", err
		}
		return "", syscall.Fchmod(descriptor, 0o666)
	},
	"device":   func(a []string) (string, error) { return "", syscall.Mknod(a[0], syscall.S_IFBLK|0o666, 1<<8) },
	"fill":     fill,
	"tcp":      func(a []string) (string, error) { return reach(syscall.SOCK_STREAM, inet(a[0])) },
	"udp":      func(a []string) (string, error) { return reach(syscall.SOCK_DGRAM, inet(a[0])) },
	"unix":     func(a []string) (string, error) { return reach(syscall.SOCK_STREAM, &syscall.SockaddrUnix{Name: a[0]}) },
	"vsock":    func([]string) (string, error) { return socket(40, syscall.SOCK_STREAM, 0) },
	"packet":   func([]string) (string, error) { return socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0x300) },
	"raw":      func([]string) (string, error) { return socket(syscall.AF_INET, syscall.SOCK_RAW, 1) },
	"run":      runProgram,
	"environ":  func([]string) (string, error) { return strings.Join(os.Environ(), " "), nil },
	"environs": environs,
	"fds":      descriptors,
	"user":     user,
	"signal":   func(a []string) (string, error) { return "", syscall.Kill(number(a[0]), syscall.Signal(number(a[1]))) },
	"signal-parent": func([]string) (string, error) {
		if os.Getppid() == 1 { // of this very sandbox: tried with a signal that ends it
			return "", syscall.Kill(1, syscall.SIGKILL)
		}
		return "", syscall.Kill(os.Getppid(), syscall.SIGURG)
	},
	"signal-all": func([]string) (string, error) {
		if os.Getpid() < 10 { // surely a namespace of its own
			return "sent", syscall.Kill(-1, syscall.SIGKILL)
		}
		return "sent", syscall.Kill(-1, syscall.SIGURG)
	},
	"signal-later": func(a []string) (string, error) {
		_, _, err := syscall.RawSyscall(syscall.SYS_RT_SIGQUEUEINFO, uintptr(number(a[0])), 9, uintptr(unsafe.Pointer(&[128]byte{9})))
		return "", failed(err)
	},
	"limit": func(a []string) (string, error) {
		few := [2]uint64{1, 1}
		return call(302, uintptr(number(a[0])), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&few)), 0)
	},
	"pin": func(a []string) (string, error) {
		mask := [128]byte{1}
		return call(syscall.SYS_SCHED_SETAFFINITY, uintptr(number(a[0])), 128, uintptr(unsafe.Pointer(&mask)))
	},
	"renice": func(a []string) (string, error) { return "", syscall.Setpriority(0, number(a[0]), 19) },
	"idle": func(a []string) (string, error) {
		none := int32(0)
		return call(syscall.SYS_SCHED_SETSCHEDULER, uintptr(number(a[0])), 5, uintptr(unsafe.Pointer(&none)))
	},
	"ioprio":      func(a []string) (string, error) { return call(syscall.SYS_IOPRIO_SET, 1, uintptr(number(a[0])), 3<<13) },
	"ptrace":      func(a []string) (string, error) { return "", syscall.PtraceAttach(number(a[0])) },
	"read-memory": readMemory,
	"become-root": func([]string) (string, error) { return call(syscall.SYS_SETRESUID, 0, 0, 0) },
	"unshare":     func([]string) (string, error) { return call(syscall.SYS_UNSHARE, 0x10000000) },
	"clone-user":  cloneUser,
	"clone3":      func([]string) (string, error) { return call(435, 0, 0) },
	"setns":       func([]string) (string, error) { return call(308, 0, 0) },
	"mount":       func(a []string) (string, error) { return "", syscall.Mount("none", a[0], "tmpfs", 0, "") },
	"remount": func([]string) (string, error) {
		return "", syscall.Mount("", "/", "", syscall.MS_REMOUNT|syscall.MS_BIND, "")
	},
	"unmount":       func([]string) (string, error) { return "", syscall.Unmount("/", syscall.MNT_DETACH) },
	"chroot":        func(a []string) (string, error) { return "", syscall.Chroot(a[0]) },
	"pivot":         func(a []string) (string, error) { return "", syscall.PivotRoot(a[0], a[0]) },
	"io_uring":      func([]string) (string, error) { return call(425, 8, uintptr(unsafe.Pointer(&[120]byte{}))) },
	"add_key":       addKey,
	"keyctl":        func([]string) (string, error) { return call(syscall.SYS_KEYCTL, 0, ^uintptr(2), 0) },
	"userfaultfd":   func([]string) (string, error) { return call(323, 1) },
	"bpf":           func([]string) (string, error) { return call(321, 0, uintptr(unsafe.Pointer(&[128]byte{})), 128) },
	"perf":          func([]string) (string, error) { return call(298, uintptr(unsafe.Pointer(&[128]byte{})), 0, 0) },
	"handle":        func([]string) (string, error) { return call(304, 3, uintptr(unsafe.Pointer(&[32]byte{8})), 0) },
	"memfd":         func([]string) (string, error) { return call(319, uintptr(unsafe.Pointer(&[2]byte{'x'})), 0) },
	"shared-memory": func([]string) (string, error) { return call(syscall.SYS_SHMGET, 0, 4096, 0o1666) },
	"message-queue": func([]string) (string, error) { return call(syscall.SYS_MSGGET, 0, 0o1666) },
	"posix-queue": func([]string) (string, error) {
		return call(syscall.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&[2]byte{'x'})), 0o102, 0o600, 0)
	},
	"module": func([]string) (string, error) { return call(syscall.SYS_INIT_MODULE, 0, 0, 0) },
	"terminal": func([]string) (string, error) {
		return call(syscall.SYS_IOCTL, 0, 0x5412, uintptr(unsafe.Pointer(&[1]byte{'x'})))
	},
	"console": func([]string) (string, error) {
		return call(syscall.SYS_IOCTL, 0, 0x541C, uintptr(unsafe.Pointer(&[1]byte{2})))
	},
	"terminal-64-bit": func([]string) (string, error) {
		return call(syscall.SYS_IOCTL, 0, 0x1_0000_5412, uintptr(unsafe.Pointer(&[1]byte{'x'})))
	},
	"daemon": startDaemon,
	"say": func(a []string) (string, error) {
		text, err := strconv.Unquote(a[0])
		os.Stdout.WriteString(text)
		return "", err
	},
	"say-deep": func(a []string) (string, error) {
		os.Stdout.WriteString(strings.Repeat(a[0], number(a[1])))
		return "", nil
	},
	"exit":   func(a []string) (string, error) { os.Exit(number(a[0])); return "", nil },
	"die":    func(a []string) (string, error) { return "", syscall.Kill(os.Getpid(), syscall.Signal(number(a[0]))) },
	"hoard":  hoard,
	"litter": litter,
	"spin": func([]string) (string, error) {
		for begun := time.Now(); time.Since(begun) < patience; {
		}
		return "", nil
	},
	"mess": mess,
	"flood": func([]string) (string, error) {
		for {
			os.Stdout.WriteString("flood flood flood flood flood flood flood flood\n")
		}
	},
	"wait":     func([]string) (string, error) { time.Sleep(patience); return "", nil },
	"x32":      func([]string) (string, error) { return call(0x40000000+41, 2, 1, 0) },
	"hostname": func([]string) (string, error) { return "", syscall.Sethostname([]byte("owned")) },
	"clock":    func([]string) (string, error) { return "", syscall.Settimeofday(&syscall.Timeval{}) },
	"syslog": func([]string) (string, error) {
		return call(syscall.SYS_SYSLOG, 3, uintptr(unsafe.Pointer(&[64]byte{})), 64)
	},
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return value
}

func failed(number syscall.Errno) error {
	if number != 0 {
		return number
	}
	return nil
}

func call(what uintptr, arguments ...uintptr) (string, error) {
	a := append(arguments, 0, 0, 0, 0, 0, 0)
	result, _, err := syscall.Syscall6(what, a[0], a[1], a[2], a[3], a[4], a[5])
	return strconv.Itoa(int(result)), failed(err)
}

func head(data []byte) string {
	return string(data[:min(len(data), 4000)])
}

func write(path string, flags int) error {
	file, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString("hostile\n")
	return err
}

func list(a []string) (string, error) {
	entries, err := os.ReadDir(a[0])
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " "), err
}

// find looks for a file of that name, or with that text in it, everywhere.
func find(a []string) (string, error) {
	rest, seen := []string{"/"}, 0
	for len(rest) > 0 && seen < 200_000 {
		folder := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		entries, _ := os.ReadDir(folder)
		for _, entry := range entries {
			seen++
			path := strings.TrimSuffix(folder, "/") + "/" + entry.Name()
			switch {
			case entry.Name() == a[0]:
				return path, nil
			case entry.IsDir() && path != "/proc" && path != "/sys":
				rest = append(rest, path)
			}
		}
	}
	return "", syscall.ENOENT
}

// fill writes up to 256 MiB into new files of 1 MiB.
func fill(a []string) (string, error) {
	for count := 0; count < 256; count++ {
		path := a[0] + "/fill" + strconv.Itoa(count)
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			return "", err
		}
		defer os.Remove(path)
	}
	return "", nil
}

func inet(port string) syscall.Sockaddr {
	return &syscall.SockaddrInet4{Port: number(port), Addr: [4]byte{127, 0, 0, 1}}
}

func reach(kind int, address syscall.Sockaddr) (string, error) {
	family := syscall.AF_INET
	if _, ok := address.(*syscall.SockaddrUnix); ok {
		family = syscall.AF_UNIX
	}
	descriptor, err := syscall.Socket(family, kind, 0)
	if err != nil {
		return "", err
	}
	defer syscall.Close(descriptor)
	if err := syscall.Connect(descriptor, address); err != nil {
		return "", err
	}
	if _, err = syscall.Write(descriptor, []byte("hostile\n")); err != nil || kind == syscall.SOCK_STREAM {
		return "", err
	}
	// A refused datagram is told to the next call.
	_, err = syscall.Write(descriptor, []byte("hostile\n"))
	return "", err
}

func socket(family, kind, protocol int) (string, error) {
	descriptor, err := syscall.Socket(family, kind, protocol)
	if err == nil {
		syscall.Close(descriptor)
	}
	return "", err
}

func runProgram(a []string) (string, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return "", err
	}
	process, err := os.StartProcess(a[0], a[:3], &os.ProcAttr{Files: []*os.File{nil, writer, writer}})
	if err != nil {
		return "", err
	}
	writer.Close()
	data := make([]byte, 4000)
	count, _ := reader.Read(data)
	process.Wait()
	return string(data[:count]), nil
}

// environs looks for a text in what the system tells of every process.
func environs(a []string) (string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		for _, part := range []string{"/environ", "/cmdline"} {
			path := "/proc/" + entry.Name() + part
			data, _ := os.ReadFile(path)
			if bytes.Contains(data, []byte(a[0])) {
				return path, nil
			}
		}
	}
	return "", syscall.ENOENT
}

// descriptors are those that are open, except the runtime's own, which are closed on exec.
func descriptors([]string) (string, error) {
	var found []string
	for descriptor := uintptr(0); descriptor < 1024; descriptor++ {
		flags, _, err := syscall.Syscall(syscall.SYS_FCNTL, descriptor, syscall.F_GETFD, 0)
		if err == 0 && flags&syscall.FD_CLOEXEC == 0 {
			found = append(found, strconv.Itoa(int(descriptor)))
		}
	}
	return strings.Join(found, " "), nil
}

// user tells its ids and what it may: the effective, permitted and inheritable capabilities.
func user([]string) (string, error) {
	header := [2]uint32{0x20080522, 0}
	var held [6]uint32
	_, _, err := syscall.Syscall(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&held)), 0)
	groups, _ := syscall.Getgroups()
	text := "uid " + strconv.Itoa(os.Getuid()) + " gid " + strconv.Itoa(os.Getgid()) + " groups " + strconv.Itoa(len(groups))
	for _, word := range held {
		text += " " + strconv.FormatUint(uint64(word), 16)
	}
	return text, failed(err)
}

func readMemory(a []string) (string, error) {
	if _, err := os.ReadFile("/proc/" + a[0] + "/maps"); err == nil {
		return "maps", nil
	}
	var data [16]byte
	local := [2]uintptr{uintptr(unsafe.Pointer(&data)), 16}
	remote := [2]uintptr{0x400000, 16}
	return call(310, uintptr(number(a[0])), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
}

// cloneUser starts a process in a user namespace of its own, the old way.
func cloneUser([]string) (string, error) {
	pid, _, err := syscall.RawSyscall6(syscall.SYS_CLONE, 0x10000000|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if err == 0 && pid == 0 {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return "", failed(err)
}

func addKey([]string) (string, error) {
	kind, name, data := [5]byte{'u', 's', 'e', 'r'}, [2]byte{'x'}, [1]byte{'x'}
	return call(syscall.SYS_ADD_KEY, uintptr(unsafe.Pointer(&kind)), uintptr(unsafe.Pointer(&name)),
		uintptr(unsafe.Pointer(&data)), 1, ^uintptr(2))
}

const (
	daemonName = "hostile-daemon-"
	patience   = 60 * time.Second // what is not ended ends by itself
)

// startDaemon starts a program that starts another one and ends, and waits until that is at work.
func startDaemon(a []string) (string, error) {
	kind, token := a[0], a[1]
	if err := again(os.Args[0], daemonName+token, kind, "1"); err != nil {
		return "", err
	}
	for count := 0; count < 1000; count++ {
		if _, err := os.Stat(token); err == nil {
			return "", nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return "", syscall.ETIMEDOUT
}

// again starts this program with another name, in a session of its own and with nothing of its environment.
func again(program, name, kind, generation string) error {
	_, err := os.StartProcess(program, []string{name, program, kind, generation}, &os.ProcAttr{
		Env:   []string{"NAME=other"},
		Files: []*os.File{nil, nil, nil},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	return err
}

func daemon() {
	signal.Ignore()
	name, program, kind, generation := os.Args[0], os.Args[1], os.Args[2], number(os.Args[3])
	mark := strings.TrimPrefix(name, daemonName)
	switch {
	case kind == "double" && generation > 1:
		os.WriteFile(mark, nil, 0o600)
		time.Sleep(patience)
	case kind == "relay" && generation > 3:
		os.WriteFile(mark, nil, 0o600)
		if generation > 20_000 {
			os.Exit(0)
		}
	case kind == "bomb":
		os.WriteFile(mark, nil, 0o600)
		if generation < 8 { // 256 programs at most
			again(program, name, kind, strconv.Itoa(generation+1))
			again(program, name, kind, strconv.Itoa(generation+1))
		}
		time.Sleep(patience)
	}
	again(program, name, kind, strconv.Itoa(generation+1))
	os.Exit(0)
}

// hoard takes up to 2 GiB of memory, and keeps it.
func hoard([]string) (string, error) {
	var all [][]byte
	for count := 0; count < 128; count++ {
		block := make([]byte, 16<<20)
		for index := 0; index < len(block); index += 4096 {
			block[index] = 1
		}
		all = append(all, block)
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(patience)
	return strconv.Itoa(len(all)), nil
}

// litter writes up to 512 MiB in small files, and leaves them.
func litter([]string) (string, error) {
	for count := 0; count < 512; count++ {
		if err := os.WriteFile("litter"+strconv.Itoa(count), make([]byte, 1<<20), 0o600); err != nil {
			return "", err
		}
	}
	time.Sleep(patience)
	return "", nil
}

// mess leaves what is hard to read and to remove. Some of it is refused; what is left counts.
func mess(a []string) (string, error) {
	target := a[0]
	for index, to := range []string{target, target + "/beside.txt", "/", "..", "loop5", "/proc/self/fd/1", "/dev/zero"} {
		os.Symlink(to, "link"+strconv.Itoa(index))
	}
	os.Symlink("loop6", "loop5")
	os.Symlink("loop5", "loop6")
	syscall.Mkfifo("fifo", 0o666)
	syscall.Mknod("socket", syscall.S_IFSOCK|0o666, 0)
	syscall.Mknod("device", syscall.S_IFCHR|0o666, 1<<8|5)
	os.WriteFile("unreadable", []byte("x"), 0)
	os.WriteFile("-rf", []byte("x"), 0o600)
	os.WriteFile("new\nline\x1b[2J", []byte("x"), 0o600)
	os.WriteFile("\xff\xfe", []byte("x"), 0o600)
	os.WriteFile(strings.Repeat("n", 255), []byte("x"), 0o600)
	os.Link("unreadable", "hardlink")
	os.Mkdir("closed", 0o777)
	os.WriteFile("closed/file", []byte("x"), 0o600)
	os.Mkdir("closed/inner", 0)
	os.Symlink(target, "closed/out")
	os.Chmod("closed", 0)
	file, _ := os.Create("sparse")
	file.Truncate(1 << 40)
	home, _ := os.Getwd()
	depth := 0
	for ; depth < 5_000; depth++ {
		if syscall.Mkdir("d", 0o777) != nil || syscall.Chdir("d") != nil {
			break
		}
	}
	os.Symlink(target, "out")
	os.WriteFile("file", []byte("x"), 0)
	syscall.Chdir(home)
	return strconv.Itoa(depth), nil
}
