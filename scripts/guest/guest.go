// Package guest compiles the cases, and the programs that run them on other kernels,
// for those scripts that do so on several.
//
//	err := guest.Compile(ctx, root, dir, "vmexec")
//	command := guest.Command(ctx, dir+"/vmexec", "-kernel", kernel, dir+"/cases.test")
package guest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Compile compiles programs of scripts and the cases, as cases.test, into a directory.
// They need no C library, which a guest has not. root is the module's.
func Compile(ctx context.Context, root, dir string, programs ...string) error {
	build := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, program := range programs {
		build = append(build, "./scripts/"+program)
	}
	for _, args := range [][]string{build, {"test", "-c", "-o", filepath.Join(dir, "cases.test"), "./cases"}} {
		command := exec.CommandContext(ctx, "go", args...)
		command.Dir = root
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// Command is a program that gets SIGTERM when the context is done, so that it can end
// its guest, and SIGKILL 10 s later.
func Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, args...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	return command
}
