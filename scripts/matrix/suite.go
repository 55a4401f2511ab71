package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/finwait/finwait/scripts/guest"
)

// A suite is the compiled cases, and the programs that get kernels and run on them.
type suite struct {
	root                   string // of the module
	dir                    string // of the results
	vmexec, kernels, cases string
	told                   io.Writer
}

// prepare compiles all that is needed.
func prepare(ctx context.Context, root string, told io.Writer) (suite, error) {
	dir := filepath.Join(root, home)
	programs := filepath.Join(dir, "bin")
	s := suite{
		root: root, dir: dir, told: told,
		vmexec: filepath.Join(programs, "vmexec"), kernels: filepath.Join(programs, "kernels"), cases: filepath.Join(programs, "cases.test"),
	}
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return suite{}, fmt.Errorf("making a place for the results: %w", err)
	}
	return s, guest.Compile(ctx, root, programs, "vmexec", "kernels")
}

// A kernel is one to run the cases on.
type kernel struct {
	name string // of its results
	// flags are what scripts/vmexec takes for it; none for the host's own.
	flags []string
}

func (k kernel) host() bool { return k.flags == nil }

// find gets the kernels, in this order.
func (s suite) find(ctx context.Context, names []string) ([]kernel, error) {
	var found []kernel
	taken := map[string]bool{}
	for _, name := range names {
		k := kernel{name: "host"}
		if name != k.name {
			var err error
			if k, err = s.get(ctx, name); err != nil {
				return nil, err
			}
		}
		if !taken[k.name] { // Debian's newest may be one of the others
			taken[k.name] = true
			found = append(found, k)
		}
	}
	return found, nil
}

// get gets a kernel of Debian. Its name is that which scripts/kernels keeps it by, as
// debian-6.12.
func (s suite) get(ctx context.Context, version string) (kernel, error) {
	command := guest.Command(ctx, s.kernels, "get", "debian:"+version)
	command.Stderr = s.told
	out, err := command.Output()
	if err != nil {
		return kernel{}, fmt.Errorf("getting Linux %s of Debian: %w", version, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	k := kernel{flags: strings.Fields(lines[len(lines)-1])}
	const flags = 4 // -kernel qemu:DIR/vmlinuz -modules DIR/modules/RELEASE
	if len(k.flags) != flags {
		return kernel{}, fmt.Errorf("getting Linux %s of Debian: scripts/kernels says %q, and no kernel", version, out)
	}
	k.name = filepath.Base(filepath.Dir(k.flags[1]))
	return k, nil
}

// run runs the cases on a kernel. What they print goes to NAME.txt, what they find
// to the directory NAME.
func (s suite) run(ctx context.Context, k kernel, cases []string) error {
	report := filepath.Join(s.dir, k.name)
	if err := os.MkdirAll(report, 0o755); err != nil {
		return fmt.Errorf("making a place for the results: %w", err)
	}
	if err := os.Remove(filepath.Join(report, "results.json")); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("removing what an earlier run has found: %w", err)
	}
	output, err := os.Create(report + ".txt")
	if err != nil {
		return err
	}
	defer output.Close()
	args := append([]string{s.cases, "-test.v", "-report=" + report}, cases...)
	program := filepath.Join(s.root, "scripts/privileged")
	environ := os.Environ()
	if !k.host() {
		// A guest in which nothing else is different does the same again.
		program, environ = s.vmexec, []string{"PATH=" + os.Getenv("PATH")}
		args = append(append([]string{"-virtual-time"}, k.flags...), append(args, "-watch=3h")...)
	}
	var complained bytes.Buffer
	command := guest.Command(ctx, program, args...)
	command.Dir, command.Env = filepath.Join(s.root, "cases"), environ
	command.Stdout, command.Stderr = output, io.MultiWriter(output, &complained)
	if err := command.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, complained.Bytes())
	}
	return nil
}
