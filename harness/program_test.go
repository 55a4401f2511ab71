package harness

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestProgramRunsOnItsHost(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	ours, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	for _, host := range []*Host{lab.Client, lab.Server} {
		program := host.Command("readlink", "/proc/self/ns/net")
		var out strings.Builder
		program.Stdout = &out

		require.NoError(t, program.Run())

		assert.Equal(t, host.ns.String()+"\n", out.String())
		assert.NotEqual(t, ours+"\n", out.String())
	}
}

// The surroundings are those of os/exec.
func TestProgramSurroundings(t *testing.T) {
	t.Parallel()
	program := lab(t, tcp.Gone, nil).Server.Command("sh", "-c", `read line; echo "$line $WORD"; pwd >&2; exit 3`)
	var out, errs strings.Builder
	program.Stdin, program.Stdout, program.Stderr = strings.NewReader("one\n"), &out, &errs
	program.Env, program.Dir = []string{"WORD=two"}, "/"
	assert.Zero(t, program.Pid())

	err := program.Run()

	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 3, exit.ExitCode())
	require.EqualError(t, err, "sh on the server: exit status 3")
	assert.Equal(t, err, program.Wait(), "asked again")
	assert.Equal(t, "one two\n", out.String())
	assert.Equal(t, "/\n", errs.String())
	assert.NotZero(t, program.Pid())
	assert.ErrorIs(t, program.Signal(os.Interrupt), os.ErrProcessDone)
}

func TestProgramMisused(t *testing.T) {
	t.Parallel()
	host := lab(t, tcp.Gone, nil).Client
	missing := host.Command("finwait-no-such-program")
	require.ErrorContains(t, missing.Wait(), "waiting for finwait-no-such-program on the client: it was not started")
	require.ErrorContains(t, missing.Signal(os.Interrupt), "it was not started")
	require.ErrorIs(t, missing.Run(), exec.ErrNotFound)
	require.ErrorContains(t, missing.Start(), "it was started before")

	program := host.Command("true")
	require.NoError(t, program.Start())
	require.ErrorContains(t, program.Start(), "starting true on the client: it was started before")
	assert.NoError(t, program.Wait())
}

func TestProgramSignal(t *testing.T) {
	t.Parallel()
	program := lab(t, tcp.Gone, nil).Client.Command("sleep", "600")
	require.NoError(t, program.Start())

	require.NoError(t, program.Signal(unix.SIGTERM))

	assert.EqualError(t, program.Wait(), "sleep on the client: signal: terminated")
}

// The end of a lab is the end of what runs in it: of a program, one that is
// stopped, one whose test waits, and what a program has left behind, in a
// session of its own and holding its output.
func TestProgramsEndWithTheLab(t *testing.T) {
	t.Parallel()
	requireLab(t)
	lab, err := newLab(Case{}, IPv4, time.Minute)
	require.NoError(t, err)
	running, stopped := lab.Client.Command("sleep", "600"), lab.Server.Command("sleep", "600")
	leaving := lab.Server.Command("sh", "-c", "setsid sleep 600 & echo $!; echo $! >&2")
	output, input, err := os.Pipe()
	require.NoError(t, err)
	leaving.Stdout, leaving.Stderr = input, &bytes.Buffer{}
	for _, program := range []*Program{running, stopped, leaving} {
		require.NoError(t, program.Start())
	}
	require.NoError(t, stopped.Signal(unix.SIGSTOP))
	waited := make(chan error, 1)
	go func() { waited <- running.Wait() }()
	var left int
	_, err = fmt.Fscan(output, &left)
	require.NoError(t, err)
	require.NoError(t, errors.Join(input.Close(), output.Close()))
	ends := []int{pidfd(t, running.Pid()), pidfd(t, stopped.Pid()), pidfd(t, left)}

	begin := time.Now()
	require.NoError(t, lab.close())

	assert.Less(t, time.Since(begin), outputDelay, "nothing is waited for in vain")
	for _, end := range ends {
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		assert.NoError(t, awaitEnd(ctx, end))
	}
	assert.EqualError(t, <-waited, "sleep on the client: signal: killed")
	assert.ErrorIs(t, stopped.Signal(os.Kill), os.ErrProcessDone)
}

// A reader that never ends fails the lab, and does not hold it.
func TestProgramWhoseInputStaysOpen(t *testing.T) {
	t.Parallel()
	requireLab(t)
	lab, err := newLab(Case{}, IPv4, time.Minute)
	require.NoError(t, err)
	input, writer := io.Pipe()
	program := lab.Client.Command("sleep", "600")
	program.Stdin = input
	require.NoError(t, program.Start())

	require.ErrorContains(t, lab.close(), "waiting for sleep on the client, which was killed, or for the end of its Stdin")

	require.NoError(t, writer.Close())
	assert.EqualError(t, program.Wait(), "sleep on the client: signal: killed")
}

// asVictim has the test binary be the process that is killed.
const asVictim = "FINWAIT_VICTIM"

// A killed test binary takes its programs with it.
func TestProgramDiesWithTheTestBinary(t *testing.T) {
	if os.Getenv(asVictim) != "" {
		beVictim(t)
		return
	}
	t.Parallel()
	requireLab(t)
	binary, err := os.Executable()
	require.NoError(t, err)
	victim := exec.Command(binary, "-test.run=^"+t.Name()+"$")
	victim.Env = append(os.Environ(), asVictim+"=1")
	input, err := victim.StdinPipe()
	require.NoError(t, err)
	defer input.Close()
	output, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	defer func() { assert.Error(t, victim.Wait()) }()
	defer func() { _ = victim.Process.Kill() }()
	var ends []int
	lines := bufio.NewScanner(output)
	for len(ends) < 2 && lines.Scan() {
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), "program %d", &pid); err == nil {
			end := pidfd(t, pid)
			t.Cleanup(func() { _ = unix.PidfdSendSignal(end, unix.SIGKILL, nil, 0) }) // if this test fails
			ends = append(ends, end)
		}
	}
	require.Len(t, ends, 2, "programs; %v", lines.Err())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, awaitEnd(ctx, ends[0]), context.DeadlineExceeded, "before the victim is killed")

	require.NoError(t, victim.Process.Signal(syscall.SIGKILL))

	ctx, cancel = context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	for _, end := range ends {
		assert.NoError(t, awaitEnd(ctx, end))
	}
}

// beVictim runs a program and one that is stopped, tells their ids, and waits
// to be killed, or for the end of the test that does it.
func beVictim(t *testing.T) {
	lab := lab(t, tcp.Gone, nil)
	for _, host := range []*Host{lab.Client, lab.Server} {
		program := host.Command("sleep", "600")
		require.NoError(t, program.Start())
		if host == lab.Server {
			require.NoError(t, program.Signal(unix.SIGSTOP))
		}
		fmt.Println("program", program.Pid())
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	require.NoError(t, err)
}

// pidfd stands for a process even when its id is used again.
func pidfd(t *testing.T, pid int) int {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Close(fd)) })
	return fd
}
