package harness

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/finwait/finwait/netns"
)

// Family is an address family.
type Family int

// The families that every case runs in.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// String gives IPv4 or IPv6.
func (f Family) String() string { return "IPv" + strconv.Itoa(int(f)) }

// Sysctls are values of net.ipv4 sysctls, which rule IPv6 too, by their name
// below net.ipv4.
type Sysctls map[string]int

// Lab is two hosts on one wire, and everything that happened between them.
type Lab struct {
	// Client and Server are the two hosts; only what a case does tells them apart.
	Client, Server *Host
	// Family is that of the connections that Connect makes.
	Family Family

	// Ends is how the socket ends that the case declares to be judged.
	Ends tcp.Ending
	// Variant is the name of the variant of the case; empty if it has none.
	Variant string

	name    string // of the case
	sysctls Sysctls
	kernel  kernel
	watch   time.Duration
	started time.Time
	story   *story
	ports   map[uint16]uint16
	taps    []*tap // of both hosts
	faults  []*Fault
	closers []func() error
	// verdicts are what the expectations found, for the summary.
	verdicts []verdict
	// linkWasDown says that not everything that was sent passed the taps.
	linkWasDown bool
	// reason is what failed the test, as far as the harness knows.
	reason string
	// stolenBefore is what the hypervisor had taken when the lab was built.
	stolenBefore time.Duration

	mu    sync.Mutex
	conns []*Conn
}

// newLab builds the hosts, with the sysctls on both, and connects them.
func newLab(c Case, family Family, watch time.Duration) (*Lab, error) {
	if err := errors.Join(probeOvershoot(), stampSegments()); err != nil {
		return nil, err
	}
	kernel, err := thisKernel()
	if err != nil {
		return nil, err
	}
	lab := &Lab{Family: family, Ends: c.Ends, name: c.Name, sysctls: c.Sysctls, kernel: kernel, watch: watch, story: &story{}, ports: map[uint16]uint16{}}
	if err := inTurn(func() error { return lab.build(c.Sysctls) }); err != nil {
		return nil, errors.Join(err, lab.close())
	}
	lab.started = time.Now()
	if lab.stolenBefore, err = stolenTime(); err != nil {
		return nil, errors.Join(err, lab.close())
	}
	return lab, nil
}

func (lab *Lab) build(sysctls Sysctls) (err error) {
	if lab.Client, err = lab.newHost("client", 1); err != nil {
		return err
	}
	if lab.Server, err = lab.newHost("server", 2); err != nil {
		return err
	}
	lab.onClose(lab.closeTaps)
	namespaces, err := netns.NewEach(sysctls.named(),
		func() error { return lab.Client.furnish(sysctls) },
		func() error { return lab.Server.furnish(sysctls) })
	if err != nil {
		return err
	}
	for i, host := range lab.hosts() {
		host.ns = namespaces[i]
		lab.onClose(host.ns.Close)
	}
	if err := netns.Join(lab.Client.end(), lab.Server.end()); err != nil {
		return err
	}
	for _, tap := range lab.taps {
		if err := tap.listen(); err != nil {
			return err
		}
	}
	return nil
}

// hosts are the client and the server.
func (lab *Lab) hosts() []*Host { return []*Host{lab.Client, lab.Server} }

// other is the host at the other end of the wire.
func (lab *Lab) other(h *Host) *Host {
	if h == lab.Client {
		return lab.Server
	}
	return lab.Client
}

// port gives every socket of the lab a port of its own.
func (lab *Lab) port(first uint16) uint16 {
	lab.ports[first]++
	return first + lab.ports[first] - 1
}

// orphaned reports whether a socket without an owner may still wait for its
// peer. Otherwise the rules can go with their namespace, sparing a program.
func (lab *Lab) orphaned() bool {
	for _, conn := range lab.connections() {
		stages, err := conn.watcher.seen()
		state := stages[len(stages)-1].state
		if err != nil || conn.closed && (state == tcp.Established || state == tcp.CloseWait || retransmits(state)) {
			return true
		}
	}
	return false
}

// closeTaps closes the taps of both hosts at once: closing a packet socket waits
// until no processor uses it any more (synchronize_net in packet_release,
// net/packet/af_packet.c, Linux 5.10 to 7.3).
func (lab *Lab) closeTaps() error {
	results := make(chan error)
	for _, tap := range lab.taps {
		go func() { results <- tap.close() }()
	}
	var errs []error
	for range lab.taps {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

// onClose has f called when the lab is closed, last in first out.
func (lab *Lab) onClose(f func() error) { lab.closers = append(lab.closers, f) }

// requireHits fails the test where a fault dropped nothing: then nothing was
// tested.
func (lab *Lab) requireHits(t testing.TB) {
	t.Helper()
	for _, fault := range lab.faults {
		fault.requireHits(t)
	}
}

// close ends the lab: the wire is healed and every connection aborted, because
// an orphan would otherwise keep its namespace alive until its own timer ends it.
func (lab *Lab) close() error {
	var errs []error
	for _, fault := range lab.faults {
		if lab.orphaned() {
			errs = append(errs, fault.heal())
		}
	}
	for _, closer := range slices.Backward(lab.closers) {
		errs = append(errs, closer())
	}
	lab.closers = nil
	return errors.Join(errs...)
}

// kick has every watcher look again at once and often for a while: something
// was done to the lab.
func (lab *Lab) kick() {
	for _, conn := range lab.connections() {
		conn.watcher.kick()
	}
}
