package cases

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/finwait/finwait/harness"
	"github.com/stretchr/testify/require"
)

// serve is a server program: it accepts one connection, says so, and ends when it
// is told to on its standard input, by return from main or by exit. It never
// reads from the connection and never closes it.
func serve(addr, end string) {
	config := net.ListenConfig{KeepAlive: -1}
	config.SetMultipathTCP(false)
	listener, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("listening")
	conn, err := listener.Accept()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("accepted")
	_, _ = io.ReadAll(os.Stdin)
	if end == "exit" {
		os.Exit(0)
	}
	fmt.Println("returning from main, never having closed", conn.RemoteAddr())
}

// A served connection has its server's end in a program of its own.
type served struct {
	program *harness.Program
	// stop ends the standard input of the program.
	stop           func() error
	client, server *harness.Conn
}

// connectToProgram starts the server program on the server and connects to it.
func connectToProgram(t *testing.T, lab *harness.Lab, end string) served {
	t.Helper()
	addr := netip.AddrPortFrom(lab.Server.Addr(), 6000)
	self, err := os.Executable()
	require.NoError(t, err)
	stdin, stop, err := os.Pipe()
	require.NoError(t, err)
	output, stdout, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _, _, _ = stop.Close(), stdin.Close(), output.Close() })

	program := lab.Server.Command(self, "serve", addr.String(), end)
	program.Stdin, program.Stdout, program.Stderr = stdin, stdout, stdout
	require.NoError(t, program.Start())
	require.NoError(t, stdout.Close())
	require.NoError(t, output.SetReadDeadline(time.Now().Add(20*time.Second)))
	lines := bufio.NewScanner(output)
	requireLine(t, lines, "listening")
	client, err := lab.Client.Dial(addr, harness.Endpoint{})
	require.NoError(t, err)
	requireLine(t, lines, "accepted")
	return served{program, stop.Close, client, lab.Server.Watch(t, addr, client.LocalAddr())}
}

func requireLine(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	require.True(t, lines.Scan(), "the program ended: %v", lines.Err())
	require.Equal(t, want, lines.Text())
}
