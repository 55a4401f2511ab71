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

// connect is a client program: it connects from an address, says so, and then does
// nothing until it is killed or its standard input ends.
func connect(from, to string) {
	dialer := net.Dialer{KeepAlive: -1, LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	dialer.SetMultipathTCP(false)
	conn, err := dialer.DialContext(context.Background(), "tcp", to)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("connected")
	_, _ = io.ReadAll(os.Stdin)
	fmt.Println("returning from main, never having closed", conn.LocalAddr())
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
	program, stop, lines := start(t, lab.Server, "serve", addr.String(), end)
	requireLine(t, lines, "listening")
	client, err := lab.Client.Dial(addr, harness.Endpoint{})
	require.NoError(t, err)
	requireLine(t, lines, "accepted")
	return served{program, stop, client, lab.Server.Watch(t, addr, client.LocalAddr())}
}

// connectFromProgram starts the client program on the client, from the fixed port, and
// returns the program's end of the connection, too.
func connectFromProgram(t *testing.T, lab *harness.Lab, to netip.AddrPort) (*harness.Program, *harness.Conn) {
	t.Helper()
	from := netip.AddrPortFrom(lab.Client.Addr(), fixedPort)
	conn := lab.Client.Watch(t, from, to)
	program, _, lines := start(t, lab.Client, "connect", from.String(), to.String())
	requireLine(t, lines, "connected")
	return program, conn
}

// start runs a program of this binary on a host; stop ends its standard input, and
// lines are what it prints.
func start(t *testing.T, on *harness.Host, args ...string) (program *harness.Program, stop func() error, lines *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	stdin, end, err := os.Pipe()
	require.NoError(t, err)
	output, stdout, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _, _, _ = end.Close(), stdin.Close(), output.Close() })

	program = on.Command(self, args...)
	program.Stdin, program.Stdout, program.Stderr = stdin, stdout, stdout
	require.NoError(t, program.Start())
	require.NoError(t, stdout.Close())
	require.NoError(t, output.SetReadDeadline(time.Now().Add(20*time.Second)))
	return program, end.Close, bufio.NewScanner(output)
}

func requireLine(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	require.True(t, lines.Scan(), "the program ended: %v", lines.Err())
	require.Equal(t, want, lines.Text())
}
