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

// find gets the kernels, in this order, prints a line for each that cannot be had, and
// returns the names of those as lacking: Debian will not have all of them for ever.
func (s suite) find(ctx context.Context, names []string, out io.Writer) (found []kernel, lacking []string) {
	taken := map[string]bool{}
	for _, name := range names {
		k := kernel{name: "host"}
		if name != k.name {
			var err error
			if k, err = s.get(ctx, name); ctx.Err() != nil {
				return nil, nil
			} else if err != nil {
				lacking = append(lacking, k.name)
				fmt.Fprintf(out, "FAIL  %s: no kernel: %v\n", k.name, err)
				continue
			}
		}
		if !taken[k.name] { // Debian's newest may be one of the others
			taken[k.name] = true
			found = append(found, k)
		}
	}
	return found, lacking
}

// get gets a kernel of Debian. Its name is that which scripts/kernels keeps it by, as
// debian-6.12, and with an error the one that was asked for.
func (s suite) get(ctx context.Context, version string) (kernel, error) {
	k := kernel{name: "debian-" + version}
	var complained bytes.Buffer
	command := guest.Command(ctx, s.kernels, "get", "debian:"+version)
	command.Stderr = io.MultiWriter(s.told, &complained)
	out, err := command.Output()
	if err != nil {
		return k, fmt.Errorf("getting Linux %s of Debian: %w: %s", version, err, strings.TrimPrefix(lastLine(complained.String()), "finwait: "))
	}
	flags := strings.Fields(lastLine(string(out)))
	const wanted = 4 // -kernel qemu:DIR/vmlinuz -modules DIR/modules/RELEASE
	if len(flags) != wanted {
		return k, fmt.Errorf("getting Linux %s of Debian: scripts/kernels says %q, and no kernel", version, out)
	}
	return kernel{name: filepath.Base(filepath.Dir(flags[1])), flags: flags}, nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// emptied makes the directory of a report and empties it: a guest that finds nothing of
// an earlier run does the same again. Evidence of a run as root is root's to remove.
func emptied(report string) error {
	if err := os.RemoveAll(report); err != nil {
		return fmt.Errorf("removing what an earlier run has found, which may be root's: %w", err)
	}
	if err := os.MkdirAll(report, 0o755); err != nil {
		return fmt.Errorf("making a place for the results: %w", err)
	}
	return nil
}

// run runs the cases on a kernel. What they print goes to NAME.txt, what they find
// to the directory NAME.
func (s suite) run(ctx context.Context, k kernel, cases []string) error {
	report := filepath.Join(s.dir, k.name)
	if err := emptied(report); err != nil {
		return err
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
		return fmt.Errorf("%w: see %s\n%s", err, output.Name(), complained.Bytes())
	}
	return nil
}
