package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// compiledIn names the environment variable that tells the soak, when it is
// started again with privileges, where the compiled tests are.
const compiledIn = "FINWAIT_SOAK_COMPILED"

// prepare makes the directories, and compiles the tests.
func (s *soak) prepare(ctx context.Context) (err error) {
	if s.root, err = os.Getwd(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.root, "scripts", "privileged")); err != nil {
		return fmt.Errorf("it must be started in the root of the module: %w", err)
	}
	if s.scratch, err = os.MkdirTemp("", "finwait-soak-"); err != nil {
		return err
	}
	s.temporary = filepath.Join(s.scratch, "tmp")
	s.disk = filepath.Join(s.temporary, "disk")
	if err := os.MkdirAll(s.disk, 0o700); err != nil {
		return err
	}
	compiled := os.Getenv(compiledIn)
	if compiled == "" {
		compiled = s.scratch
	}
	s.cases, s.harness = filepath.Join(compiled, "cases.test"), filepath.Join(compiled, "harness.test")
	if compiled != s.scratch {
		return s.listTests(ctx)
	}
	for path, pkg := range map[string]string{s.cases: "./cases", s.harness: "./harness"} {
		if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", path, pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("compiling %s: %w\n%s", pkg, err, out)
		}
	}
	return s.listTests(ctx)
}

// listTests asks the cases for their names.
func (s *soak) listTests(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, s.cases, "-test.list=.").Output()
	if err != nil {
		return fmt.Errorf("listing the cases: %w", err)
	}
	s.tests = strings.Fields(string(out))
	return nil
}

// again runs the same with privileges. The compiler has run without them, so that
// no file in its cache becomes root's.
func (s *soak) again(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"env", compiledIn + "=" + s.scratch, "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), self}
	command := exec.Command(filepath.Join(s.root, "scripts", "privileged"), append(args, os.Args[1:]...)...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := command.Start(); err != nil {
		return err
	}
	// Ctrl-C reaches both; a signal to this process alone is handed on.
	stop := context.AfterFunc(ctx, func() { _ = command.Process.Signal(unix.SIGTERM) })
	defer stop()
	return command.Wait()
}

// asCaller has a command run as the user who called sudo: go and make are theirs.
func (s *soak) asCaller(command *exec.Cmd) error {
	var uid, gid uint32
	if os.Getenv("SUDO_UID") == "" {
		return nil
	}
	if _, err := fmt.Sscan(os.Getenv("SUDO_UID")+" "+os.Getenv("SUDO_GID"), &uid, &gid); err != nil {
		return fmt.Errorf("reading who called sudo: %w", err)
	}
	command.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return errors.Join(os.Chown(s.scratch, int(uid), int(gid)), os.Chown(s.temporary, int(uid), int(gid)))
}
