package harness

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/netns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Each kind of leak is found and named while it lasts, and not after it. Other
// tests run at the same time, so each looks for its own.
func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	for name, leak := range map[string]func(*testing.T) (says []string, end func()){
		"descriptor":             leakDescriptor,
		"goroutine":              leakGoroutine,
		"child":                  leakChild,
		"child not waited for":   leakZombie,
		"namespace":              leakNamespace,
		"socket in a namespace":  leakSocketInNamespace,
		"thread in a namespace":  leakThreadInNamespace,
		"program in a namespace": leakProgramInNamespace,
		"lab":                    leakLab,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireLab(t)
			before, err := look()
			require.NoError(t, err)
			says, end := leak(t)
			assert.Eventually(t, func() bool { return tells(t, before, says) }, leakPatience, leakPace, "%q", says)
			end()
			assert.Eventually(t, func() bool { return !tells(t, before, says) }, leakPatience, leakPace, "%q", says)
		})
	}
}

// tells reports whether one line of what is new holds all the words.
func tells(t *testing.T, before possessions, says []string) bool {
	now, err := look()
	require.NoError(t, err)
	for _, line := range before.newIn(now) {
		found := true
		for _, words := range says {
			found = found && strings.Contains(line, words)
		}
		if found {
			return true
		}
	}
	return false
}

func leakDescriptor(t *testing.T) ([]string, func()) {
	file, err := os.Create(t.TempDir() + "/kept")
	require.NoError(t, err)
	return []string{fmt.Sprintf("descriptor %d: ", file.Fd()), file.Name()}, func() { file.Close() }
}

func leakGoroutine(*testing.T) ([]string, func()) {
	quit := make(chan struct{})
	go forgotten(quit)
	return []string{"goroutine ", "in github.com/finwait/finwait/harness.forgotten (chan receive)", "started by github.com/finwait/finwait/harness.leakGoroutine"}, func() { close(quit) }
}

func forgotten(quit chan struct{}) { <-quit }

func leakChild(t *testing.T) ([]string, func()) {
	child := exec.Command("sleep", "60.5")
	require.NoError(t, child.Start())
	return []string{fmt.Sprintf("child %d: sleep 60.5", child.Process.Pid)}, func() {
		require.NoError(t, child.Process.Kill())
		assert.Error(t, child.Wait())
	}
}

func leakZombie(t *testing.T) ([]string, func()) {
	child := exec.Command("true")
	require.NoError(t, child.Start())
	return []string{fmt.Sprintf("child %d: true (ended, and was not waited for)", child.Process.Pid)}, func() { require.NoError(t, child.Wait()) }
}

func leakNamespace(t *testing.T) ([]string, func()) {
	ns := newNamespace(t)
	return []string{"descriptor ", ": " + ns.String()}, func() { require.NoError(t, ns.Close()) }
}

func newNamespace(t *testing.T) *netns.Namespace {
	t.Helper()
	ns, err := netns.New()
	require.NoError(t, err)
	return ns
}

