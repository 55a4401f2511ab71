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
	for _, host := range lab.hosts() {
		if host.tap, err = newTap(host); err != nil {
			return err
		}
		lab.onClose(host.tap.close)
	}
	if err := lab.Client.configure(sysctls); err != nil {
		return err
	}
	return lab.Server.configure(sysctls)
}

// newHost makes a host; last is the end of all of its addresses.
func (lab *Lab) newHost(name string, last byte) (*Host, error) {
	host := &Host{lab: lab, name: name, mac: net.HardwareAddr{2, 0, 0, 0, 0, last}}
	host.addrs = map[Family]netip.Prefix{IPv4: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24)}
	if supported(IPv6) {
		host.addrs[IPv6] = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last}), 64)
	}
	var err error
	if host.ns, err = netns.New(); err != nil {
		return nil, fmt.Errorf("building the %s: %w", host.name, err)
	}
	lab.onClose(host.ns.Close)
	if host.counters, err = openCounters(host.ns); err != nil {
		return nil, fmt.Errorf("building the %s: %w", host.name, err)
	}
	lab.onClose(host.counters.close)
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

func (h *Host) configure(sysctls Sysctls) error {
	for name, value := range sysctls {
		if err := h.set(name, value); err != nil {
			return fmt.Errorf("configuring the %s: %w", h.name, err)
		}
	}
	var err error
	h.settings, err = h.readSettings()
	return err
}

// set writes a sysctl and reads back what the kernel made of it.
func (h *Host) set(name string, value int) error {
	if err := h.ns.SetSysctl("net.ipv4."+name, strconv.Itoa(value)); err != nil {
		return err
	}
	if got, err := h.ns.Sysctl("net.ipv4." + name); err != nil || got != strconv.Itoa(value) {
		return errors.Join(fmt.Errorf("%s was set to %d and reads %q", name, value, got), err)
	}
	return nil
}

// SetSysctl sets a net.ipv4 sysctl on this host alone. Predictions follow it at
// once, though the kernel reads some sysctls only when a socket is made.
func (h *Host) SetSysctl(t testing.TB, name string, value int) {
	t.Helper()
	if err := h.configure(Sysctls{name: value}); err != nil {
		t.Fatal(err)
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
	settings, err := tcp.ReadSettings(func(name string) (string, error) { return h.ns.Sysctl("net.ipv4." + name) })
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
