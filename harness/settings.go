package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/finwait/finwait/harness/tcp"
)

// ownSysctl is where the sysctls are of the namespace that the thread is in, mostly
// that which the suite was started in. They are read here, never written.
const ownSysctl = "/proc/sys/net/ipv4/"

// readSysctl reads one of them.
func readSysctl(name string) (string, error) {
	text, err := readKernelFile(ownSysctl + name)
	return strings.TrimSpace(text), err
}

// hasSysctl reports whether this kernel has the sysctl below net.ipv4.
func hasSysctl(name string) (bool, error) {
	_, err := os.Stat(ownSysctl + name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// ownSettings are this machine's settings, as far as they differ from what a
// lab has anyway.
func ownSettings(kernel kernel) (Sysctls, error) {
	settings, err := tcp.ReadSettings(readSysctl)
	if err != nil {
		return nil, err
	}
	own, defaults := Sysctls{}, kernel.defaults.Values()
	for name, value := range settings.Values() {
		if value != defaults[name] {
			own[name] = value
		}
	}
	return own, nil
}

// readOwn reads the settings that cases with OwnSettings run under.
func (r *run) readOwn() (err error) {
	kernel, err := thisKernel()
	if err != nil {
		return err
	}
	if r.options.Settings == "" {
		r.source = "this machine"
		r.own, err = ownSettings(kernel)
		return err
	}
	r.source, err = fromRoot(r.options.Settings)
	if err != nil {
		return err
	}
	r.own, err = r.readFile(r.source)
	return err
}

// readFile reads a sysctl.d file, and notes what of it has no part.
func (r *run) readFile(path string) (Sysctls, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the settings: %w", err)
	}
	if info.Mode()&(fs.ModeDir|fs.ModeDevice) != 0 {
		return nil, fmt.Errorf("reading the settings: %s is no file: name one of sysctl.d", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the settings: %w", err)
	}
	defer file.Close()
	parsed, err := tcp.ParseSysctls(path, file)
	if err != nil {
		return nil, firstLines(err)
	}
	note := func(text string, args ...any) { r.notes = append(r.notes, fmt.Sprintf(text, args...)) }
	if parsed.Ignored > 0 {
		note("ignored, being outside net.ipv4.tcp_*: %d", parsed.Ignored)
	}
	if len(parsed.Unused) > 0 {
		note("no prediction depends on %s", strings.Join(parsed.Unused, ", "))
	}
	if len(parsed.HostWide) > 0 {
		note("left alone, because all namespaces share it: %s", strings.Join(parsed.HostWide, ", "))
	}
	for _, line := range parsed.Forgiven {
		note("passed over, as its leading - asks: %v", line)
	}
	for _, name := range slices.Sorted(maps.Keys(parsed.Values)) {
		exists, err := hasSysctl(name)
		if err != nil {
			return nil, err
		}
		if !exists {
			note("this kernel has no %s: left out", name)
			delete(parsed.Values, name)
		}
	}
	return parsed.Values, nil
}

// firstLines is an error without most of its lines: a file of another kind has
// something wrong in each of its own.
func firstLines(err error) error {
	const enough = 10
	lines := strings.SplitN(err.Error(), "\n", enough+1)
	if len(lines) <= enough {
		return err
	}
	more := 1 + strings.Count(lines[enough], "\n")
	return fmt.Errorf("%s\nand %d more", strings.Join(lines[:enough], "\n"), more)
}

// fromRoot makes a path absolute; a relative one counts from the root of the
// module, which go test does not start in.
func fromRoot(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for root := dir; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return filepath.Join(root, path), nil
		}
		if root == filepath.Dir(root) {
			return filepath.Join(dir, path), nil
		}
	}
}
