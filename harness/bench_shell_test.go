package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// shellScript makes what a lab needs with a program for each step; $1 and $2 are
// processes in the two namespaces.
const shellScript = `
set -e
a="nsenter -t $1 -n ip" b="nsenter -t $2 -n ip"
$a link add eth0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns $2
$a link set lo up
$a link set eth0 up
$a addr add 192.0.2.1/24 dev eth0
$a addr add 2001:db8::1/64 dev eth0 nodad
$a neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
$a neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
$b link set lo up
$b link set eth0 up
$b addr add 192.0.2.2/24 dev eth0
$b addr add 2001:db8::2/64 dev eth0 nodad
$b neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
$b neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
$b link show eth0 >/dev/null
$a link show eth0 >/dev/null
`

// shellUp makes what a lab needs as a shell script does, with programs. It has
// no rules of iptables, nor has a lab before its first freeze.
func shellUp() (pair, error) {
	for _, tool := range []string{"ip", "nsenter", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			return pair{}, fmt.Errorf("NOT MEASURED: the shell's way needs iproute2 and util-linux: %w", err)
		}
	}
	var holders [2]holder
	down := func() error { return errors.Join(holders[0].end(), holders[1].end()) }
	for i := range holders {
		if err := holders[i].start(); err != nil {
			return pair{}, errors.Join(err, down())
		}
	}
	script := exec.Command("sh", "-c", shellScript, "sh", holders[0].pid(), holders[1].pid())
	if out, err := script.CombinedOutput(); err != nil {
		return pair{}, errors.Join(fmt.Errorf("running the script: %w: %s", err, out), down())
	}
	talk := func() error { return connectOnce(holders[0].do, holders[1].do) }
	return pair{talk, down}, nil
}

// A holder is a process that keeps a namespace.
type holder struct {
	command *exec.Cmd
	stdin   io.Closer
}

// start returns when the process is in its namespace.
func (h *holder) start() error {
	command := exec.Command("unshare", "-n", "sh", "-c", "echo; exec cat")
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	h.command, h.stdin = command, stdin
	_, err = bufio.NewReader(stdout).ReadString('\n')
	return err
}

func (h *holder) pid() string { return strconv.Itoa(h.command.Process.Pid) }

// end has cat read the end of its input.
func (h *holder) end() error {
	if h.command == nil {
		return nil
	}
	return errors.Join(h.stdin.Close(), h.command.Wait())
}

// do runs f inside.
func (h *holder) do(f func() error) (err error) {
	fd, err := unix.Open("/proc/"+h.pid()+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	return (&rawHost{namespace: fd}).do(f)
}
