package harness

import (
	"testing"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An answer that nobody has read is not taken for that of the next question.
func TestUnreadAnswerIsPassedOver(t *testing.T) {
	t.Parallel()
	lab := lab(t, tcp.Gone, nil)
	client, _ := lab.Connect(t)
	diag := client.host.newDiag(client.local, client.remote)
	nobody := client.host.newDiag(client.remote, client.local)
	diag.socket.mu.Lock()
	for range 3 {
		require.NoError(t, diag.socket.ask(unix.Write, nobody.request))
	}
	diag.socket.mu.Unlock()

	seen, err := diag.look()
	require.NoError(t, err)
	assert.Equal(t, tcp.Established, seen.state)
	sockets, err := client.host.dumpSockets()
	require.NoError(t, err)
	assert.Len(t, sockets, 1)
}

// What is no netlink message is an error.
func TestShortAnswer(t *testing.T) {
	t.Parallel()
	_, err := (&diagSocket{}).receive(func(int, []byte) (int, error) { return unix.NLMSG_HDRLEN - 1, nil }, make([]byte, 64))
	assert.ErrorIs(t, err, unix.EBADMSG)
}
