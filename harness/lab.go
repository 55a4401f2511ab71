package harness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
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

	kernel  kernel
	watch   time.Duration
	ends    tcp.Ending
	started time.Time
	story   *story
	conns   []*Conn
	faults  []*Fault
	closers []func() error
	// verdicts are what the expectations found, for the summary.
	verdicts []verdict
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
	lab := &Lab{Family: family, kernel: kernel, watch: watch, ends: c.Ends, story: &story{}}
	if err := inTurn(func() error { return lab.build(c.Sysctls) }); err != nil {
		return nil, errors.Join(err, lab.close())
	}
	lab.started = time.Now()
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
	return errors.Join(lab.Client.configure(sysctls), lab.Server.configure(sysctls))
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
	return host, nil
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
		if err := h.ns.SetSysctl("net.ipv4."+name, strconv.Itoa(value)); err != nil {
			return fmt.Errorf("configuring the %s: %w", h.name, err)
		}
		if got, err := h.ns.Sysctl("net.ipv4." + name); err != nil || got != strconv.Itoa(value) {
			return errors.Join(fmt.Errorf("configuring the %s: %s was set to %d and reads %q", h.name, name, value, got), err)
		}
	}
	var err error
	h.settings, err = h.readSettings()
	return err
}

func (h *Host) readSettings() (tcp.Settings, error) {
	settings, err := tcp.ReadSettings(func(name string) (string, error) { return h.ns.Sysctl("net.ipv4." + name) })
	if err != nil {
		return tcp.Settings{}, fmt.Errorf("reading the settings of the %s: %w", h.name, err)
	}
	return settings, nil
}

// onClose has f called when the lab is closed, last in first out.
func (lab *Lab) onClose(f func() error) { lab.closers = append(lab.closers, f) }

// finish ends the lab: a fault that dropped nothing fails the case, the wire
// is healed and every connection aborted, because an orphan would otherwise
// keep its namespace alive until its own timer ends it.
func (lab *Lab) finish(t testing.TB) {
	t.Helper()
	for _, fault := range lab.faults {
		fault.requireHits(t)
	}
	if err := lab.close(); err != nil {
		t.Error(err)
	}
}

func (lab *Lab) close() error {
	var errs []error
	for _, fault := range lab.faults {
		errs = append(errs, fault.heal())
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
	for _, conn := range lab.conns {
		conn.watcher.kick()
	}
}
