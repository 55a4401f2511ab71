package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	// jobPath is where the guest finds what it has to do.
	jobPath = "/vmexec/job.json"
	// testPath is the test; it is called by its name on the host, without the directory.
	testPath = "/vmexec/test"
)

// A job is what a guest has to do.
type job struct {
	Args    []string // of the test, the first its name
	Env     []string
	Dir     string
	Modules []string // paths of kernel modules, in the order in which to load them
	// Outputs are the files and directories to bring back.
	Outputs []string
	Virtual bool
	// Output and Control are the devices for what the test prints, and for what
	// the guest tells the host.
	Output, Control string
}

// tools are the programs of the host that tests of finwait run.
var tools = []string{"iptables", "ip6tables", "iptables-restore", "ip6tables-restore", "iptables-save", "ip6tables-save"}

// extensions are where iptables has its modules, on the systems there are.
var extensions = []string{"/usr/lib/*/xtables", "/usr/lib/xtables", "/usr/lib64/xtables", "/lib/xtables"}

// writeInitramfs makes the guest's file system.
func writeInitramfs(to *os.File, k kernel, t task, todo job) error {
	out := bufio.NewWriterSize(to, 1<<20)
	a := newArchive(out)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, dir := range []string{"/proc", "/sys", "/dev", "/tmp", "/run", t.dir} {
		if err := a.dir(dir); err != nil {
			return err
		}
	}
	if todo.Modules, err = a.kernelModules(k); err != nil {
		return err
	}
	steps := []func() error{
		func() error { return a.file("/init", self) },
		func() error { return a.test(t) },
		a.iptables,
		func() error { return a.outputs(t) },
		func() error { return a.job(todo) },
		a.close,
		out.Flush,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("packing the guest's files: %w", err)
		}
	}
	return nil
}

// test packs the test and what it reads.
func (a *archive) test(t task) error {
	libraries, err := librariesOf(t.binary)
	if err != nil {
		return err
	}
	if err := a.file(testPath, t.binary); err != nil {
		return err
	}
	read := append(libraries, filepath.Join(t.dir, "testdata"), filepath.Join(t.root, "go.mod"))
	if t.settings != "" {
		read = append(read, t.settings)
	}
	for _, path := range read {
		// What is missing the test misses, too, and says so.
		if err := a.same(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// loaderCache is where the loader finds libraries at once. Without it, it tries some
// twenty directories at every start.
const loaderCache = "/etc/ld.so.cache"

// iptables packs the programs with their extensions. Where there are none the
// test says what to install.
func (a *archive) iptables() error {
	if err := a.same(loaderCache); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range tools {
		path, err := lookPath(name)
		if err != nil {
			continue
		}
		if err := a.program(path); err != nil {
			return err
		}
	}
	for _, pattern := range extensions {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			if err := a.same(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookPath also looks where an ordinary user's PATH often does not.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, name))
		}
	}
	return path, err
}

// outputs makes the directories that are written to; those that the host has the test
// takes for granted. Of the directory of an
// earlier report the guest has the names: whether the test may write there
// depends on them.
func (a *archive) outputs(t task) error {
	for _, path := range t.outputs {
		dir := filepath.Dir(path)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			dir = path
		}
		if err := a.dir(dir); err != nil {
			return err
		}
	}
	if t.report == "" {
		return nil
	}
	if err := a.dir(t.report); err != nil {
		return err
	}
	entries, err := os.ReadDir(t.report)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(t.report, entry.Name())
		if entry.IsDir() {
			err = a.dir(path)
		} else {
			err = a.data(path, 0o644, bytes.NewReader(nil), 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// job packs what to do.
func (a *archive) job(todo job) error {
	text, err := json.Marshal(todo)
	if err != nil {
		return err
	}
	return a.data(jobPath, 0o644, bytes.NewReader(text), int64(len(text)))
}
