package harness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/finwait/finwait/netns"
	"golang.org/x/sys/unix"
)

// Family is an address family.
type Family int

// The families that every case runs in.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

func (f Family) String() string { return "IPv" + strconv.Itoa(int(f)) }

// Sysctls are values of net.ipv4 sysctls, which rule IPv6 too, by their name
// below net.ipv4.
type Sysctls map[string]int

// Lab is two hosts on one wire, and everything that happened between them.
type Lab struct {
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

// Host is a network namespace with its addresses.
type Host struct {
	lab   *Lab
	name  string
	ns    *netns.Namespace
	mac   net.HardwareAddr
	addrs map[Family]netip.Prefix
	// settings are what the kernel reads in this namespace.
	settings tcp.Settings
	chain    *chain
	tap      *tap
	counters *counterFiles
	// baseline is what was counted when the first connection was made, nil
	// before, and baselineText all counters then.
	baseline     tcp.Counters
	baselineText string
}

// newLab builds the hosts, sets the sysctls on both and reads back what the
// kernel made of them.
func newLab(c Case, family Family, watch time.Duration) (*Lab, error) {
	if err := probeOvershoot(); err != nil {
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
	if err := netns.Join(lab.Client.end(), lab.Server.end()); err != nil {
		return err
	}
	lab.onClose(lab.closeTaps)
	for _, host := range lab.hosts() {
		if err := host.furnish(sysctls); err != nil {
			return err
		}
	}
	return nil
}

// furnish sets the sysctls and opens what is read for as long as the lab lives.
// All reading is done in one visit to the namespace: each takes a thread.
func (h *Host) furnish(sysctls Sysctls) error {
	if err := h.write(sysctls); err != nil {
		return err
	}
	var socket int
	if err := h.ns.Do(func() (err error) {
		if err := h.readBack(sysctls); err != nil {
			return err
		}
		if h.counters, err = openCounters(); err != nil {
			return err
		}
		h.lab.onClose(h.counters.close)
		socket, err = openPacketSocket(unix.ETH_P_ALL)
		return err
	}); err != nil {
		return fmt.Errorf("building the %s: %w", h.name, err)
	}
	var err error
	h.tap, err = newTap(h, socket)
	return err
}

// newHost makes a host; last is the end of all of its addresses.
func (lab *Lab) newHost(name string, last byte) (*Host, error) {
	host := &Host{lab: lab, name: name, mac: net.HardwareAddr{2, 0, 0, 0, 0, last}}
	host.addrs = map[Family]netip.Prefix{IPv4: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24)}
	if supported(IPv6) {
		host.addrs[IPv6] = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last}), 64)
	}
	var err error
	if host.settings, err = pristine(); err == nil {
		host.ns, err = netns.New()
	}
	if err != nil {
		return nil, fmt.Errorf("building the %s: %w", host.name, err)
	}
	lab.onClose(host.ns.Close)
	return host, nil
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

func (h *Host) end() netns.End {
	end := netns.End{Namespace: h.ns, MAC: h.mac}
	for _, prefix := range h.addrs {
		end.Addrs = append(end.Addrs, prefix)
	}
	return end
}

// write sets the sysctls.
func (h *Host) write(sysctls Sysctls) error {
	values := map[string]string{}
	for name, value := range sysctls {
		values["net.ipv4."+name] = strconv.Itoa(value)
	}
	if err := h.ns.SetSysctls(values); err != nil {
		return fmt.Errorf("configuring the %s: %w", h.name, err)
	}
	return nil
}

// readBack reads what the kernel made of the sysctls that were set; the thread
// is in the host's namespace.
func (h *Host) readBack(sysctls Sysctls) error {
	for name, value := range sysctls {
		if got, err := readSysctl(name); err != nil || got != strconv.Itoa(value) {
			return errors.Join(fmt.Errorf("%s was set to %d and reads %q", name, value, got), err)
		}
		h.settings.Set(name, value)
	}
	return nil
}

// pristine are the settings of a namespace in which nothing was set, read once:
// every new one has what is compiled into the kernel (tcp_sk_init in
// net/ipv4/tcp_ipv4.c, Linux 5.10 to 7.3).
var pristine = sync.OnceValues(func() (settings tcp.Settings, err error) {
	ns, err := netns.New()
	if err != nil {
		return tcp.Settings{}, err
	}
	settings, err = settingsOf(ns)
	return settings, errors.Join(err, ns.Close())
})

func settingsOf(ns *netns.Namespace) (settings tcp.Settings, err error) {
	err = ns.Do(func() error {
		settings, err = tcp.ReadSettings(readSysctl)
		return err
	})
	return settings, err
}

// SetSysctl sets a net.ipv4 sysctl on this host alone. Predictions follow it at
// once, though the kernel reads some sysctls only when a socket is made.
func (h *Host) SetSysctl(t testing.TB, name string, value int) {
	t.Helper()
	sysctls := Sysctls{name: value}
	if err := h.write(sysctls); err != nil {
		t.Fatal(err)
	}
	if err := h.ns.Do(func() error { return h.readBack(sysctls) }); err != nil {
		t.Fatalf("configuring the %s: %v", h.name, err)
	}
}

// SetPortRange leaves the kernel one port to choose on connect
// (ip_local_port_range).
func (h *Host) SetPortRange(t testing.TB, port uint16) {
	t.Helper()
	if err := h.ns.SetSysctl("net.ipv4.ip_local_port_range", fmt.Sprintf("%d %d", port, port)); err != nil {
		t.Fatal(err)
	}
}

func (h *Host) readSettings() (tcp.Settings, error) {
	settings, err := settingsOf(h.ns)
	if err != nil {
		return tcp.Settings{}, fmt.Errorf("reading the settings of the %s: %w", h.name, err)
	}
	return settings, nil
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
	taps := 0
	for _, host := range lab.hosts() {
		if host.tap != nil {
			taps++
			go func() { results <- host.tap.close() }()
		}
	}
	var errs []error
	for range taps {
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

// SetReceiveMemory sets how much a socket of the host can hold that its owner
// has not read (tcp_rmem): so many bytes of memory, about half of which is
// data.
func (h *Host) SetReceiveMemory(t testing.TB, bytes int) {
	t.Helper()
	if err := h.ns.SetSysctl("net.ipv4.tcp_rmem", fmt.Sprintf("4096 %d %d", bytes, bytes)); err != nil {
		t.Fatal(err)
	}
}
