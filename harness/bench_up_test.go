package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/finwait/finwait/netns"
	"github.com/stretchr/testify/require"
)

// A pair is two hosts that can talk, however they were made.
type pair struct {
	// talk fails unless the first connection in each family is made at once.
	talk func() error
	down func() error
}

// BenchmarkUp is the time until two hosts can talk: as a lab, which captures and
// counts besides; with as few messages to the kernel as possible, which is the
// floor; step by step with the library; and with programs, as in a shell script.
// A lab may take 1.5 times the floor, and an eighth of the shell's time.
func BenchmarkUp(b *testing.B) {
	requireLab(b)
	for _, way := range []struct {
		name string
		up   func() (pair, error)
	}{
		{"lab", labUp}, {"floor", floorUp}, {"library", libraryUp}, {"shell", shellUp},
	} {
		b.Run(way.name, func(b *testing.B) {
			first, err := way.up()
			require.NoError(b, err)
			require.NoError(b, first.talk())
			require.NoError(b, first.down())
			settle(b)
			var pairs []pair
			for b.Loop() {
				pair, err := way.up()
				if err != nil {
					b.Fatal(err)
				}
				pairs = append(pairs, pair)
			}
			b.StopTimer()
			for _, pair := range pairs {
				require.NoError(b, pair.down())
			}
			settle(b)
		})
	}
}

func labUp() (pair, error) {
	lab, err := newLab(Case{}, IPv4, DefaultWatch)
	if err != nil {
		return pair{}, err
	}
	talk := func() error {
		_, _, err := lab.connect(Endpoint{}, Endpoint{})
		return err
	}
	return pair{talk, lab.close}, nil
}

// settle waits until the kernel has removed what was closed before: it removes
// namespaces in the background, in the order in which they were let go, and with
// the last of them its end of a wire.
func settle(b *testing.B) {
	b.Helper()
	witness, err := netns.New()
	require.NoError(b, err)
	last, err := netns.New()
	require.NoError(b, err)
	require.NoError(b, netns.Join(netns.End{Namespace: witness, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}}, netns.End{Namespace: last, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}}))
	require.NoError(b, last.Close())
	require.Eventually(b, func() bool {
		err := witness.Do(func() error {
			_, err := net.InterfaceByName(link)
			return err
		})
		return err != nil
	}, 2*time.Minute, 5*time.Millisecond, "the kernel has not removed the namespaces that were closed")
	require.NoError(b, witness.Close())
}

// connectOnce makes a connection from one namespace to the other in each family,
// and fails where one takes as long as a lost first packet costs.
func connectOnce(client, server func(func() error) error) error {
	const lost = 300 * time.Millisecond
	for _, address := range []string{"192.0.2.2:6000", "[2001:db8::2]:6000"} {
		var listener net.Listener
		if err := server(func() (err error) {
			listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", address)
			return err
		}); err != nil {
			return err
		}
		begin := time.Now()
		err := client(func() error {
			conn, err := new(net.Dialer).Dial("tcp", address)
			if err != nil {
				return err
			}
			return conn.Close()
		})
		if took := time.Since(begin); err == nil && took > lost {
			err = fmt.Errorf("the first connection to %s took %v", address, took)
		}
		if err := errors.Join(err, listener.Close()); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkDown is the time until a lab is closed; the kernel removes its
// namespaces afterwards, in the background.
func BenchmarkDown(b *testing.B) {
	requireLab(b)
	for b.Loop() {
		b.StopTimer()
		pair, err := labUp()
		require.NoError(b, err)
		require.NoError(b, pair.talk())
		b.StartTimer()
		require.NoError(b, pair.down())
	}
}
