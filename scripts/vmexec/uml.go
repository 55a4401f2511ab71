package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// umlArgs starts a User Mode Linux. In virtual time its processor takes no time at
// all, and the clock leaps to the next timer when it waits (time-travel=inf-cpu).
// Programs are caught by seccomp filters where the kernel knows how (since 6.16), which
// takes half the time of ptrace; it trusts them not to break out, and they are ours.
// Its directory of running machines is made impossible: nobody controls this one from
// outside, and nothing may be left behind.
func umlArgs(opts options) []string {
	args := []string{
		fmt.Sprintf("mem=%dM", memory), "initrd=" + descriptor(initrdFD),
		fmt.Sprintf("con0=null,fd:%d", consoleFD),
		fmt.Sprintf("con1=null,fd:%d", outputFD),
		fmt.Sprintf("con2=null,fd:%d", controlFD),
		"con=null", "uml_dir=/dev/null/", "seccomp=auto", bootArgs,
	}
	if opts.virtual {
		args = append(args, "time-travel=inf-cpu")
	}
	return args
}

// umlEnv is the environment of a User Mode Linux. Its memory is a file in TMPDIR, which
// it removes at once: in memory where there is room for it. glibc's restartable
// sequences are switched off: the processes of the guest inherit the registration, and
// unmap the memory that it points to ("wait_stub_done: failed", seen with Linux 6.1 and
// 6.12 and glibc 2.36).
func umlEnv(environ []string) []string {
	env := append(environ, "GLIBC_TUNABLES=glibc.pthread.rseq=0")
	var fs unix.Statfs_t
	const inMemory = "/dev/shm"
	if unix.Access(inMemory, unix.W_OK) == nil && unix.Statfs(inMemory, &fs) == nil && holdsMemory(&fs) {
		return append(env, "TMPDIR="+inMemory)
	}
	return append(env, "TMPDIR="+os.TempDir())
}

// holdsMemory reports whether a file system has room for the memory of a guest, and
// lets it run what is there: a User Mode Linux does not start where that is forbidden
// (check_tmpexec in arch/um/os-Linux/mem.c, Linux 6.12 to 7.3).
func holdsMemory(fs *unix.Statfs_t) bool {
	const noexec = unix.MS_NOEXEC // ST_NOEXEC of statfs(2) is the same bit
	return int64(fs.Bavail)*fs.Bsize > memory<<20 && fs.Flags&noexec == 0
}