// leakSocketInNamespace leaves a socket that alone keeps the namespace alive.
func leakSocketInNamespace(t *testing.T) ([]string, func()) {
	ns := newNamespace(t)
	var socket int
	require.NoError(t, ns.Do(func() (err error) {
		socket, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	require.NoError(t, ns.Close())
	return []string{fmt.Sprintf("descriptor %d: socket:", socket), "in network namespace " + ns.String()}, func() { require.NoError(t, unix.Close(socket)) }
}

func leakThreadInNamespace(t *testing.T) ([]string, func()) {
	ns := newNamespace(t)
	quit, done := make(chan struct{}), make(chan error)
	go func() { done <- ns.Do(func() error { <-quit; return nil }) }()
	return []string{"thread ", "in network namespace " + ns.String()}, func() {
		close(quit)
		require.NoError(t, <-done)
		require.NoError(t, ns.Close())
	}
}

func leakProgramInNamespace(t *testing.T) ([]string, func()) {
	ns := newNamespace(t)
	child := exec.Command("sleep", "60.25")
	require.NoError(t, ns.Do(child.Start))
	require.NoError(t, ns.Close())
	return []string{fmt.Sprintf("child %d: sleep 60.25, in network namespace %v", child.Process.Pid, ns)}, func() {
		require.NoError(t, child.Process.Kill())
		assert.Error(t, child.Wait())
	}
}

// leakLab forgets to close a lab: its taps alone keep both namespaces.
func leakLab(t *testing.T) ([]string, func()) {
	lab, err := newLab(Case{}, IPv4, 0)
	require.NoError(t, err)
	return []string{"socket in network namespace " + lab.Client.ns.String()}, func() { require.NoError(t, lab.close()) }
}

// What is left fails the suite, with a text that lists it; what ends in time does
// not.
func TestLeaksFailTheSuite(t *testing.T) {
	t.Parallel()
	requireLab(t)
	check, err := newLeakCheck()
	require.NoError(t, err)
	says, end := leakDescriptor(t)
	defer end()
	var out strings.Builder
	assert.Equal(t, 1, check.end(0, time.Millisecond, &out))
	assert.Equal(t, 2, check.end(2, time.Millisecond, &out), "the code of the tests is worse")
	assert.Contains(t, out.String(), "finwait: left behind, 1 ms after the last test:\n  ")
	for _, words := range says {
		assert.Contains(t, out.String(), words)
	}
}

// A thread that ends while it is looked at is no error.
func TestThreadsThatEnd(t *testing.T) {
	t.Parallel()
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for next := make(chan struct{}); ; {
			go func() { // it ends with its thread
				runtime.LockOSThread()
				next <- struct{}{}
			}()
			select {
			case <-next:
			case <-quit:
				<-next
				return
			}
		}
	}()
	for end := time.Now().Add(time.Second / 5); time.Now().Before(end); {
		assert.NoError(t, listThreads(possessions{}, ""))
	}
	close(quit)
	<-ended
}

// Threads are bounded: more than Go can have needed are told.
func TestThreadsAreBounded(t *testing.T) {
	t.Parallel()
	few, err := (&leakCheck{threads: 1 << 20}).surplus()
	require.NoError(t, err)
	assert.Empty(t, few)
	many, err := (&leakCheck{threads: -runtime.GOMAXPROCS(0) - parallel()}).surplus()
	require.NoError(t, err)
	require.Len(t, many, 1)
	assert.Regexp(t, `^\d+ threads, -\d+ before the first lab: Go needs no more than 0$`, many[0])
}

// What ends by itself is waited for, and no longer than that.
func TestLeaksThatEnd(t *testing.T) {
	t.Parallel()
	looks := 0
	left, err := awaitNone(func() ([]string, error) {
		if looks++; looks < 3 {
			return []string{"descriptor 9"}, nil
		}
		return nil, nil
	}, time.Minute)
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.Equal(t, 3, looks)
}

func TestListGoroutines(t *testing.T) {
	t.Parallel()
	held := possessions{}
	listGoroutines(held, `goroutine 1 [running]:
main.main()
	/x/main.go:3 +0x1

goroutine 35 [select, 2 minutes, locked to thread]:
github.com/finwait/finwait/harness.(*watcher).run(0xc000, 0x1)
	/x/watch.go:70 +0x2
created by github.com/finwait/finwait/harness.(*Conn).watch in goroutine 7
	/x/conn.go:111 +0x3

goroutine 40 [syscall]:
os/signal.signal_recv()
	/x/sigqueue.go:152 +0x29
created by os/signal.Notify.func1.1 in goroutine 7
	/x/signal.go:151 +0x1f
`)
	assert.Equal(t, possessions{
		"goroutine 1":  "goroutine 1: in main.main (running)",
		"goroutine 35": "goroutine 35: in github.com/finwait/finwait/harness.(*watcher).run (select, 2 minutes, locked to thread), started by github.com/finwait/finwait/harness.(*Conn).watch",
	}, held)
}
