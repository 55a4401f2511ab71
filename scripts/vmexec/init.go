package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// This file is what runs in the guest, as its first process.

// afterwards is how long the guest goes on in virtual time when the test has ended:
// a kernel that waits for a reference to a link says so for the first time after ten
// seconds (netdev_unregister_timeout_secs, net/core/dev.c, Linux 5.13 to 7.3). In real
// time that would be the longest part of many a run, and is left out.
const afterwards = 15 * time.Second

// isGuest reports whether this is the first process of a guest.
func isGuest() bool {
	_, err := os.Stat(jobPath)
	return os.Getpid() == 1 && err == nil
}

// guestMain does the job, and powers the guest off.
func guestMain() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "vmexec:", err) // on the console: the host was not reached
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Fprintln(os.Stderr, "vmexec: powering off:", err)
	}
}

// serve reads the job and does it. An error is one of telling the host.
func serve() error {
	if err := mountAll(); err != nil {
		return err
	}
	text, err := os.ReadFile(jobPath)
	if err != nil {
		return err
	}
	var todo job
	if err := json.Unmarshal(text, &todo); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	control, err := openRaw(todo.Control)
	if err != nil {
		return err
	}
	last, err := todo.do(control)
	if err != nil {
		last = message{Kind: failed, Why: err.Error()}
	}
	return send(control, last)
}

// do runs the test, and is what to tell of its end.
func (todo job) do(control *os.File) (message, error) {
	output, err := openRaw(todo.Output)
	if err != nil {
		return message{}, err
	}
	if err := errors.Join(loadModules(todo.Modules), furnish(), settle()); err != nil {
		return message{}, err
	}
	before := list(todo.Outputs)
	if err := send(control, message{Kind: started}); err != nil {
		return message{}, err
	}
	status, err := todo.test(output)
	if err != nil {
		return message{}, err
	}
	// Until all that was printed has left.
	if err := unix.IoctlSetInt(int(output.Fd()), unix.TCSBRK, 1); err != nil {
		return message{}, fmt.Errorf("waiting for the output: %w", err)
	}
	for _, path := range before.changed(list(todo.Outputs)) {
		if err := sendFile(control, path); err != nil {
			return message{}, err
		}
	}
	if todo.Virtual {
		time.Sleep(afterwards) // it costs nothing, and there is no event to wait for
	}
	last := message{Kind: exited, Status: status.ExitStatus()}
	if status.Signaled() {
		last.Signal = status.Signal().String()
	}
	return last, nil
}

// test runs the test, and waits for everything that becomes a child of this
// process meanwhile.
func (todo job) test(output *os.File) (syscall.WaitStatus, error) {
	command := exec.Command(testPath)
	command.Args, command.Env, command.Dir = todo.Args, todo.Env, todo.Dir
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("starting the test: %w", err)
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("waiting for the test: %w", err)
		}
		if pid == command.Process.Pid {
			return status, nil
		}
	}
}

// mountAll mounts what every program expects.
func mountAll() error {
	for _, m := range []struct{ kind, path string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		if err := unix.Mount(m.kind, m.path, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mounting %s: %w", m.path, err)
		}
	}
	return nil
}

// fallbackTunnels is the sysctl that, set to 1, has new network namespaces begin without
// sit0 and its like, which take a seventh of the time that it takes to make one, and are
// no part of a lab (net_has_fallback_tunnels in include/linux/netdevice.h).
const fallbackTunnels = "/proc/sys/net/core/fb_tunnels_only_for_init_net"

// furnish makes the guest a machine with a network of its own and no narrow limits.
func furnish() error {
	const many = 1 << 20 // the most that fs.nr_open allows by default
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: many, Max: many}); err != nil {
		return fmt.Errorf("raising the limit of descriptors: %w", err)
	}
	if err := unix.Sethostname([]byte("guest")); err != nil {
		return fmt.Errorf("naming the guest: %w", err)
	}
	if err := os.WriteFile(fallbackTunnels, []byte("1"), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sparing new namespaces the links of tunnels: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("setting lo up: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("setting lo up: %w", err)
	}
	return nil
}

// settled is how long after its boot a machine is like any other. TCP keeps when a
// timestamp came in seconds since the boot, and 0 for none (ts_recent_stamp,
// tcp_paws_check in include/net/tcp.h, Linux 5.10 to 7.3): in the first second of a
// guest TIME_WAIT forgets the peer's timestamps.
const settled = 2 * time.Second

// settle waits until then.
func settle() error {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &since); err != nil {
		return fmt.Errorf("asking for the time since the boot: %w", err)
	}
	time.Sleep(settled - time.Duration(since.Nano()))
	return nil
}

// loadModules loads kernel modules in their order.
func loadModules(paths []string) error {
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(file.Fd()), "", 0)
		file.Close()
		switch {
		case errors.Is(err, unix.EEXIST):
		case errors.Is(err, unix.ENOEXEC):
			return fmt.Errorf("loading %s: %w: -modules must be those of this very kernel", path, err)
		case err != nil:
			return fmt.Errorf("loading %s: %w", path, err)
		}
	}
	return nil
}

// openRaw opens a line of the guest that changes nothing of what is written.
func openRaw(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a line to the host: %w", err)
	}
	settings, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("reading the settings of %s: %w", path, err)
	}
	settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
	settings.Cflag = settings.Cflag&^unix.CBAUD | unix.CS8 | unix.CLOCAL | unix.B115200
	if err := unix.IoctlSetTermios(int(file.Fd()), unix.TCSETS, settings); err != nil {
		return nil, fmt.Errorf("setting %s: %w", path, err)
	}
	return file, nil
}
