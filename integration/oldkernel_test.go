package integration_test

import (
	"bytes"
	"context"
	"debug/elf"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// oldKernel is a folder into which a kernel package of Debian was unpacked.
var oldKernel = flag.String("oldkernel", "", "a `folder` with a Debian kernel package, unpacked, to run the tests of nftset on")

// guestTime bounds the virtual machine: without the help of the processor it is
// some ten times slower than the host.
const guestTime = 3 * time.Minute

// TestOldKernel runs the tests of nftset once more, on a kernel that does not refresh
// the timeout of an element when it is added again, as Linux did not before 6.12: in
// a virtual machine, which needs neither root nor a processor that helps. The kernel
// is given as a folder, and nothing of it is installed:
//
//	apt-get install qemu-system-x86
//	apt-get download linux-image-6.1.0-56-cloud-amd64
//	dpkg-deb -x linux-image-*.deb /tmp/kernel
//	go test ./integration -run OldKernel -v -oldkernel /tmp/kernel
//
// Checks of everything do so, see .ci/run: alone, as other tests beside it would slow
// the machine down.
//
// The kernel of Debian's user-mode-linux would need no virtual machine, but it has
// no tables of the families ip, ip6 and inet.
func TestOldKernel(t *testing.T) {
	if *oldKernel == "" {
		t.Skip("no kernel is given: -oldkernel FOLDER")
	}
	needs(t, "qemu-system-x86_64", "nft", "ldd")
	said := boot(t, oldRelease(t), "/program", "-test.v", "-test.timeout=150s", "-test.run="+kernelTests(t))
	t.Logf("the machine said:\n%s", said)
	if !strings.Contains(said, "\nguest: <nil>\n") || !strings.Contains(said, "\nPASS\n") {
		t.Error("the tests of nftset do not pass on the older kernel")
	}
	if !strings.Contains(said, `recipe "delete and add"`) {
		t.Error("no test of nftset found that the kernel does not refresh timeouts")
	}
}

// kernelTests is a pattern for the tests of nftset that show what this kernel does: not
// those with a simulated kernel, nor those with large loads.
func kernelTests(t *testing.T) string {
	t.Helper()
	var names []string
	for _, file := range []string{"kernel_linux_test.go", "refresh_linux_test.go"} {
		text := read(t, filepath.Join("..", "server", "internal", "nftset", file))
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// oldRelease is the release of the kernel, which is older than what we tell apart.
func oldRelease(t *testing.T) (release string) {
	t.Helper()
	kernels, err := filepath.Glob(filepath.Join(*oldKernel, "boot", "vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		t.Fatalf("%s/boot has not one kernel but %q, %v", *oldKernel, kernels, err)
	}
	release = strings.TrimPrefix(filepath.Base(kernels[0]), "vmlinuz-")
	if !regexp.MustCompile(`^([45]\.|6\.(\d|1[01])\.)`).MatchString(release) {
		t.Fatalf("Linux %s refreshes timeouts: this test is for one before 6.12", release)
	}
	return release
}

// boot runs a program of [initramfs] in a virtual machine of its own until it ends,
// and returns what the machine said.
func boot(t *testing.T, release string, program ...string) string {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(dir, "initramfs")
	if err := os.WriteFile(archive, initramfs(t, dir, release), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), guestTime)
	defer cancel()
	// What the kernel does not know goes to the first process: NAME=value into its
	// environment, and what follows -- as its arguments.
	line := "console=ttyS0 quiet panic=-1 mitigations=off CI=true PATH=/bin -- " + strings.Join(program, " ")
	qemu := exec.CommandContext(ctx, "qemu-system-x86_64", "-machine", "pc,accel=tcg", "-cpu", "max", "-m", "1024",
		"-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-kernel", filepath.Join(*oldKernel, "boot", "vmlinuz-"+release), "-initrd", archive, "-append", line)
	said, err := qemu.CombinedOutput()
	if err != nil {
		t.Errorf("qemu: %v, %v", err, ctx.Err())
	}
	return strings.ReplaceAll(string(said), "\r", "") // a terminal gets them
}

// initramfs is what the machine has for files: guest, the tests of nftset as /program,
// the tools that these use, and the modules of the kernel.
func initramfs(t *testing.T, dir, release string) []byte {
	t.Helper()
	var a cpio
	a.file("init", static(t, dir, "build", "./guest"))
	a.file("program", static(t, dir, "test", "-c", "splitdns/server/internal/nftset"))
	for _, name := range []string{"nft", "sh"} {
		a.tool(t, name)
	}
	for i, m := range modules(t, release, "nf_tables") {
		a.file(fmt.Sprintf("modules/%03d-%s", i, filepath.Base(m)), read(t, m))
	}
	a.put("dev/console", 0o20600, [2]int{5, 1}, nil)
	a.put("dev/null", 0o20666, [2]int{1, 3}, nil)
	a.put("TRAILER!!!", 0, [2]int{}, nil)
	return a.Bytes()
}

// static builds a program that needs no libraries, for the machine.
func static(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(dir, args[0])
	last := len(args) - 1
	c := exec.Command("go", append(append(args[:last:last], "-o", out), args[last])...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, said)
	}
	return read(t, out)
}

// read is a file.
func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// modules finds the files of names and of all that they need, which come first.
func modules(t *testing.T, release string, names ...string) (files []string) {
	t.Helper()
	at := make(map[string]string)
	all := filepath.Join(*oldKernel, "lib", "modules", release)
	if err := filepath.WalkDir(all, func(path string, d os.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(filepath.Base(path), ".ko"); ok {
			at[strings.ReplaceAll(name, "-", "_")] = path
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	var take func(names []string)
	take = func(names []string) {
		for _, name := range names {
			if seen[name] {
				continue
			}
			seen[name] = true
			if at[name] == "" {
				t.Fatalf("%s has no module %s", all, name)
			}
			take(moduleNeeds(t, at[name]))
			files = append(files, at[name])
		}
	}
	take(names)
	return files
}

// moduleNeeds is the names of the modules that one needs, as it says itself.
func moduleNeeds(t *testing.T, path string) []string {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Section(".modinfo").Data()
	if err != nil {
		t.Fatal(err)
	}
	for field := range bytes.SplitSeq(info, []byte{0}) {
		if names, ok := bytes.CutPrefix(field, []byte("depends=")); ok && len(names) > 0 {
			return strings.Split(string(names), ",")
		}
	}
	return nil
}

// A cpio is an archive in the form that the kernel takes as its first files, see
// Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
type cpio struct {
	bytes.Buffer
	files int
	dirs  map[string]bool
}

// file puts in a file that may be run, and the folders above it.
func (a *cpio) file(name string, text []byte) {
	a.folders(filepath.Dir(name))
	a.put(name, 0o100755, [2]int{}, text)
}

// tool puts a program of this machine into /bin, and its libraries where they are here.
func (a *cpio) tool(t *testing.T, name string) {
	t.Helper()
	at, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	a.file("bin/"+name, read(t, at))
	libraries, err := exec.Command("ldd", at).Output()
	if err != nil {
		t.Fatalf("ldd %s: %v", at, err)
	}
	for _, library := range regexp.MustCompile(`/\S+`).FindAllString(string(libraries), -1) {
		a.file(strings.TrimPrefix(library, "/"), read(t, library))
	}
}

// folders puts in dir and what is above it, once each.
func (a *cpio) folders(dir string) {
	if dir == "." || a.dirs[dir] {
		return
	}
	a.folders(filepath.Dir(dir))
	if a.dirs == nil {
		a.dirs = make(map[string]bool)
	}
	a.dirs[dir] = true
	a.put(dir, 0o40755, [2]int{}, nil)
}

// put puts in anything, with its mode and, if it is a device, its numbers.
func (a *cpio) put(name string, mode int, device [2]int, text []byte) {
	a.files++
	fmt.Fprintf(a, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", a.files, mode,
		0, 0, 1, 0, len(text), 0, 0, device[0], device[1], len(name)+1, 0)
	a.WriteString(name + "\x00")
	a.align()
	a.Write(text)
	a.align()
}

// align fills up to a multiple of four.
func (a *cpio) align() {
	for a.Len()%4 != 0 {
		a.WriteByte(0)
	}
}
