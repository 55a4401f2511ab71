package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A kernel's complaints of itself are told from what it says anyway.
func TestConsole(t *testing.T) {
	for line, complains := range map[string]bool{
		"[    7.1] WARNING: CPU: 0 PID: 12 at net/ipv4/tcp_timer.c:441 tcp_retransmit_timer+0x1/0x2":      true,
		"[    7.1] BUG: kernel NULL pointer dereference, address: 0000000000000010":                       true,
		"[    7.1] BUG: sleeping function called from invalid context at mm/slab.h:1":                     true,
		"[    7.1] kernel BUG at net/core/skbuff.c:100!":                                                  true,
		"[    7.1] Oops: 0000 [#1] PREEMPT SMP":                                                           true,
		"[    7.1] WARNING: possible circular locking dependency detected":                                true,
		"[    7.1] INFO: possible recursive locking detected":                                             true,
		"[    7.1] INFO: task cases.test:44 blocked for more than 120 seconds.":                           true,
		"[   17.1] unregister_netdevice: waiting for eth0 to become free. Usage count = 2":                true,
		"[   17.1] ref_tracker: eth0@00 has 1/1 users at":                                                 true,
		"[   28.1] rcu: INFO: rcu_preempt self-detected stall on CPU":                                     true,
		"[   28.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:":                                 true,
		"[   28.1] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [cases.test:44]":                     true,
		"init says: WARNING: CPU: 0 PID: 12 at net/ipv4/tcp_timer.c:441 tcp_retransmit_timer+0x1/0x2":     true,
		"[    7.1] IPv4: Attempt to release TCP socket in state 1 00000000deadbeef":                       true,
		"[    7.1] IPv4: Attempt to release alive inet socket 00000000deadbeef":                           true,
		"[    0.1] rcu: Hierarchical RCU implementation.":                                                 false,
		"[    7.1] refcount_t: underflow; use-after-free.":                                                true,
		"[    7.1] Kernel panic - not syncing: VFS: Unable to mount root fs":                              true,
		"[    0.1] ip_local_port_range: prefer different parity for start/end values.":                    false,
		"[    1.9] amd_pstate: the _CPC object is not present in SBIOS or ACPI disabled":                  false,
		"[    0.1] TSX is not supported, this is no WARNING":                                              false,
		"[    2.2] TCP: request_sock_TCP: Possible SYN flooding on port 192.0.2.2:6000. Sending cookies.": false,
	} {
		var c console
		require.NoError(t, c.read(strings.NewReader("[ 0.0] Linux\r\n"+line+"\r\n[ 9.9] end\n")))
		if complains {
			assert.Equal(t, line, c.complaint)
		} else {
			assert.Empty(t, c.complaint, line)
		}
	}
}

func TestConsoleTail(t *testing.T) {
	var c console
	assert.Equal(t, "its console is empty", c.String())
	require.NoError(t, c.read(strings.NewReader(strings.Repeat("line\n\n", 1000)+"Out of memory: Killed process 7 (cases.test)\n")))
	assert.Len(t, c.tail, tailLines)
	assert.Equal(t, "Out of memory: Killed process 7 (cases.test)", c.memory)
}

// Only what a guest has told passes, and only where its kernel did not complain.
func TestVerdict(t *testing.T) {
	const panicked = "Kernel panic - not syncing: Oops"
	for _, c := range []struct {
		got    result
		log    console
		why    error
		status int
		says   string
	}{
		{got: result{begun: true, last: message{Kind: exited}}},
		{got: result{begun: true, last: message{Kind: exited, Status: 2}}, status: 2},
		{got: result{begun: true, last: message{Kind: exited}}, log: console{complaint: "WARNING: x"}, status: 1, says: "the kernel complained while the test ran: WARNING: x"},
		{got: result{begun: true, last: message{Kind: exited, Status: 2}}, log: console{complaint: "WARNING: x"}, status: 2, says: "WARNING: x"},
		{got: result{begun: true, last: message{Kind: exited, Status: -1, Signal: "killed"}}, status: 125, says: "ended by a signal: killed"},
		{got: result{begun: true, last: message{Kind: exited, Status: -1, Signal: "killed"}}, log: console{memory: "Out of memory: Killed process 7"}, status: 125, says: "ran out of its 1024 MiB of memory"},
		{got: result{begun: true, last: message{Kind: exited}}, log: console{memory: "Out of memory: Killed process 9 (iptables)"}, status: 125, says: "ran out of its 1024 MiB of memory: Out of memory: Killed process 9 (iptables)"},
		{got: result{begun: true, last: message{Kind: exited, Status: 1}}, log: console{memory: "Out of memory: Killed process 9 (iptables)", complaint: "WARNING: x"}, status: 125, says: "ran out of its 1024 MiB of memory"},
		{got: result{begun: true}, log: console{panic: panicked, complaint: panicked}, status: 125, says: "the kernel panicked: " + panicked},
		{got: result{begun: true}, status: 125, says: "ended before it said how the test had"},
		{got: result{}, status: 125, says: "ended before the test began"},
		{got: result{last: message{Kind: failed, Why: "no veth"}}, status: 125, says: "could not run the test: no veth"},
		{got: result{begun: true, last: message{Kind: exited}}, why: interrupted{2}, status: 125, says: "interrupt"},
	} {
		m, err := newMachine()
		require.NoError(t, err)
		close(m.over)
		status, err := m.verdict(c.got, &c.log, c.why)
		assert.Equal(t, c.status, status, "%+v", c)
		if c.says == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, c.says)
		}
	}
}

// A follower reads what is written while it reads, and the last of it.
func TestFollower(t *testing.T) {
	m, err := newMachine()
	require.NoError(t, err)
	go func() {
		for range 3 {
			_, _ = m.output.WriteString("more ")
			<-time.After(2 * followPace)
		}
		_, _ = m.output.WriteString("end")
		close(m.over)
	}()
	var c console
	require.NoError(t, c.read(follow(m.output, m.over)))
	assert.Equal(t, []string{"more more more end"}, c.tail)
}
